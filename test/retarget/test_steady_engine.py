"""A hand at rest keeps the robot at rest; one that moves is answered at once."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.evaluation.operator_hands import moving_angles, operator_hand
from hand_pose_ros.retarget.steady_engine import SteadyConfig, SteadyEngine


class Creeping:
    """An engine whose answer never comes to rest."""

    name, joint_names = "creeping", ("a", "b")

    def __init__(self):
        self.calls, self.started = 0, None

    def retarget(self, hand):
        self.calls += 1
        return np.array([hand.points[8, 0], 0.01 * self.calls])

    def start_from(self, positions):
        self.started = positions


def hands(noise_m=0.0, count=90):
    rng = np.random.default_rng(0)
    hand = operator_hand("right", moving_angles(0, np.zeros(1))[0])
    return [hand._replace(points=hand.points + rng.normal(0, noise_m, (21, 3))) for _ in range(count)]


def test_hand_at_rest_is_answered_the_same_once_the_engine_has_settled():
    engine = SteadyEngine(Creeping(), SteadyConfig(still_m=0.003, settle_frames=5))
    answers = np.array([engine.retarget(hand) for hand in hands(0.0003)])
    assert (answers[6:] == answers[6]).all()
    assert (np.diff(answers[:6, 1]) > 0).all()


def test_hand_that_moves_is_answered_at_once():
    inner = Creeping()
    engine = SteadyEngine(inner, SteadyConfig(settle_frames=0))
    for angles in moving_angles(1, np.arange(0.3, 0.8, 1 / 30)):
        hand = operator_hand("right", angles)
        assert engine.retarget(hand)[0] == hand.points[8, 0]


def test_slow_motion_is_followed_within_the_distance():
    engine = SteadyEngine(Creeping(), SteadyConfig(still_m=0.003))
    hand = hands()[0]
    for step in range(200):
        moved = hand._replace(points=hand.points + 0.0002 * step)
        assert abs(engine.retarget(moved)[0] - moved.points[8, 0]) < 0.003


def test_every_hand_is_given_on_where_nothing_rests():
    inner = Creeping()
    engine = SteadyEngine(inner, SteadyConfig(still_m=0.0))
    for hand in hands(0.0, 30):
        engine.retarget(hand)
    assert inner.calls == 30


def test_new_start_is_given_on_and_looked_at_anew():
    inner = Creeping()
    engine = SteadyEngine(inner, SteadyConfig(settle_frames=0))
    hand = hands()[0]
    engine.retarget(hand)
    engine.start_from(np.ones(2))
    engine.retarget(hand)
    assert (inner.started.tolist(), inner.calls) == ([1.0, 1.0], 2)


def test_hand_that_is_no_number_is_refused():
    hand = hands()[0]
    with pytest.raises(ValueError, match="not finite"):
        SteadyEngine(Creeping(), SteadyConfig()).retarget(hand._replace(angles=np.full(20, np.nan)))


def test_configuration_is_checked():
    with pytest.raises(ValueError, match="still_m is -1"):
        SteadyConfig(still_m=-1.0)
    with pytest.raises(ValueError, match="settle_frames is -1, want a whole number, at least 0"):
        SteadyConfig(settle_frames=-1)


def test_an_engine_that_fails_fails_for_every_hand_and_never_answers_with_an_older_one():
    class Failing(Creeping):
        fails = False

        def retarget(self, hand):
            if self.fails:
                raise RuntimeError("no solution")
            return super().retarget(hand)

    inner = Failing()
    engine = SteadyEngine(inner, SteadyConfig(still_m=0.003, settle_frames=3))
    first, second = hands()[0], hands()[0]
    second = second._replace(points=second.points + 0.1)
    engine.retarget(first)
    inner.fails = True
    for _ in range(10):
        with pytest.raises(RuntimeError, match="no solution"):
            engine.retarget(second)
    inner.fails = False
    assert engine.retarget(second)[0] == second.points[8, 0]


def test_hands_and_answers_are_the_callers():
    def run(spoil: bool) -> list[np.ndarray]:
        engine, found = SteadyEngine(Creeping(), SteadyConfig()), []
        for hand in hands(noise_m=0.0005, count=30):
            answer = engine.retarget(hand)
            found.append(answer.copy())
            if spoil:
                for array in (answer, hand.points, hand.angles):
                    array *= 1000.0
        return found

    assert np.array_equal(run(True), run(False))
