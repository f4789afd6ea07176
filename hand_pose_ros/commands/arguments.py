"""What several sub-commands need of the command line: types of arguments, checks that span arguments, a console.

In: arguments as text or parsed. Out: values; argparse.ArgumentTypeError or ValueError with one line for the user.
"""

from __future__ import annotations

import argparse

from rich.console import Console


def intrinsics(text: str) -> tuple[float, float, float, float]:
    """``"fx,fy,cx,cy"`` -> four numbers in pixels, as a ``type`` of argparse."""
    try:
        fx, fy, cx, cy = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not fx,fy,cx,cy: four numbers in pixels") from None
    return fx, fy, cx, cy


def require_all(*requirements: tuple[bool, str]) -> None:
    """ValueError with the message of the first requirement (met, message) that is not met."""
    for met, message in requirements:
        if not met:
            raise ValueError(message)


def wide_console(width: int) -> Console:
    """The terminal, or ``width`` characters where the output is a pipe: a table cut off there would lose figures."""
    console = Console()
    return console if console.is_terminal else Console(width=width)
