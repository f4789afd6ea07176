"""The model zoo names the files that ship, by their hashes, and the recipes that made them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.training.config import config_from_dict, load_config

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "model_zoo.md").read_text(encoding="utf-8")
HISTORY = sorted((ROOT / "config" / "train" / "history").glob("*.yaml"))


def test_every_file_is_there_with_its_hash() -> None:
    rows = dict(re.findall(r"^\| `([\w.]+)` \| `([0-9a-f]{64})` \|", PAGE, re.MULTILINE))
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (ROOT / "models").iterdir()}
    assert rows == files
    described = re.findall(r"^\| `([\w.]+)` \| [^`]", PAGE.split("## Hashes")[0], re.MULTILINE)
    assert sorted(described) == sorted(files)


@pytest.mark.parametrize("path", HISTORY, ids=lambda path: path.stem)
def test_recipes_of_shipped_weights_are_read_and_named(path: Path) -> None:
    load_config(path)
    assert f"(../{path.relative_to(ROOT).as_posix()})" in PAGE


@pytest.mark.slow
@pytest.mark.parametrize("name, run", [("default", "default_11"), ("small", "small_6")])
def test_the_last_recipe_is_that_of_the_weights(name: str, run: str) -> None:
    _, info = load_checkpoint(ROOT / "models" / f"{name}.safetensors")
    stored = config_from_dict(info.training["config"]).to_dict()
    written = load_config(ROOT / "config" / "train" / "history" / f"{run}.yaml").to_dict()
    # Sensors are named in the recipe; what named none took the same ones.
    for values in (stored, written):
        values["data"].pop("sensors", None)
        if (
            values["loss"]["skeleton"] == 0.0
        ):  # a term that is not computed; its settings' defaults were others then
            values["loss"].pop("skeleton_difference")
    assert written == stored
