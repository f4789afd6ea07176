"""A robot's hand as a file of YAML describes it to retargeting: how a person's hand maps to it, and its limits.

In: a file, or the name of one in config/retarget/. Out: :class:`RobotConfig`, whose sections are checked; ValueError
names the file, the field and what would be right. The section ``retargeting`` is dex-retargeting's own format, so that
its loader reads the same file; ``direct``, ``gripper`` and ``limits`` are this package's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.config_files import build, read_mapping, require_known, require_mapping
from hand_pose_ros.hand.skeleton import ANGLE_NAMES, FINGERS
from hand_pose_ros.resources import resource
from hand_pose_ros.retarget.engine import IntArray, dexpilot_pairs
from hand_pose_ros.validation import (
    is_finite,
    not_negative,
    one_of,
    positive,
    require,
    require_positive,
    require_type,
    shown,
    typed,
)

KINDS: tuple[str, ...] = ("vector", "position", "dexpilot")
"""The objectives of dex-retargeting that this package drives."""
_POINTS = 21  # of a person's hand, as ``joint_sets.OPERATOR_SET`` has


@dataclass(frozen=True)
class OptimizerConfig:
    """The section ``retargeting``: dex-retargeting's fields, with its names and defaults but for the low-pass."""

    type: str
    """One of KINDS, in any case."""
    urdf_path: str = ""
    """Below the folder of URDFs of the installed engine; used where the user names no URDF."""
    add_dummy_free_joint: bool = False
    """Not supported: a hand that floats freely is for recordings, not for a robot."""
    wrist_link_name: str | None = None
    target_link_names: tuple[str, ...] | None = None
    target_joint_names: tuple[str, ...] | None = None
    """The joints that move; the others stay at 0. None: all."""
    target_origin_link_names: tuple[str, ...] | None = None
    target_task_link_names: tuple[str, ...] | None = None
    finger_tip_link_names: tuple[str, ...] | None = None
    target_link_human_indices: Any = None
    """Which of the 21 points: (2, V) origins and tasks for vector and dexpilot, (V,) for position."""
    scaling_factor: float = 1.0
    """The robot's size against a person's hand. Published, as the next four: dex-retargeting's defaults."""
    normal_delta: float = 4e-3
    huber_delta: float = 2e-2
    project_dist: float = 0.03
    """DexPilot: a thumb nearer to a finger than this (m, of the person's) closes the robot's onto each other."""
    escape_dist: float = 0.05
    """DexPilot: and from this on it opens them again."""
    has_joint_limits: bool = True
    ignore_mimic_joint: bool = False
    """The joints that the URDF has follow others (``mimic``) are driven as all others are."""
    low_pass_alpha: float = 1.0
    """Their low-pass, 1 is none. It is off by default: the tracker's joints are smoothed, and their 0.2 would lag 3 to
    4 frames more (measured, see docs/experiments/robot_hand.md)."""

    def __post_init__(self) -> None:
        typed(self, "retargeting")
        object.__setattr__(self, "type", self.type.lower())
        one_of(self, KINDS, "type", section="retargeting")
        for name in (field.name for field in fields(self) if field.name.endswith("_names")):
            self._keep_names(name)
        require(not self.add_dummy_free_joint, "retargeting", "add_dummy_free_joint", True, "false")
        positive(self, "scaling_factor", "huber_delta", "project_dist", "escape_dist", section="retargeting")
        not_negative(self, "normal_delta", section="retargeting")
        wider = f"at least project_dist, {self.project_dist:g}"
        require(self.escape_dist >= self.project_dist, "retargeting", "escape_dist", self.escape_dist, wider)
        require(
            0 < self.low_pass_alpha <= 1,
            "retargeting",
            "low_pass_alpha",
            self.low_pass_alpha,
            "above 0, at most 1",
        )
        self.human_indices()

    def links(self) -> tuple[str, ...]:
        """The links of the robot that it names."""
        named = [self.wrist_link_name] if self.wrist_link_name else []
        groups = (
            self.target_link_names, self.target_origin_link_names, self.target_task_link_names,
            self.finger_tip_link_names,
        )  # fmt: skip
        return tuple(dict.fromkeys([*named, *(name for group in groups for name in group or ())]))

    def human_indices(self) -> IntArray:
        """The points of the person's hand that the objective compares, see ``engine.human_vectors``."""
        if self.type == "dexpilot":
            tips = self._required("finger_tip_link_names")
            different = 2 <= len(tips) <= 5 and len(set(tips)) == len(tips)
            require(different, "retargeting", "finger_tip_link_names", tips, "2 to 5 links, each once")
            self._required("wrist_link_name")
            pairs = dexpilot_pairs(len(tips))
            if self.target_link_human_indices is None:  # tips are every fourth of the 21 points
                return pairs * 4
            return self._points((2, pairs.shape[1]))
        if self.type == "position":
            return self._points((len(self._required("target_link_names")),))
        origins, tasks = self._required("target_origin_link_names"), self._required("target_task_link_names")
        require(
            len(origins) == len(tasks),
            "retargeting",
            "target_task_link_names",
            tasks,
            f"{len(origins)} links",
        )
        return self._points((2, len(tasks)))

    def _required(self, name: str) -> Any:
        value = getattr(self, name)
        require(bool(value), "retargeting", name, value, f"given for type {self.type}")
        return value

    def _keep_names(self, name: str) -> None:
        value = getattr(self, name)
        if value is not None:
            right = isinstance(value, list | tuple) and value and all(isinstance(v, str) and v for v in value)
            require(bool(right), "retargeting", name, value, "a list of names")
            object.__setattr__(self, name, tuple(value))

    def _points(self, shape: tuple[int, ...]) -> IntArray:
        try:
            indices = np.array(self.target_link_human_indices)
        except ValueError:  # rows of different lengths
            indices = np.empty(0)
        right = (
            indices.dtype.kind == "i"
            and indices.shape == shape
            and bool(((0 <= indices) & (indices < _POINTS)).all())
        )
        size = " x ".join(map(str, shape))
        require(
            right, "retargeting", "target_link_human_indices", self.target_link_human_indices,
            f"{size} whole numbers from 0 to {_POINTS - 1}",
        )  # fmt: skip
        return indices.astype(np.int64)


@dataclass(frozen=True)
class DirectJoint:
    """One of the robot's joints as a sum: offset + gains times the person's angles + gains times joints before it."""

    name: str
    angles: Mapping[str, float]
    """Gain by the person's angle, as ``skeleton.ANGLE_NAMES``."""
    offset: float = 0.0
    """rad (m)."""
    coupled: Mapping[str, float] | None = None
    """Gain by the name of a joint that stands before this one in the file."""

    def __post_init__(self) -> None:
        section = f"direct.{self.name}"
        require_type("offset", self.offset, "float", section)
        for field, known in (("angles", ANGLE_NAMES), ("coupled", None)):
            gains = getattr(self, field) or {}
            require_mapping(f"{section}.{field}", gains)
            if known is not None:
                require_known(f"{section}.{field}", gains, list(known))
            for name, gain in gains.items():
                require(
                    is_finite(gain),
                    f"{section}.{field}",
                    str(name),
                    gain,
                    "a finite number",
                )


@dataclass(frozen=True)
class GripperConfig:
    """A gripper of two parallel fingers, opened as wide as thumb and finger are apart."""

    joints: Mapping[str, Any]
    """By joint: [closed, open], its position at either end."""
    finger: str = "index"
    """The finger that meets the thumb."""
    closed_m: float = 0.02
    """Distance of the tips' joints at and below which the gripper is closed. Measured: tips that touch are 13 mm apart,
    bone to bone; the rest is for a grip that is held with some noise."""
    open_m: float = 0.10
    """Distance at and above which it is open. Guessed: a hand held open without effort."""

    def __post_init__(self) -> None:
        typed(self, "gripper")
        require_mapping("gripper.joints", self.joints)
        require(len(self.joints) > 0, "gripper", "joints", dict(self.joints), "one joint or more")
        for name, ends in self.joints.items():
            right = isinstance(ends, list | tuple) and len(ends) == 2 and all(map(is_finite, ends))
            require(right, "gripper.joints", str(name), ends, "[closed, open]")
        one_of(self, FINGERS[1:], "finger", section="gripper")
        positive(self, "closed_m", section="gripper")
        require(self.open_m > self.closed_m, "gripper", "open_m", self.open_m, f"more than {self.closed_m:g}")


@dataclass(frozen=True)
class LimitOverride:
    """A joint's limits where the URDF has none, or narrower ones; rad (m), a second for velocity and acceleration."""

    lower: float | None = None
    upper: float | None = None
    velocity: float | None = None
    acceleration: float | None = None


@dataclass(frozen=True)
class RobotConfig:
    """One robot's hand, one side."""

    source: str
    """The file, as messages say it."""
    optimizer: OptimizerConfig | None = None
    direct: tuple[DirectJoint, ...] = ()
    gripper: GripperConfig | None = None
    limits: Mapping[str, LimitOverride] | None = None
    """By joint."""
    rest: Mapping[str, float] | None = None
    """The rest pose by joint; 0 within the limits where it has none."""
    root_link: str = ""
    """The link that the hand hangs on in the description of a whole robot; empty: the description is the hand's."""


def robot_file(robot: str, side: str) -> Path:
    """The file that a user names: a robot in config/retarget/ by its name, or a path. FileNotFoundError, which names
    those that are there, when there is no such robot."""
    if is_path(robot):
        try:
            return Path(robot).expanduser()
        except RuntimeError as error:  # ~ of a user that is not there
            raise FileNotFoundError(f"robot is '{shown(robot)}': {shown(error)}") from error
    path = resource("config", "retarget") / f"{robot}_{side}.yaml"
    if not os.path.isfile(path):  # noqa: PTH113  which is no for names that no file can have, too
        raise FileNotFoundError(
            f"robot is '{shown(robot)}', want one of {', '.join(known_robots())}, or a path of a file of YAML"
        )
    return path


def is_path(robot: str) -> bool:
    """Whether a robot is named by a file, not by its name in config/retarget/."""
    return "/" in robot or robot.endswith((".yaml", ".yml"))


def known_robots() -> list[str]:
    """The names of the robots in config/retarget/."""
    return sorted({file.stem.rpartition("_")[0] for file in resource("config", "retarget").glob("*_*.yaml")})


def read_robot(path: str | Path) -> RobotConfig:
    """A file's configuration. ValueError names the file and what is wrong in it."""
    values = read_mapping(path, "the robot's hand")
    try:
        return _robot(values, str(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _robot(values: Mapping[str, Any], source: str) -> RobotConfig:
    require_known("", values, ["retargeting", "direct", "gripper", "limits", "rest", "root_link"])
    optimizer = gripper = None
    if "retargeting" in values:
        optimizer = build(OptimizerConfig, "retargeting", values["retargeting"])
    if "gripper" in values:
        gripper = build(GripperConfig, "gripper", values["gripper"])
    if not (optimizer or gripper or "direct" in values):
        raise ValueError("no section retargeting, direct or gripper, want one of them")
    if "direct" in values and not _mapping("direct", values):
        raise ValueError("direct is empty, want one joint or more")
    limits = {}
    for name, section in _mapping("limits", values).items():
        limits[str(name)] = build(LimitOverride, f"limits.{name}", section)
        for key in ("velocity", "acceleration"):
            value = getattr(limits[str(name)], key)
            if value is not None:
                require_positive(key, value, f"limits.{name}")
    rest = {str(name): position for name, position in _mapping("rest", values).items()}
    for name, position in rest.items():
        require_type(name, position, "float", "rest")
    root_link = values.get("root_link", "")
    require_type("root_link", root_link, "str")
    return RobotConfig(
        source, optimizer, _direct(_mapping("direct", values)), gripper, limits, rest, root_link
    )


def _mapping(name: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    section = values.get(name) or {}
    require_mapping(name, section)
    return section


def _direct(section: Mapping[str, Any]) -> tuple[DirectJoint, ...]:
    joints: list[DirectJoint] = []
    for name, entry in section.items():
        require_mapping(f"direct.{name}", entry)
        require_known(f"direct.{name}", entry, ["angles", "offset", "coupled"])
        joint = DirectJoint(
            str(name), entry.get("angles") or {}, entry.get("offset", 0.0), entry.get("coupled")
        )
        require_known(f"direct.{name}.coupled", joint.coupled or {}, [before.name for before in joints])
        joints.append(joint)
    return tuple(joints)
