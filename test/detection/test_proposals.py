"""Where the tracker looks for hands: the detector's places first, the blob search's beside them, none twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.detection.blob_detector import LocateConfig, locate_hands
from hand_pose_ros.detection.proposals import ProposalGenerator, mask_hands, score_log_odds
from hand_pose_ros.synthetic.sequence_renderer import SequenceConfig, SequenceRenderer

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


@dataclass
class Found:
    centre: np.ndarray
    score: float = 0.4


class Detector:
    """Finds what it is told to."""

    def __init__(self, *centres: tuple[float, float, float]) -> None:
        self.centres = [np.array(centre) for centre in centres]

    def find(self, depth, camera, count):
        return [Found(centre) for centre in self.centres[:count]]


def picture() -> np.ndarray:
    return SequenceRenderer(SequenceConfig(seed=101), CAMERA).frame(0.5).depth


def test_without_a_detector_the_blob_search_does_it_alone():
    depth, config = picture(), LocateConfig()
    places = [place.centre for place in ProposalGenerator(None, config)(depth, CAMERA, 1)]
    assert len(places) > 0
    assert np.allclose(places, [location.centre for location in locate_hands(depth, CAMERA, config, count=2)])


def test_the_detectors_places_come_first_and_none_comes_twice():
    depth, config = picture(), LocateConfig()
    blob = locate_hands(depth, CAMERA, config, count=1)[0].centre
    near_blob = tuple(blob + [0.02, 0.0, 0.0])
    places = ProposalGenerator(Detector(near_blob, (0.3, 0.0, 1.0)), config)(depth, CAMERA, 1)
    assert np.allclose(places[0].centre, near_blob)
    assert np.allclose(places[1].centre, (0.3, 0.0, 1.0))
    assert [place.source for place in places[:2]] == ["detector", "detector"]
    assert all(np.linalg.norm(place.centre - blob) > 0.1 for place in places[1:])


def test_places_out_of_range_and_more_than_six_are_left_out():
    far = Detector((0.0, 0.0, 50.0), (0.0, 0.0, 0.001))
    blind = np.full((240, 320), np.nan, np.float32)
    assert ProposalGenerator(far, LocateConfig())(blind, CAMERA, 2) == []
    many = Detector(*((0.2 * i, 0.0, 1.0) for i in range(8)))
    assert len(ProposalGenerator(many, LocateConfig())(blind, CAMERA, 7)) == 6


def test_a_score_speaks_for_a_hand_or_against_it_within_limits():
    scores = (0.0, 0.2, 0.4, 0.6, 1.0)
    told = [score_log_odds(score) for score in scores]
    assert told == sorted(told)
    assert told[2] == 0.0
    assert told[0] == -1.0
    assert told[-1] == 3.0
    depth = picture()
    alone = ProposalGenerator(None, LocateConfig())(depth, CAMERA, 1)
    beside = ProposalGenerator(Detector(), LocateConfig())(depth, CAMERA, 1)
    assert alone[0].log_odds_prior == 0.0, "nobody looked"
    assert beside[0].log_odds_prior == -1.0, "the detector looked and saw nothing"


def test_a_hand_is_taken_out_and_nothing_else():
    frame = SequenceRenderer(SequenceConfig(seed=101), CAMERA).frame(0.5)
    joints = frame.hands[0].joints
    out = mask_hands(frame.depth, CAMERA, [joints])
    column, row = np.rint(CAMERA.project(joints.mean(axis=0))).astype(int)
    assert np.isnan(out[row - 3 : row + 4, column - 3 : column + 4]).all()
    gone = np.isnan(out) & ~np.isnan(frame.depth)
    assert 0 < gone.mean() < 0.2
    assert (np.abs(frame.depth[gone] - joints[:, 2].mean()) < 0.25).all()
    kept = ~np.isnan(out)
    assert np.array_equal(out[kept], frame.depth[kept])
    behind = joints - [0.0, 0.0, 2.0]
    assert np.array_equal(mask_hands(frame.depth, CAMERA, [behind]), frame.depth, equal_nan=True)


def test_the_second_look_is_the_detectors_alone():
    frame = SequenceRenderer(SequenceConfig(seed=101), CAMERA).frame(0.5)
    joints = [frame.hands[0].joints]
    assert ProposalGenerator(None, LocateConfig()).detect_remaining(frame.depth, CAMERA, joints, 1) == []
    places = ProposalGenerator(Detector((0.1, 0.0, 0.6)), LocateConfig()).detect_remaining(
        frame.depth, CAMERA, joints, 1
    )
    assert [place.log_odds_prior for place in places] == [-1.0]
