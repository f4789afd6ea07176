"""Arguments that several sub-commands share."""

from __future__ import annotations

import argparse

import pytest

from hand_pose_ros.commands.arguments import intrinsics, require_all


def test_intrinsics_are_four_numbers() -> None:
    assert intrinsics("475,475.5,320,240") == (475.0, 475.5, 320.0, 240.0)
    for text in ("1,2,3", "1,2,3,4,5", "a,b,c,d", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="four numbers in pixels"):
            intrinsics(text)


def test_the_first_requirement_that_is_not_met_is_named() -> None:
    require_all((True, "a"), (True, "b"))
    with pytest.raises(ValueError, match="^b$"):
        require_all((True, "a"), (False, "b"), (False, "c"))
