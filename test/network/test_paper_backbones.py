"""The papers' convolutional networks, layer by layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hand_pose_ros.network.paper_backbones import FlatBackbone, deepmodel_backbone, sdnet_backbone


def convolved(backbone: FlatBackbone) -> list[tuple[int, int, int, int]]:
    """Inputs, outputs, kernel and stride of each convolution."""
    layers = [layer for layer in backbone.convolutions if isinstance(layer, nn.Conv2d)]
    return [(c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0]) for c in layers]


def pooled(backbone: FlatBackbone) -> list[tuple[int, int, int]]:
    """After which convolution each pooling comes, its kernel and stride."""
    found, after = [], 0
    for layer in backbone.convolutions:
        after += isinstance(layer, nn.Conv2d)
        if isinstance(layer, nn.MaxPool2d):
            found.append((after, layer.kernel_size, layer.stride))
    return found


def connected(backbone: FlatBackbone) -> tuple[list[int], set[float]]:
    """Outputs of the fully connected layers, and their dropout."""
    linear = [layer.out_features for layer in backbone.connected if isinstance(layer, nn.Linear)]
    return linear, {layer.p for layer in backbone.connected if isinstance(layer, nn.Dropout)}


def test_deepmodel_is_the_network_of_its_authors_code() -> None:
    backbone = deepmodel_backbone()
    assert convolved(backbone) == [(1, 8, 5, 1), (8, 8, 5, 1), (8, 8, 3, 1)]
    assert pooled(backbone) == [(1, 4, 4), (2, 2, 2)]
    assert connected(backbone) == ([1024, 1024], {0.3})


def test_sdnet_is_zf_net_with_one_connected_layer_of_2048() -> None:
    backbone = sdnet_backbone()
    assert convolved(backbone) == [
        (1, 96, 7, 2), (96, 256, 5, 2), (256, 384, 3, 1), (384, 384, 3, 1), (384, 256, 3, 1),
    ]  # fmt: skip
    assert pooled(backbone) == [(1, 3, 2), (2, 3, 2), (5, 3, 2)]
    assert connected(backbone) == ([2048], {0.5})


@pytest.mark.parametrize(
    "make, size, maps",
    [
        # Caffe rounds up what a pooling leaves: 27 -> 14, not 13.
        (deepmodel_backbone, 128, (8, 12, 12)),
        (deepmodel_backbone, 96, (8, 8, 8)),
        (sdnet_backbone, 224, (256, 6, 6)),
    ],
)
def test_maps_have_the_sizes_of_the_papers_framework(make, size, maps) -> None:
    backbone = make(size).eval()
    with torch.inference_mode():
        crop = torch.zeros(1, 1, size, size)
        assert backbone.convolutions(crop).shape[1:] == maps
        assert backbone(crop).shape == (1, backbone.features)


def test_a_crop_that_is_too_small_is_named() -> None:
    with pytest.raises(ValueError, match="crop_size is 16, too small"):
        deepmodel_backbone(16)
