"""An average of weights lies between the two, and its normalisation's statistics are those of the crops."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from research.weight_average import averaged, main

CONFIG = NetworkConfig(widths=(4, 4, 8, 8), blocks=(1, 1, 1), ik_hidden=8, ik_steps=1)


def nets() -> tuple[HandNet, HandNet]:
    torch.manual_seed(0)
    return HandNet(CONFIG), HandNet(CONFIG)


def crops(count: int = 2) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    size = CONFIG.crop_size
    return [
        (torch.rand(4, 1, size, size, generator=generator) * 2 - 1, torch.full((4,), 0.5))
        for _ in range(count)
    ]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_every_weight_lies_at_its_share_of_the_way(share: float) -> None:
    old, new = nets()
    wanted = {
        name: (1.0 - share) * a + share * b
        for (name, a), b in zip(old.named_parameters(), copy.deepcopy(new).parameters(), strict=True)
    }
    made = dict(averaged(old, new, share, crops()).named_parameters())
    for name, value in wanted.items():
        torch.testing.assert_close(made[name].detach(), value.detach())


def test_statistics_are_those_of_the_crops_not_an_average_of_both() -> None:
    old, new = nets()
    for module in old.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.fill_(1e6)  # type: ignore[union-attr]
    made = averaged(old, new, 0.5, crops())
    means = [m.running_mean for m in made.modules() if isinstance(m, nn.BatchNorm2d)]
    assert means
    assert all(float(mean.abs().max()) < 1e3 for mean in means if mean is not None)


def test_other_networks_and_shares_are_refused() -> None:
    old, new = nets()
    with pytest.raises(ValueError, match="share is 1.5"):
        averaged(old, new, 1.5, [])
    other = HandNet(NetworkConfig(widths=(8, 4, 8, 8), blocks=(1, 1, 1), ik_hidden=8, ik_steps=1))
    with pytest.raises(ValueError, match="different networks"):
        averaged(other, new, 0.5, [])


@pytest.mark.parametrize("which", ["old", "new", "recipe"])
def test_what_is_read_is_not_written_over(
    which: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / name for name in ("old", "new", "recipe")}
    for file in files.values():
        file.write_text("as it was")
    paths = {name: str(file) for name, file in files.items()}
    arguments = [paths["old"], paths["new"], "--recipe", paths["recipe"], "--output", paths[which]]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("python -m research.weight_average: ")
    assert "is read, want another file to write" in error
    assert files[which].read_text() == "as it was"
