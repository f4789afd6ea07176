"""The demo's arguments, verdict and processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from hand_pose_ros.nodes.demo import processes
from hand_pose_ros.nodes.demo.demo import (
    DemoError,
    _some_depths,
    busy,
    require_loopback,
    robot_rows,
    verdict,
)
from hand_pose_ros.nodes.demo.demo_config import parse_arguments
from hand_pose_ros.nodes.demo.processes import NodeProcesses, parameter_arguments
from hand_pose_ros.nodes.demo.slow_tracker_node import _Repeated, build_slow_tracker
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PARAMETERS
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.recording.scene_distance import middle_m
from hand_pose_ros.resources import resource
from hand_pose_ros.retarget import retargeter
from hand_pose_ros.tracking.stage_timer import StageTimer


@pytest.fixture
def folder(tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        assert cv2.imwrite(str(frames / f"{index}.png"), np.full((48, 64), 500, np.uint16))
    return frames


BAD = {
    "no folder": (["--frames", "/nowhere", "--intrinsics", "1,1,1,1"], "/nowhere"),
    "no intrinsics": (["--frames", "FOLDER"], "--intrinsics is missing"),
    "three intrinsics": (["--frames", "FOLDER", "--intrinsics", "60,60,31"], "four numbers"),
    "zero focal length": (["--frames", "FOLDER", "--intrinsics", "0,60,31,23"], "focal length"),
    "intrinsics alone": (["--intrinsics", "60,60,31,23"], "goes with --frames"),
    "depth unit": (["--depth-unit", "1000"], "depth_unit is 1000"),
    "no number": (["--depth-unit", "mm"], "--depth-unit"),
    "side": (["--side", "both"], "--side"),
    "seconds": (["--seconds", "-3"], "seconds is -3"),
    "model": (["--model", "/nowhere.safetensors"], "/nowhere.safetensors"),
    "unknown": (["--fast"], "--fast"),
    "hands": (["--hands", "3"], "hands is 3, want 1 to 2"),
    "no hands": (["--hands", "0"], "hands is 0"),
    "robot": (["--robot", "nonsense"], "robot is 'nonsense', want one of ability, allegro, inspire"),
    "robot's file": (["--robot", "/nowhere.yaml"], "/nowhere.yaml"),
    "robot's folder": (["--robot", "FOLDER"], "frames"),
    "a name too long": (["--model", "x" * 5000], "File name too long"),
    "duration": (["--seconds", "abc"], "--duration: invalid float value: 'abc'"),
}


@pytest.mark.parametrize("arguments, named", BAD.values(), ids=BAD.keys())
def test_bad_arguments_end_with_two_and_one_line(folder, capsys, arguments, named):
    with pytest.raises(SystemExit) as ended:
        parse_arguments([argument.replace("FOLDER", str(folder)) for argument in arguments])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1


def test_recording_is_played_whole_at_least_once(folder):
    given = ["--frames", str(folder), "--intrinsics", "60,60,31.5,23.5"]
    assert parse_arguments(given).count == 3
    assert parse_arguments([*given, "--seconds", "2", "--rate", "10"]).count == 20
    assert parse_arguments([*given, "--seconds", "1", "--rate", "1"]).count == 3
    assert parse_arguments([]).count == 600


def test_as_many_hands_are_tracked_as_are_asked_for():
    assert parse_arguments([]).tracker_parameters()["hands"] == 1
    assert parse_arguments(["--hands", "2"]).tracker_parameters()["hands"] == 2


def test_robot_is_that_of_the_hand_that_is_expected(tmp_path, monkeypatch):
    assert parse_arguments([]).robot == ""
    assert "robot" not in parse_arguments([]).watcher_parameters()
    for side, robots in (("auto", "right"), ("right", "right"), ("left", "left")):
        config = parse_arguments(["--robot", "panda", "--side", side])
        for parameters in (config.retarget_parameters(), config.watcher_parameters()):
            assert (parameters["robot"], parameters["side"]) == ("panda", robots)
    # Nodes run in another folder.
    (tmp_path / "mine.yaml").write_text(Path(resource("config/retarget/panda_right.yaml")).read_text())
    monkeypatch.chdir(tmp_path)
    assert parse_arguments(["--robot", "mine.yaml"]).robot == str(tmp_path / "mine.yaml")


def test_robot_whose_engine_is_not_installed_is_refused_with_one_line(capsys, monkeypatch):
    monkeypatch.setattr(retargeter, "installed", lambda engine: False)
    with pytest.raises(SystemExit) as ended:
        parse_arguments(["--robot", "allegro"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "pip install 'dexi-rs==" in error
    assert error.count("\n") == 1


ROBOT = {
    "name": "panda", "side": "right", "engine": "gripper", "commands": 900, "rate_hz": 100.0, "engagements": 1,
    "refusal": "", "latency_ms": {"p50": 1.5, "p95": 3.0}, "age_ms": {"p50": 30.0, "p95": 40.0}, "pinch_gap_mm": 2.0,
    "human_pinch_mm": 13.0, "max_step_rad": None, "max_step_m": 0.0005, "commands_before_engage": 0,
    "commands_outside_limits": 0, "commands_over_velocity": 0, "losses": 1, "hold_frames_after_loss": 7,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes, named",
    [
        ({}, None),
        ({"engagements": 0, "commands": 0}, "never engaged: no right hand"),
        ({"engagements": 0, "refusal": "the node is not active"}, "never engaged: the node is not active"),
        ({"commands": 0}, "sent nothing"),
        ({"commands_before_engage": 3}, "3 commands before engage"),
        ({"commands_outside_limits": 2}, "2 commands outside limits"),
        ({"commands_over_velocity": 1}, "1 commands over velocity"),
    ],
)
def test_verdict_on_a_robot_is_good_only_when_it_was_driven_within_its_limits(changes, named):
    problems = verdict(GOOD | {"robot": ROBOT | changes}, 100)
    assert len(problems) == (named is not None)
    assert all(named in problem for problem in problems)


def test_robots_rows_hold_its_figures():
    text = "\n".join(f"{name} {value}" for name, value in robot_rows(ROBOT))
    for part in (
        "900 commands at 100.0 Hz by gripper",
        "1.5 ms / 3.0 ms",
        "2.0 mm (13.0 mm)",
        "7 frames held after 1",
    ):
        assert part in text
    unknown = ROBOT | {"latency_ms": {"p50": None, "p95": None}, "human_pinch_mm": None, "rate_hz": None}
    assert "unknown" in "\n".join(value for _, value in robot_rows(unknown))


GOOD = {"frames": 100, "outputs": 95, "hands": 90}


@pytest.mark.parametrize(
    "changes, works",
    [
        ({}, True),
        ({"frames": 60}, False),
        ({"outputs": 0, "hands": 0}, False),
        ({"outputs": 20, "hands": 20}, False),
        ({"hands": 0}, False),
    ],
)
def test_verdict_is_good_only_when_frames_came_and_hands_went(changes, works):
    assert (verdict(GOOD | changes, 100) == []) == works


@pytest.mark.parametrize(
    "middle, named", [(5.62, "the middle of all readings is at 5.6 m"), (None, "there are no readings")]
)
def test_recording_without_a_hand_is_told_with_where_its_scene_is(middle, named):
    (problem,) = verdict(GOOD | {"hands": 0, "middle_m": middle}, 100)
    assert named in problem
    assert "DEPTH_UNIT" in problem
    assert "DEPTH_UNIT" not in verdict(GOOD | {"hands": 0}, 100)[0]


def test_middle_of_a_recording_is_in_metres_and_files_that_are_damaged_are_left_out(tmp_path):
    for index, counts in enumerate((500, 700, 800)):
        np.save(tmp_path / f"{index}.npy", np.full((48, 64), counts, np.uint16))
    recording = RecordedFrames.open(tmp_path, (60.0, 60.0, 31.5, 23.5))
    assert middle_m(_some_depths(recording, 0.001)) == pytest.approx(0.7)
    (tmp_path / "0.npy").write_bytes(b"damaged")
    assert middle_m(_some_depths(recording, 0.01)) == pytest.approx(7.5)


def test_parameters_keep_their_types_on_the_command_line():
    arguments = parameter_arguments({"a": "auto", "b": True, "c": 1.0, "d": [1.0, 2.0], "e": "it's", "f": 3})
    assert arguments == [
        "--ros-args", "-p", "a:='auto'", "-p", "b:=true", "-p", "c:=1.0", "-p", "d:=[1.0, 2.0]", "-p", "e:='it''s'",
        "-p", "f:=3",
    ]  # fmt: skip


STUBBORN = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.mark.slow
def test_every_child_ends_even_one_that_ignores_the_interrupt(tmp_path):
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    (tmp_path / "willing.py").write_text("import time; print('up', flush=True); time.sleep(60)")
    with NodeProcesses(tmp_path, dict(os.environ)) as nodes:
        for name in ("stubborn", "willing"):
            nodes.start(name, name, {})
        deadline = time.monotonic() + 60
        while not all("up" in nodes.log_tail(name) for name in ("stubborn", "willing")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert nodes.status("stubborn") is None
        nodes.end("stubborn", patience_s=0.3)
        assert nodes.status("stubborn") is not None
        assert nodes.status("willing") is None
    assert nodes.status("willing") is not None


def test_interrupt_while_a_child_is_being_born_leaves_no_orphan(tmp_path, monkeypatch):
    (tmp_path / "willing.py").write_text("import time; time.sleep(60)")
    born, start = [], subprocess.Popen

    def start_and_interrupt(*arguments, **options):
        born.append(start(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return born[-1]

    monkeypatch.setattr(processes.subprocess, "Popen", start_and_interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), NodeProcesses(tmp_path, dict(os.environ)) as nodes:
            nodes.start("willing", "willing", {})
        assert born[0].poll() is not None
    finally:
        born[0].kill()


def demo(tmp_path, *arguments):
    command = [
        sys.executable,
        "-m",
        "hand_pose_ros.nodes.demo",
        "--output",
        str(tmp_path / "out"),
        *arguments,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.slow
def test_refusal_of_the_tracker_ends_the_demo_at_once_and_says_why(tmp_path, folder):
    model = tmp_path / "corrupt.safetensors"
    model.write_bytes(b"no weights")
    recording = ["--frames", str(folder), "--intrinsics", "60,60,31.5,23.5"]
    running = demo(tmp_path, "--model", str(model), *recording)
    output, _ = running.communicate(timeout=120)
    assert running.returncode == 1
    assert "corrupt.safetensors" in output.replace("\n", "")
    assert not (tmp_path / "out" / "summary.json").exists()


@pytest.mark.slow
def test_interrupt_ends_every_process(tmp_path, folder):
    running = demo(tmp_path, "--frames", str(folder), "--intrinsics", "60,60,31.5,23.5", "--seconds", "600")
    deadline = time.monotonic() + 60
    logs = [tmp_path / "out" / f"{name}.log" for name in ("camera", "tracker", "watcher")]
    while not all(log.exists() for log in logs) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    try:
        running.communicate(timeout=60)
    finally:
        running.terminate()  # were it still there, its tracker would publish into the tests that follow
    assert running.returncode == 130
    # Whoever still ran would have the output folder as its working directory.
    out = (tmp_path / "out").resolve()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # processes come and go
            assert link.resolve() != out


@pytest.mark.slow
def test_robots_hand_follows_through_all_four_processes(tmp_path, shipped_model):
    """A gripper, for it needs no other package. Slow frames, so that a busy machine answers most of them."""
    running = demo(tmp_path, "--robot", "panda", "--seconds", "12", "--rate", "5")
    output, _ = running.communicate(timeout=400)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    robot = summary["robot"]
    assert robot["engagements"] >= 1, output
    assert robot["commands"] > 50
    assert robot["commands_before_engage"] == robot["commands_outside_limits"] == 0
    assert robot["commands_over_velocity"] == 0
    assert 0.0 < robot["max_step_m"] < 0.05
    assert "robot: panda, right" in output
    assert running.returncode == (0 if summary["ok"] else 1)
    with Image.open(tmp_path / "out" / "overlay.gif") as animation:
        assert animation.size == (700, 300)


@pytest.mark.slow
def test_recorded_sequence_runs_through_all_three_processes(tmp_path, folder, shipped_model):
    """The shipped model on frames without a hand: everything is answered, nothing is found, and the demo says so."""
    # Long enough for a lost packet of the discovery, which the middleware repeats every 3 s.
    arguments = ["--frames", str(folder), "--intrinsics", "60,60,31.5,23.5", "--seconds", "8", "--rate", "5"]
    running = demo(tmp_path, *arguments)
    output, _ = running.communicate(timeout=400)  # where nothing was compiled before, that comes first
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["frames"] == 40, output
    assert summary["outputs"] + summary["dropped"] == 40
    assert summary["error_mm"]["mean"] is None
    assert running.returncode == (0 if summary["ok"] else 1)
    assert (tmp_path / "out" / "overlay.png").exists()


def test_slow_model_may_drop_most_frames_but_not_all():
    answered = {"frames": 600, "outputs": 100, "hands": 90}
    assert verdict(answered, 600) != []
    assert verdict(answered, 600, slow=10) == []
    assert verdict({"frames": 600, "outputs": 0, "hands": 0}, 600, slow=10) != []


def test_slowness_must_be_a_whole_factor(capsys):
    with pytest.raises(SystemExit) as stopped:
        parse_arguments(["--slow", "0"])
    assert stopped.value.code == 2
    assert "slow is 0" in capsys.readouterr().err


class CountingEstimator:
    """Says how often it was asked, and takes 3 ms by its own account."""

    info = "weights"

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def __call__(self, frame, requests, timer):
        self.asked.append((frame, requests))
        timer.timings_ms["network"] = timer.timings_ms.get("network", 0.0) + 3.0
        return [f"answer {len(self.asked)}"]


def test_slowed_estimator_works_as_often_as_asked_and_times_all_of_it():
    estimator = CountingEstimator()
    slow = _Repeated(estimator, 10)
    timer = StageTimer()
    assert slow("frame", ["request"], timer) == ["answer 10"]
    assert estimator.asked == [("frame", ["request"])] * 10
    assert timer.timings_ms == {"network": 30.0}
    assert slow.info == "weights"


@pytest.mark.slow
def test_slow_tracker_asks_its_estimator_so_many_times_a_frame(shipped_model, monkeypatch):
    """The tracker itself, not a fake: its way of asking is what the slow estimator must understand."""
    from hand_pose_ros.depth.camera import Camera
    from hand_pose_ros.synthetic.motion import SyntheticMotion

    monkeypatch.setenv("HAND_POSE_SLOW", "3")
    values = {parameter.name: parameter.default for parameter in TRACKER_PARAMETERS}
    tracker = build_slow_tracker(values | {"side": "right"})
    inner, asked = tracker.estimator._estimator, []

    class Recording:
        config = inner.config

        def __call__(self, *given):
            asked.append(given[1])
            return inner(*given)

    tracker.estimator._estimator = Recording()
    camera = Camera(160, 120, 120.0, 120.0, 79.5, 59.5)
    depth, _ = SyntheticMotion(3, camera).frame(0.0)
    result = tracker.update(depth, camera, 0.0)
    assert result.timings_ms["network"] > 0.0
    assert len(asked) >= 3
    for index in range(0, len(asked), 3):
        assert all(places is asked[index] for places in asked[index : index + 3])


@pytest.mark.parametrize(("flags", "fine"), [("0x9", True), ("0x8", False), (None, False)])
def test_a_loopback_interface_that_is_down_is_named(tmp_path, flags, fine):
    (tmp_path / "lo").mkdir()
    if flags is not None:
        (tmp_path / "lo" / "flags").write_text(flags + "\n")
    if fine:
        require_loopback(tmp_path / "lo" / "flags")
        return
    with pytest.raises(DemoError, match="ip link set lo up"):
        require_loopback(tmp_path / "lo" / "flags")


@pytest.mark.parametrize(
    ("load", "cores", "said"),
    [(None, 2, False), (2.4, 2, False), (9.5, 2, True), (9.5, 16, False), (9.5, None, False)],
)
def test_a_busy_computer_is_named_as_the_reason_why_few_frames_were_answered(load, cores, said):
    assert ("9.5 programs" in busy(load, cores)) == said
    (problem,) = verdict(GOOD | {"outputs": 10, "load": load, "cores": cores}, 100)
    assert problem.startswith("only 10 of 100 frames were answered")
    assert ("nothing else running" in problem) == said
