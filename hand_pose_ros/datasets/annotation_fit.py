"""The hand model fitted once to a data set's annotations, so that real frames have everything that a network learns.

In: annotated joints (N, K, 3) m in the camera's optical frame, which frames show the same hand. Out:
:class:`FittedHands`, in the camera's optical frame, metres and radians. This is the poster's "off-line model fitting to
obtain joint angle ground truth". One shape a hand, found on a spread of its frames; then every frame's pose with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from hand_pose_ros.datasets.benchmarks import Benchmark
from hand_pose_ros.files import read_arrays, replaced
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.fitting import fit_hands
from hand_pose_ros.hand.joint_sets import convert_joints
from hand_pose_ros.hand.rotations import so3_exp

Array = NDArray[np.float64]

_VERSION = 1
"""Raised when a change here makes other fits of the same annotations, so that old caches are not read."""
# Chosen by hand, both.
_FRAMES_FOR_SHAPE = 256
_FRAMES_AT_ONCE = 1024
# A label's rounding and the camera's unequal focal lengths leave a copy less than this off a rigid motion.
_RIGID_M = 1e-3


@dataclass(frozen=True, eq=False)
class FittedHands:
    """The hand in each of N frames; the palm's place is ``joints[:, 0]``."""

    joints: Array
    """(N, 23, 3) m."""
    rotation: Array
    """(N, 3, 3) of the palm."""
    angles: Array
    """(N, 20) rad, in range."""
    shape: Array
    """(N, 9) log scales."""
    residual: Array
    """(N,) m: mean distance of the fitted hand from the annotated joints."""

    def __len__(self) -> int:
        return len(self.joints)


class Similarity(NamedTuple):
    """x -> factor * rotation @ x + translation; residual: mean distance (m) that it leaves."""

    factor: float
    rotation: Array
    translation: Array
    residual: float

    def __call__(self, points: ArrayLike) -> Array:
        """Points (..., 3) moved."""
        return self.factor * np.asarray(points) @ self.rotation.T + self.translation


def similarity(source: Array, target: Array, *, rigid: bool = False) -> Similarity:
    """The motion (with a factor, unless rigid) that takes points (K, 3) nearest to others (Kabsch, Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, singular, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    factor = 1.0 if rigid else float((singular * sign).sum() / np.square(a).sum())
    translation = target.mean(0) - factor * rotation @ source.mean(0)
    moved = Similarity(factor, rotation, translation, 0.0)
    return moved._replace(residual=float(np.linalg.norm(moved(source) - target, axis=-1).mean()))


def fit_annotations(
    joints: Array, benchmark: Benchmark, hands: Sequence[str], copy_of: NDArray[np.int64] | None = None
) -> FittedHands:
    """Fit the hand model to all frames (N, K, 3) m. hands: N names, equal ones show the same hand.

    copy_of (N,): the frame that each frame is a copy of, turned in the image plane (its own number for an original).
    Such a copy takes its original's fit along, unless its annotation is more than 1 mm off a rigid motion of it.
    """
    count = len(joints)
    source = np.arange(count) if copy_of is None else copy_of
    moves = {
        i: similarity(joints[source[i]], joints[i], rigid=True)
        for i in np.flatnonzero(source != range(count))
    }
    moves = {i: move for i, move in moves.items() if move.residual <= _RIGID_M}
    own = np.array([i for i in range(count) if i not in moves])
    result = FittedHands(
        np.empty((count, skeleton.JOINT_COUNT, 3)),
        np.empty((count, 3, 3)),
        np.empty((count, skeleton.ANGLE_COUNT)),
        np.empty((count, skeleton.SHAPE_COUNT)),
        np.empty(count),
    )
    names = np.asarray(hands)
    with tqdm(total=len(own), unit="frame", desc="hand model", disable=None, leave=False) as bar:
        for name in dict.fromkeys(hands):
            _fit_one_hand(joints, benchmark, own[names[own] == name], result, bar)
    for i, move in moves.items():
        original = source[i]
        result.joints[i] = move(result.joints[original])
        result.rotation[i] = move.rotation @ result.rotation[original]
        for field in ("angles", "shape"):
            getattr(result, field)[i] = getattr(result, field)[original]
        placed = convert_joints(result.joints[i], benchmark.joint_set)
        result.residual[i] = np.linalg.norm(placed - joints[i], axis=-1).mean()
    return result


def _fit_one_hand(
    joints: Array, benchmark: Benchmark, rows: NDArray[np.int64], result: FittedHands, bar: tqdm
) -> None:
    if len(rows) == 0:
        return
    spread = rows[np.unique(np.linspace(0, len(rows) - 1, _FRAMES_FOR_SHAPE).round().astype(int))]
    config = FitConfig(side=benchmark.side, shape="sequence")
    shape = fit_hands(joints[spread], benchmark.joint_set, config=config).shape
    for start in range(0, len(rows), _FRAMES_AT_ONCE):
        part = rows[start : start + _FRAMES_AT_ONCE]
        fit = fit_hands(joints[part], benchmark.joint_set, shape=shape, config=FitConfig(side=benchmark.side))
        result.joints[part] = fit.joints.cpu().numpy()
        result.rotation[part] = so3_exp(fit.parameters[:, skeleton.ROTATION_PARAMETERS]).cpu().numpy()
        result.angles[part] = fit.parameters[:, skeleton.FIRST_ANGLE :].cpu().numpy()
        result.shape[part] = shape.cpu().numpy()
        result.residual[part] = fit.residual.mean(-1).cpu().numpy()
        bar.update(len(part))


def cached_fit(
    folder: Path,
    split: str,
    joints: Array,
    benchmark: Benchmark,
    hands: Sequence[str],
    copy_of: NDArray[np.int64] | None = None,
) -> FittedHands:
    """:func:`fit_annotations`, read from the folder when the same annotations were fitted there before."""
    key = hashlib.sha256(np.ascontiguousarray(joints).tobytes())
    given = [] if copy_of is None else copy_of.tolist()
    key.update(repr((_VERSION, benchmark.name, benchmark.side, list(hands), given)).encode())
    path = folder / f"fit_{benchmark.name}_{split}_{key.hexdigest()[:16]}.npz"
    found = _read(path, len(joints))
    if found is not None:
        return found
    print(f"{benchmark.name} {split}: fitting the hand model to {len(joints)} annotations, once", flush=True)
    fit = fit_annotations(joints, benchmark, hands, copy_of)
    with replaced(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{field.name: getattr(fit, field.name) for field in fields(FittedHands)})
    print(
        f"{benchmark.name} {split}: mean residual {1000 * fit.residual.mean():.2f} mm, kept in {path}",
        flush=True,
    )
    return fit


def _read(path: Path, count: int) -> FittedHands | None:
    """A cache, or None when there is none or it is damaged (it is then made anew)."""
    if not path.exists():
        return None
    try:
        fit = FittedHands(**read_arrays(path, [field.name for field in fields(FittedHands)]))
    except (OSError, ValueError):
        return None
    return (
        fit if {getattr(fit, field.name).shape[:1] for field in fields(FittedHands)} == {(count,)} else None
    )
