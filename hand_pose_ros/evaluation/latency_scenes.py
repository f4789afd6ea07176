"""The scenes that latency is measured on: rendered once, then played to and fro for as long as wanted.

In: a scene's name. Out: :class:`LatencyScene`: depth frames of a moving hand, of two, or of no hand at all, and the
same as colour pictures for a tracker that looks at these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.synthetic.sensor import NO_NOISE
from hand_pose_ros.synthetic.sequences import VGA, Sequence, bench_sequences
from hand_pose_ros.validation import require

_OF_SEQUENCE = {
    "hand": "still_1", "moving": "moving_0", "two hands": "two_hands_0", "room": "nothing_room",
    "face": "nothing_face_and_box", "clutter": "nothing_clutter", "gripper": "nothing_gripper_at_work",
}  # fmt: skip
SCENES: tuple[str, ...] = tuple(_OF_SEQUENCE)
"""Scenes by name: with one hand, with two, and with none."""
EMPTY: tuple[str, ...] = ("room", "face", "clutter", "gripper")
"""Those without a hand."""
SIZES: dict[str, Camera] = {
    "640x480": VGA,
    "848x480": Camera(848, 480, 420.0, 420.0, 423.5, 239.5),
    "1280x720": Camera(1280, 720, 640.0, 640.0, 639.5, 359.5),
}
"""Cameras by the size of their images: of structured light, and of a stereo camera (D435) at two resolutions."""
# A usual camera's rate, and what the colour pictures are made of. Guessed.
_RATE_HZ = 30.0
_SKIN, _GREY = np.array([224.0, 172.0, 140.0]), np.array([150.0, 150.0, 155.0])


@dataclass(frozen=True)
class LatencyScene:
    """One scene. ValueError for an unknown name or size."""

    name: str
    """One of SCENES."""
    size: str = "640x480"
    """One of SIZES."""
    frames: int = 60
    """Rendered pictures; from the last one back, and so on. Chosen by hand."""

    def __post_init__(self) -> None:
        require(self.name in SCENES, "", "scene", self.name, f"one of {', '.join(SCENES)}")
        require(self.size in SIZES, "", "size", self.size, f"one of {', '.join(SIZES)}")

    @property
    def camera(self) -> Camera:
        """The camera of the frames."""
        return SIZES[self.size]

    @property
    def hands(self) -> int:
        """How many there are."""
        return 0 if self.name in EMPTY else 2 if self.name == "two hands" else 1

    @cached_property
    def depths(self) -> tuple[NDArray[np.float32], ...]:
        """The rendered frames (H, W) m, NaN = no reading."""
        renderer = replace(self._sequence, camera=self.camera).open()
        return tuple(renderer.frame(i / _RATE_HZ).depth for i in range(self.frames))

    @cached_property
    def pictures(self) -> NDArray[np.uint8]:
        """(frames, H, W, 3) RGB: the same surfaces without the sensor's noise, lit from the camera's side, in one
        colour of skin, what is far in grey."""
        config = replace(self._sequence.config, noise=NO_NOISE)
        renderer = replace(self._sequence, config=config, camera=self.camera).open()
        depths = (renderer.frame(i / _RATE_HZ).depth for i in range(self.frames))
        return np.stack([shade(depth, self.camera) for depth in depths])

    def play(self, count: int) -> Iterator[tuple[float, int]]:
        """``count`` stamps (s) with the index of the frame to show."""
        period = max(2 * self.frames - 2, 1)
        for i in range(count):
            place = i % period
            yield i / _RATE_HZ, min(place, period - place) if self.frames > 1 else 0

    @property
    def _sequence(self) -> Sequence:
        return next(s for s in bench_sequences() if s.name == _OF_SEQUENCE[self.name])


def shade(depth: NDArray[np.float32], camera: Camera) -> NDArray[np.uint8]:
    """Depth (H, W) m -> RGB (H, W, 3): Lambert's law with the light at the camera; what is nearest, and up to 0.35 m
    behind it, in the colour of skin."""
    filled = np.where(np.isfinite(depth), depth, 6.0).astype(np.float64)
    v, u = np.mgrid[0 : depth.shape[0], 0 : depth.shape[1]]
    x, y = (u - camera.cx) / camera.fx * filled, (v - camera.cy) / camera.fy * filled
    points = np.stack([x, y, filled], axis=-1)
    normal = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    view = points / np.linalg.norm(points, axis=-1, keepdims=True)
    facing = np.abs((normal * view).sum(-1))
    near = filled < filled.min() + 0.35
    colour = np.where(near[..., None], _SKIN, _GREY * np.clip(2.0 / filled, 0.4, 1.0)[..., None])
    return np.clip(colour * (0.35 + 0.65 * facing)[..., None], 0, 255).astype(np.uint8)
