"""Pinhole and fisheye camera model of a depth image.

In: the numbers of a sensor_msgs/CameraInfo (plain values, no ROS). Out: project, metres (...,3) in the
camera's optical frame (x right, y down, z forward) -> pixels (...,2), and back_project, pixels (...,2) and
depth along the optical axis (...) in metres -> metres (...,3). Pixel (0, 0) is the centre of the first pixel.

Distortion follows the CameraInfo models: plumb_bob (k1 k2 p1 p2 k3), rational_polynomial (k1 k2 p1 p2 k3 k4
k5 k6) and equidistant (k1 k2 k3 k4, Kannala and Brandt 2006). A point outside a model's one-to-one range
(where a larger angle no longer lands further out) has no pixel, and the other way round: NaN. Coefficients of 0 add
nothing: further ones that are 0 are accepted, and dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_LENGTHS: dict[str, tuple[int, ...]] = {
    "none": (0,), "plumb_bob": (4, 5), "rational_polynomial": (4, 5, 8), "equidistant": (4,),
}  # fmt: skip
# OpenCV's names of the coefficients, in the order of CameraInfo.
_POLYNOMIAL_NAMES = (
    "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4", "tx", "ty",
)  # fmt: skip
# What Camera accepts, px. Guessed: far beyond any real camera, so that no ray and no pixel overflows.
_MOST_PX = 1e6
_LEAST_FOCAL_PX = 1e-3
# How much faster than its ray's tangent a pixel of a rational model may move outwards: beyond, it is beside a pole, and
# its ray means nothing. Guessed: a strong pincushion lens has 2; a pole that nearly cancels spoils a ring of a pixel.
_MOST_GROWTH = 3.0
# plumb_bob is rational_polynomial with k4 = k5 = k6 = 0, so the kernels have two lens models only.
NO_DISTORTION, POLYNOMIAL, EQUIDISTANT = 0, 1, 2
_CODES = {
    "none": NO_DISTORTION, "plumb_bob": POLYNOMIAL, "rational_polynomial": POLYNOMIAL, "equidistant": EQUIDISTANT,
}  # fmt: skip


@njit(nogil=True, cache=True)
def distort(x: float, y: float, k: NDArray[np.float64], model: int) -> tuple[float, float, bool]:
    """Ideal image point (x, y) = (X/Z, Y/Z) -> distorted one, and whether the lens model holds there.

    k (8,) coefficients padded with zeros, model one of the codes above. Beyond a pole of the rational model (where its
    denominator changes sign) it holds where the point is the one that :func:`undistort` finds: calibrations exist whose
    numerator and denominator change sign together, and only their ratio means anything.
    """
    xd, yd, ok = _distort(x, y, k, model)
    if ok and model == POLYNOMIAL:
        r2 = x * x + y * y
        if 1.0 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])) <= 0.0:
            xu, yu, ok = undistort(xd, yd, k, model)
            ok = ok and abs(xu - x) + abs(yu - y) < 1e-6
    return xd, yd, ok


@njit(nogil=True, cache=True)
def _distort(x: float, y: float, k: NDArray[np.float64], model: int) -> tuple[float, float, bool]:
    """:func:`distort`, and whether the image grows outwards at this point."""
    if model == NO_DISTORTION:
        return x, y, True
    r2 = x * x + y * y
    if model == POLYNOMIAL:
        top = 1.0 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))
        bottom = 1.0 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
        if bottom == 0.0:
            return x, y, False
        radial = top / bottom
        slope = (k[0] + r2 * (2.0 * k[1] + 3.0 * r2 * k[4])) / bottom
        slope -= radial * (k[5] + r2 * (2.0 * k[6] + 3.0 * r2 * k[7])) / bottom
        # d(r radial)/dr: not positive means the image folds back on itself, very large the neighbourhood of a pole.
        growth = radial + 2.0 * r2 * slope
        ok = radial > 0.0 and growth > 0.0 and (growth < _MOST_GROWTH or bottom == 1.0)
        xy = 2.0 * x * y
        xd = x * radial + k[2] * xy + k[3] * (r2 + 2.0 * x * x)
        yd = y * radial + k[3] * xy + k[2] * (r2 + 2.0 * y * y)
        return xd, yd, ok and abs(xd) + abs(yd) < np.inf
    r = math.sqrt(r2)
    if r < 1e-9:
        return x, y, True
    t = math.atan(r)
    t2 = t * t
    scale = 1.0 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3])))
    slope = 1.0 + t2 * (3.0 * k[0] + t2 * (5.0 * k[1] + t2 * (7.0 * k[2] + t2 * 9.0 * k[3])))
    factor = t * scale / r
    return x * factor, y * factor, scale > 0.0 and slope > 0.0


@njit(nogil=True, cache=True)
def undistort(xd: float, yd: float, k: NDArray[np.float64], model: int) -> tuple[float, float, bool]:
    """Inverse of distort by Newton's method (plain iteration diverges on wide lenses); False: no solution."""
    if model == NO_DISTORTION:
        return xd, yd, True
    if model == EQUIDISTANT:
        rd = math.sqrt(xd * xd + yd * yd)
        if rd < 1e-9:
            return xd, yd, True
        t = min(rd, 1.5)
        for _ in range(30):
            t2 = t * t
            value = t * (1.0 + t2 * (k[0] + t2 * (k[1] + t2 * (k[2] + t2 * k[3])))) - rd
            slope = 1.0 + t2 * (3.0 * k[0] + t2 * (5.0 * k[1] + t2 * (7.0 * k[2] + t2 * 9.0 * k[3])))
            if slope <= 1e-6:
                t *= 0.5
                continue
            step = value / slope
            t = min(max(t - step, 0.0), 1.5707)
            if abs(step) < 1e-14:
                break
        factor = math.tan(t) / rd
        x, y = xd * factor, yd * factor
    else:
        x, y = xd, yd
        for _ in range(30):
            fx, fy, ok = _distort(x, y, k, model)
            if not ok:
                # Overshot the fold: come back towards the axis, where the model always holds.
                x, y = 0.5 * x, 0.5 * y
                continue
            ex, ey = fx - xd, fy - yd
            if abs(ex) + abs(ey) < 1e-14:
                break
            h = 1e-6
            ax, ay, _o = _distort(x + h, y, k, model)
            bx, by, _o = _distort(x - h, y, k, model)
            j00, j10 = (ax - bx) / (2.0 * h), (ay - by) / (2.0 * h)
            ax, ay, _o = _distort(x, y + h, k, model)
            bx, by, _o = _distort(x, y - h, k, model)
            j01, j11 = (ax - bx) / (2.0 * h), (ay - by) / (2.0 * h)
            det = j00 * j11 - j01 * j10
            if abs(det) < 1e-9:
                return x, y, False
            x -= (j11 * ex - j01 * ey) / det
            y -= (j00 * ey - j10 * ex) / det
    fx, fy, ok = _distort(x, y, k, model)
    return x, y, ok and abs(fx - xd) + abs(fy - yd) < 1e-9


@njit(nogil=True, cache=True)
def _project_all(
    points: Array, fx: float, fy: float, cx: float, cy: float, k: Array, model: int, out: Array
) -> None:
    """Fill out (N, 2) px from points (N, 3) m; NaN behind the camera and beyond the lens."""
    for i in range(points.shape[0]):
        z = points[i, 2]
        if not z > 0.0:
            out[i, 0] = out[i, 1] = np.nan
            continue
        x, y, ok = distort(points[i, 0] / z, points[i, 1] / z, k, model)
        out[i, 0] = x * fx + cx if ok else np.nan
        out[i, 1] = y * fy + cy if ok else np.nan


@njit(nogil=True, cache=True)
def _back_project_all(
    uv: Array, z: Array, fx: float, fy: float, cx: float, cy: float, k: Array, model: int, out: Array
) -> None:
    """Fill out (N, 3) m from pixels (N, 2) and depths (N,) m; NaN beyond the lens."""
    for i in range(uv.shape[0]):
        x, y, ok = undistort((uv[i, 0] - cx) / fx, (uv[i, 1] - cy) / fy, k, model)
        out[i, 0] = x * z[i] if ok else np.nan
        out[i, 1] = y * z[i] if ok else np.nan
        out[i, 2] = z[i] if ok else np.nan


def _number(value: object, name: str) -> float:
    """A plain number as float; ValueError names what is none."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    raise ValueError(f"{name} is {str(value)[:80]!r}: it must be a number")


def _coefficients(model: str, given: Sequence[float]) -> tuple[float, ...]:
    """The coefficients that a model takes, without further ones that are 0; none at all are zeros.

    ValueError when there are too few, or a further one that is not 0, which is named.
    """
    values = tuple(_number(value, f"a coefficient of distortion model {model}") for value in given)
    lengths = _LENGTHS[model]
    if not values:
        return (0.0,) * lengths[0]
    fitting = [length for length in lengths if length <= len(values)]
    wanted = (
        ", ".join(str(length) for length in lengths[:-1]) + (" or " if lengths[1:] else "") + str(lengths[-1])
    )
    takes = f"distortion model {model} takes {wanted} coefficients, got {len(values)}"
    if not fitting:
        raise ValueError(takes)
    kept, further = values[: fitting[-1]], values[fitting[-1] :]
    for index, value in enumerate(further, fitting[-1]):
        if value != 0.0:
            names = _POLYNOMIAL_NAMES if _CODES[model] == POLYNOMIAL else ()
            name = names[index] if index < len(names) else f"number {index + 1}"
            raise ValueError(f"{takes}, of which {name} is {value:g}, not 0")
    if not all(math.isfinite(value) for value in kept):
        raise ValueError(f"distortion coefficients {values} must be finite")
    return kept


@dataclass(frozen=True)
class Camera:
    """Intrinsics of the image at hand (binning and region of interest already applied).

    ValueError when a field makes no sense.
    """

    width: int
    """Columns of the image, px."""
    height: int
    """Rows of the image, px."""
    fx: float
    """Focal length along x, px."""
    fy: float
    """Focal length along y, px."""
    cx: float
    """Column of the principal point, px."""
    cy: float
    """Row of the principal point, px."""
    distortion: tuple[float, ...] = ()
    """Coefficients in the order of the distortion model."""
    distortion_model: str = "none"
    """none, plumb_bob, rational_polynomial or equidistant, as in CameraInfo."""

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            value = _number(getattr(self, name), f"camera {name}")
            if not 1 <= value <= _MOST_PX or int(value) != value:
                raise ValueError(
                    f"camera {name} is {value:g}: it must be a whole number of pixels, at least 1, at most {_MOST_PX:g}"
                )
            object.__setattr__(self, name, int(value))
        for name in ("fx", "fy"):
            value = _number(getattr(self, name), f"camera focal length {name}")
            if not _LEAST_FOCAL_PX <= value <= _MOST_PX:
                raise ValueError(
                    f"camera focal length {name} is {value:g}: it must be positive, "
                    f"{_LEAST_FOCAL_PX:g} to {_MOST_PX:g} px "
                    "(an uncalibrated camera sends 0)"
                )
            object.__setattr__(self, name, value)
        for name in ("cx", "cy"):
            value = _number(getattr(self, name), f"camera principal point {name}")
            if not abs(value) <= _MOST_PX:
                raise ValueError(
                    f"camera principal point {name} is {value:g}: it must be finite, within {_MOST_PX:g} px"
                )
            object.__setattr__(self, name, value)
        if self.distortion_model not in _LENGTHS:
            raise ValueError(
                f"distortion model {str(self.distortion_model)[:80]!r} is unknown: use one of {', '.join(_LENGTHS)}"
            )
        object.__setattr__(self, "distortion", _coefficients(self.distortion_model, self.distortion))

    @classmethod
    def from_camera_info_fields(
        cls,
        width: int,
        height: int,
        k: ArrayLike,
        d: Sequence[float] = (),
        model: str = "",
        binning_x: int = 0,
        binning_y: int = 0,
        roi_x: int = 0,
        roi_y: int = 0,
        roi_w: int = 0,
        roi_h: int = 0,
    ) -> Camera:
        """The camera of the image that a sensor_msgs/CameraInfo describes. Raises ValueError.

        width and height are the calibrated, full resolution; k the 9 numbers of K, row by row; the region of
        interest is in full-resolution pixels whatever the binning; binning 0 means 1 and a region of zeros
        the whole image (all as in the message's documentation). A full pixel u becomes
        (u - roi_x) / binning, as ROS's own image_geometry has it.
        """
        matrix = np.asarray(k, dtype=np.float64).reshape(-1)
        if matrix.size != 9:
            raise ValueError(f"camera info K has {matrix.size} numbers: it must have 9")
        if not np.isfinite(matrix).all():
            raise ValueError(f"camera info K is {matrix.tolist()}: its numbers must be finite")
        if matrix[0] <= 0.0 or matrix[4] <= 0.0:
            raise ValueError(
                f"camera info has focal lengths fx={matrix[0]}, fy={matrix[4]}: they must be positive "
                "(an uncalibrated camera sends 0)"
            )
        bx, by = max(int(binning_x), 1), max(int(binning_y), 1)
        if roi_w == 0 and roi_h == 0:
            if roi_x or roi_y:
                raise ValueError(f"camera info ROI starts at ({roi_x}, {roi_y}) but its size is 0x0")
            roi_w, roi_h = width, height
        if min(roi_x, roi_y) < 0 or min(roi_w, roi_h) < 1 or roi_x + roi_w > width or roi_y + roi_h > height:
            raise ValueError(
                f"camera info ROI {roi_w}x{roi_h} at ({roi_x}, {roi_y}) does not lie in the "
                f"{width}x{height} image"
            )
        coefficients = tuple(float(value) for value in d)
        # Zero coefficients mean "no distortion" for the polynomial models only: an equidistant lens without
        # coefficients still is a fisheye.
        if model != "equidistant" and not any(coefficients):
            model, coefficients = "none", ()
        return cls(
            width=roi_w // bx,
            height=roi_h // by,
            fx=float(matrix[0]) / bx,
            fy=float(matrix[4]) / by,
            cx=(float(matrix[2]) - roi_x) / bx,
            cy=(float(matrix[5]) - roi_y) / by,
            distortion=coefficients,
            distortion_model=model,
        )

    @cached_property
    def coefficients(self) -> NDArray[np.float64]:
        """Distortion coefficients padded with zeros to (8,), as the kernels take them."""
        out = np.zeros(8)
        out[: len(self.distortion)] = self.distortion
        return out

    @property
    def model_code(self) -> int:
        """The distortion model as the kernels' integer."""
        return _CODES[self.distortion_model]

    def require_size(self, width: int, height: int) -> None:
        """Raise ValueError unless the image has the size that the camera info gives."""
        if (width, height) != (self.width, self.height):
            raise ValueError(
                f"camera info says {self.width}x{self.height}, the image is {width}x{height}: they must agree"
            )

    def project(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (...,3) m, optical frame -> pixels (...,2). NaN behind the camera and beyond the lens."""
        array = np.asarray(points, dtype=np.float64)
        if array.shape[-1:] != (3,):
            raise ValueError(f"points have shape {array.shape}: the last dimension must be 3")
        flat = np.ascontiguousarray(array.reshape(-1, 3))
        out = np.empty((len(flat), 2))
        _project_all(flat, self.fx, self.fy, self.cx, self.cy, self.coefficients, self.model_code, out)
        return out.reshape(array.shape[:-1] + (2,))

    def back_project(self, uv: ArrayLike, z: ArrayLike) -> NDArray[np.float64]:
        """Pixels (...,2) and depth along the axis (...) m -> points (...,3) m, NaN beyond the lens."""
        pixels = np.asarray(uv, dtype=np.float64)
        if pixels.shape[-1:] != (2,):
            raise ValueError(f"pixels have shape {pixels.shape}: the last dimension must be 2")
        depth = np.broadcast_to(np.asarray(z, dtype=np.float64), pixels.shape[:-1])
        flat = np.ascontiguousarray(pixels.reshape(-1, 2))
        out = np.empty((len(flat), 3))
        depths = np.ascontiguousarray(depth.reshape(-1))
        _back_project_all(
            flat, depths, self.fx, self.fy, self.cx, self.cy, self.coefficients, self.model_code, out
        )
        return out.reshape(pixels.shape[:-1] + (3,))
