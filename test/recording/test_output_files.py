"""What a replay has written is told from what a recording is made of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.recording.output_files import (
    OUTPUT_FILES,
    earlier_outputs,
    is_output,
    remove_stale,
    require_apart,
    require_own,
)

CSV = "frame,stamp_ns,name,state,side,track_id\n"
SUMMARY = json.dumps({"frames": 1, "missing_frames": 0, "replayed_hz": 30.0})


def write_npz(path: Path) -> None:
    np.savez(path, hand_row=np.zeros(0, int), stamp_ns=np.zeros(1, np.int64))


def replays(folder: Path, figures: str) -> None:
    """One of a replay's figures, in the folder."""
    if figures == "hands.npz":
        write_npz(folder / figures)
    else:
        (folder / figures).write_text(CSV if figures == "hands.csv" else SUMMARY)


@pytest.mark.parametrize("name", OUTPUT_FILES)
@pytest.mark.parametrize("figures", [None, "summary.json", "hands.npz", "hands.csv"])
def test_a_name_alone_makes_no_output(tmp_path: Path, name: str, figures: str | None) -> None:
    """Frames may be called as they like; a replay's pictures lie beside its figures."""
    (tmp_path / name).write_text("")
    if figures is not None:
        replays(tmp_path, figures)
    assert is_output(tmp_path / name) == (figures is not None)
    assert not is_output(tmp_path / "0.png")


@pytest.mark.parametrize(
    "name, content",
    [
        ("summary.json", b'{"mine": 1}'),
        ("summary.json", b"[" * 100000),
        ("summary.json", b"\xff"),
        ("hands.csv", b"hand,finger\n"),
        ("hands.npz", b"no archive"),
    ],
)
def test_figures_are_known_by_what_they_hold(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "overlay.mp4").write_text("mine")
    assert not is_output(tmp_path / "overlay.mp4")
    assert earlier_outputs(tmp_path) == {}
    with pytest.raises(ValueError, match="was written by no replay: want another folder"):
        require_own(tmp_path)
    require_own(tmp_path, ("hands.mcap",))
    replays(tmp_path, "summary.json")
    require_own(tmp_path)


def test_only_what_was_not_written_anew_is_removed(tmp_path: Path) -> None:
    replays(tmp_path, "summary.json")
    for name in ("contact.png", "overlay.mp4"):
        (tmp_path / name).write_text("old")
    (tmp_path / "curves.png").mkdir()
    before = earlier_outputs(tmp_path)
    (tmp_path / "new").write_text("old")
    (tmp_path / "new").replace(tmp_path / "summary.json")
    (tmp_path / "hands.npz").write_text("new")
    assert remove_stale(tmp_path, before) == ["contact.png", "overlay.mp4"]
    assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "hands.npz", "summary.json"}


def test_nothing_is_removed_where_nothing_is_written(tmp_path: Path) -> None:
    replays(tmp_path, "hands.csv")
    (tmp_path / "overlay.mp4").write_text("old")
    assert remove_stale(tmp_path, earlier_outputs(tmp_path)) == []
    assert (tmp_path / "overlay.mp4").is_file()


def test_what_only_has_such_a_name_is_somebody_elses_and_stays(tmp_path: Path) -> None:
    for name in ("hands.png", "overlay.mp4"):
        (tmp_path / name).write_text("mine")
    before = earlier_outputs(tmp_path)
    (tmp_path / "summary.json").write_text("new")
    assert remove_stale(tmp_path, before) == []
    assert (tmp_path / "hands.png").read_text() == "mine"


def test_folders_that_are_not_there_are_apart(tmp_path: Path) -> None:
    require_apart(tmp_path / "out", tmp_path / "absent")
    require_apart(tmp_path / "absent", tmp_path / "absent")
    require_apart(tmp_path, tmp_path / "a.mcap")
