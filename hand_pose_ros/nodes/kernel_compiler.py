"""The kernels compiled before they are needed, in a process of its own that can be ended.

In: where to log, and whether the node still runs. Out: compiled kernels on disk, from which the tracker is then ready
in seconds. Where they cannot be kept they are compiled by the tracker itself, at every start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from hand_pose_ros import kernel_cache
from hand_pose_ros.nodes.process import owned
from hand_pose_ros.validation import shown

# Between two looks at whether this process is being ended. Guessed.
_POLL_S = 0.1


class EndedError(RuntimeError):
    """The process is being ended; what it was doing is of no use any more."""


def compile_kernels(log: Callable[[str], object], runs: Callable[[], bool]) -> None:
    """Compiles what is not compiled yet. EndedError as soon as ``runs()`` is false.

    When that goes wrong it is logged, and left to the tracker.
    """
    if kernel_cache.is_warm():
        return
    log(kernel_cache.compiling_line())
    if not kernel_cache.can_keep():
        return
    status, lines = _run_child(runs)
    for line in lines:
        if line.startswith(kernel_cache.REMARK):
            log(shown(line.removeprefix(kernel_cache.REMARK), 1000))
    if status != 0:
        error = shown(lines[-1]) if lines else f"exit status {status}"
        log(f"kernels could not be compiled ahead, the tracker does it: {error}")


def _run_child(runs: Callable[[], bool]) -> tuple[int, list[str]]:
    """Returns its exit status and what it said on stderr."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "hand_pose_ros.commands.main", "warm-cache"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # the terminal's Ctrl-C is for the node, which ends its child
    )
    with owned(child):
        while True:
            try:
                _, errors = child.communicate(timeout=_POLL_S)
                break
            except subprocess.TimeoutExpired:
                if not runs():
                    raise EndedError("ended while kernels were compiled") from None
    return child.returncode, errors.decode(errors="replace").strip().splitlines()
