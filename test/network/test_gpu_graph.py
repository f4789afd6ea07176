"""The way to a GPU and back, with a double in its place: one copy in, one out, one wait, whatever the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from host_driver import HostDriver
from torch.utils._python_dispatch import TorchDispatchMode

from hand_pose_ros.hand.kinematics import HandModelLayer, forward_kinematics, template_offsets
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.gpu_graph import CAPTURED_BATCHES, GraphBackend
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.packed_net import PackedNet, inference_net, input_shapes

CONFIG = NetworkConfig(widths=(8, 16, 16, 16), blocks=(0, 0, 0), up_blocks=(0, 0), ik_hidden=32, crop_size=64,
                       presence=True, handedness=True, image_feedback=4)  # fmt: skip


@pytest.fixture(scope="module")
def net() -> PackedNet:
    torch.manual_seed(1)
    return inference_net(HandNet(CONFIG).eval(), bfloat16=False)


def inputs(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    crop = rng.uniform(-1, 1, (count, 1, 64, 64)).astype(np.float32)
    return crop, rng.uniform(0.3, 0.9, count).astype(np.float32)


@pytest.mark.parametrize("count", CAPTURED_BATCHES)
def test_a_frame_crosses_once_each_way_and_waits_once(net, count):
    driver = HostDriver()
    backend = GraphBackend(net, list(input_shapes(CONFIG).values()), driver, "float32")
    for seed in range(3):
        given = inputs(count, seed)
        driver.count.clear()
        found = backend(*given)
        assert driver.count == {"upload": 1, "replay": 1, "download": 1, "wait": 1}
        with torch.inference_mode():
            wanted = net(*(torch.from_numpy(array) for array in given)).numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_an_answer_is_the_callers_own(net):
    backend = GraphBackend(net, list(input_shapes(CONFIG).values()), HostDriver(), "float32")
    first = backend(*inputs(1, 0))
    kept = first.copy()
    backend(*inputs(1, 1))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("captures", [True, False])
def test_without_a_graph_the_numbers_are_the_same(net, captures, caplog):
    backend = GraphBackend(net, list(input_shapes(CONFIG).values()), HostDriver(captures), "float32")
    for count in (1, 2, 3, 5):
        given = inputs(count, count)
        with torch.inference_mode():
            wanted = net(*(torch.from_numpy(array) for array in given)).numpy()
        np.testing.assert_allclose(backend(*given), wanted, atol=1e-6)
    assert ("no CUDA graph" in caplog.text) is not captures


class _Made(TorchDispatchMode):
    """Tensors that are made from Python's numbers: on a GPU each is a copy from the host."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func)
        if (
            "lift_fresh" in name
            or "_to_copy" in name
            or "scalar_tensor" in name
            or name.startswith("aten.index.")
        ):
            self.made.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("feedback", [0, 4])
def test_the_network_copies_nothing_to_the_device_by_itself(feedback):
    config = NetworkConfig.from_dict({**CONFIG.to_dict(), "image_feedback": feedback, "ik_steps": 3})
    module = inference_net(HandNet(config).eval(), bfloat16=False)
    given = [torch.from_numpy(array) for array in inputs(2)]
    with torch.inference_mode(), _Made() as mode:
        module(*given)
    assert mode.made == []


def test_constants_are_buffers_that_no_file_holds():
    net = HandNet(CONFIG)
    assert not any("rest" in key or "bone_" in key for key in net.state_dict())
    names = dict(net.named_buffers())
    assert {"layer.rest", "inverse.bone_parents", "inverse.bone_children"} <= set(names)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_layers_rest_is_the_one_that_is_made_anew(side, dtype):
    layer = HandModelLayer(side).to(dtype)
    angles = torch.linspace(-0.3, 0.8, 40, dtype=dtype).reshape(2, 20)
    rotation, place = torch.eye(3, dtype=dtype).expand(2, 3, 3), torch.zeros(2, 3, dtype=dtype)
    ours = layer.frames_from_rotation(rotation, place, angles)
    wanted = forward_kinematics(rotation, place, angles, layer.offsets(), side)
    assert torch.equal(ours.joints, wanted.joints)
    assert template_offsets().wrist.shape == (2, 3)
