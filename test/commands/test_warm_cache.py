"""What is compiled ahead does not depend on which runtimes are installed at that time."""

from __future__ import annotations

import argparse
from types import SimpleNamespace

from hand_pose_ros import kernel_cache
from hand_pose_ros.commands import compiled_kernels, warm_cache
from hand_pose_ros.network.cpu.head import CompiledHead
from hand_pose_ros.network.weights_file import read_info
from hand_pose_ros.resources import model_file


def test_the_head_is_compiled_where_torch_runs_the_network_too(monkeypatch, capsys):
    """A faster runtime that is installed later finds the kernels noted as warm."""
    done: list[str] = []
    stands_in = SimpleNamespace(
        estimator=SimpleNamespace(info=read_info(model_file())), warm_up=lambda: done.append("tracker")
    )
    monkeypatch.setattr(compiled_kernels, "HandTracker", lambda config: stands_in)
    monkeypatch.setattr(compiled_kernels, "warm_up_depth", lambda: done.append("depth"))
    monkeypatch.setattr(CompiledHead, "warm_up", lambda head: done.append("head"))
    monkeypatch.setattr(kernel_cache, "is_warm", lambda: False)
    monkeypatch.setattr(kernel_cache, "can_keep", lambda: True)
    monkeypatch.setattr(kernel_cache, "record_warm", lambda: done.append("noted"))
    warm_cache.run(argparse.Namespace())
    assert sorted(done[:-1]) == ["depth", "head", "tracker"]
    assert done[-1] == "noted"
    assert "kernels: compiled in" in capsys.readouterr().out
