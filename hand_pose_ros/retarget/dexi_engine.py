"""The engine ``dexi-rs``: the objectives of dex-retargeting, solved in Rust by the optional package of that name.

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

VERSION = "0.4.1"
"""The version that this was written and measured with; the extra [retarget] pins it. The package is alpha."""
_ASSETS = ("resources", "assets", "robots", "hands")


def load() -> Any:
    """The package. ImportError where it is not installed, or cannot be loaded."""
    return importlib.import_module("dexi_rs")


def urdf_folder() -> Path:
    """The folder of URDFs that comes with the package. ImportError as :func:`load`."""
    return Path(load().__file__).parent.joinpath(*_ASSETS)


class DexiEngine:
    """One robot's hand in dexi-rs."""

    name = "dexi-rs"

    def __init__(self, config: OptimizerConfig, description: RobotDescription) -> None:
        package = load()
        self._kind, self._indices = config.type, config.human_indices()
        given = {
            "wrist_link_name": config.wrist_link_name,
            "target_link_names": config.target_link_names,
            "target_joint_names": config.target_joint_names,
            "target_origin_link_names": config.target_origin_link_names,
            "target_task_link_names": config.target_task_link_names,
            "finger_tip_link_names": config.finger_tip_link_names,
            "target_link_human_indices": None if config.type == "dexpilot" else self._indices.tolist(),
        }
        options = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        with TemporaryDirectory(prefix="hand_pose_ros-") as folder:
            urdf = Path(folder) / "robot.urdf"
            urdf.write_text(description.kinematics(), encoding="utf-8")
            try:
                self._solver = package.RetargetingConfig(
                    config.type, str(urdf), **options, scaling_factor=config.scaling_factor,
                    normal_delta=config.normal_delta, huber_delta=config.huber_delta, project_dist=config.project_dist,
                    escape_dist=config.escape_dist, has_joint_limits=config.has_joint_limits,
                    ignore_mimic_joint=config.ignore_mimic_joint, low_pass_alpha=config.low_pass_alpha,
                ).build()  # fmt: skip
            except (ValueError, RuntimeError, TypeError) as error:
                raise ValueError(f"dexi-rs refuses {description.source}: {shown(error, 500)}") from error
        self._order = JointOrder(self._solver.joint_names, description, config.target_joint_names)
        self.joint_names = self._order.driven
        self._fixed = [0.0] * self._solver.fixed_dof or None

    def retarget(self, hand: OperatorHand) -> Array:
        """The robot's joints (K,). ValueError where a point is not finite."""
        reference = human_vectors(self._kind, self._indices, hand.points).ravel()
        if not np.isfinite(reference).all():
            raise ValueError("a point of the hand is not finite")
        try:
            answer = self._solver.retarget(reference.tolist(), self._fixed)
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of Rust, which is no Exception
                raise
            raise RuntimeError(f"dexi-rs failed: {shown(error, 200)}") from None
        return self._order.take(np.array(answer))

    def start_from(self, positions: Array) -> None:
        """The next answer is looked for near these positions (K,)."""
        self._solver.reset()  # of its low-pass too
        self._solver.set_qpos(self._order.complete(positions).tolist())
