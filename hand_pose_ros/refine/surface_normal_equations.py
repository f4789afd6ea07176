"""The surface fit's Gauss-Newton equations from the sums of its segments, in numba.

In: information (16, 10, 10) and push (16, 10) as surface_kernels.py fills them, ends and axes of the hand's pose. Out:
the equations of the 36 unknowns.

Parameters enter once a segment, not once a point: with o the origin and a the axis of an angle, the column that it has
in the 10 motions of what it moves is (o x a, a), a finger's scale about o is (-o, growth). Outer segments of a finger
are summed towards the palm first (Featherstone's composite bodies).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.refine.surface_kernels import MOTIONS, SEGMENTS

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

THICKNESS = skeleton.PARAMETER_COUNT
FIRST_SCALE = THICKNESS + 1
UNKNOWNS = FIRST_SCALE + skeleton.SHAPE_COUNT
"""The pose, the log scale of the thickness, the shape."""


@numba.njit(cache=True, nogil=True)
def gather(
    information: Array, push: Array, ends: Array, axes: Array, hessian: Array, gradient: Array
) -> None:
    """Segments' sums -> hessian (36, 36), lower triangle, and gradient (36,) of half the energy.

    information (16, 10, 10), lower triangles, is summed towards the palm in place.
    """
    for s in range(SEGMENTS):
        for a in range(MOTIONS):
            for b in range(a):
                information[s, b, a] = information[s, a, b]
    for f in range(5):
        first = 1 + 3 * f
        for s in (first + 1, first):
            information[s] += information[s + 1]
            push[s] += push[s + 1]
        information[0] += information[first]
        push[0] += push[first]
    hessian[:] = 0.0
    gradient[:] = 0.0

    # What moves every segment: columns (10, 10) and their unknowns.
    roots = np.eye(MOTIONS)
    roots[7, 6] = 1.0  # the whole hand grows in thickness, too
    of_root = np.array([0, 1, 2, 3, 4, 5, THICKNESS, FIRST_SCALE, FIRST_SCALE + 1, FIRST_SCALE + 2])
    columns, images = np.empty((7, MOTIONS)), np.empty(MOTIONS)
    levels, unknowns = np.empty(7, dtype=np.int64), np.empty(7, dtype=np.int64)
    _add_columns(
        roots, np.zeros(MOTIONS, dtype=np.int64), of_root, 0, information, push, images, hessian, gradient
    )
    for f in range(5):
        count = _finger_columns(f, ends, axes, columns, levels, unknowns)
        segment = 1 + 3 * f
        _add_columns(columns[:count], levels, unknowns, segment, information, push, images, hessian, gradient)
        for k in range(count):
            _image(information[segment + levels[k]], columns[k], images)
            for a in range(MOTIONS):
                total = 0.0
                for b in range(MOTIONS):
                    total += roots[a, b] * images[b]
                hessian[max(unknowns[k], of_root[a]), min(unknowns[k], of_root[a])] += total


@numba.njit(cache=True, nogil=True)
def _image(matrix: Array, column: Array, out: Array) -> None:
    for a in range(MOTIONS):
        total = 0.0
        for b in range(MOTIONS):
            total += matrix[a, b] * column[b]
        out[a] = total


@numba.njit(cache=True, nogil=True)
def _add_columns(
    columns: Array,
    levels: IntArray,
    unknowns: IntArray,
    segment: int,
    information: Array,
    push: Array,
    image: Array,
    hessian: Array,
    gradient: Array,
) -> None:
    """Columns (K, 10) of one chain, from the palm outwards: each moves segment + its level and what hangs on it."""
    for k in range(len(columns)):
        moved = segment + levels[k]
        _image(information[moved], columns[k], image)
        for a in range(MOTIONS):
            gradient[unknowns[k]] += columns[k, a] * push[moved, a]
        for m in range(k + 1):
            total = 0.0
            for a in range(MOTIONS):
                total += columns[m, a] * image[a]
            row, column = max(unknowns[k], unknowns[m]), min(unknowns[k], unknowns[m])
            # Two columns of one unknown: both orders fall on the diagonal.
            hessian[row, column] += 2.0 * total if m != k and row == column else total


@numba.njit(cache=True, nogil=True)
def _finger_columns(
    f: int, ends: Array, axes: Array, columns: Array, levels: IntArray, unknowns: IntArray
) -> int:
    """Fills the columns of a finger's angles and scales in order of their level; how many there are."""
    columns[:] = 0.0
    used = 0
    for k in range(4):
        level = max(k - 1, 0)
        if k == 2:
            # Scales come before the angle of their level.
            used = _scale_columns(f, ends, columns, levels, unknowns, used)
        o, a, row = ends[3 + 4 * f + level], axes[4 * f + k], columns[used]
        row[0] = o[1] * a[2] - o[2] * a[1]
        row[1] = o[2] * a[0] - o[0] * a[2]
        row[2] = o[0] * a[1] - o[1] * a[0]
        row[3], row[4], row[5] = a[0], a[1], a[2]
        levels[used], unknowns[used] = level, 6 + 4 * f + k
        used += 1
    return used


@numba.njit(cache=True, nogil=True)
def _scale_columns(
    f: int, ends: Array, columns: Array, levels: IntArray, unknowns: IntArray, used: int
) -> int:
    if f > 0:
        columns[used, :3], columns[used, 7] = -ends[3 + 4 * f], 1.0
        levels[used], unknowns[used] = 0, FIRST_SCALE + 4 + f
        return used + 1
    # The metacarpal's scale stretches it and shifts what hangs on it: growth about its base, undone beyond its end.
    columns[used, :3], columns[used, 7] = -ends[3], 1.0
    columns[used + 1, :3], columns[used + 1, 7] = ends[4], -1.0
    columns[used + 2, :3], columns[used + 2, 7] = -ends[4], 1.0
    levels[used], levels[used + 1], levels[used + 2] = 0, 1, 1
    unknowns[used] = unknowns[used + 1] = FIRST_SCALE + 3
    unknowns[used + 2] = FIRST_SCALE + 4
    return used + 3
