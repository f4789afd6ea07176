"""What is compared: designs of the network, each a change to one base, at one budget.

In: a YAML file (research/recipes/designs.yaml). Out: :class:`DesignsConfig`, and for every design and seed a
:class:`TrainConfig` that differs from the base's in nothing but the design's changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from hand_pose_ros.datasets.seeds import TRAINING_SPLIT
from hand_pose_ros.datasets.synthetic import synthetic_source
from hand_pose_ros.training.config import SYNTHETIC, TrainConfig, config_from_dict, merged

BASE = "base"
"""Name of the design that all others are compared with: the base itself."""

_OF_A_RUN: tuple[str, ...] = ("name", "minutes", "samples", "seed")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Design:
    """One design: its name on the command line and in files, its name in print, what it changes in the base (nested
    fields), and its own budget in samples, None for that of all."""

    name: str
    label: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    samples: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"designs: a name is {self.name!r}, want letters, digits, '_', '-' and '.' (no spaces)"
            )
        where = f"designs.{self.name}"
        if not isinstance(self.label, str) or not self.label.strip() or "|" in self.label:
            raise ValueError(f"{where}.label is {self.label!r}, want a text without '|'")
        _mapping(f"{where}.changes", self.changes)
        if self.samples is not None:
            _count(f"{where}.samples", self.samples)
        if self.name == BASE and (self.changes or self.samples is not None):
            raise ValueError(
                f"{where} wants neither changes nor samples: it is what the others are compared with"
            )


@dataclass(frozen=True)
class DesignsConfig:
    """What is trained, for how long, and what it is judged on; ValueError names a field that makes no sense.

    designs: in the order of the table; one is named ``base`` and changes nothing. base: fields of a training
    configuration. samples: of every run, unless its design says otherwise. seeds: one run a design each.
    evaluation_samples: hands that every design is judged on (the same for all, of people, poses and views that training
    never sees).
    """

    designs: tuple[Design, ...]
    base: Mapping[str, Any] = field(default_factory=dict)
    samples: int = 60_000
    seeds: tuple[int, ...] = (1,)
    evaluation_samples: int = 4096

    def __post_init__(self) -> None:
        _count("samples", self.samples)
        _count("evaluation_samples", self.evaluation_samples)
        seeds = self.seeds
        whole = isinstance(seeds, Sequence) and all(type(seed) is int for seed in seeds)
        if not whole or not seeds or len(set(seeds)) < len(seeds):
            raise ValueError(f"seeds is {seeds!r}, want a list of different whole numbers")
        object.__setattr__(self, "seeds", tuple(seeds))
        _mapping("base", self.base)
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
            synthetic_source(config.data, TRAINING_SPLIT)  # says which field of data is wrong
        except (TypeError, ValueError) as error:
            raise ValueError(f"designs.{design.name}: {error}") from error
        return config

    def find(self, names: Sequence[str]) -> tuple[Design, ...]:
        """Designs by name, in the file's order. ValueError on another name."""
        known = [design.name for design in self.designs]
        for name in names:
            if name not in known:
                raise ValueError(f"no design '{name}', want one of {', '.join(known)}")
        return tuple(design for design in self.designs if design.name in names)


def load_designs(path: Path) -> DesignsConfig:
    """Read a YAML file. ValueError names file and field."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: cannot read the designs: {error}") from error
    try:
        _known("", values, DesignsConfig)
        designs = tuple(_design(name, entry) for name, entry in _designs(values).items())
        return DesignsConfig(**{**values, "designs": designs})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _designs(values: Mapping[str, Any]) -> Mapping[str, Any]:
    if "designs" not in values:
        raise ValueError("no field 'designs', want a mapping of names to designs")
    _mapping("designs", values["designs"])
    return dict(values["designs"])


def _design(name: str, entry: Any) -> Design:
    _known(f"designs.{name}", entry, Design, "name")
    return Design(**{"label": name, **entry, "name": name})


def _known(where: str, values: Any, kind: type, *apart: str) -> None:
    """ValueError when ``values`` is no mapping of the dataclass's fields; ``apart``: fields that do not count."""
    _mapping(where or "the file", values)
    known = [f.name for f in fields(kind) if f.name not in apart]
    for key in values:
        if key not in known:
            label = f"{where}.{key}" if where else key
            raise ValueError(f"no field '{label}', want one of {', '.join(known)}")


def _mapping(where: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} is {value!r}, want a mapping of fields")


def _count(where: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{where} is {value!r}, want a whole number of at least 1")
