"""``hand-pose evaluate-detector``: options that the asked-for measurement would not look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hand_pose_ros.commands import evaluate_detector
from hand_pose_ros.commands.main import main
from hand_pose_ros.evaluation.detector_evaluation import DetectorReport
from hand_pose_ros.evaluation.search_trials import SearchedImage

REPORT = DetectorReport(3, 0, {}, *[float("nan")] * 5, 0.0)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--model", "small"], "--model goes with --search"),
        (["--frames", "5"], "--frames goes with --search"),
        (["--start-odds", "3"], "--start-odds goes with --search"),
        (["--lookalikes"], "--lookalikes goes with --search"),
        (["--search", "--every", "5"], "--every is of the sequences"),
    ],
)
def test_options_that_nothing_looks_at_are_refused(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate-detector", *arguments]) == 2
    assert problem in capsys.readouterr().err


def test_an_interrupt_keeps_the_figures_of_the_kinds_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reports(*_: object) -> Iterator[tuple[str, DetectorReport]]:
        yield "single pictures", REPORT
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate_detector, "evaluate_everywhere", reports)
    assert main(["evaluate-detector", "--json", str(tmp_path / "figures.json")]) == 130
    assert "single pictures: 3 pictures" in capsys.readouterr().out
    kept = json.loads((tmp_path / "figures.json").read_text())
    assert kept["interrupted"]
    assert kept["single pictures"]["pictures"] == 3


@pytest.mark.slow
def test_an_interrupted_search_keeps_the_figures_of_the_scenes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search_images = evaluate_detector.search_images

    def searched(*given: object) -> Iterator[SearchedImage]:
        images = search_images(*given)  # type: ignore[arg-type]
        yield next(images)
        yield next(images)
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate_detector, "search_images", searched)
    path = tmp_path / "figures.json"
    assert main(f"evaluate-detector --search --pictures 4 --frames 2 --json {path}".split()) == 130
    kept = json.loads(path.read_text())
    assert (kept["interrupted"], kept["pictures"]) == (True, 2)
