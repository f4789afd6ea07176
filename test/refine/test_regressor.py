"""The hierarchical regressor: where a term alone moves joints, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.refine import regressor
from hand_pose_ros.refine.bone_prior import BonePrior
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.regressor import (
    LAYERS,
    RegressorConfig,
    candidate_offsets,
    regress_joints,
)

FRAME = CropFrame(np.array([0.05, -0.02, 0.6]), 0.3, 96)
# Every field that matters here, so that a new choice of weights changes no test.
NETWORK_ONLY = RegressorConfig(
    network=0.5, bone_mixture=0.0, bone_length=0.0, background=0.0, free_space=0.0, occluded=0.0, tip_order=0.0,
    prediction=0.0, kernel_px=0, lateral_share=0.7, depth_share=0.9, largest_sigma_m=0.025, length_m=0.01,
    softness_m=0.004, free_space_most=3.0, follow=0.7, temperature=0.5, passes=1, radii=(0.6, 1.2, 2.0),
    shell_candidates=(14, 20, 26), velocity_share=0.5, acceleration_m_s2=10.0, past_share=0.7,
)  # fmt: skip
SIGMA = np.full(skeleton.JOINT_COUNT, 0.006)
TIPS = list(skeleton.TIP_JOINTS)


def flat_hand() -> np.ndarray:
    """Joints (23, 3) m of an open hand before the camera, fingers up."""
    joints = np.zeros((skeleton.JOINT_COUNT, 3))
    for name, (x, y, _) in skeleton.PALM_JOINT_POSITIONS.items():
        joints[skeleton.JOINT_INDEX[name]] = (-y, 0.03 - x, 0.0)
    for finger, chain in skeleton.FINGER_JOINTS.items():
        for near, far, length in zip(chain[:-1], chain[1:], skeleton.BONE_LENGTHS[finger], strict=True):
            along = np.array([-0.8, -0.6, 0.0]) if finger == "thumb" else np.array([0.0, -1.0, 0.0])
            joints[far] = joints[near] + length * along
    return joints


HAND = flat_hand()
PRIOR = BonePrior(
    np.full((22, 5), 0.2),
    bone_lengths(HAND)[:, None] + np.linspace(-0.002, 0.002, 5),
    np.full((22, 5), 0.002),
)


def surface(depth_m: float = -0.01) -> np.ndarray:
    """A crop (96, 96) that shows a wall at this depth."""
    return np.full((96, 96), depth_m / FRAME.half, np.float32)


def before(local: np.ndarray, dt_s: float, velocity: np.ndarray | None = None) -> PreviousFrame:
    """The frame before, from joints (23, 3) m and velocities in FRAME's local frame."""
    joints = FRAME.local_to_camera(local)
    moved = None if velocity is None else FRAME.local_to_camera(local + velocity) - joints
    return PreviousFrame(joints, SIGMA, dt_s, moved)


def regress(
    crop: np.ndarray, config: RegressorConfig, joints: np.ndarray = HAND, **more: object
) -> np.ndarray:
    return regress_joints(FRAME, crop, joints, SIGMA, PRIOR, config, **more)  # type: ignore[arg-type]


def test_layers_hold_every_joint_once_and_parents_first() -> None:
    order = [joint for layer in LAYERS for joint in layer]
    assert sorted(order) == list(range(skeleton.JOINT_COUNT))
    for parent, child in skeleton.BONES:
        assert order.index(parent) < order.index(child)
    assert set(LAYERS[-1]) == set(TIPS)


def test_joints_of_one_layer_do_not_look_at_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    crop = surface() + rng.normal(0, 0.05, (96, 96)).astype(np.float32)
    config = RegressorConfig(tip_order=0.5, prediction=0.5, bone_mixture=0.5)
    previous = before(HAND + rng.normal(0, 0.003, HAND.shape), 0.033)
    found = regress(crop, config, previous=previous)
    backwards = np.array([joint for layer in LAYERS for joint in reversed(layer)])
    monkeypatch.setattr(regressor, "_order", lambda: backwards)
    np.testing.assert_array_equal(regress(crop, config, previous=previous), found)
    assert np.abs(found - HAND).max() > 1e-4


def test_network_alone_leaves_joints_where_they_are() -> None:
    hard = replace(NETWORK_ONLY, temperature=0.0)
    np.testing.assert_allclose(regress(surface(), hard), HAND, atol=1e-12)
    # The pattern is not quite symmetric, so the soft minimum may move them by a little.
    np.testing.assert_allclose(regress(surface(), NETWORK_ONLY), HAND, atol=2e-4)


def test_tip_on_the_background_moves_to_the_hand() -> None:
    crop = surface()
    tip = skeleton.JOINT_INDEX["middle_tip"]
    column = int(FRAME.crop_to_pixel(FRAME.local_to_crop(HAND[tip]))[0])
    # Empty but for the columns right of the tip's own.
    crop[:, : column + 2] = 1.0
    moved = regress(crop, replace(NETWORK_ONLY, background=4.0)) - HAND
    assert moved[tip, 0] > 0.002
    # One that is on the hand, away from the border, has no reason to move.
    assert abs(moved[skeleton.JOINT_INDEX["pinky_tip"], 0]) < 5e-4


def test_floating_joint_sinks_below_the_surface() -> None:
    config = replace(NETWORK_ONLY, free_space=4.0, free_space_most=100.0)
    before = HAND[:, 2] - 0.006
    joints = np.column_stack([HAND[:, :2], before])
    moved = regress(surface(0.0), config, joints)
    assert (moved[:, 2] > before + 0.002).all()
    # Deep enough below the surface the term is silent.
    np.testing.assert_allclose(regress(surface(-0.05), config, joints), joints, atol=2e-4)


def test_hidden_joint_rises_to_the_surface_a_little() -> None:
    config = replace(NETWORK_ONLY, occluded=1.0)
    tip = skeleton.JOINT_INDEX["index_tip"]
    near, hidden = regress(surface(-0.009), config), regress(surface(-0.10), config)
    assert near[tip, 2] < -0.0005
    # Far behind something it costs the same everywhere, and the joint stays.
    np.testing.assert_allclose(hidden, HAND, atol=2e-4)


def test_bone_that_is_too_long_gets_shorter() -> None:
    tip, dip = skeleton.JOINT_INDEX["ring_tip"], skeleton.JOINT_INDEX["ring_dip"]
    joints = HAND.copy()
    joints[tip] += (joints[tip] - joints[dip]) * 0.3
    true = bone_lengths(HAND)
    for config in (
        replace(NETWORK_ONLY, bone_length=4.0, length_m=0.004),
        replace(NETWORK_ONLY, bone_mixture=4.0),
    ):
        found = regress(surface(), config, joints, lengths=true)
        assert bone_lengths(found)[tip - 1] - true[tip - 1] < 0.7 * (
            bone_lengths(joints)[tip - 1] - true[tip - 1]
        )


def test_prediction_pulls_towards_where_the_motion_leads() -> None:
    config = replace(NETWORK_ONLY, prediction=1.0, velocity_share=1.0, acceleration_m_s2=0.0)
    velocity = np.tile([0.06, 0.0, 0.0], (23, 1))
    shift = {}
    for dt in (0.033, 0.066):
        previous = before(HAND, dt, velocity)
        shift[dt] = (regress(surface(), config, previous=previous) - HAND)[TIPS, 0].mean()
    # The same motion over twice the time leads twice as far: 2 and 4 mm.
    assert 0.0003 < shift[0.033] < 0.002
    assert shift[0.066] > 1.5 * shift[0.033]
    # Over a longer time the hand may have done anything: the farther back, the weaker.
    loose = replace(config, acceleration_m_s2=30.0)
    late = regress(surface(), loose, previous=before(HAND, 0.066, velocity)) - HAND
    assert late[TIPS, 0].mean() < 0.5 * shift[0.066]


def test_tip_order_moves_tips_only_and_only_with_a_past() -> None:
    config = replace(NETWORK_ONLY, tip_order=4.0)
    np.testing.assert_array_equal(regress(surface(), config), regress(surface(), NETWORK_ONLY))
    # The joint before the tip has moved and the tip has not: the tip has to.
    past = HAND.copy()
    dips = [joint - 1 for joint in TIPS]
    past[dips] += [0.0, 0.004, 0.0]
    plain = regress(surface(), NETWORK_ONLY)
    found = regress(surface(), config, previous=before(past, 0.033))
    moved = np.linalg.norm(found - plain, axis=1)
    assert moved[TIPS].min() > 3e-4
    assert np.delete(moved, TIPS).max() < 1e-9


def test_children_follow_their_parent() -> None:
    config = replace(NETWORK_ONLY, free_space=4.0, free_space_most=100.0, passes=1)
    knuckle, tip = skeleton.JOINT_INDEX["index_mcp"], skeleton.JOINT_INDEX["index_tip"]
    column, row = np.rint(FRAME.crop_to_pixel(FRAME.local_to_crop(HAND[knuckle]))).astype(int)
    crop = np.full((96, 96), -0.2, np.float32)
    crop[row - 4 : row + 5, column - 3 : column + 4] = 0.0
    joints = HAND.copy()
    with_parent = regress(crop, replace(config, follow=1.0), joints) - HAND
    without = regress(crop, replace(config, follow=0.0), joints) - HAND
    assert with_parent[knuckle, 2] > 0.001
    assert with_parent[tip, 2] > 0.5 * with_parent[knuckle, 2]
    assert abs(without[tip, 2]) < 3e-4


def test_same_input_gives_the_same_and_is_not_changed() -> None:
    rng = np.random.default_rng(0)
    crop = rng.uniform(-0.3, 1.2, (96, 96)).clip(-1, 1).astype(np.float32)
    joints, untouched = HAND.copy(), HAND.copy()
    first, second = regress(crop, RegressorConfig(), joints), regress(crop, RegressorConfig(), joints)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(joints, untouched)
    assert np.isfinite(first).all()


def test_finite_far_outside_the_crop_and_behind_the_camera() -> None:
    for shift in ([1.0, 0.0, 0.0], [0.0, 0.0, -0.7]):
        found = regress(surface(), RegressorConfig(), HAND + np.array(shift))
        assert np.isfinite(found).all()


def test_candidates_surround_the_joint() -> None:
    offsets = candidate_offsets((0.5, 2.0), (14, 30))
    radii = np.linalg.norm(offsets, axis=1)
    np.testing.assert_allclose(radii, np.repeat([0.0, 0.5, 2.0], [1, 14, 30]), atol=1e-12)
    assert np.abs(offsets[15:].mean(axis=0)).max() < 0.1


@pytest.mark.parametrize(
    "field,value",
    [
        ("network", -1.0), ("background", float("nan")), ("lateral_share", 0.0), ("follow", 1.5),
        ("kernel_px", -1), ("passes", 0), ("radii", ()), ("radii", (0.0, 1.0, 2.0)),
        ("shell_candidates", (14,)), ("largest_sigma_m", 0.001), ("temperature", -0.1),
    ],
)  # fmt: skip
def test_configuration_names_the_field_that_makes_no_sense(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        RegressorConfig(**{field: value})


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="joints"):
        regress(surface(), RegressorConfig(), HAND[:22])
    with pytest.raises(ValueError, match="crop"):
        regress(surface()[:90], RegressorConfig())


def test_later_passes_heed_the_bone_to_the_next_joint() -> None:
    pip, dip, tip = (skeleton.JOINT_INDEX[f"ring_{name}"] for name in ("pip", "dip", "tip"))
    joints = HAND.copy()
    # The dip swung about the pip: the bone to its parent stays as long as it should be, the one to the tip does not.
    along = HAND[dip] - HAND[pip]
    swung = 0.5
    joints[dip] = HAND[pip] + along * np.cos(swung) + np.array([-along[1], along[0], 0.0]) * np.sin(swung)
    sigma = np.where(np.arange(23) == dip, 0.012, 0.002)
    true = bone_lengths(HAND)
    config = replace(NETWORK_ONLY, follow=0.0, bone_length=4.0, length_m=0.004, temperature=0.2)

    def wrong(passes: int) -> float:
        found = regress_joints(
            FRAME, surface(), joints, sigma, PRIOR, replace(config, passes=passes), lengths=true
        )
        assert abs(bone_lengths(found) - true)[dip - 1] < 0.0015
        return float(abs(bone_lengths(found) - true)[tip - 1])

    before = abs(bone_lengths(joints) - true)[tip - 1]
    assert before > 0.004
    # The first pass knows the parent's bone alone, which is right.
    assert wrong(1) > 0.8 * before
    assert wrong(2) < 0.7 * before
