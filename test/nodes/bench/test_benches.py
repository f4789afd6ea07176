"""The benches over DDS, short: the node outlives hostile messages, and holds no more threads and files with time."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")

from hand_pose_ros.evaluation.process_usage import Growth
from hand_pose_ros.nodes.bench.fuzz import fuzz_node
from hand_pose_ros.nodes.bench.soak import SoakFigures, soak_node


@pytest.mark.slow
def test_hostile_messages_change_nothing(tmp_path: Path) -> None:
    figures = fuzz_node(150, 5, tmp_path)
    assert figures.problems == [], figures.notes
    assert figures.frames == 150


@pytest.mark.slow
def test_a_short_run_holds_its_threads_and_files(tmp_path: Path) -> None:
    """Memory is judged by the long run only: that of the first minute still grows by what is met for the first time."""
    figures = soak_node(0.5, 10.0, tmp_path)
    assert not figures.died
    assert figures.tracebacks == 0
    assert figures.answered > 0.5 * figures.frames
    assert figures.hands > 0
    assert figures.growth is not None
    assert figures.growth.threads[0] == figures.growth.threads[1]
    assert figures.growth.files[0] == figures.growth.files[1]


def test_a_node_that_grows_is_a_problem() -> None:
    def figures(**changes: object) -> SoakFigures:
        held = {
            "resident_mb": 500.0,
            "resident_percent": 0.4,
            "threads": (12, 12),
            "files": (40, 40),
        } | changes
        return SoakFigures(20.0, 60.0, 120.0, 72_000, 40_000, 40_000, False, 0, Growth(**held))  # type: ignore[arg-type]

    assert figures().problems == []
    assert figures(resident_percent=1.5).problems == ["memory grew by 1.50 %"]
    assert figures(files=(40, 41)).problems == ["files went from 40 to 41"]
