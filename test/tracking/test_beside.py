"""What counts beside a hand are the other ones that are published."""

from __future__ import annotations

from types import SimpleNamespace

from hand_pose_ros.tracking.beside import NONE_BESIDE, Beside, beside


def track(left_log_odds: float, log_odds: float, published: bool = True) -> SimpleNamespace:
    return SimpleNamespace(
        side_selector=SimpleNamespace(left_log_odds=left_log_odds),
        track_log_odds=log_odds,
        published=published,
    )


def test_a_hand_is_not_beside_itself_nor_beside_one_that_is_not_published():
    own = track(2.0, 12.0)
    assert beside(own, [own, track(1.0, 12.0, published=False)], 7.0) == NONE_BESIDE


def test_the_others_side_counts_and_whether_they_are_surely_hands():
    own = track(2.0, 12.0)
    assert beside(own, [own, track(-1.5, 6.9)], 7.0) == Beside(-1.5, sure=False)
    assert beside(own, [track(-1.5, 7.0), own], 7.0) == Beside(-1.5, sure=True)
