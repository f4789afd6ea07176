"""Starts the hand tracker, and the node that makes a robot's hand follow the person's:

ros2 launch hand_pose_ros robot_hand.launch.py robot:=allegro side:=right \
    depth_image:=/camera/depth/image_rect_raw camera_info:=/camera/depth/camera_info \
    joint_command:=/allegro/joint_command robot_joint_states:=/allegro/joint_states

Nothing is sent before: ros2 service call /hand_retarget/engage std_srvs/srv/SetBool '{data: true}'
"""

import os
import re
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    UnsetLaunchConfiguration,
)
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from hand_pose_ros.nodes.fast_dds import profile_environment
from hand_pose_ros.nodes.launch_arguments import (
    NOT_GIVEN,
    file_path,
    misspelt,
    plain_text,
    topic_error,
    unheard,
    value_of,
)
from hand_pose_ros.nodes.parameters.parameter_files import file_error, file_parameters
from hand_pose_ros.nodes.parameters.retarget_parameters import RETARGET_PARAMETERS

SHARE = Path(get_package_share_directory("hand_pose_ros"))
FROM_FILE = "(retarget_file)"
RESPAWN_S = 2.0

# Launch arguments that are parameters of hand_retarget: they win over its file, but only when they are given.
PARAMETER_ARGUMENTS = {
    "side": "the person's hand and the robot's: right or left; right where the file does not say",
    "start_from": "where the robot stands when it is engaged: joint_states, rest or auto; joint_states where a file of"
    " your own does not say",
    "robot": "the robot's hand: allegro, shadow, leap, inspire, ability, panda, or a file of YAML",
    "engine": "auto, direct, gripper, dexi-rs or dex-retargeting",
    "urdf": "a file of the robot's hand, or robot_description for the topic; '' (in quotes): the installed engine's",
    "joint_prefix": "before the joints' names of the URDF in commands and joint states",
    "joints": "the joints that are commanded, in the driver's order, with commas between",
    "output": "joint_state, position_array or joint_trajectory",
    "deadman": "optional, required, engages or off",
    "on_loss": "hold or rest",
}

# Of those, what holds where neither argument nor a file of the user's own says anything.
OWN_DEFAULTS = {"side": "right", "start_from": "joint_states"}

# Passed on to hand_tracker.launch.py as they are given, with its defaults.
TRACKER_ARGUMENTS = (
    "camera", "depth_image", "camera_info", "rectified", "model", "device", "backend", "user", "depth_unit",
    "input_transport", "target_frame", "frame_prefix", "joint_sets", "tf_mode", "namespaced_tf", "description",
    "camera_extrinsics",
)  # fmt: skip

PLAIN = {
    "namespace": ("", "namespace of the nodes and their topics"),
    "use_sim_time": (
        "",
        "true or false, take the time from /clock; as the files say where it is not given; the robot's limits hold on"
        " the machine's own clock",
    ),
    "params_file": (str(SHARE / "config" / "hand_tracker.yaml"), "parameters of the tracker"),
    "retarget_file": (str(SHARE / "config" / "hand_retarget.yaml"), "parameters of hand_retarget"),
    "node_name": ("hand_retarget", "name of the robot's node: another one for each of several robots' hands"),
    "hands_topic": (
        "hands",
        "topic of the hands that the robot's node hears: /<namespace>/hands of another tracker",
    ),
    "log_level": ("info", "debug, info, warn, error, fatal"),
    "respawn": (
        "false",
        f"true: start a node again {RESPAWN_S:g} s after it ended by itself; the robot's has to be engaged anew",
    ),
    "hands": ("", "how many hands the tracker follows: 1 or 2; as params_file says where it is not given"),
    "tracker": ("true", "false: the tracker runs already"),
    "joint_command": ("joint_command", "topic of output joint_state"),
    "position_commands": ("position_commands", "topic of output position_array: /<controller>/commands"),
    "joint_trajectory": (
        "joint_trajectory",
        "topic of output joint_trajectory: /<controller>/joint_trajectory",
    ),
    "robot_joint_states": ("joint_states", "topic of the robot's joint states"),
    "robot_description": ("robot_description", "topic of the robot's URDF"),
    "deadman_topic": ("deadman", "topic of the deadman's button, std_msgs/Bool"),
    "rviz": (
        "false",
        "show both hands in RViz: the tracked one (solid with description:=true), and the robot's where its"
        " robot_state_publisher runs and camera_extrinsics, or somebody else, says where the camera is",
    ),
    "fixed_frame": ("depth_camera_optical_frame", "RViz's fixed frame"),
}
SWITCHES = ("tracker", "rviz", "respawn")

# Topics of the robot's node: its names of them, and the arguments.
TOPICS = {
    "joint_command": "joint_command",
    "position_commands": "position_commands",
    "joint_trajectory": "joint_trajectory",
    "joint_states": "robot_joint_states",
    "robot_description": "robot_description",
    "deadman": "deadman_topic",
    "hands": "hands_topic",
}


def declared_arguments():
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in PLAIN.items()
    ]
    arguments += [
        DeclareLaunchArgument(name, default_value=FROM_FILE, description=text)
        for name, text in PARAMETER_ARGUMENTS.items()
    ]
    return arguments + [
        DeclareLaunchArgument(
            name, default_value="", description="of the tracker, see hand_tracker.launch.py"
        )
        for name in TRACKER_ARGUMENTS
    ]


def argument_error(given):
    """What is wrong with the arguments' texts, in one sentence; None when nothing is."""
    for name in SWITCHES:
        if value_of(bool, given[name]) is None:
            return f"{name} is '{given[name]}', want true or false"
    if given["use_sim_time"] and value_of(bool, given["use_sim_time"]) is None:
        return f"use_sim_time is '{given['use_sim_time']}', want true or false"
    if given["side"] not in ("right", "left", FROM_FILE):
        return f"side is '{given['side']}', want right or left"
    if given["hands"] not in ("", "1", "2"):
        return f"hands is '{given['hands']}', want 1 or 2"
    if not re.fullmatch(r"/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?", given["namespace"]):
        return (
            f"namespace is '{given['namespace']}', want names of letters, digits and _, with / between them"
        )
    if not re.fullmatch(r"[A-Za-z_]\w*", given["node_name"]):
        return f"node_name is '{given['node_name']}', want letters, digits and _"
    for parameter in RETARGET_PARAMETERS:
        text = given.get(parameter.name, FROM_FILE)
        if parameter.name in PARAMETER_ARGUMENTS and text != FROM_FILE:
            error = parameter.error(parameter.from_ros(text))
            if error is not None:
                return error
    for name in TOPICS.values():
        error = topic_error(name, given[name])
        if error is not None:
            return error
    error = file_error("retarget_file", given["retarget_file"])
    if error is not None:
        return error
    if given["robot"] == FROM_FILE and not retarget_parameters(given).get("robot"):
        return "robot is not given: want a name as allegro, or a file of YAML"
    return None


def retarget_parameters(given):
    """Those that the robot's node takes from its file."""
    return file_parameters(given["retarget_file"], f"{given['absolute']}/{given['node_name']}")


def retarget_overrides(given):
    """Parameters that win over the file's. This launch has defaults of its own for two: they hold where nobody gave the
    argument, nor a file that says otherwise."""
    overrides = {name: given[name] for name in PARAMETER_ARGUMENTS if given[name] != FROM_FILE}
    mine = given["retarget_file"] != PLAIN["retarget_file"][0]
    in_file = retarget_parameters(given) if mine else {}
    for name, default in OWN_DEFAULTS.items():
        if name not in in_file:
            overrides.setdefault(name, default)
    return overrides, str(overrides.get("side", in_file.get("side")))


def tracker_arguments(given, side):
    """What is handed on to the tracker's launch file: arguments that were given, and the side that the robot's hand
    takes, where the tracker's file does not name another one or follows two hands."""
    passed_on = {name: given[name] for name in (*TRACKER_ARGUMENTS, "hands", "use_sim_time") if given[name]}
    passed_on |= {
        name: given[name]
        for name in (
            "namespace", "params_file", "log_level", "respawn", "rviz", "fixed_frame", "robot_description",
        )
    }  # fmt: skip
    in_file = file_parameters(given["params_file"], f"{given['absolute']}/hand_tracker")
    mine = given["params_file"] != PLAIN["params_file"][0]
    if str(given["hands"] or in_file.get("hands", 1)) != "1":
        passed_on["side"] = "auto"
    elif given["side"] != FROM_FILE or not (mine and "side" in in_file):
        passed_on["side"] = side
    return passed_on


def start_nodes(context):
    names = (*PLAIN, *PARAMETER_ARGUMENTS, *TRACKER_ARGUMENTS)
    typed = {name: LaunchConfiguration(name).perform(context) for name in names}
    # What is for the tracker is handed on as it was typed: '' is not left out.
    given = {name: text if name in TRACKER_ARGUMENTS else plain_text(text) for name, text in typed.items()}
    for name, text in typed.items():
        if text in NOT_GIVEN:  # by another of our launch files in the same launch
            given[name] = FROM_FILE if name in PARAMETER_ARGUMENTS else ""
    given |= {name: given[name] or PLAIN[name][0] for name in TOPICS.values()}  # empty is another's default
    for name in ("params_file", "retarget_file"):
        given[name] = file_path(given[name])
    pushed = context.launch_configurations.get("ros_namespace")  # by a group that includes this file
    given["absolute"] = make_namespace_absolute(prefix_namespace(pushed, given["namespace"])).rstrip("/")
    error = argument_error(given)
    if error is not None:
        raise RuntimeError(f"robot_hand.launch.py: {error}")
    texts, side = retarget_overrides(given)
    overrides = {name: ParameterValue(text, value_type=str) for name, text in texts.items()}
    if given["use_sim_time"]:
        overrides["use_sim_time"] = ParameterValue(value_of(bool, given["use_sim_time"]), value_type=bool)
    retarget = Node(
        package="hand_pose_ros",
        executable="hand_retarget",
        name=given["node_name"],
        namespace=given["namespace"],
        parameters=[given["retarget_file"], overrides],
        remappings=[(topic, given[argument]) for topic, argument in TOPICS.items()],
        arguments=["--ros-args", "--log-level", given["log_level"]],
        additional_env=profile_environment(SHARE / "config" / "fastdds.xml", os.environ),
        output="screen",
        emulate_tty=True,
        respawn=value_of(bool, given["respawn"]),
        respawn_delay=RESPAWN_S,
    )
    passed_on = tracker_arguments(given, side)
    tracks = value_of(bool, given["tracker"])
    tracker = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / "launch" / "hand_tracker.launch.py")),
        launch_arguments=passed_on.items(),
        condition=IfCondition(str(tracks)),
    )
    # What this file declares holds in the included one too, and an argument that nobody gave is none there. The tracker
    # comes first: what it refuses stops everything.
    ungiven = [
        UnsetLaunchConfiguration(name)
        for name in (*TRACKER_ARGUMENTS, "hands", "side", "use_sim_time")
        if name not in passed_on
    ]
    told = misspelt("robot_hand.launch.py", context.launch_configurations, names)
    told += unheard("retarget_file", given["retarget_file"], f"{given['absolute']}/{given['node_name']}")
    vain = [
        name
        for name in (*TRACKER_ARGUMENTS, "hands", "rviz")
        if given[name] and value_of(bool, given[name]) is not False
    ]
    if vain and not tracks:
        told.append(f"robot_hand.launch.py: {', '.join(vain)} has no effect where tracker is false")
    return [*(LogInfo(msg=line) for line in told), *ungiven, tracker, retarget]


def generate_launch_description():
    return LaunchDescription([*declared_arguments(), OpaqueFunction(function=start_nodes)])
