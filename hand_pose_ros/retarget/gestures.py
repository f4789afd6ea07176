"""What a hand does: pinches of the thumb with each finger, and grasps, with hysteresis and events.

In: the hand of one track, image after image. Out: :class:`Gesture`: distances (m), strengths from 0 to 1, what is held,
and what began or ended in this image. No clock: hysteresis is in the strengths, so that nothing comes late.

A pinch's strength follows the gap between the two fingertips' flesh: the distance of their joints less both radii of
this hand. A finger that is folded into the palm does not pinch, near as the thumb may lie to it in a fist. A grasp's
strength follows the finger that is curled least, so that pointing and counting are no grasps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros import validation
from hand_pose_ros.hand import skeleton
from hand_pose_ros.refine.surface_model import END_RADII

Array = NDArray[np.float64]

PINCH_FINGERS: tuple[str, ...] = skeleton.FINGERS[1:]
"""The fingers that pinch with the thumb, in the order of all arrays of four."""
_TIPS = list(skeleton.TIP_JOINTS)
_FLEXIONS = skeleton.FINGER_ANGLE_TABLE[1:, 1:]


class GestureEvent(IntEnum):
    """What begins or ends. The numbers are those of HandGesture.msg."""

    INDEX_PINCH_BEGIN = 1
    INDEX_PINCH_END = 2
    MIDDLE_PINCH_BEGIN = 3
    MIDDLE_PINCH_END = 4
    RING_PINCH_BEGIN = 5
    RING_PINCH_END = 6
    PINKY_PINCH_BEGIN = 7
    PINKY_PINCH_END = 8
    GRASP_BEGIN = 9
    GRASP_END = 10


def pinch_event(finger: int, begins: bool) -> GestureEvent:
    """The event of a finger's pinch, by its index in PINCH_FINGERS."""
    return GestureEvent(2 * finger + (1 if begins else 2))


@dataclass(frozen=True)
class GestureConfig:
    """From which strength on something is held. ValueError, naming the field, on a value that makes no sense."""

    open_gap_m: float = 0.06
    """The gap between two fingertips at which a pinch's strength is 0, of a hand of the template's size; it is 1 where
    they touch. Guessed: about the thumb's distance from a finger at rest."""
    begin_pinch: float = 0.85
    """A pinch begins at this strength. Guessed, as are the strengths at which it ends and a grasp begins and ends; what
    they do is measured with ``hand-pose bench gestures`` (docs/reference/interaction.md)."""
    end_pinch: float = 0.40
    """A pinch ends below this strength."""
    closed_rad: float = 3.2
    """The sum of a finger's three flexions in a fist: from there on its curl is 1, and it does not pinch. Guessed."""
    folded_curl: float = 0.8
    """From this curl on a finger pinches less. Measured with ``hand-pose bench gestures --seed 100 --people 16``: the
    ring finger of a pinch is curled by up to 0.82, which 0.75 took for a fold; more tells pinches in closing fists."""
    begin_grasp: float = 0.75
    """A grasp begins at this strength."""
    end_grasp: float = 0.60
    """A grasp ends below this strength."""

    def __post_init__(self) -> None:
        validation.typed(self)
        validation.positive(self, "open_gap_m", "closed_rad")
        validation.share(self, "begin_pinch", "end_pinch", "begin_grasp", "end_grasp")
        validation.require(
            0 <= self.folded_curl < 1, "", "folded_curl", self.folded_curl, "0 to 1, without 1"
        )
        for name in ("pinch", "grasp"):
            begin, end = getattr(self, f"begin_{name}"), getattr(self, f"end_{name}")
            validation.require(end <= begin, "", f"end_{name}", end, f"at most begin_{name}, {begin}")


@dataclass(frozen=True, eq=False)
class Gesture:
    """One hand in one image."""

    distances: Array
    """(4,) m, from the thumb's tip joint to each finger's, as PINCH_FINGERS."""
    strengths: Array
    """(4,) 0 to 1."""
    pinching: NDArray[np.bool_]
    """(4,)."""
    grasp_strength: float
    """0: flat, 1: fist."""
    grasping: bool
    """Whether a grasp is held."""
    events: tuple[GestureEvent, ...]
    """In the order of their numbers."""


class GestureDetector:
    """Of one track: keeps what is held from image to image."""

    def __init__(self, config: GestureConfig | None = None) -> None:
        self.config = config or GestureConfig()
        self._pinching = np.zeros(len(PINCH_FINGERS), dtype=bool)
        self._grasping = False
        self._distances: Array | None = None

    def update(self, joints: Array, angles: Array, scale: float = 1.0, thickness: float = 0.0) -> Gesture:
        """Joints (23, 3) m, angles (20,) rad, the hand's scale and its flesh's log thickness -> the gesture."""
        config = self.config
        distances = np.linalg.norm(joints[_TIPS[1:]] - joints[_TIPS[0]], axis=1)
        flesh = (END_RADII[_TIPS[1:]] + END_RADII[_TIPS[0]]) * (scale * np.exp(thickness))
        near = np.clip(1.0 - (distances - flesh) / (config.open_gap_m * scale), 0.0, 1.0)
        curls = angles[_FLEXIONS].sum(axis=1) / config.closed_rad
        strengths = near * np.clip((1.0 - curls) / (1.0 - config.folded_curl), 0.0, 1.0)
        grasp = float(np.clip(curls.min(), 0.0, 1.0))
        pinching = np.where(self._pinching, strengths >= config.end_pinch, strengths >= config.begin_pinch)
        grasping = grasp >= (config.end_grasp if self._grasping else config.begin_grasp)
        return self._taken(distances, strengths, pinching, grasp, grasping)

    def end(self) -> Gesture | None:
        """The hand is lost: everything that is held ends. None where nothing is."""
        if self._distances is None or not (self._pinching.any() or self._grasping):
            return None
        nothing = np.zeros(len(PINCH_FINGERS))
        return self._taken(self._distances, nothing, nothing > 0, 0.0, False)

    def _taken(
        self, distances: Array, strengths: Array, pinching: NDArray[np.bool_], grasp: float, grasping: bool
    ) -> Gesture:
        events = [
            pinch_event(finger, bool(pinching[finger]))
            for finger in range(len(PINCH_FINGERS))
            if pinching[finger] != self._pinching[finger]
        ]
        if grasping != self._grasping:
            events.append(GestureEvent.GRASP_BEGIN if grasping else GestureEvent.GRASP_END)
        self._pinching, self._grasping = pinching.copy(), grasping  # the answer's arrays are the caller's
        self._distances = distances.copy()
        return Gesture(distances, strengths, pinching, grasp, grasping, tuple(events))
