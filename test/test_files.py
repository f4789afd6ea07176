"""A file is replaced whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from hand_pose_ros.files import (
    clear_leftovers,
    followed,
    no_empty_folders,
    output_folder,
    read_arrays,
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


def refuse(code: int, names_file: bool):
    """What a full disk or a folder that may not be written does: to the file under its other name, or to no file."""

    def write(self: Path, *_: object) -> int:
        raise OSError(code, os.strerror(code), *([str(self)] if names_file else []))

    return write


@pytest.mark.parametrize("names_file", [True, False])
@pytest.mark.parametrize(
    "code, want",
    [
        (errno.ENOSPC, "No space left on device, want room on the disk"),
        (errno.EACCES, "Permission denied, want a folder that may be written"),
        (errno.EROFS, "Read-only file system, want a folder that may be written"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_keeps_a_file_from_being_written_is_said_of_the_file_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, want: str, names_file: bool
) -> None:
    monkeypatch.setattr(Path, "write_bytes", refuse(code, names_file))
    with pytest.raises(OSError) as raised:
        write_text(tmp_path / "a.txt", "text")
    assert str(raised.value) == f"{tmp_path / 'a.txt'} cannot be written: {want}"
    assert raised.value.errno == code
    assert isinstance(raised.value, PermissionError) == (code == errno.EACCES)

    def no_room(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), *([str(tmp_path / "tmp_a1b2")] if names_file else []))

    monkeypatch.setattr(tempfile, "TemporaryFile", no_room)
    with pytest.raises(OSError) as raised:
        require_writable(tmp_path)
    assert str(raised.value) == f"{tmp_path} cannot be written: {want}"


def test_an_error_about_another_file_stays_that_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent") as raised, replaced(tmp_path / "a.txt"):
        (tmp_path / "absent").read_text()
    assert raised.value.filename == str(tmp_path / "absent")


@pytest.mark.parametrize("below", ["", "below", "below/that"])
def test_a_file_where_a_folder_is_wanted_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    for name, what in (("file", "a file"), ("link", "no folder")):
        with pytest.raises(NotADirectoryError, match=f"{name} is {what}, want a folder"):
            require_writable(tmp_path / name / below)


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


def test_folders_in_which_nothing_is_left_are_not_left_either(tmp_path: Path) -> None:
    """Those that were there before stay, and those that hold something with all above them."""
    deep = tmp_path / "new" / "deep"
    with no_empty_folders(deep):
        deep.mkdir(parents=True)
    assert not (tmp_path / "new").exists()

    def fail() -> None:
        with no_empty_folders(deep):
            deep.mkdir(parents=True)
            (tmp_path / "new" / "mine").write_text("")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not deep.exists()
    assert (tmp_path / "new" / "mine").is_file()
    (tmp_path / "empty").mkdir()
    with output_folder(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty").is_dir()


@pytest.mark.parametrize("content", [b"", b"frame,stamp_ns\n1,2\n", b"\x93NUMPY\x01\x00"])
def test_what_is_no_npz_file_is_told_so_and_not_how_to_load_it_unsafely(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "hands.csv").write_bytes(content)
    with pytest.raises(ValueError, match="it is no npz file"):
        read_arrays(tmp_path / "hands.csv", ("a",))
