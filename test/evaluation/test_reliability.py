"""Calibration error, Brier score and ROC area on numbers worked by hand; and a figure is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from hand_pose_ros.evaluation.reliability import reliability, reliability_figure, roc_area
from hand_pose_ros.visualization.figures import save_figure


def test_numbers_by_hand() -> None:
    found = reliability(np.array([0.1, 0.1, 0.7, 0.9]), np.array([False, True, True, True]), bins=2)
    assert found.count.tolist() == [2, 2]
    np.testing.assert_allclose(found.stated, [0.1, 0.8])
    np.testing.assert_allclose(found.came_true, [0.5, 1.0])
    assert found.expected_error == pytest.approx((0.4 * 2 + 0.2 * 2) / 4)
    assert found.brier == pytest.approx((0.01 + 0.81 + 0.09 + 0.01) / 4)
    assert found.share == 0.75
    assert found.brier_of_share == pytest.approx(0.75 * 0.25)
    # Against the one that is false: a tie, two above it.
    assert found.roc_area == pytest.approx(2.5 / 3)


def test_certainty_that_comes_true_is_without_error() -> None:
    truth = np.array([True, False, True, False])
    found = reliability(truth.astype(float), truth)
    assert (found.expected_error, found.brier, found.roc_area) == (0.0, 0.0, 1.0)
    assert found.count.tolist() == [2] + [0] * 8 + [2]
    assert np.isnan(found.stated[1:9]).all()


def test_probabilities_that_come_true_have_little_error_and_inflated_ones_much() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(20000)
    truth = rng.random(20000) < probability
    assert reliability(probability, truth).expected_error < 0.015
    assert reliability(np.sqrt(probability), truth).expected_error > 0.1


def test_area_of_one_kind_alone_is_not_a_number() -> None:
    assert np.isnan(roc_area(np.array([0.2, 0.4]), np.array([True, True])))


@pytest.mark.slow
@given(hnp.arrays(np.float64, 20, elements=st.floats(0.0, 1.0)), hnp.arrays(np.bool_, 20))
def test_area_depends_only_on_the_order_and_turns_with_the_truth(
    score: np.ndarray, truth: np.ndarray
) -> None:
    if not 0 < truth.sum() < 20:
        return
    order = np.unique(score, return_inverse=True)[1]
    assert roc_area(score, truth) == pytest.approx(roc_area(order**3, truth))
    assert roc_area(score, ~truth) == pytest.approx(1.0 - roc_area(score, truth))


@pytest.mark.parametrize(
    ("probability", "truth"), [([], []), ([0.5], [True, False]), ([1.1], [True]), ([float("nan")], [True])]
)
def test_what_is_no_probability_is_refused(probability: list[float], truth: list[bool]) -> None:
    with pytest.raises(ValueError, match="probability"):
        reliability(np.array(probability), np.array(truth, bool))


@pytest.mark.slow
def test_figure_shows_a_panel_each_and_is_always_the_same(tmp_path: Path) -> None:
    found = reliability(np.array([0.1, 0.7, 0.9]), np.array([False, True, True]))
    figure = reliability_figure({"Hand": found, "Joints": found})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0].startswith("Hand: 3")
    assert titles[1].startswith("Joints: 3")
    for name in ("a.png", "b.png"):
        save_figure(reliability_figure({"Hand": found, "Joints": found}), tmp_path / "new" / name)
    assert (tmp_path / "new" / "a.png").read_bytes() == (tmp_path / "new" / "b.png").read_bytes()
    assert np.asarray(Image.open(tmp_path / "new" / "a.png")).std() > 5
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_no_label_shows_the_markup_of_mathematics() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(5000)
    figure = reliability_figure({"Hand": reliability(probability, rng.random(5000) < probability)})
    figure.canvas.draw()
    labels = [
        label.get_text()
        for axes in figure.axes
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels())
    ]
    assert "100" in labels
    assert not [text for text in labels if "$" in text]
