"""Nodes hand_retarget over DDS, one for each side, driven by moving hands for a while.

In: a robot, sides, an engine, seconds, a folder for the nodes' logs. Out: :class:`DrivenFigures`. The latency is
from just before the publishing of a message of hands, which is serialised by then, until the first command that is sent
after that has arrived in this process's middleware: both ways are in it, but not making the one message and reading the
other with rclpy, which is not the node's. Commands come every 10 ms in any case: an answer that takes longer than
until the next one of them, some 7 ms, is not told from it. The node's own, from the arrival of the hands to the sending
of the command, is what its diagnostics say.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from hand_pose_ros.evaluation.operator_hands import moving_angles
from hand_pose_ros.evaluation.process_usage import MOST_GROWTH_PERCENT, Growth, Usage, growth, process_usage
from hand_pose_ros.hand.kinematics_numba import forward_kinematics
from hand_pose_ros.hand.skeleton import SHAPE_COUNT
from hand_pose_ros.msg import HandPose, HandPoseArray
from hand_pose_ros.nodes.conversions import hand_message
from hand_pose_ros.nodes.demo.demo import demo_environment
from hand_pose_ros.nodes.demo.processes import NodeProcesses
from hand_pose_ros.nodes.subscription_thread import Reader, SubscriptionThread
from hand_pose_ros.nodes.topics import DIAGNOSTICS_TOPIC, HANDS_TOPIC, JOINT_COMMAND_TOPIC, RELIABLE_QOS
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import read_robot, robot_file
from hand_pose_ros.synthetic.motion import KEYFRAME_S
from hand_pose_ros.tracking.hand import Hand, TrackState

# Rate: a usual camera's. Guessed, as the times that follow.
_RATE_HZ = 30.0
_READY_S = 60.0
_MOTION_S = 20 * KEYFRAME_S  # played to and fro
_SAMPLE_S = 1.0
_DEEP = QoSProfile(depth=1000)  # a reader that is held up for some seconds loses none


@dataclass(frozen=True)
class NodeFigures:
    """One node."""

    commands: int
    rate_hz: float
    latency_ms_p50: float | None
    latency_ms_p95: float | None
    node_ms_p50: float | None
    """From the arrival of the hands in the node to the sending of their command, by its diagnostics."""
    outside_limits: int
    over_velocity: int
    growth: Growth | None


@dataclass(frozen=True)
class DrivenFigures:
    """All nodes."""

    robot: str
    seconds: float
    sides: dict[str, NodeFigures]

    @property
    def problems(self) -> list[str]:
        """What must not be."""
        found = []
        for side, node in self.sides.items():
            if not node.commands:
                found.append(f"{self.robot} {side}: no commands over DDS")
            for name in ("outside_limits", "over_velocity"):
                if getattr(node, name):
                    found.append(
                        f"{self.robot} {side}: {getattr(node, name)} commands {name.replace('_', ' ')}"
                    )
            if node.growth is not None and node.growth.resident_percent > MOST_GROWTH_PERCENT:
                found.append(f"{self.robot} {side}: memory grew by {node.growth.resident_percent:.2f} %")
        return found

    def lines(self) -> list[str]:
        """The figures as lines of text."""
        lines = [f"{self.robot} over DDS for {self.seconds:.0f} s"]
        for side, node in self.sides.items():
            held = node.growth
            grown = (
                "" if held is None else f", {held.resident_mb:.0f} MB grew by {held.resident_percent:+.2f} %"
            )
            lines.append(
                f"  {side}: {node.commands} commands, {node.rate_hz:.1f} Hz, hands to command "
                f"p50 {_shown(node.latency_ms_p50)} ms, p95 {_shown(node.latency_ms_p95)}, "
                f"in the node {_shown(node.node_ms_p50)}; {node.outside_limits} outside limits, "
                f"{node.over_velocity} over velocity{grown}"
            )
        return lines


class _Listener:
    """What one node sends."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []
        self.sent_ns: list[int] = []
        self.received_ns: list[int] = []
        self.node_ms: list[float] = []

    def on_command(self, message: bytes, sent_ns: int, received_ns: int, sender: bytes) -> None:
        self.commands.append(message)
        self.sent_ns.append(sent_ns)
        self.received_ns.append(received_ns)


def latencies_ms(hands_ns: Sequence[int], sent_ns: Sequence[int], received_ns: Sequence[int]) -> np.ndarray:
    """From each publishing of hands until the first command sent after it is received, ms; hands that no command
    follows are left out. ``hands_ns`` and ``sent_ns`` in order of time, ``received_ns`` of the same commands."""
    hands, sent = np.array(hands_ns, np.int64), np.array(sent_ns, np.int64)
    first = np.searchsorted(sent, hands, side="right")
    answered = first < len(sent)
    return (np.array(received_ns, np.int64)[first[answered]] - hands[answered]) * 1e-6


def drive_nodes(robot: str, sides: Sequence[str], engine: str, seconds: float, folder: Path) -> DrivenFigures:
    """Starts a node for each side, engages it, and sends all hands in one message at 30 Hz. RuntimeError where one does
    not start."""
    environment = demo_environment()
    for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "FASTDDS_DEFAULT_PROFILES_FILE"):
        os.environ[name] = environment[name]  # of this process, for the same network
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("retarget_bench", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        with NodeProcesses(folder, environment) as processes:
            drive = _Drive(node, executor, processes, robot, sides, engine)
            try:
                return drive.run(seconds)
            finally:
                drive.close()
    finally:
        executor.shutdown()
        node.destroy_node()
        context.try_shutdown()


class _Drive:
    def __init__(
        self,
        node: Any,
        executor: Any,
        processes: NodeProcesses,
        robot: str,
        sides: Sequence[str],
        engine: str,
    ) -> None:
        self._node, self._executor, self._processes = node, executor, processes
        self._robot, self._engine = robot, engine
        self._listeners = {side: _Listener() for side in sides}
        self._threads: list[SubscriptionThread] = []
        self._failures: list[Exception] = []
        node.create_subscription(DiagnosticArray, DIAGNOSTICS_TOPIC, self._on_diagnostics, 10)
        self._publisher = node.create_publisher(HandPoseArray, HANDS_TOPIC, RELIABLE_QOS)
        self._hands_ns: list[int] = []

    def run(self, seconds: float) -> DrivenFigures:
        for side in self._listeners:
            self._start(side)
        messages = _messages(list(self._listeners))
        self._engage()
        usage: dict[str, list[Usage]] = {side: [] for side in self._listeners}
        start_s, sent, due_s = time.monotonic(), 0, 0.0
        while (now_s := time.monotonic() - start_s) < seconds:
            self._spin_until(start_s + due_s)
            due_s = max(due_s, now_s) + 1.0 / _RATE_HZ  # what it is late by is not made up
            place = sent % (2 * len(messages) - 2)
            message = messages[min(place, 2 * len(messages) - 2 - place)]
            self._hands_ns.append(time.time_ns())
            self._publisher.publish(message)
            sent += 1
            for side, samples in usage.items():
                if not samples or now_s >= samples[-1].time_s + _SAMPLE_S:
                    samples.append(process_usage(self._processes.pid(side), now_s))
        self.close()  # nothing comes any more while the figures are made
        return DrivenFigures(
            self._robot,
            seconds,
            {side: self._figures(side, usage[side], seconds) for side in self._listeners},
        )

    def _start(self, side: str) -> None:
        listener = self._listeners[side]
        topic = f"{side}/{JOINT_COMMAND_TOPIC}"
        # A thread for each: an executor would fall behind a hundred commands a second on a busy machine. As bytes,
        # so that this process takes no more of the cores than it must.
        options = {"topic": topic, "qos_profile": _DEEP, "raw": True}
        reader = Reader(JointState, options, listener.on_command)
        self._threads.append(SubscriptionThread(self._node, [reader], self._failures.append))
        parameters = {"robot": self._robot, "side": side, "engine": self._engine, "start_from": "rest"}
        remaps = {"hands": "/hands", JOINT_COMMAND_TOPIC: f"/{topic}", "__node": f"retarget_{side}"}
        self._processes.start(side, "hand_pose_ros.nodes.retarget_node", parameters, remaps)

    def close(self) -> None:
        """Ends the threads. RuntimeError where one of them failed."""
        for thread in self._threads:
            thread.close()
        if self._failures:
            raise RuntimeError(f"what a node sends cannot be read: {self._failures[0]}")

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            for side, listener in self._listeners.items():
                if f"retarget_{side}:" in status.name and "latency_ms_p50" in values:
                    listener.node_ms.append(float(values["latency_ms_p50"]))

    def _engage(self) -> None:
        for side in self._listeners:
            client = self._node.create_client(SetBool, f"retarget_{side}/engage")
            end_s = time.monotonic() + _READY_S
            done = False
            while not done and time.monotonic() < end_s and self._processes.status(side) is None:
                self._executor.spin_once(timeout_sec=0.1)
                if client.service_is_ready():
                    future = client.call_async(SetBool.Request(data=True))
                    self._executor.spin_until_future_complete(future, timeout_sec=2.0)
                    done = bool(future.done() and future.result().success)
            if not done:
                raise RuntimeError(f"the node hand_retarget did not start: {self._processes.log_tail(side)}")

    def _spin_until(self, end_s: float) -> None:
        self._executor.spin_once(timeout_sec=0.0)  # at least, however late it is
        while (left_s := end_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)

    def _figures(self, side: str, usage: list[Usage], seconds: float) -> NodeFigures:
        listener = self._listeners[side]
        robot = build_retargeter(read_robot(robot_file(self._robot, side)), self._engine, side)
        commands = [deserialize_message(message, JointState) for message in listener.commands]
        positions = np.array([list(command.position) for command in commands]).reshape(
            -1, len(robot.engine.joint_names)
        )
        velocities = np.array([list(command.velocity) for command in commands]).reshape(positions.shape)
        limits = robot.limits
        latencies = latencies_ms(self._hands_ns, listener.sent_ns, listener.received_ns)
        p50, p95 = np.percentile(latencies, (50, 95)) if len(latencies) else (np.nan, np.nan)
        return NodeFigures(
            commands=len(positions),
            rate_hz=len(positions) / seconds,
            latency_ms_p50=_known(p50),
            latency_ms_p95=_known(p95),
            node_ms_p50=_known(listener.node_ms[-1] if listener.node_ms else np.nan),
            outside_limits=int(((positions < limits.lower) | (positions > limits.upper)).any(axis=1).sum()),
            over_velocity=int((np.abs(velocities) > limits.velocity + 1e-6).any(axis=1).sum()),
            growth=growth(usage, 0.5 * seconds, 0.2 * seconds) if seconds >= 20.0 else None,
        )


def _known(value: float) -> float | None:
    """A figure, None where nothing was measured."""
    return float(value) if np.isfinite(value) else None


def _shown(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"


def _messages(sides: Sequence[str]) -> list[bytes]:
    times = np.arange(0.0, _MOTION_S, 1.0 / _RATE_HZ)
    tracks = {side: moving_angles(number, times) for number, side in enumerate(sides)}
    header = Header(frame_id="camera")
    messages = []
    for index in range(len(times)):
        hands = [_hand(side, track[index], number) for number, (side, track) in enumerate(tracks.items())]
        array = HandPoseArray(header=header, state=HandPose.STATE_TRACK)
        array.hands = [hand_message(hand, header) for hand in hands]
        messages.append(serialize_message(array))
    return messages


def _hand(side: str, angles: np.ndarray, track_id: int) -> Hand:
    posed = forward_kinematics(side, np.eye(3), np.array([0.0, 0.0, 0.5]), angles, np.zeros(SHAPE_COUNT))
    return Hand(
        side=side,
        track_id=track_id + 1,
        state=TrackState.TRACK,
        confidence=0.9,
        joints=posed.joints,
        joint_confidence=np.full(len(posed.joints), 0.9),
        angles=angles,
        rotation=np.eye(3),
        translation=np.array([0.0, 0.0, 0.5]),
        segment_positions=posed.segment_positions,
        segment_rotations=posed.segment_rotations,
        shape=np.zeros(SHAPE_COUNT),
    )
