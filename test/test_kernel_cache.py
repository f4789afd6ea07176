"""Compiled kernels: kept where that is possible, done without where it is not, and never a reason not to start."""

from __future__ import annotations

import json
import logging
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from hand_pose_ros import kernel_cache

ROOT = Path(__file__).resolve().parents[1]
SOURCE = """
from hand_pose_ros.kernel_cache import njit

@njit(cache=True)
def twice(x):
    return 2 * x
"""


@pytest.fixture(autouse=True)
def nothing_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "_warned", set())
    kernel_cache.compiling_is_announced()
    monkeypatch.setattr(kernel_cache, "_caches", [])


@pytest.fixture
def load(tmp_path: Path, load_tool: Callable[[str], ModuleType]) -> Callable[[], ModuleType]:
    """Loads the module anew, as another process would, with the cache beside it."""
    (tmp_path / "kernels.py").write_text(SOURCE)
    return lambda: load_tool(str(tmp_path / "kernels.py"))


def files(folder: Path, kind: str) -> list[Path]:
    return sorted((folder / "__pycache__").glob(f"*.{kind}"))


def hits(module: ModuleType) -> int:
    return sum(module.twice.stats.cache_hits.values())


def test_machine_code_is_kept_and_loaded_again(load, tmp_path, caplog):
    assert load().twice(2) == 4
    assert files(tmp_path, "nbi")
    again = load()
    assert (again.twice(2), hits(again)) == (4, 1)
    assert not caplog.records


def test_that_it_compiles_is_said_once_by_whatever_compiles(load, tmp_path, caplog, monkeypatch):
    """A program that makes a HandTracker without any command would be silent for a minute."""
    monkeypatch.setattr(kernel_cache, "_warned", set())
    module = load()
    assert not caplog.records
    assert (module.twice(2), module.twice(0.5)) == (4, 1.0)
    assert [record.getMessage() for record in caplog.records] == [
        "hand_pose_ros: compiling kernels, once; all that tracking needs take a minute"
    ]
    caplog.clear()
    monkeypatch.setattr(kernel_cache, "_warned", set())
    assert load().twice(2) == 4
    assert not caplog.records


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("keep", [0, 1, 40])
def test_a_damaged_cache_is_told_in_one_line_and_made_anew(load, tmp_path, caplog, kind, keep):
    load().twice(2)
    for path in files(tmp_path, kind):
        path.write_bytes(path.read_bytes()[:keep])
    assert load().twice(2) == 4
    assert [record.getMessage().count("\n") for record in caplog.records] == [0]
    assert "cannot be used, compiled anew" in caplog.text
    mended = load()
    assert (mended.twice(2), hits(mended)) == (4, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_any_flipped_bit_is_told_and_never_executed(load, tmp_path, caplog, kind, monkeypatch):
    """numba executes machine code as it finds it: a single bit ended the process, or changed its results."""
    load().twice(2)
    (path,) = files(tmp_path, kind)
    content = path.read_bytes()
    for place in random.Random(5).sample(range(8 * len(content)), 40):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        monkeypatch.setattr(kernel_cache, "_warned", set())
        caplog.clear()
        damaged = load()
        assert (damaged.twice(2), hits(damaged)) == (4, 0)
        assert "is damaged: it does not end with its checksum" in caplog.text
        assert len(caplog.records) == 1


def test_a_full_disk_is_told_and_the_kernel_runs(load, tmp_path, caplog, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._open_for_write", full)
    assert load().twice(2) == 4
    assert "No space left" in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.slow
def test_machine_code_of_another_cpu_is_told_and_compiled_anew(load, caplog, monkeypatch):
    load().twice(2)
    magic = "numba.core.codegen.CPUCodegen.magic_tuple"
    monkeypatch.setattr(magic, lambda self: ("other triple", "other cpu", "+features"))
    other = load()
    assert (other.twice(2), hits(other)) == (4, 0)
    assert "another CPU" in caplog.text


@pytest.mark.slow
def test_a_cache_that_can_only_be_read_is_used(load, tmp_path, caplog, monkeypatch):
    """What an installation compiled, for a user who may not write there."""
    load().twice(2)

    def read_only(self: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("numba.core.caching._CacheLocator.ensure_cache_path", read_only)
    shipped = load()
    assert (shipped.twice(2), hits(shipped)) == (4, 1)
    assert shipped.twice(2.5) == 5.0  # another type is compiled, and cannot be kept
    assert files(tmp_path, "nbi")


@pytest.mark.slow
def test_without_any_place_to_write_the_package_works_and_says_so_once(tmp_path):
    """Nobody can write where the folder's name is a file's, not even root."""
    package = tmp_path / "hand_pose_ros"
    for path in (ROOT / "hand_pose_ros").rglob("*.py"):
        copy = package / path.relative_to(ROOT / "hand_pose_ros")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        (copy.parent / "__pycache__").touch()
    environment = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    environment |= {"HOME": "/dev/null", "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    program = (
        "import numpy as np, hand_pose_ros.depth.lens as c, hand_pose_ros.kernel_cache as k;"
        "print(c.__file__, c.distort(0.1, 0.2, np.zeros(8), 0), k.can_keep(), k.is_warm())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == [
        str(package / "depth/lens.py"),
        "(0.1,",
        "0.2,",
        "True)",
        "False",
        "False",
    ]
    lines = [line for line in answer.stderr.splitlines() if "compiled at every start" in line]
    assert len(lines) == 1


def test_warm_is_what_was_noted_and_is_still_there(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_cache, "cache_folder", lambda: tmp_path)
    assert not kernel_cache.is_warm()
    kernel_cache.record_warm()
    assert kernel_cache.is_warm()
    monkeypatch.setattr(kernel_cache, "stamp", lambda: "another CPU")
    assert not kernel_cache.is_warm()
    kernel_cache.record_warm()
    marker = next(tmp_path.glob("*.json"))
    content = json.loads(marker.read_text())
    marker.write_text(json.dumps({**content, "indexes": ["gone.nbi"]}))
    assert not kernel_cache.is_warm()
    marker.write_text(json.dumps(content))
    assert kernel_cache.is_warm()
    for damaged in ("", "{", "[]", "{}", '{"stamp": 3, "indexes": 4}'):
        marker.write_text(damaged)
        assert not kernel_cache.is_warm()


def test_kernels_that_are_damaged_are_not_warm(load, tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_cache, "cache_folder", lambda: tmp_path)
    load().twice(2)
    kernel_cache.record_warm()
    assert kernel_cache.is_warm()
    for path in (*files(tmp_path, "nbi"), *files(tmp_path, "nbc")):
        content = path.read_bytes()
        for damaged in (
            b"",
            content[:-1],
            content[:40],
            content[:100] + b"x" + content[101:],
            content + b"\0",
        ):
            path.write_bytes(damaged)
            assert not kernel_cache.is_warm()
        path.write_bytes(content)
        assert kernel_cache.is_warm()
    (tmp_path / "__pycache__" / "kernels.twice-5.py311.7.nbc").write_bytes(b"left over from before")
    assert kernel_cache.is_warm()


@pytest.mark.parametrize("kept", [(), ("float64",)])
def test_machine_code_that_is_named_but_was_never_there_does_not_keep_it_cold(
    load, tmp_path, monkeypatch, kept
):
    monkeypatch.setattr(kernel_cache, "cache_folder", lambda: tmp_path)
    module = load()
    module.twice(2)
    before = set(files(tmp_path, "nbc"))
    module.twice(2.0)
    (other,) = set(files(tmp_path, "nbc")) - before
    other.unlink()  # as in a linked installation, whose index is the sources'
    if kept:
        load().twice(2.0)  # compiled anew where it is needed
        assert other.is_file()
    kernel_cache.record_warm()
    assert kernel_cache.is_warm()


def test_an_installation_shares_no_compiled_file_with_its_sources():
    """A linked one would share an index of machine code that it has no links to."""
    messages = pytest.importorskip("hand_pose_ros.msg", reason="the messages are not built")
    installed = Path(messages.__file__).parents[1]
    assert not [path for path in installed.rglob("__pycache__/*") if path.is_symlink()]


def test_lines_are_said_once(caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            kernel_cache._warn_once("kind", "a line")
    assert len(caplog.records) == 1
