"""The benchmarks' joints, cameras and their coordinates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_pose_ros.datasets.benchmarks import BENCHMARKS, ICVL, MSRA, NYU, to_camera, to_image
from hand_pose_ros.hand.joint_sets import JOINT_SETS


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(sorted(BENCHMARKS)), st.integers(0, 2**32 - 1))
def test_camera_and_image_coordinates_are_inverse(name, seed):
    camera = BENCHMARKS[name].camera
    rng = np.random.default_rng(seed)
    joints = rng.uniform([-0.2, -0.2, 0.2], [0.2, 0.2, 1.2], (5, 3))
    np.testing.assert_allclose(to_camera(to_image(joints, camera), camera), joints, atol=1e-12)


def test_benchmarks_speak_of_the_joints_of_their_joint_set():
    fingers = {"thumb", "index", "middle", "ring", "pinky", "palm", "wrist"}
    for benchmark in BENCHMARKS.values():
        for label, name in zip(benchmark.labels, JOINT_SETS[benchmark.joint_set].names, strict=True):
            part = label.split()[0].lower()
            assert part in fingers
            assert name.startswith(part), (label, name)
        assert {j for bone in benchmark.bones for j in bone} <= set(range(benchmark.joint_count))
    assert len(MSRA.bones) == 20


def test_test_frames_are_counted_as_published_tables_count_them():
    """ICVL's test sequences have 702 and 894 frames, NYU's two test subjects 2440 and 5812."""
    assert [(s.start, s.stop) for s in ICVL.sequences] == [(0, 702), (702, 1596)]
    assert [(s.start, s.stop) for s in NYU.sequences] == [(0, 2440), (2440, 8252)]


def test_labels_that_do_not_cover_the_joint_set_are_refused():
    with pytest.raises(ValueError, match="benchmark icvl: labels and figure_order must cover 16 joints"):
        replace(ICVL, labels=ICVL.labels[:-1])
    with pytest.raises(ValueError, match="must cover 16 joints"):
        replace(ICVL, figure_order=(0,) * 16)
