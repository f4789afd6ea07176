"""Shared by every test session: a ROS domain that no other session uses, set before anything imports rclpy, the usual
answer to an interrupt, and no deadlines for hypothesis; and a toy source of labelled hands, balls at the joints of the
hand model, drawn into the crop; scripts loaded as modules; and recordings and tables that are not in the repository.

torch is imported where the toy is used: the first process of pytest-xdist reads this file, runs no test, and has the
others wait for it."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
OTHERS_DATA = Path(os.environ.get("HAND_POSE_TEST_DATA") or ROOT.parent / "shared" / "data")
"""Data that the repository may not hold (CONTRIBUTING.md); by default in a folder beside the checkout."""

# A domain for this session alone, so that it receives nothing from a robot on the network or from a second session. 101
# is the largest id whose ports stay below those that Linux hands out to others.
# Processes of pytest-xdist have one each: they inherit the first one's environment.
if "ROS_DOMAIN_ID" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 101)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ.setdefault("FASTDDS_DEFAULT_PROFILES_FILE", str(ROOT / "config" / "fastdds.xml"))

# A shell that is not interactive starts what follows with "&" with interrupts ignored, and children inherit that:
# Python would not raise KeyboardInterrupt, and no process of a test would end by SIGINT.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is slow; that makes no property false.
settings.register_profile("hand_pose_ros", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hand_pose_ros")


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
        from hand_pose_ros.hand.kinematics import HandModelLayer

        self.size, self.half_m = size, half_m
        self.layer = HandModelLayer("right")

    def batch(self, seed: int, count: int, recrop: Any = None) -> ToyBatch:
        import torch

        from hand_pose_ros.hand import skeleton
        from hand_pose_ros.hand.rotations import so3_exp

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


@pytest.fixture
def hang_ups_count() -> Iterator[None]:
    """Under nohup they are ignored, in all children, too; for a test that is about them they are not."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def toy_hands() -> ToyHands:
    """The toy source."""
    return ToyHands()


@pytest.fixture(scope="session")
def toy_kind() -> type[ToyHands]:
    """The class, for other crop sizes."""
    return ToyHands


@pytest.fixture(scope="session")
def load_tool() -> Callable[[str], ModuleType]:
    """A script, by its path in the repository or a whole one, as a module of its own."""

    def load(path: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def others_data() -> Callable[[str], Path]:
    """Of a path in the folder of HAND_POSE_TEST_DATA, the whole path; the test is skipped where there is nothing."""

    def find(path: str) -> Path:
        found = OTHERS_DATA / path
        if not found.exists():
            pytest.skip(f"{found} is not here: HAND_POSE_TEST_DATA names the folder (CONTRIBUTING.md)")
        return found

    return find
