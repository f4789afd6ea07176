"""Analytic derivatives of the hand model: 23 joints by the pose and by the hand's constant offsets, batched in torch.

In: ``HandFrames`` of N hands, metres. Out: Jacobians (N, 23, 3, ...), in the frames' outer frame. A joint moves about
an angle's axis by the cross product of the axis and the arm; offsets enter linearly. Also the offsets as one flat
vector (36): wrist 2 x 3, bases 5 x 3, lengths 5 x 3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandFrames, HandOffsets, scale_offsets, template_offsets
from hand_pose_ros.hand.rotations import skew
from hand_pose_ros.hand.skeleton import (
    FINGER_ANGLE_TABLE,
    FINGER_JOINT_TABLE,
    FINGER_SEGMENT_TABLE,
    FIRST_ANGLE,
    PALM_JOINT,
)

_CHAINS = torch.tensor(FINGER_JOINT_TABLE.tolist())
_FIRST_FLEXIONS = torch.tensor(FINGER_ANGLE_TABLE[:, 1].tolist())
_OFFSET_SIZES = (6, 15, 15)  # wrist, bases, lengths


def flatten_offsets(offsets: HandOffsets) -> Tensor:
    """HandOffsets with leading (...) -> (..., 36) m."""
    return torch.cat([value.flatten(-2) for value in offsets], dim=-1)


def unflatten_offsets(flat: Tensor) -> HandOffsets:
    """(..., 36) m -> HandOffsets, the inverse of :func:`flatten_offsets`."""
    wrist, bases, lengths = flat.split(_OFFSET_SIZES, dim=-1)
    return HandOffsets(
        wrist.unflatten(-1, (2, 3)), bases.unflatten(-1, (5, 3)), lengths.unflatten(-1, (5, 3))
    )


def scaled_offsets(shape: Tensor) -> Tensor:
    """Log scales (..., 9) -> the template's offsets (..., 36) m for them."""
    template = HandOffsets(*(value.to(shape) for value in template_offsets(shape.dtype)))
    return flatten_offsets(scale_offsets(template, shape))


def pose_jacobian(frames: HandFrames, angles: Tensor, side: str) -> Tensor:
    """(N, 23, 3, 26): joints by the translation, a small rotation vector in the outer frame, and the 20 angles."""
    joints, rotations = frames.joints, frames.segment_rotations
    segments = rotations[:, 1:].unflatten(1, (5, 3))
    # The abduction axis is the first segment's z before its flexion turned it.
    flexion = angles[:, _FIRST_FLEXIONS, None]
    abduction_axis = flexion.cos() * segments[:, :, 0, :, 2] - flexion.sin() * segments[:, :, 0, :, 0]
    if side == "left":
        abduction_axis = -abduction_axis
    axes = torch.cat([abduction_axis[:, :, None], segments[..., 1]], dim=2)  # (N, 5, 4, 3)
    chain = joints[:, _CHAINS]
    origins = torch.cat([chain[:, :, :1], chain[:, :, :3]], dim=2)
    arms = chain[:, :, :, None] - origins[:, :, None]  # (N, 5, 4 joints, 4 angles, 3)
    moved = torch.ones(4, 4, dtype=joints.dtype, device=joints.device).tril()
    moved[1:, 0] = 1
    by_angle = torch.linalg.cross(axes[:, :, None].expand_as(arms), arms) * moved[..., None]

    out = joints.new_zeros(len(joints), skeleton.JOINT_COUNT, 3, skeleton.PARAMETER_COUNT)
    out[..., :3] = torch.eye(3, dtype=joints.dtype, device=joints.device)
    # The palm's position is the translation, so arms about it do not change with the rotation.
    out[..., 3:6] = -skew(joints - joints[:, PALM_JOINT, None])
    for finger, (first, *_, last) in enumerate(FINGER_JOINT_TABLE):
        first_angle, *_, last_angle = FIRST_ANGLE + FINGER_ANGLE_TABLE[finger]
        own = by_angle[:, finger].transpose(2, 3)
        out[:, first : last + 1, :, first_angle : last_angle + 1] = own
    return out


def offsets_jacobian(frames: HandFrames, side: str) -> Tensor:
    """(N, 23, 3, 36): joints by the hand's flattened offsets (of a right hand)."""
    rotations = frames.segment_rotations
    mirror = rotations.new_tensor([1.0, -1.0 if side == "left" else 1.0, 1.0])
    palm = rotations[:, 0] * mirror
    out = rotations.new_zeros(len(rotations), skeleton.JOINT_COUNT, 3, sum(_OFFSET_SIZES))
    offset = torch.arange(sum(_OFFSET_SIZES))
    wrist, bases, lengths = (part.tolist() for part in unflatten_offsets(offset))
    for joint, columns in zip(skeleton.WRIST_JOINTS, wrist, strict=True):
        out[:, joint][..., columns] = palm
    for finger, (first, *_, last) in enumerate(FINGER_JOINT_TABLE):
        out[:, first : last + 1, :, bases[finger]] = palm[:, None]
        for bone, segment in enumerate(FINGER_SEGMENT_TABLE[finger]):
            along = rotations[:, segment, :, 0]
            out[:, first + bone + 1 : last + 1, :, lengths[finger][bone]] = along[:, None]
    return out
