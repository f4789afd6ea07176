"""Places that the pose network refused a moment ago: what looks like a hand to the detectors and is none costs a crop
in every frame, unless it is left alone for a while.

In: proposals, where each is refused, stamps in seconds, in order of time. Out: the proposals that are worth a crop. A
place counts as new as soon as it has moved, so a hand that comes to where something was refused is looked at at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.detection.proposals import Proposal


class _Place(NamedTuple):
    centre: NDArray[np.float64]
    since_s: float
    hold_s: float


class RefusedPlaces:
    """Remembers where; ``moved_m`` farther off is another place."""

    def __init__(self, moved_m: float) -> None:
        self._moved_m = moved_m
        self._places: list[_Place] = []

    def add(
        self, centre: NDArray[np.float64], stamp_s: float, hold_s: float, most_s: float | None = None
    ) -> None:
        """Leaves the place (3,) m alone for ``hold_s`` from a stamp on. With ``most_s`` for twice as long as the last
        time where it was refused before and has not moved since, up to that long."""
        most_s = hold_s if most_s is None else most_s
        hold_s = min(
            max([hold_s, *(2.0 * place.hold_s for place in self._places if self._is_at(place, centre))]),
            most_s,
        )
        self._places = [place for place in self._places if not self._is_at(place, centre)]
        self._places.append(_Place(centre, stamp_s, hold_s))

    def without(
        self, proposals: Sequence[Proposal], stamp_s: float, most_s: float = np.inf
    ) -> list[Proposal]:
        """The proposals that lie at no place which is left alone at this stamp; none is for longer than ``most_s``."""
        # Some time longer than they are left alone, so that the next refusal knows of them.
        self._places = [place for place in self._places if stamp_s - place.since_s < 3.0 * place.hold_s]
        return [
            proposal
            for proposal in proposals
            if not any(
                self._is_at(place, proposal.centre) and stamp_s - place.since_s < min(place.hold_s, most_s)
                for place in self._places
            )
        ]

    def _is_at(self, place: _Place, centre: NDArray[np.float64]) -> bool:
        return float(np.linalg.norm(centre - place.centre)) < self._moved_m
