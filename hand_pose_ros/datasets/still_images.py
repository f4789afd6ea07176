"""Whole depth images of cluttered still scenes at a sensor's resolution: what the tracker's search is measured on.

In: a configuration and a seed, as for FullFrames. Out: the same scenes as :class:`StillImage`: a camera, depth (H, W)
float32 m as often as wanted, each time with fresh noise, and the true hands in the camera's optical frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.datasets.full_frames import FullFrames
from hand_pose_ros.datasets.full_scenes import HANDS, SHAPE_STEPS, Pictures
from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.draw_scene import draw_picture
from hand_pose_ros.synthetic.sensor import sensor_kernel
from hand_pose_ros.synthetic.stereo_config import NO_STEREO
from hand_pose_ros.synthetic.stereo_matching import count_hidden_by_edge, stereo_kernel
from hand_pose_ros.synthetic.subjects import SubjectSet

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StillHand:
    """A true hand of a picture."""

    side: str
    """``right`` or ``left``."""
    joints: Array
    """(23, 3) m, camera optical frame."""
    visible: float
    """Share of its pixels in the image that nothing hides."""
    in_view: float
    """Share of its joints that lie within the image."""

    @property
    def centre(self) -> Array:
        """(3,) m: the mean joint."""
        return np.asarray(self.joints.mean(axis=0))

    @property
    def seen(self) -> float:
        """About the share of the whole hand that is seen: neither hidden nor outside the image."""
        return self.visible * self.in_view


@dataclass(frozen=True, eq=False)
class StillImage:
    """One scene, and the camera that sees it."""

    camera: Camera
    """Of the sensor's resolution."""
    hands: tuple[StillHand, ...]
    """Those of which at least a pixel is seen."""
    _clean: NDArray[np.float32]
    _noise: Array
    _seed: int
    _stereo: Array = field(default_factory=NO_STEREO.copy)

    def depth(self, frame: int = 0) -> NDArray[np.float32]:
        """(H, W) m, NaN = no reading: the scene as the sensor sees it in the ``frame``-th frame."""
        out, seed = np.empty_like(self._clean), (self._seed + 7919 * frame) % 2**31
        if np.isnan(self._stereo[0]):
            sensor_kernel(self._clean, self._noise, seed, self.camera.fx, out)
        else:
            stereo_kernel(self._clean, self._stereo, seed, self.camera.fx, 0.0, out)
        return out


def still_images(source: FullFrames, seed: int, count: int) -> Iterator[StillImage]:
    """The scenes of ``source.batch(seed, count)``, one by one, at the resolution of a sensor of that shape."""
    pictures = source.pictures(seed, count)
    for n in range(count):
        yield _draw(source.people.subjects, pictures, n)


def _draw(subjects: SubjectSet, pictures: Pictures, n: int) -> StillImage:
    step, hands = SHAPE_STEPS[pictures.kind[n]], pictures.scenes.hands
    height, width = (int(cells) * step for cells in pictures.shape[n])
    focal = float(pictures.focal[n]) * step
    cx, cy = (float(x) for x in pictures.middle[n] * step + 0.5 * (step - 1))
    camera = Camera(width, height, focal, focal, cx, cy)
    clean, alone, counts = draw_picture(subjects, pictures.scenes, camera, n)
    stereo = pictures.stereo[n]
    if not np.isnan(stereo[0]):
        for hand in range(HANDS):
            counts[hand, 0] -= count_hidden_by_edge(alone[hand], clean, focal * float(stereo[1]))
    found = []
    for h in np.flatnonzero(hands.present[n] & (counts[:, 0] > 0)):
        u, v = camera.project(hands.joints[n, h]).T
        inside = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
        side = "left" if hands.left[n, h] else "right"
        visible = float(counts[h, 0] / counts[h, 1])
        found.append(StillHand(side, hands.joints[n, h], visible, float(inside.mean())))
    return StillImage(camera, tuple(found), clean, pictures.noise[n], int(pictures.seeds[n]), stereo)
