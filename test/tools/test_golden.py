"""The comparison of results before and after a change sees every difference, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not here: source a distribution, or run make build")


@pytest.fixture(scope="module")
def golden(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("tools/golden.py")


BEFORE = {"a": np.array([1.0, np.nan]), "b": np.arange(3)}


@pytest.mark.parametrize(
    "now, lines",
    [
        ({}, []),
        ({"a": np.array([1.0 + 2**-52, np.nan])}, ["a: differs, by 2.22e-16 at most"]),
        ({"a": np.array([1.0, np.nan], np.float32)}, ["a: float64(2,) before, float32(2,) now"]),
        ({"b": np.arange(4)}, ["b: int64(3,) before, int64(4,) now"]),
        ({"c": np.zeros(1)}, ["c: only now"]),
    ],
)
def test_every_difference_is_a_line_and_another_hash(golden: ModuleType, now, lines) -> None:
    now = BEFORE | now
    assert list(golden.differences(BEFORE, now)) == lines
    assert (golden.digest(BEFORE) == golden.digest(now)) == (not lines)


def test_array_that_is_gone_is_named(golden: ModuleType) -> None:
    assert list(golden.differences(BEFORE, {"a": BEFORE["a"]})) == ["b: only before"]


def test_order_of_the_arrays_does_not_matter(golden: ModuleType) -> None:
    assert golden.digest(dict(reversed(BEFORE.items()))) == golden.digest(BEFORE)
