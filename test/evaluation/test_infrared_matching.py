"""Both test matchers find what is there: slanted planes to a fraction of a pixel, edges, shadows."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hand_pose_ros.evaluation.infrared_matching import match_census, match_sgbm

Matcher = Callable[..., NDArray[np.float32]]
MATCHERS = pytest.mark.parametrize("match", [match_sgbm, match_census])
HEIGHT, WIDTH, LEAST, MOST = 60, 160, 4, 40


def texture(seed: int, smooth: float = 1.0) -> NDArray[np.float32]:
    """A random texture that is wider than the pictures, smooth enough to be sampled between its pixels."""
    rng = np.random.default_rng(seed)
    rough = rng.uniform(0, 255, (HEIGHT, WIDTH + 2 * MOST)).astype(np.float32)
    return np.clip(128 + 3 * (cv2.GaussianBlur(rough, (0, 0), smooth) - 128), 0, 255)


def pair_of(disparity: NDArray[np.floating], seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A left and a right picture of a textured surface; disparity (H, W) of the right eye's pixels."""
    pattern = texture(seed)
    columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    left = pattern[:, MOST : MOST + WIDTH]
    right = cv2.remap(pattern, columns + MOST + disparity.astype(np.float32), rows, cv2.INTER_CUBIC)
    return np.round(left).astype(np.uint8), np.clip(np.round(right), 0, 255).astype(np.uint8)


@MATCHERS
def test_a_slanted_plane_is_found_to_a_fraction_of_a_pixel(match: Matcher) -> None:
    """The right eye's pixel c shows the left one's c + D(c); here D = 12 + 0.05 c, so that of the left one's u it is
    (12 + 0.05 u) / 1.05."""
    columns = np.arange(WIDTH, dtype=np.float64)
    left, right = pair_of(np.broadcast_to(12.0 + 0.05 * columns, (HEIGHT, WIDTH)))
    found = match(left, right, LEAST, MOST)
    inner = (slice(8, -8), slice(MOST, -8))
    error = (found - (12.0 + 0.05 * columns) / 1.05)[inner]
    assert np.isfinite(error).mean() > 0.95
    assert np.nanmedian(np.abs(error)) < 0.15
    assert abs(np.nanmean(error)) < 0.05


@MATCHERS
@pytest.mark.parametrize("disparity", [10.0, 10.25, 10.5])
def test_the_middle_of_a_disparity_does_not_depend_on_its_fraction(match: Matcher, disparity: float) -> None:
    left, right = pair_of(np.full((HEIGHT, WIDTH), disparity))
    found = match(left, right, LEAST, MOST)[8:-8, MOST:-8]
    assert np.nanmedian(found) == pytest.approx(disparity, abs=0.1)


def step() -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]:
    """A near strip before a far wall, the left picture's true disparity beside the pair."""
    near, far, first, last = 24, 8, 80, 120
    wall, strip = texture(1), texture(2)
    left = wall[:, MOST : MOST + WIDTH].copy()
    right = wall[:, MOST + far : MOST + far + WIDTH].copy()
    left[:, first:last] = strip[:, first:last]
    right[:, first - near : last - near] = strip[:, first:last]
    truth = np.full((HEIGHT, WIDTH), far, np.float32)
    truth[:, first:last] = near
    # The right eye does not see what the strip hides from it: to the left of the strip.
    truth[:, first - (near - far) : first] = np.nan
    return truth, np.round(left).astype(np.uint8), np.round(right).astype(np.uint8)


@MATCHERS
def test_an_edge_is_found_where_it_is_to_within_the_window(match: Matcher) -> None:
    truth, left, right = step()
    found = match(left, right, LEAST, MOST)[10:-10]
    near = np.isfinite(found) & (found > 16)
    wide = near.sum(axis=1)
    assert np.median(wide) == pytest.approx(
        40, abs=14
    )  # a window fattens, by its radius on either side at most
    assert near[:, 85:115].mean() > 0.98
    assert np.nanmedian(np.abs(found - truth[10:-10])) < 0.2


@MATCHERS
def test_what_one_eye_alone_sees_has_no_reading(match: Matcher) -> None:
    truth, left, right = step()
    found = match(left, right, LEAST, MOST)[10:-10]
    shadow, lit = np.isnan(truth[10:-10]), np.isfinite(truth[10:-10])
    lit[:, : MOST + 8], lit[:, -8:] = False, False
    assert np.isnan(found[shadow]).mean() > 0.6  # fattening eats a part of it
    assert np.isfinite(found[lit]).mean() > 0.9


@MATCHERS
def test_noise_is_matched_less_often_than_texture(match: Matcher) -> None:
    rng = np.random.default_rng(0)
    noise = [np.round(rng.normal(100, 2, (HEIGHT, WIDTH))).astype(np.uint8) for _ in range(2)]
    texture_pair = pair_of(np.full((HEIGHT, WIDTH), 10.0))
    none = [np.isnan(match(*pair, LEAST, MOST)[:, MOST:]).mean() for pair in (noise, texture_pair)]
    assert none[0] > 0.25
    assert none[1] < 0.1


@MATCHERS
def test_the_same_pair_gives_the_same_disparities(match: Matcher) -> None:
    _, left, right = step()
    np.testing.assert_array_equal(match(left, right, LEAST, MOST), match(left, right, LEAST, MOST))


def test_brightness_does_not_matter_to_the_census() -> None:
    _, left, right = step()
    darker = (right // 2).astype(np.uint8)
    bright, dark = match_census(left, right, LEAST, MOST), match_census(left, darker, LEAST, MOST)
    both = np.isfinite(bright) & np.isfinite(dark)
    assert both.mean() > 0.6
    assert np.median(np.abs(bright - dark)[both]) < 0.2
