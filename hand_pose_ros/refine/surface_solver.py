"""The surface fit's Levenberg-Marquardt in numba: pixels chosen, equations solved, steps within the angle limits.

In: see :func:`fit_hand`; float64 arrays of one hand, metres and radians. Nothing here checks its input:
:mod:`hand_pose_ros.refine.surface_fit` does.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import empty_offsets, forward_kinematics_kernel, scale_offsets_kernel
from hand_pose_ros.hand.levenberg_marquardt import damped_step
from hand_pose_ros.hand.rotations_numba import so3_exp, so3_log
from hand_pose_ros.refine.surface_kernels import (
    MOTIONS,
    SEGMENTS,
    Terms,
    add_joints,
    add_points,
    add_samples,
    nearest_capsules,
    place_ends,
    place_frame,
    prepare_capsules,
)
from hand_pose_ros.refine.surface_normal_equations import FIRST_SCALE, THICKNESS, UNKNOWNS, gather

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_POSE, _SHAPE = skeleton.PARAMETER_COUNT, skeleton.SHAPE_COUNT
_ANGLES, _JOINTS = skeleton.ANGLE_COUNT, skeleton.JOINT_COUNT
_FIRST_DAMPING, _MOST_DAMPING = 1e-3, 1e3
_FEW = 6  # capsules that a pixel chooses among
_THICKNESS_LIMIT = 0.5  # log scale: fingers between 0.6 and 1.65 of the template's thickness
_SHAPE_LIMIT = 0.6  # as in hand.solver_kernels


@numba.njit(cache=True, nogil=True)
def choose_points(
    crop: NDArray[np.float32], half: float, distance: float, low: Array, high: Array, most: int
) -> tuple[Array, float]:
    """Crop (S, S) in [-1, 1] -> points (N <= most, 3) m local within the box from low to high (3,), evenly thinned
    out in rows, and how many pixels each stands for."""
    size = crop.shape[0]
    count = 0
    kept = np.empty((size * size, 3))
    for r in range(size):
        for c in range(size):
            d = crop[r, c]
            if not (d >= -1.0 and d < 1.0):
                continue
            z = d * half
            if z < low[2] or z > high[2]:
                continue
            scale = half / distance * (distance + z)
            x, y = ((2 * c + 1) / size - 1.0) * scale, ((2 * r + 1) / size - 1.0) * scale
            if x < low[0] or x > high[0] or y < low[1] or y > high[1]:
                continue
            kept[count, 0], kept[count, 1], kept[count, 2] = x, y, z
            count += 1
    chosen = min(count, most)
    out = np.empty((chosen, 3))
    for n in range(chosen):
        # The golden ratio's multiples scatter the choice, so that it does not fall into step with the rows.
        out[n] = kept[int((n + 0.5) * count / chosen)]
    return out, count / max(chosen, 1)


@numba.njit(cache=True, nogil=True)
def _prior_energy(
    rotation: Array,
    translation: Array,
    angles: Array,
    thickness: float,
    shape: Array,
    priors: Array,
    pulls: Array,
    rotations: Array,
    shape_information: Array,
    away: Array,
) -> float:
    """priors (2, 36) with weights pulls (2, 36), the shape's (9, 9) with the first; away (2, 36): differences."""
    total = 0.0
    for p in range(2):
        for k in range(3):
            away[p, k] = translation[k] - priors[p, k]
        away[p, 3:6] = 0.0
        if pulls[p, 3] > 0.0:
            away[p, 3:6] = so3_log(rotation @ np.ascontiguousarray(rotations[p].T))
        for i in range(_ANGLES):
            away[p, 6 + i] = angles[i] - priors[p, 6 + i]
        away[p, THICKNESS] = thickness - priors[p, THICKNESS]
        for k in range(FIRST_SCALE):
            total += pulls[p, k] * away[p, k] ** 2
    away[1, FIRST_SCALE:] = 0.0
    for k in range(_SHAPE):
        away[0, FIRST_SCALE + k] = shape[k] - priors[0, FIRST_SCALE + k]
    for r in range(_SHAPE):
        for c in range(_SHAPE):
            total += away[0, FIRST_SCALE + r] * shape_information[r, c] * away[0, FIRST_SCALE + c]
    return total


@numba.njit(cache=True, nogil=True)
def fit_hand(
    points: Array,
    depth: Array,
    half: float,
    distance: float,
    ring: IntArray,
    target: Array,
    weights: Array,
    start: Array,
    limits: Array,
    rest: Array,
    template_points: Array,
    template_radii: Array,
    capsules: IntArray,
    arm_capsules: IntArray,
    priors: Array,
    pulls: Array,
    shape_information: Array,
    free_shape: bool,
    terms: Terms,
    iterations: int,
    tolerance: float,
    joints: Array,
    evidence: Array,
    information: Array,
) -> tuple[Array, Array, Array, float, Array, float, float, int]:
    """points (N, 3) m and depth (S, S) m, local, inf where nothing is; target (23, 3) m, weights (23,) m^-2.

    start (26,) within the limits (20, 2); palm points and radii of the template; priors and pulls (2, 36), the
    first one's thickness and shape are the start, too; shape_information (9, 9) of the shape's prior if it is free.
    Fills joints (23, 3), evidence (8,): see add_points, add_samples; information (36, 36): the last equations' matrix,
    lower triangle. Returns rotation (3, 3), translation (3,), angles (20,), log thickness, shape (9,), energies at the
    start and at the end, accepted steps.
    """
    axes, new_joints = np.empty((_ANGLES, 3)), np.empty((_JOINTS, 3))
    ends, table = np.empty((len(template_radii), 3)), np.empty((len(capsules), 10))
    frame, palm_points = np.zeros((9, MOTIONS)), np.empty_like(template_points)
    offsets = empty_offsets()
    size = UNKNOWNS if free_shape else FIRST_SCALE
    relative = np.empty_like(points)
    near = np.empty((len(points), _FEW), dtype=np.int64)
    sums, push = np.empty((SEGMENTS, MOTIONS, MOTIONS)), np.empty((SEGMENTS, MOTIONS))
    hessian, gradient = np.empty((UNKNOWNS, UNKNOWNS)), np.empty(UNKNOWNS)
    system, step = np.empty((UNKNOWNS, UNKNOWNS)), np.empty(UNKNOWNS)
    away, rotations = np.empty((2, UNKNOWNS)), np.empty((2, 3, 3))
    seen = np.empty(8)
    for p in range(2):
        rotations[p] = so3_exp(priors[p, 3:6])
    rotation, translation, angles = so3_exp(start[3:6]), start[:3].copy(), start[6:].copy()
    thickness, shape = priors[0, THICKNESS], priors[0, FIRST_SCALE:].copy()
    new_rotation, new_translation, new_angles = rotation, translation, angles
    new_thickness, new_shape = thickness, shape

    first, best = np.inf, np.inf
    damping, accepted = _FIRST_DAMPING, 0
    for trial in range(iterations + 1):
        scale_offsets_kernel(new_shape, 1.0, offsets)
        hand = np.exp(new_shape[0])
        for i in range(len(palm_points)):
            palm_points[i, 0] = template_points[i, 0] * hand * np.exp(new_shape[1])
            palm_points[i, 1] = template_points[i, 1] * hand * np.exp(new_shape[2])
            palm_points[i, 2] = template_points[i, 2] * hand
        forward_kinematics_kernel(
            new_rotation, new_translation, new_angles, rest, 1.0, offsets, new_joints, axes
        )
        place_ends(new_joints, new_rotation, palm_points, ends)
        place_frame(new_rotation, ends, frame)
        prepare_capsules(ends, template_radii * (hand * np.exp(new_thickness)), capsules, table)
        for n in range(len(points)):
            for k in range(3):
                relative[n, k] = points[n, k] - new_translation[k]
        if trial == 0:
            nearest_capsules(relative, table, near)
        sums[:] = 0.0
        push[:] = 0.0
        energy = add_points(
            relative,
            new_translation,
            distance,
            near,
            table,
            capsules,
            arm_capsules,
            terms,
            frame,
            sums,
            push,
            seen[:5],
        )
        energy += add_samples(
            depth, new_translation, half, distance, ring, table, capsules, terms, frame, sums, push, seen[5:]
        )
        energy += add_joints(ends, new_translation, target, weights, terms, frame, sums, push)
        energy += _prior_energy(
            new_rotation,
            new_translation,
            new_angles,
            new_thickness,
            new_shape,
            priors,
            pulls,
            rotations,
            shape_information,
            away,
        )
        gain = 1.0
        better = energy < best
        if trial == 0:
            first = energy
        if better:
            gain = 1.0 - energy / best if trial > 0 else 1.0
            rotation, translation, angles, thickness = (
                new_rotation,
                new_translation,
                new_angles,
                new_thickness,
            )
            shape = new_shape
            best = energy
            joints[:] = new_joints
            evidence[:] = seen
            gather(sums, push, ends, axes, hessian, gradient)
            for k in range(UNKNOWNS):
                for p in range(2):
                    hessian[k, k] += pulls[p, k]
                    gradient[k] += pulls[p, k] * away[p, k]
            for r in range(_SHAPE):
                for c in range(_SHAPE):
                    hessian[FIRST_SCALE + r, FIRST_SCALE + c] += shape_information[r, c]
                    gradient[FIRST_SCALE + r] += shape_information[r, c] * away[0, FIRST_SCALE + c]
            if trial > 0:
                accepted += 1
                damping = max(0.2 * damping, 1e-6)
        else:
            damping *= 8
        if gain < tolerance or damping > _MOST_DAMPING or not best < np.inf:
            break
        if trial == iterations:
            break
        if not damped_step(hessian, gradient, damping, angles, limits, size, system, step):
            damping *= 8
            continue
        new_rotation = so3_exp(step[3:6]) @ rotation
        new_translation, new_angles = translation + step[:3], angles + step[6:_POSE]
        for i in range(_ANGLES):
            new_angles[i] = min(max(new_angles[i], limits[i, 0]), limits[i, 1])
        new_thickness = min(max(thickness + step[THICKNESS], -_THICKNESS_LIMIT), _THICKNESS_LIMIT)
        new_shape = shape.copy()
        if free_shape:
            for i in range(_SHAPE):
                new_shape[i] = min(max(shape[i] + step[FIRST_SCALE + i], -_SHAPE_LIMIT), _SHAPE_LIMIT)
    information[:] = hessian
    return rotation, translation, angles, thickness, shape, first, best, accepted
