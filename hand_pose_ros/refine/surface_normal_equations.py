"""The surface fit's Gauss-Newton equations from its residuals, in numba.

In: rows of residuals as :mod:`hand_pose_ros.refine.surface_terms` leaves them, ends and axes of the hand's pose. Out:
the equations of the 36 unknowns.

A point c of a segment with residual gradient d moves the residual by the 6-vector (d, c x d) of the segment's twist,
by d.c when it grows about the palm's position, by the parts of that along the palm's x and y (the palm's, or the
finger's base's) when the palm grows. So every residual is summed into one 10 x 10 matrix and one 10-vector a segment.

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
    HAND_SCALE,
    PALM_LENGTH_SCALE,
    PALM_WIDTH_SCALE,
    THUMB_METACARPAL_SCALE,
    THUMB_SCALE,
)
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_problem import (
    FIRST_SCALE,
    MOTIONS,
    SEGMENTS,
    THICKNESS,
    CapsuleHand,
    ResidualRows,
    SegmentSums,
)

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PALM, _THUMB = 0, 0  # the segment, the finger
_FINGERS = len(FINGER_SEGMENT_TABLE)
SEGMENT_FINGER = np.array(
    [next((f for f, row in enumerate(FINGER_SEGMENT_TABLE) if s in row), -1) for s in range(SEGMENTS)]
)
"""(16,): the finger of each segment, -1 for the palm."""
_FLESH, _GROWTH = 6, 7
"""The motions that are thickness, and growth about the palm's position."""
_GROWTH_SCALE = FIRST_SCALE + HAND_SCALE
"""The unknown that moves every segment in two motions, growth and thickness."""
_PALM_SCALES = [FIRST_SCALE + PALM_LENGTH_SCALE, FIRST_SCALE + PALM_WIDTH_SCALE]
_OF_MOTION = np.array([0, 1, 2, 3, 4, 5, THICKNESS, _GROWTH_SCALE, *_PALM_SCALES])
"""(10,): the unknowns that move every segment, each in the motion of its place."""
_MOST_FINGER_COLUMNS = 4 + 3
"""Of one finger: its angles, and the scales' of the thumb, which are three columns of two unknowns."""


@njit(cache=True, nogil=True, error_model="numpy")
def sum_segments(rows: ResidualRows, hand: CapsuleHand, sums: SegmentSums) -> None:
    """Residuals of a hand -> sums of those of each segment."""
    numbers, palm, bases = rows.numbers, hand.palm_axes, hand.base_offsets
    hessian, gradient, g = sums.hessian, sums.gradient, np.empty(MOTIONS)
    hessian[:] = 0.0
    gradient[:] = 0.0
    for n in range(rows.used[0]):
        segment = rows.segment[n]
        cx, cy, cz, dx, dy, dz = (
            numbers[n, 0], numbers[n, 1], numbers[n, 2], numbers[n, 3], numbers[n, 4], numbers[n, 5]
        )  # fmt: skip
        g[0], g[1], g[2] = dx, dy, dz
        g[3], g[4], g[5] = cy * dz - cz * dy, cz * dx - cx * dz, cx * dy - cy * dx
        g[_FLESH] = numbers[n, 6]
        g[_GROWTH] = cx * dx + cy * dy + cz * dz
        along = palm[0, 0] * dx + palm[0, 1] * dy + palm[0, 2] * dz
        across = palm[1, 0] * dx + palm[1, 1] * dy + palm[1, 2] * dz
        if segment == _PALM:
            g[8] = along * (palm[0, 0] * cx + palm[0, 1] * cy + palm[0, 2] * cz)
            g[9] = across * (palm[1, 0] * cx + palm[1, 1] * cy + palm[1, 2] * cz)
        else:
            f = SEGMENT_FINGER[segment]
            g[8], g[9] = along * bases[f, 0], across * bases[f, 1]
        weight, r = numbers[n, 7], numbers[n, 8]
        for a in range(MOTIONS):
            w = weight * g[a]
            gradient[segment, a] += w * r
            for b in range(a + 1):
                hessian[segment, a, b] += w * g[b]
    for s in range(SEGMENTS):
        for a in range(MOTIONS):
            for b in range(a):
                hessian[s, b, a] = hessian[s, a, b]


@njit(cache=True, nogil=True, error_model="numpy")
def gather(sums: SegmentSums, hand: CapsuleHand, hessian: Array, gradient: Array) -> None:
    """Segments' sums -> hessian (36, 36), lower triangle, and gradient (36,) of half the energy.

    The sums are themselves summed towards the palm in place.
    """
    segment_hessian, segment_gradient = sums.hessian, sums.gradient
    for f in range(_FINGERS):
        near, middle, far = FINGER_SEGMENT_TABLE[f, 0], FINGER_SEGMENT_TABLE[f, 1], FINGER_SEGMENT_TABLE[f, 2]
        _add_segment(sums, far, middle)
        _add_segment(sums, middle, near)
        _add_segment(sums, near, _PALM)
    hessian[:] = 0.0
    gradient[:] = 0.0

    for k in range(MOTIONS):
        gradient[_OF_MOTION[k]] = segment_gradient[_PALM, k]
        for m in range(k + 1):
            hessian[_OF_MOTION[k], _OF_MOTION[m]] = segment_hessian[_PALM, k, m]
    image = np.empty(MOTIONS)  # a column times the sums of what it moves
    columns = np.empty((_MOST_FINGER_COLUMNS, MOTIONS))
    moved = np.empty(_MOST_FINGER_COLUMNS, dtype=np.int64)
    unknowns = np.empty(_MOST_FINGER_COLUMNS, dtype=np.int64)
    for f in range(_FINGERS):
        # From the palm outwards: each column moves a segment and what hangs on it, so also what later ones move.
        for k in range(_finger_columns(f, hand, columns, moved, unknowns)):
            segment, unknown = moved[k], unknowns[k]
            _multiply(segment_hessian, segment, columns, k, image)
            for a in range(MOTIONS):
                gradient[unknown] += columns[k, a] * segment_gradient[segment, a]
            for m in range(k + 1):
                total = 0.0
                for a in range(MOTIONS):
                    total += columns[m, a] * image[a]
                row, other = max(unknown, unknowns[m]), min(unknown, unknowns[m])
                # Two columns of one unknown: both orders fall on the diagonal.
                hessian[row, other] += 2.0 * total if m != k and row == other else total
            for m in range(MOTIONS):
                row, other = max(unknown, _OF_MOTION[m]), min(unknown, _OF_MOTION[m])
                hessian[row, other] += image[m]
    _add_unknown(THICKNESS, _GROWTH_SCALE, hessian, gradient)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_segment(sums: SegmentSums, outer: int, inner: int) -> None:
    """Adds an outer segment's sums to those of an inner one."""
    for a in range(MOTIONS):
        sums.gradient[inner, a] += sums.gradient[outer, a]
        for b in range(MOTIONS):
            sums.hessian[inner, a, b] += sums.hessian[outer, a, b]


@njit(cache=True, nogil=True, error_model="numpy")
def _add_unknown(lower: int, higher: int, hessian: Array, gradient: Array) -> None:
    """What the lower unknown moves, the higher one moves as well, in equations of which it had no part in that yet."""
    gradient[higher] += gradient[lower]
    hessian[higher, higher] += 2.0 * hessian[higher, lower] + hessian[lower, lower]
    for k in range(len(gradient)):
        if k != higher:
            hessian[max(higher, k), min(higher, k)] += hessian[max(lower, k), min(lower, k)]


@njit(cache=True, nogil=True, error_model="numpy")
def _multiply(matrices: Array, i: int, columns: Array, k: int, out: Array) -> None:
    """The symmetric matrix i of (N, 10, 10) times column k of (K, 10)."""
    out[:] = 0.0
    for b in range(MOTIONS):
        for a in range(MOTIONS):
            out[a] += matrices[i, b, a] * columns[k, b]


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def _scale_columns(
    f: int, ends: Array, columns: Array, moved: IntArray, unknowns: IntArray, used: int
) -> int:
    """Fills the columns of a finger's scales after the first ``used``; returns how many there are then."""
    base = ends[FINGER_JOINT_TABLE[f, 0]]
    near, middle = FINGER_SEGMENT_TABLE[f, 0], FINGER_SEGMENT_TABLE[f, 1]
    columns[used, :3], columns[used, _GROWTH] = -base, 1.0
    moved[used] = near
    if f != _THUMB:
        unknowns[used] = FIRST_SCALE + THUMB_SCALE + f
        return used + 1
    # The metacarpal's scale stretches it and shifts what hangs on it: growth about its base, undone beyond its end.
    end = ends[FINGER_JOINT_TABLE[f, 1]]
    columns[used + 1, :3], columns[used + 1, _GROWTH] = end, -1.0
    columns[used + 2, :3], columns[used + 2, _GROWTH] = -end, 1.0
    moved[used + 1] = moved[used + 2] = middle
    unknowns[used] = unknowns[used + 1] = FIRST_SCALE + THUMB_METACARPAL_SCALE
    unknowns[used + 2] = FIRST_SCALE + THUMB_SCALE + f
    return used + 3
