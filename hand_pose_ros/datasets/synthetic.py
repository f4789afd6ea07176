"""Labelled synthetic hands, rendered while training asks for them; the same seed always gives the same batch.

In: a configuration and a seed. Out: a Batch of crops as the runtime sees them (rendered on a virtual sensor, its
noise applied at the sensor's resolution, then cropped by the runtime's own kernel) with their truth in the crop's
local frame (metres, look-at view, origin at the crop centre). Always right hands; on request the last crops of a batch
show none. The same pictures can be cropped again about other centres, as a tracker crops about its first estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.config_files import build, require_mapping
from hand_pose_ros.datasets.crop_views import Borders, Crops, directions, rolls_upright
from hand_pose_ros.datasets.render_crops import render_crops
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.depth.crop import CropFrame, roll_to_up
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.hand.skeleton import WRIST_JOINTS
from hand_pose_ros.synthetic.grasp_library import (
    NONE_HELD,
    GraspLibrary,
    HeldThings,
    load_grasps,
    sample_held,
)
from hand_pose_ros.synthetic.lookalikes import sample_lookalikes
from hand_pose_ros.synthetic.negatives import KINDS, sample_negatives
from hand_pose_ros.synthetic.negatives_config import NegativesConfig
from hand_pose_ros.synthetic.other_hands import mirrored_hands, sample_other_hands
from hand_pose_ros.synthetic.poses import sample_angles, sample_view_rotations, sample_wrist_bends
from hand_pose_ros.synthetic.scene import HELD_SLOT, SceneConfig, Scenes, hold, sample_scenes, to_camera
from hand_pose_ros.synthetic.sensor import NO_NOISE
from hand_pose_ros.synthetic.sensor_presets import sample_sensors
from hand_pose_ros.synthetic.skinning import FOREARM
from hand_pose_ros.synthetic.solids import NOTHING, Solids, moved, padded, put, take
from hand_pose_ros.synthetic.stereo_config import sample_stereo
from hand_pose_ros.synthetic.subjects import SubjectSet, load_subjects
from hand_pose_ros.synthetic.table_contact import sample_tables
from hand_pose_ros.synthetic.view_families import FAMILIES, ViewConfig, with_view_families
from hand_pose_ros.synthetic.workbench import BENCH_SOLIDS, sample_workbenches
from hand_pose_ros.validation import require

RECROP_MARGIN_M = 0.125
"""A ``margin_m`` for recrops up to 6 cm off the first crop, and turned."""

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

_STEREO_STREAM = 12
"""Which stream of random numbers of a batch the stereo matchers are drawn from."""
# A bare forearm is looked at this far behind its wrist.
_ARM_CENTRE_M = (0.04, 0.18)
_ARM_END_M = 0.027
_GRASP_STREAM = 61
"""Which stream of random numbers of a batch the grasps are drawn from: without them all else is as it was."""
_ARM_START_M = 0.01
_LEAST_ARM_M = 0.16  # how much of an arm is seen where one without its hand is asked for; guessed
_BENCH_STREAM = 53
"""Which stream of random numbers of a batch the work benches are drawn from."""
_TABLE_STREAM = 47  # which stream of random numbers of a batch the tables are drawn from


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


class Recrop(NamedTuple):
    """Where to crop pictures another time: offset (N, 3) m from the first crops' centres in their local frames (what
    lies farther off than ``margin_m`` may miss), and roll_rad (N,) as of ``CropFrame``."""

    offset: Array
    roll_rad: Array

    @classmethod
    def about(cls, joints: NDArray[np.floating]) -> Recrop:
        """Crops about hands with joints (N, 23, 3) m in the first crops' local frames, and with them upright."""
        places = np.asarray(joints, dtype=np.float64)
        x, y, _ = np.moveaxis(fingers_direction(places), -1, 0)
        return cls(np.asarray(places.mean(axis=1), dtype=np.float64), roll_to_up(x, y))


class SyntheticHands:
    """An endless, random-access source of batches: ``SyntheticHands(config).batch(seed, count)``."""

    def __init__(self, config: SyntheticConfig | None = None) -> None:
        self.config = config or SyntheticConfig()

    @cached_property
    def subjects(self) -> SubjectSet:
        """The subjects of this split, made on first use."""
        return load_subjects(self.config.families, self.config.identities, self.config.split)

    @cached_property
    def grasps(self) -> GraspLibrary:
        """The grasps of this split's subjects, made on first use."""
        return load_grasps(self.config.families, self.config.identities, self.config.split)

    def batch(self, seed: int, count: int, recrop: Recrop | None = None) -> Batch:
        """``count`` samples; a pure function of the configuration, the seed and the count.

        recrop: the same pictures cropped another time. ValueError on a wrong count or shape.
        """
        require(count >= 1, "", "count", count, "at least 1")
        if recrop is not None and (recrop.offset.shape != (count, 3) or recrop.roll_rad.shape != (count,)):
            raise ValueError(
                f"recrop has shapes {recrop.offset.shape}, {recrop.roll_rad.shape}, want ({count}, 3), ({count},)"
            )
        config, subjects = self.config, self.subjects
        rng = np.random.default_rng([config.split, seed])
        subject = rng.integers(len(subjects), size=count)
        angles = sample_angles(count, rng)
        stream = (config.split, seed)
        rotation, family = with_view_families(sample_view_rotations(count, rng), config.views, stream)
        bends = sample_wrist_bends(count, rng)
        hands = count - round(config.negative_fraction * count)
        held = self._take_things(seed, hands, subject, angles, rotation, bends)

        joints = subjects.pose(subject, angles, rotation, np.zeros((count, 3))).joints
        jitter = rng.normal(0, config.centre_jitter_m, (count, 3))
        roll = np.zeros(count) if recrop is None else recrop.roll_rad
        if config.tracked > 0:
            tracked = rng.random(count) < config.tracked
            jitter[tracked] /= 3.0
            roll = roll + np.where(tracked, rolls_upright(rotation, rng), 0.0)
        borders = Borders.sample(config.border, (config.split, seed), count)
        if config.tracked > 0:
            borders.outward[tracked] = 0.0
        jitter = jitter + borders.outward
        translation = jitter - joints.mean(axis=1)
        negatives, kind = sample_negatives(count - hands, rng)
        lookalikes = sample_lookalikes(rotation[hands:], config.negatives, stream)
        bare_arms = np.where(lookalikes.replaced, lookalikes.behind, _bare_arms(kind, rng))
        bare = np.concatenate([np.full(hands, np.nan), bare_arms])
        arm = np.isfinite(bare)
        bends[hands:][lookalikes.replaced] = 0.0
        translation[arm] = _centred_on_arm(joints, rotation, bare)[arm]
        # An ellipsoid closes the arm's open end.
        end = np.where(arm, bare, 0.0)[hands:, None] * rotation[hands:, :, 0]
        negatives.put(
            0,
            arm[hands:] & ~lookalikes.replaced,
            end,
            np.full_like(end, _ARM_END_M),
            rotation[hands:].swapaxes(1, 2),
        )
        posed = subjects.pose(subject, angles, rotation, translation, bends)

        finest_px = 1.51 * config.size  # just enough for the crop to take medians, as it does of dense images
        sensor = sample_sensors(
            count, rng, config.sensors, config.distance_m, config.patch_px, config.cube_m, finest_px
        )
        # Random numbers of their own: with stereo or without, all else of a batch is the same.
        stereo = sample_stereo(
            config.stereo if config.noise else 0.0, count, np.random.default_rng([config.split, seed, _STEREO_STREAM]),
            config.distance_m, config.patch_px[0], finest_px, config.cube_m,
        )  # fmt: skip
        distance = np.where(stereo.chosen, stereo.distance, sensor.distance)
        patch_px = np.where(stereo.chosen, stereo.patch_px, sensor.patch_px)
        centres = directions(count, config.off_axis_rad, rng) * distance[:, None]
        view = np.stack([CropFrame(centre, config.cube_m, config.size).view for centre in centres])
        # Into the camera frame: x_camera = view^T x_local + centre, for points and for skinning matrices alike.
        frame = borders.tangents(np.einsum("nji,nj->ni", view, jitter) + centres)
        lookalikes.cut(
            frame[hands:], np.einsum("nji,nj->ni", view[hands:], lookalikes.edge) + centres[hands:]
        )
        skinning = np.einsum("nji,nsjk->nsik", view, posed.skinning)
        skinning[..., 3] += centres[:, None]
        scenes = sample_scenes(posed.joints[:hands], config.scene, rng)
        others = sample_other_hands(
            subjects, posed.joints[:hands], subject[:hands], config.scene.other_hand, rng
        )
        forearms = _forearm_looks(count, rng)
        forearms[hands:] = lookalikes.forearms(forearms[hands:], _LEAST_ARM_M)
        scenes.planes[:] = self._with_tables(scenes.planes, subject, posed.skinning, forearms, family, seed)
        if len(held.hand):
            place = rotation[held.hand], translation[held.hand]
            hold(scenes, held.hand, moved(take(self.grasps.solids, held.grasp), *place))
            mirror = self.grasps.mirror[held.grasp]
            both = np.isfinite(mirror[:, 0])
            turned = np.einsum("mij,mkj->mki", place[0], mirror.reshape(-1, 2, 3))
            turned[:, 0] += place[1]
            hand = held.hand[both]
            others = mirrored_hands(others, hand, posed.skinning[hand], turned.reshape(-1, 6)[both])
        scenes = self._with_benches(scenes, posed.joints, posed.skinning, subject, others.beside, seed)
        scenes = to_camera(_join(scenes, lookalikes.instead_of(negatives)), view, distance)
        other_skinning = np.einsum("nji,nsjk->nsik", view[others.beside], others.skinning)
        other_skinning[..., 3] += centres[others.beside, None]
        which_other = np.full(count, -1)
        which_other[others.beside] = np.arange(len(others.beside))
        noise = sensor.noise if config.noise else np.tile(NO_NOISE.as_array(), (count, 1))
        crop = np.empty((count, 1, config.size, config.size), np.float32)
        crops = Crops.about(
            centres, view, None if recrop is None else recrop.offset, roll, config.cube_m, config.size
        )
        # A turned crop's corners reach farther. Where that lies within the margin, the picture stays the same.
        corners = config.cube_m / 2 * (np.abs(np.cos(roll)) + np.abs(np.sin(roll)) - 1.0)
        margin = np.maximum(config.margin_m, corners)
        render_crops(
            subjects.vertices, subjects.bone_index, subjects.bone_weight, subjects.along_forearm, subjects.faces,
            subjects.vertex_range[subject], subjects.face_range[subjects.family[subject]], skinning.astype(np.float32),
            forearms, np.concatenate([np.full(hands, -np.inf), lookalikes.arm_starts(arm[hands:], _ARM_START_M)]),
            which_other, other_skinning.astype(np.float32), scenes.planes, *scenes.solids,
            noise, stereo.models, frame, rng.integers(2**31, size=count), patch_px,
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
            shape=subjects.shape[subject[:hands]].astype(np.float32),
            family=subjects.family[subject[:hands]],
        )

    def _take_things(
        self, seed: int, hands: int, subject: NDArray[np.int64], angles: Array, rotation: Array, bends: Array
    ) -> HeldThings:
        """Which of the first ``hands`` hold a thing, and these hands' subject (N,), angles (N, 20) rad, rotation
        (N, 3, 3) and wrist bends (N, 2) rad, in place."""
        config = self.config
        if config.scene.grasp == 0:
            return NONE_HELD
        rng = np.random.default_rng([config.split, seed, _GRASP_STREAM])
        held = sample_held(self.grasps, config.scene.grasp, hands, rng)
        self.grasps.pose(held, self.subjects, subject, angles, rotation, bends)
        return held

    def _with_tables(
        self, planes: Array, subject: NDArray[np.int64], skinning: Array, forearms: Array,
        family: NDArray[np.int64], seed: int,
    ) -> Array:  # fmt: skip
        """Planes (H, 4) of the H hands' scenes, a share of them replaced by tables close behind the hands."""
        config, hands = self.config, len(planes)
        below = np.where(
            family[:hands] == FAMILIES.index("above"), config.views.table_below, config.scene.table
        )
        if not below.any():
            return planes
        rng = np.random.default_rng([config.split, seed, _TABLE_STREAM])
        chosen = rng.random(hands) < below
        tables = sample_tables(
            self.subjects, subject[:hands], skinning[:hands], forearms[:hands], chosen, rng
        )
        return np.where(np.isnan(tables), planes, tables)

    def _with_benches(
        self, scenes: Scenes, joints: Array, skinning: Array, subject: NDArray[np.int64],
        beside: NDArray[np.intp], seed: int,
    ) -> Scenes:  # fmt: skip
        """The scenes of the H hands, a share of them at a work bench instead of before a wall; none of those in
        ``beside``, where another hand would be in its way."""
        config, hands = self.config, len(scenes.planes)
        if config.scene.bench == 0:
            return scenes
        rng = np.random.default_rng([config.split, seed, _BENCH_STREAM])
        chosen = rng.random(hands) < config.scene.bench
        chosen[beside] = False
        chosen = np.flatnonzero(chosen)
        forearm = skinning[chosen, FOREARM, :3, :3] @ self.subjects.rest_rotations[subject[chosen], FOREARM]
        held = take(Solids(*(values[:, HELD_SLOT:] for values in scenes.solids)), chosen)
        benches = sample_workbenches(joints[chosen], -forearm[:, :, 0], held, rng)
        scenes.planes[chosen[benches.kind[:, 0] != NOTHING]] = np.nan
        most = scenes.solids.kind.shape[1]
        solids = padded(scenes.solids, most + BENCH_SOLIDS)
        put(solids, chosen, benches, most)
        return Scenes(scenes.planes, solids)


def _bare_arms(kind: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """(N,): how far behind the wrist (m) the crop's centre lies for those that show a bare forearm, else NaN."""
    return np.where(kind == KINDS.index("forearm"), rng.uniform(*_ARM_CENTRE_M, len(kind)), np.nan)


def _centred_on_arm(joints: Array, rotation: Array, behind: Array) -> Array:
    """(N, 3): where the palm must be for a point ``behind`` (N,) m the wrist, in line with the palm, to be at zero."""
    wrist = joints[:, list(WRIST_JOINTS)].mean(axis=1)
    return np.asarray(behind[:, None] * rotation[:, :, 0] - wrist)


def _join(first: Scenes, second: Scenes) -> Scenes:
    """Two lists of scenes, one after the other; where one has fewer solids, nothing fills it up."""
    most = max(first.solids.kind.shape[1], second.solids.kind.shape[1])
    kind, centre, axes = zip(padded(first.solids, most), padded(second.solids, most), strict=True)
    solids = Solids(np.concatenate(kind), np.concatenate(centre), np.concatenate(axes))
    return Scenes(np.concatenate([first.planes, second.planes]), solids)


def _forearm_looks(count: int, rng: np.random.Generator) -> Array:
    """(N, 3): where the forearm ends (m behind the wrist), where a sleeve begins (m), the sleeve's widening."""
    cut = np.where(rng.random(count) < 0.15, rng.uniform(0.005, 0.05, count), rng.uniform(0.05, 0.30, count))
    begin = np.where(rng.random(count) < 0.35, rng.uniform(0.0, 0.15, count), np.inf)
    return np.stack([cut, begin, rng.uniform(1.1, 1.7, count)], axis=-1)


def synthetic_config(data: Mapping[str, Any], split: int) -> SyntheticConfig:
    """Fields that differ from the defaults -> configuration; ValueError names a field that is unknown or wrong."""
    require_mapping("data", data)
    values: dict[str, Any] = {**data, "split": split}
    try:
        for name, kind in (("scene", SceneConfig), ("negatives", NegativesConfig), ("views", ViewConfig)):
            if name in values:
                values[name] = build(kind, name, values[name])
        return build(SyntheticConfig, "", values)
    except ValueError as error:
        raise ValueError(f"data: {error}") from error


def synthetic_source(data: Mapping[str, Any], split: int) -> SyntheticHands:
    """The source that ``data`` describes, as :func:`synthetic_config`."""
    return SyntheticHands(synthetic_config(data, split))
