"""Metric look-at crop of a depth image, with its exact inverse.

In: a DepthFrame (depth (H,W) float32 metres, NaN = no reading, with its Camera), a CropFrame (where, how large). Out:
the network's picture (S,S) float32 in [-1,1].

Three coordinate systems, besides the camera's optical frame (metres; x right, y down, z forward):
* view: the camera turned about its own origin by the smallest rotation that puts the crop's centre on its z
  axis, then about that axis by the roll. A hand at the image's edge then looks as it would in the middle, and one that
  was seen before can be turned upright.
* local: view, origin moved to the crop's centre, x negated when mirrored (a left hand becomes a right one).
* crop: u, v, d in [-1,1] over the cube; perspective about the centre, so that one pixel is one ray:
  u = X / (distance + Z) * distance / half, v likewise, d = Z / half, with (X, Y, Z) local.
  Column c of S has u = (2c + 1) / S - 1, row r the same in v. Compiled loops take these from crop_projection.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.depth.crop_projection import pixel_to_crop
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.depth.lens import NO_DISTORTION, distort
from hand_pose_ros.kernel_cache import njit

CROP_SIZE = 96
"""Pixels along an edge of a crop, by default. Chosen for speed: ``architecture_sweep`` measured a network on
128 pixels 1 % better at 1.4 times the time (docs/experiments/architecture_sweep.md)."""
CROP_CUBE_M = 0.30
"""Edge of the metric cube that a crop shows, metres, by default. Chosen by eye on real frames, where 0.25 m
cut fingers off when the crop was not centred well (at a small budget 0.25 m is 1 % better on renders,
docs/experiments/architecture_sweep.md)."""

# From this many source pixels per crop pixel on, one sample is too few (noise, flying pixels). Guessed; the shipped
# weights were trained on crops made so.
_DENSE = 1.5


@dataclass(frozen=True, eq=False)
class CropFrame:
    """Where a crop is taken. ValueError when a field makes no sense."""

    centre: NDArray[np.float64]
    """(3,) m, camera's optical frame, before the camera."""
    cube_m: float = CROP_CUBE_M
    """Edge of the cube, metres."""
    size: int = CROP_SIZE
    """Pixels along an edge of the picture."""
    mirrored: bool = False
    """Whether x is flipped, so that a left hand looks like a right one."""
    roll_rad: float = 0.0
    """By how much the picture is turned about the line of sight, from x to y, radians."""

    def __post_init__(self) -> None:
        centre = np.array(self.centre, dtype=np.float64)
        if centre.shape != (3,) or not np.isfinite(centre).all():
            raise ValueError(f"crop centre is {self.centre}: it must be 3 finite numbers (metres)")
        _require_before_camera(centre)
        if not (math.isfinite(self.cube_m) and self.cube_m > 0.0):
            raise ValueError(f"crop cube_m is {self.cube_m}: it must be a positive length in metres")
        if int(self.size) != self.size or self.size < 1:
            raise ValueError(f"crop size is {self.size}: it must be a whole number of pixels, at least 1")
        if not math.isfinite(self.roll_rad):
            raise ValueError(f"crop roll_rad is {self.roll_rad}: it must be a finite angle (radians)")
        centre.flags.writeable = False
        object.__setattr__(self, "centre", centre)

    @property
    def half(self) -> float:
        """Half the cube's edge, m."""
        return 0.5 * self.cube_m

    @cached_property
    def distance(self) -> float:
        """From the camera's origin to the centre, m."""
        return float(np.linalg.norm(self.centre))

    @cached_property
    def view(self) -> NDArray[np.float64]:
        """Rotation (3,3), camera -> view: the smallest that turns the centre's direction to +z, then the roll."""
        x, y, z = (self.centre / self.distance).tolist()
        first, second = _level_view(x, y, z)
        c, s = math.cos(self.roll_rad), math.sin(self.roll_rad)
        turned = [[c * a - s * b for a, b in zip(first, second, strict=True)]]
        turned.append([s * a + c * b for a, b in zip(first, second, strict=True)])
        return np.array([*turned, [x, y, z]])

    @cached_property
    def _camera_to_local(self) -> NDArray[np.float64]:
        """view with its first row negated when mirrored: orthogonal, so its transpose is the inverse."""
        sign = -1.0 if self.mirrored else 1.0
        return self.view * np.array([[sign], [1.0], [1.0]])

    def camera_to_local(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (...,3) m, camera -> local."""
        return (np.asarray(points, dtype=np.float64) - self.centre) @ self._camera_to_local.T

    def local_to_camera(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (...,3) m, local -> camera."""
        return np.asarray(points, dtype=np.float64) @ self._camera_to_local + self.centre

    def local_to_camera_direction(self, directions: ArrayLike) -> NDArray[np.float64]:
        """Directions (...,3), local -> camera, of the same length."""
        return np.asarray(directions, dtype=np.float64) @ self._camera_to_local

    def local_to_camera_rotation(self, rotation: ArrayLike) -> NDArray[np.float64]:
        """Orientation (...,3,3) in local (columns: the body's axes) -> in the camera frame, right-handed.

        A mirrored body keeps its x and z axes; y changes sign, so that the frame stays right-handed.
        """
        turned = self._camera_to_local.T @ np.asarray(rotation, dtype=np.float64)
        return turned * np.array([1.0, -1.0, 1.0]) if self.mirrored else turned

    def camera_to_local_rotation(self, rotation: ArrayLike) -> NDArray[np.float64]:
        """Inverse of local_to_camera_rotation."""
        turned = self._camera_to_local @ np.asarray(rotation, dtype=np.float64)
        return turned * np.array([1.0, -1.0, 1.0]) if self.mirrored else turned

    def local_to_crop(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (...,3) m, local -> (u, v, d). Points must lie before the camera (Z > -distance)."""
        array = np.asarray(points, dtype=np.float64)
        scale = self.distance / (self.half * (self.distance + array[..., 2:]))
        return np.concatenate([array[..., :2] * scale, array[..., 2:] / self.half], axis=-1)

    def crop_to_local(self, points: ArrayLike) -> NDArray[np.float64]:
        """(u, v, d) (...,3) -> local points, m."""
        array = np.asarray(points, dtype=np.float64)
        z = array[..., 2:] * self.half
        return np.concatenate(
            [array[..., :2] * (self.half / self.distance) * (self.distance + z), z], axis=-1
        )

    def crop_to_pixel(self, uv: ArrayLike) -> NDArray[np.float64]:
        """(..., u v) in [-1,1] -> pixel (column, row) of the crop; (0, 0) is the first pixel's centre."""
        return (np.asarray(uv, dtype=np.float64)[..., :2] + 1.0) * (0.5 * self.size) - 0.5


def upright_roll(centre: ArrayLike, direction: ArrayLike) -> float:
    """The roll (rad) of a crop about centre (3,) m in which direction (3,), both in the camera frame, points up.

    For a hand's direction from the wrist to the knuckles, the crop shows the fingers upwards. 0 for a direction along
    the line of sight. ValueError for a centre that is not before the camera.
    """
    place, along = np.asarray(centre, dtype=np.float64), np.asarray(direction, dtype=np.float64)
    _require_before_camera(place)
    first, second = _level_view(*(place / math.sqrt(place @ place)).tolist())
    x, y = (sum(a * b for a, b in zip(row, along.tolist(), strict=True)) for row in (first, second))
    return 0.0 if math.hypot(x, y) < 1e-9 else float(roll_to_up(x, y))


def _require_before_camera(centre: NDArray[np.float64]) -> None:
    if not centre[2] > 0.0:
        raise ValueError(f"crop centre is {centre.tolist()}: z must be positive (before the camera)")


def _level_view(
    x: float, y: float, z: float
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """The first two rows of the smallest rotation that turns the direction (x, y, z), of length 1, to +z."""
    a = 1.0 / (1.0 + z)
    return (1.0 - a * x * x, -a * x * y, -x), (-a * x * y, 1.0 - a * y * y, -y)


def roll_to_up(x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """The rolls (rad) that turn directions (x, y) of the picture, any shape, up: to -y."""
    return np.asarray(-0.5 * np.pi - np.arctan2(y, x))


# Without numba's check for a division by zero: the kernel takes half the time.
@njit(nogil=True, cache=True, error_model="numpy")
def _crop_value(z: float, to_d: float, distance: float, per_half: float) -> float:
    """Crop depth of a reading (m): in [-1,1], +1 when outside the cube or none."""
    d = (z * to_d - distance) * per_half
    return d if z > 0.0 and -1.0 <= d <= 1.0 else 1.0  # NaN is not above 0


@njit(nogil=True, cache=True, error_model="numpy")
def _reading(
    depth: NDArray[np.float32], u: float, v: float, to_d: float, distance: float, per_half: float
) -> float:
    """Crop depth of the pixel nearest to (u, v): in [-1,1], +1 when outside the cube or none."""
    # "not inside", so that NaN counts as outside; a cast rounds down positive numbers only.
    if not (u > -0.5 and v > -0.5 and u < depth.shape[1] - 0.5 and v < depth.shape[0] - 0.5):
        return 1.0
    return _crop_value(depth[int(v + 0.5), int(u + 0.5)], to_d, distance, per_half)


@njit(nogil=True, cache=True, error_model="numpy")
def _median_of_five(a: float, b: float, c: float, d: float, e: float) -> float:
    """The third largest of five numbers, none of them NaN: without branches, which costs half of a sort."""
    a, b = min(a, b), max(a, b)
    d, e = min(d, e), max(d, e)
    a, d = min(a, d), max(a, d)  # a is the least of four
    b, e = min(b, e), max(b, e)  # e is the largest of four
    b, c = min(b, c), max(b, c)
    c, d = min(c, d), max(c, d)
    return max(b, c)


@njit(nogil=True, cache=True, error_model="numpy")
def crop_kernel(
    depth: NDArray[np.float32], fx: float, fy: float, cx: float, cy: float, distortion: NDArray[np.float64], model: int,
    view: NDArray[np.float64], distance: float, half: float, mirrored: bool, size: int, out: NDArray[np.float32],
) -> None:  # fmt: skip
    """Fill out (S,S) float32 from depth (H,W) float32 m; distortion (8,), view (3,3) float64. See crop_depth.

    Callable inside other numba loops: the synthetic generator uses it too, so training and runtime agree.
    Where the sensor is denser than the crop, the value is the median of five readings over the crop pixel's
    footprint (a missing one counts as outside), so that single flying or missing pixels do not show and the
    outline neither grows nor shrinks; elsewhere it is the nearest reading.
    """
    step = half / distance
    per_half = 1.0 / half
    dense = max(fx, fy) * 2.0 * step > _DENSE * size
    qx, qy = 0.5 * fx * step / size, 0.5 * fy * step / size
    widest, highest = depth.shape[1] - 0.5, depth.shape[0] - 0.5
    # The ray (x, y, 1) of the view, turned back to the camera (transposed rotation), column by column and row by row.
    along = np.empty((size, 3))
    for c in range(size):
        x = pixel_to_crop(c, size) * step
        if mirrored:
            x = -x
        for k in range(3):
            along[c, k] = view[0, k] * x
    for r in range(size):
        y = pixel_to_crop(r, size) * step
        down_x, down_y, down_z = view[1, 0] * y, view[1, 1] * y, view[1, 2] * y
        for c in range(size):
            rx = along[c, 0] + down_x + view[2, 0]
            ry = along[c, 1] + down_y + view[2, 1]
            rz = along[c, 2] + down_z + view[2, 2]
            out[r, c] = 1.0
            if rz <= 1e-6:
                continue
            to_d = 1.0 / rz
            px, py = rx * to_d, ry * to_d
            if model != NO_DISTORTION:
                px, py, ok = distort(px, py, distortion, model)
                if not ok:
                    continue
            u = px * fx + cx
            v = py * fy + cy
            if not dense:
                out[r, c] = _reading(depth, u, v, to_d, distance, per_half)
                continue
            left, right, top, bottom = u - qx, u + qx, v - qy, v + qy
            if left > -0.5 and top > -0.5 and right < widest and bottom < highest:
                # All five lie in the image: one check, each column and row rounded once. Without a sign an index is not
                # looked at for whether it counts from the end.
                c0, c1, c2 = np.uint32(left + 0.5), np.uint32(u + 0.5), np.uint32(right + 0.5)
                r0, r1, r2 = np.uint32(top + 0.5), np.uint32(v + 0.5), np.uint32(bottom + 0.5)
                out[r, c] = _median_of_five(
                    _crop_value(depth[r1, c1], to_d, distance, per_half),
                    _crop_value(depth[r0, c0], to_d, distance, per_half),
                    _crop_value(depth[r0, c2], to_d, distance, per_half),
                    _crop_value(depth[r2, c0], to_d, distance, per_half),
                    _crop_value(depth[r2, c2], to_d, distance, per_half),
                )
            else:
                out[r, c] = _median_of_five(
                    _reading(depth, u, v, to_d, distance, per_half),
                    _reading(depth, left, top, to_d, distance, per_half),
                    _reading(depth, right, top, to_d, distance, per_half),
                    _reading(depth, left, bottom, to_d, distance, per_half),
                    _reading(depth, right, bottom, to_d, distance, per_half),
                )


def crop_depth(frame: DepthFrame, crop_frame: CropFrame) -> NDArray[np.float32]:
    """Cut the cube out of a depth image -> (S,S) float32, d in [-1,1].

    No reading and everything outside the cube (before it, too) is +1. Holes between readings that lie a few pixels
    apart show the surface (depth/sparse.py).
    """
    return crop_depths(frame, [crop_frame])[0]


def crop_depths(frame: DepthFrame, crop_frames: Sequence[CropFrame]) -> NDArray[np.float32]:
    """Cut N cubes of one size in pixels out of a depth image -> (N,S,S) float32, each as :func:`crop_depth`.

    ValueError when there is no crop frame, or when they differ in their size in pixels.
    """
    sizes = {int(crop_frame.size) for crop_frame in crop_frames}
    if len(sizes) != 1:
        raise ValueError(f"sizes of the crops are {sorted(sizes)}, want one size for at least one crop")
    size, camera = sizes.pop(), frame.camera
    out = np.empty((len(crop_frames), size, size), np.float32)
    for crop_frame, crop in zip(crop_frames, out, strict=True):
        crop_kernel(
            frame.surface, float(camera.fx), float(camera.fy), float(camera.cx), float(camera.cy),
            camera.coefficients, camera.model_code,
            crop_frame.view, crop_frame.distance, crop_frame.half, bool(crop_frame.mirrored), size, crop,
        )  # fmt: skip
    return out
