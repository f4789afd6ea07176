"""Several publishers of one topic are told while they are, and one that was started again is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hand_pose_ros.nodes.several_publishers import SeveralPublishers


def listener(*names: str) -> SimpleNamespace:
    """Knows publishers of these nodes, whose first letters are what the middleware calls them."""
    publishers = [
        SimpleNamespace(node_namespace="/", node_name=name, endpoint_gid=list(name[:1].encode() + b"\0\0"))
        for name in names
    ]
    return SimpleNamespace(
        get_publishers_info_by_topic=lambda topic: publishers, count_publishers=lambda topic: len(publishers)
    )


def told(watch: SeveralPublishers, seconds: float, *senders: bytes, start_s: float) -> list[str | None]:
    """What is said at 10 Hz."""
    said = []
    for step in range(round(seconds * 10)):
        now_s = start_s + 0.1 * step
        watch.saw(senders[step % len(senders)], now_s)
        said.append(watch.report(now_s))
    return said


def test_those_that_send_in_turn_are_named_until_one_ends():
    watch = SeveralPublishers(listener("front", "back", "standby"), "/depth")
    assert told(watch, 5.0, b"f", b"b", start_s=0.0)[-1] == "2 publish '/depth' (/back, /front)"
    assert told(watch, 5.0, b"f", start_s=5.0)[-1] is None


def test_two_drivers_of_one_name_are_two():
    watch = SeveralPublishers(listener("front", "front"), "/depth")
    watch._node.get_publishers_info_by_topic("/depth")[1].endpoint_gid = list(b"other")
    assert told(watch, 5.0, b"f", b"o", start_s=0.0)[-1] == "2 publish '/depth' (/front, /front)"


def test_of_one_that_was_started_again_beside_another_the_one_before_is_not_counted():
    watch = SeveralPublishers(listener("front", "back"), "/depth")
    told(watch, 5.0, b"before", b"b", start_s=0.0)
    said = told(watch, 5.0, b"f", b"b", start_s=5.0)
    assert set(said[5:]) == {"2 publish '/depth' (/back, /front)"}


def test_where_publishers_have_other_names_than_senders_no_number_is_given():
    watch = SeveralPublishers(listener("front", "back"), "/depth")
    assert told(watch, 5.0, b"1", b"2", start_s=0.0)[-1] == "several publish '/depth'"


def test_publisher_that_sends_nothing_is_of_no_account():
    watch = SeveralPublishers(listener("front", "back"), "/depth")
    assert set(told(watch, 60.0, b"f", start_s=0.0)) == {None}


ADVERTISED = "2 publish or advertise '/depth' (/a, /b; rclpy does not say who sends)"


@pytest.mark.parametrize("names, last", [(["a", "b"], ADVERTISED), (["a"], None)])
def test_where_nobody_says_who_sends_publishers_are_counted_that_last(names, last):
    watch = SeveralPublishers(listener(*names), "/depth")
    assert set(told(watch, 20.0, b"", start_s=0.0)) == {None}
    assert told(watch, 20.0, b"", start_s=20.0)[-1] == last


def test_one_that_died_and_was_started_again_is_not_counted_twice():
    node = listener("a", "a")
    watch = SeveralPublishers(node, "/depth")
    told(watch, 20.0, b"", start_s=0.0)
    node.count_publishers = lambda topic: 1
    told(watch, 1.0, b"", start_s=20.0)
    node.count_publishers = lambda topic: 2
    assert set(told(watch, 20.0, b"", start_s=21.0)) == {None}
