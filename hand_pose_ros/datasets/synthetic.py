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
from hand_pose_ros.datasets.render_crops import SensorArrays, render_crops
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.depth.crop import CropFrame, roll_to_up
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.synthetic.crop_surroundings import SceneConfig
from hand_pose_ros.synthetic.draw_scene import scene_arrays
from hand_pose_ros.synthetic.negatives_config import NegativesConfig
from hand_pose_ros.synthetic.random_streams import BatchStream
from hand_pose_ros.synthetic.scene_sampling import (
    People,
    aim_at_arms,
    hold_things,
    place_hands,
    sample_no_hands,
    sample_poses,
    surround_crops,
)
from hand_pose_ros.synthetic.sensor import NO_NOISE
from hand_pose_ros.synthetic.sensor_presets import sample_sensors
from hand_pose_ros.synthetic.stereo_config import sample_stereo
from hand_pose_ros.synthetic.subjects import SubjectSet
from hand_pose_ros.synthetic.view_families import ViewConfig
from hand_pose_ros.validation import require

RECROP_MARGIN_M = 0.125
"""A ``margin_m`` for recrops up to 6 cm off the first crop, and turned. Derived: those 6 cm, and the 6.2 cm that the
corners of a turned cube of 30 cm reach farther."""

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
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


class _Sensors(NamedTuple):
    """What sees each of N crops: noise (N, fields of ``NoiseModel``); matchers (N, 20), NaN where no stereo pair does;
    distance (N,) m of the crop's middle; patch_px (N,) pixels that span the cube there."""

    noise: Array
    matchers: Array
    distance: Array
    patch_px: Array

    @classmethod
    def sample(
        cls, config: SyntheticConfig, count: int, rng: np.random.Generator, stream: tuple[int, int]
    ) -> _Sensors:
        """Sensors of ``count`` crops."""
        finest_px = 1.51 * config.size  # just enough for the crop to take medians, as it does of dense images
        sensor = sample_sensors(
            count, rng, config.sensors, config.distance_m, config.patch_px, config.cube_m, finest_px
        )
        # Random numbers of their own: with stereo or without, all else of a batch is the same.
        stereo = sample_stereo(
            config.stereo if config.noise else 0.0, count, np.random.default_rng([*stream, BatchStream.STEREO]),
            config.distance_m, config.patch_px[0], finest_px, config.cube_m,
        )  # fmt: skip
        return cls(
            sensor.noise if config.noise else np.tile(NO_NOISE.as_array(), (count, 1)),
            stereo.models,
            np.where(stereo.chosen, stereo.distance, sensor.distance),
            np.where(stereo.chosen, stereo.patch_px, sensor.patch_px),
        )


class _Aims(NamedTuple):
    """Where N crops look beside their hands: jitter (N, 3) m from the crop's middle to that of the joints; roll (N,)
    rad as of ``CropFrame``; the pictures' borders."""

    jitter: Array
    roll: Array
    borders: Borders

    @classmethod
    def sample(
        cls, config: SyntheticConfig, rotation: Array, rng: np.random.Generator, stream: tuple[int, int]
    ) -> _Aims:
        """Aims at hands with palms' rotations (N, 3, 3)."""
        count = len(rotation)
        jitter, roll = rng.normal(0, config.centre_jitter_m, (count, 3)), np.zeros(count)
        borders = Borders.sample(config.border, stream, count)
        if config.tracked > 0:
            tracked = rng.random(count) < config.tracked
            jitter[tracked] /= 3.0
            borders.outward[tracked] = 0.0
            roll = np.where(tracked, rolls_upright(rotation, rng), 0.0)
        return cls(jitter + borders.outward, roll, borders)


class SyntheticHands:
    """An endless, random-access source of batches: ``SyntheticHands(config).batch(seed, count)``."""

    def __init__(self, config: SyntheticConfig | None = None) -> None:
        self.config = config or SyntheticConfig()

    @cached_property
    def people(self) -> People:
        """The subjects of this split and their grasps."""
        return People(self.config.families, self.config.identities, self.config.split)

    @property
    def subjects(self) -> SubjectSet:
        """The subjects of this split, made on first use."""
        return self.people.subjects

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
        stream = (config.split, seed)
        rng = np.random.default_rng(stream)
        poses, family = sample_poses(subjects, count, config.views, rng, stream)
        hands = count - round(config.negative_fraction * count)
        held = hold_things(self.people, poses, config.scene.grasp, hands, stream)

        joints = subjects.pose(poses.subject, poses.angles, poses.rotation, np.zeros((count, 3))).joints
        jitter, roll, borders = _Aims.sample(config, poses.rotation, rng, stream)
        translation = jitter - joints.mean(axis=1)
        no_hands = sample_no_hands(poses.rotation[hands:], config.negatives, rng, stream)
        aim_at_arms(poses, joints, translation, no_hands)
        posed = place_hands(subjects, poses, translation)

        sensors = _Sensors.sample(config, count, rng, stream)
        centres = directions(count, config.off_axis_rad, rng) * sensors.distance[:, None]
        view = np.stack([CropFrame(centre, config.cube_m, config.size).view for centre in centres])
        frame = borders.tangents(np.einsum("nji,nj->ni", view, jitter) + centres)
        edge = np.einsum("nji,nj->ni", view[hands:], no_hands.lookalikes.edge) + centres[hands:]
        no_hands.lookalikes.cut(frame[hands:], edge)
        scenes = surround_crops(
            self.people, posed, held, no_hands, family, config.scene, config.views, rng, stream
        )
        scenes = scenes.in_camera(view, centres, sensors.distance)
        offset = None
        if recrop is not None:
            offset, roll = recrop.offset, recrop.roll_rad + roll
        crops = Crops.about(centres, view, offset, roll, config.cube_m, config.size)
        # A turned crop's corners reach farther. Where that lies within the margin, the picture stays the same.
        corners = config.cube_m / 2 * (np.abs(np.cos(roll)) + np.abs(np.sin(roll)) - 1.0)
        margin = np.maximum(config.margin_m, corners)
        seeds = rng.integers(2**31, size=count)
        crop = np.empty((count, 1, config.size, config.size), np.float32)
        render_crops(
            *scene_arrays(subjects, scenes),
            SensorArrays(
                sensors.noise, sensors.matchers, frame, seeds, sensors.patch_px, view, sensors.distance, margin
            ),
            config.cube_m / 2, crops.view, crops.distance, crop[:, 0],
        )  # fmt: skip
        subject = posed.subject[:hands, 0]
        return Batch(
            crop=crop,
            distance=crops.distance.astype(np.float32),
            joints=crops.local(posed.joints[:, 0])[:hands].astype(np.float32),
            angles=poses.angles[:hands].astype(np.float32),
            rotation=(crops.turn @ posed.rotation[:, 0])[:hands].astype(np.float32),
            translation=crops.local(translation[:, None])[:hands, 0].astype(np.float32),
            shape=subjects.shape[subject].astype(np.float32),
            family=subjects.family[subject],
        )


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
