"""Starts a camera that shows a synthetic hand (or plays a folder of 16-bit depth PNGs) and the tracker on it:

ros2 launch hand_pose_ros demo.launch.py rviz:=true
ros2 launch hand_pose_ros demo.launch.py frames:=<folder> intrinsics:=fx,fy,cx,cy depth_unit:=0.001 side:=left
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, LogInfo, OpaqueFunction, Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from hand_pose_ros.nodes.fast_dds import profile_environment
from hand_pose_ros.nodes.launch_arguments import NOT_GIVEN, file_path, misspelt, value_of
from hand_pose_ros.nodes.parameters.parameter_files import file_parameters

SHARE = Path(get_package_share_directory("hand_pose_ros"))

FROM_FILE = "(params_file)"

ARGUMENTS = {
    "namespace": ("", "namespace of the nodes and their topics"),
    "use_sim_time": (FROM_FILE, "take the time from /clock, camera and tracker"),
    "params_file": (str(SHARE / "config" / "hand_tracker.yaml"), "parameters of the tracker"),
    "hands": (FROM_FILE, "how many hands at once: 1 or 2; the synthetic camera shows one"),
    "side": (
        FROM_FILE,
        "which hand to expect: auto, left or right; the synthetic hand is a left one for left",
    ),
    "model": (FROM_FILE, "small, or a path of weights; '' (in quotes): default"),
    "tf_mode": ("full", "TF frames of a hand: none, root or full"),
    "log_level": ("info", "debug, info, warn, error or fatal"),
    "namespaced_tf": ("false", "true: /tf of the namespace alone instead of the /tf that all nodes share"),
    "rviz": ("false", "show depth, markers and TF in RViz"),
    "rate": ("30.0", "frames a second"),
    "seed": ("0", "seed of the synthetic motion"),
    "frames": ("", "folder of 16-bit depth PNGs instead of the synthetic hand"),
    "intrinsics": ("", "fx,fy,cx,cy of the recorded frames, pixels"),
    "depth_unit": ("0.001", "metres a count"),
}


def start_nodes(context):
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    given |= {name: FROM_FILE for name, text in given.items() if text in NOT_GIVEN}
    given["params_file"] = file_path(given["params_file"])
    pushed = context.launch_configurations.get("ros_namespace")  # by a group that includes this file
    said = said_to_tracker(given, pushed)
    try:
        camera_parameters = camera_parameters_from(given, said)
    except ValueError as error:
        raise RuntimeError(f"demo.launch.py: {error}") from error
    camera = Node(
        package="hand_pose_ros",
        executable="depth_camera",
        name="depth_camera",
        namespace=given["namespace"],
        parameters=[
            camera_parameters,
            {name: said[name] for name in ("use_sim_time",) if name in said},
        ],
        arguments=["--ros-args", "--log-level", given["log_level"]],
        additional_env=profile_environment(SHARE / "config" / "fastdds.xml", os.environ),
        output="screen",
        emulate_tty=True,
        on_exit=Shutdown(reason="the camera ended"),
    )
    passed_on = (
        "namespace", "use_sim_time", "params_file", "hands", "side", "model", "tf_mode", "log_level", "namespaced_tf",
        "rviz", "depth_unit",
    )  # fmt: skip
    tracker = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / "launch" / "hand_tracker.launch.py")),
        launch_arguments={name: given[name] for name in passed_on}.items(),
    )
    told = misspelt("demo.launch.py", context.launch_configurations, ARGUMENTS)
    return [*(LogInfo(msg=line) for line in told), tracker, camera]


def said_to_tracker(given, pushed):
    """What arguments and file say to the tracker that the camera has to know: its clock, and which hand it expects."""
    absolute = make_namespace_absolute(prefix_namespace(pushed, given["namespace"])).rstrip("/")
    said = file_parameters(given["params_file"], f"{absolute}/hand_tracker")
    clock = value_of(bool, given["use_sim_time"])
    if clock is not None:  # what is no truth value the tracker's file refuses
        said["use_sim_time"] = clock
    if given["side"] != FROM_FILE:
        said["side"] = given["side"]
    return said


def camera_parameters_from(given, said):
    """Launch arguments as the camera's parameters; ValueError names one that is no number."""
    parameters = {
        "depth_unit": number(given, "depth_unit", float),
        "rate_hz": number(given, "rate", float),
        "seed": number(given, "seed", int),
        "side": "left" if said.get("side") == "left" else "right",
    }
    if given["frames"]:
        try:
            intrinsics = [float(text) for text in given["intrinsics"].split(",")]
        except ValueError:
            intrinsics = []
        if len(intrinsics) != 4:
            raise ValueError(f"intrinsics is '{given['intrinsics']}', want four numbers fx,fy,cx,cy")
        frames = Path(given["frames"]).expanduser().resolve()
        if not frames.is_dir():
            raise ValueError(f"frames is '{given['frames']}', want a folder of 16-bit depth PNGs")
        parameters |= {"source": "frames", "frames": str(frames), "intrinsics": intrinsics, "loop": True}
    return parameters


def number(given, name, kind):
    """A launch argument as a number; ValueError with its name when it is none."""
    try:
        return kind(given[name])
    except ValueError as error:
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} is '{given[name]}', want {wanted}") from error


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start_nodes)])
