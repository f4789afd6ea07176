"""How a node's process begins and ends: SIGINT, SIGTERM and a closed terminal's SIGHUP end it soon, quietly, with exit
status 0, in every state.

In: a node's module with ``main() -> int``. Out: the process's exit status. From the first line on, before anything
large is imported, a signal ends the process at once; while a node runs (``ending_signals``), it is told, and has some
seconds to end. A second signal changes nothing.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

END_S = 4.0
"""Seconds from the first signal after which the process ends whatever it does. Chosen: docker kills after 10 s, and
the node promises 5."""

_children: set[subprocess.Popen[bytes]] = set()


def run(module: str) -> NoReturn:
    """Imports the module, runs its ``main`` and ends the process with what that returns, whatever threads still do; 2,
    with one line, where a package is not installed that it needs."""
    for number in _ending_numbers():
        signal.signal(number, _end_at_once)
    try:
        main = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        from hand_pose_ros.packages import needs

        print(f"{module.rpartition('.')[2]} {needs(error)}", file=sys.stderr)
        _end(2)
    status = main()
    # Not sys.exit: it would wait for threads in the middle of a frame, or tear down what they work on.
    gc.collect()  # the middleware gives its shared memory back when its last handle goes
    _end(status)


@contextlib.contextmanager
def ending_signals(begin: Callable[[], object], limit_s: float | None = END_S) -> Iterator[threading.Event]:
    """Within the block the first signal sets the event it gives, then calls ``begin`` in a thread of its own, and no
    more; ``limit_s`` later the process ends. None: no limit.

    Python's own handlers would wait until the main thread leaves the middleware. rclpy.init is to install none. Does
    nothing outside the main thread.
    """
    ended = threading.Event()
    if not in_main_thread():
        yield ended
        return
    numbers = _ending_numbers()

    def wait() -> None:
        while told := os.read(reading, 1):
            if told[0] in numbers and not ended.is_set():
                ended.set()
                if limit_s is not None:
                    watchdog = threading.Timer(limit_s, _end, (0,))
                    watchdog.daemon = True
                    watchdog.start()
                threading.Thread(target=begin, name="end", daemon=True).start()
        os.close(reading)

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    threading.Thread(target=wait, name="signals", daemon=True).start()
    pipe_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    before = {number: signal.signal(number, _do_nothing) for number in numbers}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(pipe_before)
        os.close(writing)


def in_main_thread() -> bool:
    """Whether signals may be handled here."""
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def owned(child: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that does not outlive the block, nor this process."""
    _children.add(child)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        _children.discard(child)


def _ending_numbers() -> list[signal.Signals]:
    """The signals that end a node: a closed terminal's, too, unless it is ignored, as nohup has it."""
    hang_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hang_up]


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """The signal is told through the pipe."""


def _end_at_once(number: int, frame: FrameType | None) -> None:
    _end(0)


def _end(status: int) -> NoReturn:
    for child in list(_children):
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=1.0)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    # python3 -m hand_pose_ros.nodes.process MODULE ARGUMENTS. The module's own import of this file is another one.
    del sys.argv[0]
    importlib.import_module("hand_pose_ros.nodes.process").run(sys.argv[0])
