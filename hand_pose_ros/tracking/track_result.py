"""What a tracker answers to one frame.

In: the hands of a frame. Out: :class:`TrackResult`, the state that they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from hand_pose_ros.tracking.hand import Hand, TrackState


@dataclass(frozen=True, eq=False)
class TrackResult:
    """What was tracked in one frame. Its arrays are the caller's: the tracker does not look at them again."""

    hands: tuple[Hand, ...]
    """The hands to publish, in TRACK or COAST, refined."""
    state: TrackState
    """The tracker's own state."""
    timings_ms: dict[str, float]
    """Milliseconds that each stage took: locate, crop, network, refine, filter."""
    raw_makers: tuple[Callable[[], Hand], ...] = ()
    """What makes ``raw``, one for one."""

    @cached_property
    def raw(self) -> tuple[Hand, ...]:
        """The same hands as the network alone has them, one for one; made when they are asked for."""
        return tuple(make().copied() for make in self.raw_makers)


def state_of(hands: Sequence[Hand], had_hand: bool) -> TrackState:
    """The state of a frame with these hands; LOST is that of the one frame after the last hand."""
    if any(hand.state == TrackState.TRACK for hand in hands):
        return TrackState.TRACK
    if hands:
        return TrackState.COAST
    return TrackState.LOST if had_hand else TrackState.SEARCH
