"""Batches that were seen before, drawn anew from memory: where a step is quicker than the making of its batch.

In: the batches of a source as they come (``datasets.torch_batch.TorchBatch``). Out: batches of the same make-up of
crops drawn at random from all that are kept, each rolled about its centre's ray, moved along it, and now and then with
patches that have no reading, so that no crop comes twice as it was.

A crop is what a pinhole sees about the ray through its centre, so a roll about that ray is exact: the picture turns,
and with it x and y of the truth. So is a move of the centre along the ray but for what the cube's near and far sides
had cut off: values shift, the picture grows with the distance to its centre, and the truth's z shifts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from hand_pose_ros.datasets.torch_batch import TRUTH, TorchBatch
from hand_pose_ros.network.losses import Target
from hand_pose_ros.validation import between, require, share

_NOTHING = 1.0
"""A crop's value where there is nothing, or no reading."""


@dataclass(frozen=True)
class CropChanges:
    """How crops change when they come again; all guessed. ValueError names a field that makes no sense."""

    roll_rad: float = 0.35
    """Most of the roll to either side, rad."""
    along_m: float = 0.010
    """Most of the move along the ray to either side, m."""
    lost: float = 0.15
    """Share of the crops with patches without a reading, as black or shining things have none."""
    lost_area: float = 0.30
    """Most of such a crop's area that they take."""

    def __post_init__(self) -> None:
        section = "replay"
        between(self, 0.0, math.pi, "roll_rad", section=section)
        between(self, 0.0, 0.1, "along_m", section=section)
        share(self, "lost", "lost_area", section=section)


class Replay:
    """What was seen: the newest ``capacity`` crops, and of those with a hand their truth, on the batches' device.

    ``half_m``: half the edge of the crops' cube, m. ValueError when a batch has another make-up than the first.
    """

    def __init__(self, capacity: int, half_m: float, seed: int, config: CropChanges | None = None) -> None:
        require(capacity >= 1, "", "capacity", capacity, "at least 1")
        self.config = config or CropChanges()
        self._capacity, self._half_m, self._seed = capacity, half_m, seed
        self._made: _Made | None = None
        self._seen = 0

    def __len__(self) -> int:
        """Batches that are kept."""
        return 0 if self._made is None else min(self._seen, self._made.batches)

    def add(self, batch: TorchBatch) -> None:
        """Keep a batch, instead of the oldest one when there is no room."""
        if self._made is None:
            self._made = _Made(batch, self._capacity, self._seed)
        self._made.put(batch, self._seen % self._made.batches)
        self._seen += 1

    def draw(self) -> TorchBatch:
        """A batch of kept crops, changed, of the make-up of those that were kept. ValueError when there are none."""
        if self._made is None:
            raise ValueError("no batch is kept to draw from, want one added before")
        made, config = self._made, self.config
        batch = made.drawn(len(self))
        generator, device = made.generator, batch.crop.device
        count = len(batch.crop)
        roll = _within(config.roll_rad, count, generator, device)
        along = _within(config.along_m, count, generator, device)
        hands = len(batch.target.joints)
        crop = moved_crops(batch.crop, batch.distance, roll, along, self._half_m)
        if config.lost:
            crop = with_lost_patches(crop, config, generator)
        target = moved_truth(batch.target, roll[:hands], along[:hands])
        return made.with_mirrored(TorchBatch(crop, batch.distance + along, target))


class _Made:
    """The memory for batches of one make-up: crops with a hand first, then those without, mirrored ones not kept."""

    def __init__(self, batch: TorchBatch, capacity: int, seed: int) -> None:
        self.mirrored = batch.target.mirrored
        self.hands = len(batch.target.joints)
        self.count = len(batch.crop) - self.mirrored
        self.batches = max(capacity // self.count, 1)
        device = batch.crop.device
        self.generator = torch.Generator(device).manual_seed(seed)
        size = batch.crop.shape[-1]
        # Half precision: 0.07 mm of a cube of 0.3 m.
        self.crop = torch.empty((self.batches, self.count, 1, size, size), dtype=torch.float16, device=device)
        self.distance = torch.empty((self.batches, self.count), device=device)
        self.truth = {
            name: torch.empty((self.batches, *getattr(batch.target, name).shape), device=device)
            for name in TRUTH
        }

    def put(self, batch: TorchBatch, place: int) -> None:
        if (len(batch.target.joints), len(batch.crop) - batch.target.mirrored) != (self.hands, self.count):
            raise ValueError(
                f"a batch has {len(batch.target.joints)} hands in {len(batch.crop) - batch.target.mirrored} crops, "
                f"want {self.hands} in {self.count} as the first"
            )
        self.crop[place] = batch.crop[: self.count].half()
        self.distance[place] = batch.distance[: self.count]
        for name, values in self.truth.items():
            values[place] = getattr(batch.target, name)

    def drawn(self, kept: int) -> TorchBatch:
        """Crops from any of the first ``kept`` batches, each from any place of its kind, without mirrored ones."""
        device = self.crop.device
        which = torch.randint(kept, (self.count,), generator=self.generator, device=device)
        of_hands = torch.randint(self.hands, (self.hands,), generator=self.generator, device=device)
        others = self.count - self.hands
        place = of_hands
        if others:
            rest = torch.randint(self.hands, self.count, (others,), generator=self.generator, device=device)
            place = torch.cat([of_hands, rest])
        truth = {name: values[which[: self.hands], of_hands] for name, values in self.truth.items()}
        return TorchBatch(
            self.crop[which, place].float(), self.distance[which, place], Target(**truth, mirrored=0)
        )

    def with_mirrored(self, batch: TorchBatch) -> TorchBatch:
        """The same with the first hands again, mirrored, at the end."""
        if not self.mirrored:
            return batch
        crop = torch.cat([batch.crop, batch.crop[: self.mirrored].flip(-1)])
        distance = torch.cat([batch.distance, batch.distance[: self.mirrored]])
        truth = {name: getattr(batch.target, name) for name in TRUTH}
        return TorchBatch(crop, distance, Target(**truth, mirrored=self.mirrored))


def moved_crops(crop: Tensor, distance: Tensor, roll: Tensor, along: Tensor, half_m: float) -> Tensor:
    """Crops (N, 1, S, S) about centres at distance (N,) m -> those whose centre lies along (N,) m farther and whose
    picture is turned by roll (N,) rad, positive from x to y; pixels are the nearest old ones, nothing beyond them."""
    # A point at u d old picture units from the ray is seen at u (d + along) in units of the new one.
    scale = distance / (distance + along)
    cosine, sine = scale * roll.cos(), scale * roll.sin()
    zero = torch.zeros_like(cosine)
    back = torch.stack([torch.stack([cosine, sine, zero], -1), torch.stack([-sine, cosine, zero], -1)], 1)
    grid = torch.nn.functional.affine_grid(back, list(crop.shape), align_corners=False)
    # Beyond the picture grid_sample gives 0, which must be "nothing": shifted before and after.
    seen = (
        grid_sample(crop - _NOTHING, grid, mode="nearest", padding_mode="zeros", align_corners=False)
        + _NOTHING
    )
    nearer = (seen - (along / half_m)[:, None, None, None]).clamp(-1.0, _NOTHING)
    return torch.where(seen >= _NOTHING, seen, nearer)


def moved_truth(target: Target, roll: Tensor, along: Tensor) -> Target:
    """The truth of H hands in the frames of :func:`moved_crops`' crops."""
    cosine, sine, zero, one = roll.cos(), roll.sin(), torch.zeros_like(roll), torch.ones_like(roll)
    turn = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], -1).reshape(-1, 3, 3)
    offset = torch.stack([zero, zero, along], -1)
    return Target(
        joints=target.joints @ turn.transpose(1, 2) - offset[:, None],
        translation=(turn @ target.translation[..., None])[..., 0] - offset,
        angles=target.angles,
        rotation=turn @ target.rotation,
        shape=target.shape,
        mirrored=target.mirrored,
    )


def with_lost_patches(crop: Tensor, config: CropChanges, generator: torch.Generator) -> Tensor:
    """Crops (N, 1, S, S), a share of them with smooth patches, of 3 to 12 across a crop, that have no reading."""
    count, device = len(crop), crop.device
    area = torch.rand(count, generator=generator, device=device) * config.lost_area
    area = area * (torch.rand(count, generator=generator, device=device) < config.lost)
    coarse = torch.rand((count, 1, 4, 4), generator=generator, device=device)
    fine = torch.rand((count, 1, 12, 12), generator=generator, device=device)
    size = crop.shape[-2:]
    hills = interpolate(coarse, size, mode="bicubic") + 0.4 * interpolate(fine, size, mode="bicubic")
    # The highest share of a picture's own hills; of every fourth pixel, which is enough for a share.
    some = hills[..., ::2, ::2].flatten(1).sort(dim=1).values
    place = ((1.0 - area) * (some.shape[1] - 1)).long()
    level = some.gather(1, place[:, None])[:, :, None, None]
    return torch.where((hills > level) & (area > 0)[:, None, None, None], _NOTHING, crop)


def _within(most: float, count: int, generator: torch.Generator, device: torch.device) -> Tensor:
    return (2.0 * torch.rand(count, generator=generator, device=device) - 1.0) * most
