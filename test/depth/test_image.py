"""Depth image decoding: every layout gives what a pixel-by-pixel reading gives, bad fields are named."""

from __future__ import annotations

import math
import struct
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.depth.image import DepthImageError, UnknownEncodingError, decode_depth, looks_swapped


def packed(values: list[list[float]], encoding: str, step: int, big: bool) -> bytes:
    """A message's data, one pixel at a time, padding filled with 0xAB."""
    letter = (">" if big else "<") + ("f" if encoding == "32FC1" else "H")
    rows = [b"".join(struct.pack(letter, value) for value in row) for row in values]
    return b"".join(row + b"\xab" * (step - len(row)) for row in rows)


def reference(values: list[list[float]], encoding: str, unit: float) -> np.ndarray:
    def metres(value: float) -> float:
        if encoding == "32FC1":
            return value if math.isfinite(value) and value > 0 else math.nan
        return value * unit if value else math.nan

    return np.array([[metres(value) for value in row] for row in values], np.float32)


def as_list_of(kind: str, data: bytes) -> Any:
    return {
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "array": array("B", data),
        "ndarray": np.frombuffer(data, np.uint8),
        "strided": np.repeat(np.frombuffer(data, np.uint8), 2)[::2],
    }[kind]


counts = st.one_of(st.just(0), st.just(65535), st.integers(0, 65535))
lengths = st.one_of(
    st.sampled_from([0.0, -1.0, math.nan, math.inf, -math.inf]), st.floats(0.0, 10.0, width=32)
)


@st.composite
def images(draw: st.DrawFn) -> tuple[list[list[float]], str]:
    encoding = draw(st.sampled_from(["16UC1", "mono16", "32FC1"]))
    width, height = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    pixel = lengths if encoding == "32FC1" else counts
    row = st.lists(pixel, min_size=width, max_size=width)
    return draw(st.lists(row, min_size=height, max_size=height)), encoding


@pytest.mark.slow
@given(
    images(),
    st.integers(0, 9),
    st.booleans(),
    st.sampled_from(["bytes", "bytearray", "memoryview", "array", "ndarray", "strided"]),
    st.sampled_from([0.001, 0.000125, 0.0001]),
    st.booleans(),
)
def test_every_layout_decodes_as_one_pixel_at_a_time_does(
    image: tuple[list[list[float]], str], padding: int, big: bool, kind: str, unit: float, cut: bool
) -> None:
    values, encoding = image
    height, width = len(values), len(values[0])
    step = width * (4 if encoding == "32FC1" else 2) + padding
    data = packed(values, encoding, step, big)
    if cut:
        # The last row's padding may be missing.
        data = data[: len(data) - padding]
    depth = decode_depth(as_list_of(kind, data), encoding, width, height, step, int(big), unit)
    assert depth.dtype == np.float32
    assert depth.flags.c_contiguous
    assert depth.flags.writeable
    np.testing.assert_allclose(depth, reference(values, encoding, unit), rtol=1e-6)


def test_the_messages_own_data_is_left_alone() -> None:
    data = np.zeros(8, np.float32)
    decode_depth(data.view(np.uint8), "32FC1", 4, 2, 16, False)
    np.testing.assert_array_equal(data, 0.0)


def test_an_array_of_pixels_is_read_as_its_bytes() -> None:
    pixels = np.array([[1, 2], [3, 0]], "<u2")
    expected = np.array([[0.001, 0.002], [0.003, np.nan]], np.float32)
    np.testing.assert_allclose(decode_depth(pixels, "16UC1", 2, 2, 4, False), expected)
    np.testing.assert_allclose(
        decode_depth(array("H", pixels.ravel().tolist()), "16UC1", 2, 2, 4, False), expected
    )


@pytest.mark.parametrize("encoding", ["rgb8", "8UC1", "bgr8", "", "16uc1", "32FC3"])
def test_an_encoding_that_is_not_depth_is_named(encoding: str) -> None:
    with pytest.raises(
        UnknownEncodingError, match=f"{encoding!r} is unknown: use one of 16UC1, mono16, 32FC1"
    ):
        decode_depth(b"\0" * 100, encoding, 2, 2, 4, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": b""}, "is empty, 4x3 16UC1 with step 8 needs 24"),
        ({"data": np.zeros(0, np.uint8)}, "is empty"),
        ({"data": b"\0" * 23}, "is truncated: it has 23 bytes, 4x3 16UC1 with step 8 needs 24"),
        ({"step": 7}, "step is 7 bytes: 4 pixels of 16UC1 need at least 8"),
        ({"step": 0}, "step is 0 bytes"),
        ({"encoding": "32FC1"}, "step is 8 bytes: 4 pixels of 32FC1 need at least 16"),
        ({"width": 0}, "image is 0x3"),
        ({"height": 0}, "image is 4x0"),
        ({"depth_unit_m": 0.0}, "depth_unit_m is 0.0"),
        ({"depth_unit_m": math.nan}, "depth_unit_m is nan"),
        ({"data": [0] * 24}, "data is a list, not a buffer"),
        ({"data": None}, "data is a NoneType, not a buffer"),
    ],
)
def test_fields_that_contradict_each_other_are_named(change: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {
        "data": b"\0" * 24,
        "encoding": "16UC1",
        "width": 4,
        "height": 3,
        "step": 8,
        "is_bigendian": 0,
    }
    with pytest.raises(DepthImageError, match=message):
        decode_depth(**(fields | change))


def rough_scene(seed: int) -> np.ndarray:
    """(120, 160) m: a slanting wall, boxes before it, noise of millimetres and holes."""
    random = np.random.default_rng(seed)
    depth = random.uniform(0.5, 3.0) + np.linspace(0.0, random.uniform(-0.3, 0.3), 160) * np.ones((120, 1))
    for _ in range(6):
        y, x = random.integers(0, 100), random.integers(0, 140)
        depth[y : y + 20, x : x + 20] = random.uniform(0.3, 2.0)
    depth += random.normal(0.0, 0.003, depth.shape)
    depth[random.random(depth.shape) < random.uniform(0.0, 0.4)] = 0.0
    return depth


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("encoding, letter", [("16UC1", "u2"), ("mono16", "u2"), ("32FC1", "f4")])
@pytest.mark.parametrize("big", [False, True])
def test_bytes_in_the_wrong_order_are_seen_and_those_in_the_right_one_are_not(
    seed, encoding, letter, big
) -> None:
    depth = rough_scene(seed)
    values = depth if letter == "f4" else depth * (1000.0 if seed % 2 else 10000.0)
    data = values.astype((">" if big else "<") + letter).tobytes()
    layout = (encoding, 160, 120, 160 * int(letter[1]))
    assert not looks_swapped(data, *layout, big)
    assert looks_swapped(data, *layout, not big)


@pytest.mark.parametrize("encoding, letter", [("16UC1", "u2"), ("32FC1", "f4")])
def test_images_of_nothing_and_of_noise_are_in_no_order(encoding, letter) -> None:
    random = np.random.default_rng(0)
    pictures = [
        np.zeros((48, 64)),
        np.full((48, 64), 500),
        random.integers(0, 65536, (48, 64)),
        np.full((48, 64), 257),
    ]
    for picture in pictures:
        data = picture.astype("<" + letter).tobytes()
        assert not looks_swapped(data, encoding, 64, 48, 64 * int(letter[1]), False)
    assert not looks_swapped(b"", encoding, 64, 48, 64 * int(letter[1]), False)
    assert not looks_swapped(bytes(300), "rgb8", 10, 10, 30, False)
