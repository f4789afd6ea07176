"""docs/reference/commands.md, skeleton.md, parameters.md and the hashes of docs/model_zoo.md.

``python3 tools/reference_pages.py``. In: the parsers of ``hand-pose`` (``hand_pose_ros.commands.main.COMMANDS``), the
skeleton's table, the joint sets, and the nodes' tables of parameters (``hand_pose_ros/nodes/parameters``, which need
ROS 2), the files in models/. Out: the three pages and the table between the markers of the fourth, written anew; with
``--check`` nothing is written, and the status is 1 when a page is not as it would be written.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hand_pose_ros.commands.help_texts import help_with_default
from hand_pose_ros.commands.main import COMMANDS
from hand_pose_ros.files import write_text
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.joint_sets import JOINT_SETS

ROOT = Path(__file__).resolve().parent.parent
COMMANDS_PAGE = ROOT / "docs" / "reference" / "commands.md"
SKELETON_PAGE = ROOT / "docs" / "reference" / "skeleton.md"
ZOO_PAGE = ROOT / "docs" / "model_zoo.md"
PARAMETERS_PAGE = ROOT / "docs" / "reference" / "parameters.md"

USERS = ("replay", "compare-runs", "doctor", "urdf", "warm-cache")
"""Commands for whoever uses the tracker; all others are for whoever trains and measures it."""

_WRITTEN = "<!-- written by tools/reference_pages.py: change the source, then run it -->"
_BEGIN, _END = (
    "<!-- begin of the hashes: written by tools/reference_pages.py -->",
    "<!-- end of the hashes -->",
)
_COMMANDS_HEAD = """\
`hand-pose COMMAND --help` shows the same. The command is in `.venv/bin` after `make env`, on the path of a sourced
workspace, and where `pip install .` puts it. A command that cannot do what it is asked ends in one line and status 2;
an interrupt ends with 130 and keeps what a replay, a training run, `bench`, `evaluate-sensors`, `evaluate-detector` and
`fit` (its figures) have done by then.
With `HAND_POSE_TRACEBACK=1` the traceback stands before that line.
"""
_PARAMETERS_HEAD = """\
A parameter marked *live* takes effect at once (`ros2 param set`); all others are read when the node configures, and
keep their values until it is cleaned up: `ros2 param load` of a whole file sets what is live and names what it cannot
change. `ros2 param describe` shows the same texts. A value that is not allowed does not end a node: it fails to
configure, and the log names the parameter, its value and what is wanted.

ROS reads a value without quotes as YAML: `user: 007` is a number, `user: no` a truth value. They are taken for `7` and
`no`, and the log says so: write `user: "007"` (on a command line `-p "user:='007'"`).
"""


_SKELETON_HEAD = """\
A hand is 23 joints, 20 angles, 16 segments that carry a frame, and 9 scales of its size. The table is
`hand_pose_ros/hand/skeleton.py`; `hand_model_info` publishes names, limits and lengths. Nothing needs a number of this
page: match by name.

![the 23 joints of a right hand](../figures/skeleton.png)

(Drawn from the hand model by `python3 tools/draw_hand_model.py`, as the pictures below and in [frames](frames.md).)
"""
_ANGLES_HEAD = """\
Positive flexion curls towards the palm; positive abduction points to the thumb, on both sides: a left hand is a
mirrored right hand. In ROS, names begin with the side: `right_index_pip_flexion`. At zero angles the fingers are
straight and parallel. What is published is always within the limits, which are those that healthy hands reach, rounded
outwards.

![what flexion and abduction turn](../figures/angles.png)
"""


def commands_page() -> str:
    """The page of all commands and their options."""
    lines = ["# Commands", "", _WRITTEN, "", _COMMANDS_HEAD]
    groups = (
        ("For users", [name for name in COMMANDS if name in USERS]),
        ("For training and measuring", sorted(name for name in COMMANDS if name not in USERS)),
    )
    for title, names in groups:
        lines += [f"## {title}", ""]
        lines += _table(
            ("command", ""), ((f"[`{name}`](#hand-pose-{name})", COMMANDS[name][0]) for name in names)
        )
    for _, names in groups:
        for name in names:
            parser = argparse.ArgumentParser()
            importlib.import_module(COMMANDS[name][1]).add_arguments(parser)
            lines += _command(f"hand-pose {name}", COMMANDS[name][0], parser, level=2)
    lines += [
        "## Research",
        "",
        "These run in a checkout only: `python -m research.ablation` (the papers' tables, "
        "[paper_tables.md](../experiments/paper_tables.md)) and `python -m research.architecture_sweep` (designs of "
        "the network at one budget, [architecture_sweep.md](../experiments/architecture_sweep.md)). `--help` lists "
        "their options.",
        "",
    ]
    return "\n".join(lines)


def _command(name: str, summary: str, parser: argparse.ArgumentParser, level: int) -> list[str]:
    """A heading, the summary, the options, and the same of each sub-command."""
    sentence = summary[0].upper() + summary[1:] + ("" if summary.endswith("?") else ".")
    lines = [f"{'#' * level} {name}", "", sentence, ""]
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for sub, sub_parser in action.choices.items():
                lines += _command(f"{name} {sub}", helps[sub], sub_parser, level + 1)
        elif not isinstance(action, argparse._HelpAction):
            rows.append((_signature(action), _help(action)))
    if rows:
        lines += _table(("option", ""), rows)
    return lines


def _signature(action: argparse.Action) -> str:
    """An option as one types it: ``--side right, left``."""
    names = " or ".join(f"`{option}`" for option in action.option_strings)
    if action.nargs == 0:
        return names
    value = f"`{action.metavar or action.dest.upper()}`"
    if action.nargs in ("+", "*"):
        value += " ..."
    return f"{names} {value}".strip() + (" (needed)" if action.required and names else "")


def _help(action: argparse.Action) -> str:
    """What an option means, its default, and what it may be."""
    text = help_with_default(action) % {**vars(action), "prog": "hand-pose"}
    return text if action.choices is None else f"{text}; one of: {', '.join(map(str, action.choices))}"


def skeleton_page() -> str:
    """The page of joints, angles, segments, sizes and joint sets."""
    names = skeleton.JOINT_NAMES
    parents = ["" if parent < 0 else f"`{names[parent]}`" for parent in skeleton.JOINT_PARENTS]
    lengths = ["", *(f"{1000 * length:.1f}" for length in skeleton.TEMPLATE_BONE_LENGTHS)]
    lines = ["# Skeleton", "", _WRITTEN, "", _SKELETON_HEAD, "## Joints", ""]
    lines += _table(
        ("", "joint", "hangs on", "bone of the template hand, mm"),
        ((str(i), f"`{names[i]}`", parents[i], lengths[i]) for i in range(skeleton.JOINT_COUNT)),
    )
    lines += ["## Angles", "", _ANGLES_HEAD]
    lines += _table(
        ("", "angle", "limits, rad", "degrees"),
        (
            (
                str(i),
                f"`{name}`",
                f"{low:.2f} to {high:.2f}",
                f"{math.degrees(low):.0f} to {math.degrees(high):.0f}",
            )
            for i, (name, (low, high)) in enumerate(
                zip(skeleton.ANGLE_NAMES, skeleton.ANGLE_LIMITS.tolist(), strict=True)
            )
        ),
    )
    lines += ["## Segments", "", "Each has its origin at the near joint ([frames](frames.md)).", ""]
    lines += _table(
        ("", "segment", "at the joint", "part of"),
        (
            (
                str(i),
                f"`{name}`",
                f"`{names[joint]}`",
                "" if parent < 0 else f"`{skeleton.SEGMENT_NAMES[parent]}`",
            )
            for i, (name, joint, parent) in enumerate(
                zip(skeleton.SEGMENT_NAMES, skeleton.SEGMENT_JOINTS, skeleton.SEGMENT_PARENTS, strict=True)
            )
        ),
    )
    lines += [
        "## Size", "",
        "Nine natural logarithms of scales, 0 for the template hand (`HandPose.shape`): "
        + ", ".join(f"`{name}`" for name in skeleton.SHAPE_NAMES)
        + ". `hand` scales everything, the others their part: the palm along x and y, `thumb` its two phalanges.", "",
        "## Joint sets", "",
        "Other parties' joints, as linear maps of ours (`hand_pose_ros/hand/joint_sets.py`), on `hand_joints/<set>` "
        "and in `convert_joints`. What they are for: [interaction](interaction.md#other-parties-joints).", "",
    ]  # fmt: skip
    lines += _table(
        ("set", "joints, in order"),
        (
            (f"`{name}`", ", ".join(f"`{joint}`" for joint in JOINT_SETS[name].names))
            for name in sorted(JOINT_SETS)
        ),
    )
    return "\n".join(lines)


def zoo_page() -> str:
    """The model zoo with the hashes and sizes of what lies in models/. ValueError when a marker is gone."""
    before, begin, rest = ZOO_PAGE.read_text("utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{ZOO_PAGE}: wants the lines {_BEGIN} and {_END}")
    rows = []
    for path in sorted((ROOT / "models").iterdir()):
        data = path.read_bytes()
        numbers = ""
        if path.suffix == ".safetensors":
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            numbers = f"`{header['__metadata__']['sha256'][:8]}…`"
        row = (
            f"`{path.name}`",
            f"`{hashlib.sha256(data).hexdigest()}`",
            numbers,
            f"{len(data) / 2**20:.1f} MiB",
        )
        rows.append(row)
    table = "\n".join(_table(("file", "sha256 of the file", "of the numbers", "size"), rows))
    return before + begin + "\n\n" + table + "\n" + end + after


def parameters_page() -> str:
    """The page of all parameters of all nodes. ModuleNotFoundError where ROS 2 is not there."""
    from hand_pose_ros.nodes.parameters.demo_parameters import CAMERA_PARAMETERS, WATCHER_PARAMETERS
    from hand_pose_ros.nodes.parameters.retarget_parameters import RETARGET_PARAMETERS
    from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PARAMETERS

    lines = ["# Parameters", "", _WRITTEN, "", _PARAMETERS_HEAD]
    for node, about, table in (
        (
            "hand_tracker",
            "Repeated in `config/hand_tracker.yaml`, which the launch file loads.",
            TRACKER_PARAMETERS,
        ),
        ("hand_retarget", "Repeated in `config/hand_retarget.yaml`.", RETARGET_PARAMETERS),
        ("depth_camera", "The demo's camera: a synthetic hand, or recorded frames.", CAMERA_PARAMETERS),
        ("watcher", "The demo's listener, which measures and draws.", WATCHER_PARAMETERS),
    ):
        lines += [f"## {node}", "", about, ""]
        lines += _table(
            ("parameter", "default", "allowed", ""),
            ((f"`{p.name}`", f"`{p.default_text()}`", p.allowed_text(), _meaning(p)) for p in table),
        )
    return "\n".join(lines)


def _meaning(parameter: Any) -> str:
    return f"{parameter.description} *Live.*" if parameter.live else str(parameter.description)


def _table(head: tuple[str, ...], rows: Any) -> list[str]:
    """A table of Markdown and an empty line; what Markdown would take for a border or a tag is escaped."""
    cells = ([_escaped(cell) for cell in row] for row in rows)
    lines = ["| " + " | ".join(row) + " |" for row in ([*head], *cells)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:], ""]


def _escaped(cell: str) -> str:
    return re.sub(r"<(\w+)>", r"&lt;\1&gt;", cell).replace("|", "\\|")


def pages() -> Iterator[tuple[Path, str]]:
    """Each page's file and text."""
    yield COMMANDS_PAGE, commands_page()
    yield SKELETON_PAGE, skeleton_page()
    yield ZOO_PAGE, zoo_page()
    yield PARAMETERS_PAGE, parameters_page()


def main() -> int:
    """Write the pages, or compare them -> exit status."""
    parser = argparse.ArgumentParser(description="Writes the pages that repeat tables of the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when a page is old")
    check = parser.parse_args().check
    old = [(path, text) for path, text in pages() if not path.exists() or path.read_text("utf-8") != text]
    for path, text in old:
        if not check:
            write_text(path, text)
        print(f"{'old' if check else 'written'}: {path.relative_to(ROOT)}")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
