"""A synthetic person who shows gestures by a script: pinches, a fist, counting fingers; each is held for a while.

In: a seed, a Camera, a side, a time. Out: as :class:`hand_pose_ros.synthetic.motion.SyntheticMotion`, and which gesture
is held. Pinches are solved for this person's hand, so that the fingertips touch.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand import skeleton
from hand_pose_ros.refine.surface_model import END_RADII
from hand_pose_ros.synthetic.motion import KEYFRAME_S, KeyPose, SyntheticMotion, between, minimum_jerk
from hand_pose_ros.synthetic.poses import facing_rotation
from hand_pose_ros.synthetic.random_streams import SeedStream

Array = NDArray[np.float64]

MOVE_S, HOLD_S = 0.5, 0.6
"""How long the hand takes from one gesture to the next, and how long it holds each. Guessed: a person's pace."""

_PINCHES = tuple(f"{finger}_pinch" for finger in ("index", "middle", "ring"))
_COUNTS = ("one", "two", "three", "four", "five")
SCRIPT: tuple[str, ...] = tuple(name for gesture in (*_PINCHES, "grasp") for name in ("open", gesture)) + (
    "open",
    *_COUNTS,
)
"""The gestures in their order; then it begins again."""
SCRIPT_S = len(SCRIPT) * (MOVE_S + HOLD_S)
"""How long the script takes, s."""

RANDOM_S = 19 * KEYFRAME_S
"""How long the demo's hand moves at random before it shows the script, s. Chosen: about 20, to an instant at which it
rests."""

LEAVE_S, AWAY_S = 0.6, 1.2
"""How long the hand takes to leave the picture, and again to come back, and how long it is away. Guessed: a person who
scratches his head."""
ABSENCE_S = AWAY_S + 2.0 * LEAVE_S
"""From the moment at which it begins to leave to its return to the same place, s."""
_OUT_M = np.array([0.0, 0.60, 0.0])
"""Down, where the arm comes from: beyond the picture's edge with all fingers. Guessed."""
_TURN_RAD = (0.25, 0.20, 0.25)
"""Standard deviations of roll, pitch and yaw: people show gestures to a camera, and never twice alike. Guessed."""

# Flexions (mcp, pip, dip) in rad, guessed by eye: of a finger that is stretched, rests, or is closed.
_STRAIGHT, _AT_REST, _CLOSED = (0.05, 0.08, 0.05), (0.15, 0.30, 0.15), (1.30, 1.65, 0.85)
# The thumb's cmc abduction and flexion, mcp and ip flexion: away from the hand, over closed fingers.
_THUMB_OUT, _THUMB_OVER = (0.25, -0.30, 0.0, 0.0), (0.0, 0.40, 0.55, 0.70)
# Where the solver of pinches begins: the thumb, then the finger's abduction and flexions; guessed by eye.
_THUMB_PINCHING, _FINGER_PINCHING = (0.05, 0.15, 0.35, 0.35), (0.0, 0.85, 0.85, 0.45)
_PINCH_SPREAD_RAD = 0.35
_CONTACT_TOLERANCE_M = 0.0005


class GestureMotion(SyntheticMotion):
    """One person's hand going through SCRIPT, again and again, after ``random_s`` seconds of SyntheticMotion's own
    random poses; ValueError as :class:`SyntheticMotion`. At ``leaves_s`` (s) it leaves the picture, is away for a
    while, comes back, and goes on where it was; by default it never does."""

    def __init__(
        self,
        seed: int,
        camera: Camera,
        side: str = "right",
        random_s: float = 0.0,
        leaves_s: float = math.inf,
    ) -> None:
        super().__init__(seed, camera, side)
        self._random_s, self._leaves_s = random_s, leaves_s
        self._step = lru_cache(maxsize=4)(self._make_step)

    def held(self, t: float) -> str | None:
        """The gesture of SCRIPT that is held at time t, s; None while the hand is on its way to the next."""
        if 0.0 <= t - self._leaves_s < ABSENCE_S:
            return None
        index, since = divmod(self._own_time(t) - self._random_s, MOVE_S + HOLD_S)
        return SCRIPT[int(index) % len(SCRIPT)] if index >= 0 and since >= MOVE_S else None

    def angles(self, t: float) -> Array:
        """(20,) rad at time t, s."""
        return self._key_pose(t).angles

    @property
    def scale(self) -> float:
        """The person's size against the template hand."""
        return float(np.exp(self._subjects.shape[self._subject, 0]))

    def _key_pose(self, t: float) -> KeyPose:
        pose = self._present_pose(self._own_time(t))
        absent = t - self._leaves_s
        if not 0.0 <= absent < ABSENCE_S:
            return pose
        return pose._replace(place=pose.place + _ramp(min(absent, ABSENCE_S - absent) / LEAVE_S) * _OUT_M)

    def _own_time(self, t: float) -> float:
        """The time of its own that passes while it is there, s."""
        return min(t, max(self._leaves_s, t - ABSENCE_S))

    def _present_pose(self, t: float) -> KeyPose:
        if t < self._random_s:
            return super()._key_pose(t)
        index, since = divmod(t - self._random_s, MOVE_S + HOLD_S)
        share = min(since / MOVE_S, 1.0)
        return between(self._step(int(index) - 1), self._step(int(index)), share)

    def _make_step(self, index: int) -> KeyPose:
        """The pose of one step: another view and place each time. Before the first it is where the random poses end."""
        if index < 0 and self._random_s > 0.0:
            return super()._key_pose(self._random_s)
        rng = np.random.default_rng([SeedStream.GESTURES, self.seed, index + 1])
        rotation = facing_rotation(*rng.normal(0.0, _TURN_RAD))
        place = np.array([0.0, 0.02, 0.52]) + rng.uniform(-1.0, 1.0, 3) * [0.06, 0.04, 0.08]
        return KeyPose(
            self._angles(SCRIPT[index % len(SCRIPT)]), rotation, place, rng.normal(0, [0.15, 0.08])
        )

    def _angles(self, gesture: str) -> Array:
        """(20,) rad of a right hand that shows a gesture."""
        if gesture in _PINCHES:
            return self._pinch(gesture.removesuffix("_pinch"))
        straight = {"open": 5, "grasp": 0}.get(
            gesture, _COUNTS.index(gesture) + 1 if gesture in _COUNTS else 0
        )
        angles = np.zeros(skeleton.ANGLE_COUNT)
        # Counting begins at the index finger; the thumb comes last.
        for number, flexions in enumerate(skeleton.FINGER_ANGLE_TABLE[1:, 1:]):
            angles[flexions] = _STRAIGHT if number < straight else _CLOSED
        spread = np.array([0.10, 0.0, -0.08, -0.18]) if straight == 5 else np.zeros(4)
        angles[skeleton.FINGER_ANGLE_TABLE[1:, 0]] = spread
        angles[skeleton.FINGER_ANGLE_TABLE[0]] = _THUMB_OUT if straight == 5 else _THUMB_OVER
        return angles

    @lru_cache(maxsize=8)  # noqa: B019  three poses a person, and persons are few
    def _pinch(self, finger: str) -> Array:
        """(20,) rad: the tips of thumb and finger touch, as near to a pinch drawn by eye as this hand allows."""
        number = skeleton.FINGERS.index(finger)
        columns = np.concatenate([skeleton.FINGER_ANGLE_TABLE[0], skeleton.FINGER_ANGLE_TABLE[number]])
        angles = np.zeros(skeleton.ANGLE_COUNT)
        for flexions in skeleton.FINGER_ANGLE_TABLE[1:, 1:]:
            angles[flexions] = _AT_REST
        start = np.array([*_THUMB_PINCHING, *_FINGER_PINCHING])
        tips = [skeleton.TIP_JOINTS[0], skeleton.TIP_JOINTS[number]]
        contact = END_RADII[tips].sum() * self.scale
        lower, upper = skeleton.ANGLE_LIMITS[columns].T

        def residuals(values: Array) -> Array:
            posed = angles.copy()
            posed[columns] = values
            a, b = self._right_joints(posed)[tips]
            gap = np.linalg.norm(a - b) - contact
            # What is last flexes with what is before it.
            coupled = (values[7] - 0.55 * values[6]) / 0.1
            return np.concatenate(
                [[gap / _CONTACT_TOLERANCE_M, coupled], (values - start) / _PINCH_SPREAD_RAD]
            )

        angles[columns] = least_squares(residuals, start, bounds=(lower, upper)).x
        return angles

    def _right_joints(self, angles: Array) -> Array:
        """Joints (23, 3) m of this person's right hand in its own palm frame."""
        posed = self._subjects.pose(
            np.array([self._subject]), angles[None], np.eye(3)[None], np.zeros((1, 3)), np.zeros((1, 2))
        )
        return np.asarray(posed.joints[0])


def _ramp(share: float) -> float:
    """From 0 to 1, at rest at both ends; 1 beyond."""
    return minimum_jerk(min(share, 1.0))
