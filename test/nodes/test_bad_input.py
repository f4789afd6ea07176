"""Wrong input: one clear message naming what is wrong, the node stays up, nothing impossible is published."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from sensor_msgs.msg import Image

from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.tracker_factory import build_tracker

CORRUPT_FRAMES = {
    "wrong encoding": ({"encoding": "rgb8", "step": 3 * 64, "data": array("B", bytes(3 * 64 * 48))}, "rgb8"),
    "unknown encoding": ({"encoding": "nonsense"}, "nonsense"),
    "empty data": ({"data": array("B")}, "data"),
    "truncated data": ({"data": array("B", bytes(1000))}, "1000"),
    "step too small": ({"step": 10}, "10"),
    "no size": ({"width": 0, "height": 0, "step": 0, "data": array("B")}, "0x0"),
    "sizes differ": ({"width": 32, "height": 48, "step": 64, "data": array("B", bytes(64 * 48))}, "32x48"),
}


@pytest.mark.slow
@pytest.mark.parametrize("changes, named", CORRUPT_FRAMES.values(), ids=CORRUPT_FRAMES.keys())
def test_bad_image_is_named_and_survived(rig, fake_tracker, hand, capfd, changes, named):
    tracker = fake_tracker((hand(),))
    bench = rig(tracker)
    bench.connect()
    for _ in range(5):
        bench.send(**changes)
        bench.spin_for(0.05)
    assert bench.wait_for_error(named)
    assert not bench.answers()
    assert not tracker.stamps
    lines = [line for line in capfd.readouterr().err.splitlines() if "frame left out" in line]
    assert len(lines) == 1, "the message is throttled"
    bench.send()
    assert bench.wait_for_answers(1)


BAD_INFOS = {
    "zero focal length": ({"k": [0.0] * 9}, "focal length"),
    "not a number": ({"k": [float("nan")] * 9}, "finite"),
    "other size": ({"width": 640, "height": 480}, "640x480"),
    "unknown lens": (
        {"distortion_model": "fancy", "d": [0.1, 0.2]},
        "fancy",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("changes, named", BAD_INFOS.values(), ids=BAD_INFOS.keys())
def test_bad_camera_info_is_named_and_survived(rig, fake_tracker, hand, changes, named):
    tracker = fake_tracker((hand(),))
    bench = rig(tracker, rectified=False)
    bench.connect()
    bench.send(info=changes)
    assert bench.wait_for_error(named)
    assert not tracker.stamps
    bench.send()
    assert bench.wait_for_answers(1)


@pytest.mark.slow
def test_image_without_camera_info_names_both_topics(rig, fake_tracker):
    bench = rig(fake_tracker())
    bench.connect()

    def complained() -> bool:
        bench.image.publish(bench.image_message(bench.header()))
        bench.spin_for(0.1)
        return "no camera info" in bench.last_error()

    assert bench.spin_until(complained)
    assert "'/depth/image_rect'" in bench.last_error()
    assert "'/depth/camera_info'" in bench.last_error()


@pytest.mark.slow
def test_stamps_that_never_match_are_reported(rig, fake_tracker):
    bench = rig(fake_tracker(), max_age_s=0.0)
    bench.connect()

    def complained() -> bool:
        bench.image.publish(bench.image_message(bench.header()))
        bench.info.publish(bench.info_message(bench.header(5.0)))
        bench.spin_for(0.1)
        return "sync_slop_s" in bench.last_error()

    assert bench.spin_until(complained)


@pytest.mark.slow
def test_silence_with_a_publisher_names_the_middleware_profile(rig, fake_tracker):
    """Camera infos come, images do not: as when the middleware loses every image."""
    bench = rig(fake_tracker())
    bench.connect()

    def complained() -> bool:
        bench.info.publish(bench.info_message(bench.header()))
        bench.spin_for(0.1)
        return "FASTDDS_DEFAULT_PROFILES_FILE" in bench.last_error()

    assert bench.spin_until(complained)
    assert "QoS" in bench.last_error()


@pytest.mark.slow
def test_image_without_one_valid_pixel_gives_no_hand_and_a_word(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    bench.send(depth_m=0.0)
    assert bench.wait_for_answers(1)
    assert bench.answers()[0].hands == []
    assert np.isnan(tracker.depths[0]).all()
    assert bench.wait_for_error("no valid pixel")


@pytest.mark.slow
def test_nan_and_infinite_readings_are_no_readings(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    depth = np.full((48, 64), 0.5, dtype="<f4")
    depth[0, :4] = np.nan, np.inf, -np.inf, -1.0
    bench.send(encoding="32FC1", step=4 * 64, data=array("B", depth.tobytes()))
    assert bench.wait_for_answers(1)
    assert np.isnan(tracker.depths[0][0, :4]).all()
    assert np.isfinite(tracker.depths[0][1:]).all()


@pytest.mark.slow
def test_a_cv_bridge_that_cannot_be_loaded_hides_no_wrong_encoding(monkeypatch):
    """Its compiled part is loaded at the first use, and fails where it was made for another numpy."""

    class Broken:
        def imgmsg_to_cv2(self, image, desired_encoding):
            raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.setattr(conversions, "_bridge", Broken())
    image = Image(width=2, height=1, encoding="rgb8", step=6, data=array("B", bytes(6)))
    with pytest.raises(ValueError, match="encoding 'rgb8' is unknown: use one of"):
        conversions.depth_from_image(image, 0.001)


def test_encoding_that_only_cv_bridge_knows_is_read(rig, fake_tracker):
    tracker = fake_tracker()
    bench = rig(tracker)
    bench.connect()
    depth = np.full((48, 64), 0.75, dtype="<f8")
    bench.send(encoding="64FC1", step=8 * 64, data=array("B", depth.tobytes()))
    assert bench.wait_for_answers(1)
    np.testing.assert_allclose(tracker.depths[0], 0.75)


@pytest.mark.slow
def test_error_inside_the_tracker_is_survived(rig, fake_tracker, hand):
    tracker = fake_tracker((hand(),))
    bench = rig(tracker)
    bench.connect()
    tracker.raises = RuntimeError("the device is on fire")
    bench.send()
    assert bench.wait_for_error("the device is on fire")
    tracker.raises = None
    bench.send()
    assert bench.wait_for_answers(1)


IMPOSSIBLE = {
    "not finite": lambda hand: hand(joints=np.full((23, 3), np.nan)),
    "not a rotation": lambda hand: hand(rotation=np.diag([1.0, 1.0, -1.0])),
    "behind the camera": lambda hand: hand(z=-0.5),
    "outside their limits": lambda hand: hand(angles=np.full(20, 3.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("named, make", IMPOSSIBLE.items(), ids=IMPOSSIBLE.keys())
def test_impossible_hand_is_never_published(rig, fake_tracker, hand, named, make):
    bench = rig(fake_tracker((make(hand),)), tf_mode="full")
    bench.connect()
    bench.send()
    assert bench.wait_for_answers(1)
    bench.spin_for(0.2)
    assert bench.answers()[0].hands == []
    assert not bench.received["hand_joint_states"]
    assert not bench.received["/tf"]
    assert named in bench.last_error()


@pytest.mark.slow
def test_missing_weights_refuse_to_configure_and_the_node_stays_up(rig, tmp_path, capfd):
    path = tmp_path / "nowhere.safetensors"
    bench = rig(build_tracker, model=str(path))
    assert bench.spin_until(lambda: bench.received["/diagnostics"])
    error = capfd.readouterr().err
    assert error.count("cannot configure") == 1
    assert str(path) in error
    status = bench.received["/diagnostics"][-1].status[0]
    assert status.level == status.ERROR
    assert str(path) in status.message
    assert bench.helper.count_publishers(bench.node.resolve_topic_name("hands")) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [b"", b"not weights at all", b"\x00" * 4096], ids=["empty", "text", "zeros"]
)
def test_corrupt_weights_refuse_to_configure(rig, tmp_path, capfd, content):
    path = tmp_path / "corrupt.safetensors"
    path.write_bytes(content)
    bench = rig(build_tracker, model=str(path))
    bench.spin_for(0.2)
    error = capfd.readouterr().err
    assert error.count("cannot configure") == 1
    assert "corrupt.safetensors" in error


BAD_PARAMETERS = {
    "side": ("rigth", "auto, left, right"),
    "tf_mode": ("everything", "none, root, full"),
    "threads": (0, "1 to 64"),
    "hands": (3, "1 to 2"),
    "smoothing_hz": (-1.0, "0 to 1000"),
    "refine": ("no", "bool"),
    "depth_unit": (0.0, "1e-06 to 0.1"),
    "min_confidence": (2.0, "0 to 1"),
    "max_age_s": ("soon", "float"),
    "roi": ([1, 2, 3], "4 values"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_PARAMETERS)
def test_bad_parameter_refuses_to_configure_until_it_is_mended(rig, fake_tracker, capfd, name):
    from rclpy.parameter import Parameter

    value, wanted = BAD_PARAMETERS[name]
    bench = rig(fake_tracker(), **{name: value})
    bench.spin_for(0.1)
    error = capfd.readouterr().err
    assert error.count("cannot configure") == 1
    assert f"'{name}'" in error
    assert wanted in error
    assert bench.helper.count_publishers(bench.node.resolve_topic_name("hands")) == 0
    default = bench.node.get_parameter(name).value
    default = list(default) if name == "roi" else default
    assert bench.node.set_parameters([Parameter(name, value=default)])[0].successful
    bench.node.autostart()
    bench.connect()


@pytest.mark.slow
def test_user_that_is_no_safe_file_name_refuses_to_configure(rig, tmp_path, capfd):
    rig(build_tracker, user="../anna", user_folder=str(tmp_path / "users"))
    error = capfd.readouterr().err
    assert error.count("cannot configure") == 1
    assert "user id '../anna'" in error
    assert not (tmp_path / "users").exists()


@pytest.mark.slow
def test_folder_that_no_hand_can_be_saved_in_refuses_to_configure(rig, tmp_path, capfd):
    folder = tmp_path / "users"
    folder.symlink_to(tmp_path / "disk that is not there")
    rig(build_tracker, user="anna", user_folder=str(folder))
    error = capfd.readouterr().err
    assert error.count("cannot configure") == 1
    assert f"{folder} is no folder, want a folder" in error


@pytest.mark.slow
def test_users_files_that_are_none_refuse_to_configure_in_words(rig, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    (tmp_path / "users" / "anna.json").mkdir(parents=True)
    for folder, told in (
        ("file", f"{tmp_path / 'file'} is a file, want a folder"),
        ("file/users", f"{tmp_path / 'file'} is a file, want a folder"),
        ("users", f"{tmp_path / 'users' / 'anna.json'} is a folder, want the file of user 'anna'"),
    ):
        rig(build_tracker, user="anna", user_folder=str(tmp_path / folder))
        error = capfd.readouterr().err
        assert error.count("cannot configure") == 1
        assert told in error
        assert "Errno" not in error


@pytest.mark.slow
def test_unknown_parameter_name_is_reported(rig, fake_tracker, capfd):
    rig(fake_tracker(), sied="left")
    assert "no parameter 'sied'" in capfd.readouterr().err
