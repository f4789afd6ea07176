"""Whether a backend computes what torch computes in float32: the same crops through both, joint by joint.

In: weights, a configuration, a number of crops, of free hands as every sensor of ``sensor_sets`` delivers them. Out:
:class:`Parity`: how far joints move, in millimetres, and by how much the mean error changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame, crop_depth
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.evaluation.sensor_sets import SENSORS, RenderedHands, SensorSet
from hand_pose_ros.network.packing import unpack
from hand_pose_ros.synthetic.random_streams import SeedStream
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.pose_inference import PoseEstimator

Array = NDArray[np.float64]

MOST_MEAN_CHANGE_MM = 0.02
"""By so much the mean error may change. Chosen by hand, as the next two."""
MOST_JOINT_MM: dict[str, float] = {"float32": 0.05, "bfloat16": 1.0}
"""By so much 99.9 % of the joints may move, by the precision of the convolutions."""
_JITTER_M = 0.02
_BATCH = 16


@dataclass(frozen=True)
class Parity:
    """One backend against the reference."""

    backend: str
    """What ran."""
    precision: str
    """Of the convolutions."""
    crops: int
    """How many."""
    mean_change_mm: float
    """Its mean joint error less the reference's."""
    joint_mm: tuple[float, float, float]
    """Movement of the joints: median, 99.9 %, most."""

    @property
    def problem(self) -> str:
        """Why it does not agree; empty when it does."""
        allowed = MOST_JOINT_MM[self.precision]
        if abs(self.mean_change_mm) > MOST_MEAN_CHANGE_MM:
            return (
                f"the mean error changes by {self.mean_change_mm:+.3f} mm, want at most {MOST_MEAN_CHANGE_MM}"
            )
        if self.joint_mm[1] > allowed:
            return f"99.9 % of the joints move by up to {self.joint_mm[1]:.3f} mm, want at most {allowed}"
        return ""


def parity_crops(
    count: int, size: int, cube_m: float, seed: int = 0, on_crops: Callable[[int], None] = lambda done: None
) -> tuple[NDArray[np.float32], NDArray[np.float32], Array]:
    """Crops (N, 1, S, S), distances (N,) m and true joints (N, 23, 3) m, local: each hand as every sensor sees it, the
    crop's centre some centimetres beside the hand's."""
    hands = RenderedHands(SensorSet(count=-(-count // len(SENSORS)), seed=seed))
    rng = np.random.default_rng([SeedStream.PARITY_CENTRES, seed])
    crops, distances, joints = [], [], []
    for index in range(len(hands)):
        hand = hands[index]
        centre = hand.joints.mean(axis=0) + rng.normal(0.0, _JITTER_M, 3)
        frame = CropFrame(centre, cube_m, size)
        for sensor in SENSORS:
            crops.append(crop_depth(DepthFrame(hand.depth(sensor), hand.rig.camera), frame))
            distances.append(frame.distance)
            joints.append(frame.camera_to_local(hand.joints))
        on_crops(len(crops))
    return (
        np.stack(crops)[:count, None], np.asarray(distances, np.float32)[:count], np.stack(joints)[:count]
    )  # fmt: skip


def measure_parity(
    weights: Path,
    configs: Sequence[TrackerConfig],
    crops: NDArray[np.float32],
    distances: NDArray[np.float32],
    truth: Array,
) -> list[Parity]:
    """Each configuration's backend against torch in float32 on the CPU."""
    reference = _joints(
        PoseEstimator(weights, TrackerConfig(backend="torch", device="cpu", precision="float32")),
        crops,
        distances,
    )
    wanted = np.linalg.norm(reference - truth, axis=-1)
    rows = []
    for config in configs:
        estimator = PoseEstimator(weights, config)
        found = _joints(estimator, crops, distances)
        moved = 1e3 * np.linalg.norm(found - reference, axis=-1)
        error = np.linalg.norm(found - truth, axis=-1)
        low, high, most = np.percentile(moved, (50, 99.9, 100))
        rows.append(
            Parity(
                estimator.backend.name, estimator.backend.precision, len(crops),
                float(1e3 * (error.mean() - wanted.mean())), (float(low), float(high), float(most)),
            )
        )  # fmt: skip
    return rows


def _joints(estimator: PoseEstimator, crops: NDArray[np.float32], distances: NDArray[np.float32]) -> Array:
    parts = [
        unpack(estimator.backend(crops[i : i + _BATCH], distances[i : i + _BATCH])).joints
        for i in range(0, len(crops), _BATCH)
    ]
    return np.concatenate(parts)
