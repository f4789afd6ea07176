"""All files of a replay: tables, bag, curves, pictures, video.

In: a :class:`~hand_pose_ros.recording.replay.Replay`. Out: summary.json, hands.npz, hands.csv, hands.mcap, curves.png,
overlay.gif, overlay.png, contact.png, hands.png in a folder. Each is written whole or not at all, and one that cannot
be written does not keep the others from being.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hand_pose_ros.files import unwritable
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.network.weights_file import CheckpointInfo
from hand_pose_ros.recording.hand_table import HandTable, hand_table
from hand_pose_ros.recording.motion import adjacent_frames, jitter_mm
from hand_pose_ros.recording.output_files import CURVES, HANDS_BAG, HANDS_CSV, HANDS_NPZ
from hand_pose_ros.recording.replay import Replay
from hand_pose_ros.validation import shown

# Chosen by hand.
_DPI = 130


def write_replay(
    folder: Path, played: Replay, model: CheckpointInfo | None = None, title: str = ""
) -> tuple[list[str], OSError | None]:
    """Writes everything -> the files that were left out because a package is not here, and the first error.

    The figures come first, the pictures last.
    """
    table = hand_table(played.frames, played.truth)

    def bag() -> None:
        from hand_pose_ros.recording.hands_bag import write_hands_bag  # rosdep does not bring rosbags

        write_hands_bag(folder / HANDS_BAG, played.frames, model)

    def curves() -> None:
        write_curves(folder / CURVES, table, title)

    steps: list[tuple[str, Callable[[], None]]] = [
        (HANDS_NPZ, lambda: table.write_npz(folder / HANDS_NPZ)),
        (HANDS_CSV, lambda: table.write_csv(folder / HANDS_CSV)),
        (HANDS_BAG, bag),
        (CURVES, curves),
        ("pictures", lambda: played.write(folder)),
    ]
    left_out: list[str] = []
    failed: OSError | None = None
    for name, step in steps:
        try:
            step()
        except ModuleNotFoundError as error:
            left_out.append(f"{name}, which needs the package {error.name}")
        except OSError as error:
            failed = failed or (unwritable(folder / name, error) if error.strerror else error)
        except Exception as error:  # noqa: BLE001  matplotlib, Pillow and OpenCV fail at odd pictures in their own ways
            text = shown(error) or type(error).__name__
            failed = failed or OSError(f"{folder / name} cannot be written: {text}")
    return left_out, failed


def write_curves(path: Path, table: HandTable, title: str) -> None:
    """Joint angles, confidence and jitter over time. OSError; ModuleNotFoundError without matplotlib."""
    from hand_pose_ros.visualization.figures import save_figure
    from hand_pose_ros.visualization.hand_curves import HandCurves, draw_hand_curves

    curves = []
    for side, name in enumerate(SIDES):
        rows = table.hands_of(side)
        if not len(rows):
            continue
        frames, count = table.hand_row[rows], len(table.frame)

        def over_time(values: np.ndarray, frames: np.ndarray = frames, count: int = count) -> np.ndarray:
            spread = np.full((count, *values.shape[1:]), np.nan)
            spread[frames] = values
            return spread

        joints = over_time(table.joints[rows])
        tracks = over_time(table.track_id[rows].astype(np.float64))
        jitter = jitter_mm(joints, adjacent_frames(table.stamp_ns) & (tracks[1:] == tracks[:-1]))
        curves.append(
            HandCurves(
                name, table.times_s, over_time(table.angles[rows]), over_time(table.confidence[rows]), jitter
            )
        )
    save_figure(draw_hand_curves(curves, shown(title)), path, dpi=_DPI)
