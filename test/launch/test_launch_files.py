"""The launch files, run for real where launch and launch_ros are installed (PyPI has neither)."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

pytest.importorskip("launch", reason="launch is not installed: launch files cannot run")
pytest.importorskip("launch_ros", reason="launch_ros is not installed: launch files cannot run")

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
    UnsetLaunchConfiguration,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions
from launch_ros.actions import Node
from launch_ros.utilities import evaluate_parameters
from rclpy.executors import SingleThreadedExecutor

from hand_pose_ros.nodes.launch_arguments import misspelt
from hand_pose_ros.nodes.topics import LATCHED_QOS
from hand_pose_ros.resources import resource
from hand_pose_ros.retarget.urdf import urdf_text

EXPECTED = {
    "hand_tracker": {
        "namespace", "use_sim_time", "params_file", "autostart", "log_level", "depth_image", "camera_info", "side",
        "hands", "user", "model", "tf_mode", "rviz", "namespaced_tf", "frame_prefix", "target_frame", "input_transport",
        "description", "camera_extrinsics", "joint_sets", "camera", "rectified",
    },
    "robot_hand": {
        "namespace", "use_sim_time", "params_file", "retarget_file", "log_level", "robot", "side", "hands", "engine",
        "urdf", "output", "deadman", "camera", "depth_image", "camera_info", "description", "camera_extrinsics", "rviz",
        "fixed_frame", "robot_description", "start_from", "node_name", "hands_topic",
    },
    "demo": {
        "namespace", "side", "model", "tf_mode", "log_level", "rviz", "frames", "intrinsics", "depth_unit",
        "params_file", "hands", "use_sim_time", "namespaced_tf",
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def programs_of_others(tmp_path_factory, monkeypatch):
    """Stands in for the packages that our launch files start programs of."""
    prefix = tmp_path_factory.mktemp("others")
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    for package, executable in (
        ("rviz2", "rviz2"),
        ("robot_state_publisher", "robot_state_publisher"),
        ("tf2_ros", "static_transform_publisher"),
    ):
        (prefix / "lib" / package).mkdir(parents=True)
        (prefix / "lib" / package / executable).write_text("#!/bin/sh\nexec sleep 60\n")
        (prefix / "lib" / package / executable).chmod(0o755)
        (index / package).touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{prefix}{os.pathsep}{os.environ['AMENT_PREFIX_PATH']}")
    return prefix


def launch_file(name: str) -> str:
    return str(resource(f"launch/{name}.launch.py"))


def description(name: str) -> LaunchDescription:
    return PythonLaunchDescriptionSource(launch_file(name)).get_launch_description(LaunchContext())


@pytest.mark.parametrize("name", EXPECTED)
def test_arguments_that_people_expect_are_there_and_explained(name):
    arguments = {a.name: a for a in description(name).entities if isinstance(a, DeclareLaunchArgument)}
    assert set(arguments) >= EXPECTED[name]
    for argument in arguments.values():
        assert argument.description


RUN = """
import sys
from launch import LaunchService
from launch.actions import IncludeLaunchDescription
from launch import LaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [tuple(argument.split(":=", 1)) for argument in sys.argv[2:]]
service = LaunchService()
source = PythonLaunchDescriptionSource(sys.argv[1])
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


class Launched:
    """A launch file as a process, and a node that listens beside it."""

    def __init__(self, name: str, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-c", RUN, launch_file(name), *arguments]
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("listener", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
            start_new_session=True, cwd=Path(launch_file(name)).parent,
        )  # fmt: skip

    def spin_until(self, condition, timeout_s: float = 150.0) -> bool:
        deadline = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < deadline and self.process.poll() is None:
            self.executor.spin_once(timeout_sec=0.1)
        return bool(condition())

    def names(self) -> set[str]:
        return {f"{space.rstrip('/')}/{name}" for name, space in self.node.get_node_names_and_namespaces()}

    def children(self, executable: str) -> list[int]:
        """Processes of the launch that run an executable of ours."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                words = (place / "cmdline").read_text().split("\0")
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended meanwhile
                continue
            if parent == self.process.pid and any(Path(word).name == executable for word in words):
                found.append(int(place.name))
        return found

    def close(self) -> str:
        """Ends it as Ctrl-C would; what it printed."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            output, _ = self.process.communicate(timeout=90)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.executor.shutdown()
            self.node.destroy_node()
            rclpy.shutdown(context=self.context)
        return output


@pytest.fixture
def launched():
    running: list[Launched] = []

    def start(name: str, *arguments: str) -> Launched:
        running.append(Launched(name, *arguments))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.close()


@pytest.mark.slow
def test_tracker_starts_in_its_namespace_with_remapped_topics_and_given_parameters(launched, tmp_path):
    """With weights that do not exist: the node comes up, refuses, says so and stays."""
    model = tmp_path / "nowhere.safetensors"
    run = launched(
        "hand_tracker", "namespace:=robot", f"model:={model}", "depth_image:=/cam/depth", "side:=left"
    )
    problems: list[str] = []
    run.node.create_subscription(
        DiagnosticArray, "/diagnostics", lambda m: problems.append(m.status[0].message), 10
    )
    assert run.spin_until(lambda: any(str(model) in problem for problem in problems))
    assert "/robot/hand_tracker" in run.names()
    assert run.process.poll() is None
    output = run.close()
    assert output.count("cannot configure") == 1
    assert "Traceback" not in output


@pytest.mark.slow
def test_text_that_yaml_would_read_as_something_else_reaches_the_node_as_it_was_given(launched, tmp_path):
    from rcl_interfaces.srv import GetParameters

    texts = {"user": "007", "frame_prefix": "no", "target_frame": "2"}
    given = [f"{name}:={text}" for name, text in texts.items()]
    run = launched("hand_tracker", "autostart:=false", *given)
    client = run.node.create_client(GetParameters, "/hand_tracker/get_parameters")
    assert run.spin_until(client.service_is_ready)
    future = client.call_async(GetParameters.Request(names=list(texts)))
    assert run.spin_until(future.done)
    assert [value.string_value for value in future.result().values] == list(texts.values())
    assert "was read as" not in run.close()


@pytest.mark.slow
def test_parameter_in_the_file_stays_when_the_argument_is_not_given(launched, tmp_path):
    parameters = tmp_path / "mine.yaml"
    parameters.write_text("/**:\n  ros__parameters:\n    side: sideways\n")
    run = launched("hand_tracker", f"params_file:={parameters}")
    problems: list[str] = []
    run.node.create_subscription(
        DiagnosticArray, "/diagnostics", lambda m: problems.append(m.status[0].message), 10
    )
    assert run.spin_until(lambda: any("'sideways'" in problem for problem in problems))
    run.close()


@pytest.mark.slow
def test_node_that_ended_by_itself_is_started_again_where_that_is_asked_for(launched):
    run = launched("hand_tracker", "autostart:=false", "respawn:=true")
    assert run.spin_until(lambda: "/hand_tracker" in run.names())
    (first,) = run.children("hand_tracker")
    os.kill(first, signal.SIGKILL)
    assert run.spin_until(lambda: run.children("hand_tracker") not in ([], [first]))
    output = run.close()
    assert output.count("process started with pid") == 2
    assert run.children("hand_tracker") == []


def test_nothing_is_started_again_unless_that_is_asked_for():
    for arguments, wanted in (((), False), (("respawn:=true",), True)):
        for name, node in (("hand_tracker", "hand_tracker"), ("robot_hand", "hand_retarget")):
            actions, _ = made(name, "robot:=panda", *arguments)
            (ours,) = (one for one in actions if isinstance(one, Node) and one.node_executable == node)
            assert bool(ours._ExecuteLocal__respawn) is wanted
    (including,) = (
        action for action in made("robot_hand", "robot:=panda", "respawn:=true")[0]
        if isinstance(action, IncludeLaunchDescription)
    )  # fmt: skip
    assert ("respawn", "true") in including.launch_arguments


@pytest.mark.slow
def test_demo_starts_camera_and_tracker_that_hear_each_other(launched):
    try:
        resource("models/default.safetensors")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    from hand_pose_ros.msg import HandPoseArray

    run = launched("demo", "side:=right", "rate:=10.0")
    answers: list[HandPoseArray] = []
    run.node.create_subscription(HandPoseArray, "hands", answers.append, 10)
    assert run.spin_until(lambda: len(answers) >= 3, timeout_s=240), run.close()
    assert {"/hand_tracker", "/depth_camera"} <= run.names()
    output = run.close()
    assert "Traceback" not in output
    assert len({answer.header.stamp.nanosec for answer in answers}) > 1


BAD_ARGUMENTS = {
    "params_file": "/nowhere/mine.yaml",
    "hands": "two",
    "depth_unit": "millimetres",
    "use_sim_time": "maybe",
    "rviz": "2",
    "namespaced_tf": "sure",
    "autostart": "later",
    "log_level": "loud",
    "namespace": "my robot",
    "description": "perhaps",
    "respawn": "perhaps",
    "camera_extrinsics": "base_link,0,0,1",
}


@pytest.mark.parametrize("launch_name", EXPECTED)
@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_argument_that_cannot_be_is_named_and_nothing_starts(launch_name, name):
    if name not in {
        a.name for a in description(launch_name).entities if isinstance(a, DeclareLaunchArgument)
    }:
        pytest.skip("no argument of this launch file")
    command = [sys.executable, "-c", RUN, launch_file(launch_name), f"{name}:={BAD_ARGUMENTS[name]}"]
    command += ["robot:=panda"] if launch_name == "robot_hand" else []
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert answer.returncode != 0
    assert f"{name} is '{BAD_ARGUMENTS[name]}'" in answer.stdout
    assert "process started" not in answer.stdout


@pytest.mark.parametrize(
    "argument, wanted",
    [
        ("hands:=3", "'hands' is 3, want 1 to 2"),
        ("hands:=2.0", "hands is '2.0', want a whole number"),
        ("hands:=2026-99-99", "hands is '2026-99-99', want a whole number"),
        ("side:=both", "'side' is 'both', want one of: auto, left, right"),
        ("depth_unit:=-0.001", "'depth_unit' is -0.001, want"),
        ("depth_unit:=.nan", "'depth_unit' is nan, want finite numbers"),
        ("tf_mode:=all", "'tf_mode' is 'all', want one of"),
        ("device:=gpu", "'device' is 'gpu', want one of"),
        (
            "input_transport:=compressed",
            "'input_transport' is 'compressed', want one of: raw, compressedDepth",
        ),
        ("frame_prefix:=/robot/", "'frame_prefix' is '/robot/': it begins with '/'"),
        ("target_frame:=/map", "'target_frame' is '/map': it begins with '/'"),
        ("joint_sets:=mano", "'joint_sets' is"),
        ("rectified:=perhaps", "'rectified' is 'perhaps', want one of"),
    ],
)
def test_value_that_the_node_would_refuse_is_refused_before_it_starts(argument, wanted):
    with pytest.raises(RuntimeError) as refused:
        made("hand_tracker", argument)
    assert "hand_tracker.launch.py: " in str(refused.value)
    assert wanted in str(refused.value)


@pytest.mark.parametrize(
    "argument",
    ["hands:=2", "side:=left", "depth_unit:=0.01", "user:=007", "rectified:=no", "rectified:=True", "tf_mode:=none",
     "joint_sets:=mediapipe21,openxr26", "joint_sets:=", "frame_prefix:=", "autostart:=false"],
)  # fmt: skip
def test_value_that_the_node_takes_is_taken(argument):
    assert made("hand_tracker", argument)[0]


@pytest.mark.parametrize(
    "typed, value",
    [("depth_unit:=1e-3", 0.001), ("depth_unit:=5e-4", 0.0005), ("depth_unit:=1.0e-3", 0.001), ("hands:=0x1", 1),
     ("autostart:=0", False), ("use_sim_time:=yes", True)],
)  # fmt: skip
def test_numbers_and_truth_values_are_taken_as_people_write_them(typed, value):
    ((parameters, _, _),) = started("hand_tracker", typed)
    assert parameters[typed.partition(":=")[0]] == value


@pytest.mark.parametrize(
    "typed", ["true", "True", "TRUE", "1", "yes", "on", "false", "False", "0", "no", "off"]
)
def test_a_switch_is_on_however_it_is_spelt(typed):
    on = typed.lower() in ("true", "1", "yes", "on")
    for name in EXPECTED:
        robot = ("robot:=panda",) if name == "robot_hand" else ()
        actions, context = made(name, *robot, f"rviz:={typed}")
        if name == "hand_tracker":
            assert any(isinstance(one, Node) and one.node_executable == "rviz2" for one in actions) == on
            respawned, _ = made(name, f"respawn:={typed}")
            assert respawned[0]._ExecuteLocal__respawn is on
            assert bool(started("robot_state_publisher", f"description:={typed}")) == on
            if on:
                with pytest.raises(RuntimeError, match="tf_mode is 'full'"):
                    made(name, f"description:={typed}", "tf_mode:=full")
    actions, context = made("robot_hand", "robot:=panda", f"respawn:={typed}", f"tracker:={typed}")
    assert actions[-1]._ExecuteLocal__respawn is on
    assert actions[-2].condition.evaluate(context) is on


PROGRAMS = {
    "rviz:=true": "rviz2",
    "description:=true": "robot_state_publisher",
    "camera_extrinsics:=base,0,0,1,0,0,0": "tf2_ros",
}


@pytest.mark.parametrize("argument, package", PROGRAMS.items())
def test_nothing_starts_where_a_program_that_is_asked_for_is_missing(argument, package, programs_of_others):
    """launch would find it out when the tracker runs already, and leave the tracker behind."""
    for program in (programs_of_others / "lib" / package).iterdir():
        program.unlink()
    name = argument.partition(":=")[0]
    with pytest.raises(RuntimeError, match=f"{name} needs '.*' of the package '{package}'"):
        made("hand_tracker", argument)
    for other in set(PROGRAMS) - {argument}:
        made("hand_tracker", other)


@pytest.mark.parametrize(
    "launch_name, argument",
    [("hand_tracker", name) for name in ("depth_image", "camera_info")]
    + [
        ("robot_hand", name)
        for name in ("joint_command", "position_commands", "joint_trajectory", "robot_joint_states", "hands_topic",
                     "robot_description", "deadman_topic")
    ],
)  # fmt: skip
@pytest.mark.parametrize("topic", ["/a b", "/1a", "a/", "/a//b", "~a", "/a-b"])
def test_a_topic_that_is_none_is_named(launch_name, argument, topic):
    robot = ("robot:=panda",) if launch_name == "robot_hand" else ()
    with pytest.raises(RuntimeError) as refused:
        made(launch_name, *robot, f"{argument}:={topic}")
    assert f"{argument} is '{topic}', want a topic" in str(refused.value)
    for right in ("/a/b", "a", "~/a", "a/b_1"):
        assert made(launch_name, *robot, f"{argument}:={right}")[0]


@pytest.mark.parametrize("name", ["/nowhere/mine.yaml", "none.yaml"])
def test_a_robots_file_that_is_none_is_named(name, tmp_path):
    """launch leaves a file out that is not there, and with it what the robot must not do."""
    (tmp_path / "none.yaml").write_text("- no parameters")
    path = tmp_path / name
    with pytest.raises(RuntimeError, match=f"retarget_file is '{path}'"):
        made("robot_hand", "robot:=panda", f"retarget_file:={path}")


@pytest.mark.parametrize(
    "argument", ["start_from:=here", "engine:=dexi", "output:=position", "deadman:=requird", "on_loss:=stop"]
)
def test_what_the_robots_node_would_refuse_is_refused_before_anything_starts(argument):
    name, _, text = argument.partition(":=")
    with pytest.raises(RuntimeError, match=f"parameter '{name}' is '{text}', want one of: "):
        made("robot_hand", "robot:=panda", argument)


def told_lines(name: str, *arguments: str) -> list[str]:
    actions, context = made(name, *arguments)
    return ["".join(part.perform(context) for part in one.msg) for one in actions if isinstance(one, LogInfo)]


def test_a_file_that_says_nothing_to_its_node_is_told(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("hand_tracker: {ros__parameters: {hands: 2}}\nother: {ros__parameters: {a: 1}}")
    assert told_lines("hand_tracker", f"params_file:={file}") == []
    (line,) = told_lines("hand_tracker", f"params_file:={file}", "namespace:=lab")
    assert "says nothing to the node '/lab/hand_tracker', only to '/hand_tracker', '/other'" in line
    (line,) = told_lines("robot_hand", "robot:=panda", f"retarget_file:={file}")
    assert "says nothing to the node '/hand_retarget'" in line
    file.write_text("/**: {ros__parameters: {hands: 2}}")
    assert told_lines("hand_tracker", f"params_file:={file}", "namespace:=lab") == []


def test_what_has_no_effect_without_a_tracker_is_told():
    assert told_lines("robot_hand", "robot:=panda", "tracker:=false") == []
    (line,) = told_lines("robot_hand", "robot:=panda", "tracker:=false", "rviz:=true", "camera:=d435")
    assert "camera, rviz has no effect where tracker is false" in line


def test_a_files_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("/**: {ros__parameters: {side: left, robot: panda}}")
    (tmp_path / "camera.yaml").write_text("topics: {depth_image: /d, camera_info: /i}")
    assert made("hand_tracker", "params_file:=~/mine.yaml", "camera:=~/camera.yaml")[0]
    _, _, passed_on = robots_node("retarget_file:=~/mine.yaml", "params_file:=~/mine.yaml")
    assert passed_on["params_file"] == str(tmp_path / "mine.yaml")


def test_one_launch_file_after_another_takes_nothing_of_it_for_given():
    """What is declared in an included file stays set for the next one."""
    context = LaunchContext()
    for name, arguments in (("demo", {}), *(("hand_tracker", {}), ("robot_hand", {"robot": "panda"})) * 2):
        context.launch_configurations.update(arguments)
        for entity in description(name).entities:
            if isinstance(entity, DeclareLaunchArgument):
                entity.visit(context)
            elif isinstance(entity, OpaqueFunction):
                for action in entity.execute(context):
                    if isinstance(action, UnsetLaunchConfiguration):
                        action.visit(context)


def test_the_demo_shows_the_hand_that_the_trackers_file_expects(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("/**: {ros__parameters: {side: left}}")
    for arguments, side in (((), "left"), (("side:=right",), "right")):
        actions, context = made("demo", f"params_file:={file}", *arguments)
        (camera,) = (one for one in actions if isinstance(one, Node))
        told = {}
        for part in evaluate_parameters(context, camera._Node__parameters):
            told |= part if isinstance(part, dict) else {}
        assert told["side"] == side


@pytest.mark.parametrize("typed", ["''", '""'])
@pytest.mark.parametrize("name", ["user", "target_frame", "model", "joint_sets"])
def test_what_the_file_names_is_switched_off_by_quotes_around_nothing(name, typed, tmp_path):
    """ros2 launch refuses "user:=" with nothing after it."""
    file = tmp_path / "mine.yaml"
    file.write_text(f"/**: {{ros__parameters: {{{name}: left_by_others}}}}", encoding="utf-8")
    ((parameters, _, _),) = started("hand_tracker", f"params_file:={file}", f"{name}:={typed}")
    assert parameters[name] == ""


def test_a_misspelt_argument_is_told_and_those_of_files_around_are_not():
    for name in EXPECTED:
        robot = ("robot:=panda",) if name == "robot_hand" else ()
        others = [f"{other}:=x" for other in ("my_robot", "rate_of_others", "ros_namespace")]
        actions, context = made(name, *robot, *others, "fixed_frme:=map", "namespce:=a")
        lines = [
            "".join(part.perform(context) for part in action.msg)
            for action in actions
            if isinstance(action, LogInfo)
        ]
        meant = {"namespace"} | ({"fixed_frame"} if name != "demo" else set())
        assert {line.split("is '")[1].split("'")[0] for line in lines} == meant
        assert all(line.startswith(f"{name}.launch.py: ") for line in lines)


def test_arguments_of_one_launch_file_are_no_misspelt_ones_of_another():
    declared = {
        name: [
            entity.name for entity in description(name).entities if isinstance(entity, DeclareLaunchArgument)
        ]
        for name in EXPECTED
    }
    for outer in ("demo", "robot_hand"):
        assert misspelt("hand_tracker.launch.py", declared[outer], declared["hand_tracker"]) == []


@pytest.mark.parametrize(
    "content, why",
    [
        ("[1, 2", "no YAML"),
        ("", "no parameters"),
        ("- a\n", "no parameters"),
        ("hand_tracker:\n  hands: 2\n", "no parameters"),
        ("a: 2026-99-99", "cannot be read"),
        (5000 * "[", "cannot be read"),
    ],
)
def test_file_of_parameters_that_is_none_is_named(tmp_path, content, why):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    command = [sys.executable, "-c", RUN, launch_file("hand_tracker"), f"params_file:={path}"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert answer.returncode != 0
    assert f"params_file is '{path}'" in answer.stdout
    assert why in answer.stdout


def made(name: str, *arguments: str) -> tuple[list, LaunchContext]:
    """What a launch file starts, and the context that it leaves."""
    context = LaunchContext()
    source = description(name).entities
    given = dict(argument.split(":=", 1) for argument in arguments)
    context.launch_configurations.update(given)
    for entity in source:
        if isinstance(entity, DeclareLaunchArgument):
            default = "".join(part.perform(context) for part in entity.default_value)
            context.launch_configurations[entity.name] = given.get(entity.name, default)
    (make,) = (entity for entity in source if isinstance(entity, OpaqueFunction))
    assert not [entity for entity in source if isinstance(entity, SetEnvironmentVariable)]
    return make.execute(context), context


def remaps(*arguments: str) -> set[tuple[str, str]]:
    """Of the tracker's node, as the launch file makes it."""
    (tracker, *_), context = made("hand_tracker", *arguments)
    return {
        tuple("".join(part.perform(context) for part in side) for side in pair)
        for pair in tracker._Node__remappings
    }


def test_transforms_go_to_the_tf_that_all_nodes_share_unless_asked_for_another():
    assert {pair for pair in remaps() if pair[0].startswith("/tf")} == set()
    namespaced = remaps("namespaced_tf:=true", "namespace:=robot")
    assert namespaced >= {("/tf", "tf"), ("/tf_static", "tf_static")}


@pytest.mark.parametrize("name, executable", [("hand_tracker", "hand_tracker"), ("demo", "depth_camera")])
@pytest.mark.parametrize("mine", [None, "/mine.xml"])
def test_fast_dds_profile_is_our_nodes_own_and_only_where_none_is_set(monkeypatch, name, executable, mine):
    """It does not reach the other nodes of a launch that includes ours."""
    variable = "FASTDDS_DEFAULT_PROFILES_FILE"
    monkeypatch.delenv(variable, raising=False)
    if mine is not None:
        monkeypatch.setenv(variable, mine)
    actions, context = made(name)
    (ours,) = (one for one in actions if isinstance(one, Node) and one.node_executable == executable)
    added = {key[0].text: value[0].text for key, value in ours.additional_env or []}
    assert (variable in added) == (mine is None)
    assert all(Path(path).is_file() for path in added.values())
    assert context.environment.get(variable) == mine
    for other in actions:
        if isinstance(other, Node) and other is not ours:
            assert not other.additional_env


def started(executable: str, *arguments: str) -> list[tuple[dict, str, dict[str, str]]]:
    """Of the nodes with this executable: parameters, namespace, remappings, as the launch file makes them."""
    actions, context = made("hand_tracker", *arguments)
    found = []
    for one in actions:
        if isinstance(one, Node) and one.node_executable == executable:
            given = [
                p for p in evaluate_parameters(context, one._Node__parameters or []) if isinstance(p, dict)
            ]
            parameters = {key: value for part in given for key, value in part.items()}
            pairs = [tuple("".join(p.perform(context) for p in end) for end in pair)
                     for pair in one._Node__remappings]  # fmt: skip
            space = perform_substitutions(
                context, normalize_to_list_of_substitutions(one._Node__node_namespace)
            )
            found.append((parameters, space, dict(pairs)))
    return found


@pytest.mark.parametrize(
    "pushed, namespace, absolute",
    [
        ("", "", ""),
        ("", "robot", "/robot"),
        ("/cell", "", "/cell"),
        ("/cell", "robot", "/cell/robot"),
        ("/cell", "/robot", "/robot"),
    ],
)
@pytest.mark.parametrize("side, sides", [("auto", ("right", "left")), ("left", ("left",))])
def test_description_starts_a_robot_state_publisher_a_side_on_the_hands_joint_states(
    pushed, namespace, absolute, side, sides
):
    """``pushed`` is the namespace of a group that includes the launch file."""
    given = ["description:=true", f"namespace:={namespace}", f"side:={side}", f"ros_namespace:={pushed}"]
    nodes = started("robot_state_publisher", *given)
    assert [space for _, space, _ in nodes] == [f"{absolute}/{one}_hand" for one in sides]
    for one, (parameters, _, remappings) in zip(sides, nodes, strict=True):
        assert remappings == {"joint_states": f"{absolute}/hand_joint_states"}
        prefix = f"{absolute}/{one}_hand/".lstrip("/")
        assert parameters["robot_description"] == urdf_text(one, prefix=prefix)
    relays = started("description_relay", *given)
    assert [space for _, space, _ in relays] == [space for _, space, _ in nodes]
    ((tracker, _, _),) = started("hand_tracker", *given)
    assert tracker["tf_mode"] == "root"


def test_descriptions_have_the_prefix_and_the_side_that_the_file_of_parameters_says(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(
        "{/**: {ros__parameters: {side: left}}, /one/hand_tracker: {ros__parameters: {frame_prefix: x_}}}"
    )
    for namespace, given, prefix in (
        ("one", [], "x_left_hand/"), ("two", [], "two/left_hand/"), ("one", ["frame_prefix:=y_"], "y_left_hand/"),
    ):  # fmt: skip
        arguments = ["description:=true", f"params_file:={file}", f"namespace:={namespace}", *given]
        ((parameters, *_),) = started("robot_state_publisher", *arguments)
        assert parameters["robot_description"] == urdf_text("left", prefix=prefix)


def test_without_description_nothing_else_starts():
    assert not started("robot_state_publisher")
    assert not started("description_relay")
    assert not started("static_transform_publisher")
    ((tracker, _, _),) = started("hand_tracker")
    assert "tf_mode" not in tracker


def test_no_frame_has_two_publishers():
    with pytest.raises(RuntimeError, match="tf_mode is 'full', want root or none with description:=true"):
        made("hand_tracker", "description:=true", "tf_mode:=full")


@pytest.mark.parametrize(
    "text, flags",
    [("base_link,0.1,0,1.2,0,0.3,-1.57", ("--roll", "--pitch", "--yaw")),
     (" base_link, 0.1,0,1.2, 0,0,0,1", ("--qx", "--qy", "--qz", "--qw"))],
)  # fmt: skip
def test_place_of_the_camera_becomes_a_static_transform(text, flags):
    actions, _ = made("hand_tracker", f"camera_extrinsics:={text}", "fixed_frame:=cam")
    (node,) = (one for one in actions if isinstance(one, Node) and one.node_executable.startswith("static"))
    command = node._Node__arguments
    given = dict(zip(command[::2], command[1::2], strict=False))
    assert set(given) >= {"--x", "--y", "--z", *flags}
    assert (given["--frame-id"], given["--child-frame-id"], given["--z"]) == ("base_link", "cam", "1.2")


def test_a_quaternion_is_made_one_of_length_1():
    """tf2's listeners leave out transforms with another one, and 0.7 is not the root of 1/2."""
    actions, _ = made("hand_tracker", "camera_extrinsics:=base,0,0,1,0.7,0,0,0.7")
    command = actions[1]._Node__arguments
    given = dict(zip(command[::2], command[1::2], strict=False))
    assert sum(float(given[f"--q{axis}"]) ** 2 for axis in "xyzw") == pytest.approx(1.0, abs=1e-12)
    assert float(given["--qx"]) == pytest.approx(0.5**0.5)


@pytest.mark.parametrize(
    "text",
    [
        "base_link",
        ",0,0,1,0,0,0",
        "base_link,0,0,1,0,0,nan",
        "base_link,0,0,1,0,0,0,0",
        "base_link,a,0,1,0,0,0",
        "base_link,0,0,1,0,0,90",  # degrees
    ],
)
def test_place_that_is_none_is_named(text):
    with pytest.raises(RuntimeError, match="camera_extrinsics is '"):
        made("hand_tracker", f"camera_extrinsics:={text}")


def test_rviz_shows_the_robot_too_where_its_description_is_named():
    for topic, file in (("", "hand_tracker.rviz"), ("/robot/description", "robot_hand.rviz")):
        actions, context = made("hand_tracker", "rviz:=true", f"robot_description:={topic}")
        (rviz,) = (one for one in actions if isinstance(one, Node) and one.node_executable == "rviz2")
        (path,) = (text for text in rviz._Node__arguments if isinstance(text, str) and text.endswith(".rviz"))
        assert Path(path).name == file
        assert Path(path).is_file()
        pairs = {
            tuple("".join(part.perform(context) for part in end) for end in pair)
            for pair in rviz._Node__remappings
        }
        assert (("robot_description", topic) in pairs) == bool(topic)


def test_robot_hand_hands_the_cameras_place_and_the_solid_hand_on_to_the_tracker():
    place = "base_link,0,0,1,0,0,0"
    given = ["robot:=panda", "description:=true", f"camera_extrinsics:={place}", "camera:=d435", "rviz:=true"]
    actions, _ = made("robot_hand", *given)
    (tracker,) = (one for one in actions if isinstance(one, IncludeLaunchDescription))
    passed_on = dict(tracker.launch_arguments)
    for name, value in {"description": "true", "camera_extrinsics": place, "camera": "d435", "rviz": "true",
                        "robot_description": "robot_description", "side": "right"}.items():  # fmt: skip
        assert passed_on[name] == value
    assert "depth_image" not in passed_on  # the camera's
    declared = {a.name for a in description("hand_tracker").entities if isinstance(a, DeclareLaunchArgument)}
    assert set(passed_on) <= declared


def robots_node(*arguments: str) -> tuple[Node, dict, dict[str, str]]:
    """The node that robot_hand makes, the parameters that win over its file, and what the tracker is handed on."""
    actions, context = made("robot_hand", "robot:=panda", *arguments)
    (node,) = (one for one in actions if isinstance(one, Node))
    (tracker,) = (one for one in actions if isinstance(one, IncludeLaunchDescription))
    (_, given) = evaluate_parameters(context, node._Node__parameters)
    return node, given, dict(tracker.launch_arguments)


@pytest.mark.parametrize(
    "section, arguments, side, start_from",
    [
        (None, (), "right", "joint_states"),
        (None, ("side:=left", "start_from:=rest"), "left", "rest"),
        ("/**: {ros__parameters: {robot: panda}}", (), "right", "joint_states"),
        ("/**: {ros__parameters: {side: left, start_from: auto}}", (), "left", "auto"),
        ("hand_retarget: {ros__parameters: {side: left}}", (), "left", "joint_states"),
        ("/**: {ros__parameters: {side: left, start_from: auto}}", ("side:=right",), "right", "auto"),
        ("a: {ros__parameters: {side: left}}\nb: {ros__parameters: {side: right}}", ("node_name:=a",), "left",
         "joint_states"),
        ("/x/b: {ros__parameters: {side: left}}", ("node_name:=b",), "right", "joint_states"),  # another one
        ("/**: {ros__parameters: {side: right}}\n/x/b: {ros__parameters: {side: left}}",
         ("node_name:=b", "namespace:=x"), "left", "joint_states"),
    ],
)  # fmt: skip
def test_robot_hands_file_holds_where_no_argument_is_given(tmp_path, section, arguments, side, start_from):
    if section is not None:
        (tmp_path / "mine.yaml").write_text(section)
        arguments = (*arguments, f"retarget_file:={tmp_path / 'mine.yaml'}")
    _, given, passed_on = robots_node(*arguments)
    for name, value in (("side", side), ("start_from", start_from)):
        if name in given:
            assert given[name] == value
        else:  # nothing stands over the file's own
            assert f"{name}: {value}" in section
    assert passed_on["side"] == side


@pytest.mark.parametrize(
    "parameters, arguments, hands, side",
    [
        (None, (), None, "right"),
        (None, ("hands:=2",), "2", "auto"),
        (None, ("hands:=1", "side:=left"), "1", "left"),
        ("hands: 2", (), None, "auto"),
        ("hands: 2", ("hands:=1",), "1", "right"),
        ("side: auto", (), None, None),
        ("side: auto", ("side:=left",), None, "left"),
        ("tf_mode: root", (), None, "right"),
    ],
)
def test_trackers_file_holds_where_no_argument_of_robot_hand_is_given(
    tmp_path, parameters, arguments, hands, side
):
    if parameters is not None:
        (tmp_path / "mine.yaml").write_text(f"hand_tracker: {{ros__parameters: {{{parameters}}}}}")
        arguments = (*arguments, f"params_file:={tmp_path / 'mine.yaml'}")
    actions, _ = made("robot_hand", "robot:=panda", *arguments)
    (tracker,) = (one for one in actions if isinstance(one, IncludeLaunchDescription))
    passed_on = dict(tracker.launch_arguments)
    assert (passed_on.get("hands"), passed_on.get("side")) == (hands, side)
    unset = {
        "".join(part.perform(LaunchContext()) for part in one.name)
        for one in actions
        if isinstance(one, UnsetLaunchConfiguration)
    }
    assert {"hands", "side"} - set(passed_on) <= unset
    assert not unset & set(passed_on)


def test_two_robots_hands_have_nodes_and_topics_of_their_own():
    node, _, _ = robots_node("node_name:=left_retarget", "hands_topic:=/torso/hands", "tracker:=false")
    assert node._Node__node_name == "left_retarget"
    context = LaunchContext()
    pairs = {
        tuple("".join(part.perform(context) for part in end) for end in pair)
        for pair in node._Node__remappings
    }
    assert ("hands", "/torso/hands") in pairs
    with pytest.raises(RuntimeError, match="node_name is 'left hand', want letters, digits and _"):
        robots_node("node_name:=left hand")


@pytest.mark.slow
def test_robot_hand_starts_both_nodes_and_nothing_is_sent_before_it_is_engaged(launched):
    """A gripper, for it needs no other package."""
    from sensor_msgs.msg import JointState
    from std_msgs.msg import String
    from std_srvs.srv import SetBool

    run = launched(
        "robot_hand", "robot:=panda", "start_from:=rest", "model:=/nowhere.safetensors", "namespace:=left_arm"
    )
    states: list[str] = []
    commands: list[JointState] = []
    run.node.create_subscription(
        String, "/left_arm/hand_retarget/state", lambda m: states.append(m.data), LATCHED_QOS
    )
    run.node.create_subscription(JointState, "/left_arm/joint_command", commands.append, 10)
    client = run.node.create_client(SetBool, "/left_arm/hand_retarget/engage")
    assert run.spin_until(lambda: bool(states) and states[-1] == "disengaged: not engaged"), run.close()
    assert run.spin_until(client.service_is_ready)
    assert commands == []

    def engaged() -> bool:
        """The state is told an instant before the node is active: asked again then."""
        future = client.call_async(SetBool.Request(data=True))
        return run.spin_until(future.done, 20.0) and future.result().success

    assert run.spin_until(engaged, 30.0)
    assert run.spin_until(lambda: len(commands) > 3)
    assert {tuple(command.position) for command in commands} == {(0.04, 0.04)}  # at rest: there is no hand
    expected = {"/left_arm/hand_tracker", "/left_arm/hand_retarget"}
    assert run.spin_until(lambda: expected <= run.names(), 30.0), (run.names(), run.close())
    output = run.close()
    assert "Traceback" not in output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("frames:={here}", "intrinsics:=1,2"), "four numbers fx,fy,cx,cy"),
        (("frames:={here}/none", "intrinsics:=1,2,3,4"), "/none', want a folder of 16-bit depth PNGs"),
    ],
)
def test_demo_says_what_is_wrong_with_its_arguments(launched, tmp_path, arguments, why):
    run = launched("demo", *(argument.format(here=tmp_path) for argument in arguments))
    output, _ = run.process.communicate(timeout=60)
    assert why in output
    assert run.process.returncode != 0


def test_what_is_empty_for_the_tracker_is_handed_on_as_empty():
    _, overrides, passed_on = robots_node("user:=''", "urdf:=''")
    assert overrides["urdf"] == ""
    assert passed_on["user"] == "''"


@pytest.mark.parametrize(
    "given, topics, parameters",
    [
        ({}, ["depth/image_rect", "depth/camera_info"], set()),
        (
            {"camera": "d435"},
            ["/camera/camera/depth/image_rect_raw", "/camera/camera/depth/camera_info"],
            {"depth_unit", "rectified"},
        ),
        (
            {"camera": "zed", "depth_image": "/mine", "rectified": "false"},
            ["/mine", "/zed/zed_node/depth/camera_info"],
            {"depth_unit"},
        ),
    ],
)
def test_a_camera_sets_topics_and_parameters_and_what_is_given_itself_wins(given, topics, parameters):
    module = runpy.run_path(launch_file("hand_tracker"))
    defaults = {"camera": ""} | dict.fromkeys(("depth_unit", "rectified", "model"), module["FROM_FILE"])
    defaults |= dict.fromkeys(module["TOPIC_ARGUMENTS"], module["FROM_CAMERA"])
    remapped, overrides = module["camera_settings"](defaults | given)
    assert [topic for _, topic in remapped] == topics
    assert set(overrides) == parameters


@pytest.mark.parametrize(
    "in_file, argument, wanted",
    [
        (None, None, {}),
        (None, "true", {True}),
        (None, "false", {False}),
        (True, None, {True}),
        (True, "false", {False}),
        (False, "true", {True}),
    ],
)
def test_the_clock_is_what_the_argument_says_else_the_file_else_what_a_parent_set(
    tmp_path, in_file, argument, wanted
):
    """Where neither says anything no node is told, so that a ``SetParameter`` of the launch that includes it holds."""
    path = tmp_path / "mine.yaml"
    said = {} if in_file is None else {"use_sim_time": in_file}
    path.write_text(yaml.safe_dump({"/**": {"ros__parameters": {"hands": 1, **said}}}))
    arguments = [f"params_file:={path}", *([] if argument is None else [f"use_sim_time:={argument}"])]
    for executable in ("robot_state_publisher", "rviz2"):
        for parameters, *_ in started(executable, "description:=true", "rviz:=true", *arguments):
            assert {parameters[key] for key in parameters if key == "use_sim_time"} == set(wanted)
    (parameters, *_), *_ = started("hand_tracker", *arguments)
    overridden = {parameters[key] for key in parameters if key == "use_sim_time"}
    assert overridden == (set() if argument is None else set(wanted))  # the node reads the file itself
    actions, context = made("demo", *arguments)
    (camera,) = (one for one in actions if isinstance(one, Node))
    told = [part for part in evaluate_parameters(context, camera._Node__parameters) if isinstance(part, dict)]
    assert {part["use_sim_time"] for part in told if "use_sim_time" in part} == set(wanted)


def test_a_robots_node_and_its_tracker_are_told_of_the_clock_only_where_the_argument_is_given():
    _, overrides, passed_on = robots_node()
    assert "use_sim_time" not in overrides
    assert "use_sim_time" not in passed_on
    _, overrides, passed_on = robots_node("use_sim_time:=true")
    assert (overrides["use_sim_time"], passed_on["use_sim_time"]) == (True, "true")
