"""hands.mcap: what readers get, in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tables import frames_of

pytest.importorskip("rosbags", reason="bags are written with rosbags")

from rosbags.rosbag2 import Reader

from hand_pose_ros.recording.bag import Bag
from hand_pose_ros.recording.hands_bag import write_hands_bag
from hand_pose_ros.recording.message_contents import stamp_ns
from hand_pose_ros.tracking.hand import Hand, TrackState


def a_hand(track_id: int) -> Hand:
    joints, positions = np.full((23, 3), 0.5), np.full((16, 3), 0.5)
    rotations = np.tile(np.eye(3), (16, 1, 1))
    return Hand(
        "right", track_id, TrackState.TRACK, 0.9, joints, np.full(23, 0.8), np.zeros(20), rotations[0], positions[0],
        positions, rotations, np.zeros(9),
    )  # fmt: skip


@pytest.mark.parametrize("moved_s", [-3600.0, -3.0 / 30.0, 0.0, 3600.0])
def test_readers_get_the_frames_in_their_order_with_their_stamps(tmp_path: Path, moved_s: float) -> None:
    """A recording that loops, or whose clock was set, once: its second half has other stamps and another track."""
    frames = frames_of([[a_hand(1 + (i > 2))] for i in range(6)])
    start_ns = 1_700_000_000_000_000_000
    stamps = [start_ns + f.stamp_ns + (i > 2) * round(moved_s * 1e9) for i, f in enumerate(frames)]
    frames = [replace(frame, stamp_ns=stamp) for frame, stamp in zip(frames, stamps, strict=True)]
    model = SimpleNamespace(name="fake", sha256="f" * 64)
    write_hands_bag(tmp_path / "hands.mcap", frames, model)  # type: ignore[arg-type]
    with Bag(tmp_path / "hands.mcap") as bag:
        read = [(message.time_ns, message.read()) for message in bag.messages(("/hands",))]
        states = [message.read() for message in bag.messages(("/hand_joint_states",))]
        (info,) = bag.messages(("/hand_model_info",))
    assert [stamp_ns(message.header) for _, message in read] == stamps
    assert [stamp_ns(message.header) for message in states] == stamps
    assert [message.hands[0].track_id for _, message in read] == [1, 1, 1, 2, 2, 2]
    times = [time_ns for time_ns, _ in read]
    assert times[0] == stamps[0] == info.time_ns
    if moved_s >= 0.0:
        assert times == stamps
    else:
        assert (np.diff(times) > 0).all()


def test_stamps_before_1970_are_kept_and_their_times_are_not(tmp_path: Path) -> None:
    frames = [replace(frame, stamp_ns=frame.stamp_ns - 10**9) for frame in frames_of([[], [], []])]
    write_hands_bag(tmp_path / "hands.mcap", frames)
    with Bag(tmp_path / "hands.mcap") as bag:
        read = [(message.time_ns, stamp_ns(message.read().header)) for message in bag.messages(("/hands",))]
    assert [stamp for _, stamp in read] == [frame.stamp_ns for frame in frames]
    assert [time for time, _ in read] == [frame.stamp_ns + 10**9 for frame in frames]


def test_a_player_offers_what_the_node_offers(tmp_path: Path) -> None:
    """Who asks for a latched topic hears nothing of one that is played as not latched."""
    topics = pytest.importorskip("hand_pose_ros.nodes.topics", reason="ROS 2 is not here")
    write_hands_bag(tmp_path / "hands.mcap", frames_of([[]]))
    with Reader(tmp_path / "hands.mcap") as reader:
        offered = {c.topic: c.ext.offered_qos_profiles for c in reader.connections}
    node = {
        "/hands": topics.RELIABLE_QOS,
        "/hand_joint_states": topics.RELIABLE_QOS,
        "/hand_model_info": topics.LATCHED_QOS,
    }
    assert offered.keys() == node.keys()
    for topic, (qos,) in offered.items():
        for name in ("history", "reliability", "durability"):
            assert getattr(qos, name).name == getattr(node[topic], name).name, topic
        assert qos.depth == node[topic].depth
