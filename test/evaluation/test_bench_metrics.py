"""The bench's figures on runs made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.evaluation import bench_metrics as bench_metrics
from hand_pose_ros.evaluation.bench_runs import Frame, Run, pairs
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import forward_kinematics
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import HandTruth
from hand_pose_ros.synthetic.sequences import Sequence
from hand_pose_ros.tracking.hand import Hand, TrackState

ANGLES = np.clip(np.full(20, 0.2), skeleton.ANGLE_LIMITS[:, 0], skeleton.ANGLE_LIMITS[:, 1])


def hand(shift=(0.0, 0.0, 0.0), side: str = "right", state=TrackState.TRACK, **changes) -> Hand:
    translation = np.array([0.0, 0.0, 0.5]) + shift
    shape = changes.pop("shape", np.zeros(9))
    placed = forward_kinematics(side, np.eye(3), translation, ANGLES, shape)
    values = {
        "side": side, "track_id": 1, "state": state, "confidence": 0.9, "joints": placed.joints,
        "joint_confidence": np.ones(23), "angles": ANGLES, "rotation": np.eye(3), "translation": translation,
        "segment_positions": placed.segment_positions, "segment_rotations": placed.segment_rotations, "shape": shape,
    }  # fmt: skip
    return Hand(**(values | changes))


def truth(shift=(0.0, 0.0, 0.0), side: str = "right") -> HandTruth:
    return HandTruth(side, hand(shift, side).joints, ANGLES, np.eye(3), np.zeros(9), 1.0, 1.0)


def run(frames: list[Frame]) -> Run:
    return Run("all", Sequence("made", "moving", SequenceConfig(), 1.0), frames)


def frame(index: int, truths=(), hands=(), raw=None, state=TrackState.TRACK, **times) -> Frame:
    return Frame(index / 30, tuple(truths), tuple(hands), tuple(hands if raw is None else raw), state, times)


def test_errors_and_gains_are_those_of_the_shifts():
    frames = [frame(i, [truth()], [hand((0.003, 0, 0))], [hand((0.0, 0.004, 0))]) for i in range(5)]
    figures = bench_metrics.accuracy([run(frames)])
    assert figures["refined_mm"] == pytest.approx(3.0)
    assert figures["raw_tips_mm"] == pytest.approx(4.0)
    assert figures["gain_percent"] == pytest.approx(25.0)
    assert figures["found_percent"] == 100.0
    assert figures["wrong_side_percent"] == 0.0


def test_a_hand_elsewhere_or_coasting_is_no_match():
    far = frame(0, [truth()], [hand((0.3, 0, 0))])
    coasting = frame(1, [truth()], [hand(state=TrackState.COAST)])
    assert pairs(run([far, coasting])) == []
    assert bench_metrics.accuracy([run([far, coasting])])["found_percent"] == 0.0


def test_jitter_of_a_hand_that_hops_by_two_millimetres_is_one():
    hop = [((-1) ** i * 0.001, 0.0, 0.0) for i in range(90)]
    frames = [frame(i, [truth()], [hand()], [hand(hop[i])]) for i in range(90)]
    figures = bench_metrics.stillness([run(frames)])
    assert figures["raw_jitter_mm"] == pytest.approx(1.0, rel=1e-6)
    assert figures["refined_jitter_mm"] == pytest.approx(0.0, abs=1e-9)


def test_a_motion_shown_two_frames_late_lags_by_two_frames():
    def way(index: float) -> tuple[float, float, float]:
        return (0.1 * np.sin(index / 7), 0.05 * np.cos(index / 9), 0.0)

    frames = [frame(i, [truth(way(i))], [hand(way(i - 2))], [hand(way(i))]) for i in range(90)]
    figures = bench_metrics.lag([run(frames)])
    assert figures["refined_lag_ms"] == pytest.approx(2e3 / 30, abs=1.0)
    assert figures["raw_lag_ms"] == pytest.approx(0.0, abs=1.0)


def test_angles_out_of_range_and_changed_bones_are_counted():
    wrong = hand(angles=np.full(20, 9.0))
    changed = hand(shape=np.full(9, 1e-3), shape_frozen=True)
    frames = [frame(0, hands=[hand(shape_frozen=True)]), frame(1, hands=[wrong]), frame(2, hands=[changed])]
    figures = bench_metrics.validity([run(frames)])
    assert (figures["published"], figures["out_of_range"]) == (3, 1)
    assert (figures["with_frozen_shape"], figures["bones_changed"]) == (2, 1)


def test_losing_and_finding_are_counted_in_frames():
    frames = [frame(i, [truth()], [hand()]) for i in range(5)]
    frames += [frame(i, (), [hand(state=TrackState.COAST)]) for i in (5, 6)]  # shown two frames too long
    frames += [frame(i) for i in range(7, 20)]
    frames += [frame(20, [truth()])] + [frame(i, [truth()], [hand()]) for i in range(21, 25)]
    figures = bench_metrics.presence([run(frames)])
    assert (figures["left"], figures["frames_to_lose_max"]) == (1, 2)
    assert (figures["returned"], figures["frames_to_find_max"]) == (1, 1)
    assert figures["quiet_percent"] == 100.0
    assert figures["frames_without_hand"] == 15 - bench_metrics.LOST_FRAMES


def test_a_hand_published_in_an_empty_room_is_counted():
    frames = [frame(i, (), [hand()] if i == 4 else []) for i in range(10)]
    assert bench_metrics.presence([run(frames)])["quiet_percent"] == pytest.approx(90.0)


def test_swapped_labels_are_counted_by_frame():
    both = [truth((0.15, 0, 0)), truth((-0.15, 0, 0), "left")]
    right = [hand((0.15, 0, 0)), hand((-0.15, 0, 0), "left")]
    swapped = [hand((0.15, 0, 0)), hand((-0.15, 0, 0), "right")]
    frames = [frame(i, both, swapped if i == 0 else right) for i in range(10)]
    figures = bench_metrics.labels([run(frames)])
    assert figures["both_percent"] == 100.0
    assert figures["swapped_percent"] == pytest.approx(10.0)


def test_tracked_hands_where_none_is_are_counted_by_frame_and_coasting_ones_are_not():
    there = [truth((0.15, 0, 0)), truth((-0.15, 0, 0), "left")]
    elbow = hand((-0.15, 0.3, 0))
    coasting = hand((-0.15, 0.3, 0), state=TrackState.COAST)
    frames = [
        frame(i, there, [hand((0.15, 0, 0)), *extra]) for i, extra in enumerate(([elbow], [coasting], [], []))
    ]
    assert bench_metrics.labels([run(frames)])["nowhere_percent"] == pytest.approx(25.0)


def test_held_jitter_of_a_real_hand_ignores_slow_drift():
    rng = np.random.default_rng(0)
    drift = [np.array([1e-4 * i, 0, 0]) for i in range(200)]
    seen = [(hand(d), hand(d + rng.normal(0, 0.001, 3))) for d in drift]
    figures = bench_metrics.held_jitter(seen)
    assert figures["held_frames"] == 198
    assert figures["refined_jitter_mm"] == pytest.approx(0.0, abs=1e-6)
    # The median length of a vector of three unit normal deviates is 1.538.
    assert figures["raw_jitter_mm"] == pytest.approx(1.538, rel=0.1)


def test_held_jitter_needs_a_hand_that_is_held():
    moving = [(hand((0.01 * i, 0, 0)), hand((0.01 * i, 0, 0))) for i in range(20)]
    assert bench_metrics.held_jitter(moving) == {"held_frames": 0.0}
