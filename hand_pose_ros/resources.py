"""Where the files that belong to the package lie: weights, meshes, configuration.

In: a path relative to the repository's root, whole or in parts, such as ``models/default.safetensors``.
Out: the absolute path of it, wherever the package runs from: the sources, a colcon install (linked or copied), a wheel,
which holds them in ``hand_pose_ros/share``. Needs no ROS.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

SHIPPED_MODELS: tuple[str, ...] = ("default", "small")
"""Weights of the pose network in models/, by name; the first is taken when none is named."""

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


def resource(*parts: str) -> Path:
    """The absolute path of a file or folder of the package; raises FileNotFoundError when it is not there."""
    relative = Path(*parts)
    path = _root() / relative
    if not path.exists():
        raise FileNotFoundError(
            f"{relative} is not in {_root()}: not shipped, or the installation is incomplete"
        )
    return path


def model_file(model: str | Path | None = None) -> Path:
    """The weights that a user names: empty for the shipped default, one of SHIPPED_MODELS by its name, else a path.

    A file of that name in the working directory is only meant when it is written as a path (``./small``).
    FileNotFoundError when a shipped model is not there.
    """
    name = str(model or SHIPPED_MODELS[0])
    return resource("models", f"{name}.safetensors") if name in SHIPPED_MODELS else expanded(name)


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
