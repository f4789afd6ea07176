"""Narrowing a network: the same when nothing goes, the same when what goes said nothing, refused when more changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.training.prune_channels import prune_channels

WIDE = NetworkConfig(
    widths=(8, 12, 16, 20),
    blocks=(1, 1, 2),
    ik_hidden=32,
    crop_size=64,
    presence=True,
    handedness=True,
    image_feedback=3,
)
NARROW = replace(WIDE, widths=(6, 8, 12, 10))


def network(config: NetworkConfig, seed: int = 0) -> HandNet:
    """A network whose normalisations are not all alike, so that channels differ and blocks do something."""
    torch.manual_seed(seed)
    net = HandNet(config).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.2, 1.0)
            torch.nn.init.normal_(module.bias, std=0.1)
            torch.nn.init.normal_(module.running_mean, std=0.1)
    return net


def outputs(net: HandNet) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    crop = 2 * torch.rand(3, 1, net.config.crop_size, net.config.crop_size, generator=generator) - 1
    with torch.inference_mode():
        out = net(crop, torch.tensor([0.4, 0.6, 0.9]))
    given = [out.joints, out.coarse, out.joint_sigma, out.presence, out.handedness]
    return [value for value in given if value is not None]


@pytest.mark.parametrize("head", ["hand_model", "direct_joint"])
def test_as_many_channels_are_the_same_network(head):
    config = replace(WIDE, head=head)
    net, same = network(config), HandNet(config).eval()
    same.load_state_dict(prune_channels(net.state_dict(), config, config))
    for before, after in zip(outputs(net), outputs(same), strict=True):
        assert torch.equal(before, after)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["hand_model", "direct_joint"])
def test_channels_that_say_nothing_are_not_missed(head):
    wide, narrow = replace(WIDE, head=head), replace(NARROW, head=head)
    net = network(wide)
    counts = dict(zip(wide.widths, narrow.widths, strict=True))
    with torch.no_grad():
        for name, module in net.named_modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                dead = slice(counts[len(module.weight)], None)  # the last ones
                module.weight[dead] = 0.0
                module.bias[dead] = 0.0
            elif name.startswith("backbone.reduce"):
                module.weight[counts[len(module.weight)] :] = 0.0
                module.bias[counts[len(module.bias)] :] = 0.0
    small = HandNet(narrow).eval()
    small.load_state_dict(prune_channels(net.state_dict(), wide, narrow))
    for before, after in zip(outputs(net), outputs(small), strict=True):
        torch.testing.assert_close(before, after)


def test_the_most_important_channels_are_kept():
    net = network(WIDE)
    with torch.no_grad():
        net.backbone.stem[1][1].weight.copy_(torch.tensor([0.1, 5, 0.2, 5, 5, 5, 5, 5.0]))
    small = prune_channels(net.state_dict(), WIDE, NARROW)
    assert (small["backbone.stem.1.1.weight"] == 5).all()
    assert torch.equal(small["backbone.stem.1.0.weight"], net.backbone.stem[1][0].weight[[1, 3, 4, 5, 6, 7]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "change, problem",
    [({"widths": (9, 12, 16, 20)}, "at most"), ({"blocks": (1, 1, 1)}, "nothing but its widths")],
)
def test_other_changes_are_refused(change, problem):
    with pytest.raises(ValueError, match=problem):
        prune_channels(network(WIDE).state_dict(), WIDE, replace(WIDE, **change))
