"""Networks and published predictions on ICVL, NYU and MSRA.

In: networks and a data set of real frames, or prediction files and annotations in the format that papers publish. Out:
a :class:`~hand_pose_ros.evaluation.methods.MethodResult` for each method.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.datasets.benchmarks import Benchmark
from hand_pose_ros.datasets.icvl import Icvl
from hand_pose_ros.datasets.msra import Msra
from hand_pose_ros.datasets.nyu import Nyu
from hand_pose_ros.datasets.sample import Sample, crop_sample
from hand_pose_ros.evaluation.angles import fit_angles
from hand_pose_ros.evaluation.methods import CHUNK, MethodResult, NamedNetwork, named_files
from hand_pose_ros.evaluation.metrics import THRESHOLDS_MM, evaluate
from hand_pose_ros.evaluation.predict import Predictions, join, predict
from hand_pose_ros.evaluation.prediction_files import read_predictions
from hand_pose_ros.hand.joint_sets import convert_joints


def open_dataset(
    name: str, root: Path, split: str = "test", subjects: Sequence[str] | None = None
) -> Sequence[Sample]:
    """The data set ``name`` (icvl, nyu or msra) in its unpacked archive. DatasetError when it is absent or damaged.

    split: of icvl and nyu; subjects: of msra, all when None.
    """
    if name == "icvl":
        return Icvl(root, split)
    if name == "nyu":
        return Nyu(root, split)
    return Msra(root, subjects)


def evaluate_prediction_files(
    predictions: Sequence[str],
    groundtruth: Path,
    benchmark: Benchmark,
    thresholds_mm: Sequence[float] = THRESHOLDS_MM,
    fit: bool = False,
) -> list[MethodResult]:
    """Published predictions ([NAME=]FILE each) against the annotations of the same frames.

    fit: angle errors too, of the hand model fitted to both. ValueError when a file is damaged or of another length.
    """
    truth = read_predictions(groundtruth, benchmark)
    whole = benchmark.sequences[-1].stop in (None, len(truth))
    sequences = benchmark.sequences if whole else (slice(None),)
    fitted = fit_angles(truth, benchmark, sequences) if fit else None
    results = []
    for name, path in named_files(predictions):
        joints = read_predictions(path, benchmark)
        if len(joints) != len(truth):
            raise ValueError(f"{path}: {len(joints)} frames, but {groundtruth} has {len(truth)}")
        own = fit_angles(joints, benchmark, sequences) if fit else None
        evaluation = evaluate(
            name,
            joints,
            truth,
            benchmark.labels,
            thresholds_mm=thresholds_mm,
            bones=benchmark.bones,
            sequences=sequences,
            angles=own and own.angles,
            true_angles=fitted and fitted.angles,
        )
        source: dict[str, Any] = {"file": path.name}
        if own and fitted:
            source |= {"fit_residual_mm": own.residual_mm, "groundtruth_fit_residual_mm": fitted.residual_mm}
        results.append(MethodResult(evaluation, source, joints))
    return results


def evaluate_networks(
    networks: Iterable[NamedNetwork],
    dataset: Sequence[Sample],
    benchmark: Benchmark,
    count: int | None = None,
    thresholds_mm: Sequence[float] = THRESHOLDS_MM,
    fit: bool = False,
) -> list[MethodResult]:
    """Networks on ``count`` frames of a data set, taken evenly from it (all when None).

    fit: angle errors too, against the hand model fitted to the annotations.
    """
    count = min(count or len(dataset), len(dataset))
    frames = np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist()
    results = []
    for network in networks:
        found, predicted, annotated, subjects = _predict_frames(network, dataset, frames, benchmark)
        sequences = _sequences(subjects)
        source, angles, true_angles = dict(network.source), found.angles, None
        if fit:
            fitted = fit_angles(annotated, benchmark, sequences)
            true_angles, source["groundtruth_fit_residual_mm"] = fitted.angles, fitted.residual_mm
        evaluation = evaluate(
            network.name,
            predicted,
            annotated,
            benchmark.labels,
            thresholds_mm=thresholds_mm,
            bones=benchmark.bones,
            sequences=sequences,
            angles=fit_angles(predicted, benchmark, sequences).angles if fit and angles is None else angles,
            true_angles=true_angles,
            raw_angles=found.raw_angles,
        )
        results.append(MethodResult(evaluation, source, predicted))
    return results


def _predict_frames(
    network: NamedNetwork, dataset: Sequence[Sample], frames: Sequence[int], benchmark: Benchmark
) -> tuple[Predictions, NDArray[np.float64], NDArray[np.float64], list[str]]:
    """The network's predictions of the frames, its joints and the true ones, each frame's subject.

    Joints are (N, K, 3) m, camera frame.
    """
    parts: list[Predictions] = []
    joints, truth, subjects = [], [], []
    config = network.model.config
    chunks = [frames[i : i + CHUNK] for i in range(0, len(frames), CHUNK)]
    for chunk in tqdm(chunks, desc=network.name, unit="batch", disable=None, leave=False):
        samples = [dataset[i] for i in chunk]
        # The network's own cube, not the literature's: the hand must have the size that it was trained on.
        crops = [crop_sample(s, config.crop_size, config.cube_m) for s in samples]
        distance = np.array([c.frame.distance for c in crops], dtype=np.float32)
        parts.append(predict(network.model, np.stack([c.crop for c in crops])[:, None], distance))
        for sample, crop, local in zip(samples, crops, parts[-1].joints, strict=True):
            joints.append(convert_joints(crop.frame.local_to_camera(local), benchmark.joint_set))
            truth.append(sample.joints)
            subjects.append(sample.subject)
    return join(parts), np.stack(joints), np.stack(truth), subjects


def _sequences(subjects: Sequence[str]) -> list[slice]:
    """Consecutive frames of one person or recording."""
    slices, start = [], 0
    for _, group in groupby(subjects):
        length = len(list(group))
        slices.append(slice(start, start + length))
        start += length
    return slices
