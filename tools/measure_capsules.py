"""Fit the capsules of hand_pose_ros/refine/surface_model.py to the skin of synthetic subjects, and print the table.

Usage: python tools/measure_capsules.py [steps]. Takes about two minutes on one core.

Random subjects of both mesh families (validation split) in random poses; points spread evenly over the skin of the hand
up to the wrist. Radii of the joints, places and radii of the palm's points and one thickness a subject are moved by
Adam until the signed distances of all points to the nearest capsule are least (pseudo-Huber, 4 mm).
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import Tensor

from hand_pose_ros.commands.arguments import positive_int
from hand_pose_ros.hand import skeleton
from hand_pose_ros.refine.surface_model import CAPSULES, END_RADII, PALM_POINTS
from hand_pose_ros.synthetic.poses import sample_angles
from hand_pose_ros.synthetic.skinning import skin_vertices
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT
from hand_pose_ros.synthetic.subjects import SubjectSet, load_subjects

SUBJECTS, POINTS = 150, 300  # of each family, of each subject
FAR_BEHIND_WRIST_M = 0.004
HUBER_M = 0.004


def skin_points(subjects: SubjectSet, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Everybody in a random pose: joints (P, 23, 3) and points of the skin (P, POINTS, 3), palm frame, m."""
    count = len(subjects)
    upright = np.tile(np.eye(3), (count, 1, 1))
    posed = subjects.pose(np.arange(count), sample_angles(count, rng), upright, np.zeros((count, 3)))
    points = np.empty((count, POINTS, 3))
    for p in range(count):
        first, last = subjects.vertex_range[p]
        skin = np.empty((last - first, 3), np.float32)
        weights = subjects.bone_index[first:last], subjects.bone_weight[first:last]
        skin_vertices(subjects.vertices[first:last], *weights, posed.skinning[p].astype(np.float32), skin)
        begin, end = subjects.face_range[subjects.family[p]]
        faces = subjects.faces[begin:end]
        faces = faces[(subjects.along_forearm[first:last][faces] < FAR_BEHIND_WRIST_M).all(axis=1)]
        a, b, c = skin[faces].astype(np.float64).transpose(1, 0, 2)
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        chosen = rng.choice(len(faces), POINTS, p=area / area.sum())
        u, v = rng.random((2, POINTS, 1))
        u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
        points[p] = a[chosen] + u * (b - a)[chosen] + v * (c - a)[chosen]
    return posed.joints, points


def signed_distances(points: Tensor, ends: Tensor, radii: Tensor) -> Tensor:
    """Points (P, N, 3), ends (P, E, 3), radii (P, E) -> distance to the nearest capsule (P, N)."""
    table = torch.from_numpy(CAPSULES)
    start, first, last = ends[:, table[:, 1]], radii[:, table[:, 1]], radii[:, table[:, 2]]
    bone = ends[:, table[:, 2]] - start
    length = bone.norm(dim=-1).clamp_min(1e-6)
    from_start = points[:, :, None] - start[:, None]
    along = (from_start * (bone / length[..., None])[:, None]).sum(-1)
    across = (from_start.square().sum(-1) - along.square()).clamp_min(1e-12).sqrt()
    slope = ((last - first) / length).clamp(-0.9, 0.9)
    foot = (along + across * (slope / (1 - slope.square()).sqrt())[:, None]).clamp_min(0)
    foot = torch.minimum(foot, length[:, None])
    axis = (across.square() + (along - foot).square()).clamp_min(1e-12).sqrt()
    return (axis - first[:, None] - slope[:, None] * foot).amin(-1)


def main(steps: int) -> None:
    """Fit and print."""
    torch.set_num_threads(1)
    subjects = load_subjects(("makehuman", "webxr"), SUBJECTS, VALIDATION_SPLIT)
    joints, points = (torch.from_numpy(part) for part in skin_points(subjects, np.random.default_rng(0)))
    shape = torch.from_numpy(subjects.shape)
    hand = shape[:, :1].exp()
    scale = torch.cat([hand * shape[:, 1:2].exp(), hand * shape[:, 2:3].exp(), hand], 1)[:, None]
    palm = torch.tensor(PALM_POINTS, requires_grad=True)
    fingers = skeleton.JOINT_COUNT
    logs = torch.tensor(np.log(np.maximum(END_RADII, 1e-3)), requires_grad=True)
    thickness = torch.zeros(len(subjects), 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([{"params": [palm], "lr": 4e-4}, {"params": [logs, thickness], "lr": 0.02}])
    for step in range(steps):
        if step == int(0.7 * steps):
            for group in optimiser.param_groups:
                group["lr"] *= 0.2
        radii = hand * (logs + thickness).exp()
        distance = signed_distances(points, torch.cat([joints, palm * scale], 1), radii)
        loss = 1e6 * HUBER_M**2 * ((1 + (distance / HUBER_M).square()).sqrt() - 1).mean()
        loss = loss + 2 * thickness.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        radii_mm, palm_mm = 1e3 * logs.exp(), 1e3 * palm
        print(
            f"mean distance {1e3 * distance.abs().mean():.2f} mm, thickness varies by {thickness.std():.3f}"
        )
    for finger, places in skeleton.FINGER_JOINTS.items():
        print(finger, [round(float(radii_mm[j]), 1) for j in places])
    for i, place in enumerate(palm_mm):
        print(i, [round(float(x), 1) for x in place], round(float(radii_mm[fingers + i]), 1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("steps", nargs="?", type=positive_int, default=120, help="of Adam (default: 120)")
    main(parser.parse_args().steps)
