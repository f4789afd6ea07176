"""What the statistics say of the frames that were published."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.nodes import diagnostics
from hand_pose_ros.nodes.diagnostics import STAGES, FrameStatistics
from hand_pose_ros.synthetic.motion import SyntheticMotion
from hand_pose_ros.tracking.config import TrackerConfig
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
    clock.now += diagnostics.WINDOW_S + 1.0
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
