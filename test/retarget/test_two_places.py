"""Two hands in turn are told from one that moves, however fast."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.hand.skeleton import ANGLE_COUNT, JOINT_COUNT
from hand_pose_ros.retarget.two_places import TwoPlaces


def told(places, angles, rate_hz) -> list[bool]:
    """places (T,) m and angles (T,) rad of one coordinate, with a tracker's noise."""
    rng, seen, answers = np.random.default_rng(0), TwoPlaces(), []
    for number, (place, angle) in enumerate(zip(places, angles, strict=True)):
        joints = rng.normal(0.0, 0.001, (JOINT_COUNT, 3))
        joints[:, 0] += place
        answers.append(seen.see(joints, angle + rng.normal(0.0, 0.02, ANGLE_COUNT), 100.0 + number / rate_hz))
    return answers


@pytest.mark.parametrize(
    "pattern, rate_hz", [([0, 1], 25.0), ([0, 1], 60.0), ([0, 0, 1], 60.0), ([1, 0, 0, 1], 60.0)]
)
@pytest.mark.parametrize("metres, radians", [(0.3, 0.0), (0.0, 1.2)])
def test_two_hands_in_turn_are_told_in_a_second_until_one_is_left(pattern, rate_hz, metres, radians):
    which = np.tile(pattern, 30)
    moving = 0.1 * np.sin(np.arange(len(which)) / rate_hz)
    answers = told(
        np.append(metres * which + moving, np.zeros(40)), np.append(radians * which, np.zeros(40)), rate_hz
    )
    assert all(answers[60 : len(which)])
    assert not any(answers[len(which) + 20 :])


@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 15.0, 30.0, 60.0, 90.0])
@pytest.mark.parametrize("to_and_fro_hz", [0.5, 1.0, 2.5, 3.0, 5.0, 6.0])
@pytest.mark.parametrize("phase", [0.0, 0.8, 1.6])
def test_hand_that_shakes_is_one(rate_hz, to_and_fro_hz, phase):
    wave = np.sin(2.0 * np.pi * to_and_fro_hz * np.arange(200) / rate_hz + phase)
    assert not any(told(0.2 * wave, wave, rate_hz))


@pytest.mark.parametrize("every", [4, 5, 10])
def test_tracker_that_is_wrong_now_and_then_is_one(every):
    wrong = (np.arange(200) % every == 0).astype(float)
    assert sum(told(0.3 * wrong, wrong, 30.0)) == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_no_place(value):
    seen = TwoPlaces()
    for number in range(100):
        odd = value if number % 2 else 0.0
        assert not seen.see(np.full((JOINT_COUNT, 3), odd), np.zeros(ANGLE_COUNT), number / 60.0)
        assert not seen.see(np.zeros((JOINT_COUNT, 3)), np.full(ANGLE_COUNT, odd), number / 60.0)
