"""The palm's command never jumps, whatever the palm and the clutch do, and goes where the palm goes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hand_pose_ros.retarget.palm_follower import PalmFollower, PalmFollowerConfig

DT = 1 / 30


def turned(*rotvec: float) -> np.ndarray:
    return Rotation.from_rotvec(rotvec).as_matrix()


def test_nothing_is_commanded_before_the_clutch_is_engaged():
    follower = PalmFollower()
    assert all(follower.update(1, np.eye(3), np.full(3, i), i * DT) is None for i in range(5))
    follower.engage(True)
    command = follower.update(1, turned(0.1, 0, 0), np.array([1.0, 2.0, 3.0]), 1.0)
    assert np.allclose(command.position, [1, 2, 3])
    assert np.allclose(command.rotation, turned(0.1, 0, 0))
    assert command.engaged
    assert not command.linear.any()
    assert not command.angular.any()


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_ways_are_scaled_and_turns_are_not(scale):
    follower = PalmFollower(PalmFollowerConfig(scale=scale))
    follower.engage(True)
    follower.update(1, turned(0, 0, 0.2), np.array([0.1, 0.0, 0.5]), 0.0)
    command = follower.update(1, turned(0, 0.3, 0) @ turned(0, 0, 0.2), np.array([0.2, 0.1, 0.4]), 0.2)
    assert np.allclose(command.position, np.array([0.1, 0, 0.5]) + scale * np.array([0.1, 0.1, -0.1]))
    assert np.allclose(command.rotation, turned(0, 0.3, 0) @ turned(0, 0, 0.2))


def test_engaging_again_keeps_the_offset():
    follower = PalmFollower()
    follower.engage(True)
    follower.update(1, np.eye(3), np.array([0.0, 0.0, 0.5]), 0 * DT)
    before = follower.update(1, turned(0, 0, 0.2), np.array([0.1, 0.0, 0.5]), 1 * DT)
    assert before.engaged
    follower.engage(False)
    for i in range(2, 6):  # the operator goes back
        stays = follower.update(1, turned(0.5, 0, 0), np.array([-0.3, 0.1 * i, 0.7]), i * DT)
        assert np.allclose(stays.position, before.position)
        assert np.allclose(stays.rotation, before.rotation)
        assert not stays.engaged
        assert not stays.linear.any()
    follower.engage(True)
    again = follower.update(1, turned(0.5, 0, 0), np.array([-0.3, 0.5, 0.7]), 6 * DT)
    assert np.allclose(again.position, before.position)
    moved = follower.update(1, turned(0.5, 0, 0), np.array([-0.2, 0.5, 0.7]), 7 * DT)
    assert np.allclose(moved.position, before.position + [0.1, 0, 0])
    assert np.allclose(moved.rotation, before.rotation)


def test_engaging_twice_changes_nothing():
    follower = PalmFollower()
    follower.engage(True)
    follower.update(1, np.eye(3), np.zeros(3), 0.0)
    follower.engage(True)
    assert np.allclose(follower.update(1, np.eye(3), np.array([0.01, 0, 0]), DT).position, [0.01, 0, 0])


@pytest.mark.parametrize(
    "track_id, stamp_s",
    [(2, 2 * DT), (1, 1.0 + DT), (1, DT), (1, 0.5 * DT), (1, -1.0)],
    ids=["another track", "a gap", "the same stamp", "an earlier stamp", "the clock went back"],
)
def test_what_breaks_the_motion_lets_the_clutch_go(track_id, stamp_s):
    follower = PalmFollower()
    follower.engage(True)
    follower.update(1, np.eye(3), np.zeros(3), 0.0)
    before = follower.update(1, np.eye(3), np.array([0.01, 0, 0]), DT)
    command = follower.update(track_id, turned(1, 0, 0), np.array([0.5, 0.5, 0.5]), stamp_s)
    assert not follower.engaged
    assert not command.engaged
    assert np.allclose(command.position, before.position)
    assert not command.linear.any()


def test_lost_hand_lets_the_clutch_go_and_the_offset_stays():
    follower = PalmFollower()
    follower.engage(True)
    assert follower.lose() is None
    follower.engage(True)
    follower.update(1, np.eye(3), np.zeros(3), 0.0)
    stays = follower.lose()
    assert not stays.engaged
    assert not stays.linear.any()
    assert follower.lose() is None
    assert not follower.engaged
    assert not follower.update(1, np.eye(3), np.array([0.5, 0, 0]), DT).engaged
    follower.engage(True)
    assert np.allclose(follower.update(5, np.eye(3), np.array([0.7, 0, 0]), 9.0).position, 0.0)


def test_palm_that_jumps_lets_the_clutch_go():
    follower = PalmFollower()
    follower.engage(True)
    follower.update(1, np.eye(3), np.zeros(3), 0.0)
    command = follower.update(1, np.eye(3), np.array([0.2, 0, 0]), DT)
    assert not command.engaged
    assert np.allclose(command.position, 0.0)


@given(angle=st.floats(0.0, math.pi), axis=st.integers(0, 2), step_s=st.floats(0.005, 0.2))
def test_palm_that_flips_lets_the_clutch_go(angle, axis, step_s):
    follower = PalmFollower(PalmFollowerConfig(fastest_rad_s=20.0))
    follower.engage(True)
    follower.update(1, turned(0.2, -0.1, 0.3), np.zeros(3), 0.0)
    turn = Rotation.from_rotvec(angle * np.eye(3)[axis]).as_matrix()
    command = follower.update(1, turn @ turned(0.2, -0.1, 0.3), np.zeros(3), step_s)
    assume(abs(angle - 20.0 * step_s) > 1e-6)
    assert command.engaged == (angle < 20.0 * step_s)
    if not command.engaged:
        assert np.allclose(command.rotation, turned(0.2, -0.1, 0.3))
        assert not command.angular.any()


def test_hidden_palm_holds_the_command_and_goes_on_when_it_is_seen_soon():
    follower = PalmFollower()
    assert follower.hide(0.0) is None
    follower.engage(True)
    follower.update(1, np.eye(3), np.zeros(3), 0.0)
    follower.update(1, np.eye(3), np.array([0.01, 0, 0]), DT)
    held = follower.hide(2 * DT)
    assert held.engaged
    assert not held.linear.any()
    assert np.allclose(held.position, [0.01, 0, 0])
    again = follower.update(1, np.eye(3), np.array([0.03, 0, 0]), 4 * DT)
    assert again.engaged
    assert np.allclose(again.position, [0.03, 0, 0])
    follower.hide(5 * DT)
    assert not follower.update(1, np.eye(3), np.array([0.04, 0, 0]), 1.0).engaged


@pytest.mark.parametrize("seen", [False, True])
def test_palm_that_is_hidden_for_long_lets_the_clutch_go_while_it_is_hidden(seen):
    """One that is hidden from the first image after it was engaged, too: it may be anywhere when it is seen."""
    follower = PalmFollower()
    follower.engage(True)
    if seen:
        follower.update(1, np.eye(3), np.zeros(3), 0.0)
    for stamp in (0.1, 0.2, 0.3):
        held = follower.hide(stamp)
        assert follower.engaged
        assert (held is not None) == seen
    released = follower.hide(0.31 if seen else 0.41)
    assert not follower.engaged
    assert (released is not None and not released.engaged) == seen
    assert follower.hide(0.5) is None


def test_stamps_that_go_back_while_the_palm_is_hidden_let_the_clutch_go():
    follower = PalmFollower()
    follower.engage(True)
    follower.update(1, np.eye(3), np.zeros(3), 1.0)
    assert not follower.hide(0.5).engaged


def test_follower_after_another_keeps_the_offset():
    before = PalmFollower()
    assert before.stands is None
    before.engage(True)
    before.update(1, np.eye(3), np.zeros(3), 0.0)
    before.update(1, turned(0.1, 0.0, 0.0), np.array([0.1, 0, 0]), 0.1)
    after = PalmFollower(PalmFollowerConfig(scale=2.0), before.stands)
    assert not after.update(1, np.eye(3), np.array([0.5, 0, 0]), 0.0).engaged
    after.engage(True)
    first = after.update(1, np.eye(3), np.array([0.5, 0, 0]), DT)
    assert np.allclose(first.position, [0.1, 0, 0])
    assert np.allclose(first.rotation, turned(0.1, 0.0, 0.0))
    second = after.update(1, np.eye(3), np.array([0.51, 0, 0]), 2 * DT)
    assert np.allclose(second.position, [0.12, 0, 0])
    assert np.allclose(before.stands.position, [0.1, 0, 0])


@pytest.mark.parametrize("twist_hz", [0.0, 4.0])
@pytest.mark.parametrize("rate_hz", [15, 30, 90])
def test_twist_of_a_steady_motion_is_its_speed_at_every_rate(twist_hz, rate_hz):
    follower = PalmFollower(PalmFollowerConfig(scale=2.0, twist_hz=twist_hz))
    follower.engage(True)
    for i in range(rate_hz):
        t = i / rate_hz
        command = follower.update(1, turned(0, 0.5 * t, 0), np.array([0.1 * t, 0, 0]), t)
    assert np.allclose(command.linear, [0.2, 0, 0], atol=1e-4)
    assert np.allclose(command.angular, [0, 0.5, 0], atol=1e-4)


@pytest.mark.slow
@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 3.0))
def test_command_moves_no_farther_than_the_palm_whatever_happens(seed, scale):
    """Random clutch, losses, tracks, gaps; palms that move at most 2 cm and 0.1 rad an image."""
    rng = np.random.default_rng(seed)
    follower = PalmFollower(PalmFollowerConfig(scale=scale))
    palm, rotation, stamp, track, last = np.zeros(3), np.eye(3), 0.0, 1, None
    for _ in range(80):
        event = rng.integers(12)
        if event == 0:
            follower.engage(True)
        elif event == 1:
            follower.engage(False)
        elif event == 2:
            follower.lose()
            last, palm = None if last is None else last, rng.normal(size=3)
        elif event == 3:
            track += 1
            palm = rng.normal(size=3)
        stamp += float(rng.choice([DT, 2 * DT, -1.0, 0.0, 5.0], p=[0.8, 0.1, 0.03, 0.03, 0.04]))
        palm = palm + rng.uniform(-0.01, 0.01, 3)
        rotation = Rotation.from_rotvec(rng.uniform(-0.05, 0.05, 3)).as_matrix() @ rotation
        command = follower.update(track, rotation, palm, stamp)
        if command is None:
            assert last is None
            continue
        assert np.isfinite(command.linear).all()
        assert np.isfinite(command.angular).all()
        assert np.allclose(command.rotation @ command.rotation.T, np.eye(3), atol=1e-9)
        if last is not None:
            assert np.linalg.norm(command.position - last.position) <= scale * 0.01 * math.sqrt(3) + 1e-12
        if not command.engaged:
            assert not command.linear.any()
            assert not command.angular.any()
        last = command


@pytest.mark.parametrize(
    "field, value", [("scale", 0.0), ("scale", math.nan), ("twist_hz", -1.0), ("longest_gap_s", 0.0)]
)
def test_wrong_settings_are_named(field, value):
    with pytest.raises(ValueError, match=field):
        PalmFollowerConfig(**{field: value})


def test_numbers_that_are_not_finite_are_refused():
    follower = PalmFollower()
    for rotation, position, stamp in (
        (np.full((3, 3), np.nan), np.zeros(3), 0.0),
        (np.eye(3), np.array([0, np.inf, 0]), 0.0),
        (np.eye(3), np.zeros(3), math.nan),
    ):
        with pytest.raises(ValueError):
            follower.update(1, rotation, position, stamp)


def test_whoever_gets_a_command_may_change_its_arrays():
    def run(spoil: bool) -> list[np.ndarray]:
        follower, found = PalmFollower(), []
        follower.engage(True)
        for number in range(12):
            position, rotation = np.array([0.01 * number, 0.0, 0.5]), turned(0.0, 0.02 * number, 0.0)
            command = (
                follower.hide(0.05 * number)
                if number == 6
                else follower.update(1, rotation, position, 0.05 * number)
            )
            assert command is not None
            arrays = (command.position, command.rotation, command.linear, command.angular)
            found.append(np.concatenate([array.ravel().copy() for array in arrays]))
            if spoil:
                for array in (*arrays, position, rotation):
                    array *= 1000.0
        return found

    assert np.array_equal(run(True), run(False))
