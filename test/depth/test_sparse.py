"""Readings that lie a few pixels apart show the surface that a dense image shows; outlines and gaps stay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from depth_scenes import facing, hand, render, spoil

from hand_pose_ros.depth import sparse
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame, crop_depth
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.depth.readings_spacing import readings_spacing
from hand_pose_ros.depth.sparse import fill_between_readings

CAMERA = Camera(320, 240, 400.0, 400.0, 159.5, 119.5)
PALM = np.array([0.0, 0.0, 0.6])
ROW, COLUMN = np.mgrid[0:240, 0:320]


def random_readings(share: float) -> Callable[[], np.ndarray]:
    return lambda: np.random.default_rng(1).random(ROW.shape) < share


def registered(zoom: float, turn: float = 0.0) -> np.ndarray:
    """The pixels that readings of a smaller sensor fall on, registered into a larger camera turned about its axis."""
    v, u = np.mgrid[-200 : 240 + 200, -200 : 320 + 200] * zoom
    x, y = np.cos(turn) * u - np.sin(turn) * v, np.sin(turn) * u + np.cos(turn) * v
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (column >= 0) & (column < 320) & (row >= 0) & (row < 240)
    mask = np.zeros(ROW.shape, bool)
    mask[row[inside], column[inside]] = True
    return mask


PATTERNS: dict[str, Callable[[], np.ndarray]] = {
    "one in four": lambda: (ROW % 2 == 0) & (COLUMN % 2 == 0),
    "one in nine": lambda: (ROW % 3 == 0) & (COLUMN % 3 == 1),
    "interlaced rows": lambda: ROW % 2 == 1,
    "every third row": lambda: ROW % 3 == 0,
    "every third column": lambda: COLUMN % 3 == 0,
    "two of three columns": lambda: COLUMN % 3 != 0,
    "three of four rows": lambda: ROW % 4 != 0,
    "pairs of rows": lambda: ROW % 4 < 2,
    "three of six columns": lambda: COLUMN % 6 < 3,
    "four of eight rows": lambda: ROW % 8 < 4,
    "every sixth row": lambda: ROW % 6 == 2,
    "every seventh column": lambda: COLUMN % 7 == 0,
    "blocks of two in four": lambda: (ROW % 4 < 2) & (COLUMN % 4 < 2),
    "checkerboard of 2 px": lambda: (ROW // 2 + COLUMN // 2) % 2 == 0,
    "checkerboard of 4 px": lambda: (ROW // 4 + COLUMN // 4) % 2 == 0,
    "checkerboard": lambda: (ROW + COLUMN) % 2 == 0,
    "every third row and second column": lambda: (ROW % 3 == 0) & (COLUMN % 2 == 0),
    "random, one in two": random_readings(0.5),
    "random, one in four": random_readings(0.25),
    "random, one in six": random_readings(1 / 6),
    "registered, 1.5 times": lambda: registered(1.5),
    "registered, twice": lambda: registered(2.0),
    "registered, 2.25 times": lambda: registered(2.25),
    "registered, three times": lambda: registered(3.0),
    "registered, 1.5 times, turned": lambda: registered(1.5, 0.06),
    "registered, 2.25 times, turned": lambda: registered(2.25, 0.2),
}
LATTICES = (
    "one in four", "one in nine", "interlaced rows", "every third row", "every third column", "two of three columns",
    "pairs of rows", "blocks of two in four", "registered, 1.5 times", "registered, twice",
)  # fmt: skip
each_lattice = pytest.mark.parametrize("pattern", [PATTERNS[name] for name in LATTICES], ids=LATTICES)
pytestmark = pytest.mark.slow  # a hand is rendered ray by ray for every pattern
each_pattern = pytest.mark.parametrize("pattern", PATTERNS.values(), ids=list(PATTERNS))


def thinned(depth: np.ndarray, pattern: Callable[[], np.ndarray]) -> np.ndarray:
    return np.where(pattern(), depth, np.nan).astype(np.float32)


def hand_image(wall: bool) -> np.ndarray:
    planes = [(np.array([0.1, 0.0, 1.0]), 1.1)] if wall else None
    return render(CAMERA, hand(PALM, facing(-1.2)), planes)


def near_edge(depth: np.ndarray, reach: int) -> np.ndarray:
    """Pixels with another surface, or none, within so many px."""
    z = np.where(np.isfinite(depth), depth, 9.0)
    out = np.zeros(z.shape, bool)
    for dv in range(-reach, reach + 1):
        for du in range(-reach, reach + 1):
            out |= np.abs(np.roll(z, (dv, du), (0, 1)) - z) > 0.02
    return out


@each_pattern
@pytest.mark.parametrize("wall", [False, True], ids=["no wall", "wall"])
def test_away_from_edges_the_surface_is_that_of_the_dense_image(
    pattern: Callable[[], np.ndarray], wall: bool
) -> None:
    depth = hand_image(wall)
    filled = fill_between_readings(thinned(depth, pattern))
    inner = np.isfinite(depth) & ~near_edge(depth, 5)
    inner[:6] = inner[-6:] = inner[:, :6] = inner[:, -6:] = False
    assert inner.sum() > 1000
    assert np.isfinite(filled)[inner].mean() > 0.93
    error = np.abs(filled - depth)[inner & np.isfinite(filled)]
    assert np.median(error) < 0.0005
    assert np.percentile(error, 99) < 0.006


@each_pattern
def test_an_outline_neither_grows_nor_shrinks(pattern: Callable[[], np.ndarray]) -> None:
    depth = np.full(ROW.shape, np.nan, np.float32)
    ball = (ROW - 120.3) ** 2 + (COLUMN - 160.2) ** 2 < 60**2
    depth[ball] = 0.6
    filled = np.isfinite(fill_between_readings(thinned(depth, pattern)))
    # By how many px the radius changed, on average.
    assert abs(np.sqrt(filled.sum() / np.pi) - np.sqrt(ball.sum() / np.pi)) < 1.5
    assert not filled[(ROW - 120.3) ** 2 + (COLUMN - 160.2) ** 2 > 64**2].any()


@each_pattern
@pytest.mark.parametrize("behind_m", [np.nan, 0.9], ids=["no reading behind", "wall behind"])
@pytest.mark.parametrize("upright", [True, False])
def test_the_gap_between_two_fingers_stays_open(
    pattern: Callable[[], np.ndarray], behind_m: float, upright: bool
) -> None:
    across = COLUMN - 160 if upright else ROW - 120
    depth = np.full(ROW.shape, behind_m, np.float32)
    depth[np.abs(across) < 24] = 0.6
    depth[np.abs(across) < 5] = behind_m  # 9 px: 13 mm
    filled = fill_between_readings(thinned(depth, pattern))
    middle = np.abs(across) <= 1
    assert (filled[middle] < 0.75).mean() < 0.02
    fingers = (np.abs(across) > 8) & (np.abs(across) < 20)
    assert (filled[fingers] < 0.75).mean() > 0.93


@each_pattern
def test_a_crop_of_thinned_readings_is_that_of_all_but_for_the_edges(
    pattern: Callable[[], np.ndarray],
) -> None:
    depth = hand_image(True)
    dense, sparse = (
        crop_depth(DepthFrame(image, CAMERA), CropFrame(PALM)) for image in (depth, thinned(depth, pattern))
    )
    assert ((dense < 1.0) != (sparse < 1.0)).mean() < 0.04
    both = (dense < 1.0) & (sparse < 1.0)
    assert np.median(np.abs(dense - sparse)[both]) * 0.15 < 0.0005


@each_lattice
def test_a_thinned_hand_before_a_dense_wall_is_cropped_as_a_dense_one(
    pattern: Callable[[], np.ndarray],
) -> None:
    depth = hand_image(True)
    mixed = np.where(pattern() | (depth > 0.8), depth, np.nan).astype(np.float32)
    frame = DepthFrame(mixed, CAMERA)
    dense, cropped = (crop_depth(each, CropFrame(PALM)) for each in (DepthFrame(depth, CAMERA), frame))
    assert ((dense < 1.0) != (cropped < 1.0)).mean() < 0.04
    both = (dense < 1.0) & (cropped < 1.0)
    assert np.median(np.abs(dense - cropped)[both]) * 0.15 < 0.0005
    read = np.isfinite(mixed) & ~near_edge(depth, 5)
    np.testing.assert_array_equal(frame.surface[read], mixed[read])


@each_lattice
def test_the_outline_of_a_thinned_ball_before_a_dense_wall_stays(pattern: Callable[[], np.ndarray]) -> None:
    from_middle = np.hypot(ROW - 120.3, COLUMN - 160.2)
    depth = np.where(from_middle < 60, 0.6, 0.9).astype(np.float32)
    depth[pattern() < (depth < 0.7)] = np.nan
    near = fill_between_readings(depth) < 0.75
    assert abs(np.sqrt(near.sum() / np.pi) - 60.0) < 1.5
    assert not near[from_middle > 64].any()


@each_lattice
def test_the_gap_between_thinned_fingers_before_a_dense_wall_stays_open(
    pattern: Callable[[], np.ndarray],
) -> None:
    across = np.abs(COLUMN - 160)
    depth = np.where((across < 44) & (across >= 5), 0.6, 0.9).astype(np.float32)
    depth[pattern() < (depth < 0.7)] = np.nan
    near = fill_between_readings(depth) < 0.75
    assert near[across <= 1].mean() < 0.02
    assert near[(across > 8) & (across < 40)].mean() > 0.93


@each_lattice
def test_beside_a_thinned_part_the_dense_one_stays(pattern: Callable[[], np.ndarray]) -> None:
    depth = np.full(ROW.shape, np.nan, np.float32)
    ball = np.hypot(ROW - 120.3, COLUMN - 80.2) < 60
    depth[ball] = 0.6
    depth[(COLUMN >= 160) & pattern()] = 0.8
    filled = fill_between_readings(depth)
    assert np.isfinite(filled[6:-6, 166:-6]).mean() > 0.93
    np.testing.assert_array_equal(filled[ball], depth[ball])
    assert np.isfinite(filled[:, :150]).sum() < 1.02 * ball.sum()


@pytest.mark.parametrize("zoom", [0.2, 0.3, 0.5, 1.0])
def test_a_dense_hand_alone_is_left_as_it_is_whatever_its_size_in_the_image(zoom: float) -> None:
    camera = Camera(320, 240, 400.0 * zoom, 400.0 * zoom, 159.5, 119.5)
    for angle in np.linspace(0.0, 6.0, 7):
        depth = spoil(render(camera, hand(PALM, facing(angle), forearm_m=0.0)), 3)
        assert fill_between_readings(depth) is depth


def test_a_small_hand_alone_is_filled() -> None:
    camera = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)
    depth = render(camera, hand(PALM * 1.4, facing(0.3), forearm_m=0.0))
    sparse = thinned(depth, PATTERNS["one in four"])
    assert np.isfinite(fill_between_readings(sparse)).sum() > 3.0 * np.isfinite(sparse).sum()


@pytest.mark.parametrize("missing", [0.0, 0.03, 0.1])
def test_a_dense_image_is_left_as_it_is(missing: float) -> None:
    depth = spoil(hand_image(True), 3, missing=missing)
    frame = DepthFrame(depth, CAMERA)
    assert frame.surface is frame.depth
    without_wall = spoil(hand_image(False), 3, missing=missing)
    assert fill_between_readings(without_wall) is without_wall


def test_an_image_without_a_surface_is_left_as_it_is() -> None:
    rng = np.random.default_rng(0)
    scattered = np.where(rng.random(ROW.shape) < 0.01, 0.6, np.nan).astype(np.float32)
    for depth in (np.full(ROW.shape, np.nan, np.float32), scattered, np.full((3, 5), 0.6, np.float32)):
        assert fill_between_readings(depth) is depth


@pytest.mark.parametrize("steps", [(5, 5), (6, 6), (7, 7), (8, 8), (3, 6), (2, 8), (4, 5)])
def test_readings_of_a_lattice_may_lie_as_far_apart_as_a_tent_reaches(steps: tuple[int, int]) -> None:
    depth = np.full(ROW.shape, 0.6, np.float32)
    rows, columns = steps
    measured = readings_spacing(thinned(depth, lambda: (ROW % rows == 0) & (COLUMN % columns == 0)))
    assert measured is not None
    assert measured[:2] == (columns, rows)
    assert measured.whole == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(("zoom", "reach"), [(4.4, 5), (5.2, 6), (5.8, 6)])
def test_registered_readings_are_no_farther_apart_than_they_are(zoom: float, reach: int) -> None:
    """Tiles of 4 px that happen to have a reading in each are no sign of readings that lie anyhow."""
    measured = readings_spacing(thinned(np.full(ROW.shape, 0.6, np.float32), lambda: registered(zoom)))
    assert measured is not None
    assert measured[:2] == (reach, reach)


@pytest.mark.parametrize("share", [0.005, 0.02, 0.03])
def test_few_readings_anywhere_are_no_lattice(share: float) -> None:
    for seed in range(12):
        depth = np.full((480, 640), np.nan, np.float32)
        depth[np.random.default_rng(seed).random(depth.shape) < share] = 0.8
        assert readings_spacing(depth) is None


def test_the_spacing_is_that_of_the_lattice() -> None:
    depth = np.full(ROW.shape, 0.6, np.float32)
    wanted = {
        "one in four": (2, 2),
        "every third column": (3, 1),
        "interlaced rows": (1, 2),
        "one in nine": (3, 3),
    }
    for name, spacing in wanted.items():
        measured = readings_spacing(thinned(depth, PATTERNS[name]))
        assert measured is not None
        assert measured[:2] == spacing
        assert measured.whole == pytest.approx(1.0, rel=0.05)
    assert readings_spacing(depth) is None


@pytest.mark.parametrize("none", [np.nan, np.inf, 0.0])
def test_whatever_stands_for_no_reading_the_picture_is_sparse(none: float) -> None:
    depth = np.full(ROW.shape, 0.6, np.float32)
    for pattern in PATTERNS.values():
        sparse = thinned(depth, pattern)
        given = np.where(np.isfinite(sparse), sparse, np.float32(none))
        assert readings_spacing(given) == readings_spacing(sparse)


def test_what_shines_through_a_nearer_surface_is_not_seen() -> None:
    depth = np.full(ROW.shape, 0.6, np.float32)
    sparse = thinned(depth, PATTERNS["one in four"])
    behind = (ROW % 8 == 1) & (COLUMN % 8 == 1) & (COLUMN > 100)
    sparse[behind] = 0.9
    filled = fill_between_readings(sparse)[2:-2, 2:-2]
    np.testing.assert_allclose(filled, 0.6, atol=1e-6)


def test_readings_are_kept_to_the_bit() -> None:
    depth = hand_image(False)
    for pattern in PATTERNS.values():
        sparse = thinned(depth, pattern)
        read = np.isfinite(sparse) & ~near_edge(depth, 6)
        np.testing.assert_array_equal(fill_between_readings(sparse)[read], sparse[read])


def looked_at(
    monkeypatch: pytest.MonkeyPatch, depth: np.ndarray, most: int | None = None
) -> tuple[np.ndarray, int]:
    """The filled image, and how many pixels were looked at where several surfaces meet."""
    counts: list[int] = []
    fill = sparse._fill

    def counted(*arguments: object) -> int:
        counts.append(fill(*arguments))
        return counts[-1]

    monkeypatch.setattr(sparse, "_fill", counted)
    if most is not None:
        monkeypatch.setattr(sparse, "_MOST_LOOKED_AT", most)
    filled = fill_between_readings(depth)
    monkeypatch.undo()
    return filled, sum(counts)


@pytest.mark.parametrize("share", [0.07, 0.25, 0.8])
@pytest.mark.parametrize("height", [240, 1500, 3000])
def test_rubble_of_any_size_takes_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch, share: float, height: int
) -> None:
    """Scattered readings of which no two are of one surface: 4096x3072 of them took 10 s."""
    random = np.random.default_rng(7)
    rubble = random.uniform(0.3, 1.5, (height, height * 4 // 3)).astype(np.float32)
    rubble[random.random(rubble.shape) >= share] = np.nan
    filled, count = looked_at(monkeypatch, rubble)
    assert count <= sparse._MOST_LOOKED_AT
    assert height == 240 or count == 0
    assert np.isfinite(filled[np.isfinite(rubble)]).all()


@each_pattern
def test_beyond_that_readings_stand_and_only_holes_between_surfaces_stay(
    monkeypatch: pytest.MonkeyPatch, pattern: Callable[[], np.ndarray]
) -> None:
    depth = thinned(np.where(COLUMN < 160, 0.5, 0.8).astype(np.float32), pattern)
    whole, count = looked_at(monkeypatch, depth)
    cheap, none = looked_at(monkeypatch, depth, most=max(count - 1, 0))
    assert none == 0
    read = np.isfinite(depth)
    assert np.array_equal(cheap[read], depth[read])
    changed = ~((cheap == whole) | (np.isnan(cheap) & np.isnan(whole)))
    assert count == 0 or changed.any()
    assert (np.abs(COLUMN[changed] - 159.5) < 9).all()
