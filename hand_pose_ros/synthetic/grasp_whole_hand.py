"""Things that the whole hand holds: handles, tools, cans, bottles, balls, boxes, phones, trays, with one hand or both.

In: hands (their links, metres), a generator. Out: :class:`GraspPlans`. Palm frame of a
right hand: x to the fingers, y to the thumb, z out of the back of the hand.

Sizes are those of household things (m); places and starting poses are guessed, and corrected by the closing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.grasp_plans import GraspPlans, across_palm, columns, in_hand_size
from hand_pose_ros.synthetic.grasps import HandLinks
from hand_pose_ros.synthetic.household import BALL_RADIUS_M, BOX_HALF_M, CAN_RADIUS_M, HANDLE_RADIUS_M
from hand_pose_ros.synthetic.rotations import random_axes, rotation_x, rotation_y, rotation_z
from hand_pose_ros.synthetic.solids import BOX, CYLINDER, ELLIPSOID, VESSEL, gather, solid, where

Array = NDArray[np.float64]


def handles(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Handles of 20 to 36 mm across the palm."""
    count = len(links.bases)
    radius, half = rng.uniform(*HANDLE_RADIUS_M, count), rng.uniform(0.05, 0.16, count)
    tilt, lift = rng.normal(0.35, 0.22, count), rng.normal(0.0, 0.1, count)
    turn = across_palm(tilt, lift)
    along = rng.uniform(-0.8, 0.8, count) * (half - 0.045).clip(0.0)
    middle = in_hand_size(links, rng.uniform(0.022, 0.04, count), 0.0, -0.05) + along[:, None] * turn[:, 2]
    oval = rng.uniform(0.75, 1.0, count)
    kind = np.where(rng.random(count) < 0.8, CYLINDER, BOX)
    radius = np.where(kind == BOX, 0.85 * radius, radius)
    thing = solid(kind, middle, columns(radius, oval * radius, half), turn)
    plans = GraspPlans.closing(thing, rng, fan=(0.0, 0.2))
    # Most thumbs close round the handle and over the fingers, the others lie along it.
    over = rng.random(count) < 0.65
    plans.preferred = np.where(over, rng.uniform(0.35, 0.8, count), rng.uniform(-0.4, 0.2, count))
    return plans


def hammers(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Hammers: a handle with a head beyond the thumb."""
    plans = handles(links, rng)
    count = len(links.bases)
    kind, centre, axes = (part[:, 0] for part in plans.solids)
    turn = axes / np.linalg.norm(axes, axis=-1, keepdims=True)
    half = 1.0 / np.linalg.norm(axes, axis=-1)
    half[:, 2] = rng.uniform(0.10, 0.15, count)
    centre = centre + (half[:, 2] - rng.uniform(0.05, 0.08, count))[:, None] * turn[:, 2]
    head = centre + half[:, 2:] * turn[:, 2]
    bar = solid(
        CYLINDER,
        head,
        rng.uniform([0.011, 0.011, 0.04], [0.018, 0.018, 0.06], (count, 3)),
        turn[:, [1, 2, 0]],
    )
    extended = GraspPlans.closing(gather(solid(kind, centre, half, turn), bar), rng, fan=(0.0, 0.2))
    extended.preferred = rng.uniform(-0.3, 0.3, count)
    return extended


def screwdrivers(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Screwdrivers in the whole hand, their shaft beyond the thumb, more or less in line with the fingers."""
    count = len(links.bases)
    radius, half = rng.uniform(0.011, 0.018, count), rng.uniform(0.045, 0.06, count)
    turn = across_palm(rng.uniform(0.3, 1.0, count), rng.normal(0.0, 0.15, count))
    middle = in_hand_size(links, rng.uniform(0.025, 0.045, count), rng.uniform(0.0, 0.015, count), -0.05)
    shaft = rng.uniform(0.03, 0.07, count)
    grip = solid(CYLINDER, middle, columns(radius, radius, half), turn)
    end = middle + (half + shaft)[:, None] * turn[:, 2]
    plans = GraspPlans.closing(
        gather(grip, solid(CYLINDER, end, columns(0.003, 0.003, shaft), turn)), rng, fan=(0.0, 0.2)
    )
    plans.preferred = rng.uniform(-0.4, 0.2, count)
    return plans


def cans(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Cans, bottles and glasses of 60 to 80 mm in the whole hand, or in the fingers alone."""
    count = len(links.bases)
    radius, half = rng.uniform(*CAN_RADIUS_M, count), rng.uniform(0.045, 0.070, count)
    bottle = rng.random(count) < 0.35
    half = np.where(bottle, rng.uniform(0.065, 0.09, count), half)
    turn = across_palm(rng.normal(0.1, 0.18, count), rng.normal(0.0, 0.12, count))
    away = np.where(rng.random(count) < 0.35, rng.uniform(0.004, 0.03, count), 0.0)
    middle = in_hand_size(links, rng.uniform(0.026, 0.044, count) + 0.5 * away, 0.005, -0.1)
    middle = middle + (rng.uniform(-0.9, 0.9, count) * (half - 0.035))[:, None] * turn[:, 2]
    kind = np.where(~bottle & (rng.random(count) < 0.4), VESSEL, CYLINDER)
    body = solid(kind, middle, columns(radius, radius, half), turn)
    high = rng.uniform(0.02, 0.04, count)
    neck_radius = rng.uniform(0.011, 0.018, count)
    neck = solid(
        CYLINDER, middle + (half + high)[:, None] * turn[:, 2], columns(neck_radius, neck_radius, high), turn
    )
    plans = GraspPlans.closing(gather(body, where(bottle, neck)), rng)
    plans.room = away
    return plans


def balls(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Balls, and round things like fruit, of 36 to 92 mm, in the palm or in the fingers alone."""
    count = len(links.bases)
    radius = rng.uniform(*BALL_RADIUS_M, count)
    away = np.where(rng.random(count) < 0.5, rng.uniform(0.004, 0.04, count), 0.0)
    middle = in_hand_size(
        links, rng.uniform(0.024, 0.046, count) + 0.6 * away, rng.uniform(-0.004, 0.016, count), -0.1
    )
    half = radius[:, None] * np.where(rng.random((count, 1)) < 0.7, 1.0, rng.uniform(0.8, 1.0, (count, 3)))
    plans = GraspPlans.closing(solid(ELLIPSOID, middle, half, random_axes(count, rng)), rng, fan=(0.7, 0.4))
    plans.room = away
    return plans


def boxes(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Boxes of 40-80 x 24-70 x 80-180 mm, on either of their narrower sides, in the palm or in the fingers alone."""
    count = len(links.bases)
    sizes = rng.uniform(*BOX_HALF_M, (count, 3))
    flat = rng.random(count) < 0.5
    sizes[flat, :2] = sizes[flat, 1::-1]
    turn = across_palm(rng.normal(0.1, 0.2, count), rng.normal(0.0, 0.12, count))
    spin = rotation_z(rng.normal(0.0, 0.35, count))
    away = np.where(rng.random(count) < 0.4, rng.uniform(0.002, 0.03, count), 0.0)
    middle = in_hand_size(links, rng.uniform(0.024, 0.044, count) + 0.6 * away, 0.005, -0.1)
    middle = middle + (rng.uniform(-0.9, 0.9, count) * (sizes[:, 2] - 0.035).clip(0.0))[:, None] * turn[:, 2]
    plans = GraspPlans.closing(solid(BOX, middle, sizes, spin @ turn), rng)
    plans.room = away
    return plans


def from_above(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Lids, cans and boxes whose end is held in the fingers, the rest away from the palm."""
    count = len(links.bases)
    kind = rng.choice([CYLINDER, BOX], count)
    sizes = columns(
        rng.uniform(0.015, 0.038, count), rng.uniform(0.015, 0.05, count), rng.uniform(0.006, 0.08, count)
    )
    sizes[kind == CYLINDER, 1] = sizes[kind == CYLINDER, 0]
    turn = (
        rotation_z(rng.normal(0.0, 0.3, count))
        @ rotation_x(rng.normal(0, 0.15, count))
        @ rotation_y(rng.normal(0.2, 0.2, count))
    )
    middle = in_hand_size(links, rng.uniform(0.045, 0.068, count), rng.uniform(0.0, 0.018, count), -0.15)
    plans = GraspPlans.closing(
        solid(kind, middle, sizes, turn.swapaxes(1, 2)), rng, pip=(0.4, 0.9), fan=(0.5, 0.4)
    )
    plans.room = rng.uniform(0.012, 0.05, count)
    return plans


def phones(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Phones that lie along the palm and the fingers, the thumb at one edge, the fingertips at the other."""
    count = len(links.bases)
    sizes = 0.5 * rng.uniform([0.060, 0.007, 0.125], [0.080, 0.012, 0.165], (count, 3))
    tilt = rng.uniform(0.1, 0.8, count)
    turn = rotation_z(-tilt) @ rotation_y(
        rng.normal(0.12, 0.12, count)
    )  # columns: width, long axis, thickness
    middle = in_hand_size(links, rng.uniform(0.028, 0.046, count), rng.uniform(-0.01, 0.02, count), -0.05)
    middle = middle + (rng.uniform(-0.6, 0.9, count) * (sizes[:, 2] - 0.045))[:, None] * turn[..., 1]
    thing = solid(BOX, middle, sizes[:, [0, 2, 1]], turn.swapaxes(1, 2))
    plans = GraspPlans.closing(thing, rng, opened=-0.1, pip=(0.8, 1.5))
    plans.room = rng.uniform(0.0, 0.012, count)
    return plans


def carried(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Plates, boxes, bowls and balls that lie in an open palm."""
    count = len(links.bases)
    kind = rng.choice([CYLINDER, BOX, VESSEL, ELLIPSOID], count, p=[0.3, 0.3, 0.2, 0.2])
    sizes = rng.uniform([0.03, 0.03, 0.006], [0.11, 0.11, 0.05], (count, 3))
    sizes[kind != BOX, 1] = sizes[kind != BOX, 0]
    ball = rng.uniform(*BALL_RADIUS_M, (count, 1))
    sizes = np.where((kind == ELLIPSOID)[:, None], ball, sizes)
    turn = rotation_z(rng.uniform(-np.pi, np.pi, count)) @ rotation_x(rng.normal(np.pi, 0.08, count))
    middle = in_hand_size(links, rng.uniform(0.0, 0.05, count), rng.normal(0.0, 0.012, count), -0.15)
    plans = GraspPlans.closing(
        solid(kind, middle, sizes, turn.swapaxes(1, 2)), rng, opened=-0.3, fan=(0.6, 0.5)
    )
    open_hand = rng.uniform(0.05, 0.7, (count, 1)) + rng.normal(0.0, 0.06, (count, 4))
    plans.stop[:, 1:] = open_hand[..., None] * np.array([0.9, 1.0, 0.5])
    plans.stop[:, 0] = rng.uniform([-0.3, 0.0, 0.0], [0.3, 0.3, 0.4], (count, 3))
    plans.fingers[:], plans.thumb[:] = 0, False
    return plans


def both_hands(links: HandLinks, rng: np.random.Generator) -> GraspPlans:
    """Boxes, balls and parcels between two palms, bars and bats in two fists."""
    count = len(links.bases)
    bar = rng.random(count) < 0.45
    fist = handles(links, rng)
    kind, centre, axes = (part[:, 0] for part in fist.solids)
    turn = axes / np.linalg.norm(axes, axis=-1, keepdims=True)
    half = 1.0 / np.linalg.norm(axes, axis=-1)
    half[:, 2] = rng.uniform(0.14, 0.2, count)
    way = np.where(rng.random(count) < 0.5, 1.0, -1.0)[:, None] * turn[:, 2]
    apart = rng.uniform(0.05, 0.1, count)[:, None]
    hand = in_hand_size(links, 0.03, 0.0, -0.03)
    on_bar = hand + apart * way
    sizes = rng.uniform(0.04, 0.12, (count, 3))
    sizes[:, 2] = rng.uniform(0.05, 0.13, count)
    round_thing = rng.random(count) < 0.3
    sizes[round_thing] = sizes[round_thing, 2:]
    middle = in_hand_size(links, rng.uniform(0.02, 0.06, count), rng.normal(0, 0.01, count), -0.2)
    big = np.where(round_thing, ELLIPSOID, BOX)
    tip = rotation_z(rng.normal(0, 0.3, count)).swapaxes(1, 2)
    kind = np.where(bar, kind, big)
    thing = solid(
        kind,
        np.where(bar[:, None], centre + (on_bar - centre), middle),
        np.where(bar[:, None], half, sizes),
        np.where(bar[:, None, None], turn, tip),
    )
    plans = GraspPlans.closing(thing, rng)
    plans.mirror = np.concatenate(
        [np.where(bar[:, None], on_bar, middle), np.where(bar[:, None], way, [0.0, 0.0, 1.0])], axis=1
    )
    plans.thumb, plans.fingers = bar, np.where(bar, 2, 0)
    open_hand = rng.uniform(0.1, 0.7, (count, 1, 1)) * np.array([0.9, 1.0, 0.5])
    plans.stop[~bar, 1:] = np.broadcast_to(open_hand, (count, 4, 3))[~bar]
    return plans
