"""Table, JSON and figures say what the metrics say."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from hand_pose_ros.evaluation.figures import joint_error_figure, success_curve_figure
from hand_pose_ros.evaluation.metrics import Evaluation, evaluate, success_curve
from hand_pose_ros.evaluation.report import joint_table, summary_table, to_dictionary, write_figures
from hand_pose_ros.files import write_json


def method(name: str, seed: int, joints: int = 4, angles: bool = False) -> Evaluation:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(40, joints, 3))
    prediction = truth + rng.normal(0, 0.01, truth.shape)
    given = np.zeros((40, 20)) if angles else None
    names = tuple(f"joint {i}" for i in range(joints))
    return evaluate(
        name, prediction, truth, names, bones=((0, 1),), angles=given, true_angles=given, raw_angles=given
    )


def text(table) -> str:
    console = Console(width=120, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_the_table_holds_every_figure_once():
    one, two = method("one", 0), method("two", 1, angles=True)
    shown = text(summary_table([one, two], "title"))
    for evaluation in (one, two):
        assert evaluation.name in shown
        assert f"{evaluation.error_mm:.3f}" in shown
        assert f"{100 * evaluation.success[0]:.2f}" in shown
        assert f"{evaluation.area:.4f}" in shown
    angle_row = next(row for row in shown.splitlines() if "angle error" in row)
    assert "-" in angle_row
    assert "0.00" in angle_row
    assert "angle error" not in text(summary_table([one]))
    with pytest.raises(ValueError, match="no method"):
        summary_table([])


def test_the_table_fits_a_narrow_terminal():
    console = Console(width=80)
    with console.capture() as capture:
        console.print(
            summary_table([method(name, i) for i, name in enumerate(("LRF", "DeepModel", "Pose-REN"))])
        )
    assert "…" not in capture.get()


def test_the_joint_table_follows_the_figures_order():
    shown = text(joint_table([method("one", 0)], order=(2, 0, 1, 3)))
    assert shown.index("joint 2") < shown.index("joint 0") < shown.index("joint 1")


def test_json_comes_back_with_the_same_numbers(tmp_path):
    one = method("one", 0, angles=True)
    write_json(tmp_path / "out.json", to_dictionary([one], "icvl"))
    read = json.loads((tmp_path / "out.json").read_text())
    (entry,) = read["methods"]
    assert read["dataset"] == "icvl"
    assert entry["mean_error_mm"] == one.error_mm
    assert entry["success_fraction"] == {"20": one.success[0], "40": one.success[1]}
    assert list(entry["joint_error_mm"].values()) == one.joint_mm.tolist()
    assert entry["out_of_range_fraction"] == 0.0
    assert list(tmp_path.iterdir()) == [tmp_path / "out.json"]


def test_bars_stand_as_high_as_the_errors():
    methods = [method("one", 0), method("two", 1)]
    (axes,) = joint_error_figure(methods, order=(3, 2, 1, 0)).axes
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    for found, evaluation in zip(heights, methods, strict=True):
        np.testing.assert_allclose(found[:4], evaluation.joint_mm[::-1])
        assert found[4] == pytest.approx(evaluation.error_mm)
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "joint 3", "joint 2", "joint 1", "joint 0", "Mean",
    ]  # fmt: skip
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for group in axes.containers for bar in group)
    assert all(right <= left + 1e-9 for (_, right), (left, _) in pairwise(edges))


@pytest.mark.parametrize("by", ["worst", "mean"])
def test_curves_are_the_success_fractions(by):
    methods = [method("one", 0), method("two", 1)]
    (axes,) = success_curve_figure(methods, by=by).axes
    for curve, evaluation in zip(axes.lines, methods, strict=True):
        x, y = curve.get_data()
        errors = evaluation.worst_mm if by == "worst" else evaluation.mean_mm
        np.testing.assert_allclose(y, 100 * success_curve(errors, x))
    labels = [entry.get_text() for entry in axes.get_legend().get_texts()]
    assert labels == [f"{e.name} ({e.error_mm:.2f} mm)" for e in methods]


@pytest.mark.slow
def test_figures_are_written_as_png_and_svg_and_always_the_same(tmp_path):
    methods = [method(f"method {i}", i) for i in range(3)]
    first = write_figures(tmp_path / "a", "icvl", methods)
    second = write_figures(tmp_path / "b", "icvl", methods)
    assert [path.name for path in first] == [
        "icvl_joint_error.png", "icvl_joint_error.svg", "icvl_success.png", "icvl_success.svg",
    ]  # fmt: skip
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
    with Image.open(first[0]) as image:
        assert image.width >= 1500
        assert len(image.convert("RGB").getcolors(10**6)) > 10
    assert "method 2" in first[3].read_text()
    assert len(list((tmp_path / "a").iterdir())) == 4


def test_methods_with_different_joints_cannot_share_a_figure():
    with pytest.raises(ValueError, match="different joints"):
        joint_error_figure([method("one", 0, joints=4), method("two", 1, joints=5)])
    with pytest.raises(ValueError, match="no method"):
        success_curve_figure([])
    with pytest.raises(ValueError, match="'worst' or 'mean'"):
        success_curve_figure([method("one", 0)], by="median")
