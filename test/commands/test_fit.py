"""``hand-pose fit``: fits a file, writes what it says, recovers random hands, refuses bad input in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hand_pose_ros.commands import main as cli
from hand_pose_ros.datasets.benchmarks import ICVL
from hand_pose_ros.evaluation import fit_report
from hand_pose_ros.evaluation.prediction_files import write_predictions
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.hand_state import hand_frames, random_hands
from hand_pose_ros.hand.joint_sets import convert_joints
from hand_pose_ros.hand.kinematics import HandModelLayer


@pytest.fixture
def annotations(tmp_path):
    """12 frames of the template's left hand as an ICVL file, rounded to its three decimals."""
    joints = hand_frames(random_hands(12, seed=1), "left").joints.numpy()
    path = tmp_path / "labels.txt"
    write_predictions(path, convert_joints(joints, "icvl16"), ICVL)
    return path


def fit(*arguments: object) -> int:
    return cli.main(["fit", *map(str, arguments)])


@pytest.mark.slow
def test_a_file_is_fitted_and_what_is_written_fits_together(annotations, tmp_path, capsys):
    output, figures = tmp_path / "fit.npz", tmp_path / "fit.json"
    status = fit(
        "--groundtruth", annotations, "--dataset", "icvl", "--sequences", "5,7", "--output", output, "--json", figures
    )  # fmt: skip
    assert status == 0
    assert "mean mm" in capsys.readouterr().out
    with np.load(output, allow_pickle=False) as stored:
        arrays = dict(stored)
    assert arrays["parameters"].shape == (12, 26)
    assert arrays["group"].tolist() == [0] * 5 + [1] * 7
    assert arrays["shape"].shape == (2, 9)
    assert tuple(arrays["parameter_names"]) == skeleton.PARAMETER_NAMES
    layer = HandModelLayer("left").double()
    joints = layer(torch.from_numpy(arrays["parameters"]), torch.from_numpy(arrays["shape"])[arrays["group"]])
    assert np.allclose(joints.numpy(), arrays["joints"], atol=1e-7)
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert [row["frames"] for row in content["sequences"]] == [5, 7]
    assert content["all"]["mean_mm"] == pytest.approx(arrays["residual_mm"].mean())
    assert content["all"]["mean_mm"] < 1
    assert content["all"]["out_of_range"] == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fit.json", "fit.npz", "labels.txt"]


@pytest.mark.slow
def test_an_interrupt_keeps_the_figures_of_the_sequences_before(annotations, tmp_path, monkeypatch, capsys):
    output, figures = tmp_path / "fit.npz", tmp_path / "fit.json"
    fit_hands, calls = fit_report.fit_hands, []

    def interrupted(*given, **more):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit_hands(*given, **more)

    monkeypatch.setattr(fit_report, "fit_hands", interrupted)
    status = fit(
        "--groundtruth", annotations, "--dataset", "icvl", "--sequences", "5,7", "--output", output, "--json", figures
    )  # fmt: skip
    assert status == 130
    assert "fitted to 5 frames" in capsys.readouterr().out
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert content["interrupted"]
    assert [row["frames"] for row in content["sequences"]] == [5]
    assert not output.exists()  # its rows would be taken for all of the file's


@pytest.mark.slow
def test_random_hands_are_recovered_by_every_solver(tmp_path, capsys):
    figures = tmp_path / "test.json"
    assert fit("--self-test", 50, "--noise-mm", 0.3, "--seed", 2, "--json", figures) == 0
    methods = json.loads(figures.read_text(encoding="utf-8"))["methods"]
    assert len(methods) == 4
    assert all(method["recovered"] >= 0.99 and method["out_of_range"] == 0 for method in methods)


@pytest.mark.slow
def test_too_much_noise_fails_the_self_test():
    assert fit("--self-test", 8, "--noise-mm", 20) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--dataset", "icvl", "--sequences", "5,8"], "sum to the file's 12"),
        (["--dataset", "icvl", "--sequences", "a"], "--sequences is 'a'"),
        (["--dataset", "icvl", "--sequences", "13,-1"], "positive"),
        (["--dataset", "nyu"], "42"),
        ([], "--dataset"),
        (["--dataset", "icvl", "--seed", "-1"], "--seed"),
        (["--dataset", "icvl", "--noise-mm", "1"], "--noise-mm"),
        (["--dataset", "icvl", "--output", "absent/fit.npz"], "folder"),
        (["--dataset", "icvl", "--shape", "frame", "--geometry", "offsets"], "offsets"),
    ],
)
def test_bad_arguments_end_in_one_line_and_status_2(annotations, arguments, message, capsys):
    assert fit("--groundtruth", annotations, *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_absent_file_ends_in_one_line_and_status_2(tmp_path, capsys):
    assert fit("--groundtruth", tmp_path / "absent.txt", "--dataset", "icvl") == 2
    assert "absent.txt" in capsys.readouterr().err


@pytest.mark.parametrize("count", [0, -3])
def test_a_self_test_of_no_hands_is_refused(count, capsys):
    assert fit("--self-test", count) == 2
    assert "--self-test" in capsys.readouterr().err
