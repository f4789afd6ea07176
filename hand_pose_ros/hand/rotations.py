"""Rotations in torch, with leading batch dimensions and gradients that are finite everywhere.

Conventions, stated once for the whole package:

* A rotation matrix R (..., 3, 3) acts on column vectors, ``x' = R x``; its columns are the axes of the
  rotated frame seen from the parent frame. Every matrix is right-handed (determinant +1).
* A rotation vector (..., 3) is axis times angle, in radians; its angle lies in [0, pi].
* A quaternion (..., 4) is ordered (x, y, z, w) as in ROS messages, of unit length, with w >= 0.
* The "6D" form (..., 6) is the first two columns of the matrix before orthonormalisation, column after column
  (Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor

# rad^2; below it the series are used. Chosen: what they leave out is below this squared.
_SMALL_ANGLE_SQUARED = 1e-8


def so3_exp(vector: Tensor) -> Tensor:
    """Rodrigues' formula: rotation vector (..., 3) rad -> matrix (..., 3, 3)."""
    squared = (vector * vector).sum(-1)
    small = squared < _SMALL_ANGLE_SQUARED
    safe = torch.where(small, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    a = torch.where(small, 1 - squared / 6, torch.sin(angle) / angle)
    b = torch.where(small, 0.5 - squared / 24, (1 - torch.cos(angle)) / safe)
    k = skew(vector)
    identity = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return identity + a[..., None, None] * k + b[..., None, None] * (k @ k)


def so3_log(matrix: Tensor) -> Tensor:
    """Matrix (..., 3, 3) -> rotation vector (..., 3) rad of the shortest rotation; stable up to pi."""
    quaternion = matrix_to_quaternion(matrix)
    vector, w = quaternion[..., :3], quaternion[..., 3]
    squared = (vector * vector).sum(-1)
    small = squared < _SMALL_ANGLE_SQUARED
    norm = torch.where(small, torch.ones_like(squared), squared).sqrt()
    # For a small angle, sin(angle / 2) = angle / 2 to third order and w is 1.
    factor = torch.where(small, 2.0 + squared / 3, 2 * torch.atan2(norm, w) / norm)
    return factor[..., None] * vector


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """Matrix (..., 3, 3) -> unit quaternion (..., 4) as (x, y, z, w), w >= 0.

    The largest of the four components is computed first and the others from it, so no case loses precision.
    """
    m = matrix
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    # Four times the outer product of the quaternion with itself; every row is a multiple of the quaternion.
    xx, yy, zz = 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22
    ww = 1 + m00 + m11 + m22
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    xw, yw, zw = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    rows = torch.stack(
        [
            torch.stack([xx, xy, xz, xw], -1),
            torch.stack([xy, yy, yz, yw], -1),
            torch.stack([xz, yz, zz, zw], -1),
            torch.stack([xw, yw, zw, ww], -1),
        ],
        dim=-2,
    )
    best = torch.stack([xx, yy, zz, ww], -1).argmax(-1)
    row = torch.gather(rows, -2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    quaternion = row / row.norm(dim=-1, keepdim=True)
    return torch.where(quaternion[..., 3:] < 0, -quaternion, quaternion)


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """Unit quaternion (..., 4) as (x, y, z, w) -> matrix (..., 3, 3)."""
    x, y, z, w = quaternion.unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], -1),
        torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], -1),
        torch.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], -1),
    ]
    return torch.stack(rows, -2)


def sixd_to_matrix(sixd: Tensor) -> Tensor:
    """6D form (..., 6) -> matrix (..., 3, 3) by Gram-Schmidt; degenerate input still gives finite values."""
    first, second = sixd[..., :3], sixd[..., 3:]
    x = _unit(first)
    y = _unit(second - (x * second).sum(-1, keepdim=True) * x)
    return torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], dim=-1)


def rotation_y(angle: Tensor) -> Tensor:
    """Rotation about y by ``angle`` (...) rad -> matrix (..., 3, 3)."""
    c, s = torch.cos(angle), torch.sin(angle)
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    return torch.stack([c, zero, s, zero, one, zero, -s, zero, c], -1).unflatten(-1, (3, 3))


def rotation_z(angle: Tensor) -> Tensor:
    """Rotation about z by ``angle`` (...) rad -> matrix (..., 3, 3)."""
    c, s = torch.cos(angle), torch.sin(angle)
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    return torch.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).unflatten(-1, (3, 3))


def skew(vector: Tensor) -> Tensor:
    """Cross-product matrix (..., 3, 3) of a vector (..., 3): ``skew(a) @ b = a x b``."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))


def kabsch(source: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Rotation (..., 3, 3) and translation (..., 3) that bring ``source`` (..., K, 3) nearest to ``target``.

    Kabsch, "A solution for the best rotation to relate two sets of vectors", 1976, with weights (..., K) >= 0. Points
    on a line or a single point still give a proper rotation.
    """
    share = weights / weights.sum(-1, keepdim=True).clamp_min(1e-12)
    source_mean = (share[..., None] * source).sum(-2, keepdim=True)
    target_mean = (share[..., None] * target).sum(-2, keepdim=True)
    covariance = (source - source_mean).transpose(-1, -2) @ (share[..., None] * (target - target_mean))
    u, _, vt = torch.linalg.svd(covariance)
    v = vt.transpose(-1, -2)
    proper = torch.det(v @ u.transpose(-1, -2)).sign()
    signs = torch.stack([torch.ones_like(proper), torch.ones_like(proper), proper], -1)
    rotation = (v * signs[..., None, :]) @ u.transpose(-1, -2)
    translation = target_mean - source_mean @ rotation.transpose(-1, -2)
    return rotation, translation.squeeze(-2)


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm(dim=-1, keepdim=True).clamp_min(1e-8)
