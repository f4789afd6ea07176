"""Input and output of the pose network: a place to crop, and the hand estimated there.

A left hand is cropped mirrored, so every estimate is that of a right hand in its crop's local frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame, upright_roll
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.hand.rotations_numba import so3_log
from hand_pose_ros.refine.refiner import NetworkPose, RefineRequest
from hand_pose_ros.tracking.hand import Hand, PoseState, posed_hand

Array = NDArray[np.float64]


class CropRequest(NamedTuple):
    """Where to take a crop."""

    centre: Array
    """(3,) m, camera's optical frame."""
    mirrored: bool
    """Whether x is flipped, for a left hand."""
    roll_rad: float = 0.0
    """By how much the crop is turned about the line of sight, radians."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """What the network estimates from one crop: a right hand in the crop's local frame, metres and radians."""

    frame: CropFrame
    """Where the crop was taken."""
    crop: NDArray[np.float32]
    """(S, S): what the network saw."""
    coarse: Array
    """(23, 3) m: the joints before the hand model."""
    joints: Array
    """(23, 3) m: the joints after the hand model."""
    sigma: Array
    """(23,) m: expected error of each joint."""
    rotation: Array
    """(3, 3) of the palm."""
    translation: Array
    """(3,) m of the palm."""
    angles: Array
    """(20,) rad, in range."""
    shape: Array
    """(9,) log scales."""
    presence: float | None
    """Log odds of there being a hand; None for weights without a presence head."""
    handedness: float | None
    """Log odds of its being a right hand (or, mirrored, a left one); None for weights without a handedness head."""
    visibility: float
    """0..1: see :func:`~hand_pose_ros.tracking.visibility.visibility_score`."""
    fit: float
    """How well it fits, for choosing between sides and places; higher is better. See ``scoring.fit_score``."""
    camera: Camera | None = None
    """Of the picture; None for a crop of none."""

    @cached_property
    def inside_m(self) -> float:
        """How far inside the picture the hand's middle lies, as of ``Camera.inside_m``; inf without a picture."""
        return math.inf if self.camera is None else self.camera.inside_m(self.centre)

    @property
    def picture_m(self) -> float:
        """The shorter side of what the picture shows at the hand's depth, metres; inf without a picture."""
        return math.inf if self.camera is None else self.camera.extent_m(float(self.centre[2]))

    @property
    def side(self) -> str:
        """right or left."""
        return "left" if self.frame.mirrored else "right"

    @property
    def parameters(self) -> Array:
        """(26,) as ``skeleton.PARAMETER_NAMES``."""
        return np.concatenate([self.translation, so3_log(self.rotation), self.angles])

    @property
    def network_pose(self) -> NetworkPose:
        """The part that the refinement takes."""
        return NetworkPose(self.frame, self.crop, self.joints, self.sigma, self.parameters, self.shape)

    @cached_property
    def centre(self) -> Array:
        """The hand's middle (3,) m in the camera's optical frame: where to crop next."""
        return self.frame.local_to_camera(self.joints.mean(axis=0))

    @cached_property
    def roll_rad(self) -> float:
        """The roll of a crop about ``centre`` that shows this hand upright."""
        return upright_roll(self.centre, self.frame.local_to_camera_direction(self.fingers_direction))

    @cached_property
    def fingers_direction(self) -> Array:
        """(3,) m from the middle of the wrist to that of the knuckles, in the crop's local frame."""
        return fingers_direction(self.joints)

    def hand(self, **known: Any) -> Hand:
        """The hand as the network alone has it, in the camera's optical frame, with the fields of :class:`Hand` that
        its kinematics do not give."""
        pose = PoseState(
            self.frame.local_to_camera(self.translation),
            self.frame.local_to_camera_rotation(self.rotation),
            self.angles,
        )
        return posed_hand(self.side, pose, self.shape, **known)


@dataclass(frozen=True, eq=False)
class PendingUpdate:
    """A frame that a track has begun to take: its hand is to be refined, see ``Track.begin_update``."""

    chosen: Estimate
    """That of the likelier side."""
    own: Estimate
    """That of the side for which this hand's own frames speak: mostly the same."""
    evidence: float
    """Log odds of there being a hand: by the crops of both sides where a search found it, by the hand's own where it
    was followed."""
    request: RefineRequest
    """What to refine."""


def by_side(estimates: Sequence[Estimate], sides: Sequence[str]) -> tuple[list[Estimate], list[Estimate]]:
    """The estimates as of a hand of one of these sides, and the others."""
    return [e for e in estimates if e.side in sides], [e for e in estimates if e.side not in sides]
