"""Child processes that surely end: the nodes of a demo, each in a process group of its own.

In: a name, a module and ROS parameters. Out: running processes; leaving the ``with`` block ends them all.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

# Guessed, both.
_PATIENCE_S = 6.0
_LOG_TAIL_LINES = 15


def parameter_arguments(parameters: dict[str, Any], remaps: dict[str, str] | None = None) -> list[str]:
    """Returns ROS arguments that set parameters, and that remap names; strings are quoted, so that 'auto' or '1' stay
    strings."""
    arguments = ["--ros-args"]
    for name, new in (remaps or {}).items():
        arguments += ["-r", f"{name}:={new}"]
    for name, value in parameters.items():
        if isinstance(value, str):
            text = "'" + value.replace("'", "''") + "'"
        elif isinstance(value, bool):
            text = str(value).lower()
        else:
            text = str(list(value)) if isinstance(value, (list, tuple)) else repr(value)
        arguments += ["-p", f"{name}:={text}"]
    return arguments


class NodeProcesses:
    """A few nodes as processes. Their output goes to ``<folder>/<name>.log``."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> NodeProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_all()

    def start(
        self, name: str, module: str, parameters: dict[str, Any], remaps: dict[str, str] | None = None
    ) -> None:
        """Starts the module's node with these ROS parameters and remappings."""
        command = [
            sys.executable,
            "-m",
            "hand_pose_ros.nodes.process",
            module,
            *parameter_arguments(parameters, remaps),
        ]
        with (self._folder / f"{name}.log").open("wb") as log, _interrupts_held():
            self._children[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,  # not the source folder: it would hide the installed package
                env=self._environment,
                start_new_session=True,
            )

    def status(self, name: str) -> int | None:
        """Returns the exit status of a process, None while it runs."""
        return self._children[name].poll()

    def pid(self, name: str) -> int:
        """Returns the id of a process."""
        return self._children[name].pid

    def end(self, name: str, patience_s: float = _PATIENCE_S) -> int:
        """Interrupts one process as Ctrl-C would, waits, insists, and returns its exit status."""
        return self._end([self._children[name]], patience_s)[0]

    def end_all(self) -> None:
        """Ends whatever still runs. A second Ctrl-C does not leave processes behind."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._end(list(self._children.values()), _PATIENCE_S)
        finally:
            signal.signal(signal.SIGINT, before)

    def log_tail(self, name: str) -> str:
        """Returns the last lines that a process wrote."""
        lines = (self._folder / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def _end(self, children: list[subprocess.Popen[bytes]], patience_s: float) -> list[int]:
        for signal_number, patience in (
            (signal.SIGINT, patience_s),
            (signal.SIGTERM, 2.0),
            (signal.SIGKILL, 2.0),
        ):
            for child in children:
                if child.poll() is None:
                    _signal_group(child, signal_number)
            deadline = time.monotonic() + patience
            while any(child.poll() is None for child in children) and time.monotonic() < deadline:
                time.sleep(0.02)
        return [child.wait(timeout=5.0) for child in children]


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """What would interrupt the block interrupts after it: a child that was just born must be known first, or nobody
    would end it. (Handlers, unlike blocked or ignored signals, are not inherited by the child.)"""
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: held.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for signal_number in held:
        signal.raise_signal(signal_number)


def _signal_group(child: subprocess.Popen[bytes], signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended in the meantime
        os.killpg(child.pid, signal_number)
