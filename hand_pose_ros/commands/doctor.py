"""``hand-pose doctor``: what is on this machine, a self-test, and what to paste into an issue.

In: nothing. Out: a report on the terminal; exit status 0 when all is well, 1 when something is wrong, which the last
lines name.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from hand_pose_ros import kernel_cache
from hand_pose_ros.evaluation.hardware_info import hardware_info, hardware_text
from hand_pose_ros.evaluation.self_test import FRAMES, LEAST_FOUND, MOST_ERROR_MM, SelfTest, run_self_test
from hand_pose_ros.network.device import pick_device
from hand_pose_ros.resources import package_version
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.validation import shown

_PACKAGES = (
    "torch", "onnxruntime", "openvino", "numpy", "scipy", "scikit-learn", "numba", "llvmlite", "opencv-python-headless",
    "safetensors", "rosbags", "pyyaml", "matplotlib",
)  # fmt: skip
_PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_ROS = ("ROS_DISTRO", "RMW_IMPLEMENTATION", "ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")
_SHARED_MEMORY = Path("/dev/shm")
_PROCESS_MB = 9.0
"""Shared memory that one process with our profile takes, MB (measured: docs/getting_started/robot.md)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose doctor``."""
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--model", type=Path, help="weights: small, or a file (default: the shipped ones)")
    parser.add_argument("--no-self-test", action="store_true", help="only say what is here")


def run(arguments: argparse.Namespace) -> int:
    """Print the report; 1 when something is wrong."""
    wrong: list[str] = []
    for line in (*_versions(), *_kernels(wrong), *_middleware(os.environ, wrong)):
        print(line, flush=True)
    if not arguments.no_self_test:
        for line in _self_test(arguments, wrong):
            print(line, flush=True)
    for line in _topics():
        print(line, flush=True)
    for text in wrong:
        print(f"wrong: {text}")
    print("something is wrong, see above" if wrong else "all is well")
    return 1 if wrong else 0


def _versions() -> list[str]:
    packages = []
    for name in _PACKAGES:
        try:
            packages.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            packages.append(f"{name} -")
    return [
        f"hand_pose_ros {package_version()} in {Path(__file__).resolve().parents[1]}",
        f"system: {platform.platform()}",
        f"hardware: {hardware_text(hardware_info(pick_device('auto')))}",
        f"packages: {', '.join(packages)}",
    ]


def _kernels(wrong: list[str]) -> list[str]:
    if kernel_cache.is_warm():
        return [f"kernels: compiled, kept in {kernel_cache.cache_folder()}"]
    if kernel_cache.can_keep():
        return ["kernels: not compiled yet, which the first start does (or hand-pose warm-cache)"]
    wrong.append("compiled kernels cannot be kept anywhere: every start takes minutes; set NUMBA_CACHE_DIR")
    return ["kernels: no place to keep them"]


def _middleware(environment: Mapping[str, str], wrong: list[str]) -> list[str]:
    """ROS's variables, the Fast DDS profile and the shared memory."""
    ros = [f"{name}={environment[name]}" for name in _ROS if environment.get(name)]
    lines = [f"ROS: {', '.join(ros) or 'no variable of it is set'}"]
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


def _self_test(arguments: argparse.Namespace, wrong: list[str]) -> list[str]:
    try:
        tracker = HandTracker(arguments.model, TrackerConfig(device=arguments.device))
        tracker.warm_up()
        outcome = run_self_test(tracker)
    except (ValueError, OSError, RuntimeError) as error:
        wrong.append(f"the self-test could not run: {shown(error)}")
        return []
    backend, model = tracker.estimator.backend, tracker.model_info
    wrong += [f"{subject}: {text}" for subject, text in tracker.faults.items()]
    if not outcome.passed:
        wrong.append(
            f"the self-test found the hand in {outcome.found} frames, want {LEAST_FOUND}, with"
            f" {_millimetres(outcome)} of error, want less than {MOST_ERROR_MM:g} mm"
        )
    return [
        f"model: {model.name}, sha256 {model.sha256[:12]}",
        f"backend: {backend.name} on {backend.device}, convolutions in {backend.precision}",
        f"self-test: hand found in {outcome.found} of {FRAMES} synthetic frames, mean error {_millimetres(outcome)},"
        f" {outcome.median_ms:.1f} ms a frame (worst {outcome.worst_ms:.1f})",
    ]


def _topics() -> list[str]:
    """The topics that ROS shows, where it is here."""
    try:
        from hand_pose_ros.nodes.depth_topics import depth_topic_lines
    except ImportError as error:
        return [f"topics: no ROS 2 in this shell ({shown(error)})"]
    try:
        lines = depth_topic_lines()
    except RuntimeError as error:
        return [f"topics: ROS 2 does not answer ({shown(error)})"]
    if not lines:
        return ["topics: nobody publishes images or camera infos"]
    return ["topics that a tracker could use:", *[f"  {line}" for line in lines]]


def _millimetres(outcome: SelfTest) -> str:
    return "no measure" if outcome.error_mm is None else f"{outcome.error_mm:.1f} mm"
