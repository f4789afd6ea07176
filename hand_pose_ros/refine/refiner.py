"""One frame's refinement: what the network said of a crop -> a valid hand that explains the depth.

In: a crop with its CropFrame, the network's joints with their expected errors and its pose, the shape held of this
person, the hand of the frame before. Out: :class:`Refined`: pose and joints of a right hand in the crop's local frame,
with exactly the bones of the shape and every angle in range. Stages, each of which can be left out: the hierarchical
regressor (palm to fingertips, SDNet section 4), then back onto the hand model: by a fit to joints and depth surface,
or to the joints alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand.kinematics_numba import forward_joints
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.refine.bone_prior import BonePrior, load_bone_prior
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.regressor import RegressorConfig, regress_joints
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.refine.surface_fit import FitStatistics, SurfaceFit

Array = NDArray[np.float64]

# The spreads about the previous pose are meant for this interval, a camera's of 30 Hz, and grow and shrink with it, but
# never below this share (guessed: stamps jitter).
_FRAME_S = 1.0 / 30.0
_LEAST_SLACK = 0.5


@dataclass(frozen=True)
class RefineConfig:
    """The stages of one frame's refinement."""

    regressor: RegressorConfig | None = field(default_factory=RegressorConfig)
    """The regression from palm to tips on the network's joints; None leaves it out."""
    surface: SurfaceFitConfig = field(default_factory=SurfaceFitConfig)
    """Weights of the fit back onto the hand model; a surface_weight and free_space_weight of 0 fit the joints alone."""


@dataclass(frozen=True)
class Refined:
    """rotation (3, 3), translation (3,) m, angles (20,) rad, shape (9,): a right hand in the crop's local frame; its
    joints (23, 3) m; thickness: log scale of its flesh, with its spread; statistics: how it explains the depth;
    seen_shape (9,): the shape that this frame alone speaks for, None where that was not asked for."""

    rotation: Array
    translation: Array
    angles: Array
    shape: Array
    joints: Array
    thickness: float
    thickness_spread: float
    statistics: FitStatistics
    seen_shape: Array | None = None


class Refiner:
    """Refines one frame after the other; keeps nothing but its configuration and the bone prior."""

    def __init__(self, config: RefineConfig | None = None, prior: BonePrior | None = None) -> None:
        self.config = config or RefineConfig()
        self.prior = prior or load_bone_prior()
        self._fit = SurfaceFit(self.config.surface)

    def refine(
        self,
        frame: CropFrame,
        crop: NDArray[np.float32],
        joints: Array,
        sigma: Array,
        parameters: Array,
        network_shape: Array,
        person_shape: Array | None = None,
        learn: bool = False,
        previous: PreviousFrame | None = None,
        thickness: float = 0.0,
        thickness_spread: float | None = None,
    ) -> Refined:
        """joints (23, 3) m, sigma (23,) m, parameters (26,), network_shape (9,): what the network said; person_shape
        (9,) that the hand gets, None: the one that fits this frame best; learn: tell the latter in any case (by a
        second fit); thickness as far as it is known. ValueError as the stages."""
        config = self.config
        if config.regressor is not None:
            shape = network_shape if person_shape is None else person_shape
            lengths = bone_lengths(forward_joints("right", np.eye(3), np.zeros(3), parameters[6:], shape)[0])
            joints = regress_joints(
                frame, crop, joints, sigma, self.prior, config.regressor, previous, lengths
            )
        known: dict[str, Any] = {"thickness": thickness, "thickness_spread": thickness_spread}
        if previous is not None and previous.angles is not None:
            # Only the fingers are held near where they were: the palm is seen well in every frame.
            known["previous"] = np.concatenate([parameters[:6], previous.angles])
            known["slack"] = max(previous.dt_s / _FRAME_S, _LEAST_SLACK)
        free = None
        if learn or person_shape is None:
            loose = self._fit.loose_shape(network_shape)
            free = self._fit.fit(frame, crop, joints, sigma, loose, parameters, **known)
        if person_shape is not None:
            hand = self._fit.fit(frame, crop, joints, sigma, person_shape, parameters, **known)
        else:
            assert free is not None
            hand = free
        return Refined(
            hand.rotation, hand.parameters[:3], hand.parameters[6:], hand.shape, hand.joints,
            hand.thickness, hand.thickness_spread, hand.statistics, None if free is None else free.shape,
        )  # fmt: skip
