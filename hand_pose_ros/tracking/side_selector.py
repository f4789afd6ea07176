"""Which side a followed hand is of, decided over frames.

In: how well each side fits, frame by frame, and what is known of the other hand that is followed. Out: right or left.
While the side is open every frame decides; then it sticks, and only when the other side fits clearly better again and
again it changes. Two hands are mostly a person's two, so that what speaks for the side of one speaks, less, against
that of the other.
"""

from __future__ import annotations

import numpy as np

from hand_pose_ros.tracking.config import TrackConfig


class SideSelector:
    """The side of one track."""

    def __init__(self, wanted: str, config: TrackConfig) -> None:
        """wanted: right or left, which is then the side for good, or auto."""
        self._fixed = wanted != "auto"
        self._config = config
        self._side: str | None = wanted if self._fixed else None
        self._open_frames = 0 if self._fixed else config.side_frames
        self._left_fit = 0.0  # by how much left fits better, summed up
        self._checked_s = -np.inf

    @property
    def side(self) -> str | None:
        """right or left, None before the first decision."""
        return self._side

    @property
    def left_fit(self) -> float:
        """By how much left fits better, summed up; negative where right does, 0 where the side was wanted."""
        return self._left_fit

    def sides_to_try(self, stamp_s: float) -> tuple[str, ...]:
        """The sides that a crop should be taken for in a frame."""
        if not self._fixed:
            sure = abs(self._left_fit) >= self._config.most_side_fit
            interval_s = self._config.side_recheck_sure_s if sure else self._config.side_recheck_s
            due = stamp_s - self._checked_s >= interval_s
            if self._open_frames > 0 or due:
                return ("right", "left")
        return (self._side or "right",)

    def update(self, right_fit: float, left_fit: float, stamp_s: float, other_left_fit: float = 0.0) -> bool:
        """One frame in which both sides were tried. Returns whether the side changed (the first decision counts).

        other_left_fit: the ``left_fit`` of the other hand, 0 without one.
        """
        config = self._config
        gain = float(np.clip(left_fit - right_fit, -config.most_side_gain, config.most_side_gain))
        self._left_fit = float(np.clip(self._left_fit + gain, -config.most_side_fit, config.most_side_fit))
        needed = 0.0 if self._side is None or self._open_frames > 0 else config.side_switch_fit
        fit = self._left_fit - config.other_hand_share * other_left_fit
        better = "left" if fit > 0.0 else "right"
        changed = abs(fit) >= needed and better != self._side
        if changed:
            self._side = better
        self._open_frames = max(self._open_frames - 1, 0)
        self._checked_s = stamp_s
        return changed
