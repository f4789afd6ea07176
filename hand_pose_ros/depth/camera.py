"""Pinhole and fisheye camera model of a depth image.

In: the numbers of a sensor_msgs/CameraInfo (plain values, no ROS). Out: project, metres (...,3) in the
camera's optical frame (x right, y down, z forward) -> pixels (...,2), and back_project, pixels (...,2) and
depth along the optical axis (...) in metres -> metres (...,3). Pixel (0, 0) is the centre of the first pixel.

Distortion follows the CameraInfo models: plumb_bob (k1 k2 p1 p2 k3), rational_polynomial (k1 k2 p1 p2 k3 k4
k5 k6) and equidistant (k1 k2 k3 k4, Kannala and Brandt 2006). A point outside a model's one-to-one range
(where a larger angle no longer lands further out) has no pixel, and the other way round: NaN. Coefficients of 0 add
nothing: further ones that are 0 are accepted, and dropped, and the last ones that a model takes may be left out. Of a
camera info, other names of the equidistant model are understood, and plumb_bob with k4, k5 or k6 as
rational_polynomial.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.depth.lens import MODEL_CODES, POLYNOMIAL, back_project_all, project_all
from hand_pose_ros.validation import is_number, shown

_LENGTHS: dict[str, tuple[int, ...]] = {
    "none": (0,), "plumb_bob": (4, 5), "rational_polynomial": (4, 5, 8), "equidistant": (4,),
}  # fmt: skip
# OpenCV's names of the coefficients, in the order of CameraInfo.
_POLYNOMIAL_NAMES = (
    "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4", "tx", "ty",
)  # fmt: skip
# So many coefficients of a polynomial are k1, k2 and either p1 or k3.
_RADIAL_OR_NOT = 3
# Names that drivers and calibrators give the equidistant model, and parts of the names of lenses that are no pinhole
# even where all coefficients are 0 (or left out).
_EQUIDISTANT_NAMES = ("fisheye", "kannala_brandt", "kannala_brandt4", "kb4")
_WIDE_LENSES = (
    "equidistant",
    "fisheye",
    "kannala",
    "omni",
    "mei",
    "sphere",
    "theta",
    "unified",
    "ucm",
    "stereographic",
)
# A camera info whose focal length is less than this of the image's side is of a camera that was not calibrated: drivers
# send an identity matrix. Derived: a pinhole that sees 175 degrees; no depth camera does.
_LEAST_FOCAL_SHARE = 0.02
_REMEDY = (
    "recalibrate with a model that takes fewer, or use rectified images with the parameter 'rectified' true"
)
# What Camera accepts, px. Guessed: far beyond any real camera, so that no ray and no pixel overflows.
_MOST_PX = 1e6
_LEAST_FOCAL_PX = 1e-3


def _number(value: Any, name: str) -> float:
    """A plain number as float; ValueError names what is none."""
    if is_number(value):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    raise ValueError(f"{name} is '{shown(value, 80)}': it must be a number")


def _coefficients(model: str, given: Sequence[float]) -> tuple[float, ...]:
    """The coefficients that a model takes, without further ones that are 0, with zeros for those left out at the end.

    ValueError when there is a further one that is not 0, which is named, and when it is in doubt which one the last is:
    three of a polynomial are k1, k2 and either p1 or k3.
    """
    values = tuple(_number(value, f"a coefficient of distortion model {model}") for value in given)
    lengths = _LENGTHS[model]
    if len(values) not in lengths and len(values) < lengths[-1]:
        ambiguous = MODEL_CODES[model] == POLYNOMIAL and len(values) == _RADIAL_OR_NOT and values[-1] != 0.0
        if not ambiguous:
            longer = next(length for length in lengths if length >= len(values))
            values += (0.0,) * (longer - len(values))
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
            names = _POLYNOMIAL_NAMES if MODEL_CODES[model] == POLYNOMIAL else ()
            name = names[index] if index < len(names) else f"number {index + 1}"
            raise ValueError(f"{takes}, of which {name} is {value:g}, not 0: {_REMEDY}")
    if not all(math.isfinite(value) for value in kept):
        raise ValueError(f"distortion coefficients {values} must be finite")
    return kept


def is_focal_length(fx: float, fy: float, width: int, height: int) -> bool:
    """Whether focal lengths, px, can be those of a calibrated camera of so many pixels (0: not known)."""
    return bool(fx > _LEAST_FOCAL_SHARE * width and fy > _LEAST_FOCAL_SHARE * height)


def lens_of(model: str, given: Sequence[float]) -> tuple[str, tuple[float, ...]]:
    """The distortion model by the name that Camera knows, and its coefficients, of what a camera info or a file names.

    Zero coefficients mean "no distortion" for models of a pinhole only: an equidistant lens without coefficients still
    is a fisheye. OpenCV takes 8 coefficients of its first model for rational, and drivers pass them on as plumb_bob.
    """
    coefficients = tuple(float(value) for value in given)
    plain = model.strip().lower().replace(" ", "_").replace("-", "_")
    if plain in _EQUIDISTANT_NAMES:
        return "equidistant", coefficients
    if not any(coefficients) and not any(name in plain for name in _WIDE_LENSES):
        return "none", ()
    if plain == "plumb_bob" and any(coefficients[5:8]) and len(coefficients) >= 8:
        return "rational_polynomial", coefficients
    return plain if plain in _LENGTHS else model, coefficients


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
                f"distortion model '{shown(self.distortion_model, 80)}' is unknown: use one of {', '.join(_LENGTHS)}"
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
        if width < 1 or height < 1:
            raise ValueError(
                f"camera info says that the image is {width}x{height}: the camera's driver leaves width or height "
                "empty and must fill it"
            )
        if not is_focal_length(matrix[0], matrix[4], width, height):
            raise ValueError(
                f"camera info has focal lengths fx={matrix[0]:g}, fy={matrix[4]:g} px for an image of "
                f"{width}x{height}: no camera has (an uncalibrated one sends an identity matrix): calibrate it, or let "
                "the driver publish its own calibration"
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
        model, coefficients = lens_of(model, d)
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
        return MODEL_CODES[self.distortion_model]

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
        project_all(flat, self.fx, self.fy, self.cx, self.cy, self.coefficients, self.model_code, out)
        return out.reshape(array.shape[:-1] + (2,))

    def inside_m(self, point: ArrayLike) -> float:
        """How far inside the picture a point (3,) m, optical frame, lies: metres at its depth to the nearest edge,
        below 0 beyond it; -inf behind the camera and beyond the lens. Off the axis of a lens with distortion it is
        rough: a pixel is taken for as wide as in the middle."""
        place = np.asarray(point, dtype=np.float64)
        (u, v), z = self.project(place), float(place[2])
        right, down = (self.width - 1 - u) / self.fx, (self.height - 1 - v) / self.fy
        nearest = z * min(u / self.fx, right, v / self.fy, down)
        return float(nearest) if np.isfinite(u) and np.isfinite(v) else -math.inf

    def extent_m(self, z: float) -> float:
        """The shorter side of what the picture shows at a depth z m, metres; of a lens with distortion, roughly."""
        return max(z, 0.0) * min(self.width / self.fx, self.height / self.fy)

    def back_project(self, uv: ArrayLike, z: ArrayLike) -> NDArray[np.float64]:
        """Pixels (...,2) and depth along the axis (...) m -> points (...,3) m, NaN beyond the lens."""
        pixels = np.asarray(uv, dtype=np.float64)
        if pixels.shape[-1:] != (2,):
            raise ValueError(f"pixels have shape {pixels.shape}: the last dimension must be 2")
        depth = np.broadcast_to(np.asarray(z, dtype=np.float64), pixels.shape[:-1])
        flat = np.ascontiguousarray(pixels.reshape(-1, 2))
        out = np.empty((len(flat), 3))
        depths = np.ascontiguousarray(depth.reshape(-1))
        back_project_all(
            flat, depths, self.fx, self.fy, self.cx, self.cy, self.coefficients, self.model_code, out
        )
        return out.reshape(pixels.shape[:-1] + (3,))
