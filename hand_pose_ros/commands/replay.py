"""``hand-pose replay``: the tracker over a recording, without ROS.

In: a bag of rosbag2, or a folder of depth frames with its intrinsics. Out, in a folder: the hands as hands.mcap,
hands.csv and hands.npz, summary.json with how many frames had a hand and the milliseconds of each stage, curves.png
over time, overlay.mp4, overlay.gif and overlay.png, contact.png (every n-th frame, enlarged around the hand) and
hands.png (every published hand, to be judged by eye). docs/reference/recordings.md describes them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hand_pose_ros.commands.arguments import (
    checked_by,
    depth_unit,
    intrinsics_or_file,
    positive_int,
    rate_hz,
    real_number,
)
from hand_pose_ros.commands.compiled_kernels import compile_missing
from hand_pose_ros.commands.interrupts import INTERRUPTED, stop_requests
from hand_pose_ros.depth.camera_presets import camera_preset
from hand_pose_ros.depth.image import DEPTH_UNIT_M
from hand_pose_ros.files import output_folder
from hand_pose_ros.recording.bag_files import is_bag
from hand_pose_ros.recording.open_recording import OpenRecording, open_recording
from hand_pose_ros.recording.output_files import (
    HAND_TILES,
    OUTPUT_FILES,
    SUMMARY,
    VIDEO,
    earlier_outputs,
    remove_stale,
    require_apart,
    require_own,
)
from hand_pose_ros.recording.play_options import PlayOptions
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.recording.replay import Replay, ReplayConfig, replay
from hand_pose_ros.recording.replay_output import write_replay
from hand_pose_ros.recording.scene_distance import middle_in_words
from hand_pose_ros.resources import SHIPPED_MODELS, model_file
from hand_pose_ros.tracking.config import TrackerConfig, refinement
from hand_pose_ros.tracking.one_euro_filter import FilterConfig
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.validation import shown
from hand_pose_ros.visualization.video import VideoWriter

_LEAST_FREE = 2**20
"""Bytes; a disk with less is full. Guessed: a minute of hands.csv."""
_MOST_REASON = 500
"""Characters of a line that says why a frame was left out: it may name a file. Guessed."""
_MOST_TOLD = 12
"""So many of the frames that were left out are named in the terminal. Guessed: a screen has room for them."""

_seconds = real_number(0.0, 1e9)


def _tracker_field(name: str) -> Callable[[str], float]:
    return checked_by(lambda value: TrackerConfig(**{name: value}))  # type: ignore[arg-type]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose replay``."""
    # fmt: off
    parser.add_argument("source", type=Path, nargs="?", metavar="SOURCE",
                        help="a bag (its folder, or a .mcap or .db3 file), or a folder of PNG, TIFF or npy frames")
    parser.add_argument("--frames", type=Path, metavar="SOURCE", help="the same, by name")
    parser.add_argument("--intrinsics", type=intrinsics_or_file, metavar="FX,FY,CX,CY|FILE",
                        help="pixels, or a YAML file (default: a bag's camera infos, a folder's intrinsics.yaml)")
    parser.add_argument("--depth-unit", type=depth_unit, metavar="M",
                        help="metres per count of 16-bit images (default: of the intrinsics file, the camera, 0.001)")
    parser.add_argument("--camera", metavar="NAME",
                        help="unit, rectification and topics of a preset, such as d435: see config/cameras/")
    parser.add_argument("--rectified", choices=("auto", "true", "false"),
                        help="true: distortion is ignored and P taken for K; auto: for topics called image_rect...")
    parser.add_argument("--rate", type=rate_hz, default=30.0,
                        help="frames per second of a folder (default 30); a bag has stamps")
    parser.add_argument("--start", type=_seconds, default=0.0, metavar="S", help="leave out what comes before")
    parser.add_argument("--end", type=_seconds, metavar="S", help="leave out what comes from then on")
    parser.add_argument("--still", action="store_true", help="frames do not follow each other: search in each one")
    bag = parser.add_argument_group("topics of a bag").add_argument
    bag("--depth-topic", metavar="TOPIC", help="depth images (default: the only ones)")
    bag("--info-topic", metavar="TOPIC", help="their camera info (default: the one beside them)")
    bag("--truth-topic", metavar="TOPIC", help="known hands, HandPoseArray (default: one called truth)")
    tracker = parser.add_argument_group("tracker, as the node's parameters of these names").add_argument
    tracker("--side", default="auto", help="right, left or auto (default)")
    tracker("--hands", type=positive_int, default=1, help="hands to track at once, at most (default 1)")
    names = ", ".join(SHIPPED_MODELS[1:])
    tracker("--model", type=model_file, help=f"weights: {names}, or a file (default: the shipped ones)")
    tracker("--device", default="auto", help="auto, cpu or cuda")
    tracker("--precision", default="auto", help="auto, float32 or bfloat16")
    tracker("--start-odds", type=_tracker_field("start_odds"), default=TrackerConfig.start_odds, metavar="LOG_ODDS",
            help="how sure a new hand must be (default %(default)g)")
    tracker("--min-confidence", type=_tracker_field("min_confidence"), default=TrackerConfig.min_confidence,
            metavar="SHARE", help="hands less certain count as not seen (default %(default)g)")
    tracker("--coast", type=_tracker_field("coast_s"), default=TrackerConfig.coast_s, metavar="S",
            help="how long a hidden hand stays (default %(default)g)")
    tracker("--smoothing-hz", type=checked_by(lambda hz: FilterConfig(still_hz=hz)), default=FilterConfig.still_hz,
            metavar="HZ", help="cut-off of the smoothing for a hand at rest, 0: none (default %(default)g)")
    tracker("--no-refine", action="store_true", help="the network's hand on the hand model, frame by frame")
    output = parser.add_argument_group("output").add_argument
    output("--output", type=Path, default=Path("replay"), help="folder to write (default replay)")
    output("--every", type=positive_int, default=1, help="contact.png shows every n-th frame (default 1)")
    output("--no-video", action="store_true", help="leave overlay.mp4 out")
    # fmt: on


def run(arguments: argparse.Namespace) -> int:
    """Track every frame, write everything and print the figures.

    130 when it was asked to stop, 2 with one line when the recording is damaged or a file cannot be written, both with
    what was done until then.
    """
    if (arguments.source is None) == (arguments.frames is None):
        raise ValueError("want one SOURCE: a bag, or a folder of depth frames")
    source = arguments.source or arguments.frames
    require_apart(arguments.output, source)
    require_own(
        arguments.output, tuple(name for name in OUTPUT_FILES if name != VIDEO or not arguments.no_video)
    )
    preset_topics, usual_unit_m = _take_preset(arguments, is_bag(source))
    options = PlayOptions(
        arguments.depth_topic, arguments.info_topic, arguments.truth_topic, None, arguments.rectified or "auto",
        arguments.start, arguments.end,
    )  # fmt: skip
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(
                open_recording(
                    source, arguments.intrinsics, arguments.depth_unit, arguments.rate, options, usual_unit_m
                )
            )
        except RecordingError as error:
            if any(f" is '{topic}'" in str(error) for topic in preset_topics):
                raise ValueError(
                    f"{error} (the preset {arguments.camera} names it: give --depth-topic and --info-topic)"
                ) from error
            raise
        compile_missing(arguments.model)
        asked = stack.enter_context(stop_requests())
        stack.enter_context(output_folder(arguments.output))
        played, left_out, failed = _play(arguments, opened, asked)
    return _report(arguments, played, left_out, failed) if played.frames else INTERRUPTED


def _play(
    arguments: argparse.Namespace, opened: OpenRecording, asked: Callable[[], bool]
) -> tuple[Replay, list[str], OSError | None]:
    """Tracks and writes -> what was played, what was left out, the first file that could not be written."""
    earlier = earlier_outputs(arguments.output)
    tracker = _tracker(arguments)
    tracker.warm_up()
    config = ReplayConfig(opened.depth_unit_m, arguments.rate, arguments.still, arguments.every)
    video = None if arguments.no_video else _video(arguments, opened)
    try:
        played = replay(opened.recording, tracker, config, asked, None if video is None else video.add)
    finally:  # whatever happened: what is drawn so far is a video, and no part of one is left
        unwritten = None if video is None else _close(video)
    if not played.frames:
        return played, [], None
    try:
        left_out, failed = _write(arguments.output, played, tracker, opened, video is not None)
    finally:  # all files are of one recording, also where somebody could not wait for the last of them
        stale = remove_stale(arguments.output, earlier)
        if stale:
            print(f"removed from {arguments.output}, being of an earlier replay: {', '.join(stale)}")
    if video is not None and video.fault is not None:
        left_out.append(f"{VIDEO}: {video.fault}")
    return played, left_out, failed or unwritten


def _write(
    folder: Path, played: Replay, tracker: HandTracker, opened: OpenRecording, drew: bool
) -> tuple[list[str], OSError | None]:
    """As :func:`write_replay`; on a full disk the video, where one was drawn, gives way to the tables, which cost the
    most and are small beside it."""
    written = (folder, played, tracker.model_info, opened.described)
    left_out, failed = write_replay(*written)
    drawn = folder / VIDEO
    if failed is not None and drew and drawn.is_file() and _is_full(folder):
        drawn.unlink()
        failed = OSError(f"{failed}; {drawn.name} gave way to the tables")
        left_out, again = write_replay(*written)
        failed = again or failed
    return left_out, failed


def _is_full(folder: Path) -> bool:
    """Whether the disk that a folder is on has no room left for a table."""
    return shutil.disk_usage(folder).free < _LEAST_FREE


def _take_preset(a: argparse.Namespace, bag: bool) -> tuple[tuple[str, ...], float]:
    """Takes what the camera's preset says, where nothing else is given -> the topics that it names, and the metres a
    count where the recording does not say them either."""
    if a.camera is None:
        return (), DEPTH_UNIT_M
    preset = camera_preset(a.camera)
    a.model = a.model or preset.parameters.model or None
    if bag:
        a.rectified = a.rectified or preset.parameters.rectified
        a.depth_topic = a.depth_topic or preset.topics.depth_image
        a.info_topic = a.info_topic or (None if a.intrinsics else preset.topics.camera_info)
    return (preset.topics.depth_image, preset.topics.camera_info), preset.parameters.depth_unit


def _tracker(a: argparse.Namespace) -> HandTracker:
    config = TrackerConfig(
        side=a.side, hands=a.hands, device=a.device, precision=a.precision, start_odds=a.start_odds,
        min_confidence=a.min_confidence, coast_s=a.coast, **refinement(not a.no_refine, a.smoothing_hz),
    )  # fmt: skip
    return HandTracker(a.model, config)


def _video(arguments: argparse.Namespace, opened: OpenRecording) -> VideoWriter:
    return VideoWriter(arguments.output / VIDEO, opened.recording.rate(arguments.rate))


def _close(video: VideoWriter) -> OSError | None:
    """Ends the video; the error where it could not be written."""
    try:
        video.close()
    except OSError as error:
        return error
    return None


def _report(
    arguments: argparse.Namespace, played: Replay, left_out: list[str], failed: OSError | None
) -> int:
    for key, value in played.summary().items():
        if key not in ("left_out", "fault") and value is not None:
            print(f"{key}: {_text(value)}")
    for reason in played.left_out[:_MOST_TOLD]:
        print(f"hand-pose replay: left out: {shown(reason, _MOST_REASON)}", file=sys.stderr)
    more = len(played.left_out) - _MOST_TOLD
    if more > 0:
        print(f"hand-pose replay: left out: {more} more, which {SUMMARY} names", file=sys.stderr)
    for reason in left_out:
        print(f"hand-pose replay: not written: {shown(reason, _MOST_REASON)}", file=sys.stderr)
    if failed is not None:
        raise failed
    if played.fault is not None:
        raise ValueError(
            f"{played.fault} (after {len(played.frames)} frames, which are in {arguments.output})"
        )
    if played.stopped:
        print(f"stopped after {len(played.frames)} frames, which are in {arguments.output}")
        return INTERRUPTED
    absent = {VIDEO} if arguments.no_video else set()
    absent |= set() if played.hands else {HAND_TILES}
    written = [
        name
        for name in OUTPUT_FILES
        if name not in absent and not any(reason.startswith(name) for reason in left_out)
    ]
    print(f"written to {arguments.output}: {', '.join(written)}")
    if not played.hands:
        print(
            f"hand-pose replay: no hand in any frame; {middle_in_words(played.middle_m())}."
            " If there is one, check --depth-unit and --intrinsics "
            "(contact.png shows what it makes of the depth), and --start-odds",
            file=sys.stderr,
        )
    return 0


def _text(value: Any) -> str:
    """A value of the summary for people: "p50 14.2, p95 25.6" rather than a dictionary."""
    if not isinstance(value, dict):
        return str(value)
    inner = [
        f"{k} {' '.join(f'{p} {n}' for p, n in v.items()) if isinstance(v, dict) else v}"
        for k, v in value.items()
    ]
    return ", ".join(inner) or "none"
