"""Comparing designs on toy hands: one budget and one evaluation for all, runs that can be stopped, a page that
lasts."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from hand_pose_ros.config_files import merged
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.evaluation.synthetic_benchmark import EVALUATION_DATA
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from research.architecture_sweep import __main__ as cli
from research.architecture_sweep import command as sweep_command
from research.architecture_sweep.config import Design, SweepConfig, load_sweep
from research.architecture_sweep.measures import (
    crop_time_ms,
    evaluate_design,
    evaluation_data,
    multiply_adds,
    parameter_count,
)
from research.architecture_sweep.report import BEGIN, END, split_at_table, write_report
from research.architecture_sweep.runs import result_path, train_design
from research.run_manifest import read_result

SHIPPED = Path(__file__).resolve().parents[2] / "research" / "recipes" / "architecture_sweep.yaml"
TINY = {"crop_size": 64, "widths": [4, 4, 4, 4], "blocks": [0, 0, 0], "up_blocks": [0, 0], "ik_hidden": 8}
BASE = {"batch": 16, "threads": 1, "bf16": False, "validation_samples": 16, "network": TINY}
DESIGNS = {
    "large": {"label": "larger crop", "changes": {"network": {"crop_size": 80}}, "samples": 48},
    "base": {"label": "base"},
    "joints": {"label": "no hand model", "changes": {"network": {"head": "direct_joint"}}},
}


@pytest.fixture
def designs() -> SweepConfig:
    made = tuple(Design(name=name, **values) for name, values in DESIGNS.items())
    return SweepConfig(made, BASE, samples=64, evaluation_samples=64)


@pytest.fixture
def make_source(toy_kind) -> Callable:
    return lambda data, split: toy_kind(size=data["size"], half_m=data["cube_m"] / 2)


@pytest.fixture
def train(designs, make_source, tmp_path, monkeypatch) -> Callable:
    monkeypatch.setattr("research.architecture_sweep.runs.TIMED_RUNS", 1)

    def call(name: str, config: SweepConfig = designs, folder: str = "runs", seed: int = 1, **options):
        (design,) = config.find([name])
        output = tmp_path / folder
        return train_design(config, design, seed, output, make_source=make_source, **options), output

    return call


def result(output: Path, name: str, seed: int = 1) -> dict:
    return read_result(result_path(output, Design(name, name), seed))


def test_shipped_designs_share_the_budget_and_everything_they_do_not_change():
    config = load_sweep(SHIPPED)
    base, *others = (config.training(design, 1) for design in config.designs)
    assert base.name == "base"
    assert len(others) == 11
    for other in others:
        # Only a network that looks again has earlier estimates to learn from.
        loss = replace(base.loss, earlier=other.loss.earlier if other.network.image_feedback else 0.0)
        assert (other.samples, other.batch, other.optimiser, other.loss) == (
            base.samples, base.batch, base.optimiser, loss,
        )  # fmt: skip
        changed = [
            key for key, value in other.network.to_dict().items() if value != base.network.to_dict().get(key)
        ]
        assert len(changed) == 1


def test_all_designs_are_evaluated_on_the_same_sensors():
    usual = SyntheticConfig(**{k: v for k, v in evaluation_data(NetworkConfig()).items() if k != "scene"})
    assert usual == SyntheticConfig(patch_px=list(usual.patch_px))
    small = evaluation_data(NetworkConfig(cube_m=0.25, crop_size=128))
    assert (small["size"], small["cube_m"], small["scene"]) == (128, 0.25, EVALUATION_DATA["scene"])
    np.testing.assert_allclose(np.array(small["patch_px"]) / 0.25, np.array(usual.patch_px) / 0.3, rtol=0.01)
    shipped = load_sweep(SHIPPED)
    for design in shipped.designs:
        config = shipped.training(design, 1)
        assert list(config.data.get("patch_px", (64, 170))) == evaluation_data(config.network)["patch_px"]


@pytest.mark.slow
def test_a_design_is_trained_for_its_budget_and_measured(train):
    finished, output = train("large")
    assert finished
    stored = result(output, "large")
    assert stored["samples"] == 48
    assert stored["minutes"] >= 0
    assert stored["multiply_adds"] > 1000
    assert stored["time_ms"]["p5"] <= stored["time_ms"]["median"] <= stored["time_ms"]["p95"]
    figures = stored["figures"]
    assert figures["count"] == 64
    assert list(figures["worst_joint_below"]) == ["20", "30", "40"]
    assert figures["family_mm"] == {"makehuman": pytest.approx(figures["mean_mm"])}
    assert figures["coarse_mean_mm"] != figures["mean_mm"]
    assert not (output / "work" / "large.seed1" / "state.safetensors").exists()


@pytest.mark.slow
def test_a_network_without_hand_model_has_no_error_before_it(train):
    _, output = train("joints")
    assert result(output, "joints")["figures"]["coarse_mean_mm"] is None


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_result(train):
    _, whole = train("base", folder="whole")
    asked = iter([False, False, False, True])
    finished, halves = train("base", folder="halves", stop=lambda: next(asked))
    assert not finished
    assert not list(halves.glob("*.json"))
    assert train("base", folder="halves")[0]
    a, b = result(whole, "base")["figures"], result(halves, "base")["figures"]
    assert a["mean_mm"] == pytest.approx(b["mean_mm"], rel=1e-4)


@pytest.mark.slow
def test_a_run_is_not_gone_on_with_under_other_settings(train, designs):
    asked = iter([False, False, True])
    train("base", stop=lambda: next(asked))
    other = replace(designs, base=merged(BASE, {"batch": 8}))
    with pytest.raises(
        ValueError, match=r"state\.safetensors: made with batch = 16, the configuration says 8"
    ):
        train("base", config=other)


@pytest.mark.slow
def test_a_finished_run_is_not_trained_again(train, designs):
    _, output = train("base")
    before = result_path(output, Design("base", "base"), 1).stat().st_mtime_ns
    assert train("base", config=replace(designs, base={**BASE, "threads": 2}))[0]
    assert result_path(output, Design("base", "base"), 1).stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="made with evaluation_samples = 64, the configuration says 32"):
        train("base", config=replace(designs, evaluation_samples=32))


@pytest.mark.slow
def test_figures_of_a_network_that_is_off_by_a_known_length(toy_hands, monkeypatch):
    truth = []
    draw = toy_hands.batch
    monkeypatch.setattr(toy_hands, "batch", lambda seed, count: truth.append(draw(seed, count)) or truth[-1])

    def off(model, crop, distance):
        joints = truth[-1].joints + np.array([0.025, 0, 0], np.float32)
        coarse = truth[-1].joints + np.array([0, 0.01, 0], np.float32)
        return (joints, coarse, joints[..., 0], None, None)

    monkeypatch.setattr("research.architecture_sweep.measures.predict", off)
    figures = evaluate_design(HandNet(NetworkConfig(**TINY)), toy_hands, 200)
    assert [len(batch.joints) for batch in truth] == [128, 72]
    assert figures["count"] == 200
    assert figures["worst_joint_below"] == {"20": 0.0, "30": 1.0, "40": 1.0}
    axis = np.concatenate([batch.rotation[:, 2, 0] for batch in truth])
    assert figures["end_on_share"] == (np.abs(axis) > np.cos(np.radians(30))).mean()
    for key, error in (("mean_mm", 25), ("median_mm", 25), ("end_on_mm", 25), ("coarse_mean_mm", 10)):
        assert figures[key] == pytest.approx(error, abs=1e-3)


def test_multiply_adds_are_those_of_the_layers():
    network = NetworkConfig(**{**TINY, "head": "direct_joint"})
    model = HandNet(network).eval()
    stem, downs = 32 * 32 * 4 * 4 * 9, (16 * 16 + 8 * 8 + 4 * 4) * 4 * 4 * 9
    reduced = 4 * 4 * 4 * 4 + 8 * 8 * 4 * 4
    votes = 16 * 16 * 6 * 4 * 23
    sigma_head = (4 + 23) * 64 + 64 * 23
    assert multiply_adds(model) == stem + downs + reduced + votes + sigma_head
    assert parameter_count(model) == sum(p.numel() for p in model.parameters())
    assert not any(layer._forward_hooks for layer in model.modules())


@pytest.mark.slow
def test_the_time_is_of_one_thread_and_the_network_stays_as_it_was():
    model = HandNet(NetworkConfig(**TINY)).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    threads = torch.get_num_threads()
    taken = crop_time_ms(model, runs=5)
    assert 0 < taken["p5"] <= taken["median"] <= taken["p95"]
    assert torch.get_num_threads() == threads
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.slow
def test_the_page_has_the_base_first_and_keeps_what_a_person_wrote(train, designs, tmp_path):
    _, output = train("base")
    train("large")
    page = tmp_path / "docs" / "architecture_sweep.md"
    write_report(designs, output, page, "python -m research.architecture_sweep")
    text = page.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" |")[0] for row in rows[1:]] == [
        "| base (`base`)", "| larger crop (`large`), 48 samples",
    ]  # fmt: skip
    base, large = (result(output, name)["figures"]["mean_mm"] for name in ("base", "large"))
    assert f"| {large:.2f} ({100 * (large / base - 1):+.1f} %) |" in rows[2]
    assert "%)" not in rows[1]
    assert "* Not finished yet: joints." in text
    assert "```bash\npython -m research.architecture_sweep\n```" in text
    page.write_text("Mine.\n" + text.replace("(not written yet)", "Wider wins."), encoding="utf-8")
    (output / "large.seed1.json").unlink()
    write_report(designs, output, page, "python -m research.architecture_sweep")
    again = page.read_text(encoding="utf-8")
    assert again.startswith("Mine.\n# Designs")
    assert again.endswith("## Discussion\n\nWider wins.\n")
    assert "larger crop" not in again


@pytest.mark.slow
def test_several_seeds_are_a_mean_and_a_spread(train, designs, tmp_path):
    two = replace(designs, seeds=(1, 2))
    for seed in two.seeds:
        _, output = train("base", config=two, seed=seed)
    write_report(two, output, tmp_path / "architecture_sweep.md", "python -m research.architecture_sweep")
    errors = np.array([result(output, "base", seed)["figures"]["mean_mm"] for seed in two.seeds])
    assert f"| {errors.mean():.2f} ± {errors.std(ddof=1):.2f} |" in (
        tmp_path / "architecture_sweep.md"
    ).read_text("utf-8")


@pytest.mark.parametrize("text", ["mine", f"{BEGIN} no end", f"{END}\n{BEGIN}", f"{BEGIN}\n{END}\n{END}"])
def test_a_page_without_one_pair_of_markers_is_left_alone(text, tmp_path):
    page = tmp_path / "architecture_sweep.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"architecture_sweep\.md: wants the line"):
        split_at_table(page)


@pytest.fixture
def compare(make_source, tmp_path, monkeypatch) -> Callable:
    """``python -m research.architecture_sweep`` on toy hands, in a folder of its own."""
    content = {"samples": 64, "evaluation_samples": 32, "base": BASE, "designs": DESIGNS}
    (tmp_path / "architecture_sweep.yaml").write_text(
        yaml.safe_dump(content, sort_keys=False), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    original = sweep_command.train_design

    def on_toys(*arguments):
        return original(*arguments, make_source=make_source)

    monkeypatch.setattr(sweep_command, "train_design", on_toys)
    return lambda *words: cli.main(["--config", "architecture_sweep.yaml", *words])


@pytest.mark.slow
def test_the_command_trains_what_is_missing_and_writes_the_page(compare, tmp_path, capsys):
    assert compare("--designs", "base", "--threads", "1") == 0
    page = tmp_path / "docs" / "experiments" / "architecture_sweep.md"
    assert (
        "python -m research.architecture_sweep --config architecture_sweep.yaml --threads 1\n"
        in page.read_text(encoding="utf-8")
    )
    assert "results: docs/experiments/architecture_sweep.md" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "runs" / "architecture_sweep").glob("*.json")] == [
        "base.seed1.json"
    ]
    page.unlink()
    before = result(tmp_path / "runs" / "architecture_sweep", "base")
    assert compare("--report", "--times") == 0
    assert "base (`base`)" in page.read_text(encoding="utf-8")
    after = result(tmp_path / "runs" / "architecture_sweep", "base")
    assert after.pop("time_ms") != before.pop("time_ms")
    assert after == before


def test_out_of_time_it_stops_without_a_page(compare, tmp_path, capsys):
    assert compare("--minutes", "1e-9") == 0
    assert "no design is finished yet" in capsys.readouterr().out
    assert not (tmp_path / "docs").exists()


@pytest.mark.slow
def test_an_interrupt_keeps_the_state(compare, make_source, tmp_path, monkeypatch):
    def interrupted(data, split):
        source = make_source(data, split)
        draw = source.batch

        def batch(seed, count):
            os.kill(os.getpid(), signal.SIGTERM)
            monkeypatch.setattr(source, "batch", draw)
            return draw(seed, count)

        if split == TRAINING_SPLIT:
            monkeypatch.setattr(source, "batch", batch)
        return source

    def on_interrupted(*arguments):
        return train_design(*arguments, make_source=interrupted)

    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(sweep_command, "train_design", on_interrupted)
    assert compare("--designs", "base") == 130
    assert (tmp_path / "runs" / "architecture_sweep" / "work" / "base.seed1" / "state.safetensors").exists()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--designs", "none"], "no design 'none', want one of large, base, joints"),
        (["--minutes", "0"], "--minutes is 0"),
        (["--threads", "0"], "--threads is 0"),
        (["--report"], "holds no finished run"),
        (["--config", "missing.yaml"], "missing.yaml: cannot read"),
        (["--results", "architecture_sweep.yaml"], "architecture_sweep.yaml: wants the line"),
    ],
)
def test_bad_arguments_end_in_one_line(arguments, message, compare, capsys):
    assert compare(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"samplez": 3}, "no field 'samplez', want one of designs, base"),
        ({"samples": 0}, "samples is 0"),
        ({"evaluation_samples": True}, "evaluation_samples is True"),
        ({"seeds": []}, r"seeds is []"),
        ({"seeds": ["a"]}, "seeds is ['a']"),
        ({"base": 3}, "base is 3, want a mapping"),
        ({"base": {"samples": 3}}, "base.samples: leave it out"),
        ({"base": {"batch": 1}}, "designs.base: batch is 1"),
        ({"designs": 3}, "designs is 3, want a mapping"),
        ({"designs": {"wide": {}}}, "designs has no 'base'"),
        ({"designs": {"base": {"changes": {"batch": 8}}}}, "designs.base wants neither changes nor samples"),
        ({"designs": {"base": {}, "a b": {}}}, "designs: a name is 'a b'"),
        ({"designs": {"base": {}, "w": {"chances": {}}}}, "no field 'designs.w.chances', want one of label"),
        ({"designs": {"base": {}, "w": {"samples": 0}}}, "designs.w.samples is 0"),
        ({"designs": {"base": {}, "w": {"label": "a|b"}}}, "designs.w.label is 'a|b'"),
        ({"designs": {"base": {}, "w": {"changes": {"seed": 2}}}}, "designs.w.changes.seed: leave it out"),
        ({"designs": {"base": {}, "w": {"changes": {"network": {"width": 2}}}}}, "designs.w: no field 'network.width'"),
        ({"designs": {"base": {}, "w": {"changes": {"data": {"nose": 2}}}}}, "designs.w: data: "),
        ({"designs": {"base": {}, "w": {"changes": {"dataset": "icvl"}}}}, "designs.w: dataset is 'icvl'"),
    ],
)  # fmt: skip
def test_bad_configurations_name_file_and_field(changes, message, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump({"designs": {"base": {}}, **changes}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.yaml: ") as error:
        load_sweep(file)
    assert message in str(error.value)


@pytest.mark.slow
def test_a_damaged_result_is_named(train, designs, tmp_path):
    output = tmp_path / "runs"
    output.mkdir()
    (output / "base.seed1.json").write_text(json.dumps({"design": 1})[:-2], encoding="utf-8")
    with pytest.raises(ValueError, match=r"base\.seed1\.json: not the result of a run"):
        write_report(
            designs, output, tmp_path / "architecture_sweep.md", "python -m research.architecture_sweep"
        )
