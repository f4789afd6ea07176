"""The refinement against another one: sameness is measured, and what is not the same is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hand_pose_ros.evaluation.refinement_parity import MOST_JOINT_MM, compare_refiners, refine_requests
from hand_pose_ros.refine.refiner import Refiner
from hand_pose_ros.resources import model_file


class Shifted(Refiner):
    """Moves every hand by ten micrometres and more."""

    def refine_all(self, requests):
        hands = super().refine_all(requests)
        return [replace(hand, joints=hand.joints + np.array([5e-5, 0.0, 0.0])) for hand in hands]


@pytest.mark.slow
def test_what_moves_hands_is_named_and_what_does_not_is_not():
    requests = refine_requests(model_file(None), 6)
    assert len(requests) >= 6
    assert any(request.previous is not None for request in requests)
    same = compare_refiners(Refiner(), Refiner(), requests)
    assert same.problem == ""
    assert same.joint_mm == (0.0, 0.0, 0.0)
    assert same.hands == len(requests)
    assert set(same.milliseconds) == {1, 2}
    moved = compare_refiners(Refiner(), Shifted(), requests)
    assert moved.joint_mm[0] == pytest.approx(0.05)
    assert f"want at most {MOST_JOINT_MM}" in moved.problem


def test_one_hand_is_too_few():
    with pytest.raises(ValueError, match="0 hands were refined"):
        compare_refiners(Refiner(), Refiner(), [])
