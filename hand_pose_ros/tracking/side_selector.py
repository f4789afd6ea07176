"""Which side a followed hand is of, decided over frames.

In: how well each side fits, frame by frame, and what is known of the other hand that is followed. Out: right or left.
By how much one side fits better is about the log odds of that side, as tools/measure_sides.py measures. Frames of one
hand are wrong together, so many of them say little more than their mean. While the side is open every frame decides;
then it sticks, and only when the other side fits better again and again it changes. Both are looked at the oftener the
less is known. Two hands are mostly a
person's two, so that what speaks for the side of one speaks, less, against that of the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hand_pose_ros.tracking.config import TrackConfig
from hand_pose_ros.tracking.estimate import Estimate


def log_odds_from_other_hand(other_left_log_odds: float, same_side_share: float) -> float:
    """The log odds of left that follow from the other hand's: of two hands, this share are of one side.

    Bayes' rule over the other hand's two sides; bounded by the share's own log odds, 0 for a share of a half or an
    other hand of which nothing is known.
    """
    other_left = 0.5 * (1.0 + np.tanh(0.5 * other_left_log_odds))
    left = other_left * same_side_share + (1.0 - other_left) * (1.0 - same_side_share)
    return float(np.log(left) - np.log1p(-left))


class SideSelector:
    """The side of one track."""

    def __init__(self, wanted: str, config: TrackConfig) -> None:
        """wanted: right or left, which is then the side for good, or auto."""
        self._fixed = wanted != "auto"
        self._config = config
        self._side: str | None = wanted if self._fixed else None
        self._open_frames = 0 if self._fixed else config.side_frames
        self._mean = 0.0  # of the frames' log odds of left, the latest rechecks counting most
        self._frames = 0
        self._frame = 0.0  # log odds of left of the latest
        self._checked_s = -np.inf

    def choose(
        self, estimates: Sequence[Estimate], stamp_s: float, other_left_log_odds: float = 0.0
    ) -> tuple[Estimate, Estimate, bool]:
        """Of a frame's estimates, one a side that was tried: that of the likelier side, that of the side for which this
        hand's own frames speak (in which it looks most like a hand), and whether the side changed."""
        if len(estimates) == 1:
            return estimates[0], estimates[0], False
        by_side = {estimate.side: estimate for estimate in estimates}
        right, left = by_side["right"], by_side["left"]
        changed = self.update(right.fit, left.fit, stamp_s, other_left_log_odds)
        return by_side[self._side or "right"], left if self.left_log_odds > 0.0 else right, changed

    @property
    def side(self) -> str | None:
        """right or left, None before the first decision."""
        return self._side

    @property
    def left_log_odds(self) -> float:
        """Log odds of left from this hand's own frames; negative where right fits better, 0 where the side was wanted.

        The log odds of n frames whose errors correlate by r are n / (1 + (n - 1) r) times their mean.
        """
        shared = 1.0 + max(self._frames - 1, 0) * self._config.side_correlation
        return self._mean * self._frames / shared

    def sides_to_try(self, stamp_s: float) -> tuple[str, ...]:
        """The sides that a crop should be taken for in a frame: both while the side is open, or the other hand's side
        decided against what this hand's own frames say, and now and then."""
        if not self._fixed:
            due = stamp_s - self._checked_s >= self._recheck_interval_s
            overruled = self._side is not None and (self._side == "left") != (self.left_log_odds > 0.0)
            if self._open_frames > 0 or overruled or due:
                return ("right", "left")
        return (self._side or "right",)

    @property
    def _recheck_interval_s(self) -> float:
        """How often both sides are tried once one is chosen: in every frame, 0, while neither is much likelier."""
        log_odds = abs(self.left_log_odds)
        if log_odds < self._config.unsure_side_log_odds:
            return 0.0
        sure = log_odds >= self._config.sure_side_log_odds
        return self._config.side_recheck_sure_s if sure else self._config.side_recheck_s

    def update(
        self, right_fit: float, left_fit: float, stamp_s: float, other_left_log_odds: float = 0.0
    ) -> bool:
        """One frame in which both sides were tried. Returns whether the side changed (the first decision counts).

        other_left_log_odds: the ``left_log_odds`` of the other hand, 0 without one.
        """
        config = self._config
        most = config.most_side_log_odds
        frame = float(np.clip(left_fit - right_fit, -most, most))
        since_s = max(stamp_s - self._checked_s, 0.0)
        weight = config.side_recheck_weight * min(since_s / config.side_recheck_s, 1.0)
        if self._open_frames > 0 or self._recheck_interval_s == 0.0:
            self._frames += 1
            weight = max(weight, 1.0 / self._frames)
        self._mean += weight * (frame - self._mean)
        is_open = self._side is None or self._open_frames > 0
        needed = 0.0 if is_open else config.side_switch_log_odds
        log_odds = self.left_log_odds + log_odds_from_other_hand(other_left_log_odds, config.same_side_share)
        better = "left" if log_odds > 0.0 else "right"
        # No single frame turns a known side, but two in a row, or the other hand's side.
        own = "left" if self.left_log_odds > 0.0 else "right"
        agreed = own != better or all((each > 0.0) == (better == "left") for each in (frame, self._frame))
        changed = abs(log_odds) >= needed and better != self._side and (is_open or agreed)
        self._frame = frame
        if changed:
            self._side = better
        self._open_frames = max(self._open_frames - 1, 0)
        self._checked_s = stamp_s
        return changed
