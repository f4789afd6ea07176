"""The estimated shape: nearer with every frame that counts, unmoved by wrong ones, final once it is frozen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand.skeleton import ANGLE_LIMITS
from hand_pose_ros.tracking.shape_estimator import ShapeConfig, ShapeEstimator, weighted_median

TRUE = np.array([0.1, -0.05, 0.03, 0.0, 0.05, -0.1, 0.02, 0.08, -0.02])
FLAT = ANGLE_LIMITS.mean(axis=1)
UPRIGHT = np.eye(3)
# Every frame counts.
EVERY = ShapeConfig(frames=20, pause_s=0.0)


def learn(estimator: ShapeEstimator, shapes: np.ndarray, confidence: float = 0.8) -> ShapeEstimator:
    for i, shape in enumerate(shapes):
        estimator = estimator.add(shape, confidence, UPRIGHT, FLAT, i / 30)
    return estimator


def noisy(count: int, seed: int = 0) -> np.ndarray:
    return TRUE + np.random.default_rng(seed).normal(0, 0.05, (count, 9))


def test_before_the_first_frame_it_is_the_template() -> None:
    estimator = ShapeEstimator()
    assert not estimator.frozen
    np.testing.assert_array_equal(estimator.shape, np.zeros(9))


def test_more_frames_come_nearer_to_the_true_shape() -> None:
    errors = [
        np.mean(
            [np.abs(learn(ShapeEstimator(EVERY), noisy(n, seed)).shape - TRUE).mean() for seed in range(20)]
        )
        for n in (1, 5, 20)
    ]
    assert errors[2] < 0.6 * errors[1] < 0.6 * errors[0]


def test_frames_that_are_wrong_altogether_do_not_move_it() -> None:
    shapes = noisy(20)
    shapes[[1, 5, 6, 12, 18]] = 0.6
    assert np.abs(learn(ShapeEstimator(EVERY), shapes).shape - TRUE).max() < 0.06


def test_once_frozen_it_never_changes() -> None:
    estimator = learn(ShapeEstimator(EVERY), noisy(20))
    assert estimator.frozen
    assert estimator.frames == 20
    later = estimator.add(np.full(9, 0.5), 1.0, UPRIGHT, FLAT, 100.0)
    assert later is estimator
    with pytest.raises(ValueError, match="read-only"):
        later.shape[0] = 1.0


def test_frames_of_an_unmoved_hand_count_only_now_and_then() -> None:
    config = ShapeConfig(frames=100, pause_s=0.25)
    estimator = learn(ShapeEstimator(config), noisy(60))  # 2 s: at 0, 0.267, 0.533 ... s
    assert estimator.frames == 8


@pytest.mark.parametrize("moved", ["palm", "finger"])
def test_frame_counts_when_the_hand_has_moved(moved: str) -> None:
    estimator = ShapeEstimator(ShapeConfig(pause_s=10.0, change_rad=0.15)).add(TRUE, 0.8, UPRIGHT, FLAT, 0.0)
    counts = []
    for turned in (0.14, 0.16):
        rotation = Rotation.from_rotvec([0, turned * (moved == "palm"), 0]).as_matrix()
        angles = FLAT + np.eye(20)[7] * turned * (moved == "finger")
        counts.append(estimator.add(TRUE, 0.8, rotation, angles, 0.03).frames)
    assert counts == [1, 2]


def test_it_is_frozen_in_time_even_when_little_was_seen() -> None:
    estimator = ShapeEstimator(ShapeConfig(longest_s=2.0)).add(TRUE, 0.8, UPRIGHT, FLAT, 5.0)
    assert not estimator.add(TRUE, 0.0, UPRIGHT, FLAT, 6.9).frozen
    late = estimator.add(TRUE, 0.0, UPRIGHT, FLAT, 7.0)
    assert late.frozen
    np.testing.assert_array_equal(late.shape, TRUE)


def test_doubtful_frames_and_impossible_hands_do_not_count() -> None:
    estimator = ShapeEstimator(EVERY)
    assert estimator.add(TRUE, EVERY.least_confidence, UPRIGHT, FLAT, 0.0) is estimator
    assert estimator.add(np.full(9, 0.8), 0.9, UPRIGHT, FLAT, 0.0) is estimator


def test_a_known_shape_is_frozen_from_the_start() -> None:
    estimator = ShapeEstimator.known(TRUE)
    assert estimator.frozen
    np.testing.assert_array_equal(estimator.add(np.zeros(9), 1.0, UPRIGHT, FLAT, 0.0).shape, TRUE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": np.zeros(8)}, "shape"),
        ({"shape": np.full(9, np.nan)}, "shape"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": np.nan}, "confidence"),
        ({"rotation": np.zeros(3)}, "rotation"),
        ({"angles": np.full(20, np.inf)}, "angles"),
        ({"stamp_s": -1.0}, "stamp"),
    ],
)
def test_bad_frame_is_named(change: dict, message: str) -> None:
    frame = {"shape": TRUE, "confidence": 0.8, "rotation": UPRIGHT, "angles": FLAT, "stamp_s": 0.0}
    estimator = ShapeEstimator().add(**frame)
    with pytest.raises(ValueError, match=message):
        estimator.add(**{**frame, **change})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frames", 0),
        ("longest_s", -1.0),
        ("least_confidence", 1.0),
        ("change_rad", np.nan),
        ("pause_s", np.inf),
    ],
)
def test_config_names_a_field_that_makes_no_sense(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        ShapeConfig(**{field: value})


def test_weighted_median_by_hand() -> None:
    values = np.array([[3.0, 0.0], [1.0, 5.0], [2.0, 9.0]])
    # Half the weight is 2.5: of 1, 2, 3 with weights 1, 3, 1 that is reached at 2; of 0, 5, 9 with 1, 1, 3 at 9.
    np.testing.assert_array_equal(weighted_median(values, np.array([1.0, 1.0, 3.0])), [2.0, 9.0])
