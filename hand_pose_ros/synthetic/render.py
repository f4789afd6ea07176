"""Exact z-buffer rendering of a mesh (and of ellipsoids) into a depth image, compiled by numba.

In: vertices (V, 3) float32 m in the camera's optical frame, faces (F, 3) int32, a pinhole (fx, fy, cx, cy in px).
Out: depth (H, W) float32 m along the optical axis; +inf where nothing was hit. Every function can be called inside
other compiled loops, and draws into an image that may already hold other things.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

HAND_ENDS_M = 0.012
"""Along the forearm, from the wrist: what lies before it is hand. Guessed."""
_NEAR_M = 0.05  # nearer surfaces are not drawn; guessed


@njit(nogil=True, cache=True, fastmath=False)
def rasterize(
    vertices: Array32, faces: NDArray[np.int32], fx: float, fy: float, cx: float, cy: float, depth: Array32
) -> None:
    """Draw triangles into depth (H, W), nearest wins. Pixel centres lie at whole numbers.

    1/z is linear in the image, so interpolating it is exact. Faces turned away are drawn too: a mesh that is open
    at the forearm's cut must not become transparent. Triangles that reach behind 5 cm before the camera are left out.
    """
    height, width = depth.shape
    count = vertices.shape[0]
    u, v, w = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.float32)
    for i in range(count):
        z = vertices[i, 2]
        if z > _NEAR_M:
            w[i] = 1.0 / z
            u[i] = fx * vertices[i, 0] * w[i] + cx
            v[i] = fy * vertices[i, 1] * w[i] + cy
        else:
            w[i] = 0.0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if w[a] == 0.0 or w[b] == 0.0 or w[c] == 0.0:
            continue
        u_min, u_max = min(u[a], u[b], u[c]), max(u[a], u[b], u[c])
        v_min, v_max = min(v[a], v[b], v[c]), max(v[a], v[b], v[c])
        if u_max < 0 or v_max < 0 or u_min > width - 1 or v_min > height - 1:
            continue
        area = (u[b] - u[a]) * (v[c] - v[a]) - (v[b] - v[a]) * (u[c] - u[a])
        if abs(area) < 1e-12:
            continue
        inverse = 1.0 / area
        first_row, last_row = max(0, int(np.ceil(v_min))), min(height - 1, int(np.floor(v_max)))
        first_column, last_column = max(0, int(np.ceil(u_min))), min(width - 1, int(np.floor(u_max)))
        # Barycentric coordinates are linear along a row.
        step_b, step_c = (v[c] - v[a]) * inverse, -(v[b] - v[a]) * inverse
        for row in range(first_row, last_row + 1):
            du, dv = first_column - u[a], row - v[a]
            weight_b = (du * (v[c] - v[a]) - dv * (u[c] - u[a])) * inverse
            weight_c = (dv * (u[b] - u[a]) - du * (v[b] - v[a])) * inverse
            for column in range(first_column, last_column + 1):
                weight_a = 1.0 - weight_b - weight_c
                if weight_a >= -1e-6 and weight_b >= -1e-6 and weight_c >= -1e-6:
                    z = 1.0 / (weight_a * w[a] + weight_b * w[b] + weight_c * w[c])
                    if z < depth[row, column]:
                        depth[row, column] = z
                weight_b += step_b
                weight_c += step_c


@njit(nogil=True, cache=True)
def _silhouette(
    x: float, z: float, xx: float, xz: float, zz: float, focal: float, middle: float, size: int
) -> tuple[int, int]:
    """First and last pixel that an ellipsoid covers along one image axis, a pixel more on both sides.

    A plane (1, 0, -s) through the camera touches the ellipsoid where (x - s z)^2 = xx - 2 s xz + s^2 zz: a quadratic
    in the slope s whose roots are the silhouette's ends. All of the axis when the ellipsoid reaches behind the camera.
    """
    a = z * z - zz
    if z <= 0.0 or a <= 1e-9:
        return 0, size - 1
    b = x * z - xz
    root = np.sqrt(max(b * b - a * (x * x - xx), 0.0))
    first, last = focal * (b - root) / a + middle - 1.0, focal * (b + root) / a + middle + 1.0
    return int(min(max(first, 0.0), size)), int(max(min(last, size - 1.0), -1.0))


@njit(nogil=True, cache=True)
def draw_ellipsoid(
    centre: Array, axes: Array, fx: float, fy: float, cx: float, cy: float, depth: Array32
) -> None:
    """Draw the near side of the ellipsoid ``|axes @ (x - centre)| = 1`` into depth (H, W).

    centre (3,) m; axes (3, 3) 1/m: rows are the unit half-axes divided by their lengths.
    """
    height, width = depth.shape
    cxx = axes[0, 0] * centre[0] + axes[0, 1] * centre[1] + axes[0, 2] * centre[2]
    cyy = axes[1, 0] * centre[0] + axes[1, 1] * centre[1] + axes[1, 2] * centre[2]
    czz = axes[2, 0] * centre[0] + axes[2, 1] * centre[1] + axes[2, 2] * centre[2]
    constant = cxx * cxx + cyy * cyy + czz * czz - 1.0
    if constant <= 0.0:
        return  # the camera would be inside
    # The inverse of axes^T axes: its entries are those of the sum of the half-axes' outer products.
    xx = yy = zz = xz = yz = 0.0
    for k in range(3):
        square = (axes[k, 0] ** 2 + axes[k, 1] ** 2 + axes[k, 2] ** 2) ** 2
        xx += axes[k, 0] * axes[k, 0] / square
        yy += axes[k, 1] * axes[k, 1] / square
        zz += axes[k, 2] * axes[k, 2] / square
        xz += axes[k, 0] * axes[k, 2] / square
        yz += axes[k, 1] * axes[k, 2] / square
    first_column, last_column = _silhouette(centre[0], centre[2], xx, xz, zz, fx, cx, width)
    first_row, last_row = _silhouette(centre[1], centre[2], yy, yz, zz, fy, cy, height)
    for row in range(first_row, last_row + 1):
        y = (row - cy) / fy
        for column in range(first_column, last_column + 1):
            x = (column - cx) / fx
            rx = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2]
            ry = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2]
            rz = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2]
            a = rx * rx + ry * ry + rz * rz
            half_b = rx * cxx + ry * cyy + rz * czz
            discriminant = half_b * half_b - a * constant
            if discriminant > 0.0:
                z = (half_b - np.sqrt(discriminant)) / a
                if _NEAR_M < z < depth[row, column]:
                    depth[row, column] = z


@njit(nogil=True, cache=True)
def box_window(
    centre: Array, axes: Array, fx: float, fy: float, cx: float, cy: float, height: int, width: int
) -> tuple[int, int, int, int]:
    """Rows and columns (first row, last row, first column, last column) that a box's corners span in the image."""
    # The columns of the inverse are the half-axes: the rows of axes are orthogonal.
    half = np.empty((3, 3))
    for k in range(3):
        square = axes[k, 0] ** 2 + axes[k, 1] ** 2 + axes[k, 2] ** 2
        for i in range(3):
            half[k, i] = axes[k, i] / square
    top, bottom, left, right = 1e9, -1e9, 1e9, -1e9
    for corner in range(8):
        x, y, z = centre[0], centre[1], centre[2]
        for k in range(3):
            sign = 1.0 if corner >> k & 1 else -1.0
            x += sign * half[k, 0]
            y += sign * half[k, 1]
            z += sign * half[k, 2]
        if z < _NEAR_M:
            return 0, height - 1, 0, width - 1
        u, v = fx * x / z + cx, fy * y / z + cy
        left, right, top, bottom = min(left, u), max(right, u), min(top, v), max(bottom, v)
    return (
        int(max(0.0, np.ceil(top))), int(min(height - 1.0, np.floor(bottom))),
        int(max(0.0, np.ceil(left))), int(min(width - 1.0, np.floor(right))),
    )  # fmt: skip


@njit(nogil=True, cache=True)
def draw_box(centre: Array, axes: Array, fx: float, fy: float, cx: float, cy: float, depth: Array32) -> None:
    """Draw the near side of the box ``max |axes @ (x - centre)| = 1`` into depth (H, W); axes as for an ellipsoid."""
    height, width = depth.shape
    start = np.empty(3)
    for k in range(3):
        start[k] = -(axes[k, 0] * centre[0] + axes[k, 1] * centre[1] + axes[k, 2] * centre[2])
    if max(abs(start[0]), abs(start[1]), abs(start[2])) <= 1.0:
        return  # the camera would be inside
    first_row, last_row, first_column, last_column = box_window(centre, axes, fx, fy, cx, cy, height, width)
    for row in range(first_row, last_row + 1):
        y = (row - cy) / fy
        for column in range(first_column, last_column + 1):
            x = (column - cx) / fx
            # A ray is inside between its last entry into the three slabs and its first exit.
            entry, leave = -np.inf, np.inf
            for k in range(3):
                slope = axes[k, 0] * x + axes[k, 1] * y + axes[k, 2]
                if abs(slope) < 1e-9:
                    if abs(start[k]) > 1.0:
                        entry, leave = 1.0, 0.0
                    continue
                a, b = (-1.0 - start[k]) / slope, (1.0 - start[k]) / slope
                entry, leave = max(entry, min(a, b)), min(leave, max(a, b))
            if entry <= leave and _NEAR_M < entry < depth[row, column]:
                depth[row, column] = entry


@njit(nogil=True, cache=True)
def draw_plane(
    normal: Array, offset: float, fx: float, fy: float, cx: float, cy: float, depth: Array32
) -> None:
    """Draw the plane ``normal . x = offset`` (unit normal (3,), offset m) into depth (H, W)."""
    height, width = depth.shape
    for row in range(height):
        y = (row - cy) / fy
        for column in range(width):
            slope = normal[0] * (column - cx) / fx + normal[1] * y + normal[2]
            if abs(slope) > 1e-6:
                z = offset / slope
                if _NEAR_M < z < depth[row, column]:
                    depth[row, column] = z


@njit(nogil=True, cache=True)
def dress_forearm(rest: Array32, along: Array32, matrix: Array32, sleeve: Array, posed: Array32) -> None:
    """Cut the forearm and put a sleeve on it, in place in posed (V, 3).

    rest (V, 3) m in the rest pose; along (V,) m behind the wrist; matrix (3, 4) of the forearm's skinning; sleeve (3,):
    where the arm ends (m), where the sleeve begins (m), how much wider it is. A vertex beyond the end gets z = -1,
    so the rasteriser leaves its triangles out.
    """
    end, begin, wider = sleeve[0], sleeve[1], sleeve[2]
    # The arm's axis: the middle of what lies behind the wrist.
    y, z, count = 0.0, 0.0, 0
    for i in range(rest.shape[0]):
        if along[i] > 0.02:
            y += rest[i, 1]
            z += rest[i, 2]
            count += 1
    if count > 0:
        y, z = y / count, z / count
    for i in range(rest.shape[0]):
        if along[i] > end:
            posed[i, 2] = -1.0
        elif along[i] > begin and along[i] > 0.0:
            px, py, pz = rest[i, 0], y + (rest[i, 1] - y) * wider, z + (rest[i, 2] - z) * wider
            for k in range(3):
                posed[i, k] = matrix[k, 0] * px + matrix[k, 1] * py + matrix[k, 2] * pz + matrix[k, 3]
