"""Files of data sets: what comes out, and that every fault is named with its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hand_pose_ros.datasets.reading import (
    is_number,
    label_numbers,
    millimetres_to_depth,
    read_png,
    read_text_lines,
    require_folder,
)
from hand_pose_ros.datasets.sample import DatasetError

PATH = Path("labels.txt")


def test_millimetres_become_metres_and_marks_no_reading() -> None:
    depth = millimetres_to_depth(np.array([0, 1, 700, 31999, 32000, 65535]), 32000)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth[1:4], [0.001, 0.7, 31.999], rtol=1e-6)
    assert np.isnan(depth[[0, 4, 5]]).all()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (["1", "2"], "labels.txt, line 7: 2 numbers, want 3"),
        (["1", "x2", "3"], "labels.txt, line 7: 'x2' is not a number"),
        (["1", "inf", "3"], "labels.txt, line 7: holds a number that is not finite"),
    ],
)
def test_a_line_that_is_not_its_numbers_is_named(fields: list[str], problem: str) -> None:
    with pytest.raises(DatasetError, match=problem):
        label_numbers(fields, 3, PATH, 7)
    assert label_numbers(["1", "2.5", "-3e2"], 3, PATH, 7).tolist() == [1.0, 2.5, -300.0]


def test_numbers_are_what_python_reads_as_floats() -> None:
    assert all(is_number(text) for text in ("1", "-2.5", "1e3", "nan"))
    assert not any(is_number(text) for text in ("", "image.png", "1,5"))


def test_pictures_of_another_kind_or_size_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((3, 4), np.uint16)).save(path)
    assert read_png(path, 1, (4, 3)).shape == (3, 4)
    with pytest.raises(DatasetError, match="the image has 1 channels, want 3"):
        read_png(path, 3, (4, 3))
    with pytest.raises(DatasetError, match="the image is 4x3, want 3x4"):
        read_png(path, 1, (3, 4))


def test_folders_and_text_files_are_named_when_they_are_not_there(tmp_path: Path) -> None:
    assert require_folder(tmp_path, "want it") == tmp_path
    with pytest.raises(DatasetError, match="absent: is not a folder; want it"):
        require_folder(tmp_path / "absent", "want it")
    (tmp_path / "lines.txt").write_text("a\n\nb\n\n")
    assert read_text_lines(tmp_path / "lines.txt") == ["a", "", "b"]
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="cannot be read as text"):
        read_text_lines(tmp_path / "binary.txt")
