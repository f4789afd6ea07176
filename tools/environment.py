#!/usr/bin/env python3
"""Make, or bring up to date, the virtual environment with ROS 2 from wheels that `make` works in.

In: the Python that runs this file (3.10 to 3.13), requirements/*.txt, pyproject.toml.
Out: the folder given as the only argument, with everything installed and fit for colcon. It is left alone
when nothing that it was made from has changed. Exit status 2 with one line when this machine cannot have it.

TORCH in the environment says which torch: empty for PyPI's, which brings CUDA, or cpu.

With --distribution nothing is installed: it only names the Python packages that the sourced distribution lacks.
"""

from __future__ import annotations

import argparse
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
    "yaml": "pyyaml",
    "rosbags": "rosbags",
}

# What the package uses where it is installed, from Python 3.11 on, and does without elsewhere.
BACKEND_MODULES = {"onnxruntime": "onnxruntime"}

# The same of the extras [openvino] and [export].
OPENVINO_MODULES = {"openvino": "openvino"}
EXPORT_MODULES = {"onnx": "onnx", "onnxscript": "onnxscript"}

# The same of what only training and figures need: the extra [train] of pyproject.toml.
TRAINING_MODULES = {"matplotlib": "matplotlib"}


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


# GB: (download, on disk). Measured with Python 3.11 (what pip says, du -sB1 .venv), but for
# the download without CUDA: estimated from the wheel of torch, 0.2, and what is on the disk besides.
SIZES_GB = {"": (3.0, 6.3), "cpu": (0.7, 2.3)}

# Where builds of torch other than PyPI's lie, by the value of TORCH.
TORCH_INDEX = {"cpu": "https://download.pytorch.org/whl/cpu"}

# What CMake's lists, make's rules, PATH-like variables and shebang lines cannot carry in a path.
WRONG_IN_PATH = re.compile(r"[^\w./+@=,~-]", re.ASCII)


def require_path(environment: Path) -> None:
    """Before anything is downloaded: what builds the messages cannot work in every folder."""
    wrong = sorted(set(WRONG_IN_PATH.findall(str(environment))))
    if wrong:
        named = ", ".join("a space" if letter == " " else f"'{letter}'" for letter in wrong)
        fail(
            f"the path '{environment.parent}' holds {named}; the tools that build ROS messages cannot take that: "
            "move the folder to a path of ASCII letters, digits and . _ - + @ = , ~"
        )


def torch_choice() -> str:
    """The value of TORCH: a key of SIZES_GB."""
    choice = os.environ.get("TORCH", "")
    if choice not in SIZES_GB:
        fail(f"TORCH is '{choice}', want cpu, or nothing for the torch with CUDA")
    return choice


def require_space(environment: Path, needed_gb: float) -> None:
    """Room on the disk, with what unpacking takes."""
    free_gb = shutil.disk_usage(environment.parent).free / 1e9
    if free_gb < needed_gb:
        fail(f"{needed_gb:g} GB are needed in '{environment.parent}', {free_gb:.1f} are free")


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


def run(step: str, *command: str | Path, otherwise: str = "") -> None:
    """Runs a step; where it fails, its name and what the user can do ``otherwise`` are the last line."""
    print(f"environment: {step}", flush=True)
    # setuptools warns about things that are meant so: an editable installation, a flat layout.
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if subprocess.run([str(word) for word in command], cwd=ROOT, env=quiet).returncode:
        fail(f"this step failed: {step}" + (f"; {otherwise}" if otherwise else ""))


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


def place_of(environment: Path) -> Path | None:
    """The folder that its programs name, which is where it was made; None where they name none."""
    try:
        with (environment / "bin" / "pip").open("rb") as file:
            named = re.fullmatch(rb"#!(/.+)/bin/python[\d.]*\n", file.readline(4096))
    except OSError:
        return None
    return Path(os.fsdecode(named[1])) if named else None


def settle(environment: Path) -> bool:
    """Whether the environment was brought here from another place: its programs, which would run that place's Python,
    or none, name this one now. One that is only linked is refused: it would be changed for this folder."""
    place = place_of(environment)
    if place in (None, environment):
        return False
    if environment.is_symlink():
        fail(
            f"'{environment}' is a link to '{environment.resolve()}', which was made for '{place.parent}' and would be"
            " changed for this folder: remove the link, and make env makes one here"
        )
    print(f"environment: it was made in '{place}', its programs are told where they are now", flush=True)
    old, new = os.fsencode(place), os.fsencode(environment)
    cmake = environment.glob("share/*/cmake/*.cmake")  # as mend_cmake_files left them
    for path in [*(environment / "bin").iterdir(), environment / "pyvenv.cfg", *cmake]:
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if old in data and b"\0" not in data:
                path.write_bytes(data.replace(old, new))
    return True


def extras() -> str:
    """The extras of pyproject.toml that the environment has: what has wheels for this Python."""
    return "train,dev" if sys.version_info < (3, 11) else "train,export,dev"


def install(environment: Path) -> None:
    pip: list[str | Path] = [python_of(environment), "-m", "pip", "install", "--disable-pip-version-check"]
    pip += ["-c", REQUIREMENTS / "constraints.txt"]
    quiet = ("-q", "--progress-bar", "on")  # a bar for each file, not a line for each thought
    choice = torch_choice()
    download_gb, disk_gb = SIZES_GB[choice]
    if not any(environment.glob("lib/python3.*/site-packages/torch")):
        require_space(environment, disk_gb)
        with_what = (
            "with torch for the CPU only" if choice else "4.6 of it torch with CUDA; make TORCH=cpu: without"
        )
        print(
            f"environment: about {download_gb:g} GB are downloaded and {disk_gb:g} GB used on disk ({with_what})",
            flush=True,
        )
    run("1/4 pip and setuptools", *pip, "-q", "pip", "setuptools")
    if choice:
        # Without what it needs: that comes from the usual index, in the versions of the constraints.
        index = TORCH_INDEX[choice]
        run(
            f"2/4 torch from {index}", *pip, *quiet, "--no-deps", "--index-url", index, "torch",
            otherwise=f"where {index.split('/')[2]} is not reached, leave TORCH={choice} out: PyPI's torch"
            f" ({SIZES_GB[''][1]:g} GB on disk, with CUDA) works without a GPU, too",
        )  # fmt: skip
    else:
        run("2/4 torch, the largest part", *pip, *quiet, "torch")
    # Not isolated: an isolated build would fetch a setuptools of its own, past the constraints.
    run(
        "3/4 the other packages",
        *pip, *quiet, "--no-build-isolation", "-r", REQUIREMENTS / "ros.txt", "-e", f".[{extras()}]",
    )  # fmt: skip


def mend_cmake_files(environment: Path) -> None:
    """The wheels' CMake files name the Python of the machine that built them; make them name this one."""
    print("environment: 4/4 CMake files of the wheels", flush=True)
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
    require_path(environment)
    stamp = environment / "made-from"
    wanted = fingerprint()
    if settle(environment):
        stamp.unlink(missing_ok=True)
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
    if sys.version_info >= (3, 11) and lacking_of(BACKEND_MODULES):
        print(
            "environment: without onnxruntime the networks take longer (pip install onnxruntime)",
            file=sys.stderr,
        )
    lacking = lacking_of(TRAINING_MODULES)
    if lacking:
        print(f"environment: training, figures and their tests need {' '.join(lacking)} too", file=sys.stderr)


def main() -> None:
    """Make the environment, or look at the distribution."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "folder", nargs="?", help="where the environment is, or is to be, relative to the repository"
    )
    what.add_argument(
        "--distribution", action="store_true", help="only name what the sourced distribution lacks"
    )
    given = parser.parse_args()
    if given.distribution:
        check_distribution()
    else:
        make(ROOT / given.folder)


if __name__ == "__main__":
    main()
