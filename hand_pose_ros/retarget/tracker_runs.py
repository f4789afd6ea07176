"""Whether the tracker whose hands come is still the one of before.

In: who sent a message of hands, its stamp, when it came. Out: the number of the tracker's run, another one with each
restart: a tracker that was started again counts its tracks from 1 again, so that a track's number alone names no hand.
And whether several trackers send at once, whose runs are one message long each.
"""

from __future__ import annotations

from hand_pose_ros.senders import Senders
from hand_pose_ros.validation import require_positive


class TrackerRuns:
    """Counts runs. ``silence_s``: where the sender is not known, what comes after nothing came for longer is another
    run's."""

    def __init__(self, silence_s: float) -> None:
        require_positive("silence_s", silence_s)
        self._silence_s = silence_s
        self._run = 0
        self._before: tuple[bytes, int, float] | None = None
        self._senders = Senders()

    def see(self, sender: bytes, stamp_ns: int, now_s: float) -> int:
        """The run that a message is of.

        ``sender`` names its publisher, which a node makes anew whenever it is started or configured; empty where the
        middleware does not say. ``stamp_ns`` of its image: one before that of the message before is of a recording
        that began again, or of a clock that was set. ``now_s`` by one steady clock.
        """
        self._senders.see(sender, now_s)
        if self._before is not None:
            sender_before, stamp_before_ns, before_s = self._before
            silent = not sender and not now_s - before_s <= self._silence_s
            if sender != sender_before or stamp_ns < stamp_before_ns or silent:
                self._run += 1
        self._before = (sender, stamp_ns, now_s)
        return self._run

    def several(self, now_s: float) -> bool:
        """Whether several trackers send at once; not where the middleware does not say who sends."""
        return self._senders.several(now_s)
