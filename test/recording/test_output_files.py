"""What a replay has written is told from what a recording is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from hand_pose_ros.recording.output_files import (
    OUTPUT_FILES,
    earlier_outputs,
    is_output,
    remove_stale,
    require_apart,
)


@pytest.mark.parametrize("name", OUTPUT_FILES)
@pytest.mark.parametrize("figures", [None, "summary.json", "hands.npz", "hands.csv"])
def test_a_name_alone_makes_no_output(tmp_path: Path, name: str, figures: str | None) -> None:
    """Frames may be called as they like; a replay's pictures lie beside its figures."""
    (tmp_path / name).write_text("")
    if figures is not None:
        (tmp_path / figures).write_text("")
    written = figures is not None or name in ("summary.json", "hands.npz", "hands.csv")
    assert is_output(tmp_path / name) == written
    assert not is_output(tmp_path / "0.png")


def test_only_what_was_not_written_anew_is_removed(tmp_path: Path) -> None:
    for name in ("contact.png", "overlay.mp4", "summary.json"):
        (tmp_path / name).write_text("old")
    (tmp_path / "curves.png").mkdir()
    before = earlier_outputs(tmp_path)
    (tmp_path / "new").write_text("old")
    (tmp_path / "new").replace(tmp_path / "summary.json")
    (tmp_path / "hands.npz").write_text("new")
    assert remove_stale(tmp_path, before) == ["contact.png", "overlay.mp4"]
    assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "hands.npz", "summary.json"}


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
