"""The frame before, seen from the next crop: places and velocities turn with it, mirrored crops mirror them."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.refine.previous_frame import PreviousFrame

RNG = np.random.default_rng(0)
JOINTS, SIGMA = RNG.normal([0.1, 0.0, 0.6], 0.05, (23, 3)), np.full(23, 0.006)
VELOCITY = RNG.normal(0.0, 0.3, (23, 3))


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_moves_on_in_the_camera_moves_on_in_the_crop(mirrored: bool) -> None:
    frame = CropFrame(np.array([0.1, -0.05, 0.6]), 0.3, 96, mirrored=mirrored, roll_rad=0.4)
    joints, velocity = PreviousFrame(JOINTS, SIGMA, 0.033, VELOCITY).in_crop(frame)
    assert velocity is not None
    np.testing.assert_allclose(frame.local_to_camera(joints), JOINTS, atol=1e-12)
    later = frame.camera_to_local(JOINTS + 0.033 * VELOCITY)
    np.testing.assert_allclose(joints + 0.033 * velocity, later, atol=1e-12)


def test_velocity_that_is_not_known_stays_so() -> None:
    frame = CropFrame(np.array([0.0, 0.0, 0.6]), 0.3, 96)
    assert PreviousFrame(JOINTS, SIGMA, 0.033).in_crop(frame)[1] is None


@pytest.mark.parametrize("dt_s", [0.0, -0.1, float("nan"), float("inf")])
def test_time_that_is_not_positive_is_refused(dt_s: float) -> None:
    with pytest.raises(ValueError, match="dt_s"):
        PreviousFrame(JOINTS, SIGMA, dt_s)
