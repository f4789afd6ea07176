"""Every check passes what is right, refuses the rest and NaN, and names field, value and what would be right."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import ArrayLike

import hand_pose_ros
from hand_pose_ros import validation
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.tracking.config import TrackerConfig

NAN = float("nan")
CHECKS = {
    "positive": (lambda c: validation.positive(c, "x"), [1, 0.1], [0, -1, NAN, float("inf"), None, "1", [1]]),
    "not_negative": (
        lambda c: validation.not_negative(c, "x"),
        [0, 2.5],
        [-0.1, NAN, float("inf"), None, "1", True],
    ),
    "share": (lambda c: validation.share(c, "x"), [0, 0.5, 1], [-0.1, 1.1, NAN, None, "0.5", {}]),
    "between": (
        lambda c: validation.between(c, 1, 3, "x", unit="m"),
        [1, 2.5, 3],
        [0.9, 3.1, NAN, None, "2", (2,)],
    ),
    "interval": (
        lambda c: validation.interval(c, 0, 1, "x"),
        [(0, 1), [0.2, 0.2]],
        [(0.2, 0.1), (-0.1, 1), (NAN, 1), 0.5, None, (0.1,), (0.1, 0.2, 0.3), ("a", "b")],
    ),
    "whole": (lambda c: validation.whole(c, "x", least=2), [2, 9], [1, 2.5, NAN]),
    "one_of": (lambda c: validation.one_of(c, ("a", "b"), "x"), ["a", "b"], ["c", "", None, ["a"], {}]),
}


@pytest.mark.parametrize("name", CHECKS)
def test_right_values_pass_and_wrong_ones_are_named(name: str) -> None:
    check, right, wrong = CHECKS[name]
    for value in right:
        check(SimpleNamespace(x=value))
    for value in wrong:
        with pytest.raises(ValueError, match=r"^x is .*, want "):
            check(SimpleNamespace(x=value))


def test_the_section_is_part_of_the_name() -> None:
    with pytest.raises(ValueError, match=r"^loss.joint is -1, want at least 0$"):
        validation.not_negative(SimpleNamespace(joint=-1), "joint", section="loss")
    with pytest.raises(ValueError, match=r"^side is 'up', want one of right, left$"):
        validation.one_of(SimpleNamespace(side="up"), ("right", "left"), "side")


def test_a_finite_array_is_a_contiguous_copy() -> None:
    given = np.arange(6, dtype=np.float32).reshape(2, 3).T
    checked = validation.finite_array("x", given, (3, 2))
    assert checked.dtype == np.float64
    assert checked.flags.c_contiguous
    assert np.array_equal(checked, given)
    assert not np.shares_memory(checked, given)


@pytest.mark.parametrize("wrong", [np.zeros(3), [0.0, NAN], [0.0, float("inf")]])
def test_a_wrong_array_is_named(wrong: ArrayLike) -> None:
    with pytest.raises(ValueError, match=r"^x (is|holds) "):
        validation.finite_array("x", wrong, (2,))


def test_bounds_are_written_out_and_numbers_beyond_floats_are_no_surprise() -> None:
    with pytest.raises(ValueError, match=r"^seed is -1, want 0 to 1048575$"):
        validation.between(SimpleNamespace(seed=-1), 0, 2**20 - 1, "seed")
    validation.positive(SimpleNamespace(x=10**400), "x")


def test_what_would_be_right_is_cut_and_escaped_too() -> None:
    with pytest.raises(ValueError, match="joint is 3, want one of a") as raised:
        validation.require(False, "", "joint", 3, "one of a, " + ", ".join(["\x1b[31m\n" * 9] * 999))
    assert len(str(raised.value)) < 1100
    assert str(raised.value).isprintable()


def test_what_is_finite_may_have_no_finite_sum() -> None:
    assert validation.all_finite([])
    assert validation.all_finite([1e308, 1e308])
    for wrong in (NAN, float("inf"), -float("inf")):
        assert not validation.all_finite([1.0, wrong, -wrong])


def _settings() -> list[type]:
    """Every dataclass of the package that checks itself and can be made without arguments."""
    found = []
    for module in pkgutil.walk_packages(hand_pose_ros.__path__, "hand_pose_ros."):
        # Nodes import ROS, which has checks of its own; MediaPipe is installed for one command alone.
        if ".nodes" in module.name or module.name.endswith("mediapipe_worker"):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            own = isinstance(kind, type) and kind.__module__ == module.name and is_dataclass(kind)
            if own and "__post_init__" in vars(kind):
                given = [f.default is not MISSING or f.default_factory is not MISSING for f in fields(kind)]
                found += [kind] if all(given) else []
    return found


@pytest.mark.slow  # everything is imported
def test_settings_of_a_wrong_type_are_refused_by_name() -> None:
    kinds, unnamed = _settings(), []
    assert len(kinds) > 20
    wrong = (None, "0.5", [], {}, object(), [None], ["a", "b"], (None, None), True)
    for kind in kinds:
        for spec in fields(kind):
            name = spec.name.removesuffix("_s")  # options are called without the unit
            for value in wrong:
                try:
                    kind(**{spec.name: value})
                except ValueError as error:
                    if name not in str(error):
                        unnamed.append(f"{kind.__name__}({spec.name}={value!r}): {error}")
    assert not unnamed


def test_what_was_always_taken_is_taken_still(tmp_path: Path) -> None:
    TrackerConfig(user="a", user_folder=tmp_path, roi=(0, 0, 64, 64), hands=int(np.int64(2)))
    TrackerConfig(detector=np.bool_(True), min_confidence=np.float32(0.5), shape=None)
    SequenceConfig(presence=((0.5, float("inf")),), distance_m=[0.5, 0.6])
    SurfaceFitConfig(restart_m=float("inf"))


def test_intervals_of_a_sequence_are_pairs_in_order() -> None:
    for wrong in (((1.0, 0.5),), ((NAN, 1.0),), ((0.0, 1.0, 2.0),), (("0", "1"),)):
        with pytest.raises(
            ValueError, match=r"^sequence.presence is .*, want intervals \(start, stop\), start first"
        ):
            SequenceConfig(presence=wrong)
