"""The step of ``pip wheel .`` that puts weights, meshes and configuration into the package, as ``hand_pose_ros/share``.

In: the repository. Out: ``share/`` in the built package, where ``hand_pose_ros/resources.py`` finds it however the
wheel is unpacked. A colcon build installs the same folders by CMakeLists.txt; an editable installation uses the
sources' own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent.parent
FOLDERS: tuple[str, ...] = ("assets", "config", "models", "msg", "urdf")
FILES: tuple[str, ...] = ("package.xml", "LICENSE")


class BuildWithData(build_py):
    """setuptools' step for Python files, and the data after it."""

    def run(self) -> None:
        """Build the package, then copy the data into it."""
        package = Path(self.build_lib) / "hand_pose_ros"
        if not self.editable_mode:
            shutil.rmtree(package, ignore_errors=True)  # of an earlier build, with files that are gone since
        super().run()
        if not self.editable_mode:
            share = package / "share"
            for folder in FOLDERS:
                shutil.copytree(ROOT / folder, share / folder)
            for file in FILES:
                shutil.copy2(ROOT / file, share)
