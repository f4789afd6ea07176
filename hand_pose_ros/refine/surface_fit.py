"""The hand model fitted to the depth surface about the network's answer, in a quarter of a millisecond on one CPU core.

In: a crop (S, S) in [-1, 1] with its CropFrame, the network's joints (23, 3) m with their expected errors (23,) m, the
hand's shape (9,), parameters to start from, all of a right hand in the crop's local frame. Out: :class:`SurfaceHand`:
a hand in range with exactly the bones of that shape, and :class:`FitStatistics`: how well it explains the depth.

The energy, minimised by Levenberg-Marquardt over the 26 parameters, the thickness of the flesh and, if wanted, the
shape:

* joints near the network's, in units of their expected error, robust;
* depth to model: pixels on the flesh's surface (capsules of :mod:`hand_pose_ros.refine.surface_model`) that faces the
  camera, robust, so that other things in the crop count little (articulated ICP as in Tagliasacchi et al. 2015,
  "Robust Articulated-ICP for Real-Time Hand Tracking", sections 4.1 and 4.2);
* model to depth: bones neither before the observed surface nor beside the hand, hidden behind it they may be;
* angles near the network's; pose near the previous one; thickness near its estimate so far.

That energy has several minima where a network takes one finger for another, or cannot tell which of two it sees. A
network that changes its mind from frame to frame would take the hand along, so the fit begins from the previous frame's
angles, too, where the two are far apart, and the lower minimum is the hand (as Sharp et al. 2015, "Accurate, Robust,
and Flexible Real-time Hand Tracking", keep the hand of the frame before among what their optimiser starts from).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CROP_CUBE_M, CROP_SIZE, CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS, forward_joints
from hand_pose_ros.hand.rotations_numba import so3_exp, so3_log
from hand_pose_ros.hand.solver import ShapeEstimate
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.refine.surface_model import ARM_CAPSULES, CAPSULES, END_RADII, PALM_POINTS
from hand_pose_ros.refine.surface_observation import observe
from hand_pose_ros.refine.surface_problem import (
    FIRST_SCALE,
    THICKNESS,
    UNKNOWNS,
    CapsuleModel,
    JointTargets,
    SurfacePrior,
    SurfaceProblem,
    Terms,
)
from hand_pose_ros.refine.surface_solver import fit_hand
from hand_pose_ros.validation import finite_array, require

Array = NDArray[np.float64]

_POSE, _FIRST_ANGLE = skeleton.PARAMETER_COUNT, skeleton.FIRST_ANGLE
_TIPS = list(skeleton.TIP_JOINTS)
# The pixels that surface_weight is meant for: those of a default crop.
PIXEL_AREA_M2 = (CROP_CUBE_M / CROP_SIZE) ** 2
# Expected errors count as at least and at most this (guessed): a network is never surer, nor of less use.
WORST_SIGMA_M, BEST_SIGMA_M = 0.05, 0.001


@dataclass(frozen=True)
class FitStatistics:
    """How well a hand explains the depth; shares in 0..1, 0 where nothing was near."""

    near_pixels: float
    """Foreground pixels within 15 mm of the hand."""
    explained: float
    """The share of them within 5 mm of a surface that faces the camera."""
    residual_m: float
    """Their mean distance to the hand, metres."""
    free_space: float
    """The share of the bone samples in the crop that lie in free space, before the surface or beside the hand."""
    on_surface: float
    """The share of them whose flesh is the observed surface to 10 mm; the rest is hidden."""


@dataclass(frozen=True, eq=False)
class SurfaceHand:
    """A hand in range, fitted to one frame, in the crop's local frame."""

    parameters: Array
    """(26,) as ``skeleton.PARAMETER_NAMES``."""
    rotation: Array
    """(3, 3) of the palm."""
    shape: Array
    """(9,) log scales."""
    joints: Array
    """(23, 3) m."""
    thickness: float
    """Log scale of the flesh against the template's of that size."""
    thickness_spread: float
    """Its standard deviation."""
    start_energy: float
    energy: float
    """Before and after."""
    steps: int
    """How many were accepted."""
    statistics: FitStatistics
    estimate: ShapeEstimate | None
    """The shape with this frame added; None where the shape was given."""


class SurfaceFit:
    """Fits one frame after the other; holds no state but its configuration. Compiled at the first call."""

    def __init__(
        self, config: SurfaceFitConfig | None = None, limits: NDArray = skeleton.ANGLE_LIMITS
    ) -> None:
        self.config = config or SurfaceFitConfig()
        self._limits = np.ascontiguousarray(limits, dtype=np.float64)
        self._model = CapsuleModel(
            REST_ROTATIONS["right"], self._limits, PALM_POINTS, END_RADII, CAPSULES, ARM_CAPSULES
        )

    def loose_shape(self, shape: NDArray) -> ShapeEstimate:
        """A network's guess (9,) of the shape as something to refine."""
        return ShapeEstimate(
            np.array(shape, dtype=np.float64), np.eye(skeleton.SHAPE_COUNT) / self.config.shape_spread**2
        )

    def fit(
        self,
        frame: CropFrame,
        crop: NDArray[np.float32],
        joints: NDArray,
        sigma: NDArray,
        shape: NDArray | ShapeEstimate,
        start: NDArray,
        previous: NDArray | None = None,
        thickness: float = 0.0,
        thickness_spread: float | None = None,
        slack: float = 1.0,
    ) -> SurfaceHand:
        """The hand that explains one crop best.

        frame and crop (S, S) as the network saw them; joints (23, 3) m and sigma (23,) m: its joints and their
        expected errors (inf: ignore this joint); shape: (9,) log scales that stay, or an estimate that is refined;
        start (26,): where to start, and the angles near which the hand stays; previous (26,): the pose of the last
        frame in this crop's frame; thickness: log scale of the flesh as far as it is known, with its spread (None: the
        configuration's); slack: how much wider than configured the spreads about the previous pose are, as after
        dropped frames.

        What is not finite in crop, joints and sigma counts as not seen. ValueError on wrong sizes, and on shape, start,
        previous and thickness that are not finite.
        """
        given, expected = np.asarray(joints, dtype=np.float64), np.asarray(sigma, dtype=np.float64)
        if given.shape != (skeleton.JOINT_COUNT, 3) or expected.shape != (skeleton.JOINT_COUNT,):
            raise ValueError(f"joints are {given.shape} and sigma {expected.shape}, want (23, 3) and (23,)")
        if crop.shape != (frame.size, frame.size):
            raise ValueError(f"crop is {crop.shape}, want ({frame.size}, {frame.size})")
        first = finite_array("start", start, (_POSE,))
        np.clip(first[_FIRST_ANGLE:], self._limits[:, 0], self._limits[:, 1], out=first[_FIRST_ANGLE:])
        prior = self._prior(first, previous, thickness, thickness_spread, shape, slack)
        scales = prior.mean[0, FIRST_SCALE:]
        placed, _ = forward_joints("right", so3_exp(first[3:6]), first[:3], first[_FIRST_ANGLE:], scales)
        config = self.config
        observation, stands_for = observe(frame, crop, placed, config.reach_m, config.points, config.ring_px)
        pixels = stands_for * (frame.cube_m / frame.size) ** 2 / PIXEL_AREA_M2
        targets = joint_targets(given, expected, config.joint_weight)
        trust = surface_trust(expected, config.trusted_sigma_m)
        problem = SurfaceProblem(
            observation, self._model, targets, prior, self._terms(pixels, trust), first,
            isinstance(shape, ShapeEstimate), config.iterations, config.tolerance,
        )  # fmt: skip
        hand = self._solve(problem)
        if previous is None:
            return hand
        again = first.copy()
        again[_FIRST_ANGLE:] = np.clip(
            prior.mean[1, _FIRST_ANGLE:_POSE], self._limits[:, 0], self._limits[:, 1]
        )
        if not self._tips_moved_m(hand, again[_FIRST_ANGLE:]) > config.restart_m:
            return hand
        other = self._solve(problem._replace(start=again))
        return other if other.energy < hand.energy else hand

    @staticmethod
    def _tips_moved_m(hand: SurfaceHand, angles: Array) -> float:
        """The farthest that a fingertip of the hand lies from where other angles (20,) put it on the same palm, m."""
        placed, _ = forward_joints("right", hand.rotation, hand.parameters[:3], angles, hand.shape)
        return float(np.linalg.norm((placed - hand.joints)[_TIPS], axis=1).max())

    def _solve(self, problem: SurfaceProblem) -> SurfaceHand:
        solution = fit_hand(problem)
        state = solution.state
        return SurfaceHand(
            np.concatenate([state.translation, so3_log(state.rotation), state.angles]),
            state.rotation, state.shape, solution.joints, state.thickness, solution.thickness_spread,
            solution.start_energy, solution.energy, solution.steps,
            fit_statistics(solution.pixel_counts, solution.sample_counts),
            ShapeEstimate(state.shape, solution.shape_precision) if problem.free_shape else None,
        )  # fmt: skip

    def _terms(self, pixels: float, trust: float = 1.0) -> Terms:
        config = self.config
        unit = trust * config.surface_noise_m**-2
        return Terms(
            point_weight=config.surface_weight * unit * pixels,
            point_scale_m=config.surface_scale_m,
            facing=config.facing,
            joint_scale=config.joint_scale,
            sample_weight=config.free_space_weight * unit,
            sample_scale_m=config.free_space_scale_m,
            margin_m=config.free_space_margin_m,
            gate_m=config.free_space_gate_m,
        )

    def _prior(
        self,
        start: Array,
        previous: NDArray | None,
        thickness: float,
        thickness_spread: float | None,
        shape: NDArray | ShapeEstimate,
        slack: float,
    ) -> SurfacePrior:
        """The network's angles, thickness and shape; the previous pose. ValueError as :meth:`fit`."""
        config = self.config
        shape_precision: Array = np.zeros((skeleton.SHAPE_COUNT, skeleton.SHAPE_COUNT))
        if isinstance(shape, ShapeEstimate):
            scales = finite_array("shape", shape.mean, (skeleton.SHAPE_COUNT,))
            shape_precision = finite_array("precision", shape.precision, shape_precision.shape)
        else:
            scales = finite_array("shape", shape, (skeleton.SHAPE_COUNT,))
        known = finite_array("thickness", thickness, ())
        spread = config.thickness_spread if thickness_spread is None else thickness_spread
        require(spread > 0.0, "", "thickness_spread", spread, "more than 0")
        require(slack > 0.0, "", "slack", slack, "more than 0")
        mean, precision = np.zeros((2, UNKNOWNS)), np.zeros((2, UNKNOWNS))
        mean[0, _FIRST_ANGLE:_POSE] = start[_FIRST_ANGLE:]
        precision[0, _FIRST_ANGLE:_POSE] = config.angle_weight / config.angle_spread**2
        mean[0, THICKNESS], precision[0, THICKNESS] = known, spread**-2
        mean[0, FIRST_SCALE:] = scales
        if previous is not None:
            mean[1, :_POSE] = finite_array("previous", previous, (_POSE,))
            precision[1, :3] = (slack * config.previous_translation_m) ** -2
            precision[1, 3:6] = (slack * config.previous_rotation) ** -2
            precision[1, _FIRST_ANGLE:_POSE] = (slack * config.previous_angle) ** -2
        return SurfacePrior(mean, precision, shape_precision)


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh_joints(joints: Array, sigma: Array, weight: float, targets: Array, weights: Array) -> None:
    """:func:`joint_targets` into targets (23, 3) and weights (23,)."""
    for j in range(len(sigma)):
        seen = sigma[j] > 0.0 and sigma[j] < np.inf
        for k in range(3):
            seen = seen and np.isfinite(joints[j, k])
        weights[j] = weight / min(max(sigma[j], BEST_SIGMA_M), WORST_SIGMA_M) ** 2 if seen else 0.0
        for k in range(3):
            targets[j, k] = joints[j, k] if seen else 0.0


def joint_targets(joints: Array, sigma: Array, weight: float) -> JointTargets:
    """The network's joints (23, 3) m with their weights, 0 where a number is not finite or an expected error (23,) m
    makes none."""
    targets = JointTargets(np.empty(joints.shape), np.empty(sigma.shape))
    _weigh_joints(joints, sigma, weight, *targets)
    return targets


def surface_trust(sigma: NDArray, trusted_sigma_m: float) -> float:
    """How much of its weight the observed surface keeps, 0..1, with these expected errors (23,) m of the network's
    joints: all where the surest quarter of them is surer than ``trusted_sigma_m``; 1 where no error is finite."""
    known = sigma[np.isfinite(sigma)]
    if not len(known):
        return 1.0
    surest = float(np.partition(known, len(known) // 4)[len(known) // 4])
    return min(1.0, trusted_sigma_m / max(surest, BEST_SIGMA_M)) ** 2


def fit_statistics(pixels: Array, samples: Array) -> FitStatistics:
    """From the counts of add_points and add_samples, (3,) each."""
    near, inside = max(float(pixels[0]), 1e-9), max(float(samples[0]), 1e-9)
    return FitStatistics(
        near_pixels=float(pixels[0]),
        explained=float(pixels[1]) / near,
        residual_m=float(pixels[2]) / near,
        free_space=float(samples[1]) / inside,
        on_surface=float(samples[2]) / inside,
    )
