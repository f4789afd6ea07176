"""Views of hands that a camera before a person rarely has: from the person's own head, and from above.

In: palm rotations (N, 3, 3) in a look-at view (x right, y down, z away from the camera), shares. Out: the same with
shares of them replaced, and which. Always right hands. The numbers of all distributions are guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros import validation
from hand_pose_ros.synthetic.random_streams import BatchStream
from hand_pose_ros.synthetic.rotations import rotation_x, rotation_y, rotation_z

Array = NDArray[np.float64]

FAMILIES: tuple[str, ...] = ("any", "egocentric", "above")
_MOST_AWAY_RAD = 0.98
"""How far a hand points away from the camera at most: from 1.02 rad on its forearm hides it."""


@dataclass(frozen=True)
class ViewConfig:
    """Shares in 0..1 of the views, guessed; the rest are ``synthetic.poses.sample_view_rotations``'s. ValueError names
    a field that is no share, and a sum above 1."""

    egocentric: float = 0.0
    """The camera at the person's head: the arm comes from below, the hand points up in the picture and away."""
    above: float = 0.0
    """The camera over a table: hands lie or work below it, mostly with the back up, from any side of the picture."""
    table_below: float = 0.6
    """Share of the views from above with a table a few millimetres to centimetres behind the hand. Guessed."""

    def __post_init__(self) -> None:
        validation.share(self, "egocentric", "above", "table_below", section="views")
        total = self.egocentric + self.above
        validation.require(
            total <= 1, "views", "sum of shares", total, "at most 1 for egocentric, above together"
        )


class Views(NamedTuple):
    """Views of N hands."""

    rotation: Array
    """(N, 3, 3), columns: the palm's axes in the look-at view."""
    family: NDArray[np.int64]
    """(N,) index into ``FAMILIES``."""


def with_view_families(rotation: Array, config: ViewConfig, stream: tuple[int, ...]) -> Views:
    """Palm rotations (N, 3, 3) -> the same, of which shares are drawn anew from the families; stream: seeds."""
    count = len(rotation)
    if config.egocentric + config.above <= 0:
        return Views(rotation, np.zeros(count, np.int64))
    rng = np.random.default_rng([*stream, BatchStream.VIEW_FAMILIES])
    rest = 1.0 - config.egocentric - config.above
    family = rng.choice(len(FAMILIES), size=count, p=[max(rest, 0.0), config.egocentric, config.above])
    drawn = np.stack([rotation, _egocentric(count, rng), _above(count, rng)])
    return Views(np.asarray(drawn[family, np.arange(count)]), family)


# Back of the hand to the camera, fingers up: palm x -> image up (-y), palm z -> towards the camera.
_BACK: Array = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def _egocentric(count: int, rng: np.random.Generator) -> Array:
    """A right hand before the chest seen from the head: it points up in the picture, a little to the left, and away
    from the camera; its back or its thumb's side, sometimes its palm is seen."""
    about_arm = np.where(
        rng.random(count) < 0.8, rng.normal(0.5, 0.7, count), rng.uniform(-np.pi, np.pi, count)
    )
    away = np.clip(rng.normal(0.45, 0.4, count), -0.6, _MOST_AWAY_RAD)
    across = rng.normal(-0.35, 0.5, count)
    return np.asarray(rotation_z(across) @ rotation_x(-away) @ rotation_y(about_arm) @ _BACK)


def _above(count: int, rng: np.random.Generator) -> Array:
    """A hand below the camera, in any direction in the picture: flat or tipped by the wrist, the back up, on its side
    or palm up."""
    lies = rng.choice(3, size=count, p=(0.65, 0.22, 0.13))
    about_arm = np.choose(lies, [0.0, 0.5 * np.pi, np.pi]) + rng.normal(0, 0.35, count)
    away = np.clip(rng.normal(0.15, 0.4, count), -0.9, _MOST_AWAY_RAD)
    return np.asarray(
        rotation_z(rng.uniform(-np.pi, np.pi, count)) @ rotation_x(-away) @ rotation_y(about_arm) @ _BACK
    )
