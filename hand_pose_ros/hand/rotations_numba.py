"""Rotations of one body in numba, with the conventions and names of :mod:`hand_pose_ros.hand.rotations`.

In and out: float64 arrays of one rotation. Compiled, and callable from other compiled code; nothing checks its input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]


# numba's own product of matrices calls BLAS, which takes longer than a 3 x 3 product itself and at its first call loads
# scipy.linalg.
@njit(cache=True, nogil=True)
def multiply(a: Array, b: Array) -> Array:
    """a @ b, both (3, 3)."""
    out = np.empty((3, 3))
    for r in range(3):
        for c in range(3):
            out[r, c] = a[r, 0] * b[0, c] + a[r, 1] * b[1, c] + a[r, 2] * b[2, c]
    return out


@njit(cache=True, nogil=True)
def rotate(matrix: Array, vector: Array) -> Array:
    """matrix @ vector, (3, 3) and (3,)."""
    out = np.empty(3)
    for k in range(3):
        out[k] = matrix[k, 0] * vector[0] + matrix[k, 1] * vector[1] + matrix[k, 2] * vector[2]
    return out


@njit(cache=True, nogil=True)
def so3_exp(vector: Array) -> Array:
    """Rodrigues' formula: (3,) rad -> (3, 3)."""
    squared = vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2
    if squared < 1e-12:
        a, b = 1.0 - squared / 6, 0.5 - squared / 24
    else:
        angle = np.sqrt(squared)
        a, b = np.sin(angle) / angle, (1 - np.cos(angle)) / squared
    x, y, z = vector
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + a * k + b * multiply(k, k)


@njit(cache=True, nogil=True)
def so3_log(matrix: Array) -> Array:
    """(3, 3) -> (3,) rad with an angle in [0, pi], through the largest quaternion component."""
    m = matrix
    four = np.array(
        [
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
            1 + m[0, 0] + m[1, 1] + m[2, 2],
        ]
    )
    xy, xz, yz = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    xw, yw, zw = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    largest = np.argmax(four)
    if largest == 0:
        q = np.array([four[0], xy, xz, xw])
    elif largest == 1:
        q = np.array([xy, four[1], yz, yw])
    elif largest == 2:
        q = np.array([xz, yz, four[2], zw])
    else:
        q = np.array([xw, yw, zw, four[3]])
    q /= np.sqrt((q * q).sum())
    if q[3] < 0:
        q = -q
    sine = np.sqrt(q[0] ** 2 + q[1] ** 2 + q[2] ** 2)
    factor = 2.0 if sine < 1e-9 else 2 * np.arctan2(sine, q[3]) / sine
    return factor * q[:3]


@njit(cache=True, nogil=True)
def rotate_back(matrix: Array, vector: Array) -> Array:
    """matrix^T @ vector, (3, 3) and (3,)."""
    out = np.empty(3)
    for k in range(3):
        out[k] = matrix[0, k] * vector[0] + matrix[1, k] * vector[1] + matrix[2, k] * vector[2]
    return out


@njit(cache=True, nogil=True)
def kabsch(source: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    """Rotation (3, 3) and translation (3,) that bring ``source`` (K, 3) nearest to ``target``, with weights (K,) >= 0.

    Kabsch, "A solution for the best rotation to relate two sets of vectors", 1976.
    """
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
