"""A robot's hand driven by hands that are dropped, flipped, lost and that jump: what is sent, and what must not be.

In: a ``Retargeter``, a number of frames, a seed. Out: :class:`FaultFigures`. Time is simulated: hands at 30 Hz,
commands at 100 Hz with some jitter, through the gate, the engine and the limits that the node uses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hand_pose_ros.evaluation.operator_hands import moving_angles, operator_hand
from hand_pose_ros.retarget.engine import Array
from hand_pose_ros.retarget.hand_gate import GateConfig, HandGate, SeenHand
from hand_pose_ros.retarget.retargeter import Retargeter
from hand_pose_ros.retarget.safety import JointCommand, SafeCommander, SafetyConfig, SafetyState
from hand_pose_ros.synthetic.random_streams import SeedStream

# Share of the frames that are lost, usual rates, and how long a robot is engaged before. Guessed.
DROPPED = 0.2
_HANDS_HZ, _COMMANDS_HZ = 30.0, 100.0
_ENGAGE_S = 1.0
_ROUNDING = 1e-6  # of differences of positions over a millisecond, rad/s
_ACCIDENTS: dict[str, tuple[float, int]] = {
    "flip": (0.01, 4),
    "loss": (0.006, 25),
    "jump": (0.02, 1),
    "doubt": (0.01, 3),
}
"""Share of the frames at which each begins, and the most frames that it lasts. Guessed."""


@dataclass
class FaultFigures:
    """Counts over a run."""

    frames: int = 0
    """Hands that arrived; those that were dropped are left out."""
    commands: int = 0
    before_engage: int = 0
    """Commands before it was engaged."""
    outside_limits: int = 0
    """Commands with a joint outside its limits, or that is no finite number."""
    over_velocity: int = 0
    over_acceleration: int = 0
    """Commands with a joint whose step from the command before is over its limit on the time that passed."""
    losses: int = 0
    """Moments from which on there was no hand to follow."""
    commands_until_hold: int = 0
    """The most commands after a loss before one that holds."""
    most_step_rad: float = 0.0
    """The largest step of a joint from a command to the next, rad (m)."""
    most_engine_step_rad: float = 0.0
    """The same of the engine's answers, from a frame to the next: what would have been sent without limits."""

    @property
    def problems(self) -> list[str]:
        """What must not be."""
        names = ("before_engage", "outside_limits", "over_velocity", "over_acceleration")
        found = [
            f"{getattr(self, name)} commands {name.replace('_', ' ')}"
            for name in names
            if getattr(self, name)
        ]
        if self.commands_until_hold > 1:
            found.append(f"{self.commands_until_hold} commands before one that holds after a loss")
        return found


class _Watch:
    """Checks commands against the limits, knowing nothing of how they were made."""

    def __init__(self, robot: Retargeter, start: Array, start_s: float, figures: FaultFigures) -> None:
        self._limits, self._figures = robot.limits, figures
        self._last, self._last_s, self._velocity = start, start_s, np.zeros(len(start))

    def see(self, command: JointCommand, now_s: float) -> None:
        figures, limits, positions = self._figures, self._limits, command.positions
        figures.commands += 1
        inside = (positions >= limits.lower) & (positions <= limits.upper)
        figures.outside_limits += not inside.all()
        dt = now_s - self._last_s
        if dt > 0.0:
            velocity = (positions - self._last) / dt
            figures.over_velocity += bool((np.abs(velocity) > limits.velocity + _ROUNDING).any())
            change = np.abs(velocity - self._velocity)
            figures.over_acceleration += bool((change > limits.acceleration * dt + _ROUNDING).any())
            self._velocity = velocity
        figures.most_step_rad = max(figures.most_step_rad, float(np.abs(positions - self._last).max()))
        self._last, self._last_s = positions, now_s


class _Accidents:
    """For how many frames more each kind of accident lasts."""

    def __init__(self) -> None:
        self.flip = self.loss = self.jump = self.doubt = 0

    def go_on(self, rng: np.random.Generator) -> None:
        """To the next frame."""
        for name, (share, most) in _ACCIDENTS.items():
            left = getattr(self, name)
            begins = left == 0 and rng.random() < share
            setattr(self, name, int(rng.integers(1, most + 1)) if begins else max(left - 1, 0))


class _Drive:
    """The robot's hand as the node drives it: gate, engine and limits, in simulated time."""

    def __init__(self, robot: Retargeter, side: str) -> None:
        self.figures = FaultFigures()
        self.now_s = 0.0
        self._robot, self._side = robot, side
        self._commander = SafeCommander(robot.limits, SafetyConfig(), robot.rest)
        self._gate = HandGate(GateConfig(side))
        self._watch: _Watch | None = None
        self._again_s = _ENGAGE_S
        self._since_loss = -1
        self._target: Array | None = None

    def command_until(self, time_s: float, rng: np.random.Generator) -> None:
        """Commands until the next frame comes."""
        while self.now_s < time_s:
            if self.now_s >= self._again_s:
                self._engage()
            command = self._commander.command(self.now_s)
            if command is not None:
                self._see(command)
            self.now_s += (1.0 / _COMMANDS_HZ) * rng.uniform(0.6, 1.6)
        self.now_s = max(self.now_s, time_s)

    def engage_in(self, wait_s: float) -> None:
        """Engages anew after so long."""
        self._again_s = self.now_s + wait_s

    def _engage(self) -> None:
        self._again_s = np.inf
        self._commander.disengage()
        self._gate.release()
        self._commander.engage(self._commander.positions, self.now_s)
        if self._watch is None:
            self._watch = _Watch(self._robot, self._commander.positions, self.now_s, self.figures)

    def _see(self, command: JointCommand) -> None:
        if self._watch is None:
            self.figures.before_engage += 1
        else:
            self._watch.see(command, self.now_s)
        if self._since_loss >= 0:
            self._since_loss += 1
            if self._commander.state in (SafetyState.HOLD, SafetyState.DISENGAGED):
                self.figures.commands_until_hold = max(self.figures.commands_until_hold, self._since_loss)
                self._since_loss = -1

    def follow(self, seen: list[SeenHand], angles: Array) -> bool:
        """A frame that arrives, in which a hand has angles (20,) rad; whether it is followed."""
        self.figures.frames += 1
        chosen, why = self._gate.choose(seen, self.now_s)
        if chosen is None:
            if self._commander.state in (SafetyState.APPROACH, SafetyState.FOLLOW):
                self.figures.losses += 1
                self._since_loss = 0
            self._commander.refuse(why)
            return False
        self._commander.follow_until(self._gate.until_s)
        target = self._robot.engine.retarget(operator_hand(self._side, angles))
        if self._target is not None:
            step = float(np.abs(target - self._target).max())
            self.figures.most_engine_step_rad = max(self.figures.most_engine_step_rad, step)
        self._target = target
        self._commander.offer(target, self.now_s)
        return True


def drive_through_faults(robot: Retargeter, side: str, frames: int, seed: int) -> FaultFigures:
    """``frames`` images of a moving hand with 20 % of them dropped, the side flipped, losses after which the hand has
    another track, doubtful hands and jumps to other poses. It is engaged again 0.3 s after each loss."""
    rng = np.random.default_rng([SeedStream.RETARGET_FAULTS, seed])
    drive, accidents = _Drive(robot, side), _Accidents()
    other = "left" if side == "right" else "right"
    stamps = np.arange(frames) / _HANDS_HZ
    poses, strange = moving_angles(seed, stamps), moving_angles(seed + 1, stamps)
    track, followed = 1, False
    for index in range(frames):
        drive.command_until(stamps[index] + rng.uniform(0.02, 0.045), rng)
        accidents.go_on(rng)
        if accidents.loss and followed:
            followed = False
            track += 1
            drive.engage_in(0.3)
        if rng.random() < DROPPED:
            continue
        seen = SeenHand(other if accidents.flip else side, track, False, 0.1 if accidents.doubt else 0.9)
        angles = strange[index] if accidents.jump else poses[index]
        followed |= drive.follow([] if accidents.loss else [seen], angles)
    return drive.figures
