"""NYU in its archive's layout: what comes out, and what a damaged archive says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat, savemat

from hand_pose_ros.datasets.nyu import CUBE_M, SCORED_JOINTS, SECOND_SUBJECT_CUBE_M, Nyu
from hand_pose_ros.datasets.sample import DatasetError


@pytest.mark.slow
def test_labels_lie_on_their_pixels_at_their_depth(nyu_archive, reading_at):
    dataset = Nyu(nyu_archive.root, "test")
    assert len(dataset) == 3
    for sample in dataset:
        truth = nyu_archive.joints[sample.name]
        np.testing.assert_allclose(sample.joints, truth[list(SCORED_JOINTS)], atol=1e-9)
        found = reading_at(sample.depth, sample.camera, sample.joints)
        np.testing.assert_allclose(found, sample.joints[:, 2], atol=6e-4)
        assert (sample.joint_set, sample.side, sample.cube_m) == ("nyu14", "right", CUBE_M)
    np.testing.assert_array_equal(dataset.joints[1], dataset[1].joints)
    assert dataset.joints.shape == (3, 14, 3)
    assert len(Nyu(nyu_archive.root, "train")) == 2


def test_the_scored_joints_are_those_of_the_literature():
    """14 of the 36, as everybody since Tompson et al. 2014 scores them: eight of the long fingers, the thumb's three,
    both of the wrist, the palm."""
    assert SCORED_JOINTS == (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32)


@pytest.mark.slow
def test_both_bytes_of_the_depth_count_and_red_does_not(nyu_archive):
    path = nyu_archive.root / "test" / "depth_1_0000001.png"
    image = np.zeros((480, 640, 3), np.uint8)
    image[0, 0] = [255, 2, 188]
    image[0, 1] = [255, 0, 0]
    image[0, 2] = [0, 255, 255]
    Image.fromarray(image).save(path)
    depth = Nyu(nyu_archive.root)[0].depth
    assert depth[0, 0] == pytest.approx(0.7)
    assert np.isnan(depth[0, 1:3]).all()


@pytest.mark.slow
def test_an_empty_image_keeps_the_palm_as_its_centre(nyu_archive):
    Image.fromarray(np.zeros((480, 640, 3), np.uint8)).save(nyu_archive.root / "test" / "depth_1_0000001.png")
    sample = Nyu(nyu_archive.root)[0]
    np.testing.assert_array_equal(sample.centre, sample.joints[-1])


@pytest.mark.slow
def test_the_second_test_subject_has_the_smaller_cube(nyu_archive, monkeypatch):
    monkeypatch.setattr("hand_pose_ros.datasets.nyu.SECOND_SUBJECT_FROM", 1)
    found = [(s.subject, s.cube_m) for s in Nyu(nyu_archive.root, "test")]
    assert found == [("1", CUBE_M), ("2", SECOND_SUBJECT_CUBE_M), ("2", SECOND_SUBJECT_CUBE_M)]
    assert {s.subject for s in Nyu(nyu_archive.root, "train")} == {"1"}


@pytest.mark.slow
def test_a_wrong_count_is_named(nyu_archive):
    (nyu_archive.root / "test" / "depth_1_0000003.png").unlink()
    with pytest.raises(DatasetError, match=r"joint_data\.mat: labels 3 frames, but the folder holds 2"):
        Nyu(nyu_archive.root, "test")


@pytest.mark.slow
def test_a_missing_or_truncated_image_is_named(nyu_archive):
    dataset = Nyu(nyu_archive.root, "test")
    path = nyu_archive.root / "test" / "depth_1_0000002.png"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DatasetError, match=r"depth_1_0000002\.png: the image cannot be read"):
        dataset[1]
    path.unlink()
    with pytest.raises(DatasetError, match=r"depth_1_0000002\.png: the image is missing"):
        dataset[1]


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.49])
def test_a_truncated_label_file_is_named(nyu_archive, share):
    path = nyu_archive.root / "test" / "joint_data.mat"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(DatasetError, match=r"joint_data\.mat: ") as caught:
        Nyu(nyu_archive.root, "test")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_compressed_label_file_with_a_damaged_stream_is_named(nyu_archive):
    path = nyu_archive.root / "test" / "joint_data.mat"
    savemat(path, {"joint_uvd": loadmat(path)["joint_uvd"]}, do_compression=True)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DatasetError, match=r"joint_data\.mat: "):
        Nyu(nyu_archive.root, "test")


@pytest.mark.slow
@pytest.mark.parametrize(
    "content, problem",
    [
        ({"joint_xyz": np.zeros((3, 3, 36, 3))}, "no variable joint_uvd"),
        ({"joint_uvd": np.ones((3, 3, 14, 3))}, "want \\(views, frames, 36, 3\\)"),
        ({"joint_uvd": np.zeros((3, 3, 36, 3))}, "frame 1 of joint_uvd"),
        ({"joint_uvd": np.full((3, 3, 36, 3), np.nan)}, "frame 1 of joint_uvd"),
    ],
)
def test_labels_of_another_form_are_named(nyu_archive, content, problem):
    savemat(nyu_archive.root / "test" / "joint_data.mat", content)
    with pytest.raises(DatasetError, match=problem):
        Nyu(nyu_archive.root, "test")


@pytest.mark.slow
def test_what_is_not_there_is_named(nyu_archive):
    with pytest.raises(DatasetError, match="is not a folder"):
        Nyu(nyu_archive.root / "nowhere", "test")
    with pytest.raises(ValueError, match="split is 'testing'"):
        Nyu(nyu_archive.root, "testing")
    (nyu_archive.root / "train" / "joint_data.mat").unlink()
    with pytest.raises(DatasetError, match="the label file is missing"):
        Nyu(nyu_archive.root, "train")


@pytest.mark.slow
def test_an_image_that_is_not_there_is_named_on_opening(nyu_archive):
    image = nyu_archive.root / "test" / "depth_1_0000002.png"
    image.rename(image.with_name("depth_1_0000009.png"))
    with pytest.raises(DatasetError, match=r"depth_1_0000002\.png: the image is missing"):
        Nyu(nyu_archive.root, "test")
