"""Limits on what a robot is sent: they hold for every sequence of targets and times, the worst ones too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.retarget.hand_gate import GateConfig, HandGate, SeenHand
from hand_pose_ros.retarget.safety import (
    LEAST_TURN,
    LEAST_WAY,
    JointLimits,
    SafeCommander,
    SafetyConfig,
    SafetyState,
    least_ranges,
)

LIMITS = JointLimits(
    lower=np.array([-0.5, 0.0, -2.0]),
    upper=np.array([1.5, 0.04, 0.0]),
    velocity=np.array([3.0, 0.1, 1.0]),
    acceleration=np.array([30.0, 1.0, 4.0]),
)
START = np.array([0.2, 0.01, -1.0])
PERIOD_S = 0.01
ROUNDING = 1e-9

times = st.one_of(
    st.floats(1e-4, 0.05),
    st.floats(1e-9, 5.0),
    st.sampled_from([0.0, -0.01, -30.0, 3600.0, math.nan, math.inf]),
)
numbers = st.one_of(
    st.floats(-3.0, 3.0), st.floats(width=64), st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
)
events = st.lists(
    st.tuples(
        st.sampled_from(["command"] * 6 + ["offer"] * 5 + ["refuse", "engage", "disengage"]),
        times,
        st.tuples(numbers, numbers, numbers),
    ),
    max_size=120,
)


def commander(**config):
    made = SafeCommander(LIMITS, SafetyConfig(**config))
    made.engage(START, 0.0)
    return made


def follow(made, targets, start_s=0.0, period_s=PERIOD_S):
    """A target and a command each period -> positions (T, K)."""
    positions = []
    for step, target in enumerate(targets):
        now_s = start_s + (step + 1) * period_s
        made.offer(target, now_s)
        positions.append(made.command(now_s).positions)
    return np.array(positions)


@given(
    hidden_s=st.floats(0.0, 0.6),
    seen=st.lists(st.floats(0.001, 0.05), min_size=1, max_size=30),
    hidden=st.lists(st.floats(0.001, 0.19), min_size=1, max_size=8),
    period_s=st.floats(0.001, 0.03),
)
def test_hidden_hand_is_followed_no_longer_than_it_may_whether_or_not_more_is_heard(
    hidden_s, seen, hidden, period_s
):
    """Targets of a hand in plain view, then of a hidden one, at any times, then silence; commands at their rate."""
    made, gate = commander(), HandGate(GateConfig(coast_s=hidden_s))
    hand = SeenHand("right", 1, False, 0.9)
    arrivals = np.cumsum([*seen, *hidden])
    hidden_from_s = arrivals[len(seen)]
    now_s, heard = 0.0, 0
    while now_s < arrivals[-1] + 1.0:
        now_s += period_s
        while heard < len(arrivals) and arrivals[heard] <= now_s:
            index, why = gate.choose([hand._replace(coasts=heard >= len(seen))], arrivals[heard])
            if index is None:
                made.refuse(why)
            else:
                made.follow_until(gate.until_s)
                made.offer(START + 0.01 * heard, arrivals[heard])
            heard += 1
        made.command(now_s)
        if now_s > hidden_from_s + hidden_s:
            assert made.state is SafetyState.HOLD
    assert made.reason in ("the hand is hidden", "no target for 200 ms")


def test_hand_that_is_seen_again_or_engaged_anew_is_followed_as_before():
    made = commander(stale_s=10.0)
    made.follow_until(0.05)
    follow(made, [START] * 10)
    assert (made.state, made.reason) == (SafetyState.HOLD, "the hand is hidden")
    made.follow_until(math.inf)
    follow(made, [START] * 2, 0.1)
    assert made.state is SafetyState.FOLLOW
    made.follow_until(0.0)
    made.engage(START, 0.2)
    follow(made, [START] * 2, 0.2)
    assert made.state is SafetyState.FOLLOW
    made.follow_until(math.nan)
    follow(made, [START] * 2, 0.3)
    assert made.state is SafetyState.HOLD


@pytest.mark.slow
@given(events=events, on_loss=st.sampled_from(["hold", "rest"]))
def test_limits_hold_whatever_comes_when(events, on_loss):
    made = SafeCommander(LIMITS, SafetyConfig(on_loss=on_loss))
    now_s, last_s, engaged_once = 100.0, math.nan, False
    before, velocity = None, np.zeros(3)
    for kind, step_s, numbers in events:
        now_s = now_s + step_s if math.isfinite(now_s + step_s) else 100.0
        at_s = now_s if math.isfinite(step_s) else step_s
        if kind == "offer":
            made.offer(numbers, at_s)
        elif kind == "refuse":
            made.refuse("test")
        elif kind == "disengage":
            made.disengage()
        elif kind == "engage":
            fresh = made.command(at_s) is None
            try:
                made.engage(START if before is None else before, at_s)
            except ValueError:
                continue
            engaged_once = True
            if fresh:
                before, velocity, last_s = (START if before is None else before), np.zeros(3), at_s
        command = made.command(at_s)
        if command is None:
            assert not made.engaged
            velocity = np.zeros(3)
            continue
        assert engaged_once
        assert np.isfinite(command.positions).all()
        assert (command.positions >= LIMITS.lower).all()
        assert (command.positions <= LIMITS.upper).all()
        dt = at_s - last_s
        moved = command.positions - before
        if dt > 0.0 and math.isfinite(dt):
            now_velocity = moved / dt
            slack = 1e-12 / dt + 1e-9
            assert (np.abs(now_velocity) <= LIMITS.velocity + slack).all()
            assert (np.abs(now_velocity - velocity) <= LIMITS.acceleration * dt + slack).all()
            velocity = now_velocity
        else:
            assert not moved.any()
            velocity = velocity if dt == 0.0 else np.zeros(3)
        before = command.positions
        last_s = at_s if math.isfinite(at_s) else last_s


def test_nothing_is_sent_before_engaging():
    made = SafeCommander(LIMITS, SafetyConfig())
    for step in range(50):
        made.offer(START, step * PERIOD_S)
        assert made.command(step * PERIOD_S) is None
    assert made.state is SafetyState.DISENGAGED


def test_first_command_is_where_the_robot_is():
    made = commander()
    made.offer(np.array([1.5, 0.04, 0.0]), 0.0)
    assert np.allclose(made.command(0.0).positions, START)


def test_target_is_approached_slowly_and_then_followed():
    made = commander(approach_s=2.0)
    target = np.array([1.0, 0.03, -0.2])
    positions = follow(made, [target] * 20)
    assert made.state is SafetyState.APPROACH
    speed = np.abs(np.diff(positions, axis=0)).max(axis=0) / PERIOD_S
    assert (speed <= LIMITS.span / 2.0 + ROUNDING).all()
    follow(made, [target] * 300, 0.2)
    assert made.state is SafetyState.FOLLOW
    assert np.allclose(made.command(10 * PERIOD_S + 3.11).positions, target, atol=1e-6)


def test_target_is_reached_without_overshoot():
    made = commander(approach_tolerance=1.0)
    target = np.array([1.0, 0.03, -0.2])
    positions = follow(made, [target] * 400)
    assert (positions <= target + ROUNDING).all()
    assert np.allclose(positions[-1], target)


def test_slow_targets_are_followed_within_a_few_milliradians():
    made = commander()
    wave = [START + np.array([0.1, 0.002, 0.05]) * math.sin(0.02 * step) for step in range(2000)]
    positions = follow(made, wave)
    assert np.abs(positions[500:] - wave[500:]).max(axis=0) == pytest.approx(np.zeros(3), abs=4e-3)


@pytest.mark.parametrize("reason", ["the hand is lost", "only a left hand"])
def test_a_refused_target_holds_with_the_next_command(reason):
    made = commander(approach_tolerance=1.0)
    follow(made, [np.array([1.0, 0.03, -0.2])] * 20)
    speed = np.abs(made.command(0.21).velocities)
    made.refuse(reason)
    braking = [made.command(0.21 + PERIOD_S * (step + 1)) for step in range(60)]
    assert (made.state, made.reason) == (SafetyState.HOLD, reason)
    assert (
        np.abs(braking[0].velocities) <= np.maximum(speed - LIMITS.acceleration * PERIOD_S, 0.0) + ROUNDING
    ).all()
    assert not braking[-1].velocities.any()


def test_joints_stop_as_fast_as_they_may_and_no_faster():
    made = commander(approach_tolerance=1.0)
    follow(made, [np.array([1.5, 0.04, 0.0])] * 15)
    velocity = made.command(0.16).velocities
    made.refuse("lost")
    steps = 0
    while made.command(0.17 + steps * PERIOD_S).velocities.any():
        steps += 1
    assert steps == pytest.approx(max(np.abs(velocity) / LIMITS.acceleration) / PERIOD_S, abs=2)


def test_stale_targets_are_not_followed():
    made = commander(stale_s=0.2)
    follow(made, [np.array([1.0, 0.03, -0.2])] * 10)
    assert made.command(0.29).velocities.any()
    assert made.state is SafetyState.APPROACH
    made.command(0.31)
    assert (made.state, made.reason) == (SafetyState.HOLD, "no target for 200 ms")


def test_what_was_held_is_approached_again():
    made = commander(approach_tolerance=0.05)
    target = np.array([1.0, 0.03, -0.2])
    follow(made, [target] * 400)
    assert made.state is SafetyState.FOLLOW
    made.refuse("lost")
    made.command(4.01)
    positions = follow(made, [START] * 30, 4.01)
    assert made.state is SafetyState.APPROACH
    assert (np.abs(np.diff(positions, axis=0)) / PERIOD_S <= LIMITS.span / 2.0 + ROUNDING).all()


def test_rest_pose_is_approached_when_that_is_what_a_loss_asks_for():
    rest = np.array([0.0, 0.04, -2.0])
    made = SafeCommander(LIMITS, SafetyConfig(on_loss="rest"), rest)
    made.engage(START, 0.0)
    made.refuse("lost")
    positions = np.array([made.command(PERIOD_S * step).positions for step in range(1, 400)])
    assert made.state is SafetyState.REST
    assert np.allclose(positions[-1], rest)
    assert (np.abs(np.diff(positions, axis=0)) / PERIOD_S <= LIMITS.span / 2.0 + ROUNDING).all()


def test_a_gap_between_commands_is_not_made_up_in_one_step():
    made = commander(approach_tolerance=1.0, catch_up_s=0.05, stale_s=10.0)
    made.offer(np.array([1.5, 0.0, -2.0]), 0.0)
    made.command(0.0)
    assert (np.abs(made.command(1.0).positions - START) <= 0.05 * LIMITS.velocity + ROUNDING).all()


def test_clock_that_goes_back_stops_and_waits_for_a_newer_target():
    made = commander()
    target = np.array([1.0, 0.03, -0.2])
    before = follow(made, [target] * 30)[-1]
    command = made.command(-100.0)
    assert np.array_equal(command.positions, before)
    assert not command.velocities.any()
    assert made.state is SafetyState.HOLD
    follow(made, [target] * 3, -100.0)
    assert made.state is SafetyState.APPROACH


def test_moving_joints_are_brought_to_a_stop_after_disengaging():
    made = commander(approach_tolerance=1.0)
    follow(made, [np.array([1.5, 0.04, 0.0])] * 15)
    made.disengage("switched off")
    commands = [made.command(0.15 + PERIOD_S * (step + 1)) for step in range(60)]
    assert commands[0] is not None
    assert commands[-1] is None
    sent = [command for command in commands if command is not None]
    assert not sent[-1].velocities.any()
    assert (made.state, made.reason) == (SafetyState.DISENGAGED, "switched off")


def test_targets_that_are_no_numbers_are_refused_by_what_is_wrong():
    made = commander()
    made.offer(np.array([0.0, math.nan, 0.0]), 0.01)
    assert made.reason == "the target holds a value that is not finite"
    with pytest.raises(ValueError, match=r"target is \(2,\), want \(3,\)"):
        made.offer(np.zeros(2), 0.02)


def test_robot_far_outside_its_limits_is_not_engaged():
    made = SafeCommander(LIMITS, SafetyConfig())
    with pytest.raises(ValueError, match="joint 0 stands at 2.000, want -0.500 to 1.500"):
        made.engage(np.array([2.0, 0.0, 0.0]), 0.0)
    assert not made.engaged
    made.engage(np.array([1.55, 0.0, 0.0]), 0.0)  # a worn stop
    assert made.command(0.0).positions[0] == 1.55
    with pytest.raises(ValueError, match="joint 1 stands at nan"):
        SafeCommander(LIMITS, SafetyConfig()).engage([0.0, math.nan, 0.0], 0.0)
    with pytest.raises(ValueError, match=r"the robot's position is \(2,\), want \(3,\)"):
        SafeCommander(LIMITS, SafetyConfig()).engage([0.0, 0.0], 0.0)
    with pytest.raises(ValueError, match="joint thumb stands at"):
        SafeCommander(LIMITS, SafetyConfig(), names=["thumb", "a", "b"]).engage([2.0, 0.0, 0.0], 0.0)


@given(
    start=st.tuples(st.floats(-0.69, 1.69), st.floats(-0.0039, 0.0439), st.floats(-2.19, 0.19)),
    target=st.tuples(numbers, numbers, numbers),
    steps_s=st.lists(st.floats(1e-3, 0.2), min_size=5, max_size=60),
    approach_s=st.floats(0.5, 5.0),
)
def test_robot_that_stands_a_little_outside_is_brought_in_at_the_rate_of_the_approach(
    start, target, steps_s, approach_s
):
    made = SafeCommander(LIMITS, SafetyConfig(approach_s=approach_s, stale_s=10.0, approach_tolerance=1e-6))
    made.engage(start, 0.0)
    before, velocity, now_s = np.array(start), np.zeros(3), 0.0
    np.testing.assert_array_equal(made.command(0.0).positions, before)
    slowest = np.minimum(LIMITS.span / approach_s, LIMITS.velocity)
    for number, step_s in enumerate(steps_s):
        if number:  # the first commands are without a target: it stands still where it is
            made.offer(target, now_s)
        now_s += step_s
        command = made.command(now_s)
        moved = command.positions - before
        np.testing.assert_allclose(command.velocities, moved / step_s, atol=1e-9)
        assert (np.abs(command.velocities - velocity) <= LIMITS.acceleration * step_s + ROUNDING).all()
        coming_in = (before < LIMITS.lower) | (before > LIMITS.upper)
        assert (np.abs(command.velocities[coming_in]) <= slowest[coming_in] + ROUNDING).all()
        outside = np.maximum(LIMITS.lower - command.positions, command.positions - LIMITS.upper)
        was_outside = np.maximum(LIMITS.lower - before, before - LIMITS.upper)
        assert (outside <= np.maximum(was_outside, 0.0) + 1e-15).all()
        before, velocity = command.positions, command.velocities
    if np.isfinite(target).all():
        for _ in range(round(3.0 * approach_s / 0.02)):
            now_s += 0.02
            made.offer(target, now_s)
            command = made.command(now_s)
        assert (command.positions >= LIMITS.lower).all()
        assert (command.positions <= LIMITS.upper).all()


@pytest.mark.parametrize("span", [0.0, 1e-9, 1e-4])
@pytest.mark.parametrize("turns, stands, too_far", [(True, 0.015, 0.03), (False, 4e-4, 2e-3)])
def test_joint_that_is_locked_is_engaged_and_brought_in_as_slowly_as_others(span, turns, stands, too_far):
    limits = JointLimits(*np.array([[0.0, 0.0], [1.5, span], [2.0, 2.0], [20.0, 20.0]]))

    def locked():
        least = least_ranges(limits.velocity, [False, not turns])
        return SafeCommander(limits, SafetyConfig(), names=["index", "wrist"], least=least)

    for sign in (-1.0, 1.0):
        made = locked()
        made.engage([0.2, sign * stands], 0.0)
        positions = follow(made, 200 * [[1.0, 0.0]])
        assert made.state is SafetyState.FOLLOW
        least = LEAST_TURN if turns else LEAST_WAY
        away = np.abs(positions[:-1, 1]) > 0.03 * least + span  # it has not reached its target yet
        assert away.any()
        assert np.abs(np.diff(positions[:, 1]))[away].max() <= PERIOD_S * least / 2.0 + ROUNDING
        assert 0.0 <= positions[-1, 1] <= span
        with pytest.raises(ValueError, match="joint wrist stands at"):
            locked().engage([0.2, sign * too_far], 0.0)


@pytest.mark.parametrize("slides, span", [(False, 0.05), (True, 0.004), (None, 0.01)])
def test_small_range_takes_as_long_as_any_other_and_what_is_outside_it_no_longer(slides, span):
    limits = JointLimits([0.0], [span], [2.0], [50.0])
    least = least_ranges(limits.velocity, None if slides is None else [slides])
    made = SafeCommander(limits, SafetyConfig(), least=least)
    made.engage([-0.09 * least[0]], 0.0)
    positions = follow(made, 300 * [[span]])[:, 0]
    inside = np.argmax(positions >= 0.0)
    assert inside * PERIOD_S < 0.3
    assert 1.6 < (np.argmax(positions > 0.85 * span) - inside) * PERIOD_S < 1.8
    assert made.state is SafetyState.FOLLOW


@pytest.mark.parametrize("velocity, least", [(1.0, 0.2), (9.0, 0.2), (0.1, 0.02), (0.01, 0.01)])
def test_joint_of_unknown_kind_has_least_range_by_its_velocity_between_those_of_slides_and_turns(
    velocity, least
):
    assert least_ranges(np.array([velocity]), None).tolist() == pytest.approx([least])


@pytest.mark.parametrize("elsewhere", [math.nan, math.inf, 77.0, -77.0])
def test_joint_that_is_not_sent_may_stand_anywhere(elsewhere):
    made = SafeCommander(LIMITS, SafetyConfig(), [0.3, 0.02, -1.0], sent=[True, False, True])
    made.engage([0.1, elsewhere, -0.5], 0.0)
    positions = made.command(0.0).positions
    assert list(positions[[0, 2]]) == [0.1, -0.5]
    assert LIMITS.lower[1] <= positions[1] <= LIMITS.upper[1]
    with pytest.raises(ValueError, match="joint 1 stands at"):
        SafeCommander(LIMITS, SafetyConfig(), sent=[False, True, True]).engage([0.1, elsewhere, 0.0], 0.0)


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"on_loss": "jump"}, "on_loss is 'jump', want one of hold, rest"),
        ({"stale_s": 0.0}, "stale_s is 0.0, want more than 0"),
        ({"approach_tolerance": 2.0}, "approach_tolerance is 2.0"),
        ({"approach_s": math.nan}, "approach_s is nan"),
    ],
)
def test_configuration_is_checked(changes, error):
    with pytest.raises(ValueError, match=error):
        SafetyConfig(**changes)


def test_limits_are_checked():
    with pytest.raises(ValueError, match="lower is above upper"):
        JointLimits(np.ones(2), np.zeros(2), np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="velocity"):
        JointLimits(np.zeros(2), np.ones(2), np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match="upper is"):
        JointLimits(np.zeros(2), np.ones(3), np.ones(2), np.ones(2))


@given(span=st.floats(0.5, 1e17), target=st.floats(0.3, 3.0))
def test_approach_is_slow_however_wide_the_limits_are(span, target):
    limits = JointLimits(*np.array([[-span / 2], [span / 2], [10.0], [100.0]]))
    made = SafeCommander(limits, SafetyConfig(approach_s=2.0, approach_tolerance=0.01))
    made.engage([0.0], 0.0)
    positions = follow(made, [[min(target, span / 2)]] * 5)
    assert made.state is SafetyState.APPROACH
    assert (np.abs(np.diff(positions, axis=0)) <= PERIOD_S * math.pi + ROUNDING).all()


def test_the_first_command_is_where_the_robot_stands_however_long_ago_it_was_engaged():
    made = commander()
    made.offer(START + 0.5, 0.05)
    first = made.command(0.1)
    np.testing.assert_array_equal(first.positions, START)
    np.testing.assert_array_equal(first.velocities, 0.0)
    second = made.command(0.11)
    assert (np.abs(second.velocities) <= made.limits.acceleration * 0.01 + 1e-9).all()
    assert (np.abs(second.positions - START) > 0.0).any()


def test_whoever_gets_a_command_may_change_its_arrays():
    def run(spoil: bool) -> list[np.ndarray]:
        made, found = commander(), []
        made.engage(made.positions, 0.0)
        for number in range(1, 30):
            target = 0.5 * (made.limits.lower + made.limits.upper)
            made.offer(target, 0.01 * number)
            command = made.command(0.01 * number)
            assert command is not None
            found.append(np.concatenate([command.positions, command.velocities]))
            if spoil:
                for array in (command.positions, command.velocities, made.positions, target):
                    array *= 1000.0
        return found

    assert np.array_equal(run(True), run(False))
