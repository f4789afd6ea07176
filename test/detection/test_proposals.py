"""Where the tracker looks for hands: the detector's places first, the blob search's beside them, none twice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection import proposals
from hand_pose_ros.detection.blob_detector import Blob, detect_blobs
from hand_pose_ros.detection.config import BlobDetectorConfig, DetectionConfig, ProposalConfig
from hand_pose_ros.detection.proposals import ProposalGenerator, score_log_odds
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


@dataclass
class Found:
    centre: np.ndarray
    score: float = 0.4


class Detector:
    """Finds the hands that it is given."""

    def __init__(self, *centres: tuple[float, float, float]) -> None:
        self.centres = [np.array(centre) for centre in centres]

    def look(self, frame, hidden=()):
        return "looked"

    def seen(self, look, count):
        assert look == "looked"
        return [Found(centre) for centre in self.centres[:count]]


def picture() -> DepthFrame:
    return DepthFrame(SequenceRenderer(SequenceConfig(seed=101), CAMERA).frame(0.5).depth, CAMERA)


@pytest.mark.slow
def test_without_a_detector_the_blob_detector_does_it_alone():
    frame = picture()
    places = [proposal.centre for proposal in ProposalGenerator(None).propose(frame, 1)]
    assert len(places) > 0
    assert np.allclose(places, [blob.centre for blob in detect_blobs(frame, count=2)])


@pytest.mark.slow
def test_the_detectors_places_come_first_and_none_comes_twice():
    frame = picture()
    blob = detect_blobs(frame, count=1)[0].centre
    near_blob = tuple(blob + [0.02, 0.0, 0.0])
    found = ProposalGenerator(Detector(near_blob, (0.3, 0.0, 1.0))).propose(frame, 1)
    assert np.allclose(found[0].centre, near_blob)
    assert np.allclose(found[1].centre, (0.3, 0.0, 1.0))
    assert [proposal.source for proposal in found[:2]] == ["detector", "detector"]
    assert all(np.linalg.norm(proposal.centre - blob) > 0.1 for proposal in found[1:])


def test_places_out_of_range_and_more_than_six_are_left_out():
    far = Detector((0.0, 0.0, 50.0), (0.0, 0.0, 0.001))
    blind = DepthFrame(np.full((240, 320), np.nan, np.float32), CAMERA)
    assert ProposalGenerator(far).propose(blind, 2) == []
    many = Detector(*((0.2 * i, 0.0, 1.0) for i in range(8)))
    assert len(ProposalGenerator(many).propose(blind, 7)) == 6
    assert len(ProposalGenerator(many, ProposalConfig(most_proposals=3)).propose(blind, 7)) == 3
    wide = BlobDetectorConfig(max_range_m=60.0)
    assert len(ProposalGenerator(far, blob_config=wide).propose(blind, 2)) == 1


@pytest.mark.slow
def test_a_score_speaks_for_a_hand_or_against_it_within_limits():
    scores = (0.0, 0.2, 0.4, 0.6, 1.0)
    log_odds = [score_log_odds(score, ProposalConfig()) for score in scores]
    assert log_odds == sorted(log_odds)
    assert log_odds[2] == 0.0
    assert log_odds[0] == -1.0
    assert log_odds[-1] == 3.0
    frame = picture()
    alone = ProposalGenerator(None).propose(frame, 1)
    beside = ProposalGenerator(Detector()).propose(frame, 1)
    assert alone[0].log_odds_prior == 0.0, "nobody looked"
    assert beside[0].log_odds_prior == -1.0, "the detector looked and saw nothing"
    trusted = ProposalGenerator(Detector(), ProposalConfig(blob_log_odds=0.0)).propose(frame, 1)
    assert trusted[0].log_odds_prior == 0.0, "as the setting says"


def test_remaining_hands_are_the_detectors_alone():
    scene = SequenceRenderer(SequenceConfig(seed=101), CAMERA).frame(0.5)
    frame, joints = DepthFrame(scene.depth, CAMERA), [scene.hands[0].joints]
    blind, seeing = ProposalGenerator(None), ProposalGenerator(Detector((0.1, 0.0, 0.6)))
    assert blind.look(frame, joints) is None
    assert blind.propose_remaining(None, 1) == []
    proposals = seeing.propose_remaining(seeing.look(frame, joints), 1)
    assert [proposal.log_odds_prior for proposal in proposals] == [-1.0]


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        (ProposalConfig, "candidate_score", 1.5),
        (ProposalConfig, "even_score", 0.0),
        (ProposalConfig, "same_hand_m", 0.0),
        (ProposalConfig, "most_proposals", 0),
        (ProposalConfig, "spare_blobs", -1),
        (ProposalConfig, "score_weight", -1.0),
        (ProposalConfig, "least_prior_log_odds", 4.0),
        (ProposalConfig, "remaining_log_odds", np.nan),
        (ProposalConfig, "blob_log_odds", np.nan),
        (DetectionConfig, "least_score", np.nan),
        (DetectionConfig, "same_peak_m", -0.1),
    ],
)
def test_settings_that_make_no_sense_are_named(config, field, value):
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        config(**{field: value})


def test_the_blob_detector_searches_again_after_a_while_where_there_is_a_learnt_one(monkeypatch):
    searched: list[float] = []
    monkeypatch.setattr(
        "hand_pose_ros.detection.proposals.detect_blobs",
        lambda frame, config, count, coarse: searched.append(frame.stamp_s) or [],
    )

    alone = ProposalGenerator(None)
    camera = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)

    def changing(stamp_s: float) -> DepthFrame:
        return DepthFrame(np.full((48, 64), 0.5 + 0.1 * stamp_s, np.float32), camera, stamp_s)

    stamps = [i / 2 for i in range(6)]
    generator = ProposalGenerator(Detector(), ProposalConfig(blob_interval_s=0.75))
    for stamp_s in stamps:
        generator.propose(changing(stamp_s), 1)
    assert searched == stamps[::2]
    for stamp_s in (9.0, 9.0, 0.5):  # single pictures, and a clock that was set back
        generator.propose(changing(stamp_s), 1)
    assert searched[3:] == [9.0, 9.0, 0.5]
    searched.clear()
    for stamp_s in stamps:
        alone.propose(changing(stamp_s), 1)
    assert searched == stamps


@pytest.mark.parametrize(("unhurried", "searches"), [(False, 30), (True, 1)])
def test_the_blob_detector_searches_less_often_where_there_is_no_hurry(monkeypatch, unhurried, searches):
    searched = []
    monkeypatch.setattr(proposals, "detect_blobs", lambda *_, **__: searched.append(1) or [])
    generator = ProposalGenerator(Detector())
    for index in range(60):
        depth = np.full((240, 320), 0.5 + 0.1 * (index // 2 % 2), np.float32)
        generator.propose(DepthFrame(depth, CAMERA, stamp_s=10.0 + index / 30), 2, unhurried)
    assert len(searched) == searches


def test_what_the_blob_detector_found_serves_while_the_picture_has_not_changed(monkeypatch):
    searched: list[float] = []
    blob = Blob(np.array([0.0, 0.0, 0.5]), 0.9, 100)
    monkeypatch.setattr(proposals, "detect_blobs", lambda frame, *_: searched.append(frame.stamp_s) or [blob])
    generator = ProposalGenerator(None)
    wall = np.full((240, 320), 0.9, np.float32)

    def sources(stamp_s: float, depth: np.ndarray, camera: Camera = CAMERA) -> list[str]:
        return [p.source for p in generator.propose(DepthFrame(depth, camera, stamp_s), 1)]

    assert all(sources(i / 30, wall) == ["blob"] for i in range(15)), "the same place all along"
    assert searched == [0.0]
    with_hand = wall.copy()
    with_hand[100:140, 100:140] = 0.5
    assert sources(0.49, with_hand) == ["blob"]
    assert searched == [0.0, 0.49], "at once where something comes"
    sources(1.0, with_hand)
    assert searched[2:] == [1.0], "and after half a second"
    sources(1.1, with_hand, replace(CAMERA, fx=CAMERA.fx + 1.0))
    assert searched[3:] == [1.1], "and with another camera"
