"""The pose network run on places of one image: crops in one batch, both sides, again where the first crop was off.

In: a DepthFrame, places to crop (a centre (3,) m and whether to mirror, for a left hand). Out: an
:class:`~hand_pose_ros.tracking.estimate.Estimate` a place: a right hand in the crop's local frame (metres).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame, crop_depths
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.network.backbones import fold_normalisation
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.device import multiplies_bfloat16, pick_device
from hand_pose_ros.network.model import HandNetOutput
from hand_pose_ros.tracking.config import RecropConfig, TrackerConfig
from hand_pose_ros.tracking.estimate import CropRequest, Estimate
from hand_pose_ros.tracking.scoring import best_hypothesis, fit_score, presence_log_odds
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.visibility import visibility_score

Array = NDArray[np.float64]


class PoseEstimator:
    """A network with a hand model, ready to run; ``info`` describes its weights.

    CheckpointError when the weights cannot be used, ValueError when they have no hand model or there is no such
    device.
    """

    def __init__(self, weights: str | Path, config: TrackerConfig | None = None) -> None:
        """``device``, ``threads`` and ``precision`` of the configuration set how the network runs, ``scoring``,
        ``recrop`` and ``visibility`` how its output is read."""
        self.config = config or TrackerConfig()
        self.device = pick_device(self.config.device)
        trained, self.info = load_checkpoint(weights, self.device)
        if self.info.network.head == "direct_joint":
            raise ValueError(
                f"{weights}: its head is 'direct_joint', the tracker needs a network with a hand model"
            )
        self._net = fold_normalisation(trained)
        self._net.autocast = self.config.precision == "bfloat16" or (
            self.config.precision == "auto" and self.device.type == "cpu" and multiplies_bfloat16(self.device)
        )
        if self.device.type == "cpu":
            torch.set_num_threads(self.config.threads)
        self._size, self._cube_m = self._net.config.crop_size, self._net.config.cube_m

    def __call__(
        self, frame: DepthFrame, requests: Sequence[CropRequest], timer: StageTimer
    ) -> list[Estimate]:
        """One estimate a request, all in one batch; timed as ``crop`` and ``network``."""
        if not requests:
            return []
        with timer.stage("crop"):
            crop_frames = [
                CropFrame(request.centre, self._cube_m, self._size, request.mirrored, request.roll_rad)
                for request in requests
            ]
            crops = crop_depths(frame, crop_frames)
        with timer.stage("network"):
            with torch.inference_mode():
                distance = torch.tensor(
                    [crop_frame.distance for crop_frame in crop_frames], dtype=torch.float32
                )
                output = self._net(torch.from_numpy(crops[:, None]).to(self.device), distance.to(self.device))
            return to_estimates(output, crop_frames, crops, self.config)


def estimate_poses(
    estimator: PoseEstimator,
    frame: DepthFrame,
    groups: Sequence[Sequence[CropRequest]],
    timer: StageTimer,
    reject_early: bool = False,
) -> list[list[Estimate]]:
    """Estimates of each group of requests: one place's, one request a side.

    A place that may be a hand is cropped again where its hand lies off the crop's middle or is turned in it (see
    RecropConfig). reject_early: of several places, those that are clearly no hand as seen from their first side get no
    crop for the other side, and no estimates.
    """

    def run(wanted: Sequence[Sequence[CropRequest]]) -> list[list[Estimate]]:
        flat = estimator(frame, [request for group in wanted for request in group], timer)
        ends = np.cumsum([0] + [len(group) for group in wanted])
        return [flat[a:b] for a, b in pairwise(ends)]

    scoring = estimator.config.scoring
    if reject_early and len(groups) > 1:
        answers = run([group[:1] for group in groups])
        kept = [
            i
            for i, answer in enumerate(answers)
            if presence_log_odds(answer[0], scoring) >= scoring.reject_log_odds
        ]
        others = dict(zip(kept, run([groups[i][1:] for i in kept]), strict=True))
        answers = [answer + others[i] if i in others else [] for i, answer in enumerate(answers)]
    else:
        answers = run(groups)
    recrops: dict[int, list[CropRequest]] = {}
    for index, group in enumerate(answers):
        if not group:
            continue
        best = best_hypothesis(group, scoring)
        likely = presence_log_odds(best, scoring) > scoring.candidate_log_odds
        if likely and best.centre[2] > 0 and wants_recrop(best, estimator.config.recrop):
            recrops[index] = [
                CropRequest(best.centre, estimate.frame.mirrored, best.roll_rad) for estimate in group
            ]
    for index, group in zip(recrops, run(list(recrops.values())), strict=True):
        answers[index] = group
    return answers


def wants_recrop(estimate: Estimate, config: RecropConfig) -> bool:
    """Whether the hand lies far off its crop's middle, or is turned in it; the turn of one seen end-on
    does not count."""
    frame = estimate.frame
    along = fingers_direction(estimate.joints)
    turn = abs(estimate.roll_rad - frame.roll_rad) % (2 * np.pi)
    turned = min(turn, 2 * np.pi - turn) > config.turned_rad
    shows = np.hypot(along[0], along[1]) > config.end_on_sine * np.linalg.norm(along)
    off_centre_m = float(np.linalg.norm(estimate.centre - frame.centre))
    return bool(turned and shows) or off_centre_m > config.off_centre_m


def to_estimates(
    output: HandNetOutput,
    frames: Sequence[CropFrame],
    crops: NDArray[np.float32],
    config: TrackerConfig,
) -> list[Estimate]:
    """The output of a network with a hand model for crops (N, S, S) taken at ``frames`` -> N estimates.

    ValueError when the network has no hand model.
    """
    if output.angles is None or output.shape is None or output.rotation is None or output.translation is None:
        raise ValueError("the network gave no hand model parameters")
    coarse, joints, sigma, rotation, translation, angles, shape = (
        value.double().cpu().numpy()
        for value in (
            output.coarse, output.joints, output.joint_sigma, output.rotation, output.translation, output.angles,
            output.shape,
        )
    )  # fmt: skip
    angles = np.clip(angles, skeleton.ANGLE_LIMITS[:, 0], skeleton.ANGLE_LIMITS[:, 1])
    presence, handedness = _log_odds(output.presence, len(frames)), _log_odds(output.handedness, len(frames))
    estimates = []
    for i, frame in enumerate(frames):
        visibility = visibility_score(frame, crops[i], joints[i], config.visibility)
        fit = fit_score(sigma[i], visibility, handedness[i], config.scoring)
        estimates.append(
            Estimate(
                frame, crops[i], coarse[i], joints[i], sigma[i], rotation[i], translation[i], angles[i], shape[i],
                presence[i], handedness[i], visibility, fit,
            )
        )  # fmt: skip
    return estimates


def _log_odds(values: torch.Tensor | None, count: int) -> Sequence[float | None]:
    """A head's output as plain numbers, None for each of ``count`` crops where the network has no such head."""
    return [None] * count if values is None else [float(value) for value in values.double().cpu().numpy()]
