"""Parameters and a robot's file become a commander that engages what the file allows."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from hand_pose_ros.nodes.parameters.retarget_parameters import RETARGET_PARAMETERS
from hand_pose_ros.nodes.robot_setup import build_commander
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot

PARAMETERS = {parameter.name: parameter.default for parameter in RETARGET_PARAMETERS}


@pytest.mark.parametrize("velocity_scale", [0.1, 1.0])
@pytest.mark.parametrize("velocity, stands, too_far", [(1.0, 0.0035, 0.03), (0.1, 0.0015, 0.003)])
def test_locked_joint_without_a_urdf_may_have_an_encoders_noise(
    tmp_path, velocity, stands, too_far, velocity_scale
):
    path = tmp_path / "robot.yaml"
    path.write_text(
        f"direct: {{wrist: {{angles: {{}}}}}}\nrest: {{wrist: 0.3}}\n"
        f"limits: {{wrist: {{lower: 0.3, upper: 0.3, velocity: {velocity}}}}}"
    )
    robot = build_retargeter(read_robot(path), "direct", "right")
    parameters = PARAMETERS | {"velocity_scale": velocity_scale}
    build_commander(parameters, robot, ["wrist"], ["wrist"]).engage([0.3 + stands], 0.0)
    with pytest.raises(ValueError, match="joint wrist stands at"):
        build_commander(parameters, robot, ["wrist"], ["wrist"]).engage([0.3 + too_far], 0.0)
