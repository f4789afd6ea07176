"""hand-pose replay of bags and folders: every file comes out, faults end in one line, what was done is kept."""

from __future__ import annotations

import errno
import json
import os
import resource
import sys
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rosbags", reason="bags are read with rosbags")

from bags import DEPTH, START_NS, compressed_image, open_bag, overwrite_the_middle, write_frames

from hand_pose_ros.commands import replay as command
from hand_pose_ros.commands.main import main
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.skeleton import PARAMETER_COUNT
from hand_pose_ros.recording.bag import Bag
from hand_pose_ros.recording.hand_table import HandTable, read_hand_table
from hand_pose_ros.recording.ros_types import COMPRESSED_IMAGE
from hand_pose_ros.tracking.hand import Hand, TrackState
from hand_pose_ros.tracking.track_result import TrackResult

pytestmark = pytest.mark.slow

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)
PICTURES = {"contact.png", "hands.png", "overlay.gif", "overlay.mp4", "overlay.png"}
FIGURES = {"hands.mcap", "hands.csv", "hands.npz", "summary.json"}


@lru_cache(maxsize=2)
def a_hand(side: str, track_id: int, z: float) -> Hand:
    import torch

    parameters = torch.zeros(PARAMETER_COUNT, dtype=torch.float64)
    parameters[:6] = torch.tensor([0.01, 0.02, z, 0.3, -1.2, 0.4])
    joints, positions, rotations = (v.numpy() for v in HandModelLayer(side).double().frames(parameters))
    return Hand(
        side, track_id, TrackState.TRACK, 0.9, joints, np.full(len(joints), 0.8), parameters[6:].numpy(), rotations[0],
        positions[0], positions, rotations, np.zeros(9),
    )  # fmt: skip


class Tracker:
    """Finds both hands in every frame but the third."""

    model_info = SimpleNamespace(name="fake", sha256="f" * 64)
    updates: list[float]

    def __init__(self, *_: Any) -> None:
        type(self).updates = []

    def warm_up(self) -> None: ...

    def reset(self) -> None: ...

    def update(self, depth: np.ndarray, camera: Camera, stamp_s: float) -> TrackResult:
        self.updates.append(stamp_s)
        if len(self.updates) == 3:
            return TrackResult((), TrackState.LOST, {})
        return TrackResult(
            (a_hand("right", 1, 0.5), a_hand("left", 2, 0.6)), TrackState.TRACK, {"network": 1.0}
        )


@pytest.fixture(autouse=True)
def fake_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "HandTracker", Tracker)


def counts(metres: float = 0.7) -> np.ndarray:
    return np.full((48, 64), round(metres * 1000), np.uint16)


def run(*arguments: object) -> int:
    return main(["replay", *map(str, arguments)])


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of the error output; tqdm's bar and what was left out stand before it."""
    lines = [line.split("\r")[-1] for line in capsys.readouterr().err.strip().splitlines()]
    assert sum(line.startswith("hand-pose replay: ") and "left out" not in line for line in lines) == 1
    return lines[-1]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_gives_every_file(tmp_path, capsys, storage) -> None:
    pytest.importorskip("matplotlib", reason="curves need the extra [train]")
    bag = write_frames(tmp_path / "bag", [counts()] * 6, CAMERA, storage)
    assert run(bag, "--output", tmp_path / "out", "--hands", 2) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == PICTURES | FIGURES | {"curves.png"}
    said = capsys.readouterr().out
    assert set(said.splitlines()[-1].partition("out: ")[2].split(", ")) == names
    assert "\nsides: left 5, right 5\n" in said
    assert "{" not in said
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["frames"], summary["frames_with_both"], summary["fault"]) == (6, 5, None)
    table = read_hand_table(tmp_path / "out")
    assert len(table.joints) == 10
    assert Tracker.updates == pytest.approx([index / 30 for index in range(6)], abs=1e-9)
    with Bag(tmp_path / "out" / "hands.mcap") as hands:
        arrays = [message.read() for message in hands.messages(("/hands",))]
        assert hands.count("/hand_model_info") == 1
        assert hands.count("/hand_joint_states") == 5
    assert [len(array.hands) for array in arrays] == [2, 2, 0, 2, 2, 2]
    point = arrays[0].hands[1].joints[22]
    assert (point.x, point.y, point.z) == tuple(table.joints[1, 22])
    video = cv2.VideoCapture(str(tmp_path / "out" / "overlay.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(30.0, abs=0.1)


def test_a_camera_that_changes_its_resolution_gives_every_picture(tmp_path, capsys) -> None:
    small = Camera(32, 48, 30.0, 30.0, 15.5, 23.5)
    with open_bag(tmp_path / "bag") as bag:
        for index in range(6):
            stamp, camera = START_NS + index * 33_333_333, CAMERA if index < 3 else small
            bag.info(camera, stamp)
            bag.image(counts()[: camera.height, : camera.width], stamp)
    assert run(tmp_path / "bag", "--output", tmp_path / "out") == 0
    assert PICTURES | FIGURES <= {path.name for path in (tmp_path / "out").iterdir()}
    assert cv2.imread(str(tmp_path / "out" / "overlay.png")).shape == (2 * 48, 3 * 64, 3)
    video = cv2.VideoCapture(str(tmp_path / "out" / "overlay.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 6


def saved_frames(folder: Path, count: int = 3) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        assert cv2.imwrite(str(folder / f"{index}.png"), counts())
    (folder / "intrinsics.yaml").write_text("{fx: 60.0, fy: 60.0, cx: 31.5, cy: 23.5}")
    return folder


def test_a_replay_into_a_folder_of_its_recording_is_no_part_of_it(tmp_path, monkeypatch) -> None:
    """However often it is played, and the other commands' readers too."""
    monkeypatch.chdir(saved_frames(tmp_path / "frames"))
    for _ in range(3):
        assert run(".") == 0
        assert json.loads(Path("replay/summary.json").read_text())["frames"] == 3
    bag = write_frames(tmp_path / "bag", [counts()] * 3, CAMERA)
    (bag / "metadata.yaml").unlink()
    for _ in range(2):
        assert run(bag / "bag.mcap", "--output", bag) == 0
        assert run(bag, "--output", tmp_path / "out") == 0


def test_a_replay_never_writes_into_its_recording(tmp_path, capsys, monkeypatch) -> None:
    frames = saved_frames(tmp_path / "frames")
    bag = write_frames(tmp_path / "bag", [counts()] * 3, CAMERA)
    (tmp_path / "mine").mkdir()
    own = (bag / "bag.mcap").rename(tmp_path / "mine" / "hands.mcap")
    write_frames(tmp_path / "whole", [counts()] * 3, CAMERA)
    (tmp_path / "link").symlink_to(frames)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.chdir(frames)
    for source, output in (
        (frames, frames), (".", "."), (frames, tmp_path / "link"), (own, own.parent),
        (tmp_path / "whole", tmp_path / "whole"), (tmp_path / "whole" / "whole.mcap", tmp_path / "whole"),
    ):  # fmt: skip
        assert run(source, "--output", output) == 2
        assert "where the recording itself is: want another folder" in one_line(capsys)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_all_files_of_an_output_folder_are_of_one_recording(tmp_path, capsys) -> None:
    out, bag = tmp_path / "out", write_frames(tmp_path / "bag", [counts()] * 3, CAMERA)
    assert run(bag, "--output", out) == 0
    (out / "notes.txt").write_text("mine")
    first = {path.name: path.stat().st_ino for path in out.iterdir()}
    assert "removed" not in capsys.readouterr().out
    assert run(saved_frames(tmp_path / "frames"), "--output", out, "--no-video") == 0
    assert f"removed from {out}, being of an earlier replay: overlay.mp4\n" in capsys.readouterr().out
    left = {path.name: path.stat().st_ino for path in out.iterdir()}
    assert left.keys() == first.keys() - {"overlay.mp4"}
    assert [name for name, inode in left.items() if first[name] == inode] == ["notes.txt"]


def test_a_replay_that_gets_nowhere_leaves_the_earlier_one(tmp_path, capsys) -> None:
    out, bag = tmp_path / "out", write_frames(tmp_path / "bag", [counts()] * 3, CAMERA)
    assert run(bag, "--output", out) == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert run(bag, "--output", out, "--start", 5) == 2
    assert {path: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("kind", ["png", "tiff", "npy", "float npy", "float tiff"])
def test_folders_of_every_kind_are_played_with_their_intrinsics_file(tmp_path, capsys, kind) -> None:
    from PIL import Image

    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(3):
        metres, name = np.full((48, 64), 0.7, np.float32), folder / f"{index}"
        if kind == "png":
            assert cv2.imwrite(f"{name}.png", counts())
        elif kind.endswith("npy"):
            np.save(f"{name}.npy", metres if "float" in kind else counts())
        else:
            Image.fromarray(metres if "float" in kind else counts()).save(f"{name}.tiff")
    (folder / "intrinsics.yaml").write_text("{fx: 60.0, fy: 60.0, cx: 31.5, cy: 23.5, depth_unit: 0.001}")
    assert run(folder, "--output", tmp_path / "out", "--no-video") == 0
    assert "overlay.mp4" not in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["frames"] == 3
    assert not (tmp_path / "out" / "overlay.mp4").exists()


def test_what_is_asked_for_wrongly_ends_in_one_line(tmp_path, capsys) -> None:
    bag = write_frames(tmp_path / "bag", [counts()] * 3, CAMERA)
    frames = tmp_path / "frames"
    frames.mkdir()
    assert cv2.imwrite(str(frames / "0.png"), counts())
    (tmp_path / "empty").mkdir()
    cases = {
        (): "want one SOURCE",
        (bag, "--frames", bag): "want one SOURCE",
        (bag, "--depth-topic", "/absent"): "--depth-topic is '/absent', which is not in the bag: want one of /camera",
        (bag, "--info-topic", DEPTH): "want sensor_msgs/msg/CameraInfo",
        (bag, "--start", 5): "no frame in the part",
        (bag, "--start", 2, "--end", 1): "end is 1.0, want seconds, more than start",
        (bag, "--camera", "d999"): "camera is 'd999'",
        (bag, "--camera", "d435"): "(the preset d435 names it: give --depth-topic and --info-topic)",
        (frames,): "which camera took the frames",
        (frames, "--depth-topic", "/a", "--intrinsics", "1,1,1,1"): "--depth-topic is for bags",
        (tmp_path / "empty", "--intrinsics", "1,1,1,1"): "there is no .png file",
        (tmp_path / "empty",): "there is no .png file",
        (tmp_path / "absent.mcap",): "is not there",
        (tmp_path / "absent", "--intrinsics", "1,1,1,1"): "is not a folder of depth frames",
        (frames, "--intrinsics", tmp_path / "absent.yaml"): "absent.yaml: cannot read the intrinsics",
    }  # fmt: skip
    for arguments, message in cases.items():
        assert run(*arguments, "--output", tmp_path / "out") == 2, arguments
        assert message in one_line(capsys), arguments


def test_a_codec_that_nobody_knows_ends_in_one_line(tmp_path, capsys) -> None:
    with open_bag(tmp_path / "bag") as bag:
        for index in range(3):
            stamp = START_NS + index * 33_333_333
            image = compressed_image(counts(), stamp, form="16UC1; compressedDepth zdepth")
            bag.write(f"{DEPTH}/compressedDepth", COMPRESSED_IMAGE, image, stamp)
            bag.info(CAMERA, stamp)
    assert run(tmp_path / "bag", "--output", tmp_path / "out") == 2
    line = one_line(capsys)
    assert "no frame could be used: frame 0: " in line
    assert "format is '16UC1; compressedDepth zdepth'" in line


@pytest.mark.parametrize("unit", [0.1, 0.00001])
def test_a_wrong_unit_is_said_and_the_figures_kept(tmp_path, capsys, unit) -> None:
    bag = write_frames(tmp_path / "bag", [counts(1.5)] * 40, CAMERA)
    assert run(bag, "--depth-unit", unit, "--output", tmp_path / "out") == 2
    assert "is the unit wrong? --depth-unit is metres a count" in one_line(capsys)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["frames"] == 30
    assert "is the unit wrong?" in summary["fault"]


def test_damage_in_the_middle_keeps_what_came_before(tmp_path, capsys) -> None:
    camera = Camera(320, 240, 300.0, 300.0, 159.5, 119.5)
    rng = np.random.default_rng(0)
    images = [rng.integers(300, 900, (240, 320), dtype=np.uint16) for _ in range(60)]
    bag = write_frames(tmp_path / "bag", images, camera, "mcap", "storage")
    overwrite_the_middle(bag / "bag.mcap", 1_000_000)  # more than a chunk
    assert run(bag, "--output", tmp_path / "out") == 2
    line = one_line(capsys)
    assert f"the bag '{bag}' is damaged" in line
    assert "which are in" in line
    frames = json.loads((tmp_path / "out" / "summary.json").read_text())["frames"]
    assert 5 < frames < 55
    assert set(FIGURES) <= {path.name for path in (tmp_path / "out").iterdir()}


def test_a_full_disk_is_said_and_the_small_files_are_kept(tmp_path, capsys) -> None:
    """No file may be larger than the figures of this recording: what a full disk does to the large ones."""
    bag = write_frames(tmp_path / "bag", [counts()] * 12, CAMERA)
    assert run(bag, "--output", tmp_path / "first") == 0
    capsys.readouterr()
    largest = max(
        (tmp_path / "first" / name).stat().st_size for name in ("summary.json", "hands.npz", "hands.csv")
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 1000, before[1]))
    try:
        status = run(bag, "--output", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert status == 2
    line = one_line(capsys)
    assert "File too large" in line
    assert str(tmp_path / "out") in line
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"hands.csv", "hands.npz", "summary.json"} <= left
    assert not {name for name in left if "partial" in name}


def test_on_a_full_disk_the_video_gives_way_to_the_tables(tmp_path, capsys, monkeypatch) -> None:
    """The disk is full while there is a video, and has room when it is gone."""
    bag = write_frames(tmp_path / "bag", [counts()] * 12, CAMERA)
    video = tmp_path / "out" / "overlay.mp4"
    write = HandTable.write_csv

    def write_csv(table: HandTable, path: Path) -> None:
        if video.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        write(table, path)

    monkeypatch.setattr(HandTable, "write_csv", write_csv)
    monkeypatch.setattr(command, "_is_full", lambda _: True)
    assert run(bag, "--output", tmp_path / "out") == 2
    line = one_line(capsys)
    assert "overlay.mp4 gave way to the tables" in line
    assert f"{video.parent / 'hands.csv'} cannot be written: No space left on device" in line
    assert not video.exists()
    assert {"hands.csv", "hands.npz", "hands.mcap", "contact.png"} <= {p.name for p in video.parent.iterdir()}


def test_an_output_folder_that_cannot_be_is_said_before_the_work(tmp_path, capsys) -> None:
    bag = write_frames(tmp_path / "bag", [counts()] * 3, CAMERA)
    (tmp_path / "file").write_text("")
    assert run(bag, "--output", tmp_path / "file" / "out") == 2
    one_line(capsys)


def test_without_a_package_its_files_are_left_out_and_named(tmp_path, capsys, monkeypatch) -> None:
    bag = write_frames(tmp_path / "bag", [counts()] * 3, CAMERA)
    for name in list(sys.modules):
        if name.split(".")[0] == "matplotlib" or name.endswith(("hand_curves", "visualization.figures")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(bag, "--output", tmp_path / "out") == 0
    assert "not written: curves.png, which needs the package matplotlib" in capsys.readouterr().err
    assert (tmp_path / "out" / "hands.mcap").exists()


def test_an_interrupt_keeps_what_was_done(tmp_path, capsys, monkeypatch) -> None:
    import os
    import signal

    class Interrupted(Tracker):
        def update(self, depth: np.ndarray, camera: Camera, stamp_s: float) -> TrackResult:
            if len(self.updates) == 4:
                os.kill(os.getpid(), signal.SIGINT)
            return super().update(depth, camera, stamp_s)

    monkeypatch.setattr(command, "HandTracker", Interrupted)
    bag = write_frames(tmp_path / "bag", [counts()] * 20, CAMERA)
    assert run(bag, "--output", tmp_path / "out") == 130
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["frames"] == 5
    assert set(FIGURES) <= {path.name for path in (tmp_path / "out").iterdir()}


def test_names_that_are_no_text_or_look_like_markup_are_only_names(tmp_path, capsys) -> None:
    pytest.importorskip("matplotlib", reason="curves need the extra [train]")
    folder = tmp_path / "$\\frac{$ [/red] :smile:"
    folder.mkdir(parents=True)
    _, png = cv2.imencode(".png", counts())
    for name, data in (
        (b"1\xff.png", png.tobytes()),
        (b"2\n\x1b[31m.png", png.tobytes()),
        (b"3\n\x1b[31m.png", b""),
    ):
        (folder / os.fsdecode(name)).write_bytes(data)
    out = tmp_path / "out [/red] $x_$"
    assert run(folder, "--intrinsics", "60,60,31.5,23.5", "--output", out) == 0
    assert {path.name for path in out.iterdir()} == PICTURES | FIGURES | {"curves.png"}
    assert read_hand_table(out).name.tolist() == ["1\\udcff.png", "2\\n\\x1b[31m.png"]
    assert "\x1b" not in capsys.readouterr().err
    assert main(["compare-runs", str(out), str(out)]) == 0
    assert "[/red]" in capsys.readouterr().out


def test_a_picture_that_cannot_be_made_costs_only_itself(tmp_path, capsys, monkeypatch) -> None:
    def too_large(*_: object) -> None:
        raise cv2.error("Failed to allocate 28800000000 bytes")

    monkeypatch.setattr("hand_pose_ros.recording.replay.write_overlays", too_large)
    bag = write_frames(tmp_path / "bag", [counts()] * 4, CAMERA)
    assert run(bag, "--output", tmp_path / "out") == 2
    assert "pictures cannot be written: Failed to allocate" in one_line(capsys)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= FIGURES | {"overlay.mp4"}
    assert not [name for name in names if "partial" in name]


def test_a_defect_in_the_middle_leaves_no_half_of_a_video(tmp_path, capsys, monkeypatch) -> None:
    class Broken(Tracker):
        def update(self, depth: np.ndarray, camera: Camera, stamp_s: float) -> TrackResult:
            if len(self.updates) == 2:
                raise AttributeError("a defect")
            return super().update(depth, camera, stamp_s)

    monkeypatch.setattr(command, "HandTracker", Broken)
    bag = write_frames(tmp_path / "bag", [counts()] * 4, CAMERA)
    assert run(bag, "--output", tmp_path / "out") == 2
    assert "AttributeError: a defect" in one_line(capsys)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["overlay.mp4"]
