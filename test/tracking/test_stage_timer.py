"""Stages add up under their names, also when one fails."""

from __future__ import annotations

import time

import pytest

from hand_pose_ros.tracking.stage_timer import StageTimer


def test_a_stage_run_twice_adds_up_and_another_is_its_own(monkeypatch) -> None:
    times = iter([1.0, 1.002, 5.0, 5.001, 7.0, 7.003])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    timer = StageTimer()
    for name in ("crop", "network", "crop"):
        with timer.stage(name):
            pass
    assert list(timer.timings_ms) == ["crop", "network"]
    assert timer.timings_ms["crop"] == pytest.approx(5.0)
    assert timer.timings_ms["network"] == pytest.approx(1.0)


def test_a_stage_that_fails_is_timed_and_its_error_goes_on() -> None:
    timer = StageTimer()
    with pytest.raises(ValueError, match="broken"), timer.stage("refine"):
        raise ValueError("broken")
    assert timer.timings_ms["refine"] >= 0.0


def test_nothing_run_nothing_timed() -> None:
    assert StageTimer().timings_ms == {}
