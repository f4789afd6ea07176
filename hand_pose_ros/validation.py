"""Checks of configuration fields and arrays: one sentence that names the field, its value and what would be right.

In: a dataclass (or anything with attributes) and names of its fields; or an array with its name. Out: nothing, or a
checked copy of the array; ValueError with "<section.>field is value, want ...". Every check refuses NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def label(section: str, name: str) -> str:
    """A field's name with its section, as it stands in a configuration file: ``loss.joint``."""
    return f"{section}.{name}" if section else name


def require(right: bool, section: str, name: str, value: Any, want: str) -> None:
    """ValueError "<section.>name is value, want ..." unless ``right``."""
    if not right:
        shown = f"'{value}'" if isinstance(value, str) else value
        raise ValueError(f"{label(section, name)} is {shown}, want {want}")


def require_share(name: str, value: float, section: str = "") -> None:
    """A value from 0 to 1, both included."""
    require(0 <= value <= 1, section, name, value, "a share from 0 to 1")


def require_positive(name: str, value: float, section: str = "") -> None:
    """A value that is finite and above 0."""
    require(0 < value < math.inf, section, name, value, "more than 0")


def positive(config: Any, *names: str, section: str = "") -> None:
    """Finite and above 0."""
    for name in names:
        require_positive(name, getattr(config, name), section)


def not_negative(config: Any, *names: str, section: str = "") -> None:
    """Finite and at least 0."""
    for name in names:
        value = getattr(config, name)
        require(0 <= value < math.inf, section, name, value, "at least 0")


def share(config: Any, *names: str, section: str = "") -> None:
    """From 0 to 1, both included."""
    for name in names:
        require_share(name, getattr(config, name), section)


def between(config: Any, least: float, most: float, *names: str, section: str = "", unit: str = "") -> None:
    """From ``least`` to ``most``, both included; ``unit`` is said with them."""
    for name in names:
        value = getattr(config, name)
        want = f"{_plain(least)} to {_plain(most)}{' ' + unit if unit else ''}"
        require(least <= value <= most, section, name, value, want)


def interval(config: Any, least: float, most: float, *names: str, section: str = "", unit: str = "") -> None:
    """Two numbers (low, high), low at most high, both from ``least`` to ``most``; ``unit`` is said with them."""
    for name in names:
        low, high = getattr(config, name)
        want = f"(low, high) within {_plain(least)} to {_plain(most)}{' ' + unit if unit else ''}"
        require(least <= low <= high <= most, section, name, (low, high), want)


def whole(config: Any, *names: str, least: int = 1, section: str = "") -> None:
    """A whole number, at least ``least``."""
    for name in names:
        value = getattr(config, name)
        right = isinstance(value, int) and not isinstance(value, bool) and value >= least
        require(right, section, name, value, f"a whole number, at least {least}")


def one_of(config: Any, choices: Sequence[str], *names: str, section: str = "") -> None:
    """One of some words."""
    for name in names:
        value = getattr(config, name)
        require(value in choices, section, name, value, f"one of {', '.join(choices)}")


def finite_array(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A C-contiguous float64 copy of ``values``; ValueError unless it has this shape and finite numbers only."""
    array = np.array(values, dtype=np.float64, order="C")
    if array.shape != shape:
        raise ValueError(f"{name} is {array.shape}, want {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds a value that is not finite")
    return array


def _plain(bound: float) -> str:
    """A bound without an exponent where it is a whole number."""
    return str(int(bound)) if float(bound).is_integer() else f"{bound:g}"
