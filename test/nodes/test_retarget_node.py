"""The node hand_retarget over real ROS: hands in, a robot's commands out, and when nothing may go out.

Its steady clock is the test's: it stands until the test lets time pass, and before it goes on, what was due has been
done and what was sent has been heard. So a test takes the same course on any machine, however slow.
"""

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
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, Header, String
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_NAMES
from hand_pose_ros.msg import HandPose, HandPoseArray
from hand_pose_ros.nodes.conversions import hand_message
from hand_pose_ros.nodes.node_main import spin_on
from hand_pose_ros.nodes.retarget_node import HandRetargetNode
from hand_pose_ros.nodes.steady_clock import STEADY, SteadyClock

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


PERIOD_S = 0.01
"""Of the commands, by the parameter's default."""


def wait(condition, timeout_s=60.0) -> bool:
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.0005)
    return bool(condition())


class SteppedClock(SteadyClock):
    """Stands until ``advance``. One thread waits by it, that of the commands: it does what is due, and sleeps again."""

    def __init__(self) -> None:
        self._now_s = 1000.0
        self._sleeper: tuple[threading.Condition, float] | None = None

    def now_s(self) -> float:
        return self._now_s

    def wait(self, condition, until_s) -> None:
        self._sleeper = condition, until_s
        condition.wait()
        self._sleeper = None

    def advance(self, seconds) -> None:
        end_s = self._now_s + seconds
        while self._now_s < end_s:
            condition, until_s = self._asleep()
            with condition:
                self._now_s = min(until_s, end_s)
                condition.notify()
            self._asleep()

    def _asleep(self) -> tuple[threading.Condition, float]:
        """The sleeper, once nothing is due."""
        found: list[tuple[threading.Condition, float]] = []

        def sleeps() -> bool:
            sleeper = self._sleeper
            if sleeper is not None and sleeper[1] > self._now_s:
                found.append(sleeper)
            return bool(found)

        assert wait(sleeps), "nobody sends commands"
        return found[0]


class WatchedNode(HandRetargetNode):
    """Counts what it has dealt with, and notes when it sends."""

    def __init__(self, steady, **arguments) -> None:
        self.dealt_with = {"hands": 0, "deadman": 0}
        self.sent_s: list[float] = []
        super().__init__(steady=steady, **arguments)

    def _on_hands(self, *arguments) -> None:
        super()._on_hands(*arguments)
        self.dealt_with["hands"] += 1

    def _on_deadman(self, *arguments) -> None:
        super()._on_deadman(*arguments)
        self.dealt_with["deadman"] += 1

    def _send(self, command) -> None:
        self.sent_s.append(self._steady.now_s())
        super()._send(command)


class RobotRig:
    """The node, what sends hands to it, and what a robot would hear."""

    def __init__(self, folder: Path, hand, clock=None, **parameters) -> None:
        self.make_hand = hand
        self.clock = SteppedClock() if clock is None else clock
        (folder / "robot.yaml").write_text(ROBOT)
        (folder / "robot.urdf").write_text(URDF)
        given = {"robot": str(folder / "robot.yaml"), "urdf": str(folder / "robot.urdf"), "approach_s": 0.3}
        overrides = [Parameter(name, value=value) for name, value in (given | parameters).items()]
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = WatchedNode(self.clock, context=self.context, parameter_overrides=overrides)
        self.helper = rclpy.create_node("helper", context=self.context)
        self.executor = MultiThreadedExecutor(6, context=self.context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.helper)
        # No executor has it: one that spins does not bear that a publisher of its nodes is destroyed.
        self.tracker = rclpy.create_node("tracker", context=self.context)
        self.hands = self.tracker.create_publisher(HandPoseArray, "hands", 5)
        self.deadman = self.helper.create_publisher(Bool, "deadman", 5)
        self.received: dict[str, list] = {}
        latched = QoSProfile(depth=20, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.listen(JointState, "joint_command")
        self.listen(Float64MultiArray, "position_commands")
        self.listen(JointTrajectory, "joint_trajectory")
        self.listen(String, "hand_retarget/state", latched)
        self.listen(DiagnosticArray, "/diagnostics")
        self.thread = threading.Thread(target=spin_on, args=[self.executor], daemon=True)
        self.thread.start()

    def start(self) -> None:
        self.node.autostart()
        assert self.wait(lambda: self.hands.get_subscription_count() > 0), self.error()
        assert self.wait(lambda: self.deadman.get_subscription_count() > 0)
        assert self.wait(lambda: self.node._commands.get_subscription_count() > 0)

    def error(self) -> str:
        return self.node._configure_error or ""

    def listen(self, kind, topic, qos=100) -> None:
        messages = self.received.setdefault(topic, [])
        self.helper.create_subscription(kind, topic, messages.append, qos)

    def wait(self, condition, timeout_s=60.0) -> bool:
        return wait(condition, timeout_s)

    def call(self, on: bool) -> SetBool.Response:
        client = self.helper.create_client(SetBool, "hand_retarget/engage")
        assert client.wait_for_service(60.0)
        future = client.call_async(SetBool.Request(data=on))
        assert self.wait(future.done)
        return future.result()

    def hear(self) -> None:
        """Waits until everything that the node sent was heard, which sends nothing more as long as the clock stands."""
        if self.clock is STEADY:
            return
        topics = ("joint_command", "position_commands", "joint_trajectory")
        assert self.wait(
            lambda: sum(len(self.received[topic]) for topic in topics) == self.node.statistics.commands
        )
        state, reason = self.node._driver.state
        told = f"{state.value}: {reason}" if reason else state.value
        assert self.wait(lambda: self.state == told), f"{self.state}, not {told}"

    def advance(self, seconds) -> None:
        """Time passes, in which nobody says anything."""
        self.clock.advance(seconds)
        self.hear()

    def publish(self, topic, message) -> None:
        """Hands or what the button says; returns when the node has dealt with it."""
        count = self.node.dealt_with[topic]
        {"hands": self.hands, "deadman": self.deadman}[topic].publish(message)
        assert self.wait(lambda: self.node.dealt_with[topic] > count)
        self.hear()

    def press(self, held) -> None:
        self.publish("deadman", Bool(data=held))

    def send(self, flexion=0.5, **changes) -> None:
        angles = np.zeros(ANGLE_COUNT)
        angles[ANGLE_NAMES.index("index_mcp_flexion")] = flexion
        angles[ANGLE_NAMES.index("index_pip_flexion")] = 0.4
        side = changes.pop("side", "right")
        message = hand_message(self.make_hand(side=side, angles=angles), Header(frame_id="camera"))
        for name, value in changes.items():
            setattr(message, name, value)
        self.publish("hands", HandPoseArray(state=HandPose.STATE_TRACK, hands=[message]))

    def show(self, seconds, flexion=0.5, **changes) -> None:
        """Hands at 50 Hz for a while."""
        for _ in range(round(seconds * 50)):
            self.send(flexion, **changes)
            self.advance(0.02)

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
        self.tracker.destroy_node()
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


@pytest.mark.parametrize("start_from", ["auto", "joint_states"])
@pytest.mark.parametrize("others", [{}, {"slide": 9.0}, {"slide": math.nan}])
def test_where_a_joint_stands_that_is_not_commanded_is_of_no_account(robot, start_from, others):
    rig = robot(joints="curl", start_from=start_from)
    states = rig.helper.create_publisher(JointState, "joint_states", 5)
    known = {"curl": 0.2, **others}
    message = JointState(name=list(known), position=list(known.values()))
    assert rig.wait(
        lambda: (states.publish(message), time.sleep(0.05), rig.node._robot_inputs._positions)[-1]
    )
    answer = rig.call(True)
    assert answer.success, answer.message
    rig.show(0.1)
    assert rig.commands[0].name == ["curl"]
    assert rig.commands[0].position[0] == 0.2


def test_joint_that_stands_outside_is_named(robot):
    rig = robot(start_from="joint_states", joint_prefix="rh_")
    states = rig.helper.create_publisher(JointState, "joint_states", 5)
    message = JointState(name=["rh_curl", "rh_slide"], position=[0.2, 0.5])
    assert rig.wait(
        lambda: (states.publish(message), time.sleep(0.05), rig.node._robot_inputs._positions)[-1]
    )
    answer = rig.call(True)
    assert not answer.success
    assert answer.message == "joint rh_slide stands at 0.500, want 0.000 to 0.050"


@pytest.mark.parametrize("rate_hz", [1.0, 5.0, 20.0, 200.0])
def test_joints_are_as_fast_as_they_may_at_every_rate_of_commands(robot, rate_hz):
    rig = robot(
        command_rate_hz=rate_hz, stale_s=10.0, approach_s=0.1, start_from="rest", follow_new_track=True
    )
    commander = rig.node._driver._commander
    commander.engage([0.0, 0.0], 0.0)
    now_s = 0.0
    while commander.positions[0] < 1.45:
        commander.offer([1.5, 0.0], now_s)
        now_s += 1.0 / rate_hz
        commander.command(now_s)
        assert now_s < 0.5 + 0.3 + 4.0 / rate_hz  # the range at 3 rad/s, the way to it at 30 rad/s^2, steps


def test_nothing_is_sent_before_engaging_and_then_the_hand_is_followed(robot):
    rig = robot()
    rig.show(0.5)
    assert rig.commands == []
    assert rig.state.startswith("disengaged")
    assert rig.call(True).success
    rig.show(1.0)
    assert rig.state == "follow"
    last = rig.commands[-1]
    assert last.name == ["curl", "slide"]
    assert last.position == pytest.approx([0.5, 0.02], abs=1e-3)
    assert rig.commands[0].position == pytest.approx([0.0, 0.0], abs=0.02)


def test_commands_come_at_their_rate_and_within_the_velocity_limit(robot):
    rig = robot(approach_s=0.1)
    rig.call(True)
    for step in range(40):
        rig.send(1.5 * (step % 10 < 5))
        rig.advance(0.033)
    assert rig.node.statistics.figures()["rate_out_hz"] > 100.0
    assert max(np.diff(rig.node.sent_s)) < PERIOD_S + 1e-9
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
    assert rig.state == "follow"
    rig.show(0.3, flexion=1.4, **changes)
    assert rig.state.startswith("hold: ")
    assert reason in rig.state
    rig.show(0.3, flexion=1.4, **changes)
    assert rig.commands[-1].position[0] < 1.0
    assert rig.commands[-1].velocity == pytest.approx([0.0, 0.0])


def test_silence_holds_and_the_same_hand_is_approached_again(robot):
    rig = robot()
    rig.call(True)
    rig.show(1.0)
    rig.advance(0.17)  # and the 20 ms after the last one
    assert rig.state == "follow"
    rig.advance(0.02)
    assert rig.state == "hold: no target for 200 ms"
    before = len(rig.commands)
    rig.advance(0.2)
    assert len(rig.commands) in (before + 19, before + 20, before + 21)  # it holds by commands
    rig.send(flexion=1.2)
    assert rig.state == "approach"
    rig.show(1.0, flexion=1.2)
    assert rig.state == "follow"


def test_tracker_that_was_started_again_moves_nothing_until_engaging_again(robot):
    rig = robot()
    assert rig.call(True).success
    rig.show(1.5)
    assert rig.state == "follow"
    rig.tracker.destroy_publisher(rig.hands)
    rig.hands = rig.tracker.create_publisher(HandPoseArray, "hands", 5)
    assert rig.wait(lambda: rig.hands.get_subscription_count() > 0)
    rig.show(0.3, flexion=1.2)  # the same number, as of the first hand of every run
    assert rig.state == "hold: the tracker was started again: engage again"
    stands = list(rig.commands[-1].position)
    rig.show(0.3, flexion=1.2)
    assert list(rig.commands[-1].position) == stands
    assert rig.call(True).success
    rig.show(0.2, flexion=1.2)
    assert rig.commands[-1].position[0] > stands[0]


def test_hidden_hand_of_which_no_more_is_heard_holds_before_its_last_message_is_stale(robot):
    rig = robot(stale_s=5.0)
    rig.call(True)
    rig.show(1.0)
    rig.send(state=HandPose.STATE_COAST)
    rig.advance(0.09)
    assert rig.state == "follow"
    rig.advance(0.03)
    assert rig.state == "hold: the hand is hidden"


def test_empty_and_hostile_messages_hold(robot):
    rig = robot()
    rig.call(True)
    rig.show(1.0)
    rig.publish("hands", HandPoseArray())
    assert rig.state == "hold: no hand"
    rig.show(0.5)
    broken = hand_message(rig.make_hand(), Header())
    broken.angles = np.full(ANGLE_COUNT, math.nan)
    broken.palm.orientation.w = broken.palm.orientation.x = broken.palm.orientation.y = 0.0
    broken.palm.orientation.z = 0.0
    rig.publish("hands", HandPoseArray(hands=[broken]))
    assert rig.state == "hold: the hand cannot be followed: it holds numbers that are not finite"
    rig.show(0.3, palm=broken.palm)
    assert all(math.isfinite(p) for c in rig.commands for p in c.position)


def test_disengaging_ends_the_commands(robot):
    rig = robot()
    rig.call(True)
    rig.show(0.5)
    assert rig.call(False).success
    rig.advance(0.3)  # joints that move are brought to a stop
    assert rig.state == "disengaged: not engaged"
    before = len(rig.commands)
    rig.show(0.3)
    assert len(rig.commands) == before


def test_button_that_was_heard_must_be_held(robot):
    rig = robot()
    rig.call(True)
    rig.show(0.3)
    assert rig.commands
    rig.press(False)
    rig.advance(PERIOD_S)
    assert rig.state == "disengaged: the deadman's button is not held"
    for _ in range(25):
        rig.press(True)
        rig.show(0.04)
        assert not rig.state.startswith("disengaged")
    rig.show(0.24)
    assert not rig.state.startswith("disengaged")
    rig.show(0.04)
    assert rig.state == "disengaged: no word of the deadman's button for 300 ms"


def test_button_alone_engages_where_that_is_asked_for(robot):
    rig = robot(deadman="engages")
    assert not rig.call(True).success
    rig.show(0.2)
    assert rig.commands == []
    for _ in range(20):
        rig.press(True)
        rig.show(0.04)
    assert rig.commands


def test_commands_start_where_the_robot_says_it_is(robot):
    rig = robot()
    states = rig.helper.create_publisher(JointState, "joint_states", 5)
    assert rig.wait(lambda: states.get_subscription_count() > 0)
    assert not rig.call(True).success  # somebody publishes them, but nothing came
    states.publish(JointState(name=["slide", "other", "curl"], position=[0.03, 9.0, 1.2]))
    assert rig.wait(lambda: "other" in rig.node._robot_inputs._positions)
    assert rig.call(True).success
    rig.advance(PERIOD_S)
    assert rig.commands[0].position == pytest.approx([1.2, 0.03], abs=0.02)


def test_what_the_robot_said_a_second_ago_is_not_where_it_stands(robot):
    rig = robot(start_from="joint_states")
    states = rig.helper.create_publisher(JointState, "joint_states", 5)
    assert rig.wait(lambda: states.get_subscription_count() > 0)
    states.publish(JointState(name=["slide", "curl"], position=[0.03, 1.2]))
    assert rig.wait(lambda: "curl" in rig.node._robot_inputs._positions)
    rig.advance(1.01)
    answer = rig.call(True)
    assert (answer.success, "'/joint_states' is silent" in answer.message) == (False, True)


def test_arm_and_hand_may_publish_their_joints_in_messages_of_their_own(robot):
    rig = robot(start_from="joint_states")
    states = rig.helper.create_publisher(JointState, "joint_states", 5)
    assert rig.wait(lambda: states.get_subscription_count() > 0)
    states.publish(JointState(name=["curl"], position=[1.2]))
    states.publish(JointState(name=["slide"], position=[0.03]))
    states.publish(JointState(name=["curl", "slide"], position=[0.5]))  # which of them?
    states.publish(JointState(name=["shoulder", "elbow"], position=[0.1, 0.2]))
    assert rig.wait(lambda: "elbow" in rig.node._robot_inputs._positions)
    assert rig.call(True).success
    rig.advance(PERIOD_S)
    assert rig.commands[0].position == pytest.approx([1.2, 0.03], abs=0.02)


@pytest.mark.parametrize("positions", [[], [0.5]])
def test_joints_without_positions_are_told_as_such(robot, positions):
    rig = robot(start_from="joint_states")
    states = rig.helper.create_publisher(JointState, "joint_states", 5)
    assert rig.wait(lambda: states.get_subscription_count() > 0)
    states.publish(JointState(name=["curl", "slide"], position=positions))
    inputs = rig.node._robot_inputs
    assert rig.wait(lambda: inputs._without_s > 0.0)
    if positions:
        told = inputs._throttled_logger.last_error
        assert rig.wait(lambda: "has 1 positions for 2 names" in (told() or ("",))[0])
    answer = rig.call(True)
    assert (answer.success, "'/joint_states' holds no positions" in answer.message) == (False, True)


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
        ({"urdf": "package://no_hand/a.urdf"}, "urdf is 'package://no_hand/a.urdf', but there is no package"),
        ({"urdf": "file:///no/such.urdf"}, "urdf is '/no/such.urdf', which cannot be read"),
        ({"robot": "http://x/y.yaml"}, "robot is 'http://x/y.yaml': want a path, file:///... or package://"),
        ({"joints": "curl,"}, "parameter 'joints' is 'curl,', want one comma between names"),
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
    assert rig.wait(lambda: any(error in s.message for m in rig.received["/diagnostics"] for s in m.status))


def test_description_comes_from_the_topic_where_that_is_asked_for(robot, monkeypatch):
    monkeypatch.setattr("hand_pose_ros.nodes.robot_setup._DESCRIPTION_S", 60.0)
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
    engine = rig.node._driver._engine
    retarget = engine.retarget
    engine.retarget = lambda hand: (rig.clock.advance(0.03), retarget(hand))[1]
    rig.call(True)
    rig.show(1.5)
    rig.received["/diagnostics"].clear()
    assert rig.wait(lambda: len(rig.received["/diagnostics"]) > 1)  # the first may have been on its way
    values = {v.key: v.value for v in rig.received["/diagnostics"][-1].status[0].values}
    assert values["engine"] == "direct"
    assert values["state"] == "follow"
    assert values["engine_ms_p50"] == values["latency_ms_p50"] == "30.00"


def test_another_sender_of_commands_is_told_when_engaging_and_in_diagnostics(robot):
    rig = robot()
    rig.helper.create_publisher(JointState, "joint_command", 5)
    said = "1 more publish '/joint_command': right only where they move other joints"
    assert rig.wait(lambda: rig.node.count_publishers("/joint_command") == 2)
    assert said in rig.call(True).message
    assert rig.wait(lambda: any(said in s.message for m in rig.received["/diagnostics"] for s in m.status))
    assert said not in rig.call(False).message


@pytest.mark.parametrize("autostart", [True, False])
def test_node_starts_by_itself_when_the_description_comes_late(robot, monkeypatch, autostart):
    monkeypatch.setattr("hand_pose_ros.nodes.robot_setup._DESCRIPTION_S", 0.3)
    monkeypatch.setattr("hand_pose_ros.nodes.robot_inputs._LOOK_S", 0.1)
    rig = robot(start=False, urdf="robot_description", autostart=autostart)
    rig.node.trigger_configure()
    assert "nothing came on that topic in 0.3 s" in rig.error()
    assert ("taken when it comes" in rig.error()) == autostart
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = rig.helper.create_publisher(String, "robot_description", latched)
    publisher.publish(String(data=URDF))
    assert rig.wait(lambda: rig.node._robot_inputs.description == URDF)
    if not autostart:
        time.sleep(0.5)
        assert rig.node._driver is None
        rig.node.trigger_configure()
        rig.node.trigger_activate()
    assert rig.wait(lambda: rig.hands.get_subscription_count() > 0), rig.error()
    assert rig.wait(lambda: rig.node._commands.get_subscription_count() > 0)
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


def test_clock_of_a_simulation_stamps_commands_and_stops_no_limit(robot):
    """It may stand, or run as it likes: what moves is a robot."""
    rig = robot(use_sim_time=True)
    clock = rig.helper.create_publisher(Clock, "/clock", 10)
    stamp = Clock()
    stamp.clock.sec = 42
    assert rig.wait(lambda: (clock.publish(stamp), rig.node.get_clock().now().nanoseconds > 0)[-1])
    rig.call(True)
    rig.show(1.0)
    assert rig.state == "follow"
    assert rig.commands[-1].position == pytest.approx([0.5, 0.02], abs=1e-3)
    assert {command.header.stamp.sec for command in rig.commands} == {42}
    rig.advance(0.3)
    assert rig.state == "hold: no target for 200 ms"


def test_hand_is_followed_by_the_systems_steady_clock(robot):
    rig = robot(clock=STEADY, stale_s=9.0)
    rig.call(True)
    assert rig.wait(lambda: (rig.send(), rig.state == "follow")[-1])
    count = len(rig.commands)
    assert rig.wait(lambda: len(rig.commands) > count + 20)  # without any more hands
    assert np.all(np.diff(rig.node.sent_s) > 0.0)


@pytest.mark.parametrize("start_from", ["auto", "rest"])
@pytest.mark.parametrize("cleaned_up", [False, True])
def test_robot_that_was_sent_somewhere_is_sent_on_from_there_when_the_node_is_active_again(
    robot, start_from, cleaned_up
):
    rig = robot(start_from=start_from)
    assert rig.call(True).success
    rig.show(2.0, 1.2)
    last, count = rig.commands[-1].position[0], len(rig.commands)
    assert last == pytest.approx(1.2, abs=0.01)
    rig.node.trigger_deactivate()
    if cleaned_up:
        rig.node.trigger_cleanup()
        rig.node.trigger_configure()
    rig.node.trigger_activate()
    assert rig.wait(lambda: rig.hands.get_subscription_count() > 0)
    assert rig.call(True).success
    rig.show(0.1, 1.2)
    assert rig.commands[count].position[0] == pytest.approx(last, abs=1e-9)


@pytest.mark.parametrize("start_from", ["auto", "joint_states"])
@pytest.mark.parametrize("between", ["engage", "activate"])
def test_where_the_robot_stood_before_it_was_sent_on_is_not_where_it_begins(robot, start_from, between):
    """A robot that says seldom where it stands, or that fell silent just now."""
    rig = robot(start_from=start_from, approach_s=0.1)
    states = rig.helper.create_publisher(JointState, "joint_states", 5)

    def say(curl):
        states.publish(JointState(name=["curl", "slide"], position=[curl, 0.0]))
        return wait(lambda: rig.node._robot_inputs._positions.get("curl", (0.0, None))[1] == curl)

    def begins():
        """The first command of another engagement, and the last of the one before."""
        if between == "activate":
            rig.node.trigger_deactivate()
            rig.node.trigger_activate()
            assert rig.wait(lambda: rig.hands.get_subscription_count() > 0)
        else:
            assert rig.call(False).success
            rig.advance(0.2)
        last, count = rig.commands[-1].position[0], len(rig.commands)
        assert rig.call(True).success
        rig.advance(PERIOD_S)
        return rig.commands[count].position[0], last

    assert rig.wait(lambda: states.get_subscription_count() > 0)
    assert say(0.1)
    assert rig.call(True).success
    rig.show(0.3, 1.0)
    first, last = begins()
    assert last > 0.4
    assert first == last
    assert say(0.25)
    assert begins()[0] == 0.25


def test_what_the_switch_stopped_stays_stopped_when_the_node_is_active_again(robot):
    rig = robot(deadman="engages")

    def hold(seconds):
        for _ in range(round(seconds * 20)):
            rig.press(True)
            rig.send(1.0)
            rig.advance(0.05)

    hold(0.5)
    assert rig.call(False).success
    hold(0.5)
    count = len(rig.commands)
    rig.node.trigger_deactivate()
    rig.node.trigger_activate()
    assert rig.wait(
        lambda: rig.hands.get_subscription_count() > 0 and rig.deadman.get_subscription_count() > 0
    )
    hold(0.5)
    assert len(rig.commands) == count
    rig.press(False)
    hold(0.5)
    assert len(rig.commands) > count


@pytest.mark.parametrize("rate_hz", [20.0, 100.0])
@pytest.mark.parametrize("word", [False, None], ids=["let go", "silent"])
def test_button_that_is_not_held_ends_the_commands_however_fast_hands_come(robot, rate_hz, word):
    """Hands come at 50 Hz, and put off the next command by a period each time."""
    rig = robot(deadman="required", command_rate_hz=rate_hz)

    def show(seconds, held, flexion):
        for step in range(round(seconds * 50)):
            if held is not None and step % 5 == 0:
                rig.press(held)
            rig.send(flexion)
            rig.advance(0.02)

    rig.press(True)
    assert rig.call(True).success
    show(0.6, True, 1.0)
    assert rig.state == "follow"
    show(0.4, word, 0.0)
    count = len(rig.commands)
    assert rig.state.startswith("disengaged")
    show(0.2, word, 0.0)
    assert len(rig.commands) == count
