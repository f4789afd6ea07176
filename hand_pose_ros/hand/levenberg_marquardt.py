"""Levenberg-Marquardt's step in numba, which the solver of joints and the fit to a surface share.

In: the Gauss-Newton matrix (size, size), lower triangle, and the gradient (size,) of half the energy, the unknowns
being a hand's 26 parameters and what a solver appends. Out: a damped step that keeps the angles within their limits.
Nothing here checks its input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import ANGLE_COUNT, FIRST_ANGLE
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]

# The schedule is Marquardt's: multiplicative, down after a step that was taken, up after one that was not; its
# numbers are guessed.
FIRST_DAMPING = 1e-3
DAMPING_DECREASE = 0.2
DAMPING_INCREASE = 8.0
DIAGONAL_FLOOR = 1e-9
"""Added to the matrix' diagonal, for unknowns that nothing observes; far below what any residual adds there."""


@njit(cache=True, nogil=True)
def cholesky_factor(matrix: Array, size: int) -> bool:
    """Cholesky's factor of a symmetric matrix in place, lower triangle; False where it is not positive definite."""
    for c in range(size):
        total = matrix[c, c]
        for k in range(c):
            total -= matrix[c, k] * matrix[c, k]
        if not total > 0:
            return False
        root = np.sqrt(total)
        matrix[c, c] = root
        for r in range(c + 1, size):
            total = matrix[r, c]
            for k in range(c):
                total -= matrix[r, k] * matrix[c, k]
            matrix[r, c] = total / root
    return True


@njit(cache=True, nogil=True)
def cholesky_solve(factor: Array, size: int, vector: Array) -> None:
    """The solution x of L L^T x = vector in place of ``vector``; ``factor`` is L."""
    for r in range(size):
        for k in range(r):
            vector[r] -= factor[r, k] * vector[k]
        vector[r] /= factor[r, r]
    for r in range(size - 1, -1, -1):
        for k in range(r + 1, size):
            vector[r] -= factor[k, r] * vector[k]
        vector[r] /= factor[r, r]


@njit(cache=True, nogil=True)
def damped_step(
    hessian: Array,
    gradient: Array,
    damping: float,
    angles: Array,
    limits: Array,
    size: int,
    system: Array,
    step: Array,
) -> bool:
    """Levenberg-Marquardt's step (size,) into ``step``, ``system`` being room to work in; False where there is none.

    An angle at a limit that the gradient pushes out of its range stays where it is.
    """
    system[:] = hessian
    for i in range(size):
        system[i, i] += damping * system[i, i] + DIAGONAL_FLOOR
        step[i] = -gradient[i]
    for i in range(ANGLE_COUNT):
        unknown = FIRST_ANGLE + i
        at_lower, at_upper = angles[i] <= limits[i, 0], angles[i] >= limits[i, 1]
        if (at_lower and gradient[unknown] > 0) or (at_upper and gradient[unknown] < 0):
            system[unknown, :] = 0.0
            system[:, unknown] = 0.0
            system[unknown, unknown] = 1.0
            step[unknown] = 0.0
    if not cholesky_factor(system, size):
        return False
    cholesky_solve(system, size, step)
    return True
