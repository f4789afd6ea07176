"""Replaying a recording: pictures and figures come out, bad input ends in one line and status 2."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hand_pose_ros.commands.main import main
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.motion import SyntheticMotion

UNIT = 0.00025
INTRINSICS = "240,240,159.5,119.5"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording")
    motion = SyntheticMotion(3, Camera(320, 240, 240.0, 240.0, 159.5, 119.5))
    for index in range(12):
        depth, _ = motion.frame(index / 30)
        counts = np.nan_to_num(depth / UNIT).round().astype(np.uint16)
        assert cv2.imwrite(str(folder / f"{index}.png"), counts)
    return folder


def run(*arguments: object) -> int:
    return main(["replay", *map(str, arguments)])


@pytest.mark.slow
def test_a_recorded_hand_is_tracked_drawn_and_counted(recording, tmp_path, capsys):
    output = tmp_path / "out"
    status = run(
        "--frames", recording, "--intrinsics", INTRINSICS, "--depth-unit", UNIT, "--output", output, "--every", 3
    )  # fmt: skip
    assert status == 0
    summary = json.loads((output / "summary.json").read_text())
    assert summary["frames"] == 12
    assert summary["frames_with_hand"] == 12
    assert summary["share_with_hand_from_10th"] == 1.0
    assert summary["sides"] == {"right": 12}
    assert summary["tracks"] == 1
    assert {"crop", "locate", "network"} <= set(summary["stage_ms"])
    sheet = cv2.imread(str(output / "contact.png"))
    assert sheet.shape == (320, 4 * 320, 3)
    assert (output / "overlay.gif").stat().st_size > 0
    told = capsys.readouterr()
    assert "frames_with_hand: 12" in told.out
    assert "no hand in any frame" not in told.err


@pytest.mark.slow
def test_a_recording_in_which_nothing_is_found_says_what_to_check(recording, tmp_path, capsys):
    given = ("--frames", recording, "--intrinsics", INTRINSICS, "--output", tmp_path / "x", "--every", 12)
    assert run(*given, "--depth-unit", 4 * UNIT) == 0
    error = capsys.readouterr().err
    for option in ("no hand in any frame", "--depth-unit", "--intrinsics"):
        assert option in error
    said_m = float(error.split("readings is at ")[1].split(" m")[0])
    assert said_m > 1.5  # four times as far as it is


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--depth-unit", "0"), "--depth-unit"),
        (("--side", "both"), "side is 'both'"),
        (("--model", "absent.safetensors"), "absent.safetensors"),
    ],
)
def test_bad_values_end_in_one_line(recording, tmp_path, capsys, arguments, message):
    given = ("--frames", recording, "--intrinsics", INTRINSICS, "--output", tmp_path / "x")
    assert run(*given, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


@pytest.mark.parametrize(
    "option, want",
    [
        ("coast", "0 to 10 seconds"), ("smoothing-hz", "0 to 1000"), ("start-odds", "0 to 12"),
        ("min-confidence", "0 to 1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["-1", "1e9", "nan", "inf", "x"])
def test_settings_of_the_tracker_are_refused_on_either_side_in_the_same_words(capsys, option, want, value):
    assert run("x", f"--{option}", value) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"hand-pose replay: --{option} is {value}, want ")
    assert want in told or (value in ("nan", "inf", "x") and "number" in told)


def test_a_missing_folder_and_wrong_intrinsics_are_named(tmp_path, capsys):
    assert run("--frames", tmp_path / "absent", "--intrinsics", INTRINSICS) == 2
    assert "absent" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        run("--frames", tmp_path, "--intrinsics", "1,2,3")
    assert stopped.value.code == 2
    assert "'1,2,3' is not fx,fy,cx,cy" in capsys.readouterr().err


@pytest.mark.slow
def test_many_files_that_are_left_out_are_told_in_few_lines(tmp_path, capsys):
    """Those of another camera, say; the summary names all."""
    frames, output = tmp_path / "frames", tmp_path / "out"
    frames.mkdir()
    for index in range(50):
        size = (48, 64) if index < 30 else (24, 32)
        assert cv2.imwrite(str(frames / f"{index:02d}.png"), np.full(size, 700, np.uint16))
    assert run("--frames", frames, "--intrinsics", "60,60,31.5,23.5", "--output", output, "--no-video") == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "left out: " in line]
    assert len(lines) == 13
    assert "left out: 8 more, which summary.json names" in lines[-1]
    assert len(json.loads((output / "summary.json").read_text())["left_out"]) == 20
