"""Things that are taken for hands in rooms, built of solids: what hands hold, robot arms with grippers.

In: how many, a generator. Out: :class:`~hand_pose_ros.synthetic.solids.Solids` (N, K), K at most ``PARTS``, in metres,
y down, the point that a locator lands on at the origin. All sizes are natural ones, guessed: balls 36 to 92 mm
across, cans and bottles 60 to 80 mm, handles 20 to 36 mm, boxes 40-80 x 24-70 x 80-180 mm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.synthetic.primitives import UPRIGHT
from hand_pose_ros.synthetic.rotations import (
    axes_along,
    axes_with_third,
    random_directions,
    rotation_y,
    rotation_z,
)
from hand_pose_ros.synthetic.solids import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    NOTHING,
    VESSEL,
    Solids,
    gather,
    moved,
    solid,
    where,
)

Array = NDArray[np.float64]

PARTS = 12
"""Most solids of one thing."""
OBJECT_PARTS = 3
"""Solids of a thing that a hand holds."""
OBJECTS: tuple[str, ...] = ("ball", "can", "bottle", "box", "bowl", "cup", "tool", "flat")

# What hands grasp (``grasp_whole_hand``) and what stands without a hand are of the same sizes, m.
BALL_RADIUS_M = (0.018, 0.046)
CAN_RADIUS_M = (0.030, 0.040)
"""Of bottles and glasses, too."""
HANDLE_RADIUS_M = (0.010, 0.018)
BOX_HALF_M = ((0.020, 0.012, 0.040), (0.040, 0.035, 0.090))
"""Least and most half edges, the longest one last."""
_LARGE_BALL = 0.15  # share of the balls that are a play ball's size, up to 22 cm across; guessed


def held_objects(count: int, rng: np.random.Generator) -> tuple[Solids, NDArray[np.int64]]:
    """-> things that stand upright about their middle (N, 3 parts), and which of ``OBJECTS`` each is."""
    kind = rng.integers(len(OBJECTS), size=count)
    name = np.array(OBJECTS)[kind]
    radius, tall = np.empty(count), np.empty(count)
    body = np.full(count, ELLIPSOID)

    def fill(which: str, code: int, width: tuple[float, float], height: tuple[float, float]) -> None:
        chosen = name == which
        body[chosen] = code
        radius[chosen] = rng.uniform(*width, count)[chosen]
        tall[chosen] = rng.uniform(*height, count)[chosen]

    fill("ball", ELLIPSOID, BALL_RADIUS_M, (0.0, 0.0))
    fill("can", CYLINDER, CAN_RADIUS_M, (0.045, 0.085))
    fill("bottle", CYLINDER, CAN_RADIUS_M, (0.055, 0.095))
    fill("bowl", VESSEL, (0.050, 0.090), (0.025, 0.045))
    fill("cup", VESSEL, (0.032, 0.045), (0.040, 0.060))
    fill("tool", CYLINDER, HANDLE_RADIUS_M, (0.050, 0.150))
    fill("box", BOX, (0.0, 0.0), (0.0, 0.0))
    fill("flat", BOX, (0.0, 0.0), (0.0, 0.0))
    half = np.stack([radius, radius, tall], axis=-1)
    ball = name == "ball"
    large = ball & (rng.random(count) < _LARGE_BALL)
    radius[large] = rng.uniform(BALL_RADIUS_M[1], 0.110, count)[large]
    half[ball] = radius[ball, None]
    half[name == "box"] = rng.uniform(*BOX_HALF_M, (count, 3))[name == "box"]
    # A phone, or a book.
    phone = rng.random(count) < 0.5
    flat = np.where(
        phone[:, None],
        rng.uniform([0.033, 0.003, 0.070], [0.042, 0.006, 0.083], (count, 3)),
        rng.uniform([0.050, 0.005, 0.065], [0.080, 0.022, 0.110], (count, 3)),
    )
    half[name == "flat"] = flat[name == "flat"]

    zero, up = np.zeros((count, 3)), np.array([0.0, -1.0, 0.0])
    top = half[:, 2:] * up
    # A bottle has a shoulder and a neck, a tool a head: a hammer's, a screwdriver's tip, a brush.
    slope = np.stack([radius, radius, rng.uniform(0.4, 1.0, count) * radius], axis=-1)
    neck = np.stack(
        [*rng.uniform(0.011, 0.017, (1, count)).repeat(2, 0), rng.uniform(0.02, 0.04, count)], axis=-1
    )
    head = rng.uniform([0.006, 0.006, 0.006], [0.060, 0.018, 0.018], (count, 3))
    bottle, tool = name == "bottle", name == "tool"
    second = solid(np.where(bottle, ELLIPSOID, BOX), top, np.where(bottle[:, None], slope, head), UPRIGHT)
    third = solid(CYLINDER, top + (slope[:, 2:] + 0.5 * neck[:, 2:]) * up, neck, UPRIGHT)
    parts = gather(
        solid(body, zero, half, UPRIGHT),
        where(bottle | (tool & (rng.random(count) < 0.6)), second),
        where(bottle, third),
    )
    return parts, kind


def reach_along(solids: Solids, direction: Array) -> Array:
    """(N,) m: how far solids (N, K) extend from the origin along unit directions (N, 3); -inf where there are none."""
    lengths = (solids.axes**2).sum(axis=-1)
    along = np.abs(np.einsum("nkij,nj->nki", solids.axes, direction)) / np.maximum(lengths, 1e-12)
    box = along.sum(axis=-1)
    ellipsoid = np.sqrt((along**2).sum(axis=-1))
    cylinder = np.hypot(along[..., 0], along[..., 1]) + along[..., 2]
    extent = np.where(solids.kind == BOX, box, np.where(solids.kind == ELLIPSOID, ellipsoid, cylinder))
    extent += np.einsum("nki,ni->nk", solids.centre, direction)
    return np.asarray(np.where(solids.kind == NOTHING, -np.inf, extent).max(axis=-1))


def rod(start: ArrayLike, end: ArrayLike, half: ArrayLike, kind: ArrayLike = CYLINDER) -> Solids:
    """A round or square rod (..., 1) between start and end (..., 3) m, half (...) m thick."""
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    along = end - start
    length = np.maximum(np.linalg.norm(along, axis=-1), 1e-3)
    across = np.broadcast_to(np.asarray(half, np.float64), length.shape)
    size = np.stack([across, across, 0.5 * length], axis=-1)
    return solid(kind, 0.5 * (start + end), size, axes_with_third(along / length[..., None]))


def beam(middle: Array, along: Array, half: Array, kind: ArrayLike) -> Solids:
    """A beam (N, 1) about middle (N, 3) m along unit directions (N, 3), upright: half (N, 3) m across, high, long."""
    turn = axes_along(along, np.broadcast_to([0.0, 1.0, 0.0], along.shape))
    # The third axis is a cylinder's own.
    return solid(kind, middle, half, turn[:, [1, 2, 0]])


def robot_arms(count: int, rng: np.random.Generator) -> Solids:
    """Arms of up to three links (N, 12 parts), at the end a gripper with fingers of two links each, a knob, or nothing.

    Links are 4 to 33 cm long and 3 to 11 cm thick: from small arms of servos to those of cobots.
    """
    small = rng.random(count) < 0.4
    radius = np.where(small, rng.uniform(0.014, 0.028, count), rng.uniform(0.028, 0.055, count))
    along = random_directions(count, rng)
    square = rng.random(count) < 0.3
    joints, links = [np.zeros((count, 3))], []
    for number in range(3):
        long = rng.uniform(2.5, 6.0, count) * radius
        joints.append(joints[-1] - along * long[:, None])
        links.append(rod(joints[-2], joints[-1], radius, np.where(square, BOX, CYLINDER)))
        # The next link turns by any angle up to a right one.
        along = along + rng.normal(size=(count, 3)) * rng.uniform(0.0, 0.9, (count, 1))
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        if number < 2:
            thick = rng.uniform(1.0, 1.45, count) * radius
            turn = axes_along(along, rng.normal(size=(count, 3)))
            half = np.stack([thick, thick, rng.uniform(0.9, 1.5, count) * thick], axis=-1)
            links.append(solid(rng.choice((ELLIPSOID, CYLINDER), count), joints[-1], half, turn))
    direction = -links[0].axes[:, 0, 2]
    direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    # The first link's third axis points from its start to its end: away from the gripper.
    end = _grippers(count, np.clip(radius, 0.02, 0.045), rng)
    kind = rng.choice(3, size=count, p=(0.6, 0.25, 0.15))
    end = moved(end, axes_along(direction, rng.normal(size=(count, 3))).swapaxes(1, 2))
    knob = rng.uniform(0.9, 1.6, count) * np.clip(radius, 0.018, 0.05)
    half = np.stack([knob, knob, knob * rng.uniform(0.5, 1.2, count)], axis=-1)
    ball = solid(
        rng.choice((ELLIPSOID, CYLINDER), count),
        0.5 * knob[:, None] * direction,
        half,
        axes_with_third(direction),
    )
    at_end = Solids(end.kind[:, 1:], end.centre[:, 1:], end.axes[:, 1:])
    first = Solids(
        np.where(kind == 0, end.kind[:, 0], np.where(kind == 1, ball.kind[:, 0], NOTHING))[:, None],
        np.where((kind == 0)[:, None], end.centre[:, 0], ball.centre[:, 0])[:, None],
        np.where((kind == 0)[:, None, None], end.axes[:, 0], ball.axes[:, 0])[:, None],
    )
    parts = gather(first, where(kind == 0, at_end), *links)
    # The locator lands on the end, on a joint, or on a link.
    at = rng.choice(3, size=count, p=(0.6, 0.25, 0.15))
    focus = np.choose(at[:, None], [0.04 * direction, joints[1], 0.5 * (joints[0] + joints[1])])
    return parts._replace(centre=parts.centre - focus[:, None])


def _grippers(count: int, size: Array, rng: np.random.Generator) -> Solids:
    """Grippers (N, 7 parts) that point along +x from the origin: a housing and two or three fingers of two links."""
    wide = size * rng.uniform(0.9, 1.4, count)
    half = np.stack([rng.uniform(0.4, 0.9, count) * size, wide, rng.uniform(0.5, 1.0, count) * size], axis=-1)
    front = 2.0 * half[:, :1] * [1.0, 0.0, 0.0]
    parts = [solid(rng.choice((BOX, ELLIPSOID), count), 0.5 * front, half)]
    thick = rng.uniform(0.006, 0.011, count)
    first, second = rng.uniform(0.025, 0.055, (2, count))
    opening, bend = rng.uniform(-0.1, 0.7, count), rng.uniform(0.0, 1.4, count)
    third = rng.random(count) < 0.5
    for y, z in ((1.0, 0.0), (-1.0, -0.6), (-1.0, 0.6)):
        z_offset = np.where(third, z, 0.0)
        base = front + np.stack([np.zeros(count), y * 0.7 * wide, z_offset * half[:, 2]], axis=-1)
        knuckle = base + first[:, None] * np.stack(
            [np.cos(opening), y * np.sin(opening), 0 * opening], axis=-1
        )
        angle = opening - bend
        tip = knuckle + second[:, None] * np.stack([np.cos(angle), y * np.sin(angle), 0 * angle], axis=-1)
        there = third if z > 0 else np.ones(count, bool)
        parts.append(where(there, rod(base, knuckle, thick, BOX)))
        parts.append(where(there, rod(knuckle, tip, 0.9 * thick, BOX)))
    return gather(*parts)


def lying(solids: Solids, chosen: NDArray[np.bool_], rng: np.random.Generator) -> Solids:
    """The chosen ones (N,) tipped on their side, about any vertical."""
    count = len(chosen)
    turn = np.where(chosen[:, None, None], rotation_z(np.full(count, 0.5 * np.pi)), np.eye(3))
    return moved(solids, rotation_y(rng.uniform(-np.pi, np.pi, count)) @ turn)
