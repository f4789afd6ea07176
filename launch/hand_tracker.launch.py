"""Starts the hand tracker on a depth camera:

ros2 launch hand_pose_ros hand_tracker.launch.py camera:=d435
ros2 launch hand_pose_ros hand_tracker.launch.py depth_image:=/camera/depth/image_rect_raw \
    camera_info:=/camera/depth/camera_info
"""

import math
import os
import re
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from hand_pose_ros.depth.camera_presets import camera_preset, preset_names
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.nodes.fast_dds import profile_environment
from hand_pose_ros.nodes.hand_frames import resolved_prefix, side_prefix
from hand_pose_ros.nodes.launch_arguments import (
    NOT_GIVEN,
    executable_error,
    file_path,
    misspelt,
    plain_text,
    topic_error,
    unheard,
    value_of,
)
from hand_pose_ros.nodes.parameters.parameter_files import file_error, file_parameters
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PARAMETERS
from hand_pose_ros.retarget.urdf import urdf_text

SHARE = Path(get_package_share_directory("hand_pose_ros"))

# Launch arguments that are parameters of the node: they win over the file, but only when they are given.
PARAMETER_ARGUMENTS = {
    "side": (str, "which hand: auto, left or right"),
    "hands": (int, "how many hands at once: 1 or 2"),
    "user": (str, "whose hand: its size is loaded, or learnt and saved; '' (in quotes): nobody's"),
    "model": (str, "small, or a path of weights; '' (in quotes): default"),
    "device": (str, "auto, cpu or cuda"),
    "backend": (str, "what runs the networks on a CPU: auto, torch, onnxruntime or openvino"),
    "depth_unit": (float, "metres a count of 16UC1 images"),
    "rectified": (str, "auto, true or false: whether the images have no distortion left"),
    "input_transport": (str, "raw or compressedDepth"),
    "target_frame": (str, "all outputs in this TF frame; '' (in quotes): in the depth images' own"),
    "frame_prefix": (str, "before the names of all hand frames; auto: the namespace, where there is one"),
    "joint_sets": (str, "other parties' joints to publish, with commas between: mediapipe21,openxr26"),
    "tf_mode": (str, "TF frames of a hand: none, root or full"),
    "autostart": (bool, "configure and activate at start"),
    "use_sim_time": (bool, "take the time from /clock (recordings played with --clock)"),
}
FROM_FILE = "(params_file)"

# Topics that a preset of a camera names, and the node's own names of them.
TOPIC_ARGUMENTS = {"depth_image": "depth/image_rect", "camera_info": "depth/camera_info"}
FROM_CAMERA = "(camera)"

# Plain arguments that are no free text: what they may be.
SWITCHES = ("namespaced_tf", "rviz", "description", "respawn")
RESPAWN_S = 2.0
MOST_TURN_RAD = 6.3  # a whole turn, as it is rounded: more than that are degrees
# Those of them, and others, that start a program of another package.
PROGRAMS = {
    "rviz": ("rviz2", "rviz2"),
    "description": ("robot_state_publisher", "robot_state_publisher"),
    "camera_extrinsics": ("tf2_ros", "static_transform_publisher"),
}
LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")


def declared_arguments():
    plain = {
        "namespace": ("", "namespace of the node and its topics"),
        "params_file": (str(SHARE / "config" / "hand_tracker.yaml"), "parameters of the node"),
        "log_level": ("info", ", ".join(LOG_LEVELS)),
        "respawn": ("false", f"true: start the node again {RESPAWN_S:g} s after it ended by itself"),
        "namespaced_tf": (
            "false",
            "true: /tf of the namespace alone instead of the /tf that all nodes share",
        ),
        "camera": (
            "",
            f"topics, unit and rectification of this camera's driver: {', '.join(preset_names())}, or a YAML file",
        ),
        "depth_image": (FROM_CAMERA, "topic of the depth image; without a camera depth/image_rect"),
        "camera_info": (FROM_CAMERA, "topic of its camera info; without a camera depth/camera_info"),
        "description": (
            "false",
            "start a robot_state_publisher for each side of the human hand, in <namespace>/<side>_hand",
        ),
        "camera_extrinsics": (
            "",
            "where the camera is: parent_frame,x,y,z,roll,pitch,yaw or parent_frame,x,y,z,qx,qy,qz,qw (m, rad), for"
            " a static transform to fixed_frame; empty: somebody else's matter",
        ),
        "rviz": ("false", "show depth, markers and TF in RViz"),
        "robot_description": ("", "topic of a robot's URDF that RViz shows beside the hand; empty: none"),
        "fixed_frame": ("depth_camera_optical_frame", "RViz's fixed frame: the frame_id of the depth images"),
    }
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in plain.items()
    ]
    arguments += [
        DeclareLaunchArgument(name, default_value=FROM_FILE, description=text)
        for name, (_, text) in PARAMETER_ARGUMENTS.items()
    ]
    return arguments


def check(given):
    """RuntimeError that names the launch argument which cannot be what it is."""
    error = argument_error(given)
    if error is not None:
        raise RuntimeError(f"hand_tracker.launch.py: {error}")


def argument_error(given):
    """What is wrong with the arguments' texts, in one sentence; None when nothing is."""
    for name in SWITCHES:
        if value_of(bool, given[name]) is None:
            return f"{name} is '{given[name]}', want true or false"
    for name in TOPIC_ARGUMENTS:
        error = None if given[name] == FROM_CAMERA else topic_error(name, given[name])
        if error is not None:
            return error
    if not re.fullmatch(r"/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?", given["namespace"]):
        return (
            f"namespace is '{given['namespace']}', want names of letters, digits and _, with / between them"
        )
    if given["log_level"].rpartition(":=")[2].lower() not in LOG_LEVELS:  # or of one logger: name:=level
        return f"log_level is '{given['log_level']}', want one of: {', '.join(LOG_LEVELS)}"
    for name, (kind, _) in PARAMETER_ARGUMENTS.items():
        if given[name] != FROM_FILE and value_of(kind, given[name]) is None:
            wanted = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
            return f"{name} is '{given[name]}', want {wanted}"
    for parameter in TRACKER_PARAMETERS:
        text = given.get(parameter.name, FROM_FILE)
        if parameter.name in PARAMETER_ARGUMENTS and text != FROM_FILE:
            plain = value_of(PARAMETER_ARGUMENTS[parameter.name][0], text)
            error = parameter.error(parameter.from_ros(plain))
            if error is not None:
                return error
    if is_on(given, "description") and given["tf_mode"] == "full":
        return "tf_mode is 'full', want root or none with description:=true: no frame may have two publishers"
    if given["camera"]:
        try:
            camera_preset(given["camera"])
        except ValueError as error:
            return str(error)
    error = extrinsics_error(given["camera_extrinsics"]) or file_error("params_file", given["params_file"])
    wanted = (name for name in PROGRAMS if given[name] and (name not in SWITCHES or is_on(given, name)))
    return error or next(filter(None, (executable_error(name, *PROGRAMS[name]) for name in wanted)), None)


def is_on(given, name):
    """Whether an argument that is checked already switches something on."""
    return value_of(bool, given[name]) is True


def extrinsics_error(text):
    """What is wrong with the camera's place, None when nothing is."""
    parent, *numbers = [part.strip() for part in text.split(",")]
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = []
    right = bool(parent) and len(values) in (6, 7) and all(math.isfinite(value) for value in values)
    if right and len(values) == 6 and any(abs(value) > MOST_TURN_RAD for value in values[3:]):
        return f"camera_extrinsics is '{text}', whose angles are more than a whole turn: want radians"
    if not text or (right and (len(values) == 6 or any(values[3:]))):
        return None
    return (
        f"camera_extrinsics is '{text}', want parent_frame,x,y,z,roll,pitch,yaw or parent_frame,x,y,z,qx,qy,qz,qw"
        " in metres and radians"
    )


def camera_settings(given):
    """Remappings of the two topics, and parameters, from the camera's preset; what is given itself wins."""
    preset = camera_preset(given["camera"]) if given["camera"] else None
    topics = []
    for argument, name in TOPIC_ARGUMENTS.items():
        default = name if preset is None else getattr(preset.topics, argument)
        topics.append((name, default if given[argument] == FROM_CAMERA else given[argument]))
    if preset is None:
        return topics, {}
    parameters = {name: getattr(preset.parameters, name) for name in ("depth_unit", "rectified", "model")}
    return topics, {
        name: ParameterValue(value, value_type=type(value))
        for name, value in parameters.items()
        if given[name] == FROM_FILE and value != ""
    }


def start_nodes(context):
    names = [
        "namespace", *SWITCHES, "log_level", "params_file", "camera_extrinsics", "fixed_frame", "camera",
        "robot_description", *TOPIC_ARGUMENTS, *PARAMETER_ARGUMENTS,
    ]  # fmt: skip
    given = {name: plain_text(LaunchConfiguration(name).perform(context)) for name in names}
    for name in ("params_file", "camera"):
        given[name] = file_path(given[name])
    for name in (*PARAMETER_ARGUMENTS, *TOPIC_ARGUMENTS):
        if given[name] in NOT_GIVEN:
            given[name] = FROM_CAMERA if name in TOPIC_ARGUMENTS else FROM_FILE
    check(given)
    told = misspelt("hand_tracker.launch.py", context.launch_configurations, names)
    camera_topics, camera_parameters = camera_settings(given)
    overrides = camera_parameters
    topics = list(camera_topics)
    if is_on(given, "namespaced_tf"):
        topics += [("/tf", "tf"), ("/tf_static", "tf_static")]
    for name, (kind, _) in PARAMETER_ARGUMENTS.items():
        if given[name] != FROM_FILE:
            overrides[name] = ParameterValue(value_of(kind, given[name]), value_type=kind)
    if is_on(given, "description"):
        overrides.setdefault(
            "tf_mode", "root"
        )  # whatever the file says: the other frames are robot_state_publisher's
    # The Fast DDS profile goes to each of our nodes: set for all, it would hold in a launch that includes this one too.
    tracker = Node(
        package="hand_pose_ros",
        executable="hand_tracker",
        name="hand_tracker",
        namespace=given["namespace"],
        parameters=[given["params_file"], overrides],
        remappings=topics,
        arguments=["--ros-args", "--log-level", given["log_level"]],
        additional_env=profile_environment(SHARE / "config" / "fastdds.xml", os.environ),
        output="screen",
        emulate_tty=True,
        respawn=is_on(given, "respawn"),
        respawn_delay=RESPAWN_S,
    )
    pushed = context.launch_configurations.get("ros_namespace")  # by a group that includes this file
    absolute = make_namespace_absolute(prefix_namespace(pushed, given["namespace"])).rstrip("/")
    said = file_parameters(given["params_file"], f"{absolute}/hand_tracker") | {
        name: value_of(PARAMETER_ARGUMENTS[name][0], given[name])
        for name in ("frame_prefix", "side", "use_sim_time")
        if given[name] != FROM_FILE
    }
    # Not false where nobody says so: a launch that includes this one may have set it for all its nodes.
    clock = {"use_sim_time": said["use_sim_time"]} if "use_sim_time" in said else {}
    told += unheard("params_file", given["params_file"], f"{absolute}/hand_tracker")
    nodes = [tracker]
    if is_on(given, "rviz"):
        nodes.append(rviz_node(given, clock, topics))
    if is_on(given, "description"):
        nodes += description_nodes(said, absolute, clock, topics[2:])
    if given["camera_extrinsics"]:
        nodes.append(camera_transform(given, topics[2:]))
    return [*(LogInfo(msg=line) for line in told), *nodes]


def rviz_node(given, clock, topics):
    """RViz with the tracked hand, and with the robot's where its description is named."""
    robot = given["robot_description"]
    return Node(
        package="rviz2",
        executable="rviz2",
        namespace=given["namespace"],
        arguments=[
            "-d",
            str(SHARE / "rviz" / f"{'robot_hand' if robot else 'hand_tracker'}.rviz"),
            "-f",
            given["fixed_frame"],
        ],
        parameters=[clock],
        remappings=[*topics, *([("robot_description", robot)] if robot else [])],
    )


def description_nodes(said, absolute, clock, tf_topics):
    """A robot_state_publisher a side, of the user's hand or the template until the tracker knows the size, and what
    hands it the tracker's description then. said: the tracker's parameters, as arguments and file have them;
    absolute: its namespace, empty for the root's; clock: use_sim_time where somebody says what it is."""
    prefix = resolved_prefix(str(said.get("frame_prefix", "auto")), absolute)
    sides = [said["side"]] if said.get("side") in SIDES else SIDES
    nodes = []
    for side in sides:
        place = f"{absolute}/{side}_hand"
        nodes += [
            Node(
                package="robot_state_publisher",
                executable="robot_state_publisher",
                namespace=place,
                parameters=[
                    {
                        "robot_description": ParameterValue(
                            urdf_text(side, prefix=side_prefix(prefix, side)), value_type=str
                        ),
                        "publish_frequency": 200.0,  # no joint state is left out
                    }
                    | clock
                ],
                remappings=[("joint_states", f"{absolute}/hand_joint_states"), *tf_topics],
                output="screen",
            ),
            Node(
                package="hand_pose_ros",
                executable="description_relay",
                name="description_relay",
                namespace=place,
                output="screen",
                emulate_tty=True,
            ),
        ]
    return nodes


def camera_transform(given, tf_topics):
    """The static transform from the parent frame of camera_extrinsics to the depth images' frame."""
    parent, *numbers = [part.strip() for part in given["camera_extrinsics"].split(",")]
    turn = ("qx", "qy", "qz", "qw") if len(numbers) == 7 else ("roll", "pitch", "yaw")
    if len(numbers) == 7:  # tf2's listeners leave out what is not of length 1, and 0.7 is not 1 / sqrt(2)
        quaternion = [float(number) for number in numbers[3:]]
        numbers[3:] = [repr(part / math.hypot(*quaternion)) for part in quaternion]
    arguments = [
        text
        for name, number in zip(("x", "y", "z", *turn), numbers, strict=True)
        for text in (f"--{name}", number)
    ]
    return Node(
        package="tf2_ros",
        executable="static_transform_publisher",
        name="camera_extrinsics",
        namespace=given["namespace"],
        arguments=[*arguments, "--frame-id", parent, "--child-frame-id", given["fixed_frame"]],
        remappings=tf_topics,
        output="screen",
    )


def generate_launch_description():
    return LaunchDescription([*declared_arguments(), OpaqueFunction(function=start_nodes)])
