"""Scenes of whole pictures: none, one or two hands, their owner, other people and things, and a camera before them.

In: a configuration and a seed. Out: :class:`Pictures`, not yet drawn: at which resolution is up to whoever draws them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.detection.detector_input import FAR_M
from hand_pose_ros.synthetic.mesh import require_families
from hand_pose_ros.synthetic.random_streams import BatchStream, SplitStream
from hand_pose_ros.synthetic.scene import Scenes
from hand_pose_ros.synthetic.scene_sampling import (
    People,
    PictureHands,
    sample_forearms,
    sample_picture_scenes,
)
from hand_pose_ros.synthetic.sensor import NoiseModel
from hand_pose_ros.synthetic.sensor_presets import sample_noise
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from hand_pose_ros.synthetic.stereo_config import NO_STEREO, StereoRanges, sample_models
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig
from hand_pose_ros.synthetic.view_families import ViewConfig
from hand_pose_ros.validation import interval, require, share, typed, whole

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

HANDS = 2
"""A picture has places for so many."""
# Derived: rows and columns of the detector's cells that usual images fill: 640x480, 512x424, 848x480, 320x240 (and
# 160x120), 1280x720, 424x240.
SHAPES = np.array([(68, 91), (70, 85), (53, 94), (60, 80), (51, 91), (48, 84)])
SHAPE_STEPS = (7, 6, 9, 4, 14, 5)
"""A sensor's pixels a cell in each of them."""
# How often each of SHAPES is drawn. Guessed.
_SHAPE_SHARES = (0.35, 0.15, 0.15, 0.15, 0.1, 0.1)


@dataclass(frozen=True)
class FullFrameConfig:
    """What is drawn; ValueError names a field that makes no sense. Guessed where nothing else is said."""

    split: int = TRAINING_SPLIT
    """Separates the random streams: subjects and pictures of different splits never coincide."""
    families: tuple[str, ...] = ("makehuman", "webxr")
    """Mesh families of ``synthetic.mesh.MESH_NAMES``."""
    identities: int = 200
    """Different subjects of each family."""
    hands: tuple[float, float, float] = (0.22, 0.46, 0.32)
    """Shares of pictures with none, one and two hands."""
    distance_m: tuple[float, float] = (0.25, 1.35)
    """Nearest and farthest hand, along the optical axis; even in the logarithm."""
    focal: tuple[float, float] = (0.55, 1.05)
    """Focal length over the image's width: 1.05 is narrower than any usual depth camera's, 0.55 wider."""
    fists: float = 0.0
    """Share of the hands that are fists."""
    noise: bool = True
    """Whether a generic sensor's noise is added; without, depths are exact."""
    stereo: float = 0.0
    """Share of the pictures that a stereo matcher sees (synthetic/stereo_config.py); none without ``noise``."""
    scene: SurroundingsConfig = field(default_factory=SurroundingsConfig)
    """What stands around the hands."""
    views: ViewConfig = field(default_factory=ViewConfig)
    """From where the hands are seen; ``table_below`` is not used: ``scene.table_close`` gives the tables."""

    def __post_init__(self) -> None:
        typed(self)
        require_families(self.families)
        whole(self, "identities")
        shares = len(self.hands) == 3 and min(self.hands) >= 0 and abs(sum(self.hands) - 1) <= 1e-6
        require(shares, "", "hands", self.hands, "three shares that add up to 1")
        interval(self, 0.2, FAR_M, "distance_m", unit="m")
        interval(self, 0.3, 3.0, "focal")
        share(self, "stereo", "fists")


@dataclass(frozen=True, eq=False)
class Pictures:
    """N scenes and the cameras before them, in cells. A sensor's noise is that at its own pixels."""

    scenes: Scenes
    """In the cameras' frames, with up to ``HANDS`` hands."""
    centre: Array
    """(N, HANDS, 3) m: the hands' mean joints."""
    kind: NDArray[np.int64]
    """(N,) index into ``SHAPES``."""
    shape: NDArray[np.int64]
    """(N, 2) rows and columns."""
    focal: Array
    """(N,)."""
    middle: Array
    """(N, 2): the principal point, x first."""
    noise: Array
    """(N, 12): a sensor's."""
    coarse_noise: Array
    """(N, 12): the same at pixels of half a cell."""
    seeds: NDArray[np.int64]
    """(N,) of the noise."""
    stereo: Array
    """(N, 20): the matchers of the pictures that a stereo pair sees, whatever their pixels, NaN for the others."""


def sample_pictures(config: FullFrameConfig, people: People, seed: int, count: int) -> Pictures:
    """``count`` pictures of these people; a pure function of the arguments. ValueError for a count below 1."""
    require(count >= 1, "", "count", count, "at least 1")
    stream = (config.split, SplitStream.WHOLE_PICTURES, seed)
    rng = np.random.default_rng(stream)
    kind = rng.choice(len(SHAPES), count, p=_SHAPE_SHARES)
    shape = SHAPES[kind]
    focal = rng.uniform(*config.focal, count) * shape[:, 1]
    middle = 0.5 * (shape[:, ::-1] - 1) + rng.normal(0, 0.02, (count, 2)) * shape[:, ::-1]
    half_view = 0.5 * shape[:, ::-1] / focal[:, None]

    there = rng.choice(3, count, p=config.hands)
    present = np.arange(HANDS) < there[:, None]
    left = rng.random((count, HANDS)) < 0.5
    left[:, 1] = np.where(rng.random(count) < 0.9, ~left[:, 0], left[:, 1])  # mostly one person's two
    subject = rng.integers(len(people.subjects), size=(count, HANDS))
    subject[:, 1] = np.where(rng.random(count) < 0.85, subject[:, 0], subject[:, 1])
    centre = _places(count, shape, focal, middle, config.distance_m, rng)
    scenes = sample_picture_scenes(
        people, PictureHands(present, left, subject, centre), half_view, config.scene, config.views, config.fists, rng,
        stream,
    )  # fmt: skip
    none = np.zeros((count, len(NoiseModel().as_array())))
    noise, coarse_noise = _noise(count, rng) if config.noise else (none, none)
    forearm = sample_forearms((count, HANDS), rng, 0.1, (0.01, 0.08), (0.12, 0.30), 0.4)
    return Pictures(
        replace(scenes, hands=replace(scenes.hands, forearm=forearm)), centre, kind, shape, focal, middle, noise,
        coarse_noise, rng.integers(2**31, size=count),
        _stereo(config, stream, focal * np.array(SHAPE_STEPS)[kind]),
    )  # fmt: skip


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


def _noise(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """(N, 12) generic sensors' noise: at their own pixels, and at larger ones, 2 to 4 of a sensor's."""
    names = list(NoiseModel.__dataclass_fields__)
    own = sample_noise(count, rng)
    coarse = own.copy()
    coarser = rng.uniform(0.25, 0.6, count)
    for name in ("lateral_px", "shadow_px", "noise_correlation_px"):
        coarse[:, names.index(name)] *= coarser
    # Fewer of these larger pixels lie at an edge's very border.
    coarse[:, names.index("edge_loss")] *= 0.6
    coarse[:, names.index("holes")] *= 0.4
    # Matt black, glossy or sunlit scenes.
    torn = rng.random(count) < 0.15
    missing, holes = rng.uniform(0.03, 0.3, count), rng.uniform(0.5, 4.0, count)
    stereo = rng.random(count) < 0.3
    baseline = rng.uniform(0.02, 0.07, count) * rng.choice([-1, 1], count)
    for noise in (own, coarse):
        noise[torn, names.index("missing")] = missing[torn]
        noise[torn, names.index("holes")] = holes[torn]
        noise[stereo, names.index("baseline_m")] = baseline[stereo]
    return own, coarse


def _stereo(config: FullFrameConfig, stream: tuple[int, ...], focal_px: Array) -> Array:
    """(N, 20): the matchers of the pictures that a stereo pair sees, of sensors with these focal lengths; else NaN.

    From random numbers of their own: with stereo or without, all else of the pictures is the same.
    """
    rng = np.random.default_rng([*stream, BatchStream.STEREO])
    chosen = rng.random(len(focal_px)) < (config.stereo if config.noise else 0.0)
    models = sample_models(len(focal_px), rng, StereoRanges(short_range=0.0))[0]
    models[:, 0] = focal_px
    return np.where(chosen[:, None], models, NO_STEREO)
