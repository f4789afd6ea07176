"""The hand model fitted to the depth surface about the network's answer, in about a millisecond on one CPU core.

In: a crop (S, S) in [-1, 1] with its CropFrame, the network's joints (23, 3) m with their expected errors (23,) m, the
hand's shape (9,), parameters to start from, all of a right hand in the crop's local frame. Out: :class:`SurfaceHand`:
a hand in range with exactly the bones of that shape, and :class:`FitStatistics`: how well it explains the depth.

The energy, minimised by Levenberg-Marquardt over the 26 parameters, the thickness of the flesh
and, if wanted, the shape:

* joints near the network's, in units of their expected error, robust;
* depth to model: pixels on the flesh's surface (capsules of :mod:`hand_pose_ros.refine.surface_model`) that faces the
  camera, robust, so that other things in the crop do not pull (articulated ICP as in Tagliasacchi et al. 2015,
  "Robust Articulated-ICP for Real-Time Hand Tracking", sections 4.1 and 4.2);
* model to depth: bones neither before the observed surface nor beside the hand, hidden behind it they may be;
* angles near the network's; pose near the previous one; thickness near what is known of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS, forward_joints
from hand_pose_ros.hand.rotations_numba import so3_exp, so3_log
from hand_pose_ros.hand.solver import ShapeEstimate
from hand_pose_ros.refine.surface_kernels import Terms
from hand_pose_ros.refine.surface_model import ARM_CAPSULES, CAPSULES, END_RADII, PALM_POINTS
from hand_pose_ros.refine.surface_normal_equations import FIRST_SCALE, THICKNESS, UNKNOWNS
from hand_pose_ros.refine.surface_solver import choose_points, fit_hand

Array = NDArray[np.float64]

_POSE = skeleton.PARAMETER_COUNT
_PIXEL_AREA_M2 = (0.30 / 96) ** 2
_WORST_SIGMA_M, _BEST_SIGMA_M = 0.05, 0.001


@dataclass(frozen=True)
class SurfaceFitConfig:
    """ValueError, naming the field, on a value that makes no sense. A weight of 0 leaves a term out.

    joint_weight: of a joint's squared distance to the network's in units of its expected error; joint_scale: beyond
    so many expected errors a joint counts less and less. surface_weight: of a pixel's squared distance to the model in
    units of surface_noise_m, for pixels of 3.1 mm; beyond surface_scale_m it counts less and less; facing: least
    cosine between the view and the normal of a surface that a pixel may be. free_space_weight: as surface_weight, of a bone
    sample before the surface or beside the hand; free_space_scale_m; free_space_margin_m that it may be off; free_space_gate_m: farther
    before the surface than this it is beside the hand. angle_spread (rad): about the network's angles. previous_*:
    spreads about the previous pose, infinite: none. thickness_spread: of the log scale about what is given;
    shape_spread: of each log scale of a shape that one frame's network guessed, see SurfaceFit.loose_shape.
    points: most pixels used. pixels farther than reach_m from every joint are left alone.
    """

    joint_weight: float = 0.3
    joint_scale: float = 1.5
    surface_weight: float = 0.1
    surface_noise_m: float = 0.003
    surface_scale_m: float = 0.006
    facing: float = -0.2
    free_space_weight: float = 0.2
    free_space_scale_m: float = 0.012
    free_space_margin_m: float = 0.0
    free_space_gate_m: float = 0.025
    angle_weight: float = 1.0
    angle_spread: float = 0.7
    previous_translation_m: float = float("inf")
    previous_rotation: float = float("inf")
    previous_angle: float = 0.25
    thickness_spread: float = 0.08
    shape_spread: float = 0.10
    points: int = 256
    reach_m: float = 0.025
    ring_px: int = 10
    iterations: int = 8
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("joint_weight", "surface_weight", "free_space_weight", "angle_weight"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}, want a finite number of at least 0")
        for name in (
            "joint_scale", "surface_noise_m", "surface_scale_m", "free_space_scale_m", "free_space_gate_m", "angle_spread",
            "previous_translation_m", "previous_rotation", "previous_angle", "thickness_spread", "shape_spread",
            "reach_m",
        ):  # fmt: skip
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, want a positive number")
        if not 0.0 <= self.free_space_margin_m < self.free_space_gate_m:
            raise ValueError(
                f"free_space_margin_m is {self.free_space_margin_m}, want 0 to below free_space_gate_m ({self.free_space_gate_m})"
            )
        if not -1.0 <= self.facing < 1.0:
            raise ValueError(f"facing is {self.facing}, want a cosine from -1 to below 1")
        if not 0.0 <= self.tolerance < 1.0:
            raise ValueError(f"tolerance is {self.tolerance}, want 0 to below 1")
        for name in ("points", "ring_px", "iterations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, want at least 1")


@dataclass(frozen=True)
class FitStatistics:
    """How well a hand explains the depth; shares in 0..1, 0 where nothing was near.

    near_pixels: foreground pixels within 15 mm of the hand; explained: share of them within 5 mm of a surface that
    faces the camera; residual_m: their mean distance to the hand, m; free_space: share of the bone samples in the crop
    that lie in free space or beside the hand; on_surface: share whose flesh is the observed surface to 10 mm (the rest
    is hidden).
    """

    near_pixels: float
    explained: float
    residual_m: float
    free_space: float
    on_surface: float


@dataclass(frozen=True)
class SurfaceHand:
    """parameters (26,) as ``skeleton.PARAMETER_NAMES``; rotation (3, 3) of the palm; shape (9,); joints (23, 3) m;
    thickness: log scale of the flesh against the template's of that size, and thickness_spread: its standard deviation;
    energies before and after; steps that were accepted; statistics; estimate: the shape with this frame added, None where
    the shape was given."""

    parameters: Array
    rotation: Array
    shape: Array
    joints: Array
    thickness: float
    thickness_spread: float
    start_energy: float
    energy: float
    steps: int
    statistics: FitStatistics
    estimate: ShapeEstimate | None


class SurfaceFit:
    """Fits one frame after the other; holds no state but its configuration. Compiled at the first call."""

    def __init__(
        self, config: SurfaceFitConfig | None = None, limits: NDArray = skeleton.ANGLE_LIMITS
    ) -> None:
        self.config = config or SurfaceFitConfig()
        self._limits = np.ascontiguousarray(limits, dtype=np.float64)

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
        """frame and crop (S, S) as the network saw them; joints (23, 3) m and sigma (23,) m: what it said and its
        expected errors (inf: ignore this joint); shape: (9,) log scales
        that stay, or an estimate that is refined; start (26,): where to start, the
        angles near which the hand stays; previous (26,) of the last frame in this crop's frame; thickness: log scale
        known of this person's flesh, with its spread (None: the configuration's); slack: how much wider than configured
        the spreads about the previous pose are, as after dropped frames.

        What is not finite in crop, joints and sigma counts as not seen. ValueError on wrong sizes, and on shape, start,
        previous and thickness that are not finite.
        """
        given, expected = np.asarray(joints, dtype=np.float64), np.asarray(sigma, dtype=np.float64)
        if given.shape != (skeleton.JOINT_COUNT, 3) or expected.shape != (skeleton.JOINT_COUNT,):
            raise ValueError(f"joints are {given.shape} and sigma {expected.shape}, want (23, 3) and (23,)")
        if crop.shape != (frame.size, frame.size):
            raise ValueError(f"crop is {crop.shape}, want ({frame.size}, {frame.size})")
        first = _checked("start", start, (_POSE,))
        information = np.zeros((skeleton.SHAPE_COUNT, skeleton.SHAPE_COUNT))
        if isinstance(shape, ShapeEstimate):
            scales = _checked("shape", shape.mean, (skeleton.SHAPE_COUNT,))
            information = _checked("information", shape.information, information.shape)
        else:
            scales = _checked("shape", shape, (skeleton.SHAPE_COUNT,))
        known = _checked("thickness", thickness, ())
        np.clip(first[6:], self._limits[:, 0], self._limits[:, 1], out=first[6:])
        seen = np.isfinite(given).all(axis=1) & (expected > 0.0) & (expected < np.inf)
        weights = np.zeros(skeleton.JOINT_COUNT)
        weights[seen] = self.config.joint_weight / np.clip(expected[seen], _BEST_SIGMA_M, _WORST_SIGMA_M) ** 2
        spread = self.config.thickness_spread if thickness_spread is None else thickness_spread
        if not spread > 0.0:
            raise ValueError(f"thickness_spread is {spread}, want a positive number")
        if not slack > 0.0:
            raise ValueError(f"slack is {slack}, want a positive number")
        priors, pulls = self._priors(first, previous, float(known), spread, scales, slack)
        picture = np.ascontiguousarray(crop, dtype=np.float32)
        placed, _ = forward_joints("right", so3_exp(first[3:6]), first[:3], first[6:], scales)
        points, stands_for = choose_points(
            picture,
            frame.half,
            frame.distance,
            placed.min(axis=0) - self.config.reach_m,
            placed.max(axis=0) + self.config.reach_m,
            self.config.points,
        )
        pixels = stands_for * (frame.cube_m / frame.size) ** 2 / _PIXEL_AREA_M2
        problem = _Problem(
            frame, picture, points, pixels, np.where(seen[:, None], given, 0.0), weights, first, priors, pulls,
            information if isinstance(shape, ShapeEstimate) else None,
        )  # fmt: skip
        return self._solve(problem)

    def _solve(self, problem: _Problem) -> SurfaceHand:
        crop, frame = problem.crop, problem.frame
        placed = np.empty((skeleton.JOINT_COUNT, 3))
        seen, information = np.zeros(8), np.empty((UNKNOWNS, UNKNOWNS))
        free = problem.shape_information is not None
        rotation, translation, angles, thickness, shape, before, after, steps = fit_hand(
            problem.points,
            np.where((crop >= -1.0) & (crop < 1.0), crop * frame.half, np.inf).astype(np.float64),
            frame.half,
            frame.distance,
            _ring(self.config.ring_px),
            problem.joints,
            problem.weights,
            problem.start,
            self._limits,
            REST_ROTATIONS["right"],
            PALM_POINTS,
            END_RADII,
            CAPSULES,
            ARM_CAPSULES,
            problem.priors,
            problem.pulls,
            problem.shape_information if problem.shape_information is not None else _NO_INFORMATION,
            free,
            self._terms(problem.pixels),
            self.config.iterations,
            self.config.tolerance,
            placed,
            seen,
            information,
        )
        spread, left = _what_is_known(information, free)
        return SurfaceHand(
            np.concatenate([translation, so3_log(rotation), angles]),
            rotation,
            shape,
            placed,
            thickness,
            spread,
            before,
            after,
            steps,
            _evidence(seen),
            ShapeEstimate(shape, left) if left is not None else None,
        )

    def _terms(self, pixels: float) -> Terms:
        config = self.config
        unit = config.surface_noise_m**-2
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

    def _priors(
        self,
        start: Array,
        previous: NDArray | None,
        thickness: float,
        spread: float,
        shape: Array,
        slack: float,
    ) -> tuple[Array, Array]:
        """Means and weights (2, 36): the network's angles, thickness and shape; the previous pose."""
        config = self.config
        priors, pulls = np.zeros((2, UNKNOWNS)), np.zeros((2, UNKNOWNS))
        priors[0, 6:_POSE] = start[6:]
        pulls[0, 6:_POSE] = config.angle_weight / config.angle_spread**2
        priors[0, THICKNESS], pulls[0, THICKNESS] = thickness, spread**-2
        priors[0, FIRST_SCALE:] = shape
        if previous is not None:
            priors[1, :_POSE] = _checked("previous", previous, (_POSE,))
            pulls[1, :3] = (slack * config.previous_translation_m) ** -2
            pulls[1, 3:6] = (slack * config.previous_rotation) ** -2
            pulls[1, 6:_POSE] = (slack * config.previous_angle) ** -2
        return priors, pulls


@dataclass(frozen=True, eq=False)
class _Problem:
    """What :meth:`SurfaceFit.fit` makes of its input: points (N, 3) m local, each for ``pixels`` pixels; joints (23, 3)
    m with weights (23,) m^-2; start (26,) in range; priors and pulls (2, 36); shape_information (9, 9) where free."""

    frame: CropFrame
    crop: NDArray[np.float32]
    points: Array
    pixels: float
    joints: Array
    weights: Array
    start: Array
    priors: Array
    pulls: Array
    shape_information: Array | None


_NO_INFORMATION = np.zeros((skeleton.SHAPE_COUNT, skeleton.SHAPE_COUNT))


@lru_cache(maxsize=4)
def _ring(radius: int) -> NDArray[np.int64]:
    """(R, 2): steps (column, row) to all pixels within a radius, in order of distance."""
    v, u = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    square = (u * u + v * v).ravel()
    order = np.argsort(square, kind="stable")
    order = order[square[order] <= radius * radius]
    return np.ascontiguousarray(np.stack([u.ravel()[order], v.ravel()[order]], axis=-1).astype(np.int64))


def _what_is_known(information: Array, free_shape: bool) -> tuple[float, Array | None]:
    """Standard deviation of the thickness, the pose and a free shape unknown, and the shape's information (9, 9), pose
    and thickness unknown (the Schur complement), from the lower triangle of all unknowns' information (36, 36)."""
    size = UNKNOWNS if free_shape else FIRST_SCALE
    try:
        lower = np.linalg.cholesky(information[:size, :size] + 1e-9 * np.eye(size))
    except np.linalg.LinAlgError:
        return float("inf"), np.zeros_like(_NO_INFORMATION) if free_shape else None
    unit = np.zeros(size)
    unit[THICKNESS] = 1.0
    spread = float(np.linalg.norm(np.linalg.solve(lower, unit)))
    if not free_shape:
        return spread, None
    corner = lower[FIRST_SCALE:, FIRST_SCALE:]
    return spread, corner @ corner.T


def _evidence(seen: Array) -> FitStatistics:
    near, samples = max(float(seen[0]), 1e-9), max(float(seen[5]), 1e-9)
    return FitStatistics(
        float(seen[0]),
        float(seen[1]) / near,
        float(seen[2]) / near,
        float(seen[6]) / samples,
        float(seen[7]) / samples,
    )


def _checked(name: str, values: NDArray | float, shape: tuple[int, ...]) -> Array:
    """A contiguous copy of finite numbers; ValueError naming what is wrong."""
    array = np.array(values, dtype=np.float64, order="C")
    if array.shape != shape:
        raise ValueError(f"{name} is {array.shape}, want {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds a value that is not finite")
    return array
