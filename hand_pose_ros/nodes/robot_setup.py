"""The parameters of hand_retarget -> the robot's engine, limits and safety. The only place that knows both.

In: checked parameters, and what was heard of the robot's description. Out: a ``Retargeter``, ``HandGate``,
``SafeCommander``; ValueError or FileNotFoundError with one sentence for what is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.parameters.retarget_parameters import ROBOT_DESCRIPTION
from hand_pose_ros.retarget.hand_gate import GateConfig, HandGate
from hand_pose_ros.retarget.retargeter import Retargeter, build_retargeter, slower
from hand_pose_ros.retarget.robot_config import read_robot, robot_file
from hand_pose_ros.retarget.robot_description import RobotDescription, parse_description, read_description
from hand_pose_ros.retarget.safety import SafeCommander, SafetyConfig
from hand_pose_ros.retarget.steady_engine import SteadyConfig, SteadyEngine

_DESCRIPTION_S = 5.0
"""How long the topic's robot is waited for. Guessed: it is latched, and found within a second."""


def build_robot(
    parameters: DeclaredParameters, heard: Callable[[], str | None], runs: Callable[[], bool]
) -> Retargeter:
    """The engine and the limits that the parameters ask for. ``heard()`` is the URDF of the topic, None until it came;
    ``runs()`` is false once nobody waits any more."""
    config = read_robot(robot_file(parameters["robot"], parameters["side"]))
    description = _description(parameters["urdf"], heard, runs)
    robot = build_retargeter(config, parameters["engine"], parameters["side"], description)
    return replace(robot, engine=SteadyEngine(robot.engine, SteadyConfig(still_m=parameters["still_m"])))


def _description(
    urdf: str, heard: Callable[[], str | None], runs: Callable[[], bool]
) -> RobotDescription | None:
    if not urdf:
        return None
    if urdf != ROBOT_DESCRIPTION:
        return read_description(urdf)
    end = time.monotonic() + _DESCRIPTION_S
    while heard() is None and runs() and time.monotonic() < end:
        time.sleep(0.05)
    text = heard()
    if text is None:
        raise ValueError(f"urdf is '{urdf}', but nothing came on that topic in {_DESCRIPTION_S:g} s")
    return parse_description(text, f"the topic {ROBOT_DESCRIPTION}")


def build_gate(parameters: DeclaredParameters) -> HandGate:
    """Which hand drives the robot."""
    names = ("side", "coast_s", "min_confidence", "follow_new_track")
    return HandGate(GateConfig(**{name: parameters[name] for name in names}))


def build_commander(parameters: DeclaredParameters, robot: Retargeter) -> SafeCommander:
    """The limits on what the robot is sent."""
    config = SafetyConfig(**{name: parameters[name] for name in ("stale_s", "on_loss", "approach_s")})
    return SafeCommander(slower(robot.limits, parameters["velocity_scale"]), config, robot.rest)
