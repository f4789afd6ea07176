"""A senseless configuration of the fitting is refused, by name."""

from __future__ import annotations

import pytest

from hand_pose_ros.hand.fit_config import FitConfig


@pytest.mark.parametrize(
    "change, message",
    [
        ({"side": "both"}, "side"),
        ({"shape": "none"}, "shape"),
        ({"geometry": "fixed"}, "geometry"),
        ({"geometry": "offsets"}, "offsets"),
        ({"particles": 1}, "particles"),
        ({"iterations": 0}, "iterations"),
        ({"seed": -1}, "seed"),
        ({"threads": 0}, "threads"),
    ],
)
def test_a_senseless_configuration_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        FitConfig(**change)
