"""What a node's executable says of itself, and of arguments that mean nothing to it.

In: a node's :class:`NodePage`, the command line. Out: a page of text for ``--help``, or one line about an argument that
is neither ROS's nor a request for help.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from hand_pose_ros.nodes.parameters.parameter_schema import Parameter
from hand_pose_ros.validation import shown

HELP = ("-h", "--help")

_OF_LAUNCH = {"namespace": "-r __ns:=", "params_file": "--params-file ", "log_level": "--log-level "}
"""What the launch files call it, and how it is given to a node itself."""

_WIDEST = 110
"""Columns of a page at most: longer lines are hard to read. Guessed."""


@dataclass(frozen=True)
class NodePage:
    """What ``--help`` says of a node."""

    name: str
    about: str
    """What it does, in a sentence or two."""
    parameters: tuple[Parameter, ...] = ()


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Whether one of the arguments asks for the page, among those of ROS too, which knows none such."""
    return any(argument in HELP for argument in arguments[1:])


def unknown_argument(page: NodePage, arguments: Sequence[str]) -> str | None:
    """What is wrong with the first argument that means nothing to the node nor to ROS, in one line; None where there is
    none.

    ``arguments`` begin with the program's own name, as ``sys.argv``. ``from:=to`` without ``--ros-args`` is a topic
    that gets another name, which ROS still takes; a parameter that stands so, as ``ros2 launch`` has its arguments,
    would go unseen. A name that is a topic's too (``hands``, ``deadman``) is one where a topic's full name follows,
    which no value of such a parameter is.
    """
    texts = {"use_sim_time": True} | {
        parameter.name: type(parameter.default) is str and not parameter.choices
        for parameter in page.parameters
    }
    for argument in _own(arguments):
        given = shown(argument)
        left, assigned, right = argument.partition(":=")
        if not assigned:
            return f"{page.name}: argument '{given}' is not known, want {HELP[1]}, or what it lists"
        if left in texts and (texts[left] or not right.startswith("/")):
            return f"{page.name}: argument '{given}' stands alone, want --ros-args -p {given}"
        if left in _OF_LAUNCH:
            wanted = f"{_OF_LAUNCH[left]}{shown(right)}"
            return f"{page.name}: argument '{given}' is one of ros2 launch, want --ros-args {wanted}"
    return None


def help_text(page: NodePage, columns: int | None = None) -> str:
    """The page: how the node is started, what it is, and each parameter with its default and what is allowed.

    ``columns``: how wide; None: as wide as the terminal, up to a width that reads well.
    """
    columns = columns or min(shutil.get_terminal_size().columns, _WIDEST)
    lines = [
        f"usage: {page.name} [--ros-args -p PARAMETER:=VALUE ... --params-file FILE -r FROM:=TO ...]",
        "",
        *textwrap.wrap(page.about, columns),
    ]
    if page.parameters:
        lines += ["", "parameters:"]
    for parameter in page.parameters:
        limits = parameter.allowed_text()
        facts = f"default {parameter.default_text()}" + (f"; {limits}" if limits else "")
        live = " Takes effect at once." if parameter.live else ""
        lines += textwrap.wrap(
            f"{parameter.name} ({facts})", columns, initial_indent="  ", subsequent_indent="      ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        lines += textwrap.wrap(
            parameter.description + live, columns, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return "\n".join(lines)


def _own(arguments: Sequence[str]) -> list[str]:
    """The arguments that stand outside of ``--ros-args ... --``, without the program's name."""
    # Not rclpy's remove_ros_args, which takes away from:=to outside of these, too.
    own, ros = [], False
    for argument in arguments[1:]:
        if ros or argument == "--ros-args":
            ros = argument != "--"
        else:
            own.append(argument)
    return own
