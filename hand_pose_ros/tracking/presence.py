"""Whether there is a hand where a track is, decided over frames.

In: frame after frame the log odds of a hand there, and the hand's confidence. Out: whether the track has begun, and
whether it is surely a hand.

The log odds are low-passed over frames: a track begins where they are high, ends where they are low, and in between
neither one doubtful frame nor one lucky one changes its state. (They are not summed: frames of one view err alike, and
a cup would be a hand in the end.) A search takes the likeliest of many places, so that what looks like a hand from one
viewpoint alone begins, too. From the next viewpoint it hardly does: a track is on probation at first, and one doubtful
look sends it back to where it has to begin anew. That happens once, so that no weak hand comes and goes.
"""

from __future__ import annotations

import numpy as np

from hand_pose_ros.detection.proposals import LOST, Proposal
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.scoring import low_passed


class Presence:
    """Of one track. Give it every frame's ``add``, then, where the hand was seen, ``see`` and ``begin``."""

    def __init__(self, config: TrackerConfig, proposal: Proposal | None = None) -> None:
        """proposal: what the track begins from; its log odds count for beginning only."""
        self._config = config
        self._prior = proposal.log_odds_prior if proposal else 0.0
        self._from_lost = proposal is not None and proposal.source == LOST
        self._log_odds: float | None = None  # low-passed
        self._frame = 0.0  # of the latest frame that counted
        self._odds_to_begin: float | None = None  # low-passed
        self._doubtful_since_s = np.inf  # from when on it was looked at and did not begin
        # Nearer to those with which a hand goes on than to those with which one begins.
        self._doubtful_log_odds = 0.5 * (config.scoring.seen_log_odds + config.start_odds)
        self.begun = False
        """Whether it is followed as a hand, and was not given up since."""
        self._begun_s: float | None = None  # None before, and again once it was sent back
        self._sent_back_s: float | None = None  # from its probation, which is not repeated

    @property
    def log_odds(self) -> float:
        """Log odds of a hand, low-passed over the frames; 0 before the first."""
        return self._log_odds or 0.0

    @property
    def track_log_odds(self) -> float:
        """Those, and its proposal's."""
        return self.log_odds + self._prior

    @property
    def is_likely(self) -> bool:
        """Whether it counts as there when it is not seen."""
        return self.log_odds >= self._config.scoring.seen_log_odds

    @property
    def is_heir(self) -> bool:
        """Whether it would not have begun but for a hand lost near it."""
        return self._from_lost and self.log_odds < (self._odds_to_begin or self._config.start_odds)

    @property
    def is_sure(self) -> bool:
        """Whether a hand that is found near it once it is lost may be taken for its heir: it is none itself (doubt
        would breed doubt), and was not sent back."""
        return self._begun_s is not None and not self.is_heir

    def was_doubtful(self, seen_s: float) -> bool:
        """Whether it was followed for a while, until ``seen_s``, without beginning."""
        return not self.begun and seen_s - self._doubtful_since_s >= self._config.search.doubtful_s

    def add(self, log_odds: float, hidden: bool) -> None:
        """A frame's log odds. hidden: something stands before the place, which is no evidence against a hand."""
        scoring = self._config.scoring
        if self._log_odds is None or not hidden:
            bounded = float(np.clip(log_odds, scoring.least_frame_log_odds, scoring.most_frame_log_odds))
            self._log_odds = low_passed(self._log_odds, bounded, self._config.track.log_odds_share)
            self._frame = bounded

    def see(self, log_odds: float, confidence: float, stamp_s: float) -> None:
        """The hand was seen, with its own crop's log odds and a confidence 0..1."""
        track = self._config.track
        likely = log_odds >= self._config.start_odds
        self._doubtful_since_s = stamp_s if likely else min(self._doubtful_since_s, stamp_s)
        if not self.begun or self._from_lost:
            return
        doubtful = confidence < track.confirming_confidence and self._frame < self._doubtful_log_odds
        is_new = self._sent_back_s is None and stamp_s - (self._begun_s or 0.0) <= track.probation_s
        if doubtful and is_new:
            self.begun, self._begun_s, self._sent_back_s = False, None, stamp_s
            self._log_odds = min(self.log_odds, self._odds_to_begin or self._config.start_odds)

    def begin(self, odds: float, stamp_s: float) -> None:
        """Begin where the log odds have reached these, as of :func:`~hand_pose_ros.tracking.scoring.odds_to_begin`.

        They are low-passed as the log odds are: what was seen at the edge counts for less where it has moved inside.
        """
        if self.begun and not self._from_lost:
            return
        self._odds_to_begin = low_passed(self._odds_to_begin, odds, self._config.track.log_odds_share)
        needed = self._config.start_odds if self._from_lost else self._odds_to_begin
        if not self.begun and self.track_log_odds >= needed and stamp_s != self._sent_back_s:
            self.begun, self._begun_s = True, stamp_s

    def assume(self) -> None:
        """As likely as a hand can be, whatever was seen."""
        self._log_odds = self._config.scoring.most_frame_log_odds
