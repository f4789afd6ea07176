"""The crop's perspective in compiled loops against that of CropFrame."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.depth.crop_projection import (
    crop_to_metres,
    crop_to_pixel,
    metres_to_crop,
    metres_to_pixel,
    pixel_to_crop,
    pixel_width,
)


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15), st.floats(0.25, 2.0), st.sampled_from([1, 96, 97]))
def test_a_place_is_seen_where_the_frame_has_it(x: float, z: float, distance: float, size: int) -> None:
    frame = CropFrame(np.array([0.0, 0.0, distance]), size=size)
    u = frame.local_to_crop([x, 0.0, z])[0]
    pixel = frame.crop_to_pixel([u, 0.0])[0]
    ahead = frame.distance + z
    scale = metres_to_crop(ahead, frame.distance, frame.half)
    width = pixel_width(ahead, frame.distance, frame.half, size)
    np.testing.assert_allclose(x * scale, u, atol=1e-12)
    np.testing.assert_allclose(crop_to_metres(ahead, frame.distance, frame.half), 1.0 / scale, rtol=1e-12)
    np.testing.assert_allclose(crop_to_pixel(x * scale, size), pixel, atol=1e-9)
    np.testing.assert_allclose(metres_to_pixel(x, width, size), pixel, atol=1e-9)


def test_the_middle_of_each_pixel_comes_back() -> None:
    for size in (1, 2, 96):
        u = [pixel_to_crop(pixel, size) for pixel in range(size)]
        np.testing.assert_allclose([crop_to_pixel(v, size) for v in u], np.arange(size), atol=1e-9)
        assert abs(sum(u)) < 1e-9
        assert u == sorted(u)
