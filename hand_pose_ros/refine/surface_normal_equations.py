"""The surface fit's Gauss-Newton equations from the sums of its segments, in numba.

In: the sums a segment as :mod:`hand_pose_ros.refine.surface_terms` fills them, ends and axes of the hand's pose. Out:
the equations of the 36 unknowns.

Parameters enter once a segment, not once a point: with o the origin and a the axis of an angle, the column that it has
in the 10 motions of what it moves is (o x a, a), a finger's scale about o is (-o, growth). Outer segments of a finger
are summed towards the palm first (Featherstone's composite bodies).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import (
    FINGER_ANGLE_TABLE,
    FINGER_JOINT_TABLE,
    FINGER_SEGMENT_TABLE,
    FIRST_ANGLE,
    SHAPE_NAMES,
)
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_problem import (
    FIRST_SCALE,
    MOTIONS,
    SEGMENTS,
    THICKNESS,
    CapsuleHand,
    SegmentSums,
)

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PALM, _THUMB = 0, 0  # the segment, the finger
_FINGERS = len(FINGER_SEGMENT_TABLE)
_METACARPAL_SCALE, _FIRST_FINGER_SCALE = (
    FIRST_SCALE + SHAPE_NAMES.index(name) for name in ("thumb_metacarpal", "thumb")
)
_GROWTH = 7
"""The motion that is growth about the palm's position."""
_MOST_COLUMNS = 4 + 3
"""Of one finger: its angles, and the scales' of the thumb, which are three columns of two unknowns."""


@njit(cache=True, nogil=True)
def gather(sums: SegmentSums, hand: CapsuleHand, hessian: Array, gradient: Array) -> None:
    """Segments' sums -> hessian (36, 36), lower triangle, and gradient (36,) of half the energy.

    The sums are themselves summed towards the palm in place.
    """
    segment_hessian, segment_gradient = sums.hessian, sums.gradient
    for s in range(SEGMENTS):
        for a in range(MOTIONS):
            for b in range(a):
                segment_hessian[s, b, a] = segment_hessian[s, a, b]
    for f in range(_FINGERS):
        near, middle, far = FINGER_SEGMENT_TABLE[f, 0], FINGER_SEGMENT_TABLE[f, 1], FINGER_SEGMENT_TABLE[f, 2]
        segment_hessian[middle] += segment_hessian[far]
        segment_gradient[middle] += segment_gradient[far]
        segment_hessian[near] += segment_hessian[middle]
        segment_gradient[near] += segment_gradient[middle]
        segment_hessian[_PALM] += segment_hessian[near]
        segment_gradient[_PALM] += segment_gradient[near]
    hessian[:] = 0.0
    gradient[:] = 0.0

    # What moves every segment: columns (10, 10) and their unknowns.
    roots = np.eye(MOTIONS)
    roots[_GROWTH, 6] = 1.0  # the whole hand grows in thickness, too
    of_root = np.array([0, 1, 2, 3, 4, 5, THICKNESS, FIRST_SCALE, FIRST_SCALE + 1, FIRST_SCALE + 2])
    columns, image = np.empty((_MOST_COLUMNS, MOTIONS)), np.empty(MOTIONS)
    moved, unknowns = np.empty(_MOST_COLUMNS, dtype=np.int64), np.empty(_MOST_COLUMNS, dtype=np.int64)
    every = np.full(MOTIONS, _PALM, dtype=np.int64)
    _add_columns(roots, every, of_root, sums, image, hessian, gradient)
    for f in range(_FINGERS):
        count = _finger_columns(f, hand, columns, moved, unknowns)
        _add_columns(columns[:count], moved, unknowns, sums, image, hessian, gradient)
        for k in range(count):
            _multiply(segment_hessian[moved[k]], columns[k], image)
            for a in range(MOTIONS):
                total = 0.0
                for b in range(MOTIONS):
                    total += roots[a, b] * image[b]
                hessian[max(unknowns[k], of_root[a]), min(unknowns[k], of_root[a])] += total


@njit(cache=True, nogil=True)
def _multiply(matrix: Array, column: Array, out: Array) -> None:
    """matrix (10, 10) times column (10,)."""
    for a in range(MOTIONS):
        total = 0.0
        for b in range(MOTIONS):
            total += matrix[a, b] * column[b]
        out[a] = total


@njit(cache=True, nogil=True)
def _add_columns(
    columns: Array,
    moved: IntArray,
    unknowns: IntArray,
    sums: SegmentSums,
    image: Array,
    hessian: Array,
    gradient: Array,
) -> None:
    """Adds columns (K, 10) of one chain, from the palm outwards: each moves a segment, moved (K,), and what hangs on
    it; image (10,) is room to work in."""
    for k in range(len(columns)):
        _multiply(sums.hessian[moved[k]], columns[k], image)
        for a in range(MOTIONS):
            gradient[unknowns[k]] += columns[k, a] * sums.gradient[moved[k], a]
        for m in range(k + 1):
            total = 0.0
            for a in range(MOTIONS):
                total += columns[m, a] * image[a]
            row, column = max(unknowns[k], unknowns[m]), min(unknowns[k], unknowns[m])
            # Two columns of one unknown: both orders fall on the diagonal.
            hessian[row, column] += 2.0 * total if m != k and row == column else total


@njit(cache=True, nogil=True)
def _finger_columns(f: int, hand: CapsuleHand, columns: Array, moved: IntArray, unknowns: IntArray) -> int:
    """Fills the columns of a finger's angles and scales from the palm outwards; returns how many there are."""
    columns[:] = 0.0
    used = 0
    for k in range(4):
        level = max(k - 1, 0)  # abduction and first flexion turn the same segment
        if k == 2:
            # Scales come before the angle of their level.
            used = _scale_columns(f, hand.ends, columns, moved, unknowns, used)
        o, a = hand.ends[FINGER_JOINT_TABLE[f, level]], hand.axes[FINGER_ANGLE_TABLE[f, k]]
        row = columns[used]
        row[0] = o[1] * a[2] - o[2] * a[1]
        row[1] = o[2] * a[0] - o[0] * a[2]
        row[2] = o[0] * a[1] - o[1] * a[0]
        row[3], row[4], row[5] = a[0], a[1], a[2]
        moved[used], unknowns[used] = FINGER_SEGMENT_TABLE[f, level], FIRST_ANGLE + FINGER_ANGLE_TABLE[f, k]
        used += 1
    return used


@njit(cache=True, nogil=True)
def _scale_columns(
    f: int, ends: Array, columns: Array, moved: IntArray, unknowns: IntArray, used: int
) -> int:
    """Fills the columns of a finger's scales after the first ``used``; returns how many there are then."""
    base = ends[FINGER_JOINT_TABLE[f, 0]]
    near, middle = FINGER_SEGMENT_TABLE[f, 0], FINGER_SEGMENT_TABLE[f, 1]
    columns[used, :3], columns[used, _GROWTH] = -base, 1.0
    moved[used] = near
    if f != _THUMB:
        unknowns[used] = _FIRST_FINGER_SCALE + f
        return used + 1
    # The metacarpal's scale stretches it and shifts what hangs on it: growth about its base, undone beyond its end.
    end = ends[FINGER_JOINT_TABLE[f, 1]]
    columns[used + 1, :3], columns[used + 1, _GROWTH] = end, -1.0
    columns[used + 2, :3], columns[used + 2, _GROWTH] = -end, 1.0
    moved[used + 1] = moved[used + 2] = middle
    unknowns[used] = unknowns[used + 1] = _METACARPAL_SCALE
    unknowns[used + 2] = _FIRST_FINGER_SCALE + f
    return used + 3
