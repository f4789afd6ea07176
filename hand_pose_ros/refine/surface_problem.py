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
    """What is seen of the hand, in the crop's local frame."""

    points: Array
    """(N, 3) m on the observed surface."""
    depth: Array
    """(S, S) m, inf where nothing is."""
    distance: float
    """From the camera to the centre of the crop's cube, m."""
    half: float
    """Half the cube's edge, m."""
    ring: IntArray
    """(R, 2) steps (column, row) to the pixels about one, in order of distance."""


class CapsuleModel(NamedTuple):
    """The template hand as capsules, see :mod:`hand_pose_ros.refine.surface_model`."""

    rest: Array
    """(5, 3, 3): the fingers' orientations at zero angles."""
    limits: Array
    """(20, 2) rad of the angles."""
    palm_points: Array
    """(P, 3) m in the palm frame."""
    end_radii: Array
    """(E,) m."""
    capsules: IntArray
    """(C, 3): segment and two ends of each."""
    arm_capsules: IntArray
    """(C,): which of their points are the arm's."""


class JointTargets(NamedTuple):
    """The network's joints."""

    joints: Array
    """(23, 3) m."""
    weights: Array
    """(23,) m^-2, 0 where a joint is not seen."""


class SurfacePrior(NamedTuple):
    """Two Gaussian priors on the unknowns: the first of the frame itself, the second of the previous pose."""

    mean: Array
    """(2, 36). Thickness and shape of the first are the start, too."""
    precision: Array
    """(2, 36), 0 where there is no prior."""
    shape_precision: Array
    """(9, 9) of the first's shape, where the shape is free."""


class Terms(NamedTuple):
    """Weights and scales of the energy's terms, from SurfaceFitConfig."""

    point_weight: float
    """1/m^2, of a pixel."""
    point_scale_m: float
    """Robust scale of a pixel's distance."""
    facing: float
    """Least cosine to the camera of a surface that a pixel may be."""
    joint_scale: float
    """Robust scale of the joints, in multiples of their sigma."""
    sample_weight: float
    """1/m^2, of a bone sample."""
    sample_scale_m: float
    """Robust scale of a sample's distance."""
    margin_m: float
    """How far before the surface a bone's flesh may lie."""
    gate_m: float
    """Farther before the surface than this, flesh lies beside the hand, not before it."""


class SurfaceProblem(NamedTuple):
    """What stays the same in one fit."""

    observation: SurfaceObservation
    model: CapsuleModel
    targets: JointTargets
    prior: SurfacePrior
    terms: Terms
    start: Array
    """(26,) within the limits."""
    free_shape: bool
    """Whether the shape is fitted, too."""
    iterations: int
    """At most so many trials."""
    tolerance: float
    """A step that gains less than this share of the energy is the last."""


class SurfaceState(NamedTuple):
    """A hand's pose, thickness and shape."""

    rotation: Array
    """(3, 3) of the palm."""
    translation: Array
    """(3,) m of the palm."""
    angles: Array
    """(20,) rad."""
    thickness: float
    """Log scale of the flesh."""
    shape: Array
    """(9,) log scales."""


class SurfaceSolution(NamedTuple):
    """The state of least energy."""

    state: SurfaceState
    joints: Array
    """(23, 3) m."""
    pixel_counts: Array
    """(3,), see add_points."""
    sample_counts: Array
    """(3,), see add_samples."""
    thickness_spread: float
    """Standard deviation of the thickness."""
    shape_precision: Array
    """(9, 9), the inverse covariance of a free shape; of no meaning where the shape was given."""
    start_energy: float
    """At the start."""
    energy: float
    """At the state."""
    steps: int
    """How many were accepted."""


class CapsuleHand(NamedTuple):
    """A posed hand; all but translation and joints is relative to the palm's position."""

    translation: Array
    """(3,) m of the palm, in the crop's local frame."""
    joints: Array
    """(23, 3) m, in the crop's local frame."""
    axes: Array
    """(20, 3) of the angles."""
    ends: Array
    """(E, 3) m of the capsules."""
    palm_axes: Array
    """(2, 3): the palm's x and y."""
    base_offsets: Array
    """(5, 2) m: the fingers' bases along the palm's axes."""
    table: Array
    """(C, 10), see prepare_capsules."""


class NearCapsules(NamedTuple):
    """The few capsules that were nearest to each observed point when the fit began."""

    capsules: IntArray
    """(K, N), the nearest first."""
    distance: Array
    """(K, N) m to each of them then."""
    table: Array
    """(C, 10): ``CapsuleHand.table`` then."""
    origin: Array
    """(3,) m: where the palm was."""


class ResidualRows(NamedTuple):
    """The residuals of one trial, a row each; they are summed only where the trial is taken."""

    segment: IntArray
    """(R,): the segment that the point is on."""
    numbers: Array
    """(R, 9): the point 3, the residual's gradient there 3 and in the flesh's log scale, weight, residual."""
    used: IntArray
    """(1,): so many rows are filled."""


class SegmentSums(NamedTuple):
    """What the residuals add up to a segment."""

    hessian: Array
    """(16, 10, 10) of half the energy in the segment's motions, symmetric."""
    gradient: Array
    """(16, 10) of the same."""
