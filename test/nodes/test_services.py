"""The node's services: each takes effect with the next frame, and each says so when the node is not active."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from std_srvs.srv import SetBool, Trigger
from visualization_msgs.msg import Marker, MarkerArray

from hand_pose_ros.msg import HandPose

pytestmark = pytest.mark.slow


def call(bench, kind, name, **request):
    client = bench.helper.create_client(kind, f"hand_tracker/{name}")
    assert bench.spin_until(client.service_is_ready)
    future = client.call_async(kind.Request(**request))
    assert bench.spin_until(future.done)
    return future.result()


def answered(bench) -> HandPose | None:
    """Sends a frame and waits for its answer."""
    count = len(bench.answers())
    bench.send()
    assert bench.wait_for_answers(count + 1)
    return bench.answers()[-1]


def switched_off(rig, fake_tracker, hand):
    """A bench whose tracker has followed a hand and is switched off now."""
    bench = rig(fake_tracker((hand(),)))
    bench.connect()
    answered(bench)
    call(bench, SetBool, "set_enabled", data=False)
    answered(bench)
    return bench


def test_tracker_that_is_switched_off_leaves_frames_alone_and_comes_back(rig, fake_tracker, hand):
    tracker = fake_tracker((hand(),))
    bench = rig(tracker)
    bench.connect()
    assert len(answered(bench).hands) == 1
    assert call(bench, SetBool, "set_enabled", data=False).success
    resets = tracker.resets
    # Consumers hear once that there is no hand any more, then nothing.
    last = answered(bench)
    assert (last.hands, last.state) == ([], HandPose.STATE_SEARCH)
    for number in range(2, 5):
        bench.send()
        assert bench.wait_for_figure("dropped_disabled", number)
    bench.spin_for(0.1)
    assert bench.answers()[-1] is last
    assert tracker.resets == resets + 1
    assert len(tracker.stamps) == 1
    figures = bench.node.statistics.figures()
    assert figures["dropped_disabled"] == 4
    assert figures["received"] == 5
    assert call(bench, SetBool, "set_enabled", data=True).success
    assert len(answered(bench).hands) == 1


def test_tracker_that_is_switched_on_again_says_so_where_no_frame_comes(rig, fake_tracker, hand):
    """Else a camera that is gone by then would never be told."""
    bench = switched_off(rig, fake_tracker, hand)
    assert bench.new_status().message == "disabled"
    call(bench, SetBool, "set_enabled", data=True)
    assert bench.new_status().message != "disabled"
    assert bench.spin_until(lambda: bench.new_status().level != DiagnosticStatus.OK)


def test_switched_off_tracker_is_no_fault(rig, fake_tracker, hand):
    bench = switched_off(rig, fake_tracker, hand)
    status = bench.new_status()
    assert status.level == status.OK
    assert status.message == "disabled"


def test_switched_off_tracker_takes_its_markers_away(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)))
    bench.listen(MarkerArray, "markers")
    bench.connect()
    received = bench.received["markers"]
    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.1), received)[-1])
    call(bench, SetBool, "set_enabled", data=False)
    bench.send()
    assert bench.spin_until(lambda: {m.action for m in received[-1].markers} == {Marker.DELETE})


def test_recalibration_reaches_the_tracker_once_and_ends_no_track(rig, fake_tracker, hand, tmp_path):
    tracker = fake_tracker((hand(),))
    bench = rig(tracker, user="anna", user_folder=str(tmp_path))
    bench.connect()
    answered(bench)
    resets = tracker.resets
    response = call(bench, Trigger, "recalibrate")
    assert response.success
    assert "anna" in response.message
    answered(bench)
    answered(bench)
    assert tracker.recalibrations == 1
    assert tracker.resets == resets


def test_without_refinement_no_size_is_learnt_and_the_service_says_so(rig, fake_tracker):
    bench = rig(fake_tracker(), refine=False)
    bench.connect()
    response = call(bench, Trigger, "recalibrate")
    assert not response.success
    assert "'refine'" in response.message


@pytest.mark.parametrize(
    "kind, name", [(Trigger, "reset"), (SetBool, "set_enabled"), (Trigger, "recalibrate")]
)
def test_service_of_a_node_that_is_not_active_fails_and_says_why(rig, fake_tracker, kind, name):
    bench = rig(fake_tracker(), autostart=False)
    response = call(bench, kind, name)
    assert not response.success
    assert response.message == "the node is not active"
