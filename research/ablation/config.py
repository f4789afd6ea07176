"""What is compared: the rows of the papers' tables, and one budget for all of them.

In: a YAML file (research/recipes/ablation.yaml) and the papers' training configurations (config/train). Out:
:class:`AblationConfig`, and for every row and seed a :class:`TrainConfig` that differs from the other rows' in nothing
but what the row is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hand_pose_ros.config_files import build, merged, read_mapping, require_mapping, require_seeds
from hand_pose_ros.resources import resource
from hand_pose_ros.training.config import TrainConfig, config_from_dict
from hand_pose_ros.validation import one_of, positive, whole
from research.ablation.views import VIEWS

TABLES: tuple[str, ...] = ("deepmodel", "sdnet")


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    table: str
    """One of TABLES."""
    key: str
    """Its name within the table, on the command line and in files."""
    label: str
    """Its name in print."""
    base: str
    """The training configuration that it starts from, a file in config/train."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What it changes there, nested fields."""
    published: Mapping[str, float] = field(default_factory=dict)
    """The figures that the paper printed for it: ``joint_mm``, ``angle_deg``, ``out_of_range`` in 0..1."""

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
    """One budget for all rows; ValueError names a field that makes no sense."""

    samples: int = 100_000
    """Of every run, unless its table sets another."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """One run a row each."""
    curve_points: int = 6
    """How often a run is measured on the way."""
    curve_samples: int = 512
    """Hands that it is measured on, on the way."""
    evaluation_samples: int = 2048
    """Hands that it is measured on in the end: the same for all runs, of subjects, poses and views not trained on."""
    fit_samples: int = 256
    """Predictions of *direct joint* that the hand model is fitted to, for its angle error."""
    save_minutes: float = 2.0
    """How much work a stop can cost."""
    views: str = "frontal"
    """What the hands show: "frontal" (see ``views.FrontalHands``) or "all"."""
    common: Mapping[str, Any] = field(default_factory=dict)
    """Changes to all training configurations."""
    deepmodel: Mapping[str, Any] = field(default_factory=dict)
    """Changes to those of the poster's rows."""
    sdnet: Mapping[str, Any] = field(default_factory=dict)
    """Changes to those of SDNet's rows."""
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Changes to single rows, by name."""

    def __post_init__(self) -> None:
        whole(self, "samples", "curve_points", "curve_samples", "evaluation_samples", "fit_samples")
        if self.fit_samples > self.evaluation_samples:
            raise ValueError(
                f"fit_samples is {self.fit_samples}, want at most the {self.evaluation_samples} evaluation_samples"
            )
        positive(self, "save_minutes")
        one_of(self, VIEWS, "views")
        object.__setattr__(self, "seeds", require_seeds(self.seeds))
        for name in ("common", "deepmodel", "sdnet", "rows"):
            require_mapping(name, getattr(self, name))
        find_rows(list(self.rows))

    def training(self, row: Row, seed: int) -> TrainConfig:
        """The configuration of one run. ValueError names the file or the field that is wrong."""
        values = read_mapping(resource("config", "train", row.base), "the training configuration")
        for changes in (self.common, getattr(self, row.table), row.changes, self.rows.get(row.name, {})):
            values = merged(values, changes)
        samples = getattr(self, row.table).get("samples", self.samples)
        budget = {"name": row.name, "minutes": 0.0, "samples": samples, "seed": seed}
        try:
            return config_from_dict({**values, **budget})
        except ValueError as error:
            raise ValueError(f"row {row.name} ({row.base}): {error}") from error


def load_ablation(path: Path) -> AblationConfig:
    """Read a YAML file. ValueError names file and field."""
    values = read_mapping(path, "the ablation's configuration")
    try:
        config = build(AblationConfig, "", values)
        for row in ROWS:
            config.training(row, config.seeds[0])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return config


def find_rows(names: Sequence[str]) -> tuple[Row, ...]:
    """Rows by name (``sdnet.baseline``) or by table (``sdnet``), in the papers' order. ValueError on another name."""
    known = [*TABLES, *(row.name for row in ROWS)]
    for name in names:
        if name not in known:
            raise ValueError(f"no row '{name}', want one of {', '.join(known)}")
    return tuple(row for row in ROWS if row.name in names or row.table in names)
