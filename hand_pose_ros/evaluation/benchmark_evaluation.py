"""Networks and published predictions on ICVL, NYU and MSRA.

In: networks and a data set of real frames, or prediction files and annotations in the format that papers publish. Out:
a :class:`~hand_pose_ros.evaluation.methods.MethodResult` for each method.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hand_pose_ros.datasets.benchmarks import Benchmark
from hand_pose_ros.datasets.icvl import Icvl
from hand_pose_ros.datasets.msra import Msra
from hand_pose_ros.datasets.nyu import Nyu
from hand_pose_ros.datasets.sample import Sample, crop_sample
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.evaluation.angles import fit_angles
from hand_pose_ros.evaluation.hierarchical_regression import REGRESSED, HierarchicalRegression
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
    regress: bool = False,
) -> list[MethodResult]:
    """Networks on ``count`` frames of a data set, taken evenly from it (all when None).

    fit: angle errors too, against the hand model fitted to the annotations. regress: a second result for each network,
    its joints after SDNet's hierarchical regression; its temporal terms have a past where the frame before in the data
    set is of the same recording and is evaluated, too.
    """
    count = min(count or len(dataset), len(dataset))
    frames = np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist()
    results = []
    for network in networks:
        stages, annotated, subjects = _predict_frames(network, dataset, frames, benchmark, regress)
        sequences = _sequences(subjects)
        fitted = fit_angles(annotated, benchmark, sequences) if fit else None
        for ending, found, predicted in stages:
            source = dict(network.source)
            angles: NDArray[np.floating] | None = found.angles
            if fitted is not None:
                source["groundtruth_fit_residual_mm"] = fitted.residual_mm
                if angles is None:
                    angles = fit_angles(predicted, benchmark, sequences).angles
            evaluation = evaluate(
                network.name + ending,
                predicted,
                annotated,
                benchmark.labels,
                thresholds_mm=thresholds_mm,
                bones=benchmark.bones,
                sequences=sequences,
                angles=angles,
                true_angles=fitted and fitted.angles,
                raw_angles=found.raw_angles,
            )
            results.append(MethodResult(evaluation, source, predicted))
    return results


class _Stage(NamedTuple):
    """What one stage of a method says of all frames."""

    ending: str
    """Of the method's name."""
    found: Predictions
    """In each crop's local frame."""
    joints: NDArray[np.float64]
    """(N, K, 3) m: the benchmark's, camera frame."""


def _predict_frames(
    network: NamedNetwork,
    dataset: Sequence[Sample],
    frames: Sequence[int],
    benchmark: Benchmark,
    regress: bool,
) -> tuple[list[_Stage], NDArray[np.float64], list[str]]:
    """The network's stage and on request the regression's, the true joints (N, K, 3) m in the camera's frame, each
    frame's subject."""
    regression = HierarchicalRegression() if regress else None
    parts: list[list[Predictions]] = [[], []] if regress else [[]]
    crop_frames: list[CropFrame] = []
    truth, subjects, follows = [], [], []
    recording, last = "", -1
    config = network.model.config
    chunks = [frames[i : i + CHUNK] for i in range(0, len(frames), CHUNK)]
    for chunk in tqdm(chunks, desc=network.name, unit="batch", disable=None, leave=False):
        samples = [dataset[i] for i in chunk]
        # The network's own cube, not the literature's: the hand must have the size that it was trained on.
        crops = [crop_sample(s, config.crop_size, config.cube_m) for s in samples]
        pictures = np.stack([c.crop for c in crops])
        distance = np.array([c.frame.distance for c in crops], dtype=np.float32)
        parts[0].append(predict(network.model, pictures[:, None], distance))
        for index, sample in zip(chunk, samples, strict=True):
            before, recording = recording, f"{sample.subject}/{Path(sample.name).parent}"
            follows.append(index == last + 1 and recording == before)
            last = index
            truth.append(sample.joints)
            subjects.append(sample.subject)
        if regression is not None:
            taken = [c.frame for c in crops]
            parts[1].append(regression(parts[0][-1], taken, pictures, follows[-len(chunk) :]))
        crop_frames += [c.frame for c in crops]
    stages = []
    for ending, one in zip(("", REGRESSED), parts, strict=False):
        found = join(one)
        joints = [
            convert_joints(frame.local_to_camera(local), benchmark.joint_set)
            for frame, local in zip(crop_frames, found.joints, strict=True)
        ]
        stages.append(_Stage(ending, found, np.stack(joints)))
    return stages, np.stack(truth), subjects


def _sequences(subjects: Sequence[str]) -> list[slice]:
    """Consecutive frames of one person or recording."""
    slices, start = [], 0
    for _, group in groupby(subjects):
        length = len(list(group))
        slices.append(slice(start, start + length))
        start += length
    return slices
