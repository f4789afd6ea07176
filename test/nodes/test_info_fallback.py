"""Images without a partner get the last camera info that fits, each once, and only when their own does not come."""

from __future__ import annotations

from typing import Any

from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from std_msgs.msg import Header

from hand_pose_ros.nodes.info_fallback import InfoFallback, fits

PERIOD_S = 0.1


def header(stamp_s: float, frame: str = "camera") -> Header:
    made = Header(frame_id=frame)
    made.stamp.sec, made.stamp.nanosec = int(stamp_s), round((stamp_s % 1) * 1e9)
    return made


def image(stamp_s: float, width: int = 64, height: int = 48, frame: str = "camera") -> Image:
    return Image(header=header(stamp_s, frame), width=width, height=height)


def info(stamp_s: float, frame: str = "camera", **changes: Any) -> CameraInfo:
    return CameraInfo(header=header(stamp_s, frame), **({"width": 64, "height": 48} | changes))


def test_an_image_waits_a_frames_interval_for_its_own_info() -> None:
    fallback = InfoFallback()
    fallback.take_info(info(0.0))
    for i in range(1, 4):  # in step: an info a frame
        fallback.take_image(image(i * PERIOD_S), i * PERIOD_S)
        assert fallback.take_pair(image(i * PERIOD_S))
        fallback.take_info(info(i * PERIOD_S))
    fallback.take_image(image(0.4), 0.4)
    assert not fallback.infos_are_slow
    assert fallback.serve(0.45) == []
    ((served, its_info),) = fallback.serve(0.4 + 1.01 * PERIOD_S)
    assert (served.header.stamp.nanosec, its_info.header.stamp.nanosec) == (400_000_000, 300_000_000)
    assert fallback.serve(1.0) == []


def test_an_image_that_was_served_is_not_handed_out_again_when_its_info_comes() -> None:
    fallback = InfoFallback()
    fallback.take_info(info(0.0))
    fallback.take_image(image(0.1), 0.1)
    assert len(fallback.serve(1.0)) == 1
    assert not fallback.take_pair(image(0.1))
    assert fallback.knows(image(0.1))


def test_once_infos_are_known_to_be_slower_nothing_waits_until_they_are_in_step_again() -> None:
    fallback = InfoFallback()
    fallback.take_info(info(0.0))
    for i in range(1, 4):
        fallback.take_image(image(i * PERIOD_S), i * PERIOD_S)
        fallback.serve(i * PERIOD_S)
    assert fallback.infos_are_slow
    fallback.take_image(image(0.4), 0.4)
    assert [each.header.stamp.nanosec for each, _ in fallback.serve(0.4)][-1] == 400_000_000
    for i in range(5, 10):
        fallback.take_info(info(i * PERIOD_S))
        fallback.take_image(image(i * PERIOD_S), i * PERIOD_S)
        fallback.take_pair(image(i * PERIOD_S))
    assert not fallback.infos_are_slow


def test_without_any_info_images_are_given_up_and_counted() -> None:
    fallback = InfoFallback()
    given_up = [fallback.take_image(image(i * PERIOD_S), i * PERIOD_S) for i in range(12)]
    assert sum(given_up) == 12 - len(fallback.waiting)
    assert fallback.serve(10.0) == []


def test_an_image_that_waits_in_vain_is_given_up_once_and_not_handed_out_when_its_info_comes() -> None:
    fallback = InfoFallback()
    for i in range(1, 4):
        fallback.take_image(image(i * PERIOD_S), i * PERIOD_S)
    assert fallback.give_up_late(0.3 + 1.9 * PERIOD_S) == 0
    assert fallback.give_up_late(0.3 + 5.1 * PERIOD_S) == 3
    assert fallback.give_up_late(100.0) == 0
    assert not fallback.take_pair(image(0.1))
    fallback.take_info(info(0.3))
    assert fallback.serve(100.0) == []


def test_images_of_a_burst_wait_longer_than_a_few_of_their_intervals() -> None:
    fallback = InfoFallback()
    for i in range(5):
        fallback.take_image(image(1.0 + i * PERIOD_S), 1.0 + i * 0.001)
    assert fallback.give_up_late(1.2) == 0
    assert fallback.give_up_late(1.4) == 5


def test_an_image_that_was_overtaken_is_given_up() -> None:
    fallback = InfoFallback()
    for stamp in (0.1, 0.2, 0.3):
        fallback.take_image(image(stamp), stamp)
    assert fallback.give_up_overtaken() == 0
    assert fallback.take_pair(image(0.2))
    assert fallback.give_up_overtaken() == 1
    assert [each.header.stamp.nanosec for each in fallback.waiting] == [300_000_000]
    fallback.forget_images()
    fallback.take_image(image(0.1), 1.0)  # the clock was set
    assert fallback.give_up_overtaken() == 0


def test_an_info_of_another_frame_or_size_does_not_serve() -> None:
    fallback = InfoFallback()
    for wrong in (info(0.0, "other"), info(0.0, width=128), info(0.0, height=96)):
        fallback.take_info(wrong)
        fallback.take_image(image(0.1), 0.1)
        assert fallback.serve(9.0) == []


def test_an_info_that_names_no_frame_fits_every_images_and_every_info_one_without() -> None:
    assert fits(image(0.0), info(5.0, ""))
    assert fits(image(0.0, frame=""), info(5.0))
    assert not fits(image(0.0), info(5.0, "", width=128))


def test_an_info_of_another_frame_is_told_with_the_remedy() -> None:
    fallback = InfoFallback()
    fallback.take_info(info(0.0, "colour"))
    fallback.take_image(image(0.1), 0.1)
    text = fallback.misfit() or ""
    assert "'colour'" in text
    assert "'camera'" in text
    assert "remapped" in text


def test_binning_and_region_of_interest_count_in_the_size() -> None:
    assert fits(image(0.0), info(5.0))
    assert fits(image(0.0, 32, 24), info(5.0, binning_x=2, binning_y=2))
    assert fits(image(0.0, 20, 10), info(5.0, roi=RegionOfInterest(width=20, height=10)))
    assert not fits(image(0.0), info(5.0, roi=RegionOfInterest(width=20, height=10)))
