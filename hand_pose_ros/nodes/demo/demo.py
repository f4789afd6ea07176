"""The demo: camera, tracker and watcher as separate processes over real DDS, then a table, pictures and figures.

``python3 -m hand_pose_ros.nodes.demo`` shows a synthetic hand; with ``--frames`` a folder of 16-bit depth PNGs is
played instead. With ``--robot`` the node hand_retarget makes a robot's hand follow, as one more process. Writes
overlay.gif, overlay.png, summary.json and the nodes' logs to the output folder. Exit status: 0 it worked, 1 it did not,
2 wrong arguments.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from hand_pose_ros.files import require_writable, write_json
from hand_pose_ros.nodes.demo.demo_config import SLOW_VARIABLE, DemoConfig, parse_arguments
from hand_pose_ros.nodes.demo.processes import NodeProcesses
from hand_pose_ros.nodes.fast_dds import profile_environment
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.recording.scene_distance import middle_in_words, middle_m

_PATIENCE_S = 300.0  # without any progress; guessed: a slow machine compiles kernels in the first run
_INTERFACE_UP = 0x1  # IFF_UP of netdevice(7)
_BUSY = 2.0
"""Programs for each core from which on a computer is called busy. Guessed: the demo alone keeps one a core."""
_FRAMES_OF_MIDDLE = 10  # so many tell about how far away a scene is; guessed
_END_LIMIT_S = 600.0  # drawing the pictures, on a machine that does much else; guessed
_MODULES = {
    "camera": "hand_pose_ros.nodes.demo.camera_node",
    "tracker": "hand_pose_ros.nodes.tracker_node",
    "slow tracker": "hand_pose_ros.nodes.demo.slow_tracker_node",
    "watcher": "hand_pose_ros.nodes.demo.watcher_node",
    "robot": "hand_pose_ros.nodes.retarget_node",
}


class DemoError(RuntimeError):
    """The demo did not work; the message says why."""


def demo_environment() -> dict[str, str]:
    """Returns the children's environment: this machine only, a domain of its own, shared memory for depth images."""
    environment = dict(os.environ)
    environment.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    environment.setdefault("PYTHONUNBUFFERED", "1")
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        profile = Path(get_package_share_directory("hand_pose_ros")) / "config" / "fastdds.xml"
    except PackageNotFoundError as error:
        raise DemoError(
            "the package hand_pose_ros is not installed or not sourced: build it first"
        ) from error
    return environment | profile_environment(profile, environment)


def require_loopback(flags: Path = Path("/sys/class/net/lo/flags")) -> None:
    """DemoError where the loopback interface is missing or down: the nodes would never find each other."""
    if not flags.parent.parent.is_dir():  # no /sys: nothing is known
        return
    if not flags.exists() or not int(flags.read_text(), 16) & _INTERFACE_UP:
        raise DemoError(
            "the loopback interface is down or missing, by which nodes on one machine find each other: "
            "ip link set lo up"
        )


def run(config: DemoConfig, console: Console) -> dict[str, Any]:
    """Plays the demo and returns the figures. Raises DemoError."""
    require_loopback()
    try:
        require_writable(config.output)
    except OSError as error:
        raise DemoError(str(error)) from error
    for old in ("watcher.json", "summary.json", "overlay.gif", "overlay.png", "robot.log"):
        (config.output / old).unlink(missing_ok=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} frames"),
        TimeElapsedColumn(),
        console=console,
    )
    environment = demo_environment() | {SLOW_VARIABLE: str(config.slow)}
    with NodeProcesses(config.output.resolve(), environment) as nodes, progress:
        nodes.start("watcher", _MODULES["watcher"], config.watcher_parameters())
        tracker = "tracker" if config.slow == 1 else "slow tracker"
        nodes.start("tracker", _MODULES[tracker], config.tracker_parameters())
        if config.robot:
            nodes.start("robot", _MODULES["robot"], config.retarget_parameters())
        nodes.start("camera", _MODULES["camera"], config.camera_parameters())
        running = ["tracker", *(["robot"] if config.robot else [])]
        task = progress.add_task("loading the model, preparing frames", total=config.frames)
        _play(nodes, config, progress, task, [*running, "watcher"])
        progress.update(task, description="drawing the pictures")
        time.sleep(0.5)  # what is still on its way
        if nodes.end("watcher", _END_LIMIT_S) != 0:
            raise DemoError(f"the watcher failed:\n{nodes.log_tail('watcher')}")
        for name in running:
            if nodes.status(name) is not None:
                raise DemoError(f"the {name} ended on its own:\n{nodes.log_tail(name)}")
        progress.update(task, description="done")
    return _summary(config)


def _play(
    nodes: NodeProcesses, config: DemoConfig, progress: Progress, task: Any, running: Sequence[str]
) -> None:
    """Waits until the camera has published its last frame; DemoError when something stops before."""
    limit = time.monotonic() + _PATIENCE_S
    before: tuple[int, int] | None = None
    while nodes.status("camera") is None:
        for name in running:
            if nodes.status(name) is not None:
                raise DemoError(f"the {name} ended on its own:\n{nodes.log_tail(name)}")
        seen = _watcher_figures(config)
        if seen.get("tracker_problem"):
            raise DemoError(f"the tracker refused: {seen['tracker_problem']}")
        if seen.get("robot_problem"):
            raise DemoError(f"the robot's node refused: {seen['robot_problem']}")
        frames, prepared = seen.get("frames", 0), _prepared(nodes)
        if (frames, prepared) != before:
            before = (frames, prepared)
            limit = time.monotonic() + _PATIENCE_S
        if time.monotonic() > limit:
            where = "while playing" if frames else "before the first frame"
            raise DemoError(
                f"nothing happened for {_PATIENCE_S:.0f} s {where}; see the logs in '{config.output}'"
            )
        if frames:
            progress.update(task, completed=frames, description=f"playing, {seen['hands']} with a hand")
        else:
            progress.update(task, completed=prepared, description="loading the model, preparing frames")
        time.sleep(0.2)
    if nodes.status("camera") != 0:
        raise DemoError(f"the camera failed:\n{nodes.log_tail('camera')}")


def _prepared(nodes: NodeProcesses) -> int:
    """Returns how many frames the camera has made before the start."""
    counts = re.findall(r"prepared (\d+) of", nodes.log_tail("camera"))
    return int(counts[-1]) if counts else 0


def _watcher_figures(config: DemoConfig) -> dict[str, Any]:
    path = config.output / "watcher.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _summary(config: DemoConfig) -> dict[str, Any]:
    summary = _watcher_figures(config)
    if not summary.get("complete"):
        raise DemoError(f"the watcher did not come to its end in {_END_LIMIT_S:.0f} s")
    for key in ("complete", "tracker_ready", "tracker_problem", "robot_problem"):
        summary.pop(key, None)
    (config.output / "watcher.json").unlink()
    recording = config.recording
    summary["source"] = "synthetic" if recording is None else str(recording.folder)
    if recording is not None:
        for key in ("frames_without_hand", "frames_dropped"):
            summary[f"{key}_names"] = sorted({recording.name(i % len(recording)) for i in summary[key]})
        if not summary["hands"]:
            summary["middle_m"] = middle_m(_some_depths(recording, config.depth_unit))
    summary["load"], summary["cores"] = round(os.getloadavg()[0], 1), len(os.sched_getaffinity(0))
    problems = verdict(summary, config.frames, config.slow)
    summary["ok"] = not problems
    summary["problems"] = problems
    write_json(config.output / "summary.json", summary)
    return summary


def verdict(summary: dict[str, Any], count: int, slow: int = 1) -> list[str]:
    """Returns what is wrong with a run that came to its end: nothing when it worked.

    A slow model may drop most frames.
    """
    problems = []
    if summary["frames"] < count:
        problems.append(f"only {summary['frames']} of {count} frames were published")
    if summary["outputs"] == 0:
        problems.append("the tracker published nothing")
    elif slow == 1 and summary["outputs"] < summary["frames"] / 2:
        answered = f"only {summary['outputs']} of {summary['frames']} frames were answered"
        problems.append(answered + busy(summary.get("load"), summary.get("cores")))
    if summary["outputs"] and summary["hands"] == 0:
        problems.append(f"no hand was found in any frame{_scene(summary)}")
    return problems + (robot_problems(summary["robot"]) if "robot" in summary and summary["hands"] else [])


def _some_depths(recording: RecordedFrames, unit_m: float) -> Iterator[NDArray[np.float32]]:
    """Some of the images (H, W) m, without those that are damaged."""
    for index in range(0, len(recording), max(len(recording) // _FRAMES_OF_MIDDLE, 1)):
        with contextlib.suppress(RecordingError):
            yield recording.depth(index, unit_m)


def _scene(summary: dict[str, Any]) -> str:
    """What is to be looked at where no hand was found in a recording."""
    if "middle_m" not in summary:
        return ""
    where = middle_in_words(summary["middle_m"])
    return f"; {where}: if there is a hand, see whether DEPTH_UNIT (--depth-unit) and INTRINSICS are right"


def busy(load: float | None, cores: int | None) -> str:
    """What is said of a computer that had other things to do: programs that ran or waited, over the last minute."""
    if load is None or not cores or load < _BUSY * cores:
        return ""
    return (
        f": {load:.1f} programs on average wanted this computer's {cores} cores over the last minute, the demo's own "
        "among them; run it with nothing else running"
    )


def robot_problems(robot: dict[str, Any]) -> list[str]:
    """Returns what is wrong with the robot's figures: nothing when it was driven, and within what it is allowed."""
    problems = []
    if not robot["engagements"]:
        why = robot["refusal"] or f"no {robot['side']} hand was there long enough"
        problems.append(f"{robot['name']} was never engaged: {why}")
    elif robot["commands"] == 0:
        problems.append(f"{robot['name']} was sent nothing")
    for key in ("commands_before_engage", "commands_outside_limits", "commands_over_velocity"):
        if robot[key]:
            problems.append(f"{robot['name']} was sent {robot[key]} {key.replace('_', ' ')}")
    return problems


def number(value: float | None, unit: str, digits: int = 1) -> str:
    """A figure with its unit."""
    return "unknown" if value is None else f"{value:.{digits}f} {unit}"


def robot_rows(robot: dict[str, Any]) -> list[tuple[str, str]]:
    """The robot's rows of the table."""
    name = f"robot: {robot['name']}, {robot['side']}"
    rows = [(name, f"{robot['commands']} commands at {number(robot['rate_hz'], 'Hz')} by {robot['engine']}")]
    for key, what in (
        ("latency_ms", "hands to command p50 / p95"),
        ("age_ms", "camera to command p50 / p95"),
    ):
        rows.append((f"robot: {what}", " / ".join(number(robot[key][p], "ms") for p in ("p50", "p95"))))
    if robot["human_pinch_mm"] is not None:
        gap, person = number(robot["pinch_gap_mm"], "mm"), number(robot["human_pinch_mm"], "mm")
        rows.append(("robot: pinch gap (the person's)", f"{gap} ({person})"))
    step, unit = robot["max_step_rad"], "rad"
    if step is None:
        step, unit = robot["max_step_m"], "m"
    safety = f"{robot['commands_before_engage']} commands before engage, largest step {number(step, unit, 3)}"
    held = f"{robot['hold_frames_after_loss']} frames held after {robot['losses']} losses"
    return [*rows, ("robot: safety", f"{safety}, {held}")]


def print_table(summary: dict[str, Any], output: Path, console: Console) -> None:
    """The figures for people."""

    age, error = summary["age_ms"], summary["error_mm"]
    table = Table(title="hand_pose_ros demo", show_header=False)
    table.add_row("frames in", str(summary["frames"]))
    table.add_row("frames answered", f"{summary['outputs']} at {number(summary['rate_hz'], 'Hz')}")
    table.add_row("frames with a hand", f"{summary['hands']}")
    if summary.get("two_hands"):
        table.add_row("frames with two hands", f"{summary['two_hands']}")
    table.add_row("dropped", str(summary["dropped"]))
    table.add_row(
        "age at the receiver p50 / p95 / p99", " / ".join(number(age[p], "ms") for p in ("p50", "p95", "p99"))
    )
    if summary["frames_with_truth"]:
        table.add_row(
            "joint error mean / median", f"{number(error['mean'], 'mm')} / {number(error['median'], 'mm')}"
        )
        table.add_row("hands of the wrong side", str(summary["wrong_side"]))
    if summary.get("gestures"):
        table.add_row("gestures", ", ".join(summary["gestures"]))
    if "robot" in summary:
        for row in robot_rows(summary["robot"]):
            table.add_row(*row)
    table.add_row("pictures", f"{output / 'overlay.gif'}, {output / 'overlay.png'}")
    table.add_row("figures", str(output / "summary.json"))
    console.print(table)
    names = summary.get("frames_without_hand_names", [])
    if names:
        shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        console.print(f"no hand found in {len(names)} frame(s): {shown}", highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Runs the demo; the exit status says whether it worked."""
    config = parse_arguments(arguments)
    # SIGINT too: a shell starts what runs in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    console = Console()
    try:
        summary = run(config, console)
    except DemoError as error:
        console.print(f"the demo did not work: {error}", style="bold red", highlight=False, markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130
    print_table(summary, config.output, console)
    for problem in summary["problems"]:
        console.print(f"the demo did not work: {problem}", style="bold red")
    return 0 if summary["ok"] else 1
