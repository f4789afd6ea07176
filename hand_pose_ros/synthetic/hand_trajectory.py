"""What one hand of a synthetic person does over time: where it is, how it is posed, when it is there.

In: a seed, a side, a Camera, a plan. Out: :class:`KeyPose` of the right hand in the mirrored world for a left hand
(x negated), so that everything else is written for right hands, and how far the hand has come into the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, FINGER_ANGLE_TABLE, FINGER_JOINT_TABLE, TIP_JOINTS
from hand_pose_ros.synthetic.motion import KEYFRAME_S, KeyPose, between, minimum_jerk, sample_gesture
from hand_pose_ros.synthetic.poses import sample_angles, template_joints
from hand_pose_ros.synthetic.random_streams import SeedStream
from hand_pose_ros.synthetic.scene import MIRROR

Array = NDArray[np.float64]

RAMP_S = 0.8
"""How long a hand takes to come in or to leave. Guessed, as the distances that follow."""
# Two palms keep this far from each other, m: along the image's x, and along the optical axis when they cross.
_BESIDE_M, _BEFORE_M = 0.20, 0.15
# Hands leave at least so far beyond the image's edge, m.
_OUTSIDE_M = 0.32
# Physiological tremor (Elble and Koller 1990): 8 to 12 Hz. Root mean square of each coordinate.
TREMOR_M, TREMOR_RAD = 0.0003, np.deg2rad(0.1)
# How far the skin of fingers and palm is from their joints, and a held thing from the palm's middle along x. Guessed.
_SKIN_M, _PALM_M = 0.009, 0.020
_HELD_X_M = 0.035


@dataclass(frozen=True)
class TrajectoryConfig:
    """What a hand is to do. Lengths in metres."""

    distance_m: tuple[float, float]
    """Nearest and farthest palm."""
    together: bool = False
    """The other hand is there too, so that each keeps to its own side."""
    crossing: bool = False
    """The two hands pass before and behind each other at times."""
    tempo: float = 1.0
    """How fast the hand moves; 1 is SyntheticMotion's pace."""
    held_m: float = 0.0
    """Radius of a held object; 0 for none."""


class HandTrajectory:
    """The motion of one hand; every answer is a function of seed, side, camera, plan and time."""

    def __init__(self, seed: int, side: str, camera: Camera, plan: TrajectoryConfig) -> None:
        self.seed, self.side, self.camera, self.plan = seed, side, camera, plan
        self._stream = 1 if side == "right" else 2
        self._grasp = grasp_angles(plan.held_m, seed) if plan.held_m > 0 else None
        self._key = lru_cache(maxsize=8)(self._make_key)

    def pose(self, t: float) -> KeyPose:
        """The hand at time t (s), were it there all the time."""
        key, share = divmod(t * self.plan.tempo / KEYFRAME_S, 1.0)
        return between(self._key(int(key)), self._key(int(key) + 1), share)

    def _make_key(self, index: int) -> KeyPose:
        rng = np.random.default_rng([SeedStream.KEY_POSES, self.seed, self._stream, index + 1_000_000])
        angles, rotation = sample_gesture(rng)
        if self._grasp is not None:
            angles = self._grasp + rng.normal(0, 0.03, ANGLE_COUNT)
        place = self._place(index, rng)
        if self.side == "left":
            place = place * MIRROR
        return KeyPose(angles, rotation, place, rng.normal(0, [0.25, 0.12]))

    def _place(self, index: int, rng: np.random.Generator) -> Array:
        """Where the palm rests at a key pose, (3,) m, camera's frame."""
        near, far = self.plan.distance_m
        camera = self.camera
        if self.plan.crossing:
            return self._crossing_place(index)
        z = rng.uniform(near, far)
        middle = 0.5 * np.array([(camera.width - 1 - 2 * camera.cx) / camera.fx, 0.0])[0]
        half_width = max(0.5 * camera.width / camera.fx - 0.24, 0.02) * z
        half_height = max(0.5 * camera.height / camera.fy - 0.24, 0.02) * z
        x, y = rng.uniform(-1, 1, 2)
        if self.plan.together:
            # Each on its own side of the image, so that they never meet: a person's right hand at the camera's left.
            x = (0.5 * _BESIDE_M + abs(x) * max(half_width - 0.5 * _BESIDE_M, 0.02)) * self._outward
        else:
            x = x * half_width
        return np.array([middle * z + x, y * half_height, z])

    @property
    def _outward(self) -> float:
        return -1.0 if self.side == "right" else 1.0

    def _crossing_place(self, index: int) -> Array:
        """Both hands about one point. Of four key poses one has them crossed and one side by side; the two between
        are apart in both ways, so that on every straight way between neighbours they keep apart in one."""
        rng = np.random.default_rng([SeedStream.CROSSING_PLACES, self.seed, index + 1_000_000])
        before = 1.0 if np.random.default_rng([SeedStream.CROSSING_ORDER, self.seed]).random() < 0.5 else -1.0
        near, far = self.plan.distance_m
        phase = index % 4
        x = rng.uniform(-0.12, 0.12) if phase == 1 else -rng.uniform(_BESIDE_M, 0.30)
        z = rng.uniform(-0.1, 0.1) if phase == 3 else before * rng.uniform(_BEFORE_M, 0.22)
        apart = np.array([x, rng.uniform(-0.08, 0.08), z])  # from the left hand to the right one
        middle = np.array([*rng.uniform(-0.06, 0.06, 2), rng.uniform(near, far)])
        return middle - self._outward * 0.5 * apart

    def come_in(self, t: float, intervals: tuple[tuple[float, float], ...] | None, how: str) -> float:
        """0 = away, 1 = where :meth:`pose` has it; intervals of presence (s), None = always."""
        if intervals is None:
            return 1.0
        best = 0.0
        for start, stop in intervals:
            if start <= t < stop:
                share = 1.0 if how == "vanish" else min((t - start) / RAMP_S, (stop - t) / RAMP_S, 1.0)
                best = max(best, share)
        return minimum_jerk(best)

    def shifted(self, pose: KeyPose, share: float, how: str) -> KeyPose:
        """A pose on its way into the image: share 0..1 of the way from outside, which is beyond the lower edge
        ("withdraw": and back to the body), or beyond the side's edge ("side")."""
        if share >= 1.0:
            return pose
        place = pose.place * MIRROR if self.side == "left" else pose.place
        camera, away = self.camera, place.copy()
        if how == "side":
            edge = 0.0 if self.side == "right" else camera.width - 1.0
            away[0] = (edge - camera.cx) / camera.fx * place[2] + self._outward * _OUTSIDE_M
        else:
            away[2] += 0.2 if how == "withdraw" else 0.0
            away[1] = (camera.height - 1 - camera.cy) / camera.fy * away[2] + _OUTSIDE_M
        place = share * place + (1 - share) * away
        return pose._replace(place=place * MIRROR if self.side == "left" else place)

    def tremor(self, t: float) -> tuple[Array, Array]:
        """Shift (3,) m and rotation vector (3,) rad of a hand held still, at time t (s)."""
        rng = np.random.default_rng([SeedStream.TREMOR, self.seed, self._stream])
        frequency, phase = rng.uniform(8.0, 12.0, (2, 3, 3)), rng.uniform(0, 2 * np.pi, (2, 3, 3))
        # Three sines of amplitude a have the root mean square a sqrt(3 / 2).
        shake = np.sin(2 * np.pi * frequency * t + phase).sum(axis=-1) / np.sqrt(1.5)
        return TREMOR_M * shake[0], TREMOR_RAD * shake[1]


def grasp_angles(radius_m: float, seed: int) -> Array:
    """(20,) rad: of many poses, one whose fingertips come nearest to a ball of this radius before the palm."""
    rng = np.random.default_rng([SeedStream.HELD_BALL, seed])
    count = 400
    angles = sample_angles(count, rng)
    curl = rng.uniform(0.1, 1.0, (count, 1))
    angles[:, FINGER_ANGLE_TABLE[1:].ravel()] = np.tile([0.0, 1.0, 1.15, 0.7], 4) * curl + rng.normal(
        0, 0.08, (count, 16)
    )
    angles[:, FINGER_ANGLE_TABLE[0]] = rng.uniform([-0.2, 0.0, -0.1, 0.0], [0.5, 0.5, 0.6, 0.9], (count, 4))
    joints = template_joints(angles)
    gap = np.linalg.norm(joints - held_centre(radius_m), axis=-1) - radius_m - _SKIN_M
    tips = np.abs(gap[:, list(TIP_JOINTS)]).mean(axis=1)
    inside = np.maximum(-gap[:, FINGER_JOINT_TABLE.ravel()], 0.0).sum(axis=1)
    return np.asarray(angles[int(np.argmin(tips + 3.0 * inside))])


def held_centre(radius_m: float) -> Array:
    """(3,) m in the palm's frame: the middle of a held object; the palm looks along -z."""
    return np.array([_HELD_X_M, 0.0, -_PALM_M - radius_m])
