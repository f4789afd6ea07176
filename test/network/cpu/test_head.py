"""The compiled head gives what torch gives behind the same convolutions, for any network that it takes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from example_network import CONFIG, assert_same, inputs, network

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import forward_kinematics
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.cpu.head import CompiledHead, _head_kernel
from hand_pose_ros.network.cpu.votes import attention_kernel
from hand_pose_ros.network.head_row import CONVOLVED, head_row, unsupported
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.packed_net import LayeredNet, PackedNet
from hand_pose_ros.network.packing import unpack
from hand_pose_ros.network.units import INFERRED_SHAPE_LIMIT


def row_of(packed: PackedNet):
    return head_row(
        {name: value.numpy() for name, value in packed.net.state_dict().items()}, packed.net.config
    )


def convolved(packed: PackedNet, crop: torch.Tensor, distance: torch.Tensor) -> list[np.ndarray]:
    """What the head reads, then the network's inputs."""
    with torch.inference_mode():
        _, *read = LayeredNet(packed.net)(crop, distance)
    return [part.numpy() for part in (*read, crop, distance)]


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"presence": False, "handedness": False}, {"handedness": False}, {"crop_size": 96, "ik_steps": 1},
        {"ik_hidden": 7, "ik_steps": 2}, {"ik_hidden": 301},
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 2, 5])
def test_numbers_are_those_of_torch(changes, count):
    packed = network(NetworkConfig(**{**vars(CONFIG), **changes}))
    given = inputs(count, packed.net.config.crop_size)
    with torch.inference_mode():
        wanted = packed(*given)
    found = CompiledHead(row_of(packed))(*convolved(packed, *given))
    assert found.dtype == np.float32
    assert_same(torch.from_numpy(found), wanted)


def test_a_file_gives_the_output_of_the_network_and_what_the_head_reads():
    packed = network()
    given = inputs(2, CONFIG.crop_size)
    with torch.inference_mode():
        output, *read = LayeredNet(packed.net)(*given)
        torch.testing.assert_close(output, packed(*given), rtol=1e-4, atol=1e-5, equal_nan=True)
    assert len(read) == len(CONVOLVED)


def test_a_crop_s_row_does_not_depend_on_its_batch():
    packed = network()
    head, given = CompiledHead(row_of(packed)), inputs(4, CONFIG.crop_size)
    arrays = convolved(packed, *given)
    together = head(*arrays)
    for n in range(4):
        alone = head(*(array[n : n + 1] for array in arrays))
        np.testing.assert_allclose(alone[0], together[n], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1.0, 300.0, 1e4])
def test_whatever_the_maps_hold_the_joints_are_those_of_a_valid_hand(scale):
    """Maps of zeros spread the votes evenly; large ones put all of a joint's weight into one cell."""
    packed = network()
    given = inputs(3, CONFIG.crop_size)
    maps, *rest = convolved(packed, *given)
    rng = np.random.default_rng(7)
    found = unpack(
        CompiledHead(row_of(packed))(scale * rng.normal(size=maps.shape).astype(np.float32), *rest)
    )
    assert np.isfinite(found.joints).all()
    assert (found.angles >= skeleton.ANGLE_LIMITS[:, 0] - 1e-6).all()
    assert (found.angles <= skeleton.ANGLE_LIMITS[:, 1] + 1e-6).all()
    assert np.abs(found.shape).max() <= INFERRED_SHAPE_LIMIT + 1e-6
    for n in range(3):
        hand = forward_kinematics(
            "right", found.rotation[n], found.translation[n], found.angles[n], found.shape[n]
        )
        np.testing.assert_allclose(
            hand.joints, found.joints[n], atol=2e-5 * max(1.0, np.abs(hand.joints).max())
        )


def test_a_head_that_was_warmed_up_compiles_no_more():
    packed = network()
    head, given = CompiledHead(row_of(packed)), convolved(packed, *inputs(3, CONFIG.crop_size))
    head.warm_up()
    known = [list(kernel.signatures) for kernel in (attention_kernel, _head_kernel)]
    head(*given)
    assert known == [kernel.signatures for kernel in (attention_kernel, _head_kernel)]
    assert all(known)


def test_an_empty_crop_has_no_surface_and_gives_numbers():
    packed = network()
    crop, distance = torch.ones(1, 1, CONFIG.crop_size, CONFIG.crop_size), torch.full((1,), 0.6)
    with torch.inference_mode():
        wanted = packed(crop, distance)
    assert_same(torch.from_numpy(CompiledHead(row_of(packed))(*convolved(packed, crop, distance))), wanted)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"image_feedback": 4}, "image_feedback is 4"),
        ({"head": "direct_joint", "presence": False, "handedness": False}, "'direct_joint'"),
    ],
)
def test_other_networks_are_refused(changes, reason):
    config = NetworkConfig(**{**vars(CONFIG), **changes})
    assert reason in unsupported(config)
    with pytest.raises(ValueError, match=reason):
        head_row({name: value.numpy() for name, value in HandNet(config).state_dict().items()}, config)


def test_a_weight_that_lacks_or_is_not_finite_is_named():
    packed = network()
    weights = {name: value.numpy() for name, value in packed.net.state_dict().items()}
    with pytest.raises(ValueError, match=r"'inverse\.heads\.1\.bias' is not there"):
        head_row({name: value for name, value in weights.items() if name != "inverse.heads.1.bias"}, CONFIG)
    broken = weights | {"votes.bias": np.full_like(weights["votes.bias"], np.nan)}
    with pytest.raises(ValueError, match=r"'votes\.bias' holds a value that is not finite"):
        head_row(broken, CONFIG)


@pytest.mark.parametrize(
    "name", ["votes.weight", "inverse.trunks.0.0.weight", "inverse.trunks.1.1.bias", "inverse.heads.2.weight",
             "inverse.trunks.2.3.bias", "sigma_head.2.weight", "presence_head.0.weight", "handedness_head.2.bias"],
)  # fmt: skip
def test_a_weight_of_another_size_than_the_configuration_s_is_named(name):
    """The kernels find their layers by the configuration: they would read beside the row."""
    weights = {key: value.numpy() for key, value in network().net.state_dict().items()}
    with pytest.raises(ValueError, match=f"weight '{name}' is .*, want"):
        head_row(weights | {name: np.zeros((*weights[name].shape[:-1], 77), np.float32)}, CONFIG)
    for changes in ({"ik_hidden": CONFIG.ik_hidden + 1}, {"widths": (8, 16, 16, 25)}):
        with pytest.raises(ValueError, match="want"):
            head_row(weights, NetworkConfig(**{**vars(CONFIG), **changes}))


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("change", ["one crop more", "wider", "one dimension less"])
def test_arrays_of_other_sizes_are_refused_before_compiled_code_reads_them(which, change):
    packed = network()
    arrays = convolved(packed, *inputs(2, CONFIG.crop_size))
    array = arrays[which]
    if change == "one crop more":
        arrays[which] = np.concatenate([array, array[:1]])
    elif change == "wider":
        arrays[which] = np.concatenate([array, array], axis=-1)
    else:
        arrays[which] = array[0]
    with pytest.raises(ValueError, match="maps, pooled, crop and distance are"):
        CompiledHead(row_of(packed))(*arrays)
