"""Bags: every storage gives the images that went in, with their stamps, cameras and known hands."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="bags are read with rosbags")

from bags import (
    DEPTH,
    FRAME,
    INFO,
    START_NS,
    camera_info,
    compressed_image,
    depth_image,
    open_bag,
    overwrite_the_middle,
    write_frames,
)

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.recording.bag_recording import BagRecording
from hand_pose_ros.recording.hand_messages import header
from hand_pose_ros.recording.play_options import PlayOptions
from hand_pose_ros.recording.recorded_frame import RecordedFrame, RecordingError, UnusableFrame
from hand_pose_ros.recording.ros_types import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    HAND_POSE,
    HAND_POSE_ARRAY,
    IMAGE,
    type_store,
)

STEP_NS = 33_333_333
CAMERA = Camera(32, 24, 30.0, 31.0, 15.5, 11.5)
DISTORTED = Camera(32, 24, 30.0, 31.0, 15.5, 11.5, (0.1, -0.05, 0.001, 0.002, 0.01), "plumb_bob")


def counts(value: int) -> np.ndarray:
    image = np.full((24, 32), value, np.uint16)
    image[:4] = 0
    return image


def played(path: Path, options: PlayOptions | None = None, unit_m: float = 0.001) -> list[RecordedFrame]:
    with BagRecording(path, options) as bag:
        found = list(bag.frames(unit_m, 30.0))
    assert not [frame for frame in found if isinstance(frame, UnusableFrame)]
    return [frame for frame in found if isinstance(frame, RecordedFrame)]


def left_out(path: Path, options: PlayOptions | None = None) -> list[str]:
    with BagRecording(path, options) as bag:
        return [f.reason for f in bag.frames(0.001, 30.0) if isinstance(f, UnusableFrame)]


@pytest.mark.parametrize(
    "storage, compression",
    [
        ("mcap", "none"), ("mcap", "storage"), ("mcap", "message"), ("mcap", "file"), ("sqlite3", "none"),
        ("sqlite3", "message"), ("sqlite3", "file"),
    ],
)  # fmt: skip
def test_every_storage_gives_back_what_went_in(tmp_path, storage, compression) -> None:
    images = [counts(500 + index) for index in range(5)]
    path = write_frames(tmp_path / "bag", images, DISTORTED, storage, compression)
    frames = played(path, unit_m=0.0005)
    assert [frame.stamp_ns for frame in frames] == [START_NS + round(i * 1e9 / 30) for i in range(5)]
    for frame, image in zip(frames, images, strict=True):
        assert frame.camera == DISTORTED
        assert frame.frame_id == FRAME
        np.testing.assert_allclose(frame.depth, np.where(image > 0, image * 0.0005, np.nan), rtol=1e-6)


@pytest.mark.parametrize("name", ["bag.mcap", "bag.db3"])
def test_one_file_of_a_bag_and_a_folder_without_metadata_are_read(tmp_path, name) -> None:
    storage = "mcap" if name.endswith("mcap") else "sqlite3"
    path = write_frames(tmp_path / "bag", [counts(700)] * 3, CAMERA, storage)
    assert len(played(path / name)) == 3
    (path / "metadata.yaml").unlink()
    assert len(played(path)) == 3


@pytest.mark.parametrize("compression", ["none", "storage"])
@pytest.mark.parametrize("options", [{}, {"depth_topic": DEPTH}, {"info_topic": INFO}])
def test_a_file_that_breaks_off_before_its_first_image_says_so(tmp_path, compression, options) -> None:
    """Not that it has none: its first chunk was being written."""
    images = [np.random.default_rng(i).integers(300, 900, (24, 32), dtype=np.uint16) for i in range(5)]
    data = (write_frames(tmp_path / "bag", images, CAMERA, "mcap", compression) / "bag.mcap").read_bytes()
    for length in (60, 200, len(data) // 8):
        (tmp_path / "cut.mcap").write_bytes(data[:length])
        with pytest.raises(
            RecordingError, match="cut.mcap' breaks off before .*first .*: its recorder was killed"
        ):
            BagRecording(tmp_path / "cut.mcap", PlayOptions(**options))


def test_compressed_depth_is_found_and_raw_images_of_the_same_camera_win(tmp_path) -> None:
    with open_bag(tmp_path / "bag") as bag:
        for index in range(3):
            stamp = START_NS + index * STEP_NS
            image = compressed_image(counts(900), stamp)
            bag.write(f"{DEPTH}/compressedDepth", COMPRESSED_IMAGE, image, stamp)
            bag.info(CAMERA, stamp)
    frames = played(tmp_path / "bag")
    assert np.nanmax(frames[0].depth) == pytest.approx(0.9)
    with open_bag(tmp_path / "both") as bag:
        bag.write(
            f"{DEPTH}/compressedDepth", COMPRESSED_IMAGE, compressed_image(counts(900), START_NS), START_NS
        )
        bag.image(counts(800), START_NS)
        bag.info(CAMERA, START_NS)
    assert np.nanmax(played(tmp_path / "both")[0].depth) == pytest.approx(0.8)


def test_metres_pass_as_they_are_and_colour_is_not_depth(tmp_path) -> None:
    with open_bag(tmp_path / "bag") as bag:
        colour = np.zeros((24, 96), np.uint8)
        bag.write("/camera/color/image_raw", IMAGE, depth_image(colour, START_NS, encoding="rgb8"), START_NS)
        infrared = depth_image(counts(3), START_NS, encoding="mono16")
        bag.write("/camera/ir/image_raw", IMAGE, infrared, START_NS)
        bag.image(np.full((24, 32), 0.7, np.float32), START_NS, encoding="32FC1")
        bag.info(CAMERA, START_NS)
    (frame,) = played(tmp_path / "bag", unit_m=0.25)
    assert frame.depth[0, 0] == pytest.approx(0.7)


def test_several_cameras_are_asked_for(tmp_path) -> None:
    other = Camera(32, 24, 40.0, 40.0, 15.0, 11.0)
    with open_bag(tmp_path / "bag") as bag:
        bag.image(counts(500), START_NS)
        bag.info(CAMERA, START_NS)
        bag.image(counts(600), START_NS, topic="/other/depth/image_rect_raw")
        bag.info(other, START_NS, topic="/other/depth/camera_info")
    with pytest.raises(RecordingError, match="2 topics with depth images: name one of /camera.*, /other"):
        BagRecording(tmp_path / "bag")
    (frame,) = played(tmp_path / "bag", PlayOptions(depth_topic="/other/depth/image_rect_raw"))
    assert (frame.camera, np.nanmax(frame.depth)) == (other, pytest.approx(0.6))
    wrong = PlayOptions(depth_topic="/nowhere")
    with pytest.raises(RecordingError, match="--depth-topic is '/nowhere', which is not in the bag"):
        BagRecording(tmp_path / "bag", wrong)
    with pytest.raises(RecordingError, match="--depth-topic is '/camera/depth/camera_info' of sensor_msgs"):
        BagRecording(tmp_path / "bag", PlayOptions(depth_topic=INFO))


def test_topics_called_image_rect_have_no_distortion_left(tmp_path) -> None:
    topic = "/camera/depth/image_rect_raw"
    with open_bag(tmp_path / "bag") as bag:
        bag.image(counts(500), START_NS, topic=topic)
        bag.info(DISTORTED, START_NS)
    assert played(tmp_path / "bag")[0].camera == CAMERA
    assert played(tmp_path / "bag", PlayOptions(rectified="false"))[0].camera == DISTORTED


@pytest.mark.parametrize("seldom", ["latched before", "once a second", "latched after"])
def test_infos_that_come_seldom_serve_all_images(tmp_path, seldom) -> None:
    with open_bag(tmp_path / "bag") as bag:
        for index in range(60):
            stamp = START_NS + index * STEP_NS
            if (
                index
                == {"latched before": 0, "once a second": index - index % 30, "latched after": 40}[seldom]
            ):
                bag.write(INFO, CAMERA_INFO, camera_info(CAMERA, stamp - STEP_NS // 2), stamp)
            bag.image(counts(500), stamp)
    assert len(played(tmp_path / "bag")) == 60


def test_a_recording_without_infos_needs_intrinsics(tmp_path) -> None:
    from hand_pose_ros.recording.intrinsics import Intrinsics

    with open_bag(tmp_path / "bag") as bag:
        bag.image(counts(500), START_NS)
    with pytest.raises(RecordingError, match="no camera info in the bag.*--intrinsics"):
        BagRecording(tmp_path / "bag")
    given = Intrinsics(30.0, 31.0, 15.5, 11.5)
    assert played(tmp_path / "bag", PlayOptions(intrinsics=given))[0].camera == CAMERA


def test_a_part_is_played_by_the_seconds_after_the_first_image(tmp_path) -> None:
    path = write_frames(tmp_path / "bag", [counts(500)] * 30, CAMERA, rate_hz=10.0)
    frames = played(path, PlayOptions(start_s=1.0, end_s=2.0))
    with BagRecording(path, PlayOptions(start_s=1.0, end_s=2.0)) as part:
        assert len(part) == pytest.approx(10, abs=1)
    assert [round((frame.stamp_ns - START_NS) * 1e-9, 3) for frame in frames] == [
        round(1.0 + index * 0.1, 3) for index in range(10)
    ]


def test_stray_and_repeated_stamps_are_left_out_as_the_node_does(tmp_path) -> None:
    stamps = [START_NS + index * STEP_NS for index in range(12)]
    stamps[5] += 90_000_000_000
    stamps[8] = stamps[7]
    with open_bag(tmp_path / "bag") as bag:
        for index, stamp in enumerate(stamps):
            time_ns = START_NS + index * STEP_NS
            bag.write(INFO, CAMERA_INFO, camera_info(CAMERA, stamp), time_ns)
            bag.write(DEPTH, IMAGE, depth_image(counts(500), stamp), time_ns)
    reasons = left_out(tmp_path / "bag")
    assert len(reasons) == 2
    assert "frame 5: its stamp" in reasons[0]
    assert "frame 8: its stamp" in reasons[1]


def test_a_clock_that_was_set_is_told(tmp_path) -> None:
    stamps = [START_NS + index * STEP_NS for index in range(10)]
    stamps += [START_NS - 100_000_000_000 + index * STEP_NS for index in range(10)]
    with open_bag(tmp_path / "bag") as bag:
        for index, stamp in enumerate(stamps):
            time_ns = START_NS + index * STEP_NS
            bag.write(INFO, CAMERA_INFO, camera_info(CAMERA, stamp), time_ns)
            bag.write(DEPTH, IMAGE, depth_image(counts(500), stamp), time_ns)
    with BagRecording(tmp_path / "bag") as bag:
        frames = [f for f in bag.frames(0.001, 30.0) if isinstance(f, RecordedFrame)]
    assert sum(frame.clock_set for frame in frames) == 1
    assert len(frames) >= 17


@pytest.mark.parametrize(
    ("of_image", "of_info"), [("/camera", "camera"), ("camera", "/camera"), ("", "camera"), ("camera", "")]
)
@pytest.mark.parametrize("latched", [True, False])
def test_infos_serve_however_they_write_the_frame(tmp_path, of_image, of_info, latched) -> None:
    """As in the node: a leading slash does not count, and an empty name fits any."""
    with open_bag(tmp_path / "bag") as bag:
        for index in range(4):
            stamp = START_NS + index * STEP_NS
            if index == 0 or not latched:
                bag.write(INFO, CAMERA_INFO, camera_info(CAMERA, 0 if latched else stamp, of_info), stamp)
            bag.write(DEPTH, IMAGE, depth_image(counts(500), stamp, of_image), stamp)
    frames = played(tmp_path / "bag")
    assert len(frames) == 4
    assert {frame.frame_id for frame in frames} == {of_image.lstrip("/")}


def known_hand(joints: np.ndarray) -> Any:
    """A hand whose joints are known (23, 3) m, a left one."""
    types = type_store().types
    point = types["geometry_msgs/msg/Point"]
    zero = types["geometry_msgs/msg/Vector3"](x=0.0, y=0.0, z=0.0)
    pose = types["geometry_msgs/msg/Pose"](
        position=point(x=0.0, y=0.0, z=0.0),
        orientation=types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0),
    )
    return types[HAND_POSE](
        header=header(START_NS, FRAME), side=1, track_id=0, state=1, confidence=1.0, palm=pose,
        joints=[point(x=x, y=y, z=z) for x, y, z in joints.tolist()],
        joint_confidence=np.ones(23, np.float32), joint_velocities=[zero] * 23, angles=np.zeros(20),
        angle_velocities=np.zeros(20), scale=1.0, shape=np.zeros(9, np.float32), shape_frozen=False,
        bone_lengths=np.zeros(23, np.float32), flesh_thickness=0.0, segments=[pose] * 16,
    )  # fmt: skip


def test_known_hands_come_with_their_stamps_and_those_that_are_not_finite_do_not(tmp_path) -> None:
    joints = np.random.default_rng(0).normal(size=(23, 3))
    hands = [
        known_hand(joints),
        known_hand(np.where(joints > 1.0, np.nan, joints)),
        known_hand(joints * np.inf),
    ]
    with open_bag(tmp_path / "bag") as bag:
        bag.image(counts(500), START_NS)
        bag.info(CAMERA, START_NS)
        array = type_store().types[HAND_POSE_ARRAY](header=header(START_NS, FRAME), state=1, hands=hands)
        bag.write("/truth", HAND_POSE_ARRAY, array, START_NS)
    with BagRecording(tmp_path / "bag") as bag:
        list(bag.frames(0.001, 30.0))
        (known,) = bag.truth()[START_NS]
    assert known.side == "left"
    np.testing.assert_array_equal(known.joints, joints)


def test_an_image_that_cannot_be_read_costs_only_itself(tmp_path) -> None:
    with open_bag(tmp_path / "bag") as bag:
        for index in range(6):
            stamp = START_NS + index * STEP_NS
            message = depth_image(counts(500), stamp)
            if index == 2:
                message.data = message.data[:100]
            if index == 3:
                message.encoding = "16SC1"
            bag.write(DEPTH, IMAGE, message, stamp)
            bag.info(CAMERA, stamp)
        bag.writer.write(bag.connections[DEPTH], START_NS + 6 * STEP_NS, b"\x00\x01\x00\x00nonsense")
    reasons = left_out(tmp_path / "bag")
    assert len(reasons) == 3
    assert "truncated" in reasons[0]
    assert "'16SC1' is unknown" in reasons[1]
    assert "no sensor_msgs/msg/Image" in reasons[2]


def test_codecs_that_are_not_known_are_named(tmp_path) -> None:
    with open_bag(tmp_path / "bag") as bag:
        image = compressed_image(counts(900), START_NS, form="16UC1; compressedDepth zdepth")
        bag.write(f"{DEPTH}/compressedDepth", COMPRESSED_IMAGE, image, START_NS)
        bag.info(CAMERA, START_NS)
    (reason,) = left_out(tmp_path / "bag")
    assert "compressedDepth zdepth" in reason


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("kept", [0, 20, 0.3, 0.7, 0.98])
def test_damaged_bags_end_in_a_message_that_names_them(tmp_path, storage, kept) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(300, 900, (24, 32), dtype=np.uint16) for _ in range(40)]
    path = write_frames(tmp_path / "bag", images, CAMERA, storage)
    file = next(p for p in path.iterdir() if p.suffix in (".mcap", ".db3"))
    content = file.read_bytes()
    file.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(RecordingError, match="the bag '.*bag'"), BagRecording(path) as bag:
        list(bag.frames(0.001, 30.0))


def test_what_comes_before_the_damage_is_played(tmp_path) -> None:
    rng = np.random.default_rng(0)
    camera = Camera(320, 240, 300.0, 300.0, 159.5, 119.5)
    images = [rng.integers(300, 900, (240, 320), dtype=np.uint16) for _ in range(40)]
    path = write_frames(tmp_path / "bag", images, camera, "mcap", "storage")
    overwrite_the_middle(path / "bag.mcap", 1_200_000)  # more than a chunk
    frames = []

    def play() -> None:
        with BagRecording(path) as bag:
            for frame in bag.frames(0.001, 30.0):
                frames.append(frame)

    with pytest.raises(RecordingError, match="is damaged"):
        play()
    assert 5 < len(frames) < 35


@pytest.mark.parametrize("compression", ["none", "storage"])
@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("kept", [0.3, 0.62, 0.9])
def test_an_mcap_file_without_its_end_is_played_to_where_it_breaks_off(
    tmp_path, compression, metadata, kept
) -> None:
    """As a recorder leaves it that was killed: without index, footer and metadata.yaml."""
    rng = np.random.default_rng(1)
    camera = Camera(320, 240, 300.0, 300.0, 159.5, 119.5)
    images = [rng.integers(300, 900, (240, 320), dtype=np.uint16) for _ in range(40)]
    path = write_frames(tmp_path / "bag", images, camera, "mcap", compression)
    content = (path / "bag.mcap").read_bytes()
    (path / "bag.mcap").write_bytes(content[: int(kept * len(content))])
    if not metadata:
        (path / "metadata.yaml").unlink()

    def play(options: PlayOptions | None = None) -> list[RecordedFrame]:
        frames = []
        with BagRecording(path, options) as bag:
            for frame in bag.frames(0.001, 30.0):
                assert isinstance(frame, RecordedFrame)
                frames.append(frame)
                played_before[:] = frames
        return frames

    played_before: list[RecordedFrame] = []
    with pytest.raises(RecordingError, match="the bag '.*' breaks off at the end of bag.mcap"):
        play()
    chunk_frames = 8  # of 1 MiB: what a break in the middle of one costs
    assert kept * 40 - chunk_frames - 1 <= len(played_before) <= kept * 40
    for index, frame in enumerate(played_before):
        np.testing.assert_allclose(frame.depth, images[index] * 0.001, rtol=1e-6)
        assert frame.camera == camera
    # A part that ends before the break is whole.
    assert len(play(PlayOptions(end_s=0.1))) == 3


def test_what_is_no_bag_is_named(tmp_path) -> None:
    shutil.copy(__file__, tmp_path / "x.mcap")
    with pytest.raises(RecordingError, match=r"x.mcap' cannot be opened: File magic is invalid"):
        BagRecording(tmp_path / "x.mcap")
    with pytest.raises(RecordingError, match="is not there"):
        BagRecording(tmp_path / "absent.mcap")
    (tmp_path / "metadata.yaml").write_text("a: [1")
    with pytest.raises(RecordingError, match="cannot be opened"):
        BagRecording(tmp_path)


def test_a_bag_without_depth_lists_what_it_has(tmp_path) -> None:
    with open_bag(tmp_path / "bag") as bag:
        bag.info(CAMERA, START_NS)
        colour = np.zeros((24, 32, 3), np.uint8)
        bag.write("/camera/color/image_raw", IMAGE, depth_image(colour, START_NS, encoding="rgb8"), START_NS)
    words = r"/camera/color/image_raw \(sensor_msgs/msg/Image of 'rgb8'\), /camera/depth/camera_info"
    with pytest.raises(RecordingError, match=rf"no depth images .* it has {words}"):
        BagRecording(tmp_path / "bag")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("broken", ["image", "info", "colour"])
def test_a_first_message_that_cannot_be_read_costs_only_itself(tmp_path, storage, broken) -> None:
    topic, kind = {"image": (DEPTH, IMAGE), "info": (INFO, CAMERA_INFO), "colour": ("/colour", IMAGE)}[broken]
    with open_bag(tmp_path / "bag", storage) as bag:
        bag.connections[topic] = bag.writer.add_connection(topic, kind, typestore=type_store())
        bag.writer.write(bag.connections[topic], START_NS - STEP_NS, b"\x00\x01\x00\x00\x01\x02")
        for index in range(3):
            bag.info(CAMERA, START_NS + index * STEP_NS)
            bag.image(counts(600 + index), START_NS + index * STEP_NS)
    with BagRecording(tmp_path / "bag") as recording:
        found = list(recording.frames(0.001, 30.0))
    assert [frame.camera for frame in found if isinstance(frame, RecordedFrame)] == [CAMERA] * 3
    assert len([f for f in found if isinstance(f, UnusableFrame)]) == (1 if broken == "image" else 0)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("topic", [DEPTH, INFO, "/truth"])
def test_messages_of_another_type_under_the_same_name_are_not_played(tmp_path, storage, first, topic) -> None:
    kind = "std_msgs/msg/String"
    data = type_store().serialize_cdr(type_store().types[kind](data="no depth at all"), kind)
    with open_bag(tmp_path / "bag", storage) as bag:

        def frame(stamp_ns: int) -> None:
            bag.info(CAMERA, stamp_ns)
            bag.image(counts(600), stamp_ns)

        if not first:
            frame(START_NS - STEP_NS)
        other = bag.writer.add_connection(topic, kind, typestore=type_store())
        for index in range(4):
            bag.writer.write(other, START_NS + index * STEP_NS, data)
            frame(START_NS + index * STEP_NS)
    assert [frame.camera for frame in played(tmp_path / "bag")] == [CAMERA] * (4 if first else 5)
