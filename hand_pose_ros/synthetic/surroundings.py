"""What stands around hands in single pictures, drawn for many pictures at once: people, faces, things, tables, walls.

In: hands (metres, camera's optical frame), a generator. Out: :class:`Scenes` with these hands. The same things as in
the sequences, wider spread: the full-frame detector learns from these what is no hand. All numbers that are no
fields of the configuration are guessed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import KNUCKLE_JOINTS, PALM_JOINT, TIP_JOINTS
from hand_pose_ros.synthetic.picture_views import PictureViews
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
)
from hand_pose_ros.synthetic.room_lookalikes import close_tables, sample_room_lookalikes
from hand_pose_ros.synthetic.rotations import (
    axes_along,
    facing_normals,
    random_axes,
    rotation_x,
    rotation_y,
    rotation_z,
)
from hand_pose_ros.synthetic.scene import SceneHands, Scenes
from hand_pose_ros.synthetic.solids import VESSEL, Solids, gather, moved, solid, where
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_OBJECTS = 4
_PIECES = 12
_ARM_M = 0.75  # shoulders farther from the elbow are somebody else's
_CLEAR_M = 0.10  # things keep so far from a hand's middle, beyond their own size


def sample_surroundings(
    hands: SceneHands,
    field_of_view: Array,
    config: SurroundingsConfig,
    rng: np.random.Generator,
    lookalike_rng: np.random.Generator | None = None,
) -> Scenes:
    """A wall or a table and solids around the hands; field_of_view (N, 2): tangents of half the image's width and
    height. What is drawn from ``lookalike_rng`` (``rng`` where there is none)
    leaves all else as it is."""
    lookalike_rng = lookalike_rng or rng
    count = len(hands.present)
    turn = rotation_x(rng.normal(0.1, 0.3, count)) @ rotation_z(
        np.where(rng.random(count) < 0.85, rng.normal(0, 0.08, count), rng.uniform(-np.pi, np.pi, count))
    )
    views = PictureViews(hands, turn, field_of_view)
    parts = [
        *_bodies(views, config, rng),
        *_objects(views, config, rng),
        _table(views, config, rng),
        *_held(hands, config, rng),
        _before(hands, config, rng),
    ]
    walls = _walls(views, config, rng)
    parts += sample_room_lookalikes(views, config, lookalike_rng)
    walls = close_tables(hands, walls, config.table_close, lookalike_rng)
    return Scenes(hands, walls, gather(*parts))


def _bodies(views: PictureViews, config: SurroundingsConfig, rng: np.random.Generator) -> list[Solids]:
    """The hands' owner behind them, with upper arms to the elbows, and another person or a face alone."""
    hands, empty, turn, count = views.hands, views.empty, views.turn, views.count
    parts = []
    deepest = np.where(hands.present, hands.joints[..., 2].max(axis=2), 0.0).max(axis=1)
    present = np.maximum(hands.present.sum(axis=1), 1)[:, None]
    middle = (hands.middle * hands.present[..., None]).sum(axis=1) / present
    owner = ~empty & (rng.random(count) < config.body)
    chest = 0.6 * middle + rng.normal(0, 0.12, (count, 3))
    chest[:, 1] += rng.uniform(-0.1, 0.35, count)
    girth, size = rng.uniform(0.9, 1.3, count), rng.uniform(0.85, 1.15, count)
    chest[:, 2] = deepest + 0.15 * girth + 0.03 + 0.6 * rng.random(count) ** 1.5
    yaw = rotation_y(rng.normal(0, 0.35, count))
    parts.append(where(owner, trunk(chest, turn @ yaw, size, girth)))
    above = (turn @ (size[:, None, None] * HEAD_ABOVE[:, None]))[..., 0]
    gaze = turn @ rotation_y(rng.normal(0, 0.5, count)) @ rotation_x(rng.normal(0, 0.2, count))
    parts.append(where(owner, head(chest + above, gaze, size, rng.uniform(0.8, 1.25, count))))
    for slot in range(hands.present.shape[1]):
        sign = np.where(hands.left[:, slot], 1.0, -1.0)
        shoulder = SHOULDER * np.stack([sign, np.ones(count), np.ones(count)], axis=-1) * size[:, None]
        shoulder = chest + (turn @ yaw @ shoulder[..., None])[..., 0]
        elbow = hands.elbow[:, slot]
        near = np.linalg.norm(shoulder - elbow, axis=1) < _ARM_M
        arm = limb(shoulder, elbow, rng.uniform(0.042, 0.062, count))
        parts.append(where(owner & near & hands.present[:, slot], arm))

    z = np.where(empty, rng.uniform(0.3, 1.2, count), rng.uniform(0.45, 1.8, count))
    face = views.positions(z, rng, 0.85)
    clear = (hands.apart(face) > 0.22) & (~owner | (np.linalg.norm(face - chest, axis=1) > 0.35))
    share = np.where(empty, config.face_alone, config.face)
    there = clear & (rng.random(count) < share)
    gaze = turn @ rotation_y(rng.normal(0, 0.6, count)) @ rotation_x(rng.normal(0, 0.25, count))
    parts.append(where(there, head(face, gaze, size, rng.uniform(0.8, 1.25, count))))
    below = face - above
    dressed = there & (hands.apart(below) > 0.3) & (rng.random(count) < 0.85)
    parts.append(where(dressed, trunk(below, turn, size, girth)))
    return parts


def _objects(views: PictureViews, config: SurroundingsConfig, rng: np.random.Generator) -> list[Solids]:
    """Boxes, balls, cylinders, cups, grippers, chairs, bare arms."""
    hands, empty, turn, count = views.hands, views.empty, views.turn, views.count
    parts = []
    for _ in range(_OBJECTS):
        half = rng.uniform(0.018, 0.075, (count, 3))
        long = rng.random(count) < 0.3
        half[long, 2] *= rng.uniform(1.5, 4.0, count)[long]
        ball = rng.random(count) < 0.25
        half[ball] = half[ball, :1]
        place = views.positions(rng.uniform(0.25, 1.5, count), rng)
        clear = hands.apart(place) > half.max(axis=1) + _CLEAR_M
        thing = solid(rng.integers(3, size=count), place, half, random_axes(count, rng))
        parts.append(where(clear & (rng.random(count) < config.thing), thing))
    parts += _small_pieces(views, config, rng)
    place = views.positions(rng.uniform(0.3, 1.2, count), rng)
    clear = hands.apart(place) > 0.2
    mug = cup(place, turn @ rotation_y(rng.uniform(-np.pi, np.pi, count)), rng.uniform(0.8, 1.3, count))
    parts.append(where(clear & (rng.random(count) < config.cup), mug))

    elbow = views.positions(rng.uniform(0.3, 1.3, count), rng, 0.8)
    way = rng.uniform(-np.pi, np.pi, count)
    along = np.stack([np.cos(way), np.sin(way), rng.uniform(-0.5, 0.9, count)], axis=-1)
    end = elbow + rng.uniform(0.6, 1.3, (count, 1)) * along
    clear = (hands.apart(elbow) > 0.25) & (hands.apart(0.5 * (elbow + end)) > 0.25)
    clear &= hands.beside(elbow, end) > 0.15
    share = np.where(empty, config.elbow_alone, config.elbow)
    arm = bare_forearm(elbow, end, rng.uniform(0.03, 0.055, count))
    parts.append(where(clear & (rng.random(count) < share), arm))

    if config.mug > 0:
        place = views.positions(rng.uniform(0.3, 1.2, count), rng)
        size, tall, reach = rng.uniform([[0.7], [0.6], [0.7]], [[1.3], [1.5], [1.5]], (3, count))
        mug = cup(place, turn @ rotation_y(rng.uniform(-np.pi, np.pi, count)), size, tall, reach, VESSEL)
        parts.append(where((hands.apart(place) > 0.2) & (rng.random(count) < config.mug), mug))
    if config.gripper > 0:
        place = views.positions(rng.uniform(0.3, 1.3, count), rng, 0.9)
        size, opening = rng.uniform([[0.7], [0.0]], [[1.3], [1.0]], (2, count))
        robot = gripper(place, random_axes(count, rng), size, opening, rng.random(count) < 0.4)
        clear = hands.beside(place, robot.centre[:, 1]) > 0.3
        parts.append(where(clear & (rng.random(count) < config.gripper), robot))

    place = views.positions(rng.uniform(0.8, 2.2, count), rng)
    clear = hands.apart(place) > 0.65
    seat = chair(place, turn @ rotation_y(rng.uniform(-np.pi, np.pi, count)))
    parts.append(where(clear & (rng.random(count) < config.chair), seat))
    return parts


def _small_pieces(views: PictureViews, config: SurroundingsConfig, rng: np.random.Generator) -> list[Solids]:
    """Small pieces in all directions, as ragged as fingers but without a palm."""
    count = views.count
    place = views.positions(rng.uniform(0.35, 1.5, count), rng)
    spread = rng.uniform(0.02, 0.10, (count, 1)) * rng.uniform(0.4, 1.0, (count, 3))
    there = (views.hands.apart(place) > 0.25) & (rng.random(count) < config.heap)
    parts = []
    for _ in range(_PIECES):
        half = rng.uniform(0.005, 0.03, (count, 3))
        half[:, 2] *= rng.uniform(1.0, 4.0, count)
        kind, shift = rng.integers(3, size=count), spread * rng.normal(size=(count, 3))
        piece = solid(kind, place + shift, half, random_axes(count, rng))
        parts.append(where(there & (rng.random(count) < 0.8), piece))
    return parts


def _table(views: PictureViews, config: SurroundingsConfig, rng: np.random.Generator) -> Solids:
    """A table top under what there is, seen from above or nearly along it."""
    hands, empty, turn, count = views.hands, views.empty, views.turn, views.count
    upright = np.einsum("nji,nhj->nhi", turn, hands.middle)
    lowest = np.where(hands.present, upright[..., 1], -np.inf).max(axis=1)
    height = np.where(empty, rng.uniform(0.08, 0.4, count), lowest + rng.uniform(0.06, 0.3, count))
    x, y = rng.normal(0, 0.2, count), np.where(np.isfinite(height), height, 0.2)
    edge = np.stack([x, y, rng.uniform(0.15, 0.9, count)], axis=-1)
    return where(rng.random(count) < config.table, moved(table(edge, np.eye(3)), turn))


def _held(hands: SceneHands, config: SurroundingsConfig, rng: np.random.Generator) -> list[Solids]:
    """Between the palm and the fingertips, as large as there is room and a little larger."""
    parts = []
    for slot in range(hands.present.shape[1]):
        joints = hands.joints[:, slot]
        count = len(joints)
        tips = joints[:, list(TIP_JOINTS)].mean(axis=1)
        centre = 0.45 * joints[:, PALM_JOINT] + 0.55 * tips + rng.normal(0, 0.006, (count, 3))
        room = np.linalg.norm(joints - centre[:, None], axis=-1).min(axis=1)
        half = np.maximum(room - 0.004, 0.006)[:, None] * rng.uniform(0.7, 1.1, (count, 3))
        half[:, 2] *= np.where(rng.random(count) < 0.4, rng.uniform(1.0, 3.0, count), 1.0)
        along = joints[:, KNUCKLE_JOINTS[0]] - joints[:, KNUCKLE_JOINTS[-1]]
        along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        turn = axes_along(along, rng.normal(size=(count, 3)))[:, [1, 2, 0]]
        there = hands.present[:, slot] & (rng.random(count) < config.held)
        parts.append(where(there, solid(rng.integers(3, size=count), centre, half, turn)))
    return parts


def _before(hands: SceneHands, config: SurroundingsConfig, rng: np.random.Generator) -> Solids:
    """Something that hides a part of the first hand."""
    count = len(hands.present)
    middle = np.where(hands.present[:, :1], hands.middle[:, 0], [0.0, 0.0, 1.0])
    distance = np.linalg.norm(middle, axis=1, keepdims=True)
    nearer = middle * (1 - rng.uniform(0.08, 0.2, (count, 1)) / distance)
    place = nearer + rng.normal(0, 0.05, (count, 3)) * [1, 1, 0]
    half = rng.uniform(0.008, 0.06, (count, 3))
    there = hands.present[:, 0] & (distance[:, 0] > 0.35) & (rng.random(count) < config.before)
    return where(there, solid(rng.integers(3, size=count), place, half, random_axes(count, rng)))


def _walls(views: PictureViews, config: SurroundingsConfig, rng: np.random.Generator) -> Array:
    """(N, 4): behind every joint, sometimes close."""
    hands, count = views.hands, views.count
    normal = facing_normals(count, 0.3, rng)
    deep = np.einsum("nhji,ni->nhj", hands.joints, normal).max(axis=2)
    deepest = np.where(hands.present, deep, 0.0).max(axis=1)
    gap = 0.025 + 2.5 * rng.random(count) ** 1.7
    offset = np.where(views.empty, rng.uniform(0.35, 3.0, count), deepest + gap)
    walls = np.concatenate([normal, offset[:, None]], axis=1)
    walls[rng.random(count) >= config.wall] = np.nan
    return walls
