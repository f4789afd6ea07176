"""The coordinate search finds what is separable, never leaves a start for something worse, and counts what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.tuning.coordinate_search import Trial, coordinate_search


@dataclass(frozen=True)
class Point:
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


GRID = {"x": (-1.0, 0.0, 1.0, 2.0), "y": (0.0, 3.0, 5.0), "z": (0.0, 0.5)}


def separable(point: Point) -> float:
    return (point.x - 2.0) ** 2 + abs(point.y - 3.2) + (point.z - 0.1) ** 2


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_minimum_of_a_separable_function_is_found(seed: int | None) -> None:
    order = None if seed is None else np.random.default_rng(seed)
    found = coordinate_search(Point(), GRID, separable, order=order)
    assert found.best == Point(2.0, 3.0, 0.0)
    assert found.score == separable(found.best)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 30), st.floats(0.0, 0.5))
def test_result_is_never_worse_than_the_start(seed: int, evaluations: int, least_gain: float) -> None:
    rng, table = np.random.default_rng(seed), dict[Point, float]()

    def score(point: Point) -> float:
        return table.setdefault(point, float(rng.random()))

    order = np.random.default_rng(seed)
    found = coordinate_search(
        Point(), GRID, score, evaluations=evaluations, least_gain=least_gain, order=order
    )
    assert found.score == table[found.best] <= found.start_score == table[Point()]
    assert found.evaluations <= evaluations


def test_every_computed_score_is_counted_and_logged() -> None:
    calls: list[Point] = []
    heard: list[Trial] = []

    def score(point: Point) -> float:
        calls.append(point)
        return separable(point)

    found = coordinate_search(Point(), GRID, score, rounds=1, on_trial=heard.append)
    # The value that a field has is not tried again.
    assert found.evaluations == len(calls) == 1 + 3 + 2 + 1
    assert tuple(heard) == found.trials
    assert [trial.value for trial in found.trials if trial.accepted] == [1.0, 2.0, 3.0]


def test_search_ends_when_its_evaluations_are_spent() -> None:
    assert coordinate_search(Point(), GRID, separable, evaluations=1).best == Point()
    assert coordinate_search(Point(), GRID, separable, evaluations=4).evaluations == 4


def test_gain_that_is_too_small_is_not_taken() -> None:
    found = coordinate_search(Point(), {"z": (0.05,)}, separable, least_gain=0.1)
    assert found.best == Point()
    assert not any(trial.accepted for trial in found.trials)


def test_the_best_is_reported_after_each_field() -> None:
    reported: list[tuple[str, float]] = []
    coordinate_search(
        Point(),
        GRID,
        separable,
        rounds=1,
        on_field=lambda field, best, score: reported.append((field, score)),
    )
    assert [field for field, _ in reported] == list(GRID)
    assert [score for _, score in reported] == sorted((score for _, score in reported), reverse=True)
