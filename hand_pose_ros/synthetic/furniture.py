"""Furniture that a camera meets without its room: legs, table edges, shelves, rods, rows of bars, panels.

In: how many, and a generator. Out: solids (N, K) in metres about the origin, and which kind each is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.household import PARTS, rod
from hand_pose_ros.synthetic.rotations import random_axes, random_directions, rotation_y, rotation_yxz
from hand_pose_ros.synthetic.solids import (
    BOX,
    CYLINDER,
    ELLIPSOID,
    Solids,
    gather,
    moved,
    nothing,
    padded,
    put,
    solid,
    take,
    where,
)

Array = NDArray[np.float64]

FURNITURE: tuple[str, ...] = ("legs", "table", "shelf", "rods", "bars")


def furniture(count: int, rng: np.random.Generator) -> tuple[Solids, NDArray[np.int64]]:
    """-> parts of furniture (N, 12 parts), upright, the feature that is looked at at the origin; which of
    ``FURNITURE`` each is."""
    kind = rng.choice(len(FURNITURE), size=count, p=(0.22, 0.18, 0.15, 0.25, 0.20))
    drawn = [draw(count, rng) for draw in (_legs, _tables, _shelves, _rods, _bars)]
    out = nothing(count, PARTS)
    for number, parts in enumerate(drawn):
        mine = kind == number
        put(out, mine, take(parts, mine))
    return out, kind


def panels(count: int, rng: np.random.Generator) -> Solids:
    """-> (N, 12 parts): two to five thin plates of which a crop shows parts, one before the other or edge to edge, gaps
    between them, struts beside them: casings, chair backs, a robot's covers, boards that lean. All numbers guessed."""
    turn = random_axes(count, rng)
    parts = []
    for number in range(5):
        half = np.stack(
            [
                np.exp(rng.uniform(np.log(0.03), np.log(0.25), count)),
                np.exp(rng.uniform(np.log(0.03), np.log(0.25), count)),
                rng.uniform(0.002, 0.010, count),
            ],
            axis=-1,
        )
        # Edge to edge: the next one begins where the focus is, to one side or the other, behind or before.
        way = rng.uniform(-np.pi, np.pi, count)
        aside = (
            rng.uniform(0.3, 1.1, count)[:, None]
            * half[:, :2]
            * np.stack([np.cos(way), np.sin(way)], axis=-1)
        )
        depth = np.where(rng.random(count) < 0.5, rng.normal(0, 0.015, count), rng.normal(0, 0.07, count))
        centre = np.concatenate([aside, depth[:, None]], axis=1)
        yaw, pitch = rng.normal(0, 0.25, (2, count))
        lean = rotation_yxz(yaw, pitch, rng.uniform(-np.pi, np.pi, count))
        kind = rng.choice((BOX, CYLINDER), count, p=(0.7, 0.3))
        plate = moved(solid(kind, np.zeros((count, 3)), half), lean)
        plate = plate._replace(centre=centre[:, None])
        parts.append(where(rng.random(count) < (1.0 if number < 2 else 0.5), plate))
    for _ in range(2):
        start, along = rng.normal(0, 0.06, (count, 3)), random_directions(count, rng)
        end = start + rng.uniform(0.1, 0.4, (count, 1)) * along
        thick = rng.uniform(0.005, 0.03, count)
        strut = rod(start, end, thick, rng.choice((BOX, CYLINDER), count))
        parts.append(where(rng.random(count) < 0.4, strut))
    shift = rng.normal(0, [0.02, 0.02, 0.01], (count, 3))
    return moved(padded(gather(*parts), PARTS), turn, shift)


def _legs(count: int, rng: np.random.Generator) -> Solids:
    """Legs of a chair or a stool under its seat, with a bar between them now and then; the first leg is looked at."""
    thick, high = rng.uniform(0.009, 0.026, count), rng.uniform(0.25, 0.50, count)
    wide, deep = rng.uniform(0.15, 0.24, (2, count))
    lean = rng.uniform(0.0, 0.12, count) * high
    kind = rng.choice((BOX, CYLINDER), count)
    zero = np.zeros(count)
    parts, ends = [], []
    for x, z in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        start = np.stack([x * wide, zero, z * deep], axis=-1)
        end = start + np.stack([x * lean, high, z * lean], axis=-1)
        ends.append(0.5 * (start + end))
        parts.append(
            where(rng.random(count) < (1.0 if x < 0 and z < 0 else 0.8), rod(start, end, thick, kind))
        )
    seat = np.stack([wide + 0.02, rng.uniform(0.008, 0.03, count), deep + 0.02], axis=-1)
    parts.append(where(rng.random(count) < 0.8, solid(BOX, np.zeros((count, 3)), seat)))
    for a, b in ((0, 1), (0, 2)):
        parts.append(where(rng.random(count) < 0.35, rod(ends[a], ends[b], 0.7 * thick, kind)))
    focus = np.stack([-wide, rng.uniform(0.05, 1.0, count) * high, -deep], axis=-1)
    return _about(gather(*parts), focus, rng)


def _tables(count: int, rng: np.random.Generator) -> Solids:
    """An edge or a corner of a table top, a bench or a sofa, perhaps with a leg or an apron under it."""
    thick = np.where(
        rng.random(count) < 0.75, rng.uniform(0.008, 0.025, count), rng.uniform(0.025, 0.09, count)
    )
    half = np.stack([rng.uniform(0.25, 0.7, count), thick, rng.uniform(0.2, 0.45, count)], axis=-1)
    leg, high = rng.uniform(0.012, 0.035, count), rng.uniform(0.35, 0.75, count)
    inset = rng.uniform(0.0, 0.08, count)
    corner = np.stack([half[:, 0] - leg - inset, thick, -half[:, 2] + leg + inset], axis=-1)
    foot = corner + high[:, None] * [0.0, 1.0, 0.0]
    apron = np.stack([half[:, 0] * 0.9, rng.uniform(0.02, 0.06, count), np.full(count, 0.01)], axis=-1)
    beneath = np.stack([0 * leg, thick + apron[:, 1], corner[:, 2]], axis=-1)
    parts = gather(
        solid(BOX, np.zeros((count, 3)), half),
        where(rng.random(count) < 0.6, rod(corner, foot, leg, rng.choice((BOX, CYLINDER), count))),
        where(rng.random(count) < 0.4, solid(BOX, beneath, apron)),
    )
    at_corner = rng.random(count) < 0.6
    x = np.where(
        at_corner, half[:, 0] - rng.uniform(0.0, 0.08, count), rng.uniform(-0.5, 0.5, count) * half[:, 0]
    )
    focus = np.stack([x, np.zeros(count), -half[:, 2] + rng.uniform(0.0, 0.04, count)], axis=-1)
    return _about(parts, focus, rng)


def _shelves(count: int, rng: np.random.Generator) -> Solids:
    """Three boards between uprights, a back now and then, a few books or boxes on the middle one."""
    wide, deep = rng.uniform(0.2, 0.5, count), rng.uniform(0.10, 0.2, count)
    thick, apart = rng.uniform(0.007, 0.015, count), rng.uniform(0.15, 0.38, count)
    board = np.stack([wide, thick, deep], axis=-1)
    parts = [solid(BOX, (level * apart)[:, None] * [0.0, 1.0, 0.0], board) for level in (-1.0, 0.0, 1.0)]
    upright = np.stack([thick, 1.5 * apart, deep], axis=-1)
    parts += [solid(BOX, (side * wide)[:, None] * [1.0, 0.0, 0.0], upright) for side in (-1.0, 1.0)]
    back = np.stack([wide, 1.5 * apart, np.full(count, 0.004)], axis=-1)
    parts.append(where(rng.random(count) < 0.6, solid(BOX, deep[:, None] * [0.0, 0.0, 1.0], back)))
    x = -wide
    for _ in range(4):
        half = np.stack(
            [rng.uniform(0.008, 0.04, count), rng.uniform(0.25, 0.45, count) * apart, 0.8 * deep], axis=-1
        )
        x = x + half[:, 0] + rng.uniform(0.0, 0.1, count)
        place = np.stack([x, -thick - half[:, 1], np.zeros(count)], axis=-1)
        parts.append(where(rng.random(count) < 0.6, solid(BOX, place, half)))
        x = x + half[:, 0]
    focus = np.stack(
        [rng.uniform(-1.0, 1.0, count) * wide, rng.uniform(-0.5, 0.5, count) * apart, -deep], axis=-1
    )
    return _about(gather(*parts), focus, rng)


def _rods(count: int, rng: np.random.Generator) -> Solids:
    """One to four rods, handles, pipes or cables: side by side, crossing, or spread from one end as a tripod's are."""
    way = rng.choice(3, size=count)
    spread = np.choose(way, [0.06, 1.0, 0.35])[:, None]
    main = rng.normal(size=(count, 3))
    parts = []
    for number in range(4):
        along = main / np.linalg.norm(main, axis=1, keepdims=True) + spread * rng.normal(size=(count, 3))
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        half = np.exp(rng.uniform(np.log(0.004), np.log(0.028), count))
        long = rng.uniform(0.2, 0.5, count)
        start = np.where((way == 2)[:, None], 0.0, rng.normal(0, 0.05, (count, 3)))
        back = np.where(way == 2, 0.0, rng.uniform(0.0, 1.0, count) * long)
        start = start - back[:, None] * along
        there = rng.random(count) < (1.0 if number == 0 else 0.6)
        parts.append(
            where(there, rod(start, start + long[:, None] * along, half, rng.choice((BOX, CYLINDER), count)))
        )
    knob = rng.uniform(0.01, 0.04, (count, 3))
    parts.append(
        where(rng.random(count) < 0.4, solid(rng.choice((ELLIPSOID, BOX), count), np.zeros(3), knob))
    )
    return _about(gather(*parts), rng.normal(0, 0.03, (count, 3)), rng)


def _bars(count: int, rng: np.random.Generator) -> Solids:
    """A row of four to eight upright bars, all longer than fingers: a chair's back, a radiator, a fence, a cot."""
    apart, long = rng.uniform(0.022, 0.07, count), rng.uniform(0.11, 0.3, count)
    half = rng.uniform(0.2, 0.42, count) * apart
    many = rng.integers(4, 9, size=count)
    kind = rng.choice((BOX, CYLINDER), count)
    parts = []
    for number in range(8):
        x = (number - 0.5 * (many - 1)) * apart
        start = np.stack([x, -long, np.zeros(count)], axis=-1)
        parts.append(where(number < many, rod(start, start * [1.0, -1.0, 1.0], half, kind)))
    rail = np.stack([0.5 * many * apart + half, rng.uniform(0.008, 0.03, count), 1.2 * half], axis=-1)
    for y in (-1.0, 1.0):
        place = (y * long)[:, None] * [0.0, 1.0, 0.0]
        parts.append(where(rng.random(count) < 0.75, solid(BOX, place, rail)))
    wide = np.stack([rail[:, 0], long, np.full(count, 0.005)], axis=-1)
    behind = (half + rng.uniform(0.01, 0.06, count))[:, None] * [0.0, 0.0, 1.0]
    parts.append(where(rng.random(count) < 0.3, solid(BOX, behind, wide)))
    focus = np.stack(
        [rng.uniform(-0.5, 0.5, count) * many * apart, rng.uniform(-1.0, 1.0, count) * long, np.zeros(count)],
        axis=-1,
    )
    return _about(gather(*parts), focus, rng)


def _about(parts: Solids, focus: Array, rng: np.random.Generator) -> Solids:
    """The same with the points (N, 3) m at the origin, turned about the vertical by any angle."""
    yaw = rng.uniform(-np.pi, np.pi, len(focus))
    return moved(parts._replace(centre=parts.centre - focus[:, None]), rotation_y(yaw))
