"""Meshes drawn as solid, lit surfaces, by the depth rasteriser that the synthetic hands are rendered with.

In: :class:`Mesh` objects, metres, and where each of them is (4, 4) in the camera's optical frame; a pinhole ``Camera``.
Out: a picture (H, W, 3) uint8 RGB. No ROS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.render import rasterize
from hand_pose_ros.synthetic.rotations import axes_with_third

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Colour = tuple[int, int, int]

BACKGROUND: Colour = (30, 33, 40)
"""Behind the meshes. Chosen by eye: dark, as the depth pictures are behind a hand."""
_FINER = 2  # pixels a side that make one of the picture: smooth edges; by eye
# Unit vectors towards the lights, in the camera's frame (x right, y down, z forward), and how strong each is: one from
# the upper left, a weak one from the right, so that no side is black. By eye, as what follows.
_LIGHTS = np.array([[-0.45, -0.65, -0.61, 0.62], [0.80, -0.10, -0.59, 0.22]])
_AMBIENT = 0.28
_EDGE_M = 0.006
"""Where the depth jumps by more than this an edge is drawn: about half a robot's finger."""
_EDGE_SHADE = 0.45
_NEAREST_M = 0.01
_AROUND, _CAP_RINGS = 32, 8  # corners of a capsule's cross section, rings of each of its ends


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles of one colour."""

    vertices: NDArray[np.float32]
    """(V, 3) m."""
    faces: NDArray[np.int32]
    """(F, 3) indices of vertices."""
    colour: Colour
    """RGB where the light falls at right angles."""


def capsule(start: ArrayLike, end: ArrayLike, radius: float, colour: Colour) -> Mesh:
    """A cylinder with round ends about the line from start to end (3,) m; a sphere where they are the same."""
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    along = end - start
    length = float(np.linalg.norm(along))
    axis = along / length if length > 1e-9 else np.array([0.0, 0.0, 1.0])
    first, second, third = axes_with_third(axis)
    turn = np.linspace(0.0, 2.0 * np.pi, _AROUND, endpoint=False)
    circle = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 2 * _CAP_RINGS)
    middles = np.repeat([start, end], _CAP_RINGS, axis=0) + radius * np.sin(angle)[:, None] * third
    rings = middles[:, None] + radius * np.cos(angle)[:, None, None] * circle
    return Mesh(rings.reshape(-1, 3).astype(np.float32), _ring_faces(len(rings)), colour)


def cylinder(radius: float, length: float, colour: Colour) -> Mesh:
    """A cylinder about z, its middle at the origin, lengths in m."""
    turn = np.linspace(0.0, 2.0 * np.pi, _AROUND, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn), np.zeros(_AROUND)], axis=-1)
    half = np.array([0.0, 0.0, 0.5 * length])
    rings = np.stack(
        [0.0 * circle - half, radius * circle - half, radius * circle + half, 0.0 * circle + half]
    )
    return Mesh(rings.reshape(-1, 3).astype(np.float32), _ring_faces(len(rings)), colour)


def box(size: ArrayLike, colour: Colour) -> Mesh:
    """A box with edges of ``size`` (3,) m along the axes, its middle at the origin."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return Mesh((corners * np.asarray(size)).astype(np.float32), np.array(faces, np.int32), colour)


def moved(mesh: Mesh, frame: Array) -> Mesh:
    """The mesh in another frame, in which its own is ``frame`` (4, 4)."""
    vertices = mesh.vertices @ frame[:3, :3].T + frame[:3, 3]
    return replace(mesh, vertices=np.ascontiguousarray(vertices, np.float32))


def draw_meshes(meshes: Sequence[Mesh], frames: Sequence[Array], camera: Camera) -> NDArray[np.uint8]:
    """Meshes, each in its frame (4, 4) of the camera's -> picture (H, W, 3) uint8 RGB of the camera's size.

    A triangle that reaches behind 5 cm before the camera is left out.
    """
    height, width = _FINER * camera.height, _FINER * camera.width
    fx, fy = _FINER * camera.fx, _FINER * camera.fy
    cx, cy = _FINER * (camera.cx + 0.5) - 0.5, _FINER * (camera.cy + 0.5) - 0.5
    depth = np.full((height, width), np.inf, np.float32)
    before = depth.copy()
    shown = np.full((height, width), -1, np.int32)
    for index, (mesh, frame) in enumerate(zip(meshes, frames, strict=True)):
        vertices = moved(mesh, frame).vertices
        rasterize(vertices, mesh.faces, fx, fy, cx, cy, depth)
        window = _window(vertices, fx, fy, cx, cy, depth.shape)
        _mark_nearer(depth[window], before[window], shown[window], index)
    colours = np.array([mesh.colour for mesh in meshes], np.float64).reshape(-1, 3)
    fine = np.empty((height, width, 3), np.uint8)
    _shade(depth, shown, colours, fx, fy, cx, cy, _LIGHTS, fine)
    small = cv2.resize(fine, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _ring_faces(rings: int) -> NDArray[np.int32]:
    """Triangles (F, 3) between neighbouring rings of _AROUND corners each."""
    corner = np.arange(_AROUND)
    after = (corner + 1) % _AROUND
    one = np.concatenate(
        [
            np.stack([corner, after, after + _AROUND], 1),
            np.stack([corner, after + _AROUND, corner + _AROUND], 1),
        ]
    )
    return np.concatenate([one + _AROUND * ring for ring in range(rings - 1)]).astype(np.int32)


def _window(
    vertices: Array32, fx: float, fy: float, cx: float, cy: float, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """The rows and columns that vertices (V, 3) m span in an image, all of them where some are behind the camera."""
    z = vertices[:, 2]
    if not len(z) or z.min() < _NEAREST_M:
        return slice(None), slice(None)
    u, v = fx * vertices[:, 0] / z + cx, fy * vertices[:, 1] / z + cy
    (top, bottom), (left, right) = (
        np.clip([np.floor(values.min()), np.ceil(values.max()) + 1], 0, size).astype(int).tolist()
        for values, size in ((v, shape[0]), (u, shape[1]))
    )
    return slice(top, bottom), slice(left, right)


@njit(nogil=True, cache=True)
def _mark_nearer(depth: Array32, before: Array32, shown: NDArray[np.int32], index: int) -> None:
    """Writes index into shown (H, W) where depth is nearer than before, which becomes as depth."""
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            if depth[row, column] < before[row, column]:
                before[row, column] = depth[row, column]
                shown[row, column] = index


@njit(nogil=True, cache=True)
def _shade(
    depth: Array32, shown: NDArray[np.int32], colours: Array, fx: float, fy: float, cx: float, cy: float,
    lights: Array, picture: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Fills picture (H, W, 3): where something is shown (H, W) its colour of colours (N, 3) in the light of lights
    (L, 4), each a direction towards it and its strength. Normals are the depth image's (H, W) own."""
    height, width = depth.shape
    for row in range(height):
        for column in range(width):
            index = shown[row, column]
            if index < 0:
                for k in range(3):
                    picture[row, column, k] = BACKGROUND[k]
                continue
            z = depth[row, column]
            # Of the steps to the pixels on both sides the smaller one in depth, which stays on the same surface.
            du, across = 0, np.inf
            dv, down = 0, np.inf
            edge = False
            for step in (-1, 1):
                if 0 <= column + step < width:
                    jump = depth[row, column + step] - z
                    edge = edge or jump > _EDGE_M
                    if abs(jump) < abs(across):
                        du, across = step, jump
                if 0 <= row + step < height:
                    jump = depth[row + step, column] - z
                    edge = edge or jump > _EDGE_M
                    if abs(jump) < abs(down):
                        dv, down = step, jump
            light = _AMBIENT
            if np.isfinite(across) and np.isfinite(down):
                x, y = (column - cx) / fx, (row - cy) / fy
                ux, uy, uz = ((x + du / fx) * (z + across) - x * z) * du, y * across * du, across * du
                vx, vy, vz = x * down * dv, ((y + dv / fy) * (z + down) - y * z) * dv, down * dv
                nx, ny, nz = uz * vy - uy * vz, ux * vz - uz * vx, uy * vx - ux * vy  # towards the camera
                length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-30
                for k in range(lights.shape[0]):
                    cosine = (nx * lights[k, 0] + ny * lights[k, 1] + nz * lights[k, 2]) / length
                    light += lights[k, 3] * max(cosine, 0.0)
            if edge:
                light *= _EDGE_SHADE
            for k in range(3):
                picture[row, column, k] = np.uint8(min(255.0, colours[index, k] * light))
