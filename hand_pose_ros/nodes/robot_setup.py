"""The parameters of hand_retarget -> the robot's engine, limits and safety. The only place that knows both.

In: checked parameters, and what was heard of the robot's description. Out: a ``Retargeter``, ``HandGate``,
``SafeCommander``; ValueError or FileNotFoundError with one sentence for what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from hand_pose_ros.nodes.file_urls import local_path
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.parameters.retarget_parameters import ROBOT_DESCRIPTION
from hand_pose_ros.retarget.fingertips import fingertips, turn_rad
from hand_pose_ros.retarget.hand_gate import GateConfig, HandGate
from hand_pose_ros.retarget.retargeter import Retargeter, build_retargeter, slower
from hand_pose_ros.retarget.robot_config import read_robot, robot_file
from hand_pose_ros.retarget.robot_description import RobotDescription, parse_description, read_description
from hand_pose_ros.retarget.safety import SafeCommander, SafetyConfig, least_ranges
from hand_pose_ros.retarget.steady_engine import SteadyConfig, SteadyEngine
from hand_pose_ros.validation import shown

_DESCRIPTION_S = 5.0
"""How long the topic's robot is waited for. Guessed: it is latched, and found within a second."""

_SLOW_S = 1.0
"""Guessed: three times what a person's finger takes."""
_MOST_TURN_RAD, _MOST_DEGREES = 6.0 * np.pi, 1440.0
"""Guessed: three turns are more than a finger's joint makes, and four in degrees more than anybody means."""
_MOST_REACH_M = 2.0
"""Guessed: fourteen times a person's hand, and a fiftieth of it in millimetres."""
_TURNED_RAD = np.pi / 3
"""Chosen: of hands whose axes are right the thumbs' places make up to 31 degrees, another axis or side makes 90 or
more, but for some turns about z (60)."""


def build_robot(parameters: DeclaredParameters, heard_within: Callable[[float], str | None]) -> Retargeter:
    """The engine and the limits that the parameters ask for. ``heard_within(seconds)`` is the URDF of the topic, None
    where it did not come in this time."""
    config = read_robot(robot_file(local_path("robot", parameters["robot"]), parameters["side"]))
    description = _description(parameters, config.root_link, heard_within)
    robot = build_retargeter(config, parameters["engine"], parameters["side"], description)
    return replace(robot, engine=SteadyEngine(robot.engine, SteadyConfig(still_m=parameters["still_m"])))


def _description(
    parameters: DeclaredParameters, root_link: str, heard_within: Callable[[float], str | None]
) -> RobotDescription | None:
    urdf = parameters["urdf"]
    if not urdf:
        return None
    if urdf != ROBOT_DESCRIPTION:
        return read_description(local_path("urdf", urdf), root_link)
    text = heard_within(_DESCRIPTION_S)
    if text is None:
        later = ": it is taken when it comes" if parameters["autostart"] else ""
        raise ValueError(f"urdf is '{urdf}', but nothing came on that topic in {_DESCRIPTION_S:g} s{later}")
    return parse_description(text, f"the topic {ROBOT_DESCRIPTION}", root_link)


def build_gate(parameters: DeclaredParameters) -> HandGate:
    """Which hand drives the robot."""
    names = ("side", "coast_s", "min_confidence", "follow_new_track")
    return HandGate(GateConfig(**{name: parameters[name] for name in names}))


def build_commander(
    parameters: DeclaredParameters, robot: Retargeter, names: Sequence[str], sent: Collection[str]
) -> SafeCommander:
    """The limits on what the robot is sent: ``sent`` of the joints that it calls ``names``, in the engine's order."""
    config = SafetyConfig(**{name: parameters[name] for name in ("stale_s", "on_loss", "approach_s")})
    # Commands that come as slowly as they were asked to are no gap.
    config = replace(config, catch_up_s=max(config.catch_up_s, 1.0 / parameters["command_rate_hz"]))
    limits = slower(robot.limits, parameters["velocity_scale"])
    # Without a description nobody says so of a joint, but for a gripper whose range is that of a slide.
    known = robot.description is not None or any(robot.prismatic)
    least = least_ranges(robot.limits.velocity, robot.prismatic if known else None)
    return SafeCommander(limits, config, robot.rest, names, [name in sent for name in names], least)


def remarks(
    parameters: DeclaredParameters, robot: Retargeter, names: Sequence[str], sent: Collection[str]
) -> list[str]:
    """What a user may not have meant, in words."""
    turned = _turned_hand(robot, parameters["side"])
    told = (_slow_joint(parameters, robot, names, sent), turned, _degrees(robot), _millimetres(robot))
    return [remark for remark in told if remark is not None]


def _degrees(robot: Retargeter) -> str | None:
    """In words that the limits of joints that turn are hardly in radians; None where they may be."""
    ranges = zip(robot.engine.joint_names, robot.limits.span.tolist(), robot.prismatic, strict=True)
    name, span = max(((n, s) for n, s, slides in ranges if not slides), key=lambda r: r[1], default=("", 0.0))
    if not _MOST_TURN_RAD < span <= _MOST_DEGREES:
        return None
    return f"joint {shown(name)} turns by {span:.0f} rad: limits are in radians, and these may be degrees"


def _millimetres(robot: Retargeter) -> str | None:
    """In words that the robot's description is hardly in metres; None where it may be."""
    tips = fingertips(
        robot, np.clip(np.zeros(len(robot.limits.lower)), robot.limits.lower, robot.limits.upper)
    )
    reach_m = 0.0 if tips is None else float(np.linalg.norm(tips, axis=1).max())
    if reach_m <= _MOST_REACH_M or robot.description is None:
        return None
    return (
        f"a fingertip of {robot.description.source} is {reach_m:.0f} m from the wrist: a URDF is in metres, and this"
        " may be in millimetres"
    )


def _turned_hand(robot: Retargeter, side: str) -> str | None:
    """In words that the robot is not in the axes in which engines take it; None where it is."""
    turn = turn_rad(robot, side)
    if turn is None or turn <= _TURNED_RAD or robot.description is None:
        return None
    return (
        f"the fingertips of {robot.description.source} lie as those of a {side} hand that is turned by"
        f" {np.degrees(turn):.0f} degrees: its root link {shown(robot.description.root)} wants x out of the palm, z to"
        " the fingers (root_link), or it is a hand of the other side"
    )


def _slow_joint(
    parameters: DeclaredParameters, robot: Retargeter, names: Sequence[str], sent: Collection[str]
) -> str | None:
    """In words the slowest of the joints that are sent; None where all are as fast as a person's. A finger closes in a
    third of a second: what does not may look as if it did not follow."""
    needed_s = robot.limits.span / (parameters["velocity_scale"] * robot.limits.velocity)
    needed_s = np.where([name in sent for name in names], needed_s, 0.0)
    slowest = int(needed_s.argmax())
    if needed_s[slowest] <= _SLOW_S:
        return None
    return f"by its limit of velocity, joint {names[slowest]} takes {needed_s[slowest]:.1f} s for its range"
