"""The TF frames that stand for a hand: their names, parents and poses, and what tf2 cannot take. No message, no topic.

In: a hand (camera's optical frame or ``target_frame``, metres), a prefix. Out: rotations and positions in the parents'
frames. Frames are called ``<prefix><side>_hand/<name>``: the palm's, and in ``full`` every segment's, the wrist's, the
fingertips' and the operator's, as in the hand's description.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.joint_sets import OPERATOR_AXES
from hand_pose_ros.retarget.human_hand import OPERATOR_LINK, WRIST_LINK
from hand_pose_ros.validation import shown

if TYPE_CHECKING:
    from hand_pose_ros.tracking.hand import Hand

FRAME_NAMES: tuple[str, ...] = (
    *skeleton.SEGMENT_NAMES,
    WRIST_LINK,
    *(skeleton.JOINT_NAMES[tip] for tip in skeleton.TIP_JOINTS),
    OPERATOR_LINK,
)
"""Frames of ``full``; the first is the palm's. The wrist's lies between its two joints and is turned as the palm; the
operator's lies there, too, and is turned as OPERATOR_AXES say."""

FRAME_PARENTS: tuple[int, ...] = (
    *skeleton.SEGMENT_PARENTS,
    0,
    *(int(segments[-1]) for segments in skeleton.FINGER_SEGMENT_TABLE),
    FRAME_NAMES.index(WRIST_LINK),
)
"""Index of each frame's parent, -1 for the palm, whose parent is the header's frame. A fingertip is turned as its
bone."""


def tf_name(frame_id: str) -> str:
    """Returns a frame's name as tf2 knows it: without the leading '/' that drivers of ROS 1 put before it, which tf2
    refuses; empty where nothing but blanks is left, which nobody can ask for."""
    name = frame_id.lstrip("/")
    return name if name.strip() else ""


def resolved_prefix(given: str, namespace: str) -> str:
    """Returns what is put before the frames' names; ``auto`` is the node's namespace, and nothing where it has none."""
    if given != "auto":
        return given
    name = namespace.strip("/")
    return f"{name}/" if name else ""


def side_prefix(prefix: str, side: str) -> str:
    """Returns what stands before the names of one hand's frames."""
    return f"{prefix}{side}_hand/"


@lru_cache(maxsize=8)
def frame_error(frame_id: str, prefix: str) -> str | None:
    """Returns why no transform can hang on this frame of the depth images, None when one can."""
    if not tf_name(frame_id):
        return "the depth images have no frame_id: mend the camera driver"
    own = {side_prefix(prefix, side) + name for side in skeleton.SIDES for name in FRAME_NAMES}
    if tf_name(frame_id) in own:
        return f"the depth images' frame_id '{shown(frame_id)}' is one of this node's own: set 'frame_prefix'"
    return None


def frames_in_parents(hand: Hand) -> tuple[np.ndarray, np.ndarray]:
    """Returns rotations (23, 3, 3) and origins (23, 3) m of all frames, each in its parent's."""
    distal = skeleton.FINGER_SEGMENT_TABLE[:, -1]
    wrist = hand.joints[list(skeleton.WRIST_JOINTS)].mean(axis=0)
    tips, operator = hand.joints[list(skeleton.TIP_JOINTS)], hand.rotation @ OPERATOR_AXES.T
    rotations = np.concatenate(
        [hand.segment_rotations, hand.rotation[None], hand.segment_rotations[distal], operator[None]]
    )
    positions = np.concatenate([hand.segment_positions, wrist[None], tips, wrist[None]])
    rotations[0], positions[0] = hand.rotation, hand.translation
    parents = np.maximum(FRAME_PARENTS, 0)
    to_parent = rotations[parents].transpose(0, 2, 1)
    local_rotations = to_parent @ rotations
    local_positions = (to_parent @ (positions - positions[parents])[..., None])[..., 0]
    local_rotations[0], local_positions[0] = rotations[0], positions[0]
    return local_rotations, local_positions
