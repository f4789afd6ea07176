"""The node hand_retarget over real ROS: hands in, a robot's commands out, and when nothing may go out."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import MultiThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, Header, String
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_NAMES
from hand_pose_ros.msg import HandPose, HandPoseArray
from hand_pose_ros.nodes.conversions import hand_message
from hand_pose_ros.nodes.retarget_node import HandRetargetNode

pytestmark = pytest.mark.slow

URDF = """<robot name="two"><link name="base"/><link name="a"/><link name="b"/>
<joint name="curl" type="revolute"><parent link="base"/><child link="a"/><axis xyz="0 1 0"/>
<limit lower="0" upper="1.5" velocity="3" effort="1"/></joint>
<joint name="slide" type="prismatic"><parent link="a"/><child link="b"/><axis xyz="1 0 0"/>
<limit lower="0" upper="0.05" velocity="0.1" effort="1"/></joint></robot>"""

ROBOT = """
direct:
  curl: {angles: {index_mcp_flexion: 1.0}}
  slide: {angles: {index_pip_flexion: 0.05}}
"""


class RobotRig:
    """The node, what sends hands to it, and what a robot would hear."""

    def __init__(self, folder: Path, hand, **parameters) -> None:
        self.make_hand = hand
        (folder / "robot.yaml").write_text(ROBOT)
        (folder / "robot.urdf").write_text(URDF)
        given = {"robot": str(folder / "robot.yaml"), "urdf": str(folder / "robot.urdf"), "approach_s": 0.3}
        overrides = [Parameter(name, value=value) for name, value in (given | parameters).items()]
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = HandRetargetNode(context=self.context, parameter_overrides=overrides)
        self.helper = rclpy.create_node("helper", context=self.context)
        self.executor = MultiThreadedExecutor(6, context=self.context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.helper)
        self.hands = self.helper.create_publisher(HandPoseArray, "hands", 5)
        self.deadman = self.helper.create_publisher(Bool, "deadman", 5)
        self.robot: rclpy.Publisher | None = None
        self.received: dict[str, list] = {}
        self.times: list[float] = []
        latched = QoSProfile(depth=20, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.listen(JointState, "joint_command")
        self.listen(Float64MultiArray, "position_commands")
        self.listen(JointTrajectory, "joint_trajectory")
        self.listen(String, "hand_retarget/state", latched)
        self.listen(DiagnosticArray, "/diagnostics")
        self.thread = threading.Thread(target=self.executor.spin, daemon=True)
        self.thread.start()

    def start(self) -> None:
        self.node.autostart()
        assert self.wait(lambda: self.hands.get_subscription_count() > 0), self.error()

    def error(self) -> str:
        return self.node._configure_error or ""

    def listen(self, kind, topic, qos=100) -> None:
        messages = self.received.setdefault(topic, [])
        self.helper.create_subscription(kind, topic, messages.append, qos)

    def wait(self, condition, timeout_s=20.0) -> bool:
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            time.sleep(0.005)
        return bool(condition())

    def call(self, on: bool) -> SetBool.Response:
        client = self.helper.create_client(SetBool, "hand_retarget/engage")
        assert client.wait_for_service(20.0)
        future = client.call_async(SetBool.Request(data=on))
        assert self.wait(future.done)
        return future.result()

    def send(self, flexion=0.5, **changes) -> None:
        angles = np.zeros(ANGLE_COUNT)
        angles[ANGLE_NAMES.index("index_mcp_flexion")] = flexion
        angles[ANGLE_NAMES.index("index_pip_flexion")] = 0.4
        side = changes.pop("side", "right")
        message = hand_message(self.make_hand(side=side, angles=angles), Header(frame_id="camera"))
        for name, value in changes.items():
            setattr(message, name, value)
        self.hands.publish(HandPoseArray(state=HandPose.STATE_TRACK, hands=[message]))

    def show(self, seconds, flexion=0.5, **changes) -> None:
        """Hands at 50 Hz for a while."""
        for _ in range(round(seconds * 50)):
            self.send(flexion, **changes)
            time.sleep(0.02)

    @property
    def commands(self) -> list[JointState]:
        return self.received["joint_command"]

    @property
    def state(self) -> str:
        states = self.received["hand_retarget/state"]
        return states[-1].data if states else ""

    def close(self) -> None:
        self.node.close()
        self.executor.shutdown()
        self.thread.join(5.0)
        self.node.destroy_node()
        self.helper.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def robot(tmp_path, hand):
    rigs = []

    def make(start=True, **parameters):
        rigs.append(RobotRig(tmp_path, hand, **parameters))
        if start:
            rigs[-1].start()
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


def test_nothing_is_sent_before_engaging_and_then_the_hand_is_followed(robot):
    rig = robot()
    rig.show(0.5)
    assert rig.commands == []
    assert rig.state.startswith("disengaged")
    assert rig.call(True).success
    rig.show(1.0)
    assert rig.wait(lambda: rig.state == "follow")
    rig.show(0.2)
    last = rig.commands[-1]
    assert last.name == ["curl", "slide"]
    assert last.position == pytest.approx([0.5, 0.02], abs=1e-3)
    assert rig.commands[0].position == pytest.approx([0.0, 0.0], abs=0.02)


def test_commands_come_at_their_rate_and_within_the_velocity_limit(robot):
    rig = robot(approach_s=0.1)
    rig.call(True)
    for step in range(40):
        rig.send(1.5 * (step % 10 < 5))
        time.sleep(0.033)
    figures = rig.node.statistics.figures()
    assert figures["commands"] > 100
    assert max(abs(c.velocity[0]) for c in rig.commands) <= 3.0 + 1e-6
    assert max(c.position[0] for c in rig.commands) <= 1.5


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"side": "left"}, "only a hand of the other side than right"),
        ({"track_id": 99}, "another hand"),
        ({"confidence": 0.01}, "confidence 0.01"),
        ({"state": HandPose.STATE_COAST}, "the hand is hidden"),
    ],
)
def test_hand_that_is_not_the_one_to_follow_holds(robot, changes, reason):
    rig = robot()
    rig.call(True)
    rig.show(1.0)
    assert rig.wait(lambda: rig.state == "follow")
    rig.show(0.3, flexion=1.4, **changes)
    assert rig.wait(lambda: rig.state.startswith("hold: "))
    assert reason in rig.state
    rig.show(0.3, flexion=1.4, **changes)
    assert rig.commands[-1].position[0] < 1.0
    assert rig.commands[-1].velocity == pytest.approx([0.0, 0.0])


def test_silence_holds_and_the_same_hand_is_approached_again(robot):
    rig = robot()
    rig.call(True)
    rig.show(1.0)
    time.sleep(0.4)
    assert rig.wait(lambda: rig.state == "hold: no target for 200 ms")
    before = rig.node.statistics.commands
    assert rig.wait(lambda: rig.node.statistics.commands > before + 10, 5.0)  # it holds by commands
    rig.show(1.0)
    assert rig.wait(lambda: rig.state == "follow")


def test_tracker_that_was_started_again_moves_nothing_until_engaging_again(robot):
    rig = robot()
    assert rig.wait(lambda: rig.call(True).success)
    rig.show(1.5)
    assert rig.wait(lambda: rig.state == "follow")
    rig.helper.destroy_publisher(rig.hands)
    rig.hands = rig.helper.create_publisher(HandPoseArray, "hands", 5)
    assert rig.wait(lambda: rig.hands.get_subscription_count() > 0)
    rig.show(0.3, flexion=1.2)  # the same number, as of the first hand of every run
    assert rig.state == "hold: the tracker was started again: engage again"
    stands = list(rig.commands[-1].position)
    rig.show(0.3, flexion=1.2)
    assert list(rig.commands[-1].position) == stands
    assert rig.call(True).success
    rig.show(0.2, flexion=1.2)
    assert rig.wait(lambda: rig.commands[-1].position[0] > stands[0])


def test_hidden_hand_of_which_no_more_is_heard_holds_before_its_last_message_is_stale(robot):
    rig = robot(stale_s=5.0)
    rig.call(True)
    rig.show(1.0)
    assert rig.wait(lambda: rig.state == "follow")
    rig.send(state=HandPose.STATE_COAST)
    assert rig.wait(lambda: rig.state == "hold: the hand is hidden", 2.0)


def test_empty_and_hostile_messages_hold(robot):
    rig = robot()
    rig.call(True)
    rig.show(1.0)
    rig.hands.publish(HandPoseArray())
    assert rig.wait(lambda: rig.state == "hold: no hand")
    rig.show(0.5)
    broken = hand_message(rig.make_hand(), Header())
    broken.angles = np.full(ANGLE_COUNT, math.nan)
    broken.palm.orientation.w = broken.palm.orientation.x = broken.palm.orientation.y = 0.0
    broken.palm.orientation.z = 0.0
    rig.hands.publish(HandPoseArray(hands=[broken]))
    assert rig.wait(lambda: "the engine failed" in rig.state or "not finite" in rig.state)
    rig.show(0.3, palm=broken.palm)
    assert all(math.isfinite(p) for c in rig.commands for p in c.position)


def test_disengaging_ends_the_commands(robot):
    rig = robot()
    rig.call(True)
    rig.show(0.5)
    assert rig.call(False).success
    assert rig.wait(lambda: rig.state == "disengaged: not engaged")
    time.sleep(0.3)
    before = rig.node.statistics.commands
    rig.show(0.3)
    assert rig.node.statistics.commands == before


def test_button_that_was_heard_must_be_held(robot):
    rig = robot()
    rig.call(True)
    rig.show(0.3)
    assert rig.commands
    rig.deadman.publish(Bool(data=False))
    assert rig.wait(lambda: "deadman" in rig.state)
    for _ in range(25):
        rig.deadman.publish(Bool(data=True))
        rig.show(0.04)
    assert not rig.state.startswith("disengaged")
    assert rig.wait(lambda: rig.state == "disengaged: no word of the deadman's button for 300 ms")


def test_button_alone_engages_where_that_is_asked_for(robot):
    rig = robot(deadman="engages")
    assert not rig.call(True).success
    rig.show(0.2)
    assert rig.commands == []
    for _ in range(20):
        rig.deadman.publish(Bool(data=True))
        rig.show(0.04)
    assert rig.commands


def test_commands_start_where_the_robot_says_it_is(robot):
    rig = robot()
    states = rig.helper.create_publisher(JointState, "joint_states", 5)
    assert rig.wait(lambda: states.get_subscription_count() > 0)
    assert not rig.call(True).success  # somebody publishes them, but nothing came
    for _ in range(5):
        states.publish(JointState(name=["slide", "other", "curl"], position=[0.03, 9.0, 1.2]))
        time.sleep(0.02)
    assert rig.call(True).success
    assert rig.wait(lambda: rig.commands)
    assert rig.commands[0].position == pytest.approx([1.2, 0.03], abs=0.02)


def test_arm_and_hand_may_publish_their_joints_in_messages_of_their_own(robot):
    rig = robot(start_from="joint_states")
    states = rig.helper.create_publisher(JointState, "joint_states", 5)
    assert rig.wait(lambda: states.get_subscription_count() > 0)
    for _ in range(5):
        states.publish(JointState(name=["curl"], position=[1.2]))
        states.publish(JointState(name=["slide"], position=[0.03]))
        states.publish(JointState(name=["curl", "slide"], position=[0.5]))  # which of them?
        states.publish(JointState(name=["shoulder", "elbow"], position=[0.1, 0.2]))
        time.sleep(0.02)
    assert rig.call(True).success
    assert rig.wait(lambda: rig.commands)
    assert rig.commands[0].position == pytest.approx([1.2, 0.03], abs=0.02)


def test_engaging_needs_the_robots_state_where_that_is_asked_for(robot):
    rig = robot(start_from="joint_states")
    answer = rig.call(True)
    assert not answer.success
    assert "where the robot stands is not known: '/joint_states' is silent" in answer.message
    rig.show(0.3)
    assert rig.commands == []


def test_engaging_an_inactive_node_says_so(robot):
    rig = robot(start=False, autostart=False)
    answer = rig.call(True)
    assert (answer.success, answer.message) == (False, "the node is not active")


@pytest.mark.parametrize(
    "parameters, error",
    [
        ({"robot": ""}, "robot is '', want one of ability, allegro"),
        ({"robot": "hook"}, "robot is 'hook', want one of"),
        ({"robot": "/no/such.yaml"}, "cannot read the robot's hand"),
        ({"urdf": "/no/such.urdf"}, "urdf is '/no/such.urdf', which cannot be read"),
        ({"engine": "gripper"}, "has no section gripper"),
        ({"engine": "magic"}, "parameter 'engine' is 'magic', want one of: auto, direct"),
        ({"joints": "curl,wrist"}, "parameter 'joints' names wrist which the robot has not"),
        ({"degrees": True, "output": "joint_trajectory"}, "parameter 'degrees' is true"),
        ({"urdf": ""}, "joint curl has no lower limit in no URDF: give limits.curl.lower"),
    ],
)
def test_what_is_wrong_is_one_message_and_the_node_lives(robot, parameters, error):
    rig = robot(start=False, **parameters)
    rig.node.autostart()
    assert error in rig.error()
    assert "\n" not in rig.error()
    assert rig.wait(
        lambda: any(error in s.message for m in rig.received["/diagnostics"] for s in m.status), 5.0
    )


def test_description_comes_from_the_topic_where_that_is_asked_for(robot):
    rig = robot(start=False, urdf="robot_description")
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    rig.helper.create_publisher(String, "robot_description", latched).publish(String(data=URDF))
    rig.start()
    assert rig.error() == ""


def test_driver_gets_its_names_order_and_degrees(robot):
    rig = robot(joint_prefix="rh_", joints="rh_slide, rh_curl", degrees=True)
    rig.call(True)
    rig.show(1.0)
    assert rig.commands[-1].name == ["rh_slide", "rh_curl"]
    assert rig.commands[-1].position == pytest.approx([0.02, math.degrees(0.5)], abs=0.1)


def test_other_messages_hold_the_same_command(robot):
    array = robot(output="position_array")
    array.call(True)
    array.show(1.0)
    assert array.received["position_commands"][-1].data == pytest.approx([0.5, 0.02], abs=1e-3)
    assert array.commands == []


def test_trajectories_have_one_point_a_period_ahead(robot):
    rig = robot(output="joint_trajectory", command_rate_hz=50.0)
    rig.call(True)
    rig.show(1.0)
    trajectory = rig.received["joint_trajectory"][-1]
    (point,) = trajectory.points
    assert trajectory.joint_names == ["curl", "slide"]
    assert point.positions == pytest.approx([0.5, 0.02], abs=1e-3)
    assert point.time_from_start.nanosec == 20_000_000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_active_node_quietly(number):
    command = [sys.executable, "-m", "hand_pose_ros.nodes.process", "hand_pose_ros.nodes.retarget_node"]
    child = subprocess.Popen(
        [*command, "--ros-args", "-p", "robot:=panda"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in child.stdout:
            if "engage with" in line:
                break
        child.send_signal(number)
        output, _ = child.communicate(timeout=30.0)
    finally:
        child.kill()
    assert child.returncode == 0, output
    assert "Traceback" not in output


def test_diagnostics_tell_the_state_and_the_latency(robot):
    rig = robot()
    rig.call(True)
    rig.show(1.5)
    rig.received["/diagnostics"].clear()
    assert rig.wait(lambda: rig.received["/diagnostics"])
    values = {v.key: v.value for v in rig.received["/diagnostics"][-1].status[0].values}
    assert values["engine"] == "direct"
    assert values["state"] in ("follow", "hold")
    assert float(values["latency_ms_p50"]) < 100.0


def test_another_sender_of_commands_is_told_when_engaging_and_in_diagnostics(robot):
    rig = robot()
    rig.helper.create_publisher(JointState, "joint_command", 5)
    said = "1 more publish '/joint_command': right only where they move other joints"
    assert rig.wait(lambda: rig.node.count_publishers("/joint_command") == 2)
    assert said in rig.call(True).message
    assert rig.wait(
        lambda: any(said in s.message for m in rig.received["/diagnostics"] for s in m.status), 5.0
    )
    assert said not in rig.call(False).message


def test_description_that_comes_late_is_taken_when_the_node_is_configured_again(robot, monkeypatch):
    monkeypatch.setattr("hand_pose_ros.nodes.robot_setup._DESCRIPTION_S", 0.3)
    rig = robot(start=False, urdf="robot_description")
    rig.node.autostart()
    assert "nothing came on that topic" in rig.error()
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = rig.helper.create_publisher(String, "robot_description", latched)
    publisher.publish(String(data=URDF))
    assert rig.wait(lambda: rig.node._robot_inputs.description == URDF)
    rig.start()
    assert rig.error() == ""
    rig.call(True)
    publisher.publish(
        String(data=URDF.replace('upper="1.5"', 'upper="0.3"'))
    )  # another robot: this one goes on
    rig.show(1.0, flexion=0.5)
    assert rig.commands[-1].position[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    "name, value",
    [("velocity_scale", 0.5), ("degrees", True), ("side", "left"), ("deadman", "off"), ("stale_s", 9.0)],
)
def test_parameters_of_an_active_node_do_not_change(robot, name, value):
    rig = robot()
    rig.call(True)
    (answer,) = rig.node.set_parameters([Parameter(name, value=value)])
    assert not answer.successful
    assert "read when the node configures" in answer.reason
    rig.show(0.6)
    assert rig.commands[-1].position == pytest.approx([0.5, 0.02], abs=1e-2)
