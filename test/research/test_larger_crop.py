"""A place's net learns what its inputs tell, and the places of pictures are what the search would try."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.datasets.full_frames import FullFrames, full_frame_config
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.still_images import still_images
from hand_pose_ros.detection.config import DetectionConfig
from hand_pose_ros.detection.detector import HandDetector
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.splits import REPORT_SPLIT
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.pose_inference import PoseEstimator
from research.larger_crop import (
    LARGER_PX,
    FeatureReader,
    Places,
    learnt,
    places_of,
    report,
)


def made(seed: int, count: int = 256) -> Places:
    """Places whose larger crop shows something where there is a hand, and whose cues say nothing."""
    rng = np.random.default_rng(seed)
    hand = rng.random(count) < 0.5
    crop = np.ones((count, LARGER_PX, LARGER_PX), np.float32)
    crop[hand, 20:44, 20:44] = rng.normal(0.0, 0.1, (hand.sum(), 24, 24))
    noise = rng.normal(size=(count, 11)).astype(np.float32)
    return Places(hand, noise[:, 0], noise[:, :8], noise[:, 8:], crop)


@pytest.mark.slow
def test_the_crop_tells_a_net_that_sees_it_and_none_that_does_not():
    trained, tested = made(0), made(1)

    def right(sees: bool) -> float:
        odds = learnt(trained, tested, lambda places: places.cues, sees, seed=0)
        return float(((odds > 0) == tested.hand).mean())

    assert right(True) > 0.95
    assert 0.35 < right(False) < 0.65


@pytest.mark.slow
def test_places_of_pictures_are_what_a_search_tries():
    config = TrackerConfig(backend="torch", device="cpu")
    images = [*still_images(FullFrames(full_frame_config({}, REPORT_SPLIT)), validation_seed(0, 0), 12)]
    detector = HandDetector(config=DetectionConfig(least_score=config.proposals.candidate_score))
    rows = places_of(images, detector, PoseEstimator(model_file(), config), FeatureReader())
    places = Places(*(np.array(column) for column in zip(*rows, strict=True)))
    assert places.hand.any()
    assert places.cues.shape == (len(rows), 8)
    assert places.features.shape[0] == len(rows)
    assert np.isfinite(places.features).all()
    assert np.isfinite(places.cues).all()
    assert (
        places.odds[places.hand].mean() > places.odds[~places.hand].mean() if not places.hand.all() else True
    )
    assert places.crop.min() < 1.0


@pytest.mark.slow
def test_the_report_has_a_row_for_each_variant():
    lines = report(made(2), made(3), seed=0)
    assert lines[0].startswith("learnt from")
    assert len([line for line in lines if line.startswith("|")]) == 7
