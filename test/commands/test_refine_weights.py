"""``hand-pose refine-weights`` refuses arguments that make no sense before it computes anything."""

from __future__ import annotations

import pytest

from hand_pose_ros.commands.main import Parser
from hand_pose_ros.commands.refine_weights import add_arguments, run


@pytest.mark.parametrize("field,value", [("crops", 0), ("motions", 41), ("frames", 1), ("evaluations", -1)])
def test_arguments_that_make_no_sense_are_refused(field: str, value: int) -> None:
    parser = Parser()
    add_arguments(parser)
    with pytest.raises(ValueError, match=f"--{field}"):
        run(parser.parse_args([f"--{field}", str(value)]))
