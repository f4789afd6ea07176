"""Commands that are asked to stop keep what they have."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from hand_pose_ros.commands.interrupts import lost_interrupts_come_again, stop_requests

pytestmark = pytest.mark.usefixtures("hang_ups_count")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends(number):
    before = signal.getsignal(number)
    with stop_requests() as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_while_there_is_nothing_to_keep_the_first_signal_ends(number):
    with stop_requests(at_once=True) as asked:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert not asked()
        asked.wait_for_steps()
        os.kill(os.getpid(), number)
        assert asked()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_terminal_that_goes_asks_once_however_often_it_says_so(number):
    """The kernel sends SIGHUP, and the shell again."""
    before = signal.getsignal(signal.SIGHUP)
    with stop_requests() as asked:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
            assert asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(signal.SIGHUP) == before


def test_a_hang_up_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_requests() as asked:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not asked()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


class Interrupted:
    def __del__(self) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_while_an_object_is_deleted_is_not_lost():
    def work() -> None:
        with lost_interrupts_come_again():
            Interrupted()
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                time.sleep(0.01)

    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        work()
    assert sys.unraisablehook is before


def test_other_errors_while_an_object_is_deleted_are_told_as_before(monkeypatch: pytest.MonkeyPatch):
    class Broken:
        def __del__(self) -> None:
            raise ZeroDivisionError

    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))
    with lost_interrupts_come_again():
        Broken()
    assert told == [ZeroDivisionError]
