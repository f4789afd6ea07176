"""Grasps: fingers that touch, meshes that stay out of what they hold, angles and sizes within their ranges."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.hand import skeleton
from hand_pose_ros.synthetic.grasp_library import (
    FINGER_TOUCH_M,
    KIND_NAMES,
    GraspLibrary,
    load_grasps,
    make_grasps,
    sample_held,
)
from hand_pose_ros.synthetic.poses import sample_view_rotations, self_intersects
from hand_pose_ros.synthetic.solids import BOX, CYLINDER, ELLIPSOID, NOTHING
from hand_pose_ros.synthetic.subjects import SubjectSet, load_subjects

# The library is made anew.
pytestmark = pytest.mark.slow

FAMILIES, PEOPLE, COUNT = ("makehuman", "webxr"), 6, 300
CLOSING = ("handle", "can", "ball", "box", "from_above", "phone", "tripod", "pen", "hammer", "screwdriver")


@pytest.fixture(scope="module")
def subjects() -> SubjectSet:
    return load_subjects(FAMILIES, PEOPLE, 9)


@pytest.fixture(scope="module")
def library() -> GraspLibrary:
    return load_grasps(FAMILIES, PEOPLE, 9, COUNT)


def of_kind(library: GraspLibrary, *names: str) -> np.ndarray:
    return np.isin(library.kind, [KIND_NAMES.index(name) for name in names])


def norms(points: np.ndarray, kind: np.ndarray, centre: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Points (P, 3) -> (P, K): below 1 inside each solid, as ``solids`` defines them; inf for none."""
    local = np.einsum("kij,pkj->pki", axes, points[:, None] - centre)
    across = np.hypot(local[..., 0], local[..., 1])
    by_kind = {
        ELLIPSOID: np.linalg.norm(local, axis=-1),
        BOX: np.abs(local).max(axis=-1),
        CYLINDER: np.maximum(across, np.abs(local[..., 2])),
    }
    value = np.where(kind == NOTHING, np.inf, by_kind[CYLINDER])
    for code in (ELLIPSOID, BOX):
        value = np.where(kind == code, by_kind[code], value)
    return value


def test_every_kind_is_there(library):
    assert len(library) == COUNT
    assert set(library.kind) == set(range(len(KIND_NAMES)))


def test_the_same_seed_gives_the_same_grasps_and_splits_share_none(library, subjects):
    again = make_grasps(subjects, 9, COUNT)
    for name in ("kind", "subject", "angles", "mirror", "gap", "depth"):
        assert np.array_equal(getattr(library, name), getattr(again, name), equal_nan=True), name
    for first, second in zip(library.solids, again.solids, strict=True):
        assert np.array_equal(first, second)
    other = make_grasps(subjects, 10, COUNT)
    apart = np.abs(library.angles[:, None] - other.angles).max(axis=-1)
    assert apart.min() > 1e-6


def test_angles_are_within_the_limits_and_fingers_do_not_pass_through_each_other(library):
    low, high = skeleton.ANGLE_LIMITS.T
    assert ((library.angles >= low) & (library.angles <= high)).all()
    assert not self_intersects(library.angles).any()


def test_the_thumb_and_two_fingers_touch_what_a_closed_hand_holds(library):
    closing = of_kind(library, *CLOSING)
    assert (library.gap[closing, 0] < FINGER_TOUCH_M).all()
    assert ((library.gap[closing, 1:] < FINGER_TOUCH_M).sum(axis=1) >= 2).all()


def test_the_skin_touches_as_the_links_do_and_no_joint_is_inside(library, subjects):
    """Against the rendered mesh: fingers that touch have skin within millimetres of the thing, none deep in it."""
    eye = np.broadcast_to(np.eye(3), (COUNT, 3, 3)).copy()
    posed = subjects.pose(library.subject, library.angles, eye, np.zeros((COUNT, 3)))
    reach, missed = 0.005, 0
    for n in range(COUNT):
        kind, centre, axes = (part[n] for part in library.solids)
        assert norms(posed.joints[n], kind, centre, axes).min() > 1.0
        part = slice(*subjects.vertex_range[library.subject[n]])
        hand = subjects.along_forearm[part] < 0.0
        rest, weight = subjects.vertices[part][hand], subjects.bone_weight[part][hand]
        bone = subjects.bone_index[part][hand]
        skin = np.einsum("vkij,vj->vki", posed.skinning[n][bone][..., :3], rest)
        skin = np.einsum("vk,vki->vi", weight, skin + posed.skinning[n][bone][..., 3])
        half = 1.0 / np.linalg.norm(axes, axis=-1)

        def grown(by: float, turn: np.ndarray = axes, size: np.ndarray = half) -> np.ndarray:
            return turn * (size / np.maximum(size + by, 1e-4))[..., None]

        inside = norms(skin, kind, centre, grown(-0.0045)) < 1.0
        thick = half.min(axis=-1) > 0.0046  # of thinner things nothing is left
        assert not (inside & thick).any(), KIND_NAMES[library.kind[n]]
        near = (norms(skin, kind, centre, grown(reach)) < 1.0).any(axis=1)
        owner = skeleton.JOINT_FINGER[list(skeleton.SEGMENT_JOINTS)]
        main = bone[np.arange(len(bone)), weight.argmax(axis=1)]
        finger = np.where(main < len(owner), owner[np.minimum(main, len(owner) - 1)], -1)
        touching = np.flatnonzero(library.gap[n] < FINGER_TOUCH_M)
        missed += sum(not near[finger == f].any() for f in touching)
    assert missed < 0.02 * (library.gap < FINGER_TOUCH_M).sum()


def test_things_are_as_large_as_they_are_in_households(library):
    half = 1.0 / np.linalg.norm(library.solids.axes, axis=-1)
    ball = half[of_kind(library, "ball"), 0]
    assert ((2 * ball > 0.028) & (2 * ball < 0.0921)).all()
    can = half[of_kind(library, "can"), 0]
    assert ((2 * can[:, 0] >= 0.06) & (2 * can[:, 0] <= 0.08)).all()
    handle = half[of_kind(library, "handle"), 0]
    assert ((2 * handle[:, 0] >= 0.017) & (2 * handle[:, 0] <= 0.036)).all()
    box = 2 * np.sort(half[of_kind(library, "box"), 0], axis=1)
    assert ((box >= [0.0239, 0.039, 0.079]) & (box <= [0.0701, 0.0801, 0.1801])).all()


def test_thumbs_are_as_various_as_grasps(library):
    """The thumb's abduction covers most of its range, opposed and beside the hand."""
    low, high = np.percentile(library.angles[:, skeleton.FINGER_ANGLE_TABLE[0, 0]], [5, 95])
    assert low < -0.2
    assert high > 0.55


def test_a_share_of_hands_holds_something(library):
    held = sample_held(library, 0.25, 4000, np.random.default_rng(0))
    assert 900 < len(held.hand) < 1100
    assert len(np.unique(held.grasp)) > 0.9 * COUNT
    assert len(sample_held(library, 0.0, 50, np.random.default_rng(0)).hand) == 0


def test_a_hand_is_not_hidden_by_its_own_tray(library, subjects):
    """Seen from any side, several joints are not behind the thing."""
    rng = np.random.default_rng(2)
    grasp = np.flatnonzero(of_kind(library, "carry", "both_hands"))
    grasp = np.repeat(grasp, 8)
    eye = np.broadcast_to(np.eye(3), (len(grasp), 3, 3)).copy()
    joints = subjects.pose(
        library.subject[grasp], library.angles[grasp], eye, np.zeros((len(grasp), 3))
    ).joints
    view = library.towards_viewer(grasp, sample_view_rotations(len(grasp), rng), joints)
    again = library.towards_viewer(grasp, view, joints)
    assert (np.abs(again - view).max(axis=(1, 2)) < 1e-12).mean() > 0.98
