"""The wheel: weights, meshes and configuration are inside the package, and are found from it without ROS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

setuptools = pytest.importorskip("setuptools")

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("assets", "config", "hand_pose_ros", "models", "msg", "urdf")
FILES = ("LICENSE", "MANIFEST.in", "README.md", "package.xml", "pyproject.toml")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        int(setuptools.__version__.split(".")[0]) < 77, reason="pyproject.toml wants setuptools 77"
    ),
]

OF_ROS = ("rclpy", "ament_index_python", "sensor_msgs", "std_msgs", "launch", "tf2_ros")
WITHOUT_ROS = f"""
import sys
for name in {OF_ROS}:
    sys.modules[name] = None  # an import of it fails
"""
FOUND = (
    WITHOUT_ROS
    + """
from pathlib import Path
import hand_pose_ros
from hand_pose_ros import resources
from hand_pose_ros.depth.camera_presets import camera_preset, preset_names
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.recording.ros_types import type_store
from hand_pose_ros.refine.bone_prior import load_bone_prior
from hand_pose_ros.retarget.robot_config import read_robot, robot_file
from hand_pose_ros.synthetic.mesh import MESH_NAMES, load_hand_mesh
inside = Path(hand_pose_ros.__file__).parent / "share"
print(inside)
assert resources.resource("package.xml").parent == inside
for name in resources.SHIPPED_MODELS:
    load_checkpoint(resources.model_file(name))
for name in preset_names():
    camera_preset(name)
for name in MESH_NAMES:
    load_hand_mesh(name)
load_bone_prior()
read_robot(robot_file("allegro", "right"))
type_store()
"""
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel, built from a copy of the sources, was unpacked into."""
    folder = tmp_path_factory.mktemp("wheel")
    source, out, site = folder / "source", folder / "out", folder / "site"
    (source / "tools").mkdir(parents=True)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*FILES, "tools/wheel_data.py"):
        shutil.copy(ROOT / name, source / name)
    out.mkdir()
    program = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", program, str(out)], cwd=source, check=True, capture_output=True, text=True
    )
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def names_in(folder: Path) -> set[str]:
    """Files in a folder, without what Python compiled."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in files}


def test_it_holds_the_package_and_its_data(unpacked: Path) -> None:
    package = unpacked / "hand_pose_ros"
    share = names_in(package / "share")
    for folder in FOLDERS:
        if folder != "hand_pose_ros":
            assert {name for name in names_in(ROOT / folder) if f"{folder}/{name}" not in share} == set()
    assert names_in(ROOT / "hand_pose_ros") == {n for n in names_in(package) if not n.startswith("share/")}
    assert {path.name.split("-")[0] for path in unpacked.iterdir()} == {"hand_pose_ros"}


def run(unpacked: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the unpacked wheel first on its path, in another folder."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ROS_", "AMENT_"))}
    environment["PYTHONPATH"] = os.pathsep.join([str(unpacked), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_its_data_is_found_without_ros(unpacked: Path, tmp_path: Path) -> None:
    answer = run(unpacked, tmp_path, "-c", FOUND)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == str(unpacked / "hand_pose_ros" / "share")


def test_the_command_runs_without_ros(unpacked: Path, tmp_path: Path) -> None:
    for (
        name
    ) in OF_ROS:  # in the folder that it runs in, and so first on the path: for the processes it starts, too
        absent = f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')"
        (tmp_path / f"{name}.py").write_text(absent, encoding="utf-8")
    program = "import sys; from hand_pose_ros.commands.main import main; sys.exit(main(sys.argv[1:]))"
    answer = run(unpacked, tmp_path, "-c", program, "doctor", "--no-self-test")
    assert f"in {unpacked / 'hand_pose_ros'}" in answer.stdout, answer.stderr
    assert "ROS 2: none in this shell" in answer.stdout
