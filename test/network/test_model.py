"""The networks: shapes, valid hands whatever the weights, gradients that reach where they should."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations import so3_exp
from hand_pose_ros.network.backbones import fold_normalisation
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.inverse import JointFeatures, palm_frame
from hand_pose_ros.network.losses import LossConfig, Target, hand_loss
from hand_pose_ros.network.model import HandNet, crop_to_local
from hand_pose_ros.network.units import INFERRED_SHAPE_LIMIT, LENGTH_SCALE_M

SMALL = {
    "widths": (8, 16, 16, 16),
    "blocks": (0, 0, 0),
    "up_blocks": (0, 0),
    "ik_hidden": 32,
    "crop_size": 64,
}
CONFIGS = {
    "dense": NetworkConfig(**SMALL),
    "dense with image feedback": NetworkConfig(
        **SMALL, image_feedback=4, ik_steps=3, presence=True, handedness=True
    ),
    "dense direct": NetworkConfig(**SMALL, head="direct_joint"),
    "deepmodel": NetworkConfig(architecture="deepmodel", crop_size=64),
    "deepmodel fixed hand": NetworkConfig(architecture="deepmodel", crop_size=64, predict_shape=False),
    "deepmodel direct joint": NetworkConfig(architecture="deepmodel", crop_size=64, head="direct_joint"),
    "deepmodel direct parameter": NetworkConfig(
        architecture="deepmodel", crop_size=64, head="direct_parameter"
    ),
    "sdnet": NetworkConfig(architecture="sdnet", crop_size=96, head="direct_joint"),
}


def inputs(config: NetworkConfig, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    crop = 2 * torch.rand(count, 1, config.crop_size, config.crop_size, generator=generator) - 1
    return crop, 0.3 + 0.7 * torch.rand(count, generator=generator)


def truth(count: int) -> Target:
    layer = HandModelLayer()
    angles = layer.limits.mean(-1).expand(count, 20)
    rotation = torch.eye(3).expand(count, 3, 3)
    shape = torch.zeros(count, 9)
    joints = layer.frames_from_rotation(rotation, torch.zeros(count, 3), angles, shape).joints
    return Target(joints, torch.zeros(count, 3), angles, rotation, shape)


@pytest.mark.parametrize("name", CONFIGS)
def test_output_shapes_and_ranges(name):
    config = CONFIGS[name]
    torch.manual_seed(0)
    model = HandNet(config).eval()
    with torch.inference_mode():
        output = model(*inputs(config))
    assert output.joints.shape == output.coarse.shape == (2, 23, 3)
    assert output.joint_sigma.shape == (2, 23)
    assert ((output.joint_sigma > 0) & output.joint_sigma.isfinite()).all()
    if config.head == "direct_joint":
        with pytest.raises(ValueError, match="direct_joint"):
            _ = output.parameters
    else:
        assert output.parameters.shape == (2, 26)
        torch.testing.assert_close(
            model.layer(output.parameters, output.shape), output.joints, atol=1e-5, rtol=0
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dense", "deepmodel"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1.0, 30.0]))
def test_whatever_the_weights_a_valid_hand_comes_out(name, seed, scale):
    torch.manual_seed(seed)
    config = CONFIGS[name]
    model = HandNet(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale if parameter.dim() == 2 else 1.0)
        output = model(*inputs(config))
    assert torch.isfinite(output.joints).all()
    lower, upper = model.layer.limits.unbind(-1)
    assert ((output.angles >= lower) & (output.angles <= upper)).all()
    assert output.shape.abs().max() <= INFERRED_SHAPE_LIMIT
    product = output.rotation @ output.rotation.transpose(-1, -2)
    torch.testing.assert_close(product, torch.eye(3).expand_as(product), atol=1e-4, rtol=0)
    assert (torch.linalg.det(output.rotation) > 0).all()


def test_clamping_is_for_inference_and_can_be_asked_for():
    config = CONFIGS["deepmodel"]
    torch.manual_seed(0)
    model = HandNet(config).eval()
    with torch.no_grad():
        model.pose_head.linear.bias[6:26] = 9.0
        crop, distance = inputs(config)
        free, held = model(crop, distance, clamp=False), model(crop, distance)
    upper = model.layer.limits[:, 1]
    assert (free.angles > upper).all()
    torch.testing.assert_close(held.angles, upper.expand(2, 20))
    torch.testing.assert_close(held.raw_angles, free.raw_angles)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_gradients_reach_every_weight_and_are_finite(name):
    config = CONFIGS[name]
    torch.manual_seed(0)
    model = HandNet(config).train()
    head = config.head
    loss = LossConfig(
        parameter=float(head == "direct_parameter"), skeleton=0.5 * (head == "direct_joint"), earlier=0.3
    )
    output = model(*inputs(config, 4))
    hand_loss(output, truth(4), model.layer.limits, loss)[0].backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key


@pytest.mark.parametrize("name", CONFIGS)
def test_expected_errors_never_pull_at_the_pose(name):
    config = CONFIGS[name]
    torch.manual_seed(0)
    model = HandNet(config).train()
    model(*inputs(config, 4)).joint_sigma.sum().backward()
    touched = {key.split(".")[0] for key, p in model.named_parameters() if p.grad is not None}
    assert touched == {"sigma_head"}


@pytest.mark.slow
@given(vector=st.tuples(*[st.floats(-3, 3)] * 3), shift=st.tuples(*[st.floats(-0.5, 0.5)] * 3))
@settings(max_examples=30, deadline=None)
def test_palm_frame_turns_with_the_hand_and_stands_near_the_palm(vector, shift):
    layer = HandModelLayer()
    joints = layer(torch.zeros(1, 26))
    rotation = so3_exp(torch.tensor([vector], dtype=torch.float32))
    moved = joints @ rotation.transpose(-1, -2) + torch.tensor(shift, dtype=torch.float32)
    still = palm_frame(joints)
    torch.testing.assert_close(palm_frame(moved), rotation @ still, atol=1e-4, rtol=0)
    assert (
        torch.einsum("bii->b", still).item() > 1 + 2 * 0.9
    )  # within about 25 degrees of the palm's own frame


def test_palm_frame_of_degenerate_joints_is_finite():
    joints = torch.zeros(1, 23, 3, requires_grad=True)
    palm_frame(joints).sum().backward()
    assert torch.isfinite(joints.grad).all()


def test_joint_features_are_those_of_the_picture_where_the_joints_are():
    cells, half_m, distance = 24, 0.15, torch.tensor([0.5])
    uvd = torch.rand(1, skeleton.JOINT_COUNT, 3, generator=torch.Generator().manual_seed(3)) * 1.6 - 0.8
    centres = (2 * torch.arange(cells) + 1) / cells - 1
    # Features that are a place's own coordinates, a surface at depth 0.1 everywhere.
    places = torch.stack(torch.meshgrid(centres, centres, indexing="xy"))[None]
    everywhere = torch.ones(1, 1, cells, cells)
    features = JointFeatures(places, 0.1 * everywhere, everywhere, distance, half_m)
    found = features.at(crop_to_local(uvd, distance, half_m))
    count = skeleton.JOINT_COUNT
    torch.testing.assert_close(
        found[:, : 2 * count].unflatten(1, (2, count)), uvd[..., :2].mT, atol=1e-5, rtol=0
    )
    behind = (0.1 - uvd[..., 2]) * half_m / LENGTH_SCALE_M
    torch.testing.assert_close(found[:, 2 * count : 3 * count], behind, atol=1e-5, rtol=0)
    torch.testing.assert_close(found[:, 3 * count :], torch.ones(1, count))


def test_what_lies_outside_the_crop_is_not_seen():
    features = JointFeatures(*[torch.ones(1, 1, 6, 6)] * 3, torch.tensor([0.5]), 0.15)
    found = features.at(torch.full((1, skeleton.JOINT_COUNT, 3), 0.3))
    assert (found == 0).all()


def test_every_step_but_the_last_returns_its_joints():
    config = CONFIGS["dense with image feedback"]
    output = HandNet(config).eval()(*inputs(config))
    assert [joints.shape for joints in output.earlier] == [(2, skeleton.JOINT_COUNT, 3)] * 2
    plain = CONFIGS["dense direct"]
    assert HandNet(plain).eval()(*inputs(plain)).earlier == ()


def test_crop_to_local_is_the_perspective_of_the_crop():
    uvd = torch.tensor([[[0.5, -0.25, 0.4]]])
    local = crop_to_local(uvd, torch.tensor([0.6]), 0.15)
    z = 0.4 * 0.15
    assert local[0, 0].tolist() == pytest.approx(
        [0.5 * 0.15 * (0.6 + z) / 0.6, -0.25 * 0.15 * (0.6 + z) / 0.6, z]
    )


@pytest.mark.slow
def test_paper_networks_have_the_papers_sizes():
    deepmodel = HandNet(NetworkConfig(architecture="deepmodel", crop_size=128)).backbone
    convolutions = [
        (m.out_channels, m.kernel_size[0]) for m in deepmodel.modules() if isinstance(m, torch.nn.Conv2d)
    ]
    connected = [m.out_features for m in deepmodel.modules() if isinstance(m, torch.nn.Linear)]
    dropout = [m.p for m in deepmodel.modules() if isinstance(m, torch.nn.Dropout)]
    assert convolutions == [(8, 5), (8, 5), (8, 3)]
    assert connected == [1024, 1024]
    assert dropout == [0.3, 0.3]
    sdnet = HandNet(NetworkConfig(architecture="sdnet", crop_size=224, head="direct_joint")).backbone
    assert [m.out_channels for m in sdnet.modules() if isinstance(m, torch.nn.Conv2d)] == [
        96,
        256,
        384,
        384,
        256,
    ]
    linear = [(m.in_features, m.out_features) for m in sdnet.modules() if isinstance(m, torch.nn.Linear)]
    assert linear == [(6 * 6 * 256, 2048)]
    assert [m.p for m in sdnet.modules() if isinstance(m, torch.nn.Dropout)] == [0.5]


def test_folding_the_normalisation_changes_nothing_but_rounding():
    config = NetworkConfig(**{**SMALL, "blocks": (1, 1, 1), "up_blocks": (1, 1)})
    torch.manual_seed(0)
    model = HandNet(config).train()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
        model(*inputs(config, 8))
        model.eval()
        folded = fold_normalisation(model)
        torch.testing.assert_close(
            folded(*inputs(config)).joints, model(*inputs(config)).joints, atol=1e-4, rtol=0
        )
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())


def test_the_fixed_hand_has_the_template_lengths():
    config = CONFIGS["deepmodel fixed hand"]
    output = HandNet(config).eval()(*inputs(config))
    assert output.shape.abs().max() == 0
    assert output.parameters.shape[-1] == skeleton.PARAMETER_COUNT


@pytest.mark.parametrize(
    "field, value",
    [
        ("architecture", "resnet"), ("head", "joints"), ("crop_size", 100), ("cube_m", 0.0), ("widths", (8, 8, 8)),
        ("ik_steps", 0), ("blocks", (1, -1, 1)),
    ],
)  # fmt: skip
def test_configuration_errors_name_the_field_and_the_value(field, value):
    with pytest.raises(ValueError, match=field) as caught:
        NetworkConfig(**{field: value})
    assert str(value) in str(caught.value)


def test_configuration_survives_its_dictionary_and_names_unknown_fields():
    config = NetworkConfig(widths=(8, 16, 24, 32), head="direct_joint")
    assert NetworkConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ValueError, match="'network.depth'"):
        NetworkConfig.from_dict({"depth": 3})
