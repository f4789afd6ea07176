"""Stereo matching: windows that choose fatten and close gaps, the right camera's shadow, scale, noise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from hand_pose_ros.synthetic.stereo_config import StereoModel
from hand_pose_ros.synthetic.stereo_matching import SEARCH_PX, match_depth
from hand_pose_ros.synthetic.stereo_windows import check_right_view

pytestmark = pytest.mark.slow  # the kernels are compiled

FOCAL, BASELINE = 400.0, 0.05
NEAR, FAR = 0.6, 1.2
HEIGHT, WIDTH = 160, 220
Depth = NDArray[np.float32]
SILENT = {"white_px": 0.0, "bump_px": 0.0, "unit_m": 0.0, "step_px": 0.0, "locking": 0.0}
DECIDED = {"unsure": 0.0, "scanline": 0.0, "focal_px": FOCAL, "baseline_m": BASELINE}
WINDOWS_ALONE = {"step_cost": 0.0, "reach_px": 0.0, "fading": 0.0}


def model(window_px: float = 6.0, **fields: float) -> StereoModel:
    return StereoModel(**{**SILENT, **DECIDED, "window_px": window_px, **fields})


def bars(*edges: tuple[int, int], scale: int = 1) -> Depth:
    """Upright bars from column to column at NEAR before a wall at FAR."""
    depth = np.full((HEIGHT * scale, WIDTH * scale), FAR, np.float32)
    for first, last in edges:
        depth[:, first * scale : last * scale] = NEAR
    return depth


def near_share(seen: Depth) -> NDArray[np.float64]:
    """Of each column, the share of rows that are nearer than halfway, without the ends."""
    return (seen[20:-20] < 0.5 * (NEAR + FAR)).mean(axis=0)


def matched(depth: Depth, stereo: StereoModel, focal_px: float = FOCAL, seeds: int = 4) -> list[Depth]:
    return [match_depth(depth, stereo, focal_px, seed) for seed in range(seeds)]


def test_the_gap_between_two_rods_closes_with_the_window() -> None:
    gap = slice(112, 121)
    depth = bars((100, 112), (121, 133))
    closed = []
    for radius in (1, 3, 5, 8):
        seen = np.stack(matched(depth, model(radius, **WINDOWS_ALONE)))
        closed.append(np.mean([near_share(picture)[gap].mean() for picture in seen]))
    assert closed[0] < 0.3
    assert closed[-1] > 0.7
    assert all(a < b for a, b in pairwise(closed)), closed


def test_a_rod_before_a_wall_fattens_with_the_window() -> None:
    fat = []
    for radius in (1, 3, 5, 8):
        seen = matched(bars((100, 112)), model(radius, near_bias=1.5))
        fat.append(np.mean([near_share(picture).sum() for picture in seen]) - 12)
    assert fat[0] < 3
    assert 3 < fat[-1] < 2 * 8
    assert all(a < b for a, b in pairwise(fat)), fat


@pytest.mark.parametrize("width", [6, 9])
def test_a_thin_rod_goes_as_steps_of_the_disparity_get_dearer(width: int) -> None:
    kept = [
        np.mean([near_share(p)[100 : 100 + width].mean() for p in matched(bars((100, 100 + width)), stereo)])
        for stereo in (model(4, step_cost=cost, near_bias=0.5, fading=0.0) for cost in (0.0, 8.0, 40.0))
    ]
    assert kept[0] > 0.8
    assert kept[-1] < 0.2
    assert kept[0] > kept[1] > kept[2], kept


def test_dearer_steps_make_outlines_less_ragged() -> None:
    def raggedness(stereo: StereoModel) -> float:
        ends = [(picture[20:-20, 120:] < 0.5 * (NEAR + FAR)).sum(axis=1) for picture in matched(rod, stereo)]
        return float(np.mean([np.abs(np.diff(end)).mean() for end in ends]))

    rod = bars((80, 140))
    assert raggedness(model(4, step_cost=6.0)) < 0.7 * raggedness(model(4, step_cost=0.0, reach_px=0.0))


def test_a_gap_that_the_right_eye_does_not_see_is_closed_and_one_that_both_see_is_not() -> None:
    """Two rods 9 px apart: before a wall far behind, and before one so near that the gap shows it to both eyes."""
    for baseline, closed in ((0.05, True), (0.008, False)):
        seen = matched(bars((80, 120), (129, 169)), model(4, baseline_m=baseline, near_bias=0.0, fading=0.0))
        share = np.mean([near_share(picture)[120:129].mean() for picture in seen])
        assert (share > 0.6) == closed, (baseline, share)


def test_a_dim_background_lets_outlines_fatten() -> None:
    fat = [
        np.mean([near_share(p).sum() for p in matched(bars((90, 130)), model(5, step_cost=6.0, fading=f))])
        - 40
        for f in (0.0, 1.0, 2.5)
    ]
    assert fat[0] < fat[1] < fat[2], fat


def test_the_side_that_the_right_eye_does_not_see_fattens_before_a_dim_background_alone() -> None:
    fat = []
    for fading in (0.0, 1.0, 3.0):
        seen = matched(bars((90, 130)), model(5, fading=fading, near_bias=0.0))
        fat.append(np.mean([near_share(picture)[70:90].sum() for picture in seen]))
    assert fat[0] < 0.5
    assert fat[0] < fat[1] < fat[2], fat


def test_only_how_far_a_background_is_behind_counts_beyond_what_exposure_makes_up_for() -> None:
    """Twice as far away, seen by eyes twice as far apart: the same disparities, the same shape."""
    kept = []
    for times in (1.2, 2.4):  # NEAR is 0.72 and 1.44 m away
        depth = bars((60, 68), (100, 140)) * np.float32(times)
        stereo = model(5, baseline_m=times * BASELINE, fading=2.0, step_cost=15.0)
        kept.append(np.stack([near_share(p / np.float32(times)) for p in matched(depth, stereo)]))
    np.testing.assert_allclose(kept[0], kept[1], atol=0.01)
    assert kept[1][:, 105:135].min() > 0.99


@pytest.mark.parametrize("width", [20, 26, 36])
def test_what_is_broader_than_windows_keeps_its_inside_as_steps_get_dearer(width: int) -> None:
    depth = np.full((HEIGHT, WIDTH), FAR, np.float32)
    depth[25:85, 100 : 100 + width] = NEAR
    inside = np.s_[29:81, 104 : 96 + width]
    seen = matched(depth, model(4, step_cost=20.0, near_bias=1.0, fading=0.5, reach_px=14.0))
    assert np.mean([(picture[inside] < 0.5 * (NEAR + FAR)).mean() for picture in seen]) > 0.9


@pytest.mark.parametrize("radius", [4, 6])
def test_outlines_are_no_combs(radius: int) -> None:
    """Rows are more like the next one than like the next but one, in windows looked at in every second pixel, too."""
    seen = matched(bars((80, 140)), model(radius))
    ends = [(picture[20:-20, 120:] < 0.5 * (NEAR + FAR)).sum(axis=1) for picture in seen]
    one, two = (np.mean([np.abs(end[k:] - end[:-k]).mean() for end in ends]) for k in (1, 2))
    assert one < two


def test_paths_from_above_alone_fatten_the_lower_end_more() -> None:
    depth = np.full((HEIGHT, WIDTH), FAR, np.float32)
    depth[60:100, 80:140] = NEAR
    near = np.mean(
        [p[:, 100:120] < 0.5 * (NEAR + FAR) for p in matched(depth, model(5, fading=2.0, both_ways=0.0))],
        axis=(0, 2),
    )
    assert near[100:].sum() > near[:60].sum() + 2.0


def test_disparities_are_drawn_to_whole_ones_of_the_sensor() -> None:
    depth = np.broadcast_to(np.linspace(0.5, 1.0, WIDTH, dtype=np.float32), (HEIGHT, WIDTH)).copy()
    for focal, unit in ((FOCAL, 1.0), (FOCAL / 2, 0.5)):
        away = []
        for locking in (0.0, 0.9):
            disparity = focal * BASELINE / match_depth(depth, model(locking=locking), focal, 1) / unit
            away.append(np.abs(disparity - np.round(disparity)).mean())
        assert away[0] == pytest.approx(0.25, abs=0.02)
        assert away[1] < 0.18


def test_the_nearer_surface_wins_more_with_a_larger_bias() -> None:
    fat = [
        np.mean(
            [near_share(p).sum() for p in matched(bars((100, 112)), model(near_bias=bias, **WINDOWS_ALONE))]
        )
        for bias in (0.0, 0.6, 1.3)
    ]
    assert fat[0] < fat[1] < fat[2]


RIGHT_OF_THE_BAR = slice(120, 145)


def unread_px(picture: Depth, columns: slice, scale: float = 1.0) -> float:
    """Mean number of pixels without a reading in each row, in the sensor's own."""
    return float(np.isnan(picture[20:-20, columns]).mean(axis=0).sum() / scale)


def test_a_strict_matcher_reads_nothing_along_outlines_and_all_within() -> None:
    seen = [matched(bars((80, 130)), model(unsure=unsure)) for unsure in (0.0, 0.5, 1.0, 2.0, 4.0)]
    widths = [np.mean([unread_px(picture, RIGHT_OF_THE_BAR) for picture in pictures]) for pictures in seen]
    assert widths[0] < 1
    assert 2 < widths[3] < 8
    assert all(a < b for a, b in pairwise(widths)), widths
    for picture in seen[-1]:
        assert not np.isnan(picture[20:-20, 100:112]).any()
        assert not np.isnan(picture[20:-20, 160:]).any()


@pytest.mark.parametrize("unsure", [1.0, 2.0, 4.0])
def test_outlines_without_readings_are_as_wide_at_half_the_resolution(unsure: float) -> None:
    fine = matched(bars((80, 130), scale=2), model(unsure=unsure, focal_px=2 * FOCAL), 2 * FOCAL)
    halved = matched(bars((80, 130)), model(unsure=unsure, focal_px=2 * FOCAL), FOCAL, seeds=8)
    beside = slice(2 * RIGHT_OF_THE_BAR.start, 2 * RIGHT_OF_THE_BAR.stop)
    whole = np.mean([unread_px(picture, beside) for picture in fine])
    half = np.mean([unread_px(picture, RIGHT_OF_THE_BAR, 0.5) for picture in halved])
    assert half == pytest.approx(whole, rel=0.5, abs=1.0)
    assert whole > 1


@pytest.mark.parametrize("baseline", [0.05, 0.095])
def test_the_shadow_lies_on_the_left_and_is_as_wide_as_the_disparities_differ(baseline: float) -> None:
    expected = FOCAL * baseline * (1 / NEAR - 1 / FAR)
    for seen in matched(bars((110, 150)), model(baseline_m=baseline, fading=0.0)):
        missing = np.isnan(seen[20:-20])
        assert missing[:, :110].sum(axis=1).mean() == pytest.approx(expected, abs=1.5)
        assert missing[:, 130:].mean() < 0.01


def test_no_reading_shines_through_a_surface_that_turns_away() -> None:
    """Its pixels are farther apart in the right view: a line of the wall's readings in the shadow for every column
    that they left out."""
    depth = bars()
    depth[:, 100:150] = FOCAL * BASELINE / np.linspace(40.0, 25.0, 50)
    readings = [np.isfinite(picture[20:-20, 82:92]).mean() for picture in matched(depth, model(4.0))]
    assert max(readings) < 0.01


@pytest.mark.parametrize("first", [0.0, 0.5, 1.9, 2.1])
def test_the_first_pixel_of_a_row_claims_no_more_than_its_own_column(first: float) -> None:
    """Whatever its disparity, it continues no surface."""
    row = np.full((1, 40), first, np.float32)
    row[0, 5:10] = 12.0
    check_right_view(row, np.full((1, 40), 0.2, np.float32), 0.1, 1.5, 3.0, -np.inf)
    assert np.isfinite(row[0, 5:10]).all()


def test_what_stands_to_the_right_of_everything_seen_hides_nothing() -> None:
    seen = match_depth(np.full((HEIGHT, WIDTH), FAR, np.float32), model(), FOCAL, 1)
    np.testing.assert_allclose(seen, FAR, rtol=1e-5)


def test_a_slanted_plane_is_kept_within_the_steps() -> None:
    columns = np.arange(WIDTH) - WIDTH / 2
    plane = (0.7 / (1 - np.tan(np.radians(40)) * columns / FOCAL)).astype(np.float32)
    depth = np.broadcast_to(plane, (HEIGHT, WIDTH)).copy()
    stereo = model(step_px=1 / 32)
    seen = np.stack(matched(depth, stereo))
    inner = np.s_[:, 10:-10, 10:-10]
    error = (FOCAL * BASELINE / seen - FOCAL * BASELINE / depth)[inner]
    assert np.isfinite(error).all()
    assert abs(error.mean()) < 1 / 32
    # Dots are denser on one side of a window than on the other.
    assert error.std() < 3 / 32


def test_disparities_come_in_steps_and_depths_in_units() -> None:
    depth = np.broadcast_to(np.linspace(0.5, 1.0, WIDTH, dtype=np.float32), (HEIGHT, WIDTH)).copy()
    disparity = FOCAL * BASELINE / match_depth(depth, model(step_px=1 / 32), FOCAL, 1)
    np.testing.assert_allclose(disparity * 32, np.round(disparity * 32), atol=2e-3)
    seen = match_depth(depth, model(unit_m=0.001), FOCAL, 1)
    np.testing.assert_allclose(seen * 1000, np.round(seen * 1000), atol=1e-3)


def test_steps_are_as_fine_at_half_the_resolution() -> None:
    depth = np.broadcast_to(np.linspace(0.5, 1.0, WIDTH, dtype=np.float32), (HEIGHT, WIDTH)).copy()
    disparity = FOCAL * BASELINE / match_depth(depth, model(step_px=1 / 32), FOCAL / 2, 1)
    np.testing.assert_allclose(disparity * 32, np.round(disparity * 32), atol=4e-3)


@pytest.mark.parametrize("window", [4.0, 6.0, 8.0])
def test_shapes_are_the_same_at_half_the_resolution(window: float) -> None:
    """A finer picture of the same scene, of the same sensor: the sensor's pixels are those of the coarser one."""
    fine = [near_share(p).sum() / 2 for p in matched(bars((100, 112), scale=2), model(window), 2 * FOCAL)]
    own = [near_share(p).sum() for p in matched(bars((100, 112)), model(window))]
    half = model(window, focal_px=2 * FOCAL)  # the sensor has twice the pixels of this picture
    coarse = [near_share(p).sum() for p in matched(bars((100, 112)), half)]
    true = [near_share(p).sum() for p in matched(bars((100, 112), scale=2), half, 2 * FOCAL)]
    assert np.mean(fine) == pytest.approx(np.mean(own), abs=1.5)
    assert np.mean(coarse) == pytest.approx(np.mean(true) / 2, abs=1.5)


def test_noise_has_the_size_asked_for() -> None:
    depth = np.full((HEIGHT, WIDTH), 0.7, np.float32)
    seen = np.stack(matched(depth, model(bump_px=0.08), seeds=20))
    error = FOCAL * BASELINE / seen - FOCAL * BASELINE / 0.7
    assert error.std() == pytest.approx(0.08, rel=0.2)


def test_the_right_camera_sees_less_on_the_left_of_a_whole_picture() -> None:
    depth = np.full((HEIGHT, WIDTH), NEAR, np.float32)
    width = FOCAL * BASELINE / NEAR
    missing = np.isnan(match_depth(depth, model(), FOCAL, 1, edge_px=0.0)).sum(axis=1)
    assert np.abs(missing - width).max() <= 1
    assert not np.isnan(match_depth(depth, model(), FOCAL, 1)).any()


def test_nothing_is_found_nearer_than_the_search_reaches() -> None:
    nearest = FOCAL * BASELINE / SEARCH_PX
    for z, found in ((0.95 * nearest, False), (1.05 * nearest, True)):
        seen = match_depth(np.full((60, 60), z, np.float32), model(), FOCAL, 1)
        assert (np.isfinite(seen) == found).all()


def test_no_reading_where_nothing_is() -> None:
    depth = np.full((80, 80), np.inf, np.float32)
    depth[:, :40] = 0.6
    seen = match_depth(depth, StereoModel(focal_px=FOCAL), FOCAL, 3)
    assert np.isnan(seen[:, 60:]).all()
    assert np.isfinite(seen[:, :35]).all()


def test_the_same_seed_gives_the_same_picture() -> None:
    depth = bars((100, 112))
    stereo = StereoModel(focal_px=FOCAL)
    np.testing.assert_array_equal(match_depth(depth, stereo, FOCAL, 1), match_depth(depth, stereo, FOCAL, 1))
    first, other = (np.nan_to_num(match_depth(depth, stereo, FOCAL, seed)) for seed in (1, 2))
    assert (first != other).any()


def test_the_spatial_filter_smooths_surfaces_and_keeps_edges() -> None:
    depth = bars((100, 140))
    rough = match_depth(depth, model(white_px=0.2), FOCAL, 1)
    smooth = match_depth(depth, model(white_px=0.2, smoothing=0.4), FOCAL, 1)
    inside = np.s_[20:-20, 110:130]
    assert smooth[inside].std() < 0.6 * rough[inside].std()
    assert abs(near_share(smooth).sum() - near_share(rough).sum()) < 1


def test_decimation_makes_pixels_of_two_by_two() -> None:
    seen = match_depth(bars((100, 112)), model(white_px=0.1, decimation=2.0), FOCAL, 1)
    blocks = np.nan_to_num(seen).reshape(HEIGHT // 2, 2, WIDTH // 2, 2)
    assert (blocks == blocks[:, :1, :, :1]).all()


@pytest.mark.parametrize("shape", [(1, 1), (50, 1), (1, 50), (50, 7)])
def test_pictures_that_are_narrower_than_a_window_are_looked_at_within_their_edges(
    shape: tuple[int, int],
) -> None:
    """Else what lies beside them in memory would be taken for depth, another one in every call."""
    depth = np.full(shape, FAR, np.float32)
    depth[::2, : shape[1] // 2 + 1] = NEAR
    pictures = []
    for value in (np.nan, 1e9, -7.0):
        beside = [np.full(shape, value, np.float32) for _ in range(100)]
        del beside  # free again, for the kernel's own arrays to lie there
        pictures.append(match_depth(depth, model(12.0), FOCAL, 1))
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture, pictures[0])
    assert not np.isinf(pictures[0]).any()


@pytest.mark.parametrize("shape", [(0, 0), (5, 0), (0, 5)])
def test_an_empty_picture_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="want at least one pixel"):
        match_depth(np.ones(shape, np.float32), model(6.0), FOCAL, 1)


@pytest.mark.parametrize("value", [np.nan, 0.0, -0.01, -np.inf])
def test_what_is_no_clean_depth_is_refused(value: float) -> None:
    """The package's own NaN for no reading, say: a place in the right view that is no number lies in no picture."""
    depth = np.full((20, 30), FAR, np.float32)
    depth[5, 5] = value
    with pytest.raises(ValueError, match="NaN or not above 0, want metres"):
        match_depth(depth, model(), FOCAL, 1)
