"""The weights of the hierarchical regressor: chosen by search, and what each term is worth.

In: labelled views of hands with a network's answers. Out: the best RegressorConfig, a table of errors (mm)
with terms left out, and a configuration as YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.table import Table

from hand_pose_ros.config_files import build, read_mapping
from hand_pose_ros.refine.bone_prior import BonePrior
from hand_pose_ros.refine.regressor import RegressorConfig
from hand_pose_ros.tuning.coordinate_search import Grid, Trial, coordinate_search
from hand_pose_ros.tuning.labelled_views import Views, errors_of, regress_views

TERMS: tuple[str, ...] = (
    "bone_mixture", "bone_length", "background", "free_space", "occluded", "tip_order", "prediction",
)  # fmt: skip
"""Terms beside staying near the network's joint; the weight of each is a field of RegressorConfig."""

# When a term that the defaults leave out is tried alone.
_TRIAL_WEIGHT = {"bone_mixture": 0.1, "tip_order": 0.1, "prediction": 0.3}

GRID: Grid = {
    "network": (0.3, 0.5, 0.7, 1.0, 1.4),
    "bone_mixture": (0.0, 0.1, 0.3, 1.0),
    "bone_length": (0.0, 0.1, 0.3, 1.0),
    "background": (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
    "free_space": (0.0, 0.5, 1.0, 2.0, 4.0),
    "occluded": (0.0, 0.3, 0.6, 1.0, 1.5, 2.0),
    "tip_order": (0.0, 0.1, 0.3, 1.0),
    "prediction": (0.0, 0.1, 0.3, 0.6, 1.0),
    "passes": (1, 2, 3),
    "kernel_px": (0, 1, 2, 3),
    "lateral_share": (0.4, 0.5, 0.6, 0.7, 0.85),
    "depth_share": (0.6, 0.75, 0.9, 1.1),
    "largest_sigma_m": (0.015, 0.02, 0.025, 0.035, 0.05),
    "length_m": (0.003, 0.006, 0.01),
    "softness_m": (0.002, 0.003, 0.004, 0.006, 0.01),
    "free_space_most": (1.5, 3.0, 6.0, 9.0),
    "follow": (0.3, 0.5, 0.7, 0.85, 1.0),
    "temperature": (0.25, 0.35, 0.5, 0.7, 1.0),
    "velocity_share": (0.0, 0.3, 0.5, 0.7, 1.0),
    "acceleration_m_s2": (3.0, 10.0, 30.0),
    "past_share": (0.4, 0.7, 1.0, 1.5),
}
"""What the search tries for each field."""

# A gain of less than this share of the error is noise of the views that the search sees. Guessed.
_LEAST_GAIN = 1e-5


def choose_weights(
    sets: Sequence[Views],
    prior: BonePrior,
    start: RegressorConfig,
    evaluations: int,
    seed: int,
    log: Callable[[str], None],
    grid: Grid = GRID,
) -> RegressorConfig:
    """Coordinate search with the fields in random order until a round finds nothing or ``evaluations`` are spent. The
    score is the mean of the sets' Errors.score; ``log`` hears of each gain."""
    raw = [errors_of(views, views.network) for views in sets]

    def score(config: RegressorConfig) -> float:
        scores = [
            errors_of(views, regress_views(views, prior, config)).score(before)
            for views, before in zip(sets, raw, strict=True)
        ]
        return float(np.mean(scores))

    def log_gain(trial: Trial) -> None:
        if trial.accepted:
            log(f"{trial.field} {trial.value}: {trial.score:.4f}")

    found = coordinate_search(
        start, grid, score, evaluations=evaluations, least_gain=_LEAST_GAIN, order=np.random.default_rng(seed),
        on_start=lambda reached: log(f"start {reached:.4f}"), on_trial=log_gain,
    )  # fmt: skip
    return found.best


def contribution_table(sets: Sequence[Views], prior: BonePrior, config: RegressorConfig) -> Table:
    """Errors of the network's joints and of the regressed ones: with all terms, with one left out, with one alone."""
    usual = {t: getattr(config, t) or _TRIAL_WEIGHT.get(t, 1.0) for t in TERMS}
    rows: list[tuple[str, RegressorConfig | None]] = [("network", None), ("regressed", config)]
    used = [t for t in TERMS if getattr(config, t) > 0.0]
    rows += [(f"without {t}", _changed(config, {t: 0.0})) for t in used]
    rows += [(f"with {t} {usual[t]:g}", _changed(config, {t: usual[t]})) for t in TERMS if t not in used]
    nothing = _changed(config, dict.fromkeys(TERMS, 0.0))
    rows += [(f"{t} alone", _changed(nothing, {t: usual[t]})) for t in TERMS]
    rows += [("best candidate alone", replace(config, temperature=0.0))]
    rows += [("one pass", replace(config, passes=1))]
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


def _changed(config: RegressorConfig, fields: Mapping[str, Any]) -> RegressorConfig:
    return replace(config, **fields)


def read_config(path: Path) -> RegressorConfig:
    """Read a YAML as :func:`to_yaml` writes it. ValueError, naming the file, on what makes no RegressorConfig."""
    content = read_mapping(path, "the regressor's fields")
    try:
        return build(RegressorConfig, "", content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def to_yaml(config: RegressorConfig) -> str:
    """The configuration as :func:`read_config` reads it."""
    plain: dict[str, Any] = {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(config).items()}
    return yaml.safe_dump(plain, sort_keys=False)
