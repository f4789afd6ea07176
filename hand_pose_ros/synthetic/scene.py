"""What surrounds a hand: a wall or table behind it, a body, loose objects, now and then something before it.

Everything is drawn in the hand's local frame (metres, look-at view, origin at the crop centre) and handed to the
renderer as planes and ellipsoids. Nothing passes through the hand: surfaces keep clear of every joint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
OBJECTS = 4
# Flesh between a joint and the skin, plus a gap, metres.
_CLEARANCE_M = 0.022


@dataclass(frozen=True)
class Scenes:
    """N scenes in local frames. planes (N, 4): unit normal and offset m, NaN for none; centres (N, OBJECTS, 3) m and
    axes (N, OBJECTS, 3, 3) 1/m of ellipsoids as ``render.draw_ellipsoid`` wants them, NaN for none."""

    planes: Array
    centres: Array
    axes: Array


@dataclass(frozen=True)
class SceneConfig:
    """How often each thing stands in a scene (shares in 0..1)."""

    plane: float = 0.35
    body: float = 0.30
    beside: float = 0.25
    before: float = 0.10

    def __post_init__(self) -> None:
        for name in ("plane", "body", "beside", "before"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"scene {name} is {getattr(self, name)}: it is a share between 0 and 1")


def sample_scenes(joints: Array, config: SceneConfig, rng: np.random.Generator) -> Scenes:
    """Joints (N, 23, 3) m local -> N scenes around them."""
    count = len(joints)
    planes = np.full((count, 4), np.nan)
    centres = np.full((count, OBJECTS, 3), np.nan)
    axes = np.full((count, OBJECTS, 3, 3), np.nan)

    tilt = rng.normal(0, 0.45, (count, 2))
    normal = np.stack([tilt[:, 0], tilt[:, 1], np.ones(count)], axis=-1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    deepest = np.einsum("nji,ni->nj", joints, normal).max(axis=1)
    gap = _CLEARANCE_M + 0.35 * rng.random(count) ** 2
    has_plane = rng.random(count) < config.plane
    planes[has_plane] = np.concatenate([normal, (deepest + gap)[:, None]], axis=1)[has_plane]

    def put(slot: int, share: float, centre: Array, half_axes: Array) -> None:
        chosen = rng.random(count) < share
        turn = _random_turns(count, rng)
        centres[chosen, slot] = centre[chosen]
        axes[chosen, slot] = (turn / half_axes[:, :, None])[chosen]

    # A torso or a head behind the hand.
    half = rng.uniform(0.08, 0.22, (count, 3))
    far = joints[..., 2].max(axis=1) + _CLEARANCE_M + half.max(axis=1) + 0.25 * rng.random(count) ** 2
    side = rng.normal(0, 0.14, (count, 2))
    put(0, config.body, np.concatenate([side, far[:, None]], axis=1), half)

    # Two loose objects beside or behind the hand, as near as they can be without touching it.
    for slot in (1, 2):
        half = rng.uniform(0.012, 0.07, (count, 3))
        centre = rng.uniform(-0.17, 0.17, (count, 3))
        distance = np.linalg.norm(joints - centre[:, None], axis=-1).min(axis=1)
        room = distance - _CLEARANCE_M
        half = np.minimum(half, np.maximum(room, 0.004)[:, None])
        hidden = centre[:, 2] < joints[..., 2].mean(axis=1) - 0.02
        centre[hidden] += np.array([0.0, 0.0, 10.0])  # objects before the hand are the next kind
        put(slot, config.beside, centre, half)

    # Something before it that hides a part: an object being handed over, a cable, another finger.
    half = np.stack([rng.uniform(0.015, 0.06, count), *rng.uniform(0.004, 0.018, (2, count))], axis=-1)
    near = joints[..., 2].min(axis=1) - _CLEARANCE_M - 0.5 * half[:, 0] - 0.03 * rng.random(count)
    side = rng.normal(0, 0.05, (count, 2))
    put(3, config.before, np.concatenate([side, near[:, None]], axis=1), half)
    return Scenes(planes, centres, axes)


def to_camera(scenes: Scenes, view: Array, distance: Array) -> Scenes:
    """Scenes from local frames into camera frames: view (N, 3, 3) camera -> view, distance (N,) m of the centre."""
    planes = scenes.planes.copy()
    planes[:, :3] = np.einsum("nji,nj->ni", view, scenes.planes[:, :3])
    planes[:, 3] += scenes.planes[:, 2] * distance
    moved = scenes.centres + distance[:, None, None] * np.array([0.0, 0.0, 1.0])
    centres = np.einsum("nji,nkj->nki", view, moved)
    return Scenes(planes, centres, scenes.axes @ view[:, None])


def _random_turns(count: int, rng: np.random.Generator) -> Array:
    """(N, 3, 3) orthonormal matrices."""
    q, _ = np.linalg.qr(rng.normal(size=(count, 3, 3)))
    return np.asarray(q)
