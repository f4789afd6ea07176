"""The examples run as they stand."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.motion import SyntheticMotion

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test" / "recording"))

pytestmark = pytest.mark.slow


def test_every_example_is_run_here() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == {
        "library_plot",
        "bag_to_angles",
        "two_hands",
        "mujoco_hand",
    }


def test_the_example_that_needs_a_window_compiles_and_hears_the_robots_commands() -> None:
    """MuJoCo's viewer opens a window, so the rest of it is not run here."""
    text = (ROOT / "examples" / "mujoco_hand.py").read_text(encoding="utf-8")
    compile(text, "mujoco_hand.py", "exec")
    topics = (ROOT / "hand_pose_ros" / "nodes" / "topics.py").read_text(encoding="utf-8")
    (topic,) = re.findall(r'create_subscription\(JointState, "(\w+)"', text)
    assert f'"{topic}"' in topics


def test_the_library_plots_angles(load_tool, tmp_path, capsys) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [train]")
    load_tool("examples/library_plot.py").main(tmp_path / "angles.png")
    assert (tmp_path / "angles.png").stat().st_size > 1000
    assert capsys.readouterr().out.count("right hand") > 20


def test_a_bag_becomes_angles(load_tool, tmp_path, capsys) -> None:
    pytest.importorskip("rosbags", reason="bags are read with rosbags")
    from bags import write_frames

    camera = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)
    motion = SyntheticMotion(3, camera)
    frames = [np.nan_to_num(motion.frame(index / 30.0)[0] * 1000).astype(np.uint16) for index in range(8)]
    load_tool("examples/bag_to_angles.py").main(write_frames(tmp_path / "bag", frames, camera))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("time_s side thumb_cmc_abduction")
    assert len(lines) > 5
    assert all(len(line.split()) == 22 for line in lines)


def test_two_hands_are_told_apart(load_tool, capsys) -> None:
    load_tool("examples/two_hands.py").main(1.0)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 15
    assert sum("right and left" in line or "left and right" in line for line in lines) > 5
