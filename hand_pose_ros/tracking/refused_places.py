"""Places that the pose network refused a moment ago: what looks like a hand to the detectors and is none costs a crop
in every frame, unless it is left alone for a while.

In: proposals, where each is refused, frames in order of time. Out: the proposals that are worth a crop. A place counts
as new as soon as it has moved, so a hand that comes to where something was refused is looked at at once. What looks as
it did when it was refused, wherever it has gone meanwhile, is left alone for longer each time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

# A place's look: the depth at so many points a side of a square about it that reaches so far, m. Guessed: a hand's
# size, in steps of less than two fingers.
_POINTS, _HALF_WIDTH_M = 11, 0.10
_SQUARE = np.zeros((_POINTS**2, 3))
_SQUARE[:, 0] = np.tile(np.linspace(-_HALF_WIDTH_M, _HALF_WIDTH_M, _POINTS), _POINTS)
_SQUARE[:, 1] = np.repeat(np.linspace(-_HALF_WIDTH_M, _HALF_WIDTH_M, _POINTS), _POINTS)
# What is proposed this near to a place that has not changed is the same thing, m. Derived: well within the square.
_SURE_M = 0.08
# Depth counts up to so far before and behind the place, m: what is beyond is background. Guessed, a hand's length.
_REACH_M = 0.12
# Points agree within this depth, and this much more a metre away squared, m. Guessed: several times a sensor's noise.
_SAME_M, _SAME_PER_M = 0.012, 0.012
# Two looks are alike where so large a share of the points that have a depth in both agree, and so large a share of all
# has one. Guessed: a place that is off by a few millimetres changes a tenth of them, along outlines.
_AGREE, _COMPARABLE = 0.85, 0.25


class HoldTimes(NamedTuple):
    """How long a refused place is left alone, seconds."""

    first_s: float
    """When it is refused for the first time; twice as long as the last time after that."""
    most_s: float
    """But no longer than this while it looks as it did."""
    most_changed_s: float
    """And no longer than this where it looks otherwise."""
    most_rechecks: int = 1000
    """So many places that were refused before are worth a crop in one frame, at most; new ones always are.
    Chosen: in practice all."""

    def without_growth(self) -> HoldTimes:
        """The same each time: for what may be a hand after all."""
        return self._replace(most_s=self.first_s)


class _Place(NamedTuple):
    """A place that was refused."""

    centre: Array
    """(3,) m."""
    look: Array
    """How it looked, see :func:`look_at`."""
    since_s: float
    """When it was refused last, s, by the frames' stamps."""
    hold_s: float
    """How long it is left alone from then on, s."""


class RefusedPlaces:
    """Remembers where the network refused something, and how it looked there."""

    def __init__(self, moved_m: float, carried_m: float) -> None:
        """What is farther than ``moved_m`` from a place is another one, unless it looks the same and is within
        ``carried_m``: then the thing itself has moved."""
        self._moved_m, self._carried_m = moved_m, max(carried_m, moved_m)
        self._places: list[_Place] = []

    def add(self, centre: Array, frame: DepthFrame, hold: HoldTimes) -> None:
        """Leaves the place (3,) m alone from this frame on: for twice as long as the last time where it was refused
        before."""
        look = look_at(frame, centre)
        hold_s = hold.first_s
        others: list[_Place] = []
        for place in self._places:
            most_s = self._most_s(place, centre, look, frame, hold)
            if most_s is None:
                others.append(place)
            else:
                hold_s = max(hold_s, min(2.0 * place.hold_s, most_s))
        self._places = [*others, _Place(centre, look, frame.stamp_s, hold_s)]

    def without(self, proposals: Sequence[Proposal], frame: DepthFrame, hold: HoldTimes) -> list[Proposal]:
        """The proposals that lie at no place which is left alone in this frame."""
        stamp_s = frame.stamp_s
        # Longer than they are left alone (guessed: three times as long), so that the next refusal knows of them.
        self._places = [place for place in self._places if stamp_s - place.since_s < 3.0 * place.hold_s]
        kept, rechecks = [], 0
        for proposal in proposals:
            left_s = self._left_alone_s(proposal.centre, frame, hold)
            known = left_s is not None
            if left_s is None or (left_s <= 0.0 and rechecks < hold.most_rechecks):
                kept.append(proposal)
                rechecks += known
        return kept

    def _left_alone_s(self, centre: Array, frame: DepthFrame, hold: HoldTimes) -> float | None:
        """For how long from this frame on what is proposed there is left alone; None: nothing was refused there."""
        near = [place for place in self._places if _gap_m(place, centre) < self._carried_m]
        look = look_at(frame, centre) if near else np.empty(0)
        left_s: float | None = None
        for place in near:
            most_s = self._most_s(place, centre, look, frame, hold)
            if most_s is not None:
                left_s = max(left_s or 0.0, place.since_s + min(place.hold_s, most_s) - frame.stamp_s)
        return left_s

    def _most_s(
        self, place: _Place, centre: Array, look: Array, frame: DepthFrame, hold: HoldTimes
    ) -> float | None:
        """For how long at most a place holds what is proposed at ``centre`` and looks so; None: it is another one."""
        distance_m = _gap_m(place, centre)
        if distance_m >= self._carried_m:
            return None
        if looks_alike(look, place.look, place.centre[2]):
            return hold.most_s
        # Where the proposal jitters the place itself shows whether anything has come to it.
        if distance_m < _SURE_M and looks_alike(look_at(frame, place.centre), place.look, place.centre[2]):
            return hold.most_s
        return hold.most_changed_s if distance_m < self._moved_m else None


def _gap_m(place: _Place, centre: Array) -> float:
    return math.dist(place.centre, centre)


def look_at(frame: DepthFrame, centre: Array) -> Array:
    """How the surface about a place (3,) m looks: depth less the place's own, bounded, at points of a square that
    faces the camera, (_POINTS²,) m; NaN where there is none."""
    look = np.full(_POINTS**2, np.nan)
    z = float(centre[2])
    if z > 0.0:
        _look_kernel(frame.surface, frame.camera.project(centre + _SQUARE), z, look)
    return look


def looks_alike(a: Array, b: Array, distance_m: float) -> bool:
    """Whether two looks at a place, or at two, so far away show the same surface but for noise."""
    return bool(_alike_kernel(a, b, _SAME_M + _SAME_PER_M * distance_m**2))


@njit(nogil=True, cache=True)
def _look_kernel(depth: Array32, pixels: Array, z: float, look: Array) -> None:
    """Fill look (N,) at pixels (N, 2), NaN for none; what lies outside the image (H, W) m stays."""
    for n in range(len(look)):
        u, v = pixels[n]
        if u > -0.5 and u < depth.shape[1] - 0.5 and v > -0.5 and v < depth.shape[0] - 0.5:
            apart = depth[int(np.rint(v)), int(np.rint(u))] - z
            if apart == apart:  # not NaN
                look[n] = min(max(apart, -_REACH_M), _REACH_M)


@njit(nogil=True, cache=True)
def _alike_kernel(a: Array, b: Array, same_m: float) -> bool:
    """Whether enough of a (N,) and b (N,) can be compared and enough of that is the same within ``same_m``."""
    both = same = 0
    for n in range(len(a)):
        apart = abs(a[n] - b[n])
        both += apart < np.inf  # not NaN
        same += apart < same_m
    return both >= _COMPARABLE * len(a) and same >= _AGREE * both
