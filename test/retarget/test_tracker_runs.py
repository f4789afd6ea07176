"""A tracker that was started again is another run, whatever the middleware says of it; one that goes on is none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.retarget.tracker_runs import TrackerRuns

ONE, TWO = b"\x01\x0f\x14", b"\x01\x0f\x15"


@given(
    pauses=st.lists(st.floats(0.0, 5.0), max_size=30),
    stamps=st.lists(st.integers(0, 10**9), max_size=30),
)
def test_same_sender_is_one_run_whatever_its_pauses(pauses, stamps):
    runs, now_s, stamp_ns = TrackerRuns(0.2), 0.0, 0
    for pause_s, later_ns in zip(pauses, stamps, strict=False):
        now_s, stamp_ns = now_s + pause_s, stamp_ns + later_ns
        assert runs.see(ONE, stamp_ns, now_s) == 0


@pytest.mark.parametrize("pause_s", [0.0, 0.01, 3.0])
def test_another_sender_is_another_run(pause_s):
    runs = TrackerRuns(0.2)
    assert runs.see(ONE, 10, 0.0) == 0
    assert runs.see(TWO, 20, pause_s) == 1
    assert runs.see(TWO, 30, 2 * pause_s) == 1
    assert runs.see(ONE, 40, 3 * pause_s) == 2  # two trackers at once: none is followed for long


def test_stamp_before_the_last_is_another_run():
    runs = TrackerRuns(0.2)
    assert [runs.see(ONE, stamp, 0.0) for stamp in (10, 20, 20, 19, 30)] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("pause_s, run", [(0.0, 0), (0.2, 0), (0.21, 1), (-0.1, 0), (math.nan, 1)])
def test_unknown_sender_is_another_run_after_a_silence(pause_s, run):
    runs = TrackerRuns(0.2)
    assert runs.see(b"", 10, 0.0) == 0
    assert runs.see(b"", 20, pause_s) == run


def test_silence_of_no_time_is_refused():
    with pytest.raises(ValueError, match="silence_s is 0, want"):
        TrackerRuns(0)
