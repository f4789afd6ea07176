"""Sensor noise: each part does what it says, alone; everything is repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.synthetic.sensor import NO_NOISE, NoiseModel, apply_noise, sample_noise

FOCAL = 300.0


def only(**values: float) -> NoiseModel:
    return NoiseModel(**{**dict.fromkeys(NO_NOISE.__dataclass_fields__, 0.0), **values})


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


def test_drawn_noise_models_are_valid():
    for row in sample_noise(200, np.random.default_rng(0)):
        NoiseModel(*row)


@pytest.mark.parametrize("field, value", [("axial_m", -1.0), ("edge_loss", 1.5), ("missing", float("nan"))])
def test_impossible_values_are_named(field, value):
    with pytest.raises(ValueError, match=field):
        NoiseModel(**{field: value})
