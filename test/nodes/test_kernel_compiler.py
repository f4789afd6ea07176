"""Kernels are compiled by a child process that ends with the node; when that fails the tracker does it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from hand_pose_ros import kernel_cache
from hand_pose_ros.nodes import kernel_compiler
from hand_pose_ros.nodes.kernel_compiler import EndedError, compile_kernels


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes the child a shell script instead of Python."""
    monkeypatch.setattr(kernel_cache, "is_warm", lambda: False)
    monkeypatch.setattr(kernel_cache, "can_keep", lambda: True)

    def become(script: str) -> Path:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))
        return tmp_path / "pid"

    return become


def test_compiled_kernels_need_neither_child_nor_line(monkeypatch):
    monkeypatch.setattr(kernel_cache, "is_warm", lambda: True)
    monkeypatch.setattr(kernel_compiler.subprocess, "Popen", None)
    compile_kernels(pytest.fail, lambda: True)


def test_it_is_said_before_it_begins(child):
    child("exit 0")
    lines: list[str] = []
    compile_kernels(lines.append, lambda: True)
    assert len(lines) == 1
    assert "compiling kernels, this takes a minute" in lines[0]


def test_the_child_ends_with_the_node(child):
    pid = child("exec sleep 60")
    began = time.monotonic()
    with pytest.raises(EndedError):
        compile_kernels(lambda _: None, lambda: time.monotonic() - began < 0.5)
    assert time.monotonic() - began < 30.0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_child_that_fails_is_told_and_left_to_the_tracker(child):
    child("echo first >&2; echo 'OSError: full' >&2; exit 2")
    lines: list[str] = []
    compile_kernels(lines.append, lambda: True)
    assert lines[1] == "kernels could not be compiled ahead, the tracker does it: OSError: full"


def test_what_the_child_says_of_the_cache_is_told(child):
    """That it was damaged."""
    child("echo 'a warning of numba' >&2; echo 'hand_pose_ros: compiled kernels cannot be used' >&2; exit 0")
    lines: list[str] = []
    compile_kernels(lines.append, lambda: True)
    assert lines[1:] == ["compiled kernels cannot be used"]


def test_without_a_place_the_tracker_compiles_and_it_is_said(child, monkeypatch):
    monkeypatch.setattr(kernel_cache, "can_keep", lambda: False)
    monkeypatch.setattr(kernel_compiler.subprocess, "Popen", None)
    lines: list[str] = []
    compile_kernels(lines.append, lambda: True)
    assert len(lines) == 1
    assert "no writable place" in lines[0]
