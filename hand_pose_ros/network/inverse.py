"""Coarse joints to hand model parameters: a small inverse-kinematics network with image feedback.

In: coarse joints (B, 23, 3) in local metres, context features (B, F), and the image features to sample at joints.
Out: palm rotation (B, 3, 3), translation (B, 3) m, angles (B, 20) rad, shape (B, 9) log scales; all float32, not
limited to any range.

The palm's rotation and position are first read off the coarse joints geometrically and everything is
expressed in that palm frame, so that the multi-layer perceptron sees the same numbers for the same finger
pose in every view and only has to correct what the geometry got wrong. Later steps see what the hand model
makes of the estimate so far, and every step sees the image features at the joints that it starts from
(:class:`JointFeatures`): only these distinguish a finger that lies on the hand from one that lies beside it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations import sixd_to_matrix
from hand_pose_ros.network.head_row import STEP_OUTPUTS
from hand_pose_ros.network.heads import PoseParameters
from hand_pose_ros.network.units import LENGTH_SCALE_M, PALM_AXES, REST_FACTOR, RESTING_ANGLES, SHAPE_SCALE

_BONE_PARENTS = tuple(parent for parent, _ in skeleton.BONES)
_BONE_CHILDREN = tuple(child for _, child in skeleton.BONES)


def palm_frame(joints: Tensor, axes: Tensor | None = None) -> Tensor:
    """Palm rotation (..., 3, 3) from joints (..., 23, 3) of a right hand, without weights.

    x runs from the middle of the wrist to the middle of the four knuckles, y (after Gram-Schmidt) from the
    pinky's knuckle and the ulnar wrist to the index's and the radial wrist. Degenerate joints give finite values. axes:
    ``units.PALM_AXES`` where they lie on the joints' device already, which spares copying them there.
    """
    weights = (torch.tensor(PALM_AXES) if axes is None else axes).to(joints)
    return sixd_to_matrix((weights @ joints).flatten(-2) / LENGTH_SCALE_M)


class JointFeatures(NamedTuple):
    """Image features that are sampled at joints."""

    feature_map: Tensor
    """(B, C, cells, cells) float32."""
    surface: Tensor
    """(B, 1, cells, cells): nearest depth in crop units, 0 where the cell is empty."""
    seen: Tensor
    """(B, 1, cells, cells): 1 where the cell has a reading, else 0."""
    distance: Tensor
    """(B,) m from the camera to the cube's centre."""
    half_m: float
    """Half of the cube's edge, m."""

    def at(self, joints: Tensor) -> Tensor:
        """Joints (B, 23, 3) local m -> (B, 23 (C + 2)): features there, how far behind the joint the surface lies (in
        units of LENGTH_SCALE_M), whether one was seen. The gradient does not move the sampled places."""
        depth = joints[..., 2]
        places = (joints[..., :2] / (self.half_m * (1 + depth / self.distance[:, None]))[..., None]).detach()
        maps = torch.cat([self.feature_map, self.surface, self.seen], dim=1)
        found = grid_sample(maps, places[:, None], align_corners=False).squeeze(2)  # (B, C + 2, 23)
        seen = found[:, -1]
        behind = (found[:, -2] * self.half_m - seen * depth) / LENGTH_SCALE_M
        return torch.cat([found[:, :-2].flatten(1), behind, seen], dim=1)


class InverseKinematics(nn.Module):
    """Coarse joints and context -> rotation, translation, angles, shape, in one or more steps.

    Step 1 sees the coarse joints in the geometric palm frame, the bones' directions and lengths and the
    context; each later step sees the rest that the hand model leaves (coarse joint - model joint, in the
    estimated palm frame), the estimate and the last hidden layer, and corrects the estimate. With ``image_feedback``
    channels every step also sees the image features at the joints that it starts from. Every output starts near zero
    correction.
    """

    def __init__(self, context: int, hidden: int = 256, steps: int = 2, image_feedback: int = 0) -> None:
        super().__init__()
        joints = 3 * skeleton.JOINT_COUNT
        bones = 4 * len(skeleton.BONES)
        estimate = skeleton.ANGLE_COUNT + skeleton.SHAPE_COUNT
        sampled = (image_feedback + 2) * skeleton.JOINT_COUNT if image_feedback else 0
        sizes = [joints + bones + context + sampled] + [joints + estimate + hidden + sampled] * (steps - 1)
        self.trunks = nn.ModuleList(_perceptron(size, hidden) for size in sizes)
        heads = [nn.Linear(hidden, STEP_OUTPUTS) for _ in sizes]
        self.heads = nn.ModuleList(heads)
        for head in heads:
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)
        self.register_buffer("resting", torch.tensor(RESTING_ANGLES, dtype=torch.float32), persistent=False)
        self.register_buffer("straight", torch.tensor([1.0, 0, 0, 0, 1.0, 0]), persistent=False)
        self.register_buffer("palm_axes", torch.tensor(PALM_AXES, dtype=torch.float32), persistent=False)
        for name, joints_of in (("bone_parents", _BONE_PARENTS), ("bone_children", _BONE_CHILDREN)):
            self.register_buffer(name, torch.tensor(joints_of), persistent=False)

    resting: Tensor
    straight: Tensor
    palm_axes: Tensor
    bone_parents: Tensor
    bone_children: Tensor

    def forward(
        self, coarse: Tensor, context: Tensor, layer: HandModelLayer, features: JointFeatures | None = None
    ) -> tuple[PoseParameters, Tensor, tuple[Tensor, ...]]:
        """-> pose, the last hidden layer (B, H), and the joints (B, 23, 3) m of each earlier step's estimate.

        ``features`` are needed with image feedback, and only then.
        """
        rotation, translation = palm_frame(coarse, self.palm_axes), coarse[:, 0]
        angles = self.resting.expand(coarse.shape[0], -1)
        shape = coarse.new_zeros(coarse.shape[0], skeleton.SHAPE_COUNT)
        hidden = context
        earlier: list[Tensor] = []
        for step, (trunk, head) in enumerate(zip(self.trunks, self.heads, strict=True)):
            if step == 0:
                local = (coarse - translation[:, None]) @ rotation / LENGTH_SCALE_M
                bones = local.index_select(1, self.bone_children) - local.index_select(1, self.bone_parents)
                length = (bones.square().sum(-1, keepdim=True) + 1e-6).sqrt()
                inputs = [local.flatten(1), (bones / length).flatten(1), length.flatten(1), context]
                model = coarse
            else:
                model = layer.frames_from_rotation(rotation, translation, angles, shape).joints
                earlier.append(model)
                rest = (coarse - model) @ rotation / LENGTH_SCALE_M
                inputs = [REST_FACTOR * rest.flatten(1), angles, REST_FACTOR * shape, hidden]
            if features is not None:
                inputs.append(features.at(model))
            hidden = trunk(torch.cat(inputs, 1))
            turn, move, bend, scale = head(hidden).split(
                [6, 3, skeleton.ANGLE_COUNT, skeleton.SHAPE_COUNT], dim=1
            )
            translation = translation + (rotation @ move[..., None]).squeeze(-1) * LENGTH_SCALE_M
            rotation = rotation @ sixd_to_matrix(self.straight + turn)
            angles = angles + bend
            shape = shape + SHAPE_SCALE * scale
        return PoseParameters(rotation, translation, angles, shape), hidden, tuple(earlier)


def _perceptron(inputs: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
    )
