"""hand-pose doctor: says what is here, tests itself, and names what is wrong."""

from __future__ import annotations

import pytest

from hand_pose_ros.commands import doctor
from hand_pose_ros.commands.main import main
from hand_pose_ros.evaluation.self_test import SelfTest
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker


def test_a_profile_that_is_not_there_is_wrong(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(doctor, "_topics", list)
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", str(tmp_path / "absent.xml"))
    assert main(["doctor", "--no-self-test"]) == 1
    out = capsys.readouterr().out
    assert "wrong: FASTDDS_DEFAULT_PROFILES_FILE names a file that is not there" in out
    monkeypatch.delenv("FASTDDS_DEFAULT_PROFILES_FILE")
    main(["doctor", "--no-self-test"])
    out = capsys.readouterr().out
    for word in ("hand_pose_ros", "hardware:", "torch", "numba", "kernels:", "shared memory:", "ROS:"):
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
    monkeypatch.setattr(doctor, "_topics", list)
    monkeypatch.delenv("FASTDDS_DEFAULT_PROFILES_FILE", raising=False)
    main(["doctor", "--device", "cpu"])
    out = capsys.readouterr().out
    assert "of 30 synthetic frames, mean error" in out
    assert f"backend: {HandTracker(config=TrackerConfig(device='cpu')).estimator.backend.name} on cpu" in out
    assert "the self-test" not in out


def test_weights_that_are_not_there_are_wrong(capsys, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "_topics", list)
    assert main(["doctor", "--model", "absent.safetensors"]) == 1
    assert "the self-test could not run: " in capsys.readouterr().out
