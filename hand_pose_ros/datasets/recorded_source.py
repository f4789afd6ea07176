"""Real frames to train on: ICVL, NYU or MSRA as a source of labelled hands like the synthetic one.

In: the name of a data set, its folder, and the section ``data`` of a training configuration. Out: two
sources with ``batch(seed, count)`` -> ``datasets.synthetic.Batch`` (right hands in the crops' local frames, metres):
the training split, moved at random, and the testing split as it is. What the annotations lack (angles, palm
pose, shape, the rest of the 23 joints) comes from the hand model fitted to them, see ``annotation_fit``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.config_files import build
from hand_pose_ros.datasets.annotation_fit import FittedHands, cached_fit, similarity
from hand_pose_ros.datasets.augmentation import AugmentationConfig, augment
from hand_pose_ros.datasets.benchmarks import BENCHMARKS, Benchmark
from hand_pose_ros.datasets.icvl import Icvl, rotation_degrees
from hand_pose_ros.datasets.msra import SUBJECTS, Msra
from hand_pose_ros.datasets.nyu import Nyu
from hand_pose_ros.datasets.sample import OWN_JOINT_SET, crop_sample
from hand_pose_ros.datasets.synthetic import Batch
from hand_pose_ros.depth.crop import CROP_CUBE_M, CROP_SIZE
from hand_pose_ros.hand.skeleton import PALM_JOINT
from hand_pose_ros.validation import one_of, require, typed

Reader = Icvl | Nyu | Msra


@dataclass(frozen=True)
class RecordedConfig:
    """The section ``data`` of a configuration with a recorded data set. ValueError names a wrong field."""

    size: int = CROP_SIZE
    """Pixels along a crop's edge: the network's."""
    cube_m: float = CROP_CUBE_M
    """Edge of the metric cube, m: the network's."""
    rotation_rad: float = AugmentationConfig.rotation_rad
    """Bounds of the random motion in training, as the next two: see ``datasets.augmentation``."""
    scale: float = AugmentationConfig.scale
    translation_m: float = AugmentationConfig.translation_m
    rotated: bool = True
    """ICVL's own rotated copies are trained with."""
    test_subject: str = "P0"
    """MSRA's subject who is validated on."""
    train_subjects: tuple[str, ...] = ()
    """MSRA's subjects who are trained on, all others when empty."""

    def __post_init__(self) -> None:
        typed(self, "data")
        try:
            self.augmentation  # noqa: B018 - checks its bounds
        except ValueError as error:
            raise ValueError(f"data: {error}") from error
        one_of(self, SUBJECTS, "test_subject", section="data")
        if self.test_subject in self.train_subjects:
            raise ValueError(f"data.train_subjects hold the test_subject '{self.test_subject}', want others")

    @property
    def augmentation(self) -> AugmentationConfig:
        """The random motion."""
        return AugmentationConfig(self.rotation_rad, self.scale, self.translation_m)


class _Labelled(NamedTuple):
    """One crop (S, S) with its truth, as a row of a Batch."""

    crop: NDArray[np.float32]
    distance: float
    joints: NDArray[np.float64]
    angles: NDArray[np.float64]
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    shape: NDArray[np.float64]


class RecordedHands:
    """A random-access source of batches from a reader's frames; the same seed always gives the same batch.

    augmented: whether frames are moved at random. folder: where the fit of the annotations is kept. workers: threads
    that read and cut frames.
    """

    def __init__(
        self, reader: Reader, benchmark: Benchmark, config: RecordedConfig, folder: Path, *, split: str,
        augmented: bool, workers: int = 1,
    ) -> None:  # fmt: skip
        self.reader, self.benchmark, self.config = reader, benchmark, config
        self.folder, self.split, self.augmented = folder, split, augmented
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="frames")

    def __len__(self) -> int:
        return len(self.reader)

    @cached_property
    def fit(self) -> FittedHands:
        """The hands of all frames, camera optical frame; made on first use, which may take minutes."""
        names, reader = self.reader.names, self.reader
        copy_of = originals(names) if isinstance(reader, Icvl) else None
        return cached_fit(self.folder, self.split, reader.joints, self.benchmark, reader.subjects, copy_of)

    def batch(self, seed: int, count: int) -> Batch:
        """``count`` random frames; a pure function of the data, the configuration, the seed and the count."""
        require(count >= 1, "", "count", count, "at least 1")
        fit = self.fit  # once, before the threads ask for it
        frames = np.random.default_rng(seed).integers(len(fit), size=count)
        rows = list(self._pool.map(self._row, frames.tolist(), [(seed, i) for i in range(count)]))
        arrays = [np.stack([np.asarray(v, np.float32) for v in column]) for column in zip(*rows, strict=True)]
        crop, distance, joints, angles, rotation, translation, shape = arrays
        family = np.zeros(count, np.int64)
        return Batch(crop[:, None], distance, joints, angles, rotation, translation, shape, family)

    def _row(self, frame: int, seed: tuple[int, int]) -> _Labelled:
        fit = self.fit
        joints, rotation, shape = fit.joints[frame], fit.rotation[frame], fit.shape[frame].copy()
        sample = replace(self.reader[frame], joints=joints, joint_set=OWN_JOINT_SET)
        if self.augmented:
            sample = augment(sample, np.random.default_rng(seed), self.config.augmentation)
            # All joints move alike, so their motion is the palm's too; the scene's factor makes a larger hand.
            motion = similarity(joints, sample.joints)
            rotation = motion.rotation @ rotation
            shape[0] += np.log(motion.factor)
        # The network's own cube, not the literature's, as in `hand-pose evaluate`.
        cut = crop_sample(sample, self.config.size, self.config.cube_m)
        turned = cut.frame.camera_to_local_rotation(rotation)
        return _Labelled(
            cut.crop, cut.frame.distance, cut.joints, fit.angles[frame], turned, cut.joints[PALM_JOINT], shape
        )


def recorded_config(data: Mapping[str, Any]) -> RecordedConfig:
    """The configuration's section ``data`` -> RecordedConfig. ValueError names a field that is unknown or wrong."""
    known = [field.name for field in fields(RecordedConfig)]
    for key in data:
        if key not in known:
            raise ValueError(f"no field 'data.{key}' for a recorded data set, want one of {', '.join(known)}")
    return build(RecordedConfig, "data", data)


def recorded_sources(
    dataset: str, root: str | Path, data: Mapping[str, Any], folder: Path, threads: int = 0
) -> tuple[RecordedHands, RecordedHands]:
    """Training and validation source of a data set (icvl, nyu or msra) under ``root``; fits are kept in the folder.

    ValueError without a root, DatasetError (a ValueError) on a missing or damaged archive.

    :param data: fields of :class:`RecordedConfig` that differ from its defaults.
    :param threads: that read and cut frames; 0 for as many as there are cores.
    """
    if not root:
        raise ValueError(f"dataset '{dataset}' needs --root, the folder of its unpacked archive")
    config, root = recorded_config(data), Path(root)
    if dataset == "icvl":
        readers: tuple[Reader, Reader] = Icvl(root, "train", rotated=config.rotated), Icvl(root, "test")
    elif dataset == "nyu":
        readers = Nyu(root, "train"), Nyu(root, "test")
    else:
        others = config.train_subjects or tuple(s for s in SUBJECTS if s != config.test_subject)
        readers = Msra(root, others), Msra(root, [config.test_subject])
    benchmark = BENCHMARKS[dataset]
    workers = threads or os.cpu_count() or 1
    train, test = (
        RecordedHands(
            reader, benchmark, config, folder, split=split, augmented=split == "train", workers=workers
        )
        for reader, split in zip(readers, ("train", "test"), strict=True)
    )
    return train, test


def originals(names: Sequence[str]) -> NDArray[np.int64]:
    """The number of the upright frame that each of ICVL's frames is a rotated copy of; its own when there is none."""
    number = {name: i for i, name in enumerate(names)}
    return np.array(
        [
            number.get(name.partition("/")[2], i) if rotation_degrees(name) else i
            for i, name in enumerate(names)
        ],
        dtype=np.int64,
    )
