"""The limits on what a robot's hand is sent: nothing before it is engaged, and never a jump.

In: targets (K,) for a robot's joints (rad, m for prismatic ones) at any times, and the times (s, of one steady clock)
at which commands are due. Out: commands (K,) within each joint's limits of position, velocity and acceleration over the
time that really passed since the command before. It knows nothing of hands, engines or ROS.

It is a limiter, not a safety-rated function: it cannot know what the robot really does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.validation import all_finite, between, finite_array, one_of, positive, share, shown, typed

Array = NDArray[np.float64]

ON_LOSS: tuple[str, ...] = ("hold", "rest")
"""What the robot's hand does when there is no target to follow: it stands still, or goes to its rest pose."""

_ROUNDING = 1e-12
WHOLE_TURN = 2.0 * math.pi
"""rad (m): no joint counts as having a larger range when it is approached. Descriptions give joints that turn without
an end limits as large as they like, in whose share of any range every target would be near."""
LEAST_TURN = 0.2
"""rad: no joint that turns counts as having a smaller range while it stands outside its limits. One that is locked by
equal limits has no range of which to take a share, and its encoder some noise. Guessed: a tenth of it is a degree."""
LEAST_WAY = 0.01
"""m: the same of joints that slide. Guessed: a tenth of it is a millimetre."""
_UNKNOWN_S = 0.2  # guessed: LEAST_TURN at 1 rad/s


class SafetyState(str, Enum):
    """What the robot's hand is doing."""

    DISENGAGED = "disengaged"
    """Nothing is sent, but for what brings joints that still move to a stop."""
    APPROACH = "approach"
    """It moves slowly towards the target, until it has reached it once."""
    FOLLOW = "follow"
    """It follows the newest target within its limits."""
    HOLD = "hold"
    """There is no target to follow: it stops and stands still."""
    REST = "rest"
    """There is no target to follow: it moves slowly to its rest pose."""


@dataclass(frozen=True)
class SafetyConfig:
    """How a robot's hand is brought to what it follows, and when it stops."""

    stale_s: float = 0.2
    """A target older than this is none. Chosen: six frames of a camera of 30 Hz."""
    on_loss: str = "hold"
    """One of ON_LOSS."""
    approach_s: float = 2.0
    """During an approach a joint takes this long for its whole range. Guessed: slow enough to be stopped by eye."""
    approach_tolerance: float = 0.03
    """A joint has reached the target when it is within this share of its range. Guessed: 3 degrees of 100."""
    catch_up_s: float = 0.05
    """After a gap between commands a joint moves no further than in this time at its velocity limit: it has stood still
    meanwhile. Chosen: five commands at 100 Hz, well above a busy machine's jitter."""
    start_tolerance: float = 0.1
    """A robot whose joints stand outside their limits by more than this share of their range is not engaged. Guessed:
    calibration of robots' hands, where measured joints pass their nominal stops by some degrees."""

    def __post_init__(self) -> None:
        typed(self)
        positive(self, "stale_s", "approach_s", "catch_up_s")
        one_of(self, ON_LOSS, "on_loss")
        share(self, "approach_tolerance")
        between(self, 0.0, 1.0, "start_tolerance")


@dataclass(frozen=True, eq=False)
class JointLimits:
    """What each of K joints may do; arrays (K,), rad or m, and a second for velocity and acceleration."""

    lower: Array
    upper: Array
    velocity: Array
    acceleration: Array

    def __post_init__(self) -> None:
        count = np.shape(self.lower)
        for name in ("lower", "upper", "velocity", "acceleration"):
            array = finite_array(name, getattr(self, name), count)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if len(count) != 1:
            raise ValueError(f"lower is {count}, want one number a joint")
        if (self.lower > self.upper).any():
            raise ValueError("lower is above upper, want at most as large")
        if (self.velocity <= 0.0).any() or (self.acceleration <= 0.0).any():
            raise ValueError("velocity or acceleration is 0 or below, want more than 0")

    @property
    def span(self) -> Array:
        """(K,): each joint's whole range."""
        return self.upper - self.lower


@dataclass(frozen=True, eq=False)
class JointCommand:
    """What a robot's hand is to do now."""

    positions: Array
    """(K,) rad or m, within the limits; a joint that stood outside when the robot was engaged is outside until it was
    brought in, and never further than then."""
    velocities: Array
    """(K,) a second: from the command before to this one."""

    def __post_init__(self) -> None:
        for name in ("positions", "velocities"):  # the commander goes on from its own
            object.__setattr__(self, name, getattr(self, name).copy())


class SafeCommander:
    """Moves a robot's joints towards the newest target within their limits, once it is engaged.

    ``names`` (K,) are the joints', for messages. ``sent`` (K,) says of each whether the robot is sent it at all: where
    the others stand is of no account. ``least`` (K,) are their ``least_ranges``; None: nobody says what kinds they are.

    All times are of one clock. A time that is not after the one before, or is no finite number, is a clock that was
    set: the joints stand still, and nothing is followed until there is a newer target.
    """

    def __init__(
        self,
        limits: JointLimits,
        config: SafetyConfig,
        rest: ArrayLike | None = None,
        names: Sequence[str] | None = None,
        sent: ArrayLike | None = None,
        least: ArrayLike | None = None,
    ) -> None:
        self.limits, self.config = limits, config
        count = len(limits.lower)
        self.names = tuple(names) if names is not None else tuple(map(str, range(count)))
        self.sent = np.ones(count, bool) if sent is None else np.asarray(sent, bool)
        floor = least_ranges(limits.velocity) if least is None else np.asarray(least, np.float64)
        if len(self.names) != count or self.sent.shape != (count,) or floor.shape != (count,):
            raise ValueError(f"names, sent or least are not of {count} joints")
        pose = np.zeros(count) if rest is None else finite_array("rest", rest, (count,))
        self.rest: Array = np.clip(pose, limits.lower, limits.upper)
        span, near = np.minimum(limits.span, WHOLE_TURN), config.approach_tolerance
        self._bring_in = np.minimum(np.maximum(span, floor) / config.approach_s, limits.velocity)
        slow = np.minimum(span / config.approach_s, limits.velocity)
        locked = span < near * floor
        self._approach = np.where(locked, self._bring_in, slow)
        self._near = near * span
        self._outside = config.start_tolerance * np.maximum(limits.span, floor)
        self._positions, self._velocities = self.rest, np.zeros(count)
        self._reached = np.zeros(count, bool)
        self._target: Array | None = None
        self._target_s = self._last_s = math.nan
        self._begins = False  # the next command is the first after the robot was found at rest
        self._until_s = math.inf
        self.engaged = False
        self.state, self.reason = SafetyState.DISENGAGED, "not engaged"

    @property
    def positions(self) -> Array:
        """(K,): of the last command; the rest pose before the first."""
        return self._positions.copy()

    def engage(self, positions: ArrayLike, now_s: float) -> None:
        """From now on commands are given, the first of them where the robot's joints are, ``positions`` (K,).

        A joint that is not sent may be anywhere, NaN where nobody knows. ValueError, and nothing changes, where another
        is no finite number or far outside its limits; one that is a little outside is brought in as targets are. When
        it is engaged already, the approach begins again from the last command, for a robot is best sent on from where
        it was sent.
        """
        limits = self.limits
        if self.engaged or self._velocities.any():
            start = self._positions
        else:
            start = np.array(positions, np.float64)
            if start.shape != self.sent.shape:
                raise ValueError(f"the robot's position is {start.shape}, want {self.sent.shape}")
            unsent = np.where(np.isfinite(start), start, self.rest)
            start = np.where(self.sent, start, _within(unsent, limits.lower, limits.upper))
            beyond = np.maximum(limits.lower - start, start - limits.upper)
            beyond -= self._outside
            beyond = np.where(np.isfinite(start), beyond, math.inf)
            if (beyond > 0.0).any():
                joint = int(np.argmax(beyond))
                raise ValueError(
                    f"joint {shown(self.names[joint])} stands at {start[joint]:.3f}, "
                    f"want {limits.lower[joint]:.3f} to {limits.upper[joint]:.3f}"
                )
            self._last_s, self._begins = now_s, True
        self._positions = start
        self.engaged = True
        self._until_s = math.inf
        self._drop("no target yet")

    def disengage(self, reason: str = "disengaged") -> None:
        """No more commands, but those that bring moving joints to a stop."""
        self.engaged = False
        self._target = None
        self.state, self.reason = SafetyState.DISENGAGED, reason

    def offer(self, target: ArrayLike, now_s: float) -> None:
        """The newest target (K,); one that holds what is no finite number is refused. ValueError on another shape."""
        wanted = np.asarray(target, np.float64)
        if wanted.shape != self.limits.lower.shape:
            raise ValueError(f"target is {wanted.shape}, want {self.limits.lower.shape}")
        if not all_finite(wanted.tolist()):
            self.refuse("the target holds a value that is not finite")
        elif not math.isfinite(now_s) or now_s < self._last_s:
            self.refuse("the clock went backwards")
        elif self.engaged:
            if self._target is None or now_s - self._target_s > self.config.stale_s:  # it stood still
                self._reached[:] = False
                self.state, self.reason = SafetyState.APPROACH, ""
            self._target = _within(wanted, self.limits.lower, self.limits.upper)
            self._target_s = now_s

    def follow_until(self, until_s: float) -> None:
        """Until when targets are followed, this one and those to come, whatever their age: of a hand that is hidden.
        inf takes it back; what is no number is none to follow until."""
        self._until_s = until_s

    def refuse(self, reason: str) -> None:
        """There is nothing to follow, for this reason: the next command stops, and what is followed then is approached
        again."""
        if self.engaged:
            self._drop(reason)

    def command(self, now_s: float) -> JointCommand | None:
        """The command that is due now; None while nothing is to be sent."""
        if not self.engaged and not self._velocities.any():
            return None
        dt = now_s - self._last_s
        if not dt > 0.0 or not math.isfinite(now_s):
            if dt != 0.0:  # at the same time again, nothing changes
                self._velocities = np.zeros(len(self.names))
                self._last_s = now_s if math.isfinite(now_s) else self._last_s
                self.refuse("the clock went backwards")
            return JointCommand(self._positions, self._velocities)
        if self._target is not None and not 0.0 <= now_s - self._target_s <= self.config.stale_s:
            self.refuse(f"no target for {self.config.stale_s * 1e3:.0f} ms")
        elif self._target is not None and not now_s <= self._until_s:
            self.refuse("the hand is hidden")
        # Before the first command the robot was sent nowhere: no time has passed in which it could have moved.
        if not self._begins:
            self._move(dt)
        self._begins, self._last_s = False, now_s
        return JointCommand(self._positions, self._velocities)

    def _slowly(self) -> Array:
        """(K,): the speed at which each joint is brought to what it is to follow."""
        inside = (self.limits.lower <= self._positions) & (self._positions <= self.limits.upper)
        return np.where(inside, self._approach, self._bring_in)

    def _drop(self, reason: str) -> None:
        self._target = None
        rests = self.config.on_loss == "rest"
        self.state, self.reason = SafetyState.REST if rests else SafetyState.HOLD, reason

    def _move(self, dt: float) -> None:
        """The positions ``dt`` seconds on."""
        limits = self.limits
        limit = limits.velocity
        if self._target is not None:
            target = self._target
            if self.state is SafetyState.APPROACH:
                self._reached |= np.abs(target - self._positions) <= self._near
                limit = np.where(self._reached, limits.velocity, self._slowly())
                if self._reached.all():
                    self.state = SafetyState.FOLLOW
        elif self.state is SafetyState.REST:
            target, limit = self.rest, self._slowly()
        else:
            target = self._positions
        if dt > self.config.catch_up_s:
            # Beyond that only what its acceleration does not let a joint brake off: it has stood still in a gap.
            limit = limit * (self.config.catch_up_s / dt)
        velocity = next_velocity(target - self._positions, self._velocities, dt, limit, limits)
        # A joint that was found outside its limits comes in as fast as it may, and goes no further out.
        lower = np.minimum(limits.lower, self._positions)
        upper = np.maximum(limits.upper, self._positions)
        positions = _within(self._positions + velocity * dt, lower, upper)
        # A target within a rounding error is reached.
        near = np.abs(target - positions) < _ROUNDING
        positions[near] = target[near]
        moved = (positions - self._positions) / dt
        moved[np.abs(moved) < _ROUNDING] = 0.0
        self._velocities, self._positions = moved, positions


def least_ranges(velocity: Array, slides: Sequence[bool] | None = None) -> Array:
    """(K,) rad or m: the range that each joint counts as having at least while it stands outside its limits.
    ``slides`` says of each whether it slides or turns. Where nobody says (None), a limit of ``velocity`` (K,) alone
    tells rad from m: the range is what the joint goes in _UNKNOWN_S."""
    if slides is None:
        return np.clip(_UNKNOWN_S * velocity, LEAST_WAY, LEAST_TURN)
    return np.where(slides, LEAST_WAY, LEAST_TURN)


def next_velocity(
    distance: Array, velocity: Array, dt: float, preferred: Array, limits: JointLimits
) -> Array:
    """The velocity (K,) for the next ``dt`` seconds of joints that move with ``velocity`` and are to go ``distance``.

    It is the largest from which a joint still stops at the target, whatever the lengths of the steps after this one:
    what remains after this step, e - v dt, is at least the braking distance v^2 / (2 a) of a joint that brakes all the
    time, and braking in steps of any lengths goes less far than that. ``preferred`` (K,) limits the speed as far as the
    acceleration lets it; the limits of velocity and acceleration always hold.
    """
    a = limits.acceleration
    speed = a * (np.sqrt(dt * dt + 2.0 * np.abs(distance) / a) - dt)
    wanted = np.copysign(np.minimum(speed, preferred), distance)
    change = a * dt
    slowest = np.maximum(velocity - change, -limits.velocity)
    fastest = np.minimum(velocity + change, limits.velocity)
    return _within(wanted, slowest, fastest)


def _within(values: Array, lower: Array, upper: Array) -> Array:
    """As numpy's clip, in a third of its time for the few joints of a hand."""
    return np.asarray(np.minimum(np.maximum(values, lower), upper))
