"""How long bones are: a five-component Gaussian mixture a bone (SDNet, section 4, Eq. 9), stored as data.

In: bone lengths (..., 22) in metres, in the order of ``skeleton.BONES``, or a JSON file. Out: :class:`BonePrior`, its
density and score of lengths, and its JSON file; :func:`mixture_density`, compiled, for whoever has the arrays.
:mod:`hand_pose_ros.tuning.bone_prior` trains it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.files import write_text
from hand_pose_ros.hand import skeleton
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.resources import resource

Array = NDArray[np.float64]

FORMAT = "hand_pose_ros-bone-prior-1"
COMPONENTS = 5
DEFAULT_PRIOR = ("models", "bone_prior.json")

_BONE_NAMES = tuple(skeleton.JOINT_NAMES[child] for _, child in skeleton.BONES)
# Steps over one standard deviation in the search for the density's peak. Chosen: off by less than 1e-5 of it.
_PEAK_STEPS = 100


class Mixtures(NamedTuple):
    """The bones' lengths in the population, by the joint that the bone ends at; row 0 is not used."""

    weights: Array
    """(23, K)."""
    means: Array
    """(23, K) m."""
    deviations: Array
    """(23, K) m."""
    peak: Array
    """(23,) 1/m: the highest density."""


@njit(nogil=True, cache=True, error_model="numpy")
def mixture_density(length: float, row: int, weights: Array, means: Array, deviations: Array) -> float:
    """Density (1/m) of a length (m) under the Gaussian mixture in a row of weights, means and deviations (N, K).

    It takes whole arrays and a row, because every slice costs time (see ``kernel_cache.njit``).
    """
    total = 0.0
    for k in range(weights.shape[1]):
        z = (length - means[row, k]) / deviations[row, k]
        total += weights[row, k] / deviations[row, k] * math.exp(-0.5 * z * z)
    return total / math.sqrt(2.0 * math.pi)


@njit(nogil=True, cache=True, error_model="numpy")
def _fill_densities(lengths: Array, weights: Array, means: Array, deviations: Array, out: Array) -> None:
    """Lengths (N, 22) m -> out (N, 22) 1/m."""
    for n in range(lengths.shape[0]):
        for bone in range(lengths.shape[1]):
            out[n, bone] = mixture_density(lengths[n, bone], bone, weights, means, deviations)


@dataclass(frozen=True, eq=False)
class BonePrior:
    """A mixture a bone. ValueError, naming the field, when one is not what a mixture has."""

    weights: Array
    """(22, 5), a bone's sum to 1."""
    means: Array
    """(22, 5) m."""
    deviations: Array
    """(22, 5) m."""
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    """What it was trained on, as stored in the file."""

    def __post_init__(self) -> None:
        shape = (len(skeleton.BONES), COMPONENTS)
        for name in ("weights", "means", "deviations"):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(f"{name} have shape {value.shape}, want {shape}, all finite")
            if (value < 0.0).any() or (name != "weights" and (value == 0.0).any()):
                raise ValueError(f"{name} hold {value.min()}, want positive numbers")
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        if np.abs(self.weights.sum(axis=1) - 1.0).max() > 1e-6:
            raise ValueError("weights of a bone do not sum to 1")

    def density(self, lengths: ArrayLike) -> Array:
        """Lengths (..., 22) m -> densities (1/m), (..., 22). ValueError for another number of bones."""
        array = np.asarray(lengths, dtype=np.float64)
        if array.shape[-1:] != self.weights.shape[:1]:
            raise ValueError(f"lengths have shape {array.shape}, want (..., {len(self.weights)})")
        rows = np.ascontiguousarray(array.reshape(-1, len(self.weights)))
        out = np.empty_like(rows)
        _fill_densities(rows, self.weights, self.means, self.deviations, out)
        return out.reshape(array.shape)

    def score(self, lengths: ArrayLike) -> Array:
        """Lengths (..., 22) m -> (..., 22) in [0, 1], proportional to the density (Eq. 9's PDF).

        Normalised a bone: its most common length scores 1. Densities of bones differ tenfold with the spread of their
        lengths alone; like this one weight fits all bones, and a hand's unit does not matter.
        """
        return np.asarray(self.density(lengths) / self.peak)

    @cached_property
    def peak(self) -> Array:
        """(22,): the highest density (1/m) of each bone."""
        steps = np.linspace(0.0, 1.0, 8 * _PEAK_STEPS + 1)
        # A mixture's modes lie between its outermost means; the narrowest component sets the step.
        low, high = self.means.min(axis=1), self.means.max(axis=1)
        best = self.density(np.concatenate([self.means.T, low + steps[:, None] * (high - low)])).max(axis=0)
        near = self.means[None] + (2.0 * steps - 1.0)[:, None, None] * self.deviations[None]
        return np.maximum(best, self.density(near.transpose(0, 2, 1)).max(axis=(0, 1)))

    @cached_property
    def by_joint(self) -> Mixtures:
        """The same by the joint that each bone ends at, as the energy wants it."""
        pad = ((1, 0), (0, 0))
        return Mixtures(
            np.pad(self.weights, pad),
            np.pad(self.means, pad),
            np.pad(self.deviations, pad, constant_values=1.0),
            np.pad(self.peak, (1, 0), constant_values=1.0),
        )


def save_bone_prior(path: str | Path, prior: BonePrior) -> None:
    """Writes the JSON file, whole or not at all. OSError when its folder cannot be written."""
    content = {
        "format": FORMAT,
        "trained_on": dict(prior.trained_on),
        "bones": {
            name: {
                "weights": prior.weights[bone].tolist(),
                "means_m": prior.means[bone].tolist(),
                "deviations_m": prior.deviations[bone].tolist(),
            }
            for bone, name in enumerate(_BONE_NAMES)
        },
    }
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def load_bone_prior(path: str | Path | None = None) -> BonePrior:
    """Read and check a prior, None for the shipped one. ValueError, naming the file, when it is damaged; OSError when
    it is not there."""
    path = resource(*DEFAULT_PRIOR) if path is None else Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise ValueError(f"{path}: format is '{found}', want '{FORMAT}'")
    bones, trained_on = content.get("bones"), content.get("trained_on")
    if not isinstance(bones, dict) or set(bones) != set(_BONE_NAMES) or not isinstance(trained_on, dict):
        raise ValueError(f"{path}: want 'trained_on', and in 'bones' each of {', '.join(_BONE_NAMES)}")
    try:
        weights, means, deviations = (
            np.array([bones[name][part] for name in _BONE_NAMES], dtype=np.float64)
            for part in ("weights", "means_m", "deviations_m")
        )
        return BonePrior(weights, means, deviations, trained_on)
    except KeyError as error:
        raise ValueError(f"{path}: a bone lacks {error}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
