"""What brings a package is said as the project declares it."""

from __future__ import annotations

import importlib.abc
import re
import sys
from pathlib import Path

import pytest

from hand_pose_ros.packages import PACKAGES, Package, how_to_get
from hand_pose_ros.retarget import dexi_engine

ROOT = Path(__file__).resolve().parents[1]
NEEDED_FOR_SPEED = "onnxruntime"
"""Declared as a dependency, and tracking does without it."""


def declared(table: str) -> dict[str, set[str]]:
    """Names of the distributions of each list in a table of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition(f"[{table}]\n")[2]
    text = re.split(r"^\[", text, flags=re.MULTILINE)[0]
    lists = re.findall(r"^([\w-]+) = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL)
    return {name: set(re.findall(r'"([\w-]+)[^"]*",?', content)) for name, content in lists}


def test_packages_are_those_that_the_project_declares() -> None:
    needed = {package.distribution for package in PACKAGES if not package.use}
    assert needed == declared("project")["dependencies"] - {NEEDED_FOR_SPEED}
    extras = declared("project.optional-dependencies")
    more = set().union(*(names for extra, names in extras.items() if extra != "dev"))
    assert {package.distribution for package in PACKAGES if package.use} == more | {NEEDED_FOR_SPEED}
    assert how_to_get("dexi_rs") == f"pip install dexi-rs=={dexi_engine.VERSION}"


def test_what_make_installs_is_what_is_needed(load_tool) -> None:
    needed = {package.module for package in PACKAGES if not package.use}
    assert needed == {*load_tool("tools/environment.py").RUNTIME_MODULES}


@pytest.mark.parametrize(
    "module, how",
    [
        ("torch", "pip install torch"),
        ("torch.onnx", "pip install torch"),
        ("cv2", "pip install opencv-python-headless"),
        ("yaml", "pip install pyyaml"),
        ("onnx", "pip install onnx onnxscript"),
        ("onnxscript", "pip install onnx onnxscript"),
        ("matplotlib.figure", "pip install matplotlib"),
        ("rosbags.highlevel", "pip install rosbags"),
        ("package_of_no_one", ""),
        ("hand_pose_ros.absent", ""),
    ],
)
def test_the_name_for_pip_is_said(module: str, how: str) -> None:
    assert how_to_get(module) == how


@pytest.mark.parametrize(
    "module", ["rclpy", "rclpy.node", "sensor_msgs.msg", "rcl_interfaces", "std_srvs", "tf2_ros"]
)
def test_ros_is_no_package_of_pip(module: str) -> None:
    how = how_to_get(module)
    assert "source" in how
    assert "make build" in how
    assert "pip" not in how


def test_messages_are_built() -> None:
    assert "colcon build" in how_to_get("hand_pose_ros.msg")


def test_what_cannot_be_found_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name == "absent_by_force":
                raise ModuleNotFoundError(name)

    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    monkeypatch.setitem(sys.modules, "absent_by_name", None)
    assert Package("numpy", "numpy").there
    for name in ("absent_by_force", "absent_by_name", "absent"):
        assert not Package(name, name).there
        assert Package(name, name).version == ""
