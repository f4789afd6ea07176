"""What stands around a person's hands over time: walls, tables, things that are no hands, and the person.

In: a seed, names of things, a time. Out: :class:`Solids` in the camera's optical frame, metres. All of it is turned
with the camera, which looks a little up or down and is not quite upright. All numbers are guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.primitives import (
    HEAD_ABOVE,
    SHOULDER,
    bare_forearm,
    chair,
    cup,
    gripper,
    head,
    limb,
    table,
    trunk,
)  # fmt: skip
from hand_pose_ros.synthetic.random_streams import SeedStream
from hand_pose_ros.synthetic.rotations import rotation_x, rotation_y, rotation_z
from hand_pose_ros.synthetic.solids import BOX, ELLIPSOID, NO_SOLIDS, VESSEL, Solids, gather, moved, solid

Array = NDArray[np.float64]

ENVIRONMENTS: tuple[str, ...] = ("wall", "table", "far")
DISTRACTORS: tuple[str, ...] = ("face", "box", "ball", "cup", "mug", "gripper", "elbow", "chair")


def sample_camera_tilt(rng: np.random.Generator) -> Array:
    """(3, 3): the rotation from an upright frame (y down) to that of a camera held by somebody."""
    return rotation_x(rng.normal(0.1, 0.15)) @ rotation_z(rng.normal(0.0, 0.06))


class Environment:
    """Walls and things; ``wall`` (4,) is a plane's unit normal and offset in m, NaN for none."""

    def __init__(
        self,
        seed: int,
        environment: str,
        distractors: tuple[str, ...],
        farthest_m: float,
        table_edge_m: float,
    ) -> None:
        """farthest_m: walls stand behind that; table_edge_m: the nearest that a table may begin."""
        rng = np.random.default_rng([SeedStream.ENVIRONMENT, seed])
        self._turn = sample_camera_tilt(rng)
        environment = environment or str(rng.choice(ENVIRONMENTS))
        self.wall: Array = np.full(4, np.nan)
        if environment != "far":
            normal = np.array([*rng.normal(0, 0.2, 2), 1.0])
            self.wall = np.array([*(normal / np.linalg.norm(normal)), farthest_m + rng.uniform(0.9, 2.5)])
        self._table = NO_SOLIDS
        self._height = 0.0
        if environment == "table":
            # The top is seen from above, its edge below the image's middle.
            self._height = rng.uniform(0.12, 0.3)
            self._table = table(
                [rng.normal(0, 0.1), self._height, table_edge_m + rng.uniform(0.0, 0.25)], np.eye(3)
            )
        self._distractors = [Distractor(name, rng, self._height) for name in distractors]

    def solids(self, t: float) -> Solids:
        """Everything but the wall and the person at time t, s."""
        upright = [self._table, *(distractor.solids(t) for distractor in self._distractors)]
        return moved(gather(*upright), self._turn)


class Distractor:
    """Something that is no hand. It sways and turns a little, as if somebody held it or sat there."""

    def __init__(self, name: str, rng: np.random.Generator, table_height: float) -> None:
        self.name = name
        self._size = rng.uniform(0.85, 1.2)
        self._half = rng.uniform(0.028, 0.055, 3) if name == "box" else np.full(3, rng.uniform(0.03, 0.06))
        far = {"chair": (0.9, 1.8)}.get(name, (0.4, 0.8))
        z = rng.uniform(*far)
        self._place = np.array([rng.uniform(-0.25, 0.25) * z, rng.uniform(-0.15, 0.15) * z, z])
        self._rests = table_height > 0.0 and name in ("box", "ball", "cup", "mug") and rng.random() < 0.6
        if self._rests:
            low = 0.048 * self._size if name in ("cup", "mug") else float(self._half[1])
            self._place[1] = table_height - low
        self._yaw, self._tilt = rng.uniform(-0.7, 0.7), rng.normal(0, 0.15, 2)
        self._speed, self._phase = rng.uniform(0.3, 1.6, (2, 4)), rng.uniform(0, 2 * np.pi, (2, 4))
        self._sway = np.array([0.04, 0.03, 0.04, 0.35]) * (0.0 if self._rests or name == "chair" else 1.0)
        self._relief = rng.uniform(0.85, 1.2)
        # A forearm that leaves the image below or beside it.
        way = rng.uniform(-0.35 * np.pi, 1.35 * np.pi)
        self._arm = np.array([np.cos(way), np.sin(way), rng.uniform(-0.1, 0.3)]) * 0.9
        self._radius = rng.uniform(0.036, 0.05)
        self._reach = rng.uniform(-np.pi, np.pi) if name == "gripper" else 0.0

    def solids(self, t: float) -> Solids:
        sway = self._sway * np.sin(self._speed * t + self._phase).sum(axis=0) / 2
        place = self._place + sway[:3]
        turn = rotation_y(self._yaw + sway[3])
        if not self._rests and self.name != "chair":
            turn = turn @ rotation_x(self._tilt[0]) @ rotation_z(self._tilt[1])
        if self.name == "face":
            chest = place - HEAD_ABOVE * self._size
            parts = [head(place, turn, self._size, self._relief), trunk(chest, np.eye(3), self._size)]
            return gather(*parts)
        if self.name == "box":
            return solid(BOX, place, self._half, turn.T)
        if self.name == "ball":
            return solid(ELLIPSOID, place, self._half)
        if self.name == "cup":
            return cup(place, turn, self._size)
        if self.name == "mug":
            return cup(place, turn, self._size, body=VESSEL)
        if self.name == "gripper":
            reaching = turn @ rotation_z(self._reach)
            return gripper(place, reaching, self._size, 0.5 + 0.5 * np.sin(self._speed[0, 3] * t))
        if self.name == "elbow":
            return bare_forearm(place, place + self._arm, self._radius)
        return chair(place + np.array([0.0, 0.2, 0.0]), turn)


class Body:
    """The person whose hands they are: trunk, head, upper arms; it sways. Forearms belong to the hands."""

    def __init__(self, seed: int, distance_m: tuple[float, float]) -> None:
        rng = np.random.default_rng([SeedStream.BODY, seed])
        self._turn = sample_camera_tilt(np.random.default_rng([SeedStream.ENVIRONMENT, seed]))
        far = 0.5 * sum(distance_m) + rng.uniform(0.42, 0.62)
        self._chest = np.array([rng.normal(0, 0.05), rng.uniform(-0.08, 0.22), far])
        self._size, self._girth = rng.uniform(0.88, 1.12), rng.uniform(0.9, 1.3)
        self._relief, self._radius = rng.uniform(0.85, 1.2), rng.uniform(0.045, 0.062)
        self._yaw = rng.normal(0, 0.15)
        self._speed, self._phase = rng.uniform(0.3, 1.2, (2, 4)), rng.uniform(0, 2 * np.pi, (2, 4))

    def solids(self, t: float, elbows: Mapping[str, Array]) -> Solids:
        """At time t, s; elbows (3,) m in the camera's frame by side. Arms without a hand in the scene hang down."""
        sway = np.array([0.015, 0.008, 0.02, 0.3]) * np.sin(self._speed * t + self._phase).sum(axis=0) / 2
        chest = self._chest + sway[:3]
        face = rotation_y(self._yaw + sway[3])
        parts = [
            trunk(chest, rotation_y(self._yaw), self._size, self._girth),
            head(chest + HEAD_ABOVE * self._size, face, self._size, self._relief),
        ]
        for side, sign in (("right", -1.0), ("left", 1.0)):
            shoulder = chest + rotation_y(self._yaw) @ (SHOULDER * [sign, 1.0, 1.0]) * self._size
            hanging = shoulder + np.array([0.06 * sign, 0.30, 0.0])
            elbow = self._turn.T @ elbows[side] if side in elbows else hanging
            parts.append(limb(shoulder, elbow, self._radius))
        return moved(gather(*parts), self._turn)
