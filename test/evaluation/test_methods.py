"""Names of methods on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hand_pose_ros.evaluation.methods import named_files


def test_names_of_methods():
    assert named_files(["a/b.txt", "My method=c.txt"]) == [
        ("b", Path("a/b.txt")),
        ("My method", Path("c.txt")),
    ]
    with pytest.raises(ValueError, match="two methods are named 'b'"):
        named_files(["a/b.txt", "c/b.txt"])
