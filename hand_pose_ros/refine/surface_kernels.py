"""The terms of the surface fit's energy in numba; nothing here checks its input.

In: one hand's pose as ends of capsules (m, crop-local frame), observed surface points (N, 3) m and the depth map (S, S)
m. Out: the energy, and a sum a segment, from which surface_equations.py makes the solver's equations.

A point c of a segment with residual gradient d moves the residual by the 6-vector (d, c x d) of the segment's twist,
by d.c when it grows about the palm's position, by the parts of that along the palm's x and y (the palm's, or the
finger's base's) when the palm grows. So every term is summed into one 10 x 10 matrix and one 10-vector a segment. All
places are relative to the palm's position.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_JOINTS = skeleton.JOINT_COUNT
SEGMENTS = skeleton.SEGMENT_COUNT
MOTIONS = 10
"""Ways a segment moves a residual: 3 of shift, 3 of turn, thickness, growth, palm length, palm width."""
_SAMPLES = np.array([1.0 / 3.0, 2.0 / 3.0, 1.0])
"""Where on a capsule the free-space term looks."""
_RAMP, _WRIST_M = 0.2, 0.006
"""Cosine over which a turning surface, and way (m) from the wrist over which the palm, comes to count."""
_NEAR_M, _EXPLAINED_M, _ON_SURFACE_M = 0.015, 0.005, 0.010
"""A pixel this near is the hand's; one this near is explained; flesh this near to the surface is on it."""


class Terms(NamedTuple):
    """Weights and scales of the energy; metres, and 1/m^2 for weights of squared metres.

    point_weight of a pixel, its robust scale; facing: least cosine to the camera of a surface that a pixel may be;
    joint_scale: robust scale of the joints in multiples of their sigma; sample_weight, sample_scale; margin_m: how far
    before the surface a bone's flesh may lie; gate_m: farther than this it is beside the hand, not before it.
    """

    point_weight: float
    point_scale_m: float
    facing: float
    joint_scale: float
    sample_weight: float
    sample_scale_m: float
    margin_m: float
    gate_m: float


@numba.njit(cache=True, nogil=True)
def _add(information, push, frame, segment, cx, cy, cz, dx, dy, dz, thickness, weight, r):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Adds a residual r with gradient d at c of a segment to information (16, 10, 10) and push (16, 10).

    frame (9, 10), see place_frame, its last row is for scratch.
    """
    g = frame[8]
    g[0], g[1], g[2] = dx, dy, dz
    g[3], g[4], g[5] = cy * dz - cz * dy, cz * dx - cx * dz, cx * dy - cy * dx
    g[6] = thickness
    g[7] = cx * dx + cy * dy + cz * dz
    along, across = (
        frame[0, 0] * dx + frame[0, 1] * dy + frame[0, 2] * dz,
        (frame[1, 0] * dx + frame[1, 1] * dy + frame[1, 2] * dz),
    )
    if segment == 0:
        g[8] = along * (frame[0, 0] * cx + frame[0, 1] * cy + frame[0, 2] * cz)
        g[9] = across * (frame[1, 0] * cx + frame[1, 1] * cy + frame[1, 2] * cz)
    else:
        f = (segment - 1) // 3
        g[8], g[9] = along * frame[3 + f, 0], across * frame[3 + f, 1]
    h = information[segment]
    k = push[segment]
    for a in range(MOTIONS):
        w = weight * g[a]
        k[a] += w * r
        for b in range(a + 1):
            h[a, b] += w * g[b]


@numba.njit(cache=True, nogil=True)
def place_ends(joints: Array, rotation: Array, palm_points: Array, ends: Array) -> None:
    """Joints (23, 3) and the palm's points, placed -> ends (E, 3), relative to the palm's position."""
    for j in range(_JOINTS):
        for k in range(3):
            ends[j, k] = joints[j, k] - joints[0, k]
    for i in range(len(palm_points)):
        x, y, z = palm_points[i]
        for k in range(3):
            ends[_JOINTS + i, k] = rotation[k, 0] * x + rotation[k, 1] * y + rotation[k, 2] * z


@numba.njit(cache=True, nogil=True)
def place_frame(rotation: Array, ends: Array, frame: Array) -> None:
    """Fills frame (9, 10) for the terms: rows 0 and 1 the palm's x and y, 3 to 7 the fingers' bases along them."""
    for k in range(3):
        frame[0, k], frame[1, k] = rotation[k, 0], rotation[k, 1]
    for f in range(5):
        for a in range(2):
            total = 0.0
            for k in range(3):
                total += frame[a, k] * ends[3 + 4 * f, k]
            frame[3 + f, a] = total


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True, inline="always")
def capsule_distance(table, i, x, y, z):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Signed distance (m) of a point to capsule i, and how far along its axis (m) the nearest sphere sits."""
    px, py, pz = x - table[i, 0], y - table[i, 1], z - table[i, 2]
    along = px * table[i, 3] + py * table[i, 4] + pz * table[i, 5]
    across = max(px * px + py * py + pz * pz - along * along, 0.0)
    s = along + np.sqrt(across) * table[i, 9]
    s = min(max(s, 0.0), table[i, 6])
    off = along - s
    return np.sqrt(across + off * off) - table[i, 7] - table[i, 8] * s, s


@numba.njit(cache=True, nogil=True)
def nearest_capsules(points: Array, table: Array, out: IntArray) -> None:
    """For every point (N, 3) the nearest few capsules, out (N, K), the nearest first."""
    few = out.shape[1]
    best = np.empty(few)
    for n in range(len(points)):
        best[:] = np.inf
        for i in range(len(table)):
            d, _ = capsule_distance(table, i, points[n, 0], points[n, 1], points[n, 2])
            if d < best[few - 1]:
                k = few - 1
                while k > 0 and best[k - 1] > d:
                    best[k] = best[k - 1]
                    out[n, k] = out[n, k - 1]
                    k -= 1
                best[k] = d
                out[n, k] = i


@numba.njit(cache=True, nogil=True)
def add_points(
    points: Array,
    origin: Array,
    distance: float,
    near: IntArray,
    table: Array,
    capsules: IntArray,
    arm_capsules: IntArray,
    terms: Terms,
    frame: Array,
    information: Array,
    push: Array,
    seen: Array,
) -> float:
    """Depth to model: each point (N, 3), relative to the palm at origin, to the nearest of its capsules near (N, K).

    seen (5,): pixels near the hand, of them explained, sum of their absolute residuals, sum of weighted residuals, sum
    of weights. arm_capsules (C,): see surface_model. Returns the energy. Geman-McClure
    (Black and Rangarajan 1996): rho = r^2 / (1 + (r / scale)^2); what is not compared costs as much as an outlier.
    """
    square = terms.point_scale_m**2
    total = 0.0
    seen[:] = 0.0
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        r, s, i = np.inf, 0.0, 0
        for k in range(near.shape[1]):
            d, t = capsule_distance(table, near[n, k], x, y, z)
            if d < r:
                r, s, i = d, t, near[n, k]
        if arm_capsules[i] == 2 or (arm_capsules[i] == 1 and s <= 0.0):
            total += terms.point_weight * square
            continue
        cx, cy, cz = (
            table[i, 0] + s * table[i, 3],
            table[i, 1] + s * table[i, 4],
            table[i, 2] + s * table[i, 5],
        )
        nx, ny, nz = x - cx, y - cy, z - cz
        length = max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-9)
        nx, ny, nz = nx / length, ny / length, nz / length
        vx, vy, vz = x + origin[0], y + origin[1], z + origin[2] + distance
        facing = -(nx * vx + ny * vy + nz * vz) / np.sqrt(vx * vx + vy * vy + vz * vz)
        if abs(r) < _NEAR_M:
            seen[0] += 1.0
            seen[2] += abs(r)
            if abs(r) < _EXPLAINED_M and facing > terms.facing:
                seen[1] += 1.0
        if facing <= terms.facing:
            total += terms.point_weight * square
            continue
        # Not all at once: a step of the energy would stop the descent.
        turned = min((facing - terms.facing) / _RAMP, 1.0)
        if arm_capsules[i] == 1:
            turned *= min(s / _WRIST_M, 1.0)
        share = square / (square + r * r)
        total += terms.point_weight * (turned * r * r * share + (1.0 - turned) * square)
        weight = terms.point_weight * turned * share * share
        seen[3] += weight * r
        seen[4] += weight
        _add(information, push, frame, capsules[i, 0], cx, cy, cz, -nx, -ny, -nz, r - length, weight, r)
    return total


@numba.njit(cache=True, nogil=True)
def add_samples(
    depth: Array,
    origin: Array,
    half: float,
    distance: float,
    ring: IntArray,
    table: Array,
    capsules: IntArray,
    terms: Terms,
    frame: Array,
    information: Array,
    push: Array,
    seen: Array,
) -> float:
    """Model to depth: no flesh floats before the surface or beside the hand; behind something nearer it may be.

    depth (S, S) m local, inf where nothing is; ring (R, 2): steps (column, row) to pixels in order of distance. seen
    (3,): samples within the crop, of them in free space, of them on the surface. Returns the energy.
    """
    size = depth.shape[0]
    square = terms.sample_scale_m**2
    farthest = np.sqrt(float(ring[-1, 0] ** 2 + ring[-1, 1] ** 2)) * 2.0 * half / size
    total = 0.0
    seen[:] = 0.0
    for i in range(len(table)):
        for k in range(len(_SAMPLES)):
            s = _SAMPLES[k] * table[i, 6]
            cx, cy, cz = (
                table[i, 0] + s * table[i, 3],
                table[i, 1] + s * table[i, 4],
                table[i, 2] + s * table[i, 5],
            )
            radius = table[i, 7] + table[i, 8] * s
            x, y, z = cx + origin[0], cy + origin[1], cz + origin[2]
            metres = (distance + z) / distance * 2.0 * half / size  # a pixel's width at the sample
            if not metres > 1e-6:
                continue
            column = x / metres + 0.5 * size - 0.5
            row = y / metres + 0.5 * size - 0.5
            u, v = int(np.floor(column + 0.5)), int(np.floor(row + 0.5))
            if u < 0 or v < 0 or u >= size or v >= size:
                continue
            seen[0] += 1.0
            front = z - radius
            gap = depth[v, u] - front
            if gap < terms.gate_m:
                r = gap - terms.margin_m
                if abs(gap) < _ON_SURFACE_M:
                    seen[2] += 1.0
                if r <= 0.0:
                    continue
                if r > _ON_SURFACE_M:
                    seen[1] += 1.0
                share = square / (square + r * r)
                total += terms.sample_weight * r * r * share
                _add(
                    information, push, frame, capsules[i, 0], cx, cy, cz, 0.0, 0.0, -1.0, radius,
                    terms.sample_weight * share * share, r,
                )  # fmt: skip
                continue
            seen[1] += 1.0
            found = False
            for q in range(len(ring)):
                a, b = u + ring[q, 0], v + ring[q, 1]
                if a < 0 or b < 0 or a >= size or b >= size:
                    continue
                if depth[b, a] - front < terms.gate_m:
                    dx, dy = (column - a) * metres, (row - b) * metres
                    r = np.sqrt(dx * dx + dy * dy)
                    share = square / (square + r * r)
                    total += terms.sample_weight * r * r * share
                    if r > 1e-9:
                        _add(
                            information, push, frame, capsules[i, 0], cx, cy, cz, dx / r, dy / r, 0.0, 0.0,
                            terms.sample_weight * share * share, r,
                        )  # fmt: skip
                    found = True
                    break
            if not found:
                total += terms.sample_weight * farthest**2 * square / (square + farthest**2)
    return total


@numba.njit(cache=True, nogil=True)
def add_joints(
    ends: Array,
    origin: Array,
    target: Array,
    weights: Array,
    terms: Terms,
    frame: Array,
    information: Array,
    push: Array,
) -> float:
    """The network's joints (23, 3) m with weights (23,) m^-2, robust in multiples of their sigma; the energy."""
    square = terms.joint_scale**2
    total = 0.0
    for j in range(_JOINTS):
        if not weights[j] > 0.0:
            continue
        f, rank = (j - 3) // 4, (j - 3) % 4
        segment = 3 * f + rank if j >= 3 and rank > 0 else 0
        x, y, z = ends[j, 0], ends[j, 1], ends[j, 2]
        rx, ry, rz = x + origin[0] - target[j, 0], y + origin[1] - target[j, 1], z + origin[2] - target[j, 2]
        r2 = weights[j] * (rx * rx + ry * ry + rz * rz)
        share = square / (square + r2)
        total += r2 * share
        w = weights[j] * share * share
        _add(information, push, frame, segment, x, y, z, 1.0, 0.0, 0.0, 0.0, w, rx)
        _add(information, push, frame, segment, x, y, z, 0.0, 1.0, 0.0, 0.0, w, ry)
        _add(information, push, frame, segment, x, y, z, 0.0, 0.0, 1.0, 0.0, w, rz)
    return total
