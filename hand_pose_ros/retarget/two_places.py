"""Whether one hand is seen in two places in turn: of two trackers, each of which has a hand of this number, where
nobody says who sent a message.

In: a hand's joints (m) and angles (rad), message by message, and when each came (s, of one steady clock). Out: whether
it went to and fro faster than a hand can. Not told are trackers one of which sends more than twice as often as the
other, those that together send less than 25 messages a second, and those whose hands are alike.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_AWAY_M, _AWAY_RAD = 0.05, 0.5
"""Another place: the joints are so far from those of the message before on average, or one angle is. Guessed: further
than a hand goes from an image to the next, and nearer than hands before two cameras are."""
_BACK = 0.25  # of that way; guessed: how far a hand moves between two messages of one of the trackers
_BACK_S = 0.09
"""Back within this time. Chosen: a hand to and fro 10 times a second takes longer. Guessed: hands shake at most 6 times
a second."""
_MESSAGES = 30  # chosen: half a second of two cameras of 30 Hz
_SHARE = 0.5
"""So many of the last messages must be back. Guessed: of two equal trackers all are, where one sends twice as often two
of three; of a tracker that is wrong now and then few."""


class TwoPlaces:
    """Remembers the last messages."""

    def __init__(self) -> None:
        self._last: deque[tuple[float, Array, Array]] = deque(maxlen=3)
        self._back: deque[bool] = deque(maxlen=_MESSAGES)

    def see(self, joints: Array, angles: Array, now_s: float) -> bool:
        """A message's hand, joints (23, 3) and angles (20,): whether it is in two places by now. One with numbers that
        are not finite is nowhere, and passed over."""
        back = False
        if not (np.isfinite(joints).all() and np.isfinite(angles).all()):
            return self._is_in_two()
        if self._last:
            _, *before = self._last[-1]
            away = _way(joints, angles, *before)
            back = away > 1.0 and any(
                0.0 <= now_s - at_s <= _BACK_S and _way(joints, angles, *older) <= _BACK * away
                for at_s, *older in list(self._last)[:-1]
            )
        self._last.append((now_s, joints, angles))
        self._back.append(back)
        return self._is_in_two()

    def _is_in_two(self) -> bool:
        return sum(self._back) >= _SHARE * _MESSAGES


def _way(joints: Array, angles: Array, other_joints: Array, other_angles: Array) -> float:
    """How far apart two hands are; above 1 in another place."""
    offset = joints - other_joints
    metres = np.sqrt((offset * offset).sum(-1)).mean()
    return float(max(metres / _AWAY_M, np.abs(angles - other_angles).max() / _AWAY_RAD))
