"""The energy of a joint's place (SDNet, section 4, Eq. 8), and the search of one layer of joints for its minimum.

In: places in the crop's local frame (metres, look-at view, origin at the crop's centre), an observation, priors
from the network and the frame before. Out: the joints of a layer where their energy is least. The terms are those of
:mod:`hand_pose_ros.refine.energy_terms`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit
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


class Mixtures(NamedTuple):
    """The bones' lengths in the population, by the joint that the bone ends at; row 0 is not used."""

    weight: Array
    """(23, K)."""
    mean: Array
    """(23, K) m."""
    deviation: Array
    """(23, K) m."""
    peak: Array
    """(23,) 1/m: the highest density."""


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


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _distance_to(x: float, y: float, z: float, joints: Array, joint: int) -> float:
    return math.sqrt((x - joints[joint, 0]) ** 2 + (y - joints[joint, 1]) ** 2 + (z - joints[joint, 2]) ** 2)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _distance_between(joints: Array, a: int, b: int) -> float:
    return _distance_to(joints[a, 0], joints[a, 1], joints[a, 2], joints, b)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _bone_costs(length: float, joint: int, prior: Prior, mixtures: Mixtures, w: Weights) -> float:
    total = 0.0
    if w.bone_mixture > 0.0:
        total += w.bone_mixture * bone_cost(
            length, mixtures.weight[joint], mixtures.mean[joint], mixtures.deviation[joint], mixtures.peak[joint]
        )  # fmt: skip
    if w.bone_length > 0.0:
        total += w.bone_length * length_cost(length, prior.lengths[joint], w.length_m)
    return total


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def joint_energy(
    joint: int,
    x: float,
    y: float,
    z: float,
    observation: Observation,
    tree: TreeTables,
    prior: Prior,
    motion: MotionPrior,
    mixtures: Mixtures,
    refined: Array,
    later_pass: bool,
    w: Weights,
) -> float:
    """Eq. 8 with our own terms but the network's: what it costs to put ``joint`` at a place (m) while the others are at
    ``refined``. In a ``later_pass`` than the first the bone to the next joint counts as well."""
    total = 0.0
    size = observation.crop.shape[0]
    column, row = pixel_of(x, y, z, observation.distance, observation.half, size)
    if w.background > 0.0:
        total += w.background * background_share(observation.background, column, row, w.kernel_px)
    if 0 <= column < size and 0 <= row < size and observation.crop[row, column] < 1.0:
        below = z - observation.crop[row, column] * observation.half
        total += w.free_space * free_space_cost(below, tree.nearest[joint], w.softness_m, w.free_space_most)
        total += w.occluded * occlusion_cost(below, tree.deepest[joint], w.softness_m)
    parent, following = tree.parent[joint], tree.following[joint]
    if parent >= 0:
        total += _bone_costs(_distance_to(x, y, z, refined, parent), joint, prior, mixtures, w)
    if later_pass and following >= 0:
        total += _bone_costs(_distance_to(x, y, z, refined, following), following, prior, mixtures, w)
    if motion.known:
        if w.prediction > 0.0:
            off = _distance_to(x, y, z, motion.predicted, joint)
            total += w.prediction * prediction_cost(off, motion.spread[joint])
        first = tree.first[joint]
        if w.tip_order > 0.0 and first >= 0:
            total += w.tip_order * order_cost(
                _distance_to(x, y, z, refined, first),
                _distance_between(motion.joints, joint, first),
                _distance_between(refined, parent, first),
                _distance_between(motion.joints, parent, first),
            )
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def regress_layer(
    layer: NDArray[np.int64], problem: RegressionProblem, later_pass: bool, refined: Array
) -> None:
    """Move the joints of one layer, in ``refined`` (23, 3) m, to the best of their candidates, all scored in this call.

    Candidates lie at ``offsets`` (M, 3), in units of the joint's spread, about the network's joint moved along with
    its parent's correction (times ``follow``); in later passes about where the joint is by now; one more is what the
    motion so far predicts. With a ``temperature`` above 0 the result is their mean weighted with
    exp(-energy / temperature), which is smooth and minimises the expected squared error if the energies are right;
    with 0 it is the one of least energy.
    """
    offsets, observation, tree, prior, motion, mixtures, w = problem
    count = len(offsets) + (1 if motion.known and w.prediction > 0.0 else 0)
    energies = np.empty(count)
    places = np.empty((count, 3))
    anchor = np.empty(3)
    for joint in layer:
        parent = tree.parent[joint]
        for k in range(3):
            anchor[k] = prior.joints[joint, k]
            if parent >= 0:
                anchor[k] += w.follow * (refined[parent, k] - prior.joints[parent, k])
        best = 0
        for m in range(count):
            for k in range(3):
                if m < len(offsets):
                    start = refined[joint, k] if later_pass else anchor[k]
                    places[m, k] = start + offsets[m, k] * prior.spread[joint, k]
                else:
                    places[m, k] = motion.predicted[joint, k]
            x, y, z = places[m, 0], places[m, 1], places[m, 2]
            energies[m] = w.network * network_cost(
                x - anchor[0], y - anchor[1], z - anchor[2], prior.spread[joint, 0], prior.spread[joint, 2]
            ) + joint_energy(
                joint, x, y, z, observation, tree, prior, motion, mixtures, refined, later_pass, w
            )
            if energies[m] < energies[best]:
                best = m
        if w.temperature <= 0.0:
            for k in range(3):
                refined[joint, k] = places[best, k]
            continue
        total, x, y, z = 0.0, 0.0, 0.0, 0.0
        for m in range(count):
            share = math.exp((energies[best] - energies[m]) / w.temperature)
            total += share
            x += share * places[m, 0]
            y += share * places[m, 1]
            z += share * places[m, 2]
        refined[joint, 0], refined[joint, 1], refined[joint, 2] = x / total, y / total, z / total


@njit(nogil=True, cache=True, error_model="numpy")
def regress_layers(
    layers: tuple[NDArray[np.int64], ...], passes: int, problem: RegressionProblem, refined: Array
) -> None:
    """:func:`regress_layer` layer by layer, ``passes`` times over: in one call, as each costs as much as a layer."""
    for number in range(passes):
        for layer in layers:
            regress_layer(layer, problem, number > 0, refined)
