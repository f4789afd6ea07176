"""Small archives in the exact layouts of ICVL, NYU and MSRA, made from joints that are drawn into depth images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from hand_pose_ros.datasets.benchmarks import ICVL, MSRA, NYU, to_image
from hand_pose_ros.depth.camera import Camera

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
