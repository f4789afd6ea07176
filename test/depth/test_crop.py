"""Crop: exact inverses, pixels where the geometry says, the same look on and off the axis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CROP_CUBE_M, CROP_SIZE, CropFrame, crop_depth, crop_depths, upright_roll
from hand_pose_ros.depth.frame import DepthFrame

PINHOLE = Camera(640, 480, 480.0, 475.0, 318.0, 242.0)
DISTORTED = Camera(640, 480, 480.0, 475.0, 318.0, 242.0, (0.1, -0.2, 0.002, -0.001, 0.05), "plumb_bob")
FISHEYE = Camera(640, 480, 300.0, 300.0, 318.0, 242.0, (0.02, -0.01, 0.003, 0.0), "equidistant")
CAMERAS = [PINHOLE, DISTORTED, FISHEYE]

frames = st.builds(
    lambda x, y, z, cube, mirrored, roll: CropFrame(np.array([x * z, y * z, z]), cube, 96, mirrored, roll),
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
    st.floats(0.25, 2.0),
    st.floats(0.1, 0.4),
    st.booleans(),
    st.floats(-4.0, 4.0) | st.just(0.0),
)
points = st.lists(st.tuples(*[st.floats(-0.15, 0.15)] * 3), min_size=1, max_size=8).map(np.array)


def sphere_image(camera: Camera, centre: np.ndarray, radius: float) -> np.ndarray:
    """Exact depth (H,W) of a sphere, NaN elsewhere: each pixel's ray is met with the sphere."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    ray = camera.back_project(np.stack([u, v], -1).astype(float), 1.0)
    a, b = (ray**2).sum(-1), ray @ centre
    root = b**2 - a * (centre @ centre - radius**2)
    with np.errstate(invalid="ignore"):
        return ((b - np.sqrt(root)) / a).astype(np.float32)


def disc_image(size: int, distance: float, half: float, radius: float) -> np.ndarray:
    """What the crop of a sphere about the crop's centre must be, from the crop's own definition."""
    grid = (2 * np.arange(size) + 1) / size - 1
    x, y = np.meshgrid(grid * half / distance, grid * half / distance)
    a = x**2 + y**2 + 1
    root = distance**2 - a * (distance**2 - radius**2)
    with np.errstate(invalid="ignore"):
        z = (distance - np.sqrt(root)) / a
    return np.where(root > 0, (z - distance) / half, 1.0)


@pytest.mark.slow
@given(frames, points)
def test_local_and_camera_are_inverses(frame: CropFrame, local: np.ndarray) -> None:
    np.testing.assert_allclose(frame.camera_to_local(frame.local_to_camera(local)), local, atol=1e-12)


@pytest.mark.slow
@given(frames, points)
def test_local_and_crop_are_inverses(frame: CropFrame, local: np.ndarray) -> None:
    np.testing.assert_allclose(frame.crop_to_local(frame.local_to_crop(local)), local, atol=1e-12)


@pytest.mark.slow
@given(frames, points)
def test_lengths_are_kept_and_the_centre_is_the_origin(frame: CropFrame, local: np.ndarray) -> None:
    camera = frame.local_to_camera(local)
    np.testing.assert_allclose(
        np.linalg.norm(camera - frame.centre, axis=-1), np.linalg.norm(local, axis=-1), atol=1e-12
    )
    np.testing.assert_allclose(frame.camera_to_local(frame.centre), 0.0, atol=1e-12)


@pytest.mark.slow
@given(frames)
def test_the_view_is_a_rotation_that_the_roll_alone_turns_about_its_axis(frame: CropFrame) -> None:
    np.testing.assert_allclose(frame.view @ frame.view.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame.view) == pytest.approx(1.0)
    np.testing.assert_allclose(frame.view @ frame.centre, (0, 0, frame.distance), atol=1e-12)
    # The smallest rotation: its angle is the angle between the centre's direction and the optical axis.
    level = CropFrame(frame.centre).view
    angle = np.arccos(np.clip((np.trace(level) - 1) / 2, -1, 1))
    assert angle == pytest.approx(np.arccos(frame.centre[2] / frame.distance), abs=1e-6)
    turn = frame.view @ level.T
    np.testing.assert_allclose(
        turn @ (1, 0, 0), (np.cos(frame.roll_rad), np.sin(frame.roll_rad), 0), atol=1e-12
    )


@pytest.mark.slow
@given(frames, st.tuples(*[st.floats(-1.0, 1.0)] * 3).map(np.array))
def test_a_direction_points_up_in_the_crop_that_is_turned_upright(
    frame: CropFrame, direction: np.ndarray
) -> None:
    roll = upright_roll(frame.centre, direction)
    x, y, _ = CropFrame(frame.centre, roll_rad=roll).view @ direction
    assert x == pytest.approx(0.0, abs=1e-9)
    assert y < 1e-9
    assert np.hypot(x, y) == pytest.approx(
        np.linalg.norm(np.cross(frame.centre, direction)) / frame.distance, abs=1e-6
    )


def test_a_direction_along_the_line_of_sight_asks_for_no_roll() -> None:
    centre = np.array([0.1, 0.2, 0.8])
    assert np.isfinite(upright_roll(centre, centre))
    assert upright_roll((0.0, 0.0, 1.0), (0.0, 0.0, 1.0)) == 0.0


@pytest.mark.slow
@given(frames)
def test_mirroring_negates_local_x_only(frame: CropFrame) -> None:
    other = CropFrame(frame.centre, frame.cube_m, frame.size, not frame.mirrored, frame.roll_rad)
    point = np.array([0.03, -0.02, 0.05])
    np.testing.assert_allclose(
        other.local_to_camera(point * (-1, 1, 1)), frame.local_to_camera(point), atol=1e-12
    )


@pytest.mark.slow
@given(frames, st.integers(0, 2**32 - 1))
def test_orientations_stay_right_handed_and_turn_with_the_points(frame: CropFrame, seed: int) -> None:
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    turned = frame.local_to_camera_rotation(rotation)
    assert np.linalg.det(turned) == pytest.approx(1.0)
    np.testing.assert_allclose(frame.camera_to_local_rotation(turned), rotation, atol=1e-12)
    # x and z of the body are where their tips are carried as points.
    for axis in (0, 2):
        tip = frame.local_to_camera(rotation[:, axis]) - frame.local_to_camera(np.zeros(3))
        np.testing.assert_allclose(turned[:, axis], tip, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("camera", CAMERAS, ids=lambda c: c.distortion_model)
@pytest.mark.parametrize(("mirrored", "roll"), [(False, 0.0), (True, 0.0), (True, 1.1), (False, -2.6)])
@given(st.tuples(*[st.floats(-0.6, 0.6)] * 2), st.floats(0.3, 1.5), st.tuples(*[st.floats(-0.9, 0.9)] * 3))
@settings(max_examples=60, deadline=None)
def test_a_points_crop_pixel_shows_its_depth(
    camera: Camera,
    mirrored: bool,
    roll: float,
    direction: tuple[float, float],
    z: float,
    crop: tuple[float, float, float],
) -> None:
    frame = CropFrame(np.array([direction[0] * z, direction[1] * 0.7 * z, z]), 0.3, 96, mirrored, roll)
    point = frame.local_to_camera(frame.crop_to_local(np.array(crop)))
    uv = camera.project(point)
    assert np.isfinite(uv).all()
    u, v = np.round(uv).astype(int)
    if not (8 <= u < camera.width - 8 and 8 <= v < camera.height - 8):
        return
    depth = np.full((camera.height, camera.width), np.nan, np.float32)
    depth[v - 8 : v + 9, u - 8 : u + 9] = point[2]
    column, row = np.round(frame.crop_to_pixel(crop)).astype(int)
    shown = crop_depth(DepthFrame(depth, camera), frame)[row, column]
    # A patch of constant camera depth is slanted in the view: one crop pixel of slack at most 45 degrees.
    assert shown == pytest.approx(crop[2], abs=2.5 / 96)


@pytest.mark.slow
@pytest.mark.parametrize("camera", CAMERAS, ids=lambda c: c.distortion_model)
@pytest.mark.parametrize("direction", [(0.0, 0.0), (0.45, 0.1), (-0.3, 0.3), (0.1, -0.35)])
@pytest.mark.parametrize("distance", [0.35, 0.9])
def test_a_sphere_looks_the_same_wherever_it_is(
    camera: Camera, direction: tuple[float, float], distance: float
) -> None:
    centre = np.array([*direction, 1.0])
    centre *= distance / np.linalg.norm(centre)
    frame = CropFrame(centre, cube_m=0.2, size=96)
    crop = crop_depth(DepthFrame(sphere_image(camera, centre, 0.05), camera), frame)
    expected = disc_image(96, distance, 0.1, 0.05)
    both = (crop < 1) & (expected < 1)
    # Silhouettes agree but for the pixels cut by the rim (a source pixel is up to 2.6 crop pixels here).
    assert ((crop < 1) != (expected < 1)).sum() < 0.12 * (expected < 1).sum()
    error = np.abs(crop - expected)[both] * 0.1
    assert np.median(error) < 0.0008
    assert crop[48, 48] * 0.1 == pytest.approx(-0.05, abs=0.001)


def test_a_mirrored_crop_is_the_flipped_picture_of_the_flipped_scene() -> None:
    camera = Camera(641, 480, 480.0, 480.0, 320.0, 242.0)
    centre = np.array([0.1, 0.05, 0.6])
    depth = np.fmin(
        sphere_image(camera, centre, 0.04), sphere_image(camera, centre + (0.06, 0.03, 0.02), 0.02)
    )
    straight = crop_depth(DepthFrame(depth, camera), CropFrame(centre))
    flipped = DepthFrame(depth[:, ::-1], camera)
    mirrored = crop_depth(flipped, CropFrame(centre * (-1, 1, 1), mirrored=True))
    # A sample exactly between two pixels rounds the other way in the flipped picture.
    assert (np.abs(mirrored - straight) > 1e-6).mean() < 0.002


def test_outside_the_cube_and_no_reading_are_plus_one() -> None:
    frame = CropFrame(np.array([0.0, 0.0, 0.6]), 0.3)
    for value in (0.44, 0.77, np.nan, np.inf, 0.0, -0.5):
        depth = np.full((480, 640), value, np.float32)
        assert (crop_depth(DepthFrame(depth, PINHOLE), frame) == 1.0).all(), value
    inside = crop_depth(DepthFrame(np.full((480, 640), 0.6, np.float32), PINHOLE), frame)
    assert inside.dtype == np.float32
    assert (np.abs(inside) < 0.05).all()


def test_a_crop_beyond_the_images_edge_is_plus_one_there() -> None:
    frame = CropFrame(PINHOLE.back_project([0.0, 240.0], 0.6), 0.3)
    crop = crop_depth(DepthFrame(np.full((480, 640), 0.6, np.float32), PINHOLE), frame)
    assert (crop[:, :44] == 1.0).all()
    assert (crop[:, 52:] < 1.0).all()


def test_single_flying_and_missing_pixels_do_not_show_when_the_sensor_is_dense() -> None:
    rng = np.random.default_rng(0)
    depth = np.full((480, 640), 0.4, np.float32)
    frame = CropFrame(np.array([0.0, 0.0, 0.4]), 0.3)
    clean = crop_depth(DepthFrame(depth, PINHOLE), frame)
    noise = rng.random(depth.shape)
    depth[noise < 0.05] = 0.3
    depth[noise > 0.95] = np.nan
    changed = np.abs(crop_depth(DepthFrame(depth, PINHOLE), frame) - clean) > 0.02
    assert changed.mean() < 0.01


def test_any_memory_layout_and_type_gives_the_same_crop() -> None:
    depth = sphere_image(PINHOLE, np.array([0.0, 0.0, 0.5]), 0.05)
    frame = CropFrame(np.array([0.0, 0.0, 0.5]))
    expected = crop_depth(DepthFrame(depth, PINHOLE), frame)
    for other in (np.asfortranarray(depth), depth.astype(np.float64), np.pad(depth, 3)[3:-3, 3:-3]):
        np.testing.assert_array_equal(crop_depth(DepthFrame(other, PINHOLE), frame), expected)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"centre": np.array([0.0, 0.0, -0.5])}, "z must be positive"),
        ({"centre": np.array([0.0, np.nan, 0.5])}, "3 finite numbers"),
        ({"centre": np.array([0.0, 0.5])}, "3 finite numbers"),
        ({"cube_m": 0.0}, "cube_m is 0.0"),
        ({"cube_m": float("nan")}, "cube_m is nan"),
        ({"size": 0}, "size is 0"),
    ],
)
def test_an_impossible_frame_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CropFrame(**({"centre": np.array([0.0, 0.0, 0.5])} | fields))  # type: ignore[arg-type]


def test_crops_of_a_batch_are_those_taken_one_by_one() -> None:
    centre = np.array([0.05, -0.02, 0.5])
    frame = DepthFrame(sphere_image(DISTORTED, centre, 0.05), DISTORTED)
    crop_frames = [
        CropFrame(centre),
        CropFrame(centre + 0.03, mirrored=True),
        CropFrame(centre, cube_m=0.2, roll_rad=1.0),
    ]
    crops = crop_depths(frame, crop_frames)
    assert crops.shape == (3, CROP_SIZE, CROP_SIZE)
    assert crops.dtype == np.float32
    for crop, crop_frame in zip(crops, crop_frames, strict=True):
        np.testing.assert_array_equal(crop, crop_depth(frame, crop_frame))
    assert crop_frames[0].cube_m == CROP_CUBE_M


def test_a_batch_of_no_crop_or_of_two_sizes_is_refused() -> None:
    frame = DepthFrame(np.full((480, 640), 0.6, np.float32), PINHOLE)
    with pytest.raises(ValueError, match="sizes of the crops are"):
        crop_depths(frame, [])
    centre = np.array([0.0, 0.0, 0.6])
    with pytest.raises(ValueError, match=r"\[64, 96\]"):
        crop_depths(frame, [CropFrame(centre, size=96), CropFrame(centre, size=64)])
