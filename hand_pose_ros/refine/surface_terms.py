"""The terms of the surface fit's energy in numba; nothing here checks its input.

In: one hand's pose as capsules, what is observed of it, and priors. Out: the energy. Terms of points in space leave
a row a residual, from which :mod:`hand_pose_ros.refine.surface_normal_equations` makes the solver's equations; the
priors are added to those equations themselves. Places of points are relative to the palm's position.

Robust terms are Geman-McClure's (Black and Rangarajan 1996): rho = r^2 / (1 + (r / scale)^2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop_projection import metres_to_pixel, pixel_width
from hand_pose_ros.hand.rotations_numba import so3_log
from hand_pose_ros.hand.skeleton import (
    ANGLE_COUNT,
    FINGER_SEGMENT_TABLE,
    FIRST_ANGLE,
    JOINT_COUNT,
    JOINT_DEPTH,
    JOINT_FINGER,
    SHAPE_COUNT,
)
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_capsules import capsule_distance, farthest_move
from hand_pose_ros.refine.surface_problem import (
    FIRST_SCALE,
    THICKNESS,
    CapsuleHand,
    CapsuleModel,
    JointTargets,
    NearCapsules,
    ResidualRows,
    SurfaceObservation,
    SurfacePrior,
    SurfaceState,
    Terms,
)

Array = NDArray[np.float64]

_PALM = 0
JOINT_SEGMENT = np.array(
    [
        FINGER_SEGMENT_TABLE[f, k - 1] if k > 0 else _PALM
        for f, k in zip(JOINT_FINGER, JOINT_DEPTH, strict=True)
    ]
)
"""(23,): the segment that carries each joint: the palm, or the one that ends there."""

SAMPLES = np.array([1.0 / 3.0, 2.0 / 3.0, 1.0])
"""Where on a capsule, as shares of its length, the free-space term samples it: at its far end and evenly between.
Guessed."""
# Guessed: wide enough that the energy has no step where a pixel changes over, narrow enough to stay local.
RAMP, WRIST_M = 0.2, 0.006
"""Cosine over which a turning surface, and way (m) from the wrist over which the palm, comes to count."""
# Far more than rounding moves a distance, far less than a capsule moves.
ROUNDING_M = 1e-9
# Guessed, and part of what stored calibrations were fitted on: a change of one asks for ``hand-pose calibrate``.
NEAR_M, EXPLAINED_M, ON_SURFACE_M = 0.015, 0.005, 0.010
"""A pixel this near is the hand's; one this near is explained; flesh this near to the surface is on it."""


@njit(cache=True, nogil=True, error_model="numpy")
def empty_rows(points: int, capsules: int) -> ResidualRows:
    """Room for a residual of every point, of every sample and of every joint's coordinate."""
    most = points + capsules * len(SAMPLES) + 3 * JOINT_COUNT
    return ResidualRows(np.empty(most, dtype=np.int64), np.empty((most, 9)), np.zeros(1, dtype=np.int64))


@njit(cache=True, nogil=True, error_model="numpy")
def _add_row(
    rows: ResidualRows,
    segment: int,
    cx: float,
    cy: float,
    cz: float,
    dx: float,
    dy: float,
    dz: float,
    thickness: float,
    weight: float,
    r: float,
) -> None:
    """Adds a residual r, whose gradient is d at the point c of a segment and ``thickness`` in the flesh's log scale."""
    n, numbers = rows.used[0], rows.numbers
    rows.segment[n] = segment
    numbers[n, 0], numbers[n, 1], numbers[n, 2] = cx, cy, cz
    numbers[n, 3], numbers[n, 4], numbers[n, 5] = dx, dy, dz
    numbers[n, 6], numbers[n, 7], numbers[n, 8] = thickness, weight, r
    rows.used[0] = n + 1


@njit(cache=True, nogil=True, error_model="numpy")
def add_points(
    observation: SurfaceObservation,
    near: NearCapsules,
    hand: CapsuleHand,
    model: CapsuleModel,
    terms: Terms,
    rows: ResidualRows,
    counts: Array,
) -> float:
    """Depth to model: each observed point to the nearest of its near capsules. Returns the energy.

    Fills counts (3,): pixels near the hand, of them explained, sum of their absolute residuals. What is not compared,
    because it is the arm's or faces away, costs as much as an outlier.
    """
    nearest, distance, few = near.capsules, near.distance, len(near.capsules)
    moved_m = farthest_move(near, hand) + ROUNDING_M
    points, origin, table = observation.points, hand.translation, hand.table
    square = terms.point_scale_m**2
    total = 0.0
    counts[:] = 0.0
    for n in range(len(points)):
        x, y, z = points[n, 0] - origin[0], points[n, 1] - origin[1], points[n, 2] - origin[2]
        r, s, i = np.inf, 0.0, 0
        for k in range(few):
            if distance[k, n] - moved_m > r:
                break  # nor can those be nearer that were farther
            d, t = capsule_distance(table, nearest[k, n], x, y, z)
            if d < r:
                r, s, i = d, t, nearest[k, n]
        arm = model.arm_capsules[i]
        if arm == 2 or (arm == 1 and s <= 0.0):
            total += terms.point_weight * square
            continue
        cx = table[i, 0] + s * table[i, 3]
        cy = table[i, 1] + s * table[i, 4]
        cz = table[i, 2] + s * table[i, 5]
        nx, ny, nz = x - cx, y - cy, z - cz
        length = max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-9)
        nx, ny, nz = nx / length, ny / length, nz / length
        vx, vy, vz = x + origin[0], y + origin[1], z + origin[2] + observation.distance
        facing = -(nx * vx + ny * vy + nz * vz) / np.sqrt(vx * vx + vy * vy + vz * vz)
        if abs(r) < NEAR_M:
            counts[0] += 1.0
            counts[2] += abs(r)
            if abs(r) < EXPLAINED_M and facing > terms.facing:
                counts[1] += 1.0
        if facing <= terms.facing:
            total += terms.point_weight * square
            continue
        # Not all at once: a step of the energy would stop the descent.
        turned = min((facing - terms.facing) / RAMP, 1.0)
        if arm == 1:
            turned *= min(s / WRIST_M, 1.0)
        share = square / (square + r * r)
        total += terms.point_weight * (turned * r * r * share + (1.0 - turned) * square)
        weight = terms.point_weight * turned * share * share
        _add_row(rows, model.capsules[i, 0], cx, cy, cz, -nx, -ny, -nz, r - length, weight, r)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def add_samples(
    observation: SurfaceObservation,
    hand: CapsuleHand,
    model: CapsuleModel,
    terms: Terms,
    rows: ResidualRows,
    counts: Array,
) -> float:
    """Model to depth: no flesh lies in the free space before the surface or beside the hand; behind something nearer it
    may be. Returns the energy.

    Fills counts (3,): samples within the crop, of them in free space, of them on the surface.
    """
    depth, ring, origin, table = observation.depth, observation.ring, hand.translation, hand.table
    distance, half = observation.distance, observation.half
    size = depth.shape[0]
    square = terms.sample_scale_m**2
    farthest = np.sqrt(float(ring[-1, 0] ** 2 + ring[-1, 1] ** 2)) * 2.0 * half / size
    total = 0.0
    counts[:] = 0.0
    for i in range(len(table)):
        for k in range(len(SAMPLES)):
            s = SAMPLES[k] * table[i, 6]
            cx = table[i, 0] + s * table[i, 3]
            cy = table[i, 1] + s * table[i, 4]
            cz = table[i, 2] + s * table[i, 5]
            radius = table[i, 7] + table[i, 8] * s
            x, y, z = cx + origin[0], cy + origin[1], cz + origin[2]
            metres = pixel_width(distance + z, distance, half, size)
            if not metres > 1e-6:
                continue
            column, row = metres_to_pixel(x, metres, size), metres_to_pixel(y, metres, size)
            u, v = int(np.floor(column + 0.5)), int(np.floor(row + 0.5))
            if u < 0 or v < 0 or u >= size or v >= size:
                continue
            counts[0] += 1.0
            front = z - radius
            gap = depth[v, u] - front
            if gap < terms.gate_m:
                r = gap - terms.margin_m
                if abs(gap) < ON_SURFACE_M:
                    counts[2] += 1.0
                if r <= 0.0:
                    continue
                if r > ON_SURFACE_M:
                    counts[1] += 1.0
                share = square / (square + r * r)
                total += terms.sample_weight * r * r * share
                weight = terms.sample_weight * share * share
                _add_row(rows, model.capsules[i, 0], cx, cy, cz, 0.0, 0.0, -1.0, radius, weight, r)
                continue
            counts[1] += 1.0
            q = _nearest_in_ring(depth, ring, u, v, front, terms.gate_m)
            if q < 0:
                total += terms.sample_weight * farthest**2 * square / (square + farthest**2)
                continue
            dx, dy = (column - (u + ring[q, 0])) * metres, (row - (v + ring[q, 1])) * metres
            r = np.sqrt(dx * dx + dy * dy)
            share = square / (square + r * r)
            total += terms.sample_weight * r * r * share
            if r > 1e-9:
                weight = terms.sample_weight * share * share
                _add_row(rows, model.capsules[i, 0], cx, cy, cz, dx / r, dy / r, 0.0, 0.0, weight, r)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest_in_ring(
    depth: Array, ring: NDArray[np.int64], u: int, v: int, front: float, gate_m: float
) -> int:
    """Which step of the ring leads from the pixel (u, v) to the nearest one that can be the hand's: whose surface is
    less than ``gate_m`` behind ``front`` (m). -1 where none does."""
    size = depth.shape[0]
    for q in range(len(ring)):
        a, b = u + ring[q, 0], v + ring[q, 1]
        if a < 0 or b < 0 or a >= size or b >= size:
            continue
        if depth[b, a] - front < gate_m:
            return q
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def add_joints(targets: JointTargets, hand: CapsuleHand, terms: Terms, rows: ResidualRows) -> float:
    """The network's joints, robust in multiples of their sigma. Returns the energy."""
    target, weights, ends, origin = targets.joints, targets.weights, hand.ends, hand.translation
    square = terms.joint_scale**2
    total = 0.0
    for j in range(JOINT_COUNT):
        if not weights[j] > 0.0:
            continue
        x, y, z = ends[j, 0], ends[j, 1], ends[j, 2]
        rx, ry, rz = x + origin[0] - target[j, 0], y + origin[1] - target[j, 1], z + origin[2] - target[j, 2]
        r2 = weights[j] * (rx * rx + ry * ry + rz * rz)
        share = square / (square + r2)
        total += r2 * share
        w = weights[j] * share * share
        segment = JOINT_SEGMENT[j]
        _add_row(rows, segment, x, y, z, 1.0, 0.0, 0.0, 0.0, w, rx)
        _add_row(rows, segment, x, y, z, 0.0, 1.0, 0.0, 0.0, w, ry)
        _add_row(rows, segment, x, y, z, 0.0, 0.0, 1.0, 0.0, w, rz)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def prior_energy(state: SurfaceState, prior: SurfacePrior, rotations: Array, residual: Array) -> float:
    """The priors' energy; fills residual (2, 36), the differences to their means. rotations (2, 3, 3): their means'."""
    mean, precision = prior.mean, prior.precision
    total = 0.0
    for p in range(2):
        for k in range(3):
            residual[p, k] = state.translation[k] - mean[p, k]
        residual[p, 3:6] = 0.0
        if precision[p, 3] > 0.0:
            residual[p, 3:6] = so3_log(state.rotation @ np.ascontiguousarray(rotations[p].T))
        for i in range(ANGLE_COUNT):
            residual[p, FIRST_ANGLE + i] = state.angles[i] - mean[p, FIRST_ANGLE + i]
        residual[p, THICKNESS] = state.thickness - mean[p, THICKNESS]
        for k in range(FIRST_SCALE):
            total += precision[p, k] * residual[p, k] ** 2
    residual[1, FIRST_SCALE:] = 0.0
    for k in range(SHAPE_COUNT):
        residual[0, FIRST_SCALE + k] = state.shape[k] - mean[0, FIRST_SCALE + k]
    for r in range(SHAPE_COUNT):
        for c in range(SHAPE_COUNT):
            total += residual[0, FIRST_SCALE + r] * prior.shape_precision[r, c] * residual[0, FIRST_SCALE + c]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def add_priors(prior: SurfacePrior, residual: Array, hessian: Array, gradient: Array) -> None:
    """Adds the priors with residual (2, 36) to the equations (36, 36), (36,)."""
    for k in range(len(gradient)):
        for p in range(2):
            hessian[k, k] += prior.precision[p, k]
            gradient[k] += prior.precision[p, k] * residual[p, k]
    for r in range(SHAPE_COUNT):
        for c in range(SHAPE_COUNT):
            hessian[FIRST_SCALE + r, FIRST_SCALE + c] += prior.shape_precision[r, c]
            gradient[FIRST_SCALE + r] += prior.shape_precision[r, c] * residual[0, FIRST_SCALE + c]
