"""One hand, every frame: joints (23, 3) m -> 26 parameters in range, in a fraction of a millisecond.

In: our 23 joints in any right-handed frame, metres, with a weight each (0: not seen), the hand's shape (known, or an
estimate to go on from), and, while tracking, the previous parameters. Out: :class:`SolvedHand`: parameters (26,),
shape (9,), joints (23, 3) m, in range whatever came in.

The start is read off the joints in closed form (palm by Kabsch, then each finger's abduction and flexions from its
bones), and a few Levenberg-Marquardt steps as in :mod:`hand_pose_ros.hand.least_squares` do the rest, with priors on
the previous pose and on the shape. numba, because 26 unknowns are too few for torch's cost per call.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS, SIGNS
from hand_pose_ros.hand.rotations_numba import so3_log
from hand_pose_ros.hand.skeleton import FIRST_ANGLE, check_side
from hand_pose_ros.hand.solver_kernels import solve_hand
from hand_pose_ros.hand.solver_terms import Problem
from hand_pose_ros.validation import finite_array, positive, whole

Array = NDArray[np.float64]

_POSE = skeleton.PARAMETER_COUNT
_UNOBSERVED_PRECISION = 1e-2  # rad^-2: only to define an angle that nothing observes (guessed)


@dataclass(frozen=True)
class SolverConfig:
    """How to solve one frame. ValueError, naming the field, on a value that makes no sense.

    The spreads about the previous pose: wide ones only settle what the joints leave open, narrow ones smooth. All
    numbers are guessed.
    """

    side: str = "right"
    """"right" or "left"."""
    noise_m: float = 0.004
    """m, spread of a joint with weight 1."""
    iterations: int = 12
    """At most this many Levenberg-Marquardt steps."""
    tolerance: float = 1e-4
    """Steps end when one lowers the energy by a smaller share than this."""
    previous_translation_m: float = 0.10
    """m, spread of the palm's position about the previous one."""
    previous_rotation: float = 1.0
    """rad, spread of the palm's rotation about the previous one."""
    previous_angle: float = 1.0
    """rad, spread of each angle about the previous one."""
    shape_spread: float = 0.15
    """Spread of each log scale of a hand about the template."""

    def __post_init__(self) -> None:
        check_side(self.side)
        whole(self, "iterations")
        positive(
            self, "noise_m", "tolerance", "shape_spread", "previous_translation_m", "previous_rotation",
            "previous_angle",
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ShapeEstimate:
    """A Gaussian estimate of a hand's shape.

    A solve returns the estimate with its own frame added, so that handing it on learns the hand while tracking. Errors
    of consecutive frames are alike: a caller that feeds every frame should scale the precision down between frames.
    """

    mean: Array
    """(9,) log scales."""
    precision: Array
    """(9, 9), the inverse covariance."""


@dataclass(frozen=True, eq=False)
class SolvedHand:
    """A valid hand."""

    parameters: Array
    """(26,) as ``skeleton.PARAMETER_NAMES``, angles in range."""
    rotation: Array
    """(3, 3) of the palm."""
    shape: Array
    """(9,) log scales."""
    joints: Array
    """(23, 3) m."""
    estimate: ShapeEstimate | None
    """The shape's estimate with this frame added; None where the shape was given."""


class PoseSolver:
    """Solves one frame after the other; holds no state but its configuration. Compiled at the first call."""

    def __init__(self, config: SolverConfig | None = None, limits: ArrayLike = skeleton.ANGLE_LIMITS) -> None:
        self.config = config or SolverConfig()
        self._limits = np.ascontiguousarray(limits, dtype=np.float64)
        self._rest = np.ascontiguousarray(REST_ROTATIONS[self.config.side])

    def first_estimate(self) -> ShapeEstimate:
        """The template, with the configured spread."""
        return ShapeEstimate(
            np.zeros(skeleton.SHAPE_COUNT), np.eye(skeleton.SHAPE_COUNT) / self.config.shape_spread**2
        )

    def solve(
        self,
        joints: ArrayLike,
        weights: ArrayLike | None = None,
        shape: ArrayLike | ShapeEstimate | None = None,
        previous: ArrayLike | None = None,
    ) -> SolvedHand:
        """joints (23, 3) m -> the hand that meets them best.

        weights (23,) >= 0, 0 for joints not seen (they may be NaN), 1 by default; shape: (9,) log scales that stay,
        None for the template's, or an estimate that is refined; previous: parameters (26,) of the last frame.
        ValueError on wrong shapes, joints with weight that are not finite, and fewer than three joints seen without a
        previous pose.
        """
        points, trust = _checked_joints(joints, weights)
        if previous is None and np.count_nonzero(trust) < 3:
            raise ValueError("fewer than three joints seen and no previous pose to go on from")
        shape_precision: Array = np.zeros((skeleton.SHAPE_COUNT, skeleton.SHAPE_COUNT))
        if isinstance(shape, ShapeEstimate):
            mean = finite_array("shape", shape.mean, (skeleton.SHAPE_COUNT,))
            shape_precision = finite_array("precision", shape.precision, shape_precision.shape)
        elif shape is not None:
            mean = finite_array("shape", shape, (skeleton.SHAPE_COUNT,))
        else:
            mean = np.zeros(skeleton.SHAPE_COUNT)
        prior, prior_precision = self._pose_prior(previous)
        fit_shape = isinstance(shape, ShapeEstimate)
        problem = Problem(
            target=points,
            weights=trust / self.config.noise_m**2,
            limits=self._limits,
            rest=self._rest,
            sign=SIGNS[self.config.side],
            shape_mean=mean,
            shape_precision=shape_precision,
            fit_shape=fit_shape,
            prior=prior,
            prior_precision=prior_precision,
            tracking=previous is not None,
            iterations=self.config.iterations,
            tolerance=self.config.tolerance,
        )
        state, solved_joints, shape_precision = solve_hand(problem)
        return SolvedHand(
            parameters=np.concatenate([state.translation, so3_log(state.rotation), state.angles]),
            rotation=state.rotation,
            shape=state.shape,
            joints=solved_joints,
            estimate=ShapeEstimate(state.shape, shape_precision) if fit_shape else None,
        )

    def _pose_prior(self, previous: ArrayLike | None) -> tuple[Array, Array]:
        """Mean and precisions (26,) of the prior on the pose."""
        config, precision = self.config, np.zeros(_POSE)
        if previous is None:
            precision[FIRST_ANGLE:] = _UNOBSERVED_PRECISION
            return np.concatenate([np.zeros(FIRST_ANGLE), self._limits.mean(1)]), precision
        precision[:3] = config.previous_translation_m**-2
        precision[3:6] = config.previous_rotation**-2
        precision[FIRST_ANGLE:] = config.previous_angle**-2
        return finite_array("previous", previous, (_POSE,)), precision


def _checked_joints(joints: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array]:
    count = skeleton.JOINT_COUNT
    trust = np.ones(count) if weights is None else finite_array("weights", weights, (count,))
    if (trust < 0).any():
        raise ValueError("weights hold a negative value, want 0 for joints that were not seen")
    points = np.array(joints, dtype=np.float64)
    if points.shape != (count, 3):
        raise ValueError(f"joints are {points.shape}, want ({count}, 3)")
    points[trust == 0] = 0.0
    if not np.isfinite(points).all():
        raise ValueError("a joint with a weight is not finite; give joints that were not seen weight 0")
    return points, trust
