"""Labelled synthetic hands, rendered while training asks for them; the same seed always gives the same batch.

In: a configuration and a seed. Out: a Batch of crops as the runtime sees them (rendered on a virtual sensor, its
noise applied at the sensor's resolution, then cropped by the runtime's own kernel) with their truth in the crop's
local frame (metres, look-at view, origin at the crop centre). Always right hands; on request the last crops of a batch
show none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame, _crop_kernel
from hand_pose_ros.synthetic.bank import IdentityBank, load_bank
from hand_pose_ros.synthetic.negatives import KINDS, sample_negatives
from hand_pose_ros.synthetic.other_hands import sample_other_hands
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends
from hand_pose_ros.synthetic.render import draw_box, draw_ellipsoid, draw_plane, dress_forearm, rasterize
from hand_pose_ros.synthetic.scene import OBJECTS, SceneConfig, Scenes, sample_scenes, to_camera
from hand_pose_ros.synthetic.sensor import NO_NOISE, sensor_kernel
from hand_pose_ros.synthetic.sensor_presets import SENSORS, require_sensors, sample_sensors
from hand_pose_ros.synthetic.skinning import skin_vertices

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

# A bare forearm is looked at this far behind its wrist.
_ARM_CENTRE_M = (0.04, 0.18)
_STUMP_M = 0.027


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


class SyntheticHands:
    """An endless, random-access source of batches: ``SyntheticHands(config).batch(seed, count)``."""

    def __init__(self, config: SyntheticConfig | None = None) -> None:
        self.config = config or SyntheticConfig()

    @cached_property
    def bank(self) -> IdentityBank:
        """The people of this split, made on first use."""
        return load_bank(self.config.families, self.config.identities, self.config.split)

    def batch(self, seed: int, count: int) -> Batch:
        """``count`` samples; a pure function of the configuration, the seed and the count."""
        if count < 1:
            raise ValueError(f"count is {count}: want at least 1")
        config, bank = self.config, self.bank
        rng = np.random.default_rng([config.split, seed])
        person = rng.integers(len(bank), size=count)
        angles = sample_angles(count, rng)
        rotation = sample_view_rotations(count, rng)
        bends = sample_wrist_bends(count, rng)

        joints = bank.pose(person, angles, rotation, np.zeros((count, 3))).joints
        translation = rng.normal(0, config.centre_jitter_m, (count, 3)) - joints.mean(axis=1)
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
        _render_batch(
            bank.vertices, bank.bone_index, bank.bone_weight, bank.along_forearm, bank.faces,
            bank.vertex_range[person], bank.face_range[bank.family[person]], skinning.astype(np.float32),
            _forearm_looks(count, rng), np.where(np.arange(count) < hands, -np.inf, np.where(arm, 0.01, np.inf)),
            which_other, other_skinning.astype(np.float32), scenes.planes, scenes.centres, scenes.axes, scenes.boxes,
            noise, rng.integers(2**31, size=count), sensor.patch_px,
            view, centres, distance, config.cube_m / 2, crop[:, 0],
        )  # fmt: skip
        return Batch(
            crop=crop,
            distance=distance.astype(np.float32),
            joints=posed.joints[:hands].astype(np.float32),
            angles=angles[:hands].astype(np.float32),
            rotation=rotation[:hands].astype(np.float32),
            translation=translation[:hands].astype(np.float32),
            shape=bank.shape[person[:hands]].astype(np.float32),
            family=bank.family[person[:hands]],
        )


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


def _join(first: Scenes, second: Scenes) -> Scenes:
    """Two lists of scenes, one after the other."""
    parts = ((getattr(first, f.name), getattr(second, f.name)) for f in fields(Scenes))
    return Scenes(*(np.concatenate(pair) for pair in parts))


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


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(parallel=True, nogil=True)
def _render_batch(
    vertices, bone_index, bone_weight, along_forearm, faces, vertex_range, face_range, skinning, forearm, bare,
    which_other, other_skinning, planes, object_centres, object_axes, boxes, noise, seeds, patch, view, centres,
    distance, half, crops,
):  # type: ignore[no-untyped-def]  # pragma: no cover # fmt: skip
    """Skin, render, disturb and crop each sample into crops (N, S, S); see SyntheticHands.batch for the rest."""
    no_distortion = np.zeros(8)
    for n in prange(crops.shape[0]):
        first, last = vertex_range[n, 0], vertex_range[n, 1]
        posed = np.empty((last - first, 3), np.float32)
        skin_vertices(
            vertices[first:last], bone_index[first:last], bone_weight[first:last], skinning[n], posed
        )
        dress_forearm(vertices[first:last], along_forearm[first:last], skinning[n, -1], forearm[n], posed)
        # Without a hand: everything before this place on the forearm is left out.
        for i in range(last - first):
            if along_forearm[first + i] < bare[n]:
                posed[i, 2] = -1.0

        # The part of a virtual sensor that sees the cube: `patch` of its pixels span the cube at the centre.
        focal = patch[n] * distance[n] / (2.0 * half)
        u_low, u_high, v_low, v_high = 1e9, -1e9, 1e9, -1e9
        # The crop is a cone of rays through the cube's square at its centre: four corners bound it.
        for corner in range(4):
            x = half if corner & 1 else -half
            y = half if corner & 2 else -half
            px = view[n, 0, 0] * x + view[n, 1, 0] * y + view[n, 2, 0] * distance[n]
            py = view[n, 0, 1] * x + view[n, 1, 1] * y + view[n, 2, 1] * distance[n]
            pz = view[n, 0, 2] * x + view[n, 1, 2] * y + view[n, 2, 2] * distance[n]
            u_low, u_high = min(u_low, focal * px / pz), max(u_high, focal * px / pz)
            v_low, v_high = min(v_low, focal * py / pz), max(v_high, focal * py / pz)
        width, height = int(u_high - u_low) + 3, int(v_high - v_low) + 3
        cx, cy = 1.0 - u_low, 1.0 - v_low

        clean = np.full((height, width), np.inf, np.float32)
        rasterize(posed, faces[face_range[n, 0] : face_range[n, 1]], focal, focal, cx, cy, clean)
        if which_other[n] >= 0:
            skin_vertices(
                vertices[first:last], bone_index[first:last], bone_weight[first:last],
                other_skinning[which_other[n]], posed,
            )  # fmt: skip
            dress_forearm(
                vertices[first:last],
                along_forearm[first:last],
                other_skinning[which_other[n], -1],
                forearm[n],
                posed,
            )
            rasterize(posed, faces[face_range[n, 0] : face_range[n, 1]], focal, focal, cx, cy, clean)
        if not np.isnan(planes[n, 3]):
            draw_plane(planes[n, :3], planes[n, 3], focal, focal, cx, cy, clean)
        for k in range(OBJECTS):
            if not np.isnan(object_centres[n, k, 0]):
                if boxes[n, k]:
                    draw_box(object_centres[n, k], object_axes[n, k], focal, focal, cx, cy, clean)
                else:
                    draw_ellipsoid(object_centres[n, k], object_axes[n, k], focal, focal, cx, cy, clean)
        seen = np.empty((height, width), np.float32)
        sensor_kernel(clean, noise[n], seeds[n], focal, seen)
        _crop_kernel(
            seen,
            focal,
            focal,
            cx,
            cy,
            no_distortion,
            0,
            view[n],
            distance[n],
            half,
            False,
            crops.shape[1],
            crops[n],
        )
