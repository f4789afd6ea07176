"""Shared by every test session: a ROS domain that no other session uses, set before anything imports rclpy, the usual
answer to an interrupt, and no deadlines for hypothesis; small archives in the exact layouts of ICVL, NYU and MSRA, made
from joints that are drawn into depth images; and a toy source of labelled hands, balls at the joints of the hand model,
drawn into the crop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image
from scipy.io import savemat

from hand_pose_ros.datasets.benchmarks import ICVL, MSRA, NYU, to_image
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations import so3_exp

ROOT = Path(__file__).resolve().parents[1]

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

DISC_MM = 6.0


JointsOf = Callable[[str, int, int], np.ndarray]
"""(file name, number of joints, seed) -> joints (K, 3) m in the camera's optical frame."""


def grid_joints(name: str, count: int, seed: int) -> np.ndarray:
    """(count, 3) m: points about 30 mm apart, so that none hides another."""
    distance_m = 0.7 if count == 36 else 0.4
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    places = (
        np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)[:count]
        - (side - 1) / 2
    )
    xy = places * 0.03 + rng.uniform(-0.004, 0.004, (count, 2))
    return np.column_stack([xy, rng.uniform(-0.02, 0.02, count) + distance_m])


def draw(camera: Camera, joints: np.ndarray) -> np.ndarray:
    """(H, W) int mm: a flat disc at every joint and depth, the nearest where they overlap, 0 elsewhere."""
    image = np.zeros((camera.height, camera.width), np.int64)
    rows, columns = np.mgrid[: camera.height, : camera.width]
    for u, v, d in to_image(joints, camera):
        radius = DISC_MM / d * camera.fx
        disc = (columns - u) ** 2 + (rows - v) ** 2 <= radius**2
        image[disc & ((image == 0) | (image > d))] = round(d)
    return image


def label_line(name: str, joints: np.ndarray) -> str:
    return name + " " + " ".join(f"{v:.3f}" for v in to_image(joints, ICVL.camera).ravel()) + " \n"


class Archive:
    """root: the archive's folder; joints: file name -> (K, 3) m in the camera's optical frame."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.joints: dict[str, np.ndarray] = {}


def make_icvl(root: Path, joints_of: JointsOf) -> Archive:
    """Two training recordings, one with copies at 22.5 and 180 degrees, and both test sequences."""
    archive = Archive(root)
    training = [
        f"{folder}/image_{i:04d}.png"
        for folder in ("201403121135", "201403121140", "22-5/201403121135", "180/201403121135")
        for i in range(2)
    ]
    testing = {s: [f"{s}/image_{i:04d}.png" for i in range(3)] for s in ("test_seq_1", "test_seq_2")}
    seed = 0
    for part, files in (("Training", {"labels": training}), ("Testing", testing)):
        for label_file, names in files.items():
            lines = []
            for name in names:
                joints = joints_of(name, 16, seed := seed + 1)
                # What label files hold after rounding to three decimals.
                path = archive.root / part / "Depth" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                image = draw(ICVL.camera, joints).astype(np.uint16)
                image[0, :3] = [32001, 32002, 0]
                Image.fromarray(image).save(path)
                lines.append(label_line(name, joints))
                archive.joints[name] = joints
            (archive.root / part / f"{label_file}.txt").write_text("".join(lines))
    return archive


def make_nyu(root: Path, joints_of: JointsOf) -> Archive:
    """Three test and two training frames; three views in the label file, the first one drawn."""
    archive = Archive(root)
    for split, frames in (("test", 3), ("train", 2)):
        folder = archive.root / split
        folder.mkdir(parents=True)
        uvd = np.zeros((3, frames, 36, 3))
        for i in range(frames):
            name = f"{split}/depth_1_{i + 1:07d}.png"
            joints = joints_of(name, 36, 10 * frames + i)
            depth = draw(NYU.camera, joints)
            rgb = np.stack([np.full_like(depth, 7), depth // 256, depth % 256], axis=-1)
            Image.fromarray(rgb.astype(np.uint8)).save(archive.root / name)
            uvd[:, i] = to_image(joints, NYU.camera)
            uvd[1:, i] += 50.0
            archive.joints[name] = joints
        savemat(folder / "joint_data.mat", {"joint_uvd": uvd, "joint_xyz": uvd * 0})
    return archive


def make_msra(root: Path, joints_of: JointsOf) -> Archive:
    """Two persons, two gestures each, two frames a gesture."""
    archive = Archive(root)
    for p, person in enumerate(("P0", "P8")):
        for g, gesture in enumerate(("1", "TIP")):
            folder = archive.root / person / gesture
            folder.mkdir(parents=True)
            lines = ["2\n"]
            for i in range(2):
                name = f"{person}/{gesture}/{i:06d}_depth.bin"
                joints = joints_of(name, 21, 100 + 10 * p + 2 * g + i)
                lines.append(" ".join(f"{v:.3f}" for v in (joints * [1000, -1000, -1000]).ravel()) + "\n")
                write_bin(archive.root / name, draw(MSRA.camera, joints))
                archive.joints[name] = joints
            (folder / "joint.txt").write_text("".join(lines))
    return archive


def write_bin(path: Path, depth_mm: np.ndarray) -> None:
    rows, columns = np.nonzero(depth_mm)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    header = np.array([320, 240, left, top, right, bottom], dtype="<i4")
    path.write_bytes(header.tobytes() + depth_mm[top:bottom, left:right].astype("<f4").tobytes())


@pytest.fixture
def icvl_archive(tmp_path: Path) -> Archive:
    """ICVL's layout with points that are no hands."""
    return make_icvl(tmp_path / "icvl", grid_joints)


@pytest.fixture
def nyu_archive(tmp_path: Path) -> Archive:
    """NYU's layout with points that are no hands."""
    return make_nyu(tmp_path / "nyu", grid_joints)


@pytest.fixture
def msra_archive(tmp_path: Path) -> Archive:
    """MSRA's layout with points that are no hands."""
    return make_msra(tmp_path / "msra", grid_joints)


@pytest.fixture(scope="session")
def make_archive() -> Callable[[str, Path, JointsOf], Archive]:
    """A small archive of icvl, nyu or msra in a folder, with joints of the test's own."""
    makers = {"icvl": make_icvl, "nyu": make_nyu, "msra": make_msra}
    return lambda name, root, joints_of: makers[name](root, joints_of)


@pytest.fixture
def reading_at() -> Callable[[np.ndarray, Camera, np.ndarray], np.ndarray]:
    """depth (H, W), camera, joints (K, 3) -> the reading (K,) m on each joint's pixel."""

    def read(depth: np.ndarray, camera: Camera, joints: np.ndarray) -> np.ndarray:
        column, row = np.floor(camera.project(joints) + 0.5).astype(int).T
        return depth[row, column]

    return read


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
