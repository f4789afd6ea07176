"""Stereo matchers as numbers: validated, within their ranges, drawn apart from everything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hand_pose_ros.synthetic.sensor_presets import D405
from hand_pose_ros.synthetic.stereo_config import (
    MODEL_FIELDS,
    SEARCH_PX,
    StereoModel,
    StereoRanges,
    sample_models,
    sample_stereo,
)


@pytest.mark.parametrize(
    ("field", "value"),
    [("focal_px", 0.0), ("window_px", -1.0), ("unsure", -0.5), ("bump_px", np.nan), ("decimation", 0.5)],
)
def test_a_model_that_makes_no_sense_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"stereo\.{field} is "):
        StereoModel(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("focal_px", ()),
        ("window_px", (8.0, 3.0)),
        ("smoothed", 2.0),
        ("unsure", (0.0, 2.0)),
        ("strict", 1.5),
        ("strict_unsure", (0.0, 2.0)),
    ],
)
def test_ranges_that_make_no_sense_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"stereo\.{field} is "):
        StereoRanges(**{field: value})


def test_models_lie_within_their_ranges_and_are_valid() -> None:
    ranges = StereoRanges()
    models, short = sample_models(500, np.random.default_rng(0), ranges)
    for name in ("window_px", "near_bias", "falloff", "dot_pitch_px"):
        values = models[:, MODEL_FIELDS.index(name)]
        low, high = getattr(ranges, name)
        assert low <= values.min()
        assert values.max() <= high
    for row in models[:50]:
        StereoModel(**dict(zip(MODEL_FIELDS, row.tolist(), strict=True)))
    assert 0.05 < short.mean() < 0.2
    assert set(models[short, 1]) == {D405.noise["baseline_m"][0]}
    assert set(models[~short, 1]) == set(ranges.baseline_m)


def test_strict_matchers_are_drawn_as_often_as_asked_and_change_nothing_else() -> None:
    drawn = [
        sample_models(2000, np.random.default_rng(2), StereoRanges(strict=part, strict_unsure=(0.5, 4.0)))[0]
        for part in (0.0, 0.3)
    ]
    unsure = MODEL_FIELDS.index("unsure")
    strict = drawn[1][:, unsure] >= 0.5
    assert strict.mean() == pytest.approx(0.3, abs=0.05)
    assert drawn[1][strict, unsure].max() <= 4.0
    assert drawn[0][:, unsure].max() <= StereoRanges().unsure[1]
    drawn[1][strict, unsure] = drawn[0][strict, unsure]
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_filters_are_drawn_as_often_as_asked() -> None:
    models, _ = sample_models(2000, np.random.default_rng(1), StereoRanges(decimated=0.3, smoothed=0.4))
    assert (models[:, MODEL_FIELDS.index("decimation")] == 2).mean() == pytest.approx(0.3, abs=0.05)
    assert (models[:, MODEL_FIELDS.index("smoothing")] < 1).mean() == pytest.approx(0.4, abs=0.05)


def test_distances_are_within_reach_and_patches_have_the_sensors_pixels() -> None:
    draw = sample_stereo(0.5, 800, np.random.default_rng(2), (0.27, 1.3), 64, 145, 0.3)
    assert draw.chosen.mean() == pytest.approx(0.5, abs=0.06)
    assert np.isnan(draw.models[~draw.chosen]).all()
    focal, baseline = draw.models[draw.chosen, :2].T
    distance, patch = draw.distance[draw.chosen], draw.patch_px[draw.chosen]
    assert distance.min() >= 0.27
    assert distance.max() <= 1.3
    assert (focal * baseline / distance < SEARCH_PX).all()
    np.testing.assert_allclose(patch, np.clip(focal * 0.3 / distance, 64, 145))
