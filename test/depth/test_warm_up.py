"""After warming up no image makes a kernel compile."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import numba.core.event as events
import numpy as np

from hand_pose_ros.depth import camera, compressed, crop, downsample, frame, image, lens, readings_spacing, sparse
from hand_pose_ros.depth.warm_up import warm_up_depth

warm_up_depth()
needed = {
    sparse: ("_fill",), readings_spacing: ("_measure", "has_lattice"), lens: ("project_all",),
    compressed: ("_decode_rvl",), image: ("_counts_to_metres",),
}
print([name for module, names in needed.items() for name in names if not getattr(module, name).signatures])
lenses = {"none": (), "plumb_bob": (0.1, -0.05, 0.001, 0.001, 0.01), "equidistant": (0.1,) * 4}
with events.install_recorder("numba:compile") as record:
    for model, coefficients in lenses.items():
        lens_of = camera.Camera(64, 48, 60.0, 60.0, 31.5, 23.5, coefficients, model)
        lens_of.project(np.random.default_rng(0).uniform(-0.1, 0.5, (5, 23, 3)))
        for share in (0.1, 0.25, 0.6):
            depth = np.random.default_rng(1).uniform(0.3, 1.5, (48, 64)).astype(np.float32)
            depth[np.random.default_rng(2).random(depth.shape) > share] = np.nan
            _ = frame.DepthFrame(depth, lens_of).surface
print([str(event.data["dispatcher"]) for _, event in record.buffer if event.is_start])
"""


@pytest.mark.slow
def test_every_kernel_that_an_image_may_need_is_there() -> None:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert answer.stdout.split("\n")[:2] == ["[]", "[]"], answer.stdout + answer.stderr
