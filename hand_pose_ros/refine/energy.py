"""The energy of a joint's place (SDNet, section 4, Eq. 8), and the search of all joints, palm to tips, for its minimum.

In: places in the crop's local frame (metres, look-at view, origin at the crop's centre), an observation, priors
from the network and the frame before. Out: the joints where their energy is least. The terms are those of
:mod:`hand_pose_ros.refine.energy_terms`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.refine.bone_prior import Mixtures, mixture_density
from hand_pose_ros.refine.energy_terms import (
    background_share,
    bone_cost,
    free_space_cost,
    length_cost,
    network_cost,
    occlusion_cost,
    order_cost,
    pixel_of,
    prediction_cost,
)

Array = NDArray[np.float64]


class Observation(NamedTuple):
    """What is seen in a crop."""

    crop: NDArray[np.float32]
    """(S, S) in [-1, 1]."""
    background: NDArray[np.int32]
    """(S + 1, S + 1): its background_integral."""
    distance: float
    """From the camera to the cube's centre, m."""
    half: float
    """Half the cube's edge, m."""


class Prior(NamedTuple):
    """The expectation from the network and from the hand's shape."""

    joints: Array
    """(23, 3) m."""
    spread: Array
    """(23, 3) m: one standard deviation along x, y, z."""
    lengths: Array
    """(23,) m of the bone that ends at each joint."""


class MotionPrior(NamedTuple):
    """The expectation from the frame before."""

    known: bool
    """Whether there is one."""
    joints: Array
    """(23, 3) m then, in this crop's local frame."""
    predicted: Array
    """(23, 3) m: where they should be now."""
    spread: Array
    """(23,) m: standard deviation of the prediction."""


class TreeTables(NamedTuple):
    """The hand's tree."""

    parent: NDArray[np.int64]
    """(23,), -1 for the palm."""
    following: NDArray[np.int64]
    """(23,): the next joint along the finger, -1 where there is none."""
    first: NDArray[np.int64]
    """(23,): of a fingertip the finger's first joint, else -1."""
    nearest: Array
    """(23,) m: least depth under the skin."""
    deepest: Array
    """(23,) m: the depth below the surface from which a joint is hidden."""


class Weights(NamedTuple):
    """Weights of the terms and the constants in them, named as the fields of RegressorConfig that they come from."""

    network: float
    bone_mixture: float
    bone_length: float
    background: float
    free_space: float
    occluded: float
    tip_order: float
    prediction: float
    length_m: float
    softness_m: float
    free_space_most: float
    kernel_px: int
    follow: float
    temperature: float


class RegressionProblem(NamedTuple):
    """What stays the same while one hand's joints are regressed."""

    offsets: Array
    """(M, 3): the candidates about a joint, in units of its spread."""
    observation: Observation
    tree: TreeTables
    prior: Prior
    motion: MotionPrior
    mixtures: Mixtures
    weights: Weights


class Candidates(NamedTuple):
    """The places that one joint is tried at, and what each costs: room to work in, filled anew for every joint."""

    x: Array
    """(M,) m, as y and z."""
    y: Array
    z: Array
    energy: Array
    """(M,)."""


@njit(nogil=True, cache=True, error_model="numpy")
def regress_in_order(
    order: NDArray[np.int64], passes: int, problem: RegressionProblem, refined: Array
) -> None:
    """Moves joint after joint of ``refined`` (23, 3) m, parents first, to the best of its candidates; ``passes`` times.

    A candidate costs Eq. 8 with our own terms and the network's, while the other joints are where they are by then.

    The bone of Eq. 9 is not the paper's: there it is that from joint k to joint k + 1, here in the first pass the one
    that ends at the joint, in later passes both (of the palm neither). From the palm to the tips joint k + 1 is not yet
    regressed when k is, so its bone would hold k to where the network happened to put k + 1, and a fingertip would have
    no bone at all; the parent is where it will be. What the paper's bone asks for is heard once the next joint has been
    regressed.

    Candidates lie at ``offsets`` (M, 3), in units of the joint's spread, about the network's joint moved along with
    its parent's correction (times ``follow``); in later passes about where the joint is by now; one more is what the
    motion so far predicts. With a ``temperature`` above 0 the result is their mean weighted with
    exp(-energy / temperature), which is smooth and minimises the expected squared error if the energies are right;
    with 0 it is the one of least energy.

    Each term goes over all candidates of a joint in a loop of its own, so that what is called for a candidate takes
    numbers only (see ``kernel_cache.njit``).
    """
    offsets, observation, tree, prior, motion, mixtures, w = problem
    predicted = motion.known and w.prediction > 0.0
    count = len(offsets) + 1 if predicted else len(offsets)
    candidates = Candidates(np.empty(count), np.empty(count), np.empty(count), np.empty(count))
    anchor, start = np.empty(3), np.empty(3)
    for number in range(passes):
        for joint in order:
            parent, following = tree.parent[joint], tree.following[joint]
            for k in range(3):
                anchor[k] = prior.joints[joint, k]
                if parent >= 0:
                    anchor[k] += w.follow * (refined[parent, k] - prior.joints[parent, k])
                start[k] = refined[joint, k] if number > 0 else anchor[k]
            _place(joint, offsets, prior.spread, start, candidates)
            if predicted:
                candidates.x[-1], candidates.y[-1] = motion.predicted[joint, 0], motion.predicted[joint, 1]
                candidates.z[-1] = motion.predicted[joint, 2]
            _add_surface_costs(joint, observation, tree, w, candidates)
            if parent >= 0:
                _add_bone_costs(joint, parent, refined, prior, mixtures, w, candidates)
            if number > 0 and following >= 0:
                _add_bone_costs(following, following, refined, prior, mixtures, w, candidates)
            if motion.known:
                _add_motion_costs(joint, tree, motion, refined, w, candidates)
            _add_network_costs(joint, anchor, prior, w, candidates)
            _take_best(joint, candidates, w.temperature, refined)


@njit(nogil=True, cache=True, error_model="numpy")
def _place(joint: int, offsets: Array, spread: Array, start: Array, candidates: Candidates) -> None:
    """Candidates about start (3,) m, without energy."""
    candidates.energy[:] = 0.0
    for m in range(len(offsets)):
        candidates.x[m] = start[0] + offsets[m, 0] * spread[joint, 0]
        candidates.y[m] = start[1] + offsets[m, 1] * spread[joint, 1]
        candidates.z[m] = start[2] + offsets[m, 2] * spread[joint, 2]


@njit(nogil=True, cache=True, error_model="numpy")
def _add_surface_costs(
    joint: int, observation: Observation, tree: TreeTables, w: Weights, candidates: Candidates
) -> None:
    """Where a candidate lies against what its pixel shows: on the hand at all, not before it, rather not far below."""
    crop, background, distance, half = observation
    x, y, z, energy = candidates
    size = crop.shape[0]
    nearest, deepest = tree.nearest[joint], tree.deepest[joint]
    for m in range(len(energy)):
        column, row = pixel_of(x[m], y[m], z[m], distance, half, size)
        if w.background > 0.0:
            energy[m] += w.background * background_share(background, column, row, w.kernel_px)
        if 0 <= column < size and 0 <= row < size and crop[row, column] < 1.0:
            below = z[m] - crop[row, column] * half
            energy[m] += w.free_space * free_space_cost(below, nearest, w.softness_m, w.free_space_most)
            energy[m] += w.occluded * occlusion_cost(below, deepest, w.softness_m)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_bone_costs(
    bone: int, end: int, refined: Array, prior: Prior, mixtures: Mixtures, w: Weights, candidates: Candidates
) -> None:
    """The length of the bone that ends at joint ``bone``, one end at the candidates, the other at joint ``end``."""
    x, y, z, energy = candidates
    a, b, c = refined[end, 0], refined[end, 1], refined[end, 2]
    if w.bone_mixture > 0.0:
        weights, means, deviations, peak = mixtures
        for m in range(len(energy)):
            length = _distance(x[m], y[m], z[m], a, b, c)
            density = mixture_density(length, bone, weights, means, deviations)
            energy[m] += w.bone_mixture * bone_cost(density, peak[bone])
    if w.bone_length > 0.0:
        expected = prior.lengths[bone]
        for m in range(len(energy)):
            length = _distance(x[m], y[m], z[m], a, b, c)
            energy[m] += w.bone_length * length_cost(length, expected, w.length_m)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_motion_costs(
    joint: int, tree: TreeTables, motion: MotionPrior, refined: Array, w: Weights, candidates: Candidates
) -> None:
    """How a candidate agrees with the frame before."""
    x, y, z, energy = candidates
    if w.prediction > 0.0:
        there = motion.predicted[joint]
        for m in range(len(energy)):
            off = _distance(x[m], y[m], z[m], there[0], there[1], there[2])
            energy[m] += w.prediction * prediction_cost(off, motion.spread[joint])
    first, parent = tree.first[joint], tree.parent[joint]
    if w.tip_order > 0.0 and first >= 0:
        tip_before = _distance_between(motion.joints, joint, first)
        parent_now = _distance_between(refined, parent, first)
        parent_before = _distance_between(motion.joints, parent, first)
        base = refined[first]
        for m in range(len(energy)):
            tip = _distance(x[m], y[m], z[m], base[0], base[1], base[2])
            energy[m] += w.tip_order * order_cost(tip, tip_before, parent_now, parent_before)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_network_costs(joint: int, anchor: Array, prior: Prior, w: Weights, candidates: Candidates) -> None:
    """How far candidates are from the anchor (3,) m, where the network has the joint."""
    x, y, z, energy = candidates
    lateral, deep = prior.spread[joint, 0], prior.spread[joint, 2]
    for m in range(len(energy)):
        cost = network_cost(x[m] - anchor[0], y[m] - anchor[1], z[m] - anchor[2], lateral, deep)
        energy[m] += w.network * cost


@njit(nogil=True, cache=True, error_model="numpy")
def _take_best(joint: int, candidates: Candidates, temperature: float, refined: Array) -> None:
    """The candidate of least energy, or with a temperature above 0 the soft minimum, into ``refined[joint]``."""
    x, y, z, energy = candidates
    best = 0
    for m in range(len(energy)):
        if energy[m] < energy[best]:
            best = m
    if temperature <= 0.0:
        refined[joint, 0], refined[joint, 1], refined[joint, 2] = x[best], y[best], z[best]
        return
    total, mean_x, mean_y, mean_z = 0.0, 0.0, 0.0, 0.0
    for m in range(len(energy)):
        share = math.exp((energy[best] - energy[m]) / temperature)
        total += share
        mean_x += share * x[m]
        mean_y += share * y[m]
        mean_z += share * z[m]
    refined[joint, 0], refined[joint, 1], refined[joint, 2] = mean_x / total, mean_y / total, mean_z / total


@njit(nogil=True, cache=True, error_model="numpy")
def _distance(x: float, y: float, z: float, a: float, b: float, c: float) -> float:
    return math.sqrt((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2)


@njit(nogil=True, cache=True, error_model="numpy")
def _distance_between(joints: Array, a: int, b: int) -> float:
    return _distance(joints[a, 0], joints[a, 1], joints[a, 2], joints[b, 0], joints[b, 1], joints[b, 2])
