"""How well a network, and the tracker with it, does on hands that other sensors see.

In: a :class:`~hand_pose_ros.evaluation.sensor_sets.RenderedHands`, a ``PoseEstimator``, a ``HandTracker``. Out:
:class:`SensorResult`, one a sensor.

*Found* is a log odds of a hand of at least the tracker's ``start_odds`` after two passes: a crop about the true middle
off by 10 mm, and another one about the hand that the first gave; of the two sides the better one counts, as the tracker
scores them. *Joint error* is the median over all hands, found or not, of the hand's mean joint error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.evaluation.sensor_sets import RenderedHands
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.synthetic.random_streams import SplitStream
from hand_pose_ros.synthetic.splits import REPORT_SPLIT
from hand_pose_ros.tracking.estimate import CropRequest, Estimate
from hand_pose_ros.tracking.pose_inference import PoseEstimator
from hand_pose_ros.tracking.scoring import best_hypothesis, presence_log_odds
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.tracker import HandTracker

Array = NDArray[np.float64]

CENTRE_ERROR_M = 0.010
"""How far the first crop's middle lies from the hand's, in any direction, metres. Guessed."""
TRACKED_WITHIN_M = 0.10
"""A tracked hand whose middle is nearer than this to the true one is that one, metres. Guessed: half a hand."""


@dataclass(frozen=True, eq=False)
class SensorResult:
    """What N hands gave through one sensor."""

    log_odds: Array
    """(N,) of a hand, after two passes."""
    error_mm: Array
    """(N,): mean joint errors after two passes."""
    tracked: NDArray[np.bool_] | None
    """(N,): whether the full tracker publishes the hand of one picture; None where it was not run."""

    def summary(self, start_odds: float) -> dict[str, Any]:
        """Plain figures: the count, the share found, errors in mm, quartiles of the log odds, the share tracked."""
        quartiles = np.percentile(self.log_odds, (25, 50, 75))
        return {
            "count": len(self.log_odds),
            "found": found_share(self.log_odds, start_odds),
            "joint_error_mm": float(np.median(self.error_mm)),
            "log_odds": [float(value) for value in quartiles],
            "tracked": None if self.tracked is None else float(self.tracked.mean()),
        }


def found_share(log_odds: Array, start_odds: float) -> float:
    """Share of the log odds (N,) that are at least ``start_odds``. ValueError for none."""
    if len(log_odds) == 0:
        raise ValueError("no log odds given, want those of at least one hand")
    return float((np.asarray(log_odds) >= start_odds).mean())


def evaluate_sensors(
    hands: RenderedHands, sensors: Sequence[str], estimator: PoseEstimator, tracker: HandTracker | None = None
) -> dict[str, SensorResult]:
    """Every hand of the set, as each sensor sees it, through two passes of the network and, where one is given, through
    the whole tracker; by sensor. ValueError for a sensor that is not known."""
    scoring = estimator.config.scoring
    rng = np.random.default_rng([REPORT_SPLIT, SplitStream.SENSOR_CENTRES, hands.config.seed])
    ways = rng.normal(size=(len(hands), 3))
    ways *= CENTRE_ERROR_M / np.linalg.norm(ways, axis=1, keepdims=True)
    log_odds, error_mm = np.empty((2, len(sensors), len(hands)))
    tracked = np.zeros((len(sensors), len(hands)), dtype=bool)
    name = f"{hands.config.hands} hands at {hands.config.distance_m:g} m"
    for index in tqdm(range(len(hands)), desc=name, unit="hand", disable=None, leave=False):
        hand = hands[index]
        for number, sensor in enumerate(sensors):
            frame = DepthFrame(hand.depth(sensor), hand.rig.camera)
            best = best_hypothesis(
                two_passes(estimator, frame, hand.joints.mean(axis=0) + ways[index]), scoring
            )
            log_odds[number, index] = presence_log_odds(best, scoring)
            error_mm[number, index] = mean_error_mm(best, hand.joints)
            if tracker is not None:
                tracked[number, index] = is_tracked(tracker, frame, hand.joints)
    return {
        sensor: SensorResult(log_odds[i], error_mm[i], None if tracker is None else tracked[i])
        for i, sensor in enumerate(sensors)
    }


def two_passes(estimator: PoseEstimator, frame: DepthFrame, centre: Array) -> list[Estimate]:
    """Estimates of both sides of crops about the hand that crops about ``centre`` (3,) m gave, turned upright."""
    first = estimator(frame, [CropRequest(centre, side == "left") for side in SIDES], StageTimer())
    best = best_hypothesis(first, estimator.config.scoring)
    if best.centre[2] <= 0.0:
        return first
    again = [CropRequest(best.centre, side == "left", best.roll_rad) for side in SIDES]
    return estimator(frame, again, StageTimer())


def mean_error_mm(estimate: Estimate, truth: Array) -> float:
    """Mean distance of the estimate's joints from the true ones (23, 3) m, mm."""
    joints = estimate.frame.local_to_camera(estimate.joints)
    return float(1000.0 * np.linalg.norm(joints - truth, axis=1).mean())


def is_tracked(tracker: HandTracker, frame: DepthFrame, truth: Array) -> bool:
    """Whether the tracker, anew, publishes the hand with joints (23, 3) m from this one picture."""
    tracker.reset()
    result = tracker.update(frame.depth, frame.camera, frame.stamp_s)
    middle = truth.mean(axis=0)
    return any(
        np.linalg.norm(found.joints.mean(axis=0) - middle) < TRACKED_WITHIN_M for found in result.hands
    )


TABLE_HEAD = (
    "| set | hands | found, % | joint error, mm | log odds, quartiles | tracked from one picture, % |\n"
    "|---|---|---|---|---|---|"
)
"""Of a Markdown table of :func:`table_row` rows."""


def table_row(name: str, summary: dict[str, Any]) -> str:
    """One set's summary as a row of a Markdown table."""
    odds = " / ".join(f"{value:.1f}" for value in summary["log_odds"])
    tracked = "" if summary["tracked"] is None else f"{100 * summary['tracked']:.1f}"
    return (
        f"| {name} | {summary['count']} | {100 * summary['found']:.1f} | {summary['joint_error_mm']:.1f} "
        f"| {odds} | {tracked} |"
    )
