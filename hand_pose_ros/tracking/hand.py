"""A tracked hand: what every consumer gets, and the state of its tracking.

Frames and units: the camera's optical frame (x right, y down, z forward), metres, radians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import forward_kinematics
from hand_pose_ros.tracking.motion import motion_duration_s

Array = NDArray[np.float64]


class TrackState(IntEnum):
    """What a tracker, or a hand, is doing. The numbers are those of HandPose.msg."""

    SEARCH = 0
    TRACK = 1
    COAST = 2
    LOST = 3

    def __str__(self) -> str:
        """Its name: numbers are for messages."""
        return self.name


class PoseState(NamedTuple):
    """A hand's pose at one moment: what is smoothed over time."""

    translation: Array
    """(3,) m of the palm, camera's optical frame."""
    rotation: Array
    """(3, 3) of the palm, columns are its axes in the camera's optical frame."""
    angles: Array
    """(20,) rad, within ``skeleton.ANGLE_LIMITS``."""


@dataclass(frozen=True, eq=False)
class Hand:
    """One tracked hand; all rotations are right-handed, of a left hand too."""

    side: str
    """right or left."""
    track_id: int
    """Stays the same while the hand is followed; a hand that was lost returns with another."""
    state: TrackState
    """TRACK or COAST for a hand that is published."""
    confidence: float
    """0..1: probability that it is a hand and right to 20 mm."""
    joints: Array
    """(23, 3) m as ``skeleton.JOINT_NAMES``."""
    joint_confidence: Array
    """(23,) 0..1: probability of each joint that it is right to 20 mm."""
    angles: Array
    """(20,) rad as ``skeleton.ANGLE_NAMES``, within ``skeleton.ANGLE_LIMITS``."""
    rotation: Array
    """(3, 3) of the palm."""
    translation: Array
    """(3,) m of the palm."""
    segment_positions: Array
    """(16, 3) m, the origins of the segments' frames."""
    segment_rotations: Array
    """(16, 3, 3) of the segments."""
    shape: Array
    """(9,) log scales as ``skeleton.SHAPE_NAMES``."""
    shape_frozen: bool = False
    """Whether the shape is the user's and will not change while the track lasts."""
    thickness: float = 0.0
    """Log scale of the flesh's thickness against the template's of this size."""
    joint_velocities: Array = field(default_factory=lambda: np.zeros((skeleton.JOINT_COUNT, 3)))
    """(23, 3) m/s against the camera, of ``joints`` since the frame before; 0 where there was none, and in COAST; none
    is faster than a hand can be (:meth:`since`)."""
    angle_velocities: Array = field(default_factory=lambda: np.zeros(skeleton.ANGLE_COUNT))
    """(20,) rad/s, as ``joint_velocities``."""

    @property
    def scale(self) -> float:
        """Size against the template hand: 1 is the template."""
        return float(np.exp(self.shape[0]))

    @property
    def bone_lengths(self) -> Array:
        """(22,) m of this hand's ``skeleton.BONES``."""
        return skeleton.bone_lengths(self.joints)

    def copied(self) -> Hand:
        """The same hand with arrays of its own: whoever gets it may change them."""
        arrays: dict[str, Any] = {
            name: value.copy() for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)

    def since(self, before: Hand, dt_s: float, fastest_m_s: float) -> Hand:
        """The same hand with the velocities that lead to it from ``before``, dt_s seconds ago by the stamps, or longer,
        so that no joint is faster than ``fastest_m_s`` (:func:`motion_duration_s`)."""
        way = self.joints - before.joints
        dt_s = motion_duration_s(way, dt_s, fastest_m_s)
        return replace(
            self, joint_velocities=way / dt_s, angle_velocities=(self.angles - before.angles) / dt_s
        )

    def at_rest(self, **changes: Any) -> Hand:
        """The same hand where it is, without velocities, and with these fields changed."""
        return replace(
            self,
            joint_velocities=np.zeros_like(self.joint_velocities),
            angle_velocities=np.zeros_like(self.angle_velocities),
            **changes,
        )

    def seen_from(self, rotation: Array, translation: Array) -> Hand:
        """The same hand in another frame, in which this one's axes are the columns of ``rotation`` (3, 3) and its
        origin is at ``translation`` (3,) m. Velocities are turned, but still against the camera."""
        return replace(
            self,
            joints=self.joints @ rotation.T + translation,
            rotation=rotation @ self.rotation,
            translation=rotation @ self.translation + translation,
            segment_positions=self.segment_positions @ rotation.T + translation,
            segment_rotations=rotation @ self.segment_rotations,
            joint_velocities=self.joint_velocities @ rotation.T,
        )


def posed_hand(side: str, pose: PoseState, shape: Array, **known: Any) -> Hand:
    """The hand of a pose and shape (9,), with the fields that its kinematics do not give."""
    placed = forward_kinematics(side, pose.rotation, pose.translation, pose.angles, shape)
    return Hand(
        side=side,
        joints=placed.joints,
        angles=pose.angles,
        rotation=pose.rotation,
        translation=pose.translation,
        segment_positions=placed.segment_positions,
        segment_rotations=placed.segment_rotations,
        shape=np.asarray(shape),
        **known,
    )


def named_hands(hands: Sequence[Hand]) -> list[Hand]:
    """Returns one hand a side, the one tracked longest: a side's joint and frame names stand for one hand only."""
    of_side: dict[str, Hand] = {}
    for hand in sorted(hands, key=lambda hand: hand.track_id):
        of_side.setdefault(hand.side, hand)
    return list(of_side.values())
