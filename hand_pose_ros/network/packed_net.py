"""The pose network as one function of arrays: what is traced, exported and captured.

In: a trained :class:`~hand_pose_ros.network.model.HandNet` with a hand model. Out: :class:`PackedNet`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hand_pose_ros.network.backbones import fold_normalisation, surface_map
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import Convolved, HandNet, HandNetOutput


def input_shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape, without the batch, of each input of a :class:`PackedNet`."""
    return {"crop": (1, config.crop_size, config.crop_size), "distance": ()}


class PackedNet(nn.Module):
    """crop (N, 1, S, S), distance (N,) m -> (N, ``packing.PACKED_COLUMNS``), everything of it in one tensor.

    ValueError when the network has no hand model.
    """

    def __init__(self, net: HandNet) -> None:
        super().__init__()
        if net.config.head == "direct_joint":
            raise ValueError("its head is 'direct_joint', the tracker needs a network with a hand model")
        self.net = net

    def forward(self, crop: Tensor, distance: Tensor) -> Tensor:
        """-> the columns of :mod:`hand_pose_ros.network.packing`."""
        return pack(self.net(crop, distance))


class LayeredNet(PackedNet):
    """The same, and what its convolutions give, for an ONNX file: the packed output, then ``head_row.CONVOLVED``."""

    def forward(self, crop: Tensor, distance: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        """-> the packed output, maps (N, 4 J, cells, cells) without what surface and bias add, pooled (N, C)."""
        net = self.net
        of_features = net.config.widths[1]
        surface, seen = surface_map(crop)
        features, bottleneck = net.backbone(crop)
        weight = net.votes.weight
        maps = functional.conv2d(features, weight[:, :of_features])
        added = functional.conv2d(torch.cat([surface, seen], dim=1), weight[:, of_features:], net.votes.bias)
        convolved = Convolved(maps + added, bottleneck.mean((2, 3)), surface, seen, None)
        return pack(net(crop, distance, convolved=convolved)), maps, convolved.pooled


def pack(output: HandNetOutput) -> Tensor:
    """-> (N, ``packing.PACKED_COLUMNS``). ValueError when the network gave no hand model parameters."""
    if output.angles is None or output.shape is None or output.rotation is None or output.translation is None:
        raise ValueError("the network gave no hand model parameters")
    without = torch.full_like(output.joint_sigma[:, 0], float("nan"))
    parts = (
        output.coarse.flatten(1), output.joints.flatten(1), output.joint_sigma, output.rotation.flatten(1),
        output.translation, output.angles, output.shape,
        (without if output.presence is None else output.presence)[:, None],
        (without if output.handedness is None else output.handedness)[:, None],
    )  # fmt: skip
    return torch.cat([part.float() for part in parts], dim=1)


def inference_net(net: HandNet, bfloat16: bool) -> PackedNet:
    """The network as it runs: normalisation folded; with ``bfloat16`` its convolutions' weights are converted once,
    where autocast converts those of float32 in every call."""
    folded = fold_normalisation(net)
    folded.autocast = bfloat16
    if bfloat16:
        for part in (
            folded.backbone,
            getattr(folded, "votes", None),
            getattr(folded, "image_feedback", None),
        ):
            if part is not None:
                part.to(torch.bfloat16)
    folded.requires_grad_(False)
    folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return PackedNet(folded).eval()
