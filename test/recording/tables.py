"""Tables of replays for tests, without a tracker."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np

from hand_pose_ros.recording.hand_table import HandTable, hand_table
from hand_pose_ros.recording.recorded_frame import TrueHand
from hand_pose_ros.recording.tracked_frame import TrackedFrame
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.tracking.track_result import TrackResult


def found(joints: np.ndarray, side: str = "right", track_id: int = 1, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "side": side, "track_id": track_id, "state": TrackState.TRACK, "confidence": 0.9, "joints": joints,
        "joint_confidence": np.ones(23), "joint_velocities": np.zeros((23, 3)), "angles": np.zeros(20),
        "angle_velocities": np.zeros(20), "translation": joints[0], "rotation": np.eye(3), "shape": np.zeros(9),
        "shape_frozen": False,
    }  # fmt: skip
    return SimpleNamespace(**(fields | changes))


def frames_of(hands: list[list[Any]], rate_hz: float = 30.0) -> list[TrackedFrame]:
    """Successive frames with these hands."""
    results = [TrackResult(tuple(h), TrackState.TRACK if h else TrackState.SEARCH, {}) for h in hands]
    return [
        TrackedFrame(i, f"{i}.png", round(i * 1e9 / rate_hz), "camera", result, 5.0)
        for i, result in enumerate(results)
    ]


def moving_table(count: int = 60, delay_s: float = 0.0, noise_m: float = 0.0, seed: int = 0) -> HandTable:
    """A right hand that swings to and fro, ``delay_s`` late."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(0).normal([0, 0, 0.5], 0.03, (23, 3))
    hands = []
    for index in range(count):
        shift = [
            0.1 * np.sin(4.0 * (index / 30.0 - delay_s)),
            0.05 * np.cos(3.0 * (index / 30.0 - delay_s)),
            0.0,
        ]
        hands.append([found(base + shift + rng.normal(0, noise_m, (23, 3)) if noise_m else base + shift)])
    return hand_table(frames_of(hands))


def with_truth(table: HandTable, truth: dict[int, list[TrueHand]]) -> HandTable:
    rows = [(row, hand) for row, stamp in enumerate(table.stamp_ns) for hand in truth.get(int(stamp), [])]
    return dataclasses.replace(
        table,
        truth_row=np.array([row for row, _ in rows], np.int64),
        truth_side=np.array([hand.side == "left" for _, hand in rows], np.uint8),
        truth_joints=np.array([hand.joints for _, hand in rows]).reshape(-1, 23, 3),
    )
