"""The hand model layer: 26 pose parameters (and a shape) -> 23 joints and 16 segment frames, in metres.

In: parameters (..., 26) as in ``skeleton.PARAMETER_NAMES``, shape (..., 9) as in ``skeleton.SHAPE_NAMES``.
Out: joints (..., 23, 3), segment positions (..., 16, 3) and rotations (..., 16, 3, 3), in the frame that the
parameters' translation and rotation refer to (a camera's optical frame, or a crop's local frame).

This is DeepModel's forward kinematic layer, Y = F(Theta) with Theta in R^26 and Y in R^(23x3) (poster, "Hand
Model" and "Forward Kinematic"): each joint is the product of rotations and translations along its ancestors. The
three flexion axes of a finger are parallel, so its product collapses to one abduction and running sums of flexions,
which is exact and costs a fraction of a chain of 4x4 matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.rotations import so3_exp
from hand_pose_ros.hand.skeleton import check_side


class HandOffsets(NamedTuple):
    """The lengths of one hand, metres, in the palm frame; leading dimensions broadcast."""

    wrist: Tensor
    """(..., 2, 3): radial and ulnar side."""
    bases: Tensor
    """(..., 5, 3): thumb CMC and the four MCP joints."""
    lengths: Tensor
    """(..., 5, 3): bone lengths of each finger from the palm to the tip."""


class HandFrames(NamedTuple):
    """A posed hand."""

    joints: Tensor
    """(..., 23, 3) m."""
    segment_positions: Tensor
    """(..., 16, 3) m: the origins of the segments' frames."""
    segment_rotations: Tensor
    """(..., 16, 3, 3)."""


def template_offsets(dtype: torch.dtype = torch.float32) -> HandOffsets:
    """The template right hand's offsets, without batch dimensions."""
    palm = skeleton.PALM_JOINT_POSITIONS
    bases = [palm[skeleton.JOINT_NAMES[joints[0]]] for joints in skeleton.FINGER_JOINTS.values()]
    return HandOffsets(
        torch.tensor([palm["wrist_radial"], palm["wrist_ulnar"]], dtype=dtype),
        torch.tensor(bases, dtype=dtype),
        torch.tensor([skeleton.BONE_LENGTHS[finger] for finger in skeleton.FINGERS], dtype=dtype),
    )


def scale_offsets(template: HandOffsets, shape: Tensor, sums: Tensor | None = None) -> HandOffsets:
    """Offsets of a hand with the given shape (..., 9) of log scale factors; always positive lengths. sums:
    :func:`scale_sums` where they lie on the shape's device already, which spares copying them there."""
    scales = (shape @ (scale_sums() if sums is None else sums).to(shape)).exp()
    palm, fingers = scales[..., None, :3], scales[..., 3:].unflatten(-1, (5, 3))
    return HandOffsets(template.wrist * palm, template.bases * palm, template.lengths * fingers)


def scale_sums() -> Tensor:
    """(9, 18): which log scales of ``skeleton.SHAPE_NAMES`` add up to those of the palm's x, y and z, and of the three
    bones of each finger."""
    row = skeleton.SHAPE_NAMES.index
    sums = torch.zeros(skeleton.SHAPE_COUNT, 18)
    sums[row("hand")] = 1.0
    sums[row("palm_length"), 0], sums[row("palm_width"), 1] = 1.0, 1.0
    for number, finger in enumerate(skeleton.FINGERS):
        sums[row(finger), 3 + 3 * number : 6 + 3 * number] = 1.0
    first_of_thumb = 3 + 3 * skeleton.FINGERS.index("thumb")
    sums[row("thumb"), first_of_thumb], sums[row("thumb_metacarpal"), first_of_thumb] = 0.0, 1.0
    return sums


def forward_kinematics(
    rotation: Tensor,
    translation: Tensor,
    angles: Tensor,
    offsets: HandOffsets,
    side: str = "right",
    rest: Tensor | None = None,
) -> HandFrames:
    """Palm rotation (..., 3, 3) and position (..., 3) m, angles (..., 20) rad, a right hand's offsets -> frames. rest:
    :func:`rest_rotations` of the side where they lie on the rotation's device already, which spares copying them there.

    A left hand is the mirror image of the right hand with the same offsets and angles, with right-handed frames: the
    palm's y then points away from the thumb and abduction turns about -z. ValueError on an unknown side.
    """
    check_side(side)
    chain = angles.unflatten(-1, (5, 4))
    abduction, flexion = chain[..., 0], chain[..., 1:].cumsum(-1)
    wrist, bases = offsets.wrist, offsets.bases
    if side == "left":
        mirror = torch.tensor(skeleton.PALM_MIRROR, dtype=rotation.dtype, device=rotation.device)
        wrist, bases, abduction = wrist * mirror, bases * mirror, -abduction
    finger_bases = rest_rotations(side, rotation.dtype).to(rotation.device) if rest is None else rest
    # All in the palm's frame, from the columns of rotations about one axis, and then turned at once: few, large
    # operations, as each costs the same in an exported network however small it is.
    x, y, z = finger_bases.unbind(-1)  # (5, 3) each
    c, s = abduction.cos()[..., None], abduction.sin()[..., None]
    splayed, across = c * x + s * y, c * y - s * x  # (..., 5, 3)
    c, s = flexion.cos()[..., None], flexion.sin()[..., None]
    splayed, z = splayed[..., None, :], z[:, None]
    along, out = c * splayed - s * z, s * splayed + c * z  # (..., 5, 3, 3): each segment's x and z
    later = bases[..., None, :] + (along * offsets.lengths[..., None]).cumsum(-2)
    first = bases[..., None, :].expand(*later.shape[:-2], 1, 3)
    finger_joints = torch.cat([first, later], dim=-2).flatten(-3, -2)  # (..., 20, 3)
    in_palm = torch.cat([wrist.expand(*finger_joints.shape[:-2], 2, 3), finger_joints], dim=-2)
    outer = in_palm @ rotation.transpose(-1, -2) + translation[..., None, :]
    palm = translation[..., None, :].expand(*outer.shape[:-2], 1, 3)
    joints = torch.cat([palm, outer], dim=-2)
    starts = outer[..., 2:, :].unflatten(-2, (5, 4))[..., :3, :].flatten(-3, -2)
    positions = torch.cat([palm, starts], dim=-2)
    axes = torch.stack([along, across[..., None, :].expand_as(along), out], dim=-1).flatten(-4, -3)
    segments = rotation[..., None, :, :] @ axes  # (..., 15, 3, 3)
    palm_rotation = rotation[..., None, :, :].expand(*segments.shape[:-3], 1, 3, 3)
    return HandFrames(joints, positions, torch.cat([palm_rotation, segments], dim=-3))


def rest_rotations(side: str, dtype: torch.dtype = torch.float32) -> Tensor:
    """(5, 3, 3): each finger's orientation in the palm at zero angles."""
    thumb = torch.as_tensor(skeleton.THUMB_REST_ROTATION, dtype=dtype)
    if side == "left":
        mirror = torch.tensor(skeleton.PALM_MIRROR, dtype=dtype)
        thumb = mirror[:, None] * thumb * mirror
    return torch.stack([thumb, *[torch.eye(3, dtype=dtype)] * 4])


class HandModelLayer(nn.Module):
    """Parameters (and shape) -> joints; differentiable, without weights of its own; constants are buffers.

    ``side`` is the side of the hand whose joints come out. Parameters of a left hand and of its mirrored right hand
    differ in translation and rotation only.
    """

    wrist: Tensor
    bases: Tensor
    lengths: Tensor
    limits: Tensor
    rest: Tensor
    sums: Tensor

    def __init__(self, side: str = "right") -> None:
        super().__init__()
        check_side(side)
        self.side = side
        for name, value in template_offsets()._asdict().items():
            self.register_buffer(name, value, persistent=False)
        limits = torch.tensor(skeleton.ANGLE_LIMITS, dtype=torch.float32)
        self.register_buffer("limits", limits, persistent=False)
        self.register_buffer("rest", rest_rotations(side), persistent=False)
        self.register_buffer("sums", scale_sums(), persistent=False)

    def offsets(self, shape: Tensor | None = None) -> HandOffsets:
        """The hand's constant lengths, metres, for a shape (..., 9); the template's when it is None."""
        template = HandOffsets(self.wrist, self.bases, self.lengths)
        return template if shape is None else scale_offsets(template, shape, self.sums)

    def forward(self, parameters: Tensor, shape: Tensor | None = None) -> Tensor:
        """Parameters (..., 26), shape (..., 9) or None -> joints (..., 23, 3) m."""
        return self.frames(parameters, shape).joints

    def frames(self, parameters: Tensor, shape: Tensor | None = None) -> HandFrames:
        """Parameters (..., 26), shape (..., 9) or None -> joints and segment frames."""
        if parameters.shape[-1] != skeleton.PARAMETER_COUNT:
            raise ValueError(
                f"parameters end in {parameters.shape[-1]} values, want {skeleton.PARAMETER_COUNT}"
            )
        rotation = so3_exp(parameters[..., skeleton.ROTATION_PARAMETERS])
        angles = parameters[..., skeleton.FIRST_ANGLE :]
        return self.frames_from_rotation(rotation, parameters[..., :3], angles, shape)

    def frames_from_rotation(
        self, rotation: Tensor, translation: Tensor, angles: Tensor, shape: Tensor | None = None
    ) -> HandFrames:
        """As :meth:`frames`, with the rotation as a matrix (..., 3, 3): what a network trains through."""
        rest = self.rest if rotation.dtype == torch.float32 else None  # others are made from exact numbers
        return forward_kinematics(rotation, translation, angles, self.offsets(shape), self.side, rest)

    def clamp_angles(self, angles: Tensor) -> Tensor:
        """Angles (..., 20) rad moved to the nearest value in range."""
        return torch.maximum(torch.minimum(angles, self.limits[:, 1]), self.limits[:, 0])
