"""The weights of the surface fit: chosen by search, and what each term is worth.

In: a network's answers on synthetic crops. Out: the best SurfaceFitConfig, and a table of errors (mm) of the network's
joints and of the fitted ones, with each term left out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.datasets.synthetic import Batch, SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.depth.crop import CROP_CUBE_M, CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.solver import PoseSolver
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.refine.surface_fit import SurfaceFit, SurfaceHand
from hand_pose_ros.tuning.coordinate_search import Grid, coordinate_search

GRID: Grid = {
    "trusted_sigma_m": (0.002, 0.0025, 0.003, 0.0035, 0.004, 0.0045, 0.005, 0.006, 0.008, float("inf")),
    "surface_weight": (0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3),
    "joint_weight": (0.1, 0.2, 0.3, 0.5, 0.8),
    "surface_scale_m": (0.004, 0.005, 0.006, 0.008, 0.011, 0.015),
    "facing": (-0.4, -0.3, -0.2, -0.1, 0.0, 0.1),
    "free_space_weight": (0.05, 0.1, 0.2, 0.4, 0.8),
    "free_space_scale_m": (0.008, 0.012, 0.02, 0.03),
    "free_space_margin_m": (0.0, 0.0015, 0.003, 0.005),
    "angle_spread": (0.35, 0.5, 0.7, 1.0),
    "joint_scale": (1.0, 1.5, 2.0, 3.0, 6.0),
    "thickness_spread": (0.03, 0.05, 0.08, 0.12),
    "shape_spread": (0.03, 0.05, 0.07, 0.1, 0.14),
}
"""What the search tries, one field after the other."""

STEREO = 0.4
"""Share of the crops that a stereo matcher sees. Chosen: as confidence is calibrated on."""

LEFT_OUT: Mapping[str, Mapping[str, Any]] = {
    "without the joints": {"joint_weight": 0.0},
    "without depth to model": {"surface_weight": 0.0},
    "without model to depth": {"free_space_weight": 0.0},
    "surface always in full": {"trusted_sigma_m": float("inf")},
    "without the angles": {"angle_weight": 0.0},
    "thickness frozen": {"thickness_spread": 1e-4},
}
SHAPES: tuple[str, ...] = ("loose", "network", "true")
"""The network's shape as a start, the network's shape frozen, the true shape frozen."""


@dataclass(frozen=True, eq=False)
class SurfaceCases:
    """N crops with a network's answers, local metres, as in ``HandNetOutput``."""

    truth: Batch
    """Crops and labels."""
    joints: NDArray[np.float32]
    """(N, 23, 3) m."""
    sigma: NDArray[np.float32]
    """(N, 23) m."""
    parameters: NDArray[np.float32]
    """(N, 26)."""
    shape: NDArray[np.float32]
    """(N, 9) log scales."""
    cube_m: float = CROP_CUBE_M
    """Edge of the crop's cube, m."""

    @property
    def raw_mm(self) -> NDArray[np.floating]:
        """(N, 23) errors of the network's joints."""
        return np.asarray(1e3 * np.linalg.norm(self.joints - self.truth.joints, axis=-1))


def surface_cases(
    model: HandNet, split: int, count: int, batch: int = 250, stereo: float = STEREO
) -> SurfaceCases:
    """A network's answers on ``count`` crops (rounded up to whole batches) of a synthetic split, a share ``stereo`` of
    them through imitated stereo matchers."""
    config = model.config
    source = SyntheticHands(
        SyntheticConfig(split=split, size=config.crop_size, cube_m=config.cube_m, stereo=stereo)
    )
    rows: list[dict[str, NDArray]] = []
    for seed in range(-(-count // batch)):
        truth = source.batch(seed, batch)
        with torch.inference_mode():
            pictures = torch.from_numpy(truth.crop).contiguous(memory_format=torch.channels_last)
            out = model(pictures, torch.from_numpy(truth.distance))
        if out.shape is None:
            raise ValueError("this network has no hand model, there is nothing to fit")
        answer = {"joints": out.joints, "sigma": out.joint_sigma, "parameters": out.parameters}
        answer["shape"] = out.shape
        rows.append({**vars(truth), **{f"network_{name}": value.numpy() for name, value in answer.items()}})
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    own = {name: columns.pop(f"network_{name}") for name in ("joints", "sigma", "parameters", "shape")}
    return SurfaceCases(Batch(**columns), **own, cube_m=config.cube_m)


def fit_cases(cases: SurfaceCases, fit: SurfaceFit, shape: str = "loose") -> tuple[list[SurfaceHand], float]:
    """Every crop fitted by itself, with a shape of ``SHAPES``; and the median time of one, ms."""
    solver, hands, times = PoseSolver(), [], []
    size, cube_m = cases.truth.crop.shape[-1], cases.cube_m
    for n, crop in enumerate(cases.truth.crop[:, 0]):
        frame = CropFrame(np.array([0.0, 0.0, float(cases.truth.distance[n])]), cube_m, size)
        start = cases.parameters[n].astype(np.float64)
        given = cases.shape[n].astype(np.float64)
        if shape == "true":
            given = cases.truth.shape[n].astype(np.float64)
            trust = (0.004 / cases.sigma[n].astype(np.float64)) ** 2
            start = solver.solve(cases.joints[n], trust, given, start).parameters
        scales = fit.loose_shape(given) if shape == "loose" else given
        begin = time.perf_counter()
        hands.append(fit.fit(frame, crop, cases.joints[n], cases.sigma[n], scales, start))
        times.append(time.perf_counter() - begin)
    return hands, 1e3 * float(np.median(times))


def errors_mm(cases: SurfaceCases, hands: Sequence[SurfaceHand]) -> NDArray[np.floating]:
    """(N, 23) errors of the fitted joints."""
    fitted = np.stack([hand.joints for hand in hands])
    return np.asarray(1e3 * np.linalg.norm(fitted - cases.truth.joints, axis=-1))


def score(errors: NDArray[np.floating]) -> float:
    """What the search makes small, mm: the mean error of all joints and, again, of the fingertips."""
    return float(errors.mean() + errors[:, list(skeleton.TIP_JOINTS)].mean())


def choose_weights(
    cases: SurfaceCases, config: SurfaceFitConfig, grid: Grid = GRID, rounds: int = 1
) -> SurfaceFitConfig:
    """Coordinate search: field after field, the value of the grid with the best score, ``rounds`` times over or until
    a round finds nothing. Prints the best after each field."""

    def print_field(field: str, best: SurfaceFitConfig, reached: float) -> None:
        print(f"  {field} {getattr(best, field):g}: score {reached:.3f} mm", flush=True)

    def score_of(setting: SurfaceFitConfig) -> float:
        return score(errors_mm(cases, fit_cases(cases, SurfaceFit(setting))[0]))

    return coordinate_search(config, grid, score_of, rounds=rounds, on_field=print_field).best


def report(cases: SurfaceCases, config: SurfaceFitConfig) -> None:
    """Print errors of the network, the fit, the fit with each term left out and with other shapes."""
    raw = cases.raw_mm
    print(f"{len(raw)} crops                mean      median frame  fingertips  worse by > 5 mm  ms")
    print(_row("network", raw, raw, None))
    for shape in SHAPES:
        hands, ms = fit_cases(cases, SurfaceFit(config), shape)
        print(_row(f"fitted, {shape} shape", errors_mm(cases, hands), raw, ms))
    for name, fields in LEFT_OUT.items():
        hands, ms = fit_cases(cases, SurfaceFit(replace(config, **fields)))
        print(_row(name, errors_mm(cases, hands), raw, ms), flush=True)


def _row(name: str, errors: NDArray[np.floating], raw: NDArray[np.floating], ms: float | None) -> str:
    tips = list(skeleton.TIP_JOINTS)
    cells = []
    for measure in (np.mean, lambda e: np.median(e.mean(axis=1)), lambda e: np.mean(e[:, tips])):
        value, before = float(measure(errors)), float(measure(raw))
        cells.append(f"{value:6.2f} ({100 * (value / before - 1):+5.1f} %)")
    worse = 100 * float((errors.mean(axis=1) > raw.mean(axis=1) + 5.0).mean())
    return f"{name:24s} {'  '.join(cells)}  {worse:5.2f} %" + ("" if ms is None else f"  {ms:.2f}")
