"""A toy source of labelled hands: small balls at the joints of the hand model, drawn into the crop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations import so3_exp


@dataclass(frozen=True)
class ToyBatch:
    crop: np.ndarray
    distance: np.ndarray
    joints: np.ndarray
    angles: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    shape: np.ndarray
    family: np.ndarray


class ToyHands:
    """Deterministic under the seed; same batch fields as datasets.synthetic."""

    def __init__(self, size: int = 96, half_m: float = 0.15) -> None:
        self.size, self.half_m = size, half_m
        self.layer = HandModelLayer("right")

    def batch(self, seed: int, count: int, recrop: Any = None) -> ToyBatch:
        rng = np.random.default_rng(seed)
        lower, upper = skeleton.ANGLE_LIMITS.T
        angles = rng.uniform(lower, upper, (count, 20)).astype(np.float32)
        vectors = torch.from_numpy(rng.normal(0, 0.8, (count, 3)).astype(np.float32))
        rotation = so3_exp(vectors)
        translation = rng.normal(0, 0.015, (count, 3)).astype(np.float32)
        if recrop is not None:
            translation -= recrop.offset.astype(np.float32)
        shape = rng.normal(0, 0.05, (count, 9)).astype(np.float32)
        distance = rng.uniform(0.3, 1.0, count).astype(np.float32)
        with torch.no_grad():
            frames = self.layer.frames_from_rotation(
                rotation, torch.from_numpy(translation), torch.from_numpy(angles), torch.from_numpy(shape)
            )
        joints = frames.joints.numpy()
        return ToyBatch(
            self.draw(joints, distance), distance, joints, angles, rotation.numpy(), translation, shape,
            np.zeros(count, np.int64),
        )  # fmt: skip

    def draw(self, joints: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """joints (N, 23, 3) local m -> crop (N, 1, S, S): the nearest ball of 9 mm radius at every pixel."""
        x, y, z = np.moveaxis(joints, -1, 0) / self.half_m
        away = distance[:, None] / self.half_m
        u, v = x * away / (away + z), y * away / (away + z)
        centres = ((2 * np.arange(self.size) + 1) / self.size - 1).astype(np.float32)
        image = np.ones((len(joints), self.size, self.size), np.float32)
        for j in range(joints.shape[1]):
            r2 = (centres[None, None, :] - u[:, j, None, None]) ** 2 + (
                centres[None, :, None] - v[:, j, None, None]
            ) ** 2
            image = np.where(r2 < (0.009 / self.half_m) ** 2, np.minimum(image, z[:, j, None, None]), image)
        return np.clip(image, -1, 1)[:, None].astype(np.float32)


@pytest.fixture(scope="session")
def toy_hands() -> ToyHands:
    """The toy source."""
    return ToyHands()


@pytest.fixture(scope="session")
def toy_kind() -> type[ToyHands]:
    """The class, for other crop sizes."""
    return ToyHands
