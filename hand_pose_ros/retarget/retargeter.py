"""A robot's hand ready to be driven: its engine, its limits and its rest pose, from what a user names.

In: a :class:`RobotConfig`, an engine's name, a side, the robot's description where there is one. Out:
:class:`Retargeter`; ValueError in one sentence for a wrong engine, description, link or joint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.hand.skeleton import check_side
from hand_pose_ros.retarget import dex_retargeting_engine, dexi_engine
from hand_pose_ros.retarget.dex_retargeting_engine import DexRetargetingEngine
from hand_pose_ros.retarget.dexi_engine import DexiEngine
from hand_pose_ros.retarget.direct_angles import DirectAngles
from hand_pose_ros.retarget.driven_joints import driven_joints, require_driven
from hand_pose_ros.retarget.engine import Array, RetargetEngine
from hand_pose_ros.retarget.engine_urdf import with_ranges, without_followers
from hand_pose_ros.retarget.parallel_gripper import ParallelGripper, whole_opening_m
from hand_pose_ros.retarget.robot_config import LimitOverride, OptimizerConfig, RobotConfig
from hand_pose_ros.retarget.robot_description import (
    RobotDescription,
    RobotJoint,
    parse_description,
    read_description,
)
from hand_pose_ros.retarget.safety import WHOLE_TURN, JointLimits
from hand_pose_ros.validation import require, shown

ENGINES: tuple[str, ...] = ("auto", "direct", "gripper", "dexi-rs", "dex-retargeting")
"""What may be asked for; auto: the first that the robot's file describes and that is installed, dexi-rs before
dex-retargeting, these before direct and gripper."""

ACCELERATION_S = 0.1
"""A joint whose acceleration nobody limits reaches its velocity limit in this time. Guessed: the drives of robots'
hands are faster, and a person's finger takes about as long."""

_STILL = 1e-9  # a joint that follows by less stands still; guessed, as the next two
_LOCKED = 1e-3  # rad (m): a joint with a smaller range has this one for what follows
_ROUNDING = 1e-6  # of a range: what a position that was written down may differ from a limit

_OPTIONAL: dict[str, tuple[str, str]] = {
    "dexi-rs": ("dexi_rs", dexi_engine.VERSION),
    "dex-retargeting": ("dex_retargeting", dex_retargeting_engine.VERSION),
}
_MAKERS: dict[str, Callable[[OptimizerConfig, RobotDescription], RetargetEngine]] = {
    "dexi-rs": DexiEngine,
    "dex-retargeting": DexRetargetingEngine,
}


@dataclass(frozen=True, eq=False)
class Retargeter:
    """All that drives one robot's hand."""

    engine: RetargetEngine
    limits: JointLimits
    rest: Array
    """(K,) in the order of ``engine.joint_names``."""
    prismatic: tuple[bool, ...]
    """Of each joint: its positions are metres."""
    description: RobotDescription | None
    config: RobotConfig


def installed(engine: str) -> bool:
    """Whether the package of an optional engine is here."""
    return find_spec(_OPTIONAL[engine][0]) is not None


def build_retargeter(
    config: RobotConfig, engine: str, side: str, description: RobotDescription | None = None
) -> Retargeter:
    """The engine of this name for a robot. Without a description that of the installed wheel is taken.

    ValueError names what is missing or wrong: the engine, its package, the URDF, a link, a joint, a limit.
    """
    require(engine in ENGINES, "", "engine", engine, f"one of {', '.join(ENGINES)}")
    check_side(side)
    chosen = _choose(config, engine)
    if description is not None and config.root_link:
        description = parse_description(description.text, description.source, config.root_link)
    made, description = _engine(chosen, config, description)
    followers: list[RobotJoint] = []
    if description is not None:
        made = driven_joints(made, description)
        require_driven(made.joint_names, description)
        followers = [joint for name in made.joint_names for joint in description.followers(name)]
    names = made.joint_names
    _require_moved(config, chosen, names, followers)
    moving = description.moving if description is not None else {}
    limits = _limits(config, names, description)
    places: dict[str, Mapping[str, float]] = {"rest": config.rest or {}}
    if chosen == "gripper" and config.gripper is not None:
        for number, end in enumerate(("closed", "open")):
            places[f"the {end} end of gripper.joints"] = {
                str(name): at[number] for name, at in config.gripper.joints.items()
            }
    ranges = dict(zip(names, zip(limits.lower, limits.upper, strict=True), strict=True))
    ranges |= {joint.name: _ends(_narrowed(joint, config)[0]) for joint in followers}
    _require_within(places, ranges)
    rest = np.array([(config.rest or {}).get(name, 0.0) for name in names], np.float64)
    return Retargeter(
        made,
        limits,
        rest,
        _prismatic(config, chosen, names, moving),
        description,
        config,
    )


def _engine(
    chosen: str, config: RobotConfig, description: RobotDescription | None
) -> tuple[RetargetEngine, RobotDescription | None]:
    """The engine of this name, made, and the description as it takes it: the wheel's where none is given."""
    if chosen == "direct":
        return DirectAngles(config.direct), description
    if chosen == "gripper":
        assert config.gripper is not None
        return ParallelGripper(config.gripper), description
    assert config.optimizer is not None
    described = description or _wheel_description(config)
    if config.optimizer.ignore_mimic_joint:
        described = without_followers(described)
    described.require_links(config.optimizer.links())
    require_driven(config.optimizer.target_joint_names or (), described)
    try:
        made = _MAKERS[chosen](config.optimizer, with_ranges(described, _ranges(config, described)))
    except ImportError as error:
        raise ValueError(f"engine {chosen} cannot be loaded: {shown(error, 300)}") from error
    return made, described


def _require_moved(
    config: RobotConfig, engine: str, names: tuple[str, ...], followers: list[RobotJoint]
) -> None:
    """ValueError names the first joint with limits or a rest position in the file that the engine does not move."""
    moved = {*names, *(joint.name for joint in followers)}
    for section, keys in (("limits", config.limits), ("rest", config.rest)):
        for name in keys or {}:
            require(name in moved, section, name, "given", f"a joint that {engine} moves: {', '.join(names)}")


def _prismatic(
    config: RobotConfig, engine: str, names: tuple[str, ...], moving: Mapping[str, RobotJoint]
) -> tuple[bool, ...]:
    """Of each joint whether it slides: as the description says, as a gripper's range says where there is none."""
    if engine == "gripper" and not moving and config.gripper is not None:
        return (whole_opening_m(config.gripper) is not None,) * len(names)
    return tuple(name in moving and moving[name].kind == "prismatic" for name in names)


def _choose(config: RobotConfig, engine: str) -> str:
    described = {"direct": bool(config.direct), "gripper": config.gripper is not None}
    described |= dict.fromkeys(_OPTIONAL, config.optimizer is not None)
    sections = {"direct": "direct", "gripper": "gripper", **dict.fromkeys(_OPTIONAL, "retargeting")}
    if engine != "auto":
        if not described[engine]:
            raise ValueError(f"engine is '{engine}', but {config.source} has no section {sections[engine]}")
        if engine in _OPTIONAL and not installed(engine):
            raise ValueError(f"engine is '{engine}', which is not installed: {_how(engine)}")
        return engine
    for name in (*_OPTIONAL, "direct", "gripper"):
        if described[name] and (name not in _OPTIONAL or installed(name)):
            return name
    raise ValueError(
        f"{config.source} needs an engine, and none is installed: {' or '.join(map(_how, _OPTIONAL))}"
    )


def _how(engine: str) -> str:
    return f"pip install '{engine}=={_OPTIONAL[engine][1]}'"


def _wheel_description(config: RobotConfig) -> RobotDescription:
    """The URDF that ``urdf_path`` names in the installed dexi-rs, the only wheel that brings URDFs."""
    assert config.optimizer is not None
    path = Path(config.optimizer.urdf_path)
    if not config.optimizer.urdf_path:
        raise ValueError(f"urdf is not given, and {config.source} names none (retargeting.urdf_path)")
    if not path.is_absolute():
        if not installed("dexi-rs"):
            raise ValueError(
                f"urdf is not given, and dexi-rs, which brings {path}, is not installed: "
                f"name a file of your robot's hand, or {_how('dexi-rs')}"
            )
        path = dexi_engine.urdf_folder() / path
    return read_description(path, config.root_link)


def _limits(config: RobotConfig, names: tuple[str, ...], description: RobotDescription | None) -> JointLimits:
    """What the description allows a joint and those that follow it, narrowed by the configuration's own limits."""
    moving = description.moving if description is not None else {}
    overrides = {name: (config.limits or {}).get(name, LimitOverride()) for name in names}
    found = {name: _own_limits(overrides[name], moving.get(name)) for name in names}
    missing = [(name, key) for name in names for key, value in found[name].items() if value is None]
    if missing:
        (name, key), where = missing[0], description.source if description is not None else "no URDF"
        wanted = shown(", ".join(f"limits.{name}.{key}" for name, key in missing), 1000)
        raise ValueError(f"joint {shown(name)} has no {key} limit in {where}: give {wanted}")
    rows = []
    for name in names:
        lower, upper, velocity = (float(value or 0.0) for value in found[name].values())
        _require_range(name, lower, upper)
        acceleration = overrides[name].acceleration or math.inf
        for follower in description.followers(name) if description is not None else ():
            follower, slower_by = _narrowed(follower, config)
            acceleration = min(acceleration, slower_by)
            lower, upper, velocity = _with_follower(follower, lower, upper, velocity)
            if lower > upper:
                raise ValueError(
                    f"joint {shown(name)} has no range in which {shown(follower.name)}, which follows it, is within"
                    f" its limits {_range(follower)}"
                )
        acceleration = acceleration if acceleration < math.inf else velocity / ACCELERATION_S
        if not math.isfinite(acceleration):
            raise ValueError(f"joint {shown(name)}: velocity limit {velocity:g} is no speed of a joint")
        rows.append((lower, upper, velocity, acceleration))
    return JointLimits(*np.array(rows, np.float64).T)


def _own_limits(override: LimitOverride, joint: RobotJoint | None) -> dict[str, Any]:
    """A joint's own limits by name, None for those that neither the file nor the description gives."""
    # A velocity of 0 is one that nobody wrote down.
    velocity = joint.velocity if joint is not None and (joint.velocity or 0.0) > 0.0 else None
    return {
        "lower": _narrower(max, override.lower, joint.lower if joint else None),
        "upper": _narrower(min, override.upper, joint.upper if joint else None),
        "velocity": _narrower(min, override.velocity, velocity),
    }


def _ranges(
    config: RobotConfig, description: RobotDescription
) -> dict[str, tuple[float | None, float | None]]:
    """By driven joint the range in which an engine is to look for answers, as :func:`_limits` has it; without those
    that have none, which that refuses."""
    ranges: dict[str, tuple[float | None, float | None]] = {}
    for name, joint in description.moving.items():
        own = (config.limits or {}).get(name, LimitOverride())
        lower, upper = _ends(replace(joint, **_own_limits(own, joint)))
        for follower in description.followers(name):
            lower, upper, _ = _with_follower(_narrowed(follower, config)[0], lower, upper, 0.0)
        if lower <= upper:
            known = [end if math.isfinite(end) else None for end in (lower, upper)]
            ranges[name] = known[0], known[1]
    return ranges


def _narrowed(follower: RobotJoint, config: RobotConfig) -> tuple[RobotJoint, float]:
    """One that follows a joint with its limits as the file narrows them, and the acceleration to which they limit the
    joint that it follows, inf where they do not. ValueError where they leave it no range."""
    assert follower.follows is not None
    own = (config.limits or {}).get(follower.name, LimitOverride())
    gain = abs(follower.follows[1])
    limited = own.acceleration is not None and gain >= _STILL
    narrowed = replace(follower, **_own_limits(own, follower))
    _require_range(follower.name, *_ends(narrowed))
    return narrowed, (own.acceleration or math.inf) / gain if limited else math.inf


def _with_follower(
    follower: RobotJoint, lower: float, upper: float, velocity: float
) -> tuple[float, float, float]:
    """A joint's limits, narrowed so that the one that follows it keeps its own."""
    assert follower.follows is not None
    _, multiplier, offset = follower.follows
    if abs(multiplier) < _STILL:
        return lower, upper, velocity
    ends = sorted((end - offset) / multiplier for end in _ends(follower))
    lower, upper = max(lower, ends[0]), min(upper, ends[1])
    if follower.velocity is not None and follower.velocity > 0.0:
        velocity = min(velocity, follower.velocity / abs(multiplier))
    return lower, upper, velocity


def _ends(joint: RobotJoint) -> tuple[float, float]:
    """A joint's range, infinite where it has no limit."""
    return -math.inf if joint.lower is None else joint.lower, math.inf if joint.upper is None else joint.upper


def _require_range(name: str, lower: float, upper: float) -> None:
    if lower > upper:
        raise ValueError(f"joint {shown(name)}: lower limit {lower:g} is above the upper one {upper:g}")


def _range(joint: RobotJoint) -> str:
    lower, upper = _ends(joint)
    return f"{lower:g} to {upper:g}"


def _require_within(
    places: Mapping[str, Mapping[str, float]], ranges: Mapping[str, tuple[float, float]]
) -> None:
    """ValueError names the first of the places (by the section, by joint) that is outside its joint's range, which may
    have no end."""
    for section, positions in places.items():
        for name, position in positions.items():
            lower, upper = ranges[name]
            rounding = _ROUNDING * max(min(upper - lower, WHOLE_TURN), _LOCKED)
            inside = lower - rounding <= position <= upper + rounding
            require(inside, section, name, position, f"within its limits {lower:g} to {upper:g}")


def _narrower(
    choose: Callable[[float, float], float], mine: float | None, theirs: float | None
) -> float | None:
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return choose(mine, theirs)


def slower(limits: JointLimits, share: float) -> JointLimits:
    """The same limits at a share of the velocity and the acceleration."""
    return replace(limits, velocity=share * limits.velocity, acceleration=share * limits.acceleration)
