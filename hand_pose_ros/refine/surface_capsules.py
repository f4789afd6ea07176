"""A posed hand as capsules in numba: placed, and how far points are from them; nothing here checks its input.

In: a state of the hand and the template's capsules. Out: :class:`hand_pose_ros.refine.surface_problem.CapsuleHand`,
filled, and signed distances (m) of points to it, negative inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.kinematics_numba import OffsetArrays, forward_kinematics_kernel, scale_offsets_kernel
from hand_pose_ros.hand.skeleton import (
    ANGLE_COUNT,
    FINGER_JOINT_TABLE,
    HAND_SCALE,
    JOINT_COUNT,
    PALM_JOINT,
    PALM_LENGTH_SCALE,
    PALM_WIDTH_SCALE,
)
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_problem import CapsuleHand, CapsuleModel, NearCapsules, SurfaceState

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def empty_hand(model: CapsuleModel) -> CapsuleHand:
    """Room for :func:`place_capsules` to write into."""
    return CapsuleHand(
        np.empty(3), np.empty((JOINT_COUNT, 3)), np.empty((ANGLE_COUNT, 3)), np.empty((len(model.end_radii), 3)),
        np.empty((2, 3)), np.empty((len(FINGER_JOINT_TABLE), 2)), np.empty((len(model.capsules), 10)),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def empty_near(points: int, few: int, capsules: int) -> NearCapsules:
    """Room for :func:`nearest_capsules` to write the few nearest of so many capsules into."""
    return NearCapsules(
        np.empty((few, points), dtype=np.int64),
        np.empty((few, points)),
        np.empty((capsules, 10)),
        np.empty(3),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def place_capsules(
    state: SurfaceState, model: CapsuleModel, offsets: OffsetArrays, hand: CapsuleHand
) -> None:
    """Fills the hand, a right one, of a state; offsets are room to work in."""
    scale_offsets_kernel(state.shape, 1.0, offsets)
    forward_kinematics_kernel(
        state.rotation, state.translation, state.angles, model.rest, 1.0, offsets, hand.joints, hand.axes
    )
    hand.translation[:] = state.translation
    size = np.exp(state.shape[HAND_SCALE])
    rotation, ends = state.rotation, hand.ends
    for j in range(JOINT_COUNT):
        for k in range(3):
            ends[j, k] = hand.joints[j, k] - hand.joints[PALM_JOINT, k]
    for i in range(len(model.palm_points)):
        x = model.palm_points[i, 0] * size * np.exp(state.shape[PALM_LENGTH_SCALE])
        y = model.palm_points[i, 1] * size * np.exp(state.shape[PALM_WIDTH_SCALE])
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


@njit(cache=True, nogil=True, error_model="numpy")
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
        # Steeper than this one ball lies nearly inside the other, and the cone between them has no side. Guessed.
        slope = min(max((radii[b] - radii[a]) / length, -0.95), 0.95)
        table[i, 7] = radii[a]
        table[i, 8] = slope
        table[i, 9] = slope / np.sqrt(1.0 - slope * slope)


@njit(cache=True, nogil=True, error_model="numpy")
def capsule_distance(table: Array, i: int, x: float, y: float, z: float) -> tuple[float, float]:
    """Signed distance (m) of a point to capsule i, and how far along its axis (m) the nearest sphere sits."""
    return _distance(
        x - table[i, 0], y - table[i, 1], z - table[i, 2], table[i, 3], table[i, 4], table[i, 5],
        table[i, 6], table[i, 7], table[i, 8], table[i, 9],
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _distance(
    px: float, py: float, pz: float, dx: float, dy: float, dz: float, length: float, radius: float, slope: float,
    slip: float,
) -> tuple[float, float]:  # fmt: skip
    """:func:`capsule_distance` of a point that is relative to the capsule's start, by the numbers of its row."""
    along = px * dx + py * dy + pz * dz
    across = max(px * px + py * py + pz * pz - along * along, 0.0)
    s = along + np.sqrt(across) * slip
    s = min(max(s, 0.0), length)
    off = along - s
    return np.sqrt(across + off * off) - radius - slope * s, s


@njit(cache=True, nogil=True, error_model="numpy")
def nearest_capsules(points: Array, hand: CapsuleHand, near: NearCapsules) -> None:
    """Fills near, for every point (N, 3) m local and where the hand is.

    All points for one capsule after the other: loops without a branch, which become vector instructions.
    """
    table, few, count = hand.table, len(near.capsules), len(points)
    near.table[:], near.origin[:] = table, hand.translation
    x, y, z = np.empty(count), np.empty(count), np.empty(count)
    for n in range(count):
        x[n] = points[n, 0] - hand.translation[0]
        y[n] = points[n, 1] - hand.translation[1]
        z[n] = points[n, 2] - hand.translation[2]
    distance = np.empty((len(table), count))
    for i in range(len(table)):
        _distances(table, i, x, y, z, distance)
    least, found = np.empty(count), np.empty(count, dtype=np.int64)
    for k in range(few):
        least[:] = np.inf
        found[:] = 0
        for i in range(len(table)):
            for n in range(count):
                nearer = distance[i, n] < least[n]
                least[n] = distance[i, n] if nearer else least[n]
                found[n] = i if nearer else found[n]
        for n in range(count):
            near.capsules[k, n], near.distance[k, n] = found[n], least[n]
            distance[found[n], n] = np.inf  # taken


@njit(cache=True, nogil=True, error_model="numpy")
def _distances(table: Array, i: int, x: Array, y: Array, z: Array, out: Array) -> None:
    """:func:`capsule_distance` of many points, (N,) m each, to one capsule, into row i of out (C, N)."""
    ax, ay, az, dx, dy, dz = table[i, 0], table[i, 1], table[i, 2], table[i, 3], table[i, 4], table[i, 5]
    length, radius, slope, slip = table[i, 6], table[i, 7], table[i, 8], table[i, 9]
    for n in range(len(x)):
        out[i, n] = _distance(x[n] - ax, y[n] - ay, z[n] - az, dx, dy, dz, length, radius, slope, slip)[0]


@njit(cache=True, nogil=True, error_model="numpy")
def farthest_move(near: NearCapsules, hand: CapsuleHand) -> float:
    """By how much (m) any distance to a capsule can have changed since near was filled.

    A capsule's spheres have centres and radii linear between its ends, so no distance to it changes by more than an
    end's move and a radius' change.
    """
    now, origin, start, start_origin = hand.table, hand.translation, near.table, near.origin
    most = 0.0
    for i in range(len(now)):
        move, growth = 0.0, 0.0
        for share in range(2):
            s, t = share * now[i, 6], share * start[i, 6]
            square = 0.0
            for k in range(3):
                before = start[i, k] + t * start[i, 3 + k] + start_origin[k]
                square += (now[i, k] + s * now[i, 3 + k] + origin[k] - before) ** 2
            move = max(move, square)
            growth = max(growth, abs(now[i, 7] + s * now[i, 8] - start[i, 7] - t * start[i, 8]))
        most = max(most, np.sqrt(move) + growth)
    return most
