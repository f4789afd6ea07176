"""Images and camera infos are matched by stamp; what is wrong with the two topics is named."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hand_pose_ros.nodes import inputs
from hand_pose_ros.nodes.diagnostics import FrameOutcome
from hand_pose_ros.nodes.inputs import DepthInputs, InputCallbacks
from hand_pose_ros.nodes.topics import DEPTH_QOS, DEPTH_TOPIC, INFO_QOS, LATCHED_QOS


class Log:
    """A throttled logger that keeps everything."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, str]] = []

    def warn(self, key: str, text: str) -> None:
        self.warnings.append((key, text))

    error = warn

    def keys(self) -> list[str]:
        return [key for key, _ in self.warnings]


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    made = rclpy.create_node("listener", context=context, namespace="robot")
    yield made
    made.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def clock(monkeypatch):
    """Steady time that only the test moves."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(inputs, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


class Bench:
    """The inputs of a node, fed without middleware."""

    def __init__(self, node: Any, slop_s: float = 0.01, transport: str = "raw") -> None:
        self.log = Log()
        self.pairs: list[tuple[float, float]] = []
        self.images = 0
        self.backwards: list[str] = []
        self.dropped: list[FrameOutcome] = []
        self.borrowed = 0
        self.hints: dict[str, str | None] = {}
        self.inputs = DepthInputs(
            node,
            self.log,
            slop_s,
            InputCallbacks(
                on_pair=self.pair,
                on_depth=self.count,
                on_backwards=self.backwards.append,
                on_drop=self.dropped.append,
                on_borrow=self.borrow,
                on_hint=lambda subject, text: self.hints.update({subject: text}),
            ),
            transport,
        )

    def pair(self, image: Image, info: CameraInfo) -> None:
        self.pairs.append((stamp_of(image), stamp_of(info)))

    def count(self) -> None:
        self.images += 1

    def borrow(self) -> None:
        self.borrowed += 1

    def image(self, stamp_s: float, sender: bytes = b"") -> None:
        self.inputs._take_depth_of(Image(header=header(stamp_s)), sender)

    def info(self, stamp_s: float) -> None:
        self.inputs._take_info(CameraInfo(header=header(stamp_s)))


def header(stamp_s: float, frame: str = "") -> Header:
    made = Header(frame_id=frame)
    made.stamp.sec, made.stamp.nanosec = int(stamp_s), round((stamp_s % 1) * 1e9)
    return made


def stamp_of(message: Any) -> float:
    return message.header.stamp.sec + message.header.stamp.nanosec * 1e-9


def test_equal_stamps_match_in_either_order_of_arrival(node):
    bench = Bench(node, slop_s=0.0)
    bench.image(1.0)
    bench.info(1.0)
    bench.info(1.5)
    bench.image(1.5)
    bench.image(2.0)
    bench.info(2.001)
    assert bench.pairs == [(1.0, 1.0), (1.5, 1.5)]
    assert bench.images == 3


@pytest.mark.parametrize("slop_s", [0.0, 0.01])
def test_what_raises_over_a_pair_is_not_the_end_of_the_matching(node, slop_s):
    """message_filters keeps its lock when the callback raises: all that came later would wait for ever."""
    bench = Bench(node, slop_s)
    working, bench.inputs._callbacks = (
        bench.inputs._callbacks,
        replace(bench.inputs._callbacks, on_pair=raise_once),
    )
    bench.info(1.0)
    with pytest.raises(RuntimeError, match="once"):
        bench.image(1.0)
    bench.inputs._callbacks = working
    in_time(lambda: (bench.info(1.1), bench.image(1.1)))
    assert bench.pairs == [(1.1, 1.1)]


@pytest.mark.parametrize("slop_s", [0.0, 0.01])
def test_stamps_before_1970_are_not_the_end_of_the_matching(node, slop_s):
    """rclpy has no such time, and message_filters raises with its lock held."""
    bench = Bench(node, slop_s)
    in_time(lambda: [feed(-5.0) for feed in (bench.info, bench.image)])
    in_time(lambda: [feed(stamp) for stamp in (1.0, 1.1) for feed in (bench.info, bench.image)])
    assert bench.pairs[-2:] == [(1.0, 1.0), (1.1, 1.1)]


def raise_once(image: Image, info: CameraInfo) -> None:
    raise RuntimeError("once")


def in_time(what: Callable[[], object]) -> None:
    """Does it, in a thread that is left behind if it hangs."""
    thread = threading.Thread(target=what, daemon=True)
    thread.start()
    thread.join(5.0)
    assert not thread.is_alive(), "hangs"


def test_near_stamps_match_within_the_slop(node):
    bench = Bench(node, slop_s=0.01)
    bench.image(1.0)
    bench.info(1.005)
    bench.image(2.0)
    bench.info(2.05)
    assert bench.pairs == [(1.0, 1.005)]


def test_stamps_that_go_backwards_are_reported_and_leftovers_do_not_stand_in_the_way(node):
    bench = Bench(node)
    for stamp in (100.0, 101.0, 102.0):  # images without their infos
        bench.image(stamp)
    bench.image(5.0)
    bench.info(5.0)
    assert bench.pairs == [(5.0, 5.0)]
    (reason,) = bench.backwards
    assert "'/robot/depth/image_rect' went backwards" in reason


def test_frame_out_of_order_is_no_clock_that_was_set_back(node):
    bench = Bench(node)
    bench.image(10.0)
    bench.image(9.8)
    assert bench.backwards == []


def test_cameras_of_both_reliabilities_are_heard():
    for qos in (DEPTH_QOS, INFO_QOS):
        assert qos.reliability == ReliabilityPolicy.BEST_EFFORT
    assert DEPTH_QOS.depth == 1


def test_missing_camera_info_is_named_once_in_a_while(node, clock):
    bench = Bench(node)
    for _ in range(30):
        clock.now += 0.5
        bench.image(clock.now)
        bench.inputs._watch()
    assert bench.log.keys() == ["no info", "no info"]
    assert "'/robot/depth/camera_info'" in bench.log.warnings[0][1]


def test_stamps_that_never_match_name_the_parameter(node, clock):
    bench = Bench(node)
    for _ in range(4):
        clock.now += 0.5
        bench.image(clock.now)
        bench.info(clock.now + 0.1)
        bench.inputs._watch()
    assert bench.log.keys() == ["no match"]
    assert "sync_slop_s" in bench.log.warnings[0][1]


def test_healthy_inputs_are_never_complained_of(node, clock):
    bench = Bench(node)
    for _ in range(60):
        clock.now += 0.4
        bench.image(clock.now)
        bench.info(clock.now)
        bench.inputs._watch()
    assert bench.log.warnings == []


@pytest.mark.parametrize("kept, told", [(0.18, True), (0.6, True), (0.95, False)])
def test_images_that_are_lost_in_part_are_counted_with_the_remedy(node, clock, kept, told):
    bench = Bench(node)
    arrived = 0.0
    for i, stamp in enumerate(at_30_hz(100.0, 150)):
        arrived += kept
        clock.now += 1 / 30
        bench.info(stamp)
        if arrived >= 1.0:
            arrived -= 1.0
            bench.image(stamp)
        if i % 15 == 14:
            bench.inputs._watch()
    assert bench.log.keys() == (["loss"] if told else [])
    if told:
        text = bench.log.warnings[0][1]
        assert re.search(r"images are lost: \d+ of \d+ arrived on '/robot/depth/image_rect'", text)
        assert "fastdds.xml" in text
        assert "'qos_overrides./robot/depth/image_rect.subscription.reliability'" in text


@pytest.mark.parametrize("every", [2, 3, 10])
def test_images_that_are_throttled_are_told_once_as_what_they_may_be(node, clock, every):
    bench = Bench(node)
    for i, stamp in enumerate(at_30_hz(100.0, 1200)):
        clock.now += 1 / 30
        bench.info(stamp)
        if i % every == 0:
            bench.image(stamp)
        if i % 15 == 14:
            bench.inputs._watch()
    assert bench.log.keys() == ["loss"]
    assert "throttled on purpose" in bench.log.warnings[0][1]


def test_infos_of_two_cameras_on_one_topic_are_told_once_as_what_they_may_be(node, clock):
    bench = Bench(node)
    for i, stamp in enumerate(at_30_hz(100.0, 600)):
        play(bench, clock, [stamp])
        bench.info(stamp + 0.001)
        if i % 15 == 14:
            bench.inputs._watch()
    assert bench.log.keys() == ["loss"]
    assert "several cameras" in bench.log.warnings[0][1]


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.7])
def test_images_that_are_lost_at_random_are_told_for_as_long_as_they_are(node, clock, kept):
    random = np.random.default_rng(5)
    bench = Bench(node)
    for i, stamp in enumerate(at_30_hz(100.0, 1200)):
        clock.now += 1 / 30
        bench.info(stamp)
        if random.random() < kept:
            bench.image(stamp)
        if i % 15 == 14:
            bench.inputs._watch()
    assert set(bench.log.keys()) == {"loss"}
    assert len(bench.log.warnings) >= 3
    assert not any("evenly" in text for _, text in bench.log.warnings)


def test_images_whose_topic_is_found_later_than_that_of_the_infos_are_not_lost(node, clock):
    bench = Bench(node)
    clock.now += 60.0
    stamps = at_30_hz(100.0, 120)
    for stamp in stamps[:15]:
        clock.now += 1 / 30
        bench.info(stamp)
    for stamp in stamps[15:]:
        play(bench, clock, [stamp])
        bench.inputs._watch()
    assert "loss" not in [key for key, _ in bench.log.warnings]


def test_infos_that_repeat_a_stamp_are_no_lost_images(node, clock):
    """Two cameras of one driver may share their camera infos' topic."""
    bench = Bench(node)
    for stamp in at_30_hz(100.0, 200):
        play(bench, clock, [stamp])
        bench.info(stamp)
        bench.inputs._watch()
    assert bench.log.warnings == []


def test_nobody_publishing_is_reported_after_some_time(node, clock):
    bench = Bench(node)
    clock.now += 9.0
    bench.inputs._watch()
    assert bench.log.warnings == []
    clock.now += 2.0
    bench.inputs._watch()
    assert bench.log.keys() == ["no publisher"]


def test_topic_of_another_type_is_named(node, clock, monkeypatch):
    bench = Bench(node)
    other = SimpleNamespace(topic_type="sensor_msgs/msg/PointCloud2")
    monkeypatch.setattr(node, "get_publishers_info_by_topic", lambda topic: [other])
    clock.now += 11.0
    bench.inputs._watch()
    assert bench.log.keys() == ["wrong type"]
    assert "PointCloud2" in bench.log.warnings[0][1]


@pytest.mark.parametrize(
    "transport, named, published, told",
    [
        ("raw", None, "/compressedDepth", "' is: set the parameter 'input_transport' to compressedDepth"),
        ("compressedDepth", None, "", "depth/image_rect' is: set the parameter 'input_transport' to raw"),
        ("compressedDepth", "/d/compressedDepth/compressedDepth", "/d/compressedDepth",
         "'/d/compressedDepth' is: name the depth images' topic '/d'"),
        ("raw", None, "/elsewhere", ""),
    ],
)  # fmt: skip
def test_images_that_come_by_the_other_transport_are_told(
    node, clock, monkeypatch, transport, named, published, told
):
    """A bag holds compressed images alone, or somebody named the topic as the bag does."""
    bench = Bench(node, transport=transport)
    watch = bench.inputs._input_watch
    watch._depth_topic = named or watch._depth_topic
    published = published if named else "/robot/depth/image_rect" + published
    there = SimpleNamespace(topic_type="")
    monkeypatch.setattr(
        node, "get_publishers_info_by_topic", lambda topic: [there] if topic == published else []
    )
    clock.now += 11.0
    bench.inputs._watch()
    ((key, text),) = bench.log.warnings
    assert key == "no publisher"
    assert told in text
    assert (", but '" in text) == bool(told)


def test_a_compressed_topic_that_is_named_as_a_raw_one_is_told(node, clock, monkeypatch):
    bench = Bench(node)
    bench.inputs._input_watch._depth_topic = "/d/compressedDepth"
    other = SimpleNamespace(topic_type="sensor_msgs/msg/CompressedImage")
    monkeypatch.setattr(node, "get_publishers_info_by_topic", lambda topic: [other])
    clock.now += 11.0
    bench.inputs._watch()
    assert "name the topic '/d' and set the parameter 'input_transport'" in bench.log.warnings[0][1]


def camera(node, monkeypatch: pytest.MonkeyPatch, there: list[bool]) -> None:
    """A camera whose topic is there while ``there[0]``, of the right type and quality."""
    one = SimpleNamespace(topic_type="sensor_msgs/msg/Image", qos_profile=DEPTH_QOS)
    monkeypatch.setattr(node, "get_publishers_info_by_topic", lambda topic: [one] if there[0] else [])


def look_each_half_second(bench, clock, seconds: float) -> None:
    for _ in range(round(2 * seconds)):
        clock.now += 0.5
        bench.inputs._watch()


@pytest.mark.parametrize("waited_s", [0.0, 8.0, 30.0, 600.0])
def test_a_camera_has_as_long_to_send_its_first_image_whenever_its_topic_comes(
    node, clock, monkeypatch, waited_s
):
    bench, there = Bench(node), [False]
    camera(node, monkeypatch, there)
    look_each_half_second(bench, clock, waited_s)
    there[0] = True
    bench.log.warnings.clear()
    look_each_half_second(bench, clock, 9.5)
    assert bench.log.warnings == []
    look_each_half_second(bench, clock, 2.5)
    assert bench.log.keys() == ["silence"]


def test_a_camera_that_was_started_again_has_that_time_again(node, clock, monkeypatch):
    bench, there = Bench(node), [True]
    camera(node, monkeypatch, there)
    look_each_half_second(bench, clock, 8.0)
    there[0] = False
    look_each_half_second(bench, clock, 1.0)
    there[0] = True
    look_each_half_second(bench, clock, 9.5)
    assert bench.log.warnings == []


@pytest.mark.parametrize("waited_s", [2.0, 9.0, 30.0])
def test_the_first_image_of_a_camera_may_come_before_the_first_info(node, clock, waited_s):
    bench = Bench(node)
    look_each_half_second(bench, clock, waited_s)
    bench.log.warnings.clear()
    bench.image(1.0)
    bench.inputs._watch()
    clock.now += 0.5
    bench.image(1.5)
    bench.inputs._watch()
    assert bench.log.warnings == []
    bench.info(1.4)  # of another image, whose own is on its way
    bench.inputs._watch()
    assert bench.log.warnings == []


def test_camera_that_stops_is_reported(node, clock, monkeypatch):
    bench = Bench(node)
    camera = SimpleNamespace(topic_type="sensor_msgs/msg/Image")
    monkeypatch.setattr(node, "get_publishers_info_by_topic", lambda topic: [camera])
    bench.image(1.0)
    bench.info(1.0)
    clock.now += 11.0
    bench.inputs._watch()
    assert bench.log.keys() == ["stopped"]


def test_two_cameras_on_one_topic_are_told_while_both_publish(node, clock):
    bench = Bench(node)

    def play(seconds, *senders):
        for step in range(round(seconds * 30)):
            clock.now += 1 / 30
            bench.image(clock.now, senders[step % len(senders)])
            bench.info(clock.now)
            if step % 15 == 0:
                bench.inputs._watch()

    play(5.0, b"front")
    play(5.0, b"front again")
    assert bench.log.warnings == []
    assert bench.hints == {"publishers": None}
    play(3.0, b"front again", b"back")
    assert set(bench.log.keys()) == {"publishers"}
    assert "several publish '/robot/depth/image_rect'" in bench.log.warnings[0][1]
    assert bench.hints == {"publishers": bench.log.warnings[0][1]}
    play(5.0, b"back")
    assert bench.hints == {"publishers": None}


def test_closing_ends_both_subscriptions(node):
    bench = Bench(node)
    deadline = time.monotonic() + 60

    def subscribers() -> int:
        return node.count_subscribers(node.resolve_topic_name(DEPTH_TOPIC))

    while subscribers() != 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert subscribers() == 1
    bench.inputs.close()
    while subscribers() != 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert subscribers() == 0
    assert list(node.timers) == []


def play(bench: Bench, clock: Any, stamps: list[float], infos: bool = True) -> None:
    """A frame every 33 ms, its info first."""
    for stamp in stamps:
        clock.now += 1 / 30
        if infos:
            bench.info(stamp)
        bench.image(stamp)


def at_30_hz(start: float, count: int) -> list[float]:
    return [start + i / 30 for i in range(count)]


@pytest.mark.parametrize("jump_s", [5.0, -5.0, -100.0, -0.7])
def test_a_single_image_with_a_bad_stamp_is_left_out_and_nothing_else(node, clock, jump_s):
    bench = Bench(node)
    stamps = at_30_hz(100.0, 40)
    stamps[20] += jump_s
    play(bench, clock, stamps)
    assert [image for image, _ in bench.pairs] == pytest.approx(stamps[:20] + stamps[21:])
    assert bench.backwards == []
    assert bench.dropped == [FrameOutcome.STRAY_STAMP]
    assert bench.log.keys() == ["stray stamp"]


def test_clocks_that_alternate_do_not_start_afresh(node, clock):
    bench = Bench(node)
    play(bench, clock, [t + (4.0 if i % 2 else 0.0) for i, t in enumerate(at_30_hz(100.0, 100))])
    assert len(bench.pairs) == 50
    assert bench.backwards == []


def test_a_clock_that_was_set_starts_afresh_once_there_and_once_back(node, clock):
    bench = Bench(node)
    blocks = at_30_hz(100.0, 20) + at_30_hz(104.6, 20) + at_30_hz(101.4, 20)
    play(bench, clock, blocks)
    assert ["jumped ahead" in reason for reason in bench.backwards] == [True, False]
    # The two frames before the one that tells are lost, each time.
    assert len(bench.pairs) == 60 - 4


@pytest.mark.parametrize("info_first", [True, False])
def test_a_slow_recording_that_is_played_fast_is_followed_once(node, clock, info_first):
    """The node clears the inputs whenever they tell that a clock was set."""
    bench = Bench(node)

    def start_afresh(reason: str) -> None:
        bench.backwards.append(reason)
        bench.inputs.clear()

    bench.inputs._callbacks = replace(bench.inputs._callbacks, on_backwards=start_afresh)
    for i in range(30):  # 1 Hz, five times as fast
        clock.now += 0.2
        for publish in (bench.info, bench.image) if info_first else (bench.image, bench.info):
            publish(1000.0 + i)
        bench.inputs._serve_late()
    assert len(bench.backwards) == 1
    assert len(bench.pairs) >= 27
    assert [image for image, _ in bench.pairs[-20:]] == [1000.0 + i for i in range(10, 30)]


@pytest.mark.parametrize("count", [1, 5, 12])
def test_camera_infos_from_the_future_do_not_block_the_matching(node, clock, count):
    bench = Bench(node)
    play(bench, clock, at_30_hz(100.0, 10))
    for i in range(count):
        bench.info(160.0 + i)
    play(bench, clock, at_30_hz(100.0 + 10 / 30, 30))
    assert len(bench.pairs) >= 38
    assert [pair for pair in bench.pairs[-20:] if pair[0] != pair[1]] == []


def test_clearing_empties_the_matching(node, clock):
    bench = Bench(node)
    for i in range(5):
        bench.info(160.0 + i)
    bench.inputs.clear()
    play(bench, clock, at_30_hz(100.0, 3))
    assert [image for image, _ in bench.pairs] == pytest.approx(at_30_hz(100.0, 3))


def test_stray_image_after_which_nothing_comes_is_answered_after_a_while(node, clock):
    bench = Bench(node)
    play(bench, clock, at_30_hz(100.0, 10))
    clock.now += 1.0
    bench.info(50.0)
    bench.image(50.0)
    assert len(bench.pairs) == 10
    clock.now += 0.5
    bench.inputs._watch()
    assert bench.pairs[-1] == (50.0, 50.0)
    assert len(bench.backwards) == 1


def test_images_between_infos_get_the_last_one(node, clock):
    bench = Bench(node)
    for i, stamp in enumerate(at_30_hz(100.0, 60)):
        play(bench, clock, [stamp], infos=i % 30 == 0)
    assert len(bench.pairs) >= 58
    assert len({info for _, info in bench.pairs}) == 2
    assert bench.borrowed == len(bench.pairs) - 2
    clock.now += 0.5
    bench.inputs._watch()
    bench.image(102.5)
    clock.now += 0.6
    bench.inputs._watch()
    assert set(bench.log.keys()) == {"slow info"}


@pytest.mark.parametrize("frame", ["", "/camera", "camera"])
def test_slow_infos_serve_however_they_write_the_frame(node, clock, frame):
    bench = Bench(node)
    for i, stamp in enumerate(at_30_hz(100.0, 60)):
        clock.now += 1 / 30
        if i % 30 == 0:
            bench.inputs._take_info(CameraInfo(header=header(stamp, frame)))
        bench.inputs._take_depth(Image(header=header(stamp, "camera")))
    assert len(bench.pairs) >= 58


def test_where_infos_are_slow_a_latched_one_is_asked_for_too(node, clock, monkeypatch):
    """A driver that is started again publishes its info once more: it may come before it has found this node."""
    publisher = SimpleNamespace(
        topic_type="sensor_msgs/msg/CameraInfo", qos_profile=LATCHED_QOS, node_name="a", node_namespace="/"
    )
    monkeypatch.setattr(node, "get_publishers_info_by_topic", lambda topic: [publisher])
    bench = Bench(node)
    play(bench, clock, at_30_hz(100.0, 10))  # each image has its own: nothing to ask for
    bench.inputs._watch()
    assert bench.inputs._latched_info is None
    for stamp in at_30_hz(101.0, 60):
        clock.now += 1 / 30
        bench.image(stamp)
    bench.inputs._watch()
    assert bench.inputs._latched_info is not None


def test_own_info_of_another_frame_is_used_and_told_once(node, clock):
    bench = Bench(node)
    for stamp in at_30_hz(100.0, 60):
        clock.now += 1 / 30
        bench.inputs._take_info(CameraInfo(header=header(stamp, "colour")))
        bench.inputs._take_depth(Image(header=header(stamp, "camera")))
    assert len(bench.pairs) == 60
    assert bench.log.keys() == ["frames"]
    assert "'camera'" in bench.log.warnings[0][1]
    assert "'colour'" in bench.log.warnings[0][1]


def test_info_of_another_clock_serves(node, clock):
    bench = Bench(node)
    for i, stamp in enumerate(at_30_hz(1000.0, 30)):
        clock.now += 1 / 30
        bench.info(5.0 + i / 30)
        bench.image(stamp)
        clock.now += bench.inputs._fallback.interval_s
        bench.inputs._serve_late()
    assert len(bench.pairs) >= 28


@pytest.mark.parametrize("info_first", [True, False])
def test_when_infos_begin_late_no_image_follows_a_newer_one(node, clock, info_first):
    bench = Bench(node)
    stamps = at_30_hz(100.0, 90)
    play(bench, clock, stamps[:45], infos=False)
    for stamp in stamps[45:]:
        clock.now += 1 / 30
        for publish in (bench.info, bench.image) if info_first else (bench.image, bench.info):
            publish(stamp)
        bench.inputs._serve_late()
    images = [image for image, _ in bench.pairs]
    assert images == sorted(images)
    assert images[-45:] == pytest.approx(stamps[45:])
    assert len(images) + len(bench.dropped) == 90
    assert set(bench.dropped) == {FrameOutcome.NO_INFO}


def test_an_image_whose_info_was_lost_comes_before_the_next_one(node, clock):
    bench = Bench(node)
    stamps = at_30_hz(100.0, 30)
    play(bench, clock, stamps[:20])
    play(bench, clock, stamps[20:21], infos=False)
    play(bench, clock, stamps[21:])
    assert [image for image, _ in bench.pairs] == pytest.approx(stamps)
    assert bench.dropped == []
    assert bench.borrowed == 1


def test_images_without_any_info_are_counted(node, clock):
    bench = Bench(node)
    play(bench, clock, at_30_hz(100.0, 30), infos=False)
    assert bench.dropped == [FrameOutcome.NO_INFO] * 25
    for _ in range(10):  # the last ones are, too, although none comes after them
        clock.now += 0.05
        bench.inputs._serve_late()
    assert bench.dropped == [FrameOutcome.NO_INFO] * 30


def test_images_of_one_stamp_are_counted_and_told(node, clock):
    bench = Bench(node)
    play(bench, clock, [100.0] * 20)
    assert bench.pairs == [(100.0, 100.0)]
    assert bench.dropped == [FrameOutcome.OUT_OF_ORDER] * 19
    assert set(bench.log.keys()) == {"equal stamps"}
