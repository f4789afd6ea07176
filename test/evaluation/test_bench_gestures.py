"""Figures of gestures: agreement, lateness, what is missed and what is told too much."""

from __future__ import annotations

import numpy as np

from hand_pose_ros.evaluation.bench_gestures import GestureRun, figures


def run_of(truth: list[int], told: list[int], held: list[str | None] | None = None) -> GestureRun:
    """One flag, that of the index finger's pinch."""
    flags = [np.zeros((len(truth), 5), bool) for _ in range(2)]
    flags[0][:, 0], flags[1][:, 0] = truth, told
    return GestureRun(flags[0], flags[1], tuple(held or [None] * len(truth)))


def test_perfect_run():
    flags = [0] * 10 + [1] * 10 + [0] * 10
    found = figures([run_of(flags, flags, [None] * 12 + ["index_pinch"] * 6 + [None] * 12)])
    assert (found.images, found.agreement, found.held_agreement) == (30, 100.0, 100.0)
    assert (found.held_pinches, found.held_without_fault) == (1, 1)
    assert (found.late, found.missed, found.extra) == ({"0": 2}, 0, 0)


def test_late_begin_early_end_and_a_fault_while_held():
    truth = [0] * 10 + [1] * 20 + [0] * 10
    told = [0] * 11 + [1] * 9 + [0] + [1] * 7 + [0] * 12
    found = figures([run_of(truth, told, [None] * 15 + ["index_pinch"] * 10 + [None] * 15)])
    assert found.late == {"-2": 1, "1": 1}
    assert (found.missed, found.extra) == (0, 2)
    assert found.held_agreement == 90.0
    assert found.held_without_fault == 0
    assert found.held_told == 90.0


def test_missed_and_extra():
    truth = [0] * 5 + [1] * 10 + [0] * 20
    told = [0] * 25 + [1] * 3 + [0] * 7
    found = figures([run_of(truth, told, ["index_pinch"] * 35)])
    assert (found.missed, found.extra, found.late) == (2, 2, {})
