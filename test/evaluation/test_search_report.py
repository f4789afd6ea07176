"""What is counted as found, as false and as lost when the tracker's search is measured."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hand_pose_ros.datasets.full_frames import FullFrames
from hand_pose_ros.datasets.full_scenes import FullFrameConfig
from hand_pose_ros.datasets.still_images import StillHand, StillImage, still_images
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.evaluation.search_report import LOSSES, search_lines, summarise_search
from hand_pose_ros.evaluation.search_trials import search_image, search_images
from hand_pose_ros.synthetic.sensor import NO_NOISE
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker

RIGHT, LEFT = np.array([0.1, 0.0, 0.5]), np.array([-0.1, 0.0, 0.7])


def hand(side: str, centre: np.ndarray, seen: float = 1.0) -> StillHand:
    return StillHand(side, np.tile(centre, (23, 1)), seen, 1.0)


def image(*hands: StillHand) -> StillImage:
    clean = np.full((12, 16), 1.0, np.float32)
    return StillImage(Camera(16, 12, 14.0, 14.0, 7.5, 5.5), hands, clean, NO_NOISE.as_array(), 3)


class Tracker:
    """Publishes and proposes what it is given."""

    config = TrackerConfig(hands=2)

    def __init__(self, published: list[tuple[str, np.ndarray]], places: list[Proposal] | None = None) -> None:
        self._hands = tuple(
            SimpleNamespace(side=side, joints=np.tile(centre, (23, 1))) for side, centre in published
        )
        self._places = places or []

    def reset(self) -> None:
        pass

    @property
    def proposal_generator(self):
        return SimpleNamespace(propose=lambda frame, count: self._places)

    def update(self, depth, camera, stamp_s):
        return SimpleNamespace(hands=self._hands, raw=self._hands, timings_ms={"locate": 1.0})


def figures(tracker, *images, frames=2):
    return summarise_search([search_image(tracker, one, frames) for one in images])


def test_two_hands_are_both_found_only_by_hands_of_their_own():
    two = image(hand("right", RIGHT), hand("left", LEFT))
    found = figures(Tracker([("right", RIGHT + [0.01, 0, 0]), ("left", LEFT)]), two)
    assert (found.all.within["20"], found.both, found.all.right_side) == (1.0, [1.0, 1.0], 1.0)
    one = figures(Tracker([("left", RIGHT)]), two)
    assert (one.all.within["20"], one.both, one.all.right_side) == (0.5, [0.0, 0.0], 0.0)


def test_a_hand_far_from_every_true_one_is_false_and_a_second_one_near_it_a_double():
    tracker = Tracker([("right", RIGHT), ("right", RIGHT + [0.05, 0, 0])])
    assert figures(tracker, image(hand("right", RIGHT))).false_alarms["doubles"] == [1.0, 1.0]
    alarms = figures(tracker, image(), image(hand("left", LEFT))).false_alarms
    assert (alarms["without"], alarms["with hands"]) == ([2.0, 2.0], [2.0, 2.0])


@pytest.mark.parametrize(
    "published, places, loss",
    [
        ([], [], LOSSES[0]),
        ([], [Proposal(RIGHT + [0.0, 0.05, 0.0], "blob")], LOSSES[1]),
        ([("right", RIGHT + [0.03, 0.0, 0.0])], [], LOSSES[2]),
    ],
)
def test_the_stage_at_which_a_hand_was_lost_is_reported(published, places, loss):
    found = figures(Tracker(published, places), image(hand("right", RIGHT)))
    assert found.lost["first frame"] == {name: float(name == loss) for name in LOSSES}
    assert found.sources["blob only"] == float(bool(places))


def test_hands_barely_seen_count_among_all_only():
    found = figures(Tracker([("right", RIGHT)]), image(hand("right", RIGHT), hand("left", LEFT, 0.2)))
    assert (found.all.hands, found.half_seen.hands, found.two_hands) == (2, 1, 0)
    assert (found.all.within["20"], found.half_seen.within["20"]) == (0.5, 1.0)
    assert found.by_seen["0 to 0.3"].within["20"] == 0.0


@pytest.mark.slow
def test_the_real_tracker_finds_most_hands_and_every_figure_is_printed():
    images = still_images(FullFrames(FullFrameConfig(split=VALIDATION_SPLIT, identities=2)), 5, 8)
    tracker = HandTracker(config=TrackerConfig(hands=2))
    found = summarise_search(search_images(tracker, images, 2, 8))
    assert found.half_seen.by_frame[-1] > 0.5
    assert len(found.half_seen.by_frame) == found.frames == 2
    text = "\n".join(search_lines(found))
    assert "false hands a picture, without" in text
    assert "nan" not in text.split("false hands")[1]
