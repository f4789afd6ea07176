"""Pairs by stamp are handed back, in the order of their images; what cannot have a partner has none."""

from __future__ import annotations

import pytest
from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.nodes.stamp_matching import Pairs, StampMatching


def at(kind: type, stamp_ms: int):
    message = kind()
    message.header.stamp.sec, message.header.stamp.nanosec = stamp_ms // 1000, stamp_ms % 1000 * 1_000_000
    return message


def stamps(pairs: Pairs) -> list[tuple[int, ...]]:
    def ms(message) -> int:
        return message.header.stamp.sec * 1000 + message.header.stamp.nanosec // 1_000_000

    return [(ms(image), ms(info)) for image, info in pairs]


def test_each_message_gives_the_pairs_that_it_completes():
    matching = StampMatching(0.01)
    assert matching.take_image(at(Image, 1000)) == []
    assert stamps(matching.take_info(at(CameraInfo, 1004))) == [(1000, 1004)]
    assert matching.take_info(at(CameraInfo, 1033)) == []
    assert stamps(matching.take_image(at(Image, 1033))) == [(1033, 1033)]


def test_equal_stamps_only_without_a_slop():
    matching = StampMatching(0.0)
    matching.take_info(at(CameraInfo, 1001))
    assert matching.take_image(at(Image, 1000)) == []


def test_what_waited_is_gone_afterwards_but_for_what_is_given():
    matching = StampMatching(0.01)
    matching.take_info(at(CameraInfo, 1000))
    images = [at(Image, stamp) for stamp in (1000, 2000)]
    assert stamps(matching.begin_afresh(at(CameraInfo, 2000), images)) == [(2000, 2000)]
    assert stamps(matching.take_info(at(CameraInfo, 1000))) == [(1000, 1000)]


@pytest.mark.parametrize("slop_s", [0.0, 0.01])
def test_stamps_before_1970_have_no_partner_and_stop_nothing(slop_s):
    matching = StampMatching(slop_s)
    assert matching.take_image(at(Image, -5000)) == matching.take_info(at(CameraInfo, -5000)) == []
    matching.take_image(at(Image, 1000))
    assert stamps(matching.take_info(at(CameraInfo, 1000))) == [(1000, 1000)]
