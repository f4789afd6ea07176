"""The thread that calls at a fixed rate goes on whatever a call does, and ends when it is closed."""

from __future__ import annotations

import threading
import time

from hand_pose_ros.nodes.command_loop import CommandLoop


def test_calls_come_again_and_again_also_after_one_that_failed():
    enough, calls, failures = threading.Event(), [], []

    def tick() -> None:
        calls.append(time.monotonic())
        if len(calls) == 2:
            raise ValueError("second")
        if len(calls) == 5:
            enough.set()

    began_s = time.monotonic()
    loop = CommandLoop(0.01, tick, failures.append)
    assert enough.wait(60.0)
    loop.close()
    assert calls[4] - began_s >= 4 * 0.01  # none comes early; what was missed is not made up
    assert [str(error) for error in failures] == ["second"]


def test_nothing_is_called_after_closing_nor_before_it_is_due():
    calls: list[int] = []
    loop = CommandLoop(3600.0, lambda: calls.append(1), lambda error: None)
    loop.close()
    assert calls == []
    assert not any(thread.name == "commands" for thread in threading.enumerate())
