"""Where the tracker looks for hands: the detector's places first, the blob search's beside them, none twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.locate import LocateConfig, locate_hands
from hand_pose_ros.search import HandSearch
from hand_pose_ros.synthetic.stage import Stage, StageConfig

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)


@dataclass
class Found:
    centre: np.ndarray


class Detector:
    """Finds what it is told to."""

    def __init__(self, *centres: tuple[float, float, float]) -> None:
        self.centres = [np.array(centre) for centre in centres]

    def find(self, depth, camera, count):
        return [Found(centre) for centre in self.centres[:count]]


def picture() -> np.ndarray:
    return Stage(StageConfig(seed=101), CAMERA).frame(0.5).depth


def test_without_a_detector_the_blob_search_does_it_alone():
    depth, config = picture(), LocateConfig()
    places = [place.centre for place in HandSearch(None, config)(depth, CAMERA, 1)]
    assert len(places) > 0
    assert np.allclose(places, [location.centre for location in locate_hands(depth, CAMERA, config, count=2)])


def test_the_detectors_places_come_first_and_none_comes_twice():
    depth, config = picture(), LocateConfig()
    blob = locate_hands(depth, CAMERA, config, count=1)[0].centre
    near_blob = tuple(blob + [0.02, 0.0, 0.0])
    places = HandSearch(Detector(near_blob, (0.3, 0.0, 1.0)), config)(depth, CAMERA, 1)
    assert np.allclose(places[0].centre, near_blob)
    assert np.allclose(places[1].centre, (0.3, 0.0, 1.0))
    assert [place.finder for place in places[:2]] == ["detector", "detector"]
    assert all(np.linalg.norm(place.centre - blob) > 0.1 for place in places[1:])


def test_places_out_of_range_and_more_than_four_are_left_out():
    far = Detector((0.0, 0.0, 50.0), (0.0, 0.0, 0.001))
    blind = np.full((240, 320), np.nan, np.float32)
    assert HandSearch(far, LocateConfig())(blind, CAMERA, 2) == []
    many = Detector(*((0.2 * i, 0.0, 1.0) for i in range(6)))
    assert len(HandSearch(many, LocateConfig())(blind, CAMERA, 5)) == 4
