"""When images count as silent, on a clock of its own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hand_pose_ros.nodes.image_silence import SHORTEST_S, ImageSilence


class Clock(SimpleNamespace):
    now_s_ = 100.0

    def now_s(self) -> float:
        return self.now_s_


def heard(interval_s: float, count: int = 6) -> tuple[ImageSilence, Clock]:
    clock = Clock()
    silence = ImageSilence(clock)
    for _ in range(count):
        clock.now_s_ += interval_s
        silence.hear()
        assert silence.begun_s() is None
    return silence, clock


def test_nothing_is_silent_before_the_first_image():
    assert ImageSilence(Clock()).begun_s() is None


@pytest.mark.parametrize("rate_hz, until_s", [(90.0, SHORTEST_S), (30.0, SHORTEST_S), (2.0, 1.25)])
def test_silence_is_told_once_and_again_after_the_next_image(rate_hz, until_s):
    silence, clock = heard(1.0 / rate_hz)
    for _ in range(2):
        clock.now_s_ += until_s - 1e-3
        assert silence.begun_s() is None
        clock.now_s_ += 2e-3
        assert silence.begun_s() == pytest.approx(until_s + 1e-3)
        assert silence.begun_s() is None
        clock.now_s_ += 10.0
        assert silence.begun_s() is None
        silence.hear()


def test_one_gap_makes_no_slow_camera():
    silence, clock = heard(1.0 / 30.0)
    clock.now_s_ += 1.0
    silence.hear()
    clock.now_s_ += SHORTEST_S + 1e-3
    assert silence.begun_s() is not None


def test_one_image_alone_falls_silent_and_an_ended_watch_tells_nothing():
    for ends in (False, True):
        silence, clock = heard(1.0, 1)
        clock.now_s_ += SHORTEST_S + 1e-3
        if ends:
            silence.end()
        assert (silence.begun_s() is None) is ends
    silence.hear()
    clock.now_s_ += 10.0
    assert silence.begun_s() is not None
