"""Camera: project and back_project are inverses, CameraInfo is read as documented, errors are clear."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hand_pose_ros.depth.camera import Camera

K = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]

CAMERAS = [
    Camera(640, 480, 500.0, 510.0, 320.0, 240.0),
    Camera(640, 480, 500.0, 510.0, 320.0, 240.0, (0.12, -0.25, 0.001, -0.0008, 0.09), "plumb_bob"),
    Camera(640, 480, 500.0, 510.0, 320.0, 240.0, (-0.28, 0.07, 0.0002, 0.0003, 0.0), "plumb_bob"),
    # An Azure Kinect's depth camera: wide, coefficients above 1.
    Camera(
        640,
        576,
        504.0,
        504.2,
        319.0,
        329.0,
        (5.31, 3.52, 1.2e-5, -6.3e-5, 0.185, 5.64, 5.17, 0.94),
        "rational_polynomial",
    ),
    Camera(848, 800, 286.0, 286.5, 424.0, 400.0, (-0.008, 0.045, -0.042, 0.008), "equidistant"),
]
pixel = st.floats(0.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("camera", CAMERAS, ids=lambda c: f"{c.distortion_model}-{c.fx:.0f}")
@given(x=pixel, y=pixel, z=st.floats(0.1, 5.0))
@settings(max_examples=100, deadline=None)
def test_a_pixel_back_projected_projects_to_itself(camera: Camera, x: float, y: float, z: float) -> None:
    uv = np.array([x * (camera.width - 1), y * (camera.height - 1)])
    point = camera.back_project(uv, z)
    if np.isnan(point).any():
        # Only a fisheye sees what has no depth along its axis: 90 degrees and more.
        assert camera.distortion_model == "equidistant"
        assert np.linalg.norm((uv - (camera.cx, camera.cy)) / (camera.fx, camera.fy)) > 1.4
        return
    assert point[2] == pytest.approx(z)
    np.testing.assert_allclose(camera.project(point), uv, atol=1e-5)


@given(x=st.floats(-0.3, 0.3), y=st.floats(-0.2, 0.2), z=st.floats(0.3, 2.0))
def test_how_far_inside_a_point_lies_is_what_it_can_be_moved_before_it_leaves(
    x: float, y: float, z: float
) -> None:
    camera = Camera(640, 480, 500.0, 400.0, 300.0, 250.0)
    inside = camera.inside_m((x, y, z))
    ways = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])

    def within(distance: float) -> np.ndarray:
        uv = camera.project(np.array([x, y, z]) + distance * ways)
        return ((uv > -1e-6) & (uv < np.array([639, 479]) + 1e-6)).all(axis=1)

    if inside > 1e-6:
        assert within(inside * 0.999).all()
        assert not within(inside * 1.001 + 1e-6).all()
    elif inside < -1e-6:
        assert not within(0.0).any()


def test_what_lies_behind_the_camera_is_not_in_the_picture() -> None:
    camera = Camera(640, 480, 500.0, 500.0, 320.0, 240.0)
    assert camera.inside_m((0.0, 0.0, -1.0)) == -np.inf
    assert camera.inside_m((0.0, 0.0, 1.0)) == pytest.approx(239 / 500)


@pytest.mark.parametrize("camera", CAMERAS[:4], ids=lambda c: f"{c.distortion_model}-{c.fx:.0f}")
def test_projection_agrees_with_opencv(camera: Camera) -> None:
    points = np.random.default_rng(0).uniform((-0.4, -0.3, 0.8), (0.4, 0.3, 1.5), (200, 3))
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, np.array(camera.distortion))
    np.testing.assert_allclose(camera.project(points), expected[:, 0], atol=1e-6)


def test_fisheye_projection_agrees_with_opencv() -> None:
    camera = CAMERAS[4]
    points = np.random.default_rng(0).uniform((-1.5, -1.0, 0.5), (1.5, 1.0, 1.5), (200, 3))
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    expected, _ = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), matrix, np.array(camera.distortion)
    )
    np.testing.assert_allclose(camera.project(points), expected[:, 0], atol=1e-6)


def test_shapes_are_kept_and_points_behind_the_camera_have_no_pixel() -> None:
    camera = CAMERAS[1]
    assert camera.project(np.ones((2, 5, 3))).shape == (2, 5, 2)
    assert camera.back_project(np.ones((2, 5, 2)), 0.5).shape == (2, 5, 3)
    assert camera.project(np.ones(3)).shape == (2,)
    assert np.isnan(camera.project([[0.1, 0.1, -1.0], [0.1, 0.1, 0.0]])).all()


def test_a_point_beyond_the_lens_models_fold_does_not_land_in_the_image() -> None:
    # Barrel distortion r(1 - 0.3 r^2) turns back at r = 1.05: a point at 60 degrees must not appear.
    camera = Camera(640, 480, 300.0, 300.0, 320.0, 240.0, (-0.3, 0.0, 0.0, 0.0, 0.0), "plumb_bob")
    assert np.isnan(camera.project([math.tan(math.radians(60)), 0.0, 1.0])).all()
    assert np.isfinite(camera.project([math.tan(math.radians(40)), 0.0, 1.0])).all()


@pytest.mark.slow
@given(
    binning=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    roi=st.tuples(st.integers(0, 200), st.integers(0, 200)),
    x=st.floats(-0.2, 0.2),
    y=st.floats(-0.2, 0.2),
)
def test_roi_and_binning_move_the_full_resolution_pixel(
    binning: tuple[int, int], roi: tuple[int, int], x: float, y: float
) -> None:
    full = Camera.from_camera_info_fields(640, 480, K)
    part = Camera.from_camera_info_fields(640, 480, K, [], "", *binning, *roi, 400, 240)
    point = np.array([x, y, 1.0])
    expected = (full.project(point) - roi) / binning
    np.testing.assert_allclose(part.project(point), expected, atol=1e-9)
    assert (part.width, part.height) == (400 // binning[0], 240 // binning[1])


def test_binning_zero_means_one_and_a_region_of_zeros_the_whole_image() -> None:
    camera = Camera.from_camera_info_fields(640, 480, K, [0.0] * 5, "plumb_bob", 0, 0, 0, 0, 0, 0)
    assert camera == Camera(640, 480, 500.0, 510.0, 320.0, 240.0)


def test_an_equidistant_lens_with_zero_coefficients_is_still_a_fisheye() -> None:
    camera = Camera.from_camera_info_fields(640, 480, K, [0.0] * 4, "equidistant")
    u = camera.project([1.0, 0.0, 1.0])[0]
    assert u == pytest.approx(320.0 + 500.0 * math.pi / 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": [0.0] * 9}, "fx=0.0.*positive"),
        ({"k": [float("nan")] + K[1:]}, "finite"),
        ({"k": K[:8]}, "8 numbers"),
        ({"k": [-500.0] + K[1:]}, "positive"),
        ({"d": [0.1, 0.2, 0.3], "model": "plumb_bob"}, "plumb_bob takes 4 or 5 coefficients, got 3"),
        ({"d": [0.1] * 8, "model": "polynomial"}, "'polynomial' is unknown"),
        ({"d": [float("nan")] * 5, "model": "plumb_bob"}, "finite"),
        ({"width": 0}, "0x480"),
        ({"roi_x": 600, "roi_w": 100, "roi_h": 100}, "does not lie in the 640x480"),
        ({"roi_x": 10}, "size is 0x0"),
        ({"binning_x": 1000}, "width is 0"),
    ],
)
def test_bad_fields_are_named(change: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {"width": 640, "height": 480, "k": K} | change
    with pytest.raises(ValueError, match=message):
        Camera.from_camera_info_fields(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("fx", [0.0, -1.0, float("nan"), float("inf")])
def test_a_camera_needs_a_focal_length(fx: float) -> None:
    with pytest.raises(ValueError, match="focal length fx"):
        Camera(640, 480, fx, 500.0, 320.0, 240.0)


def test_sizes_that_differ_are_named() -> None:
    with pytest.raises(ValueError, match="camera info says 640x480, the image is 320x240"):
        CAMERAS[0].require_size(320, 240)


OAK_LENS = Camera(
    250, 250, 196.50531005859375, 196.50531005859375, 126.86713409423828, 125.84786987304688,
    (
        -4.860828876495361, 17.2819766998291, 0.00020376102474983782, 0.0010251018684357405, -25.172250747680664,
        -4.943647384643555, 17.51442527770996, -25.290760040283203,
    ),
    "rational_polynomial",
)  # fmt: skip
"""An OAK-D's own calibration: 132 px off the axis numerator and denominator change sign together."""

OAK_LITE_LENS = Camera(
    250, 250, 196.7876739501953, 196.7876739501953, 123.86207580566406, 127.05023193359375,
    (
        -4.0933966636657715, 9.190781593322754, 0.0012543922057375312, -0.0010304413735866547, -8.917245864868164,
        -4.187956809997559, 9.556831359863281, -9.303533554077148,
    ),
    "rational_polynomial",
)  # fmt: skip
"""Another's: 148 px off the axis they do so 2 px apart."""


@pytest.mark.parametrize("lens", [OAK_LENS, OAK_LITE_LENS], ids=["OAK-D", "OAK-D Lite"])
def test_a_rational_lens_is_seen_through_beyond_a_pole_that_cancels(lens: Camera) -> None:
    uv = np.stack(np.meshgrid(np.arange(250.0), np.arange(250.0)), axis=-1)
    points = lens.back_project(uv, 1.0)
    seen = np.isfinite(points[..., 0])
    assert seen.mean() > 0.99
    np.testing.assert_allclose(lens.project(points[seen]), uv[seen], atol=1e-6)
    matrix = np.array([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1]], dtype=np.float64)
    expected, _ = cv2.projectPoints(points[seen], np.zeros(3), np.zeros(3), matrix, np.array(lens.distortion))
    np.testing.assert_allclose(expected[:, 0], uv[seen], atol=1e-6)
    of_pinhole = (uv - (lens.cx, lens.cy)) / (lens.fx, lens.fy)
    assert np.nanmax(np.abs(points[..., :2] - of_pinhole)) * lens.fx < 10.0


@example(x=0.640625, y=0.171875)  # just before the pole, where what nearly cancels moves the pixel outwards
@given(x=st.floats(-3.0, 3.0), y=st.floats(-3.0, 3.0))
def test_a_pixel_shows_one_ray_only(x: float, y: float) -> None:
    """Behind a pole that does not cancel the model has a second branch: nothing there has a pixel in the image."""
    second_branch = Camera(
        640, 480, 300.0, 300.0, 320.0, 240.0, (0.1, 0.0, 0.0, 0.0, -0.4, -0.3, 0.0, 0.0), "rational_polynomial"
    )  # fmt: skip
    for lens in (OAK_LENS, OAK_LITE_LENS, second_branch):
        uv = lens.project([x, y, 1.0])
        if np.isfinite(uv).all():
            np.testing.assert_allclose(lens.back_project(uv, 1.0), [x, y, 1.0], atol=1e-5)


@pytest.mark.parametrize(
    ("model", "given_d", "same"),
    [
        ("plumb_bob", [-0.03, 0.035, -0.0001, -0.0001, -0.012, 0, 0, 0], [-0.03, 0.035, -0.0001, -0.0001, -0.012]),
        ("plumb_bob", [0.1, -0.2, 0, 0, 0.05] + [0] * 7, [0.1, -0.2, 0, 0, 0.05]),
        ("plumb_bob", [0.1, -0.2, 0.001, 0.002], [0.1, -0.2, 0.001, 0.002, 0.0]),
        ("equidistant", [-0.008, 0.045, -0.042, 0.008, 0], [-0.008, 0.045, -0.042, 0.008]),
        ("equidistant", [], [0.0] * 4),
        ("equidistant", [0.0], [0.0] * 4),
        ("equidistant", [-0.008, 0.045], [-0.008, 0.045, 0.0, 0.0]),
        ("plumb_bob", [0.1, -0.2], [0.1, -0.2, 0.0, 0.0]),
        ("plumb_bob", [0.1, -0.2, 0.0], [0.1, -0.2, 0.0, 0.0]),
        ("rational_polynomial", [0.09, -0.16, 0, 0, 0.12, 0.2], [0.09, -0.16, 0, 0, 0.12, 0.2, 0, 0]),
        ("rational_polynomial", [0.09, -0.16, 0, 0, 0.12], [0.09, -0.16, 0, 0, 0.12, 0, 0, 0]),
        ("rational_polynomial", [5.3, 3.5, 0, 0, 0.18, 5.6, 5.1, 0.94] + [0] * 6,
         [5.3, 3.5, 0, 0, 0.18, 5.6, 5.1, 0.94]),
    ],
)  # fmt: skip
def test_coefficients_of_zero_add_nothing(model: str, given_d: list[float], same: list[float]) -> None:
    points = np.random.default_rng(0).uniform((-0.4, -0.3, 0.8), (0.4, 0.3, 1.5), (50, 3))
    given_camera = Camera.from_camera_info_fields(640, 480, K, given_d, model)
    expected = Camera.from_camera_info_fields(640, 480, K, same, model)
    np.testing.assert_array_equal(given_camera.project(points), expected.project(points))


@pytest.mark.parametrize(
    ("model", "given_d", "named"),
    [
        ("plumb_bob", [0.1] * 5 + [0.0, 0.3, 0.0], "takes 4 or 5 coefficients, got 8, of which k5 is 0.3"),
        ("equidistant", [0.1] * 4 + [0.2], "got 5, of which number 5 is 0.2"),
        ("rational_polynomial", [0.1] * 8 + [0.0] * 3 + [0.5], "got 12, of which s4 is 0.5"),
        ("rational_polynomial", [0.1] * 8 + [float("nan")], "of which s1 is nan"),
        ("plumb_bob", ["0.1"] * 5, "must be a number"),
    ],
)
def test_further_coefficients_that_are_not_zero_are_named(
    model: str, given_d: list[float], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        Camera(640, 480, 500.0, 500.0, 320.0, 240.0, tuple(given_d), model)


@pytest.mark.parametrize(
    "bad", [float("nan"), float("inf"), -float("inf"), 1e300, 10**400, "500", None, True]
)
@pytest.mark.parametrize("field", ["width", "height", "fx", "fy", "cx", "cy"])
def test_a_camera_of_impossible_numbers_is_refused_in_one_sentence(field: str, bad: object) -> None:
    fields = {"width": 640, "height": 480, "fx": 500.0, "fy": 500.0, "cx": 320.0, "cy": 240.0, field: bad}
    with pytest.raises(ValueError, match=rf"camera .*{field} is .*: it must be"):
        Camera(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [0, -1, 0.5, 1e-310])
@pytest.mark.parametrize("field", ["width", "height", "fx", "fy"])
def test_sizes_and_focal_lengths_are_positive(field: str, bad: float) -> None:
    if bad == 0.5 and field.startswith("f"):
        return
    fields = {"width": 640, "height": 480, "fx": 500.0, "fy": 500.0, "cx": 320.0, "cy": 240.0, field: bad}
    with pytest.raises(ValueError, match=field):
        Camera(**fields)  # type: ignore[arg-type]
