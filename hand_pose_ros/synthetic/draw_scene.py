"""Scenes to depth, compiled: a plane, posed hands, solids. Everything that renders draws its scenes with this.

In: a SubjectSet and :class:`~hand_pose_ros.synthetic.scene.Scenes` as plain arrays (:func:`scene_arrays`), a pinhole.
Out: clean depth (H, W) float32 m, inf where there is nothing, and each hand alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.render import HAND_ENDS_M, draw_plane, dress_forearm, rasterize
from hand_pose_ros.synthetic.scene import Scenes
from hand_pose_ros.synthetic.skinning import FOREARM, skin_vertices
from hand_pose_ros.synthetic.solids import draw_solids
from hand_pose_ros.synthetic.subjects import SubjectSet

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]


class MeshArrays(NamedTuple):
    """The meshes of a SubjectSet, which see."""

    vertices: Array32
    bone_index: NDArray[np.int32]
    bone_weight: Array32
    along_forearm: Array32
    faces: NDArray[np.int32]


class SceneArrays(NamedTuple):
    """N scenes with H hands and K solids: the arrays of ``Scenes``, and which vertices and faces each hand has."""

    vertex_range: NDArray[np.int64]
    """(N, H, 2)."""
    face_range: NDArray[np.int64]
    """(N, H, 2)."""
    skinning: Array32
    """(N, H, 17, 3, 4)."""
    present: NDArray[np.bool_]
    """(N, H)."""
    forearm: Array
    """(N, H, 3)."""
    start: Array
    """(N, H)."""
    planes: Array
    """(N, 4)."""
    kind: NDArray[np.int64]
    """(N, K)."""
    centre: Array
    """(N, K, 3)."""
    axes: Array
    """(N, K, 3, 3)."""


class Pinhole(NamedTuple):
    """A camera that looks along z from ``eye_x`` m along x; px."""

    fx: float
    fy: float
    cx: float
    cy: float
    eye_x: float = 0.0


class Drawn(NamedTuple):
    """One scene in a picture."""

    clean: Array32
    """(H, W) m."""
    alone: Array32
    """(hands, H, W) m: each hand without its arm and without anything else."""
    seen: NDArray[np.int64]
    """(hands, 2): the hand's pixels that are seen, and those that alone would be."""


def scene_arrays(subjects: SubjectSet, scenes: Scenes) -> tuple[MeshArrays, SceneArrays]:
    """What :func:`draw_scene` takes of these scenes."""
    hands = scenes.hands
    meshes = MeshArrays(
        subjects.vertices, subjects.bone_index, subjects.bone_weight, subjects.along_forearm, subjects.faces
    )
    return meshes, SceneArrays(
        subjects.vertex_range[hands.subject], subjects.face_range[subjects.family[hands.subject]],
        hands.skinning.astype(np.float32), hands.present, hands.forearm, hands.start, scenes.planes, *scenes.solids,
    )  # fmt: skip


def require_pinhole(camera: Camera) -> None:
    """ValueError for a camera with distortion."""
    if camera.distortion_model != "none":
        raise ValueError(
            f"the synthetic camera is a pinhole, it has no '{camera.distortion_model}' distortion"
        )


def draw_picture(
    subjects: SubjectSet, scenes: Scenes, camera: Camera, n: int = 0, hands_alone: bool = True
) -> Drawn:
    """Scene ``n`` as a camera without distortion sees it; on request without each hand alone, which takes time."""
    meshes, arrays = scene_arrays(subjects, scenes)
    hands = arrays.present.shape[1] if hands_alone else 0
    size = (camera.height, camera.width)
    drawn = Drawn(
        np.full(size, np.inf, np.float32),
        np.full((hands, *size), np.inf, np.float32),
        np.zeros((hands, 2), np.int64),
    )
    pinhole = Pinhole(float(camera.fx), float(camera.fy), float(camera.cx), float(camera.cy))
    draw_scene(meshes, arrays, n, pinhole, *drawn)
    return drawn


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(nogil=True)
def draw_scene(
    meshes: MeshArrays, scenes: SceneArrays, n: int, camera: Pinhole, clean: Array32, alone: Array32,
    seen: NDArray[np.int64],
) -> None:  # fmt: skip
    """Draw scene ``n`` into clean (H, W), and, where ``alone`` has room for them, each hand into alone (hands, H, W);
    both all inf before. Counts into seen (hands, 2), as of :class:`Drawn`."""
    fx, fy, cx, cy, eye_x = camera.fx, camera.fy, camera.cx, camera.cy, camera.eye_x
    for h in range(scenes.present.shape[1]):
        if not scenes.present[n, h]:
            continue
        first, last = scenes.vertex_range[n, h, 0], scenes.vertex_range[n, h, 1]
        along, start = meshes.along_forearm[first:last], scenes.start[n, h]
        skinning = scenes.skinning[n, h]
        posed = np.empty((last - first, 3), np.float32)
        skin_vertices(
            meshes.vertices[first:last], meshes.bone_index[first:last], meshes.bone_weight[first:last], skinning,
            posed,
        )  # fmt: skip
        dress_forearm(meshes.vertices[first:last], along, skinning[FOREARM], scenes.forearm[n, h], posed)
        if start > -np.inf:
            for i in range(last - first):
                if along[i] < start:
                    posed[i, 2] = -1.0
        if eye_x != 0.0:
            for i in range(last - first):
                posed[i, 0] -= np.float32(eye_x)
        mesh = meshes.faces[scenes.face_range[n, h, 0] : scenes.face_range[n, h, 1]]
        rasterize(posed, mesh, fx, fy, cx, cy, clean)
        if h < len(alone):
            for i in range(last - first):
                if along[i] > HAND_ENDS_M:
                    posed[i, 2] = -1.0
            rasterize(posed, mesh, fx, fy, cx, cy, alone[h])
    plane = scenes.planes[n]
    if not np.isnan(plane[3]):
        draw_plane(plane[:3], plane[3] - plane[0] * eye_x, fx, fy, cx, cy, clean)
    centre = scenes.centre[n].copy()
    centre[:, 0] -= eye_x
    draw_solids(scenes.kind[n], centre, scenes.axes[n], fx, fy, cx, cy, clean)
    for h in range(len(alone)):
        for row in range(clean.shape[0]):
            for column in range(clean.shape[1]):
                if alone[h, row, column] < np.inf:
                    seen[h, 1] += 1
                    if alone[h, row, column] <= clean[row, column]:
                        seen[h, 0] += 1
