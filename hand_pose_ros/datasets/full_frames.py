"""Whole pictures with none, one or two hands, as coarse depth cells: what the full-frame detector learns from.

In: a configuration and a seed. Out: :class:`FrameBatch`: cells as the runtime's reduction makes them of an image, and
the truth of the hands in the camera's optical frame, metres. Pictures are rendered with two pixels a cell, not with
the five to ten that a sensor has; the noise's lengths in pixels are scaled alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.depth.surface import shrink
from hand_pose_ros.network.detector_net import COLUMNS, FAR_M, NEAR_M, OUT_COLUMNS, OUT_ROWS, ROWS, STRIDE
from hand_pose_ros.synthetic.bank import IdentityBank, load_bank
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends
from hand_pose_ros.synthetic.render import draw_plane, dress_forearm, rasterize
from hand_pose_ros.synthetic.sensor import NoiseModel, sensor_kernel
from hand_pose_ros.synthetic.sensor_presets import sample_noise
from hand_pose_ros.synthetic.skinning import FOREARM, skin_vertices
from hand_pose_ros.synthetic.solids import draw_solids
from hand_pose_ros.synthetic.still_scenes import HandsThere, StillConfig, sample_still

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

HANDS = 2
_PIXELS = 2  # rendered, a cell
_MIRROR: Array = np.array([-1.0, 1.0, 1.0])
_HAND_ENDS_M = 0.012
# Cells that usual images fill: 640x480, 512x424, 848x480, 320x240 (and 160x120), 1280x720, 424x240.
_SHAPES = np.array([(68, 91), (70, 85), (53, 94), (60, 80), (51, 91), (48, 84)])
_SHAPE_SHARES = (0.35, 0.15, 0.15, 0.15, 0.1, 0.1)


@dataclass(frozen=True)
class FullFrameConfig:
    """What is drawn; ValueError names a field that makes no sense."""

    split: int = 0
    """Separates the random streams: people and pictures of different splits never coincide."""
    families: tuple[str, ...] = ("makehuman", "webxr")
    identities: int = 200
    hands: tuple[float, float, float] = (0.22, 0.46, 0.32)
    """Shares of pictures with none, one and two hands."""
    distance_m: tuple[float, float] = (0.25, 1.35)
    focal: tuple[float, float] = (0.55, 1.05)
    """Focal length over the image's width."""
    noise: bool = True
    scene: StillConfig = field(default_factory=StillConfig)

    def __post_init__(self) -> None:
        if not self.families or self.identities < 1:
            raise ValueError(
                f"families, identities are {self.families}, {self.identities}: want at least one of each"
            )
        if len(self.hands) != 3 or min(self.hands) < 0 or abs(sum(self.hands) - 1) > 1e-6:
            raise ValueError(f"hands are {self.hands}: want three shares that add up to 1")
        if not 0.2 <= self.distance_m[0] < self.distance_m[1] <= FAR_M:
            raise ValueError(f"distance_m is {self.distance_m}: want (near, far) within 0.2 to {FAR_M} m")
        if not 0.3 <= self.focal[0] <= self.focal[1] <= 3.0:
            raise ValueError(f"focal is {self.focal}: want (least, most) within 0.3 to 3")


@dataclass(frozen=True, eq=False)
class FrameBatch:
    """N pictures. z (N, ROWS, COLUMNS) m, 0 = no reading; cell (N, ROWS, COLUMNS): tangent a cell spans, 0 outside the
    image; rays (N, OUT_ROWS, OUT_COLUMNS, 3) through the output's cells, z = 1.

    Of up to two hands: present, left (N, 2); centre (N, 2, 3) m, the mean joint; radius (N, 2) m to the farthest joint;
    axes (N, 2, 3, 3): columns are the unit vectors to the fingers, to the thumb's side, out of the hand's back; visible
    (N, 2): share of the hand's pixels in the image that nothing hides, 0 when there are none; inside (N, 2): the centre
    is in the image."""

    z: Array32
    cell: Array32
    rays: Array
    present: NDArray[np.bool_]
    left: NDArray[np.bool_]
    centre: Array
    radius: Array
    axes: Array
    visible: Array
    inside: NDArray[np.bool_]


class FullFrames:
    """An endless, random-access source: ``FullFrames(config).batch(seed, count)``."""

    def __init__(self, config: FullFrameConfig | None = None) -> None:
        self.config = config or FullFrameConfig()

    @cached_property
    def bank(self) -> IdentityBank:
        """The people of this split."""
        return load_bank(self.config.families, self.config.identities, self.config.split)

    def batch(self, seed: int, count: int) -> FrameBatch:
        """``count`` pictures; a pure function of the configuration, the seed and the count."""
        if count < 1:
            raise ValueError(f"count is {count}: want at least 1")
        config, bank = self.config, self.bank
        rng = np.random.default_rng([config.split, 5, seed])
        shape = _SHAPES[rng.choice(len(_SHAPES), count, p=_SHAPE_SHARES)]
        focal = rng.uniform(*config.focal, count) * shape[:, 1]  # in cells
        middle = 0.5 * (shape[:, ::-1] - 1) + rng.normal(0, 0.02, (count, 2)) * shape[:, ::-1]
        half_view = 0.5 * shape[:, ::-1] / focal[:, None]

        there = rng.choice(3, count, p=config.hands)
        present = np.arange(HANDS) < there[:, None]
        left = rng.random((count, HANDS)) < 0.5
        left[:, 1] = np.where(rng.random(count) < 0.9, ~left[:, 0], left[:, 1])  # mostly one person's two
        person = rng.integers(len(bank), size=(count, HANDS))
        person[:, 1] = np.where(rng.random(count) < 0.85, person[:, 0], person[:, 1])
        centre = _places(count, shape, focal, middle, config.distance_m, rng)
        joints, skinning, axes = self._pose(person, left, centre, rng)
        arm = bank.rest_positions[person, FOREARM] - [0.22, 0.0, 0.0]
        elbow = (
            np.einsum("nhij,nhj->nhi", skinning[:, :, FOREARM, :, :3], arm) + skinning[:, :, FOREARM, :, 3]
        )
        walls, solids = sample_still(HandsThere(present, joints, elbow, left), half_view, config.scene, rng)

        z = np.zeros((count, ROWS, COLUMNS), np.float32)
        seen = np.zeros((count, HANDS, 2), np.int64)
        noise = _noise(count, rng) if config.noise else np.zeros((count, len(NoiseModel().as_array())))
        _render_batch(
            bank.vertices, bank.bone_index, bank.bone_weight, bank.along_forearm, bank.faces,
            bank.vertex_range[person], bank.face_range[bank.family[person]], skinning.astype(np.float32), present,
            _sleeves(count, rng), walls, solids.kind, solids.centre, solids.axes, noise,
            rng.integers(2**31, size=count), shape, focal, middle, z, seen,
        )  # fmt: skip
        pixel = middle[:, None] + focal[:, None, None] * centre[..., :2] / centre[..., 2:]
        inside = ((pixel > -0.5) & (pixel < shape[:, None, ::-1] - 0.5)).all(axis=-1)
        cell = np.where(_within(shape), 1.0 / focal[:, None, None], 0.0).astype(np.float32)
        return FrameBatch(
            z=z,
            cell=cell,
            rays=_rays(focal, middle),
            present=present,
            left=left,
            centre=centre,
            radius=np.linalg.norm(joints - centre[:, :, None], axis=-1).max(axis=2),
            axes=axes,
            visible=np.where(present, seen[..., 0] / np.maximum(seen[..., 1], 1), 0.0),
            inside=inside & present,
        )

    def _pose(
        self, person: NDArray[np.int64], left: NDArray[np.bool_], centre: Array, rng: np.random.Generator
    ) -> tuple[Array, Array, Array]:
        """Joints (N, H, 23, 3) m, skinning matrices (N, H, 17, 3, 4), axes (N, H, 3, 3) in the camera's frame; left
        hands mirrored."""
        count = person.size
        angles = sample_angles(count, rng)
        grasps = rng.random(count) < 0.2
        curl = rng.uniform(0.25, 0.9, (count, 1))
        bent = np.tile([0.0, 1.0, 1.15, 0.7], 4) * curl + rng.normal(0, 0.1, (count, 16))
        angles[:, 4:] = np.where(grasps[:, None], bent, angles[:, 4:])
        rotation, bends = sample_view_rotations(count, rng), sample_wrist_bends(count, rng)
        # The world of a left hand is mirrored: there it is a right one.
        mirror = np.where(left.reshape(-1, 1), _MIRROR, 1.0)
        place = centre.reshape(-1, 3) * mirror
        view = np.stack([CropFrame(p).view for p in place])
        rotation = view.swapaxes(1, 2) @ rotation
        flat = person.reshape(-1)
        joints = self.bank.pose(flat, angles, rotation, np.zeros((count, 3))).joints
        posed = self.bank.pose(flat, angles, rotation, place - joints.mean(axis=1), bends)
        lead = person.shape
        skinning = posed.skinning * mirror[:, None, :, None]
        axes = rotation * mirror[..., None]  # mirrored, so the thumb's side is y on both sides
        joints = posed.joints * mirror[:, None]
        return joints.reshape(*lead, 23, 3), skinning.reshape(*lead, 17, 3, 4), axes.reshape(*lead, 3, 3)


def _places(
    count: int,
    shape: NDArray[np.int64],
    focal: Array,
    middle: Array,
    distance_m: tuple[float, float],
    rng: np.random.Generator,
) -> Array:
    """(N, HANDS, 3) m: hands in the picture, a few beside it, the second one often near the first."""
    low, high = np.log(distance_m)
    z = np.exp(rng.uniform(low, high, (count, HANDS)))
    pixel = rng.uniform(-0.03, 1.03, (count, HANDS, 2)) * shape[:, None, ::-1]
    tangent = (pixel - middle[:, None]) / focal[:, None, None]
    places = np.concatenate([tangent * z[..., None], z[..., None]], axis=-1)
    way = rng.normal(size=(count, 3)) * [1.0, 1.0, 0.7]
    way *= rng.uniform(0.13, 0.4, (count, 1)) / np.linalg.norm(way, axis=1, keepdims=True)
    beside = places[:, 0] + way
    near = (rng.random(count) < 0.6) & (beside[:, 2] > distance_m[0])
    # Two hands never stand in each other.
    near |= np.linalg.norm(places[:, 1] - places[:, 0], axis=1) < 0.13
    places[near, 1] = beside[near]
    places[:, 1, 2] = np.maximum(places[:, 1, 2], 0.2)
    return places


def _noise(count: int, rng: np.random.Generator) -> Array:
    """(N, 12): generic sensors' noise at the pixels that are rendered, which are 2 to 4 of a sensor's."""
    noise = sample_noise(count, rng)
    names = list(NoiseModel.__dataclass_fields__)
    coarser = rng.uniform(0.25, 0.6, count)
    for name in ("lateral_px", "shadow_px", "bump_px"):
        noise[:, names.index(name)] *= coarser
    # Fewer of these larger pixels lie at an edge's very border.
    noise[:, names.index("edge_loss")] *= 0.6
    noise[:, names.index("holes")] *= 0.4
    # Matt black, glossy or sunlit scenes.
    torn = rng.random(count) < 0.15
    noise[torn, names.index("missing")] = rng.uniform(0.03, 0.3, count)[torn]
    noise[torn, names.index("holes")] = rng.uniform(0.5, 4.0, count)[torn]
    stereo = rng.random(count) < 0.3
    noise[stereo, names.index("baseline_m")] = (rng.uniform(0.02, 0.07, count) * rng.choice([-1, 1], count))[
        stereo
    ]
    return noise


def _sleeves(count: int, rng: np.random.Generator) -> Array:
    """(N, HANDS, 3): where the forearm ends (m behind the wrist), where a sleeve begins (m), how much wider it is."""
    size = (count, HANDS)
    cut = np.where(rng.random(size) < 0.1, rng.uniform(0.01, 0.08, size), rng.uniform(0.12, 0.30, size))
    begin = np.where(rng.random(size) < 0.4, rng.uniform(0.0, 0.15, size), np.inf)
    return np.stack([cut, begin, rng.uniform(1.1, 1.7, size)], axis=-1)


def _within(shape: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N, ROWS, COLUMNS): the cells that images of shape (N, 2) fill."""
    rows = np.arange(ROWS)[None, :, None] < shape[:, 0, None, None]
    return np.asarray(rows & (np.arange(COLUMNS)[None, None] < shape[:, 1, None, None]))


def _rays(focal: Array, middle: Array) -> Array:
    """(N, OUT_ROWS, OUT_COLUMNS, 3) through the middles of the output's cells."""
    v, u = np.mgrid[0:OUT_ROWS, 0:OUT_COLUMNS] * float(STRIDE) + 0.5 * (STRIDE - 1)
    x = (u - middle[:, 0, None, None]) / focal[:, None, None]
    y = (v - middle[:, 1, None, None]) / focal[:, None, None]
    return np.stack([x, y, np.ones_like(x)], axis=-1)


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(parallel=True, nogil=True)
def _render_batch(
    vertices, bone_index, bone_weight, along, faces, vertex_range, face_range, skinning, present, sleeves,
    walls, kinds, centres, axes, noise, seeds, shape, focal, middle, z, seen,
):  # type: ignore[no-untyped-def]  # pragma: no cover # fmt: skip
    """Render each picture and reduce it into z (N, ROWS, COLUMNS); seen (N, H, 2): the hand's pixels that are seen,
    and those that were seen without anything before it."""
    for n in prange(z.shape[0]):
        height, width = shape[n, 0] * _PIXELS, shape[n, 1] * _PIXELS
        f = focal[n] * _PIXELS
        cx, cy = middle[n, 0] * _PIXELS + 0.5 * (_PIXELS - 1), middle[n, 1] * _PIXELS + 0.5 * (_PIXELS - 1)
        clean = np.full((height, width), np.inf, np.float32)
        alone = np.full((HANDS, height, width), np.inf, np.float32)
        if not np.isnan(walls[n, 3]):
            draw_plane(walls[n, :3], walls[n, 3], f, f, cx, cy, clean)
        for h in range(HANDS):
            if not present[n, h]:
                continue
            first, last = vertex_range[n, h, 0], vertex_range[n, h, 1]
            posed = np.empty((last - first, 3), np.float32)
            skin_vertices(
                vertices[first:last], bone_index[first:last], bone_weight[first:last], skinning[n, h], posed
            )
            dress_forearm(
                vertices[first:last], along[first:last], skinning[n, h, FOREARM], sleeves[n, h], posed
            )
            mesh = faces[face_range[n, h, 0] : face_range[n, h, 1]]
            rasterize(posed, mesh, f, f, cx, cy, clean)
            for i in range(last - first):
                if along[first + i] > _HAND_ENDS_M:
                    posed[i, 2] = -1.0
            rasterize(posed, mesh, f, f, cx, cy, alone[h])
        draw_solids(kinds[n], centres[n], axes[n], f, f, cx, cy, clean)
        for h in range(HANDS):
            for row in range(height):
                for column in range(width):
                    if alone[h, row, column] < np.inf:
                        seen[n, h, 1] += 1
                        if alone[h, row, column] <= clean[row, column]:
                            seen[n, h, 0] += 1
        image = np.empty((height, width), np.float32)
        sensor_kernel(clean, noise[n], seeds[n], f, image)
        cells = np.ones((shape[n, 0], shape[n, 1]), np.float32)
        shrink(image, _PIXELS, 0, 0, NEAR_M, FAR_M, cells, z[n, : shape[n, 0], : shape[n, 1]])
