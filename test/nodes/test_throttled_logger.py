"""Messages are throttled by key, counted, and the last one is kept."""

from __future__ import annotations

from hand_pose_ros.nodes.throttled_logger import ThrottledLogger


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, line: str) -> None:
        self.lines.append(line)

    def warning(self, line: str) -> None:
        self.lines.append(line)

    error = warning


def test_repeated_message_is_logged_once():
    log = Log()
    throttled_logger = ThrottledLogger(log, period_s=60.0)
    for index in range(100):
        throttled_logger.warn("same", f"bad frame {index}")
    assert log.lines == ["bad frame 0"]
    assert throttled_logger.last_error()[0] == "bad frame 99"


def test_what_is_no_fault_is_told_at_once_and_is_no_last_error():
    log = Log()
    ThrottledLogger(log).info("by the way")
    throttled_logger = ThrottledLogger(log)
    throttled_logger.info("by the way")
    assert log.lines == ["by the way"] * 2
    assert throttled_logger.last_error() is None


def test_different_keys_do_not_hide_each_other():
    log = Log()
    throttled_logger = ThrottledLogger(log, period_s=60.0)
    throttled_logger.warn("a", "first")
    throttled_logger.error("b", "second")
    assert log.lines == ["first", "second"]


def test_withheld_messages_are_counted_in_the_next_one():
    log = Log()
    throttled_logger = ThrottledLogger(log, period_s=0.0)
    throttled_logger.warn("a", "x")
    throttled_logger._period_s = 60.0
    throttled_logger.warn("a", "x")
    throttled_logger.warn("a", "x")
    throttled_logger._period_s = 0.0
    throttled_logger.warn("a", "x")
    assert log.lines == ["x", "x (and 2 more like this)"]


def test_forgetting_starts_afresh():
    log = Log()
    throttled_logger = ThrottledLogger(log, period_s=60.0)
    throttled_logger.warn("a", "x")
    throttled_logger.reset()
    assert throttled_logger.last_error() is None
    throttled_logger.warn("a", "x")
    assert log.lines == ["x", "x"]
