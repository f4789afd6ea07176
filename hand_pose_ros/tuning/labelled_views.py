"""Labelled crops, single and in motion, with the network's answers, for weighing the refinement's terms.

In: a network, seeds, counts. Out: :class:`Views`; their joints regressed with a configuration, and the errors in mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame, crop_depth
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.evaluation.metrics import joint_errors_mm
from hand_pose_ros.evaluation.predict import Predictions, join, predict
from hand_pose_ros.hand.skeleton import TIP_JOINTS
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.refine.bone_prior import BonePrior
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.regressor import RegressorConfig, regress_joints
from hand_pose_ros.synthetic.motion import SyntheticMotion

Array = NDArray[np.float64]

# Guessed: pictures at a time, a usual camera's rate, the share of its images that are lost.
_CHUNK = 64
_RATE_HZ, _DROPPED = 30.0, 0.2
_CAMERA = Camera(320, 240, 237.5, 237.5, 159.5, 119.5)
# A track further off than this has lost the hand: it starts anew, as the tracker would. Guessed.
_LOST_M = 0.08


@dataclass(frozen=True, eq=False)
class Views:
    """N crops of right hands, with the network's answers and the truth."""

    name: str
    """Of the set, for tables."""
    frames: Sequence[CropFrame]
    """N, where the crops were taken."""
    crop: NDArray[np.float32]
    """(N, S, S)."""
    network: Array
    """(N, 23, 3) m, local: joints of the network."""
    sigma: Array
    """(N, 23) m: their expected errors."""
    truth: Array
    """(N, 23, 3) m, local."""
    before: NDArray[np.int64]
    """(N,): index of the frame before of the same sequence, -1 for none."""
    dt_s: Array
    """(N,) seconds since then."""

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class Errors:
    """Mean errors in mm."""

    mean: float
    """Of all joints."""
    tips: float
    """Of the fingertips."""

    def score(self, raw: Errors) -> float:
        """Mean of both relative to the raw ones: 1 is no gain, lower is better."""
        return 0.5 * (self.mean / raw.mean + self.tips / raw.tips)


def single_views(model: HandNet, split: int, seed: int, count: int, identities: int = 40) -> Views:
    """``count`` crops of a split of SyntheticHands, each of its own."""
    size, cube_m = model.config.crop_size, model.config.cube_m
    hands = SyntheticHands(SyntheticConfig(split=split, identities=identities, size=size, cube_m=cube_m))
    crops, truths, distances, parts = [], [], [], []
    for index, start in enumerate(range(0, count, _CHUNK)):
        batch = hands.batch(1000 * seed + index, min(_CHUNK, count - start))
        crops.append(batch.crop[:, 0])
        truths.append(batch.joints)
        distances.append(batch.distance)
        parts.append(predict(model, batch.crop, batch.distance))
    # Local places depend on the distance of the centre alone, not on its direction.
    frames = [CropFrame(np.array([0.0, 0.0, d]), cube_m, size) for d in np.concatenate(distances)]
    alone = np.full(len(frames), -1)
    return _views("crops", frames, np.concatenate(crops), join(parts), np.concatenate(truths), alone, None)


def motion_views(model: HandNet, seeds: Sequence[int], count: int) -> Views:
    """``count`` frames of each seed of SyntheticMotion at 30 Hz with a fifth dropped, each crop where the network saw
    the hand in the frame before, as the tracker does."""
    frames: list[CropFrame] = []
    before: list[int] = []
    dt_s: list[float] = []
    crops, truths, parts = [], [], []
    for seed in seeds:
        motion, rng = SyntheticMotion(seed, _CAMERA), np.random.default_rng(seed)
        kept = np.flatnonzero(rng.random(2 * count + 10) >= _DROPPED)[:count]
        centre = None
        for index, number in enumerate(kept):
            depth, joints = motion.frame(number / _RATE_HZ)
            middle = joints.mean(axis=0)
            if centre is None or np.linalg.norm(centre - middle) > _LOST_M:
                centre = middle + rng.normal(0.0, 0.01, 3)
            frame = CropFrame(centre, model.config.cube_m, model.config.crop_size)
            crop = crop_depth(DepthFrame(depth, _CAMERA), frame)
            found = predict(model, crop[None, None], np.array([frame.distance], np.float32))
            centre = frame.local_to_camera(found.joints[0]).mean(axis=0)
            before.append(len(frames) - 1 if index else -1)
            dt_s.append((number - kept[index - 1]) / _RATE_HZ if index else 0.0)
            frames.append(frame)
            crops.append(crop)
            truths.append(frame.camera_to_local(joints))
            parts.append(found)
    return _views("motion", frames, np.stack(crops), join(parts), np.stack(truths), np.array(before), dt_s)


def regress_views(views: Views, prior: BonePrior, config: RegressorConfig) -> Array:
    """The network's joints regressed, sequences in order of time -> (N, 23, 3) m, local."""
    out = np.empty_like(views.network)
    remember = config.prediction > 0.0 or config.tip_order > 0.0
    seen: dict[int, Array] = {}  # refined joints in the camera's frame
    for n, frame in enumerate(views.frames):
        previous = _previous(views, n, seen) if remember and views.before[n] >= 0 else None
        out[n] = regress_joints(
            frame, views.crop[n], views.network[n], views.sigma[n], prior, config, previous
        )
        if remember:
            seen[n] = frame.local_to_camera(out[n])
    return out


def errors_of(views: Views, joints: Array) -> Errors:
    """Errors of joints (N, 23, 3) m, local."""
    errors = joint_errors_mm(joints, views.truth)
    return Errors(float(errors.mean()), float(errors[:, list(TIP_JOINTS)].mean()))


def _previous(views: Views, n: int, refined: dict[int, Array]) -> PreviousFrame:
    """The frame before of the same sequence; its velocity from the one before that, if there is one."""
    before = int(views.before[n])
    velocity, earlier = None, int(views.before[before])
    if earlier >= 0:
        velocity = (refined[before] - refined[earlier]) / views.dt_s[before]
    return PreviousFrame(refined[before], views.sigma[before], float(views.dt_s[n]), velocity)


def _views(
    name: str,
    frames: list[CropFrame],
    crop: NDArray[np.float32],
    found: Predictions,
    truth: NDArray[np.floating],
    before: NDArray[np.int64],
    dt_s: list[float] | None,
) -> Views:
    times = np.zeros(len(frames)) if dt_s is None else np.array(dt_s, dtype=np.float64)
    network, sigma = found.joints.astype(np.float64), found.sigma.astype(np.float64)
    return Views(name, frames, crop, network, sigma, truth.astype(np.float64), before, times)
