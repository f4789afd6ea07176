"""Labelled synthetic hands, rendered while training asks for them; the same seed always gives the same batch.

In: a configuration and a seed. Out: a Batch of crops as the runtime sees them (rendered on a virtual sensor, its
noise applied at the sensor's resolution, then cropped by the runtime's own kernel) with their truth in the crop's
local frame (metres, look-at view, origin at the crop centre). Always right hands; on request the last crops of a batch
show none. The same pictures can be cropped again about other centres, as a tracker does that has looked once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.datasets.render_crops import render_crops
from hand_pose_ros.depth.crop import CropFrame, roll_to_up
from hand_pose_ros.hand.placing import fingers_direction
from hand_pose_ros.synthetic.bank import IdentityBank, load_bank
from hand_pose_ros.synthetic.negatives import KINDS, sample_negatives
from hand_pose_ros.synthetic.other_hands import sample_other_hands
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends
from hand_pose_ros.synthetic.scene import SceneConfig, Scenes, sample_scenes, to_camera
from hand_pose_ros.synthetic.sensor import NO_NOISE
from hand_pose_ros.synthetic.sensor_presets import SENSORS, require_sensors, sample_sensors
from hand_pose_ros.synthetic.solids import Solids

SECOND_LOOK_MARGIN_M = 0.125
"""A ``margin_m`` for second looks: crops up to 6 cm off the first, and turned."""

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

# A bare forearm is looked at this far behind its wrist.
_ARM_CENTRE_M = (0.04, 0.18)
_STUMP_M = 0.027
_BORDERS = 1  # the stream of random numbers for the edges of pictures
_BORDER_GAP_M = (-0.015, 0.11)
_HAND_REACH_M = 0.09  # from a hand's middle
# Of how upright a tracked hand is; more the more it points along the line of sight.
_ROLL_SPREAD_RAD = 0.15


@dataclass(frozen=True)
class SyntheticConfig:
    """What is drawn. Lengths in metres; ValueError names a field that makes no sense.

    ``split`` separates the random streams: identities, poses and views of different splits never coincide.
    """

    split: int = 0
    families: tuple[str, ...] = ("makehuman", "webxr")
    identities: int = 300
    """Different people of each family."""
    size: int = 96
    cube_m: float = 0.30
    centre_jitter_m: float = 0.022
    """Standard deviation of each coordinate of the crop centre about the mean joint."""
    tracked: float = 0.0
    """Share of the crops that are taken as of a hand that was seen a frame ago: their centre is off by a third of that
    only, and they are turned so that the hand is upright."""
    border: float = 0.0
    """Share of the crops through which an edge of the sensor's picture runs, as of a hand that enters or leaves it."""
    margin_m: float = 0.0
    """How far the sensor's picture reaches beyond the cube, for crops about other centres."""
    distance_m: tuple[float, float] = (0.27, 1.30)
    patch_px: tuple[int, int] = (64, 170)
    """How many pixels of a generic sensor span the cube, least and most; the least holds for the others, too."""
    off_axis_rad: float = 0.35
    noise: bool = True
    sensors: tuple[str, ...] = SENSORS
    """Names of synthetic/sensor_presets.py; they give distance (within distance_m), pixels and noise."""
    scene: SceneConfig = field(default_factory=SceneConfig)
    nothing: float = 0.0
    """Share of the crops of a batch that show no hand: the last ones."""

    def __post_init__(self) -> None:
        if not self.families:
            raise ValueError("families is empty: want at least one of makehuman, webxr")
        if self.identities < 1:
            raise ValueError(f"identities is {self.identities}: want at least 1")
        low, high = self.distance_m
        if not self.cube_m / 2 + 0.05 < low <= high:
            raise ValueError(
                f"distance_m is {self.distance_m}: want (near, far), near beyond half the cube + 5 cm"
            )
        if not 16 <= self.patch_px[0] <= self.patch_px[1] <= 512:
            raise ValueError(f"patch_px is {self.patch_px}: want (least, most) between 16 and 512")
        require_sensors(self.sensors)
        if not 0 <= self.nothing < 1:
            raise ValueError(f"nothing is {self.nothing}: it is a share, at least 0 and below 1")
        for name in ("tracked", "border"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it is a share between 0 and 1")
        if not 0 <= self.margin_m <= 0.2:
            raise ValueError(f"margin_m is {self.margin_m}: want 0 to 0.2 m")
        if self.centre_jitter_m < 0 or not 0 <= self.off_axis_rad < 0.8:
            raise ValueError("centre_jitter_m must be at least 0 and off_axis_rad between 0 and 0.8")


@dataclass(frozen=True)
class Batch:
    """N crops, of which the first H show a labelled right hand; everything in the crops' local frames.

    crop (N, 1, S, S) in [-1, 1]; distance (N,) m; of the hands, with N = H: joints (N, 23, 3) m;
    angles (N, 20) rad; rotation (N, 3, 3); translation (N, 3) m; shape (N, 9); family (N,) index
    into the configuration's families.
    """

    crop: Array32
    distance: Array32
    joints: Array32
    angles: Array32
    rotation: Array32
    translation: Array32
    shape: Array32
    family: NDArray[np.int64]


class Again(NamedTuple):
    """Where to crop pictures another time: offset (N, 3) m from the first crops' centres in their local frames (what
    lies farther off than ``margin_m`` may miss), and roll_rad (N,) as of ``CropFrame``."""

    offset: Array
    roll_rad: Array

    @classmethod
    def about(cls, joints: NDArray[np.floating]) -> Again:
        """Crops about hands with joints (N, 23, 3) m in the first crops' local frames, and with them upright."""
        joints = np.asarray(joints, dtype=np.float64)
        x, y, _ = np.moveaxis(fingers_direction(joints), -1, 0)
        return cls(joints.mean(axis=1), roll_to_up(x, y))


class SyntheticHands:
    """An endless, random-access source of batches: ``SyntheticHands(config).batch(seed, count)``."""

    def __init__(self, config: SyntheticConfig | None = None) -> None:
        self.config = config or SyntheticConfig()

    @cached_property
    def bank(self) -> IdentityBank:
        """The people of this split, made on first use."""
        return load_bank(self.config.families, self.config.identities, self.config.split)

    def batch(self, seed: int, count: int, again: Again | None = None) -> Batch:
        """``count`` samples; a pure function of the configuration, the seed and the count.

        again: the same pictures cropped another time. ValueError on a wrong count or shape.
        """
        if count < 1:
            raise ValueError(f"count is {count}: want at least 1")
        if again is not None and (again.offset.shape != (count, 3) or again.roll_rad.shape != (count,)):
            raise ValueError(
                f"again has shapes {again.offset.shape}, {again.roll_rad.shape}, want ({count}, 3), ({count},)"
            )
        config, bank = self.config, self.bank
        rng = np.random.default_rng([config.split, seed])
        person = rng.integers(len(bank), size=count)
        angles = sample_angles(count, rng)
        rotation = sample_view_rotations(count, rng)
        bends = sample_wrist_bends(count, rng)

        joints = bank.pose(person, angles, rotation, np.zeros((count, 3))).joints
        jitter = rng.normal(0, config.centre_jitter_m, (count, 3))
        roll = np.zeros(count) if again is None else again.roll_rad
        if config.tracked > 0:
            tracked = rng.random(count) < config.tracked
            jitter[tracked] /= 3.0
            roll = roll + np.where(tracked, _rolls_upright(rotation, rng), 0.0)
        borders = _Borders.sample(config, seed, count)
        if config.tracked > 0:
            borders.outward[tracked] = 0.0
        jitter = jitter + borders.outward
        translation = jitter - joints.mean(axis=1)
        hands = count - round(config.nothing * count)
        negatives, kind = sample_negatives(count - hands, rng)
        bare = np.concatenate([np.full(hands, np.nan), _bare_arms(kind, rng)])
        arm = np.isfinite(bare)
        translation[arm] = _centred_on_arm(joints, rotation, bare)[arm]
        # The arm's open end is closed by a stump.
        stump = np.where(arm, bare, 0.0)[hands:, None] * rotation[hands:, :, 0]
        negatives.put(0, arm[hands:], stump, np.full_like(stump, _STUMP_M), rotation[hands:].swapaxes(1, 2))
        posed = bank.pose(person, angles, rotation, translation, bends)

        sensor = sample_sensors(
            count, rng, config.sensors, config.distance_m, config.patch_px, config.cube_m,
            finest_px=1.51 * config.size,  # just enough for the crop to take medians, as it does of dense images
        )  # fmt: skip
        distance = sensor.distance
        centres = _directions(count, config.off_axis_rad, rng) * distance[:, None]
        view = np.stack([CropFrame(centre, config.cube_m, config.size).view for centre in centres])
        # Into the camera frame: x_camera = view^T x_local + centre, for points and for skinning matrices alike.
        frame = borders.tangents(np.einsum("nji,nj->ni", view, jitter) + centres)
        skinning = np.einsum("nji,nsjk->nsik", view, posed.skinning)
        skinning[..., 3] += centres[:, None]
        scenes = sample_scenes(posed.joints[:hands], config.scene, rng)
        others = sample_other_hands(bank, posed.joints[:hands], person[:hands], config.scene.other_hand, rng)
        scenes = to_camera(_join(scenes, negatives), view, distance)
        other_skinning = np.einsum("nji,nsjk->nsik", view[others.beside], others.skinning)
        other_skinning[..., 3] += centres[others.beside, None]
        which_other = np.full(count, -1)
        which_other[others.beside] = np.arange(len(others.beside))
        noise = sensor.noise if config.noise else np.tile(NO_NOISE.as_array(), (count, 1))
        crop = np.empty((count, 1, config.size, config.size), np.float32)
        crops = _Crops.about(centres, view, None if again is None else again.offset, roll, config)
        # A turned crop's corners reach farther. Where that lies within the margin, the picture stays the same.
        corners = config.cube_m / 2 * (np.abs(np.cos(roll)) + np.abs(np.sin(roll)) - 1.0)
        margin = np.maximum(config.margin_m, corners)
        render_crops(
            bank.vertices, bank.bone_index, bank.bone_weight, bank.along_forearm, bank.faces,
            bank.vertex_range[person], bank.face_range[bank.family[person]], skinning.astype(np.float32),
            _forearm_looks(count, rng), np.where(np.arange(count) < hands, -np.inf, np.where(arm, 0.01, np.inf)),
            which_other, other_skinning.astype(np.float32), scenes.planes, *scenes.solids,
            noise, frame, rng.integers(2**31, size=count), sensor.patch_px,
            view, centres, distance, config.cube_m / 2, margin, crops.view, crops.distance, crop[:, 0],
        )  # fmt: skip
        local = crops.local(posed.joints)
        return Batch(
            crop=crop,
            distance=crops.distance.astype(np.float32),
            joints=local[:hands].astype(np.float32),
            angles=angles[:hands].astype(np.float32),
            rotation=(crops.turn @ rotation)[:hands].astype(np.float32),
            translation=crops.local(translation[:, None])[:hands, 0].astype(np.float32),
            shape=bank.shape[person[:hands]].astype(np.float32),
            family=bank.family[person[:hands]],
        )


class _Borders(NamedTuple):
    """Edges of pictures that cut through N crops: side (N,) 0 left, 1 right, 2 top, 3 bottom, -1 none; gap (N,) m from
    the hand's middle outwards to the edge, negative where the middle is cut off; outward (N, 3) m: how far the hand's
    middle lies from the crop's, which was found by what is left of the hand."""

    side: NDArray[np.int64]
    gap: Array
    outward: Array

    @classmethod
    def sample(cls, config: SyntheticConfig, seed: int, count: int) -> _Borders:
        """From a generator of their own: with them and without, all else of a batch is the same."""
        rng = np.random.default_rng([config.split, seed, _BORDERS])
        side = np.where(rng.random(count) < config.border, rng.integers(4, size=count), -1)
        gap = rng.uniform(*_BORDER_GAP_M, count)
        outward = np.zeros((count, 3))
        off = np.maximum(_HAND_REACH_M - gap, 0.0) * rng.uniform(0.0, 0.6, count)
        outward[np.arange(count), side // 2] = np.where(side < 0, 0.0, np.where(side % 2, off, -off))
        return cls(side, gap, outward)

    def tangents(self, middle: Array) -> Array:
        """Middles (N, 3) m of the camera frame -> least x / z, most x / z, least y / z, most y / z (N, 4) that the
        pictures show."""
        bounds = np.tile([-np.inf, np.inf, -np.inf, np.inf], (len(middle), 1))
        cut = np.flatnonzero(self.side >= 0)
        side = self.side[cut]
        x = middle[cut, side // 2] + np.where(side % 2, 1.0, -1.0) * self.gap[cut]
        bounds[cut, side] = x / middle[cut, 2]
        return bounds


class _Crops(NamedTuple):
    """Where N crops look: view (N, 3, 3) camera -> local, distance (N,) m; turn (N, 3, 3) and offset (N, 3) m take
    points from the local frames that the hands were placed in to the crops' own."""

    view: Array
    distance: Array
    turn: Array
    offset: Array

    @classmethod
    def about(
        cls, centres: Array, view: Array, offset: Array | None, roll: Array, config: SyntheticConfig
    ) -> _Crops:
        """Crops about ``centres`` (N, 3) m of the camera frame, or ``offset`` (N, 3) m from them, turned by ``roll``
        (N,) rad."""
        if offset is None and not roll.any():
            same = np.broadcast_to(np.eye(3), view.shape)
            return cls(view, np.linalg.norm(centres, axis=1), same, np.zeros_like(centres))
        if offset is None:
            offset = np.zeros_like(centres)
        moved = centres + np.einsum("nji,nj->ni", view, offset)
        frames = np.stack(
            [
                CropFrame(centre, config.cube_m, config.size, roll_rad=angle).view
                for centre, angle in zip(moved, roll.tolist(), strict=True)
            ]
        )
        return cls(frames, np.linalg.norm(moved, axis=1), frames @ view.swapaxes(1, 2), offset)

    def local(self, points: Array) -> Array:
        """Points (N, K, 3) m of the hands' local frames -> of the crops' local frames."""
        return np.asarray(np.einsum("nij,nkj->nki", self.turn, points - self.offset[:, None]))


def to_tensors(batch: Batch, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
    """A batch's arrays as tensors on a device, by field name."""
    return {
        name: torch.from_numpy(value).to(device, non_blocking=True) for name, value in vars(batch).items()
    }


def _bare_arms(kind: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """(N,): how far behind the wrist (m) the crop's centre lies for those that show a bare forearm, else NaN."""
    return np.where(kind == KINDS.index("forearm"), rng.uniform(*_ARM_CENTRE_M, len(kind)), np.nan)


def _centred_on_arm(joints: Array, rotation: Array, behind: Array) -> Array:
    """(N, 3): where the palm must be for a point ``behind`` (N,) m the wrist, in line with the palm, to be at zero."""
    wrist = joints[:, 1:3].mean(axis=1)
    return np.asarray(behind[:, None] * rotation[:, :, 0] - wrist)


def _rolls_upright(rotation: Array, rng: np.random.Generator) -> Array:
    """(N,) rad: rolls that turn hands of orientations (N, 3, 3) upright, off by what the last frame's hand was."""
    along = rotation[:, :2, 0]
    spread = _ROLL_SPREAD_RAD / np.maximum(np.linalg.norm(along, axis=1), 0.2)
    error = spread * rng.normal(size=len(rotation))
    return roll_to_up(along[:, 0], along[:, 1]) + error


def _join(first: Scenes, second: Scenes) -> Scenes:
    """Two lists of scenes, one after the other."""
    solids = Solids(*(np.concatenate(pair) for pair in zip(first.solids, second.solids, strict=True)))
    return Scenes(np.concatenate([first.planes, second.planes]), solids)


def _directions(count: int, spread_rad: float, rng: np.random.Generator) -> Array:
    """(N, 3) unit vectors within ``spread_rad`` of the optical axis in x and in y."""
    tangent = np.tan(rng.uniform(-spread_rad, spread_rad, (count, 2)))
    rays = np.concatenate([tangent, np.ones((count, 1))], axis=1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _forearm_looks(count: int, rng: np.random.Generator) -> Array:
    """(N, 3): where the forearm ends (m behind the wrist), where a sleeve begins (m), the sleeve's widening."""
    cut = np.where(rng.random(count) < 0.15, rng.uniform(0.005, 0.05, count), rng.uniform(0.05, 0.30, count))
    begin = np.where(rng.random(count) < 0.35, rng.uniform(0.0, 0.15, count), np.inf)
    return np.stack([cut, begin, rng.uniform(1.1, 1.7, count)], axis=-1)
