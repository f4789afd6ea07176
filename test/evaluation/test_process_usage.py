"""What a process holds, and its growth."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hand_pose_ros.evaluation.process_usage import Usage, growth, process_usage


def test_this_process_is_measured() -> None:
    before = process_usage(os.getpid(), 0.0)
    null = Path(os.devnull)
    with null.open(), null.open():
        during = process_usage(os.getpid(), 1.0)
    assert during.files == before.files + 2
    assert before.threads >= 1
    assert before.resident_kb > 1000


def test_a_process_that_is_none_is_an_error() -> None:
    with pytest.raises(OSError, match=r"."):
        process_usage(2**22 + 1, 0.0)


def test_growth_counts_from_when_it_has_settled() -> None:
    samples = [Usage(float(t), 1000 if t < 10 else 2000 + t, 3 + (t == 15), 9) for t in range(101)]
    grown = growth(samples, settled_s=10.0, window_s=10.0)
    assert grown.resident_percent == pytest.approx(100 * (2095 - 2015) / 2015)
    assert grown.threads == (3, 4)
    assert grown.files == (9, 9)
    with pytest.raises(ValueError, match="no sample"):
        growth(samples, settled_s=200.0, window_s=10.0)
