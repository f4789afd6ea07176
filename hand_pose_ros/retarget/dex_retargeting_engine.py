"""The engine ``dex-retargeting``: the optional package of that name (Qin et al., AnyTeleop, 2023), with nlopt.

In: an ``OptimizerConfig`` and a robot's description. Out: an engine. ValueError in one sentence where the package
refuses the configuration, ImportError where it is not installed.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hand_pose_ros.retarget.engine import Array, OperatorHand, human_vectors
from hand_pose_ros.retarget.joint_order import JointOrder
from hand_pose_ros.retarget.robot_config import OptimizerConfig
from hand_pose_ros.retarget.robot_description import RobotDescription
from hand_pose_ros.validation import shown

VERSION = "0.5.0"
"""The version that this was written and measured with. It needs numpy 2 and a Python below 3.13."""


def load() -> Any:
    """The package's configuration module. ImportError where it is not installed, or cannot be loaded."""
    return importlib.import_module("dex_retargeting.retargeting_config")


class DexRetargetingEngine:
    """One robot's hand in dex-retargeting."""

    name = "dex-retargeting"

    def __init__(self, config: OptimizerConfig, description: RobotDescription) -> None:
        package = load()
        self._kind, self._indices = config.type, config.human_indices()
        given: dict[str, Any] = {
            "type": config.type,
            "wrist_link_name": config.wrist_link_name,
            "target_link_names": config.target_link_names,
            "target_joint_names": config.target_joint_names,
            "target_origin_link_names": config.target_origin_link_names,
            "target_task_link_names": config.target_task_link_names,
            "finger_tip_link_names": config.finger_tip_link_names,
        }
        options = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        if config.type != "dexpilot":  # it says aloud that indices are uncommon there
            options["target_link_human_indices"] = self._indices
        with TemporaryDirectory(prefix="hand_pose_ros-") as folder:
            urdf = Path(folder) / "robot.urdf"
            urdf.write_text(description.kinematics(), encoding="utf-8")
            try:
                self._solver = package.RetargetingConfig(
                    urdf_path=str(urdf), **options, scaling_factor=config.scaling_factor,
                    normal_delta=config.normal_delta, huber_delta=config.huber_delta, project_dist=config.project_dist,
                    escape_dist=config.escape_dist, has_joint_limits=config.has_joint_limits,
                    ignore_mimic_joint=config.ignore_mimic_joint, low_pass_alpha=config.low_pass_alpha,
                ).build()  # fmt: skip
            except (ValueError, RuntimeError, TypeError, KeyError, AttributeError) as error:
                raise ValueError(
                    f"dex-retargeting refuses {description.source}: {shown(error, 500)}"
                ) from error
        if config.low_pass_alpha == 1.0:
            self._solver.filter = None
        self._order = JointOrder(self._solver.joint_names, description, config.target_joint_names)
        self.joint_names = self._order.driven
        self._fixed = np.zeros(len(self._solver.optimizer.fixed_joint_names))

    def retarget(self, hand: OperatorHand) -> Array:
        """The robot's joints (K,). ValueError where a point is not finite."""
        reference = human_vectors(self._kind, self._indices, hand.points)
        if not np.isfinite(reference).all():  # it would print, and answer the last one
            raise ValueError("a point of the hand is not finite")
        return self._order.take(np.asarray(self._solver.retarget(reference, self._fixed), np.float64))

    def start_from(self, positions: Array) -> None:
        """The next answer is looked for near these positions (K,)."""
        self._solver.set_qpos(self._order.complete(positions))
