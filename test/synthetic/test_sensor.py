"""Sensor noise: each part does what it says, alone; everything is repeatable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.synthetic.sensor import NO_NOISE, NoiseModel, apply_noise

FOCAL = 300.0


def only(**values: float) -> NoiseModel:
    return replace(NO_NOISE, **values)


def step_image() -> np.ndarray:
    """A near square before a far wall."""
    depth = np.full((80, 100), 1.2, np.float32)
    depth[20:60, 30:70] = 0.6
    return depth


def test_without_noise_the_image_stays_and_nothing_becomes_no_reading():
    clean = step_image()
    clean[:5] = np.inf
    seen = apply_noise(clean, NO_NOISE, FOCAL, 0)
    assert np.array_equal(seen[5:], clean[5:])
    assert np.isnan(seen[:5]).all()


def test_the_same_seed_gives_the_same_noise_and_another_seed_another():
    clean, model = step_image(), NoiseModel()
    assert np.array_equal(
        apply_noise(clean, model, FOCAL, 5), apply_noise(clean, model, FOCAL, 5), equal_nan=True
    )
    assert not np.array_equal(
        apply_noise(clean, model, FOCAL, 5), apply_noise(clean, model, FOCAL, 6), equal_nan=True
    )


def test_axial_noise_grows_with_the_square_of_the_distance():
    seen = apply_noise(step_image(), only(axial_m=0.002), FOCAL, 1)
    near, far = seen[22:58, 32:68], seen[:, :25]
    assert near.std() == pytest.approx(0.002, rel=0.1)
    assert far.std() == pytest.approx(0.008, rel=0.1)
    assert near.mean() == pytest.approx(0.6, abs=3e-4)


def test_the_share_that_does_not_grow_is_the_same_at_every_distance():
    seen = apply_noise(step_image(), only(axial_m=0.002, range_squared_fraction=0.0), FOCAL, 1)
    assert seen[22:58, 32:68].std() == pytest.approx(0.002, rel=0.1)
    assert seen[:, :25].std() == pytest.approx(0.002, rel=0.1)
    half = apply_noise(step_image(), only(axial_m=0.002, range_squared_fraction=0.5), FOCAL, 1)
    assert half[:, :25].std() == pytest.approx(0.005, rel=0.1)  # 0.002 * (0.5 + 0.5 * 2^2)


def test_bumps_make_neighbours_alike_and_keep_the_spread_at_every_pixel():
    flat = np.full((60, 60), 0.6, np.float32)
    model = only(axial_m=0.002, noise_correlation_px=5.0)
    error = np.stack([apply_noise(flat, model, FOCAL, seed) for seed in range(300)]) - 0.6
    assert error.std() == pytest.approx(0.002, rel=0.02)
    assert error.std(axis=0).min() > 0.0015
    assert error.std(axis=0).max() < 0.0025

    def alike(apart: int) -> float:
        return float((error[:, :, apart:] * error[:, :, :-apart]).mean() / error.var())

    assert alike(1) > 0.85
    assert abs(alike(10)) < 0.05
    rough = apply_noise(flat, only(axial_m=0.002), FOCAL, 0) - 0.6
    assert abs((rough[:, 1:] * rough[:, :-1]).mean() / rough.var()) < 0.1


def test_bumps_bend_outlines_by_the_jitter_asked_for():
    wide = np.full((60, 400), np.inf, np.float32)
    wide[:30] = 0.6
    model = only(lateral_px=1.0, noise_correlation_px=8.0)
    outline = np.concatenate(
        [np.isfinite(apply_noise(wide, model, FOCAL, seed)).sum(axis=0) for seed in range(20)]
    )
    # One pixel of jitter and what rounding to whole pixels adds.
    assert outline.std() == pytest.approx(np.sqrt(1 + 1 / 12), rel=0.15)
    assert (np.diff(outline) == 0).mean() > 0.7


def test_quantised_depths_are_multiples_of_the_step():
    clean = np.linspace(0.5, 0.9, 4000, dtype=np.float32).reshape(40, 100)
    seen = apply_noise(clean, only(quantisation_m=0.004), FOCAL, 1)
    assert np.allclose(np.round(seen / 0.004) * 0.004, seen, atol=1e-6)
    assert np.abs(seen - clean).max() <= 0.002 + 1e-6


def test_missing_pixels_come_at_their_share_everywhere():
    seen = apply_noise(np.full((200, 200), 0.7, np.float32), only(missing=0.03), FOCAL, 2)
    assert np.isnan(seen).mean() == pytest.approx(0.03, rel=0.15)


def test_edges_lose_readings_and_flat_surfaces_do_not():
    seen = apply_noise(step_image(), only(edge_loss=0.5), FOCAL, 3)
    border = np.zeros((80, 100), bool)
    border[19:61, 29:71] = True
    border[21:59, 31:69] = False
    assert np.isnan(seen[border]).mean() == pytest.approx(0.5, abs=0.08)
    assert not np.isnan(seen[~border]).any()


def test_flying_pixels_lie_between_the_two_surfaces():
    clean = step_image()
    seen = apply_noise(clean, only(flying=1.0), FOCAL, 4)
    moved = seen != clean
    assert moved.any()
    assert (seen[moved] > 0.6 - 1e-6).all()
    assert (seen[moved] < 1.2 + 1e-6).all()


def test_the_shadow_falls_on_one_side_of_a_near_object_only():
    seen = apply_noise(step_image(), only(shadow_px=5.0), FOCAL, 5)
    assert np.isnan(seen[40, 70:75]).all()
    assert not np.isnan(seen[40, 76:]).any()
    assert not np.isnan(seen[40, :70]).any()


@pytest.mark.parametrize("baseline, left", [(0.05, True), (-0.05, False)])
def test_what_the_second_eye_cannot_see_is_lost_beside_the_object(baseline, left):
    seen = apply_noise(step_image(), only(baseline_m=baseline), FOCAL, 5)
    # 300 px * 0.05 m * (1 / 0.6 m - 1 / 1.2 m) = 12.5 px
    lost = np.flatnonzero(np.isnan(seen[40]))
    assert lost.tolist() == (list(range(18, 30)) if left else list(range(70, 82)))
    assert not np.isnan(seen[:20]).any()


def test_a_surface_that_turns_away_slowly_hides_nothing_from_the_second_eye():
    depth = np.tile(np.linspace(0.5, 0.6, 100, dtype=np.float32), (20, 1))
    assert not np.isnan(apply_noise(depth, only(baseline_m=0.05), FOCAL, 5)).any()
    assert not np.isnan(apply_noise(depth, only(baseline_m=-0.05), FOCAL, 5)).any()


def test_grazing_surfaces_lose_readings_and_facing_ones_do_not():
    rows = np.arange(60, dtype=np.float32)[:, None]
    steep = np.tile(0.6 + 0.006 * rows, (1, 60)).astype(np.float32)
    facing = np.full((60, 60), 0.6, np.float32)
    model = only(grazing_cosine=0.5)
    assert np.isnan(apply_noise(steep, model, FOCAL, 6)[2:-2]).mean() > 0.5
    assert not np.isnan(apply_noise(facing, model, FOCAL, 6)).any()


def test_holes_appear_in_about_the_asked_number():
    seen = apply_noise(np.full((200, 200), 0.7, np.float32), only(holes=5.0), FOCAL, 7)
    assert 0.002 < np.isnan(seen).mean() < 0.05


@pytest.mark.parametrize(
    "field, value",
    [("axial_m", -1.0), ("edge_loss", 1.5), ("range_squared_fraction", 1.5), ("missing", float("nan"))],
)
def test_impossible_values_are_named(field, value):
    with pytest.raises(ValueError, match=field):
        NoiseModel(**{field: value})
