"""How well the solvers of the hand model recover random valid hands whose pose is known.

In: a number of hands, noise (m) on each coordinate of their 23 joints, a seed. Out: one :class:`SelfTest` for each
solver, offline and online, with the shape known and with the shape to be found from that one frame.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from rich.table import Table
from torch import Tensor

from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.fitting import fit_hands
from hand_pose_ros.hand.hand_state import HandState, hand_frames, random_hands
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, FIRST_ANGLE
from hand_pose_ros.hand.solver import PoseSolver

SHAPE_SPREAD = 0.12
"""Log scale: every part of the random hands is up to 13 % larger or smaller than the template's. Guessed."""
RECOVERED_M = 1e-3
"""A hand is recovered when its 23 joints are on average within this distance of the true ones. Chosen by hand."""
LEAST_RECOVERED = 0.99
"""Share of recovered hands from which on a solver passes. Chosen by hand."""


class SelfTest(NamedTuple):
    """How well one solver recovered the hands."""

    name: str
    """The solver."""
    recovered: float
    """Share of hands whose mean joint error is below RECOVERED_M."""
    mean_mm: float
    """Mean joint error over all hands."""
    worst_mm: float
    """Mean joint error of the worst hand."""
    angle_deg: float
    """Mean absolute error of the angles."""
    out_of_range: float
    """Share of hands with an angle outside its limits."""
    milliseconds: float
    """Time a hand."""


def run_self_test(count: int, noise_m: float, seed: int, device: torch.device) -> list[SelfTest]:
    """Recover ``count`` random hands with every solver; ``noise_m``: standard deviation of each coordinate given."""
    truth = random_hands(count, seed, shape_spread=SHAPE_SPREAD)
    joints = hand_frames(truth, "right").joints
    generator = torch.Generator().manual_seed(seed + 1)
    given = joints + noise_m * torch.randn(joints.shape, generator=generator, dtype=joints.dtype)
    return [
        _offline("offline, shape known", truth, joints, given, device, FitConfig(seed=seed), truth.shape),
        _offline(
            "offline, shape unknown", truth, joints, given, device, FitConfig(seed=seed, shape="frame"), None
        ),
        _online("online, shape known", truth, joints, given, True),
        _online("online, shape unknown", truth, joints, given, False),
    ]


def _offline(
    name: str,
    truth: HandState,
    joints: Tensor,
    given: Tensor,
    device: torch.device,
    config: FitConfig,
    shape: Tensor | None,
) -> SelfTest:
    start = time.perf_counter()
    known = None if shape is None else shape.to(device)
    fit = fit_hands(given.to(device), group=truth.group, shape=known, config=config)
    seconds = time.perf_counter() - start
    return _score(name, truth, joints, fit.joints.cpu(), fit.parameters[:, FIRST_ANGLE:].cpu(), seconds)


def _online(name: str, truth: HandState, joints: Tensor, given: Tensor, known: bool) -> SelfTest:
    solver = PoseSolver()
    points, shapes = given.numpy(), truth.shape.numpy()
    first = solver.first_estimate()
    solver.solve(points[0], shape=shapes[0] if known else first)  # compiles
    start = time.perf_counter()
    hands = [solver.solve(p, shape=s if known else first) for p, s in zip(points, shapes, strict=True)]
    seconds = time.perf_counter() - start
    found = torch.from_numpy(np.stack([hand.joints for hand in hands]))
    angles = torch.from_numpy(np.stack([hand.parameters[FIRST_ANGLE:] for hand in hands]))
    return _score(name, truth, joints, found, angles, seconds)


def _score(
    name: str, truth: HandState, joints: Tensor, found: Tensor, angles: Tensor, seconds: float
) -> SelfTest:
    error = (found - joints).norm(dim=-1).mean(-1)
    lower, upper = torch.as_tensor(ANGLE_LIMITS).unbind(-1)
    return SelfTest(
        name,
        float((error < RECOVERED_M).double().mean()),
        float(error.mean()) * 1000,
        float(error.max()) * 1000,
        float((angles - truth.angles).abs().mean().rad2deg()),
        float(((angles < lower) | (angles > upper)).any(-1).double().mean()),
        seconds / len(joints) * 1000,
    )


def self_test_table(results: Sequence[SelfTest], title: str) -> Table:
    """A row for each solver."""
    table = Table(title=title, title_justify="left")
    for heading in ("solver", "recovered to 1 mm, %", "mean mm", "worst hand mm", "angle degrees",
                    "out of range %", "ms a hand"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "solver" else "right")
    for result in results:
        table.add_row(
            result.name, f"{100 * result.recovered:.2f}", f"{result.mean_mm:.4f}", f"{result.worst_mm:.3f}",
            f"{result.angle_deg:.3f}", f"{100 * result.out_of_range:.2f}", f"{result.milliseconds:.3f}",
        )  # fmt: skip
    return table
