"""Pictures are made on request only; the node obeys its lifecycle services."""

from __future__ import annotations

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from sensor_msgs.msg import Image

from hand_pose_ros.nodes import outputs


@pytest.mark.slow
def test_overlay_is_drawn_only_while_somebody_subscribes(rig, fake_tracker, hand, monkeypatch):
    drawn = []
    draw = outputs.draw_overlay
    monkeypatch.setattr(outputs, "draw_overlay", lambda *given: drawn.append(1) or draw(*given))
    bench = rig(fake_tracker((hand(),)))
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    bench.spin_for(0.1)
    assert not drawn
    bench.listen(Image, "overlay")
    pictures = bench.received["overlay"]
    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.1), len(pictures) > 0)[-1])
    assert pictures[0].encoding == "rgb8"
    assert (pictures[0].width, pictures[0].height, pictures[0].step) == (64, 48, 192)
    assert pictures[0].header.frame_id == "camera"
    assert np.frombuffer(pictures[0].data, np.uint8).max() > 0


@pytest.mark.slow
def test_switched_off_outputs_are_silent(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), publish_joint_states=False, publish_overlay=False, tf_mode="none")
    bench.listen(Image, "overlay")
    bench.connect()
    for _ in range(3):
        bench.send()
        bench.spin_for(0.1)
    assert bench.wait_for_answers(1)
    assert not bench.received["hand_joint_states"]
    assert not bench.received["overlay"]
    assert not bench.received["/tf"]


@pytest.mark.slow
def test_lifecycle_services_take_the_node_through_all_states(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), autostart=False)
    change = bench.helper.create_client(ChangeState, "hand_tracker/change_state")
    state = bench.helper.create_client(GetState, "hand_tracker/get_state")
    assert bench.spin_until(lambda: change.service_is_ready() and state.service_is_ready())

    def call(client, request):
        future = client.call_async(request)
        assert bench.spin_until(future.done)
        return future.result()

    def after(transition: int) -> str:
        assert call(change, ChangeState.Request(transition=Transition(id=transition))).success
        return call(state, GetState.Request()).current_state.label

    for _ in range(2):
        assert after(Transition.TRANSITION_CONFIGURE) == "inactive"
        assert after(Transition.TRANSITION_ACTIVATE) == "active"
        bench.connect()
        before = len(bench.answers())
        bench.send()
        assert bench.wait_for_answers(before + 1)
        assert after(Transition.TRANSITION_DEACTIVATE) == "inactive"
        assert after(Transition.TRANSITION_CLEANUP) == "unconfigured"
        assert bench.node.unloaded_state == "unconfigured"
        bench.received["hand_model_info"].clear()
    assert after(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN) == "finalized"
    assert bench.node.unloaded_state == "finalized"


@pytest.mark.slow
def test_frame_prefix_keeps_trackers_on_one_tf_apart(rig, fake_tracker, hand):
    bench = rig(fake_tracker((hand(),)), frame_prefix="cam2/", tf_mode="root")
    bench.connect()
    bench.send()
    assert bench.spin_until(lambda: bench.received["/tf"])
    assert bench.received["/tf"][0].transforms[0].child_frame_id == "cam2/right_hand/palm"
