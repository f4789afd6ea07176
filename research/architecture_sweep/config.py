"""What is compared: designs of the network, each a change to one base, at one budget.

In: a YAML file (research/recipes/architecture_sweep.yaml). Out: :class:`SweepConfig`, and for every design and seed a
:class:`TrainConfig` that differs from the base's in nothing but the design's changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hand_pose_ros.config_files import (
    build,
    merged,
    read_mapping,
    require_known,
    require_mapping,
    require_seeds,
)
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from hand_pose_ros.training.config import SYNTHETIC, TrainConfig, config_from_dict
from hand_pose_ros.validation import whole

BASE = "base"
"""Name of the design that all others are compared with: the base itself."""

_OF_A_RUN: tuple[str, ...] = ("name", "minutes", "samples", "seed")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Design:
    """One design; ValueError names a field that makes no sense."""

    name: str
    """On the command line and in files."""
    label: str
    """In print."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What it changes in the base, nested fields."""
    samples: int | None = None
    """Its own budget; None for that of all."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"designs: a name is {self.name!r}, want letters, digits, '_', '-' and '.' (no spaces)"
            )
        where = f"designs.{self.name}"
        if not isinstance(self.label, str) or not self.label.strip() or "|" in self.label:
            raise ValueError(f"{where}.label is {self.label!r}, want a text without '|'")
        require_mapping(f"{where}.changes", self.changes)
        if self.samples is not None:
            whole(self, "samples", section=where)
        if self.name == BASE and (self.changes or self.samples is not None):
            raise ValueError(
                f"{where} wants neither changes nor samples: it is what the others are compared with"
            )


@dataclass(frozen=True)
class SweepConfig:
    """What is trained, for how long, and what it is evaluated on; ValueError names a field that makes no sense."""

    designs: tuple[Design, ...]
    """In the order of the table; one is named ``base`` and changes nothing."""
    base: Mapping[str, Any] = field(default_factory=dict)
    """Fields of a training configuration."""
    samples: int = 60_000
    """Of every run, unless its design sets another."""
    seeds: tuple[int, ...] = (1,)
    """One run a design each."""
    evaluation_samples: int = 4096
    """Hands that every design is evaluated on: the same for all, of subjects, poses and views not trained on."""

    def __post_init__(self) -> None:
        whole(self, "samples", "evaluation_samples")
        object.__setattr__(self, "seeds", require_seeds(self.seeds))
        require_mapping("base", self.base)
        if BASE not in [design.name for design in self.designs]:
            raise ValueError(
                f"designs has no '{BASE}', want one of that name, without changes, to compare with"
            )
        for design in self.designs:
            for seed in self.seeds:
                self.training(design, seed)

    def training(self, design: Design, seed: int) -> TrainConfig:
        """The configuration of one run. ValueError names the design and the field that is wrong."""
        for where, values in (("base", self.base), (f"designs.{design.name}.changes", design.changes)):
            for key in _OF_A_RUN:
                if key in values:
                    raise ValueError(
                        f"{where}.{key}: leave it out, the names, samples and seeds beside 'base' say it"
                    )
        samples = self.samples if design.samples is None else design.samples
        run = {"name": design.name, "minutes": 0.0, "samples": samples, "seed": seed}
        try:
            config = config_from_dict({**merged(self.base, design.changes), **run})
            if config.dataset != SYNTHETIC:
                raise ValueError(f"dataset is '{config.dataset}', want {SYNTHETIC}")
            synthetic_source(config.data, TRAINING_SPLIT)  # names a wrong field of data
        except ValueError as error:
            raise ValueError(f"designs.{design.name}: {error}") from error
        return config

    def find(self, names: Sequence[str]) -> tuple[Design, ...]:
        """Designs by name, in the file's order. ValueError on another name."""
        known = [design.name for design in self.designs]
        for name in names:
            if name not in known:
                raise ValueError(f"no design '{name}', want one of {', '.join(known)}")
        return tuple(design for design in self.designs if design.name in names)


def load_sweep(path: Path) -> SweepConfig:
    """Read a YAML file. ValueError names file and field."""
    values = read_mapping(path, "the designs")
    try:
        if "designs" not in values:
            raise ValueError("no field 'designs', want a mapping of names to designs")
        require_mapping("designs", values["designs"])
        designs = [_design(name, entry) for name, entry in values["designs"].items()]
        return build(SweepConfig, "", {**values, "designs": designs})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _design(name: str, entry: Any) -> Design:
    require_mapping(f"designs.{name}", entry)
    require_known(f"designs.{name}", entry, ["label", "changes", "samples"])
    return build(Design, f"designs.{name}", {"label": name, **entry, "name": name})
