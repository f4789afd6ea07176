"""Checks of configuration fields and arrays: one sentence that names the field, its value and what would be right.

In: a dataclass (or anything with attributes) and names of its fields; or an array with its name. Out: nothing, or a
checked copy of the array; ValueError with "<section.>field is value, want ...". Every check refuses NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.texts import shown

MOST_WANTED = 1000
"""Characters of what would be right: it may list names from outside, such as those of a robot's joints. Guessed."""


def label(section: str, name: str) -> str:
    """A field's name with its section, as it stands in a configuration file: ``loss.joint``."""
    return f"{section}.{name}" if section else name


def require(right: bool, section: str, name: str, value: Any, want: str) -> None:
    """ValueError "<section.>name is value, want ..." unless ``right``."""
    if not right:
        text = f"'{shown(value)}'" if isinstance(value, str) else shown(value)
        raise ValueError(f"{shown(label(section, name))} is {text}, want {shown(want, MOST_WANTED)}")


def require_share(name: str, value: float, section: str = "") -> None:
    """A value from 0 to 1, both included."""
    require(is_number(value) and 0 <= value <= 1, section, name, value, "a share from 0 to 1")


def require_positive(name: str, value: float, section: str = "") -> None:
    """A value that is finite and above 0."""
    require(is_number(value) and 0 < value < math.inf, section, name, value, "more than 0")


def numbers(config: Any, *names: str, section: str = "") -> None:
    """Real numbers, NaN and infinities among them: what is compared next can be compared."""
    for name in names:
        value = getattr(config, name)
        require(is_number(value), section, name, value, "a number")


def positive(config: Any, *names: str, section: str = "") -> None:
    """Finite and above 0."""
    for name in names:
        require_positive(name, getattr(config, name), section)


def not_negative(config: Any, *names: str, section: str = "") -> None:
    """Finite and at least 0."""
    for name in names:
        value = getattr(config, name)
        require(is_number(value) and 0 <= value < math.inf, section, name, value, "at least 0")


def share(config: Any, *names: str, section: str = "") -> None:
    """From 0 to 1, both included."""
    for name in names:
        require_share(name, getattr(config, name), section)


def between(config: Any, least: float, most: float, *names: str, section: str = "", unit: str = "") -> None:
    """From ``least`` to ``most``, both included; ``unit`` is said with them."""
    for name in names:
        value = getattr(config, name)
        want = f"{_plain(least)} to {_plain(most)}{' ' + unit if unit else ''}"
        require(is_number(value) and least <= value <= most, section, name, value, want)


def interval(config: Any, least: float, most: float, *names: str, section: str = "", unit: str = "") -> None:
    """Two numbers (low, high), low at most high, both from ``least`` to ``most``; ``unit`` is said with them."""
    for name in names:
        value = getattr(config, name)
        try:
            low, high = value
            right = least <= low <= high <= most
        except (TypeError, ValueError):  # not two, or no numbers
            right = False
        want = f"(low, high) within {_plain(least)} to {_plain(most)}{' ' + unit if unit else ''}"
        require(right, section, name, value, want)


def whole(config: Any, *names: str, least: int = 1, most: int | None = None, section: str = "") -> None:
    """A whole number, at least ``least`` and at most ``most``."""
    for name in names:
        value = getattr(config, name)
        right = is_whole(value) and least <= value and (most is None or value <= most)
        want = f"at least {least}" if most is None else f"{least} to {most}"
        require(right, section, name, value, f"a whole number, {want}")


def counts(config: Any, name: str, length: int, least: int, most: int, section: str = "") -> None:
    """``length`` whole numbers from ``least`` to ``most``; kept as a tuple, in a frozen dataclass too."""
    value = getattr(config, name)
    right = isinstance(value, list | tuple) and len(value) == length
    right = right and all(is_whole(v) and least <= v <= most for v in value)
    require(right, section, name, value, f"{length} whole numbers from {least} to {most}")
    object.__setattr__(config, name, tuple(value))


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether it is a real number, NaN and infinities included; True and False are none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether it is a real number that a float can hold, neither NaN nor infinite; True and False are none."""
    return is_number(value) and not _unmet("float", value)


def typed(config: Any, section: str = "") -> None:
    """Every field of a dataclass against its annotation: what is no whole number, no finite number, no text or no
    truth value where that is annotated is refused by name, lists of them included, and what is no section where the
    default is one. Other annotations are not looked at.
    """
    for field in fields(config):
        value, default = getattr(config, field.name), field.default_factory
        optional = value is None and str(field.type).endswith(" | None")
        if isinstance(default, type) and is_dataclass(default) and not optional:
            require(isinstance(value, default), section, field.name, value, f"a {default.__name__}")
        require_type(field.name, value, field.type, section)


def require_type(name: str, value: Any, annotation: Any, section: str = "") -> None:
    """ValueError unless ``value`` is of the annotated kind, a plain one such as ``int``, ``float | None`` or
    ``tuple[float, ...]``; other annotations are not looked at."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    kind, _, optional = text.partition(" | ")
    if optional == "None" and value is None:
        return
    if optional not in ("", "None"):
        return
    if kind in _KINDS:
        want = _unmet(kind, value)
        require(not want, section, name, value, want)
    elif kind.startswith("tuple[") and kind.endswith("]"):
        kinds = kind[len("tuple[") : -1].split(", ")
        if not set(kinds) <= {*_KINDS, "..."}:
            return
        require(isinstance(value, list | tuple | np.ndarray), section, name, value, "a list")
        if kinds[-1] != "...":
            require(len(value) == len(kinds), section, name, value, f"a list of {len(kinds)}")
        for item in value:
            want = _unmet(kinds[0], item)
            require(not want, section, name, value, f"a list, each of it {want}")


_KINDS = ("int", "float", "str", "bool")


def _unmet(kind: str, value: Any) -> str:
    """What a value of this kind should be, empty when it is that."""
    if kind == "str":
        return "" if isinstance(value, str) else "a text"
    if kind == "bool":
        return "" if isinstance(value, bool | np.bool_) else "true or false"
    if not is_number(value):
        return "a number"
    if kind == "int":
        return "" if is_whole(value) else "a whole number"
    try:
        return "" if math.isfinite(value) else "a finite number"
    except OverflowError:  # a whole number beyond every float
        return "a finite number"


def one_of(config: Any, choices: Sequence[str], *names: str, section: str = "") -> None:
    """One of some words."""
    for name in names:
        value = getattr(config, name)
        require(
            isinstance(value, str) and value in choices, section, name, value, f"one of {', '.join(choices)}"
        )


def all_finite(values: Iterable[float]) -> bool:
    """Whether each number is finite. For a few dozen of them, numpy's own test takes twice as long."""
    numbers = list(values)
    return math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers))


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


def frame_prefix_error(prefix: str) -> str | None:
    """Returns why tf2 or its users cannot take frames with this prefix, None when they can."""
    if prefix.startswith("/"):
        return "begins with '/', which tf2 refuses"
    if any(character.isspace() or not character.isprintable() for character in prefix):
        return "has white space or control characters in it"
    return None
