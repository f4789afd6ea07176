"""A synthetic person moving one hand before a mounted camera: full depth images with the truth.

In: a seed, a Camera, a side, a time. Out: depth (H, W) float32 m as a sensor delivers it (NaN = no reading) and the
23 joints in metres in the camera's optical frame. Every frame is a pure function of seed, camera, side and time, so
frames can be rendered in any order, and a dropped frame changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.skeleton import check_side
from hand_pose_ros.synthetic.draw_scene import draw_picture, require_pinhole
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations
from hand_pose_ros.synthetic.scene import MIRROR, SceneHands, Scenes, pose_hands
from hand_pose_ros.synthetic.sensor import STRUCTURED_LIGHT, sensor_kernel
from hand_pose_ros.synthetic.skinning import FOREARM
from hand_pose_ros.synthetic.solids import ELLIPSOID, Solids
from hand_pose_ros.synthetic.splits import MOTION_SPLIT
from hand_pose_ros.synthetic.subjects import SubjectSet, load_subjects

Array = NDArray[np.float64]
Share = TypeVar("Share", float, Array)

KEYFRAME_S = 1.1
"""The hand rests for an instant at a new random pose this often. Guessed, as the sizes and places that follow."""
# Torso (half-axes, m) behind the hand and a wall behind the torso.
_TORSO_M, _TORSO_Z_M, _WALL_Z_M = (0.20, 0.32, 0.12), 1.15, 2.2
FOREARM_M, _UPPER_ARM_M = 0.24, 0.50
_FOREARM = np.array([FOREARM_M, 0.12, 1.25])
"""As of ``SceneHands.forearm``."""
_TO_SHOULDER = np.array([0.0, 0.25, 0.55])


class KeyPose(NamedTuple):
    """One pose of a right hand: angles (20,) rad, palm rotation (3, 3), palm place (3,) m, wrist bend (2,) rad."""

    angles: Array
    rotation: Array
    place: Array
    bend: Array


def pose_keys(subjects: SubjectSet, subject: int, poses: Mapping[str, KeyPose], forearm: Array) -> SceneHands:
    """The hands (1, H) of one person at one time by side, in the order of ``poses``; forearm (3,) as of
    ``SceneHands``. The pose of a left hand is a right one's in the mirrored world."""
    if not poses:
        return SceneHands.none(1)
    angles, rotation, place, bend = (np.stack(parts)[None] for parts in zip(*poses.values(), strict=True))
    left = np.array([[side == "left" for side in poses]])
    forearms, same = np.tile(forearm, (1, len(poses), 1)), np.full(left.shape, subject)
    return pose_hands(subjects, same, angles, rotation, place, bend, forearms, left)


class SyntheticMotion:
    """One person's hand moving smoothly between random poses, seen by ``camera``; ``side`` is right or left.

    ValueError for a camera with distortion (the renderer is a pinhole) or an unknown side.
    """

    def __init__(self, seed: int, camera: Camera, side: str = "right") -> None:
        check_side(side)
        require_pinhole(camera)
        self.seed, self.camera, self.side = seed, camera, side
        # A left hand is a right hand seen in a mirrored camera.
        self._pinhole = camera if side == "right" else replace(camera, cx=camera.width - 1 - camera.cx)
        self._subjects = load_subjects(("makehuman", "webxr"), 8, MOTION_SPLIT)
        self._subject = int(np.random.default_rng([MOTION_SPLIT, seed]).integers(len(self._subjects)))

    def truth(self, t: float) -> Array:
        """Joints (23, 3) m in the camera's optical frame at time t, seconds."""
        joints = self._hand(t).joints[0, 0]
        return joints if self.side == "right" else joints * MIRROR

    def frame(self, t: float) -> tuple[NDArray[np.float32], Array]:
        """Depth (H, W) m and joints (23, 3) m at time t, seconds."""
        scenes, camera = self.scenes(t), self._pinhole
        clean = draw_picture(self._subjects, scenes, camera, hands_alone=False).clean
        depth = np.empty_like(clean)
        sensor_kernel(clean, STRUCTURED_LIGHT.as_array(), hash_time(self.seed, t), camera.fx, depth)
        joints = scenes.hands.joints[0, 0]
        if self.side == "left":
            return np.ascontiguousarray(depth[:, ::-1]), joints * MIRROR
        return depth, joints

    def scenes(self, t: float) -> Scenes:
        """The one scene at time t, seconds: the hand, an upper arm and a torso before a wall. A left hand's is a right
        one's in the mirrored world."""
        hands = self._hand(t)
        arm = hands.skinning[0, 0, FOREARM]
        body = _body(arm, self._subjects.rest_positions[self._subject, FOREARM])
        wall = np.array([[0.0, 0.0, 1.0, _WALL_Z_M]])
        return Scenes(hands, wall, Solids(np.full((1, 2), ELLIPSOID), *(part[None] for part in body)))

    def _hand(self, t: float) -> SceneHands:
        """The right hand (1, 1) before the pinhole camera."""
        return pose_keys(self._subjects, self._subject, {"right": self._key_pose(t)}, _FOREARM)

    def _key_pose(self, t: float) -> KeyPose:
        """The pose of the right hand at time t, seconds."""
        key, share = divmod(t / KEYFRAME_S, 1.0)
        return between(self._keyframe(int(key)), self._keyframe(int(key) + 1), share)

    def _keyframe(self, index: int) -> KeyPose:
        """The key pose of one number."""
        rng = np.random.default_rng([MOTION_SPLIT, self.seed, index + 1_000_000])
        angles, rotation = sample_gesture(rng)
        z = rng.uniform(0.42, 0.70)
        half_width = 0.5 * self._pinhole.width / self._pinhole.fx - 0.24
        half_height = 0.5 * self._pinhole.height / self._pinhole.fy - 0.24
        x = rng.uniform(-1, 1) * max(half_width, 0.02) * z
        y = rng.uniform(-1, 1) * max(half_height, 0.02) * z
        return KeyPose(angles, rotation, np.array([x, y, z]), rng.normal(0, [0.25, 0.12]))


def sample_gesture(rng: np.random.Generator) -> tuple[Array, Array]:
    """Angles (20,) rad and palm rotation (3, 3) of a right hand as people show one to a camera before them."""
    angles = sample_angles(1, rng)[0]
    # Of some random views, one whose arm comes from below and from behind the hand.
    rotations = sample_view_rotations(24, rng)
    upright, towards_camera = -rotations[:, 1, 0], -rotations[:, 2, 0]
    liking = upright * (rng.random(24) + 0.3) - 2.0 * np.maximum(-0.1 - towards_camera, 0.0)
    return angles, rotations[int(np.argmax(liking))]


def minimum_jerk(share: Share) -> Share:
    """The share of a way that is covered after a share 0..1 of its time, at rest at both ends: Flash and Hogan, "The
    coordination of arm movements", J. Neurosci. 5(7), 1985, the polynomial 10 s^3 - 15 s^4 + 6 s^5."""
    return share**3 * (10 - 15 * share + 6 * share * share)


def between(a: KeyPose, b: KeyPose, share: float) -> KeyPose:
    """The pose on the way from a to b; share 0..1 of the time. Minimum jerk: at rest at both ends."""
    s = minimum_jerk(share)
    start = Rotation.from_matrix(a.rotation)
    turn = start * Rotation.from_rotvec(s * (start.inv() * Rotation.from_matrix(b.rotation)).as_rotvec())
    return KeyPose(
        angles=(1 - s) * a.angles + s * b.angles,
        rotation=turn.as_matrix(),
        place=(1 - s) * a.place + s * b.place,
        bend=(1 - s) * a.bend + s * b.bend,
    )


def _body(forearm: Array, wrist: Array) -> tuple[Array, Array]:
    """Centres (2, 3) m and axes (2, 3, 3) 1/m of the upper arm and the torso that the forearm (3, 4) belongs to."""
    back = -forearm[:, 0]
    elbow = forearm[:, :3] @ wrist + forearm[:, 3] + FOREARM_M * back
    # A reaching arm: the elbow bends a little, towards a shoulder below and behind.
    along = back + _TO_SHOULDER
    along /= np.linalg.norm(along)
    side = np.cross(along, [1.0, 0.0, 0.0])
    side /= max(float(np.linalg.norm(side)), 1e-6)
    middle = elbow + (_UPPER_ARM_M / 2 - 0.05) * along
    torso = np.array([0.4 * elbow[0], 0.15, _TORSO_Z_M])
    turn = np.stack([along, side, np.cross(along, side)])
    half = np.array([[_UPPER_ARM_M / 2], [0.055], [0.055]])
    return np.stack([middle, torso]), np.stack([turn / half, np.diag(1.0 / np.array(_TORSO_M))])


def hash_time(seed: int, t: float) -> int:
    """A noise seed (below 2^31) for one instant, so that the noise differs from frame to frame and run to run not."""
    return (seed * 1_000_003 + round(t * 1e4)) % (2**31 - 1)
