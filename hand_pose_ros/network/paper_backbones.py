"""The two papers' convolutional networks, as far as their last hidden layer.

In: crop (B, 1, S, S) float32 in [-1, 1]. Out: features (B, F). The sizes the papers use are S = 128 (DeepModel) and
S = 224 (SDNet); other sizes are accepted for ablations under a small budget, the first fully connected layer adapts.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class FlatBackbone(nn.Module):
    """Convolutions, then fully connected layers; ``features`` is the length F of what comes out."""

    def __init__(
        self, convolutions: nn.Sequential, crop_size: int, hidden: tuple[int, ...], dropout: float
    ) -> None:
        super().__init__()
        self.convolutions = convolutions
        try:
            with torch.no_grad():
                inputs = convolutions(torch.zeros(1, 1, crop_size, crop_size)).numel()
        except RuntimeError as error:
            raise ValueError(f"crop_size is {crop_size}, too small for this network: {error}") from error
        layers: list[nn.Module] = []
        for outputs in hidden:
            layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            inputs = outputs
        self.connected = nn.Sequential(*layers)
        self.features = inputs
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, crop: Tensor) -> Tensor:
        """(B, 1, S, S) -> (B, F)."""
        features: Tensor = self.connected(self.convolutions(crop).flatten(1))
        return features


def deepmodel_backbone(crop_size: int = 128) -> FlatBackbone:
    """DeepModel: three convolutions of 8 filters (5, 5, 3), pooling 4, 2 and none, two FC of 1024, dropout 0.3.

    The poster holds none of these numbers; they are those of the authors' code (github.com/xingyizhou/DeepModel,
    training/DeepModel.prototxt), and so is that the convolutions are not padded. Its framework, Caffe, rounds the size
    of what a pooling leaves up: 128 pixels become 12x12 maps and 1152 numbers.
    """
    convolutions = nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.MaxPool2d(4, ceil_mode=True), nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 5), nn.MaxPool2d(2, ceil_mode=True), nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3), nn.ReLU(inplace=True),
    )  # fmt: skip
    return FlatBackbone(convolutions, crop_size, (1024, 1024), 0.3)


def sdnet_backbone(crop_size: int = 224) -> FlatBackbone:
    """SDNet (section 3.1): the five convolutions of ZF-net, 96-256-384-384-256, one FC of 2048, dropout 0.5.

    ZF-net: 7x7 stride 2, 5x5 stride 2, then three of 3x3, with 3x3 pooling of stride 2 after the first, second and
    fifth: 224 pixels become 6x6 maps of 256. The first layer has one input channel (depth), as in the paper.
    ZF-net's contrast normalisation after the first two poolings is left out: the paper does not mention whether it was
    kept, and it matters little once the weights are initialised by their fan-in.
    """
    convolutions = nn.Sequential(
        nn.Conv2d(1, 96, 7, 2, 1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(96, 256, 5, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(256, 384, 3, 1, 1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 384, 3, 1, 1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    return FlatBackbone(convolutions, crop_size, (2048,), 0.5)


FLAT_BACKBONES: dict[str, Callable[[int], FlatBackbone]] = {
    "deepmodel": deepmodel_backbone,
    "sdnet": sdnet_backbone,
}
"""The papers' networks by the name of their architecture."""
