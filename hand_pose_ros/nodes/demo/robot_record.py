"""What a watcher saw of a robot's hand in a run, and the figures of it. No ROS.

In: commands (K,) with the times at which they were sent, states, what the tracker told (:class:`RunRecord`); times in
ns of one clock. Out: a dictionary ready for JSON: times in ms, gaps in mm, steps in rad.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import FINGERS, TIP_JOINTS
from hand_pose_ros.nodes.demo.run_record import RunRecord, SeenHand, rounded
from hand_pose_ros.retarget.fingertips import pinch_gap_m
from hand_pose_ros.retarget.retargeter import Retargeter
from hand_pose_ros.retarget.safety import SafetyState

Array = NDArray[np.float64]

PERCENTILES = (50, 95)
_SETTLED_NS = 200_000_000
"""A pinch counts from so long after it began: until then thumb and finger are on their way. Guessed: a third of the
time for which the demo's hand holds one."""
_ANSWER_NS = 15_000_000
"""So long after its hands came a command is taken for an answer to them. Derived: one period of commands and a half."""
_ROUNDING = 1e-6  # rad, m, or a second of them
_FOLLOWING = (SafetyState.APPROACH.value, SafetyState.FOLLOW.value)
_HOLDING = (SafetyState.HOLD.value, SafetyState.REST.value)


@dataclass(eq=False)
class RobotRecord:
    """All commands and states of a run, in the order in which they were sent."""

    name: str
    side: str
    robot: Retargeter
    command_times: list[int] = field(default_factory=list)
    positions: list[Array] = field(default_factory=list)
    """(K,) of each command, as the robot's engine orders them."""
    velocities: list[Array] = field(default_factory=list)
    state_times: list[int] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    """As the topic says them: "hold: no hand"."""
    engage_times: list[int] = field(default_factory=list)
    """When the operator engaged: the first time and, after a hand was lost, again."""
    refusal: str = ""
    """Why the last call of the service did not engage; empty when it did."""
    hands_sent: dict[int, int] = field(default_factory=dict)
    """When the tracker sent the hands of the frame with this stamp."""

    def add_command(self, sent_ns: int, positions: Sequence[float], velocities: Sequence[float]) -> None:
        """Adds a command; ValueError where it has not K finite numbers of each."""
        count = len(self.robot.limits.lower)
        for name, numbers in (("positions", positions), ("velocities", velocities)):
            if len(numbers) != count or not np.isfinite(numbers).all():
                raise ValueError(f"a command has {len(numbers)} {name}, want {count} finite ones")
        self.command_times.append(sent_ns)
        self.positions.append(np.array(positions, np.float64))
        self.velocities.append(np.array(velocities, np.float64))

    def add_state(self, sent_ns: int, text: str) -> None:
        """Adds a state of the robot's node."""
        self.state_times.append(sent_ns)
        self.states.append(text)

    def positions_at(self, time_ns: int) -> Array | None:
        """The newest command's positions (K,) at a time, None before the first."""
        index = bisect_right(self.command_times, time_ns)
        return self.positions[index - 1] if index else None

    def state_at(self, time_ns: int) -> str:
        """The node's state at a time, as its topic says it; empty before the first."""
        index = bisect_right(self.state_times, time_ns)
        return self.states[index - 1] if index else ""

    def hand_of(self, run: RunRecord, stamp: int) -> SeenHand | None:
        """The hand of the robot's side that the tracker saw in a frame: the surest."""
        hands = [hand for hand in run.outputs.get(stamp, (0, []))[1] if hand.side == self.side]
        return max(hands, key=lambda hand: hand.confidence, default=None)

    def answered_at(self, run: RunRecord, stamp: int) -> int:
        """The time by which a frame's hands have moved the robot, ns."""
        return run.outputs[stamp][0] + _ANSWER_NS

    def summary(self, run: RunRecord) -> dict[str, Any]:
        """The figures. Those that nothing is known about are None.

        ``latency_ms``: from the sending of hands to that of the next command. ``age_ms``: from a depth image to that
        command. ``pinch_gap_mm``: between the robot's tips while the person holds a pinch of ``human_pinch_mm``, both
        medians over frames. ``max_step_rad``: from one command to the next, of turning joints. ``losses``: how often
        the robot was left without a hand to follow; ``hold_frames_after_loss``: frames in which it held for that.
        """
        limits = self.robot.limits
        count = len(limits.lower)
        positions = np.array(self.positions).reshape(-1, count)
        velocities = np.array(self.velocities).reshape(-1, count)
        times = np.array(self.command_times, np.int64)
        engaged = min(self.engage_times, default=None)
        span_s = (times[-1] - times[0]) * 1e-9 if len(times) > 1 else 0.0
        steps = np.abs(np.diff(positions, axis=0))
        sliding = np.array(self.robot.prismatic, bool)
        outside = (positions < limits.lower - _ROUNDING) | (positions > limits.upper + _ROUNDING)
        latencies, ages = self._latencies(run)
        robot_mm, human_mm = self._pinches(run)
        holds = self._hold_frames(run)
        return {
            "name": self.name,
            "side": self.side,
            "engine": self.robot.engine.name,
            "joints": count,
            "commands": len(times),
            "rate_hz": rounded((len(times) - 1) / span_s if span_s > 0 else None),
            "latency_ms": _percentiles(latencies),
            "age_ms": _percentiles(ages),
            "pinch_gap_mm": rounded(np.median(robot_mm) if robot_mm else None),
            "human_pinch_mm": rounded(np.median(human_mm) if human_mm else None),
            "pinch_frames": len(robot_mm),
            "max_step_rad": _largest(steps[:, ~sliding]),
            "max_step_m": _largest(steps[:, sliding]),
            "commands_before_engage": int((times < engaged).sum()) if engaged is not None else len(times),
            "commands_outside_limits": int(outside.any(axis=1).sum()),
            "commands_over_velocity": int(
                (np.abs(velocities) > limits.velocity + _ROUNDING).any(axis=1).sum()
            ),
            "refusal": self.refusal,
            "engagements": len(self.engage_times),
            "losses": self._losses(),
            "hold_frames_after_loss": holds,
        }

    def _latencies(self, run: RunRecord) -> tuple[list[float], list[float]]:
        """Of each frame with a hand that the robot followed: ms from its hands, and from its image, to the command."""
        latencies, ages = [], []
        for stamp, sent_ns in self.hands_sent.items():
            index = bisect_right(self.command_times, sent_ns)
            if stamp not in run.outputs or index == len(self.command_times) or index == 0:
                continue
            if self.hand_of(run, stamp) is not None and _kind(self.state_at(sent_ns)) in _FOLLOWING:
                latencies.append((self.command_times[index] - sent_ns) * 1e-6)
                ages.append((self.command_times[index] - stamp) * 1e-6)
        return latencies, ages

    def _pinches(self, run: RunRecord) -> tuple[list[float], list[float]]:
        """Of each frame in which the person has held a pinch for a while: (robot's gaps, person's gaps), mm."""
        robot_mm, human_mm = [], []
        stamps = sorted(run.outputs)
        for number, finger in enumerate(FINGERS[1:], start=1):
            since: int | None = None
            for stamp in stamps:
                if f"{finger} pinch" not in run.held.get(stamp, []):
                    since = None
                    continue
                since = stamp if since is None else since
                hand, time_ns = self.hand_of(run, stamp), self.answered_at(run, stamp)
                positions = self.positions_at(time_ns)
                follows = _kind(self.state_at(time_ns)) == SafetyState.FOLLOW.value
                if stamp - since < _SETTLED_NS or hand is None or positions is None or not follows:
                    continue
                gap = pinch_gap_m(self.robot, positions, finger)
                if gap is not None:
                    robot_mm.append(1e3 * gap)
                    tips = hand.joints[[TIP_JOINTS[0], TIP_JOINTS[number]]]
                    human_mm.append(1e3 * float(np.linalg.norm(tips[0] - tips[1])))
        return robot_mm, human_mm

    def _losses(self) -> int:
        kinds = [_kind(text) for text in self.states]
        return sum(before in _FOLLOWING and after in _HOLDING for before, after in pairwise(kinds))

    def _hold_frames(self, run: RunRecord) -> int:
        followed = [
            time
            for time, text in zip(self.state_times, self.states, strict=True)
            if _kind(text) in _FOLLOWING
        ]
        if not followed:
            return 0
        times = [self.answered_at(run, stamp) for stamp in run.outputs]
        return sum(time >= followed[0] and _kind(self.state_at(time)) in _HOLDING for time in times)


def _kind(state: str) -> str:
    return state.partition(":")[0]


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    found = np.percentile(values, PERCENTILES) if len(values) else (None,) * len(PERCENTILES)
    return {f"p{p}": rounded(value) for p, value in zip(PERCENTILES, found, strict=True)}


def _largest(steps: Array) -> float | None:
    return round(float(steps.max()), 5) if steps.size else None
