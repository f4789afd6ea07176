"""Finding a hand by geometry: in the palm whichever way the arm goes, and nothing where there is no hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from depth_scenes import Ball, chain, facing, hand, render, spoil

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.downsample import MOST_CELLS
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.detection import blob_detector
from hand_pose_ros.detection.blob_detector import Blob, detect_blobs
from hand_pose_ros.detection.config import BlobDetectorConfig

CAMERA = Camera(320, 240, 240.0, 240.0, 160.0, 120.0)
PALM = np.array([0.02, 0.0, 0.6])
WALL = [(np.array([0.0, 0.0, 1.0]), 1.3)]
TORSO: list[Ball] = [(np.array([0.05, 0.15 + 0.1 * i, 1.05]), 0.2) for i in range(-1, 5)]
HEAD: list[Ball] = [(np.array([0.05, -0.25, 1.05]), 0.09), (np.array([0.05, -0.14, 1.07]), 0.06)]


def nearest(
    depth: np.ndarray,
    camera: Camera = CAMERA,
    config: BlobDetectorConfig | None = None,
    roi: tuple[int, int, int, int] | None = None,
) -> Blob | None:
    """The best blob, or None."""
    return next(iter(detect_blobs(DepthFrame(depth, camera).within(roi), config, 1)), None)


def off(found: Blob | None, palm: np.ndarray) -> float:
    assert found is not None, "no hand found"
    return float(np.linalg.norm(found.centre - palm))


@pytest.mark.parametrize("angle", np.arange(0, 360, 45))
def test_the_palm_is_found_whichever_way_the_hand_points(angle: float) -> None:
    # The forearm is as near as the hand, and its free end as wide as the palm.
    balls = hand(PALM, facing(math.radians(angle)))
    depth = spoil(render(CAMERA, balls + TORSO + HEAD, WALL), seed=int(angle))
    assert off(nearest(depth, CAMERA), PALM) < 0.03


@pytest.mark.parametrize("angle", np.arange(0, 360, 45))
def test_a_fist_is_found_when_its_arm_leads_away(angle: float) -> None:
    balls = hand(PALM, facing(math.radians(angle)), "fist", 0.25, -0.6)
    depth = spoil(render(CAMERA, balls + TORSO + HEAD, WALL), seed=int(angle))
    assert off(nearest(depth, CAMERA), PALM) < 0.045


@pytest.mark.parametrize("tilt", [20, 40, 60, 75])
@pytest.mark.parametrize("angle", [-90, 0, 90])
def test_a_foreshortened_forearm_is_cut(tilt: float, angle: float) -> None:
    # The forearm leads away from the camera (the palm's back is its third column, so the sign is negative).
    balls = hand(PALM, facing(math.radians(angle)), "open", 0.25, -math.radians(tilt))
    depth = spoil(render(CAMERA, balls + TORSO, WALL), seed=1)
    assert off(nearest(depth, CAMERA), PALM) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("distance", [0.35, 0.8, 1.2])
@pytest.mark.parametrize(
    "camera",
    [
        Camera(640, 480, 480.0, 480.0, 320.0, 240.0),
        Camera(320, 240, 240.0, 240.0, 160.0, 120.0, (0.1, -0.2, 0.001, 0.001, 0.05), "plumb_bob"),
        Camera(480, 480, 240.0, 240.0, 240.0, 240.0, (-0.01, 0.04, -0.04, 0.01), "equidistant"),
        Camera(321, 237, 300.0, 310.0, 150.0, 130.0),
    ],
    ids=["vga", "plumb_bob", "fisheye", "odd"],
)
def test_distance_and_camera_do_not_matter(camera: Camera, distance: float) -> None:
    palm = np.array([0.05, -0.03, 1.0]) * distance
    depth = spoil(
        render(camera, hand(palm, facing(-2.0), tilt=-0.5), [(np.array([0.0, 0.0, 1.0]), 2.0)]), seed=2
    )
    assert off(nearest(depth, camera), palm) < 0.03


def test_an_arm_that_comes_in_at_the_images_edge_is_not_taken_for_the_hand() -> None:
    # The forearm's cut end at the edge is nearer to the camera than the hand.
    for angle in (0.0, math.pi / 2, math.pi):
        balls = hand(PALM, facing(angle), "open", 0.6, 0.25)
        depth = render(CAMERA, balls, WALL)
        assert np.nanmin(depth) < 0.55
        assert off(nearest(depth, CAMERA), PALM) < 0.03


def test_a_hand_without_a_visible_forearm_is_found() -> None:
    depth = spoil(render(CAMERA, hand(PALM, facing(-1.0), forearm_m=0.0), WALL), seed=3)
    assert off(nearest(depth, CAMERA), PALM) < 0.03


def test_a_hand_close_before_the_trunk_is_found() -> None:
    palm = np.array([0.0, 0.1, 0.75])
    depth = spoil(render(CAMERA, hand(palm, facing(-0.3), forearm_m=0.2) + TORSO, WALL), seed=4)
    assert off(nearest(depth, CAMERA), palm) < 0.03


@pytest.mark.slow
def test_the_nearer_of_two_hands_comes_first_and_a_region_of_interest_chooses() -> None:
    left, right = np.array([-0.17, 0.0, 0.7]), np.array([0.15, -0.02, 0.6])
    depth = render(CAMERA, hand(left, facing(-1.6)) + hand(right, facing(-1.4)), WALL)
    both = detect_blobs(DepthFrame(depth, CAMERA))
    assert len(both) == 2
    assert off(both[0], right) < 0.03
    assert off(both[1], left) < 0.03
    assert off(nearest(depth, CAMERA, roi=(0, 0, 160, 240)), left) < 0.03
    assert off(nearest(depth, CAMERA, roi=(-50, -50, 500, 500)), right) < 0.03
    assert nearest(depth, CAMERA, roi=(0, 0, 40, 40)) is None
    assert nearest(depth, CAMERA, roi=(1000, 1000, 40, 40)) is None


def test_what_is_out_of_range_is_not_seen() -> None:
    depth = render(CAMERA, hand(PALM, facing(-1.6)), WALL)
    assert nearest(depth, CAMERA, BlobDetectorConfig(max_range_m=0.5)) is None
    assert nearest(depth, CAMERA, BlobDetectorConfig(min_range_m=0.7)) is None


def room() -> np.ndarray:
    """Walls, floor, a table's edge and a ball: no hand."""
    planes = [
        (np.array([0.0, 0.0, 1.0]), 1.4),
        (np.array([0.0, 1.0, 0.0]), 0.35),
        (np.array([1.0, 0.0, 0.3]), 0.7),
    ]
    return render(CAMERA, [(np.array([-0.2, 0.2, 1.0]), 0.15)], planes)


@pytest.mark.parametrize(
    "depth",
    [
        np.full((240, 320), np.nan, np.float32),
        np.full((240, 320), 0.7, np.float32),
        render(CAMERA, [], [(np.array([0.5, 0.3, 1.0]), 0.7)]),
        room(),
        spoil(room(), 5),
        render(CAMERA, TORSO + HEAD, WALL),
        spoil(render(CAMERA, TORSO + HEAD, WALL), 6),
        np.random.default_rng(7).uniform(0.2, 1.5, (240, 320)).astype(np.float32),
        render(CAMERA, chain(np.array([-0.6, 0.1, 0.6]), np.array([0.6, -0.1, 0.6]), 0.035), WALL),
        render(CAMERA, [(PALM, 0.015)], WALL),
    ],
    ids=[
        "nothing", "wall", "slanted wall", "room", "noisy room", "person", "noisy person", "noise", "pole", "ball",
    ],
)  # fmt: skip
def test_there_is_no_hand_where_there_is_none(depth: np.ndarray) -> None:
    assert nearest(depth, CAMERA) is None


def test_the_search_is_deterministic_and_leaves_the_image_alone() -> None:
    depth = spoil(render(CAMERA, hand(PALM, facing(-1.6)) + TORSO, WALL), seed=9)
    copy = depth.copy()
    first, second = nearest(depth, CAMERA), nearest(depth, CAMERA)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.centre, second.centre)
    np.testing.assert_array_equal(depth, copy)
    assert 0.0 < first.score <= 1.0


def test_a_very_small_image_has_no_hand() -> None:
    assert nearest(np.ones((2, 2), np.float32), Camera(2, 2, 2.0, 2.0, 1.0, 1.0)) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_range_m": 0.0}, "min_range_m is 0.0, want more than 0"),
        ({"max_range_m": math.nan}, "max_range_m is nan"),
        ({"min_range_m": 2.0}, "min_range_m is 2.0, want less than max_range_m, 1.5"),
        ({"min_area_m2": 1.0}, "min_area_m2 is 1.0, want less than"),
        ({"opening_cost": -1.0}, "opening_cost is -1.0"),
        ({"max_candidates": 0}, "max_candidates is 0"),
        ({"max_candidates": 2.5}, "max_candidates is 2.5"),
    ],
)
def test_an_impossible_configuration_is_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BlobDetectorConfig(**fields)  # type: ignore[arg-type]


SR305 = Camera(640, 480, 476.007, 476.007, 313.683, 242.755)
KINECT2 = Camera(512, 424, 363.9, 363.9, 255.4, 206.3)


# Middles of palms read off enlarged pictures by eye, px.
@pytest.mark.parametrize(
    ("name", "uv"),
    [
        ("sr305/20210326-230536/110", (280, 243)),
        ("sr305/20210326-230536/150", (299, 208)),
        ("sr305/20210326-230536/50", (305, 278)),
        ("sr305/20210326-231615/220", (346, 307)),
        ("sr305/20210326-231615/80", (324, 300)),
        ("kinect2/00000010", (304, 149)),
        ("kinect2/00000036", (279, 172)),
        ("kinect2/00000061", (285, 154)),
        ("kinect2/00000086", (285, 139)),
        ("kinect2/00000117", (276, 147)),
    ],
)
def test_hands_in_real_frames_are_found(
    others_data: Callable[[str], Path], name: str, uv: tuple[int, int]
) -> None:
    path = others_data(f"real/{name}.png")
    camera, unit = (SR305, 0.000125) if name.startswith("sr305") else (KINECT2, 0.001)
    depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32) * unit
    depth[depth == 0] = np.nan
    palm = camera.back_project(uv, np.nanmedian(depth[uv[1] - 3 : uv[1] + 4, uv[0] - 3 : uv[0] + 4]) + 0.012)
    assert off(nearest(depth, camera), palm) < 0.04


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "camera", "unit", "first"), [("sr305", SR305, 0.000125, 0), ("kinect2", KINECT2, 0.001, 3)]
)
def test_every_real_frame_with_a_raised_hand_has_one(
    others_data: Callable[[str], Path], folder: str, camera: Camera, unit: float, first: int
) -> None:
    paths = sorted(others_data(f"real/{folder}").glob("**/*.png"))
    assert paths
    for path in paths[first:]:
        depth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32) * unit
        depth[depth == 0] = np.nan
        found = nearest(depth, camera)
        assert found is not None, path.name
        # In both recordings the hand is held 0.45 to 0.75 m from the camera, the body farther away.
        assert 0.45 < found.centre[2] < 0.75, path.name


def pieces(width: int, height: int, seed: int = 1) -> np.ndarray:
    """A picture full of small pieces at many depths, m: a ridge on every one."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.3, 1.4, (height // 12 + 1, width // 12 + 1)).astype(np.float32)
    return np.kron(depth, np.ones((12, 12), np.float32))[:height, :width].copy()


@pytest.mark.parametrize(
    "width, height, focal_px, cells",
    [(640, 480, 160.0, 640 * 480), (1000, 750, 80.0, 1000 * 750), (2000, 1500, 100.0, 1000 * 750)],
)
def test_the_work_of_a_search_is_bounded_by_counts(monkeypatch, width, height, focal_px, cells) -> None:
    """Of cells, of ridges that are placed, and of steps along the surface."""
    steps: list[int] = []
    placed: list[int] = []
    counted_flood, counted_ridges = blob_detector.flood, blob_detector._ridges

    def flood(*arguments):
        size = counted_flood(*arguments)
        steps.append(int(arguments[12][4]))
        assert arguments[0].size <= min(cells, MOST_CELLS)
        return size

    def ridges(*arguments):
        found = counted_ridges(*arguments)
        placed.append(len(found))
        return found

    monkeypatch.setattr(blob_detector, "flood", flood)
    monkeypatch.setattr(blob_detector, "_ridges", ridges)
    config = BlobDetectorConfig(max_steps=3000)
    camera = Camera(width, height, focal_px, focal_px, width / 2, height / 2)
    detect_blobs(DepthFrame(pieces(width, height), camera), config)
    assert placed[0] == 10 * config.max_candidates
    assert 0 < len(steps) <= config.max_candidates
    assert sum(steps) <= config.max_steps


def test_a_hand_is_found_among_more_ridges_than_are_placed() -> None:
    """It is nearer than they are."""
    camera = Camera(640, 480, 160.0, 160.0, 320.0, 240.0)
    near = render(camera, hand(PALM, facing(-1.0)))
    depth = np.where(np.isfinite(near), near, 0.9 + 0.3 * pieces(640, 480)).astype(np.float32)
    assert off(nearest(depth, camera), PALM) < 0.03


def test_a_place_is_at_the_median_of_the_cells_on_its_surface() -> None:
    rng = np.random.default_rng(4)
    z = rng.choice(np.float32([0.0, 0.6, 0.61, 0.65, 1.2]), (9, 12)) + rng.uniform(0, 1e-3, (9, 12)).astype(
        np.float32
    )
    rays = rng.normal(size=(9, 12, 2)).astype(np.float32)
    cells = blob_detector._Cells(z, z, rays, z, 1)
    places = np.argwhere(z > 0.5)
    found = cells.points(places, 0.03)
    for (row, column), point in zip(places, found, strict=True):
        block = z[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        median = np.median(block[np.abs(block - z[row, column]) < 0.03])
        assert np.allclose(point, np.array([*rays[row, column], 1.0]) * median, atol=1e-7)
    assert cells.points(places[:0], 0.03).shape == (0, 3)
