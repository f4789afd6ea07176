"""Infrared pictures of a scene as the two eyes of an active stereo camera see it, compiled by numba.

In: scenes in the left eye's optical frame (metres), a :class:`StereoRig`, the look of the infrared light. Out: the
pictures of both eyes (H, W) uint8 and the left eye's true depth (H, W) m.

Each eye is rendered by itself with the project's rasteriser. What a pixel shows is a function of the point of the
surface that it sees: the dots of a projector between the eyes, the surface's mottling, its slant and distance. So the
two eyes see the same texture from two places, and a matcher must find it again; that is all that makes depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros import validation
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.draw_scene import MeshArrays, Pinhole, SceneArrays, draw_scene, scene_arrays
from hand_pose_ros.synthetic.scene import Scenes
from hand_pose_ros.synthetic.subjects import SubjectSet

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]


@dataclass(frozen=True)
class StereoRig:
    """Two alike eyes side by side; ValueError names a field that makes no sense."""

    width: int = 848
    """Pixels of a row. Published: the depth mode that Intel recommends for the D435."""
    height: int = 480
    """Rows."""
    focal_px: float = 424.0
    """Focal length, px. Published: calibrations of a D435 at 848 x 480."""
    baseline_m: float = 0.050
    """From the left eye to the right one, metres. Published: D435's data sheet."""
    projector_m: float = 0.029
    """From the left eye to the projector, metres. Measured on the data sheet's drawing of the D435."""
    quantisation_m: float = 0.001
    """Step of the reported depth, metres. Published: the driver's default unit."""

    def __post_init__(self) -> None:
        validation.whole(self, "width", "height", section="rig")
        validation.positive(self, "focal_px", "baseline_m", "quantisation_m", section="rig")
        validation.not_negative(self, "projector_m", section="rig")

    @classmethod
    def of_lens(cls, focal_px: float, baseline_m: float) -> StereoRig:
        """A rig with another focal length (px) and baseline (m) and the default's angles of view, near enough those of
        the D4xx's other depth modes, and its projector's place."""
        half_width, half_height = (round(0.5 * n * focal_px / cls.focal_px) for n in (cls.width, cls.height))
        return cls(2 * half_width, 2 * half_height, focal_px, baseline_m)

    @property
    def camera(self) -> Camera:
        """The left eye's, which is the depth image's."""
        cx, cy = 0.5 * (self.width - 1), 0.5 * (self.height - 1)
        return Camera(self.width, self.height, self.focal_px, self.focal_px, cx, cy)

    def depth(self, disparity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Disparity (H, W) px, NaN for none -> depth (H, W) m."""
        with np.errstate(divide="ignore", invalid="ignore"):
            z = self.focal_px * self.baseline_m / np.where(disparity > 0, disparity, np.nan)
        return (np.round(z / self.quantisation_m) * self.quantisation_m).astype(np.float32)

    def window(self, centre: Array, reach_m: float) -> tuple[int, int, int, int]:
        """First and end row, first and end column of what a cube of half edge ``reach_m`` about centre (3,) m covers,
        within the picture."""
        near = max(float(centre[2]) - reach_m, 0.1)
        corners = np.array(
            [
                [x, y, z]
                for x in (-reach_m, reach_m)
                for y in (-reach_m, reach_m)
                for z in (near, centre[2] + reach_m)
            ]
        )
        corners[:, :2] += centre[:2]
        column, row = self.camera.project(corners).T
        rows = np.clip([np.floor(row.min()), np.ceil(row.max()) + 1], 0, self.height).astype(int)
        columns = np.clip([np.floor(column.min()), np.ceil(column.max()) + 1], 0, self.width).astype(int)
        return int(rows[0]), int(rows[1]), int(columns[0]), int(columns[1])


class InfraredLook(NamedTuple):
    """How bright things are in the infrared, grey levels of 255 but where a unit is named."""

    ambient: float
    """A white surface that faces the camera, lit by the room and by the projector's stray light."""
    dot: float
    """A dot of the projector on it, 0.7 m away."""
    pitch_px: float
    """One dot to so many by so many pixels."""
    dot_px: float
    """Standard deviation of a dot's brightness about its middle, px: the projector's and the lens's blur."""
    mottling: float
    """Standard deviation of the surfaces' own brightness, as a share of it."""
    grain_m: float
    """Size of that mottling, metres."""
    noise: float
    """Standard deviation of the imagers' noise, grey levels."""
    seed: int
    """Of dots, mottling and noise."""


class InfraredPair(NamedTuple):
    """Both eyes' pictures (H, W) of one window of the rig's picture, and the left eye's true depth (H, W) m."""

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    depth: Array32


def render_pair(
    subjects: SubjectSet, scenes: Scenes, n: int, rig: StereoRig, look: InfraredLook,
    window: tuple[int, int, int, int],
) -> InfraredPair:  # fmt: skip
    """Both eyes' pictures of a window (first and end row, first and end column) of the rig's picture of scene ``n``,
    which is in the left eye's frame.

    The window must begin a largest disparity before what is to be matched.
    """
    first_row, end_row, first_column, end_column = window
    camera = rig.camera
    cx, cy = camera.cx - first_column, camera.cy - first_row
    meshes, arrays = scene_arrays(subjects, scenes)
    numbers = np.array(look[:-1], dtype=np.float64)
    eyes, depths = [], []
    for eye, x in enumerate((0.0, rig.baseline_m)):
        picture = np.empty((end_row - first_row, end_column - first_column), np.uint8)
        depth = np.full(picture.shape, np.inf, np.float32)
        pinhole = Pinhole(rig.focal_px, rig.focal_px, cx, cy, x)
        _render_eye(meshes, arrays, n, pinhole, rig.projector_m, numbers, look.seed, eye, depth, picture)
        eyes.append(picture)
        depths.append(depth)
    return InfraredPair(eyes[0], eyes[1], depths[0])


@njit(nogil=True, cache=True)
def _hash(a: int, b: int, c: int, seed: int) -> float:
    """A number in 0..1 that three whole numbers and a seed determine."""
    x = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F)
    x ^= np.uint64(c) * np.uint64(0x165667B19E3779F9) ^ np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
    x ^= x >> np.uint64(32)
    x *= np.uint64(0xD6E8FEB86659FD93)
    x ^= x >> np.uint64(32)
    x *= np.uint64(0xD6E8FEB86659FD93)
    x ^= x >> np.uint64(32)
    return float(x >> np.uint64(40)) / 16777216.0


@njit(nogil=True, cache=True)
def _value_noise(x: float, y: float, z: float, seed: int) -> float:
    """Smooth noise of mean 0 and standard deviation near 1, from random numbers on a lattice of pitch 1."""
    i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
    fx, fy, fz = x - i, y - j, z - k
    total = 0.0
    for a in range(2):
        wa = fx if a else 1.0 - fx
        for b in range(2):
            wb = fy if b else 1.0 - fy
            for c in range(2):
                total += wa * wb * (fz if c else 1.0 - fz) * _hash(i + a, j + b, k + c, seed)
    return (total - 0.5) * 6.0


@njit(nogil=True, cache=True)
def _dots(u: float, v: float, pitch: float, sigma: float, seed: int) -> float:
    """Brightness 0..1 of the projected pattern at (u, v) px: one dot of random place and strength a cell."""
    column, row = int(np.floor(u / pitch)), int(np.floor(v / pitch))
    total, reach = 0.0, 9.0 * sigma * sigma
    for i in range(-1, 2):
        for j in range(-1, 2):
            du = u - (column + j + _hash(column + j, row + i, 1, seed)) * pitch
            dv = v - (row + i + _hash(column + j, row + i, 2, seed)) * pitch
            squared = du * du + dv * dv
            if squared < reach:
                strength = 0.4 + 0.6 * _hash(column + j, row + i, 3, seed)
                total += strength * np.exp(-0.5 * squared / (sigma * sigma))
    return min(total, 1.0)


@njit(nogil=True, cache=True)
def _slope(before: float, here: float, after: float) -> float:
    """Change of the depth a pixel: of the two sides the smaller one, which does not reach over an edge."""
    a, b = here - before, after - here
    slope = a if abs(a) < abs(b) else b
    return slope if np.isfinite(slope) else 0.0


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(nogil=True)
def _render_eye(
    meshes: MeshArrays, scenes: SceneArrays, n: int, camera: Pinhole, projector_x: float, look: Array, seed: int,
    eye: int, depth: Array32, picture: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Fill depth, inf before, and picture (H, W) of one eye; look as the numbers of ``InfraredLook``."""
    ambient, dot, pitch, dot_px, mottling, grain, noise = look
    focal, cx, cy, eye_x = camera.fx, camera.cx, camera.cy, camera.eye_x
    no_hands, no_counts = np.zeros((0, 0, 0), np.float32), np.zeros((0, 2), np.int64)
    draw_scene(meshes, scenes, n, camera, depth, no_hands, no_counts)
    height, width = depth.shape
    for row in range(height):
        y = (row - cy) / focal
        for column in range(width):
            # Four uniform numbers make a normal one, near enough for an imager's noise.
            deviate = 0.0
            for k in range(4):
                deviate += _hash(column, row, 4 * eye + k, seed + 1)
            light = noise * (deviate - 2.0) * 1.7320508
            z = depth[row, column]
            if np.isfinite(z):
                x = (column - cx) / focal
                zu = _slope(depth[row, max(column - 1, 0)], z, depth[row, min(column + 1, width - 1)])
                zv = _slope(depth[max(row - 1, 0), column], z, depth[min(row + 1, height - 1), column])
                nx, ny, nz = -focal * zu, -focal * zv, z + (column - cx) * zu + (row - cy) * zv
                facing = abs(nx * x + ny * y + nz)
                facing /= np.sqrt((nx * nx + ny * ny + nz * nz) * (x * x + y * y + 1.0))
                px, py = x * z + eye_x, y * z
                own = 1.0 + mottling * 0.7 * (
                    _value_noise(px / grain, py / grain, z / grain, seed)
                    + _value_noise(2.7 * px / grain, 2.7 * py / grain, 2.7 * z / grain, seed + 2)
                )
                near = min((0.7 / z) ** 2, 3.0)
                pattern = _dots(focal * (px - projector_x) / z, focal * py / z, pitch, dot_px, seed + 3)
                lit = ambient * (0.4 + 0.6 * facing) * (0.5 + 0.5 * near)
                light += max(own, 0.1) * (lit + dot * near * (0.3 + 0.7 * facing) * pattern)
            picture[row, column] = np.uint8(min(max(light, 0.0), 255.0))
