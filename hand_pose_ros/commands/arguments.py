"""What several sub-commands need of the command line: types of arguments, checks that span arguments, a console.

In: arguments as text or parsed. Out: values; argparse.ArgumentTypeError or ValueError with one line for the user. Every
number on a command line is read by one of the types here, so that NaN, infinities, fractions where whole numbers are
wanted and what is out of range are refused in one way.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console

from hand_pose_ros.depth.image import LEAST_UNIT_M, MOST_UNIT_M
from hand_pose_ros.files import followed, no_empty_folders, require_replaceable, require_writable
from hand_pose_ros.recording.intrinsics import MOST_INTRINSIC_PX
from hand_pose_ros.validation import shown

LARGEST_SEED = 2**20 - 1
"""Seeds go from 0 to this: the streams of a run follow each other beyond it."""
LARGEST_COUNT = 10**9
"""No count on a command line makes sense beyond this. Chosen by hand."""


def _refused(text: str, want: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"is {shown(text)}, want {want}")


def _range(least: int, most: int, unbounded: int) -> str:
    return f"at least {least}" if most >= unbounded else f"{least} to {most}"


def whole_number(least: int, most: int = LARGEST_COUNT) -> Callable[[str], int]:
    """A ``type`` of argparse: a whole number from ``least`` to ``most``."""
    want = f"a whole number, {_range(least, most, LARGEST_COUNT)}"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise _refused(text, want) from None
        if not least <= value <= most:
            raise _refused(text, want)
        return value

    return read


def real_number(least: float, most: float, open_low: bool = False) -> Callable[[str], float]:
    """A ``type`` of argparse: a finite number from ``least`` to ``most``; ``open_low``: above ``least``."""
    low = f"above {least:g}" if open_low else f"{least:g}"
    if math.isfinite(most):
        want = f"a number from {low} to {most:g}" if not open_low else f"a number {low}, at most {most:g}"
    else:
        want = f"a number {low}" if open_low else f"a number, at least {low}"

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise _refused(text, want) from None
        right = math.isfinite(value) and least <= value <= most and not (open_low and value == least)
        if not right:
            raise _refused(text, want)
        return value

    return read


positive_int = whole_number(1)
"""1 and more."""
count_int = whole_number(0)
"""0 and more."""
seed_int = whole_number(0, LARGEST_SEED)
"""A seed."""
positive_float = real_number(0.0, math.inf, open_low=True)
"""Above 0."""
finite_float = real_number(-math.inf, math.inf)
"""Any number but NaN and the infinities."""


def checked_by(make: Callable[[float], object]) -> Callable[[str], float]:
    """A ``type`` of argparse: a number that ``make`` takes, such as a configuration of which it is a field. What is
    wanted is said as its ValueError says it: "<field> is value, want ..."."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise _refused(text, "a number") from None
        try:
            make(value)
        except ValueError as error:
            raise _refused(text, str(error).partition(", want ")[2] or str(error)) from None
        return value

    return read


share = real_number(0.0, 1.0)
"""From 0 to 1."""
depth_unit = real_number(LEAST_UNIT_M, MOST_UNIT_M)
"""Metres a count of an integer depth image."""
rate_hz = real_number(0.01, 10_000.0)
"""Frames a second: from one in a minute and a half to more than any camera has."""
minutes = real_number(0.0, 525_600.0, open_low=True)
"""A time to train, at most a year."""


def intrinsics(text: str) -> tuple[float, float, float, float]:
    """``"fx,fy,cx,cy"`` -> four numbers in pixels, as a ``type`` of argparse."""
    try:
        fx, fy, cx, cy = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{shown(text)}' is not fx,fy,cx,cy: four numbers in pixels"
        ) from None
    right = 0.0 < min(fx, fy) <= max(fx, fy) <= MOST_INTRINSIC_PX
    if not (right and -MOST_INTRINSIC_PX <= min(cx, cy) <= max(cx, cy) <= MOST_INTRINSIC_PX):
        raise argparse.ArgumentTypeError(
            f"'{shown(text)}' is not fx,fy,cx,cy: four numbers in pixels, of no more than a million, fx and fy above 0"
        )
    return fx, fy, cx, cy


def intrinsics_or_file(text: str) -> tuple[float, float, float, float] | Path:
    """``"fx,fy,cx,cy"`` or the path of a file, as a ``type`` of argparse."""
    path = Path(text)
    return path if path.suffix.lower() in (".yaml", ".yml") or path.is_file() else intrinsics(text)


def png_file(text: str) -> Path:
    """The path of a picture to write, as a ``type`` of argparse: what is written is PNG whatever its name."""
    path = Path(text)
    if path.suffix.lower() != ".png":
        raise _refused(text, "a name that ends in .png")
    return path


def require_all(*requirements: tuple[bool, str]) -> None:
    """ValueError with the message of the first requirement (met, message) that is not met."""
    for met, message in requirements:
        if not met:
            raise ValueError(message)


def require_outputs(*files: Path | None, read: Iterable[Path | None] = ()) -> None:
    """Before the work, not after it: OSError unless a file can be written in the folder of each (None: no file). A
    folder that is not there is only made with the file: a command that is refused leaves none.

    ValueError where one would take the place of a file that is ``read``, or two are the same file.
    """
    inputs = {followed(file) for file in read if file is not None}
    outputs: set[Path] = set()
    for file in files:
        if file is not None:
            require_replaceable(file)
            with no_empty_folders(file.parent):
                require_writable(file.parent)
            place = followed(file)
            require_all(
                (place not in inputs, f"{shown(file)} is read, want another file to write"),
                (place not in outputs, f"{shown(file)} is two files to write, want another name for one"),
            )
            outputs.add(place)


def model_parameter(model: Path | None) -> str:
    """The weights as the node's parameter, which names them from any folder; empty for the default."""
    return str(followed(model)) if model else ""


def wide_console(width: int) -> Console:
    """The terminal, or ``width`` characters where the output is a pipe: a table cut off there would lose figures. What
    is printed is text as it stands: names of files may hold what rich would take for markup."""
    console = Console(markup=False, emoji=False)
    return console if console.is_terminal else Console(width=width, markup=False, emoji=False)
