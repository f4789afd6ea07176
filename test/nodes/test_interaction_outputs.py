"""Other parties' joints, gestures, palm commands and descriptions, as they come out of the node."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.parameter import Parameter as RosParameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Bool, Header, String
from std_srvs.srv import SetBool

from hand_pose_ros.hand.joint_sets import JOINT_SETS, operator_points
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, FINGER_ANGLE_TABLE, SHAPE_COUNT
from hand_pose_ros.msg import HandGesture, HandJoints, HandPose
from hand_pose_ros.nodes import interaction_outputs
from hand_pose_ros.nodes.conversions import SIDES
from hand_pose_ros.retarget.gestures import GestureEvent
from hand_pose_ros.retarget.named_joints import Validity
from hand_pose_ros.retarget.urdf import urdf_text
from hand_pose_ros.tracking.hand import TrackState

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
FIST = np.zeros(ANGLE_COUNT)
FIST[FINGER_ANGLE_TABLE[1:, 1:]] = (1.3, 1.6, 0.8)


def flags_of(message: type, kind: type) -> dict[str, int]:
    return {name: int(getattr(message, name)) for name in kind.__members__}


def test_numbers_of_events_and_flags_are_the_messages():
    assert flags_of(HandGesture, GestureEvent) == {event.name: event.value for event in GestureEvent}
    assert flags_of(HandJoints, Validity) == {flag.name: flag.value for flag in Validity}


def send(bench, count=1):
    """Until so many more frames are answered; on a busy machine some are dropped for their age."""
    wanted = len(bench.answers()) + count
    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.06), len(bench.answers()) >= wanted)[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(JOINT_SETS))
def test_joint_sets_come_while_somebody_listens(rig, fake_tracker, hand, name, monkeypatch):
    made = []
    convert = interaction_outputs.named_joints
    monkeypatch.setattr(interaction_outputs, "named_joints", lambda *given: made.append(1) or convert(*given))
    one = hand("left")
    bench = rig(fake_tracker((one,)), joint_sets=[name], frame_prefix="cam/")
    bench.connect()
    send(bench)
    assert not made
    bench.listen(HandJoints, f"hand_joints/{name}")
    received = bench.received[f"hand_joints/{name}"]
    assert bench.spin_until(lambda: (send(bench), bool(received))[-1])
    message = received[-1]
    assert (message.set_name, message.side, message.track_id) == (name, HandPose.SIDE_LEFT, 7)
    assert tuple(message.names) == JOINT_SETS[name].names
    lengths = {len(getattr(message, f)) for f in ("positions", "orientations", "radii", "validity")}
    assert lengths == {len(message.names)}
    positions = np.array([(p.x, p.y, p.z) for p in message.positions])
    if name == "mediapipe21":
        assert message.header.frame_id == "cam/left_hand/operator"
        assert np.allclose(positions, operator_points(one.joints, one.rotation))
    else:
        assert message.header.frame_id == "camera"
        assert np.allclose(positions, JOINT_SETS[name].matrix @ one.joints)
    assert message.header.stamp in [answer.header.stamp for answer in bench.answers()]


@pytest.mark.slow
@pytest.mark.parametrize("given, sets", [("openxr26", {"openxr26"}), ("icvl16, nyu14", {"icvl16", "nyu14"}),
                                         ([""], set()), ("", set())])  # fmt: skip
def test_sets_are_named_in_a_list_or_in_one_text(rig, fake_tracker, given, sets):
    bench = rig(fake_tracker(), joint_sets=given)

    def published():
        names = [topic for topic, _ in bench.node.get_topic_names_and_types() if "/hand_joints/" in topic]
        return {name.rpartition("/")[2] for name in names}

    assert bench.node._configure_error is None
    assert published() == sets


@pytest.mark.parametrize("given", [["hands19"], "hands19", ["mediapipe21", "x"], 3])
def test_set_that_is_not_there_is_named_with_those_that_are(rig, fake_tracker, given):
    bench = rig(fake_tracker(), joint_sets=given)
    assert "parameter 'joint_sets' is" in bench.node._configure_error
    assert "openxr26" in bench.node._configure_error


@pytest.mark.slow
def test_gesture_begins_is_held_and_ends_with_its_hand(rig, fake_tracker, hand):
    tracker = fake_tracker((hand(angles=np.zeros(ANGLE_COUNT)),))
    bench = rig(tracker)
    bench.listen(HandGesture, "hand_gestures")
    gestures = bench.received["hand_gestures"]
    bench.connect()
    assert bench.spin_until(lambda: (send(bench), bool(gestures))[-1])
    assert (gestures[-1].grasping, gestures[-1].grasp_strength, list(gestures[-1].events)) == (False, 0.0, [])
    assert gestures[-1].thumb_tip_distances[0] > 0.05
    tracker.hands = (hand(angles=FIST),)
    assert bench.spin_until(lambda: (send(bench), gestures[-1].grasping)[-1])
    begun = [list(message.events) for message in gestures if message.events]
    assert begun == [[HandGesture.GRASP_BEGIN]]
    tracker.hands = (hand(angles=FIST, state=TrackState.COAST),)
    send(bench, 3)
    assert gestures[-1].grasping
    tracker.hands = ()
    assert bench.spin_until(lambda: (send(bench), bool(gestures[-1].events))[-1])
    last = gestures[-1]
    assert list(last.events) == [HandGesture.GRASP_END]
    assert (last.grasping, last.confidence, last.track_id) == (False, 0.0, 7)
    count = len(gestures)
    send(bench, 3)
    assert len(gestures) == count


@pytest.mark.slow
def test_what_is_held_ends_when_the_node_is_deactivated(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(angles=FIST),)))
    bench.listen(HandGesture, "hand_gestures")
    gestures = bench.received["hand_gestures"]
    bench.connect()
    assert bench.spin_until(lambda: (send(bench), bool(gestures) and gestures[-1].grasping)[-1])
    bench.node.trigger_deactivate()
    assert bench.spin_until(lambda: list(gestures[-1].events) == [HandGesture.GRASP_END])


@pytest.mark.parametrize(
    "after",
    [("right", 8), ("left", 7), ("left", 8)],
    ids=["another track", "another side", "another track and side"],
)
def test_of_each_side_what_is_held_ends_before_it_begins_again(hand, after):
    messages = []
    publisher = SimpleNamespace(publish=messages.append, get_subscription_count=lambda: 1)
    parameters = {"joint_sets": [], "palm_scale": 1.0, "palm_twist_hz": 4.0, "palm_clutch": "manual"}
    node = SimpleNamespace(get_namespace=lambda: "/")
    outputs = interaction_outputs.InteractionOutputs(
        node, {**parameters, "frame_prefix": ""}, lambda *_: publisher
    )
    for side, track_id in (("right", 7), ("right", 7), after, after, ("right", 7)):
        outputs.publish([hand(side, angles=FIST, track_id=track_id)], Header(frame_id="camera"))
    outputs.publish([], Header(frame_id="camera"))
    gestures = [message for message in messages if isinstance(message, HandGesture)]
    begins, ends = [HandGesture.GRASP_BEGIN], [HandGesture.GRASP_END]
    told = [(message.side, message.track_id, list(message.events)) for message in gestures if message.events]
    right, other = (HandPose.SIDE_RIGHT, 7), (SIDES[after[0]], after[1])
    assert told == [(*who, what) for who in (right, other, right) for what in (begins, ends)]
    assert [message.grasping for message in gestures if message.events] == [True, False] * 3


def test_arm_is_told_to_stop_where_the_frame_changes(hand):
    told = []
    node = SimpleNamespace(get_namespace=lambda: "/")
    parameters = {"joint_sets": [], "palm_scale": 1.0, "palm_twist_hz": 0.0, "palm_clutch": "manual"}
    outputs = interaction_outputs.InteractionOutputs(
        node, {**parameters, "frame_prefix": ""},
        lambda kind, endpoint: SimpleNamespace(
            publish=lambda message: told.append((endpoint.topic, message)), get_subscription_count=lambda: 0
        ),
    )  # fmt: skip

    def see(step: int, frame: str) -> None:
        header = Header(frame_id=frame)
        header.stamp.nanosec = 33_000_000 * step
        outputs.publish([moved(hand(), 0.01 * step, 0.0, 0.0)], header)

    see(0, "camera")
    assert outputs.engage_palm(True)[0]
    for step in (1, 2, 3):
        see(step, "camera")
    see(4, "other")
    twists = [message for topic, message in told if topic == "right_hand/palm_twist"]
    assert twists[-2].twist.linear.x > 0.1
    assert twists[-1].twist.linear.x == 0.0
    assert twists[-1].header.frame_id == "camera"
    assert [message.data for topic, message in told if topic == "right_hand/palm_engaged"] == [
        False,
        True,
        False,
    ]


class Arm:
    """Outputs without a node, and what an arm hears; ``see`` a palm that far along x, image by image."""

    def __init__(self, hand, clutch="manual", before=None, scale=1.0) -> None:
        self.hand = hand
        self.told: list = []
        self.parameters = {"joint_sets": [], "palm_scale": scale, "palm_twist_hz": 0.0, "palm_clutch": clutch,
                           "frame_prefix": ""}  # fmt: skip
        self.outputs = interaction_outputs.InteractionOutputs(
            SimpleNamespace(get_namespace=lambda: "/"), self.parameters,
            lambda kind, endpoint: SimpleNamespace(
                publish=lambda message: self.told.append((endpoint.topic, message)),
                get_subscription_count=lambda: 0,
            ), before,
        )  # fmt: skip
        self.step = 0

    def see(self, way: float, frame: str = "camera", **changes) -> None:
        self.step += 1
        header = Header(frame_id=frame)
        header.stamp.nanosec = 33_000_000 * self.step
        self.outputs.publish([moved(self.hand(**changes), way, 0.0, 0.0)], header)

    def heard(self, name: str) -> list:
        return [message for topic, message in self.told if topic == f"right_hand/{name}"]

    @property
    def engaged(self) -> bool:
        return bool(self.heard("palm_engaged")[-1].data)

    @property
    def place(self) -> float:
        return float(self.heard("palm_pose")[-1].pose.position.x)


@pytest.mark.parametrize("wanted", [True, False])
def test_service_has_the_last_word_where_no_image_came_since_the_clutch_was_set(hand, wanted):
    arm = Arm(hand, "always" if wanted else "manual")
    arm.see(0.0)
    arm.parameters["palm_clutch"] = "manual" if wanted else "always"
    assert arm.outputs.engage_palm(wanted)[0]
    for step in range(1, 4):
        arm.see(0.01 * step)
        assert arm.engaged is wanted


@pytest.mark.parametrize("frame", ["camera", "other"])
def test_arm_goes_on_from_where_it_was_sent_by_outputs_before(hand, frame):
    """As its parameters can only change between two of them."""
    arm = Arm(hand)
    arm.see(0.0)
    arm.outputs.engage_palm(True)
    for way in (0.0, 0.05, 0.1):
        arm.see(way)
    arm.outputs.stop()
    last = arm.place
    again = Arm(hand, before=arm.outputs.palms, scale=2.0)
    again = Arm(hand, before=again.outputs.palms, scale=2.0)  # it was not configured, say
    again.see(0.3, frame)
    assert not again.engaged
    assert again.outputs.engage_palm(True)[0]
    again.see(0.3, frame)
    assert again.engaged
    assert again.place == pytest.approx(last if frame == "camera" else hand().translation[0] + 0.3)
    again.see(0.31, frame)
    assert again.place == pytest.approx(last + 0.02 if frame == "camera" else hand().translation[0] + 0.32)


def engage(bench, wanted: bool, frames=True):
    """Frames go on meanwhile, as a camera's do: without them nobody sees the hand."""
    client = bench.helper.create_client(SetBool, "hand_tracker/engage_palm")

    def go_on() -> None:
        if frames:
            bench.send()
            bench.spin_for(0.06)

    assert bench.spin_until(lambda: (go_on(), client.service_is_ready())[-1])
    future = client.call_async(SetBool.Request(data=wanted))
    assert bench.spin_until(lambda: (go_on(), future.done())[-1])
    return future.result()


@pytest.fixture
def palm_bench(rig, fake_tracker, hand):
    tracker = fake_tracker((hand(),))
    bench = rig(tracker, palm_scale=2.0)
    bench.listen(PoseStamped, "right_hand/palm_pose")
    bench.listen(TwistStamped, "right_hand/palm_twist")
    bench.listen(Bool, "right_hand/palm_engaged", LATCHED)
    bench.connect()
    return bench, tracker


def moved(hand, *way):
    return replace(hand, translation=hand.translation + way, joints=hand.joints + np.array(way))


@pytest.mark.slow
def test_palm_is_followed_from_engaging_on_until_the_hand_is_lost(palm_bench, hand):
    bench, tracker = palm_bench
    poses, twists, told = (bench.received[f"right_hand/palm_{n}"] for n in ("pose", "twist", "engaged"))
    send(bench, 3)
    assert not poses
    assert bench.spin_until(lambda: bool(told) and not told[-1].data)
    answer = engage(bench, True)
    assert answer.success
    assert "right" in answer.message
    assert bench.spin_until(lambda: (send(bench), bool(poses) and told[-1].data)[-1])
    one = hand()
    assert np.allclose([poses[-1].pose.position.x, poses[-1].pose.position.z], one.translation[[0, 2]])
    assert poses[-1].header.frame_id == twists[-1].header.frame_id == "camera"
    tracker.hands = (moved(one, 0.02, 0.0, 0.0),)
    wanted = one.translation[0] + 2.0 * 0.02
    assert bench.spin_until(lambda: (send(bench), abs(poses[-1].pose.position.x - wanted) < 1e-9)[-1])
    assert any(twist.twist.linear.x > 0.01 for twist in twists)
    tracker.hands = ()
    assert bench.spin_until(lambda: (send(bench), not told[-1].data)[-1])
    assert twists[-1].twist.linear.x == 0.0
    assert poses[-1].pose.position.x == pytest.approx(wanted)
    tracker.hands = (moved(one, -0.1, 0.0, 0.0),)
    send(bench, 3)
    assert not told[-1].data
    assert poses[-1].pose.position.x == pytest.approx(wanted)


@pytest.mark.slow
def test_clutch_that_nobody_can_engage_says_so(palm_bench):
    bench, tracker = palm_bench
    tracker.hands = ()
    send(bench, 2)
    answer = engage(bench, True)
    assert not answer.success
    assert "no hand is seen" in answer.message
    assert engage(bench, False).success
    bench.node.trigger_deactivate()
    assert not engage(bench, True).success


@pytest.mark.slow
def test_clutch_that_is_always_engaged_needs_no_service(palm_bench):
    bench, _ = palm_bench
    assert bench.node.set_parameters([RosParameter("palm_clutch", value="always")])[0].successful
    poses = bench.received["right_hand/palm_pose"]
    assert bench.spin_until(lambda: (send(bench), bool(poses))[-1])


def follow(bench, tracker, hand):
    """Until the arm follows a palm that moves and a fist is told; the answers so far are what came before."""
    one = hand(angles=FIST)
    steps = iter(range(10_000))

    def step() -> None:
        tracker.hands = (moved(one, 0.002 * next(steps), 0.0, 0.0),)
        send(bench)

    twists, told = bench.received["right_hand/palm_twist"], bench.received["right_hand/palm_engaged"]
    assert bench.spin_until(
        lambda: (step(), bool(told) and told[-1].data and twists[-1].twist.linear.x > 0.005)[-1]
    )


def linear(bench) -> float:
    return float(bench.received["right_hand/palm_twist"][-1].twist.linear.x)


def unusable_size(bench, tracker):
    return lambda: bench.send(width=3)


def failing_tracker(bench, tracker):
    tracker.raises = ValueError("no")
    return bench.send


def hanging_frame(bench, tracker):
    tracker.go_on.clear()
    return bench.send


def unknown_transform(bench, tracker):
    bench.node._outputs._target = SimpleNamespace(placement=lambda header: None)
    return bench.send


def no_frames(bench, tracker):
    return lambda: None


@pytest.mark.slow
@pytest.mark.parametrize(
    "stop", [no_frames, unusable_size, failing_tracker, hanging_frame, unknown_transform]
)
def test_without_images_that_can_be_used_the_arm_stops_and_what_is_held_ends(palm_bench, hand, stop):
    bench, tracker = palm_bench
    bench.listen(HandGesture, "hand_gestures")
    gestures, told = bench.received["hand_gestures"], bench.received["right_hand/palm_engaged"]
    send(bench)
    assert engage(bench, True).success
    follow(bench, tracker, hand)
    assert bench.spin_until(lambda: bool(gestures) and gestures[-1].grasping)
    stamp = bench.received["right_hand/palm_twist"][-1].header.stamp
    again = stop(bench, tracker)
    try:
        assert bench.spin_until(lambda: (again(), bench.spin_for(0.03), not told[-1].data)[-1])
        assert bench.spin_until(lambda: linear(bench) == 0.0 and not gestures[-1].grasping)
        assert list(gestures[-1].events) == [HandGesture.GRASP_END]
        later = bench.received["right_hand/palm_twist"][-1].header.stamp
        assert (later.sec, later.nanosec) >= (stamp.sec, stamp.nanosec)
        assert bench.node._worker.tracking == "waiting for frames that can be used"
    finally:
        tracker.go_on.set()
        tracker.raises = bench.node._outputs._target = None
    send(bench, 3)
    assert not told[-1].data  # it must be engaged again
    assert bench.spin_until(lambda: bench.node._worker.tracking == "track")


@pytest.mark.slow
@pytest.mark.parametrize("clutch", ["manual", "always"])
def test_arm_that_is_let_go_stops_at_once_and_stays_until_it_is_engaged_again(palm_bench, hand, clutch):
    bench, tracker = palm_bench
    poses, told = bench.received["right_hand/palm_pose"], bench.received["right_hand/palm_engaged"]
    send(bench)
    if clutch == "always":
        assert bench.node.set_parameters([RosParameter("palm_clutch", value=clutch)])[0].successful
    else:
        assert engage(bench, True).success
    follow(bench, tracker, hand)
    assert engage(bench, False, frames=False).success
    assert bench.spin_until(lambda: not told[-1].data and linear(bench) == 0.0)
    place = poses[-1].pose.position.x
    for hands in ((moved(hand(), 0.1, 0.0, 0.0),), (), (moved(hand(), -0.1, 0.0, 0.0),)):
        tracker.hands = hands
        send(bench, 3)
        assert not told[-1].data
        assert poses[-1].pose.position.x == place
    assert engage(bench, True).success
    follow(bench, tracker, hand)


@pytest.mark.slow
def test_arm_that_was_let_go_stays_so_when_the_node_is_configured_again(palm_bench, hand):
    bench, tracker = palm_bench
    poses, told = bench.received["right_hand/palm_pose"], bench.received["right_hand/palm_engaged"]
    assert bench.node.set_parameters([RosParameter("palm_clutch", value="always")])[0].successful
    follow(bench, tracker, hand)
    assert engage(bench, False, frames=False).success
    assert bench.spin_until(lambda: not told[-1].data)
    for transition in ("deactivate", "cleanup", "configure", "activate"):
        getattr(bench.node, f"trigger_{transition}")()
    bench.connect()
    place = poses[-1].pose.position.x
    send(bench, 5)
    assert poses[-1].pose.position.x == place
    assert not told[-1].data
    assert engage(bench, True).success
    follow(bench, tracker, hand)


@pytest.mark.slow
def test_clutch_that_is_set_to_manual_lets_go_and_set_to_always_engages(palm_bench, hand):
    bench, tracker = palm_bench
    told = bench.received["right_hand/palm_engaged"]
    send(bench)
    for clutch, engaged in (("always", True), ("manual", False), ("always", True)):
        assert bench.node.set_parameters([RosParameter("palm_clutch", value=clutch)])[0].successful
        tracker.hands = (hand(),)
        assert bench.spin_until(lambda wanted=engaged: (send(bench), told[-1].data is wanted)[-1])
        send(bench, 3)
        assert told[-1].data is engaged


@pytest.mark.slow
def test_description_comes_once_the_size_is_settled_and_again_when_it_changes(rig, fake_tracker, hand):
    shape = np.linspace(-0.1, 0.1, SHAPE_COUNT)
    tracker = fake_tracker((hand("left", shape=shape, thickness=0.1),))
    bench = rig(tracker)
    for topic in ("hand_description", "left_hand/hand_description"):
        bench.listen(String, topic, LATCHED)
    received = bench.received["hand_description"]
    bench.connect()
    send(bench, 3)
    assert not received
    tracker.hands = (hand("left", shape=shape, thickness=0.1, shape_frozen=True),)
    assert bench.spin_until(lambda: (send(bench), bool(received))[-1])
    assert received[-1].data == urdf_text("left", shape, 0.1, "left_hand/")
    assert ElementTree.fromstring(received[-1].data).get("name") == "left_hand"
    send(bench, 3)
    assert len(received) == 1
    late = []
    bench.helper.create_subscription(String, "left_hand/hand_description", late.append, LATCHED)
    assert bench.spin_until(lambda: bool(late))
    tracker.hands = (hand("left", shape=shape + 0.05, thickness=0.1, shape_frozen=True),)
    assert bench.spin_until(lambda: (send(bench), len(received) == 2)[-1])
    assert late[-1].data == received[-1].data


@pytest.mark.slow
def test_descriptions_follow_the_names_of_the_frames(rig, fake_tracker, hand):
    """Both, also of a hand that is not seen any more, and the one that was settled last comes last."""
    settled = {"shape_frozen": True, "thickness": 0.1}
    left, right = hand("left", track_id=1, **settled), hand(track_id=2, **settled)
    tracker = fake_tracker((left,))
    bench = rig(tracker, hands=2)
    topics = ("hand_description", "left_hand/hand_description", "right_hand/hand_description")
    of_any, of_left, of_right = (bench.received.setdefault(topic, []) for topic in topics)
    for topic in topics:
        bench.listen(String, topic, QoSProfile(depth=9, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    bench.connect()
    assert bench.spin_until(lambda: (send(bench), bool(of_left))[-1])
    tracker.hands = (right,)
    assert bench.spin_until(lambda: (send(bench), bool(of_right))[-1])
    assert bench.node.set_parameters([RosParameter("frame_prefix", value="x/")])[0].successful
    tracker.hands = ()
    assert bench.spin_until(lambda: (send(bench), len(of_left) == len(of_right) == 2)[-1])
    send(bench, 3)
    assert [message.data for message in of_left] == [
        urdf_text("left", left.shape, 0.1, f"{prefix}left_hand/") for prefix in ("", "x/")
    ]
    assert [message.data for message in of_right] == [
        urdf_text("right", right.shape, 0.1, f"{prefix}right_hand/") for prefix in ("", "x/")
    ]
    assert of_any[-1].data == of_right[-1].data


@pytest.mark.slow
def test_palm_is_not_followed_from_one_frame_into_another(palm_bench, hand):
    """Not even where the clutch is always engaged: the first command in the new frame is the palm's own pose."""
    bench, tracker = palm_bench
    poses, told = (bench.received[f"right_hand/palm_{n}"] for n in ("pose", "engaged"))
    assert bench.node.set_parameters([RosParameter("palm_clutch", value="always")])[0].successful
    assert bench.spin_until(lambda: (send(bench), bool(poses))[-1])
    tracker.hands = (moved(hand(), 0.05, 0.0, 0.0),)
    assert bench.spin_until(lambda: (send(bench), abs(poses[-1].pose.position.x - 0.11) < 1e-6)[-1])
    header = bench.header
    bench.header = lambda stamp_s=None: replace_frame(header(stamp_s))
    tracker.hands = (moved(hand(track_id=8), 0.3, 0.0, 0.0),)
    assert bench.spin_until(lambda: (send(bench), poses[-1].header.frame_id == "other")[-1])
    first = next(pose for pose in poses if pose.header.frame_id == "other")
    assert first.pose.position.x == pytest.approx(0.31)
    # Latched: of two answers in quick succession only the last one is sure to arrive.
    assert bench.spin_until(lambda: (send(bench), len(told) >= 2 and told[-1].data)[-1])


def replace_frame(header):
    header.frame_id = "other"
    return header
