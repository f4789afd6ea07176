"""HandNet: a depth crop to the joints and parameters of a right hand.

In: crop (B, 1, S, S) float32 in [-1, 1] over the cube (+1 = nothing there) and the distance (B,) in metres
from the camera to the cube's centre. Out: :class:`HandNetOutput`, in local metres (origin at the cube's
centre, axes of the look-at view).

The default network (``dense``): convolutions -> per joint an attention map and votes for (u, v, d) in cells of 4 x 4
px -> coarse joints -> local metres -> inverse kinematics (with image feedback on request) -> HandModelLayer. The
papers' networks (``deepmodel``, ``sdnet``): convolutions -> fully connected layers -> joints, or parameters ->
HandModelLayer. Outside training, angles and shape are clamped to what a hand can do before the layer,
so the joints that come out of a network with a hand model are always those of a valid hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations import so3_log
from hand_pose_ros.network.backbones import DenseBackbone, initialise, surface_map
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.heads import JointHead, PoseHead, PoseParameters
from hand_pose_ros.network.inverse import InverseKinematics, JointFeatures
from hand_pose_ros.network.paper_backbones import FLAT_BACKBONES
from hand_pose_ros.network.units import (
    CELL_PX,
    INFERRED_SHAPE_LIMIT,
    SIGMA_LOG_RANGE,
    SIGMA_UNIT_M,
    SPREAD_FLOOR,
    SPREAD_SCALE,
    VOTE_SCALE,
)

_CUE_HIDDEN = 64
"""Width of the hidden layer of the heads for error, presence and handedness. Guessed; readers of weights take it from
the weights."""


@dataclass(frozen=True, eq=False)
class HandNetOutput:
    """The network's output for B crops; lengths in local metres, angles in radians, right hands."""

    coarse: Tensor
    """(B, 23, 3): joints before the hand model."""
    joints: Tensor
    """(B, 23, 3): the result; with a hand model exactly HandModelLayer(parameters, shape)."""
    joint_sigma: Tensor
    """(B, 23): expected error of each joint, metres."""
    rotation: Tensor | None = None
    """(B, 3, 3): the palm's, as the next three None for a network without a hand model."""
    translation: Tensor | None = None
    """(B, 3): the palm's."""
    angles: Tensor | None = None
    """(B, 20)."""
    shape: Tensor | None = None
    """(B, 9) log scales."""
    raw_angles: Tensor | None = None
    """(B, 20): angles before the clamp, the same as ``angles`` in training."""
    presence: Tensor | None = None
    """(B,): logit of there being a hand in the crop, None for a network without that head."""
    earlier: tuple[Tensor, ...] = ()
    """Joints (B, 23, 3) of the estimate of each step but the last of the inverse kinematics."""
    handedness: Tensor | None = None
    """(B,): logit of the hand in the crop being a right one, None for a network without that head."""

    @property
    def parameters(self) -> Tensor:
        """(B, 26) as ``skeleton.PARAMETER_NAMES``; ValueError for a network without a hand model."""
        if self.rotation is None or self.translation is None or self.angles is None:
            raise ValueError("this network's head is direct_joint: it has no parameters, only joints")
        return torch.cat([self.translation, so3_log(self.rotation), self.angles], dim=-1)


class Convolved(NamedTuple):
    """What the dense network's convolutions make of B crops."""

    maps: Tensor
    """(B, 4 J, cells, cells): per joint an attention map and votes for u, v, d."""
    pooled: Tensor
    """(B, C): means of the coarsest features."""
    surface: Tensor
    """(B, 1, cells, cells), as ``backbones.surface_map``."""
    seen: Tensor
    """(B, 1, cells, cells), likewise."""
    feature_map: Tensor | None
    """(B, ., cells, cells): features to sample at joints, where the network has image feedback."""


class HandNet(nn.Module):
    """The network of a :class:`NetworkConfig`.

    ``autocast`` (off by default) runs the convolutions in bfloat16; everything behind them is always float32.
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.autocast = False
        self.layer = HandModelLayer("right")
        if self.config.architecture == "dense":
            self._build_dense()
        else:
            self._build_flat()

    def _build_dense(self) -> None:
        widths, joints = self.config.widths, skeleton.JOINT_COUNT
        self.backbone: nn.Module = DenseBackbone(widths, self.config.blocks, self.config.up_blocks)
        self.votes = nn.Conv2d(widths[1] + 2, 4 * joints, 1)
        initialise(self)
        nn.init.normal_(self.votes.weight, std=0.02)
        cells = self.config.crop_size // CELL_PX
        self.register_buffer("grid", cell_grid(cells), persistent=False)
        cues = widths[3] + joints
        if self.config.head == "hand_model":
            channels = self.config.image_feedback
            if channels:
                self.image_feedback = nn.Conv2d(widths[1], channels, 1)
            self.inverse = InverseKinematics(cues, self.config.ik_hidden, self.config.ik_steps, channels)
            cues = self.config.ik_hidden + 2 * joints
        self._build_cue_heads(cues)

    def _build_flat(self) -> None:
        backbone = FLAT_BACKBONES[self.config.architecture](self.config.crop_size)
        self.backbone = backbone
        if self.config.head == "direct_joint":
            self.joint_head = JointHead(backbone.features, self.config.half_m)
        else:
            self.pose_head = PoseHead(backbone.features, self.config.predict_shape)
        self._build_cue_heads(backbone.features)

    def _build_cue_heads(self, cues: int) -> None:
        """The heads that estimate the joints' errors and classify the crop, from F cues."""
        self.sigma_head = _cue_head(cues, skeleton.JOINT_COUNT)
        if self.config.presence:
            self.presence_head = _cue_head(cues, 1)
        if self.config.handedness:
            self.handedness_head = _cue_head(cues, 1)

    grid: Tensor

    @property
    def _has_image_feedback(self) -> bool:
        return self.config.image_feedback > 0 and self.config.head == "hand_model"

    def forward(
        self, crop: Tensor, distance: Tensor, clamp: bool | None = None, convolved: Convolved | None = None
    ) -> HandNetOutput:
        """crop (B, 1, S, S), distance (B,) m -> :class:`HandNetOutput`; ``clamp`` is by default "not in training".

        convolved: what :meth:`convolve` gave for the crop already, of the dense network.
        """
        clamp = not self.training if clamp is None else clamp
        coarse, pose, cues, earlier = self._estimate(crop, distance, convolved)
        if pose is None:
            if coarse is None:
                raise RuntimeError("a network without a hand model must estimate joints")
            presence, handedness = self._logits(cues)
            return HandNetOutput(coarse, coarse, self._sigma(cues), presence=presence, handedness=handedness)
        angles, shape = pose.angles, pose.shape
        if clamp:
            angles = self.layer.clamp_angles(angles)
            shape = shape.clamp(-INFERRED_SHAPE_LIMIT, INFERRED_SHAPE_LIMIT)
        joints = self.layer.frames_from_rotation(pose.rotation, pose.translation, angles, shape).joints
        if coarse is None:
            coarse = joints
        else:
            cues = torch.cat([cues, (joints - coarse).norm(dim=-1) / SIGMA_UNIT_M], dim=1)
        sigma = self._sigma(cues)
        presence, handedness = self._logits(cues)
        return HandNetOutput(
            coarse, joints, sigma, pose.rotation, pose.translation, angles, shape, pose.angles, presence, earlier,
            handedness,
        )  # fmt: skip

    def _estimate(
        self, crop: Tensor, distance: Tensor, convolved: Convolved | None = None
    ) -> tuple[Tensor | None, PoseParameters | None, Tensor, tuple[Tensor, ...]]:
        """-> coarse joints (B, 23, 3) m or None, pose or None (never both), cues of the heads (B, F), joints (B, 23, 3)
        m of earlier steps."""
        if self.config.architecture != "dense":
            with torch.autocast(crop.device.type, torch.bfloat16, enabled=self.autocast):
                features = self.backbone(crop)
            features = features.float()
            if self.config.head == "direct_joint":
                return self.joint_head(features), None, features, ()
            return None, self.pose_head(features), features, ()
        uvd, spread, pooled, sampled = self._read(
            self.convolve(crop) if convolved is None else convolved, distance
        )
        coarse = crop_to_local(uvd, distance, self.config.half_m)
        context = torch.cat([pooled, spread], dim=1)
        if self.config.head == "direct_joint":
            return coarse, None, context, ()
        pose, hidden, earlier = self.inverse(coarse, context, self.layer, sampled)
        return coarse, pose, torch.cat([hidden, spread], dim=1), earlier

    def _sigma(self, cues: Tensor) -> Tensor:
        """Expected error (B, 23) m. It learns from the pose and never pulls at it: its inputs are detached."""
        return SIGMA_UNIT_M * self.sigma_head(cues.detach()).clamp(*SIGMA_LOG_RANGE).exp()

    def _logits(self, cues: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Logits (B,) of there being a hand and of its being a right one, each None without that head."""
        presence = self.presence_head(cues).squeeze(-1) if self.config.presence else None
        handedness = self.handedness_head(cues).squeeze(-1) if self.config.handedness else None
        return presence, handedness

    def convolve(self, crop: Tensor) -> Convolved:
        """All convolutions of the dense network: crop (B, 1, S, S) -> what everything behind them reads."""
        surface, seen = surface_map(crop)
        with torch.autocast(crop.device.type, torch.bfloat16, enabled=self.autocast):
            features, bottleneck = self.backbone(crop)
            maps = self.votes(
                torch.cat([features, surface.to(features.dtype), seen.to(features.dtype)], dim=1)
            )
            feature_map = self.image_feedback(features) if self._has_image_feedback else None
        return Convolved(maps.float(), bottleneck.float().mean((2, 3)), surface, seen, feature_map)

    def _read(
        self, convolved: Convolved, distance: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, JointFeatures | None]:
        """-> joints (B, 23, 3) in crop coordinates, spread of the votes (B, 23), pooled features (B, C), the image
        features to sample at joints."""
        maps, pooled, surface, seen, feature_map = convolved
        batch = maps.shape[0]
        maps = maps.reshape(batch, 4, skeleton.JOINT_COUNT, -1)
        weight = maps[:, 0].softmax(-1)  # (B, 23, cells)
        places = torch.cat([self.grid.T.expand(batch, 2, -1), surface.flatten(2)], dim=1)  # (B, 3, cells)
        offsets = (weight[:, None] * maps[:, 1:]).sum(-1) * VOTE_SCALE  # (B, 3, 23)
        mean = torch.einsum("bjn,bcn->bjc", weight, places)
        second = torch.einsum("bjn,bcn->bjc", weight, places[:, :2].square())
        variance = (second - mean[..., :2].square()).sum(-1)
        spread = torch.log(variance.clamp_min(0) + SPREAD_FLOOR)
        sampled = None
        if feature_map is not None:
            sampled = JointFeatures(feature_map.float(), surface, seen, distance, self.config.half_m)
        return mean + offsets.transpose(1, 2), SPREAD_SCALE * spread, pooled, sampled


def _cue_head(cues: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(cues, _CUE_HIDDEN), nn.SiLU(), nn.Linear(_CUE_HIDDEN, outputs))


def cell_grid(cells: int) -> Tensor:
    """(cells * cells, 2): u, v of the cells' middles in crop coordinates, row by row."""
    centres = (2 * torch.arange(cells, dtype=torch.float32) + 1) / cells - 1
    return torch.stack(torch.meshgrid(centres, centres, indexing="xy"), dim=-1).reshape(cells * cells, 2)


def crop_to_local(uvd: Tensor, distance: Tensor, half_m: float) -> Tensor:
    """Crop coordinates (B, N, 3) and distances (B,) m -> local metres (B, N, 3).

    X = u half (1 + Z / distance), Y likewise, Z = d half: the inverse of the crop's perspective about its centre.
    """
    depth = uvd[..., 2:] * half_m
    return torch.cat([uvd[..., :2] * half_m * (1 + depth / distance[:, None, None]), depth], dim=-1)
