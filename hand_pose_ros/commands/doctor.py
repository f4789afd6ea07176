"""``hand-pose doctor``: what is on this machine, a self-test, and what to paste into an issue.

In: weights, a device. Out: a report on the terminal; exit status 0 when all is well, 1 when something is wrong, which
the last lines name. What is not installed is among it, so that nothing of others is imported but where it is asked for.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hand_pose_ros.packages import PACKAGES, how_to_get
from hand_pose_ros.resources import SHIPPED_DETECTOR, model_file, package_version
from hand_pose_ros.texts import shown

if TYPE_CHECKING:
    from hand_pose_ros.evaluation.self_test import SelfTest

_PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_ROS_VARIABLES = ("ROS_DISTRO", "RMW_IMPLEMENTATION", "ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")
_COMPLAINT = re.compile(r"\b(error|fatal|invalid value)\b", re.IGNORECASE)
"""What a middleware says of what it then goes on without: settings that do not hold."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ROS_PATIENCE_S = 60.0
"""Two seconds of listening and a start on a busy machine. Guessed."""
_SHARED_MEMORY = Path("/dev/shm")
_PROCESS_MB = 9.0
"""Shared memory that one process with our profile takes, MB (measured: docs/getting_started/robot.md)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose doctor``."""
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--model", type=model_file, help="weights: small, or a file (default: the shipped ones)"
    )
    parser.add_argument("--no-self-test", action="store_true", help="only say what is here, weights among it")


def run(arguments: argparse.Namespace) -> int:
    """Print the report; 1 when something is wrong."""
    wrong: list[str] = []
    parts: tuple[tuple[str, Callable[[], list[str]]], ...] = (
        ("system", _system),
        ("packages", lambda: _packages(wrong)),
        ("hardware", lambda: _hardware(arguments.device)),
        ("kernels", lambda: _kernels(wrong)),
        ("middleware", lambda: _middleware(os.environ, wrong)),
        ("model", lambda: _model(arguments.model)),
        ("detector", _detector),
        ("self-test", lambda: [] if arguments.no_self_test else _self_test(arguments, wrong)),
        ("ROS 2", lambda: _ros(wrong)),
    )
    stopped = False
    for what, part in parts:
        if what == "self-test" and stopped:  # it would say the same again
            continue
        before = len(wrong)
        for line in _asked(what, part, wrong):
            print(line, flush=True)
        stopped |= what in ("hardware", "model", "detector") and len(wrong) > before
    for text in wrong:
        print(f"wrong: {text}")
    print("something is wrong, see above" if wrong else "all is well")
    return 1 if wrong else 0


def _asked(what: str, part: Callable[[], list[str]], wrong: list[str]) -> list[str]:
    """The lines of a part of the report; what keeps it from being made is wrong, unless that is a package whose absence
    is told already."""
    try:
        return part()
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if not any(package.module == module for package in PACKAGES):
            how = how_to_get(error.name or "")
            wrong.append(f"{what}: {shown(error)}{': ' if how else ''}{how}")
        return [f"{what}: not known without {shown(module)}"]
    except (ImportError, ValueError, OSError, RuntimeError) as error:
        wrong.append(f"{what}: {shown(error) or type(error).__name__}")
        return []


def _system() -> list[str]:
    return [
        f"hand_pose_ros {package_version()} in {Path(__file__).resolve().parents[1]}",
        f"system: {platform.platform()}, Python {platform.python_version()}",
    ]


def _packages(wrong: list[str]) -> list[str]:
    """Versions; what is missing is wrong where tracking needs it."""
    there = [package for package in PACKAGES if package.there]
    absent = [package for package in PACKAGES if package not in there]
    wrong += [
        f"{package.distribution} is not installed: {package.how}" for package in absent if not package.use
    ]
    named = ", ".join(f"{package.distribution} {package.version or '(no version)'}" for package in there)
    lines = [f"packages: {named or 'none'}"]
    more = [f"{package.distribution} ({package.use}: {package.how})" for package in absent if package.use]
    return lines + ([f"not installed, and not needed for tracking: {', '.join(more)}"] if more else [])


def _hardware(device: str) -> list[str]:
    from hand_pose_ros.evaluation.hardware_info import hardware_info, hardware_text
    from hand_pose_ros.network.device import pick_device

    return [f"hardware: {hardware_text(hardware_info(pick_device(device)))}"]


def _kernels(wrong: list[str]) -> list[str]:
    from hand_pose_ros import kernel_cache

    if kernel_cache.is_warm():
        return [f"kernels: compiled, kept in {kernel_cache.cache_folder()}"]
    if kernel_cache.can_keep():
        return ["kernels: not compiled yet, which the first start does (or hand-pose warm-cache)"]
    wrong.append("compiled kernels cannot be kept anywhere: every start takes minutes; set NUMBA_CACHE_DIR")
    return ["kernels: no place to keep them"]


def _middleware(environment: Mapping[str, str], wrong: list[str]) -> list[str]:
    """ROS's variables, the Fast DDS profile and the shared memory."""
    ros = [f"{name}={environment[name]}" for name in _ROS_VARIABLES if environment.get(name)]
    lines = [f"ROS 2's variables: {', '.join(ros) or 'none is set'}"]
    profiles = [(name, environment[name]) for name in _PROFILES if environment.get(name)]
    for name, value in profiles:
        there = Path(value).is_file()
        lines.append(f"Fast DDS profile: {name}={value}{'' if there else ' (not there)'}")
        if not there:
            wrong.append(f"{name} names a file that is not there: large images will be lost")
    if not profiles:
        lines.append(
            "Fast DDS profile: none in this shell (the camera driver needs it: docs/getting_started/robot.md)"
        )
    if _SHARED_MEMORY.is_dir():
        free_mb = shutil.disk_usage(_SHARED_MEMORY).free / 1e6
        lines.append(f"shared memory: {free_mb:.0f} MB free, room for {int(free_mb / _PROCESS_MB)} processes")
        if free_mb < 2 * _PROCESS_MB:
            wrong.append(
                f"{_SHARED_MEMORY} is nearly full: images go over UDP, where they are lost (--shm-size)"
            )
    return lines


def _model(named: Path | None) -> list[str]:
    """The weights that the tracker takes, as their file describes them."""
    from hand_pose_ros.network.weights_file import read_info

    model = read_info(model_file(named))
    return [f"model: {model.name}, sha256 {model.sha256[:12]}"]


def _detector() -> list[str]:
    from hand_pose_ros.detection.detector_weights import read_detector_info

    return [f"detector: sha256 {read_detector_info(model_file(SHIPPED_DETECTOR)).sha256[:12]}"]


def _self_test(arguments: argparse.Namespace, wrong: list[str]) -> list[str]:
    from hand_pose_ros.commands.compiled_kernels import compile_missing
    from hand_pose_ros.evaluation.self_test import FRAMES, LEAST_FOUND, MOST_ERROR_MM, run_self_test
    from hand_pose_ros.tracking.config import TrackerConfig
    from hand_pose_ros.tracking.tracker import HandTracker

    try:
        compile_missing(arguments.model)
        tracker = HandTracker(arguments.model, TrackerConfig(device=arguments.device))
        tracker.warm_up()
        outcome = run_self_test(tracker)
    except (ValueError, OSError, RuntimeError) as error:
        wrong.append(f"the self-test could not run: {shown(error)}")
        return []
    backend = tracker.estimator.backend
    wrong += [f"{subject}: {text}" for subject, text in tracker.faults.items()]
    if not outcome.passed:
        wrong.append(
            f"the self-test found the hand in {outcome.found} frames, want {LEAST_FOUND}, with"
            f" {_millimetres(outcome)} of error, want less than {MOST_ERROR_MM:g} mm"
        )
    return [
        f"backend: {backend.name} on {backend.device}, convolutions in {backend.precision}",
        f"self-test: hand found in {outcome.found} of {FRAMES} synthetic frames, mean error {_millimetres(outcome)},"
        f" {outcome.median_ms:.1f} ms a frame (worst {outcome.worst_ms:.1f})",
    ]


def _ros(wrong: list[str]) -> list[str]:
    """Which ROS 2 is here and the topics it shows, asked by a process of its own: a middleware that is not installed
    ends the process that asks."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from hand_pose_ros.nodes.ros_report import main; main()"
    try:
        answer = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ROS_PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        wrong.append(f"ROS 2 did not answer within {_ROS_PATIENCE_S:.0f} s")
        return []
    said = [line for line in _COLOURS.sub("", answer.stderr).splitlines() if line.strip()]
    if answer.returncode != 0:
        asked = os.environ.get("RMW_IMPLEMENTATION")
        hint = (
            f" (is the middleware installed that RMW_IMPLEMENTATION names, {shown(asked)}?)" if asked else ""
        )
        what = shown(said[-1], 1000) if said else f"exit status {answer.returncode}"
        wrong.append(f"ROS 2: {what}{hint}")
        said = []
    # A profile that cannot be read, an unknown range of discovery: the middleware goes on without.
    told = [f"the middleware says: {shown(line, 1000)}" for line in said]
    wrong += [line for line in told if _COMPLAINT.search(line)]
    told = [line for line in told if line not in wrong]
    return [shown(line, 1000) for line in answer.stdout.splitlines()] + told


def _millimetres(outcome: SelfTest) -> str:
    return "no measure" if outcome.error_mm is None else f"{outcome.error_mm:.1f} mm"
