"""The ablation on toy hands: one stream for all rows, runs that can be stopped, results that say what they are."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.network.model import HandNetOutput
from research.ablation import __main__ as cli
from research.ablation import command as ablation_command
from research.ablation import report as ablation_report
from research.ablation.config import ROWS, AblationConfig, find_rows, load_ablation
from research.ablation.measures import evaluation_batches, measure
from research.ablation.report import BEGIN_DISCUSSION, END_DISCUSSION, spread, write_report
from research.ablation.runs import result_path, train_rows
from research.ablation.views import FrontalHands, turn_in_plane
from research.run_manifest import read_result

RECIPES = Path(__file__).resolve().parents[2] / "research" / "recipes"
FAST = {"network": {"crop_size": 64}}


@pytest.fixture
def ablation() -> AblationConfig:
    return AblationConfig(
        samples=64, seeds=(1, 2), curve_points=2, curve_samples=16, evaluation_samples=16, fit_samples=4,
        views="all", common={"batch": 16, "threads": 1, "bf16": False}, deepmodel=FAST, sdnet=FAST,
    )  # fmt: skip


@pytest.fixture
def train(ablation, toy_hands, tmp_path):
    def call(*names: str, seed: int = 1, config: AblationConfig = ablation, folder: str = "runs", **options):
        made = type(toy_hands)(size=64)
        output = tmp_path / folder
        finished = train_rows(
            config, find_rows(names), seed, output, make_source=lambda data, split: made, **options
        )
        return finished, output

    return call


def result(output: Path, name: str, seed: int = 1) -> dict:
    (row,) = find_rows([name])
    return read_result(result_path(output, row, seed))


def test_shipped_configurations_give_every_row_the_same_budget():
    for name in ("ablation.yaml", "ablation_full.yaml"):
        config = load_ablation(RECIPES / name)
        for table in ("deepmodel", "sdnet"):
            runs = [config.training(row, 2) for row in find_rows([table])]
            assert len(runs) == 4
            assert len({(r.samples, r.batch, r.seed, str(r.data), r.network.crop_size) for r in runs}) == 1
            assert len({str(r.optimiser) for r in runs}) == 1


def test_a_table_may_have_a_budget_of_its_own_unless_the_command_line_sets_another():
    config = replace(
        load_ablation(RECIPES / "ablation.yaml"), samples=640, deepmodel=FAST, sdnet={**FAST, "samples": 320}
    )
    assert {config.training(row, 1).samples for row in find_rows(["deepmodel"])} == {640}
    assert {config.training(row, 1).samples for row in find_rows(["sdnet"])} == {320}
    parser = argparse.ArgumentParser()
    ablation_command.add_arguments(parser)
    changed = ablation_command.configured(parser.parse_args(["--samples", "128"]))
    assert {changed.training(row, 1).samples for row in ROWS} == {128}


def test_rows_differ_in_what_they_are_about():
    config = load_ablation(RECIPES / "ablation.yaml")
    runs = {row.name: config.training(row, 1) for row in ROWS}
    heads = [runs[f"deepmodel.{k}"].network.head for k in ("direct_joint", "direct_parameter", "ours")]
    assert heads == ["direct_joint", "direct_parameter", "hand_model"]
    ours, without = runs["deepmodel.ours"], runs["deepmodel.without_physical"]
    assert ours.loss.physical > 0
    assert replace(ours.loss, physical=0.0) == without.loss
    weights = [runs[row.name].loss.skeleton for row in find_rows(["sdnet"])]
    assert weights == [0.0, 0.125, 0.25, 0.5]


def test_published_figures_are_those_that_the_papers_print():
    published = {row.name: dict(row.published) for row in ROWS}
    assert published == {
        "deepmodel.direct_joint": {"joint_mm": 17.2, "angle_deg": 21.4},
        "deepmodel.direct_parameter": {"joint_mm": 26.7, "angle_deg": 12.2},
        "deepmodel.without_physical": {"joint_mm": 16.9, "angle_deg": 12.0, "out_of_range": 0.186},
        "deepmodel.ours": {"joint_mm": 16.9, "angle_deg": 12.2},
        "sdnet.baseline": {"joint_mm": 12.6990},
        "sdnet.weight_0.125": {"joint_mm": 8.8209},
        "sdnet.weight_0.25": {"joint_mm": 8.7291},
        "sdnet.weight_0.5": {"joint_mm": 8.4002},
    }


@pytest.mark.parametrize("name", ["ablation.yaml", "ablation_full.yaml"])
def test_both_sizes_weigh_the_skeleton_difference_alike(name):
    """With alpha and beta of 1 the highest weight was measured to learn far worse than the baseline."""
    config = load_ablation(RECIPES / name)
    for row in find_rows(["sdnet"]):
        parts = config.training(row, 1).loss.skeleton_difference
        assert (parts.alpha, parts.beta) == (0.2, 0.2)


@pytest.mark.slow
def test_a_row_learns_the_same_alone_as_beside_others(train):
    _, together = train("deepmodel.without_physical", "deepmodel.ours", folder="together")
    _, alone = train("deepmodel.ours", folder="alone")
    a, b = result(together, "deepmodel.ours"), result(alone, "deepmodel.ours")
    assert a["curve"] == b["curve"]
    assert a["measures"] == b["measures"]
    assert len(a["curve"]) == 2


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_result(train):
    _, whole = train("sdnet.weight_0.5", folder="whole")
    asked = iter([False, False, False, True])
    finished, halves = train("sdnet.weight_0.5", folder="halves", asked_to_stop=lambda: next(asked))
    assert not finished
    assert not list(halves.glob("*.json"))
    assert train("sdnet.weight_0.5", folder="halves")[0]
    a, b = result(whole, "sdnet.weight_0.5"), result(halves, "sdnet.weight_0.5")
    assert [p[0] for p in a["curve"]] == [p[0] for p in b["curve"]] == [32, 64]
    np.testing.assert_allclose([p[1] for p in a["curve"]], [p[1] for p in b["curve"]], rtol=1e-4)


def test_a_deadline_in_the_past_trains_nothing(train):
    finished, output = train("sdnet", deadline=0.0)
    assert not finished
    assert not output.exists()


@pytest.mark.slow
def test_a_finished_run_is_not_trained_again(train, ablation):
    _, output = train("sdnet.baseline")
    (row,) = find_rows(["sdnet.baseline"])
    before = result_path(output, row, 1).stat().st_mtime_ns
    assert train("sdnet.baseline")[0]
    assert result_path(output, row, 1).stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="made with samples = 64, the configuration says 128"):
        train("sdnet.baseline", config=replace(ablation, samples=128))


@pytest.mark.slow
def test_direct_joint_gets_its_angles_from_fitted_hands(train):
    _, output = train("deepmodel.direct_joint", "sdnet.baseline")
    fitted = result(output, "deepmodel.direct_joint")["measures"]
    assert fitted["fit_samples"] == 4
    assert fitted["fit_floor_deg"] < fitted["angle_deg"]
    assert "out_of_range" not in fitted


class _Perfect(torch.nn.Module):
    """Says the truth of the batches it was made from, angles moved by ``offset`` rad."""

    def __init__(self, batches, offset: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.layer = HandModelLayer("right")
        self.batches, self.offset = iter(batches), offset

    def forward(self, crop, distance, clamp):
        assert clamp is False
        b = next(self.batches)
        rotation, translation, angles, shape, joints = (
            torch.from_numpy(x) for x in (b.rotation, b.translation, b.angles, b.shape, b.joints)
        )
        sigma = torch.ones(joints.shape[:2])
        raw = angles + self.offset
        return HandNetOutput(joints, joints, sigma, rotation, translation, raw, shape, raw)


def test_measures_of_a_network_that_is_right(toy_hands):
    batches = evaluation_batches(toy_hands, 32)
    right = measure(_Perfect(batches, 0.0), batches)
    for key in ("joint_mm", "angle_deg", "out_of_range", "bone_length_mm", "bone_angle_deg", "bone_ratio"):
        assert right[key] == pytest.approx(0.0, abs=1e-5)
    off = measure(_Perfect(batches, 2.5), batches)
    assert off["angle_deg"] == pytest.approx(np.degrees(2.5), rel=1e-4)
    assert off["out_of_range"] == 1.0


@pytest.mark.slow
def test_the_report_keeps_what_a_person_wrote(train, ablation, tmp_path, monkeypatch):
    _, output = train("deepmodel.ours", "deepmodel.without_physical")
    train("deepmodel.ours", seed=2)
    page = tmp_path / "docs" / "results.md"
    write_report(ablation, output, page)
    text = page.read_text(encoding="utf-8")
    errors = np.array([result(output, "deepmodel.ours", seed)["measures"]["joint_mm"] for seed in (1, 2)])
    assert f"| ours | {errors.mean():.1f} ± {errors.std(ddof=1):.1f} |" in text
    assert "| SDNet (0.5) | - |" in text
    assert "nine outputs for the hand's shape, which the poster's fixed hand does not have" in text
    assert "otherwise the paper's network" not in text
    assert (tmp_path / "docs" / "figures" / "ablation_deepmodel.png").stat().st_size > 1000
    monkeypatch.setattr(ablation_report, "save_png_and_svg", lambda *_: None)  # drawn once is enough
    before, _, after = text.partition("(not written yet)")
    page.write_text(before + "The hand model wins." + after, encoding="utf-8")
    write_report(ablation, output, page)
    assert page.read_text(encoding="utf-8") == before + "The hand model wins." + after
    page.write_text(f"{BEGIN_DISCUSSION} no end", encoding="utf-8")
    with pytest.raises(ValueError, match="both discussion markers"):
        write_report(ablation, output, page)
    assert END_DISCUSSION not in page.read_text(encoding="utf-8")


def test_spread_over_seeds():
    assert spread(np.array([1.0, 3.0])) == "2.0 ± 1.4"
    assert spread(np.array([1.0])) == "1.0 (one seed)"
    assert spread(np.array([])) == "-"


def test_turning_the_picture_moves_labels_with_pixels(toy_hands):
    batch = toy_hands.batch(3, 6)
    turned = turn_in_plane(batch, np.linspace(-3, 3, 6))
    drawn = toy_hands.draw(turned.joints, turned.distance)
    same = np.isclose(drawn, turned.crop, atol=1e-3)
    assert same.mean() > 0.98  # edges of the balls move by a pixel
    layer = HandModelLayer("right")
    frames = layer.frames_from_rotation(
        *(torch.from_numpy(x) for x in (turned.rotation, turned.translation, turned.angles, turned.shape))
    )
    np.testing.assert_allclose(frames.joints.numpy(), turned.joints, atol=1e-6)


def test_frontal_hands_show_their_palm_fingers_up(toy_hands):
    frontal = FrontalHands(toy_hands)
    batch = frontal.batch(5, 20)
    assert batch.crop.shape == (20, 1, 96, 96)
    assert (batch.rotation[:, 2, 2] > 0).all()
    fingers = batch.rotation[:, :2, 0]
    tilt = np.arctan2(fingers[:, 0], -fingers[:, 1])
    assert np.abs(tilt).max() < 1.6
    assert 0.1 < tilt.std() < 0.8
    again = frontal.batch(5, 20)
    np.testing.assert_array_equal(batch.crop, again.crop)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--rows", "sdnet.none"], "no row 'sdnet.none', want one of"),
        (["--jobs", "0"], "--jobs is 0"),
        (["--minutes", "-1"], "--minutes is -1"),
        (["--samples", "0"], "samples is 0"),
        (["--seeds", "1", "1"], "seeds is"),
        (["--report", "--output", "nowhere"], "holds no finished run"),
        (["--config", "missing.yaml"], "missing.yaml: cannot read"),
    ],
)
def test_bad_arguments_end_in_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    "content, message",
    [
        ("samplez: 3", "no field 'samplez', want one of"),
        ("views: sideways", "views is 'sideways', want one of all, frontal"),
        ("rows: {sdnet.none: {}}", "no row 'sdnet.none'"),
        ("fit_samples: 4000", "fit_samples is 4000, want at most"),
        ("common: {batch: 1}", "batch is 1"),
        ("- 3", "want a mapping"),
    ],
)
def test_bad_configurations_name_file_and_field(content, message, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.yaml: ") as error:
        load_ablation(file)
    assert message in str(error.value)


def test_a_damaged_result_is_named(tmp_path):
    path = tmp_path / "sdnet.baseline.seed1.json"
    path.write_text(json.dumps({"row": 1})[:-2], encoding="utf-8")
    with pytest.raises(ValueError, match="not the result of a run"):
        read_result(path)
