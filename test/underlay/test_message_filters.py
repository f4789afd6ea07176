"""message_filters, the underlay's or a ROS 2 distribution's: which messages come together, over real topics too."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

rclpy = pytest.importorskip("rclpy", reason="ROS 2 is not here: source a distribution, or run make build")

from hypothesis import given
from hypothesis import strategies as st
from message_filters import ApproximateTimeSynchronizer, SimpleFilter, Subscriber, TimeSynchronizer
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String


def image(nanoseconds: int) -> Image:
    message = Image()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(nanoseconds, 1_000_000_000)
    return message


def nanoseconds(message: Image) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def milliseconds(*sets: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [tuple(stamp * 1_000_000 for stamp in stamps) for stamps in sets]


class Synchronized:
    """Inputs without ROS before a synchronizer, and what came out of it as stamps."""

    def __init__(self, make, inputs: int = 2) -> None:
        self.inputs = [SimpleFilter() for _ in range(inputs)]
        self.synchronizer = make(self.inputs)
        self.outputs: list[tuple[int, ...]] = []
        self.synchronizer.registerCallback(
            lambda *m: self.outputs.append(tuple(nanoseconds(one) for one in m))
        )

    def feed(self, *messages: tuple[int, float]) -> Synchronized:
        """(input, stamp in ms) in the order of arrival."""
        for index, stamp_ms in messages:
            self.inputs[index].signalMessage(image(round(stamp_ms * 1e6)))
        return self


def test_callbacks_get_the_message_and_their_own_arguments_in_order() -> None:
    heard: list[tuple] = []
    source = SimpleFilter()
    source.registerCallback(lambda message, *rest: heard.append((message, *rest)), "first", 1)
    source.registerCallback(lambda message: heard.append((message,)))
    source.signalMessage("m")
    assert heard == [("m", "first", 1), ("m",)]


def test_equal_stamps_come_together_and_only_they() -> None:
    out = (
        Synchronized(lambda fs: TimeSynchronizer(fs, 10)).feed((0, 1), (1, 2), (0, 3), (1, 3), (0, 2)).outputs
    )
    assert out == milliseconds((3, 3), (2, 2))


def test_each_message_is_used_once() -> None:
    out = Synchronized(lambda fs: TimeSynchronizer(fs, 10)).feed((0, 1), (1, 1), (1, 1)).outputs
    assert out == milliseconds((1, 1))


def test_queue_keeps_the_newest() -> None:
    sync = Synchronized(lambda fs: TimeSynchronizer(fs, 2)).feed((0, 1), (0, 2), (0, 3))
    assert sync.feed((1, 1)).outputs == []
    assert sync.feed((1, 2), (1, 3)).outputs == milliseconds((2, 2), (3, 3))


def test_three_inputs() -> None:
    sync = Synchronized(lambda fs: TimeSynchronizer(fs, 4), inputs=3).feed((0, 5), (2, 5))
    assert sync.outputs == []
    assert sync.feed((1, 5)).outputs == milliseconds((5, 5, 5))


def approximate(slop_ms: float, queue_size: int = 10, **options):
    return lambda fs: ApproximateTimeSynchronizer(fs, queue_size, slop_ms / 1e3, **options)


def test_stamps_within_the_slop_come_together() -> None:
    assert Synchronized(approximate(10)).feed((0, 100), (1, 105)).outputs == milliseconds((100, 105))


def test_stamps_beyond_the_slop_do_not() -> None:
    assert Synchronized(approximate(10)).feed((0, 100), (1, 111)).outputs == []


def test_the_nearest_waiting_message_is_taken() -> None:
    out = Synchronized(approximate(50)).feed((0, 100), (0, 120), (0, 140), (1, 123)).outputs
    assert out == milliseconds((120, 123))


def test_slop_bounds_the_whole_set() -> None:
    sync = Synchronized(approximate(10), inputs=3).feed((0, 100), (1, 108), (2, 116))
    assert sync.outputs == []  # each within 10 ms of its neighbour, the ends 16 ms apart
    assert sync.feed((2, 104)).outputs == milliseconds((100, 108, 104))


def test_approximate_queue_keeps_the_newest() -> None:
    assert Synchronized(approximate(5, queue_size=1)).feed((0, 100), (0, 200), (1, 101)).outputs == []


@pytest.mark.slow
@given(
    stamps=st.lists(st.integers(0, 200), min_size=1, max_size=12, unique=True),
    shift=st.integers(-4, 4),
    seed=st.randoms(use_true_random=False),
)
def test_every_output_is_within_the_slop_and_no_message_comes_twice(stamps, shift, seed) -> None:
    arrivals = [(0, 1000 + stamp) for stamp in stamps] + [(1, 1000 + stamp + shift) for stamp in stamps]
    seed.shuffle(arrivals)
    out = Synchronized(approximate(5, queue_size=50)).feed(*arrivals).outputs
    assert all(abs(a - b) < 5_000_000 for a, b in out)
    for side in zip(*out, strict=True):
        assert len(set(side)) == len(side)
    if (
        shift == 0
        and min((b - a for a, b in zip(sorted(stamps), sorted(stamps)[1:], strict=False)), default=9) > 5
    ):
        assert len(out) == len(stamps)


def test_headerless_messages_are_refused_unless_allowed() -> None:
    for allowed, expected in ((False, 0), (True, 1)):
        inputs = [SimpleFilter(), SimpleFilter()]
        heard: list[tuple] = []
        sync = ApproximateTimeSynchronizer(inputs, 5, 10.0, allow_headerless=allowed)
        sync.registerCallback(lambda *m, heard=heard: heard.append(m))
        for source in inputs:
            source.signalMessage(String(data="x"))
        assert len(heard) == expected


def test_arrival_time_can_replace_the_stamps() -> None:
    if "sync_arrival_time" not in inspect.signature(ApproximateTimeSynchronizer).parameters:
        pytest.skip("this release of message_filters has no sync_arrival_time")
    sync = Synchronized(approximate(10_000, sync_arrival_time=True)).feed((0, 1), (1, 500_000))
    assert sync.outputs == milliseconds((1, 500_000))


@pytest.fixture(scope="module", autouse=True)
def _ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.shutdown()


@pytest.fixture(params=[Node, LifecycleNode])
def node(request) -> Iterator[Node]:
    node = request.param("message_filters_test")
    yield node
    node.destroy_node()


def test_topics_come_together_on_plain_and_lifecycle_nodes(node: Node) -> None:
    group = MutuallyExclusiveCallbackGroup()
    depth = Subscriber(node, Image, "depth", qos_profile=qos_profile_sensor_data, callback_group=group)
    info = Subscriber(node, CameraInfo, "info", qos_profile=QoSProfile(depth=5), callback_group=group)
    heard: list[SimpleNamespace] = []
    synchronizer = ApproximateTimeSynchronizer([depth, info], 5, 0.01)
    synchronizer.registerCallback(lambda d, i: heard.append(SimpleNamespace(depth=d, info=i)))

    assert depth.sub.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert depth.sub.callback_group is group
    assert depth.topic == depth.getTopic() == "depth"
    assert depth.topic_name.endswith("/depth")  # an attribute of the subscription

    talker = Node("message_filters_talker")
    depth_out, info_out = (
        talker.create_publisher(Image, "depth", 5),
        talker.create_publisher(CameraInfo, "info", 5),
    )
    deadline = time.monotonic() + 60
    stamp = 0
    while not heard and time.monotonic() < deadline:
        stamp += 100_000_000
        camera_info = CameraInfo(width=stamp // 100_000_000)
        camera_info.header.stamp = image(stamp + 1000).header.stamp
        info_out.publish(camera_info)
        depth_out.publish(image(stamp))
        for _ in range(4):
            rclpy.spin_once(node, timeout_sec=0.02)
    talker.destroy_node()
    node.destroy_subscription(depth.sub)
    node.destroy_subscription(info.sub)
    assert heard, "nothing came through within 60 s"
    assert nanoseconds(heard[0].depth) == heard[0].info.width * 100_000_000
