"""Crops of one group are that many and more, in the range of crops, and the same seed gives the same log odds."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.resources import model_file

# The renderer is compiled anew in every process.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measure_lookalikes(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("tools/measure_lookalikes.py")


def test_log_odds_of_a_group_are_those_of_its_seed(measure_lookalikes):
    net = load_model(model_file("small"))
    odds, crops = measure_lookalikes.group_log_odds(net, "tubes", 100, 3)
    again, _ = measure_lookalikes.group_log_odds(net, "tubes", 100, 3)
    other, _ = measure_lookalikes.group_log_odds(net, "tubes", 100, 4)
    assert len(odds) == len(crops) >= 100
    assert np.abs(crops).max() <= 1.0
    assert (odds == again).all()
    assert (odds != other).any()
    assert (odds > 0).mean() < 0.5
