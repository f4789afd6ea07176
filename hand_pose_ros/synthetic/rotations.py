"""Rotations of what stands in synthetic scenes, as numpy arrays: about axes, at random, along directions.

In: angles (rad), directions, a random generator. Out: matrices (..., 3, 3), random unit vectors (N, 3), float64. The
rotations of the hand itself are those of ``hand.rotations``: on tensors, which carry gradients, where these are
numpy's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


def rotation_x(angle: ArrayLike) -> Array:
    """Rotation about x by ``angle`` (...) rad -> (..., 3, 3). In an image: positive tips the top away."""
    return _about_axis(0, angle)


def rotation_y(angle: ArrayLike) -> Array:
    """Rotation about y by ``angle`` (...) rad -> (..., 3, 3). In an image: about the vertical."""
    return _about_axis(1, angle)


def rotation_z(angle: ArrayLike) -> Array:
    """Rotation about z by ``angle`` (...) rad -> (..., 3, 3). In an image: about the optical axis."""
    return _about_axis(2, angle)


def _about_axis(axis: int, angle: ArrayLike) -> Array:
    angle = np.asarray(angle, np.float64)
    c, s = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.zeros((*angle.shape, 3, 3))
    out[..., axis, axis] = 1.0
    out[..., i, i], out[..., i, j], out[..., j, i], out[..., j, j] = c, -s, s, c
    return out


def rotation_yxz(yaw: Array, pitch: Array, roll: Array) -> Array:
    """(N, 3, 3): rotations about y, then x, then z by angles (N,) rad about the axes that stay."""
    return np.asarray(Rotation.from_euler("yxz", np.stack([yaw, pitch, roll], axis=-1)).as_matrix())


def random_rotations(count: int, rng: np.random.Generator) -> Array:
    """(N, 3, 3), uniform over all rotations: normalised quaternions of four normal deviates (Muller 1959)."""
    q = rng.normal(size=(count, 4))
    x, y, z, w = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    return np.stack(
        [
            1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
            2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
            2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
        ],
        axis=-1,
    ).reshape(count, 3, 3)  # fmt: skip


def random_axes(count: int, rng: np.random.Generator) -> Array:
    """(N, 3, 3) orthonormal axes, right- or left-handed: for things that are their own mirror images."""
    q, _ = np.linalg.qr(rng.normal(size=(count, 3, 3)))
    return np.asarray(q)


def random_directions(count: int, rng: np.random.Generator, stretch: ArrayLike = 1.0) -> Array:
    """(N, 3) unit vectors, any direction alike but for ``stretch``, a factor of each of their components at first."""
    along = rng.normal(size=(count, 3)) * np.asarray(stretch, np.float64)
    return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))


def facing_normals(count: int, spread: float, rng: np.random.Generator) -> Array:
    """(N, 3) unit normals of planes across the line of sight (0, 0, 1), their slopes in x and y of this deviation."""
    normal = np.concatenate([rng.normal(0, spread, (count, 2)), np.ones((count, 1))], axis=1)
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def axes_along(direction: Array, hint: Array) -> Array:
    """Unit directions (N, 3) and vectors not along them (N, 3) -> (N, 3, 3), rows: the direction, a unit vector across
    it and the hint, and their cross product."""
    side = np.cross(direction, hint)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    return np.stack([direction, side, np.cross(direction, side)], axis=1)


def axes_with_third(direction: Array) -> Array:
    """Unit directions (..., 3) -> (..., 3, 3), rows: two unit vectors across each, and the direction itself."""
    helper = np.where(np.abs(direction[..., 1:2]) < 0.9, np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    side = np.cross(helper, direction)
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    return np.stack([side, np.cross(direction, side), direction], axis=-2)
