"""``target_frame``: every output in that frame, by tf2; one clear error where tf2 cannot listen."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tf2_ros
from geometry_msgs.msg import TransformStamped
from rclpy.time import Time
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header
from tf2_ros import StaticTransformBroadcaster
from visualization_msgs.msg import MarkerArray

from hand_pose_ros.nodes import target_frame
from hand_pose_ros.nodes.markers import LABEL_ID
from hand_pose_ros.tracking.hand import Hand

LISTENS = hasattr(tf2_ros, "Buffer")
needs_tf2 = pytest.mark.skipif(not LISTENS, reason="this tf2_ros cannot listen: it has no Buffer")

TURN = Rotation.from_euler("xyz", [-100, 10, 25], degrees=True)
SHIFT = np.array([0.5, -0.2, 1.3])


def test_hand_seen_from_another_frame_keeps_its_size_and_comes_back(hand):
    random = np.random.default_rng(0)
    one: Hand = hand(joint_velocities=random.normal(size=(23, 3)))
    there = one.seen_from(TURN.as_matrix(), SHIFT)
    np.testing.assert_allclose(there.bone_lengths, one.bone_lengths)
    np.testing.assert_allclose(there.joints[0], there.translation)
    np.testing.assert_allclose(there.segment_positions[0], there.translation)
    back = there.seen_from(TURN.as_matrix().T, -TURN.as_matrix().T @ SHIFT)
    for name in (
        "joints",
        "rotation",
        "translation",
        "segment_positions",
        "segment_rotations",
        "joint_velocities",
    ):
        np.testing.assert_allclose(getattr(back, name), getattr(one, name), atol=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(LISTENS, reason="this tf2_ros can listen")
def test_without_a_listener_configuring_fails_with_one_clear_error(rig, fake_tracker):
    bench = rig(fake_tracker(), target_frame="base_link")
    assert bench.helper.count_publishers(bench.node.resolve_topic_name("hands")) == 0
    assert bench.spin_until(lambda: bench.received["/diagnostics"])
    message = bench.received["/diagnostics"][-1].status[0].message
    assert "target_frame" in message
    assert "tf2_ros" in message


@pytest.mark.slow
@pytest.mark.parametrize("name", ["/base_link", "base link"])
def test_name_that_tf2_cannot_take_is_refused(rig, fake_tracker, name):
    bench = rig(fake_tracker(), target_frame=name)
    assert bench.spin_until(lambda: bench.received["/diagnostics"])
    assert "target_frame" in bench.received["/diagnostics"][-1].status[0].message


def broadcast(bench, parent="base_link", child="camera"):
    stamped = TransformStamped(child_frame_id=child)
    stamped.header.frame_id = parent
    t, r = stamped.transform.translation, stamped.transform.rotation
    t.x, t.y, t.z = SHIFT
    r.x, r.y, r.z, r.w = TURN.as_quat()
    broadcaster = StaticTransformBroadcaster(bench.helper)
    broadcaster.sendTransform(stamped)
    return broadcaster


@pytest.mark.slow
@needs_tf2
def test_every_output_is_in_the_target_frame(rig, fake_tracker, hand):
    one = hand()
    bench = rig(fake_tracker((one,)), target_frame="base_link", tf_mode="full", publish_markers=True)
    bench.listen(MarkerArray, "markers")
    bench.connect()
    keep = broadcast(bench)
    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.1), bench.received["markers"])[-1])
    answer = bench.answers()[-1]
    expected = TURN.apply(one.joints) + SHIFT
    assert answer.header.frame_id == answer.hands[0].header.frame_id == "base_link"
    joints = np.array([(p.x, p.y, p.z) for p in answer.hands[0].joints])
    np.testing.assert_allclose(joints, expected, atol=1e-9)
    palm = answer.hands[0].palm
    np.testing.assert_allclose((palm.position.x, palm.position.y, palm.position.z), expected[0], atol=1e-9)
    assert bench.received["hand_joint_states"][-1].header.frame_id == "base_link"
    root = bench.received["/tf"][-1].transforms[0]
    assert root.header.frame_id == "base_link"
    markers = bench.received["markers"][-1].markers
    assert {marker.header.frame_id for marker in markers} == {"base_link"}
    label = next(marker for marker in markers if marker.id == LABEL_ID).pose.position
    up = TURN.apply([0.0, -1.0, 0.0])
    assert np.array([label.x, label.y, label.z]) @ up > (expected @ up).max()
    assert keep is not None


@pytest.mark.slow
@needs_tf2
def test_unknown_transform_is_told_counted_and_survived(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), target_frame="base_link")
    bench.connect()
    bench.send()
    assert bench.wait_for_error("base_link")
    assert not bench.answers()
    assert bench.node.statistics.figures()["dropped_no_transform"] == 1
    keep = broadcast(bench)
    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.1), bench.answers())[-1])
    assert keep is not None


@pytest.mark.slow
@needs_tf2
def test_no_hand_needs_no_transform(rig, fake_tracker):
    bench = rig(fake_tracker(), target_frame="base_link")
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    assert bench.answers()[0].header.frame_id == "base_link"


class LateBuffer:
    """tf2's buffer, whose transform comes at ``comes_s``."""

    comes_s = 0.0
    now_s = staticmethod(lambda: 0.0)

    def lookup_transform(self, target: str, source: str, stamp: Time) -> TransformStamped:
        if self.now_s() < self.comes_s:
            raise tf2_ros.TransformException("late")
        return TransformStamped()


def test_transform_that_comes_a_little_late_is_asked_for_again_within_milliseconds(monkeypatch):
    """tf2's own wait would ask once in 20 ms, which the frame's age would show."""
    monkeypatch.setattr(tf2_ros, "TransformException", LookupError, raising=False)
    monkeypatch.setattr(tf2_ros, "Buffer", LateBuffer, raising=False)
    monkeypatch.setattr(tf2_ros, "TransformListener", lambda buffer, node: None, raising=False)
    passed_s: list[float] = []
    own_time = SimpleNamespace(sleep=passed_s.append, monotonic=lambda: sum(passed_s))
    monkeypatch.setattr(target_frame, "time", own_time)
    warned: list[str] = []
    logger = SimpleNamespace(warn=lambda kind, text: warned.append(text))

    monkeypatch.setattr(LateBuffer, "comes_s", 0.013)
    monkeypatch.setattr(LateBuffer, "now_s", staticmethod(lambda: sum(passed_s)))
    found = target_frame.TargetFrame(None, "base_link", logger).placement(Header(frame_id="camera"))
    assert found is not None
    assert not warned
    assert 0.013 <= sum(passed_s) < 0.013 + 0.005

    passed_s.clear()
    monkeypatch.setattr(LateBuffer, "comes_s", 1.0)  # too late
    assert target_frame.TargetFrame(None, "base_link", logger).placement(Header(frame_id="camera")) is None
    assert "no transform from 'camera' to 'base_link': late" in warned[0]
    assert sum(passed_s) < 0.06


def test_loop_of_a_recording_is_seen_by_images_without_hands_too(monkeypatch):
    """Else tf2 keeps what is ten seconds ahead of the first hand, and takes nothing of its time."""
    buffer = SimpleNamespace(cleared=0)
    buffer.clear = lambda: setattr(buffer, "cleared", buffer.cleared + 1)
    monkeypatch.setattr(tf2_ros, "Buffer", lambda: buffer, raising=False)
    monkeypatch.setattr(tf2_ros, "TransformListener", lambda buffer, node: None, raising=False)
    frame = target_frame.TargetFrame(None, "base_link", SimpleNamespace(warn=print))
    for sec, cleared in ((10, 0), (29, 0), (3, 1), (4, 1)):
        frame.see(Header(stamp=Time(seconds=sec).to_msg()))
        assert buffer.cleared == cleared
