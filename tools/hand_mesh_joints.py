"""From a rig's bones to our 23 joints, defined alike for both meshes.

In: vertices (V, 3) m, faces (F, 3), segment weights (V, 17) and the rig's bones. Out: joints (23, 3) m, same axes.

Definitions (depths are measured in a slice of the mesh across the finger):
* pip, dip, thumb mcp and ip: on the rig's joint along the finger (dip: DIP_SHIFT beyond it), centred across it,
  FLEXION_DEPTH of the thickness below its back: the heads of the phalanges lie nearer to the back.
* mcp: MCP_SHIFT behind the rig's joint, half the finger's thickness and MCP_SKIN below the back of the hand.
* tip: TIP_INSET before the end of the finger, in the middle of the pad's thickness.
* wrist: on the line from the rig's wrist to the middle mcp, CREASE times the length of the middle finger from that
  mcp; its two sides are SIDE_INSET inside the skin.
* thumb mcp: half way between the rig's joint and that slice's middle, which the web of the thumb pulls aside.
* thumb cmc: at the base of the metacarpal, CMC_FORWARD (in lengths of the middle finger) before the radial side of the
  wrist and CMC_DEPTH (in thicknesses of the wrist) nearer to the palm. Both rigs have it 10 to 15 mm too far forward.
"""

from __future__ import annotations

import numpy as np
from hand_mesh_sources import Source

from hand_pose_ros.hand.skeleton import FINGER_JOINTS, FINGERS, JOINT_COUNT, JOINT_INDEX

FLEXION_DEPTH = 0.45
MCP_SKIN = 0.003
TIP_INSET = 0.005
SIDE_INSET = 0.006
CREASE = 0.83
CMC_FORWARD = 0.155
CMC_OUT = 0.002
CMC_DEPTH = 0.27

# m: how far the rig's mcp lies too far towards the tip. MakeHuman draws it at the web of the fingers; after the shift
# the ratio of the middle to the proximal phalanx is that of real hands (0.55 to 0.62), as it is in the WebXR rig.
MCP_SHIFT = {
    "makehuman": {"index": 0.014, "middle": 0.013, "ring": 0.0105, "pinky": 0.0075},
    "webxr": {"index": 0.0, "middle": 0.0, "ring": 0.0, "pinky": 0.0},
}

# m: how far the rig's dip lies too near to the palm. After the shift MakeHuman's last phalanges have the share of the
# finger that they have in the WebXR rig and in real hands.
DIP_SHIFT = {
    "makehuman": {"index": 0.002, "middle": 0.0, "ring": 0.002, "pinky": 0.0015},
    "webxr": {"index": 0.0, "middle": 0.0, "ring": 0.0, "pinky": 0.0},
}


def unit(vector: np.ndarray) -> np.ndarray:
    """(..., 3) -> (..., 3) of length 1."""
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def slice_points(
    vertices: np.ndarray, faces: np.ndarray, point: np.ndarray, normal: np.ndarray
) -> np.ndarray:
    """(K, 3): where the edges of the faces cross the plane through point."""
    height = (vertices - point) @ normal
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    a, b = height[edges[:, 0]], height[edges[:, 1]]
    cross = (a > 0) != (b > 0)
    edges, a, b = edges[cross], a[cross], b[cross]
    share = (a / (a - b))[:, None]
    return vertices[edges[:, 0]] * (1 - share) + vertices[edges[:, 1]] * share


def section(
    vertices: np.ndarray, faces: np.ndarray, point: np.ndarray, along: np.ndarray, back: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """Slice across a finger: (middle (3,), across (3,), up (3,), top, bottom), the heights relative to middle."""
    across = unit(np.cross(back, along))
    up = np.cross(along, across)
    points = slice_points(vertices, faces, point, along) - point
    side, height = points @ across, points @ up
    centre = 0.5 * (side.min() + side.max())
    near = np.abs(side - centre) < 0.3 * (side.max() - side.min())
    return point + centre * across, across, up, height[near].max(), height[near].min()


def palm_frame(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rotation (3, 3), columns x, y, z; origin (3,)) of the palm from joints (23, 3).

    x: from the middle of the wrist to the mean of the middle and ring mcp. y: the line from the pinky to the index mcp,
    made orthogonal to x. z = x cross y, out of the back. Origin: 0.55 of the way along x.
    """
    j = JOINT_INDEX
    wrist = 0.5 * (joints[j["wrist_radial"]] + joints[j["wrist_ulnar"]])
    knuckles = 0.5 * (joints[j["middle_mcp"]] + joints[j["ring_mcp"]])
    x = unit(knuckles - wrist)
    y = joints[j["index_mcp"]] - joints[j["pinky_mcp"]]
    y = unit(y - (y @ x) * x)
    return np.stack([x, y, np.cross(x, y)], axis=1), wrist + 0.55 * (knuckles - wrist)


def refine_joints(source: Source, nail: np.ndarray) -> np.ndarray:
    """(23, 3): our joints of a Source (hand_mesh_sources), in its own axes. nail: out of the thumb's nail."""
    vertices, faces, weights, bones = source.vertices, source.faces, source.weights, source.bones
    joints = np.zeros((JOINT_COUNT, 3))
    raw = {f: np.stack([bones[f"{f}_{k}"] for k in range(4)]) for f in FINGERS}
    x = unit(raw["middle"][0] - bones["wrist"])
    back = unit(np.cross(x, raw["index"][0] - raw["pinky"][0]))
    for i, finger in enumerate(FINGERS):
        bone = raw[finger]
        up = nail if finger == "thumb" else back
        own = weights[:, 1 + 3 * i : 4 + 3 * i].sum(1) > 0.3
        own_faces = faces[own[faces].all(1)]
        place = FINGER_JOINTS[finger]
        half = 0.0
        for k in (2, 1):
            along = unit(bone[min(k + 1, 3)] - bone[k - 1])
            start = bone[k]
            if k == 2 and finger != "thumb":
                start = start + DIP_SHIFT[source.name][finger] * along
            middle, _, high, top, bottom = section(vertices, own_faces, start, along, up)
            joints[place[k]] = middle + (top - FLEXION_DEPTH * (top - bottom)) * high
            if finger == "thumb" and k == 1:
                joints[place[k]] = 0.5 * (joints[place[k]] + bone[k])
            half = 0.5 * (top - bottom)
        along = unit(bone[3] - joints[place[2]])
        last = vertices[weights[:, 3 + 3 * i] > 0.5]
        for _ in range(2):
            end = ((last - joints[place[2]]) @ along).max()
            pad = joints[place[2]] + (end - TIP_INSET) * along
            middle, _, high, top, bottom = section(vertices, own_faces, pad, along, up)
            joints[place[3]] = middle + 0.5 * (top + bottom) * high
            along = unit(joints[place[3]] - joints[place[2]])
        if finger == "thumb":
            continue
        along = unit(bone[1] - bone[0])
        start = bone[0] - MCP_SHIFT[source.name][finger] * along
        across = unit(np.cross(back, along))
        high = np.cross(along, across)
        points = slice_points(vertices, faces, start, along) - start
        near = (np.abs(points @ across) < 0.006) & (np.abs(points @ high) < 0.03)
        joints[place[0]] = start + ((points[near] @ high).max() - half - MCP_SKIN) * high

    # The wrist's crease.
    middle = joints[list(FINGER_JOINTS["middle"])]
    length = np.linalg.norm(np.diff(middle, axis=0), axis=1).sum() + TIP_INSET
    knuckles = 0.5 * (middle[0] + joints[JOINT_INDEX["ring_mcp"]])
    x = unit(knuckles - bones["wrist"])
    crease = bones["wrist"] + ((middle[0] - bones["wrist"]) @ x - CREASE * length) * x
    y = joints[JOINT_INDEX["index_mcp"]] - joints[JOINT_INDEX["pinky_mcp"]]
    y = unit(y - (y @ x) * x)
    z = np.cross(x, y)
    points = slice_points(vertices, faces, crease, x) - crease
    side, height = points @ y, points @ z
    level = 0.5 * (height.max() + height.min())
    radial = crease + (side.max() - SIDE_INSET) * y + level * z
    joints[JOINT_INDEX["wrist_radial"]] = radial
    joints[JOINT_INDEX["wrist_ulnar"]] = crease + (side.min() + SIDE_INSET) * y + level * z
    joints[JOINT_INDEX["thumb_cmc"]] = (
        radial + CMC_FORWARD * length * x + CMC_OUT * y - CMC_DEPTH * (height.max() - height.min()) * z
    )
    joints[JOINT_INDEX["palm"]] = palm_frame(joints)[1]
    return joints
