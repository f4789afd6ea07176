"""Skinning weights and the forearm: what the sources lack or draw for other joints.

In: a Source (hand_mesh_sources) and its joints (23, 3). Out: weights (V, 17) that sum to 1; a mesh closed at the
elbow with a forearm. All lengths are metres.
"""

from __future__ import annotations

import itertools

import numpy as np
from hand_mesh_joints import unit
from hand_mesh_sources import FOREARM

from hand_pose_ros.hand.skeleton import FINGER_JOINTS, FINGERS, JOINT_INDEX

# An mcp bends over KNUCKLE on both sides of its axis, and a finger takes its share of the knuckles' row by a Gaussian
# of its ray of WIDTH.
KNUCKLE = 0.011
WIDTH = 0.006
# The wrist bends between these distances along x from its crease.
WRIST_RAMP = (-0.022, 0.008)
# Along the thumb's metacarpal, in lengths of it from the cmc, and across it, m.
THUMB_RAMP = (0.0, 0.6)
THUMB_REACH = (0.013, 0.026)
FOREARM_RINGS = (0.012, 0.03, 0.055, 0.09, 0.13, 0.17, 0.21, 0.25)
FOREARM_LENGTH = 0.25


def smoothstep(value: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between."""
    t = np.clip(value, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def boundary_loop(faces: np.ndarray) -> np.ndarray:
    """The only open edge of a mesh, in the order of its faces' edges. ValueError unless there is exactly one."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    present = {tuple(edge) for edge in edges.tolist()}
    following = {a: b for a, b in present if (b, a) not in present}
    if not following:
        raise ValueError("the mesh has no open edge")
    loop = [next(iter(following))]
    while following[loop[-1]] != loop[0]:
        loop.append(following[loop[-1]])
    if len(loop) != len(following):
        raise ValueError(f"the mesh has {len(following)} open edges, of which one loop has {len(loop)}")
    return np.array(loop)


def cap(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Close the open edge with a fan about its centre (a new last vertex)."""
    loop = boundary_loop(faces)
    centre = len(vertices)
    fan = np.stack([np.roll(loop, -1), loop, np.full(len(loop), centre)], axis=1)
    return np.vstack([vertices, vertices[loop].mean(0)]), np.vstack([faces, fan])


def open_wrist(vertices: np.ndarray, faces: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Faces without the flat lid that closes a hand behind its wrist (the faces that look along -x at its end)."""
    corner = vertices[faces]
    normal = unit(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]))
    height = vertices @ x
    at_end = (height[faces] < height.min() + 0.02).all(1)
    return faces[~(at_end & (normal @ x < -0.7))]


def drop_unused(vertices: np.ndarray, faces: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """(vertices, faces, others...) without the vertices that no face uses."""
    used, inverse = np.unique(faces, return_inverse=True)
    return (vertices[used], inverse.reshape(-1, 3), *(other[used] for other in others))


def add_forearm(vertices: np.ndarray, faces: np.ndarray, wrist: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Continue an open hand in the palm frame by a tapered elliptic tube along -x of the wrist (3,), closed at its end.

    Each ring keeps the loop's vertices by their angle; the loop's own shape fades into an ellipse that grows from the
    wrist's size by 1.25 (width) and 1.6 (thickness), about what forearms of adults do.
    """
    loop = boundary_loop(faces)
    ring = vertices[loop]
    centre = ring.mean(0)
    size = 0.5 * (ring[:, 1:].max(0) - ring[:, 1:].min(0))
    start = min(centre[0], wrist[0] - 0.015)
    direction = (ring[:, 1:] - centre[1:]) / size
    ellipse = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    rings = [loop]
    for distance in FOREARM_RINGS:
        far = smoothstep(np.array(distance / 0.16))
        fade = smoothstep(np.array(distance / 0.05))
        flat = (1 - fade) * direction + fade * ellipse
        grown = size * (1 + np.array([0.25, 0.6]) * far)
        x = (1 - fade) * (ring[:, 0] - distance) + fade * (start - distance)
        middle = (1 - far) * centre[1:] + far * wrist[1:]
        rings.append(len(vertices) + np.arange(len(loop)))
        vertices = np.vstack([vertices, np.column_stack([x, middle + flat * grown])])
    strips = []
    for a, b in itertools.pairwise(rings):
        a2, b2 = np.roll(a, -1), np.roll(b, -1)
        strips += [np.stack([a2, a, b], 1), np.stack([a2, b, b2], 1)]
    return cap(vertices, np.vstack([faces, *strips]))


def repair_weights(vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Weights (V, 17) in the palm frame for our joints: wrist ramp, and knuckles about the mcp's own axis."""
    weights = weights.copy()
    wrist = 0.5 * (joints[JOINT_INDEX["wrist_radial"]] + joints[JOINT_INDEX["wrist_ulnar"]])
    low, high = WRIST_RAMP
    hand = smoothstep((vertices[:, 0] - wrist[0] - low) / (high - low))
    weights[:, 0] += weights[:, FOREARM]
    weights[:, FOREARM] = 0.0
    weights *= hand[:, None]
    weights[:, FOREARM] = 1.0 - hand

    fingers = FINGERS[1:]
    first = [4 + 3 * i for i in range(4)]
    along, distance = [], []
    for finger in fingers:
        mcp, pip = joints[FINGER_JOINTS[finger][0]], joints[FINGER_JOINTS[finger][1]]
        ray = unit((pip - mcp) * np.array([1.0, 1.0, 0.3]))
        offset = vertices - mcp
        along.append(offset @ ray)
        # Only the distance across the palm counts: skin on the back and on the palm follows the same finger.
        distance.append(np.abs(offset[:, 1] - (offset @ ray) * ray[1]))
    share = np.exp(-0.5 * (np.array(distance).T / WIDTH) ** 2) + 1e-9
    share /= share.sum(1, keepdims=True)
    moved = share * smoothstep(np.array(along).T / (2 * KNUCKLE) + 0.5)
    free = weights[:, 0].copy()
    for i, segment in enumerate(first):
        weights[:, segment] += free * moved[:, i]
    weights[:, 0] = free * (1.0 - moved.sum(1))

    # The ball of the thumb goes with the metacarpal; MakeHuman leaves most of it to the palm.
    cmc, mcp = joints[FINGER_JOINTS["thumb"][0]], joints[FINGER_JOINTS["thumb"][1]]
    length = np.linalg.norm(mcp - cmc)
    bone = (mcp - cmc) / length
    offset = vertices - cmc
    step = offset @ bone
    away = np.linalg.norm(offset - step[:, None] * bone, axis=1)
    low, high = THUMB_RAMP
    near, far = THUMB_REACH
    ball = smoothstep((step / length - low) / (high - low)) * smoothstep((far - away) / (far - near))
    taken = np.minimum(np.maximum(ball - weights[:, 1:4].sum(1), 0.0), weights[:, 0])
    weights[:, 1] += taken
    weights[:, 0] -= taken
    return weights / weights.sum(1, keepdims=True)


def smooth_weights(weights: np.ndarray, faces: np.ndarray, rounds: int) -> np.ndarray:
    """Average the vertices that the palm holds in part half with their neighbours, ``rounds`` times."""
    first = weights
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    edges = np.vstack([edges, edges[:, ::-1]])
    degree = np.bincount(edges[:, 0], minlength=len(weights))[:, None]
    for _ in range(rounds):
        total = np.zeros_like(weights)
        np.add.at(total, edges[:, 0], weights[edges[:, 1]])
        weights = 0.5 * weights + 0.5 * total / degree
    # Phalanges stay as stiff as they were drawn.
    keep = smoothstep((0.15 - weights[:, [0, FOREARM]].sum(1)) / 0.15)[:, None]
    return keep * first + (1.0 - keep) * weights


def compact(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (V, 17) -> the four largest: bone_index (V, 4) int, bone_weight (V, 4) that sum to 1."""
    index = np.argsort(-weights, axis=1)[:, :4]
    value = np.take_along_axis(weights, index, axis=1)
    value[value < 1e-3] = 0.0
    return index, value / value.sum(1, keepdims=True)
