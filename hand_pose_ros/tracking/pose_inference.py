"""Crops to estimates: the network run on several places of one image at once, and how well each answer fits.

In: depth (H, W) float32 m, its Camera, places to look at (a centre (3,) m and whether to mirror, for a left hand). Out:
an :class:`Estimate` a place: what the network says, as a right hand in the crop's local frame (metres).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame, crop_depth, upright_roll
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.hand.rotations_numba import so3_log
from hand_pose_ros.network.backbones import fold_normalisation
from hand_pose_ros.network.checkpoint import load_checkpoint
from hand_pose_ros.network.device import pick_device
from hand_pose_ros.network.model import HandNetOutput
from hand_pose_ros.tracking.visibility import surface_agreement

Array = NDArray[np.float64]

# Weights of the surface's word and of the network's judgement of the side (log odds, bounded) against the logarithm of
# its expected error, on which side fits: found by tools/measure_sides.py.
_AGREEMENT_WEIGHT, _HANDEDNESS_WEIGHT, MOST_HANDEDNESS = 0.15, 0.6, 6.0

PRECISIONS: tuple[str, ...] = ("auto", "float32", "bfloat16")
"""Of the convolutions. auto: bfloat16 on CPUs that multiply it themselves, else float32."""


class CropRequest(NamedTuple):
    """Where to look: centre (3,) m in the camera's optical frame; mirrored for a left hand; the crop's roll, rad."""

    centre: Array
    mirrored: bool
    roll_rad: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """What the network says of one crop: a right hand in the crop's local frame, metres and radians.

    frame, crop (S, S): what it saw. coarse, joints (23, 3): before and after the hand model; sigma (23,): expected
    error of each joint; rotation (3, 3), translation (3,), angles (20,) in range, shape (9,) log scales. presence: log
    odds of there being a hand, handedness: log odds of its being a right one (or, mirrored, a left one), each None for
    weights that do not say. agreement: see :func:`surface_agreement`. fit: how
    well it fits, for choosing between sides and places (higher is better).
    """

    frame: CropFrame
    crop: NDArray[np.float32]
    coarse: Array
    joints: Array
    sigma: Array
    rotation: Array
    translation: Array
    angles: Array
    shape: Array
    presence: float | None
    handedness: float | None
    agreement: float
    fit: float

    @property
    def side(self) -> str:
        """right or left."""
        return "left" if self.frame.mirrored else "right"

    @property
    def parameters(self) -> Array:
        """(26,) as ``skeleton.PARAMETER_NAMES``."""
        return np.concatenate([self.translation, so3_log(self.rotation), self.angles])

    @property
    def centre(self) -> Array:
        """The hand's middle (3,) m in the camera's optical frame: where to look next."""
        return self.frame.local_to_camera(self.joints.mean(axis=0))

    @property
    def roll_rad(self) -> float:
        """The roll of a crop about ``centre`` that shows this hand upright."""
        return upright_roll(self.centre, fingers_direction(self.frame.local_to_camera(self.joints)))


class HandEstimator:
    """A network with a hand model, ready to run; ``info`` says which weights they are.

    CheckpointError when the weights cannot be used, ValueError when they have no hand model or there is no such
    device.
    """

    def __init__(
        self, weights: str | Path, device: str = "auto", threads: int = 1, precision: str = "auto"
    ) -> None:
        """device: auto, cpu or cuda; threads: of a CPU; precision: one of PRECISIONS."""
        self.device = pick_device(device)
        trained, self.info = load_checkpoint(weights, self.device)
        if self.info.network.head == "direct_joint":
            raise ValueError(
                f"{weights}: its head is 'direct_joint', the tracker needs a network with a hand model"
            )
        self._net = fold_normalisation(trained)
        self._net.autocast = precision == "bfloat16" or (
            precision == "auto" and self.device.type == "cpu" and multiplies_bfloat16()
        )
        if self.device.type == "cpu":
            torch.set_num_threads(threads)
        self._size, self._cube_m = self._net.config.crop_size, self._net.config.cube_m

    def __call__(
        self,
        depth: NDArray[np.float32],
        camera: Camera,
        places: Sequence[CropRequest],
        timings_ms: dict[str, float],
    ) -> list[Estimate]:
        """Run the network on all places in one batch; adds what it took to ``timings_ms``."""
        if not places:
            return []
        start = time.perf_counter()
        frames = [
            CropFrame(place.centre, self._cube_m, self._size, place.mirrored, place.roll_rad)
            for place in places
        ]
        crops = np.stack([crop_depth(depth, camera, frame) for frame in frames])[:, None]
        add_time(timings_ms, "crop", start)
        start = time.perf_counter()
        with torch.inference_mode():
            distance = torch.tensor([frame.distance for frame in frames], dtype=torch.float32)
            output = self._net(torch.from_numpy(crops).to(self.device), distance.to(self.device))
        estimates = to_estimates(output, frames, crops[:, 0])
        add_time(timings_ms, "network", start)
        return estimates


def multiplies_bfloat16() -> bool:
    """Whether this CPU does so itself (AVX512-BF16, AMX); others imitate it and are slower than with float32. False
    where torch is too old to say."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def add_time(timings_ms: dict[str, float], stage: str, start: float) -> None:
    """Add the milliseconds since ``start`` (``time.perf_counter``) to a stage."""
    timings_ms[stage] = timings_ms.get(stage, 0.0) + 1e3 * (time.perf_counter() - start)


def to_estimates(
    output: HandNetOutput, frames: Sequence[CropFrame], crops: NDArray[np.float32]
) -> list[Estimate]:
    """What a network with a hand model said of crops (N, S, S) taken at ``frames``. ValueError without a hand model."""
    if output.angles is None or output.shape is None or output.rotation is None or output.translation is None:
        raise ValueError("the network gave no hand model parameters")
    told = (
        output.coarse, output.joints, output.joint_sigma, output.rotation, output.translation, output.angles,
        output.shape,
    )  # fmt: skip
    values = [value.double().cpu().numpy() for value in told]
    presence, handedness = (_logits(output.presence), _logits(output.handedness))
    return [
        _estimate(
            frame,
            crops[i],
            None if presence is None else float(presence[i]),
            None if handedness is None else float(handedness[i]),
            *(value[i] for value in values),
        )
        for i, frame in enumerate(frames)
    ]


def _logits(values: torch.Tensor | None) -> Array | None:
    return None if values is None else values.double().cpu().numpy()


def _estimate(
    frame: CropFrame,
    crop: NDArray[np.float32],
    presence: float | None,
    handedness: float | None,
    coarse: Array,
    joints: Array,
    sigma: Array,
    rotation: Array,
    translation: Array,
    angles: Array,
    shape: Array,
) -> Estimate:
    agreement = surface_agreement(frame, crop, joints)
    # Of what the network and the surface tell, this predicts the right side best (tools/measure_sides.py).
    fit = float(-np.log(sigma).mean() + _AGREEMENT_WEIGHT * agreement)
    if handedness is not None:
        fit += _HANDEDNESS_WEIGHT * float(np.clip(handedness, -MOST_HANDEDNESS, MOST_HANDEDNESS))
    angles = np.clip(angles, skeleton.ANGLE_LIMITS[:, 0], skeleton.ANGLE_LIMITS[:, 1])
    return Estimate(
        frame,
        crop,
        coarse,
        joints,
        sigma,
        rotation,
        translation,
        angles,
        shape,
        presence,
        handedness,
        agreement,
        fit,
    )
