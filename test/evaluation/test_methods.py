"""Names of methods on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hand_pose_ros.evaluation.methods import named_files
from hand_pose_ros.resources import model_file, resource


def test_names_of_methods():
    assert named_files(["a/b.txt", "My method=c.txt"]) == [
        ("b", Path("a/b.txt")),
        ("My method", Path("c.txt")),
    ]
    with pytest.raises(ValueError, match="two methods are named 'b'"):
        named_files(["a/b.txt", "c/b.txt"])


def test_networks_may_be_shipped_ones_by_name() -> None:
    small, default = (resource("models", f"{name}.safetensors") for name in ("small", "default"))
    assert named_files(["small", "as shipped=default", "own=./small"], model_file) == [
        ("small", small),
        ("as shipped", default),
        ("own", Path("small")),
    ]
