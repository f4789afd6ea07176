"""Names of frames: what tf2 cannot take is told, not sent; two trackers do not clash; hidden hands are left out."""

from __future__ import annotations

import numpy as np
import pytest
from visualization_msgs.msg import MarkerArray

from hand_pose_ros.hand.joint_sets import convert_joints, operator_points
from hand_pose_ros.hand.skeleton import ANGLE_COUNT
from hand_pose_ros.nodes.hand_frames import (
    FRAME_NAMES,
    FRAME_PARENTS,
    frame_error,
    frames_in_parents,
    resolved_prefix,
)
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.validation import frame_prefix_error


def test_every_frame_has_a_parent_before_it_and_a_name_of_its_own():
    assert len(set(FRAME_NAMES)) == len(FRAME_NAMES) == len(FRAME_PARENTS) == 23
    assert all(parent < index for index, parent in enumerate(FRAME_PARENTS))
    assert {"wrist", "thumb_tip", "pinky_tip", "operator"} <= set(FRAME_NAMES)


@pytest.mark.parametrize("side", ["right", "left"])
def test_operators_frame_is_that_of_the_operators_points(hand, side):
    seen = hand(side=side)
    places = []
    for parent, rotation, position in zip(FRAME_PARENTS, *frames_in_parents(seen), strict=True):
        place = np.eye(4)
        place[:3, :3], place[:3, 3] = rotation, position
        places.append(place if parent < 0 else places[parent] @ place)
    operator = places[FRAME_NAMES.index("operator")]
    points = operator_points(seen.joints, seen.rotation) @ operator[:3, :3].T + operator[:3, 3]
    assert np.allclose(points, convert_joints(seen.joints, "mediapipe21"), atol=1e-9)


@pytest.mark.parametrize(
    "given, namespace, prefix",
    [
        ("auto", "/", ""), ("auto", "/robot", "robot/"), ("auto", "/robot/left", "robot/left/"), ("", "/robot", ""),
        ("cam2_", "/robot", "cam2_"), ("cam2_", "/", "cam2_"),
    ],
)  # fmt: skip
def test_prefix_is_the_namespace_unless_one_is_given(given, namespace, prefix):
    assert resolved_prefix(given, namespace) == prefix
    assert frame_prefix_error(resolved_prefix(given, namespace)) is None


@pytest.mark.parametrize("frame_id", ["", "/", " ", "/  ", "right_hand/palm", "/left_hand/wrist"])
def test_frame_that_no_transform_can_hang_on_is_an_error(frame_id):
    assert "frame_id" in frame_error(frame_id, "")
    assert frame_error("camera", "") is None
    assert frame_error("right_hand/palm", "cam2/") is None


def send_frames(bench, count=4, frame_id=None):
    answers = len(bench.answers())
    for _ in range(count):
        header = bench.header()
        if frame_id is not None:
            header.frame_id = frame_id
        bench.info.publish(bench.info_message(header))
        bench.image.publish(bench.image_message(header))
        bench.spin_for(0.1)
    assert bench.spin_until(lambda: len(bench.answers()) > answers)


@pytest.mark.slow
def test_image_without_a_frame_is_told_and_sends_no_transform(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), tf_mode="full")
    bench.connect()
    send_frames(bench, frame_id="")
    assert not bench.received["/tf"]
    assert "no frame_id" in bench.last_error()
    assert len(bench.answers()[-1].hands) == 1
    send_frames(bench, frame_id="camera")
    assert bench.spin_until(lambda: bench.received["/tf"])


@pytest.mark.slow
def test_leading_slash_of_a_driver_of_old_does_not_reach_tf2(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), tf_mode="full")
    bench.listen(MarkerArray, "markers")
    bench.connect()
    send_frames(bench, frame_id="/camera")
    assert bench.spin_until(lambda: bench.received["/tf"] and bench.received["markers"])
    assert bench.received["/tf"][-1].transforms[0].header.frame_id == "camera"
    assert {answer.header.frame_id for answer in bench.answers()} == {"camera"}
    assert {each.header.frame_id for each in bench.answers()[-1].hands} == {"camera"}
    assert {each.header.frame_id for each in bench.received["markers"][-1].markers} == {"camera"}


@pytest.mark.slow
def test_driver_that_writes_its_frame_in_two_ways_has_one(rig, fake_tracker, hand):
    tracker = fake_tracker((hand(),))
    bench = rig(tracker)
    bench.connect()
    resets = tracker.resets
    for frame_id in ("camera", "/camera", "camera", "//camera"):
        send_frames(bench, count=1, frame_id=frame_id)
    assert tracker.resets == resets
    assert {answer.header.frame_id for answer in bench.answers()} == {"camera"}


@pytest.mark.slow
def test_hand_in_its_own_frame_is_told(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), tf_mode="root")
    bench.connect()
    send_frames(bench, frame_id="right_hand/palm")
    assert not bench.received["/tf"]
    assert "frame_prefix" in bench.last_error()


@pytest.mark.slow
def test_tracker_in_a_namespace_has_frames_of_its_own(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), namespace="/robot/left", tf_mode="full")
    bench.connect()
    send_frames(bench)
    assert bench.spin_until(lambda: bench.received["/tf"])
    frames = bench.received["/tf"][-1].transforms
    assert {frame.child_frame_id for frame in frames} == {
        f"robot/left/right_hand/{name}" for name in FRAME_NAMES
    }
    assert frames[0].header.frame_id == "camera"


@pytest.mark.slow
@pytest.mark.parametrize("publish_coast", [False, True])
def test_hidden_hand_is_left_out_of_joint_states_and_transforms_unless_asked_for(
    rig, fake_tracker, hand, publish_coast
):
    coasting = hand("right", state=TrackState.COAST, track_id=1)
    seen = hand("left", track_id=2, angles=np.full(ANGLE_COUNT, 0.1))
    bench = rig(fake_tracker((coasting, seen)), hands=2, publish_coast=publish_coast)
    bench.connect()
    send_frames(bench)
    assert len(bench.answers()[-1].hands) == 2
    assert bench.spin_until(lambda: bench.received["hand_joint_states"] and bench.received["/tf"])
    sides = {"right", "left"} if publish_coast else {"left"}
    assert {name.split("_")[0] for name in bench.received["hand_joint_states"][-1].name} == sides
    assert {f.child_frame_id.split("_")[0] for f in bench.received["/tf"][-1].transforms} == sides


@pytest.mark.slow
def test_names_of_a_side_do_not_go_to_another_hand_while_their_own_is_hidden(rig, fake_tracker, hand):
    """Two people's right hands."""
    hidden, seen = hand(track_id=1, state=TrackState.COAST), hand(track_id=2, z=0.8)
    bench = rig(fake_tracker((hidden, seen)), hands=2)
    bench.connect()
    send_frames(bench)
    assert not bench.received["hand_joint_states"]
    assert not bench.received["/tf"]


@pytest.mark.slow
def test_hand_alone_that_is_hidden_gives_no_joint_state(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(state=TrackState.COAST),)))
    bench.connect()
    send_frames(bench)
    assert not bench.received["hand_joint_states"]
    assert not bench.received["/tf"]
