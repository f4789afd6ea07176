"""Where the files that belong to the package lie: weights, meshes, configuration.

In: a path relative to the repository's root, whole or in parts, such as ``models/default.safetensors``.
Out: the absolute path of it, wherever the package runs from: the sources, a colcon install (linked or copied), a wheel,
which holds them in ``hand_pose_ros/share``. Needs no ROS.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path

SHIPPED_MODELS: tuple[str, ...] = ("default", "small")
"""Weights of the pose network in models/, by name; the first is taken when none is named."""
SHIPPED_DETECTOR = "detector"
"""Weights of the full-frame detector there."""
SHIPPED_WEIGHTS: tuple[str, ...] = (*SHIPPED_MODELS, SHIPPED_DETECTOR)
"""All weights in models/, by name."""
MOST_SHIPPED_BYTES = 16 * 2**20
"""No file in models/ is larger. Chosen when the package was designed: all of it is in the repository."""

_SHARE = Path("share", "hand_pose_ros")


@lru_cache(maxsize=1)
def _root() -> Path:
    # A wheel has its own. A linked install resolves to the sources. A copied one lies some levels under the prefix that
    # has share/.
    package = Path(__file__).resolve().parent
    above = (candidate for folder in package.parents for candidate in (folder, folder / _SHARE))
    for candidate in (package / "share", *above):
        manifest = candidate / "package.xml"
        if manifest.is_file() and "<name>hand_pose_ros</name>" in manifest.read_text(encoding="utf-8"):
            return candidate
    raise FileNotFoundError(
        f"no package.xml of hand_pose_ros above {package}, nor in any {_SHARE} there: the installation is incomplete"
    )


def resource(*parts: str | Path) -> Path:
    """The absolute path of a file or folder of the package; raises FileNotFoundError when it is not there."""
    relative = Path(*parts)
    path = _root() / relative
    if not path.exists():
        raise FileNotFoundError(
            f"{relative} is not in {_root()}: not shipped, or the installation is incomplete"
        )
    return path


def model_file(model: str | Path | None = None) -> Path:
    """The weights that a user names: empty for the shipped default, one of SHIPPED_WEIGHTS by its name, else a path.

    A file of that name in the working directory is only meant when it is written as a path (``./small``).
    FileNotFoundError when shipped weights are not there, ValueError for what is neither a name nor a path.
    """
    if not isinstance(model, str | os.PathLike | None):
        raise ValueError(
            f"model is a {type(model).__name__}, want a weights file or one of {', '.join(SHIPPED_WEIGHTS)}"
            " (a configuration goes in as config=)"
        )
    name = str(model or SHIPPED_MODELS[0])
    return resource("models", f"{name}.safetensors") if name in SHIPPED_WEIGHTS else expanded(name)


def start_file(weights: str) -> Path:
    """The weights that a recipe goes on from, as :func:`model_file`; a relative path to what is not in the working
    directory is the package's own file, where it has one: ``models/default.safetensors`` means the shipped weights from
    wherever a training is started."""
    path = model_file(weights)
    if path.is_absolute() or path.exists():
        return path
    try:
        return resource(path)
    except FileNotFoundError:
        return path


def expanded(path: str | Path) -> Path:
    """The path with ``~`` as the user's own folder, which no shell has put in where the text came from a file or a
    launch argument; as it stands where that is not known."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def package_version() -> str:
    """The version in package.xml, such as ``0.2.0``."""
    match = re.search(r"<version>([^<]+)</version>", resource("package.xml").read_text(encoding="utf-8"))
    if match is None:
        raise ValueError("package.xml has no <version>")
    return match.group(1)
