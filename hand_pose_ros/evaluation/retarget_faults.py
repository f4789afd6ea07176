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

DROPPED = 0.2
_HANDS_HZ, _COMMANDS_HZ = 30.0, 100.0
_ENGAGE_S = 1.0
_STREAM = 915
_ROUNDING = 1e-6  # of differences of positions over a millisecond, rad/s
# Shares of the frames at which something begins, and the most frames that it lasts.
_FLIP, _LOSS, _JUMP, _DOUBT = (0.01, 4), (0.006, 25), (0.02, 1), (0.01, 3)


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


def drive_through_faults(robot: Retargeter, side: str, frames: int, seed: int) -> FaultFigures:
    """``frames`` images of a moving hand with 20 % of them dropped, the side flipped, losses after which the hand has
    another track, doubtful hands and jumps to other poses. It is engaged again 0.3 s after each loss."""
    rng = np.random.default_rng([_STREAM, seed])
    figures = FaultFigures()
    commander = SafeCommander(robot.limits, SafetyConfig(), robot.rest)
    gate = HandGate(GateConfig(side))
    other = "left" if side == "right" else "right"
    stamps = np.arange(frames) / _HANDS_HZ
    poses, strange = moving_angles(seed, stamps), moving_angles(seed + 1, stamps)
    left = dict.fromkeys(("flip", "loss", "jump", "doubt"), 0)
    watch: _Watch | None = None
    track, followed_at, again_s, since_loss = 1, -1, _ENGAGE_S, -1
    before: Array | None = None
    now_s = 0.0
    for index in range(frames):
        # Commands until this frame comes.
        arrival_s = stamps[index] + rng.uniform(0.02, 0.045)
        while now_s < arrival_s:
            if now_s >= again_s:
                again_s = np.inf
                commander.disengage()
                gate.release()
                commander.engage(commander.positions, now_s)
                if watch is None:
                    watch = _Watch(robot, commander.positions, now_s, figures)
            command = commander.command(now_s)
            if command is not None:
                if watch is None:
                    figures.before_engage += 1
                else:
                    watch.see(command, now_s)
                if since_loss >= 0:
                    since_loss += 1
                    if commander.state in (SafetyState.HOLD, SafetyState.DISENGAGED):
                        figures.commands_until_hold = max(figures.commands_until_hold, since_loss)
                        since_loss = -1
            now_s += (1.0 / _COMMANDS_HZ) * rng.uniform(0.6, 1.6)
        now_s = max(now_s, arrival_s)
        for name, (share, most) in zip(left, (_FLIP, _LOSS, _JUMP, _DOUBT), strict=True):
            begins = left[name] == 0 and rng.random() < share
            left[name] = int(rng.integers(1, most + 1)) if begins else max(left[name] - 1, 0)
            if name == "loss" and left[name] and followed_at >= 0:
                followed_at = -1
                track += 1
                again_s = now_s + 0.3
        if rng.random() < DROPPED:
            continue
        figures.frames += 1
        angles = strange[index] if left["jump"] else poses[index]
        seen = SeenHand(other if left["flip"] else side, track, False, 0.1 if left["doubt"] else 0.9)
        chosen, why = gate.choose([] if left["loss"] else [seen], now_s)
        if chosen is None:
            if commander.state in (SafetyState.APPROACH, SafetyState.FOLLOW):
                figures.losses += 1
                since_loss = 0
            commander.refuse(why)
            continue
        followed_at = index
        commander.follow_until(gate.until_s)
        target = robot.engine.retarget(operator_hand(side, angles))
        if before is not None:
            step = float(np.abs(target - before).max())
            figures.most_engine_step_rad = max(figures.most_engine_step_rad, step)
        before = target
        commander.offer(target, now_s)
    return figures
