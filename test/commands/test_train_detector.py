"""The detector's two commands, from a configuration file to figures."""

from __future__ import annotations

import json

import pytest

from hand_pose_ros.commands.main import main
from hand_pose_ros.detection.detector import HandDetector
from hand_pose_ros.evaluation import detector_evaluation

CONFIG = """samples: 16
minutes: 0
batch: 8
validation_pictures: 8
network: {widths: [8, 8, 8, 8]}
data: {identities: 2}
"""


@pytest.mark.slow
def test_a_detector_is_trained_shipped_and_evaluated(tmp_path, capsys, monkeypatch):
    config, shipped, figures = tmp_path / "d.yaml", tmp_path / "small.safetensors", tmp_path / "figures.json"
    config.write_text(CONFIG, encoding="utf-8")
    run = ["train-detector", "--config", str(config), "--output", str(tmp_path / "run")]
    assert main([*run, "--ship", str(shipped)]) == 0
    assert "found within 20 mm" in capsys.readouterr().out
    assert shipped.stat().st_size < 0.8 * (tmp_path / "run" / "detector.safetensors").stat().st_size
    assert HandDetector(shipped).info["samples"] == 16
    assert main(run) == 2
    assert "pass --resume" in capsys.readouterr().err

    sequences = [s for s in detector_evaluation.bench_sequences() if s.name in ("moving_0", "nothing_face")]
    monkeypatch.setattr(detector_evaluation, "bench_sequences", lambda: sequences)
    given = ["--weights", str(shipped), "--pictures", "8", "--every", "200", "--json", str(figures)]
    assert main(["evaluate-detector", *given]) == 0
    content = json.loads(figures.read_text())
    assert content["single pictures"]["pictures"] == 8
    assert content["sequences, moving"]["hands"] == 2
    assert content["sequences, nothing"]["hands"] == 0


@pytest.mark.parametrize(
    "given",
    [
        ["--weights", "/none.safetensors"],
        ["--pictures", "0"],
        ["--search", "--frames", "0"],
        ["--search", "--start-odds", "99"],
        ["--recipe", "config/train/detector.yaml"],
        ["--search", "--lookalikes", "--recipe", "config/train/detector.yaml"],
        ["--search", "--recipe", "/none.yaml"],
    ],
)
def test_wrong_arguments_end_in_one_line(given, capsys):
    assert main(["evaluate-detector", *given]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.slow
def test_the_whole_search_is_evaluated_and_its_figures_stored(tmp_path, capsys):
    figures = tmp_path / "search.json"
    given = [
        "--search",
        "--lookalikes",
        "--start-odds",
        "5",
        "--pictures",
        "3",
        "--frames",
        "2",
        "--json",
        str(figures),
    ]
    assert main(["evaluate-detector", *given]) == 0
    assert "within 20 mm after 1 to 2 frames" in capsys.readouterr().out
    content = json.loads(figures.read_text())
    assert (content["pictures"], content["frames"]) == (3, 2)
    assert set(content["lost"]) == {"first frame", "last frame"}


@pytest.mark.parametrize("ship", ["run", "."])
def test_weights_are_not_shipped_onto_the_runs_folder(tmp_path, capsys, ship):
    config, run = tmp_path / "d.yaml", tmp_path / "run"
    config.write_text(CONFIG, encoding="utf-8")
    given = ["--config", str(config), "--output", str(run), "--ship", str(tmp_path / ship)]
    assert main(["train-detector", *given]) == 2
    assert "want a file to write" in capsys.readouterr().err
    assert not run.exists()
