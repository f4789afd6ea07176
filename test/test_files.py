"""A file is replaced whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hand_pose_ros.files import (
    clear_leftovers,
    followed,
    replaced,
    require_writable,
    write_bytes,
    write_json,
    write_text,
)


def test_what_is_written_is_read_back_and_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "größer\n")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "größer\n"
    write_json(tmp_path / "c.json", {"x": [1, 2.5]})
    assert (tmp_path / "c.json").read_text() == '{\n  "x": [\n    1,\n    2.5\n  ]\n}\n'


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "d.bin", b"old")
    with pytest.raises(IsADirectoryError), replaced(tmp_path / "d.bin") as temporary:
        temporary.write_bytes(b"half of the ne") and tmp_path.read_bytes()
    with pytest.raises(ValueError):
        write_json(tmp_path / "d.bin", float("nan"))
    assert (tmp_path / "d.bin").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["d.bin"]


def test_readers_never_see_the_new_file_before_it_is_whole(tmp_path: Path) -> None:
    with replaced(tmp_path / "e.png") as temporary:
        assert temporary.suffix == ".png"
        temporary.write_bytes(b"new")
        assert not (tmp_path / "e.png").exists()
    assert (tmp_path / "e.png").read_bytes() == b"new"


def test_what_a_killed_writer_left_is_cleared_and_what_a_living_one_writes_stays(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = tmp_path / f".a.{ended.pid}.partial.json"
    other = tmp_path / f".b.{ended.pid}.partial.json"
    living = tmp_path / f".a.{os.getppid()}.partial.json"
    for path in (left, other, living):
        path.write_text("half of it")
    write_text(tmp_path / "a.json", "{}")
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", other.name, living.name}
    clear_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", living.name}


def test_a_folder_is_tried_before_the_work(tmp_path):
    require_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        require_writable(tmp_path / "file")


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    for text in ("first", "second"):
        write_text(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "folder" / "file").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link"]


def test_devices_and_pipes_are_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    for path in (tmp_path / "pipe", tmp_path / "device"):
        with pytest.raises(OSError, match=f"{path.name} is a device or a pipe, want a file"):
            write_text(path, "text")
    assert Path("/dev/null").is_char_device()


def test_links_in_a_circle_are_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(OSError):
        (followed(tmp_path / "circle") / "run").mkdir(parents=True)
