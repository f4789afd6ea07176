"""Sequences of a benchmark's file, and the figures and arrays of fits to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hand_pose_ros.datasets.benchmarks import ICVL, NYU
from hand_pose_ros.evaluation.fit_report import (
    fit_sequences,
    residual_table,
    save_fits,
    sequence_slices,
    summarise,
)
from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.hand_state import hand_frames, random_hands
from hand_pose_ros.hand.joint_sets import convert_joints


def test_sequences_default_to_the_benchmarks_own_where_the_file_is_whole() -> None:
    assert sequence_slices(None, ICVL, 1596) == [slice(0, 702), slice(702, 1596)]
    assert sequence_slices(None, NYU, 10) == [slice(0, 10)]
    assert sequence_slices([3, 4], ICVL, 7) == [slice(0, 3), slice(3, 7)]


@pytest.mark.parametrize("counts", [[3, 5], [8, -1], [], [7, 0]])
def test_counts_that_do_not_cover_the_file_are_refused(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="sum to the file's 7 frames"):
        sequence_slices(counts, ICVL, 7)


@pytest.mark.slow
def test_figures_together_are_those_of_all_frames(tmp_path: Path) -> None:
    joints = hand_frames(random_hands(6, seed=1), "left").joints.numpy()
    annotations = convert_joints(joints, "icvl16")
    parts = sequence_slices([2, 4], ICVL, 6)
    fits = list(fit_sequences(annotations, ICVL, parts, FitConfig(side="left"), torch.device("cpu")))
    rows, together = [summarise([fit]) for fit in fits], summarise(fits)
    assert [row["frames"] for row in rows] == [2, 4]
    assert together["mean_mm"] == pytest.approx(np.average([r["mean_mm"] for r in rows], weights=[2, 4]))
    assert together["seconds"] == pytest.approx(sum(row["seconds"] for row in rows))
    assert together["side"] == "left"
    assert residual_table(rows, together, "title").row_count == 3
    save_fits(tmp_path / "fits", [timed.fit for timed in fits])
    with np.load(tmp_path / "fits", allow_pickle=False) as arrays:
        assert arrays["group"].tolist() == [0, 0, 1, 1, 1, 1]
