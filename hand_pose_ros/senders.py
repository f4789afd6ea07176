"""Whether several send the messages of one topic at once, or one after another.

In: who sent each message, and when it came (s, of one steady clock). Out: whether several send at once, and who. One
that was started again is another sender, and the one before is not heard again; of two that send at once each is.
"""

from __future__ import annotations

import math

MEMORY_S = 3.0
"""Who was not heard for longer has ended. Guessed: three images of the slowest camera, one a second."""
PATIENCE_S = 1.0
"""So long several must have been heard in turn. Guessed: one that is started again may still hear the end of the one
before."""


class Senders:
    """Remembers who sends. One thread may see messages while another asks."""

    def __init__(self) -> None:
        self._heard: dict[bytes, float] = {}
        self._last = b""
        self._since_s = self._returned_s = -math.inf

    def see(self, sender: bytes, now_s: float) -> None:
        """A message came; of a sender that the middleware does not name (empty) nothing is known."""
        if not sender:
            return
        heard = {who: at_s for who, at_s in self._heard.items() if 0.0 <= now_s - at_s <= MEMORY_S}
        if sender != self._last and sender in heard:
            if not 0.0 <= now_s - self._returned_s <= MEMORY_S:
                self._since_s = now_s
            self._returned_s = now_s
        self._heard, self._last = {**heard, sender: now_s}, sender

    def several(self, now_s: float) -> bool:
        """Whether several send at once; not where nobody is known to."""
        in_turn = self._returned_s - self._since_s >= PATIENCE_S
        return in_turn and 0.0 <= now_s - self._returned_s <= MEMORY_S

    def heard(self, now_s: float) -> list[bytes]:
        """Who sent of late, those that have just ended among them: fewer may send at once."""
        return [who for who, at_s in self._heard.items() if 0.0 <= now_s - at_s <= MEMORY_S]
