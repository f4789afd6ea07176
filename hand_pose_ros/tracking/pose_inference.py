"""The pose network run on places of one image: crops in one batch, both sides, again where the first crop was off.

In: a DepthFrame, places to crop (a centre (3,) m and whether to mirror, for a left hand). Out: an
:class:`~hand_pose_ros.tracking.estimate.Estimate` a place: a right hand in the crop's local frame (metres).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame, crop_depths
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.backend import Backend, BackendConfig, Device, open_backend
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.cpu.head import CompiledHead
from hand_pose_ros.network.head_row import head_row, unsupported
from hand_pose_ros.network.packing import unpack
from hand_pose_ros.network.weights_file import read_info, read_weights
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
        """``backend``, ``device``, ``threads`` and ``precision`` of the configuration set how the network runs,
        ``scoring``, ``recrop`` and ``visibility`` how its output is read."""
        self.config = config or TrackerConfig()
        weights = Path(weights)
        self.info = read_info(weights)
        network = self.info.network
        if network.head == "direct_joint":
            raise ValueError(
                f"{weights}: its head is 'direct_joint', the tracker needs a network with a hand model"
            )
        self.crop_size, self._cube_m = network.crop_size, network.cube_m

        def reference(running: BackendConfig) -> Backend:
            # Here and not above: torch takes most of a second to load, and other backends do without it.
            from hand_pose_ros.network.checkpoint import load_checkpoint
            from hand_pose_ros.network.gpu.gpu_net import on_gpu
            from hand_pose_ros.network.packed_net import inference_net, input_shapes
            from hand_pose_ros.network.torch_backend import torch_backend

            trained, _ = load_checkpoint(weights)
            shapes = list(input_shapes(network).values())
            return torch_backend(lambda bfloat16: inference_net(trained, bfloat16), shapes, running, on_gpu)

        head = None if unsupported(network) else partial(compiled_head, weights, network)
        self._backend = open_backend(weights, self.info.sha256, self.config.running, reference, head)

    @property
    def device(self) -> Device:
        """What the network runs on."""
        return self._backend.device

    @property
    def backend(self) -> Backend:
        """What runs it."""
        return self._backend

    def __call__(
        self, frame: DepthFrame, requests: Sequence[CropRequest], timer: StageTimer
    ) -> list[Estimate]:
        """One estimate a request, all in one batch; timed as ``crop`` and ``network``."""
        if not requests:
            return []
        with timer.stage("crop"):
            crop_frames = [
                CropFrame(request.centre, self._cube_m, self.crop_size, request.mirrored, request.roll_rad)
                for request in requests
            ]
            crops = crop_depths(frame, crop_frames)
        with timer.stage("network"):
            distance = np.array([crop_frame.distance for crop_frame in crop_frames], np.float32)
            packed = self._backend(crops[:, None], distance)
            return to_estimates(packed, crop_frames, crops, self.config, frame.camera)


def compiled_head(weights: Path, network: NetworkConfig) -> CompiledHead:
    """What is behind the convolutions of a network with these weights. ValueError where it cannot be computed so."""
    return CompiledHead(head_row(read_weights(weights), network))


def estimate_poses(
    estimator: PoseEstimator,
    frame: DepthFrame,
    groups: Sequence[Sequence[CropRequest]],
    timer: StageTimer,
    reject_early: bool = False,
) -> list[list[Estimate]]:
    """Estimates of each group of requests: one place's, one request a side.

    A place that may be a hand is cropped again where its hand lies off the crop's middle or is turned in it (see
    RecropConfig). reject_early: places that are clearly no hand as seen from their first side get no crop for the other
    side, and no estimates.
    """

    def run(wanted: Sequence[Sequence[CropRequest]]) -> list[list[Estimate]]:
        flat = estimator(frame, [request for group in wanted for request in group], timer)
        ends = np.cumsum([0] + [len(group) for group in wanted])
        return [flat[a:b] for a, b in pairwise(ends)]

    scoring = estimator.config.scoring
    if reject_early:
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
    along = estimate.fingers_direction
    turn = abs(estimate.roll_rad - frame.roll_rad) % (2 * np.pi)
    turned = min(turn, 2 * np.pi - turn) > config.turned_rad
    shows = math.hypot(along[0], along[1]) > config.end_on_sine * math.hypot(*along)
    off_centre_m = float(np.linalg.norm(estimate.centre - frame.centre))
    return bool(turned and shows) or off_centre_m > config.off_centre_m


def to_estimates(
    packed: NDArray[np.floating],
    frames: Sequence[CropFrame],
    crops: NDArray[np.float32],
    config: TrackerConfig,
    camera: Camera | None = None,
) -> list[Estimate]:
    """The packed output (N, ``packing.PACKED_COLUMNS``) for crops (N, S, S) taken at ``frames`` -> N estimates. camera:
    that of the picture, where they were taken from one."""
    output = unpack(packed)
    angles = np.clip(output.angles, skeleton.ANGLE_LIMITS[:, 0], skeleton.ANGLE_LIMITS[:, 1])
    estimates = []
    for i, frame in enumerate(frames):
        joints, sigma = output.joints[i], output.sigma[i]
        presence, handedness = _log_odds(output.presence[i]), _log_odds(output.handedness[i])
        visibility = visibility_score(frame, crops[i], joints, config.visibility)
        fit = fit_score(sigma, visibility, handedness, config.scoring)
        estimates.append(
            Estimate(
                frame, crops[i], output.coarse[i], joints, sigma, output.rotation[i], output.translation[i], angles[i],
                output.shape[i], presence, handedness, visibility, fit, camera,
            )
        )  # fmt: skip
    return estimates


def _log_odds(value: float) -> float | None:
    """A head's output as a plain number, None where the network has no such head."""
    return None if np.isnan(value) else float(value)
