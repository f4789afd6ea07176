"""Hands that training never draws, seen by depth sensors that training never imitates: test sets from fixed seeds.

In: a :class:`SensorSet`: what the hands do, how far away they are. Out: a :class:`RenderedHand` an index, with the true
joints and a depth image as each sensor delivers it. Nothing is stored: the same set gives the same pictures again.

The hands, their subjects and their surroundings are of ``REPORT_SPLIT``, drawn as training draws its own; what differs
is the sensor. ``sgbm`` and ``census`` match pairs of rendered infrared pictures (``infrared_pairs``,
``infrared_matching``), ``sgbm_strict`` wants the best disparity to be clearly better, as real D4xx do, and so reads
nothing along outlines; ``imitated`` is what training's imitation of such matchers makes of the true depth,
``parametric`` training's own noise of the same camera, ``clean`` the true depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros import validation
from hand_pose_ros.datasets.crop_views import directions
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.evaluation.infrared_matching import STRICT_PERCENT, match_census, match_sgbm
from hand_pose_ros.evaluation.infrared_pairs import InfraredLook, InfraredPair, StereoRig, render_pair
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, PALM_JOINT
from hand_pose_ros.synthetic.crop_surroundings import HELD_SLOT, SceneConfig, sample_crop_surroundings
from hand_pose_ros.synthetic.grasp_library import sample_held
from hand_pose_ros.synthetic.poses import sample_view_rotations, sample_wrist_bends
from hand_pose_ros.synthetic.random_streams import SplitStream
from hand_pose_ros.synthetic.rotations import facing_normals
from hand_pose_ros.synthetic.scene import Scenes
from hand_pose_ros.synthetic.scene_sampling import HandPoses, People, place_hands, sample_poses
from hand_pose_ros.synthetic.sensor import NoiseModel, apply_noise
from hand_pose_ros.synthetic.sensor_presets import D435
from hand_pose_ros.synthetic.solids import moved, take
from hand_pose_ros.synthetic.splits import REPORT_SPLIT
from hand_pose_ros.synthetic.stereo_config import StereoModel, drawn_model
from hand_pose_ros.synthetic.stereo_matching import match_depth
from hand_pose_ros.synthetic.view_families import ViewConfig

Array = NDArray[np.float64]

SENSORS: tuple[str, ...] = ("clean", "parametric", "imitated", "sgbm", "sgbm_strict", "census")
_FAMILIES, _SUBJECTS = ("makehuman", "webxr"), 100
_BATCH = 64
"""Hands are drawn so many at a time, so that hand i does not depend on how many are asked for. Guessed, as is how many
subjects a family has."""
_REACH_M = 0.24
"""Half edge of the cube about the hand that is matched: a turned crop's corners, and a crop 3 cm beside. Derived."""
_OFF_AXIS_RAD = 0.2
"""How far from the optical axis the hands are, at most, in x and in y: the cube stays in the picture at 0.7 m. Guessed
within that."""
_WALL_M = (1.3, 3.0)
"""Where no plane stands behind the hand, a wall does, so far away: rooms have one. Guessed."""
_FARTHEST_M = 4.5
"""What is farther is matched as if it were so far: the least disparity. Guessed, beyond every wall here."""
_MARGIN_PX = 16
"""Of the matched window, beyond the largest disparity. Guessed."""


@dataclass(frozen=True)
class SensorSet:
    """One test set; ValueError names a field that makes no sense."""

    hands: str = "free"
    """What they do, one of ``HANDS``."""
    distance_m: float = 0.7
    """From the left eye to the hand's middle, metres. Chosen by hand."""
    count: int = 2000
    """Hands."""
    seed: int = 0
    """Of the set."""
    rig: StereoRig = field(default_factory=StereoRig)
    """The camera."""

    def __post_init__(self) -> None:
        validation.one_of(self, HANDS, "hands")
        validation.between(self, 0.3, 3.0, "distance_m", unit="m")
        validation.whole(self, "count")
        validation.between(self, 0, 2**20 - 1, "seed")


class RenderedHand(NamedTuple):
    """One hand of a set before the eyes of the camera, of which :meth:`depth` makes what each sensor has of it."""

    pair: InfraredPair
    """What the eyes see, and the true depth, of a part of the picture."""
    joints: Array
    """(23, 3) m, the truth in the camera's optical frame."""
    rig: StereoRig
    """The camera."""
    window: tuple[int, int, int, int]
    """First and end row, first and end column of the pair in the rig's picture."""
    begin: int
    """The first column of the pair that has readings: to the left of it stands what only the right eye needs."""
    disparity: tuple[int, int]
    """The least and the largest that is matched, px."""
    seed: int
    """Of the parametric noise and of the imitated matcher."""

    def depth(self, sensor: str) -> NDArray[np.float32]:
        """The whole picture (H, W) m as a sensor of ``SENSORS`` has it, NaN for no reading: there is none beyond the
        window about the hand. ValueError for another name."""
        pair, rig = self.pair, self.rig
        if sensor == "clean":
            seen = np.where(np.isfinite(pair.depth), pair.depth, np.float32(np.nan))
        elif sensor == "parametric":
            rng = np.random.default_rng([REPORT_SPLIT, SplitStream.SENSOR_SETS, self.seed])
            noise = NoiseModel(*replace(D435, focal_px=(rig.focal_px,)).sample(1, rng)[1][0])
            seen = apply_noise(pair.depth, noise, rig.focal_px, self.seed)
        elif sensor == "imitated":
            seen = match_depth(pair.depth, self._stereo_model(), rig.focal_px, self.seed)
        elif sensor == "sgbm":
            seen = rig.depth(match_sgbm(pair.left, pair.right, *self.disparity))
        elif sensor == "sgbm_strict":
            seen = rig.depth(match_sgbm(pair.left, pair.right, *self.disparity, STRICT_PERCENT))
        elif sensor == "census":
            seen = rig.depth(match_census(pair.left, pair.right, *self.disparity))
        else:
            raise ValueError(f"sensor is '{sensor}', want one of {', '.join(SENSORS)}")
        whole = np.full((rig.height, rig.width), np.nan, np.float32)
        first_row, end_row, first_column, end_column = self.window
        whole[first_row:end_row, first_column + self.begin : end_column] = seen[:, self.begin :]
        return whole

    def _stereo_model(self) -> StereoModel:
        """A matcher drawn as training draws its own, before this rig's eyes and with its step of the depth."""
        rng, rig = np.random.default_rng([REPORT_SPLIT, SplitStream.SENSOR_SETS, self.seed]), self.rig
        return drawn_model(rng, rig.focal_px, rig.baseline_m, rig.quantisation_m)


def free_hands(people: People, count: int, rng: np.random.Generator) -> Scenes:
    """Empty hands in poses, views and surroundings as training draws them."""
    return _among_things(people, sample_poses(people.subjects, count, ViewConfig(), rng)[0], rng)


def held_hands(people: People, count: int, rng: np.random.Generator) -> Scenes:
    """Hands that hold things: grasps of the sets' own subjects, so that no training has the same, in views and
    surroundings as training draws them."""
    subject, angles = np.zeros(count, np.int64), np.zeros((count, ANGLE_COUNT))
    poses = HandPoses(subject, angles, sample_view_rotations(count, rng), sample_wrist_bends(count, rng))
    held = sample_held(people.grasps, 1.0, count, rng)
    people.grasps.pose(held, people.subjects, *poses)
    scenes = _among_things(people, poses, rng)
    things = take(people.grasps.solids, held.grasp)
    palm = scenes.hands.joints[:, 0, PALM_JOINT]
    scenes.hold(held.hand, moved(things, poses.rotation, palm), HELD_SLOT)
    return scenes


def _among_things(people: People, poses: HandPoses, rng: np.random.Generator) -> Scenes:
    """Right hands, one a scene, their middle at zero in local frames, with planes and things about them."""
    subject, angles, rotation, _ = poses
    joints = people.subjects.pose(subject, angles, rotation, np.zeros((len(subject), 3))).joints
    translation = -joints.mean(axis=1)
    around = sample_crop_surroundings(joints + translation[:, None], SceneConfig(), rng)
    return replace(around, hands=place_hands(people.subjects, poses, translation))


_MAKERS: Mapping[str, Callable[[People, int, np.random.Generator], Scenes]] = {
    "free": free_hands, "held": held_hands,
}  # fmt: skip
HANDS: tuple[str, ...] = tuple(_MAKERS)
"""What hands of a set may do."""


class _Batch(NamedTuple):
    """Scenes that are drawn at once, in the camera's frame, the hands' middles (N, 3) m there, how bright they are."""

    scenes: Scenes
    centres: Array
    looks: Array
    seeds: NDArray[np.int64]


class RenderedHands:
    """The hands of a set, one by one: ``RenderedHands(config)[i]``."""

    def __init__(self, config: SensorSet) -> None:
        self.config = config
        self._batch: tuple[int, _Batch] | None = None

    @cached_property
    def people(self) -> People:
        """The subjects of all sets and their grasps."""
        return People(_FAMILIES, _SUBJECTS, REPORT_SPLIT)

    def __len__(self) -> int:
        return self.config.count

    def __getitem__(self, index: int) -> RenderedHand:
        """Hand ``index``: a pure function of the set's seed and the index. IndexError when there is none."""
        if not 0 <= index < len(self):
            raise IndexError(f"hand {index} of a set of {len(self)}")
        number, place = divmod(index, _BATCH)
        if self._batch is None or self._batch[0] != number:
            self._batch = number, self._drawn(number)
        return self._rendered(self._batch[1], place)

    def _drawn(self, number: int) -> _Batch:
        """Batch ``number`` of the hands, placed before the camera."""
        config = self.config
        rng = np.random.default_rng([REPORT_SPLIT, SplitStream.SENSOR_SETS, config.seed, number])
        scenes = _MAKERS[config.hands](self.people, _BATCH, rng)
        centres = directions(_BATCH, _OFF_AXIS_RAD, rng) * config.distance_m
        view = np.stack([CropFrame(centre).view for centre in centres])
        scenes = scenes.in_camera(view, centres, np.full(_BATCH, config.distance_m))
        wall = facing_normals(_BATCH, 0.2, rng)
        far = config.distance_m + rng.uniform(*_WALL_M, _BATCH)
        walls = np.concatenate([wall, far[:, None]], axis=1)
        planes = np.where(np.isfinite(scenes.planes[:, 3:]), scenes.planes, walls)
        hands = replace(scenes.hands, forearm=forearms(_BATCH, rng)[:, None])
        scenes = replace(scenes, hands=hands, planes=planes)
        looks = sample_looks(_BATCH, rng)
        return _Batch(scenes, centres, looks, rng.integers(2**31, size=_BATCH))

    def _rendered(self, batch: _Batch, place: int) -> RenderedHand:
        """The pair of a hand: of the window about it, and of as much to the left as the largest disparity."""
        rig, seed = self.config.rig, int(batch.seeds[place])
        first_row, end_row, first_column, end_column = rig.window(batch.centres[place], _REACH_M)
        nearest = self.config.distance_m - _REACH_M
        least, most = (int(rig.focal_px * rig.baseline_m / z) + 1 for z in (_FARTHEST_M, max(nearest, 0.1)))
        left = max(0, first_column - most - _MARGIN_PX)
        window = (
            max(0, first_row - _MARGIN_PX), min(rig.height, end_row + _MARGIN_PX),
            left, min(rig.width, end_column + _MARGIN_PX),
        )  # fmt: skip
        look = InfraredLook._make([*batch.looks[place].tolist(), seed])
        pair = render_pair(self.people.subjects, batch.scenes, place, rig, look, window)
        joints = batch.scenes.hands.joints[place, 0]
        return RenderedHand(pair, joints, rig, window, first_column - left, (least, most), seed)


def forearms(count: int, rng: np.random.Generator) -> Array:
    """(N, 3): where forearms end (m behind the wrist), where a sleeve begins (m), the sleeve's widening."""
    begin = np.where(rng.random(count) < 0.35, rng.uniform(0.0, 0.15, count), np.inf)
    return np.stack([rng.uniform(0.05, 0.30, count), begin, rng.uniform(1.1, 1.7, count)], axis=-1)


def sample_looks(count: int, rng: np.random.Generator) -> Array:
    """(N, 7): the numbers of ``InfraredLook`` before its seed. All guessed, by eye on infrared pictures of such
    cameras; the dots' spacing is the range that the teacher's imitation of a matcher has."""
    return np.stack(
        [
            rng.uniform(60.0, 120.0, count), rng.uniform(40.0, 100.0, count), rng.uniform(4.5, 9.0, count),
            rng.uniform(0.6, 0.9, count), rng.uniform(0.01, 0.055, count), rng.uniform(0.004, 0.012, count),
            rng.uniform(0.8, 1.5, count),
        ],
        axis=-1,
    )  # fmt: skip
