"""The palm's motion as a pose and a twist for a robot's arm, with a clutch and a scale.

In: the pose of one palm (rotation (3, 3), position (3,) m) in a fixed frame, image after image, with its stamp in s,
and whether the clutch is engaged. Out: :class:`PalmCommand` in the same frame: where the arm's tool is to be, and how
fast.

While the clutch is engaged the command moves as the palm does, ``scale`` times as far, from where the command was when
it was engaged; turns are not scaled. While it is not, the command stays and the palm may go anywhere: engaging again
keeps the offset. The first command of all is the palm's own pose. A hand that is lost, of another track or jumps lets
the clutch go, and so does a stamp that does not rise or comes after a long gap: whoever wants to go on engages again.

The pose is as smooth as the tracker makes it; only the twist, which differences make noisy, has a low-pass of its own,
and sums up to the command's way but for its lag.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hand_pose_ros import validation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PalmFollowerConfig:
    """ValueError, naming the field, on a value that makes no sense."""

    scale: float = 1.0
    """How far the command goes for a metre of the palm's way."""
    twist_hz: float = 4.0
    """Cut-off of the twist's low-pass (its lag is 1 / (2 pi Hz): 40 ms); 0: none. Guessed: above what a person does on
    purpose, below the trembling and the noise of differences at 30 Hz."""
    longest_gap_s: float = 0.3
    """A longer time between two images in which the hand is seen lets the clutch go. Guessed: longer than a camera's
    hiccup or a moment's occlusion, shorter than what an operator does without being seen."""
    fastest_m_s: float = 4.0
    """A palm that is faster has jumped, and lets the clutch go. Guessed: above what a person does on purpose."""
    fastest_rad_s: float = 20.0
    """A palm that turns faster has flipped, and lets the clutch go. Guessed: above what a person does on purpose."""

    def __post_init__(self) -> None:
        validation.typed(self)
        validation.between(self, 0.01, 100, "scale")
        validation.between(self, 0, 1000, "twist_hz")
        validation.positive(self, "longest_gap_s", "fastest_m_s", "fastest_rad_s")


@dataclass(frozen=True, eq=False)
class PalmCommand:
    """Where the tool is to be, in the frame of the palm's pose."""

    position: Array
    """(3,) m."""
    rotation: Array
    """(3, 3)."""
    linear: Array
    """(3,) m/s."""
    angular: Array
    """(3,) rad/s, about the frame's axes."""
    engaged: bool
    """Whether it follows the palm; else it stays, and the twist is 0."""

    def __post_init__(self) -> None:
        for name in ("position", "rotation", "linear", "angular"):  # the follower goes on from its own
            object.__setattr__(self, name, getattr(self, name).copy())


@dataclass(frozen=True, eq=False)
class _Pose:
    """At a stamp, s; position (3,) m, rotation (3, 3)."""

    stamp_s: float
    position: Array
    rotation: Array


class PalmFollower:
    """Of one side. ``engaged`` says whether the clutch is."""

    def __init__(self, config: PalmFollowerConfig | None = None, stands: PalmCommand | None = None) -> None:
        """``stands``: the last command of a follower before, which the first one of this is then."""
        self.config = config or PalmFollowerConfig()
        self.engaged = False
        self._track_id: int | None = None
        self._seen: _Pose | None = None  # the palm before, while engaged
        self._palm: _Pose | None = None  # when it was engaged
        self._start: _Pose | None = None  # the command then
        self._command = None if stands is None else _Pose(-math.inf, stands.position, stands.rotation)
        self._hidden_s: float | None = None  # since when, while engaged and not seen since
        self._linear, self._angular = np.zeros(3), np.zeros(3)

    @property
    def stands(self) -> PalmCommand | None:
        """The last command as one that stays; None before the first."""
        last = self._command
        return (
            None
            if last is None
            else PalmCommand(last.position, last.rotation, np.zeros(3), np.zeros(3), False)
        )

    def engage(self, wanted: bool) -> None:
        """With the next palm: engaged from where it is then. Engaging twice keeps the offset as it is."""
        if not wanted:
            self._let_go()
        self.engaged = wanted

    def lose(self) -> PalmCommand | None:
        """No palm is seen any more: the clutch is let go. The command that stays, None where the clutch was not engaged
        or nothing was commanded yet."""
        followed = self.engaged and self._palm is not None
        self.engage(False)
        return self.stands if followed else None

    def hide(self, stamp_s: float) -> PalmCommand | None:
        """The palm is hidden in this image: the command stays until it is seen again, soon, or else is lost."""
        if not self.engaged:
            return None
        if self._hidden_s is None:
            self._hidden_s = stamp_s if self._seen is None else self._seen.stamp_s
        if not 0.0 <= stamp_s - self._hidden_s <= self.config.longest_gap_s:
            return self.lose()
        stands = self.stands
        if stands is None or self._palm is None:
            return None
        self._linear, self._angular = np.zeros(3), np.zeros(3)
        return replace(stands, engaged=True)

    def update(self, track_id: int, rotation: Array, position: Array, stamp_s: float) -> PalmCommand | None:
        """The palm of a track, seen -> the command; None before the clutch was engaged for the first time.

        ValueError for numbers that are not finite.
        """
        position = validation.finite_array("position", position, (3,))
        rotation = validation.finite_array("rotation", rotation, (3, 3))
        validation.require(math.isfinite(stamp_s), "", "stamp_s", stamp_s, "a finite number")
        palm, last = _Pose(stamp_s, position, rotation), self._command
        if self.engaged and self._seen is not None and not self._follows(track_id, palm, self._seen):
            self.engage(False)
        self._track_id, self._hidden_s = track_id, None
        self._seen = palm if self.engaged else None
        if not self.engaged:
            return None if last is None else self._standing(last, stamp_s)
        if self._palm is None:
            self._palm = palm
            start = palm if last is None else last
            self._start = _Pose(stamp_s, start.position, start.rotation)
            self._command = self._start
            return PalmCommand(start.position, start.rotation, np.zeros(3), np.zeros(3), True)
        return self._moved(palm, self._palm)

    def _follows(self, track_id: int, palm: _Pose, seen: _Pose) -> bool:
        """Whether it is the palm seen before, moved on as a palm can."""
        step_s = palm.stamp_s - seen.stamp_s
        if track_id != self._track_id or not 0.0 < step_s <= self.config.longest_gap_s:
            return False
        way = float(np.linalg.norm(palm.position - seen.position))
        # Of a rotation the trace is 1 + 2 cos(angle).
        cosine = 0.5 * (float(np.trace(palm.rotation @ seen.rotation.T)) - 1.0)
        turn = math.acos(min(max(cosine, -1.0), 1.0))
        return way <= self.config.fastest_m_s * step_s and turn <= self.config.fastest_rad_s * step_s

    def _moved(self, palm: _Pose, engaged_at: _Pose) -> PalmCommand:
        assert self._start is not None
        assert self._command is not None
        start, last = self._start, self._command
        way = self.config.scale * (palm.position - engaged_at.position)
        turn = palm.rotation @ engaged_at.rotation.T
        now = _Pose(palm.stamp_s, start.position + way, turn @ start.rotation)
        step_s = now.stamp_s - last.stamp_s
        share = (
            -math.expm1(-2.0 * math.pi * self.config.twist_hz * step_s) if self.config.twist_hz > 0 else 1.0
        )
        self._linear = self._linear + share * ((now.position - last.position) / step_s - self._linear)
        turned = Rotation.from_matrix(now.rotation @ last.rotation.T).as_rotvec()
        self._angular = self._angular + share * (turned / step_s - self._angular)
        self._command = now
        return PalmCommand(now.position, now.rotation, self._linear, self._angular, True)

    def _standing(self, last: _Pose, stamp_s: float) -> PalmCommand:
        self._command = _Pose(stamp_s, last.position, last.rotation)
        return PalmCommand(last.position, last.rotation, np.zeros(3), np.zeros(3), False)

    def _let_go(self) -> None:
        self._palm = self._start = self._seen = self._hidden_s = None
        self._linear, self._angular = np.zeros(3), np.zeros(3)
