"""Depth frames in files: what goes in comes out, and what is none is named."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hand_pose_ros.recording.depth_files import depth_size, read_depth_file
from hand_pose_ros.recording.recorded_frame import RecordingError

COUNTS = np.random.default_rng(0).integers(0, 2**16, (48, 64)).astype(np.uint16)
METRES = np.random.default_rng(0).uniform(0.2, 3.0, (48, 64)).astype(np.float32)


@pytest.mark.parametrize("pixels", [COUNTS, METRES], ids=["counts", "metres"])
@pytest.mark.parametrize("suffix", [".npy", ".tif", ".TIFF"])
def test_files_give_back_their_pixels(tmp_path, pixels, suffix) -> None:
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        np.save(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    np.testing.assert_array_equal(read_depth_file(path), pixels)
    assert depth_size(path) == (64, 48)


@pytest.mark.parametrize("kind", ["<f8", ">f4", ">u2", "f2"])
def test_other_real_numbers_and_byte_orders_are_read(tmp_path, kind) -> None:
    pixels = (COUNTS % 1000).astype(kind)
    np.save(tmp_path / "x.npy", pixels)
    found = read_depth_file(tmp_path / "x.npy")
    assert found.dtype in (np.uint16, np.float32)
    np.testing.assert_allclose(found, pixels.astype(np.float64))


@pytest.mark.parametrize(
    "array",
    [((4, 5, 3), np.uint16), ((4, 5), np.uint8), ((4, 5), np.int32), ((0, 5), np.uint16)],
)
def test_arrays_that_are_no_depth_are_named(tmp_path, array) -> None:
    np.save(tmp_path / "x.npy", np.zeros(*array))
    with pytest.raises(RecordingError, match="x.npy"):
        read_depth_file(tmp_path / "x.npy")


def test_no_pickle_is_loaded(tmp_path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    np.save(tmp_path / "x.npy", np.array([Trap()], object), allow_pickle=True)
    (tmp_path / "y.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("x.npy", "y.npy"):
        with pytest.raises(RecordingError, match=name):
            read_depth_file(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("suffix", [".npy", ".tiff", ".png"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind", None])
def test_damaged_files_are_named(tmp_path, suffix, content) -> None:
    path = tmp_path / f"x{suffix}"
    if content is None:
        if suffix == ".npy":
            np.save(path, COUNTS)
        else:
            Image.fromarray(COUNTS).save(path)
        content = path.read_bytes()[:200]
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=f"x{suffix}"):
        read_depth_file(path)


def test_a_colour_tiff_is_named(tmp_path) -> None:
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(tmp_path / "x.tiff")
    with pytest.raises(RecordingError, match="TIFF of mode 'RGB'"):
        read_depth_file(tmp_path / "x.tiff")


def test_a_tiff_of_several_pictures_is_named_and_not_played_as_one_frame(tmp_path) -> None:
    pages = [Image.fromarray(np.full((4, 5), 500 + page, np.uint16)) for page in range(3)]
    pages[0].save(tmp_path / "x.tiff", save_all=True, append_images=pages[1:])
    with pytest.raises(RecordingError, match="a TIFF of 3 pictures, want one frame a file"):
        read_depth_file(tmp_path / "x.tiff")


def test_an_array_that_claims_to_be_huge_is_not_read(tmp_path) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        header = {"descr": "<u2", "fortran_order": False, "shape": (99999, 99999)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(RecordingError, match="99999x99999, want at most"):
        read_depth_file(tmp_path / "x.npy")


@pytest.mark.parametrize("shape", [b"(48, , }", b"(48, 'a)", b"(-4, 64)", b"48, 64, "])
def test_a_broken_header_is_named(tmp_path, shape) -> None:
    np.save(tmp_path / "x.npy", COUNTS)
    content = (tmp_path / "x.npy").read_bytes().replace(b"(48, 64)", shape)
    (tmp_path / "x.npy").write_bytes(content)
    assert depth_size(tmp_path / "x.npy") is None or shape == b"(-4, 64)"
    with pytest.raises(RecordingError, match="x.npy"):
        read_depth_file(tmp_path / "x.npy")
