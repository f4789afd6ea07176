"""Whether an operator wants the robot to follow: a switch, and a deadman's button that must be held.

In: the switch and what the button says, with the times (s, of one steady clock). Out: yes, or no and why not.
"""

from __future__ import annotations

from hand_pose_ros.validation import require, require_positive

DEADMAN: tuple[str, ...] = ("optional", "required", "engages", "off")
"""What the button does. optional: the switch engages, and once a button was heard it must be held too. required:
the switch engages while the button is held. engages: holding it is enough; the switch only stops, until the button was
let go and held again. off: nobody listens."""


class Engagement:
    """Nothing is wanted at first. ``stopped``: the switch stopped it before, which still holds. ``heard``: so was a
    button, which must be held from now on."""

    def __init__(
        self, deadman: str = "optional", timeout_s: float = 0.3, stopped: bool = False, heard: bool = False
    ) -> None:
        require(deadman in DEADMAN, "", "deadman", deadman, f"one of {', '.join(DEADMAN)}")
        require_positive("deadman_timeout_s", timeout_s)
        self.deadman, self.timeout_s = deadman, timeout_s
        self.reset()
        self.stopped = stopped and deadman == "engages"
        self.heard = heard

    def reset(self) -> None:
        """Switched off, and no button was heard."""
        self.switched_on = False
        self.stopped = False
        self._held = self.heard = False
        self._heard_s = 0.0

    def switch(self, on: bool) -> None:
        """What the service says."""
        self.switched_on = on
        self.stopped = self.deadman == "engages" and not on

    def press(self, held: bool, now_s: float) -> None:
        """What the button says now."""
        self._held, self.heard, self._heard_s = held, True, now_s
        # Only its word: a radio that is silent for a moment has let nothing go that the switch had stopped.
        self.stopped = self.stopped and held

    def wanted(self, now_s: float) -> tuple[bool, str]:
        """(whether it is to follow, empty), or (False, why not)."""
        if self.deadman != "engages" and not self.switched_on:
            return False, "not engaged"
        if self.deadman == "off" or (self.deadman == "optional" and not self.heard):
            return True, ""
        if not self.heard or not self._held:
            return False, "the deadman's button is not held"
        if not 0.0 <= now_s - self._heard_s <= self.timeout_s:
            return False, f"no word of the deadman's button for {self.timeout_s * 1e3:.0f} ms"
        if self.stopped:
            return False, "switched off: let the deadman's button go and hold it again"
        return True, ""
