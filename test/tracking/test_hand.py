"""The tracked hand and the states of tracking."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.tracking.hand import Hand, TrackState

MESSAGE = Path(__file__).resolve().parents[2] / "msg" / "HandPose.msg"


def test_states_have_the_numbers_of_the_message() -> None:
    constants = dict(re.findall(r"^uint8 STATE_(\w+)\s*=\s*(\d+)", MESSAGE.read_text(), re.MULTILINE))
    for state in (TrackState.TRACK, TrackState.COAST):
        assert int(constants[state.name]) == state


@pytest.mark.parametrize("log_scale", [-0.2, 0.0, 0.1])
def test_scale_is_one_for_the_template(log_scale: float) -> None:
    shape = np.array([log_scale, *np.full(8, 0.3)])
    hand = Hand(
        "left", 1, TrackState.TRACK, 0.9, np.zeros((23, 3)), np.ones(23), np.zeros(20), np.eye(3), np.zeros(3),
        np.zeros((16, 3)), np.tile(np.eye(3), (16, 1, 1)), shape,
    )  # fmt: skip
    assert hand.scale == pytest.approx(np.exp(log_scale))
