"""``hand-pose evaluate`` from the command line: what it prints and writes, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from hand_pose_ros.commands.main import main
from hand_pose_ros.config_files import read_mapping
from hand_pose_ros.datasets.benchmarks import ICVL, to_image
from hand_pose_ros.datasets.icvl import Icvl
from hand_pose_ros.datasets.sample import crop_sample
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.evaluation import benchmark_evaluation, synthetic_benchmark
from hand_pose_ros.evaluation.hierarchical_regression import HierarchicalRegression
from hand_pose_ros.evaluation.predict import Predictions
from hand_pose_ros.evaluation.prediction_files import read_predictions, write_predictions
from hand_pose_ros.hand.joint_sets import convert_joints
from hand_pose_ros.hand.skeleton import JOINT_NAMES
from hand_pose_ros.network.checkpoint import save_checkpoint
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT

BEFORE = Path(__file__).parents[2] / "config" / "evaluate" / "before.yaml"


@pytest.fixture
def files(tmp_path) -> Path:
    """Annotations of five frames, and two methods that are off by 5 and by 25 mm in depth."""
    rng = np.random.default_rng(0)
    truth = rng.uniform([-0.05, -0.05, 0.35], [0.05, 0.05, 0.45], (5, 16, 3))
    write_predictions(tmp_path / "truth.txt", truth, ICVL)
    for name, error in (("near", 0.005), ("far", 0.025)):
        write_predictions(tmp_path / f"{name}.txt", truth + [0.0, 0.0, error], ICVL)
    return tmp_path


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    torch.manual_seed(0)
    tiny = NetworkConfig(widths=(8, 16, 16, 16), blocks=(0, 0, 0), up_blocks=(0, 0), ik_hidden=32)
    save_checkpoint(tmp_path / "tiny.safetensors", HandNet(tiny), {"seed": 0})
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def icvl_root(tmp_path) -> Path:
    """Two test sequences of two frames with a square for a hand."""
    root = tmp_path / "icvl"
    for sequence in ("test_seq_1", "test_seq_2"):
        folder = root / "Testing" / "Depth" / sequence
        folder.mkdir(parents=True)
        lines = []
        for i in range(2):
            image = np.zeros((240, 320), np.uint16)
            image[90 + 5 * i : 140, 130:180] = 400
            Image.fromarray(image).save(folder / f"image_{i:04d}.png")
            joints = np.random.default_rng(i).uniform([-0.03, -0.03, 0.39], [0.03, 0.03, 0.41], (16, 3))
            numbers = " ".join(f"{v:.3f}" for v in to_image(joints, ICVL.camera).ravel())
            lines.append(f"{sequence}/image_{i:04d}.png {numbers}\n")
        (root / "Testing" / f"{sequence}.txt").write_text("".join(lines))
    return root


@pytest.mark.slow
def test_published_files_become_a_table_json_and_figures(files, capsys):
    status = main(
        ["evaluate", "--dataset", "icvl", "--groundtruth", str(files / "truth.txt"), "--predictions"]
        + [str(files / "near.txt"), f"Far off={files / 'far.txt'}"]
        + ["--json", str(files / "out.json"), "--figures", str(files / "figures"), "--joints"]
    )
    assert status == 0
    printed = capsys.readouterr().out
    assert "near" in printed
    assert "Far off" in printed
    assert "5.000" in printed
    assert "Pinky T" in printed
    methods = json.loads((files / "out.json").read_text())["methods"]
    assert [m["name"] for m in methods] == ["near", "Far off"]
    assert [m["mean_error_mm"] for m in methods] == pytest.approx([5.0, 25.0], abs=0.01)
    assert [m["success_fraction"] for m in methods] == [{"20": 1.0, "40": 1.0}, {"20": 0.0, "40": 1.0}]
    assert {path.name for path in (files / "figures").iterdir()} == {
        "icvl_joint_error.png", "icvl_joint_error.svg", "icvl_success.png", "icvl_success.svg",
    }  # fmt: skip


def test_a_checkpoint_is_scored_on_synthetic_hands(checkpoint, toy_hands, monkeypatch, tmp_path, capsys):
    toy_hands.config = SimpleNamespace(families=("toy",))
    monkeypatch.setattr(synthetic_benchmark, "synthetic_source", lambda data, split: toy_hands)
    out = tmp_path / "out.json"
    assert main(["evaluate", "--checkpoint", str(checkpoint), "--count", "40", "--json", str(out)]) == 0
    (method,) = json.loads(out.read_text())["methods"]
    assert method["frames"] == 40
    assert set(method["joint_error_mm"]) == set(JOINT_NAMES)
    assert 0.0 <= method["out_of_range_fraction"] <= 1.0
    assert method["angle_error_deg"] > 0.0
    assert method["mesh_family_error_mm"] == {"toy": pytest.approx(method["mean_error_mm"])}
    assert method["bone_length_error_mm"] > 0.0
    assert "angle error" in capsys.readouterr().out


@pytest.mark.slow
def test_a_second_pass_is_scored_beside_the_first(checkpoint, toy_hands, monkeypatch, tmp_path):
    toy_hands.config = SimpleNamespace(families=("toy",))
    asked = []

    def source(data, split):
        asked.append(data)
        return toy_hands

    monkeypatch.setattr(synthetic_benchmark, "synthetic_source", source)
    out = tmp_path / "out.json"
    sheet = tmp_path / "sheet.png"
    arguments = ["evaluate", "--checkpoint", str(checkpoint), "--count", "24", "--json", str(out)]
    assert (
        main(
            [*arguments, "--passes", "2", "--families", "webxr", "--border", "0.5", "--pictures", str(sheet)]
        )
        == 0
    )
    first, second = json.loads(out.read_text())["methods"]
    assert (first["name"], second["name"]) == ("tiny", "tiny, second pass")
    assert first["mean_error_mm"] != second["mean_error_mm"]
    assert asked[0]["margin_m"] > 0.03
    assert asked[0]["families"] == ("webxr",)
    assert asked[0]["border"] == 0.5
    assert np.ptp(cv2.imread(str(sheet))) > 100


def test_a_recipe_describes_the_hands_and_its_empty_crops_are_left_out(
    checkpoint, toy_hands, monkeypatch, tmp_path
):
    toy_hands.config = SimpleNamespace(families=("toy",))
    asked = []

    def source(data, split):
        asked.append(data)
        return toy_hands

    monkeypatch.setattr(synthetic_benchmark, "synthetic_source", source)
    arguments = ["evaluate", "--checkpoint", str(checkpoint), "--count", "8"]
    assert main([*arguments, "--recipe", str(BEFORE)]) == 0
    assert main(arguments) == 0
    before, usual = asked
    assert before["negative_fraction"] == usual["negative_fraction"] == 0.0
    assert before["scene"] == {"held": 0.12, "grasp": 0.0, "other_hand": 0.12}
    assert (before["size"], before["cube_m"]) == (usual["size"], usual["cube_m"])


def test_the_old_distribution_keeps_its_sensors_and_surroundings():
    """Figures on it are comparable only while it stays what it was."""
    data = read_mapping(BEFORE, "the recipe")["data"]
    config = synthetic_source(data, VALIDATION_SPLIT).config
    assert config.sensors == ("generic", "d435", "d405", "sr300", "kinect_v2", "azure_kinect")
    assert (config.families, config.identities) == (("makehuman", "webxr"), 300)
    assert (config.negative_fraction, config.stereo) == (0.11, 0.0)
    assert (config.tracked, config.border, config.distance_m) == (0.0, 0.0, (0.27, 1.30))
    assert config.scene == SceneConfig(
        held=0.12, other_hand=0.12, plane=0.35, body=0.30, beside=0.25, before=0.10
    )


def test_a_network_is_scored_in_the_camera_frame_of_a_benchmark(checkpoint, icvl_root, monkeypatch, tmp_path):
    local = np.random.default_rng(3).normal(0, 0.03, (23, 3)).astype(np.float32)

    def fixed(model, crop, distance):
        assert crop.shape == (len(distance), 1, model.config.crop_size, model.config.crop_size)
        n = len(distance)
        return Predictions(
            np.tile(local, (n, 1, 1)), np.zeros((n, 23, 3)), np.ones((n, 23)), np.zeros((n, 20)), None
        )

    monkeypatch.setattr(benchmark_evaluation, "predict", fixed)
    out = tmp_path / "written.txt"
    arguments = ["evaluate", "--dataset", "icvl", "--root", str(icvl_root), "--checkpoint", str(checkpoint)]
    assert main([*arguments, "--write-predictions", str(out), "--json", str(tmp_path / "j.json")]) == 0
    written = read_predictions(out, ICVL)
    dataset = Icvl(icvl_root)
    for joints, sample in zip(written, dataset, strict=True):
        frame = crop_sample(sample, 96, 0.30).frame
        assert frame.mirrored
        np.testing.assert_allclose(joints, convert_joints(frame.local_to_camera(local), "icvl16"), atol=3e-6)
    expected = np.linalg.norm(written - dataset.joints, axis=-1).mean() * 1000
    (method,) = json.loads((tmp_path / "j.json").read_text())["methods"]
    assert method["mean_error_mm"] == pytest.approx(expected, abs=0.01)


def test_count_takes_frames_evenly_from_the_whole_data_set(checkpoint, icvl_root, tmp_path):
    out = tmp_path / "j.json"
    arguments = ["evaluate", "--dataset", "icvl", "--root", str(icvl_root), "--checkpoint", str(checkpoint)]
    assert main([*arguments, "--count", "2", "--json", str(out)]) == 0
    assert json.loads(out.read_text())["methods"][0]["frames"] == 2


def test_regressed_joints_are_scored_beside_the_networks_own(checkpoint, toy_hands, monkeypatch, tmp_path):
    toy_hands.config = SimpleNamespace(families=("toy",))
    monkeypatch.setattr(synthetic_benchmark, "synthetic_source", lambda data, split: toy_hands)
    out = tmp_path / "out.json"
    arguments = ["evaluate", "--checkpoint", str(checkpoint), "--count", "12", "--json", str(out)]
    assert main([*arguments, "--regress"]) == 0
    network, regressed = json.loads(out.read_text())["methods"]
    assert (network["name"], regressed["name"]) == ("tiny", "tiny, regressed")
    assert regressed["frames"] == 12
    assert regressed["mean_error_mm"] != network["mean_error_mm"]
    assert regressed["angle_error_deg"] is None
    assert main(arguments) == 0
    assert json.loads(out.read_text())["methods"] == [network]


def test_a_network_of_joints_alone_is_regressed_on_a_benchmark(icvl_root, monkeypatch, tmp_path):
    """SDNet's whole method: a network with the head direct_joint, then Eq. 8 to 12 on each recording's frames."""
    torch.manual_seed(0)
    plain = NetworkConfig(architecture="deepmodel", head="direct_joint", crop_size=64, cube_m=0.25)
    save_checkpoint(tmp_path / "plain.safetensors", HandNet(plain), {"seed": 0})
    asked, whole = [], HierarchicalRegression.__call__

    def spied(self, found, frames, crops, follows):
        asked.append((crops.copy(), follows))
        return whole(self, found, frames, crops, follows)

    monkeypatch.setattr(HierarchicalRegression, "__call__", spied)
    arguments = ["evaluate", "--dataset", "icvl", "--root", str(icvl_root), "--regress"]
    arguments += ["--checkpoint", str(tmp_path / "plain.safetensors"), "--json", str(tmp_path / "j.json")]
    written = tmp_path / "written.txt"
    assert main([*arguments, "--write-predictions", str(written)]) == 0
    network, regressed = json.loads((tmp_path / "j.json").read_text())["methods"]
    assert regressed["name"] == "plain, regressed"
    assert regressed["mean_error_mm"] != network["mean_error_mm"]
    assert set(regressed["success_fraction"]) == {"20", "40"}
    expected = np.linalg.norm(read_predictions(written, ICVL) - Icvl(icvl_root).joints, axis=-1).mean() * 1000
    assert regressed["mean_error_mm"] == pytest.approx(expected, abs=0.01)
    # Of two recordings of two frames the second frames follow the first ones.
    ((crops, follows),) = asked
    assert follows == [False, True, False, True]
    np.testing.assert_array_equal(crops[1], crop_sample(Icvl(icvl_root)[1], 64, 0.25).crop)
    assert main([*arguments, "--count", "2"]) == 0
    assert asked[-1][1] == [False, False]


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ([], "either --checkpoint, or --groundtruth and --predictions, or --replay"),
        (["--predictions", "a.txt", "--dataset", "icvl"], "go together"),
        (
            ["--predictions", "a.txt", "--groundtruth", "b.txt"],
            "--predictions needs --dataset icvl, nyu, msra",
        ),
        (["--checkpoint", "a", "--dataset", "nyu"], "--dataset nyu needs --root"),
        (["--checkpoint", "a", "--root", "b"], "--root is for --checkpoint on"),
        (["--replay", "a", "--regress"], "--regress is for --checkpoint"),
        (["--checkpoint", "a", "--subjects", "P1"], "--subjects is for --checkpoint and --dataset msra"),
        (["--checkpoint", "a", "--split", "train"], "--split is for --checkpoint on icvl or nyu"),
        (
            ["--checkpoint", "a", "--dataset", "msra", "--root", "b", "--split", "train"],
            "--split is for --checkpoint on icvl or nyu",
        ),
        (
            ["--checkpoint", "a", "--dataset", "nyu", "--root", "b", "--seed", "2"],
            "--seed are for networks on",
        ),
        (
            ["--dataset", "icvl", "--groundtruth", "a", "--predictions", "b", "--split", "train"],
            "--split is for --checkpoint",
        ),
        (
            ["--dataset", "icvl", "--groundtruth", "a", "--predictions", "b", "--count", "5"],
            "--count is for --checkpoint: files are evaluated whole",
        ),
        (
            ["--replay", "{files}", "--json", "{files}/hands.npz"],
            "hands.npz is read, want another file to write",
        ),
        (["--replay", "a", "--count", "5"], "--count is for --checkpoint: files are evaluated whole"),
        (["--checkpoint", "a", "--count", "0"], "--count is 0"),
        (["--checkpoint", "a", "--passes", "3"], "--passes is 3, want 1 or 2"),
        (
            ["--checkpoint", "a", "--dataset", "nyu", "--root", "b", "--passes", "2"],
            "are for networks on synthetic",
        ),
        (["--checkpoint", "{checkpoint}", "--border", "1.5"], "border is 1.5"),
        (["--checkpoint", "{checkpoint}", "--recipe", "absent.yaml"], "absent.yaml: cannot read the recipe"),
        (["--checkpoint", "{checkpoint}", "--recipe", "{files}/list.yaml"], "data is [1], want a mapping"),
        (["--checkpoint", "{checkpoint}", "--recipe", "{files}/new.yaml"], "sonar"),
        (["--checkpoint", "a", "--seed", "-1"], "--seed is -1"),
        (["--checkpoint", "a", "--thresholds", "0"], "--thresholds is 0, want a number above 0"),
        (["--checkpoint", "a", "--write-predictions", "b"], "--write-predictions is for one"),
        (["--checkpoint", "a", "--fit-angles"], "--fit-angles is for icvl, nyu and msra"),
        (["--checkpoint", "absent.safetensors"], "absent.safetensors"),
        (
            ["--checkpoint", "{checkpoint}", "--figures", "{files}/near.txt"],
            "near.txt is a file, want a folder",
        ),
        (["--dataset", "icvl", "--checkpoint", "{checkpoint}", "--root", "absent"], "is not a folder"),
        (
            ["--dataset", "icvl", "--groundtruth", "absent.txt", "--predictions", "b.txt"],
            "absent.txt: cannot be read",
        ),
        (
            ["--dataset", "icvl", "--groundtruth", "{files}/truth.txt", "--predictions", "{files}/short.txt"],
            "frames",
        ),
        (
            ["--dataset", "icvl", "--groundtruth", "{files}/truth.txt", "--predictions", "{files}/cut.txt"],
            "line 5",
        ),
    ],
)
def test_bad_input_ends_in_one_line_and_status_2(arguments, problem, files, checkpoint, capsys):
    text = (files / "near.txt").read_text()
    (files / "short.txt").write_text("\n".join(text.splitlines()[:3]))
    (files / "cut.txt").write_text(text[:-40])
    (files / "list.yaml").write_text("data: [1]")
    (files / "new.yaml").write_text("data: {sensors: [sonar]}")
    given = [a.format(files=files, checkpoint=checkpoint) for a in arguments]
    assert main(["evaluate", *given]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1


def test_every_checkpoint_is_there_before_the_first_is_evaluated(checkpoint, monkeypatch, capsys):
    from hand_pose_ros.evaluation import methods

    loaded = []
    monkeypatch.setattr(methods, "load_checkpoint", lambda *given: loaded.append(given))
    assert main(["evaluate", "--checkpoint", str(checkpoint), "absent.safetensors"]) == 2
    assert "absent.safetensors: no such file" in capsys.readouterr().err
    assert not loaded
