"""Two hands at once on every topic of the node, and the network's own hands beside the refined ones."""

from __future__ import annotations

import numpy as np
import pytest
from visualization_msgs.msg import Marker, MarkerArray

from hand_pose_ros.hand.skeleton import ANGLE_COUNT, ANGLE_NAMES
from hand_pose_ros.msg import HandGesture, HandJoints, HandPose, HandPoseArray
from hand_pose_ros.nodes.hand_frames import FRAME_NAMES


def pair(hand):
    right = hand("right", z=0.5, track_id=4, angles=np.full(ANGLE_COUNT, 0.1))
    left = hand("left", z=0.8, track_id=6, angles=np.full(ANGLE_COUNT, 0.2))
    return right, left


def answer_to_one_frame(bench):
    """What ``hands`` says to a frame that is sent now."""
    count = len(bench.answers())
    bench.send()
    assert bench.wait_for_answers(count + 1)
    return bench.answers()[-1]


@pytest.mark.slow
def test_both_hands_are_in_every_output(rig, fake_tracker, hand):
    right, left = pair(hand)
    bench = rig(fake_tracker((right, left)), tf_mode="full", hands=2)
    bench.connect()
    answer = answer_to_one_frame(bench)
    sides = [(pose.side, pose.track_id) for pose in answer.hands]
    assert sides == [(HandPose.SIDE_RIGHT, 4), (HandPose.SIDE_LEFT, 6)]
    for pose, sent in zip(answer.hands, (right, left), strict=True):
        np.testing.assert_allclose([(p.x, p.y, p.z) for p in pose.joints], sent.joints)
    assert bench.spin_until(lambda: bench.received["hand_joint_states"] and bench.received["/tf"])
    state = bench.received["hand_joint_states"][-1]
    angles = dict(zip(state.name, state.position, strict=True))
    assert angles == {f"right_{name}": 0.1 for name in ANGLE_NAMES} | {
        f"left_{name}": 0.2 for name in ANGLE_NAMES
    }
    frames = [stamped.child_frame_id for stamped in bench.received["/tf"][-1].transforms]
    assert sorted(frames) == sorted(
        f"{side}_hand/{name}" for side in ("right", "left") for name in FRAME_NAMES
    )


@pytest.mark.slow
def test_second_hand_of_a_side_does_not_disturb_the_names_of_the_first(rig, fake_tracker, hand):
    """Two people's right hands: both are published, the names stay with the one that was there before."""
    older, newer = hand(track_id=1, z=0.5), hand(track_id=2, z=0.8)
    bench = rig(fake_tracker((newer, older)), hands=2)
    by_name = {
        "hand_gestures": HandGesture,
        "hand_joints/mediapipe21": HandJoints,
        "hand_joints/openxr26": HandJoints,
    }
    for topic, kind in by_name.items():
        bench.listen(kind, topic)
    bench.connect()
    for topic in by_name:
        assert bench.spin_until(lambda topic=topic: bench.helper.count_publishers(topic) > 0)
    assert len(answer_to_one_frame(bench).hands) == 2
    assert bench.spin_until(lambda: bench.received["hand_joint_states"] and bench.received["/tf"])
    assert len(bench.received["hand_joint_states"][-1].name) == ANGLE_COUNT
    (palm,) = bench.received["/tf"][-1].transforms
    assert abs(palm.transform.translation.z - older.translation[2]) < 1e-9
    for topic in by_name:
        assert bench.spin_until(lambda topic=topic: (bench.send(), len(bench.received[topic]) > 3)[-1])
        assert {message.track_id for message in bench.received[topic]} == {1}, topic


@pytest.mark.slow
def test_hand_that_leaves_takes_its_markers_along_and_the_other_keeps_everything(rig, fake_tracker, hand):
    right, left = pair(hand)
    tracker = fake_tracker((right, left))
    bench = rig(tracker, hands=2)
    bench.listen(MarkerArray, "markers")
    bench.connect()
    topic = bench.node.resolve_topic_name("markers")
    assert bench.spin_until(lambda: bench.node.count_subscribers(topic) > 0)
    received = bench.received["markers"]

    def markers(action) -> set[tuple[str, int]]:
        return {(m.ns, m.id) for m in received[-1].markers if m.action == action}

    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.1), len(received) > 0)[-1])
    both = markers(Marker.ADD)
    assert {namespace for namespace, _ in both} == {"right_hand", "left_hand"}
    tracker.hands = (left,)
    count = len(received)
    assert [pose.track_id for pose in answer_to_one_frame(bench).hands] == [6]
    assert bench.spin_until(lambda: len(received) > count)
    assert markers(Marker.ADD) == {key for key in both if key[0] == "left_hand"}
    assert markers(Marker.DELETE) == {key for key in both if key[0] == "right_hand"}
    assert bench.spin_until(
        lambda: (
            [name for name in bench.received["hand_joint_states"][-1].name if name.startswith("right")] == []
        )
    )


@pytest.mark.slow
def test_raw_hands_are_published_on_request_one_for_one(rig, fake_tracker, hand):
    """An impossible hand is left out of both; the rest keeps its stamp, its ids and its order."""
    right, left = pair(hand)
    tracker = fake_tracker((right, left, hand(track_id=8, z=-1.0)))
    tracker.raw = (hand("right", z=0.52, track_id=4), hand("left", z=0.79, track_id=6), hand(track_id=8))
    bench = rig(tracker, hands=2, publish_raw=True)
    bench.listen(HandPoseArray, "hands_raw")
    raw = bench.received["hands_raw"]
    bench.connect()
    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.1), len(raw) > 0)[-1])
    refined = {(a.header.stamp.sec, a.header.stamp.nanosec): a for a in bench.answers()}
    for message in raw:
        answer = refined[message.header.stamp.sec, message.header.stamp.nanosec]
        assert (message.header, message.state) == (answer.header, answer.state)
        assert [pose.track_id for pose in message.hands] == [pose.track_id for pose in answer.hands] == [4, 6]
        np.testing.assert_allclose([p.z for p in message.hands[0].joints], tracker.raw[0].joints[:, 2])


@pytest.mark.slow
def test_raw_hands_are_silent_unless_asked_for(rig, fake_tracker, hand):
    tracker = fake_tracker((hand(),))
    tracker.raw = (hand(z=0.52),)
    bench = rig(tracker)
    bench.listen(HandPoseArray, "hands_raw")
    bench.connect()
    topic = bench.node.resolve_topic_name("hands_raw")
    assert bench.spin_until(lambda: bench.node.count_subscribers(topic) > 0)
    for _ in range(3):
        answer_to_one_frame(bench)
        bench.spin_for(0.1)
    assert bench.received["hands_raw"] == []
