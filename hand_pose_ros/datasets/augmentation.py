"""In-plane rotation, scale and translation of a sample, moving labels with pixels.

In: a ``sample.Sample`` (metres, camera optical frame). Out: another valid one, as the same camera would have seen it.

All three are exact for the geometry that a pinhole sees, so a joint stays on the pixels that it was on:

* rotation turns the scene about the line from the camera's origin through the crop's centre. A rotation about the
  camera's own origin changes no visibility, so the new picture is the old one looked up along turned rays.
* scale multiplies the whole scene by a factor about the camera's origin: the same pixels, depths and joints times the
  factor. The hand becomes larger and proportionally further away.
* translation moves the crop's centre, and so the hand in the network's picture; the scene stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.datasets.sample import Sample
from hand_pose_ros.hand.rotations_numba import so3_exp
from hand_pose_ros.validation import between, require


@dataclass(frozen=True)
class AugmentationConfig:
    """How far samples are moved at random, uniformly in plus and minus each bound. ValueError names a bad bound."""

    rotation_rad: float = float(np.pi)
    """In-plane rotation, up to pi."""
    scale: float = 0.10
    """Natural logarithm of the factor. Guessed."""
    translation_m: float = 0.02
    """Shift of the centre in each coordinate. Guessed."""

    def __post_init__(self) -> None:
        between(self, 0.0, float(np.pi), "rotation_rad")
        between(self, 0.0, 0.7, "scale")
        between(self, 0.0, 0.2, "translation_m")


def rotation_about(axis: ArrayLike, angle_rad: float) -> NDArray[np.float64]:
    """Rotation matrix (3, 3) about an axis (3,) of any length, right-handed."""
    direction = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
    return so3_exp(angle_rad * direction)


def rotate_in_plane(sample: Sample, angle_rad: float) -> Sample:
    """The scene turned by an angle about the line through the crop's centre; positive turns image x towards image y.

    Pixels whose ray came from outside the old picture have no reading; values are looked up at the nearest old pixel.
    """
    camera = sample.camera
    rotation = rotation_about(sample.centre, angle_rad)
    rows, columns = np.mgrid[: camera.height, : camera.width]
    rays = camera.back_project(np.stack([columns, rows], axis=-1), np.ones((camera.height, camera.width)))
    # A point on the new ray r was on the old ray R^T r; both have the same length, so z scales with the rays' z.
    old_rays = rays @ rotation
    pixels = camera.project(old_rays)
    with np.errstate(invalid="ignore"):
        nearest = np.floor(pixels + 0.5)
        inside = (nearest >= 0).all(axis=-1) & (nearest < [camera.width, camera.height]).all(axis=-1)
        inside &= old_rays[..., 2] > 0.0
    index = nearest[inside].astype(np.int64)
    depth = np.full_like(sample.depth, np.nan)
    # Along a ray, z is a length times the ray's z; rays have z = 1, so the ratio is 1 / (old ray's z).
    depth[inside] = sample.depth[index[:, 1], index[:, 0]] / old_rays[inside][:, 2]
    return replace(sample, depth=depth, joints=sample.joints @ rotation.T)


def scale_scene(sample: Sample, factor: float) -> Sample:
    """Everything the camera sees, times a positive factor about the camera's origin: depth, joints and centre."""
    require(np.isfinite(factor) and factor > 0.0, "", "factor", factor, "more than 0")
    return replace(
        sample,
        depth=(sample.depth * np.float32(factor)).astype(np.float32),
        joints=sample.joints * factor,
        centre=sample.centre * factor,
    )


def shift_centre(sample: Sample, offset_m: ArrayLike) -> Sample:
    """The crop's centre moved by (3,) m, camera optical frame. ValueError when it lands behind the camera."""
    return replace(sample, centre=sample.centre + np.asarray(offset_m, dtype=np.float64))


def augment(sample: Sample, rng: np.random.Generator, config: AugmentationConfig | None = None) -> Sample:
    """A random rotation, scale and translation of the sample; the same generator state gives the same result."""
    config = config or AugmentationConfig()
    angle = rng.uniform(-config.rotation_rad, config.rotation_rad)
    factor = float(np.exp(rng.uniform(-config.scale, config.scale)))
    offset = rng.uniform(-config.translation_m, config.translation_m, size=3)
    return shift_centre(scale_scene(rotate_in_plane(sample, angle), factor), offset)
