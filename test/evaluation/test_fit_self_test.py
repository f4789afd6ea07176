"""Solvers recover hands that are known."""

from __future__ import annotations

import pytest
import torch

from hand_pose_ros.evaluation.fit_self_test import run_self_test, self_test_table


@pytest.mark.slow
def test_every_solver_is_measured_and_noise_is_paid_for() -> None:
    exact, noisy = (run_self_test(6, noise_m, 3, torch.device("cpu")) for noise_m in (0.0, 0.01))
    assert [result.name for result in exact] == [result.name for result in noisy]
    for clean, shaken in zip(exact, noisy, strict=True):
        assert clean.recovered == 1.0
        assert clean.mean_mm < shaken.mean_mm
        assert clean.mean_mm <= clean.worst_mm
    assert self_test_table(exact, "title").row_count == len(exact) == 4
