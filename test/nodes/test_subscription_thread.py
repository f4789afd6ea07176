"""A subscription with a thread of its own: everything comes, in order, whatever the executor does, until it ends."""

from __future__ import annotations

import threading
import time

import pytest
import rclpy
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Int64

from hand_pose_ros.nodes import subscription_thread
from hand_pose_ros.nodes.subscription_thread import Reader, SubscriptionThread

DEEP = QoSProfile(depth=100)


def wait(condition, timeout_s=60.0) -> bool:
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


class Rig:
    def __init__(self, callback, qos=DEEP, due=None, **options) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("listener", context=self.context)
        self.failures: list[Exception] = []
        self.publisher = self.node.create_publisher(Int64, "numbers", DEEP)
        options = {"topic": "numbers", "qos_profile": qos, **options}
        due = {} if due is None else {"due": due}
        self.thread = SubscriptionThread(
            self.node, [Reader(Int64, options, callback)], self.failures.append, **due
        )
        assert wait(lambda: self.publisher.get_subscription_count() > 0 or qos is not DEEP)

    def close(self) -> None:
        self.thread.close()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def rig():
    rigs: list[Rig] = []

    def make(*arguments, **options):
        rigs.append(Rig(*arguments, **options))
        return rigs[-1]

    yield make
    for made in rigs:
        made.close()


def test_messages_come_in_order_without_and_beside_an_executor(rig):
    heard: list[int] = []
    made = rig(lambda message, *_: heard.append(message.data))
    executor = SingleThreadedExecutor(context=made.context)
    executor.add_node(made.node)
    for number in range(40):
        made.publisher.publish(Int64(data=number))
        if number % 2:
            executor.spin_once(timeout_sec=0.0)
    assert wait(lambda: len(heard) >= 40)
    assert heard == list(range(40))
    executor.shutdown()


def test_bytes_come_where_they_are_asked_for(rig):
    heard: list[bytes] = []
    made = rig(lambda message, *_: heard.append(message), raw=True)
    made.publisher.publish(Int64(data=7))
    assert wait(lambda: heard)
    assert heard[0][-8:] == (7).to_bytes(8, "little")


def test_callback_that_fails_is_told_and_the_next_message_comes(rig):
    heard: list[int] = []

    def callback(message: Int64, sent_ns: int, received_ns: int, sender: bytes) -> None:
        assert 0 < sent_ns <= received_ns <= time.time_ns()
        assert sent_ns > time.time_ns() - 60e9
        if message.data == 0:
            raise ValueError("zero")
        heard.append(message.data)

    made = rig(callback)
    for number in (0, 1):
        made.publisher.publish(Int64(data=number))
    assert wait(lambda: heard == [1])
    assert [str(error) for error in made.failures] == ["zero"]


def test_nothing_comes_after_closing_which_waits_for_no_look(rig, monkeypatch):
    monkeypatch.setattr(subscription_thread, "_LOOK_S", 300.0)
    monkeypatch.setattr(subscription_thread, "_JOIN_S", 60.0)
    heard: list[int] = []
    made = rig(lambda message, *_: heard.append(message.data))
    made.thread.close()
    assert not made.thread._thread.is_alive()
    made.publisher.publish(Int64(data=1))
    time.sleep(0.2)
    assert heard == []
    assert not any(thread.name == "numbers thread" for thread in threading.enumerate())


def test_executor_sleeps_while_messages_come(rig):
    class Counting(SingleThreadedExecutor):
        looks = 0

        def can_execute(self, entity):
            self.looks += 1
            return super().can_execute(entity)

    heard: list[int] = []
    made = rig(
        lambda message, *_: heard.append(message.data),
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=lambda event: None),
    )
    executor = Counting(context=made.context)
    executor.add_node(made.node)
    spinning = threading.Thread(target=executor.spin, daemon=True)
    spinning.start()
    time.sleep(0.3)
    executor.looks = 0
    for number in range(40):
        made.publisher.publish(Int64(data=number))
        time.sleep(0.01)
    assert wait(lambda: len(heard) == 40)
    entities = len([*made.node.subscriptions, *made.node.services, *made.node.timers, *made.node.waitables])
    assert executor.looks < 10 * entities  # 40 and more looks at each where every message wakes it
    executor.shutdown()
    spinning.join(5.0)


def test_event_whose_callback_fails_is_told_and_messages_go_on(rig):
    def refuse(event):
        raise ValueError("event")

    heard: list[int] = []
    asks = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
    made = rig(
        lambda message, *_: heard.append(message.data),
        asks,
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=refuse),
    )
    less = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    made.node.create_publisher(Int64, "numbers", less)
    assert wait(lambda: [str(error) for error in made.failures] == ["event"])
    assert wait(lambda: made.publisher.get_subscription_count() > 0)
    made.publisher.publish(Int64(data=1))
    assert wait(lambda: heard == [1])


def test_publisher_that_offers_less_is_told_without_and_beside_an_executor(rig):
    told: list[object] = []
    asks = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    made = rig(
        lambda *_: None, asks, event_callbacks=SubscriptionEventCallbacks(incompatible_qos=told.append)
    )
    less = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    made.node.create_publisher(Int64, "numbers", less)
    assert wait(lambda: len(told) == 1)
    executor = SingleThreadedExecutor(context=made.context)
    executor.add_node(made.node)
    made.node.create_publisher(Int64, "numbers", less)
    end_s = time.monotonic() + 60.0
    while len(told) < 2 and time.monotonic() < end_s:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert len(told) == 2


def test_thread_ends_with_the_middleware(rig):
    made = rig(lambda *_: None)
    made.context.try_shutdown()
    assert wait(lambda: not made.thread._thread.is_alive())


def test_what_is_due_is_done_in_time_and_after_messages_and_may_fail(rig, monkeypatch):
    monkeypatch.setattr(subscription_thread, "_LOOK_S", 300.0)  # by no look of its own
    calls: list[float] = []
    heard: list[int] = []
    waits = iter([0.1, 0.1])

    def due() -> float:
        calls.append(time.monotonic())
        wait_s = next(waits, None)
        if wait_s is None and len(calls) == 3:
            raise ValueError("due")
        return 60.0 if wait_s is None else wait_s

    made = rig(lambda message, *_: heard.append(message.data), due=due)
    assert wait(lambda: len(calls) >= 3)
    assert calls[1] - calls[0] > 0.05
    assert [str(error) for error in made.failures] == ["due"]
    made.publisher.publish(Int64(data=1))
    assert wait(lambda: heard == [1])
    count = len(calls)
    assert wait(lambda: len(calls) > count - 1)


def test_several_subscriptions_share_a_thread_and_end_with_it():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("listener", context=context)
    heard: dict[str, list[int]] = {"ones": [], "twos": []}
    readers = [
        Reader(
            Int64, {"topic": name, "qos_profile": DEEP}, lambda message, *_, to=to: to.append(message.data)
        )
        for name, to in heard.items()
    ]
    thread = SubscriptionThread(node, readers, lambda error: None)
    publishers = {name: node.create_publisher(Int64, name, DEEP) for name in heard}
    assert wait(lambda: all(p.get_subscription_count() > 0 for p in publishers.values()))
    for number in range(10):
        for publisher in publishers.values():
            publisher.publish(Int64(data=number))
    assert wait(lambda: all(len(numbers) == 10 for numbers in heard.values()))
    assert heard == {"ones": list(range(10)), "twos": list(range(10))}
    thread.close()
    assert wait(lambda: all(p.get_subscription_count() == 0 for p in publishers.values()))
    node.destroy_node()
    context.try_shutdown()


def test_where_one_subscription_cannot_be_made_none_is_left():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("listener", context=context)
    good, bad = ({"topic": topic, "qos_profile": DEEP} for topic in ("numbers", "no topic at all"))
    with pytest.raises(InvalidTopicNameException):
        SubscriptionThread(node, [Reader(Int64, good, print), Reader(Int64, bad, print)], print)
    assert node.count_subscribers("numbers") == 0
    assert list(node.subscriptions) == []
    node.destroy_node()
    context.try_shutdown()


def test_a_callback_that_hangs_keeps_nothing_of_the_middleware(rig, monkeypatch):
    """Else the node's shared memory would be left behind at the end of its process."""
    monkeypatch.setattr(subscription_thread, "_JOIN_S", 0.1)
    hangs, go_on = threading.Event(), threading.Event()

    def callback(*_: object) -> None:
        hangs.set()
        assert go_on.wait(60.0)

    made = rig(callback)
    made.publisher.publish(Int64(data=1))
    assert hangs.wait(60.0)
    made.thread.close()
    try:
        assert wait(lambda: made.publisher.get_subscription_count() == 0, 20.0)
    finally:
        go_on.set()
    assert made.failures == []
