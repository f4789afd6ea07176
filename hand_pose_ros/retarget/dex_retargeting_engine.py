"""The engine ``dex-retargeting``: the optional package of that name (Qin et al., AnyTeleop, 2023), with nlopt.

In: an ``OptimizerConfig`` and a robot's description. Out: an engine. ValueError in one sentence where the package
refuses the configuration, ImportError where it is not installed.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from hand_pose_ros.retarget.engine import Array, OperatorHand, human_vectors
from hand_pose_ros.retarget.joint_order import JointOrder
from hand_pose_ros.retarget.robot_config import OptimizerConfig
from hand_pose_ros.retarget.robot_description import RobotDescription
from hand_pose_ros.retarget.solver import build_solver, solver_options

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
        options = solver_options(config)
        if config.target_joint_names is None:  # of all it refuses those that follow others
            options["target_joint_names"] = list(description.moving)
        if config.type != "dexpilot":  # it says aloud that indices are uncommon there
            options["target_link_human_indices"] = self._indices
        self._solver = build_solver(
            self.name,
            description,
            lambda urdf: package.RetargetingConfig(type=config.type, urdf_path=urdf, **options).build(),
        )
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
