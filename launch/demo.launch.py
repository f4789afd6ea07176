"""Starts a camera that shows a synthetic hand (or plays a folder of 16-bit depth PNGs) and the tracker on it:

ros2 launch hand_pose_ros demo.launch.py rviz:=true
ros2 launch hand_pose_ros demo.launch.py frames:=<folder> intrinsics:=fx,fy,cx,cy depth_unit:=0.001 side:=left
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

SHARE = Path(get_package_share_directory("hand_pose_ros"))

ARGUMENTS = {
    "namespace": ("", "namespace of the nodes and their topics"),
    "side": ("auto", "which hand to expect: auto, left or right; the synthetic hand is a left one for left"),
    "model": ("", "'small' for weak computers, or a path of weights; empty: default"),
    "tf_mode": ("full", "TF frames of a hand: none, root or full"),
    "log_level": ("info", "debug, info, warn, error or fatal"),
    "rviz": ("false", "show depth, markers and TF in RViz"),
    "rate": ("30.0", "frames a second"),
    "seed": ("0", "seed of the synthetic motion"),
    "frames": ("", "folder of 16-bit depth PNGs instead of the synthetic hand"),
    "intrinsics": ("", "fx,fy,cx,cy of the recorded frames, pixels"),
    "depth_unit": ("0.001", "metres a count"),
}


def start_nodes(context):
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    try:
        camera_parameters = camera_parameters_from(given)
    except ValueError as error:
        raise RuntimeError(f"demo.launch.py: {error}") from error
    camera = Node(
        package="hand_pose_ros",
        executable="depth_camera",
        name="depth_camera",
        namespace=given["namespace"],
        parameters=[camera_parameters],
        arguments=["--ros-args", "--log-level", given["log_level"]],
        output="screen",
        emulate_tty=True,
        on_exit=Shutdown(reason="the camera ended"),
    )
    passed_on = ("namespace", "side", "model", "tf_mode", "log_level", "rviz", "depth_unit")
    tracker = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / "launch" / "hand_tracker.launch.py")),
        launch_arguments={name: given[name] for name in passed_on}.items(),
    )
    # The tracker first: what it includes sets the Fast DDS profile that the camera needs too.
    return [tracker, camera]


def camera_parameters_from(given):
    """Launch arguments as the camera's parameters; ValueError names one that is no number."""
    parameters = {
        "depth_unit": float(given["depth_unit"]),
        "rate_hz": float(given["rate"]),
        "seed": int(given["seed"]),
        "side": "left" if given["side"] == "left" else "right",
    }
    if given["frames"]:
        intrinsics = [float(number) for number in given["intrinsics"].split(",") if number]
        if len(intrinsics) != 4:
            raise ValueError(f"intrinsics is '{given['intrinsics']}', want four numbers fx,fy,cx,cy")
        frames = str(Path(given["frames"]).expanduser().resolve())
        parameters |= {"source": "frames", "frames": frames, "intrinsics": intrinsics, "loop": True}
    return parameters


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start_nodes)])
