"""Markers neither stay nor flicker."""

from __future__ import annotations

import pytest
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from hand_pose_ros.nodes.markers import HandMarkers

HEADER = Header(frame_id="camera")


def keys(markers, action):
    return {(marker.ns, marker.id) for marker in markers.markers if marker.action == action}


def test_ids_are_stable_and_lifetimes_finite(hand):
    shown = HandMarkers()
    first = shown.update([hand()], HEADER)
    second = shown.update([hand(z=0.6)], HEADER)
    assert keys(first, Marker.ADD) == keys(second, Marker.ADD)
    for marker in second.markers:
        assert 0 < marker.lifetime.sec + marker.lifetime.nanosec * 1e-9 < 2
        assert marker.header == HEADER


def test_lost_hand_is_deleted_once_and_the_other_stays(hand):
    shown = HandMarkers()
    both = shown.update([hand("right"), hand("left")], HEADER)
    left_only = shown.update([hand("left")], HEADER)
    assert keys(left_only, Marker.DELETE) == {key for key in keys(both, Marker.ADD) if key[0] == "right_hand"}
    assert {ns for ns, _ in keys(left_only, Marker.ADD)} == {"left_hand"}
    gone = shown.update([], HEADER)
    assert {ns for ns, _ in keys(gone, Marker.DELETE)} == {"left_hand"}
    assert shown.update([], HEADER) is None


def test_two_hands_of_one_side_have_markers_of_their_own(hand):
    """Two people's right hands: neither overwrites the other; ids stay when the order changes."""
    shown = HandMarkers()
    older, newer = hand(track_id=1, z=0.5), hand(track_id=2, z=0.8)
    first = shown.update([older, newer], HEADER)
    assert len(keys(first, Marker.ADD)) == len(first.markers)
    swapped = shown.update([newer, older], HEADER)
    assert keys(swapped, Marker.DELETE) == set()
    for one, other in zip(first.markers, swapped.markers, strict=True):
        assert (one.id, one.points) == (other.id, other.points)
    alone = shown.update([older], HEADER)
    assert keys(alone, Marker.DELETE) == keys(first, Marker.ADD) - keys(alone, Marker.ADD)
    assert len(keys(alone, Marker.DELETE)) == len(keys(alone, Marker.ADD))


def test_label_stands_above_the_hand_as_one_word(hand):
    """RViz 2 gives a space the width that it has in letters a metre high, whatever the letters' height."""
    (label,) = (
        m for m in HandMarkers().update([hand()], HEADER).markers if m.type == Marker.TEXT_VIEW_FACING
    )
    assert label.text == label.text.strip()
    assert len(label.text.split()) == 1


def test_colours_match_points(hand):
    markers = HandMarkers().update([hand()], HEADER).markers
    assert any(marker.colors for marker in markers)
    for marker in markers:
        assert len(marker.colors) in (0, len(marker.points))


@pytest.mark.slow
def test_node_deletes_the_markers_of_a_lost_hand(rig, fake_tracker, hand):
    from visualization_msgs.msg import MarkerArray

    tracker = fake_tracker((hand(),))
    bench = rig(tracker)
    bench.listen(MarkerArray, "markers")
    bench.connect()
    topic = bench.node.resolve_topic_name("markers")
    assert bench.spin_until(lambda: bench.node.count_subscribers(topic) > 0)
    received = bench.received["markers"]
    assert bench.spin_until(lambda: (bench.send(), bench.spin_for(0.1), len(received) > 0)[-1])
    tracker.hands = ()
    assert bench.spin_until(
        lambda: (bench.send(), bench.spin_for(0.1), received[-1].markers[0].action == Marker.DELETE)[-1]
    )
