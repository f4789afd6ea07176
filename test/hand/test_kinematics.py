"""The hand model layer: rigid motion, constant bones, mirror, frames, gradients, sense of each angle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations import so3_exp, so3_log
from hand_pose_ros.hand.skeleton import bone_lengths

PHALANGES = [i for i, (parent, _) in enumerate(skeleton.BONES) if parent != 0]


@pytest.fixture
def layer() -> HandModelLayer:
    return HandModelLayer().double()


def random_parameters(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    parameters = torch.randn(count, skeleton.PARAMETER_COUNT, generator=generator, dtype=torch.float64)
    limits = torch.tensor(skeleton.ANGLE_LIMITS)
    share = torch.rand(count, skeleton.ANGLE_COUNT, generator=generator, dtype=torch.float64)
    parameters[:, 6:] = limits[:, 0] + share * (limits[:, 1] - limits[:, 0])
    return parameters


def random_shape(count: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.15 * torch.randn(count, skeleton.SHAPE_COUNT, generator=generator, dtype=torch.float64)


def with_angle(name: str, value: float) -> torch.Tensor:
    parameters = torch.zeros(skeleton.PARAMETER_COUNT, dtype=torch.float64)
    parameters[skeleton.PARAMETER_NAMES.index(name)] = value
    return parameters


@pytest.mark.slow
def test_gradient_agrees_with_finite_differences_in_parameters_and_shape(layer):
    parameters = random_parameters(3).requires_grad_()
    shape = random_shape(3).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, s: layer(p, s), (parameters, shape))


def test_gradient_is_finite_at_the_zero_pose(layer):
    parameters = torch.zeros(1, skeleton.PARAMETER_COUNT, dtype=torch.float64, requires_grad=True)
    layer(parameters).pow(2).sum().backward()
    assert torch.isfinite(parameters.grad).all()


def test_a_rigid_motion_of_the_parameters_moves_the_joints_rigidly(layer):
    parameters = random_parameters(16)
    turn = so3_exp(torch.tensor([0.3, -1.2, 0.5], dtype=torch.float64))
    shift = torch.tensor([0.1, -0.2, 0.7], dtype=torch.float64)
    moved = parameters.clone()
    moved[:, :3] = parameters[:, :3] @ turn.T + shift
    moved[:, 3:6] = so3_log(turn @ so3_exp(parameters[:, 3:6]))
    assert torch.allclose(layer(moved), layer(parameters) @ turn.T + shift, atol=1e-9)


def test_bone_lengths_do_not_depend_on_the_pose(layer):
    shape = random_shape(1)
    lengths = bone_lengths(layer(10 * random_parameters(200), shape))
    assert np.ptp(lengths, axis=0).max() < 1e-9


def test_template_bones_have_the_lengths_of_the_table(layer):
    lengths = bone_lengths(layer(random_parameters(1)))[0, PHALANGES]
    table = [length for finger in skeleton.FINGERS for length in skeleton.BONE_LENGTHS[finger]]
    assert np.allclose(lengths, table, atol=1e-7)


def test_hand_scale_multiplies_every_distance(layer):
    parameters = random_parameters(4)
    shape = torch.zeros(4, skeleton.SHAPE_COUNT, dtype=torch.float64)
    shape[:, 0] = np.log(1.25)
    palm = parameters[:, None, :3]
    assert torch.allclose(layer(parameters, shape) - palm, 1.25 * (layer(parameters) - palm), atol=1e-9)


@pytest.mark.parametrize("part", skeleton.SHAPE_NAMES[3:])
def test_a_part_scale_moves_only_its_own_bones(layer, part):
    parameters = random_parameters(1)
    shape = torch.zeros(1, skeleton.SHAPE_COUNT, dtype=torch.float64)
    shape[0, skeleton.SHAPE_NAMES.index(part)] = 0.1
    ratio = bone_lengths(layer(parameters, shape)) / bone_lengths(layer(parameters))
    for (_, child), value in zip(skeleton.BONES, ratio[0].tolist(), strict=True):
        name = skeleton.JOINT_NAMES[child]
        own = name == "thumb_mcp" if part == "thumb_metacarpal" else name.startswith(part)
        own = own and not name.endswith(("cmc",) if part.startswith("thumb") else ("mcp",))
        own = own and not (part == "thumb" and name == "thumb_mcp")
        assert value == pytest.approx(np.exp(0.1) if own else 1.0), name


@pytest.mark.parametrize("side", ["right", "left"])
def test_every_segment_frame_is_right_handed_and_lies_along_its_bone(side):
    layer = HandModelLayer(side).double()
    frames = layer.frames(random_parameters(32), random_shape(32))
    rotations = frames.segment_rotations
    identity = torch.eye(3, dtype=torch.float64).expand_as(rotations)
    assert torch.allclose(rotations @ rotations.transpose(-1, -2), identity, atol=1e-9)
    assert torch.allclose(torch.linalg.det(rotations), torch.ones(32, 16, dtype=torch.float64))
    for segment in range(1, skeleton.SEGMENT_COUNT):
        near = skeleton.SEGMENT_JOINTS[segment]
        bone = frames.joints[:, near + 1] - frames.joints[:, near]
        along = bone / bone.norm(dim=-1, keepdim=True)
        assert torch.allclose(rotations[:, segment, :, 0], along, atol=1e-9), skeleton.SEGMENT_NAMES[segment]
        assert torch.allclose(frames.segment_positions[:, segment], frames.joints[:, near])


def test_a_left_hand_is_the_mirror_image_of_a_right_hand_with_the_same_angles():
    right, left = HandModelLayer("right").double(), HandModelLayer("left").double()
    parameters, shape = random_parameters(16), random_shape(16)
    rotation = so3_exp(parameters[:, 3:6])
    # Both the outer x and the palm's y are reflected, so that the rotation stays a rotation.
    outer, inner = (torch.tensor(signs, dtype=torch.float64) for signs in ([-1.0, 1, 1], [1.0, -1, 1]))
    mirrored_rotation, mirrored_translation = outer[:, None] * rotation * inner, outer * parameters[:, :3]
    a = right.frames_from_rotation(rotation, parameters[:, :3], parameters[:, 6:], shape)
    b = left.frames_from_rotation(mirrored_rotation, mirrored_translation, parameters[:, 6:], shape)
    assert torch.allclose(b.joints, a.joints * outer, atol=1e-9)
    assert torch.allclose(torch.linalg.det(mirrored_rotation), torch.ones(16, dtype=torch.float64))


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", [n for n in skeleton.ANGLE_NAMES if n.endswith("flexion")])
def test_positive_flexion_curls_the_tip_towards_the_palm(side, name):
    layer = HandModelLayer(side).double()
    tip = skeleton.FINGER_JOINTS[name.split("_")[0]][-1]
    frames = layer.frames(with_angle(name, 0.3))
    moved = frames.joints[tip] - layer(with_angle(name, 0.0))[tip]
    segment = skeleton.SEGMENT_NAMES.index("palm" if not name.startswith("thumb") else "thumb_metacarpal")
    back = layer.frames(with_angle(name, 0.0)).segment_rotations[segment, :, 2]
    assert moved @ back < 0


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("finger", skeleton.FINGERS[1:])
def test_positive_abduction_moves_a_finger_towards_the_thumb(side, finger):
    layer = HandModelLayer(side).double()
    joints = layer(with_angle(f"{finger}_mcp_abduction", 0.2))
    rest = layer(with_angle(f"{finger}_mcp_abduction", 0.0))
    tip = skeleton.FINGER_JOINTS[finger][-1]
    towards_thumb = rest[skeleton.JOINT_INDEX["wrist_radial"]] - rest[skeleton.JOINT_INDEX["wrist_ulnar"]]
    assert (joints[tip] - rest[tip]) @ towards_thumb > 0


def test_clamped_angles_are_in_range_and_angles_in_range_stay(layer):
    inside = random_parameters(8)[:, 6:]
    assert torch.equal(layer.clamp_angles(inside), inside)
    clamped = layer.clamp_angles(10 * random_parameters(8)[:, 6:])
    limits = torch.tensor(skeleton.ANGLE_LIMITS, dtype=torch.float32).double()
    assert ((clamped >= limits[:, 0]) & (clamped <= limits[:, 1])).all()


def test_leading_dimensions_and_broadcast_shapes_are_kept(layer):
    parameters = random_parameters(12).unflatten(0, (3, 4))
    frames = layer.frames(parameters, random_shape(4))
    assert frames.joints.shape == (3, 4, 23, 3)
    assert frames.segment_rotations.shape == (3, 4, 16, 3, 3)


def test_the_layer_has_no_weights_and_no_state():
    assert not list(HandModelLayer().parameters())
    assert not HandModelLayer().state_dict()


def test_wrong_inputs_are_named():
    with pytest.raises(ValueError, match="side is 'both'"):
        HandModelLayer("both")
    with pytest.raises(ValueError, match="want 26"):
        HandModelLayer()(torch.zeros(1, 25))
