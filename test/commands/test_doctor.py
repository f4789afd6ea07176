"""hand-pose doctor: says what is here, tests itself, and names what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hand_pose_ros.commands import doctor
from hand_pose_ros.commands.main import main
from hand_pose_ros.evaluation.self_test import SelfTest
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker

ROOT = Path(__file__).resolve().parents[2]


def test_a_profile_that_is_not_there_is_wrong(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(doctor, "_ros", lambda wrong: [])
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", str(tmp_path / "absent.xml"))
    assert main(["doctor", "--no-self-test"]) == 1
    out = capsys.readouterr().out
    assert "wrong: FASTDDS_DEFAULT_PROFILES_FILE names a file that is not there" in out
    monkeypatch.delenv("FASTDDS_DEFAULT_PROFILES_FILE")
    main(["doctor", "--no-self-test"])
    out = capsys.readouterr().out
    for word in (
        "hand_pose_ros",
        "hardware:",
        "torch",
        "numba",
        "kernels:",
        "shared memory:",
        "ROS 2's variables:",
    ):
        assert word in out


@pytest.mark.parametrize(
    "outcome, passed",
    [
        (SelfTest(30, 7.0, 5.0, 9.0), True),
        (SelfTest(10, 7.0, 5.0, 9.0), False),
        (SelfTest(30, 40.0, 5.0, 9.0), False),
        (SelfTest(0, None, 5.0, 9.0), False),
    ],
)
def test_the_self_test_fails_without_the_hand_and_far_from_it(outcome, passed) -> None:
    assert outcome.passed == passed


@pytest.mark.slow
def test_the_self_test_passes_here(capsys, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "_ros", lambda wrong: [])
    monkeypatch.delenv("FASTDDS_DEFAULT_PROFILES_FILE", raising=False)
    main(["doctor", "--device", "cpu"])
    out = capsys.readouterr().out
    assert "of 30 synthetic frames, mean error" in out
    assert f"backend: {HandTracker(config=TrackerConfig(device='cpu')).estimator.backend.name} on cpu" in out
    assert "the self-test" not in out


@pytest.mark.parametrize("further", [[], ["--no-self-test"]])
def test_weights_that_are_not_there_are_wrong(further, capsys, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "_ros", lambda wrong: [])
    assert main(["doctor", "--model", "absent.safetensors", *further]) == 1
    assert "wrong: model: absent.safetensors: no such file" in capsys.readouterr().out


def test_weights_that_are_none_are_wrong_without_a_self_test_too(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(doctor, "_ros", lambda wrong: [])
    (tmp_path / "own.safetensors").write_bytes(b"none")
    assert main(["doctor", "--no-self-test", "--model", str(tmp_path / "own.safetensors")]) == 1
    assert "own.safetensors: not a readable safetensors file" in capsys.readouterr().out


def test_a_device_that_is_not_there_is_wrong_without_a_self_test_too(capsys, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "_ros", lambda wrong: [])
    assert main(["doctor", "--no-self-test", "--device", "tpu"]) == 1
    assert "wrong: hardware: device is 'tpu', want one of auto, cpu, cuda" in capsys.readouterr().out


WITHOUT = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named '{{name}}'", name=name)

sys.meta_path.insert(0, Absent())
from hand_pose_ros.commands.main import main
sys.exit(main(["doctor"]))
"""


@pytest.mark.parametrize(
    "absent, told",
    [
        pytest.param(["numpy"], ["numpy is not installed: pip install numpy"], id="numpy"),
        pytest.param(["torch"], ["torch is not installed: pip install torch"], id="torch"),
        pytest.param(
            ["numba", "yaml"],
            ["numba is not installed: pip install numba", "pyyaml is not installed: pip install pyyaml"],
            id="two",
        ),
    ],
)
def test_what_is_not_installed_is_told_with_what_brings_it(absent, told) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=set(absent))], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 1, answer.stderr
    assert "Traceback" not in answer.stderr
    lines = answer.stdout.splitlines()
    assert [line for line in lines if line.startswith("wrong: ") and "installed" in line] == [
        f"wrong: {line}" for line in told
    ]
    assert any(line.startswith("shared memory: ") for line in lines)  # the rest of the report is there
    assert any(line.startswith("self-test: not known without ") for line in lines)


def test_what_tracking_does_without_is_told_and_not_wrong(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    wrong: list[str] = []
    assert "openvino (the networks in bfloat16 on a CPU: pip install openvino)" in doctor._packages(wrong)[1]
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("middleware", [None, "rmw_of_nobody_cpp"])
def test_a_middleware_that_is_not_installed_is_wrong_and_does_not_end_the_report(
    capsys, monkeypatch, middleware
) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")
    monkeypatch.delenv("RMW_IMPLEMENTATION", raising=False)
    if middleware:
        monkeypatch.setenv("RMW_IMPLEMENTATION", middleware)
    status = main(["doctor", "--no-self-test", "--device", "cpu"])
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if line.startswith("wrong: ROS 2: ")]
    if middleware:
        assert status == 1
        assert middleware in told[0]
        assert lines[-1] == "something is wrong, see above"
    else:
        assert told == []
        (ros,) = [line for line in lines if line.startswith("ROS 2: ")]
        assert "rclpy" in ros
        assert "messages are built" in ros


def test_ros_that_does_not_answer_is_wrong(monkeypatch) -> None:
    def silent(*arguments, **options):
        raise subprocess.TimeoutExpired(arguments[0], options["timeout"])

    monkeypatch.setattr(doctor.subprocess, "run", silent)
    wrong: list[str] = []
    assert doctor._ros(wrong) == []
    assert wrong == ["ROS 2 did not answer within 60 s"]


@pytest.mark.slow
def test_ros_is_asked_where_no_log_file_can_be_kept_and_what_the_middleware_complains_of_is_wrong(
    monkeypatch, tmp_path
) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")
    monkeypatch.setenv("ROS_LOG_DIR", "/proc/none")
    (tmp_path / "profile.xml").write_text("no profile")
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", str(tmp_path / "profile.xml"))
    wrong: list[str] = []
    lines = doctor._ros(wrong)
    assert any(line.startswith("ROS 2: rclpy") for line in lines)
    if "rmw_fastrtps" in lines[0]:
        assert wrong
        assert all(text.startswith("the middleware says: ") and "profile.xml" in text for text in wrong)
    assert not any("\x1b" in line for line in lines + wrong)


@pytest.mark.parametrize(
    ("said", "complains"),
    [
        ("[XMLPARSER Error] Error opening 'a.xml' -> Function loadXML", True),
        ("[WARN] [17.0] [rcl]: Invalid value 'no' specified for 'ROS_AUTOMATIC_DISCOVERY_RANGE'", True),
        ("[WARN] [17.0] [rcl]: ROS_LOCALHOST_ONLY is deprecated but still honored if it is enabled.", False),
    ],
)
def test_a_warning_of_the_middleware_is_told_and_a_setting_that_does_not_hold_is_wrong(
    monkeypatch, said, complains
) -> None:
    answer = subprocess.CompletedProcess([], 0, stdout="ROS 2: rclpy 9\n", stderr=f"\x1b[33m{said}\x1b[0m\n")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *arguments, **options: answer)
    wrong: list[str] = []
    lines = doctor._ros(wrong)
    told = f"the middleware says: {said}"
    assert (lines, wrong) == ((lines[:1], [told]) if complains else (["ROS 2: rclpy 9", told], []))
