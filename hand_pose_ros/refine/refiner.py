"""One frame's refinement: the network's estimate from a crop -> a valid hand that explains the depth.

In: :class:`NetworkPose`, a crop with the network's joints and pose; :class:`HandGeometry`, shape and thickness of the
user's hand as far as they are known; the hand of the frame before; together a :class:`RefineRequest`. Out:
:class:`Refined`: pose and joints of a right hand in the crop's local frame, with exactly the bones of the shape and
every angle in range.

Stages, each of which can be left out: the hierarchical regressor (palm to fingertips, SDNet section 4), then back onto
the hand model: by a fit to joints and depth surface, or to the joints alone. On a GPU
:class:`hand_pose_ros.refine.gpu.gpu_refiner.GpuRefiner` computes the same for all hands of a frame at once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand.kinematics_numba import forward_joints
from hand_pose_ros.hand.skeleton import FIRST_ANGLE, bone_lengths
from hand_pose_ros.hand.solver import ShapeEstimate
from hand_pose_ros.refine.bone_prior import BonePrior, load_bone_prior
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.regressor import RegressorConfig, regress_joints
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.refine.surface_fit import FitStatistics, SurfaceFit, SurfaceHand
from hand_pose_ros.validation import shown

Array = NDArray[np.float64]

# The spreads about the previous pose are meant for this interval, a camera's of 30 Hz, and grow and shrink with it, but
# never below this share (guessed: stamps jitter).
_FRAME_S = 1.0 / 30.0
_LEAST_SLACK = 0.5
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefineConfig:
    """The stages of one frame's refinement."""

    regressor: RegressorConfig | None = field(default_factory=RegressorConfig)
    """The regression from palm to tips on the network's joints; None leaves it out."""
    surface: SurfaceFitConfig = field(default_factory=SurfaceFitConfig)
    """Weights of the fit back onto the hand model; a surface_weight and free_space_weight of 0 fit the joints alone."""


@dataclass(frozen=True, eq=False)
class NetworkPose:
    """What the network estimates from one crop: a right hand in the crop's local frame."""

    frame: CropFrame
    """Where the crop was taken."""
    crop: NDArray[np.float32]
    """(S, S) in [-1, 1], 1: empty."""
    joints: Array
    """(23, 3) m."""
    sigma: Array
    """(23,) m: expected error of each joint."""
    parameters: Array
    """(26,) as ``skeleton.PARAMETER_NAMES``, angles in range."""
    shape: Array
    """(9,) log scales."""


@dataclass(frozen=True, eq=False)
class HandGeometry:
    """Shape and thickness of a user's hand, as far as they are known."""

    shape: Array | None = None
    """(9,) log scales that the refined hand gets; None: those that fit the frame best."""
    thickness: float = 0.0
    """Log scale of the flesh against the template's of that size."""
    thickness_spread: float | None = None
    """Its standard deviation; None: ``SurfaceFitConfig.thickness_spread``."""


@dataclass(frozen=True, eq=False)
class RefineRequest:
    """One hand to refine."""

    estimate: NetworkPose
    """Of this frame."""
    geometry: HandGeometry = field(default_factory=HandGeometry)
    """Of the user's hand."""
    previous: PreviousFrame | None = None
    """The frame before, None: there is none."""
    fit_shape: bool = False
    """Fit ``Refined.fitted_shape``, too, where the geometry's shape is known (a second fit)."""


@dataclass(frozen=True, eq=False)
class Refined:
    """A right hand in the crop's local frame, refined."""

    rotation: Array
    """(3, 3) of the palm."""
    translation: Array
    """(3,) m of the palm."""
    angles: Array
    """(20,) rad, in range."""
    shape: Array
    """(9,) log scales."""
    joints: Array
    """(23, 3) m."""
    thickness: float
    """Log scale of the flesh."""
    thickness_spread: float
    """Its standard deviation."""
    statistics: FitStatistics
    """How well the hand explains the depth."""
    fitted_shape: Array | None = None
    """(9,): the shape that fits this frame alone best; None where it was not fitted."""


class Refiner:
    """Refines one frame after the other; keeps nothing but its configuration and the bone prior."""

    def __init__(self, config: RefineConfig | None = None, prior: BonePrior | None = None) -> None:
        self.config = config or RefineConfig()
        self.prior = prior or load_bone_prior()
        self._fit = SurfaceFit(self.config.surface)

    def refine_all(self, requests: Sequence[RefineRequest]) -> list[Refined]:
        """The refined hands of a frame, each from its own crop. ValueError as of the stages."""
        return [self.refine(r.estimate, r.geometry, r.previous, r.fit_shape) for r in requests]

    def refine(
        self,
        estimate: NetworkPose,
        geometry: HandGeometry | None = None,
        previous: PreviousFrame | None = None,
        fit_shape: bool = False,
    ) -> Refined:
        """The refined hand of one crop; the arguments are a :class:`RefineRequest`'s. ValueError as of the stages."""
        geometry = geometry or HandGeometry()
        parameters, joints = estimate.parameters, estimate.joints
        if self.config.regressor is not None:
            scales = estimate.shape if geometry.shape is None else geometry.shape
            joints = regress_joints(
                estimate.frame, estimate.crop, joints, estimate.sigma, self.prior, self.config.regressor, previous,
                bone_lengths(forward_joints("right", np.eye(3), np.zeros(3), parameters[FIRST_ANGLE:], scales)[0]),
            )  # fmt: skip
        pose = None
        if previous is not None and previous.angles is not None:
            # Only the fingers stay near where they were: the palm is seen well in every frame.
            pose = np.concatenate([parameters[:FIRST_ANGLE], previous.angles])

        def fit(shape: Array | ShapeEstimate) -> SurfaceHand:
            return self._fit.fit(
                estimate.frame, estimate.crop, joints, estimate.sigma, shape, parameters, previous=pose,
                thickness=geometry.thickness, thickness_spread=geometry.thickness_spread, slack=slack_of(previous),
            )  # fmt: skip

        loose: SurfaceHand | None = None
        if geometry.shape is None:
            hand = loose = fit(self._fit.loose_shape(estimate.shape))
        else:
            if fit_shape:
                loose = fit(self._fit.loose_shape(estimate.shape))
            hand = fit(geometry.shape)
        return Refined(
            hand.rotation, hand.parameters[:3], hand.parameters[FIRST_ANGLE:], hand.shape, hand.joints,
            hand.thickness, hand.thickness_spread, hand.statistics, None if loose is None else loose.shape,
        )  # fmt: skip


def slack_of(previous: PreviousFrame | None) -> float:
    """How much wider than configured the spreads about the previous pose are; 1 where there is none."""
    if previous is None or previous.angles is None:
        return 1.0
    return max(previous.dt_s / _FRAME_S, _LEAST_SLACK)


def open_refiner(config: RefineConfig, device: str, crop_size: int) -> Refiner:
    """What refines crops of ``crop_size`` pixels along an edge where the network runs on ``device`` (cpu or cuda).

    Where the GPU's kernels cannot be made, the CPU does it, to the same hands, and that is logged in one line.
    """
    if device != "cuda":
        return Refiner(config)
    from hand_pose_ros.refine.gpu.gpu_refiner import KernelError, gpu_refiner  # torch

    try:
        return gpu_refiner(config, crop_size)
    except KernelError as error:
        _LOGGER.warning("hand_pose_ros: the CPU refines hands, not the GPU: %s", shown(error))
        return Refiner(config)
