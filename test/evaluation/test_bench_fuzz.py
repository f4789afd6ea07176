"""Hostile frames and the check of hands: the same for the same seed, and each fault is found."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from hand_pose_ros.evaluation.bench_fuzz import CAMERA, fuzz_tracker, largest_difference_mm
from hand_pose_ros.evaluation.hostile_frames import DEPTH_KINDS, hostile_frames
from hand_pose_ros.evaluation.impossible_hands import impossible_hand
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, JOINT_COUNT, PARAMETER_COUNT

GOOD = np.full((CAMERA.height, CAMERA.width), 0.5, np.float32)


def numbers() -> dict[str, Any]:
    """Those of a possible hand half a metre away."""
    parameters = torch.zeros(PARAMETER_COUNT, dtype=torch.float64)
    parameters[2] = 0.5
    parameters[6:] = torch.as_tensor(ANGLE_LIMITS.mean(axis=1))
    joints, _, rotations = (value.numpy() for value in HandModelLayer("right").double().frames(parameters))
    return {
        "joints": joints,
        "angles": parameters[6:].numpy(),
        "rotations": rotations,
        "confidence": 0.9,
        "joint_confidence": np.full(JOINT_COUNT, 0.8),
    }


def test_a_hand_of_the_model_is_possible() -> None:
    assert impossible_hand(**numbers()) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"joints": np.full((JOINT_COUNT, 3), np.nan)}, "not finite"),
        ({"joints": numbers()["joints"] - [0.0, 0.0, 1.0]}, "behind"),
        ({"joints": numbers()["joints"] * 4.0}, "bone"),
        ({"joints": np.zeros((4, 3))}, "not a hand's"),
        ({"angles": ANGLE_LIMITS[:, 1] + 0.1}, "limits"),
        ({"rotations": numbers()["rotations"] * -1.0}, "rotation"),
        ({"confidence": 1.5}, "probability"),
    ],
)
def test_a_hand_that_can_be_none_is_named(change: dict[str, Any], why: str) -> None:
    assert why in str(impossible_hand(**(numbers() | change)))


def test_the_same_seed_gives_the_same_frames() -> None:
    one, other, another = (list(islice(hostile_frames(seed, GOOD, CAMERA), 40)) for seed in (3, 3, 4))
    assert [frame.kind for frame in one] == [frame.kind for frame in other]
    assert [frame.kind for frame in one] != [frame.kind for frame in another]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(np.asarray(a.depth), np.asarray(b.depth))
        np.testing.assert_equal((a.camera, a.stamp_s), (b.camera, b.stamp_s))


def test_every_kind_comes() -> None:
    assert {frame.kind for frame in islice(hostile_frames(0, GOOD, CAMERA), 300)} == set(DEPTH_KINDS)


def test_a_hand_that_only_one_run_has_is_an_infinite_difference() -> None:
    joints = np.zeros((JOINT_COUNT, 3))
    assert largest_difference_mm([joints, None], [joints + [0.0, 0.0, 2e-4], None]) == pytest.approx(0.2)
    assert largest_difference_mm([joints], [None]) == float("inf")


class FallingTracker:
    """Refuses one frame in three, falls over another, and sees what is no hand in the rest."""

    def __init__(self) -> None:
        self.shown = 0

    def reset(self) -> None:
        self.shown = 0

    def update(self, depth: Any, camera: Any, stamp_s: float) -> Any:
        self.shown += 1
        hand = SimpleNamespace(**numbers(), segment_rotations=numbers()["rotations"])
        if self.shown > 20:  # the good ones before are done
            if self.shown % 3 == 0:
                raise ValueError("not this one")
            if self.shown % 3 == 1:
                raise KeyError("a defect")
            hand.joints = hand.joints * 4.0
        return SimpleNamespace(hands=(hand,), raw=())


@pytest.mark.slow
def test_what_is_wrong_is_counted() -> None:
    tracker: Any = FallingTracker()
    figures = fuzz_tracker(90, 0, tracker=tracker)
    assert figures.frames == 90
    assert figures.tracebacks > 0
    assert figures.impossible > 0
    assert figures.refused > 0
    assert figures.difference_mm == 0.0
    assert len(figures.problems) == 2
    assert len(figures.notes) == 20, "ten of each kind are told"
