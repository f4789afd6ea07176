"""A folder of depth PNGs: natural order, exact counts, every fault named."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.recording.depth_files import read_depth_png
from hand_pose_ros.recording.frame_folder import RecordedFrames, in_natural_order
from hand_pose_ros.recording.recorded_frame import RecordedFrame, RecordingError, UnusableFrame

INTRINSICS = (60.0, 60.0, 31.5, 23.5)


def write(path: Path, counts: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), counts)


def frame(value: int) -> np.ndarray:
    return np.full((48, 64), value, np.uint16)


def test_frames_come_in_natural_order_through_sub_folders(tmp_path):
    names = ["a/2.png", "a/10.png", "b/1.png", "frame2.png", "frame10.PNG"]
    for index, name in enumerate(names):
        write(tmp_path / name, frame(index))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert [recording.name(i) for i in range(len(recording))] == names
    assert [int(recording[i][0, 0]) for i in range(len(recording))] == list(range(len(names)))


@pytest.mark.slow
@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_is_numeric_order(numbers):
    paths = in_natural_order([Path(f"depth_{number}.png") for number in numbers])
    assert [int(path.stem[6:]) for path in paths] == sorted(numbers)


def test_counts_are_exact(tmp_path):
    counts = np.random.default_rng(0).integers(0, 2**16, (48, 64), dtype=np.uint16)
    write(tmp_path / "0.png", counts)
    np.testing.assert_array_equal(RecordedFrames.open(tmp_path, INTRINSICS)[0], counts)


def test_camera_has_the_frames_size(tmp_path):
    write(tmp_path / "0.png", frame(1))
    camera = RecordedFrames.open(tmp_path, INTRINSICS).camera
    assert (camera.width, camera.height, camera.fx, camera.cy) == (64, 48, 60.0, 23.5)


def test_faults_are_named(tmp_path):
    with pytest.raises(RecordingError, match="nowhere"):
        RecordedFrames.open(tmp_path / "nowhere", INTRINSICS)
    with pytest.raises(RecordingError, match="no .png"):
        RecordedFrames.open(tmp_path, INTRINSICS)
    write(tmp_path / "0.png", np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(RecordingError, match=r"3 channel\(s\) of 8 bits"):
        RecordedFrames.open(tmp_path, INTRINSICS)
    (tmp_path / "0.png").write_bytes(b"not a picture")
    with pytest.raises(RecordingError, match="not a readable PNG"):
        RecordedFrames.open(tmp_path, INTRINSICS)
    write(tmp_path / "0.png", frame(1))
    with pytest.raises(RecordingError, match="focal length"):
        RecordedFrames.open(tmp_path, (0.0, 60.0, 31.5, 23.5))
    write(tmp_path / "1.png", np.zeros((10, 20), np.uint16))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    with pytest.raises(RecordingError, match="20x10"):
        recording[1]


@given(st.lists(st.floats(-2e9, 2e9, allow_nan=False).map(lambda t: t + 0.0), unique=True))
def test_stamps_as_python_prints_them_come_in_order_of_time(stamps):
    paths = in_natural_order([Path(f"{stamp}.png") for stamp in stamps])
    assert [float(path.stem) for path in paths] == sorted(stamps)


@pytest.mark.parametrize(
    "names",
    [
        [
            "1700000000.0333",
            "1700000000.0667",
            "1700000000.1",
            "1700000000.1333",
            "1700000000.2",
            "1700000001.5",
        ],
        ["0.0", "0.0333", "0.5", "1.0", "10.25"],
        ["1.8", "1.9", "1.10", "1.11", "2.1"],  # a scene and its frame: two numbers
        ["a_0.050", "a_0.100", "a_1.000"],
        ["depth.9", "depth.10"],
        ["v2.final.3", "v2.final.20"],
        ["frame²_1", "frame²_2"],
        ["run3.10/1700000000.05", "run3.10/1700000000.1", "run3.10/1700000000.25"],
        ["unit_0.10/1.05", "unit_0.10/1.1", "unit_0.10/1.25", "unit_0.10/2.0"],
        ["1/1.9", "1/1.10", "2/0.05", "2/0.1", "2/0.25", "10/0.5"],
        ["-0.5", "-0.25", "0.0", "1e-05", "0.1", "12.5"],
        ["10.5.30", "10.12.5", "11.0.1"],  # times of day
        ["2024.05.01_1.25", "2024.05.01_1.5", "2024.05.12_0.5"],
    ],
)
def test_files_come_by_the_number_in_their_names(tmp_path, names):
    for name in reversed(names):
        write(tmp_path / f"{name}.png", frame(1))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert [recording.name(i)[:-4] for i in range(len(recording))] == names


def test_the_size_is_that_of_most_frames_and_a_bad_first_one_costs_only_itself(tmp_path):
    write(tmp_path / "0.png", np.zeros((10, 20), np.uint16))
    (tmp_path / "1.png").write_bytes(b"not a picture")
    for index in (2, 3):
        write(tmp_path / f"{index}.png", frame(index))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert (recording.camera.width, recording.camera.height) == (64, 48)
    assert int(recording[3][0, 0]) == 3
    for bad in (0, 1):
        with pytest.raises(RecordingError, match=f"{bad}.png"):
            recording[bad]


def test_pictures_of_another_kind_than_their_names_say_are_read_if_they_can_be(tmp_path):
    ok, tiff = cv2.imencode(".tiff", frame(7))
    assert ok
    for index in range(2):
        (tmp_path / f"{index}.png").write_bytes(tiff.tobytes())
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert (recording.camera.width, recording.camera.height) == (64, 48)
    assert int(recording[1][0, 0]) == 7


def test_a_picture_that_claims_to_be_huge_is_not_decoded(tmp_path):
    write(tmp_path / "0.png", frame(1))
    content = bytearray((tmp_path / "0.png").read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    (tmp_path / "0.png").write_bytes(bytes(content))
    with pytest.raises(RecordingError, match="60000x60000, want at most"):
        read_depth_png(tmp_path / "0.png")


@pytest.mark.parametrize(
    "intrinsics", [(1e300, 1, 1, 1), (60, 60, float("nan"), 1), (float("inf"), 60, 1, 1)]
)
def test_intrinsics_that_are_no_cameras_are_refused(tmp_path, intrinsics):
    write(tmp_path / "0.png", frame(1))
    with pytest.raises(RecordingError, match="intrinsics"):
        RecordedFrames.open(tmp_path, intrinsics)


def test_headers_of_impossible_sizes_do_not_decide_the_size_of_the_recording(tmp_path):
    for index, size in enumerate([(2**31 - 1, 2**31 - 1), (0, 10), (10**5, 10**5)]):
        _, png = cv2.imencode(".png", frame(1))
        data = bytearray(png.tobytes())
        data[16:24] = b"".join(number.to_bytes(4, "big") for number in size)
        (tmp_path / f"{index}.png").write_bytes(bytes(data))
    with pytest.raises(RecordingError, match="0.png' is 2147483647x2147483647, want at most"):
        RecordedFrames.open(tmp_path, INTRINSICS)
    write(tmp_path / "z.png", frame(7))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert (recording.camera.width, recording.camera.height) == (64, 48)


def test_a_name_that_is_no_text_can_be_written_and_drawn(tmp_path):
    write(tmp_path / "0.png", frame(1))
    (tmp_path / "0.png").rename(tmp_path / os.fsdecode(b"f\xff\n.png"))
    assert RecordedFrames.open(tmp_path, INTRINSICS).name(0) == "f\\udcff\\n.png"


@pytest.mark.parametrize("beside", ["frame-{}.color.png", "rgb/{}.png", "frame-{}.normals.npy", "c/{}.tif"])
def test_pictures_beside_depth_frames_take_no_time(tmp_path, beside):
    for number in range(4):
        write(tmp_path / f"frame-{number}.depth.png", frame(number + 1))
        path = tmp_path / beside.format(number)
        if path.suffix == ".npy":
            np.save(path, np.zeros((48, 64, 3), np.float32))
        else:
            write(path, np.zeros((48, 64, 3), np.uint8))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert len(recording) == 4
    word, *frames = recording.frames(0.001, 10.0)
    assert isinstance(word, UnusableFrame)
    assert "4 files beside the frames are no depth" in word.reason
    assert [f.stamp_ns for f in frames] == [0, 10**8, 2 * 10**8, 3 * 10**8]
    assert [f.name for f in frames] == [f"frame-{n}.depth.png" for n in range(4)]
    part = recording.part(0.2, None, 10.0)
    assert [f.stamp_ns for f in part.frames(0.001, 10.0) if isinstance(f, RecordedFrame)] == [
        2 * 10**8,
        3 * 10**8,
    ]


@pytest.mark.parametrize("depth", ["{:03d}_depth.png", "depth/{:03d}.png", "{:03d}/depth.png", "{:03d}.png"])
@pytest.mark.parametrize("colour", ["{:03d}_rgb.png", "rgb/{:03d}.png", "{:03d}/rgb.png", "overview{:d}.tif"])
@pytest.mark.parametrize("every", [1, 4, 12])
def test_pictures_take_no_time_however_few_they_are_and_wrong_frames_theirs(tmp_path, depth, colour, every):
    wrong = 5
    for number in range(12):
        write(tmp_path / depth.format(number), frame(1) if number != wrong else frame(1).astype(np.uint8))
        if number % every == 0:
            write(tmp_path / colour.format(number), np.zeros((48, 64, 3), np.uint8))
    found = list(RecordedFrames.open(tmp_path, INTRINSICS).frames(0.001, 10.0))
    word, *frames = found
    assert isinstance(word, UnusableFrame)
    assert word.beside
    assert word.reason.startswith(f"{12 // every} files beside")
    assert [getattr(f, "stamp_ns", None) for f in frames] == [
        n * 10**8 if n != wrong else None for n in range(12)
    ]


def test_pictures_that_only_a_number_tells_from_the_frames_take_no_time_where_they_are_many(tmp_path):
    """``000_0.png`` and ``000_1.png``; folders ``1`` and ``2``."""
    for number in range(4):
        write(tmp_path / "a" / f"{number}_0.png", frame(1))
        write(tmp_path / "a" / f"{number}_1.png", np.zeros((48, 64, 3), np.uint8))
        write(tmp_path / "1" / f"{number}.png", frame(1))
        write(tmp_path / "2" / f"{number}.png", np.zeros((48, 64, 3), np.uint8))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert (len(recording), len(recording.pictures)) == (8, 8)


def test_opening_a_folder_looks_at_each_file_a_few_times_only(tmp_path, monkeypatch):
    for number in range(60):
        write(tmp_path / f"{number}_depth.png", frame(1))
        write(tmp_path / f"{number}_rgb.png", np.zeros((48, 64, 3), np.uint8))
    looked = []
    hashed = PurePath.__hash__
    monkeypatch.setattr(PurePath, "__hash__", lambda path: looked.append(1) or hashed(path))
    RecordedFrames.open(tmp_path, INTRINSICS)
    assert len(looked) < 20 * 120


def test_a_frame_that_was_written_wrongly_keeps_its_moment(tmp_path):
    for number in range(5):
        write(tmp_path / f"{number}.png", frame(1) if number != 2 else frame(1).astype(np.uint8))
    frames = list(RecordedFrames.open(tmp_path, INTRINSICS).frames(0.001, 10.0))
    assert [getattr(f, "stamp_ns", None) for f in frames] == [0, 10**8, None, 3 * 10**8, 4 * 10**8]


def test_a_link_to_a_frame_that_is_not_there_keeps_its_moment(tmp_path):
    """As git-annex leaves them, and drives that are not mounted."""
    for index in range(4):
        write(tmp_path / f"{index}.png", frame(500))
    (tmp_path / "1.png").unlink()
    (tmp_path / "1.png").symlink_to("nowhere")
    (tmp_path / "4.png").mkdir()
    played = list(RecordedFrames.open(tmp_path, INTRINSICS).frames(0.001, 10.0))
    assert [each.stamp_ns for each in played if isinstance(each, RecordedFrame)] == [0, 200000000, 300000000]
    assert "cannot read" in next(each.reason for each in played if isinstance(each, UnusableFrame))


def test_hidden_files_are_no_frames(tmp_path):
    for number in range(2):
        write(tmp_path / f"{number}.png", frame(number))
        (tmp_path / f"._{number}.png").write_bytes(b"\0\5\x16\7" + bytes(80))
    recording = RecordedFrames.open(tmp_path, INTRINSICS)
    assert [recording.name(i) for i in range(len(recording))] == ["0.png", "1.png"]


def test_nanoseconds_that_nobody_filled_up_with_zeros_are_whole_numbers() -> None:
    """f"{stamp.sec}.{stamp.nanosec}.png"."""
    stamps = [(17, round(index * 1e9 / 30) + 1) for index in range(30)]
    names = [Path(f"{seconds}.{nanoseconds}.png") for seconds, nanoseconds in stamps]
    assert in_natural_order(sorted(names)) == names
