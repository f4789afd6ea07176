"""The perspective of a crop for compiled loops: what :class:`hand_pose_ros.depth.crop.CropFrame` does with arrays.

In and out: pixels of a crop (column or row of S; 0 is the first pixel's centre), its u or v in [-1, 1], places in its
local frame (metres). ``distance``: from the camera to the cube's centre, ``half``: half the cube's edge, both metres;
``ahead`` = distance + z: how far a place lies before the camera along the crop's line of sight, metres.
"""

from __future__ import annotations

from hand_pose_ros.kernel_cache import njit


@njit(nogil=True, cache=True, error_model="numpy")
def pixel_to_crop(pixel: int, size: int) -> float:
    """u of the middle of a column of ``size``, v of a row."""
    return (2 * pixel + 1) / size - 1.0


@njit(nogil=True, cache=True, error_model="numpy")
def crop_to_pixel(u: float, size: int) -> float:
    """The inverse of :func:`pixel_to_crop`, with fractions."""
    return (u + 1.0) * (0.5 * size) - 0.5


@njit(nogil=True, cache=True, error_model="numpy")
def metres_to_crop(ahead: float, distance: float, half: float) -> float:
    """By what a local x or y (m) is multiplied to be u or v."""
    return distance / (half * ahead)


@njit(nogil=True, cache=True, error_model="numpy")
def crop_to_metres(ahead: float, distance: float, half: float) -> float:
    """The inverse of :func:`metres_to_crop`: half the width (m) of what the crop shows there."""
    return half / distance * ahead


@njit(nogil=True, cache=True, error_model="numpy")
def pixel_width(ahead: float, distance: float, half: float, size: int) -> float:
    """Width (m) of a pixel there."""
    return ahead / distance * 2.0 * half / size


@njit(nogil=True, cache=True, error_model="numpy")
def metres_to_pixel(x: float, width: float, size: int) -> float:
    """The column, with fractions, of a local x (m) where a pixel is so wide (m); the row of a y."""
    return x / width + 0.5 * size - 0.5
