"""Configuring takes long and can fail in any way: everything else is answered meanwhile, and the reason is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import MultiThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from std_srvs.srv import Trigger

from hand_pose_ros.nodes.inputs import DepthInputs
from hand_pose_ros.nodes.outputs import HandOutputs
from hand_pose_ros.nodes.tracker_node import HandTrackerNode


def raising(error: Exception) -> Callable[[object], object]:
    def factory(_: object) -> object:
        raise error

    return factory


@pytest.mark.slow
@pytest.mark.parametrize(
    "error, text",
    [
        (TypeError("unsupported operand"), "cannot configure: TypeError: unsupported operand"),
        (KeyError("weights"), "cannot configure: KeyError: 'weights'"),
        (AttributeError("no such thing"), "AttributeError: no such thing"),
        (ValueError("side is 'up'"), "cannot configure: side is 'up'"),
        (RuntimeError(""), "cannot configure: RuntimeError"),
        (MemoryError(), "MemoryError"),
        (ValueError("a\nb\x1b[31m" + 5000 * "x"), "a\\nb\\x1b[31mxxx"),
    ],
)
def test_whatever_fails_is_told_in_the_diagnostics_and_can_be_tried_again(rig, fake_tracker, error, text):
    attempts: list[object] = []

    def factory(parameters: object) -> object:
        attempts.append(parameters)
        return raising(error)(parameters) if len(attempts) == 1 else fake_tracker()

    bench = rig(factory)
    assert bench.spin_until(lambda: bench.received["/diagnostics"])
    status = bench.received["/diagnostics"][-1].status[0]
    assert status.level == DiagnosticStatus.ERROR
    assert text in status.message
    assert "\n" not in status.message
    assert len(status.message) < 1100
    assert bench.node.trigger_configure() == TransitionCallbackReturn.SUCCESS


@pytest.mark.slow
def test_a_preparation_that_fails_is_told_too(rig, fake_tracker):
    bench = rig(fake_tracker(), autostart=False)

    def broken(log: object, runs: object) -> None:
        raise IndexError("no kernel")

    bench.node._prepare = broken
    assert bench.node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert bench.spin_until(lambda: bench.received["/diagnostics"])
    assert "IndexError: no kernel" in bench.received["/diagnostics"][-1].status[0].message


@pytest.mark.slow
def test_services_and_diagnostics_are_answered_while_it_takes_long(fake_tracker):
    go_on = threading.Event()

    def slow(_: object) -> object:
        assert go_on.wait(300)
        return fake_tracker()

    context = rclpy.Context()
    rclpy.init(context=context)
    node = HandTrackerNode(slow, context=context)
    helper = rclpy.create_node("helper", context=context)
    executor = MultiThreadedExecutor(4, context=context)
    received: list[DiagnosticStatus] = []
    from diagnostic_msgs.msg import DiagnosticArray

    helper.create_subscription(DiagnosticArray, "/diagnostics", lambda m: received.extend(m.status), 10)
    for each in (node, helper):
        executor.add_node(each)
    spinning = threading.Thread(target=executor.spin, daemon=True)
    spinning.start()

    def ask(kind: type, name: str, request: object) -> object:
        client = helper.create_client(kind, name)
        assert client.wait_for_service(60)
        future = client.call_async(request)
        deadline = time.monotonic() + 60
        while not future.done() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert future.done(), f"{name} did not answer"
        return future.result()

    try:
        executor.create_task(node.autostart)
        state = GetState.Request()
        deadline = time.monotonic() + 60
        while ask(GetState, "hand_tracker/get_state", state).current_state.label != "configuring":
            assert time.monotonic() < deadline
        assert not ask(Trigger, "hand_tracker/reset", Trigger.Request()).success
        second = ChangeState.Request()
        second.transition.id = 1  # configure
        assert not ask(ChangeState, "hand_tracker/change_state", second).success
        seen = len(received)
        deadline = time.monotonic() + 60
        while len(received) < seen + 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert {v.key: v.value for v in received[-1].values}["lifecycle"] == "configuring"
        go_on.set()
        deadline = time.monotonic() + 60
        while ask(GetState, "hand_tracker/get_state", state).current_state.label != "active":
            assert time.monotonic() < deadline
    finally:
        go_on.set()
        executor.shutdown()
        spinning.join(10)
        node.close()
        node.destroy_node()
        helper.destroy_node()
        context.try_shutdown()


@pytest.mark.slow
def test_a_fault_while_tracking_is_an_error_in_the_diagnostics_and_one_line(rig, fake_tracker, hand):
    tracker = fake_tracker((hand(),))
    tracker.faults = {}
    bench = rig(tracker)
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    tracker.faults["device"] = "the GPU failed, tracking goes on on the CPU: out of memory"
    bench.send()
    assert bench.wait_for_answers(2)
    status = bench.new_status()
    assert status.level == DiagnosticStatus.ERROR
    assert "the GPU failed" in status.message
    assert "the GPU failed" in bench.last_error()


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["reset", "subscribe", "publish_model_info"])
def test_an_activation_that_fails_is_told_and_can_be_tried_again(
    rig, fake_tracker, broken, monkeypatch: pytest.MonkeyPatch
):
    """rclpy itself says nothing, and the diagnostics would call an unconfigured node OK."""
    tracker = fake_tracker()
    bench = rig(tracker, autostart=False)
    assert bench.node.trigger_configure() == TransitionCallbackReturn.SUCCESS

    def fails(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    with monkeypatch.context() as patch:
        if broken == "reset":
            patch.setattr(tracker, "reset", fails)
        elif broken == "subscribe":
            patch.setattr(DepthInputs, "_reader", fails)
        else:
            patch.setattr(HandOutputs, "publish_model_info", fails)
        assert bench.node.trigger_activate() == TransitionCallbackReturn.ERROR
    status = bench.new_status()
    assert status.level == DiagnosticStatus.ERROR
    assert status.message == "cannot activate: ZeroDivisionError: by zero"
    assert bench.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert bench.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    assert bench.node.count_publishers("/hands") == 1


@pytest.mark.slow
@pytest.mark.parametrize("transition", ["deactivate", "cleanup"])
def test_an_end_that_fails_is_told_and_leaves_an_unconfigured_node(
    rig, fake_tracker, transition, monkeypatch: pytest.MonkeyPatch
):
    bench = rig(fake_tracker())
    bench.connect()
    if transition == "cleanup":
        bench.node.trigger_deactivate()
    close, calls = DepthInputs.close, []

    def fails(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise ZeroDivisionError("by zero")
        close(*arguments)  # type: ignore[arg-type]

    owner, name = (DepthInputs, "close") if transition == "deactivate" else (HandOutputs, "close")
    close = getattr(owner, name)
    monkeypatch.setattr(owner, name, fails)
    result = getattr(bench.node, f"trigger_{transition}")()
    assert result == TransitionCallbackReturn.ERROR
    status = bench.new_status()
    assert status.level == DiagnosticStatus.ERROR
    assert status.message == f"cannot {transition}: ZeroDivisionError: by zero"
    bench.node.autostart()
    bench.send()
    assert bench.wait_for_answers(1)
