"""Hands in, commands out: what the active node hand_retarget does, without its topics.

In: the hands of each image and ticks of a timer, each from its own thread. Out: calls of ``send`` with each command and
of ``report`` with each new state. The engine runs outside the lock, so that ticks never wait for it; commands are sent
within it, so that none overtakes another.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from hand_pose_ros.hand.joint_sets import operator_points
from hand_pose_ros.msg import HandPose
from hand_pose_ros.nodes.conversions import SIDE_NAMES, rotation_matrix
from hand_pose_ros.nodes.hand_bytes import ReadHand
from hand_pose_ros.nodes.retarget_statistics import RetargetStatistics
from hand_pose_ros.nodes.steady_clock import STEADY, SteadyClock
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger, error_line
from hand_pose_ros.retarget.engagement import Engagement
from hand_pose_ros.retarget.engine import OperatorHand
from hand_pose_ros.retarget.hand_gate import HandGate, SeenHand
from hand_pose_ros.retarget.pace import Pace
from hand_pose_ros.retarget.retargeter import Retargeter
from hand_pose_ros.retarget.safety import JointCommand, SafeCommander, SafetyState
from hand_pose_ros.retarget.tracker_runs import TrackerRuns
from hand_pose_ros.retarget.two_places import TwoPlaces

Start = Callable[[float], np.ndarray | None]

_BRAKE_S, _BRAKE_POLL_S = 0.5, 0.005  # so long joints may take to stop; guessed: the shipped ones take 0.1 s
_SEVERAL = "several trackers publish 'hands' at once: end all but one, and engage again"
_TWO_PLACES = "the hand is in two places in turn, as two trackers' on 'hands' are: end all but one"


class DrivenBefore(NamedTuple):
    """What outlives a driver: whatever happens to the node, the robot stands where it was sent."""

    positions: Mapping[str, float] = MappingProxyType({})
    """Where its joints were sent last, by name; those that were never sent anywhere are not in it."""
    stopped: bool = False
    """The switch stopped it, where the deadman's button engages."""
    heard: bool = False
    """A deadman's button was heard."""
    moved_s: float = -math.inf
    """When it was last sent on, s of the steady clock: where it said to stand before is not where it stands."""


NOTHING = DrivenBefore()


class RobotDriver:
    """Drives one robot's hand.

    ``start(since_s)`` returns where the robot's joints are (K,) by what they said since then, None where that is the
    last command; it raises ValueError where that must be known and is not.
    """

    def __init__(
        self,
        retargeter: Retargeter,
        gate: HandGate,
        engagement: Engagement,
        commander: SafeCommander,
        statistics: RetargetStatistics,
        throttled_logger: ThrottledLogger,
        start: Start,
        send: Callable[[JointCommand], None],
        report: Callable[[SafetyState, str], None],
        clock: SteadyClock = STEADY,
        before: DrivenBefore = NOTHING,
    ) -> None:
        self._engine = retargeter.engine
        self._gate, self._engagement, self._commander = gate, engagement, commander
        self._statistics, self._throttled_logger = statistics, throttled_logger
        self._start, self._send, self._report = start, send, report
        self._now_s, self._before = clock.now_s, before
        self._runs, self._places = TrackerRuns(commander.config.stale_s), TwoPlaces()
        self._hands_pace, self._button_pace = Pace(commander.config.stale_s), Pace(engagement.timeout_s)
        self._lock = threading.RLock()
        self._engine_lock = threading.Lock()
        self._engine_start: np.ndarray | None = None
        self._engagements = 0
        self._has_sent = self._moves = False
        self._moved_s = before.moved_s
        self._reported: tuple[SafetyState, str] | None = None
        self._ending = self._closed = False
        self._announce()

    @property
    def state(self) -> tuple[SafetyState, str]:
        """What the robot's hand is doing, and why."""
        with self._lock:
            return self._commander.state, self._commander.reason

    def switch(self, on: bool) -> tuple[bool, str]:
        """The service: (whether it worked, what follows)."""
        with self._lock:
            if on and self._ending:
                return False, "the node is not active"
            if on and self._engagement.deadman == "engages":
                return self._lift_stop()
            again = on and self._commander.engaged
            self._engagement.switch(on)
            wanted, why = self._engagement.wanted(self._now_s())
            if not on:
                self._update_engagement()
                return True, "disengaged"
            if not wanted:
                self._update_engagement()
                self._announce()
                return True, f"switched on; {why}"
            error = self._engage() if again else self._update_engagement()
            if error is not None:
                self._engagement.switch(False)
                return False, error
            return True, "engaged: the hand is approached"

    def _lift_stop(self) -> tuple[bool, str]:
        """Where the button engages: switching on takes back that it was switched off, and does no more."""
        if not self._engagement.stopped:
            return False, "the deadman's button engages (parameter deadman)"
        self._engagement.switch(True)
        error = self._update_engagement()
        return (True, "the deadman's button engages again") if error is None else (False, error)

    def press(self, held: bool) -> None:
        """The deadman's button."""
        with self._lock:
            now_s = self._now_s()
            self._engagement.press(held, now_s)
            seldom_s = self._button_pace.hear(now_s)
            if not held:  # after it any silence is right
                self._button_pace.pause()
        self._warn_of_pace(
            "the words of the deadman's button", "deadman_timeout_s", self._button_pace, seldom_s
        )

    def tick(self) -> None:
        """The next command is due."""
        with self._lock:
            self._command()

    def on_hands(self, hands: Sequence[ReadHand], sender: bytes = b"", stamp_ns: int = 0) -> bool:
        """The hands of one image, its stamp, and who sent them, as ``TrackerRuns`` takes it; whether a command was sent
        for them."""
        arrived_s = self._now_s()
        self._statistics.receive()
        with self._lock:
            run = self._runs.see(sender, stamp_ns, arrived_s)
            seldom_s = self._hands_pace.hear(arrived_s)
            if not self._commander.engaged:
                return False
            self._warn_of_pace("hands", "stale_s", self._hands_pace, seldom_s)
            engagement = self._engagements
            followed, hand, why = self._choose(hands, sender, run, arrived_s)
            if followed is None or hand is None:
                self._refuse(why)
                return self._command()
            if self._gate.changed:  # it is approached as one that was lost, for it may be anywhere
                self._commander.refuse(f"another hand (track {followed.track_id}) is followed now")
            # Now, and not when the engine has answered: it may take longer than a hand may be hidden.
            self._commander.follow_until(self._gate.until_s)
            start, self._engine_start = self._engine_start, None
        target, why = self._retarget(hand, start)
        engine_s = self._now_s() - arrived_s
        # Nobody knows where such a hand is by now.
        if target is not None and engine_s > self._commander.config.stale_s:
            target, why = None, f"the engine took {engine_s:.1f} s to answer"
        with self._lock:
            if engagement != self._engagements:  # it is of the engagement before
                return False
            if target is None:
                self._refuse(why)
                return self._command()
            try:
                self._commander.offer(target, self._now_s())
            except ValueError as error:  # not as many joints as it says to have
                why = f"the engine failed: {error_line(error)}"
                self._throttled_logger.error("engine", why)
                self._refuse(why)
            sent = self._command()
            self._statistics.follow(engine_s, self._now_s() - arrived_s)
            return sent

    def _choose(
        self, hands: Sequence[ReadHand], sender: bytes, run: int, arrived_s: float
    ) -> tuple[ReadHand | None, OperatorHand | None, str]:
        """The hand of an image that is followed, as it came and as engines take it; None, and why, where none is."""
        index, why = self._gate.choose([_seen(hand) for hand in hands], arrived_s, run)
        if self._runs.several(arrived_s):
            # Their tracks are counted each by itself, so that none is known from image to image.
            return None, None, _SEVERAL
        if index is None:
            return None, None, why
        followed = hands[index]
        if not sender and self._places.see(followed.joints, followed.angles, arrived_s):
            return None, None, _TWO_PLACES
        try:
            return followed, operator_hand(followed), why
        except ValueError as error:
            return None, None, f"the hand cannot be followed: {error_line(error)}"

    def _retarget(self, hand: OperatorHand, start: np.ndarray | None) -> tuple[np.ndarray | None, str]:
        """The engine's target (K,) for a hand, from ``start`` (K,) on where that is given; None, and why, where the
        engine fails."""
        try:
            with self._engine_lock:
                if start is not None:
                    self._engine.start_from(start)
                return self._engine.retarget(hand), ""
        except Exception as error:  # noqa: BLE001  an engine is others' code: whatever it raises, the robot holds
            why = f"the engine failed: {error_line(error)}"
            self._throttled_logger.error("engine", why)
            return None, why

    def close(self, brakes: bool = False) -> DrivenBefore:
        """Disengages; no command goes out any more. ``brakes``: but those that bring moving joints to a stop, for which
        ticks go on meanwhile."""
        with self._lock:
            self._ending = True
            self._commander.disengage("not active")
            self._announce()
        end = time.monotonic() + _BRAKE_S
        while brakes and self._moves and time.monotonic() < end:
            time.sleep(_BRAKE_POLL_S)
        with self._lock:
            commander = self._commander
            stand = zip(commander.names, commander.positions.tolist(), commander.sent.tolist(), strict=True)
            sent = {name: at for name, at, is_sent in stand if is_sent and self._has_sent}
            button = self._engagement
            positions = {**self._before.positions, **sent}
            before = DrivenBefore(positions, button.stopped, button.heard, self._moved_s)
            self._engagement.reset()
            self._closed = True
            return before

    def _warn_of_pace(self, what: str, parameter: str, pace: Pace, seldom_s: float | None) -> None:
        if seldom_s is not None:
            self._throttled_logger.warn(
                parameter,
                f"{what} come {seldom_s:.2g} s apart, the parameter '{parameter}' is {pace.limit_s:g} s: the robot"
                " stops between any two of them. Send them more often, or raise it",
            )

    def _refuse(self, why: str) -> None:
        self._statistics.refuse()
        self._commander.refuse(why)

    def _update_engagement(self) -> str | None:
        """Engages or disengages as it is wanted; what stands in the way."""
        wanted, why = self._engagement.wanted(self._now_s())
        if self._ending or wanted == self._commander.engaged:
            return None
        if not wanted:
            self._commander.disengage(why)
            self._announce()
            return None
        return self._engage()

    def _engage(self) -> str | None:
        """Chooses what it follows anew, to be approached; what stands in the way. A robot that is engaged goes on from
        where it was sent: what holds a thing, or bears its weight, stands elsewhere, and would let it go."""
        try:
            given = None if self._commander.engaged else self._start(self._moved_s)
            start = self._sent_last() if given is None else given
            self._commander.engage(start, self._now_s())
        except ValueError as error:
            self._throttled_logger.error("engage", f"not engaged: {error}")
            self._commander.disengage(str(error))
            self._announce()
            return str(error)
        self._engagements += 1
        self._gate.release()
        # By the thread of the hands, before the next one: an engine that hangs must not hold up commands, nor the end.
        self._engine_start = self._commander.positions
        self._announce()
        return None

    def _sent_last(self) -> np.ndarray:
        """(K,): where the robot was sent last, by this driver or one before; its rest pose of joints that were sent
        nowhere yet."""
        commander, before = self._commander, self._before.positions
        if self._engagements:
            return commander.positions
        rest = zip(commander.names, commander.positions.tolist(), strict=True)
        return np.array([before.get(name, at) for name, at in rest])

    def _command(self) -> bool:
        # With each command: hands that come faster than ticks put these off for ever.
        self._update_engagement()
        now_s = self._now_s()
        command = None if self._closed else self._commander.command(now_s)
        if command is not None:
            self._has_sent = True
            self._moves = bool(command.velocities.any())
            if self._moves:
                self._moved_s = now_s
            self._send(command)
            self._statistics.send()
        self._announce()
        return command is not None

    def _announce(self) -> None:
        state = (self._commander.state, self._commander.reason)
        if state != self._reported:
            self._reported = state
            self._report(*state)


def _seen(hand: ReadHand) -> SeenHand:
    side = SIDE_NAMES.get(hand.side, "")
    return SeenHand(side, hand.track_id, hand.state != HandPose.STATE_TRACK, hand.confidence)


def operator_hand(hand: ReadHand) -> OperatorHand:
    """A message's hand as engines take it. ValueError where its palm has no orientation, or a number is not finite."""
    if not (np.isfinite(hand.joints).all() and np.isfinite(hand.angles).all()):
        raise ValueError("it holds numbers that are not finite")
    rotation = rotation_matrix(*hand.palm_quaternion)
    return OperatorHand(SIDE_NAMES[hand.side], operator_points(hand.joints, rotation), hand.angles)
