"""The surface fit's problem and what its kernels hand to each other, as structs of arrays.

In: nothing. Out: the unknowns' places in a vector of 36, :class:`SurfaceProblem`, which
:func:`hand_pose_ros.refine.surface_solver.fit_hand` solves, and :class:`SurfaceSolution`, which it returns. Arrays are
float64 and C-contiguous, lengths metres, angles radians; numba compiles for these types.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

THICKNESS = skeleton.PARAMETER_COUNT
FIRST_SCALE = THICKNESS + 1
UNKNOWNS = FIRST_SCALE + skeleton.SHAPE_COUNT
"""The pose, the log scale of the thickness, the shape."""

SEGMENTS = skeleton.SEGMENT_COUNT
MOTIONS = 10
"""Ways a segment moves a residual: 3 of shift, 3 of turn, thickness, growth, palm length, palm width."""


class SurfaceObservation(NamedTuple):
    """What is seen of the hand, in the crop's local frame.

    points (N, 3) m on the observed surface; depth (S, S) m, inf where nothing is; distance of the cube's centre and
    half its edge, m; ring (R, 2): steps (column, row) to the pixels about one, in order of distance.
    """

    points: Array
    depth: Array
    distance: float
    half: float
    ring: IntArray


class CapsuleModel(NamedTuple):
    """The template hand: rest (5, 3, 3), the fingers' orientations at zero angles; limits (20, 2) of the angles; and as
    in :mod:`hand_pose_ros.refine.surface_model` palm_points (P, 3) m, end_radii (E,) m, capsules (C, 3) and
    arm_capsules (C,)."""

    rest: Array
    limits: Array
    palm_points: Array
    end_radii: Array
    capsules: IntArray
    arm_capsules: IntArray


class JointTargets(NamedTuple):
    """The network's joints (23, 3) m with their weights (23,) m^-2, 0 where one is not seen."""

    joints: Array
    weights: Array


class SurfacePrior(NamedTuple):
    """Two Gaussian priors on the unknowns: mean and precision (2, 36). The first is that of the frame itself, its
    thickness and shape are the start, too; the second is the previous pose's. shape_precision (9, 9): of the first's
    shape, where the shape is free."""

    mean: Array
    precision: Array
    shape_precision: Array


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


class SurfaceProblem(NamedTuple):
    """What stays the same in one fit: start (26,) within the limits; free_shape: whether the shape is fitted, too; at
    most so many iterations, fewer when a step's gain falls below tolerance (a share of the energy)."""

    observation: SurfaceObservation
    model: CapsuleModel
    targets: JointTargets
    prior: SurfacePrior
    terms: Terms
    start: Array
    free_shape: bool
    iterations: int
    tolerance: float


class SurfaceState(NamedTuple):
    """rotation (3, 3) and translation (3,) m of the palm, angles (20,) rad, thickness (log scale), shape (9,) log
    scales."""

    rotation: Array
    translation: Array
    angles: Array
    thickness: float
    shape: Array


class SurfaceSolution(NamedTuple):
    """The state of least energy with its joints (23, 3) m; pixel_counts and sample_counts (3,): see add_points and
    add_samples; hessian (36, 36): its equations' matrix, lower triangle; energies at the start and at the end; steps
    that were accepted."""

    state: SurfaceState
    joints: Array
    pixel_counts: Array
    sample_counts: Array
    hessian: Array
    start_energy: float
    energy: float
    steps: int


class CapsuleHand(NamedTuple):
    """A posed hand. translation (3,) m of the palm and joints (23, 3) m in the crop's local frame, all else relative to
    the palm's position: axes (20, 3) of the angles, ends (E, 3) m of the capsules, palm_axes (2, 3), the palm's x and
    y, base_offsets (5, 2) m, the fingers' bases along them, and table (C, 10), see prepare_capsules."""

    translation: Array
    joints: Array
    axes: Array
    ends: Array
    palm_axes: Array
    base_offsets: Array
    table: Array


class SegmentSums(NamedTuple):
    """What the terms add up a segment: hessian (16, 10, 10), lower triangles, and gradient (16, 10) of half the energy
    in the segment's motions; jacobian (10,) is room for one residual's."""

    hessian: Array
    gradient: Array
    jacobian: Array
