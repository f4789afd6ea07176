"""Synthetic crops with and without hands as the tracker sees them first: features of each, and whether it was right.

In: a network, a split, how many. Out: :class:`Cases`. Every crop takes the way of a track's first frame: network,
a second crop where there may be a hand, refinement with the shape that the network gave, confidence features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.datasets.synthetic import RECROP_MARGIN_M, Batch, Recrop, SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.backbones import fold_normalisation
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.packed_net import pack
from hand_pose_ros.refine.refiner import Refiner
from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.synthetic.negatives import sample_negatives
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends
from hand_pose_ros.tracking.confidence import (
    HAND_FEATURES,
    JOINT_FEATURES,
    RIGHT_M,
    Calibration,
    ConfidenceFeatures,
    confidence_features,
)
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import Estimate
from hand_pose_ros.tracking.pose_inference import to_estimates
from hand_pose_ros.tracking.scoring import presence_log_odds

Array = NDArray[np.float64]

# Guessed, as the numbers that follow but for _STEREO.
NO_HAND_SHARE = 0.35
HAND = -1
"""``Cases.kind`` of a crop that shows a hand."""

_BATCH = 100
_CONFIG = TrackerConfig()
_BORDER = 0.1
_SCENE = SceneConfig(held=0.06, grasp=0.24, other_hand=0.12)
_STEREO = 0.4  # as training: what is calibrated on clear hands alone believes stereo cameras' too little


@dataclass(frozen=True, eq=False)
class Cases:
    """Features and truth of N crops."""

    hand: Array
    """(N, 10) features in the order of HAND_FEATURES."""
    joints: Array
    """(N, 23, 6) features, see ConfidenceFeatures."""
    hand_right: NDArray[np.bool_]
    """(N,): whether the hand is right, see RIGHT_M; False without a hand."""
    joints_right: NDArray[np.bool_]
    """(N, 23): whether each joint is; False without a hand."""
    presence: Array
    """(N,): log odds of there being a hand."""
    kind: NDArray[np.int64]
    """(N,): index into ``negatives.KINDS``, or HAND."""

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def is_hand(self) -> NDArray[np.bool_]:
        """(N,): which crops show a hand."""
        return self.kind == HAND

    def confidence(self, calibration: Calibration) -> tuple[Array, Array]:
        """-> confidences (N,) of the hands and (N, 23) of their joints."""
        found = [
            calibration.confidence(ConfidenceFeatures(hand, joints))
            for hand, joints in zip(self.hand, self.joints, strict=True)
        ]
        return np.array([hand for hand, _ in found]), np.stack([joints for _, joints in found])


def source_config(model: HandNet, split: int) -> SyntheticConfig:
    """The source of a network's crops: a third without a hand, grasps, other hands, edges of the picture, a stereo
    matcher before some of them."""
    size, cube_m = model.config.crop_size, model.config.cube_m
    return SyntheticConfig(
        split=split,
        size=size,
        cube_m=cube_m,
        scene=_SCENE,
        negative_fraction=NO_HAND_SHARE,
        border=_BORDER,
        margin_m=RECROP_MARGIN_M,
        stereo=_STEREO,
    )


def gather_cases(model: HandNet, split: int, count: int) -> Cases:
    """``count`` crops of a split through network and refiner. ValueError when the network has no hand model."""
    source = SyntheticHands(source_config(model, split))
    net, refiner = fold_normalisation(model), Refiner()
    hand = np.empty((count, len(HAND_FEATURES)))
    joints = np.empty((count, skeleton.JOINT_COUNT, len(JOINT_FEATURES) - 1))
    errors_m = np.full((count, skeleton.JOINT_COUNT), np.inf)
    presence, kind = np.empty(count), np.full(count, HAND)
    for seed, start in enumerate(range(0, count, _BATCH)):
        rows = min(_BATCH, count - start)
        batch = source.batch(seed, rows)
        hands = len(batch.joints)
        kind[start + hands : start + rows] = negative_kinds(source, seed, rows)
        for n, (estimate, truth) in enumerate(_recropped_estimates(net, source, seed, batch)):
            features, refined = first_frame(refiner, estimate)
            hand[start + n], joints[start + n] = features.hand, features.joints
            presence[start + n] = presence_log_odds(estimate, _CONFIG.scoring)
            if truth is not None:
                errors_m[start + n] = np.linalg.norm(refined - truth, axis=1)
    return Cases(hand, joints, errors_m.mean(axis=1) < RIGHT_M, errors_m < RIGHT_M, presence, kind)


def _recropped_estimates(
    net: HandNet, source: SyntheticHands, seed: int, batch: Batch
) -> list[tuple[Estimate, Array | None]]:
    """Estimates of a batch's crops and the true joints (23, 3) m in their frames, None where there is no hand; where
    the network finds a hand those of a second crop, as the tracker takes it."""
    first = estimates_of(net, batch, source.config.cube_m)
    recrop = Recrop.about(np.stack([estimate.joints for estimate in first]))
    recropped = source.batch(seed, len(first), recrop)
    second = estimates_of(net, recropped, source.config.cube_m)
    chosen = []
    for n, (one, other) in enumerate(zip(first, second, strict=True)):
        is_recropped = presence_log_odds(one, _CONFIG.scoring) > _CONFIG.scoring.candidate_log_odds
        truth = (recropped if is_recropped else batch).joints[n] if n < len(batch.joints) else None
        chosen.append((other if is_recropped else one, truth))
    return chosen


def estimates_of(net: HandNet, batch: Batch, cube_m: float) -> list[Estimate]:
    """What the network estimates from a batch's crops, as ``tracking.pose_inference.PoseEstimator`` does it."""
    with torch.inference_mode():
        pictures = torch.from_numpy(batch.crop).contiguous(memory_format=torch.channels_last)
        output = net(pictures, torch.from_numpy(batch.distance))
    size = batch.crop.shape[-1]
    # Local places depend on the distance of the centre alone, not on its direction.
    frames = [CropFrame(np.array([0.0, 0.0, float(d)]), cube_m, size) for d in batch.distance]
    return to_estimates(pack(output).numpy(), frames, batch.crop[:, 0], _CONFIG)


def first_frame(refiner: Refiner, estimate: Estimate) -> tuple[ConfidenceFeatures, Array]:
    """What a new track makes of an estimate: features, and refined joints (23, 3) local m."""
    refined = refiner.refine(estimate.network_pose)
    presence = presence_log_odds(estimate, _CONFIG.scoring)
    features = confidence_features(estimate, presence, refined, refiner.prior, _CONFIG.visibility)
    return features, refined.joints


def negative_kinds(source: SyntheticHands, seed: int, count: int) -> NDArray[np.int64]:
    """Kinds of the crops without a hand, the last of ``source.batch(seed, count)``: indices into ``negatives.KINDS``.

    A batch does not return them, so its random numbers are drawn again in the same order; a test compares both.
    """
    rng = np.random.default_rng([source.config.split, seed])
    rng.integers(len(source.subjects), size=count)
    for sample in (sample_angles, sample_view_rotations, sample_wrist_bends):
        sample(count, rng)
    rng.normal(0, 1.0, (count, 3))
    return sample_negatives(round(source.config.negative_fraction * count), rng)[1]
