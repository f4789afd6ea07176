"""What a turned camera sees: the same points, wherever it is turned to."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera


@pytest.fixture(scope="module")
def measure_turned(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("tools/measure_turned.py")


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_what_a_turned_camera_sees_lies_where_it_lay(measure_turned, quarters, mirrored):
    rng = np.random.default_rng(quarters)
    camera = Camera(40, 30, 33.0, 35.0, 18.5, 16.0)
    depth = rng.uniform(0.3, 1.0, (30, 40)).astype(np.float32)
    turn = measure_turned.Turn(quarters, mirrored)
    seen, its_camera = turn.of_picture(depth, camera)
    assert seen.shape == ((30, 40) if quarters % 2 == 0 else (40, 30))
    rows, columns = np.divmod(np.arange(seen.size), seen.shape[1])
    points = its_camera.back_project(np.stack([columns, rows], axis=1), seen.ravel())
    uv = camera.project(turn.back(points))
    pixel = np.rint(uv).astype(int)
    assert uv == pytest.approx(pixel, abs=1e-6)
    assert (depth[pixel[:, 1], pixel[:, 0]] == seen.ravel()).all()
    assert len(np.unique(pixel, axis=0)) == depth.size
