"""Scenes of whole pictures: none, one or two hands, their owner, other people and things, and a camera before them.

In: a configuration and a seed. Out: :class:`Scenes`, everything that is drawn, in metres in the camera's optical
frame, not yet drawn: at which resolution is up to whoever draws them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.detection.detector_input import FAR_M
from hand_pose_ros.hand.skeleton import FINGER_ANGLE_TABLE
from hand_pose_ros.synthetic.grasp_library import NONE_HELD, HeldThings, load_grasps, sample_held
from hand_pose_ros.synthetic.grasp_plans import GRASP_SOLIDS
from hand_pose_ros.synthetic.hand_trajectory import MIRROR
from hand_pose_ros.synthetic.placed_hands import PlacedHands
from hand_pose_ros.synthetic.poses import (
    sample_angles,
    sample_fists,
    sample_view_rotations,
    sample_wrist_bends,
)
from hand_pose_ros.synthetic.scene import farthest
from hand_pose_ros.synthetic.sensor import NoiseModel
from hand_pose_ros.synthetic.sensor_presets import sample_noise
from hand_pose_ros.synthetic.skinning import FOREARM
from hand_pose_ros.synthetic.solids import NO_SOLIDS, NOTHING, Solids, gather, moved, put, take, where
from hand_pose_ros.synthetic.splits import TRAINING_SPLIT
from hand_pose_ros.synthetic.stereo_config import NO_STEREO, StereoRanges, sample_models
from hand_pose_ros.synthetic.subjects import SubjectSet
from hand_pose_ros.synthetic.surroundings import sample_surroundings
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig
from hand_pose_ros.synthetic.view_families import ViewConfig, with_view_families
from hand_pose_ros.validation import interval, require, share, whole

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

HANDS = 2
# Cells that usual images fill: 640x480, 512x424, 848x480, 320x240 (and 160x120), 1280x720, 424x240.
SHAPES = np.array([(68, 91), (70, 85), (53, 94), (60, 80), (51, 91), (48, 84)])
SHAPE_STEPS = (7, 6, 9, 4, 14, 5)
"""A sensor's pixels a cell in each of them."""
_STEREO_STREAM = 12
"""Which stream of random numbers of a batch the stereo matchers are drawn from."""
_GRASP_STREAM = 61
"""Which stream of random numbers of a batch the grasps are drawn from: without them all else is as it was."""
# Streams of random numbers of a batch: with what is drawn from them or without, all else is the same.
_LOOKALIKE_STREAM, _FIST_STREAM = 53, 59
_SHAPE_SHARES = (0.35, 0.15, 0.15, 0.15, 0.1, 0.1)


@dataclass(frozen=True)
class FullFrameConfig:
    """What is drawn; ValueError names a field that makes no sense."""

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
        require(bool(self.families), "", "families", self.families, "at least one of makehuman, webxr")
        whole(self, "identities")
        shares = len(self.hands) == 3 and min(self.hands) >= 0 and abs(sum(self.hands) - 1) <= 1e-6
        require(shares, "", "hands", self.hands, "three shares that add up to 1")
        interval(self, 0.2, FAR_M, "distance_m", unit="m")
        interval(self, 0.3, 3.0, "focal")
        share(self, "stereo", "fists")


@dataclass(frozen=True, eq=False)
class Scenes:
    """N scenes. Of the camera, in cells: kind (N,) index into ``SHAPES``, shape (N, 2) rows and columns, focal (N,),
    middle (N, 2): the principal point, x first.

    Of up to two hands: present, left, subject (N, 2); centre (N, 2, 3) m; joints (N, 2, 23, 3) m; axes (N, 2, 3, 3);
    skinning (N, 2, 17, 3, 4); sleeves (N, 2, 3). walls (N, 4), solids (N, K). noise, coarse_noise (N, 12): a sensor's
    at its own pixels, and at pixels of half a cell; seeds (N,) of the latter. stereo (N, 15): the matchers of the
    pictures that a stereo pair sees, whatever their pixels, NaN for the others."""

    kind: NDArray[np.int64]
    shape: NDArray[np.int64]
    focal: Array
    middle: Array
    present: NDArray[np.bool_]
    left: NDArray[np.bool_]
    subject: NDArray[np.int64]
    centre: Array
    joints: Array
    axes: Array
    skinning: Array
    sleeves: Array
    walls: Array
    solids: Solids
    noise: Array
    coarse_noise: Array
    seeds: NDArray[np.int64]
    stereo: Array


def sample_scenes(config: FullFrameConfig, subjects: SubjectSet, seed: int, count: int) -> Scenes:
    """``count`` scenes with these subjects; a pure function of the arguments. ValueError for a count below 1."""
    require(count >= 1, "", "count", count, "at least 1")
    rng = np.random.default_rng([config.split, 5, seed])
    kind = rng.choice(len(SHAPES), count, p=_SHAPE_SHARES)
    shape = SHAPES[kind]
    focal = rng.uniform(*config.focal, count) * shape[:, 1]
    middle = 0.5 * (shape[:, ::-1] - 1) + rng.normal(0, 0.02, (count, 2)) * shape[:, ::-1]
    half_view = 0.5 * shape[:, ::-1] / focal[:, None]

    there = rng.choice(3, count, p=config.hands)
    present = np.arange(HANDS) < there[:, None]
    left = rng.random((count, HANDS)) < 0.5
    left[:, 1] = np.where(rng.random(count) < 0.9, ~left[:, 0], left[:, 1])  # mostly one person's two
    subject = rng.integers(len(subjects), size=(count, HANDS))
    subject[:, 1] = np.where(rng.random(count) < 0.85, subject[:, 0], subject[:, 1])
    centre = _places(count, shape, focal, middle, config.distance_m, rng)
    held = _sample_held(config, seed, subject.size)
    joints, skinning, axes, things = _pose(config, subjects, subject, left, centre, held, rng, seed)
    arm = subjects.rest_positions[subject, FOREARM] - [0.22, 0.0, 0.0]
    elbow = np.einsum("nhij,nhj->nhi", skinning[:, :, FOREARM, :, :3], arm) + skinning[:, :, FOREARM, :, 3]
    walls, solids = sample_surroundings(
        PlacedHands(present, joints, elbow, left), half_view, config.scene, rng,
        np.random.default_rng([config.split, 5, seed, _LOOKALIKE_STREAM]),
    )  # fmt: skip
    if len(held.hand):
        things = where(present.reshape(-1), things)
        things = Solids(
            things.kind.reshape(count, -1),
            things.centre.reshape(count, -1, 3),
            things.axes.reshape(count, -1, 3, 3),
        )
        solids = gather(solids, things)
        walls[:, 3] = np.maximum(walls[:, 3], farthest(things, walls[:, :3]) + 0.001)
    none = np.zeros((count, len(NoiseModel().as_array())))
    noise, coarse_noise = _noise(count, rng) if config.noise else (none, none)
    sleeves, seeds = _sleeves(count, rng), rng.integers(2**31, size=count)
    return Scenes(
        kind, shape, focal, middle, present, left, subject, centre, joints, axes, skinning, sleeves, walls, solids,
        noise, coarse_noise, seeds, _stereo(config, seed, focal * np.array(SHAPE_STEPS)[kind]),
    )  # fmt: skip


def _sample_held(config: FullFrameConfig, seed: int, count: int) -> HeldThings:
    """Which of ``count`` hands hold a thing with this hand alone."""
    if config.scene.grasp == 0:
        return NONE_HELD
    library = load_grasps(config.families, config.identities, config.split)
    rng = np.random.default_rng([config.split, 5, seed, _GRASP_STREAM])
    hand, grasp = sample_held(library, config.scene.grasp, count, rng)
    alone = np.isnan(library.mirror[grasp, 0])
    return HeldThings(hand[alone], grasp[alone])


def _pose(
    config: FullFrameConfig,
    subjects: SubjectSet,
    subject: NDArray[np.int64],
    left: NDArray[np.bool_],
    centre: Array,
    held: HeldThings,
    rng: np.random.Generator,
    seed: int,
) -> tuple[Array, Array, Array, Solids]:
    """Joints (N, H, 23, 3) m, skinning matrices (N, H, 17, 3, 4), axes (N, H, 3, 3), held things (N H, K), all in the
    camera's frame; a hand that holds a thing has the subject of its grasp, which is written into ``subject`` (N, H).

    Left hands are mirrored right ones.
    """
    count = subject.size
    angles = sample_angles(count, rng)
    grasps = rng.random(count) < 0.2
    curl = rng.uniform(0.25, 0.9, (count, 1))
    fingers = FINGER_ANGLE_TABLE[1:].ravel()
    bent = np.tile([0.0, 1.0, 1.15, 0.7], 4) * curl + rng.normal(0, 0.1, (count, len(fingers)))
    angles[:, fingers] = np.where(grasps[:, None], bent, angles[:, fingers])
    if config.fists > 0:
        fist_rng = np.random.default_rng([config.split, 5, seed, _FIST_STREAM])
        chosen = fist_rng.random(count) < config.fists
        angles[chosen] = sample_fists(count, fist_rng)[chosen]
    rotation, bends = sample_view_rotations(count, rng), sample_wrist_bends(count, rng)
    rotation = with_view_families(rotation, config.views, (config.split, 5, seed)).rotation
    things = NO_SOLIDS
    if len(held.hand):
        library = load_grasps(config.families, config.identities, config.split)
        library.pose(held, subjects, subject.reshape(-1), angles, rotation, bends)
    # The world of a left hand is mirrored: there it is a right one.
    mirror = np.where(left.reshape(-1, 1), MIRROR, 1.0)
    place = centre.reshape(-1, 3) * mirror
    view = np.stack([CropFrame(p).view for p in place])
    rotation = view.swapaxes(1, 2) @ rotation
    flat = subject.reshape(-1)
    joints = subjects.pose(flat, angles, rotation, np.zeros((count, 3))).joints
    posed = subjects.pose(flat, angles, rotation, place - joints.mean(axis=1), bends)
    if len(held.hand):
        in_hand = take(library.solids, held.grasp)
        across = mirror[held.hand]
        in_hand = moved(
            in_hand,
            across[..., None] * rotation[held.hand],
            across * (place - joints.mean(axis=1))[held.hand],
        )
        things = Solids(
            np.full((count, GRASP_SOLIDS), NOTHING),
            np.zeros((count, GRASP_SOLIDS, 3)),
            np.tile(np.eye(3), (count, GRASP_SOLIDS, 1, 1)),
        )
        put(things, held.hand, in_hand)
    lead = subject.shape
    skinning = posed.skinning * mirror[:, None, :, None]
    axes = rotation * mirror[..., None]  # mirrored, so the thumb's side is y on both sides
    joints = posed.joints * mirror[:, None]
    return (
        joints.reshape(*lead, *joints.shape[1:]),
        skinning.reshape(*lead, *skinning.shape[1:]),
        axes.reshape(*lead, 3, 3),
        things,
    )


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


def _stereo(config: FullFrameConfig, seed: int, focal_px: Array) -> Array:
    """(N, 15): the matchers of the pictures that a stereo pair sees, of sensors with these focal lengths; else NaN.

    From random numbers of their own: with stereo or without, all else of the pictures is the same.
    """
    rng = np.random.default_rng([config.split, 5, seed, _STEREO_STREAM])
    chosen = rng.random(len(focal_px)) < (config.stereo if config.noise else 0.0)
    models = sample_models(len(focal_px), rng, StereoRanges(short_range=0.0))[0]
    models[:, 0] = focal_px
    return np.where(chosen[:, None], models, NO_STEREO)


def _sleeves(count: int, rng: np.random.Generator) -> Array:
    """(N, HANDS, 3): where the forearm ends (m behind the wrist), where a sleeve begins (m), how much wider it is."""
    size = (count, HANDS)
    cut = np.where(rng.random(size) < 0.1, rng.uniform(0.01, 0.08, size), rng.uniform(0.12, 0.30, size))
    begin = np.where(rng.random(size) < 0.4, rng.uniform(0.0, 0.15, size), np.inf)
    return np.stack([cut, begin, rng.uniform(1.1, 1.7, size)], axis=-1)
