"""Coordinate search: the fields of a configuration, one after the other, each to the best value of its grid.

In: a configuration (a frozen dataclass) to start from, a grid of values a field, a score (low is good). Out:
:class:`SearchResult`: the best configuration, its score, and every setting that was tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

Config = TypeVar("Config")
Grid = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Trial:
    """One setting that was tried."""

    field: str
    """The one that was changed."""
    value: Any
    """Its value."""
    score: float
    """Low is good."""
    accepted: bool
    """Whether the setting became the best."""


@dataclass(frozen=True)
class SearchResult(Generic[Config]):
    """What a search found."""

    best: Config
    """The best configuration."""
    score: float
    """Its score, never higher than the start's."""
    start_score: float
    """The start's."""
    trials: tuple[Trial, ...]
    """In their order."""

    @property
    def evaluations(self) -> int:
        """How often the score was computed, the start's included."""
        return 1 + len(self.trials)


def coordinate_search(
    start: Config,
    grid: Grid,
    score: Callable[[Config], float],
    *,
    rounds: int | None = None,
    evaluations: int | None = None,
    least_gain: float = 0.0,
    order: np.random.Generator | None = None,
    on_start: Callable[[float], None] | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    on_field: Callable[[str, Config, float], None] | None = None,
) -> SearchResult[Config]:
    """Goes over all fields until a round finds nothing better, ``rounds`` are done or ``evaluations`` are spent.

    A value is taken when it scores lower than the best so far by more than ``least_gain``. order: draws the order of
    the fields anew for each round; None keeps that of the grid. on_start, on_trial and on_field hear of the start's
    score, of every trial, and, after each field, of the best configuration with its score.
    """
    best, start_score = start, score(start)
    reached, trials = start_score, list[Trial]()
    if on_start is not None:
        on_start(start_score)
    done, found = 0, True
    while found and (rounds is None or done < rounds):
        found, done = False, done + 1
        for field in list(grid) if order is None else order.permutation(list(grid)).tolist():
            for value in grid[field]:
                if value == getattr(best, field):
                    continue
                if evaluations is not None and 1 + len(trials) >= evaluations:
                    return SearchResult(best, reached, start_score, tuple(trials))
                setting: Config = replace(best, **{field: value})  # type: ignore[type-var]
                now = score(setting)
                accepted = now < reached - least_gain
                if accepted:
                    best, reached, found = setting, now, True
                trials.append(Trial(field, value, now, accepted))
                if on_trial is not None:
                    on_trial(trials[-1])
            if on_field is not None:
                on_field(field, best, reached)
    return SearchResult(best, reached, start_score, tuple(trials))
