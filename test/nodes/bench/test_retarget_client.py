"""What the bench of hand_retarget over DDS measures."""

from __future__ import annotations

import numpy as np

from hand_pose_ros.nodes.bench.retarget_client import latencies_ms


def test_latency_ends_when_the_first_command_sent_after_the_hands_has_arrived():
    hands = [0, 33_000_000, 66_000_000]
    sent = [-1_000_000, 2_000_000, 12_000_000, 34_000_000]
    received = [
        500_000,
        2_300_000,
        12_200_000,
        34_500_000,
    ]  # the first came after the hands, but is not for them
    assert np.allclose(latencies_ms(hands, sent, received), [2.3, 1.5])


def test_without_commands_there_is_no_latency():
    assert len(latencies_ms([1, 2], [], [])) == 0
