"""The examples run as they stand."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

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


MUJOCO_HAND = """<mujoco><option timestep="0.002" gravity="0 0 0"/><worldbody><body>
<joint name="x_curl" axis="0 1 0" damping="0.05"/><geom size="0.01" mass="0.02" pos="0 0 0.02"/><body pos="0 0 0.04">
<joint name="x_bend" axis="0 1 0" damping="0.05"/><geom size="0.01" mass="0.02" pos="0 0 0.02"/><body pos="0 0 0.04">
<joint name="x_tip" axis="0 1 0" damping="0.05"/><geom size="0.01" mass="0.02" pos="0 0 0.02"/></body></body></body>
</worldbody><tendon><fixed name="both"><joint joint="x_bend" coef="1"/><joint joint="x_tip" coef="2"/></fixed></tendon>
<actuator><position tendon="both" kp="2"/><position joint="x_curl" kp="2"/></actuator></mujoco>"""


def test_mujocos_hand_follows_the_commands(tmp_path, monkeypatch) -> None:
    """With a viewer that shows nothing: joints are where they were sent, tendons as long as their joints say."""
    mujoco = pytest.importorskip("mujoco", reason="mujoco is not installed")
    rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")
    JointState = pytest.importorskip("sensor_msgs.msg").JointState

    class Viewer:
        def __init__(self, model, data) -> None:
            self.data, self.end = data, time.monotonic() + 3.0
            self.node = rclpy.create_node("sender")
            self.commands = self.node.create_publisher(JointState, "joint_command", 5)

        def __enter__(self):
            return self

        def __exit__(self, *_) -> None:
            self.node.destroy_node()
            rclpy.shutdown()

        def is_running(self) -> bool:
            return time.monotonic() < self.end

        def sync(self) -> None:
            names, positions = ["tip", "curl", "unknown", "bend"], [0.2, 0.5, 9.0, 0.3]
            self.commands.publish(JointState(name=names, position=positions))

    module = ModuleType("mujoco.viewer")
    module.launch_passive = Viewer
    monkeypatch.setitem(sys.modules, "mujoco.viewer", module)
    monkeypatch.setattr(mujoco, "viewer", module, raising=False)
    (tmp_path / "hand.xml").write_text(MUJOCO_HAND)
    monkeypatch.setattr(sys, "argv", ["mujoco_hand.py", str(tmp_path / "hand.xml"), "x_"])
    data = runpy.run_path(str(ROOT / "examples" / "mujoco_hand.py"))["data"]
    assert data.joint("x_curl").qpos[0] == pytest.approx(0.5, abs=1e-2)
    assert data.tendon("both").length[0] == pytest.approx(0.3 + 2 * 0.2, abs=1e-2)


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


WITHOUT = """
import runpy, sys
sys.modules[{absent!r}] = None
sys.argv = {arguments!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    "name, argument, absent, told",
    [
        ("library_plot", "angles.png", "matplotlib", "library_plot needs matplotlib: pip install matplotlib"),
        ("mujoco_hand", "hand.xml", "mujoco", "mujoco_hand needs mujoco: pip install mujoco"),
        ("bag_to_angles", "bag", "rosbags", "bag_to_angles needs rosbags: pip install rosbags"),
        ("bag_to_angles", "absent", "", "bag_to_angles: 'absent' is not a folder of depth frames, nor a bag"),
    ],
)
def test_what_an_example_lacks_is_told_in_one_line(name, argument, absent, told, tmp_path) -> None:
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "metadata.yaml").touch()
    arguments = [str(ROOT / "examples" / f"{name}.py"), argument]
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=absent, arguments=arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 2, answer.stderr
    assert answer.stderr == f"{told}\n"
