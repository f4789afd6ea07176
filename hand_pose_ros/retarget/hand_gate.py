"""Whether a hand that is seen is the one that drives the robot.

In: the hands of each image, and the time at which they came. Out: the hand to follow, or why there is none. It follows
one track of one side from the engagement on; another track, as a hand gets that was lost, asks for a new engagement,
and so does any track of a tracker that was started again, for its numbers begin anew. Where those may go on without
one, it says so, for they may be anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hand_pose_ros.hand.skeleton import check_side
from hand_pose_ros.validation import not_negative, require_share, typed


class SeenHand(NamedTuple):
    """What is known of one hand besides its pose."""

    side: str
    track_id: int
    coasts: bool
    """It is hidden in this image."""
    confidence: float


@dataclass(frozen=True)
class GateConfig:
    """Which hands may drive a robot."""

    side: str = "right"
    """Of the hand."""
    coast_s: float = 0.1
    """A hand may be hidden for this long, from the first image without it on, whether or not more images follow.
    Chosen: three frames of a camera of 30 Hz."""
    min_confidence: float = 0.3
    """Least probability that a hand is right to 20 mm. Guessed: free hands in plain view are above 0.6."""
    follow_new_track: bool = False
    """Whether another track of the right side may go on without a new engagement."""

    def __post_init__(self) -> None:
        typed(self)
        check_side(self.side)
        not_negative(self, "coast_s")
        require_share("min_confidence", self.min_confidence)


class HandGate:
    """Follows one hand. ``changed`` says whether the hand chosen last is another one than was followed before it."""

    def __init__(self, config: GateConfig) -> None:
        self.config = config
        self.release()

    def release(self) -> None:
        """The next good hand is the one to follow."""
        self._track_id: int | None = None
        self._run = 0
        self._hidden_since_s: float | None = None
        self.changed = False

    @property
    def until_s(self) -> float:
        """How long the hand chosen last may be followed without another word of it, s of ``choose``'s clock: a hidden
        one until it has been hidden for too long; inf for one in plain view, whose age is the limits' concern."""
        return math.inf if self._hidden_since_s is None else self._hidden_since_s + self.config.coast_s

    def choose(self, hands: Sequence[SeenHand], now_s: float, run: int = 0) -> tuple[int | None, str]:
        """(index of the hand to follow, empty), or (None, why there is none). ``run`` is the tracker's, see
        ``TrackerRuns``."""
        config = self.config
        mine = [index for index, hand in enumerate(hands) if hand.side == config.side]
        if not mine:
            return None, f"only a hand of the other side than {config.side}" if hands else "no hand"
        same_run = run == self._run
        known = [index for index in mine if same_run and hands[index].track_id == self._track_id]
        if self._track_id is None or (not known and config.follow_new_track):
            # Of those that may be followed, the surest.
            index = max(mine, key=lambda i: (not hands[i].coasts, hands[i].confidence))
            self._hidden_since_s = None
        elif known:
            index = known[0]
        elif not same_run:
            return None, "the tracker was started again: engage again"
        else:
            return None, f"another hand (track {hands[mine[0]].track_id}, not {self._track_id}): engage again"
        hand = hands[index]
        if not hand.coasts:
            self._hidden_since_s = None
        elif self._hidden_since_s is None or now_s < self._hidden_since_s:
            self._hidden_since_s = now_s
        if not hand.confidence >= config.min_confidence:
            return None, f"confidence {hand.confidence:.2f}, want {config.min_confidence:.2f}"
        # The hand was hidden before this image already when it is the first that is known of it.
        if hand.coasts and (not known or now_s > self.until_s):
            return None, "the hand is hidden"
        self.changed = not known and self._track_id is not None
        self._track_id, self._run = hand.track_id, run
        return index, ""
