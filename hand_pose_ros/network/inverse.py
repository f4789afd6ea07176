"""Coarse joints to hand model parameters: a small inverse-kinematics network.

In: coarse joints (B, 23, 3) in local metres, context features (B, F). Out: palm rotation (B, 3, 3),
translation (B, 3) m, angles (B, 20) rad, shape (B, 9) log scales; all float32, not limited to any range.

The palm's rotation and position are first read off the coarse joints geometrically and everything is
expressed in that palm frame, so that the multi-layer perceptron sees the same numbers for the same finger
pose in every view and only has to correct what the geometry got wrong. Later steps see what the hand model
makes of the estimate so far.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations import sixd_to_matrix
from hand_pose_ros.network.heads import LENGTH_SCALE_M, Pose

_OUTPUTS = 6 + 3 + skeleton.ANGLE_COUNT + skeleton.SHAPE_COUNT
_KNUCKLES = tuple(skeleton.JOINT_INDEX[f"{finger}_mcp"] for finger in skeleton.FINGERS[1:])
_WRIST = tuple(skeleton.JOINT_INDEX[name] for name in ("wrist_radial", "wrist_ulnar"))
_BONE_PARENTS = tuple(parent for parent, _ in skeleton.BONES)
_BONE_CHILDREN = tuple(child for _, child in skeleton.BONES)


def palm_frame(joints: Tensor) -> Tensor:
    """Palm rotation (..., 3, 3) from joints (..., 23, 3) of a right hand, without weights.

    x runs from the middle of the wrist to the middle of the four knuckles, y (after Gram-Schmidt) from the
    pinky's knuckle and the ulnar wrist to the index's and the radial wrist. Degenerate joints give finite
    values.
    """
    knuckles, wrist = joints[..., _KNUCKLES, :], joints[..., _WRIST, :]
    forward = knuckles.mean(-2) - wrist.mean(-2)
    sideways = knuckles[..., 0, :] - knuckles[..., 3, :] + wrist[..., 0, :] - wrist[..., 1, :]
    return sixd_to_matrix(torch.cat([forward, sideways], dim=-1) / LENGTH_SCALE_M)


class InverseKinematics(nn.Module):
    """Coarse joints and context -> rotation, translation, angles, shape, in one or more steps.

    Step 1 sees the coarse joints in the geometric palm frame, the bones' directions and lengths and the
    context; each later step sees the rest that the hand model leaves (coarse joint - model joint, in the
    estimated palm frame), the estimate and the last hidden layer, and corrects the estimate. Every output
    starts near zero correction.
    """

    def __init__(self, context: int, hidden: int = 256, steps: int = 2) -> None:
        super().__init__()
        joints = 3 * skeleton.JOINT_COUNT
        bones = 4 * len(skeleton.BONES)
        estimate = skeleton.ANGLE_COUNT + skeleton.SHAPE_COUNT
        sizes = [joints + bones + context] + [joints + estimate + hidden] * (steps - 1)
        self.trunks = nn.ModuleList(_perceptron(size, hidden) for size in sizes)
        heads = [nn.Linear(hidden, _OUTPUTS) for _ in sizes]
        self.heads = nn.ModuleList(heads)
        for head in heads:
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)
        resting = torch.tensor(skeleton.ANGLE_LIMITS, dtype=torch.float32).mean(-1) * 0.5
        self.register_buffer("resting", resting, persistent=False)
        self.register_buffer("straight", torch.tensor([1.0, 0, 0, 0, 1.0, 0]), persistent=False)

    resting: Tensor
    straight: Tensor

    def forward(self, coarse: Tensor, context: Tensor, layer: HandModelLayer) -> tuple[Pose, Tensor]:
        """-> pose and the last hidden layer (B, H)."""
        rotation, translation = palm_frame(coarse), coarse[:, 0]
        angles = self.resting.expand(coarse.shape[0], -1)
        shape = coarse.new_zeros(coarse.shape[0], skeleton.SHAPE_COUNT)
        hidden = context
        for step, (trunk, head) in enumerate(zip(self.trunks, self.heads, strict=True)):
            if step == 0:
                local = (coarse - translation[:, None]) @ rotation / LENGTH_SCALE_M
                bones = local[:, _BONE_CHILDREN] - local[:, _BONE_PARENTS]
                length = (bones.square().sum(-1, keepdim=True) + 1e-6).sqrt()
                seen = torch.cat(
                    [local.flatten(1), (bones / length).flatten(1), length.flatten(1), context], 1
                )
            else:
                model = layer.frames_from_rotation(rotation, translation, angles, shape).joints
                rest = (coarse - model) @ rotation / LENGTH_SCALE_M
                seen = torch.cat([4 * rest.flatten(1), angles, 4 * shape, hidden], 1)
            hidden = trunk(seen)
            turn, move, bend, scale = head(hidden).split(
                [6, 3, skeleton.ANGLE_COUNT, skeleton.SHAPE_COUNT], dim=1
            )
            translation = translation + (rotation @ move[..., None]).squeeze(-1) * LENGTH_SCALE_M
            rotation = rotation @ sixd_to_matrix(self.straight + turn)
            angles = angles + bend
            shape = shape + 0.1 * scale
        return Pose(rotation, translation, angles, shape), hidden


def _perceptron(inputs: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
    )
