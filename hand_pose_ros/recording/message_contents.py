"""What stands in this package's messages about hands, whoever's classes they are made of: ROS's, or those of bags.

In: hands, the model's name and hash. Out: messages of the given types, all arrays in the messages' own number types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematic_tree import kinematic_tree
from hand_pose_ros.refine.surface_model import END_RADII
from hand_pose_ros.resources import package_version
from hand_pose_ros.tracking.hand import Hand


@dataclass(frozen=True)
class MessageTypes:
    """Classes of messages; each takes its fields by name."""

    hand_pose: Callable[..., Any]
    """hand_pose_ros/HandPose"""
    hand_pose_array: Callable[..., Any]
    """hand_pose_ros/HandPoseArray"""
    hand_model_info: Callable[..., Any]
    """hand_pose_ros/HandModelInfo"""
    point: Callable[..., Any]
    """geometry_msgs/Point"""
    vector: Callable[..., Any]
    """geometry_msgs/Vector3"""
    quaternion: Callable[..., Any]
    """geometry_msgs/Quaternion"""
    pose: Callable[..., Any]
    """geometry_msgs/Pose"""

    def hands(self, hands: Sequence[Hand], state: int, header: Any) -> Any:
        """All hands of one image; the array is empty when there is none."""
        messages = [self.hand(hand, header) for hand in hands]
        return self.hand_pose_array(header=header, state=int(state), hands=messages)

    def hand(self, hand: Hand, header: Any) -> Any:
        """One hand."""
        plain, points, vectors, poses = _contents(hand)
        fields = {
            **plain,
            **{name: self._points(values) for name, values in points.items()},
            **{name: self._vectors(values) for name, values in vectors.items()},
            **{name: self._poses(*values) for name, values in poses.items()},
        }
        (fields["palm"],) = fields["palm"]
        return self.hand_pose(header=header, **fields)

    def model_info(self, model_name: str, model_hash: str) -> Any:
        """The skeleton's tables and the model that estimates the hands, for consumers that match by name."""
        right, left = kinematic_tree("right"), kinematic_tree("left")
        return self.hand_model_info(
            model_name=model_name,
            model_hash=model_hash,
            package_version=package_version(),
            joint_names=list(skeleton.JOINT_NAMES),
            joint_parents=np.array(skeleton.JOINT_PARENTS, np.int8),
            bone_lengths=_lengths_by_joint(skeleton.TEMPLATE_BONE_LENGTHS),
            joint_radii=END_RADII[: skeleton.JOINT_COUNT].astype(np.float32),
            joint_segments=np.array(right.joint_segments, np.int8),
            right_joint_positions=self._points(right.joint_positions),
            left_joint_positions=self._points(left.joint_positions),
            joint_shape_flags=right.joint_shape.reshape(-1).astype(np.uint8),
            angle_names=list(skeleton.ANGLE_NAMES),
            angle_lower=np.array(skeleton.ANGLE_LIMITS[:, 0]),
            angle_upper=np.array(skeleton.ANGLE_LIMITS[:, 1]),
            angle_segments=np.array(right.angle_segments, np.int8),
            angle_axes=self._vectors(right.angle_axes),
            right_angle_signs=np.array(right.angle_signs, np.int8),
            left_angle_signs=np.array(left.angle_signs, np.int8),
            segment_names=list(skeleton.SEGMENT_NAMES),
            segment_parents=np.array(skeleton.SEGMENT_PARENTS, np.int8),
            right_segments=self._poses(right.segment_positions, _quaternions(right.segment_rotations)),
            left_segments=self._poses(left.segment_positions, _quaternions(left.segment_rotations)),
            segment_shape_flags=right.segment_shape.reshape(-1).astype(np.uint8),
            shape_names=list(skeleton.SHAPE_NAMES),
        )

    def _points(self, positions: np.ndarray) -> list[Any]:
        return [self.point(x=float(x), y=float(y), z=float(z)) for x, y, z in positions]

    def _vectors(self, values: np.ndarray) -> list[Any]:
        return [self.vector(x=float(x), y=float(y), z=float(z)) for x, y, z in values]

    def _poses(self, positions: np.ndarray, quaternions: np.ndarray) -> list[Any]:
        turned = [
            self.quaternion(x=float(x), y=float(y), z=float(z), w=float(w)) for x, y, z, w in quaternions
        ]
        pairs = zip(self._points(positions), turned, strict=True)
        return [self.pose(position=position, orientation=orientation) for position, orientation in pairs]


def refill_hand(message: Any, hand: Hand, header: Any) -> None:
    """Give a message that :meth:`MessageTypes.hand` made the contents of another hand, in place: a fifth of the time
    that making one takes, half a thousand objects."""
    plain, points, vectors, poses = _contents(hand)
    message.header = header
    for name, value in plain.items():
        setattr(message, name, value)
    for name, rows in (*points.items(), *vectors.items()):
        for point, (x, y, z) in zip(getattr(message, name), rows.tolist(), strict=True):
            point.x, point.y, point.z = x, y, z
    for name, (positions, quaternions) in poses.items():
        kept = [message.palm] if name == "palm" else getattr(message, name)
        for pose, (x, y, z), turn in zip(kept, positions.tolist(), quaternions.tolist(), strict=True):
            point, q = pose.position, pose.orientation
            point.x, point.y, point.z = x, y, z
            q.x, q.y, q.z, q.w = turn


class _Contents(NamedTuple):
    """What stands in a HandPose beside its header, by field."""

    plain: dict[str, Any]
    """Numbers and arrays, in the message's own types."""
    points: dict[str, np.ndarray]
    """(N, 3) m."""
    vectors: dict[str, np.ndarray]
    """(N, 3)."""
    poses: dict[str, tuple[np.ndarray, np.ndarray]]
    """Positions (N, 3) m and quaternions (N, 4), the real part last."""


def _contents(hand: Hand) -> _Contents:
    plain = {
        "side": skeleton.SIDES.index(hand.side),
        "track_id": int(hand.track_id),
        "state": int(hand.state),
        "confidence": float(hand.confidence),
        "joint_confidence": np.asarray(hand.joint_confidence, np.float32),
        "angles": np.asarray(hand.angles, np.float64),
        "angle_velocities": np.asarray(hand.angle_velocities, np.float64),
        "scale": float(hand.scale),
        "shape": np.asarray(hand.shape, np.float32),
        "shape_frozen": bool(hand.shape_frozen),
        "bone_lengths": _lengths_by_joint(hand.bone_lengths),
        "flesh_thickness": float(hand.thickness),
    }
    rotations = np.concatenate([hand.rotation[None], hand.segment_rotations])
    turns = _quaternions(rotations)
    poses = {
        "palm": (hand.translation[None], turns[:1]),
        "segments": (hand.segment_positions, turns[1:]),
    }
    return _Contents(plain, {"joints": hand.joints}, {"joint_velocities": hand.joint_velocities}, poses)


def _lengths_by_joint(lengths: np.ndarray) -> np.ndarray:
    """Lengths (22,) m of ``skeleton.BONES`` as the messages have them: (23,) by joint, 0 for the root."""
    return np.concatenate([[0.0], lengths]).astype(np.float32)


def _quaternions(rotations: np.ndarray) -> np.ndarray:
    """Rotations (N, 3, 3) -> (N, 4), the real part last."""
    return np.asarray(Rotation.from_matrix(rotations).as_quat())


def stamp_ns(header: Any) -> int:
    """The stamp of a std_msgs/Header, ns; below 0 as it is, which rclpy's Time refuses."""
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
