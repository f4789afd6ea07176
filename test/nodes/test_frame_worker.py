"""The worker answers the newest frame, drops what is old, and goes on whatever a frame brings."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from hand_pose_ros.nodes import frame_worker
from hand_pose_ros.nodes.diagnostics import FrameStatistics
from hand_pose_ros.nodes.frame_worker import FrameWorker
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PARAMETERS
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger

WIDTH, HEIGHT = 64, 48


class Outputs:
    """Keeps what would be published."""

    def __init__(self) -> None:
        self.published: list[SimpleNamespace] = []
        self.pictures = self.hidden = 0

    def publish(self, hands: Any, raw: Any, state: Any, header: Header) -> None:
        self.published.append(SimpleNamespace(hands=hands, raw=raw, state=state, header=header))

    def publish_pictures(self, *_: Any) -> None:
        self.pictures += 1

    def hide(self) -> None:
        self.hidden += 1


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, line: str) -> None:
        self.lines.append(line)

    info = error = warning


class Bench:
    """A worker without topics around it."""

    def __init__(self, tracker: Any, context: rclpy.Context, **parameters: Any) -> None:
        self.node = LifecycleNode("worker", context=context)
        self.tracker = tracker
        self.outputs = Outputs()
        self.statistics = FrameStatistics()
        self.log = Log()
        values = {p.name: p.default for p in TRACKER_PARAMETERS} | {"max_age_s": 0.0} | parameters
        self.worker = FrameWorker(
            self.node, tracker, values, self.outputs, self.statistics, ThrottledLogger(self.log)
        )

    def offer(self, stamp_s: float, info: dict[str, Any] | None = None, **image: Any) -> None:
        header = Header(frame_id="camera")
        header.stamp.sec, header.stamp.nanosec = int(stamp_s), round((stamp_s % 1) * 1e9)
        picture = Image(header=header, width=WIDTH, height=HEIGHT, encoding="16UC1", step=2 * WIDTH)
        picture.data = np.full((HEIGHT, WIDTH), 500, "<u2").tobytes()
        camera = CameraInfo(header=header, width=WIDTH, height=HEIGHT)
        camera.k = [60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0]
        for message, changes in ((picture, image), (camera, info or {})):
            for name, value in changes.items():
                setattr(message, name, value)
        self.worker.offer(picture, camera)

    def wait_for_frames(self, count: int) -> None:
        """Until the tracker has been given so many."""
        deadline = time.monotonic() + 60
        while len(self.tracker.stamps) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def wait_for(self, count: int, key: str = "published") -> bool:
        deadline = time.monotonic() + 60
        while self.statistics.figures()[key] < count and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.statistics.figures()[key] == count

    def play(self, *stamps: float) -> None:
        """Frames one after the other, each answered before the next."""
        for stamp in stamps:
            done = self.outputs.pictures
            self.offer(stamp)
            deadline = time.monotonic() + 60
            while self.outputs.pictures == done and time.monotonic() < deadline:
                time.sleep(0.005)
            assert self.outputs.pictures == done + 1


@pytest.fixture
def bench():
    context = rclpy.Context()
    rclpy.init(context=context)
    made: list[Bench] = []

    def make(tracker: Any, **parameters: Any) -> Bench:
        made.append(Bench(tracker, context, **parameters))
        return made[-1]

    yield make
    for each in made:
        each.worker.stop()
        each.node.destroy_node()
    rclpy.shutdown(context=context)


def test_answer_has_the_hands_and_the_header_of_its_frame(bench: Callable[..., Bench], fake_tracker, hand):
    tested = bench(fake_tracker((hand(),)))
    tested.play(7.25)
    (answer,) = tested.outputs.published
    assert (answer.header.stamp.sec, answer.header.stamp.nanosec) == (7, 250_000_000)
    assert [hand.side for hand in answer.hands] == ["right"]
    np.testing.assert_allclose(tested.tracker.depths[0], 0.5)
    assert tested.worker.tracking == "track"


@pytest.mark.slow
@pytest.mark.parametrize("start_s", [0.0, 1.0, 1_795_000_000.0])
def test_tracker_counts_time_from_the_first_frame_whatever_the_clock_says(
    bench: Callable[..., Bench], fake_tracker, start_s: float
):
    """Floating point has a quarter of a microsecond left for seconds since 1970."""
    tested = bench(fake_tracker())
    tested.play(start_s + 0.5, start_s + 0.625)
    tested.worker.request_reset()
    tested.play(start_s + 2.0, start_s + 2.125, start_s + 2.25)
    assert tested.tracker.stamps == [0.0, 0.125, 0.0, 0.125, 0.25]


@pytest.mark.slow
def test_newer_frame_replaces_the_one_that_waits(bench: Callable[..., Bench], fake_tracker):
    tested = bench(fake_tracker())
    tested.tracker.go_on.clear()
    tested.offer(1.0)
    tested.wait_for_frames(1)
    for stamp in (2.0, 3.0, 4.0):
        tested.offer(stamp)
    tested.tracker.go_on.set()
    assert tested.wait_for(2)
    assert tested.tracker.stamps == [0.0, 3.0]
    assert tested.statistics.figures()["dropped_newer_arrived"] == 2


@pytest.mark.slow
def test_frame_that_is_not_after_the_last_one_is_dropped(bench: Callable[..., Bench], fake_tracker):
    tested = bench(fake_tracker())
    tested.play(5.0)
    tested.offer(5.0)
    assert tested.wait_for(1, "dropped_out_of_order")
    assert tested.tracker.stamps == [0.0]


@pytest.mark.slow
def test_reset_lets_time_begin_anew(bench: Callable[..., Bench], fake_tracker):
    tested = bench(fake_tracker())
    tested.play(5.0)
    tested.worker.request_reset()
    tested.play(1.0)
    assert tested.tracker.resets == 1
    assert tested.tracker.stamps == [0.0, 0.0]


@pytest.mark.slow
def test_result_of_a_frame_taken_before_a_reset_is_thrown_away(
    bench: Callable[..., Bench], fake_tracker, hand
):
    """A bag that loops while a frame is in work, and another one waits."""
    tested = bench(fake_tracker((hand(),)))
    tested.tracker.go_on.clear()
    called: list[int] = []
    tested.worker.on_reset = lambda: called.append(1)
    tested.offer(113.0)
    tested.wait_for_frames(1)
    tested.offer(113.1)
    tested.worker.request_reset()
    tested.tracker.go_on.set()
    assert tested.wait_for(2, "dropped_before_reset")
    tested.play(100.0)
    assert [answer.header.stamp.sec for answer in tested.outputs.published] == [100]
    assert tested.tracker.stamps == [0.0, 0.0]
    assert called == [1]


@pytest.mark.slow
def test_a_reset_that_comes_at_any_moment_is_not_used_up_by_an_older_frame(
    bench: Callable[..., Bench], fake_tracker, monkeypatch: pytest.MonkeyPatch
):
    """A bag that loops just when the worker has taken a frame."""
    tested = bench(fake_tracker())
    tested.play(113.0)
    young = tested.worker.young_enough

    def interrupted(stamp_ns: int) -> bool:
        if not tested.worker._resets:
            tested.worker.request_reset()
        return young(stamp_ns)

    monkeypatch.setattr(tested.worker, "young_enough", interrupted)
    tested.offer(113.1)
    assert tested.wait_for(1, "dropped_before_reset")
    tested.play(100.0, 100.1)
    assert [answer.header.stamp.sec for answer in tested.outputs.published] == [113, 100, 100]
    assert tested.tracker.resets == 1


@pytest.mark.slow
def test_pictures_of_a_frame_from_before_a_reset_are_thrown_away_too(
    bench: Callable[..., Bench], fake_tracker, monkeypatch: pytest.MonkeyPatch
):
    tested = bench(fake_tracker())
    counted = tested.statistics.publish

    def interrupted(*figures: Any) -> None:
        tested.worker.request_reset()
        counted(*figures)

    monkeypatch.setattr(tested.statistics, "publish", interrupted)
    tested.offer(113.0)
    assert tested.wait_for(1)
    tested.worker.stop()
    assert tested.outputs.pictures == 0


@pytest.mark.slow
def test_a_picture_that_is_drawn_when_a_reset_comes_is_not_published(
    bench: Callable[..., Bench], fake_tracker
):
    tested = bench(fake_tracker())
    published: list[tuple[object, object]] = []

    def draw(
        hands: Any, header: Header, depth: Any, camera: Any, publish: Callable[[Any, object], None]
    ) -> None:
        publisher = SimpleNamespace(publish=lambda message: published.append(message))
        publish(publisher, "markers")
        if header.stamp.sec == 113:
            tested.worker.request_reset()
        publish(publisher, "overlay")
        tested.outputs.pictures += 1

    tested.outputs.publish_pictures = draw
    tested.play(113.0, 100.0)
    assert published == ["markers", "markers", "overlay"]


@pytest.mark.slow
def test_a_frame_from_before_a_reset_tells_nobody_that_the_tracker_is_disabled(
    bench: Callable[..., Bench], fake_tracker
):
    tested = bench(fake_tracker())
    tested.play(113.0)
    reset = tested.tracker.reset

    def interrupted() -> None:
        reset()
        if tested.tracker.resets == 1:
            tested.worker.request_reset()

    tested.tracker.reset = interrupted
    tested.worker.set_enabled(False)
    tested.offer(113.1)
    assert tested.wait_for(1, "dropped_disabled")
    tested.offer(100.0)
    assert tested.wait_for(2, "dropped_disabled")
    tested.worker.stop()
    assert [answer.header.stamp.sec for answer in tested.outputs.published] == [113, 100]


@pytest.mark.slow
def test_what_a_disabled_tracker_was_doing_is_forgotten_with_the_first_frame_after(
    bench: Callable[..., Bench], fake_tracker
):
    """Diagnostics show no fault of a tracker that is switched off; one that fails afterwards is at fault."""
    tested = bench(fake_tracker())
    tested.worker.set_enabled(False)
    tested.offer(1.0)
    assert tested.wait_for(1, "dropped_disabled")
    assert tested.worker.tracking == "disabled"
    tested.tracker.raises = RuntimeError("no")
    tested.worker.set_enabled(True)
    tested.offer(2.0)
    assert tested.wait_for(1, "rejected_bad_input")
    assert tested.worker.tracking != "disabled"


@pytest.mark.slow
def test_equal_stamps_are_told(bench: Callable[..., Bench], fake_tracker):
    tested = bench(fake_tracker())
    tested.play(5.0)
    tested.offer(5.0)
    assert tested.wait_for(1, "dropped_out_of_order")
    assert "stamp" in tested.log.lines[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "stamp_s, reason", [(0.0, "the camera driver does not stamp them"), (1000.0, "use_sim_time")]
)
def test_old_frame_is_dropped_with_the_reason(bench: Callable[..., Bench], fake_tracker, stamp_s, reason):
    tested = bench(fake_tracker(), max_age_s=1.0)
    tested.offer(stamp_s)
    assert tested.wait_for(1, "dropped_too_old")
    assert reason in tested.log.lines[0]
    assert tested.tracker.stamps == []


@pytest.mark.slow
def test_camera_is_made_anew_only_when_a_number_changed(bench: Callable[..., Bench], fake_tracker):
    tested = bench(fake_tracker(), rectified="false")
    tested.play(1.0, 2.0)
    tested.offer(3.0, info={"k": [61.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0]})
    assert tested.wait_for(3)
    first, second, third = tested.tracker.cameras
    assert first is second
    assert (first.fx, third.fx) == (60.0, 61.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "rectified, fx", [("true", 50.0), ("false", 60.0), (True, 50.0), (False, 60.0), ("auto", 50.0)]
)
def test_rectified_image_is_seen_through_the_projection_matrix(
    bench: Callable[..., Bench], fake_tracker, rectified, fx
):
    """The topic is called depth/image_rect, so that auto means true."""
    tested = bench(fake_tracker(), rectified=rectified)
    tested.offer(1.0, info={"p": [50.0, 0.0, 31.5, 0.0, 0.0, 50.0, 23.5, 0.0, 0.0, 0.0, 1.0, 0.0]})
    assert tested.wait_for(1)
    assert tested.tracker.cameras[0].fx == fx


@pytest.mark.slow
def test_wrong_frame_and_error_of_the_tracker_are_counted_and_survived(
    bench: Callable[..., Bench], fake_tracker
):
    tested = bench(fake_tracker())
    tested.offer(1.0, encoding="rgb8", step=3 * WIDTH, data=bytes(3 * WIDTH * HEIGHT))
    assert tested.wait_for(1, "rejected_bad_input")
    tested.tracker.raises = RuntimeError("no memory left")
    tested.offer(2.0)
    assert tested.wait_for(2, "rejected_bad_input")
    tested.tracker.raises = None
    tested.play(3.0)
    assert ["rgb8" in tested.log.lines[0], "no memory left" in tested.log.lines[1]] == [True, True]


@pytest.mark.slow
def test_raw_hands_go_with_the_hands_that_are_published(bench: Callable[..., Bench], fake_tracker, hand):
    tracker = fake_tracker((hand(track_id=1), hand(track_id=2, joints=np.full((23, 3), np.nan))))
    tracker.raw = (hand(track_id=1), hand(track_id=2))
    tested = bench(tracker, publish_raw=True)
    tested.play(1.0)
    (answer,) = tested.outputs.published
    assert [each.track_id for each in answer.hands] == [each.track_id for each in answer.raw] == [1]
    assert "a tracked hand was not published" in tested.log.lines[0]


@pytest.mark.slow
def test_stopping_ends_the_thread_and_leaves_what_waits(bench: Callable[..., Bench], fake_tracker):
    tested = bench(fake_tracker(delay_s=1.0))
    tested.offer(1.0)
    tested.wait_for_frames(1)
    tested.offer(2.0)
    tested.worker.stop()
    assert not tested.worker._thread.is_alive()
    assert tested.tracker.stamps == [0.0]


@pytest.mark.slow
def test_a_worker_that_is_given_up_on_goes_on_alone(
    bench: Callable[..., Bench], fake_tracker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(frame_worker, "_STOP_PATIENCE_S", 0.1)
    tested = bench(fake_tracker())
    tested.tracker.go_on.clear()
    tested.offer(1.0)
    tested.wait_for_frames(1)
    assert not tested.worker.stop()
    assert "did not finish its frame" in tested.log.lines[-1]
    tested.offer(2.0)
    tested.tracker.go_on.set()
    assert tested.wait_for(2)
    assert tested.tracker.stamps == [0.0, 1.0]
    tested.tracker.go_on.clear()
    tested.offer(3.0)
    tested.wait_for_frames(3)
    assert not tested.worker.stop()
    tested.worker.abandon()
    tested.tracker.go_on.set()
    tested.worker._thread.join(60)
    assert not tested.worker._thread.is_alive()
    assert len(tested.outputs.published) == 2, "nothing is published any more"


def test_in_another_frame_the_tracker_starts_afresh(bench: Callable[..., Bench], fake_tracker, hand):
    """What was seen in one frame is nowhere in another: what consumers hold of it ends. Another resolution or lens of
    the same camera is the same place."""
    running = bench(fake_tracker((hand(),)))

    def play(stamp_s: float, frame_id: str, **info: Any) -> None:
        done = running.outputs.pictures
        header = Header(frame_id=frame_id)
        header.stamp.sec, header.stamp.nanosec = int(stamp_s), round((stamp_s % 1) * 1e9)
        running.offer(stamp_s, info, header=header)
        deadline = time.monotonic() + 60
        while running.outputs.pictures == done and time.monotonic() < deadline:
            time.sleep(0.005)

    play(1.0, "a")
    play(1.1, "a", k=[90.0, 0.0, 31.5, 0.0, 90.0, 23.5, 0.0, 0.0, 1.0])
    assert (running.tracker.resets, running.outputs.hidden) == (0, 0)
    play(1.15, "")  # names none: that of the frame before
    assert (running.tracker.resets, running.outputs.hidden) == (0, 0)
    play(1.2, "b")
    play(1.3, "b")
    assert (running.tracker.resets, running.outputs.hidden) == (1, 1)
    assert running.tracker.stamps == pytest.approx([0.0, 0.1, 0.15, 0.0, 0.1])
    assert [line for line in running.log.lines if "begins anew" in line] == [
        "tracking begins anew: images are in 'b' now"
    ]
    assert [each.header.frame_id for each in running.outputs.published] == ["a", "a", "", "b", "b"]


def test_a_frame_that_cannot_be_used_ends_no_track_whatever_its_frame(
    bench: Callable[..., Bench], fake_tracker, hand
):
    tested = bench(fake_tracker((hand(),)))
    tested.play(1.0)
    header = Header(frame_id="another")
    header.stamp.sec = 2
    tested.offer(2.0, header=header, encoding="rgb8")
    assert tested.wait_for(1, "rejected_bad_input")
    tested.play(3.0)
    assert (tested.tracker.resets, tested.outputs.hidden) == (0, 0)
    assert tested.tracker.stamps == [0.0, 2.0]
