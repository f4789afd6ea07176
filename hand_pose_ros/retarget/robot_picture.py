"""Pictures of a robot's hand, turned as the person's hand is.

In: a robot ready to be driven, positions of its joints (K,), the rotation (3, 3) of the person's palm in the camera's
frame. Out: square pictures (H, W, 3) uint8 RGB. What is drawn is the description's hand; without a description a
gripper of two fingers, or each joint as a bar.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.joint_sets import OPERATOR_AXES
from hand_pose_ros.hand.kinematics_numba import SIGNS
from hand_pose_ros.retarget.parallel_gripper import opening_m, opening_share
from hand_pose_ros.retarget.retargeter import Retargeter
from hand_pose_ros.retarget.robot_config import GripperConfig
from hand_pose_ros.retarget.robot_description import RobotDescription
from hand_pose_ros.retarget.robot_shape import METAL, ROBOT_PALM_COLOUR, RobotPart, robot_parts
from hand_pose_ros.visualization.overlay import FINGER_COLOURS
from hand_pose_ros.visualization.shaded_meshes import BACKGROUND, box, draw_meshes, moved

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

_FOCAL = 2.4
"""The picture's focal length, in picture widths: a lens of 24 degrees, from so far that near fingers are not huge.
Guessed."""
_FILLED = 1.0
"""Share of the picture's width that a ball about what is drawn has: it is whole whichever way it is turned. Derived."""
_SPREAD_RAD = 0.35
"""By so much a stretched hand's joints move, one at a time, before the ball is laid about it. Guessed: as far as people
spread fingers, or bend them back."""
_TEXT = 1.06
"""The ball is so much larger that a line of text at the picture's rim seldom lies on the hand. Guessed."""
# All of these are guessed.
_STROKE_M = 0.085  # how far a gripper is drawn open whose joints are no lengths
_FINGER_M = (0.020, 0.016, 0.060)  # a gripper's finger and housing, thin, wide, long; as a common one's
_HOUSING_M = (0.060, 0.160, 0.070)


class RobotPicture(Protocol):
    """Draws one robot."""

    def draw(self, positions: Array, palm_rotation: Array) -> Picture:
        """The robot with these positions (K,), its root link turned as the operator's frame of a hand whose palm is
        turned by ``palm_rotation`` (3, 3) in the camera's frame: engines compare the two in that link's axes."""
        ...


def robot_picture(robot: Retargeter, side: str, size_px: int) -> RobotPicture:
    """What draws a robot of a side in pictures of this size."""
    if robot.description is not None:
        return _HandPicture(robot, robot.description, size_px)
    if robot.config.gripper is not None and robot.engine.name == "gripper":
        return _GripperPicture(robot.config.gripper, side, size_px)
    return _JointBars(robot, size_px)


class _View:
    """A camera that looks at a ball (centre (3,) m in the robot's frame, radius m)."""

    def __init__(self, centre: Array, radius: float, size_px: int) -> None:
        focal, middle = _FOCAL * size_px, 0.5 * (size_px - 1)
        self.camera = Camera(size_px, size_px, focal, focal, middle, middle)
        self._centre = centre
        # A ball of this radius then touches the rim of the part that is to be filled.
        self._distance = radius * np.sqrt(1.0 + (2.0 * _FOCAL / _FILLED) ** 2)

    def frame(self, palm_rotation: Array) -> Array:
        """The robot's frame (4, 4) in the camera's."""
        view = np.eye(4)
        view[:3, :3] = palm_rotation @ OPERATOR_AXES.T
        view[:3, 3] = np.array([0.0, 0.0, self._distance]) - view[:3, :3] @ self._centre
        return view


class _HandPicture:
    """A hand with a description."""

    def __init__(self, robot: Retargeter, description: RobotDescription, size_px: int) -> None:
        self._description = description
        self._names = robot.engine.joint_names
        self._parts = robot_parts(description, robot.config)
        limits = robot.limits
        stretched = np.clip(0.0, limits.lower, limits.upper)
        points = self._points(stretched)
        centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
        poses = [stretched]
        for joint in range(len(stretched)):
            for way in (-_SPREAD_RAD, _SPREAD_RAD):
                moved_one = stretched + way * (np.arange(len(stretched)) == joint)
                poses.append(np.clip(moved_one, limits.lower, limits.upper))
        farthest = max(float(np.linalg.norm(self._points(pose) - centre, axis=1).max()) for pose in poses)
        self._view = _View(centre, _TEXT * farthest, size_px)

    def draw(self, positions: Array, palm_rotation: Array) -> Picture:
        view, frames = self._view.frame(palm_rotation), self._frames(positions)
        places = [view @ frames[part.link] for part in self._parts]
        return draw_meshes([part.mesh for part in self._parts], places, self._view.camera)

    def _points(self, positions: Array) -> Array:
        """All that is drawn, (N, 3) m in the root link's frame."""
        frames = self._frames(positions)
        return np.concatenate([_placed(part, frames[part.link]) for part in self._parts])

    def _frames(self, positions: Array) -> dict[str, Array]:
        """Of each link (4, 4), in the root link's frame."""
        return self._description.link_frames(dict(zip(self._names, positions.tolist(), strict=True)))


class _GripperPicture:
    """Two parallel fingers, the thumb's and the other one's, as far open as the joints say."""

    def __init__(self, config: GripperConfig, side: str, size_px: int) -> None:
        self._config, self._towards_thumb = config, SIGNS[side]
        self._fingers = [box(_FINGER_M, FINGER_COLOURS[finger]) for finger in ("thumb", config.finger)]
        self._rail = box((0.7 * _HOUSING_M[0], 1.25 * _HOUSING_M[1], 0.012), METAL)
        self._view = _View(np.array([0.0, 0.0, 0.01]), 0.12, size_px)

    def draw(self, positions: Array, palm_rotation: Array) -> Picture:
        named = dict(zip(map(str, self._config.joints), positions.tolist(), strict=True))
        apart = opening_m(self._config, named)
        if apart is None:
            apart = _STROKE_M * opening_share(self._config, named)
        housing = moved(box(_HOUSING_M, ROBOT_PALM_COLOUR), _shift(0.0, 0.0, -0.5 * _HOUSING_M[2]))
        # In the operator's frame y points to a right hand's thumb.
        side = 0.5 * (apart + _FINGER_M[1]) * self._towards_thumb
        places = [_shift(0.0, y, 0.5 * _FINGER_M[2] + 0.012) for y in (side, -side)]
        meshes = [housing, self._rail, *self._fingers]
        view = self._view.frame(palm_rotation)
        frames = [view, view @ _shift(0.0, 0.0, 0.006), *(view @ place for place in places)]
        return draw_meshes(meshes, frames, self._view.camera)


class _JointBars:
    """A bar a joint, from its lower to its upper limit, for a robot of which nothing else is known."""

    def __init__(self, robot: Retargeter, size_px: int) -> None:
        self._names, self._limits, self._size_px = robot.engine.joint_names, robot.limits, size_px

    def draw(self, positions: Array, palm_rotation: Array) -> Picture:
        picture = np.empty((self._size_px, self._size_px, 3), np.uint8)
        picture[:] = BACKGROUND
        share = (positions - self._limits.lower) / np.maximum(self._limits.span, 1e-9)
        left, right = 0.08 * self._size_px, 0.92 * self._size_px
        rows = np.linspace(0.14, 0.94, len(self._names) + 1)[:-1] * self._size_px
        high = min(0.05 * self._size_px, 0.45 * 0.8 * self._size_px / len(self._names))
        for name, row, part in zip(self._names, rows, share, strict=True):
            for end, colour in (
                (right, (64, 68, 76)),
                (left + part * (right - left), FINGER_COLOURS["ring"]),
            ):
                corners = [(round(left), round(row)), (round(end), round(row + high))]
                cv2.rectangle(picture, corners[0], corners[1], colour, -1)
            place = (round(left), round(row - 0.3 * high))
            scale = self._size_px / 1100
            cv2.putText(picture, name, place, cv2.FONT_HERSHEY_SIMPLEX, scale, METAL, 1, cv2.LINE_AA)
        return picture


def _placed(part: RobotPart, frame: Array) -> Array:
    return np.asarray(part.mesh.vertices @ frame[:3, :3].T + frame[:3, 3])


def _shift(x: float, y: float, z: float) -> Array:
    frame = np.eye(4)
    frame[:3, 3] = x, y, z
    return frame
