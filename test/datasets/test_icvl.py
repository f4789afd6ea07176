"""ICVL in its archive's layout: what comes out, and what a damaged archive says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hand_pose_ros.datasets.icvl import CUBE_M, Icvl, rotation_degrees
from hand_pose_ros.datasets.sample import DatasetError


@pytest.mark.slow
def test_labels_lie_on_their_pixels_at_their_depth(icvl_archive, reading_at):
    dataset = Icvl(icvl_archive.root, "test")
    assert len(dataset) == 6
    for sample in dataset:
        truth = icvl_archive.joints[sample.name]
        np.testing.assert_allclose(sample.joints, truth, atol=2e-6)
        found = reading_at(sample.depth, sample.camera, sample.joints)
        np.testing.assert_allclose(found, truth[:, 2], atol=6e-4)
        assert (sample.joint_set, sample.side, sample.cube_m) == ("icvl16", "left", CUBE_M)
    assert [s.subject for s in dataset] == ["test_seq_1"] * 3 + ["test_seq_2"] * 3
    np.testing.assert_allclose(dataset.joints[4], dataset[4].joints)


@pytest.mark.slow
def test_zero_and_the_sensors_marks_are_no_readings(icvl_archive):
    depth = Icvl(icvl_archive.root, "test")[0].depth
    assert np.isnan(depth[0, :3]).all()
    assert np.nanmax(depth) < 1.0
    assert np.nanmin(depth) > 0.3


@pytest.mark.slow
def test_training_has_rotated_copies_and_can_leave_them_out(icvl_archive):
    everything = Icvl(icvl_archive.root, "train")
    assert len(everything) == 8
    assert {rotation_degrees(s.name) for s in everything} == {0.0, 22.5, 180.0}
    assert {s.subject for s in everything} == {"201403121135", "201403121140"}
    upright = Icvl(icvl_archive.root, "train", rotated=False)
    assert [s.name for s in upright] == [s.name for s in everything][:4]
    one = Icvl(icvl_archive.root, "train", sequences=["201403121140"])
    assert len(one) == 2


def test_rotation_folders_are_distinguished_from_recordings():
    assert rotation_degrees("22-5/201403121135/image_0000.png") == 22.5
    assert rotation_degrees("337-5/2014/image_0000.png") == 337.5
    assert rotation_degrees("90/201403121135/image_0000.png") == 90.0
    assert rotation_degrees("201403121135/image_0000.png") == 0.0
    assert rotation_degrees("45/image_0000.png") == 0.0


def test_the_centre_is_the_mass_or_the_palm(icvl_archive):
    palm = Icvl(icvl_archive.root, "test", centre="joint")[0]
    np.testing.assert_array_equal(palm.centre, palm.joints[0])
    mass = Icvl(icvl_archive.root, "test")[0]
    # Every disc has the same size in mm and all lie in the cube's window, so the mass is near their mean.
    reached = np.abs(mass.joints - palm.centre)[:, :2].max(axis=1) < CUBE_M / 2 - 0.01
    assert np.linalg.norm(mass.centre - mass.joints[reached].mean(axis=0)) < 0.006


def test_indices_and_slices_are_those_of_a_sequence(icvl_archive):
    dataset = Icvl(icvl_archive.root, "test")
    assert dataset[-1].name == "test_seq_2/image_0002.png"
    assert [s.name for s in dataset[1:3]] == ["test_seq_1/image_0001.png", "test_seq_1/image_0002.png"]
    with pytest.raises(IndexError):
        dataset[6]


def edit(path, change):
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change, line, problem",
    [
        (lambda rows: [rows[0], rows[2]], 2, "no label for image test_seq_1/image_0001.png"),
        (lambda rows: rows[:2], 3, "no label for image test_seq_1/image_0002.png"),
        (
            lambda rows: [*rows[:2], rows[1], rows[2]],
            3,
            "test_seq_1/image_0001.png is labelled in line 2, too",
        ),
        (lambda rows: [rows[0], rows[1].rsplit(maxsplit=1)[0] + "\n", rows[2]], 2, "47 numbers, want 48"),
        (lambda rows: [rows[0], "\n", rows[2]], 2, "does not begin with the name"),
        (lambda rows: [rows[0].replace(".png 1", ".png x", 1), *rows[1:]], 1, "not a number"),
        (lambda rows: [rows[0].replace(".png ", ".png inf ", 1).rsplit(maxsplit=1)[0], *rows[1:]], 1, ""),
    ],
)
def test_a_damaged_label_file_is_named_with_its_line(icvl_archive, change, line, problem):
    path = icvl_archive.root / "Testing" / "test_seq_1.txt"
    edit(path, change)
    with pytest.raises(DatasetError, match="line") as caught:
        Icvl(icvl_archive.root, "test")
    assert caught.value.path == path
    assert caught.value.line == line
    assert problem in str(caught.value)


def test_an_empty_label_file_and_a_missing_one_are_named(icvl_archive):
    path = icvl_archive.root / "Testing" / "test_seq_2.txt"
    path.write_text("\n")
    with pytest.raises(DatasetError, match=r"test_seq_2\.txt: the label file is empty"):
        Icvl(icvl_archive.root, "test")
    path.unlink()
    with pytest.raises(DatasetError, match=r"test_seq_2\.txt: the label file is missing"):
        Icvl(icvl_archive.root, "test")
    with pytest.raises(DatasetError, match="is not a folder"):
        Icvl(icvl_archive.root / "Testing", "test")


@pytest.mark.slow
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0.0, 0.97))
def test_a_truncated_image_is_named(icvl_archive, share):
    dataset = Icvl(icvl_archive.root, "test")
    path = icvl_archive.root / "Testing" / "Depth" / "test_seq_1" / "image_0001.png"
    data = path.read_bytes()
    try:
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(DatasetError, match=r"image_0001\.png: the image cannot be read"):
            dataset[1]
    finally:
        path.write_bytes(data)


@pytest.mark.slow
def test_an_image_of_another_kind_or_none_is_named(icvl_archive):
    dataset = Icvl(icvl_archive.root, "test")
    folder = icvl_archive.root / "Testing" / "Depth" / "test_seq_1"
    Image.new("RGB", (320, 240)).save(folder / "image_0000.png")
    with pytest.raises(DatasetError, match="3 channels, want 1"):
        dataset[0]
    Image.new("I;16", (100, 50)).save(folder / "image_0000.png")
    with pytest.raises(DatasetError, match="100x50, want 320x240"):
        dataset[0]
    (folder / "image_0000.png").unlink()
    with pytest.raises(DatasetError, match=r"image_0000\.png: the image is missing"):
        dataset[0]


@pytest.mark.slow
def test_bad_arguments_are_named(icvl_archive):
    with pytest.raises(ValueError, match="split is 'val'"):
        Icvl(icvl_archive.root, "val")
    with pytest.raises(ValueError, match="centre is 'box'"):
        Icvl(icvl_archive.root, centre="box")
    with pytest.raises(DatasetError, match="no frames"):
        Icvl(icvl_archive.root, "train", sequences=["nobody"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "image"),
    [
        ("train", "Training/Depth/201403121140/image_0001.png"),
        ("test", "Testing/Depth/test_seq_2/image_0001.png"),
    ],
)
def test_an_image_that_is_not_there_is_named_on_opening(icvl_archive, split, image):
    (icvl_archive.root / image).unlink()
    with pytest.raises(DatasetError, match=r"image_0001\.png: the image is missing"):
        Icvl(icvl_archive.root, split)


@pytest.mark.slow
def test_an_image_of_8_bits_is_no_depth(icvl_archive):
    path = icvl_archive.root / "Testing" / "Depth" / "test_seq_1" / "image_0000.png"
    Image.new("L", (320, 240), 200).save(path)
    with pytest.raises(DatasetError, match="8 bits, want 16"):
        Icvl(icvl_archive.root, "test")[0]


@pytest.mark.slow
def test_labels_may_begin_with_the_mark_of_an_editor(icvl_archive):
    path = icvl_archive.root / "Testing" / "test_seq_2.txt"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert Icvl(icvl_archive.root, "test")[3].name == "test_seq_2/image_0000.png"
