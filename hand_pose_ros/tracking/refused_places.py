"""Places that the pose network refused a moment ago: what looks like a hand to the detectors and is none costs a crop
in every frame, unless it is left alone for a while.

In: proposals, where each is refused, stamps in seconds, in order of time. Out: the proposals that are worth a crop. A
place counts as new as soon as it has moved, so a hand that comes to where something was refused is looked at at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.detection.proposals import Proposal


class RefusedPlaces:
    """Remembers where; ``moved_m`` farther off is another place."""

    def __init__(self, moved_m: float) -> None:
        self._moved_m = moved_m
        self._places: list[tuple[NDArray[np.float64], float]] = []

    def add(self, centre: NDArray[np.float64], until_s: float) -> None:
        """Leaves the place (3,) m alone until a stamp."""
        self._places.append((centre, until_s))

    def without(self, proposals: Sequence[Proposal], stamp_s: float) -> list[Proposal]:
        """The proposals that lie at no place which is left alone at this stamp."""
        self._places = [(centre, until_s) for centre, until_s in self._places if until_s > stamp_s]
        return [proposal for proposal in proposals if not self._holds(proposal.centre)]

    def _holds(self, centre: NDArray[np.float64]) -> bool:
        return any(float(np.linalg.norm(centre - other)) < self._moved_m for other, _ in self._places)
