"""A region of interest outside the image is told."""

from __future__ import annotations

import pytest

from hand_pose_ros.nodes.input_hints import roi_outside


@pytest.mark.parametrize(
    "roi", [(700, 100, 200, 200), (0, 240, 50, 50), (315, 0, 100, 100), (0, 238, 320, 40)]
)
def test_a_region_outside_the_image_is_told_with_both_sizes(roi) -> None:
    text = roi_outside(roi, (240, 320))
    assert text is not None
    assert str(list(roi)) in text
    assert "320x240" in text


@pytest.mark.parametrize("roi", [(0, 0, 0, 0), (0, 0, 320, 240), (312, 232, 8, 8), (300, 200, 400, 400)])
def test_a_region_that_shows_some_of_the_image_is_not(roi) -> None:
    assert roi_outside(roi, (240, 320)) is None
