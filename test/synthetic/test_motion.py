"""The synthetic person: repeatable, smooth, on the truth, and a left hand is a mirrored right one."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.synthetic.motion import SyntheticMotion

CAMERA = Camera(160, 120, 120.0, 120.0, 79.5, 59.5)


@pytest.fixture(scope="module")
def motion() -> SyntheticMotion:
    return SyntheticMotion(3, CAMERA)


@pytest.mark.slow
def test_a_frame_is_a_function_of_its_time(motion):
    first, joints = motion.frame(0.7)
    motion.frame(2.0)
    again, same = SyntheticMotion(3, CAMERA).frame(0.7)
    assert np.array_equal(first, again, equal_nan=True)
    assert np.array_equal(joints, same)
    assert np.array_equal(motion.truth(0.7), joints)


@pytest.mark.slow
def test_the_hand_stays_in_view_with_constant_bones(motion):
    joints = np.stack([motion.truth(t) for t in np.arange(0, 20, 0.5)])
    pixel = CAMERA.project(joints.mean(axis=1))
    assert (pixel > 0).all()
    assert (pixel < [160, 120]).all()
    lengths = bone_lengths(joints)
    assert np.ptp(lengths, axis=0).max() < 1e-6


@pytest.mark.slow
def test_joints_never_jump(motion):
    joints = np.stack([motion.truth(t) for t in np.arange(0, 8, 1 / 30)])
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.09


@pytest.mark.slow
def test_the_depth_shows_a_surface_at_the_joints(motion):
    depth, joints = motion.frame(1.1)
    column, row = np.rint(CAMERA.project(joints)).astype(int).T
    seen = np.stack([depth[row + r, column + c] for r in (-1, 0, 1) for c in (-1, 0, 1)])
    below = joints[:, 2] - np.nanmin(seen, axis=0)
    assert (below > -0.012).all()
    # Fingers hide each other in many poses, but never all of them.
    assert (below < 0.03).mean() > 0.3


@pytest.mark.slow
def test_a_left_hand_is_the_mirror_image():
    right, left = SyntheticMotion(3, CAMERA), SyntheticMotion(3, CAMERA, "left")
    (seen_right, joints_right), (seen_left, joints_left) = right.frame(0.4), left.frame(0.4)
    # The principal point is in the middle, so mirroring the image mirrors the world.
    assert np.array_equal(seen_left, seen_right[:, ::-1], equal_nan=True)
    assert np.allclose(joints_left, joints_right * [-1, 1, 1])


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="side is 'both'"):
        SyntheticMotion(0, CAMERA, "both")
    distorted = Camera(160, 120, 120.0, 120.0, 79.5, 59.5, (0.1, 0, 0, 0, 0), "plumb_bob")
    with pytest.raises(ValueError, match="plumb_bob"):
        SyntheticMotion(0, distorted)
