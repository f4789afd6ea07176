"""Camera infos as drivers send them: which of the two calibrations is taken, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hand_pose_ros.depth.camera_info import camera_from_info

K = (400.0, 0.0, 320.0, 0.0, 410.0, 240.0, 0.0, 0.0, 1.0)
P = (500.0, 0.0, 330.0, 0.0, 0.0, 510.0, 250.0, 0.0, 0.0, 0.0, 1.0, 0.0)
NAN, INF = float("nan"), float("inf")


def info(k=K, p=P):
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)
    return SimpleNamespace(
        width=640, height=480, distortion_model="plumb_bob", d=(0.0,) * 5, k=k, p=p, binning_x=0, binning_y=0, roi=roi
    )  # fmt: skip


@pytest.mark.parametrize(
    "empty",
    [
        (0.0,) * 9,
        (0.0,) * 8 + (1.0,),
        (0.0, 0.0, 320.0, 0.0, 0.0, 240.0, 0.0, 0.0, 1.0),
        (NAN,) * 9,
        (INF,) * 9,
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
