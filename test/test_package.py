"""The house as a whole: imports point one way, what is declared agrees, what should be installed is."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "hand_pose_ros"

# A part imports itself and what stands before it here, so there are no circles. A new part needs its place.
ORDER = (
    "texts", "packages", "files", "validation", "senders", "config_files", "resources", "kernel_cache", "hand", "depth",
    "network", "refine", "synthetic", "visualization", "detection", "datasets", "tracking", "retarget", "recording",
    "evaluation", "training", "tuning", "nodes", "commands",
)  # fmt: skip

# ROS packages whose Python module is not of the same name.
ROS_PACKAGE_OF_MODULE = {"tf2_ros": "tf2_ros_py", "builtin_interfaces": "std_msgs"}

# Those that only the nodes may import.
ROS_MODULES = {
    "ament_index_python", "builtin_interfaces", "cv_bridge", "diagnostic_msgs", "geometry_msgs", "launch", "launch_ros",
    "lifecycle_msgs", "message_filters", "rcl_interfaces", "rclpy", "rosgraph_msgs", "rosidl_parser", "sensor_msgs",
    "std_msgs", "std_srvs", "tf2_msgs", "tf2_ros", "trajectory_msgs", "visualization_msgs",
}  # fmt: skip

# What rosdep calls the dependencies of pyproject.toml; it has no key for safetensors and rosbags.
ROSDEP_KEYS = {
    "matplotlib": "python3-matplotlib",
    "numba": "python3-numba",
    "numpy": "python3-numpy",
    "onnxruntime": "python3-onnxruntime-pip",
    "opencv-python-headless": "python3-opencv",
    "pillow": "python3-pil",
    "pyyaml": "python3-yaml",
    "rich": "python3-rich",
    "scikit-learn": "python3-sklearn",
    "scipy": "python3-scipy",
    "torch": "python3-pytorch-pip",
    "tqdm": "python3-tqdm",
}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imported_modules(path: Path) -> Iterator[str]:
    """Full names of what a file imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_part_has_its_place() -> None:
    assert {part_of(path) for path in sources()} <= set(ORDER)


@pytest.mark.slow
@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    place = ORDER.index(part_of(path))
    wrong = []
    for name in imported_modules(path):
        package, _, rest = name.partition(".")
        part = rest.split(".")[0]
        if package == "hand_pose_ros" and part != "msg" and ORDER.index(part) > place:
            wrong.append(name)
    assert not wrong, f"{part_of(path)} stands before these in the order of the house"


def test_no_file_is_long() -> None:
    lengths = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()
    }
    assert not {path: length for path, length in lengths.items() if length > 330}


def test_nodes_are_short() -> None:
    """A node under 250 lines holds no algorithm."""
    for path in (PACKAGE / "nodes").rglob("*_node.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 250, path.name


@pytest.mark.slow
def test_every_kernel_has_the_packages_cache() -> None:
    """numba's own decorator raises where there is no place for its cache."""
    for path in sources():
        if path != PACKAGE / "kernel_cache.py":
            text = path.read_text(encoding="utf-8")
            assert "numba.njit" not in set(imported_modules(path)), path
            assert not re.search(r"\bnumba\.(njit|jit)\b", text), path


@pytest.mark.slow
@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_classes_with_arrays_are_compared_as_objects_are(path: Path) -> None:
    """Fields compared one by one are an error where an array is among them, and such objects have no hash. So are those
    that hold hands: of two frames' hands only the numbers could be the same."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        made = [ast.unparse(mark) for mark in getattr(node, "decorator_list", [])]
        if not isinstance(node, ast.ClassDef) or not any(mark.startswith("dataclass") for mark in made):
            continue
        kinds = [ast.unparse(field.annotation) for field in node.body if isinstance(field, ast.AnnAssign)]
        if any(re.search(r"Array|ndarray|Tensor|\b(Hand|TrackResult)\b", kind) for kind in kinds):
            assert any("eq=False" in mark for mark in made), node.name


def test_package_does_not_know_the_research_that_is_done_with_it() -> None:
    """research/ is not installed."""
    for path in (*sources(), PACKAGE / "__init__.py"):
        assert "research" not in {name.split(".")[0] for name in imported_modules(path)}, path


@pytest.mark.parametrize("folder", ["research", "tools"])
def test_research_and_tools_need_no_ros(folder: str) -> None:
    """But for the golden file, which holds messages too, and the pages that repeat the nodes' parameters."""
    for path in (ROOT / folder).rglob("*.py"):
        of_nodes = path.name in ("golden.py", "reference_pages.py")
        names = set() if of_nodes else set(imported_modules(path))
        tops = {name.split(".")[0] for name in names}
        assert not tops & ROS_MODULES, path
        assert not {
            name for name in names if name.startswith(("hand_pose_ros.nodes", "hand_pose_ros.msg"))
        }, path


def test_version_is_the_same_everywhere() -> None:
    version = ElementTree.parse(ROOT / "package.xml").getroot().findtext("version")
    assert re.search(rf'^version = "{re.escape(str(version))}"$', project_table(), re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in citation


def project_text() -> str:
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def project_table() -> str:
    return project_text().split("[build-system]")[0]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(lines: Iterable[str]) -> set[str]:
    """Names of the packages that lines such as ``torch>=2.2`` or ``ros-rclpy[fastrtps]`` ask for."""
    matches = (re.match(r"[A-Za-z][\w.-]*", line.split("#")[0].strip()) for line in lines)
    return {normal(match.group()) for match in matches if match}


def required(extra: str) -> set[str]:
    """Names in the list ``dependencies``, or in one of the extras, of pyproject.toml."""
    (block,) = re.findall(rf"^{extra} = \[(.*?)\]\n", project_table(), re.MULTILINE | re.DOTALL)
    return names_of(re.findall(r'"([^"]+)"', block))


def test_everything_installed_is_pinned_once_per_python() -> None:
    pins = [
        line.split("#")[0].strip()
        for line in (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    ]
    pins = [pin for pin in pins if pin]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+( ; python_version (==|<=|>=) .*)?", pin) for pin in pins)
    assert len(set(pins)) == len(pins)
    pinned = names_of(pins)
    ros = (ROOT / "requirements" / "ros.txt").read_text(encoding="utf-8")
    extras = (required(name) for name in ("dependencies", "train", "openvino", "export", "dev"))
    for names in (*extras, names_of(ros.splitlines())):
        assert names
        assert names <= pinned


@pytest.fixture
def environment_tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    """tools/environment.py as a module."""
    return load_tool("tools/environment.py")


def declared_in_package_xml() -> set[str | None]:
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    return {element.text for tag in ("depend", "exec_depend") for element in root.iter(tag)}


def test_pip_rosdep_and_the_environment_agree_on_what_is_needed(environment_tool: ModuleType) -> None:
    needed = {**environment_tool.RUNTIME_MODULES, **environment_tool.BACKEND_MODULES}
    assert names_of(needed.values()) == required("dependencies")
    assert names_of(environment_tool.OPENVINO_MODULES.values()) == required("openvino")
    assert names_of(environment_tool.EXPORT_MODULES.values()) == required("export")
    assert names_of(environment_tool.TRAINING_MODULES.values()) == required("train")
    assert set(ROSDEP_KEYS) == (required("dependencies") | required("train")) - {"safetensors", "rosbags"}
    python_keys = {key for key in declared_in_package_xml() if key and key.startswith("python3-")}
    assert python_keys == set(ROSDEP_KEYS.values())


@pytest.mark.slow
def test_every_dependency_is_imported_somewhere_and_nothing_else_is(environment_tool: ModuleType) -> None:
    declared = {
        *environment_tool.RUNTIME_MODULES, *environment_tool.BACKEND_MODULES, *environment_tool.OPENVINO_MODULES,
        *environment_tool.EXPORT_MODULES, *environment_tool.TRAINING_MODULES,
    }  # fmt: skip
    imported = {name.split(".")[0] for path in sources() for name in imported_modules(path)}
    assert imported - ROS_MODULES - set(sys.stdlib_module_names) - {"hand_pose_ros"} == declared


def test_what_nodes_import_is_in_package_xml(environment_tool: ModuleType) -> None:
    declared = declared_in_package_xml()
    libraries = {*environment_tool.RUNTIME_MODULES, *sys.stdlib_module_names, "hand_pose_ros"}
    for path in (PACKAGE / "nodes").rglob("*.py"):
        for module in {name.split(".")[0] for name in imported_modules(path)} - libraries:
            assert ROS_PACKAGE_OF_MODULE.get(module, module) in declared, f"{path.name} imports {module}"


def test_what_launch_files_start_is_in_package_xml() -> None:
    started = {
        name
        for path in (ROOT / "launch").glob("*.py")
        for name in re.findall(r'package="(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert "rviz2" in started
    assert started - {"hand_pose_ros"} <= declared_in_package_xml()


def reached_from(parts: set[str]) -> set[str]:
    """Modules that the files of ``parts`` import, those that these import, and so on."""
    modules = {
        "hand_pose_ros." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in sources()
    }
    waiting = [name for name, path in modules.items() if part_of(path) in parts]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            imported = set(imported_modules(modules[name]))
            waiting += [other for other in modules if any(f"{i}.".startswith(f"{other}.") for i in imported)]
    return reached


@pytest.mark.slow
def test_what_is_trained_never_sees_the_test_matchers() -> None:
    """They stand for the sensors that nothing was fitted to; the command that measures reaches them."""
    matchers = {
        f"hand_pose_ros.evaluation.{name}" for name in ("infrared_matching", "infrared_pairs", "sensor_sets")
    }
    fitted = {"synthetic", "datasets", "detection", "tracking", "training", "tuning"}
    assert not reached_from(fitted) & matchers
    assert matchers <= reached_from({"commands"})


def test_research_is_not_installed() -> None:
    """Neither pip nor colcon takes it along: it runs from a checkout."""
    packages = re.search(r"\[tool.setuptools.packages.find\]\ninclude = (.*)\n", project_text())
    assert packages is not None
    assert packages.group(1) == '["hand_pose_ros*"]'
    assert "research" not in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


def test_every_message_is_generated() -> None:
    listed = set(re.findall(r'"(msg/\w+\.msg)"', (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")))
    assert listed == {f"msg/{path.name}" for path in (ROOT / "msg").glob("*.msg")}


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*")), ids=lambda path: path.name)
def test_launchers_run_with_the_python_of_the_environment(script: Path) -> None:
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")
    assert os.access(script, os.X_OK)


@pytest.mark.slow
def test_library_needs_no_ros() -> None:
    """Everything but the nodes can be imported where no module of ROS can."""
    program = """
import importlib, importlib.abc, pkgutil, sys
class NoRos(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"rclpy", "ament_index_python", "std_msgs", "sensor_msgs", "cv_bridge", "tf2_ros"}:
            raise ImportError(f"{name} is ROS")
sys.meta_path.insert(0, NoRos())
import hand_pose_ros
for part in pkgutil.iter_modules([sys.argv[1]]):
    if part.name not in ("nodes", "msg") and not part.name.startswith("_"):
        importlib.import_module(f"hand_pose_ros.{part.name}")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", program, str(PACKAGE)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("colcon") is None, reason="colcon is not here")
def test_workspace_with_this_repository_finds_one_package(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "hand_pose_ros").symlink_to(ROOT)
    answer = subprocess.run(
        ["colcon", "--log-base", "/dev/null", "list", "--names-only"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["hand_pose_ros"]


def test_environment_tool_refuses_another_python_in_one_line(environment_tool, monkeypatch, capsys) -> None:
    monkeypatch.setattr(environment_tool.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit) as stopped:
        environment_tool.make(ROOT / ".venv")
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "3.10 to 3.13" in line
