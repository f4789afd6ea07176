"""What hand_retarget does with hands, ticks, the button and the switch, whatever comes when: on a clock of its own."""

from __future__ import annotations

import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.hand.skeleton import ANGLE_COUNT, JOINT_COUNT
from hand_pose_ros.msg import HandPose
from hand_pose_ros.nodes.hand_bytes import ReadHand
from hand_pose_ros.nodes.retarget_statistics import RetargetStatistics
from hand_pose_ros.nodes.robot_driver import NOTHING, RobotDriver
from hand_pose_ros.retarget.engagement import DEADMAN, Engagement
from hand_pose_ros.retarget.hand_gate import GateConfig, HandGate
from hand_pose_ros.retarget.safety import JointLimits, SafeCommander, SafetyConfig, SafetyState

LIMITS = JointLimits(
    lower=np.array([-0.5, 0.0]),
    upper=np.array([1.5, 0.04]),
    velocity=np.array([3.0, 0.1]),
    acceleration=np.array([30.0, 1.0]),
)
TIMEOUT_S, COAST_S, STALE_S = 0.3, 0.1, 0.2
SLACK = 1e-9
NAMES = ("curl", "slide")


class Engine:
    """Answers with the hand's first two angles."""

    name, joint_names = "fake", ("curl", "slide")

    def __init__(self) -> None:
        self.starts: list[np.ndarray] = []
        self.entered, self.wait = threading.Event(), threading.Event()
        self.wait.set()

    def retarget(self, hand) -> np.ndarray:
        self.entered.set()
        assert self.wait.wait(60.0)
        return np.asarray(hand.angles[:2])

    def start_from(self, positions) -> None:
        self.starts.append(positions)


class Rig:
    """The driver, its clock, and all that it sent with the times."""

    def __init__(
        self, deadman="optional", start=lambda since_s: None, approach_s=0.3, before=NOTHING, names=NAMES,
        rest=(0.0, 0.0), sent=(True, True), **gate,
    ) -> None:  # fmt: skip
        self.now_s = 100.0
        self.engine = Engine()
        self.commander = SafeCommander(LIMITS, SafetyConfig(approach_s=approach_s), rest, names, sent)
        self.sent: list[tuple[float, np.ndarray]] = []
        self.told: list[tuple[SafetyState, str]] = []
        self.warned: dict[str, str] = {}
        logger = SimpleNamespace(error=lambda *_: None, warn=self.warned.__setitem__)
        self.driver = RobotDriver(
            SimpleNamespace(engine=self.engine), HandGate(GateConfig(coast_s=COAST_S, **gate)),
            Engagement(deadman, TIMEOUT_S, before.stopped, before.heard), self.commander, RetargetStatistics(),
            logger, start,
            lambda command: self.sent.append((self.now_s, command.positions)),
            lambda state, reason: self.told.append((state, reason)),
            SimpleNamespace(now_s=lambda: self.now_s), before,
        )  # fmt: skip

    def show(self, curl=1.0, slide=0.02, **changes) -> bool:
        return self.driver.on_hands([hand(curl, slide, **changes)])

    def play(self, seconds: float, curl: float = 1.0) -> None:
        """Hands at 50 Hz, ticks at 100."""
        for step in range(round(seconds * 100)):
            self.now_s += 0.01
            if step % 2 == 0:
                self.show(curl)
            self.driver.tick()


def hand(curl, slide, side=HandPose.SIDE_RIGHT, track_id=1, state=HandPose.STATE_TRACK, confidence=0.9):
    angles = np.zeros(ANGLE_COUNT)
    angles[:2] = curl, slide
    return ReadHand(
        side, track_id, state, confidence, np.zeros((JOINT_COUNT, 3)), (0.0, 0.0, 0.0, 1.0), angles
    )


values = st.one_of(st.floats(-3.0, 3.0), st.sampled_from([math.nan, math.inf, -math.inf, 1e300]))
hands = st.builds(
    hand,
    values,
    values,
    side=st.sampled_from([HandPose.SIDE_RIGHT] * 4 + [HandPose.SIDE_LEFT, 77]),
    track_id=st.sampled_from([1, 1, 1, 1, 2]),
    state=st.sampled_from([HandPose.STATE_TRACK] * 4 + [HandPose.STATE_COAST, HandPose.STATE_LOST]),
    confidence=st.sampled_from([0.9, 0.9, 0.9, 0.1, math.nan]),
)
events = st.one_of(
    st.just(("tick", None)),
    st.tuples(st.just("hands"), st.lists(hands, max_size=2)),
    st.tuples(st.just("switch"), st.booleans()),
    st.tuples(st.just("press"), st.booleans()),
)
steps = st.one_of(st.floats(1e-4, 0.04), st.sampled_from([0.0, 0.011, 0.25, 2.0, -0.5]))


@given(
    script=st.lists(st.tuples(steps, events), max_size=150),
    deadman=st.sampled_from(["optional", "required", "engages", "off"]),
)
@settings(max_examples=150, deadline=None)
def test_limits_hold_and_nothing_is_sent_unasked(script, deadman):
    rig = Rig(deadman)
    asked = False
    for step_s, (kind, what) in script:
        rig.now_s += step_s
        asked = asked or what is True
        if kind == "tick":
            rig.driver.tick()
        elif kind == "hands":
            rig.driver.on_hands(what)
        elif kind == "switch":
            rig.driver.switch(what)
        else:
            rig.driver.press(what)
        assert asked or not rig.sent
    last_s, before, velocity = math.nan, np.zeros(2), np.zeros(2)
    for now_s, positions in rig.sent:
        assert ((LIMITS.lower <= positions) & (positions <= LIMITS.upper)).all()
        dt = now_s - last_s
        if dt > 0.0:
            slack = SLACK + 1e-12 / dt
            now_velocity = (positions - before) / dt
            assert (np.abs(now_velocity) <= LIMITS.velocity + slack).all()
            assert (np.abs(now_velocity - velocity) <= LIMITS.acceleration * dt + slack).all()
            velocity = now_velocity
        elif dt < 0.0:  # a clock that was set: the joints stand still
            assert (positions == before).all()
            velocity = np.zeros(2)
        last_s, before = now_s, positions


@given(
    lost=st.one_of(
        st.just([]),
        st.lists(hands.filter(lambda h: h.side != HandPose.SIDE_RIGHT or h.track_id != 1), min_size=1),
        st.just([hand(1.0, 0.02, confidence=0.1)]),
        st.just([hand(math.nan, 0.02)]),
    ),
    curl=st.floats(0.2, 1.4),
    wait_s=st.floats(0.0, 0.03),
)
@settings(max_examples=60, deadline=None)
def test_command_after_a_loss_holds(lost, curl, wait_s):
    rig = Rig("off")
    rig.driver.switch(True)
    rig.play(0.5, curl)
    rig.show(1.5)  # on its way somewhere else
    sent = len(rig.sent)
    rig.now_s += wait_s + 1e-3
    rig.driver.on_hands(lost)
    assert len(rig.sent) == sent + 1
    assert rig.driver.state[0] is SafetyState.HOLD
    speeds = [abs(float(v)) for v in rig.commander._velocities]
    for _ in range(50):
        rig.now_s += 0.01
        rig.driver.tick()
        now = [abs(float(v)) for v in rig.commander._velocities]
        assert all(n <= s + SLACK for n, s in zip(now, speeds, strict=True))
        speeds = now
    assert speeds == [0.0, 0.0]


@pytest.mark.parametrize("late_s, held", [(0.0, True), (-1e-6, True), (1e-6, False)])
def test_button_counts_as_held_until_exactly_its_time_out(late_s, held):
    rig = Rig("engages")
    rig.now_s = 0.0  # times that are whole numbers of seconds have no rounding
    rig.driver.press(True)
    rig.now_s = TIMEOUT_S + late_s
    rig.driver.tick()
    assert rig.commander.engaged is held


@pytest.mark.parametrize("hz, told", [(2.0, True), (4.0, True), (5.5, False), (30.0, False)])
def test_hands_that_come_more_seldom_than_they_count_are_told_with_the_parameter(hz, told):
    rig = Rig()
    for _ in range(8):  # nobody follows them
        rig.now_s += 1.0 / hz
        rig.show()
    assert rig.warned == {}
    rig.driver.switch(True)
    rig.now_s += 1.0 / hz
    rig.show()
    assert list(rig.warned) == (["stale_s"] if told else [])
    assert all(f"{1.0 / hz:.2g} s apart" in text for text in rig.warned.values())


@pytest.mark.parametrize("hz, told", [(2.0, True), (10.0, False)])
def test_button_that_is_heard_more_seldom_than_it_counts_is_told_with_the_parameter(hz, told):
    rig = Rig("engages")
    for _ in range(8):
        rig.driver.press(True)
        rig.now_s += 1.0 / hz
    assert list(rig.warned) == (["deadman_timeout_s"] if told else [])


def test_button_that_says_nothing_while_it_is_let_go_is_not_told():
    rig = Rig("engages")
    for _ in range(8):
        for held in (True, True, True, False):
            rig.driver.press(held)
            rig.now_s += 0.1
        rig.now_s += 5.0
    assert rig.warned == {}


@pytest.mark.parametrize("deadman", DEADMAN)
def test_robot_that_was_switched_off_stands_still_while_the_button_is_held_on(deadman):
    rig = Rig(deadman)
    rig.driver.switch(True)

    def hold(seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            rig.driver.press(True)
            rig.play(0.1)

    hold(1.0)
    assert rig.commander.engaged
    assert rig.driver.switch(False) == (True, "disengaged")
    hold(0.5)  # it brakes
    sent = len(rig.sent)
    hold(2.0)
    assert len(rig.sent) == sent
    assert rig.driver.state[0] is SafetyState.DISENGAGED
    if deadman == "engages":
        rig.driver.press(False)
        hold(0.2)
        assert rig.commander.engaged
        rig.driver.switch(False)
        rig.driver.switch(True)
        assert rig.commander.engaged


def test_engine_that_hangs_holds_up_neither_commands_nor_switching_off():
    rig = Rig("off")
    rig.driver.switch(True)
    rig.play(0.5)
    rig.engine.entered.clear()
    rig.engine.wait.clear()
    thread = threading.Thread(target=rig.show)
    thread.start()
    assert rig.engine.entered.wait(60.0)
    try:
        sent = len(rig.sent)
        done = threading.Event()

        def work() -> None:
            rig.now_s += STALE_S + 0.01
            rig.driver.tick()
            rig.driver.switch(True)  # chosen anew, while the engine still has the hand before
            rig.driver.tick()
            rig.driver.switch(False)
            done.set()

        threading.Thread(target=work, daemon=True).start()
        assert done.wait(30.0)
        assert len(rig.sent) > sent
        assert rig.driver.state[0] is SafetyState.DISENGAGED
    finally:
        rig.engine.wait.set()
        thread.join()


def test_engine_begins_where_the_robot_is_at_each_engagement():
    stands = np.array([0.7, 0.03])
    rig = Rig("off", lambda since_s: stands)
    rig.driver.switch(True)
    assert np.array_equal(rig.sent[0][1] if rig.sent else rig.commander.positions, stands)
    rig.play(0.2)
    assert [list(start) for start in rig.engine.starts] == [list(stands)]
    rig.driver.switch(True)
    rig.play(0.2)
    assert len(rig.engine.starts) == 2


@pytest.mark.parametrize(("engine_s", "followed"), [(0.1, True), (0.25, False), (5.0, False)])
def test_hand_that_the_engine_answered_too_late_is_not_followed(engine_s, followed):
    rig = Rig("off")
    rig.driver.switch(True)
    rig.play(0.1)
    answer = rig.engine.retarget

    def slowly(hand):
        rig.now_s += engine_s
        return answer(hand)

    rig.engine.retarget = slowly
    rig.show(1.5)
    state, why = rig.driver.state
    assert (state != SafetyState.HOLD) == followed
    assert followed or why == f"the engine took {engine_s:.1f} s to answer"


def test_hand_on_its_way_through_the_engine_is_not_followed_by_the_next_engagement():
    rig = Rig("off")
    rig.driver.switch(True)
    rig.engine.entered.clear()
    rig.engine.wait.clear()
    thread = threading.Thread(target=rig.show)
    thread.start()
    assert rig.engine.entered.wait(60.0)
    rig.driver.switch(False)
    rig.driver.switch(True)
    rig.engine.wait.set()
    thread.join()
    rig.now_s += 0.01
    rig.driver.tick()
    assert rig.driver.state == (SafetyState.HOLD, "no target yet")


@pytest.mark.parametrize("sender, pause_s", [(b"new", 0.01), (b"new", 3.0), (b"", 3.0)])
def test_hand_of_a_tracker_that_was_started_again_moves_nothing_until_engaging_again(sender, pause_s):
    rig = Rig("off")
    old = sender.replace(b"new", b"old")
    rig.driver.switch(True)
    for step in range(200):
        rig.now_s += 0.01
        rig.driver.on_hands([hand(1.0, 0.02)], old, step)
    assert rig.driver.state[0] is SafetyState.FOLLOW
    for _ in range(round(pause_s / 0.01)):
        rig.now_s += 0.01
        rig.driver.tick()
    count = len(rig.sent)
    for step in range(200, 300):  # the hand has the same number, and is elsewhere
        rig.now_s += 0.01
        rig.driver.on_hands([hand(0.1, 0.0)], sender, step)
        assert rig.driver.state == (SafetyState.HOLD, "the tracker was started again: engage again")
    moved = np.abs(np.array([positions for _, positions in rig.sent[count:]]) - rig.sent[-1][1])
    assert moved.max() < 0.02  # it brakes where it was still moving
    rig.driver.switch(True)
    rig.driver.on_hands([hand(0.1, 0.0)], sender, 300)
    assert rig.driver.state[0] is SafetyState.APPROACH


@pytest.mark.parametrize("track_id, sender", [(2, b"one"), (1, b"another"), (2, b"another")])
def test_another_hand_that_may_go_on_is_approached_as_one_that_was_lost(track_id, sender):
    rig = Rig("off", approach_s=2.0, follow_new_track=True)
    rig.driver.switch(True)

    def show(seconds, curl, track_id, sender):
        for _ in range(round(seconds * 100)):
            rig.now_s += 0.01
            rig.driver.on_hands([hand(curl, 0.0, track_id=track_id)], sender, round(rig.now_s * 1e9))
            rig.driver.tick()

    show(3.0, 0.0, 1, b"one")
    assert rig.driver.state == (SafetyState.FOLLOW, "")
    count = len(rig.sent)
    show(0.6, 1.5, track_id, sender)  # with the next image
    assert rig.driver.state == (SafetyState.APPROACH, "")
    curls = [positions[0] for _, positions in rig.sent[count - 1 :]]
    assert curls[-1] > 0.3
    assert np.abs(np.diff(curls)).max() <= 0.01 * LIMITS.span[0] / 2.0 + SLACK
    show(2.0, 1.5, track_id, sender)
    assert rig.driver.state == (SafetyState.FOLLOW, "")


@pytest.mark.parametrize("follow_new_track", [False, True])
def test_two_trackers_at_once_are_told_as_such_and_move_nothing(follow_new_track):
    rig = Rig("off", follow_new_track=follow_new_track)
    rig.driver.switch(True)

    def show(seconds, *senders):
        for step in range(round(seconds * 60)):
            rig.now_s += 1 / 60
            sender = senders[step % len(senders)]
            rig.driver.on_hands([hand(1.0, 0.02)], sender, round(rig.now_s * 1e9))

    show(3.0, b"one", b"two")
    assert rig.driver.state == (
        SafetyState.HOLD,
        "several trackers publish 'hands' at once: end all but one, and engage again",
    )
    show(1.0, b"one", b"two")
    rig.driver.switch(True)
    count = len(rig.sent)
    show(1.0, b"one", b"two")
    assert len({tuple(positions) for _, positions in rig.sent[count:]}) == 1
    show(5.0, b"two")
    again = (SafetyState.HOLD, "the tracker was started again: engage again")
    assert rig.driver.state == ((SafetyState.FOLLOW, "") if follow_new_track else again)
    rig.driver.switch(True)
    show(2.0, b"two")
    assert rig.driver.state == (SafetyState.FOLLOW, "")


def test_two_trackers_that_nobody_tells_apart_are_not_followed_while_their_hands_differ():
    rig = Rig("off")
    rig.driver.switch(True)

    def show(seconds, *curls):
        for step in range(round(seconds * 60)):
            rig.now_s += 1 / 60
            rig.driver.on_hands([hand(curls[step % len(curls)], 0.02)], b"", round(rig.now_s * 1e9))

    show(2.0, 1.2, 0.0)
    state, reason = rig.driver.state
    assert state is SafetyState.HOLD
    assert reason == "the hand is in two places in turn, as two trackers' on 'hands' are: end all but one"
    count = len(rig.sent)
    show(2.0, 1.2, 0.0)
    assert len({tuple(positions) for _, positions in rig.sent[count:]}) == 1
    show(3.0, 1.2)
    assert rig.driver.state == (SafetyState.FOLLOW, "")


def test_nothing_comes_after_closing():
    rig = Rig("off")
    rig.driver.switch(True)
    rig.play(0.3)
    rig.driver.close()
    sent = len(rig.sent)
    rig.driver.press(True)
    assert rig.driver.switch(True) == (False, "the node is not active")
    rig.play(0.3)
    assert len(rig.sent) == sent


def test_joints_that_move_are_brought_to_a_stop_before_the_end():
    rig = Rig("off")
    rig.driver.switch(True)
    rig.play(0.2)
    before = len(rig.sent)
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.001):
            rig.now_s += 0.01
            rig.show(2.0)
            rig.driver.press(True)
            rig.driver.tick()

    ticks = threading.Thread(target=tick)
    ticks.start()
    after = rig.driver.close(brakes=True)
    ended.set()
    ticks.join()
    assert len(rig.sent) > before
    last = dict(rig.sent)  # of each time
    times, positions = np.array([*last]), np.array([*last.values()])
    steps = np.diff(positions, axis=0) / np.diff(times)[:, None]
    asked = np.searchsorted(times, rig.sent[before][0])
    assert np.abs(steps[asked - 2]).max() > 0.1  # it moved when it was asked to end
    assert (steps[-1] == 0.0).all()
    assert (np.abs(np.diff(steps, axis=0)) <= LIMITS.acceleration * np.diff(times)[1:, None] + SLACK).all()
    assert after.positions == pytest.approx(dict(zip(NAMES, positions[-1], strict=True)))
    assert rig.driver.state[0] is SafetyState.DISENGAGED


def test_joints_that_nobody_moves_on_do_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr("hand_pose_ros.nodes.robot_driver._BRAKE_S", 0.05)
    rig = Rig("off")
    rig.driver.switch(True)
    rig.play(0.2)
    sent = len(rig.sent)
    rig.driver.close(brakes=True)
    rig.play(0.3)
    assert len(rig.sent) == sent


def sent_to(curl=1.0, **arguments):
    """What outlives a driver whose joints were sent there."""
    rig = Rig("off", **arguments)
    rig.driver.switch(True)
    rig.play(2.0, curl)
    return rig.driver.close()


def first_command(before, **arguments):
    rig = Rig("off", before=before, **arguments)
    rig.driver.switch(True)
    rig.play(0.05)
    return rig.sent[0][1]


def test_rest_pose_that_nothing_was_sent_to_is_not_where_the_robot_was_sent():
    before = Rig("off", rest=(0.0, 0.0)).driver.close()
    assert np.array_equal(first_command(before, rest=(1.0, 0.03)), (1.0, 0.03))


def test_where_a_robot_was_sent_outlives_drivers_that_send_nothing_and_those_of_other_joints():
    before = sent_to()
    assert first_command(before) == pytest.approx((1.0, 0.02))
    idle = Rig("off", before=before).driver.close()
    assert first_command(idle) == pytest.approx((1.0, 0.02))
    other = Rig("off", before=before, names=("rh_curl", "rh_slide"))
    other.driver.switch(True)
    other.play(0.2)
    assert first_command(other.driver.close()) == pytest.approx((1.0, 0.02))


def test_joints_that_were_never_sent_begin_at_rest_beside_those_that_were():
    assert first_command(sent_to(), names=("curl", "lift")) == pytest.approx((1.0, 0.0))
    assert first_command(sent_to(sent=(True, False))) == pytest.approx((1.0, 0.0))


def test_robot_that_is_engaged_again_goes_on_from_where_it_was_sent():
    """And not from where it stands: what it holds would fall."""
    stands = [np.array([0.0, 0.0])]
    rig = Rig("off", start=lambda since_s: stands[0])
    rig.driver.switch(True)
    rig.play(2.0)
    rig.driver.on_hands([])
    stands[0] = np.array([0.6, 0.0])
    last, count = rig.sent[-1][1], len(rig.sent)
    assert rig.driver.switch(True)[0]
    assert rig.driver.state == (SafetyState.HOLD, "no target yet")
    rig.now_s += 0.01
    rig.show(0.2, track_id=2)
    assert rig.sent[count][1] == pytest.approx(last, abs=0.07)  # at the rate of the approach, from there
    assert rig.driver.state[0] is SafetyState.APPROACH


def test_button_that_was_heard_must_be_held_when_the_node_is_active_again():
    rig = Rig("optional")
    rig.driver.press(False)
    rig = Rig("optional", before=Rig("off", before=rig.driver.close()).driver.close())
    assert rig.driver.switch(True) == (True, "switched on; the deadman's button is not held")
    rig.play(0.3)
    assert not rig.sent


@pytest.mark.parametrize("deadman", ["optional", "required", "engages"])
@pytest.mark.parametrize("silent", [False, True])
def test_button_ends_the_commands_of_hands_without_a_tick(deadman, silent):
    rig = Rig(deadman)
    rig.driver.press(True)
    rig.driver.switch(True)
    rig.driver.tick()
    for _ in range(40):
        rig.now_s += 0.02
        rig.show()
        rig.driver.press(True)
    assert rig.driver.state[0] is SafetyState.FOLLOW
    if not silent:
        rig.driver.press(False)
    for _ in range(40):
        rig.now_s += 0.02
        rig.show(0.0)
    assert rig.driver.state[0] is SafetyState.DISENGAGED
    assert rig.sent[-1][1][0] > 0.0
    assert rig.sent[-1][0] < rig.now_s


def test_hand_that_comes_first_after_the_process_stood_still_is_approached():
    rig = Rig("off", approach_s=2.0)
    rig.driver.switch(True)

    def show(curl):
        rig.driver.on_hands([hand(curl, 0.02)], b"tracker", round(rig.now_s * 1e9))

    for _ in range(300):
        rig.now_s += 0.02
        show(0.0)
        rig.driver.tick()
    assert rig.driver.state[0] is SafetyState.FOLLOW
    rig.now_s += 5.0
    show(1.4)
    assert rig.driver.state[0] is SafetyState.APPROACH
