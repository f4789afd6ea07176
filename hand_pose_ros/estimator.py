"""One crop to one hand: the network run on a metric crop, its answer in the camera's frame, and how well it fits.

In: depth (H, W) float32 m, its Camera, a place (3,) m, which sides to try. Out: an Estimate a side, with the hand's
23 joints in metres in the camera's optical frame. A left hand is a right hand in a mirrored crop, mirrored back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame, crop_depth
from hand_pose_ros.hand import skeleton
from hand_pose_ros.network.backbones import fold_normalisation
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.model import HandNetOutput

Array = NDArray[np.float64]

# A joint lies up to this far below the skin that the sensor sees, or is hidden behind something.
_FLESH_M = 0.030
_ABOVE_SKIN_M = 0.012
# Weight of the surface's word against the network's own (logarithm of its expected error) on which side fits: what
# tools/measure_sides.py finds.
_AGREEMENT_WEIGHT = 0.2


class TrackState(IntEnum):
    """What a tracker, or a hand, is doing. The numbers are those of HandPose.msg."""

    SEARCH = 0
    TRACK = 1
    COAST = 2
    LOST = 3


@dataclass(frozen=True)
class Hand:
    """One tracked hand in the camera's optical frame (x right, y down, z forward; metres, radians).

    joints (23, 3) and segment_positions (16, 3) m; rotation (3, 3) of the palm and segment_rotations (16, 3, 3), all
    right-handed; angles (20,) within ``skeleton.ANGLE_LIMITS``; shape (9,) log scales; joint_confidence (23,) 0..1.
    """

    side: str
    track_id: int
    state: TrackState
    confidence: float
    joints: Array
    joint_confidence: Array
    angles: Array
    rotation: Array
    translation: Array
    segment_positions: Array
    segment_rotations: Array
    shape: Array

    @property
    def scale(self) -> float:
        """Size against the template hand: 1 is the template."""
        return float(np.exp(self.shape[0]))


@dataclass(frozen=True)
class Estimate:
    """One crop's answer: the hand, and how well it fits, for choosing between sides and places (higher is better)."""

    hand: Hand
    fit: float


class HandEstimator:
    """A network with a hand model, ready to run; ``info`` says which weights they are.

    CheckpointError when the weights cannot be used, ValueError when they have no hand model or there is no such
    device.
    """

    def __init__(self, weights: str | Path, device: str = "auto", threads: int = 1) -> None:
        self.device = _device(device)
        trained, self.info = load_checkpoint(weights, self.device)
        if self.info.network.head == "direct_joint":
            raise ValueError(
                f"{weights}: its head is 'direct_joint', the tracker needs a network with a hand model"
            )
        self._net = fold_normalisation(trained)
        if self.device.type == "cpu":
            torch.set_num_threads(threads)
        self._size, self._cube_m = self._net.config.crop_size, self._net.config.cube_m

    def __call__(
        self,
        depth: NDArray[np.float32],
        camera: Camera,
        centre: Array,
        mirrored: Sequence[bool],
        track_id: int,
        timings_ms: dict[str, float],
    ) -> list[Estimate]:
        """Run the network on one crop a side about ``centre`` (3,) m; adds what it took to ``timings_ms``."""
        start = time.perf_counter()
        frames = [CropFrame(centre, self._cube_m, self._size, flip) for flip in mirrored]
        crops = np.stack([crop_depth(depth, camera, frame) for frame in frames])[:, None]
        add_time(timings_ms, "crop", start)
        start = time.perf_counter()
        with torch.inference_mode():
            distance = torch.full((len(frames),), frames[0].distance, dtype=torch.float32)
            output = self._net(torch.from_numpy(crops).to(self.device), distance.to(self.device))
            posed = self._net.layer.frames_from_rotation(
                output.rotation, output.translation, output.angles, output.shape
            )
            answer = [value.double().cpu().numpy() for value in (*posed, *_outputs(output))]
        add_time(timings_ms, "network", start)
        return [
            _to_hand(frame, crops[i, 0], track_id, *(value[i] for value in answer))
            for i, frame in enumerate(frames)
        ]


def add_time(timings_ms: dict[str, float], stage: str, start: float) -> None:
    """Add the milliseconds since ``start`` (``time.perf_counter``) to a stage."""
    timings_ms[stage] = timings_ms.get(stage, 0.0) + 1e3 * (time.perf_counter() - start)


def _outputs(output: HandNetOutput) -> tuple[torch.Tensor, ...]:
    if output.angles is None or output.shape is None:
        raise ValueError("the network gave no hand model parameters")
    return output.angles, output.shape, output.joint_confidence, output.joint_sigma


def _to_hand(
    frame: CropFrame,
    crop: NDArray[np.float32],
    track_id: int,
    joints: Array,
    positions: Array,
    rotations: Array,
    angles: Array,
    shape: Array,
    joint_confidence: Array,
    joint_sigma: Array,
) -> Estimate:
    """One crop's network output in local metres -> a hand in the camera's frame, with what speaks for it."""
    agreement = surface_agreement(frame, crop, joints)
    confidence = float(np.clip(joint_confidence.mean() * agreement, 0.0, 1.0))
    camera_rotations = frame.local_to_camera_rotation(rotations)
    hand = Hand(
        side="left" if frame.mirrored else "right",
        track_id=track_id,
        state=TrackState.TRACK,
        confidence=confidence,
        joints=frame.local_to_camera(joints),
        joint_confidence=joint_confidence,
        angles=np.clip(angles, skeleton.ANGLE_LIMITS[:, 0], skeleton.ANGLE_LIMITS[:, 1]),
        rotation=camera_rotations[0],
        translation=frame.local_to_camera(positions[0]),
        segment_positions=frame.local_to_camera(positions),
        segment_rotations=camera_rotations,
        shape=shape,
    )
    # Of what the network and the surface tell, this predicts the right side best (tools/measure_sides.py).
    fit = float(-np.log(joint_sigma).mean() + _AGREEMENT_WEIGHT * agreement)
    return Estimate(hand, fit)


def surface_agreement(frame: CropFrame, crop: NDArray[np.float32], joints: Array) -> float:
    """Share of the joints (23, 3 local m) that could be where they are, given what the sensor saw there.

    A joint is on the hand when the surface before it is at most a finger's flesh nearer; it may be hidden behind
    something nearer, but it cannot float before the surface or beside the hand. Joints outside the crop do not count.
    """
    uvd = frame.local_to_crop(joints)
    pixel = np.rint(frame.crop_to_pixel(uvd[:, :2])).astype(int)
    inside = ((pixel >= 1) & (pixel < frame.size - 1)).all(axis=1)
    if inside.sum() < len(joints) // 2:
        return 0.0
    column, row = pixel[inside].T
    around = np.stack([crop[row + r, column + c] for r in (-1, 0, 1) for c in (-1, 0, 1)])
    depth = joints[inside, 2] - around.min(axis=0) * frame.half
    empty = around.min(axis=0) >= 1.0
    fits = ~empty & (depth > -_ABOVE_SKIN_M)
    near = fits & (depth < _FLESH_M)
    # Hidden joints are possible but prove nothing.
    return float((near + 0.6 * (fits & ~near)).sum() / len(near))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but torch finds no CUDA device here; want auto or cpu")
    return torch.device(name)
