"""Pictures of a depth frame with a robot's hand beside it. No ROS.

In: overlays, and what was seen of the robot. Out: pictures (H, W, 3) uint8 RGB, the overlay on the left, on the right
the robot as it was sent by then, turned as the hand's palm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.nodes.demo.robot_record import RobotRecord
from hand_pose_ros.nodes.demo.run_record import RunRecord
from hand_pose_ros.retarget.robot_picture import RobotPicture, robot_picture
from hand_pose_ros.synthetic.poses import facing_rotation
from hand_pose_ros.visualization.overlay import OverlayFrame, draw_caption

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RobotFrame:
    """One depth frame and the robot's hand, to be drawn later."""

    overlay: OverlayFrame
    picture: RobotPicture
    """As high as the overlay."""
    positions: Array
    """(K,) of the robot's joints."""
    rotation: Array
    """(3, 3) of the palm in the camera's frame."""
    caption: str
    """One line at the robot's top left."""

    @property
    def time_s(self) -> float:
        """Time of the frame, seconds from any start."""
        return self.overlay.time_s

    def draw(self) -> NDArray[np.uint8]:
        """Both pictures side by side."""
        left = self.overlay.draw()
        right = self.picture.draw(self.positions, self.rotation)
        draw_caption(right, self.caption, left.shape[1])
        return np.hstack([left, right])


def robot_frames(
    overlays: Mapping[int, OverlayFrame], robot: RobotRecord, run: RunRecord
) -> list[RobotFrame]:
    """Each overlay, by its frame's stamp (ns), with the robot beside it. In a frame without a hand the robot stays
    turned as it was."""
    frames: list[RobotFrame] = []
    if not overlays:
        return frames
    height = next(iter(overlays.values())).depth.shape[0]
    picture = robot_picture(robot.robot, robot.side, height)
    limits = robot.robot.limits
    rest = robot.robot.rest.clip(limits.lower, limits.upper)
    rotation = facing_palm(robot.side)
    for stamp, overlay in overlays.items():
        hand, time_ns = robot.hand_of(run, stamp), robot.answered_at(run, stamp)
        if hand is not None and hand.rotation is not None:
            rotation = hand.rotation
        positions = robot.positions_at(time_ns)
        caption = f"{robot.name}: {robot.state_at(time_ns) or 'not there yet'}"
        frames.append(
            RobotFrame(overlay, picture, rest if positions is None else positions, rotation, caption)
        )
    return frames


def facing_palm(side: str) -> Array:
    """The rotation (3, 3) of a palm that is held up before the camera."""
    rotation = np.asarray(facing_rotation(0.0, 0.0, 0.0), np.float64)
    if side == "left":  # mirrored: the camera's x, and the palm's y
        rotation = np.diag([-1.0, 1.0, 1.0]) @ rotation @ np.diag([1.0, -1.0, 1.0])
    return rotation
