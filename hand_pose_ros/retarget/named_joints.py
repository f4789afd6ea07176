"""One hand as another party has it: a joint set's positions, orientations, radii, and what of them is known.

In: a Hand, the name of a joint set (hand/joint_sets.py). Out: :class:`NamedJoints`. Metres; ``mediapipe21`` in the
operator's frame with the wrist at the origin (:func:`hand_pose_ros.hand.joint_sets.operator_points`), every other set
in the hand's own frame of reference. ``openxr26`` has orientations by OpenXR's convention, the others have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.joint_sets import (
    OPENXR_SET,
    OPERATOR_SET,
    JointSet,
    convert_joints,
    find_joint_set,
    operator_points,
)
from hand_pose_ros.refine.surface_model import END_RADII
from hand_pose_ros.tracking.hand import Hand, TrackState

Array = NDArray[np.float64]

TRACKED_CONFIDENCE = 0.5
"""A joint less sure than this to be right to 20 mm is a guess, not tracked: it is rather wrong than right."""

OPENXR_AXES: Array = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""(3, 3): the columns are the axes x, y, z of OpenXR's joint in our segment's frame. OpenXR's z points away from the
fingertip along the bone, y out of the back of the hand, x to the right, on both sides (XR_EXT_hand_tracking,
"Conventions of hand joints")."""


class Validity(IntFlag):
    """What is known of a joint. The numbers are those of HandJoints.msg."""

    ORIENTATION_VALID = 1
    POSITION_VALID = 2
    ORIENTATION_TRACKED = 4
    POSITION_TRACKED = 8
    ESTIMATED = 16


@dataclass(frozen=True, eq=False)
class NamedJoints:
    """The K joints of a set, in its order."""

    joint_set: JointSet
    """With the joints' names."""
    positions: Array
    """(K, 3) m."""
    rotations: Array
    """(K, 3, 3): the columns are the axes of the joint's frame by the set's convention; identity where it has none."""
    radii: Array
    """(K,) m, from the joint to the skin by the hand's learnt thickness; 0 where it is not known."""
    validity: NDArray[np.uint8]
    """(K,) flags, :class:`Validity`."""
    in_operator_frame: bool
    """Whether positions are in the operator's frame, not in that which the hand's are in."""


def named_joints(hand: Hand, set_name: str) -> NamedJoints:
    """The hand's joints of a set. ValueError on an unknown name."""
    joint_set = find_joint_set(set_name)
    operator = set_name == OPERATOR_SET
    positions = (
        operator_points(hand.joints, hand.rotation) if operator else convert_joints(hand.joints, set_name)
    )
    flesh = END_RADII[: skeleton.JOINT_COUNT] * (hand.scale * np.exp(hand.thickness))
    return NamedJoints(
        joint_set,
        positions,
        _openxr_rotations(hand, joint_set, positions) if set_name == OPENXR_SET else _identities(joint_set),
        np.where(_own_joints(set_name) >= 0, flesh[_own_joints(set_name)], 0.0),
        _validity(hand, joint_set, set_name == OPENXR_SET),
        operator,
    )


@cache
def _own_joints(set_name: str) -> NDArray[np.int64]:
    """(K,): which of our joints a set's joint is, -1 where it is none of them."""
    matrix = find_joint_set(set_name).matrix
    return np.where(matrix.max(axis=1) == 1.0, matrix.argmax(axis=1), -1)


@cache
def _segments() -> NDArray[np.int64]:
    """(26,): the segment whose frame a joint of ``openxr26`` has; a tip has that of its last bone, the wrist and the
    metacarpals the palm's."""
    of_joint = dict(zip(skeleton.SEGMENT_JOINTS, range(skeleton.SEGMENT_COUNT), strict=True))
    of_joint |= dict(zip(skeleton.TIP_JOINTS, skeleton.FINGER_SEGMENT_TABLE[:, -1].tolist(), strict=True))
    return np.array([of_joint.get(int(joint), 0) for joint in _own_joints(OPENXR_SET)])


def _identities(joint_set: JointSet) -> Array:
    return np.tile(np.eye(3), (len(joint_set.names), 1, 1))


def _openxr_rotations(hand: Hand, joint_set: JointSet, positions: Array) -> Array:
    """Of the segments; of the metacarpals along their bones, as near to the palm's as that allows."""
    rotations = hand.segment_rotations[_segments()]
    for name in joint_set.estimated:
        index = joint_set.names.index(name)
        along = positions[index + 1] - positions[index]
        x = along / np.linalg.norm(along)
        y = np.cross(hand.rotation[:, 2], x)
        y /= np.linalg.norm(y)
        rotations[index] = np.stack([x, y, np.cross(x, y)], axis=1)
    return np.asarray(rotations @ OPENXR_AXES)


def _validity(hand: Hand, joint_set: JointSet, oriented: bool) -> NDArray[np.uint8]:
    valid = Validity.POSITION_VALID | (Validity.ORIENTATION_VALID if oriented else Validity(0))
    tracked = Validity.POSITION_TRACKED | (Validity.ORIENTATION_TRACKED if oriented else Validity(0))
    # As sure as the least sure of the joints that it is made of.
    made_of = np.where(joint_set.matrix > 0.0, hand.joint_confidence, 1.0)
    seen = (made_of.min(axis=1) >= TRACKED_CONFIDENCE) & (hand.state == TrackState.TRACK)
    guessed = np.isin(joint_set.names, sorted(joint_set.estimated))
    flags = np.full(len(joint_set.names), int(valid))
    flags |= np.where(seen & ~guessed, int(tracked), 0) | np.where(guessed, int(Validity.ESTIMATED), 0)
    return flags.astype(np.uint8)
