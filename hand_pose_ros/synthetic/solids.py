"""Solid bodies that scenes are built of: ellipsoids, boxes, cylinders and vessels, all described alike.

In: where they stand and how large they are (metres, camera's optical frame: x right, y down, z away). Out:
:class:`Solids`, plain arrays with any leading dimensions, and :func:`draw_solids`, which draws one scene of them into
a depth image (H, W) float32 m from inside other compiled loops.

A solid is the set of points x with |axes @ (x - centre)| <= 1, where the norm is Euclidean for an ellipsoid, the
largest component for a box, and for a cylinder the larger of |third component| and the norm of the other two. A vessel
is a cylinder that is hollow and open at the end that its third axis points to.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.render import box_window, draw_box, draw_ellipsoid

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

NOTHING, ELLIPSOID, BOX, CYLINDER, VESSEL = -1, 0, 1, 2, 3
_NEAR_M = 0.05  # as in ``synthetic.render``; guessed
_HOLLOW = 0.9  # a vessel's inside, of its outside; guessed


class Solids(NamedTuple):
    """kind (..., K) int64, one of the codes above; centre (..., K, 3) m; axes (..., K, 3, 3) 1/m: rows are the unit
    half-axes divided by their lengths."""

    kind: NDArray[np.int64]
    centre: Array
    axes: Array


def solid(kind: ArrayLike, centre: ArrayLike, half: ArrayLike, turn: ArrayLike | None = None) -> Solids:
    """One solid, (..., 1): centre (..., 3) m, half axes (..., 3) m, turn (..., 3, 3): rows are its axes."""
    centre, half = np.asarray(centre, np.float64), np.asarray(half, np.float64)
    turn = np.eye(3) if turn is None else np.asarray(turn, np.float64)
    lead = np.broadcast_shapes(np.shape(kind), centre.shape[:-1], half.shape[:-1], turn.shape[:-2])
    axes = np.broadcast_to(turn / half[..., :, None], (*lead, 3, 3))
    return Solids(
        np.broadcast_to(np.asarray(kind, np.int64), lead)[..., None].copy(),
        np.broadcast_to(centre, (*lead, 3))[..., None, :].copy(),
        axes[..., None, :, :].copy(),
    )


def gather(*parts: Solids) -> Solids:
    """All of them in one; leading dimensions are broadcast."""
    lead = np.broadcast_shapes(*(part.kind.shape[:-1] for part in parts))
    tails = (1, 2, 3)
    return Solids(
        *(
            np.concatenate(
                [np.broadcast_to(a, lead + a.shape[a.ndim - tail :]) for a in arrays], axis=len(lead)
            )
            for arrays, tail in zip(zip(*parts, strict=True), tails, strict=True)
        )
    )


def nothing(*shape: int) -> Solids:
    """Solids (shape) of which none is there."""
    return Solids(np.full(shape, NOTHING), np.zeros((*shape, 3)), np.zeros((*shape, 3, 3)))


NO_SOLIDS = nothing(0)


def put(
    into: Solids, chosen: NDArray[np.bool_] | NDArray[np.intp] | slice, parts: Solids, first: int = 0
) -> None:
    """Put parts (M, K), one row for each of the M chosen scenes, into their slots from ``first`` on, in place."""
    slots = slice(first, first + parts.kind.shape[1])
    for whole, part in zip(into, parts, strict=True):
        whole[chosen, slots] = part


def where(chosen: NDArray[np.bool_], solids: Solids) -> Solids:
    """The solids of the scenes that are chosen (...); nothing in the others."""
    return solids._replace(kind=np.where(np.asarray(chosen)[..., None], solids.kind, NOTHING))


def padded(solids: Solids, most: int) -> Solids:
    """Solids (..., K) -> (..., most), filled up with nothing."""
    missing = most - solids.kind.shape[-1]
    if missing <= 0:
        return solids
    return gather(solids, nothing(*solids.kind.shape[:-1], missing))


def take(solids: Solids, index: int | NDArray[np.intp] | NDArray[np.bool_] | slice | None) -> Solids:
    """The scenes ``index`` along the first dimension; None puts a first dimension of one before them."""
    return Solids(solids.kind[index], solids.centre[index], solids.axes[index])


def moved(solids: Solids, rotation: ArrayLike, shift: ArrayLike = 0.0) -> Solids:
    """x -> rotation @ x + shift for every solid; rotation (..., 3, 3), shift (..., 3) m."""
    rotation = np.asarray(rotation, np.float64)[..., None, :, :]
    shift = np.asarray(shift, np.float64)
    centre = (rotation @ solids.centre[..., None])[..., 0] + (shift[..., None, :] if shift.ndim else shift)
    axes = solids.axes @ rotation.swapaxes(-1, -2)
    return Solids(np.broadcast_to(solids.kind, centre.shape[:-1]).copy(), centre, axes)


@njit(nogil=True, cache=True)
def draw_cylinder(
    centre: Array, axes: Array, hollow: bool, fx: float, fy: float, cx: float, cy: float, depth: Array32
) -> None:
    """Draw the near side of a cylinder about its third axis into depth (H, W), its two caps included; of a ``hollow``
    one the inside behind its third axis's cap."""
    height, width = depth.shape
    start = -(axes @ centre)
    c = start[0] ** 2 + start[1] ** 2 - 1.0
    if c <= 0.0 and abs(start[2]) <= 1.0:
        return  # the camera would be inside
    r0, r1, c0, c1 = box_window(centre, axes, fx, fy, cx, cy, height, width)
    for row in range(r0, r1 + 1):
        y = (row - cy) / fy
        for column in range(c0, c1 + 1):
            x = (column - cx) / fx
            rx = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2]
            ry = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2]
            rz = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2]
            a, b = rx * rx + ry * ry, rx * start[0] + ry * start[1]
            discriminant = b * b - a * c
            if discriminant < 0.0 or (a < 1e-12 and c > 0.0):
                continue
            enter, leave = -np.inf, np.inf  # along the axis
            if a >= 1e-12:
                root = np.sqrt(discriminant)
                enter, leave = (-b - root) / a, (-b + root) / a
            if abs(rz) > 1e-12:
                low, high = (-1.0 - start[2]) / rz, (1.0 - start[2]) / rz
                enter, leave = max(enter, min(low, high)), min(leave, max(low, high))
            elif abs(start[2]) > 1.0:
                continue
            if not _NEAR_M < enter <= leave:
                continue
            if hollow and rz < 0.0 and start[2] + enter * rz > 0.999:
                # Through the mouth: to the inner wall or to the bottom, unless the ray meets the rim.
                inside = b * b - a * (c + 1.0 - _HOLLOW**2)
                x_in, y_in = start[0] + enter * rx, start[1] + enter * ry
                if x_in * x_in + y_in * y_in < _HOLLOW**2:
                    bottom = (-_HOLLOW - start[2]) / rz
                    wall = (-b + np.sqrt(max(inside, 0.0))) / a if a >= 1e-12 else bottom
                    enter = max(enter, min(wall, bottom))
            if enter < depth[row, column]:
                depth[row, column] = enter


# Not cached on disk: numba would not notice a change in draw_ellipsoid's file.
@njit(nogil=True)
def draw_solids(
    kind: NDArray[np.int64], centre: Array, axes: Array, fx: float, fy: float, cx: float, cy: float, depth: Array32,
) -> None:  # fmt: skip
    """Draw the K solids of one scene into depth (H, W), nearest wins; kind (K,), centre (K, 3), axes (K, 3, 3)."""
    for k in range(kind.shape[0]):
        if kind[k] == 0:
            draw_ellipsoid(centre[k], axes[k], fx, fy, cx, cy, depth)
        elif kind[k] == 1:
            draw_box(centre[k], axes[k], fx, fy, cx, cy, depth)
        elif kind[k] >= 2:
            draw_cylinder(centre[k], axes[k], kind[k] == 3, fx, fy, cx, cy, depth)
