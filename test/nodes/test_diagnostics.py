"""What the statistics say of the frames that were published."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.msg import HandPoseArray
from hand_pose_ros.nodes import diagnostics, several_publishers, status_array
from hand_pose_ros.nodes.diagnostics import FrameOutcome, FrameStatistics
from hand_pose_ros.synthetic.motion import SyntheticMotion
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.stage_timer import STAGES
from hand_pose_ros.tracking.tracker import HandTracker


@pytest.fixture
def clock(monkeypatch):
    """Steady time that only the test moves."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(diagnostics, "time", SimpleNamespace(monotonic=lambda: Clock.now))
    return Clock


def test_time_of_a_stage_is_the_median_of_the_frames_that_went_through_it(clock):
    statistics = FrameStatistics()
    for network in (5.0, 100.0, 7.0):
        statistics.publish(20.0, 10.0, 1, {"network": network})
    statistics.publish(20.0, 10.0, 1, {"network": 6.0, "locate": 2.5})
    figures = statistics.figures()
    assert figures["network_ms_p50"] == 6.5
    assert figures["locate_ms_p50"] == 2.5
    assert math.isnan(figures["refine_ms_p50"])


def test_times_of_the_stages_are_those_of_the_last_second(clock):
    statistics = FrameStatistics()
    statistics.publish(20.0, 10.0, 1, {"network": 50.0})
    clock.now += 1.5
    statistics.publish(20.0, 10.0, 1, {"network": 5.0})
    figures = statistics.figures()
    assert figures["network_ms_p50"] == 5.0
    assert figures["processing_ms_p50"] == 10.0
    clock.now += 1.5
    assert math.isnan(statistics.figures()["network_ms_p50"])


def test_number_of_hands_is_that_of_the_newest_output(clock):
    statistics = FrameStatistics()
    assert statistics.figures()["hands"] == 0
    for hands in (0, 1, 2):
        statistics.publish(20.0, 10.0, hands, {})
        assert statistics.figures()["hands"] == hands
    clock.now += status_array.WINDOW_S + 1.0
    assert statistics.figures()["hands"] == 0


@pytest.mark.slow
def test_node_publishes_the_time_of_every_stage(rig, fake_tracker, hand):
    tracker = fake_tracker((hand("right", track_id=1), hand("left", track_id=2)))
    tracker.timings_ms = {stage: 1.25 + index for index, stage in enumerate(STAGES)}
    bench = rig(tracker)
    bench.connect()

    def published() -> dict[str, str]:
        bench.send()
        bench.spin_for(0.1)
        latest = bench.received["/diagnostics"][-1:]
        return {pair.key: pair.value for array in latest for pair in array.status[0].values}

    assert bench.spin_until(lambda: published().get("hands") == "2")
    values = published()
    assert [values[f"{stage}_ms_p50"] for stage in STAGES] == ["1.25", "2.25", "3.25", "4.25", "5.25"]


@pytest.mark.slow
def test_stages_are_those_that_the_tracker_times(shipped_model):
    """A stage that is renamed there must be renamed here."""
    camera = Camera(160, 120, 120.0, 120.0, 79.5, 59.5)
    motion = SyntheticMotion(3, camera)
    tracker = HandTracker(shipped_model, TrackerConfig(side="right", min_confidence=0.0))
    timed: set[str] = set()
    for index in range(3):
        depth, _ = motion.frame(index / 30)
        timed |= set(tracker.update(depth, camera, index / 30).timings_ms)
    assert timed == set(STAGES)


def status(statistics: FrameStatistics, **changed):
    given = {
        "name": "n", "hardware_id": "m", "stamp": Time(), "lifecycle": "active", "tracking": "search",
        "statistics": statistics, "last_error": None, "configure_error": None, **changed,
    }  # fmt: skip
    return diagnostics.diagnostic_array(**given).status[0]


def arrive(statistics: FrameStatistics, clock, hz: float, count: int) -> None:
    for _ in range(count):
        statistics.receive()
        statistics.publish(20.0, 10.0, 0, {})
        clock.now += 1 / hz


def test_a_camera_that_is_gone_is_a_warning_after_a_second(clock):
    statistics = FrameStatistics()
    assert status(statistics).level == DiagnosticStatus.WARN
    arrive(statistics, clock, 30.0, 30)
    assert status(statistics).level == DiagnosticStatus.OK
    clock.now += 0.9
    assert status(statistics).level == DiagnosticStatus.OK
    clock.now += 0.2
    warned = status(statistics)
    assert warned.level == DiagnosticStatus.WARN
    assert "gone" in warned.message
    arrive(statistics, clock, 30.0, 1)
    assert status(statistics).level == DiagnosticStatus.OK


def test_what_was_heard_before_a_pause_of_the_node_tells_nothing_of_the_camera(clock):
    statistics = FrameStatistics()
    arrive(statistics, clock, 30.0, 30)
    statistics.hint("roi", "outside the image")
    counted = statistics.figures()["received"]
    clock.now += 60.0
    statistics.begin()
    told = status(statistics)
    assert "gone" not in told.message
    assert "outside" not in told.message
    assert statistics.figures()["received"] == counted
    arrive(statistics, clock, 30.0, 30)
    assert status(statistics).level == DiagnosticStatus.OK


def test_a_slow_camera_is_not_gone_between_two_images(clock):
    statistics = FrameStatistics()
    arrive(statistics, clock, 1.0, 6)
    clock.now += 0.9
    assert status(statistics).level == DiagnosticStatus.OK
    clock.now += 1.0
    assert status(statistics).level == DiagnosticStatus.WARN


def test_hints_and_images_without_a_partner_are_warnings_while_they_last(clock):
    statistics = FrameStatistics()
    arrive(statistics, clock, 30.0, 10)
    statistics.hint("roi", "the region is outside")
    assert (status(statistics).level, status(statistics).message) == (
        DiagnosticStatus.WARN,
        "the region is outside",
    )
    statistics.hint("roi", None)
    assert status(statistics).level == DiagnosticStatus.OK
    statistics.drop(FrameOutcome.NO_INFO)
    warned = status(statistics)
    assert warned.level == DiagnosticStatus.WARN
    assert "camera info" in warned.message
    clock.now += 9.0
    arrive(statistics, clock, 30.0, 60)
    assert status(statistics).level == DiagnosticStatus.OK


def test_what_only_may_be_wrong_is_a_value_and_no_warning(clock):
    statistics = FrameStatistics()
    arrive(statistics, clock, 30.0, 10)
    statistics.remark("is the unit right?")
    told = status(statistics)
    assert told.level == DiagnosticStatus.OK
    assert {pair.key: pair.value for pair in told.values}["hint"] == "is the unit right?"
    statistics.hint("roi", "the region is outside")
    told = {pair.key: pair.value for pair in status(statistics).values}
    assert told["hint"] == "the region is outside; is the unit right?"
    statistics.remark(None)
    statistics.hint("roi", None)
    assert {pair.key: pair.value for pair in status(statistics).values}["hint"] == ""


def test_levels_in_their_order(clock):
    statistics = FrameStatistics()
    statistics.receive()
    statistics.hint("unit", "units?")
    assert status(statistics, configure_error="no model").level == DiagnosticStatus.ERROR
    assert status(statistics, lifecycle="inactive").level == DiagnosticStatus.OK
    assert status(statistics, tracking=diagnostics.DISABLED).level == DiagnosticStatus.OK
    assert status(statistics).level == DiagnosticStatus.ERROR, "images arrive and none gives an output"
    statistics.publish(20.0, 10.0, 0, {})
    assert status(statistics).message == "units?"
    statistics.hint("unit", None)
    assert status(statistics, last_error=("late", 3.0)).level == DiagnosticStatus.WARN
    assert status(statistics, last_error=("late", 11.0)).level == DiagnosticStatus.OK


def test_images_that_give_no_output_any_more_are_told_before_the_last_output_is_forgotten(clock):
    statistics = FrameStatistics()
    arrive(statistics, clock, 30.0, 10)
    assert status(statistics).level == DiagnosticStatus.OK
    for _ in range(60):
        clock.now += 1 / 30
        statistics.receive()
    told = status(statistics)
    assert told.level == DiagnosticStatus.WARN
    assert "none has given an output for 2.0 s" in told.message
    assert status(statistics, last_error=("the device failed", 1.0)).message == "the device failed"
    assert status(statistics, tracking=diagnostics.DISABLED).level == DiagnosticStatus.OK
    arrive(statistics, clock, 30.0, 1)
    assert status(statistics).level == DiagnosticStatus.OK


def test_a_computer_that_needs_seconds_for_a_frame_is_not_stalled(clock):
    statistics = FrameStatistics()
    for index in range(240):
        clock.now += 1 / 30
        statistics.receive()
        if index % 45 == 0:  # 1.5 s a frame
            statistics.publish(1500.0, 1500.0, 1, {})
        assert index < 50 or statistics.stalled() is None


def test_device_and_model_hash_are_told():
    tracker = SimpleNamespace(
        estimator=SimpleNamespace(device="cpu"), model_info=SimpleNamespace(sha256="ab" * 32)
    )
    told = status(FrameStatistics(), details=diagnostics.tracker_details(tracker))
    values = {pair.key: pair.value for pair in told.values}
    assert (values["device"], values["model_hash"]) == ("cpu", "ab" * 32)
    assert diagnostics.tracker_details(None) == {
        "device": "", "backend": "", "precision": "", "model_hash": "",
    }  # fmt: skip


@pytest.mark.slow
def test_hands_of_another_node_between_ours_are_told(rig, fake_tracker, monkeypatch):
    """As of a bag of everything that is played at a running tracker."""
    monkeypatch.setattr(several_publishers, "_DEAD_S", 0.5)
    bench = rig(fake_tracker())
    bench.connect()

    def told() -> str:
        bench.send()
        return bench.new_status().message

    assert bench.spin_until(lambda: "no depth images" not in told())
    assert "'/hands'" not in told()
    other = bench.helper.create_publisher(HandPoseArray, "hands", 10)
    assert bench.spin_until(lambda: "'/hands'" in told())
    assert "/helper" in told()
    bench.helper.destroy_publisher(other)
    assert bench.spin_until(lambda: "'/hands'" not in told())
