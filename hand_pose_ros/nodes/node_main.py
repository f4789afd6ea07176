"""The life of a node's process between its imports and its exit: made, spun, closed.

In: how to make the node, and how to spin it. Out: the exit status: 0 when it was asked to end, or for help, 2 with one
line on stderr where it could not be made, or where an argument means nothing to it. Whatever signal comes when, nothing
is left behind (``process``); a node that runs says goodbye while the middleware still lives, which ends next.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import rclpy
from rclpy._rclpy_pybind11 import InvalidHandle, UnknownROSArgsError
from rclpy.executors import Executor, ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.logging import LoggingSeverity, set_logger_level
from rclpy.signals import SignalHandlerOptions, install_signal_handlers

from hand_pose_ros.nodes.node_help import HELP, NodePage, asks_for_help, help_text, unknown_argument
from hand_pose_ros.nodes.process import END_S, ending_signals, in_main_thread
from hand_pose_ros.validation import shown

_GOODBYE_S = 1.5
"""How long a node may take to say goodbye. Guessed: what moves takes up to 0.5 s to stop, a frame in work 0.1 s, to be
heard 0.5 s; launch sends a second signal after 5 s."""
_DESTROYED_S = 0.001
"""Until what is destroyed has left its node, seconds. Guessed."""

Transition = TypeVar("Transition", bound=Callable[..., TransitionCallbackReturn])


def run_node(
    page: NodePage,
    make: Callable[[], Any],
    arguments: list[str] | None = None,
    *,
    threads: int = 1,
    spin: Callable[[Executor, Any], object] = lambda executor, node: spin_on(executor),
    goodbye: Callable[[Any], object] | None = None,
    limit_s: float | None = END_S,
) -> int:
    """Makes the node, which has ``close()``, and spins it until it is interrupted, or until ``spin`` returns.

    ``arguments`` begin with the program's name; None: those of this process. ``--help`` prints the page and ends it
    with 0. ``goodbye``: what the node does first after a signal while it spins, in a thread of its own. ``limit_s``:
    how long its end may take after a signal; None: as long as it takes.
    """
    node: Any = None
    spins = False
    given = sys.argv if arguments is None else arguments

    def end() -> None:
        if goodbye is not None and spins:
            last = threading.Thread(
                target=while_alive, args=(node, partial(goodbye, node)), name="goodbye", daemon=True
            )
            last.start()
            last.join(_GOODBYE_S)
        _end_middleware()

    with ending_signals(end, limit_s) as ended:
        try:
            if asks_for_help(given):
                with contextlib.suppress(BrokenPipeError):  # who pages may have read enough
                    print(help_text(page), flush=True)
                return 0
            if problem := unknown_argument(page, given):
                print(problem, file=sys.stderr)
                return 2
            handlers = SignalHandlerOptions.NO if in_main_thread() else None
            rclpy.init(args=[*given, *_log_arguments(page.name)], signal_handler_options=handlers)
            node = make()
            executor = SingleThreadedExecutor() if threads == 1 else MultiThreadedExecutor(threads)
            executor.add_node(node)
            spins = True
            if not ended.is_set():
                spin(executor, node)
        except (KeyboardInterrupt, ExternalShutdownException):
            pass
        except Exception as error:
            if node is None and not ended.is_set():
                print(f"{page.name}: {_start_error(error)}", file=sys.stderr)
                return 2
            if not ended.is_set():  # else what failed is that the middleware has ended
                raise
        finally:
            if node is not None:
                if ended.is_set():  # what a thread in the middle of its work still has to say is no error
                    set_logger_level(node.get_logger().name, LoggingSeverity.FATAL)
                node.close()
                node.destroy_node()
            rclpy.try_shutdown()
    return 0


def _end_middleware() -> None:
    """As rclpy's own handlers do, which tells whoever spins: its shutdown destroys nodes that other threads work on."""
    install_signal_handlers(SignalHandlerOptions.ALL)
    os.kill(os.getpid(), signal.SIGTERM)


def while_alive(node: Any, work: Callable[[], object]) -> None:
    """Work on a node that fails quietly where the middleware ends meanwhile."""
    try:
        work()
    except Exception:
        if node.context.ok():
            raise


def _start_error(error: Exception) -> str:
    """Why a node could not be made, in one line."""
    if isinstance(error, UnknownROSArgsError):  # its text is a list of them
        return f"ROS does not know these arguments after --ros-args: {shown(error, 1000)}, want {HELP[1]}"
    return shown(error, 1000)


def spin_on(executor: Executor) -> None:
    """Spins until the context ends.

    rclpy's executors give up where a thread destroys a subscription or publisher that tells events (a transition does)
    just when another one begins to wait for these: what is destroyed is not asked the next time.
    """
    while True:
        try:
            executor.spin()
            return
        except InvalidHandle:
            time.sleep(_DESTROYED_S)


def _log_arguments(name: str) -> list[str]:
    """What rclpy needs to be told where there is no place for its log files: it would not start."""
    folder = log_folder()
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return []
    except OSError:
        pass
    place = "HOME is not set" if folder is None else f"'{shown(folder)}' cannot be written"
    print(f"{name}: no log file is kept, for {place}: set ROS_LOG_DIR", file=sys.stderr)
    return ["--ros-args", "--disable-external-lib-logs"]


def log_folder() -> Path | None:
    """Where ROS 2 keeps its log files; None where that depends on HOME, which is not set."""
    if given := os.environ.get("ROS_LOG_DIR"):
        path = given
    elif home := os.environ.get("ROS_HOME"):
        path = f"{home}/log"
    else:
        path = "~/.ros/log"
    own = os.environ.get("HOME")
    if path.startswith("~"):
        return Path(own + path[1:]) if own else None
    return Path(path)


def publish_if_alive(node: Any, publisher: Any, message: Any) -> None:
    """Publishes, from whatever thread; nothing where the middleware has ended, or ends meanwhile."""
    while_alive(node, partial(publisher.publish, message))


def of_a_living_node(transition: Transition) -> Transition:
    """A transition of a ``ManagedNode`` whose exceptions are told: rclpy takes them for its end without a word.

    At its end it ends its thread where the process is being ended: the state machine may be gone by then.
    """

    @wraps(transition)
    def checked(node: Any, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            result = transition(node, state)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told, and on_error cleans up
            node.tell_failure(transition.__name__.removeprefix("on_"), error)
            result = TransitionCallbackReturn.ERROR
        if not node.context.ok():
            raise SystemExit
        return result

    return cast(Transition, checked)
