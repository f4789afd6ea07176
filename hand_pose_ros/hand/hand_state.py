"""Poses of many frames and the hands that they share: :class:`HandState`, its joints, and random valid ones.

In: palm rotations, translations (m), angles (rad), and the shape or the offsets of each group's hand. Out: joints
(N, 23, 3) m and segment frames, in the frame that the palms' poses refer to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.jacobian import scaled_offsets, unflatten_offsets
from hand_pose_ros.hand.kinematics import HandFrames, forward_kinematics
from hand_pose_ros.hand.rotations import quaternion_to_matrix

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HandState:
    """Poses of N frames and the geometry of their G groups; all tensors of one dtype on one device."""

    rotation: Tensor
    """(N, 3, 3)."""
    translation: Tensor
    """(N, 3) m."""
    angles: Tensor
    """(N, 20) rad."""
    group: Tensor
    """(N,) index of the hand that a frame shows."""
    shape: Tensor
    """(G, 9) log scales."""
    offsets: Tensor
    """(G, 36) m: wrist, bases and lengths of ``HandOffsets``, flattened one after the other."""

    @classmethod
    def start(
        cls, rotation: Tensor, translation: Tensor, angles: Tensor, group: Tensor, shape: Tensor
    ) -> HandState:
        """A state whose hands are the template scaled by ``shape`` (G, 9)."""
        return cls(rotation, translation, angles, group, shape, scaled_offsets(shape))


def hand_frames(state: HandState, side: str) -> HandFrames:
    """Joints and segment frames of all N frames."""
    offsets = unflatten_offsets(state.offsets[state.group])
    return forward_kinematics(state.rotation, state.translation, state.angles, offsets, side)


def random_hands(count: int, seed: int = 0, *, shape_spread: float = 0.0) -> HandState:
    """Valid hands to test with, each frame its own group; the same for the same seed.

    Any palm rotation, palms 0.3 to 0.7 m before the camera, angles uniform within ``skeleton.ANGLE_LIMITS``,
    log scales uniform within ``shape_spread``.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(*size: int) -> Tensor:
        return 2 * torch.rand(*size, generator=generator, dtype=torch.float64) - 1

    quaternion = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    translation = uniform(count, 3) * torch.tensor([0.15, 0.15, 0.2]) + torch.tensor([0.0, 0.0, 0.5])
    return HandState.start(
        quaternion_to_matrix(quaternion / quaternion.norm(dim=-1, keepdim=True)),
        translation.double(),
        random_angles((count,), generator, torch.as_tensor(skeleton.ANGLE_LIMITS, dtype=torch.float64)),
        torch.arange(count),
        shape_spread * uniform(count, skeleton.SHAPE_COUNT),
    )


def random_angles(shape: tuple[int, ...], generator: torch.Generator, limits: Tensor) -> Tensor:
    """Angles (*shape, 20) rad, uniform within ``limits`` (20, 2)."""
    share = torch.rand(*shape, skeleton.ANGLE_COUNT, generator=generator, dtype=torch.float32).to(limits)
    return limits[:, 0] + share * (limits[:, 1] - limits[:, 0])
