"""The command ``hand-pose``: one table of sub-commands, each in the module of its subject.

In: command-line arguments. Out: the exit status, 0 when it worked, 2 with one line on bad input, or where a package is
not installed.

A sub-command is a line in ``COMMANDS``: its name, one line of help, and the module that holds
``add_arguments(parser)`` and ``run(arguments) -> int | None``. The module is imported when its command is
used.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from hand_pose_ros.commands.help_texts import DefaultsShown
from hand_pose_ros.commands.interrupts import INTERRUPTED, lost_interrupts_come_again
from hand_pose_ros.commands.streams import usable_streams
from hand_pose_ros.packages import needs
from hand_pose_ros.texts import MOST_SHOWN, shown

TRACEBACK = "HAND_POSE_TRACEBACK"
"""Set in the environment, every end in one line shows its traceback before it, for those who look for its cause."""

_BACKEND = "MPLBACKEND"

_LONG_QUOTE = re.compile(rf"'[^']{{{MOST_SHOWN},}}'")
"""What argparse repeats of the command line."""

COMMANDS: dict[str, tuple[str, str]] = {
    # For users.
    "replay": ("track a recording: a bag, or a folder of depth frames", "hand_pose_ros.commands.replay"),
    "compare-runs": ("two replays of one recording", "hand_pose_ros.commands.compare_runs"),
    "doctor": ("what is here, a self-test, what to paste into an issue", "hand_pose_ros.commands.doctor"),
    "urdf": ("the human hand as a robot description", "hand_pose_ros.commands.urdf"),
    "warm-cache": (
        "compile what tracking needs ahead of the first start",
        "hand_pose_ros.commands.warm_cache",
    ),
    # For those who train, measure or change it.
    "train": ("train a network on synthetic hands", "hand_pose_ros.commands.train"),
    "train-detector": ("train the full-frame hand detector", "hand_pose_ros.commands.train_detector"),
    "evaluate": ("errors of networks or published predictions", "hand_pose_ros.commands.evaluate"),
    "evaluate-detector": (
        "how well hands are found in whole pictures",
        "hand_pose_ros.commands.evaluate_detector",
    ),
    "evaluate-sensors": (
        "how well hands are found through unseen stereo matchers",
        "hand_pose_ros.commands.evaluate_sensors",
    ),
    "export": ("store a run's weights as a model to ship", "hand_pose_ros.commands.export"),
    "calibrate": ("fit how far hands can be trusted", "hand_pose_ros.commands.calibrate"),
    "bench": ("measure refinement, robustness and speed", "hand_pose_ros.commands.bench"),
    "fit": ("the hand model fitted to annotated joints", "hand_pose_ros.commands.fit"),
    "bone-prior": ("train the prior of bone lengths", "hand_pose_ros.commands.bone_prior"),
    "refine-weights": ("search the weights of the refinement", "hand_pose_ros.commands.refine_weights"),
    "surface-weights": (
        "choose the weights of the surface fit for a network",
        "hand_pose_ros.commands.surface_weights",
    ),
}


class Parser(argparse.ArgumentParser):
    """argparse's, but that ``--help`` tells defaults, and for numbers that are refused: one line, without the usage, as
    every other refusal."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **{"formatter_class": DefaultsShown, **more})

    def error(self, message: str) -> NoReturn:
        """ValueError with "--every is 0, want ..." for a number (``arguments``); else argparse's own end."""
        refused = re.fullmatch(r"argument (?:\S+/)?(\S+): (is .*)", message, re.DOTALL)
        if refused:
            raise ValueError(f"{refused[1]} {refused[2]}")
        super().error(_LONG_QUOTE.sub(lambda found: f"{found[0][:MOST_SHOWN]}...'", message))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; bad input, files that cannot be used and packages that are not installed end in one line on stderr
    and status 2. What it sets of the process for that time is afterwards as it was."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with usable_streams(), _no_backend():
        return _main(given)


def _main(given: list[str]) -> int:
    parser = Parser(prog="hand-pose", description="Articulated 3-D hand pose from depth images.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def run(_: argparse.Namespace) -> int | None:
        for name, (summary, module) in COMMANDS.items():
            sub = commands.add_parser(name, help=summary, description=summary)
            if name in given[:1]:
                loaded = importlib.import_module(module)
                loaded.add_arguments(sub)
                sub.set_defaults(run=loaded.run)
        if not given:
            parser.print_help(sys.stderr)
            return 2
        parsed = parser.parse_args(given)
        chosen: int | None = parsed.run(parsed)
        return chosen

    program = f"hand-pose {given[0]}" if given[:1] and given[0] in COMMANDS else "hand-pose"
    return exit_status(program, run, argparse.Namespace())


@contextmanager
def _no_backend() -> Iterator[None]:
    """Figures go to files: within the block matplotlib is not told of the backend of a notebook that a command is run
    from, which may not be installed."""
    named = os.environ.pop(_BACKEND, None)
    known = "matplotlib" in sys.modules
    try:
        yield
    finally:
        if named is not None:
            os.environ[_BACKEND] = named
            if not known and "matplotlib" in sys.modules:  # which looks there once
                with contextlib.suppress(ValueError):
                    sys.modules["matplotlib"].rcParams["backend"] = named


def module_status(
    program: str,
    description: str | None,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], int | None],
    arguments: Sequence[str] | None = None,
) -> int:
    """The ``main`` of a module that is run by ``python -m``: parse the arguments (None: those of this process) and run
    -> :func:`exit_status`."""
    parser = Parser(prog=program, description=description)
    add_arguments(parser)
    return exit_status(program, lambda _: run(parser.parse_args(arguments)), argparse.Namespace())


def exit_status(
    program: str, run: Callable[[argparse.Namespace], int | None], parsed: argparse.Namespace
) -> int:
    """Run a command -> its exit status: 2 with one line on stderr when it fails, or where a package is not installed;
    130 when interrupted.

    :param program: the command as one types it, with which the line begins.
    """
    try:
        with lost_interrupts_come_again():
            status = run(parsed) or 0
        sys.stdout.flush()
        return status
    except (
        BrokenPipeError
    ):  # whoever read the output has seen enough; nothing more may be written at the exit
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  every command ends in one line
        line = _line(program, error)
        if os.environ.get(TRACEBACK):
            traceback.print_exception(error)
        print(line, file=sys.stderr)
        return 2


def _line(program: str, error: Exception) -> str:
    """How a command ends with this error. An own module that is missing is a defect, and raised again."""
    if isinstance(error, ModuleNotFoundError):
        return f"{program} {needs(error)}"
    if isinstance(error, OSError):
        text = _in_short(error)
    elif isinstance(error, ValueError | MemoryError):
        text = str(error) or type(error).__name__
    else:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"
        text = f"{type(error).__name__}: {error} (at {where}; {TRACEBACK}=1 shows the traceback)"
    return f"{program}: {shown(text, 2000)}"


def _in_short(error: OSError) -> str:
    """What the system says, the file's name cut: names that are too long for it stand in its errors whole."""
    if error.filename is None or error.filename2 is not None or not error.strerror:
        return str(error) or type(error).__name__
    return f"[Errno {error.errno}] {error.strerror}: '{shown(error.filename)}'"


if __name__ == "__main__":
    sys.exit(main())
