"""A robot's joint positions -> the bytes of the message that its driver takes.

In: commands (K,) in the engine's order, rad and m. Out: ``JointState`` on ``joint_command``, ``Float64MultiArray`` on
``position_commands`` or ``JointTrajectory`` on ``joint_trajectory``, with the driver's names and order, serialised.

Of a hundred messages a second only the numbers differ: rclpy makes and serialises the first one, and of the others the
numbers are written over its bytes. That takes a tenth of the time.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, MultiArrayDimension
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from hand_pose_ros.nodes.qos_overrides import PUBLISHER, Endpoint
from hand_pose_ros.nodes.topics import JOINT_COMMAND_TOPIC, RELIABLE_QOS
from hand_pose_ros.retarget.safety import JointCommand
from hand_pose_ros.validation import shown

COMMAND_ENDPOINTS: dict[str, Endpoint] = {
    "joint_state": Endpoint(JOINT_COMMAND_TOPIC, PUBLISHER, RELIABLE_QOS),
    "position_array": Endpoint("position_commands", PUBLISHER, RELIABLE_QOS),
    "joint_trajectory": Endpoint("joint_trajectory", PUBLISHER, RELIABLE_QOS),
}
"""By the parameter ``output``."""
_KINDS: dict[str, type] = {
    "joint_state": JointState,
    "position_array": Float64MultiArray,
    "joint_trajectory": JointTrajectory,
}

_STAMP = struct.Struct("=iI")
"""builtin_interfaces/Time in this machine's byte order, in which the middleware writes."""
_MARKED_STAMP = Time(sec=1_414_213_562, nanosec=373_095_048)


class CommandMessages:
    """Makes the messages of one robot.

    ``names`` (K,) of the engine's joints, ``prismatic`` (K,); ``joints`` the driver's names with commas between, empty
    for all. ``leaders``: by a joint of the robot that only follows another, which nobody commands, that one. ValueError
    for a name that cannot be commanded, and for degrees in a trajectory.
    """

    def __init__(
        self, output: str, names: Sequence[str], prismatic: Sequence[bool], prefix: str, joints: str,
        degrees: bool, period_s: float, leaders: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        if degrees and output == "joint_trajectory":
            raise ValueError(
                "parameter 'degrees' is true, want false with joint_trajectory, which is in radians"
            )
        named = [f"{prefix}{name}" for name in names]
        wanted = [name.strip() for name in joints.split(",")] if joints.strip() else named
        missing = [name for name in wanted if name not in named]
        twice = [name for name in named if wanted.count(name) > 1]
        if "" in wanted:
            raise ValueError(
                f"parameter 'joints' is '{shown(joints)}', want one comma between names: there is an empty one in"
                f" place {wanted.index('') + 1} of {len(wanted)}"
            )
        led = {f"{prefix}{name}": f"{prefix}{leader}" for name, leader in (leaders or {}).items()}
        follower = next((name for name in missing if name in led), None)
        if follower is not None:
            raise ValueError(
                f"parameter 'joints' names {shown(follower)}, which only follows {shown(led[follower])} in the URDF"
                " (mimic): leave it out"
            )
        if missing or twice:
            what = f"{shown(', '.join(missing))} which the robot has not"
            what = what if missing else f"{shown(', '.join(twice))} twice"
            raise ValueError(f"parameter 'joints' names {what}, want of {shown(', '.join(named), 1000)}")
        self.kind = _KINDS[output]
        self.names = wanted
        self.all_names = named
        order = np.array([named.index(name) for name in wanted], np.intp)
        factors = np.array([1.0 if prismatic[i] or not degrees else 180.0 / np.pi for i in order])
        self._order = None if wanted == named else order
        self._factors = factors if (factors != 1.0).any() else None
        self._ahead = Duration(seconds=period_s).to_msg()
        # Numbers that stand nowhere else in the message, and thus show where they are in its bytes.
        marks = np.pi * (1.0 + np.arange(2 * len(wanted)))
        positions, velocities = marks[: len(wanted)], marks[len(wanted) :]
        self._bytes = bytearray(
            serialize_message(self._message(positions.tolist(), velocities.tolist(), _MARKED_STAMP))
        )
        self._positions_at = self._find(positions.tobytes())
        self._velocities_at = self._find(velocities.tobytes())
        self._stamp_at = self._find(_STAMP.pack(_MARKED_STAMP.sec, _MARKED_STAMP.nanosec))

    def serialized(self, command: JointCommand, stamp_ns: int) -> bytes:
        """One command as its message's bytes; ``stamp_ns`` is the time at which it is sent."""
        message = self._bytes
        for numbers, place in (
            (command.positions, self._positions_at),
            (command.velocities, self._velocities_at),
        ):
            if place is not None:
                if self._order is not None:
                    numbers = numbers.take(self._order)
                if self._factors is not None:
                    numbers = numbers * self._factors
                written = numbers.tobytes()
                message[place : place + len(written)] = written
        if self._stamp_at is not None:
            _STAMP.pack_into(message, self._stamp_at, *divmod(stamp_ns, 1_000_000_000))
        return bytes(message)

    def _find(self, wanted: bytes) -> int | None:
        """Where these bytes stand in the message, None where it has no such numbers."""
        place = self._bytes.find(wanted)
        return None if place < 0 else place

    def _message(self, positions: list[float], velocities: list[float], stamp: Time) -> Any:
        if self.kind is Float64MultiArray:
            array = Float64MultiArray(data=positions)
            array.layout.dim = [
                MultiArrayDimension(label=",".join(self.names), size=len(positions), stride=len(positions))
            ]
            return array
        if self.kind is JointTrajectory:
            # The stamp stays 0, which means now: clocks of two computers differ. Without velocities: since Jazzy the
            # controller refuses a trajectory that does not end at rest (allow_nonzero_velocity_at_trajectory_end).
            point = JointTrajectoryPoint(positions=positions, time_from_start=self._ahead)
            return JointTrajectory(joint_names=self.names, points=[point])
        state = JointState(name=self.names, position=positions, velocity=velocities)
        state.header.stamp = stamp
        return state
