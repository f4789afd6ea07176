"""The online solver's hand in numba: forward kinematics, and a pose read off the joints in closed form.

In and out: float64 arrays of one hand, metres and radians; shapes in each docstring. Nothing here checks its input:
:mod:`hand_pose_ros.hand.solver` does. Conventions are those of ``skeleton``, ``rotations`` and ``kinematics``; the
tests compare with HandModelLayer.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.rotations_numba import rotate_back

Array = NDArray[np.float64]

_WRIST = np.array([skeleton.PALM_JOINT_POSITIONS[name] for name in ("wrist_radial", "wrist_ulnar")])
_BASES = np.array(
    [skeleton.PALM_JOINT_POSITIONS[skeleton.JOINT_NAMES[j[0]]] for j in skeleton.FINGER_JOINTS.values()]
)
_LENGTHS = np.array([skeleton.BONE_LENGTHS[finger] for finger in skeleton.FINGERS])


@numba.njit(cache=True, nogil=True)
def scale_hand(shape: Array, sign: float, wrist: Array, bases: Array, lengths: Array) -> None:
    """Log scales (9,) -> the hand's constant geometry, mirrored for a left hand (sign -1)."""
    hand = np.exp(shape[0])
    along = hand * np.exp(shape[1])
    across = hand * np.exp(shape[2]) * sign
    for i in range(2):
        wrist[i, 0], wrist[i, 1], wrist[i, 2] = (
            _WRIST[i, 0] * along,
            _WRIST[i, 1] * across,
            _WRIST[i, 2] * hand,
        )
    for f in range(5):
        bases[f, 0], bases[f, 1], bases[f, 2] = (
            _BASES[f, 0] * along,
            _BASES[f, 1] * across,
            _BASES[f, 2] * hand,
        )
        finger = hand * np.exp(shape[4 + f])
        for i in range(3):
            lengths[f, i] = _LENGTHS[f, i] * finger
    lengths[0, 0] = _LENGTHS[0, 0] * hand * np.exp(shape[3])


@numba.njit(cache=True, nogil=True)
def place_hand(
    rotation: Array,
    translation: Array,
    angles: Array,
    rest: Array,
    sign: float,
    wrist: Array,
    bases: Array,
    lengths: Array,
    joints: Array,
    axes: Array,
) -> None:
    """Forward kinematics into joints (23, 3) and the axes (20, 3) that the angles turn about."""
    joints[0] = translation
    for i in range(2):
        joints[1 + i] = rotation @ wrist[i] + translation
    for f in range(5):
        frame = rotation @ rest[f]
        bend = sign * angles[4 * f]
        c, s = np.cos(bend), np.sin(bend)
        joint = 3 + 4 * f
        joints[joint] = rotation @ bases[f] + translation
        flexion = 0.0
        for k in range(3):
            axes[4 * f, k] = sign * frame[k, 2]
            across = c * frame[k, 1] - s * frame[k, 0]
            axes[4 * f + 1, k] = axes[4 * f + 2, k] = axes[4 * f + 3, k] = across
        for i in range(3):
            flexion += angles[4 * f + 1 + i]
            cf, sf = np.cos(flexion), np.sin(flexion)
            for k in range(3):
                forward = c * frame[k, 0] + s * frame[k, 1]
                joints[joint + i + 1, k] = joints[joint + i, k] + lengths[f, i] * (
                    cf * forward - sf * frame[k, 2]
                )


@numba.njit(cache=True, nogil=True)
def align(source: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted Kabsch: rotation (3, 3) and translation (3,) that bring source (K, 3) nearest to target."""
    total = weights.sum()
    a, b = np.zeros(3), np.zeros(3)
    for j in range(len(weights)):
        a += weights[j] / total * source[j]
        b += weights[j] / total * target[j]
    covariance = np.zeros((3, 3))
    for j in range(len(weights)):
        for r in range(3):
            for c in range(3):
                covariance[r, c] += weights[j] / total * (source[j, r] - a[r]) * (target[j, c] - b[c])
    u, _, vt = np.linalg.svd(covariance)
    v = np.ascontiguousarray(vt.T)
    rotation = v @ np.ascontiguousarray(u.T)
    if np.linalg.det(rotation) < 0:
        v[:, 2] = -v[:, 2]
        rotation = v @ np.ascontiguousarray(u.T)
    return rotation, b - rotation @ a


@numba.njit(cache=True, nogil=True)
def read_angles(
    target: Array, weights: Array, rotation: Array, rest: Array, sign: float, limits: Array, angles: Array
) -> None:
    """Each finger's angles from its bones' directions, clipped into range; ``angles`` stay where bones are
    not seen."""
    for f in range(5):
        frame = rotation @ rest[f]
        joint = 3 + 4 * f
        x, y, previous = 1.0, 0.0, 0.0
        for i in range(3):
            if weights[joint + i] == 0 or weights[joint + i + 1] == 0:
                previous += angles[4 * f + 1 + i]
                continue
            bone = rotate_back(frame, target[joint + i + 1] - target[joint + i])
            if i == 0:
                flat = np.sqrt(bone[0] ** 2 + bone[1] ** 2)
                if flat > 0.3 * np.sqrt((bone * bone).sum()):
                    x, y = bone[0] / flat, bone[1] / flat
                    if x < 0:  # bent by more than a right angle: it points back along its own plane
                        x, y = -x, -y
                bend = sign * np.arctan2(y, x)
                bend = min(max(bend, limits[4 * f, 0]), limits[4 * f, 1])
                angles[4 * f] = bend
                x, y = np.cos(bend), sign * np.sin(bend)
            flexion = np.arctan2(-bone[2], bone[0] * x + bone[1] * y)
            turn = flexion - previous
            turn -= 2 * np.pi * np.round(turn / (2 * np.pi))
            low, high = limits[4 * f + 1 + i]
            angles[4 * f + 1 + i] = min(max(turn, low), high)
            previous = flexion
