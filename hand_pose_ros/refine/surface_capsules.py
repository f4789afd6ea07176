"""A posed hand as capsules in numba: placed, and how far points are from them; nothing here checks its input.

In: a state of the hand and the template's capsules. Out: :class:`hand_pose_ros.refine.surface_problem.CapsuleHand`,
filled, and signed distances (m) of points to it, negative inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.kinematics_numba import OffsetArrays, forward_kinematics_kernel, scale_offsets_kernel
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, FINGER_JOINT_TABLE, JOINT_COUNT, PALM_JOINT, SHAPE_NAMES
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_problem import CapsuleHand, CapsuleModel, SurfaceState

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_HAND, _PALM_LENGTH, _PALM_WIDTH = (SHAPE_NAMES.index(name) for name in ("hand", "palm_length", "palm_width"))


@njit(cache=True, nogil=True)
def empty_hand(model: CapsuleModel) -> CapsuleHand:
    """Room for :func:`place_capsules` to write into."""
    return CapsuleHand(
        np.empty(3), np.empty((JOINT_COUNT, 3)), np.empty((ANGLE_COUNT, 3)), np.empty((len(model.end_radii), 3)),
        np.empty((2, 3)), np.empty((len(FINGER_JOINT_TABLE), 2)), np.empty((len(model.capsules), 10)),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def place_capsules(
    state: SurfaceState, model: CapsuleModel, offsets: OffsetArrays, hand: CapsuleHand
) -> None:
    """Fills the hand, a right one, of a state; offsets are room to work in."""
    scale_offsets_kernel(state.shape, 1.0, offsets)
    forward_kinematics_kernel(
        state.rotation, state.translation, state.angles, model.rest, 1.0, offsets, hand.joints, hand.axes
    )
    hand.translation[:] = state.translation
    size = np.exp(state.shape[_HAND])
    rotation, ends = state.rotation, hand.ends
    for j in range(JOINT_COUNT):
        for k in range(3):
            ends[j, k] = hand.joints[j, k] - hand.joints[PALM_JOINT, k]
    for i in range(len(model.palm_points)):
        x = model.palm_points[i, 0] * size * np.exp(state.shape[_PALM_LENGTH])
        y = model.palm_points[i, 1] * size * np.exp(state.shape[_PALM_WIDTH])
        z = model.palm_points[i, 2] * size
        for k in range(3):
            ends[JOINT_COUNT + i, k] = rotation[k, 0] * x + rotation[k, 1] * y + rotation[k, 2] * z
    for k in range(3):
        hand.palm_axes[0, k], hand.palm_axes[1, k] = rotation[k, 0], rotation[k, 1]
    for f in range(len(FINGER_JOINT_TABLE)):
        for a in range(2):
            total = 0.0
            for k in range(3):
                total += hand.palm_axes[a, k] * ends[FINGER_JOINT_TABLE[f, 0], k]
            hand.base_offsets[f, a] = total
    prepare_capsules(ends, model.end_radii * (size * np.exp(state.thickness)), model.capsules, hand.table)


@njit(cache=True, nogil=True)
def prepare_capsules(ends: Array, radii: Array, capsules: IntArray, table: Array) -> None:
    """Fills table (C, 10): start 3, direction 3, length, radius at the start, its slope, how far the foot slips.

    The nearest point of a tapered capsule lies off the foot of the perpendicular by slip times the distance.
    """
    for i in range(len(capsules)):
        a, b = capsules[i, 1], capsules[i, 2]
        x, y, z = ends[b, 0] - ends[a, 0], ends[b, 1] - ends[a, 1], ends[b, 2] - ends[a, 2]
        length = max(np.sqrt(x * x + y * y + z * z), 1e-6)
        table[i, 0], table[i, 1], table[i, 2] = ends[a, 0], ends[a, 1], ends[a, 2]
        table[i, 3], table[i, 4], table[i, 5] = x / length, y / length, z / length
        table[i, 6] = length
        slope = min(max((radii[b] - radii[a]) / length, -0.95), 0.95)
        table[i, 7] = radii[a]
        table[i, 8] = slope
        table[i, 9] = slope / np.sqrt(1.0 - slope * slope)


@njit(cache=True, nogil=True, inline="always")
def capsule_distance(table: Array, i: int, x: float, y: float, z: float) -> tuple[float, float]:
    """Signed distance (m) of a point to capsule i, and how far along its axis (m) the nearest sphere sits."""
    px, py, pz = x - table[i, 0], y - table[i, 1], z - table[i, 2]
    along = px * table[i, 3] + py * table[i, 4] + pz * table[i, 5]
    across = max(px * px + py * py + pz * pz - along * along, 0.0)
    s = along + np.sqrt(across) * table[i, 9]
    s = min(max(s, 0.0), table[i, 6])
    off = along - s
    return np.sqrt(across + off * off) - table[i, 7] - table[i, 8] * s, s


@njit(cache=True, nogil=True)
def nearest_capsules(points: Array, hand: CapsuleHand, out: IntArray) -> None:
    """For every point (N, 3) m local the nearest few capsules, out (N, K), the nearest first."""
    few, table = out.shape[1], hand.table
    best = np.empty(few)
    for n in range(len(points)):
        x = points[n, 0] - hand.translation[0]
        y = points[n, 1] - hand.translation[1]
        z = points[n, 2] - hand.translation[2]
        best[:] = np.inf
        for i in range(len(table)):
            d, _ = capsule_distance(table, i, x, y, z)
            if d < best[few - 1]:
                k = few - 1
                while k > 0 and best[k - 1] > d:
                    best[k] = best[k - 1]
                    out[n, k] = out[n, k - 1]
                    k -= 1
                best[k] = d
                out[n, k] = i
