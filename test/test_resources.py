"""resources: shipped files are found from the sources, from a copied install, and their absence is said."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from hand_pose_ros import resources
from hand_pose_ros.tracking.config import TrackerConfig

ROOT = Path(__file__).resolve().parents[1]


def test_version_is_that_of_package_xml() -> None:
    assert resources.package_version() == ElementTree.parse(ROOT / "package.xml").getroot().findtext(
        "version"
    )


def test_shipped_files_are_found() -> None:
    assert resources.resource("package.xml").is_file()
    assert resources.resource("config/fastdds.xml").is_file()


def test_models_are_named_or_given_as_paths(tmp_path: Path) -> None:
    default = resources.resource("models", "default.safetensors")
    assert resources.model_file() == resources.model_file("") == resources.model_file("default") == default
    assert resources.model_file("small") == resources.resource("models", "small.safetensors")
    assert resources.model_file(tmp_path / "own.safetensors") == tmp_path / "own.safetensors"
    assert resources.model_file("./small") == Path("small")


@pytest.mark.parametrize("name", resources.SHIPPED_WEIGHTS)
def test_every_shipped_name_is_a_file(name: str) -> None:
    assert resources.model_file(name).is_file()
    assert {path.stem for path in resources.resource("models").glob("*.safetensors")} == {
        *resources.SHIPPED_WEIGHTS
    }


def test_what_is_no_name_of_weights_is_refused_by_its_kind() -> None:
    with pytest.raises(
        ValueError, match=r"model is a TrackerConfig, want .* default, small, .*config="
    ) as refused:
        resources.model_file(TrackerConfig())  # type: ignore[arg-type]
    assert len(str(refused.value)) < 200


def test_a_recipe_goes_on_from_the_shipped_weights_wherever_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = resources.resource("models", "default.safetensors")
    assert resources.start_file("models/default.safetensors") == resources.start_file("default") == shipped
    assert resources.start_file("runs/absent.safetensors") == Path("runs/absent.safetensors")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "default.safetensors").touch()
    assert resources.start_file("models/default.safetensors") == Path("models/default.safetensors")


def test_the_users_own_folder_is_put_in_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert resources.expanded("~/a.urdf") == Path("/home/anna/a.urdf")
    for name in ("~nobody_of_this_name/a", "a~", "/a/~"):
        assert resources.expanded(name) == resources.model_file(name) == Path(name)
    assert resources.model_file("~/a.safetensors") == Path("/home/anna/a.safetensors")


def test_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="models/absent.safetensors"):
        resources.resource("models/absent.safetensors")


@pytest.mark.parametrize(
    "packages",
    ["lib/python3.12/site-packages", "local/lib/python3.10/dist-packages"],
    ids=["usual", "debian"],
)
def test_copied_install_finds_its_own_share(tmp_path: Path, packages: str) -> None:
    package = tmp_path / packages / "hand_pose_ros"
    package.mkdir(parents=True)
    shutil.copy(ROOT / "hand_pose_ros" / "resources.py", package)
    (package / "__init__.py").touch()
    share = tmp_path / "share" / "hand_pose_ros"
    (share / "models").mkdir(parents=True)
    (share / "models" / "one.safetensors").touch()
    shutil.copy(ROOT / "package.xml", share)
    program = "from hand_pose_ros.resources import resource; print(resource('models/one.safetensors'))"
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(package.parent), "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(answer.stdout.strip()) == (share / "models" / "one.safetensors").resolve()
