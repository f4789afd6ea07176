"""``hand-pose evaluate-detector``: options that the asked-for measurement would not look at."""

from __future__ import annotations

import pytest

from hand_pose_ros.commands.main import main


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--model", "small"], "--model goes with --search"),
        (["--frames", "5"], "--frames goes with --search"),
        (["--start-odds", "3"], "--start-odds goes with --search"),
        (["--lookalikes"], "--lookalikes goes with --search"),
        (["--search", "--every", "5"], "--every is of the sequences"),
    ],
)
def test_options_that_nothing_looks_at_are_refused(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate-detector", *arguments]) == 2
    assert problem in capsys.readouterr().err
