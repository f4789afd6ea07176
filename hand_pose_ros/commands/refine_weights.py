"""``hand-pose refine-weights``: choose the weights of the hierarchical regressor, and say what each term is worth.

In: a network's weights file. Out: tables on the terminal and the best RegressorConfig as YAML. The search sees split 2
and motions of seeds below 50; what is reported is measured on split 3 and motions of seeds 60 to 99, so neither
training nor the bench's sequences (100 and above) are touched. Nothing is stored but the YAML.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from rich.console import Console
from rich.table import Table

from hand_pose_ros.files import write_text
from hand_pose_ros.network.checkpoint import load_model
from hand_pose_ros.refine.bone_prior import BonePrior, load_bone_prior
from hand_pose_ros.refine.regressor import RegressorConfig
from hand_pose_ros.resources import model_file
from hand_pose_ros.tuning.refine_views import (
    Errors,
    Views,
    errors_of,
    motion_views,
    regress_views,
    single_views,
)

CHOICE_SPLIT, REPORT_SPLIT = 2, 3
_CHOICE_SEED, _REPORT_SEED = 10, 60  # first motions of each

TERMS: tuple[str, ...] = (
    "bone_mixture", "bone_length", "background", "floating", "buried", "tip_order", "prediction",
)  # fmt: skip
"""Terms beside staying near the network's joint; the weight of each is a field of RegressorConfig."""

# When a term that the defaults leave out is tried alone.
_TRIAL_WEIGHT = {"bone_mixture": 0.1, "tip_order": 0.1, "prediction": 0.3}

GRID: dict[str, tuple[Any, ...]] = {
    "network": (0.3, 0.5, 0.7, 1.0, 1.4),
    "bone_mixture": (0.0, 0.1, 0.3, 1.0),
    "bone_length": (0.0, 0.1, 0.3, 1.0),
    "background": (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
    "floating": (0.0, 0.5, 1.0, 2.0, 4.0),
    "buried": (0.0, 0.3, 0.6, 1.0, 1.5, 2.0),
    "tip_order": (0.0, 0.1, 0.3, 1.0),
    "prediction": (0.0, 0.1, 0.3, 0.6, 1.0),
    "passes": (1, 2, 3),
    "kernel_px": (0, 1, 2, 3),
    "lateral_share": (0.4, 0.5, 0.6, 0.7, 0.85),
    "depth_share": (0.6, 0.75, 0.9, 1.1),
    "largest_sigma_m": (0.015, 0.02, 0.025, 0.035, 0.05),
    "length_m": (0.003, 0.006, 0.01),
    "softness_m": (0.002, 0.003, 0.004, 0.006, 0.01),
    "floating_most": (1.5, 3.0, 6.0, 9.0),
    "follow": (0.3, 0.5, 0.7, 0.85, 1.0),
    "temperature": (0.25, 0.35, 0.5, 0.7, 1.0),
    "velocity_share": (0.0, 0.3, 0.5, 0.7, 1.0),
    "acceleration_m_s2": (3.0, 10.0, 30.0),
    "past_share": (0.4, 0.7, 1.0, 1.5),
}
"""What the search tries for each field."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``hand-pose refine-weights``."""
    parser.add_argument("--checkpoint", type=Path, help="weights file (default: the shipped model)")
    parser.add_argument("--crops", type=int, default=1500, help="single crops (default: 1500)")
    parser.add_argument("--motions", type=int, default=10, help="sequences, at most 40 (default: 10)")
    parser.add_argument("--frames", type=int, default=100, help="frames of a sequence (default: 100)")
    parser.add_argument(
        "--evaluations", type=int, default=200, help="settings to try; 0 only reports (default: 200)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the search's order (default: 0)")
    parser.add_argument("--start", type=Path, help="YAML to start from (default: the built-in values)")
    parser.add_argument("--output", type=Path, help="YAML file for the best values")


def run(arguments: argparse.Namespace) -> None:
    """Search, then report; ValueError on an argument that makes no sense."""
    a = arguments
    if a.crops < 1 or not 1 <= a.motions <= 40 or a.frames < 2 or a.evaluations < 0:
        raise ValueError("want --crops from 1, --motions 1 to 40, --frames from 2, --evaluations from 0")
    start = RegressorConfig() if a.start is None else read_config(a.start)
    torch.set_num_threads(1)
    model = load_model(model_file(a.checkpoint))
    prior, console = load_bone_prior(), Console(width=110)

    def views(split: int, first: int) -> list[Views]:
        seeds = range(first, first + a.motions)
        return [single_views(model, split, a.seed, a.crops), motion_views(model, seeds, a.frames)]

    best = start
    if a.evaluations:
        best = search(views(CHOICE_SPLIT, _CHOICE_SEED), prior, start, a.evaluations, a.seed, console.print)
    console.print(contribution_table(views(REPORT_SPLIT, _REPORT_SEED), prior, best))
    text = yaml.safe_dump(_plain(best), sort_keys=False)
    console.print(text, highlight=False)
    if a.output is not None:
        write_text(a.output, text)


def search(
    sets: Sequence[Views],
    prior: BonePrior,
    start: RegressorConfig,
    evaluations: int,
    seed: int,
    tell: Callable[[str], None],
) -> RegressorConfig:
    """Coordinate search: fields in random order, every value of GRID, the best kept, until a round finds nothing or
    ``evaluations`` are spent. The score is the mean of the sets' Errors.score."""
    rng = np.random.default_rng(seed)
    raw = [errors_of(views, views.network) for views in sets]
    measure = partial(_measure, sets, raw, prior)
    best, score, left = start, measure(start), evaluations - 1
    tell(f"start {score:.4f}")
    found = True
    while found and left > 0:
        found = False
        for name in rng.permutation(list(GRID)).tolist():
            for value in GRID[name]:
                if value == getattr(best, name) or left <= 0:
                    continue
                left -= 1
                trial = changed(best, {name: value})
                reached = measure(trial)
                if reached < score - 1e-5:
                    best, score, found = trial, reached, True
                    tell(f"{name} {value}: {score:.4f}")
    return best


def contribution_table(sets: Sequence[Views], prior: BonePrior, config: RegressorConfig) -> Table:
    """Errors of the network's joints and of the regressed ones: with all terms, with one left out, with one alone."""
    usual = {t: getattr(config, t) or _TRIAL_WEIGHT.get(t, 1.0) for t in TERMS}
    rows: list[tuple[str, RegressorConfig | None]] = [("network", None), ("regressed", config)]
    used = [t for t in TERMS if getattr(config, t) > 0.0]
    rows += [(f"without {t}", changed(config, {t: 0.0})) for t in used]
    rows += [(f"with {t} {usual[t]:g}", changed(config, {t: usual[t]})) for t in TERMS if t not in used]
    nothing = changed(config, dict.fromkeys(TERMS, 0.0))
    rows += [(f"{t} alone", changed(nothing, {t: usual[t]})) for t in TERMS]
    rows += [("best candidate alone", changed(config, {"temperature": 0.0}))]
    rows += [("one pass", changed(config, {"passes": 1}))]
    table = Table(title="mean error, mm (change)", title_justify="left")
    table.add_column("")
    for views in sets:
        for part in ("all joints", "fingertips"):
            table.add_column(f"{len(views)} {views.name}, {part}", justify="right")
    raw = [errors_of(views, views.network) for views in sets]
    for name, setting in rows:
        cells = []
        for views, before in zip(sets, raw, strict=True):
            now = before if setting is None else errors_of(views, regress_views(views, prior, setting))
            for value, old in ((now.mean, before.mean), (now.tips, before.tips)):
                cells.append(f"{value:.2f} ({100 * (value / old - 1):+.1f} %)")
        table.add_row(name, *cells)
    return table


def changed(config: RegressorConfig, fields: Mapping[str, Any]) -> RegressorConfig:
    """The configuration with some fields of other values. ValueError as RegressorConfig's."""
    return replace(config, **fields)


def read_config(path: Path) -> RegressorConfig:
    """Read a YAML written by this command. ValueError, naming the file, on fields that a RegressorConfig has not."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("want a mapping of the regressor's fields")
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in content.items()}
        return RegressorConfig(**fields)
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _measure(
    sets: Sequence[Views], raw: Sequence[Errors], prior: BonePrior, config: RegressorConfig
) -> float:
    scores = [
        errors_of(views, regress_views(views, prior, config)).score(r)
        for views, r in zip(sets, raw, strict=True)
    ]
    return float(np.mean(scores))


def _plain(config: RegressorConfig) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(config).items()}
