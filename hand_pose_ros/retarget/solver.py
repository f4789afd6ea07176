"""What both packages of optimisers are made from, for dexi-rs takes dex-retargeting's names.

In: an ``OptimizerConfig`` and a robot's description. Out: the options by name, and a solver. ValueError in one sentence
where the package refuses them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hand_pose_ros.retarget.engine_urdf import engine_urdf
from hand_pose_ros.retarget.robot_config import OptimizerConfig
from hand_pose_ros.retarget.robot_description import RobotDescription
from hand_pose_ros.validation import shown

_OPTIONS = (
    "wrist_link_name", "target_link_names", "target_joint_names", "target_origin_link_names", "target_task_link_names",
    "finger_tip_link_names", "scaling_factor", "normal_delta", "huber_delta", "project_dist", "escape_dist",
    "has_joint_limits", "ignore_mimic_joint", "low_pass_alpha",
)  # fmt: skip
_REFUSALS = (ValueError, RuntimeError, TypeError, KeyError, AttributeError)


def solver_options(config: OptimizerConfig) -> dict[str, Any]:
    """Every option but the type, the URDF and the indices of the person's points, as the packages name them."""
    values = {name: getattr(config, name) for name in _OPTIONS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def build_solver(engine: str, description: RobotDescription, make: Callable[[str], Any]) -> Any:
    """What ``make`` gives from the path of the robot's URDF, which is there only meanwhile."""
    with TemporaryDirectory(prefix="hand_pose_ros-") as folder:
        urdf = Path(folder) / "robot.urdf"
        urdf.write_text(engine_urdf(description), encoding="utf-8")
        try:
            return make(str(urdf))
        except _REFUSALS as error:
            raise ValueError(f"{engine} refuses {description.source}: {shown(error, 500)}") from error
