"""An estimate in its crop's frame, and where the next crop is taken from it."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand.hand_state import hand_frames, random_hands
from hand_pose_ros.tracking.estimate import Estimate


def estimate(mirrored: bool = False, roll_rad: float = 0.0) -> Estimate:
    state = random_hands(1, seed=2)
    joints = hand_frames(state, "right").joints[0].numpy() - state.translation[0].numpy()
    frame = CropFrame(np.array([0.1, -0.05, 0.6]), 0.3, 96, mirrored=mirrored, roll_rad=roll_rad)
    return Estimate(
        frame, np.zeros((96, 96), np.float32), joints, joints, np.full(23, 0.01), state.rotation[0].numpy(),
        np.zeros(3), state.angles[0].numpy(), np.zeros(9), 2.0, 1.0, 0.8, 0.5,
    )  # fmt: skip


def test_mirrored_crop_shows_a_left_hand() -> None:
    assert (estimate().side, estimate(mirrored=True).side) == ("right", "left")


def test_centre_is_the_middle_of_the_joints_in_the_camera_frame() -> None:
    for one in (estimate(), estimate(mirrored=True, roll_rad=0.7)):
        expected = one.frame.local_to_camera(one.joints).mean(axis=0)
        np.testing.assert_allclose(one.centre, expected, atol=1e-9)


@pytest.mark.parametrize("roll_rad", [-1.0, 0.5, 2.0])
def test_roll_of_the_next_crop_depends_on_the_hand_and_not_on_how_it_was_cropped(roll_rad: float) -> None:
    """The same hand, seen in a crop that is turned: its joints turn the other way in the crop's frame."""
    plain, turned = estimate(), estimate(roll_rad=roll_rad)
    joints = turned.frame.camera_to_local(plain.frame.local_to_camera(plain.joints))
    same = Estimate(**{**vars(turned), "joints": joints})
    assert np.cos(same.roll_rad - plain.roll_rad) == pytest.approx(1.0, abs=1e-9)


def test_parameters_are_translation_rotation_vector_and_angles() -> None:
    one = estimate()
    assert one.parameters.shape == (26,)
    np.testing.assert_array_equal(one.parameters[6:], one.angles)
    np.testing.assert_array_equal(one.network_pose.parameters, one.parameters)
