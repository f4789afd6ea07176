"""The tracker node on real rclpy, with a fake tracker."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo
from std_srvs.srv import Trigger

from hand_pose_ros.depth import stamp_guard
from hand_pose_ros.hand.skeleton import ANGLE_NAMES, JOINT_NAMES
from hand_pose_ros.msg import HandPose
from hand_pose_ros.nodes import frame_worker


@pytest.mark.slow
def test_every_output_carries_stamp_and_frame_of_the_image(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), tf_mode="full")
    bench.connect()
    header = bench.send()
    assert bench.wait_for_answers(1)
    assert bench.spin_until(lambda: bench.received["hand_joint_states"] and bench.received["/tf"])
    answer = bench.answers()[0]
    assert answer.header == header
    assert answer.hands[0].header == header
    assert bench.received["hand_joint_states"][0].header == header
    frames = bench.received["/tf"][0].transforms
    assert {frame.header.stamp.sec for frame in frames} == {header.stamp.sec}
    assert {frame.header.stamp.nanosec for frame in frames} == {header.stamp.nanosec}
    assert [f.header.frame_id for f in frames if f.child_frame_id == "right_hand/palm"] == ["camera"]


@pytest.mark.slow
def test_hand_goes_through_the_message_unchanged(rig, fake_tracker, hand):
    angles = np.linspace(-0.2, 0.3, len(ANGLE_NAMES))
    sent = hand("left", angles=angles)
    bench = rig(fake_tracker((sent,)))
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    received = bench.answers()[0].hands[0]
    assert received.side == HandPose.SIDE_LEFT
    assert received.state == HandPose.STATE_TRACK
    np.testing.assert_allclose([(p.x, p.y, p.z) for p in received.joints], sent.joints)
    np.testing.assert_allclose(received.angles, sent.angles)
    assert bench.spin_until(lambda: bench.received["hand_joint_states"])
    state = bench.received["hand_joint_states"][0]
    assert state.name == [f"left_{name}" for name in ANGLE_NAMES]
    np.testing.assert_allclose(state.position, angles)


@pytest.mark.slow
def test_no_hand_is_an_empty_array_and_nothing_else(rig, fake_tracker):
    bench = rig(fake_tracker())
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    bench.spin_for(0.2)
    assert bench.answers()[0].hands == []
    assert bench.answers()[0].state == HandPose.STATE_SEARCH
    assert not bench.received["hand_joint_states"]
    assert not bench.received["/tf"]


def test_model_info_reaches_a_late_listener(rig, fake_tracker):
    bench = rig(fake_tracker())
    bench.connect()
    info = bench.received["hand_model_info"][0]
    assert (info.model_name, info.model_hash) == ("fake", "f" * 64)
    assert list(info.joint_names) == list(JOINT_NAMES)
    assert info.bone_lengths[0] == 0
    assert min(info.bone_lengths[1:]) > 0.01


@pytest.mark.slow
def test_warm_up_comes_before_the_first_frame(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    assert tracker.warmed_up_before_first_frame


@pytest.mark.slow
def test_slow_model_answers_the_newest_frame_and_counts_the_rest(rig, fake_tracker):
    """Ten frames come while it works on the first: nothing queues, every loss is counted."""
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    rounds, count = 4, 10
    for done in range(rounds):
        tracker.go_on.clear()
        bench.send()
        assert bench.spin_until(lambda done=done: len(tracker.stamps) == 2 * done + 1)
        for number in range(2, count + 1):
            last = bench.send()
            assert bench.wait_for_figure("received", done * count + number)
        newest = last.stamp.sec + last.stamp.nanosec * 1e-9
        tracker.go_on.set()
        assert bench.spin_until(lambda newest=newest: (bench.newest_answer_s() or 0.0) >= newest - 1e-6)
    assert bench.spin_until(lambda: len(bench.answers()) == len(tracker.stamps))
    figures = bench.node.statistics.figures()
    assert tracker.stamps == sorted(tracker.stamps)
    assert figures["published"] == len(tracker.stamps) == 2 * rounds
    assert figures["received"] == figures["published"] + figures["dropped_newer_arrived"]


def test_reset_service_forgets_the_track(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    before = tracker.resets
    client = bench.helper.create_client(Trigger, "hand_tracker/reset")
    assert bench.spin_until(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    assert bench.spin_until(future.done)
    assert future.result().success
    bench.send()
    assert bench.wait_for_answers(2)
    assert tracker.resets == before + 1


@pytest.mark.slow
def test_stamps_that_go_backwards_reset_the_tracker_and_are_answered(rig, fake_tracker):
    """A bag that loops."""
    tracker = fake_tracker()
    bench = rig(tracker, max_age_s=0.0)
    bench.connect()
    for stamp in (100.0, 100.25, 100.5):
        bench.send(stamp)
        assert bench.spin_until(lambda stamp=stamp: bench.newest_answer_s() == stamp)
    # Leftovers that were never matched must not stand in the way of what follows.
    for stamp in (101.0, 101.25, 101.5, 101.75, 102.0, 102.25):
        bench.image.publish(bench.image_message(bench.header(stamp)))
    bench.spin_for(0.3)
    before = tracker.resets
    for stamp in (50.0, 50.25):
        bench.send(stamp)
        assert bench.spin_until(lambda stamp=stamp: bench.newest_answer_s() == stamp)
    assert tracker.resets == before + 1


@pytest.mark.slow
def test_frame_out_of_order_is_dropped(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker, max_age_s=0.0)
    bench.connect()
    for stamp in (100.0, 100.25):
        bench.send(stamp)
        assert bench.spin_until(lambda stamp=stamp: bench.newest_answer_s() == stamp)
    bench.send(100.125)
    assert bench.spin_until(lambda: bench.node.statistics.figures()["dropped_out_of_order"] == 1)
    assert bench.wait_for_error("before that of the frame before (do two drivers publish?)")
    assert tracker.stamps == [0.0, 0.25]


@pytest.mark.slow
def test_clock_of_a_simulation_that_goes_backwards_resets_the_tracker(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker, use_sim_time=True, max_age_s=0.5)
    bench.connect()
    bench.send(100.0)
    assert bench.wait_for_error("nothing arrives on /clock")

    def at(stamp: float) -> bool:
        """Whether the frame of this time is answered when the clock shows it."""
        bench.set_clock(stamp)
        bench.send(stamp)
        bench.spin_for(0.1)
        return bench.newest_answer_s() == stamp

    assert bench.spin_until(lambda: at(100.0))
    before = tracker.resets
    assert bench.spin_until(lambda: at(50.0))
    assert tracker.resets > before


@pytest.mark.slow
def test_result_of_a_frame_in_work_when_the_clock_jumps_back_is_not_published(rig, fake_tracker, hand):
    """A bag that loops."""
    tracker = fake_tracker((hand(),))
    bench = rig(tracker, use_sim_time=True, max_age_s=0.0)
    bench.connect()
    bench.set_clock(113.0)
    tracker.go_on.clear()
    bench.send(113.0)
    assert bench.spin_until(lambda: tracker.stamps)
    bench.set_clock(100.0)
    tracker.go_on.set()
    bench.send(100.0)
    assert bench.wait_for_answers(1)
    assert [answer.header.stamp.sec for answer in bench.answers()] == [100]
    assert bench.spin_until(lambda: bench.received["/tf"])
    assert {t.header.stamp.sec for m in bench.received["/tf"] for t in m.transforms} == {100}


@pytest.mark.slow
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("max_age_s", [0.0, 1.0, 60.0])
def test_image_that_arrives_after_the_clock_that_was_set_back_is_not_published(
    rig, fake_tracker, hand, max_age_s, paired, monkeypatch
):
    """Messages of two topics overtake each other: the last images of a bag come after the clock of its second loop."""
    monkeypatch.setattr(stamp_guard, "_ON_THE_WAY_S", 60.0)  # on a slow machine they are longer on their way
    tracker = fake_tracker((hand(),))
    bench = rig(tracker, use_sim_time=True, max_age_s=max_age_s)
    bench.connect()
    bench.set_clock(113.0)
    bench.send(113.0)
    assert bench.wait_for_answers(1)
    bench.set_clock(100.0)
    for dropped, stamp_s in enumerate((112.9, 113.03)):
        bench.send(stamp_s) if paired else bench.image.publish(bench.image_message(bench.header(stamp_s)))
        assert bench.wait_for_figure("dropped_before_reset", dropped + 1)
    for stamp_s in (100.0, 100.1, 100.2):
        bench.send(stamp_s)
        assert bench.spin_until(lambda stamp_s=stamp_s: bench.newest_answer_s() == pytest.approx(stamp_s))
    assert [answer.header.stamp.sec for answer in bench.answers()] == [113, 100, 100, 100]
    assert {t.header.stamp.sec for m in bench.received["/tf"] for t in m.transforms} == {113, 100}
    assert len(tracker.stamps) == 4
    assert bench.node.statistics.figures()["dropped_before_reset"] == 2


@pytest.mark.slow
def test_image_with_a_bad_stamp_changes_nothing(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker, max_age_s=20.0)
    bench.connect()
    before, too_old = tracker.resets, 0
    now = bench.header().stamp.sec
    for offset in (0, 0, 50, 0, 0, -50, 0, 0, -now, 0, 0):
        header, answered = bench.header(), len(tracker.stamps)
        header.stamp.sec += offset
        bench.info.publish(bench.info_message(header))
        bench.image.publish(bench.image_message(header))
        if offset == 0:
            assert bench.spin_until(lambda answered=answered: len(tracker.stamps) > answered)
        else:
            too_old += 1
            assert bench.wait_for_figure("dropped_too_old", too_old)
    figures = bench.node.statistics.figures()
    assert tracker.resets == before
    assert figures["dropped_too_old"] == 3
    assert figures["published"] == 8


@pytest.mark.slow
def test_camera_info_that_was_published_once_serves_every_image(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = bench.helper.create_publisher(CameraInfo, "depth/camera_info", latched)
    bench.node.trigger_deactivate()
    publisher.publish(bench.info_message(bench.header()))
    bench.spin_for(0.3)
    bench.node.trigger_activate()

    def answered() -> bool:
        bench.image.publish(bench.image_message(bench.header()))
        bench.spin_for(0.1)
        return len(tracker.stamps) > 10

    assert bench.spin_until(answered)
    assert bench.node.statistics.figures()["without_own_camera_info"] > 0
    assert "no camera info" not in bench.last_error()


@pytest.mark.slow
def test_ending_in_the_middle_of_a_frame_is_quiet(rig, fake_tracker, hand, capfd):
    """Ctrl-C ends the middleware first."""
    tracker = fake_tracker((hand(),), delay_s=0.5)
    bench = rig(tracker)
    bench.connect()
    bench.send()
    assert bench.spin_until(lambda: tracker.stamps)
    bench.context.shutdown()
    bench.node.close()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.slow
def test_old_frames_are_dropped_with_the_remedy(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    bench.send(1000.0)
    assert bench.wait_for_error("use_sim_time")
    assert "max_age_s" in bench.last_error()
    assert not tracker.stamps
    bench.send()
    assert bench.wait_for_answers(1)


@pytest.mark.slow
def test_deactivated_node_is_silent_and_comes_back(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)))
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    bench.node.trigger_deactivate()
    bench.send()
    bench.spin_for(0.3)
    assert len(bench.answers()) == 1
    bench.node.trigger_activate()
    assert bench.spin_until(lambda: bench.image.get_subscription_count() > 0)
    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.1), len(bench.answers()) > 1)[-1])


@pytest.mark.slow
def test_without_autostart_nothing_happens_until_asked(rig, fake_tracker):
    bench = rig(fake_tracker(), autostart=False)
    bench.spin_for(0.3)
    assert bench.helper.count_publishers(bench.node.resolve_topic_name("hands")) == 0
    bench.node.trigger_configure()
    bench.node.trigger_activate()
    bench.connect()


@pytest.mark.slow
def test_diagnostics_tell_rate_drops_age_and_state(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)))
    bench.connect()
    # One after the other: the first takes longer where nothing was computed in this process before.
    for count in range(1, 6):
        bench.send()
        assert bench.wait_for_answers(count)
    status = bench.new_status()
    values = {pair.key: pair.value for pair in status.values}
    assert status.level == status.OK
    assert values["hands"] == "1"
    assert values["published"] == values["received"] == "5"
    assert float(values["age_ms_p95"]) > 0
    assert float(values["rate_out_hz"]) > 0

    def tracking() -> str:
        return {pair.key: pair.value for pair in bench.new_status().values}["tracking"]

    assert bench.spin_until(lambda: tracking() == "waiting for frames that can be used")
    sending = bench.helper.create_timer(0.03, bench.send)
    assert bench.spin_until(lambda: tracking() == "track")
    sending.cancel()
    assert bench.spin_until(lambda: tracking() == "waiting for frames that can be used")


@pytest.mark.slow
def test_deactivating_fails_while_a_frame_does_not_end_and_no_second_worker_begins(
    rig, fake_tracker, monkeypatch
):
    monkeypatch.setattr(frame_worker, "_STOP_PATIENCE_S", 0.1)
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    tracker.go_on.clear()
    bench.send()
    assert bench.spin_until(lambda: bool(tracker.stamps))
    assert bench.node.trigger_deactivate() == TransitionCallbackReturn.FAILURE
    assert bench.node.on_activate(None) == TransitionCallbackReturn.FAILURE
    workers = [t for t in threading.enumerate() if t.name == "hand tracker"]
    assert len(workers) == 1
    tracker.go_on.set()
    assert bench.wait_for_answers(1)
    bench.send()
    assert bench.wait_for_answers(2), "the node is still active"
    assert bench.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert bench.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
