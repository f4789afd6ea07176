"""Images and settings in which no hand can be found are told in words, and warned of once."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.input_hints import InputHints, InputWarning, region_outside, region_too_small
from hand_pose_ros.tracking.tracker import HandTracker

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


@pytest.mark.parametrize(
    "roi", [(700, 100, 200, 200), (0, 240, 50, 50), (315, 0, 100, 100), (0, 238, 320, 40)]
)
def test_a_region_outside_the_image_is_told_with_both_sizes(roi) -> None:
    text = region_outside(roi, (240, 320))
    assert text is not None
    assert str(list(roi)) in text
    assert "320x240" in text


@pytest.mark.parametrize("roi", [(0, 0, 0, 0), (0, 0, 320, 240), (312, 232, 8, 8), (300, 200, 400, 400)])
def test_a_region_that_shows_some_of_the_image_is_not(roi) -> None:
    assert region_outside(roi, (240, 320)) is None


@pytest.mark.parametrize("roi", [(150, 110, 8, 8), (0, 100, 320, 8), (0, 0, 8, 240), (311, 0, 100, 240)])
def test_a_region_that_no_hand_fits_in_at_any_distance_is_told(roi) -> None:
    text = region_too_small(roi, CAMERA)
    assert text is not None
    assert str(list(roi)) in text
    assert "1.5 m" in text


@pytest.mark.parametrize("roi", [(0, 0, 0, 0), (0, 0, 40, 40), (0, 0, 320, 240), (100, 100, 16, 100)])
def test_a_region_that_a_hand_fits_in_is_not(roi) -> None:
    assert region_too_small(roi, CAMERA) is None


def test_how_far_away_hands_are_searched_for_is_what_the_tracker_is_set_to():
    """Where they are searched for farther away, a smaller region is enough, and farther rooms are no other unit."""
    assert region_too_small((150, 110, 8, 8), CAMERA, reach_m=8.0) is None
    near, far = InputHints(), InputHints(reach_m=15.0)
    depth = np.full((CAMERA.height, CAMERA.width), 12.0, np.float32)

    def look() -> None:
        for index in range(240):
            hints = near if index % 2 else far
            hints.look(depth, CAMERA, None, followed=False, stamp_s=index / 180)

    with pytest.warns(InputWarning):
        look()
    assert "is the unit wrong" in near.texts["unit"]
    assert "unit" not in far.texts


def scene() -> np.ndarray:
    return SequenceRenderer(SequenceConfig(seed=180), CAMERA).frame(0.0).depth


def play(tracker: HandTracker, depth: np.ndarray, count: int, step_s: float = 0.1) -> int:
    return sum(len(tracker.update(depth, CAMERA, step_s * number).hands) for number in range(count))


@pytest.mark.parametrize("roi", [(700, 100, 200, 200), (0, 0, 8, 8)])
def test_a_region_in_which_no_hand_can_be_is_a_warning_of_the_trackers(roi):
    tracker = HandTracker(config=TrackerConfig(roi=roi))
    with pytest.warns(InputWarning, match="'roi' is") as told:
        play(tracker, scene(), 3)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert list(tracker.hints) == ["roi"]


def test_the_remedy_for_what_is_too_near_makes_it_no_nearer():
    """The lens is covered for a third of a second."""
    tracker = HandTracker()
    with pytest.warns(InputWarning, match="lens covered"):
        play(tracker, np.full_like(scene(), 0.05), 12)
    assert "multiply" not in tracker.hints["unit"]


def test_millimetres_given_for_metres_are_a_warning_until_they_are_metres():
    tracker = HandTracker()
    with pytest.warns(InputWarning, match="multiply millimetres by 0.001"):
        found = play(tracker, 1000.0 * scene(), 12)
    assert found == 0
    assert list(tracker.hints) == ["unit"]
    tracker.update(scene(), CAMERA, 2.0)
    assert not tracker.hints


@pytest.mark.parametrize("scale", [0.1, 0.15, 2.5, 4.0])
def test_where_no_hand_was_found_for_seconds_the_unit_may_be_wrong(scale):
    """A D405's counts, and the like; what may be a hand is followed now and then."""
    hints, depth = InputHints(), scale * scene()

    def look() -> None:
        for index in range(120):
            followed = index % 3 == 1 and index < 100
            hints.look(depth, CAMERA, None, followed, stamp_s=index / 30)

    with pytest.warns(InputWarning, match="HandTracker.update wants metres") as told:
        look()
    assert len(told) == 1
    assert list(hints.texts) == ["unit"]


def test_once_a_hand_was_found_the_unit_is_right():
    hints = InputHints()
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputWarning)
        for index in range(240):
            published = index == 20
            hints.look(0.1 * scene(), CAMERA, None, published, 0.03, index / 30, published)


def test_usual_images_are_not_spoken_of():
    tracker = HandTracker(config=TrackerConfig(roi=(40, 40, 200, 160)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputWarning)
        play(tracker, scene(), 12)
        hints = InputHints()
        for _ in range(12):
            hints.look(np.full((240, 320), np.nan, np.float32), CAMERA, None, followed=False)
    assert not tracker.hints
    assert not hints.texts


def test_nothing_is_wrong_where_a_hand_is_followed():
    hints = InputHints()
    with pytest.warns(InputWarning):
        hints.look(scene(), CAMERA, (700, 100, 200, 200), followed=False)
    hints.look(scene(), CAMERA, (700, 100, 200, 200), followed=True)
    assert not hints.texts


def test_millimetres_with_zeros_for_no_reading_are_a_warning_too():
    """A RealSense's frame as real numbers."""
    tracker = HandTracker()
    with pytest.warns(InputWarning, match="multiply millimetres by 0.001"):
        play(tracker, np.nan_to_num(1000.0 * scene()), 12)


def test_depth_of_the_other_sign_is_a_warning():
    with pytest.warns(InputWarning, match="the other sign"):
        play(HandTracker(), -scene(), 12)


@pytest.mark.parametrize(("step_s", "words"), [(33.3, "multiply milliseconds"), (0.0, "the same stamp_s")])
def test_stamps_that_no_hand_can_be_followed_by_are_a_warning(step_s, words):
    tracker = HandTracker()
    with pytest.warns(InputWarning, match=words):
        play(tracker, scene(), 12, step_s)
    assert list(tracker.hints) == ["stamp"]
