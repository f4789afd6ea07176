"""The engine ``dexi-rs``: the objectives of dex-retargeting, solved in Rust by the optional package of that name.

In: an ``OptimizerConfig`` and a robot's description. Out: an engine. ValueError in one sentence where the package
refuses the configuration, ImportError where it is not installed.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.retarget.engine import Array, OperatorHand, human_vectors
from hand_pose_ros.retarget.joint_order import JointOrder
from hand_pose_ros.retarget.robot_config import OptimizerConfig
from hand_pose_ros.retarget.robot_description import RobotDescription
from hand_pose_ros.retarget.solver import build_solver, solver_options
from hand_pose_ros.validation import all_finite, shown

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
        options = solver_options(config)
        indices = None if config.type == "dexpilot" else self._indices.tolist()
        self._solver = build_solver(
            self.name,
            description,
            lambda urdf: package.RetargetingConfig(
                config.type, urdf, **options, target_link_human_indices=indices
            ).build(),
        )
        self._order = JointOrder(self._solver.joint_names, description, config.target_joint_names)
        self.joint_names = self._order.driven
        self._fixed = [0.0] * self._solver.fixed_dof or None

    def retarget(self, hand: OperatorHand) -> Array:
        """The robot's joints (K,). ValueError where a point is not finite."""
        reference = human_vectors(self._kind, self._indices, hand.points).ravel().tolist()
        if not all_finite(reference):
            raise ValueError("a point of the hand is not finite")
        try:
            answer = self._solver.retarget(reference, self._fixed)
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of Rust, which is no Exception
                raise
            raise RuntimeError(f"dexi-rs failed: {shown(error, 200)}") from None
        return self._order.take(np.array(answer))

    def start_from(self, positions: Array) -> None:
        """The next answer is looked for near these positions (K,)."""
        self._solver.reset()  # of its low-pass too
        self._solver.set_qpos(self._order.complete(positions).tolist())
