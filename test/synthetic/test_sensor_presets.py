"""Named sensors: what is drawn belongs to the sensor, makes sense, and follows from the seed."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.synthetic import sensor_presets
from hand_pose_ros.synthetic.sensor import NoiseModel
from hand_pose_ros.synthetic.sensor_presets import (
    D435,
    DEFAULT_SENSORS,
    GENERIC,
    PRESETS,
    SensorPreset,
    sample_noise,
    sample_sensors,
)

ROOT = Path(__file__).resolve().parents[2]
RECIPES = [
    path
    for path in sorted((ROOT / "config" / "train").glob("*.yaml"))
    if "detector" not in path.name
    and yaml.safe_load(path.read_text()).get("dataset", "synthetic") == "synthetic"
] + sorted((ROOT / "research" / "recipes").glob("architecture_sweep*.yaml"))
COLUMN = {spec.name: place for place, spec in enumerate(fields(NoiseModel))}


def draw(*names: str, count: int = 400, seed: int = 0, **options):
    return sample_sensors(count, np.random.default_rng(seed), names or DEFAULT_SENSORS, **options)


@pytest.mark.parametrize("name", DEFAULT_SENSORS)
def test_every_noise_model_drawn_is_a_valid_one(name):
    for row in draw(name).noise:
        NoiseModel(*row)


def test_generic_noise_models_are_valid():
    for row in sample_noise(300, np.random.default_rng(1)):
        NoiseModel(*row)


def test_the_draw_follows_from_the_seed():
    one, same, other = draw(seed=3), draw(seed=3), draw(seed=4)
    for spec in fields(one):
        assert np.array_equal(getattr(one, spec.name), getattr(same, spec.name))
    assert not np.array_equal(one.noise, other.noise)


def test_two_fifths_are_generic_and_the_others_share_the_rest():
    share = np.bincount(draw(count=20000).index, minlength=len(DEFAULT_SENSORS)) / 20000
    assert share[DEFAULT_SENSORS.index(GENERIC)] == pytest.approx(0.4, abs=0.02)
    assert np.delete(share, DEFAULT_SENSORS.index(GENERIC)) == pytest.approx(0.12, abs=0.015)
    pair = np.bincount(draw("d405", "sr300", count=4000).index) / 4000
    assert pair == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("name", PRESETS)
def test_named_sensors_work_at_their_own_distances(name):
    distance = draw(name, distance_m=(0.1, 5.0)).distance
    near, far = PRESETS[name].distance_m
    assert distance.min() >= max(near, 0.1)
    assert distance.max() <= far
    assert np.ptp(distance) > 0.7 * (far - max(near, 0.1))


def test_distances_that_were_asked_for_are_kept_even_where_the_sensor_is_blind():
    assert draw("d405", distance_m=(0.8, 1.0)).distance.min() >= 0.8


def test_pixels_across_the_cube_follow_from_focal_length_and_distance():
    drawn = draw("kinect_v2", distance_m=(0.5, 0.6), finest_px=512.0, cube_m=0.3)
    assert np.allclose(drawn.patch_px, 364.0 * 0.3 / drawn.distance)


def test_a_patch_rendered_coarser_has_its_pixel_lengths_scaled_alike():
    fine, coarse = (draw("d435", distance_m=(0.5, 0.5), finest_px=limit) for limit in (512.0, 120.0))
    ratio = 120 / fine.patch_px
    assert (ratio < 1).all()
    assert (coarse.patch_px == 120).all()
    for name in COLUMN:
        scaled = ratio if name in ("lateral_px", "noise_correlation_px") else 1.0
        assert np.allclose(coarse.noise[:, COLUMN[name]], scaled * fine.noise[:, COLUMN[name]]), name


def test_the_axial_noise_of_a_stereo_pair_is_its_matching_error_seen_through_the_baseline():
    exact = replace(D435, focal_px=(424.0,), subpixel_px=(0.08, 0.08))
    rows = exact.sample(3, np.random.default_rng(0))[1]
    # 0.6^2 m^2 * 0.08 px / (424 px * 0.05 m)
    assert rows[:, COLUMN["axial_m"]] == pytest.approx(0.0013585, rel=1e-3)


@pytest.mark.slow  # it compiles the renderer that training uses
def test_a_preset_more_changes_nothing_that_is_drawn_without_it(monkeypatch):
    batch = SyntheticHands(SyntheticConfig(identities=2)).batch(3, 24)
    before = draw(seed=5)
    monkeypatch.setattr(sensor_presets, "PRESETS", {"d415": replace(D435, focal_px=(600.0,)), **PRESETS})
    after = draw(seed=5)
    for spec in fields(before):
        assert np.array_equal(getattr(before, spec.name), getattr(after, spec.name)), spec.name
    same = SyntheticHands(SyntheticConfig(identities=2)).batch(3, 24)
    assert np.array_equal(batch.crop, same.crop)
    assert np.array_equal(batch.distance, same.distance)
    assert draw("d415", "generic").index.max() == 1, "the new one can be asked for"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_recipes_name_their_sensors(path):
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    data = (recipe.get("base") or recipe).get("data", {})
    assert tuple(data["sensors"]) == DEFAULT_SENSORS, (
        "figures of this recipe would follow the table of presets"
    )


@pytest.mark.parametrize("names", [(), ("d415",), ("d435", "D435")])
def test_unknown_names_and_none_at_all_are_refused(names):
    with pytest.raises(ValueError, match="sensors is"):
        sample_sensors(4, np.random.default_rng(0), names)


@pytest.mark.parametrize(
    "field, value",
    [
        ("focal_px", ()), ("distance_m", (1.0, 0.5)), ("noise", {"blur": (0, 1)}),
        ("noise", {"missing": (0.2, 0.1)}), ("baseline_m", {}),
    ],
)  # fmt: skip
def test_presets_that_make_no_sense_are_named(field, value):
    good = SensorPreset((400.0,), (0.3, 1.0), {"baseline_m": (0.05, 0.05)}, subpixel_px=(0.05, 0.1))
    with pytest.raises(ValueError, match=field):
        replace(good, **{"noise" if field == "baseline_m" else field: value})
