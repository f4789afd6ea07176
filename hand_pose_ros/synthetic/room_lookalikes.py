"""Things in whole pictures that a tracker takes for hands: held things without a hand, robots, furniture, stumps.

In: where the hands and the picture are, shares (``SurroundingsConfig``). Out: solids (N, K) clear of the hands, walls
(N, 4) close behind them. The same things as in the crops of ``synthetic.lookalikes``. Distances are guessed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.furniture import furniture
from hand_pose_ros.synthetic.household import held_objects, lying, robot_arms, rod
from hand_pose_ros.synthetic.picture_views import PictureViews
from hand_pose_ros.synthetic.rotations import facing_normals, random_axes, random_directions
from hand_pose_ros.synthetic.scene import SceneHands
from hand_pose_ros.synthetic.solids import ELLIPSOID, NOTHING, Solids, gather, moved, solid, where
from hand_pose_ros.synthetic.surroundings_config import SurroundingsConfig
from hand_pose_ros.synthetic.tubes import tubes

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CLEAR_M = 0.11  # things keep so far from a hand's middle, beyond their own thickness: a hand's reach
_TABLE_GAP_M = (0.014, 0.045)  # from the joints' centres; 12 mm of that is flesh


def sample_room_lookalikes(
    views: PictureViews, config: SurroundingsConfig, rng: np.random.Generator
) -> list[Solids]:
    """Solids (N, K each) in the camera's frame; nothing, and nothing drawn, where the shares are 0."""
    count, parts = views.count, []

    def place(share: float, solids: Solids, centre: Array) -> Flags:
        """Whether they are there (N,)."""
        there = moved(solids, np.eye(3), centre)
        here = (rng.random(count) < share) & _clear(views.hands, there)
        parts.append(where(here, there))
        return here

    for _ in range(2):
        if config.household > 0:
            centre = views.positions(rng.uniform(0.3, 1.3, count), rng)
            turn = np.where((rng.random(count) < 0.6)[:, None, None], views.turn, random_axes(count, rng))
            things = moved(lying(held_objects(count, rng)[0], rng.random(count) < 0.25, rng), turn)
            way = random_directions(count, rng, (1.0, 1.0, 0.7))
            held = rng.choice(3, size=count, p=(0.4, 0.3, 0.3))  # alone, arm, stick
            half = np.where(held == 1, rng.uniform(0.022, 0.036, count), rng.uniform(0.005, 0.02, count))
            end = way * np.where(held == 1, 0.6, rng.uniform(0.2, 0.6, count))[:, None]
            place(config.household, gather(things, where(held > 0, rod(np.zeros(3), end, half))), centre)
        if config.furniture > 0:
            pieces = moved(furniture(count, rng)[0], views.turn)
            place(config.furniture, pieces, views.positions(rng.uniform(0.4, 1.8, count), rng))
    if config.robot > 0:
        arm = moved(robot_arms(count, rng), random_axes(count, rng))
        place(config.robot, arm, views.positions(rng.uniform(0.3, 1.5, count), rng))
    if config.stump > 0:
        place(config.stump, *_stumps(views, rng))
    if config.tube > 0:  # drawn last: without them all else is as it was
        bent = moved(tubes(count, rng), random_axes(count, rng))
        place(config.tube, bent, views.positions(rng.uniform(0.3, 1.5, count), rng))
    return parts


def _stumps(views: PictureViews, rng: np.random.Generator) -> tuple[Solids, Array]:
    """-> forearms (N, 3 parts) from the picture's edge to a wrist, about the wrist, and the wrists (N, 3) m."""
    count = views.count
    z = rng.uniform(0.3, 1.2, count)
    side = rng.integers(4, size=count)
    edge = rng.uniform(-1.0, 1.0, (count, 2))
    edge[np.arange(count), side // 2] = np.where(side % 2, 1.0, -1.0)
    inward = rng.uniform(0.02, 0.3, count)
    tangent = edge * views.field_of_view
    start = np.concatenate([tangent, np.ones((count, 1))], axis=1) * z[:, None]
    way = np.concatenate([-edge + rng.normal(0, 0.4, (count, 2)), rng.normal(0, 0.4, (count, 1))], axis=1)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    end = start + inward[:, None] * way
    half = rng.uniform(0.020, 0.030, count)
    bulge = -way * (inward + 0.12)[:, None]
    arm = gather(
        rod(np.zeros((count, 3)), bulge, half),
        rod(-way * 0.08, -way * (inward + 0.3)[:, None], 1.35 * half),
        solid(
            ELLIPSOID, np.zeros((count, 3)), half[:, None] * rng.uniform(0.3, 1.0, (count, 1)) * np.ones(3)
        ),
    )
    return arm, end


def _clear(hands: SceneHands, solids: Solids) -> Flags:
    """(N,): whether every one of the solids (N, K) is clear of all hands."""
    size = 1.0 / np.maximum(np.linalg.norm(solids.axes, axis=-1), 1e-9)
    longest = size.argmax(axis=-1)
    unit = np.take_along_axis(solids.axes * size[..., None], longest[..., None, None], axis=-2)[..., 0, :]
    reach = unit * np.take_along_axis(size, longest[..., None], axis=-1)
    thick = np.sort(size, axis=-1)[..., 1]
    clear = np.ones(len(solids.kind), bool)
    reach = np.where(solids.kind[..., None] == NOTHING, 1.0, reach)  # any length but none
    for k in range(solids.kind.shape[1]):
        near = hands.beside(solids.centre[:, k] - reach[:, k], solids.centre[:, k] + reach[:, k])
        clear &= (solids.kind[:, k] == NOTHING) | (near > thick[:, k] + _CLEAR_M)
    return clear


def close_tables(hands: SceneHands, walls: Array, share: float, rng: np.random.Generator) -> Array:
    """Walls (N, 4), a share of those of pictures with hands moved up to just behind the deepest joint or elbow."""
    if share <= 0:
        return walls
    count = len(walls)
    normal = facing_normals(count, 0.35, rng)
    points = np.concatenate([hands.joints, hands.elbow[:, :, None]], axis=2)
    deep = np.einsum("nhji,ni->nhj", points, normal).max(axis=2)
    deepest = np.where(hands.present, deep, -np.inf).max(axis=1)
    chosen = (rng.random(count) < share) & hands.present.any(axis=1)
    offset = deepest + rng.uniform(*_TABLE_GAP_M, count)
    return np.where(chosen[:, None], np.concatenate([normal, offset[:, None]], axis=1), walls)
