"""The tracked hand and the states of tracking."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hand_pose_ros.tracking.hand import Hand, TrackState

MESSAGE = Path(__file__).resolve().parents[2] / "msg" / "HandPose.msg"


def test_states_have_the_numbers_of_the_message() -> None:
    constants = dict(re.findall(r"^uint8 STATE_(\w+)\s*=\s*(\d+)", MESSAGE.read_text(), re.MULTILINE))
    for state in (TrackState.TRACK, TrackState.COAST):
        assert int(constants[state.name]) == state


def test_a_state_prints_its_name() -> None:
    assert f"{TrackState.COAST}, {str(TrackState.TRACK)}" == "COAST, TRACK"  # noqa: RUF010


def a_hand(**changes: Any) -> Hand:
    hand = Hand(
        "left", 1, TrackState.TRACK, 0.9, np.zeros((23, 3)), np.ones(23), np.zeros(20), np.eye(3), np.zeros(3),
        np.zeros((16, 3)), np.tile(np.eye(3), (16, 1, 1)), np.zeros(9),
    )  # fmt: skip
    return replace(hand, **changes)


@pytest.mark.parametrize("log_scale", [-0.2, 0.0, 0.1])
def test_scale_is_one_for_the_template(log_scale: float) -> None:
    hand = a_hand(shape=np.array([log_scale, *np.full(8, 0.3)]))
    assert hand.scale == pytest.approx(np.exp(log_scale))


@pytest.mark.parametrize("dt_s", [1e-9, 1e-4, 1e-3, 0.01, 1 / 30, 1.0])
def test_no_joint_is_faster_than_a_hand_can_be_and_slower_ones_are_as_fast_as_they_are(dt_s: float) -> None:
    """Stamps of images in a burst may be nearer to each other than the images."""
    way = np.zeros((23, 3))
    way[22] = 0.0, 0.03, 0.04
    way[3] = 0.01, 0.0, 0.0
    moved = a_hand(joints=way, angles=np.full(20, 0.1)).since(a_hand(), dt_s, 2.0)
    lasted_s = max(dt_s, 0.05 / 2.0)
    np.testing.assert_allclose(moved.joint_velocities, way / lasted_s, rtol=1e-9)
    np.testing.assert_allclose(moved.angle_velocities, 0.1 / lasted_s, rtol=1e-9)
    assert np.linalg.norm(moved.joint_velocities, axis=1).max() <= 2.0 + 1e-9
    assert not a_hand().since(a_hand(), dt_s, 2.0).joint_velocities.any()


def test_hands_are_compared_and_kept_as_objects_are() -> None:
    """Arrays have no one truth value: fields compared one by one would be an error now and then."""
    hand = a_hand()
    assert hand == hand
    assert hand != hand.copied()
    assert hand in [hand.copied(), hand]
    assert len({hand, hand.copied()}) == 2
