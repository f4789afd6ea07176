"""compressedDepth images made here with OpenCV and with an RVL encoder of the test's own: the metres that went in."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hand_pose_ros.depth.compressed import compressed_size, decode_compressed_depth, is_compressed
from hand_pose_ros.depth.image import DepthImageError, UnknownEncodingError

HEADER = struct.pack("<iff", 0, 0.0, 0.0)
COUNTS = np.array([[500, 0, 1000, 7], [1, 2, 65535, 0], [0, 0, 1, 499]], np.uint16)


def png(picture: np.ndarray) -> bytes:
    done, data = cv2.imencode(".png", picture)
    assert done
    return data.tobytes()


def quantised(depth: np.ndarray, depth_max: float = 10.0, quantization: float = 100.0) -> bytes:
    """A 32FC1 image as compressed_depth_image_transport sends it, with its default settings."""
    a = quantization * (quantization + 1.0)
    b = 1.0 - a / depth_max
    with np.errstate(invalid="ignore", divide="ignore"):
        inverse = np.where(depth < depth_max, a / depth + b, 0.0)
    return struct.pack("<iff", 0, a, b) + png(np.nan_to_num(inverse).astype(np.uint16))


def rvl(picture: np.ndarray) -> bytes:
    """Wilson's encoder, with plain lists."""
    nibbles: list[int] = []

    def put(value: int) -> None:
        while True:
            low, value = value & 7, value >> 3
            nibbles.append(low | (8 if value else 0))
            if not value:
                return

    flat = [int(count) for count in picture.reshape(-1)]
    at, previous = 0, 0
    while at < len(flat):
        zeros = 0
        while at + zeros < len(flat) and flat[at + zeros] == 0:
            zeros += 1
        at += zeros
        put(zeros)
        run = 0
        while at + run < len(flat) and flat[at + run] != 0:
            run += 1
        put(run)
        for count in flat[at : at + run]:
            difference = count - previous
            put(2 * difference if difference >= 0 else -2 * difference - 1)
            previous = count
        at += run
    nibbles += [0] * (-len(nibbles) % 8)
    words = [
        sum(nibble << (28 - 4 * place) for place, nibble in enumerate(nibbles[start : start + 8]))
        for start in range(0, len(nibbles), 8)
    ]
    height, width = picture.shape
    return struct.pack("<2I", width, height) + struct.pack(f"<{len(words)}I", *words)


@pytest.mark.parametrize(
    "image_format",
    [
        "16UC1; compressedDepth png",
        "16UC1; compressedDepth",
        "16UC1;compressedDepth  png",
        "mono16; compressedDepth",
    ],
)
def test_counts_are_metres_times_the_unit(image_format):
    depth = decode_compressed_depth(HEADER + png(COUNTS), image_format, 0.0001)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, np.where(COUNTS == 0, np.nan, COUNTS * 1e-4), rtol=1e-6)
    assert compressed_size(HEADER + png(COUNTS), image_format) == (4, 3)


def test_metres_survive_the_quantisation_of_inverse_depth():
    """A count of inverse depth is z^2 / A metres wide."""
    random = np.random.default_rng(1)
    depth = random.uniform(0.2, 9.0, (48, 64)).astype(np.float32)
    depth[3, 5], depth[4, 6], depth[5, 7] = np.nan, 12.0, np.inf
    back = decode_compressed_depth(quantised(depth), "32FC1; compressedDepth png", 0.001)
    missing = ~(depth < 10.0)
    assert np.isnan(back[missing]).all()
    step = depth**2 / (100.0 * 101.0)
    assert (np.abs(back - depth)[~missing] <= 1.05 * step[~missing] + 1e-6).all()


@pytest.mark.slow
@given(arrays(np.uint16, st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=st.one_of(
    st.just(0), st.integers(0, 65535))))  # fmt: skip
def test_rvl_gives_the_counts_that_went_in(counts):
    data = HEADER + rvl(counts)
    depth = decode_compressed_depth(data, "16UC1; compressedDepth rvl", 1.0)
    np.testing.assert_array_equal(np.nan_to_num(depth), counts)
    assert compressed_size(data, "16UC1; compressedDepth rvl") == counts.shape[::-1]


@pytest.mark.parametrize(
    "image_format", ["", "png", "16UC1; png compressed", "8UC1; compressedDepth png", "16UC1; compressedDepth zstd",
    "16UC1; jpeg compressed bgr8", "bgr8; jpeg"],
)  # fmt: skip
def test_format_that_is_not_one_is_refused_by_name(image_format):
    with pytest.raises(UnknownEncodingError, match="compressedDepth png") as error:
        decode_compressed_depth(HEADER + png(COUNTS), image_format)
    assert f"'{image_format}'" in str(error.value)


@pytest.mark.parametrize(
    "data, why",
    [
        (b"", "0 bytes"),
        (HEADER, "12 bytes"),
        (HEADER + b"\x89PNG", "no PNG"),
        (png(COUNTS), "no PNG"),
        (HEADER + png(COUNTS)[:20], "truncated"),
        (HEADER + png(COUNTS)[:60], "damaged"),
        (HEADER + png(COUNTS.astype(np.uint8)), "8 bits"),
        (HEADER + png(np.zeros((3, 4, 3), np.uint16)), "colour type 2"),
        (HEADER + png(COUNTS)[:16] + struct.pack(">2I", 60000, 60000) + png(COUNTS)[24:], "60000x60000"),
    ],
)
def test_damaged_png_is_refused(data, why):
    with pytest.raises(DepthImageError, match=why):
        decode_compressed_depth(data, "16UC1; compressedDepth png")


def test_damage_anywhere_in_a_png_is_refused_without_a_line_on_stderr(capfd):
    whole, rng = png(COUNTS), np.random.default_rng(0)
    for kind in range(60):
        data, at = bytearray(whole), int(rng.integers(8, len(whole)))
        if kind % 2:
            data[at] ^= 1 << int(rng.integers(8))
        else:
            del data[at:]
        with pytest.raises(DepthImageError):
            decode_compressed_depth(HEADER + bytes(data), "16UC1; compressedDepth png")
    assert capfd.readouterr().err == "", "libpng would write lines for every picture"


@pytest.mark.parametrize(
    "quantisation", [(np.nan, 0.0), (np.inf, 1.0), (0.0, 0.0), (-10100.0, 1.0), (1.0, -np.inf)]
)
def test_quantisation_that_makes_no_depth_is_refused(quantisation):
    with pytest.raises(DepthImageError, match="finite"):
        decode_compressed_depth(
            struct.pack("<iff", 0, *quantisation) + png(COUNTS), "32FC1; compressedDepth png"
        )


@given(st.binary(max_size=200), st.integers(0, 40), st.integers(0, 40))
def test_random_rvl_is_an_error_or_a_picture_of_its_size(code, width, height):
    data = HEADER + struct.pack("<2I", width, height) + code
    try:
        depth = decode_compressed_depth(data, "16UC1; compressedDepth rvl")
    except DepthImageError:
        return
    assert depth.shape == (height, width)


def test_huge_rvl_is_refused_before_it_is_unpacked():
    with pytest.raises(DepthImageError, match="4294967295"):
        decode_compressed_depth(
            HEADER + struct.pack("<2I", 2**32 - 1, 2**32 - 1), "16UC1; compressedDepth rvl"
        )


def test_raw_encodings_are_not_taken_for_compressed_ones():
    assert is_compressed("16UC1; compressedDepth png")
    assert not any(is_compressed(encoding) for encoding in ("16UC1", "32FC1", "mono16", "", "rgb8"))
