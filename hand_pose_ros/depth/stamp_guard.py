"""Whether a message's stamp goes on from those before it, is a stray one, or is that of a clock that was set.

In: stamps (ns) of one topic's messages in order of arrival, with the steady time (s) of arrival. Out: a
:class:`StampVerdict` for each.

A message that arrives may be late, so its stamp may lag behind; but no message comes from the future: what its stamp
lies ahead of its arrival is the same for all messages of a clock, but for a rate of playback. So a stamp far ahead of
that, or far behind the newest one, is stray. Only when several stray ones in a row go on from each other, or when
nothing else comes any more, has the clock been set.
"""

from __future__ import annotations

import statistics
from collections import deque
from enum import Enum
from typing import NamedTuple

_NS = 1_000_000_000
# Nearer than this to what is expected, a stamp is a frame out of order or a late one, s. Guessed: long against a frame.
_TOLERANCE_S = 0.5
# So many steps between stamps may be missing before one is stray: slow recordings that are played fast. Guessed.
_STEPS = 3.0
# So many stray stamps in a row that go on from each other are a clock that was set. Guessed: drivers' single wrong
# stamps seldom come in pairs.
_IN_A_ROW = 3
# Without any other message for this long, and for so many steps, a single stray stamp is a clock that was set, s.
# Guessed.
_ALONE_S = 0.4
# So many stamps are remembered. Guessed: a third of a second of a camera.
_MEMORY = 10
# For so long after a clock was set back, messages from before may still arrive, s of steady time. Guessed: more than a
# queue holds, or a busy machine delays.
_ON_THE_WAY_S = 1.0


class StampVerdict(Enum):
    """What a stamp is."""

    GOES_ON = "goes on"
    """In order, or out of order by little."""
    STRAY = "stray"
    """Far from those before: the message is to be left out."""
    CLOCK_SET = "clock set"
    """The clock was set: from here on stamps go on from this one."""


class StampGuard:
    """Judges the stamps of one topic."""

    def __init__(self) -> None:
        self._steps_s: deque[float] = deque(maxlen=_MEMORY)
        self.reset()

    def reset(self) -> None:
        """The next stamp is the first. How far stamps lie apart is remembered: else a slow recording that is played
        fast would be taken for a clock that is set again and again."""
        self._newest_ns: int | None = None
        self._ahead_s: deque[float] = deque(maxlen=_MEMORY)
        self._stray: list[tuple[int, float]] = []

    def judge(self, stamp_ns: int, arrival_s: float, protect: bool = True) -> StampVerdict:
        """The verdict on the next message; unless there is something to protect a stray one is followed at once."""
        if not protect and self._newest_ns is not None and not self._goes_on(stamp_ns, arrival_s):
            backwards = stamp_ns < self._newest_ns
            self.reset()
            self._accept(stamp_ns, arrival_s)
            return StampVerdict.CLOCK_SET if backwards else StampVerdict.GOES_ON
        if self._newest_ns is None or self._goes_on(stamp_ns, arrival_s):
            self._stray.clear()
            self._accept(stamp_ns, arrival_s)
            return StampVerdict.GOES_ON
        if self._stray and not 0 < stamp_ns - self._stray[-1][0]:
            self._stray.clear()
        self._stray.append((stamp_ns, arrival_s))
        if len(self._stray) < _IN_A_ROW:
            return StampVerdict.STRAY
        self._begin_anew()
        return StampVerdict.CLOCK_SET

    def settle(self, now_s: float) -> bool:
        """Whether a stray stamp turned out to be that of a clock that was set, for nothing else came since."""
        wait_s = max(_ALONE_S, _STEPS * (statistics.median(self._steps_s) if self._steps_s else 0.0))
        if not self._stray or now_s - self._stray[0][1] < wait_s:
            return False
        self._begin_anew()
        return True

    def jump_s(self, stamp_ns: int) -> float:
        """How far a stamp lies after the newest one, s."""
        return 0.0 if self._newest_ns is None else (stamp_ns - self._newest_ns) / _NS

    def _goes_on(self, stamp_ns: int, arrival_s: float) -> bool:
        if stamp_ns < (self._newest_ns or 0) - round(_TOLERANCE_S * _NS):
            return False
        typical_s = statistics.median(self._steps_s) if self._steps_s else 0.0
        most_s = max(self._ahead_s) + max(_TOLERANCE_S, _STEPS * typical_s)
        return stamp_ns / _NS - arrival_s <= most_s

    def _accept(self, stamp_ns: int, arrival_s: float) -> None:
        if self._newest_ns is not None and stamp_ns > self._newest_ns:
            self._steps_s.append((stamp_ns - self._newest_ns) / _NS)
        self._newest_ns = stamp_ns if self._newest_ns is None else max(stamp_ns, self._newest_ns)
        self._ahead_s.append(stamp_ns / _NS - arrival_s)

    def _begin_anew(self) -> None:
        stray = self._stray
        if len(stray) > 1:  # they have steps of their own
            self._steps_s.clear()
        self.reset()
        for stamp_ns, arrival_s in stray:
            self._accept(stamp_ns, arrival_s)


class ClockSetBack(NamedTuple):
    """A clock that was set back: messages of different topics overtake each other, so one stamped before may arrive
    after the clock's own."""

    from_ns: int
    """What it showed before."""
    at_s: float
    """When that was, steady seconds."""

    def was_before(self, stamp_ns: int, now_ns: int, steady_s: float) -> bool:
        """Whether a message that arrives now, with the clock at ``now_ns``, is from before: its stamp is nearer to what
        the clock showed then than to what it shows now."""
        on_the_way = steady_s - self.at_s < _ON_THE_WAY_S and now_ns < self.from_ns
        return on_the_way and 2 * stamp_ns > now_ns + self.from_ns
