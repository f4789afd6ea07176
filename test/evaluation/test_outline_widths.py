"""Widths of outlines without readings: counted on the right side, whatever turns the picture."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hand_pose_ros.evaluation.outline_widths import LEAST_STEP_PX, MOST_RUN_PX, SIDES, outline_runs


def bar(unread: int, step_px: float = 20.0) -> NDArray[np.float64]:
    """An upright bar in rows of disparity 30 - step, with so many unread pixels on its right."""
    picture = np.full((6, 200), 30.0 - step_px)
    picture[:, 50:60] = 30.0
    picture[:, 60 : 60 + unread] = np.nan
    return picture


@pytest.mark.parametrize("unread", [0, 1, 7, MOST_RUN_PX])
def test_each_row_gives_one_run_as_wide_as_what_has_no_reading(unread: int) -> None:
    runs = outline_runs(bar(unread))
    np.testing.assert_array_equal(runs["right"].width_px, np.full(6, unread))
    np.testing.assert_array_equal(runs["right"].step_px, np.full(6, 20.0))
    np.testing.assert_array_equal(runs["left"].width_px, np.zeros(6))
    assert len(runs["top"].width_px) == len(runs["bottom"].width_px) == 0


def test_a_picture_that_is_turned_has_its_runs_on_other_sides() -> None:
    picture, widths = bar(5), {}
    for turns in range(4):  # each a quarter against the clock: the right side comes up
        runs = outline_runs(np.rot90(picture, turns))
        widths[turns] = next(side for side in SIDES if 5 in runs[side].width_px)
    assert [widths[turns] for turns in range(4)] == ["right", "top", "left", "bottom"]


def test_small_steps_and_long_runs_do_not_count() -> None:
    assert len(outline_runs(bar(3, step_px=LEAST_STEP_PX))["right"].width_px) == 0
    assert len(outline_runs(bar(MOST_RUN_PX + 1))["right"].width_px) == 0


def test_no_run_reaches_from_one_row_into_the_next() -> None:
    picture = np.full((2, 10), np.nan)
    picture[0, 9], picture[1, 0] = 50.0, 10.0
    assert all(len(runs.width_px) == 0 for runs in outline_runs(picture).values())


def test_a_picture_without_readings_has_no_runs() -> None:
    assert all(len(runs.width_px) == 0 for runs in outline_runs(np.full((4, 4), np.nan)).values())


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"disparity has shape \(4,\), want \(H, W\)"):
        outline_runs(np.zeros(4))
