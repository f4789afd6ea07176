"""Messages that come farther apart than the last one counts are told, and no others."""

from __future__ import annotations

import pytest

from hand_pose_ros.retarget.pace import Pace


def heard(pace: Pace, *times_s: float) -> list[float | None]:
    return [pace.hear(time_s) for time_s in times_s]


@pytest.mark.parametrize("interval_s, told", [(0.05, False), (0.199, False), (0.21, True), (1.0, True)])
def test_interval_is_told_where_it_is_longer_than_the_limit(interval_s: float, told: bool) -> None:
    answers = heard(Pace(0.2), *(i * interval_s for i in range(10)))
    assert answers[:4] == [None] * 4
    assert answers[4:] == (pytest.approx([interval_s] * 6) if told else [None] * 6)


def test_a_gap_now_and_then_is_none() -> None:
    times = [sum(0.03 if i % 3 else 1.0 for i in range(n)) for n in range(20)]
    assert heard(Pace(0.2), *times) == [None] * 20


def test_silence_after_a_pause_is_no_interval() -> None:
    pace = Pace(0.2)
    for i in range(10):
        assert pace.hear(float(i)) is None
        pace.pause()


@pytest.mark.parametrize("limit_s", [0.0, -1.0, float("nan")])
def test_limit_must_be_positive(limit_s: float) -> None:
    with pytest.raises(ValueError, match="limit_s"):
        Pace(limit_s)
