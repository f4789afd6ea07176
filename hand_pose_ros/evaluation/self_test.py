"""Do the fitters find hands whose pose is known? Random valid hands in, how well they were recovered out.

In: a number of hands, noise (m) on each coordinate of their 23 joints, a seed. Out: one :class:`SelfTest` for each
solver, offline and online, with the shape known and with the shape to be found from that one frame.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.fitting import fit_hands
from hand_pose_ros.hand.hand_state import HandState, hand_frames, random_hands
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS
from hand_pose_ros.hand.solver import PoseSolver

SHAPE_SPREAD = (
    0.12  # log scale: every part of the random hands up to 13 % larger or smaller than the template's
)
RECOVERED_M = 1e-3


class SelfTest(NamedTuple):
    """recovered: share of hands whose 23 joints are on average within 1 mm of the true ones; mean_mm and
    worst_mm of that average; angle_deg: mean error of the angles; out_of_range: share of hands; milliseconds:
    time a hand."""

    name: str
    recovered: float
    mean_mm: float
    worst_mm: float
    angle_deg: float
    out_of_range: float
    milliseconds: float


def run_self_test(count: int, noise_m: float, seed: int, device: torch.device) -> list[SelfTest]:
    """Recover ``count`` random hands with every solver."""
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
    return _score(name, truth, joints, fit.joints.cpu(), fit.parameters[:, 6:].cpu(), seconds)


def _online(name: str, truth: HandState, joints: Tensor, given: Tensor, known: bool) -> SelfTest:
    solver = PoseSolver()
    points, shapes = given.numpy(), truth.shape.numpy()
    first = solver.first_estimate()
    solver.solve(points[0], shape=shapes[0] if known else first)  # compiles
    start = time.perf_counter()
    hands = [solver.solve(p, shape=s if known else first) for p, s in zip(points, shapes, strict=True)]
    seconds = time.perf_counter() - start
    found = torch.from_numpy(np.stack([hand.joints for hand in hands]))
    angles = torch.from_numpy(np.stack([hand.parameters[6:] for hand in hands]))
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
