"""A frame's image and camera agree, and a window hides the rest without touching the image."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)


def image() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.3, 1.0, (48, 64)).astype(np.float32)


def test_an_image_of_another_size_is_refused_by_both_sizes() -> None:
    with pytest.raises(ValueError, match="camera info says 64x48, the image is 32x24"):
        DepthFrame(np.zeros((24, 32), np.float32), CAMERA)


@pytest.mark.parametrize("camera", [None, (60.0, 60.0, 31.5, 23.5), "d435", {"fx": 60.0}])
def test_what_is_no_camera_is_refused_in_words(camera: object) -> None:
    with pytest.raises(ValueError, match=f"camera is a {type(camera).__name__}, want a Camera"):
        DepthFrame(image(), camera)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(64,), (48, 64, 1)])
def test_an_image_that_has_not_two_dimensions_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be \\(height, width\\)"):
        DepthFrame(np.zeros(shape, np.float32), CAMERA)


def test_an_image_as_it_should_be_is_not_copied_and_any_other_is_made_so() -> None:
    depth = image()
    assert DepthFrame(depth, CAMERA).depth is depth
    for other in (np.asfortranarray(depth), depth.astype(np.float64), np.pad(depth, 3)[3:-3, 3:-3]):
        held = DepthFrame(other, CAMERA).depth
        assert held.dtype == np.float32
        assert held.flags.c_contiguous
        np.testing.assert_array_equal(held, depth)


def test_a_read_only_image_is_copied_for_kernels_are_compiled_for_writable_ones() -> None:
    depth = image()
    given = np.frombuffer(depth.tobytes(), np.float32).reshape(depth.shape)
    held = DepthFrame(given, CAMERA).depth
    assert held.flags.writeable
    np.testing.assert_array_equal(held, depth)


def test_depth_beyond_all_numbers_is_no_error_of_a_program_that_raises_numpys() -> None:
    depth = image().astype(np.float64)
    depth[0, 0] = 1e300
    with np.errstate(all="raise"):
        assert np.isinf(DepthFrame(depth, CAMERA).depth[0, 0])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_what_is_masked_is_no_reading(kind: type) -> None:
    depth = image()
    masked = depth > 0.7
    given = np.ma.masked_array(depth.astype(kind), masked)
    held = DepthFrame(given, CAMERA).depth
    assert type(held) is np.ndarray
    np.testing.assert_array_equal(held, np.where(masked, np.nan, depth))
    assert given.mask.sum() == masked.sum()


def test_no_window_is_the_frame_itself() -> None:
    frame = DepthFrame(image(), CAMERA, 1.5)
    assert frame.within(None) is frame


@pytest.mark.parametrize(
    ("roi", "rows", "columns"),
    [
        ((10, 20, 8, 9), slice(20, 29), slice(10, 18)),
        ((-5, -5, 500, 500), slice(None), slice(None)),
        ((60, 40, 50, 50), slice(40, None), slice(60, None)),
        ((-20, 0, 10, 10), slice(0, 0), slice(0, 0)),
    ],
)
def test_a_window_hides_all_outside_it(roi: tuple[int, int, int, int], rows: slice, columns: slice) -> None:
    depth = image()
    kept = depth.copy()
    frame = DepthFrame(depth, CAMERA, 1.5).within(roi)
    seen = np.zeros(depth.shape, bool)
    seen[rows, columns] = True
    np.testing.assert_array_equal(np.isfinite(frame.depth), seen)
    np.testing.assert_array_equal(frame.depth[seen], kept[seen])
    np.testing.assert_array_equal(depth, kept)
    assert frame.stamp_s == 1.5


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="roi is"):
        DepthFrame(image(), CAMERA).within((0, 0, 0, 10))


@pytest.mark.parametrize("stamp_s", [1.7e18, 1.7e12, -1e15])
def test_stamps_in_another_unit_are_refused(stamp_s: float) -> None:
    with pytest.raises(ValueError, match="want seconds: a nanosecond is 1e-9 of them"):
        DepthFrame(image(), CAMERA, stamp_s)
    assert DepthFrame(image(), CAMERA, 4e9).stamp_s == 4e9
