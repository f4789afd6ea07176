"""Scenes drawn: every renderer sees the same surfaces, hands alone and from another eye too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.draw_scene import (
    Pinhole,
    draw_picture,
    draw_scene,
    require_pinhole,
    scene_arrays,
)
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations
from hand_pose_ros.synthetic.scene import MIRROR, Scenes, pose_hands
from hand_pose_ros.synthetic.solids import ELLIPSOID, solid, take
from hand_pose_ros.synthetic.subjects import SubjectSet, load_subjects

CAMERA = Camera(160, 120, 120.0, 120.0, 79.5, 59.5)


@pytest.fixture(scope="module")
def subjects() -> SubjectSet:
    return load_subjects(("makehuman", "webxr"), 2, 9)


def scene(subjects: SubjectSet, left: bool = False, x: float = 0.0) -> Scenes:
    """A hand 0.6 m away before a wall, and a ball beside it."""
    rng = np.random.default_rng(4)
    hands = pose_hands(
        subjects, np.array([[1]]), sample_angles(1, rng)[:, None], sample_view_rotations(1, rng)[:, None],
        np.array([[[x, 0.0, 0.6]]]), np.zeros((1, 1, 2)), np.array([[[0.15, np.inf, 1.0]]]), np.array([[left]]),
    )  # fmt: skip
    ball = take(solid(ELLIPSOID, [0.15, 0.1, 0.7], [0.03] * 3), None)
    return Scenes(hands, np.array([[0.0, 0.0, 1.0, 1.2]]), ball)


def test_planes_hands_and_solids_are_where_they_are_put(subjects: SubjectSet) -> None:
    scenes = scene(subjects)
    clean, alone, seen = draw_picture(subjects, scenes, CAMERA)
    assert clean[0, 0] == pytest.approx(1.2)
    u, v = np.round(CAMERA.project(np.array([0.15, 0.1, 0.7]))).astype(int)
    assert clean[v, u] == pytest.approx(0.67, abs=2e-3)
    mean = scenes.hands.middle[0, 0]
    u, v = np.round(CAMERA.project(mean)).astype(int)
    assert abs(clean[v, u] - mean[2]) < 0.05
    hand = np.isfinite(alone[0])
    assert seen[0, 1] == hand.sum() > 100
    assert seen[0, 0] == (alone[0] <= clean)[hand].sum()
    # What comes before it hides it.
    hidden = replace(scenes, planes=np.array([[0.0, 0.0, 1.0, 0.3]]))
    assert draw_picture(subjects, hidden, CAMERA).seen[0].tolist() == [0, hand.sum()]


def test_left_hands_are_drawn_as_mirror_images(subjects: SubjectSet) -> None:
    right = replace(scene(subjects), solids=take(solid(ELLIPSOID, [9.0] * 3, [0.01] * 3), None))
    left = replace(right, hands=scene(subjects, left=True).hands)
    assert np.array_equal(left.hands.joints, right.hands.joints * MIRROR)
    a, b = (draw_picture(subjects, scenes, CAMERA).clean for scenes in (right, left))
    off = np.abs(a[:, ::-1] - b)
    assert np.median(off) == 0.0
    assert (off > 1e-3).mean() < 0.002  # pixels on the very edge


def test_bare_arms_begin_where_they_are_told_to(subjects: SubjectSet) -> None:
    scenes = scene(subjects)
    arm = replace(scenes, hands=replace(scenes.hands, start=np.array([[0.03]])))
    whole, bare = (draw_picture(subjects, one, CAMERA) for one in (scenes, arm))
    assert bare.seen[0, 1] == 0
    assert (bare.clean >= whole.clean).all()
    absent = replace(scenes, hands=replace(scenes.hands, present=np.array([[False]])))
    without = draw_picture(subjects, absent, CAMERA).clean
    assert (bare.clean < without).sum() > 20


def test_another_eye_sees_what_a_moved_scene_shows_the_first(subjects: SubjectSet) -> None:
    base = 0.05
    clean, no_hands = np.full((120, 160), np.inf, np.float32), np.zeros((0, 0, 0), np.float32)
    eye = Pinhole(CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy, base)
    draw_scene(*scene_arrays(subjects, scene(subjects)), 0, eye, clean, no_hands, np.zeros((0, 2), np.int64))
    moved = scene(subjects, x=-base)
    moved.solids.centre[..., 0] -= base
    other = draw_picture(subjects, moved, CAMERA).clean
    assert (np.abs(clean - other) > 1e-4).mean() < 0.002


def test_lenses_with_distortion_are_refused() -> None:
    require_pinhole(CAMERA)
    with pytest.raises(ValueError, match="pinhole"):
        require_pinhole(replace(CAMERA, distortion_model="plumb_bob", distortion=(0.1, 0.0, 0.0, 0.0, 0.0)))
