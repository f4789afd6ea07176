"""Networks on synthetic hands: fixed seeds, subjects, poses and views that training never draws.

In: networks, a :class:`SyntheticBenchmark`. Out: a :class:`~hand_pose_ros.evaluation.methods.MethodResult` for each
network and pass, with the figures of parts of the hands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.datasets.synthetic import RECROP_MARGIN_M, Batch, Recrop, synthetic_source
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.evaluation.error_sheet import error_sheet
from hand_pose_ros.evaluation.hierarchical_regression import REGRESSED, HierarchicalRegression
from hand_pose_ros.evaluation.methods import CHUNK, MethodResult, NamedNetwork
from hand_pose_ros.evaluation.metrics import THRESHOLDS_MM, evaluate, joint_errors_mm, rank_correlation
from hand_pose_ros.evaluation.predict import Predictions, join, predict
from hand_pose_ros.hand.skeleton import BONES, JOINT_NAMES
from hand_pose_ros.network.units import NOTHING_FROM
from hand_pose_ros.synthetic.sensor_presets import DEFAULT_SENSORS
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.visualization.image_files import write_png

EVALUATION_DATA: dict[str, Any] = {"sensors": DEFAULT_SENSORS, "scene": {"held": 0.12, "other_hand": 0.12}}
"""What every network is evaluated on, whatever it was trained on: both mesh families, every view, noise of all sensors,
bodies, walls and things about the hand, held things, other hands."""
FLESH_M = 0.022
"""A joint lies less than this below the skin that shows it (guessed)."""
_END_ON_COSINE = float(np.cos(np.radians(30.0)))
"""A hand is seen end-on when its axis is within 30 degrees of the viewing ray."""
_GOOD_MM = 30.0
"""Frames count as good when their worst joint is off by less than this. Chosen by hand."""


@dataclass(frozen=True)
class SyntheticBenchmark:
    """Which synthetic hands networks are evaluated on. Values are checked where the hands are made."""

    count: int = 4096
    """Hands. Guessed."""
    seed: int = 0
    """Of the hands, 0 to 1048575."""
    passes: int = 1
    """1, or 2: each picture is then cropped again about the hand that the first pass found, as the tracker does, and
    both passes are evaluated."""
    families: tuple[str, ...] | None = None
    """Mesh families, all when None."""
    border: float = 0.0
    """Share of hands that an edge of the picture cuts."""
    thresholds_mm: tuple[float, ...] = THRESHOLDS_MM
    """Of the success fractions."""
    recipe: Mapping[str, Any] | None = None
    """Fields of ``datasets.synthetic.SyntheticConfig`` that describe the hands, as the section ``data`` of a recipe
    has them; EVALUATION_DATA when None. Crops without a hand are left out: they have no joints."""
    regress: bool = False
    """Evaluate each network's joints after SDNet's hierarchical regression, too. Every hand is a frame of its own, so
    that the temporal terms (Eq. 11, 12) have no past."""

    def data(self, network: NamedNetwork) -> dict[str, Any]:
        """The configuration of the data for one network: its crop size and cube."""
        config = network.model.config
        described = EVALUATION_DATA if self.recipe is None else self.recipe
        data = {**described, "size": config.crop_size, "cube_m": config.cube_m, "negative_fraction": 0.0}
        if self.passes > 1:
            data["margin_m"] = RECROP_MARGIN_M
        if self.border:
            data["border"] = self.border
        if self.families is not None:
            data["families"] = self.families
        return data


@dataclass(frozen=True)
class _Pass:
    """Batches of one pass, and the network's predictions of each."""

    predictions: list[Predictions]
    batches: list[Batch]

    def column(self, name: str) -> NDArray[Any]:
        """One field of all batches, one after the other."""
        return np.concatenate([getattr(batch, name) for batch in self.batches])


def evaluate_on_synthetic(
    networks: Iterable[NamedNetwork], benchmark: SyntheticBenchmark, sheet: Path | None = None
) -> list[MethodResult]:
    """Every network on the same synthetic hands, a result for each pass, and one more for it where its joints are
    regressed.

    sheet: a PNG of typical to worst frames of the last pass (of the last network). ValueError when the benchmark asks
    for hands that cannot be made.
    """
    results = []
    for network in networks:
        hands = synthetic_source(benchmark.data(network), VALIDATION_SPLIT)
        passes = [_Pass([], []) for _ in range(benchmark.passes)]
        starts = range(0, benchmark.count, CHUNK)
        for index, start in enumerate(
            tqdm(starts, desc=network.name, unit="batch", disable=None, leave=False)
        ):
            seed, recrop = validation_seed(benchmark.seed, index), None
            for one in passes:
                batch = hands.batch(seed, min(CHUNK, benchmark.count - start), recrop)
                one.batches.append(batch)
                one.predictions.append(predict(network.model, batch.crop, batch.distance))
                recrop = Recrop.about(one.predictions[-1].joints)
        for number, one in enumerate(passes):
            name = network.name if number == 0 else f"{network.name}, second pass"
            results.append(_result(name, network, benchmark, one, hands.config.families))
            if benchmark.regress:
                then = _regressed(one, network)
                results.append(_result(name + REGRESSED, network, benchmark, then, hands.config.families))
        if sheet is not None:
            _write_sheet(sheet, passes[-1], network.model.config.cube_m)
    return results


def _regressed(one: _Pass, network: NamedNetwork) -> _Pass:
    """The pass with the network's joints regressed."""
    config, regression = network.model.config, HierarchicalRegression()
    predictions = []
    for found, batch in zip(one.predictions, one.batches, strict=True):
        # Only a crop's size, cube and distance matter to a frame that has none before it.
        frames = [
            CropFrame(np.array([0.0, 0.0, away]), config.cube_m, config.crop_size)
            for away in batch.distance.tolist()
        ]
        predictions.append(regression(found, frames, batch.crop[:, 0]))
    return _Pass(predictions, one.batches)


def _write_sheet(path: Path, one: _Pass, cube_m: float) -> None:
    """The sheet of one pass's frames."""
    found = np.concatenate([predictions.joints for predictions in one.predictions])
    crop, distance, truth = (one.column(name) for name in ("crop", "distance", "joints"))
    write_png(path, error_sheet(crop, distance, truth, found, cube_m))


def joints_seen(batch: Batch, cube_m: float) -> NDArray[np.bool_]:
    """(N, 23): which true joints the crops show.

    Such a joint has a surface (the median of 3 x 3 pixels) less than FLESH_M before it where it lies in the picture.
    Others are hidden, by the hand itself or something else, or not measured.
    """
    size = batch.crop.shape[-1]
    hands, half = len(batch.joints), cube_m / 2
    depth = batch.joints[..., 2]
    place = batch.joints[..., :2] / (half * (1 + depth / batch.distance[:hands, None]))[..., None]
    column, row = np.moveaxis(np.clip(((place + 1) * size / 2).astype(int), 1, size - 2), -1, 0)
    each = np.arange(hands)[:, None]
    around = [batch.crop[each, 0, row + r, column + c] for r in (-1, 0, 1) for c in (-1, 0, 1)]
    surface = np.median(around, axis=0)
    inside = (np.abs(place) < 1).all(axis=-1)
    return inside & (surface < NOTHING_FROM) & (depth - surface * half < FLESH_M)


def seen_end_on(batch: Batch) -> NDArray[np.bool_]:
    """(N,): which hands are seen end-on."""
    return np.asarray(np.abs(batch.rotation[:, 2, 0]) > _END_ON_COSINE)


def _result(
    name: str,
    network: NamedNetwork,
    benchmark: SyntheticBenchmark,
    one: _Pass,
    families: tuple[str, ...],
) -> MethodResult:
    """Figures of one pass over the synthetic hands; each pass has frames of its own."""
    found, batches, truth = join(one.predictions), one.batches, one.column("joints")
    evaluation = evaluate(
        name,
        found.joints,
        truth,
        JOINT_NAMES,
        thresholds_mm=benchmark.thresholds_mm,
        bones=BONES,
        angles=found.angles,
        true_angles=one.column("angles"),
        raw_angles=found.raw_angles,
    )
    source = network.source | {"seed": benchmark.seed, **_network_figures(found, truth)}
    family = one.column("family")
    source["mesh_family_error_mm"] = {
        str(families[f]): float(evaluation.mean_mm[family == f].mean()) for f in np.unique(family)
    }
    end_on = np.concatenate([seen_end_on(batch) for batch in batches])
    source["end_on_share"] = float(end_on.mean())
    source["end_on_error_mm"] = float(evaluation.mean_mm[end_on].mean()) if end_on.any() else None
    error = joint_errors_mm(found.joints, truth)
    source["worst_joint_under_30_mm"] = float((error.max(axis=1) < _GOOD_MM).mean())
    seen = np.concatenate([joints_seen(batch, network.model.config.cube_m) for batch in batches])
    source["seen_joint_share"] = float(seen.mean())
    source["seen_joint_error_mm"] = float(error[seen].mean()) if seen.any() else None
    source["hidden_joint_error_mm"] = float(error[~seen].mean()) if not seen.all() else None
    worst_seen = np.where(seen, error, 0.0).max(axis=1)
    source["worst_seen_joint_under_30_mm"] = float((worst_seen < _GOOD_MM).mean())
    return MethodResult(evaluation, source, found.joints.astype(np.float64))


def parts_line(result: MethodResult) -> str:
    """Errors of parts of the synthetic hands, two lines."""
    source = result.source
    families = ", ".join(f"{name} {error:.2f}" for name, error in source["mesh_family_error_mm"].items())
    end_on = source["end_on_error_mm"]
    seen = "none" if end_on is None else f"{end_on:.2f}"
    parts = {
        "of joints that are seen": source["seen_joint_error_mm"],
        "hidden": source["hidden_joint_error_mm"],
    }
    visible = ", ".join(f"{name} {error:.2f}" for name, error in parts.items() if error is not None)
    return (
        f"{result.evaluation.name}: mean error, mm: {families}, end-on {seen} "
        f"({100 * source['end_on_share']:.0f} % of frames), {visible} ({100 * source['seen_joint_share']:.0f} % of "
        f"joints seen)\n  worst joint under 30 mm in {100 * source['worst_joint_under_30_mm']:.1f} % of frames, worst "
        f"joint that is seen in {100 * source['worst_seen_joint_under_30_mm']:.1f} %"
    )


def _network_figures(found: Predictions, truth: NDArray[np.generic]) -> dict[str, float]:
    """What only a network has: the error before the hand model, and how well its sigma ranks its own errors."""
    return {
        "coarse_error_mm": float(joint_errors_mm(found.coarse, truth).mean()),
        "confidence_rank_correlation": rank_correlation(joint_errors_mm(found.joints, truth), found.sigma),
    }
