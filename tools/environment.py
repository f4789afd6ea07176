#!/usr/bin/env python3
"""Make, or bring up to date, the virtual environment with ROS 2 from wheels that `make` works in.

In: the Python that runs this file (3.10 to 3.13), requirements/*.txt, pyproject.toml.
Out: the folder given as the only argument, with everything installed and fit for colcon. It is left alone
when nothing that it was made from has changed. Exit status 2 with one line when this machine cannot have it.

With --distribution nothing is installed: it only names the Python packages that the sourced distribution lacks.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
OLDEST, NEWEST = (3, 10), (3, 13)

# Import names of what the package needs beside ROS, and what pip calls them.
RUNTIME_MODULES = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "numba": "numba",
    "cv2": "opencv-python-headless<5",
    "safetensors": "safetensors",
    "rich": "rich",
    "tqdm": "tqdm",
    "PIL": "pillow",
}

# The same of what only training and figures need: the extra [train] of pyproject.toml.
TRAINING_MODULES = {"matplotlib": "matplotlib", "yaml": "pyyaml"}


def fail(message: str) -> NoReturn:
    print(f"environment: {message}", file=sys.stderr)
    raise SystemExit(2)


def require_python() -> None:
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        fail(
            f"Python 3.10 to 3.13 is needed, {sys.executable} is {platform.python_version()}; "
            "name another one: make PYTHON=python3.12 ..."
        )


def require_machine() -> None:
    """What must come from the operating system, with the command that brings it."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        fail(
            f"ROS 2 wheels exist for x86_64 Linux, this is {platform.machine()} {sys.platform}; "
            "source a ROS 2 distribution instead"
        )
    lacking = []
    if importlib.util.find_spec("ensurepip") is None:
        lacking.append("python3-venv")
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        lacking.append("python3-dev")
    if shutil.which("c++") is None:
        lacking.append("g++")
    if lacking:
        fail(f"missing on this machine: {' '.join(lacking)} (apt install {' '.join(lacking)})")


def fingerprint() -> str:
    """Changes when anything that the environment is made from changes."""
    digest = hashlib.sha256(f"{sys.version} {sys.base_prefix} {ROOT}".encode())
    # Of pyproject.toml only what is installed: the settings of the linter are below.
    project = (ROOT / "pyproject.toml").read_text().split("[build-system]")[0]
    digest.update(project.encode())
    for path in [*sorted(REQUIREMENTS.glob("*.txt")), Path(__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def run(step: str, *command: str | Path) -> None:
    print(f"environment: {step}", flush=True)
    # setuptools warns about things that are meant so: an editable installation, a flat layout.
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if subprocess.run([str(word) for word in command], cwd=ROOT, env=quiet).returncode:
        fail(f"this step failed: {step}")


def create(environment: Path) -> None:
    """A new virtual environment, unless there is one with this Python already."""
    python = python_of(environment)
    if python.exists():
        asked = subprocess.run(
            [str(python), "-c", "import sys; print(sys.base_prefix, sys.version)"],
            capture_output=True,
            text=True,
        )
        if asked.stdout.strip() == f"{sys.base_prefix} {sys.version}":
            return
    step = f"Python {platform.python_version()} in {environment.name}/"
    run(step, sys.executable, "-m", "venv", "--clear", environment)


def install(environment: Path) -> None:
    pip: list[str | Path] = [python_of(environment), "-m", "pip", "install", "--disable-pip-version-check"]
    pip += ["-c", REQUIREMENTS / "constraints.txt"]
    run("1/3 pip and setuptools", *pip, "-q", "pip", "setuptools")
    # Not isolated: an isolated build would fetch a setuptools of its own, past the constraints.
    run(
        "2/3 packages (about 2 GB and a minute or two the first time)",
        *pip, "--no-build-isolation", "-r", REQUIREMENTS / "ros.txt", "-e", ".[train,dev]",
    )  # fmt: skip


def mend_cmake_files(environment: Path) -> None:
    """The wheels' CMake files name the Python of the machine that built them; make them name this one."""
    print("environment: 3/3 CMake files of the wheels", flush=True)
    code = (
        "import numpy, sysconfig; paths = sysconfig.get_paths();"
        "print(paths['include'], paths['platlib'], numpy.get_include(), sep='\\n')"
    )
    asked = subprocess.run(
        [str(python_of(environment)), "-c", code], capture_output=True, text=True, check=True
    )
    include, packages, numpy_include = asked.stdout.split("\n")[:3]
    prefix = r"/opt/python/cp\d+-cp\d+"
    replacements = (
        (re.compile(prefix + r"/lib/python3\.\d+/site-packages/numpy/_?core/include"), numpy_include),
        (re.compile(prefix + r"/lib/python3\.\d+/site-packages"), packages),
        (re.compile(prefix + r"/include/python3\.\d+"), include),
    )
    for path in environment.glob("share/*/cmake/*.cmake"):
        text = mended = path.read_text()
        for pattern, there in replacements:
            mended = pattern.sub(there.replace("\\", r"\\"), mended)
        if mended != text:
            path.write_text(mended)


def make(environment: Path) -> None:
    require_python()
    stamp = environment / "made-from"
    wanted = fingerprint()
    if not stamp.exists() or stamp.read_text() != wanted:
        require_machine()
        stamp.unlink(missing_ok=True)
        create(environment)
        install(environment)
        mend_cmake_files(environment)
        stamp.write_text(wanted)
    stamp.touch()


def lacking_of(modules: Mapping[str, str]) -> list[str]:
    """What pip calls those of the modules that this Python cannot import."""
    return [pip for module, pip in modules.items() if importlib.util.find_spec(module) is None]


def check_distribution() -> None:
    require_python()
    lacking = lacking_of(RUNTIME_MODULES)
    if lacking:
        fail(f"{sys.executable} lacks: {' '.join(lacking)} (rosdep install, or pip install)")
    lacking = lacking_of(TRAINING_MODULES)
    if lacking:
        print(f"environment: training, figures and their tests need {' '.join(lacking)} too", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        fail("usage: environment.py (<folder> | --distribution)")
    if sys.argv[1] == "--distribution":
        check_distribution()
    else:
        make(ROOT / sys.argv[1])
