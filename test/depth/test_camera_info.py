"""Camera infos as drivers send them: which of the two calibrations is taken, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hand_pose_ros.depth.camera_info import camera_from_info

K = (400.0, 0.0, 320.0, 0.0, 410.0, 240.0, 0.0, 0.0, 1.0)
P = (500.0, 0.0, 330.0, 0.0, 0.0, 510.0, 250.0, 0.0, 0.0, 0.0, 1.0, 0.0)
NAN, INF = float("nan"), float("inf")


def info(k=K, p=P, width=640, height=480, model="plumb_bob", d=(0.0,) * 5):
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)
    return SimpleNamespace(
        width=width, height=height, distortion_model=model, d=d, k=k, p=p, binning_x=0, binning_y=0, roi=roi
    )  # fmt: skip


@pytest.mark.parametrize(
    "empty",
    [
        (0.0,) * 9,
        (0.0,) * 8 + (1.0,),
        (0.0, 0.0, 320.0, 0.0, 0.0, 240.0, 0.0, 0.0, 1.0),
        (NAN,) * 9,
        (INF,) * 9,
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    ],
)
def test_a_calibration_that_says_nothing_leaves_it_to_the_other(empty):
    camera = camera_from_info(info(k=empty), rectified=False)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500.0, 510.0, 330.0, 250.0)
    bare = (*empty[:3], 0.0, *empty[3:6], 0.0, *empty[6:], 0.0)
    camera = camera_from_info(info(p=bare), rectified=True)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (400.0, 410.0, 320.0, 240.0)
    with pytest.raises(ValueError, match="focal lengths|finite"):
        camera_from_info(info(k=empty, p=bare), rectified=False)


@pytest.mark.parametrize("size", [(64, 48), (320, 240), (1280, 720)])
def test_a_camera_that_was_never_calibrated_is_told_with_its_focal_length(size):
    identity = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    of_p = (*identity[:3], 0.0, *identity[3:6], 0.0, *identity[6:], 0.0)
    for rectified in (True, False):
        with pytest.raises(ValueError, match=f"fx=1, fy=1 px for an image of {size[0]}x{size[1]}.*calibrate"):
            camera_from_info(info(identity, of_p, *size), rectified)


@pytest.mark.parametrize("size", [(0, 0), (0, 480), (640, 0)])
def test_an_info_without_a_size_names_who_must_fill_it(size):
    for rectified in (True, False):
        with pytest.raises(
            ValueError, match=f"the image is {size[0]}x{size[1]}: the camera's driver .* must fill"
        ):
            camera_from_info(info(width=size[0], height=size[1]), rectified)


@pytest.mark.parametrize("model", ["fisheye", "kannala_brandt4", "Kannala Brandt4", "FishEye"])
def test_a_fisheye_by_any_of_its_names_is_one_whatever_its_coefficients(model):
    for d in ((), (0.0,) * 4, (-0.01, 0.04, -0.04, 0.01)):
        camera = camera_from_info(info(model=model, d=d), rectified=False)
        assert camera == camera_from_info(info(model="equidistant", d=d), rectified=False)
        assert camera.distortion_model == "equidistant"


@pytest.mark.parametrize("model", ["omnidirectional", "double_sphere", "mei", "ftheta", "thin_prism_fisheye"])
def test_a_wide_lens_that_is_not_known_is_refused_even_with_zeros(model):
    with pytest.raises(ValueError, match=f"'{model}' is unknown"):
        camera_from_info(info(model=model), rectified=False)
    assert camera_from_info(info(model=model), rectified=True).distortion_model == "none"


@pytest.mark.parametrize("model", ["", "none", "brown_conrady", "Inverse Brown Conrady", "plumb_bob"])
def test_a_pinhole_with_zeros_has_no_distortion(model):
    assert camera_from_info(info(model=model), rectified=False).distortion_model == "none"


def test_plumb_bob_with_eight_coefficients_is_rational_as_opencv_has_it():
    d = (5.3, 3.5, 0.0, 0.0, 0.18, 5.6, 5.1, 0.94)
    rational = camera_from_info(info(model="rational_polynomial", d=d), rectified=False)
    for further in ((), (0.0,) * 4, (0.0,) * 6):
        assert camera_from_info(info(d=d + further), rectified=False) == rational
    with pytest.raises(ValueError, match=r"of which s1 is 0.02, not 0: recalibrate .*rectified"):
        camera_from_info(info(d=(*d, 0.02, 0.0, 0.0, 0.0)), rectified=False)


@pytest.mark.parametrize("wrong", [(-400.0, *K[1:]), (*K[:4], 0.0, *K[5:]), (NAN, *K[1:])])
def test_a_calibration_that_is_half_wrong_is_refused(wrong):
    with pytest.raises(ValueError, match="focal lengths|finite"):
        camera_from_info(info(k=wrong), rectified=False)


@pytest.mark.parametrize("short", [(), (0.0,), (400.0,) * 4, (400.0,) * 10])
def test_a_calibration_of_another_length_is_none_or_refused_by_its_length(short):
    if any(short):
        with pytest.raises(ValueError, match=f"K has {len(short)} numbers: it must have 9"):
            camera_from_info(info(k=short), rectified=False)
    else:
        assert camera_from_info(info(k=short), rectified=False).fx == 500.0
