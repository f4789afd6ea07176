"""MSRA in its archive's layout: what comes out, and what a damaged archive says."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.msra import CUBES_M, Msra, read_bin
from hand_pose_ros.datasets.sample import DatasetError


def test_labels_lie_on_their_pixels_at_their_depth(msra_archive, reading_at):
    dataset = Msra(msra_archive.root, ["P0", "P8"])
    assert len(dataset) == 8
    for sample in dataset:
        truth = msra_archive.joints[sample.name]
        np.testing.assert_allclose(sample.joints, truth, atol=1e-6)
        found = reading_at(sample.depth, sample.camera, sample.joints)
        np.testing.assert_allclose(found, truth[:, 2], atol=6e-4)
        assert (sample.joint_set, sample.side) == ("msra21", "right")
        assert sample.cube_m == CUBES_M[sample.subject]
    assert dataset.joints.shape == (8, 21, 3)


def test_persons_and_gestures_can_be_chosen(msra_archive):
    assert {s.subject for s in Msra(msra_archive.root, ["P8"])} == {"P8"}
    assert [s.name for s in Msra(msra_archive.root, ["P0"], gestures=["TIP"])] == [
        "P0/TIP/000000_depth.bin", "P0/TIP/000001_depth.bin",
    ]  # fmt: skip
    with pytest.raises(DatasetError, match="P1: is not a folder"):
        Msra(msra_archive.root)
    with pytest.raises(ValueError, match="want one or more of P0"):
        Msra(msra_archive.root, ["P9"])
    with pytest.raises(DatasetError, match="no frames"):
        Msra(msra_archive.root, ["P0"], gestures=["Z"])


def test_the_box_is_put_at_its_place(tmp_path):
    header = np.array([320, 240, 10, 20, 12, 23], dtype="<i4")
    path = tmp_path / "f.bin"
    path.write_bytes(header.tobytes() + np.array([500, 501, 0, 503, 504, 505], dtype="<f4").tobytes())
    depth = read_bin(path)
    expected = np.array([[0.5, 0.501], [np.nan, 0.503], [0.504, 0.505]], np.float32)
    np.testing.assert_allclose(depth[20:23, 10:12], expected, rtol=1e-6)
    assert np.isfinite(depth).sum() == 5


def test_an_empty_box_is_an_empty_image(tmp_path):
    path = tmp_path / "f.bin"
    path.write_bytes(np.array([320, 240, 0, 0, 0, 0], dtype="<i4").tobytes())
    assert not np.isfinite(read_bin(path)).any()


@pytest.mark.parametrize(
    "damage, problem",
    [
        (lambda d: d[:10], "10 bytes, want a header of 24"),
        (lambda d: d[:-3], "bytes, want"),
        (lambda d: d + b"1234", "bytes, want"),
        (lambda d: np.array([64, 48], "<i4").tobytes() + d[8:], "64x48 pixels, want 320x240"),
        (lambda d: d[:16] + np.array([900], "<i4").tobytes() + d[20:], "does not lie in the image"),
    ],
)
def test_a_damaged_image_is_named(msra_archive, damage, problem):
    dataset = Msra(msra_archive.root, ["P0"])
    path = msra_archive.root / "P0" / "1" / "000001_depth.bin"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match=problem) as caught:
        dataset[1]
    assert caught.value.path == path


@pytest.mark.parametrize(
    "change, line, problem",
    [
        (lambda rows: ["3\n", *rows[1:]], 1, "announces 3 frames, but 2 label lines follow"),
        (lambda rows: rows[:2], 1, "announces 2 frames, but 1 label lines follow"),
        (lambda rows: ["two\n", *rows[1:]], 1, "is not the number of frames"),
        (lambda rows: [rows[0], rows[1], rows[2].rsplit(maxsplit=1)[0]], 3, "62 numbers, want 63"),
        (lambda rows: [rows[0], rows[1].replace(".", ",", 1), rows[2]], 2, "not a number"),
        (lambda rows: [rows[0], rows[1], rows[2].replace("-", "")], 3, "behind the camera"),
    ],
)
def test_a_damaged_label_file_is_named_with_its_line(msra_archive, change, line, problem):
    path = msra_archive.root / "P0" / "TIP" / "joint.txt"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    with pytest.raises(DatasetError, match=problem) as caught:
        Msra(msra_archive.root, ["P0"])
    assert (caught.value.path, caught.value.line) == (path, line)


def test_a_label_without_its_image_is_named(msra_archive):
    (msra_archive.root / "P8" / "1" / "000001_depth.bin").unlink()
    with pytest.raises(DatasetError, match=r"joint\.txt, line 3: no image 000001_depth\.bin"):
        Msra(msra_archive.root, ["P8"])


@pytest.mark.parametrize("count", ["²", "9" * 5000, "-2", "2.0"])
def test_a_count_that_is_none_is_named(msra_archive, count):
    path = msra_archive.root / "P0" / "1" / "joint.txt"
    path.write_text(count + path.read_text()[1:])
    with pytest.raises(DatasetError, match=r"joint\.txt, line 1: .* is not the number of frames"):
        Msra(msra_archive.root, ["P0"])


def test_a_person_whose_folder_is_empty_is_named(msra_archive):
    (msra_archive.root / "P1").mkdir()
    with pytest.raises(DatasetError, match="P1: is empty, want a person's gestures"):
        Msra(msra_archive.root, ["P0", "P1"])


def test_a_person_named_twice_is_read_once(msra_archive):
    assert len(Msra(msra_archive.root, ["P0", "P0"])) == 4
