"""Looking at places with the pose network: both sides, again where a hand is off the crop's middle or lies in it, and
what it says.

In: an estimator, one image, groups of places (each group one hand's place, one place a side). Out: for each group its
estimates, one a side, and how much speaks for a hand there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.tracking.pose_inference import CropRequest, Estimate, HandEstimator
from hand_pose_ros.tracking.track import presence_log_odds

# A hand off the middle of its crop, or turned from upright, by more than this is looked at again.
_OFF_CENTRE_M, _TURNED_RAD = 0.05, 0.7
# Sine of the angle to the line of sight below which a hand is seen end-on.
_END_ON = 0.5
# Log odds of a hand below which, seen as a right hand, a place is none; from which on it is worth a second look; and
# above which more does not make it likelier. With the second run's weights 0.3 % of the places on hands lay below the
# first, 64 % of the others.
_NO_HAND_ODDS, _WORTH_ODDS, _SURE_ODDS = -2.0, 0.0, 6.0


def look(
    estimator: HandEstimator,
    depth: NDArray[np.float32],
    camera: Camera,
    groups: Sequence[Sequence[CropRequest]],
    timings: dict[str, float],
    sift: bool = False,
) -> list[list[Estimate]]:
    """Estimates of each group. ``sift``: of several places, those that are clearly no hand get no second crop for the
    other side, and no estimates."""

    def run(wanted: Sequence[Sequence[CropRequest]]) -> list[list[Estimate]]:
        flat = estimator(depth, camera, [place for group in wanted for place in group], timings)
        ends = np.cumsum([0] + [len(group) for group in wanted])
        return [flat[a:b] for a, b in pairwise(ends)]

    if sift and len(groups) > 1:
        answers = run([group[:1] for group in groups])
        likely = [i for i, answer in enumerate(answers) if presence_log_odds(answer[0]) >= _NO_HAND_ODDS]
        others = dict(zip(likely, run([groups[i][1:] for i in likely]), strict=True))
        answers = [answer + others[i] if i in others else [] for i, answer in enumerate(answers)]
    else:
        answers = run(groups)
    again: dict[int, list[CropRequest]] = {}
    for index, group in enumerate(answers):
        if group:
            best = max(group, key=hypothesis_score)
            if presence_log_odds(best) > _WORTH_ODDS and best.centre[2] > 0 and _worth_another_look(best):
                again[index] = [CropRequest(best.centre, e.frame.mirrored, best.roll_rad) for e in group]
    for index, group in zip(again, run(list(again.values())), strict=True):
        answers[index] = group
    return answers


def _worth_another_look(estimate: Estimate) -> bool:
    """Whether its hand is far off the crop's middle, or lies in it; seen end-on it has no direction to speak of."""
    frame = estimate.frame
    along = fingers_direction(estimate.joints)
    turn = abs(estimate.roll_rad - frame.roll_rad) % (2 * np.pi)
    turned = min(turn, 2 * np.pi - turn) > _TURNED_RAD
    seen = np.hypot(along[0], along[1]) > _END_ON * np.linalg.norm(along)
    return bool(turned and seen) or float(np.linalg.norm(estimate.centre - frame.centre)) > _OFF_CENTRE_M


def hypothesis_score(estimate: Estimate) -> float:
    """How much speaks for a hand here, for choosing between places."""
    return min(presence_log_odds(estimate), _SURE_ODDS) + estimate.fit


def is_hand(group: list[Estimate]) -> bool:
    """Whether it may be one."""
    return bool(group) and max(map(presence_log_odds, group)) > _WORTH_ODDS


def is_surely_hand(group: list[Estimate]) -> bool:
    """As a right hand and as a left one."""
    return bool(group) and min(map(presence_log_odds, group)) > _SURE_ODDS
