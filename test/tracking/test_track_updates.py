"""Several tracks take a frame: one refinement for all, and each as if it were alone."""

from __future__ import annotations

from types import SimpleNamespace

from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.track_updates import update_tracks


class FakeTrack:
    """Has a hand to refine where it is given an estimate."""

    def __init__(self, seen: bool = True) -> None:
        self.seen, self.refined = seen, None

    def begin_update(self, estimates, stamp_s, others=()):
        return SimpleNamespace(request=estimates[0]) if estimates else None

    def finish_update(self, pending, refined, stamp_s, timer):
        self.refined = refined
        return self.seen


def test_all_hands_are_refined_in_one_call_and_each_gets_its_own():
    calls = []

    def refine_all(requests):
        calls.append(list(requests))
        return [f"refined {request}" for request in requests]

    first, without, unseen = FakeTrack(), FakeTrack(), FakeTrack(seen=False)
    timer = StageTimer()
    seen = update_tracks([(first, ["a"]), (without, []), (unseen, ["b"])], refine_all, 0.0, timer)
    assert calls == [["a", "b"]]
    assert seen == [True, False, False]
    assert (first.refined, without.refined, unseen.refined) == ("refined a", None, "refined b")
    assert set(timer.timings_ms) == {"refine"}


def test_nothing_is_refined_where_there_is_no_hand():
    timer = StageTimer()
    assert update_tracks([(FakeTrack(), [])], lambda requests: 1 / 0, 0.0, timer) == [False]
    assert update_tracks([], lambda requests: 1 / 0, 0.0, timer) == []
    assert not timer.timings_ms
