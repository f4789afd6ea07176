"""Lens models as compiled functions: where an ideal image point lands, and back.

In: ideal image points (x, y) = (X/Z, Y/Z) or distorted ones, coefficients (8,) padded with zeros, the model's code.
Out: the other, and whether the lens model holds there. The models and their coefficients: depth/camera.py.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]

# How much faster than its ray's tangent a pixel of a rational model may move outwards: beyond, it is beside a pole, and
# its ray means nothing. Guessed: a strong pincushion lens has 2; a pole that nearly cancels spoils a ring of a pixel.
_MOST_GROWTH = 3.0
# A denominator below this is near a pole or beyond it; it is 1 on the axis. Guessed: what a pole that nearly cancels
# moves is far less than a pixel before that.
_NEAR_POLE = 0.5
# Where else a ray is looked for that is not found at its pixel's own place, times that; and how far from there it may
# lie at most, as a share: beyond, the pole does not cancel. Guessed: it is 0.06 where the two differ by 4 %.
_FARTHER, _MOST_MOVED = (1.04, 1.08, 1.12), 0.15
# plumb_bob is rational_polynomial with k4 = k5 = k6 = 0, so the kernels have two lens models only.
NO_DISTORTION, POLYNOMIAL, EQUIDISTANT = 0, 1, 2
MODEL_CODES = {
    "none": NO_DISTORTION, "plumb_bob": POLYNOMIAL, "rational_polynomial": POLYNOMIAL, "equidistant": EQUIDISTANT,
}  # fmt: skip


@njit(nogil=True, cache=True)
def distort(x: float, y: float, k: NDArray[np.float64], model: int) -> tuple[float, float, bool]:
    """Ideal image point (x, y) = (X/Z, Y/Z) -> distorted one, and whether the lens model holds there.

    k (8,) coefficients padded with zeros, model one of the codes above. Beyond a pole of the rational model (where its
    denominator changes sign) and before one it holds where the point is the one that :func:`undistort` finds:
    calibrations exist whose numerator and denominator change sign together, and only their ratio means anything. Where
    they do not quite cancel, rays on both sides of the pole land on one pixel.
    """
    xd, yd, ok = _distort(x, y, k, model)
    if ok and model == POLYNOMIAL:
        r2 = x * x + y * y
        if 1.0 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])) < _NEAR_POLE:
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
        x, y, ok = _undistort_from(xd, yd, xd, yd, k)
        if not ok and (k[5] != 0.0 or k[6] != 0.0 or k[7] != 0.0):
            # The pixel's own place may lie at a pole that nearly cancels, and its ray's a little farther out.
            for farther in _FARTHER:
                x, y, ok = _undistort_from(farther * xd, farther * yd, xd, yd, k)
                if ok and abs(x - xd) + abs(y - yd) < _MOST_MOVED * (abs(xd) + abs(yd)):
                    return x, y, True
            return x, y, False
        return x, y, ok
    fx, fy, ok = _distort(x, y, k, model)
    return x, y, ok and abs(fx - xd) + abs(fy - yd) < 1e-9


@njit(nogil=True, cache=True)
def _undistort_from(x: float, y: float, xd: float, yd: float, k: Array) -> tuple[float, float, bool]:
    """:func:`undistort` of a polynomial model by Newton's method, from the ideal image point (x, y) on."""
    for _ in range(30):
        fx, fy, ok = _distort(x, y, k, POLYNOMIAL)
        if not ok:
            # Overshot the fold: come back towards the axis, where the model always holds.
            x, y = 0.5 * x, 0.5 * y
            continue
        ex, ey = fx - xd, fy - yd
        if abs(ex) + abs(ey) < 1e-14:
            break
        h = 1e-6
        ax, ay, _o = _distort(x + h, y, k, POLYNOMIAL)
        bx, by, _o = _distort(x - h, y, k, POLYNOMIAL)
        j00, j10 = (ax - bx) / (2.0 * h), (ay - by) / (2.0 * h)
        ax, ay, _o = _distort(x, y + h, k, POLYNOMIAL)
        bx, by, _o = _distort(x, y - h, k, POLYNOMIAL)
        j01, j11 = (ax - bx) / (2.0 * h), (ay - by) / (2.0 * h)
        det = j00 * j11 - j01 * j10
        if abs(det) < 1e-9:
            return x, y, False
        x -= (j11 * ex - j01 * ey) / det
        y -= (j00 * ey - j10 * ex) / det
    fx, fy, ok = _distort(x, y, k, POLYNOMIAL)
    return x, y, ok and abs(fx - xd) + abs(fy - yd) < 1e-9


@njit(nogil=True, cache=True)
def project_all(
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
def back_project_all(
    uv: Array, z: Array, fx: float, fy: float, cx: float, cy: float, k: Array, model: int, out: Array
) -> None:
    """Fill out (N, 3) m from pixels (N, 2) and depths (N,) m; NaN beyond the lens."""
    for i in range(uv.shape[0]):
        x, y, ok = undistort((uv[i, 0] - cx) / fx, (uv[i, 1] - cy) / fy, k, model)
        out[i, 0] = x * z[i] if ok else np.nan
        out[i, 1] = y * z[i] if ok else np.nan
        out[i, 2] = z[i] if ok else np.nan
