"""What is compared: the rows of the papers' tables, and one budget for all of them.

In: a YAML file (research/recipes/ablation.yaml) beside the papers' training configurations. Out:
:class:`AblationConfig`, and for every row and seed a :class:`TrainConfig` that differs from the other rows' in nothing
but what the row is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from hand_pose_ros.training.config import TrainConfig, config_from_dict, merged
from research.ablation.views import VIEWS

TABLES: tuple[str, ...] = ("deepmodel", "sdnet")


@dataclass(frozen=True)
class Row:
    """One row of a table: its name on the command line and in print, the training configuration it starts from, what
    it changes there, and the figures that the paper printed for it (``joint_mm``, ``angle_deg``, ``out_of_range`` in
    0..1)."""

    table: str
    key: str
    label: str
    base: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``table.key``, the row's name in files and on the command line."""
        return f"{self.table}.{self.key}"


def _sdnet(key: str, label: str, weight: float, published_mm: float) -> Row:
    changes = {"loss": {"skeleton": weight}}
    return Row("sdnet", key, label, "sdnet.yaml", changes, {"joint_mm": published_mm})


def _deepmodel(key: str, label: str, base: str, **published: float) -> Row:
    return Row("deepmodel", key, label, base, {}, published)


ROWS: tuple[Row, ...] = (
    _deepmodel(
        "direct_joint", "direct joint", "deepmodel_direct_joint.yaml", joint_mm=17.2, angle_deg=21.4
    ),
    _deepmodel(
        "direct_parameter", "direct parameter", "deepmodel_direct_parameter.yaml", joint_mm=26.7, angle_deg=12.2
    ),
    _deepmodel(
        "without_physical", "ours w/o phy", "deepmodel_without_physical.yaml", joint_mm=16.9, angle_deg=12.0,
        out_of_range=0.186,
    ),
    _deepmodel("ours", "ours", "deepmodel.yaml", joint_mm=16.9, angle_deg=12.2),
    _sdnet("baseline", "Baseline", 0.0, 12.6990),
    _sdnet("weight_0.125", "SDNet (0.125)", 0.125, 8.8209),
    _sdnet("weight_0.25", "SDNet (0.25)", 0.25, 8.7291),
    _sdnet("weight_0.5", "SDNet (0.5)", 0.5, 8.4002),
)  # fmt: skip
"""The poster's self comparison and SDNet's Table 1, in the papers' order and with their figures."""


@dataclass(frozen=True)
class AblationConfig:
    """One budget for all rows; ValueError names a field that makes no sense.

    samples: of every run, unless its table says otherwise. seeds: one run a row each. curve_points: how often a run
    is measured on the way. curve_samples, evaluation_samples: hands it is measured on, on the way and in the end (the
    same for all runs, drawn from people, poses and views that training never sees). fit_samples: predictions of
    *direct joint* that the hand model is fitted to, for its angle error. save_minutes: how much work a stop can cost.
    views: what the hands show, "frontal" (see ablation_views) or "all". common: changes to all training
    configurations; deepmodel, sdnet: to those of one table; rows: to single rows, by name. folder: where the papers'
    training configurations lie.
    """

    samples: int = 100_000
    seeds: tuple[int, ...] = (1, 2, 3)
    curve_points: int = 6
    curve_samples: int = 512
    evaluation_samples: int = 2048
    fit_samples: int = 256
    save_minutes: float = 2.0
    views: str = "frontal"
    common: Mapping[str, Any] = field(default_factory=dict)
    deepmodel: Mapping[str, Any] = field(default_factory=dict)
    sdnet: Mapping[str, Any] = field(default_factory=dict)
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    folder: Path = Path()

    def __post_init__(self) -> None:
        for name in ("samples", "curve_points", "curve_samples", "evaluation_samples", "fit_samples"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is {value!r}, want a whole number of at least 1")
        if self.fit_samples > self.evaluation_samples:
            raise ValueError(
                f"fit_samples is {self.fit_samples}, want at most the {self.evaluation_samples} evaluation_samples"
            )
        if not isinstance(self.save_minutes, (int, float)) or not self.save_minutes > 0:
            raise ValueError(f"save_minutes is {self.save_minutes!r}, want more than 0")
        if self.views not in VIEWS:
            raise ValueError(f"views is {self.views!r}, want one of {', '.join(VIEWS)}")
        seeds = self.seeds
        if not isinstance(seeds, Sequence) or not seeds or len(set(seeds)) < len(seeds):
            raise ValueError(f"seeds is {seeds!r}, want a list of different whole numbers")
        object.__setattr__(self, "seeds", tuple(seeds))
        for name in ("common", "deepmodel", "sdnet", "rows"):
            if not isinstance(getattr(self, name), Mapping):
                raise ValueError(f"{name} is {getattr(self, name)!r}, want a mapping")
        find_rows(list(self.rows))

    def training(self, row: Row, seed: int) -> TrainConfig:
        """The configuration of one run. ValueError names the file or the field that is wrong."""
        path = self.folder / row.base
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ValueError(f"{path}: cannot read the training configuration: {error}") from error
        for changes in (self.common, getattr(self, row.table), row.changes, self.rows.get(row.name, {})):
            values = merged(values, changes)
        samples = getattr(self, row.table).get("samples", self.samples)
        budget = {"name": row.name, "minutes": 0.0, "samples": samples, "seed": seed}
        try:
            return config_from_dict({**values, **budget})
        except (TypeError, ValueError) as error:
            raise ValueError(f"row {row.name} ({path.name}): {error}") from error


def load_ablation(path: Path) -> AblationConfig:
    """Read a YAML file; the papers' training configurations are looked for beside it. ValueError names file and
    field."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot read the ablation's configuration: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: want a mapping of fields")
    known = [f.name for f in fields(AblationConfig) if f.name != "folder"]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{path}: no field '{unknown[0]}', want one of {', '.join(known)}")
    try:
        config = AblationConfig(**values, folder=path.resolve().parent)
        for row in ROWS:
            config.training(row, config.seeds[0])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    return config


def find_rows(names: Sequence[str]) -> tuple[Row, ...]:
    """Rows by name (``sdnet.baseline``) or by table (``sdnet``), in the papers' order. ValueError on another name."""
    known = [*TABLES, *(row.name for row in ROWS)]
    for name in names:
        if name not in known:
            raise ValueError(f"no row '{name}', want one of {', '.join(known)}")
    return tuple(row for row in ROWS if row.name in names or row.table in names)
