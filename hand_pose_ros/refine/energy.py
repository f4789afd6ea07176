"""The energy of a joint's place (SDNet, section 4, Eq. 8 to 12), and the search of one layer of joints for its minimum.

In: a place in the crop's local frame (metres, look-at view, origin at the crop's centre), the crop (S, S) float32 in
[-1, 1] with 1 = empty, what the network said, what the frame before said. Out: costs without unit, low is good. Every
term is of order 1 where it is half in doubt, so that the weights compare.

Each term is a small pure function of numbers, compiled, and callable from Python. They share this file with the search
because numba's disk cache does not notice changes in other files.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Scene(NamedTuple):
    """What is seen: crop (S, S) float32; its background_integral; distance of the cube's centre, half its edge, m."""

    crop: NDArray[np.float32]
    background: NDArray[np.int32]
    distance: float
    half: float


class Guess(NamedTuple):
    """What is believed before: joints (23, 3) m; spread (23, 3) m, one standard deviation along x, y, z; lengths (23,)
    m, the bone that ends at each joint."""

    joints: Array
    spread: Array
    lengths: Array


class Past(NamedTuple):
    """The frame before: whether there is one; joints (23, 3) m then, in today's local frame; where they should be today
    (23, 3) m, and how sure that is, spread (23,) m."""

    known: bool
    joints: Array
    predicted: Array
    spread: Array


class Mixtures(NamedTuple):
    """The bones' lengths in the population: weight, mean (m), deviation (m) (23, K) and peak density (23,), by the
    joint that the bone ends at; row 0 is not used."""

    weight: Array
    mean: Array
    deviation: Array
    peak: Array


class Hand(NamedTuple):
    """The hand's tree: parent (23,), next joint along the finger (23,), -1 where there is none; first (23,), the
    finger's first joint, -1 but at fingertips; nearest and deepest (23,) m, how far under the skin a joint lies."""

    parent: NDArray[np.int64]
    following: NDArray[np.int64]
    first: NDArray[np.int64]
    nearest: Array
    deepest: Array


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


@njit(nogil=True, cache=True, error_model="numpy")
def mixture_density(length: float, weight: Array, mean: Array, deviation: Array) -> float:  # pragma: no cover
    """Density (1/m) of a length (m) under a one-dimensional Gaussian mixture, weight, mean and deviation (K,)."""
    total = 0.0
    for k in range(len(weight)):
        z = (length - mean[k]) / deviation[k]
        total += weight[k] / deviation[k] * math.exp(-0.5 * z * z)
    return total / math.sqrt(2.0 * math.pi)


@njit(nogil=True, cache=True, error_model="numpy")
def bone_cost(
    length: float, weight: Array, mean: Array, deviation: Array, peak: float
) -> float:  # pragma: no cover
    """Eq. 9: minus the bone's score, in [-1, 0]. The score is proportional to the mixture's density; divided by its
    ``peak`` it is 1 at the most common length of every bone, so that thin distributions weigh as much as wide ones.
    """
    return -mixture_density(length, weight, mean, deviation) / peak


@njit(nogil=True, cache=True, error_model="numpy")
def length_cost(length: float, expected: float, spread: float) -> float:  # pragma: no cover
    """Eq. 9 for a person whose bone is known to be ``expected`` long: minus the score of a single Gaussian about it,
    its standard deviation ``spread`` (all metres); in [-1, 0]."""
    z = (length - expected) / spread
    return -math.exp(-0.5 * z * z)


@njit(nogil=True, cache=True, error_model="numpy")
def background_integral(crop: NDArray[np.float32]) -> NDArray[np.int32]:  # pragma: no cover
    """Crop (S, S) -> (S + 1, S + 1): how many empty pixels (1.0 and more) lie above and left of each corner."""
    size = crop.shape[0]
    out = np.zeros((size + 1, size + 1), np.int32)
    for r in range(size):
        count = 0
        for c in range(size):
            if crop[r, c] >= 1.0:
                count += 1
            out[r + 1, c + 1] = out[r, c + 1] + count
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def background_share(
    integral: NDArray[np.int32], column: int, row: int, kernel: int
) -> float:  # pragma: no cover
    """Eq. 10: the share of empty pixels among the (2 W + 1)^2 about a joint's pixel, W = ``kernel``; in [0, 1].

    A share, not the paper's count, so that the weight does not depend on W. Four reads of the integral image: the cost
    does not grow with W. Pixels outside the crop are empty: nothing of a hand is known there, as nothing is beyond the
    cube, and of true joints less than one in a thousand lies outside.
    """
    size = integral.shape[0] - 1
    side = 2 * kernel + 1
    left, right = max(column - kernel, 0), min(column + kernel + 1, size)
    top, bottom = max(row - kernel, 0), min(row + kernel + 1, size)
    if left >= right or top >= bottom:
        return 1.0
    inside = integral[bottom, right] - integral[top, right] - integral[bottom, left] + integral[top, left]
    return 1.0 - ((right - left) * (bottom - top) - inside) / (side * side)


@njit(nogil=True, cache=True, error_model="numpy")
def order_cost(
    tip: float, tip_before: float, parent: float, parent_before: float
) -> float:  # pragma: no cover
    """Eq. 11 and 12: 1 when a fingertip moved less than the joint before it, else 0.

    The paper's r, the "relative length" of a joint in layer 2 or 3 to layer 1, is read as the joint's distance (m)
    from its finger's first joint (layer 1); a finger's tip (l = 3) and its last but one joint (l - 1) are compared. H,
    its change since the frame before, is taken without its sign: the text speaks of moving "less dramatically", and
    with the sign every closing finger would be penalised.
    """
    return 1.0 if abs(tip - tip_before) < abs(parent - parent_before) else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def network_cost(x: float, y: float, z: float, lateral: float, deep: float) -> float:  # pragma: no cover
    """Half the squared Mahalanobis distance of an offset (m) from the network's joint, whose spread (m) is ``lateral``
    along x and y and ``deep`` along z."""
    return 0.5 * ((x * x + y * y) / (lateral * lateral) + z * z / (deep * deep))


@njit(nogil=True, cache=True, error_model="numpy")
def free_space_cost(below: float, nearest: float, softness: float, most: float) -> float:  # pragma: no cover
    """A joint ``below`` the seen surface (m, along z; negative is before it) lies at least ``nearest`` under the skin
    and cannot float before it: a squared hinge in units of ``softness`` (m), at most ``most``, because a pixel may
    belong to something else."""
    if below >= nearest:
        return 0.0
    return min(((nearest - below) / softness) ** 2, most)


@njit(nogil=True, cache=True, error_model="numpy")
def occlusion_cost(below: float, deepest: float, softness: float) -> float:  # pragma: no cover
    """Deeper than ``deepest`` (m) below the seen surface a joint is hidden behind something: possible, but less likely.
    Rises from 0 to 1 over ``softness`` (m)."""
    return min(max((below - deepest) / softness, 0.0), 1.0)


@njit(nogil=True, cache=True, error_model="numpy")
def prediction_cost(distance: float, spread: float) -> float:  # pragma: no cover
    """Distance (m) from where the motion so far would put the joint, ``spread`` (m): the logarithm of a Cauchy density,
    so that a finger that does something new is not held back."""
    return math.log1p(0.5 * (distance / spread) ** 2)


@njit(nogil=True, cache=True, error_model="numpy")
def pixel_of(
    x: float, y: float, z: float, distance: float, half: float, size: int
) -> tuple[int, int]:  # pragma: no cover
    """Column and row of the crop's pixel that sees a local place (m); may lie outside the crop. As CropFrame's
    local_to_crop and crop_to_pixel, rounded."""
    scale = distance / (half * max(distance + z, 1e-6))
    column = math.floor((x * scale + 1.0) * 0.5 * size)
    row = math.floor((y * scale + 1.0) * 0.5 * size)
    return int(column), int(row)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _from(x: float, y: float, z: float, joints: Array, joint: int) -> float:  # pragma: no cover
    return math.sqrt((x - joints[joint, 0]) ** 2 + (y - joints[joint, 1]) ** 2 + (z - joints[joint, 2]) ** 2)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _apart(joints: Array, a: int, b: int) -> float:  # pragma: no cover
    return _from(joints[a, 0], joints[a, 1], joints[a, 2], joints, b)


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _bone_costs(
    length: float, joint: int, guess: Guess, mixtures: Mixtures, w: Weights
) -> float:  # pragma: no cover
    total = 0.0
    if w.bone_mixture > 0.0:
        total += w.bone_mixture * bone_cost(
            length,
            mixtures.weight[joint],
            mixtures.mean[joint],
            mixtures.deviation[joint],
            mixtures.peak[joint],
        )
    if w.bone_length > 0.0:
        total += w.bone_length * length_cost(length, guess.lengths[joint], w.length_m)
    return total


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def joint_energy(
    joint: int,
    x: float,
    y: float,
    z: float,
    scene: Scene,
    hand: Hand,
    guess: Guess,
    past: Past,
    mixtures: Mixtures,
    refined: Array,
    again: bool,
    w: Weights,
) -> float:  # pragma: no cover
    """Eq. 8 with our own terms but the network's: what it costs to put ``joint`` at a place (m) while the others are at
    ``refined``. ``again``: not the first pass, so that the bone to the next joint counts as well."""
    total = 0.0
    size = scene.crop.shape[0]
    column, row = pixel_of(x, y, z, scene.distance, scene.half, size)
    if w.background > 0.0:
        total += w.background * background_share(scene.background, column, row, w.kernel_px)
    if 0 <= column < size and 0 <= row < size and scene.crop[row, column] < 1.0:
        below = z - scene.crop[row, column] * scene.half
        total += w.free_space * free_space_cost(below, hand.nearest[joint], w.softness_m, w.free_space_most)
        total += w.occluded * occlusion_cost(below, hand.deepest[joint], w.softness_m)
    parent, following = hand.parent[joint], hand.following[joint]
    if parent >= 0:
        total += _bone_costs(_from(x, y, z, refined, parent), joint, guess, mixtures, w)
    if again and following >= 0:
        total += _bone_costs(_from(x, y, z, refined, following), following, guess, mixtures, w)
    if past.known:
        if w.prediction > 0.0:
            away = _from(x, y, z, past.predicted, joint)
            total += w.prediction * prediction_cost(away, past.spread[joint])
        first = hand.first[joint]
        if w.tip_order > 0.0 and first >= 0:
            total += w.tip_order * order_cost(
                _from(x, y, z, refined, first),
                _apart(past.joints, joint, first),
                _apart(refined, parent, first),
                _apart(past.joints, parent, first),
            )
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def regress_layer(
    layer: NDArray[np.int64],
    offsets: Array,
    scene: Scene,
    hand: Hand,
    guess: Guess,
    past: Past,
    mixtures: Mixtures,
    w: Weights,
    again: bool,
    refined: Array,
) -> None:  # pragma: no cover
    """Move the joints of one layer, in ``refined`` (23, 3) m, to the best of their candidates, all scored in this call.

    Candidates lie at ``offsets`` (M, 3), in units of the joint's spread, about the network's joint moved along with
    its parent's correction (times ``follow``); in later passes (``again``) about where the joint is by now; one more
    is what the motion so far predicts. With a ``temperature`` above 0 the result is their mean weighted with
    exp(-energy / temperature), which is smooth and minimises the expected squared error if the energies are right;
    with 0 it is the one of least energy.
    """
    count = len(offsets) + (1 if past.known and w.prediction > 0.0 else 0)
    energies = np.empty(count)
    places = np.empty((count, 3))
    anchor = np.empty(3)
    for joint in layer:
        parent = hand.parent[joint]
        for k in range(3):
            anchor[k] = guess.joints[joint, k]
            if parent >= 0:
                anchor[k] += w.follow * (refined[parent, k] - guess.joints[parent, k])
        best = 0
        for m in range(count):
            for k in range(3):
                if m < len(offsets):
                    start = refined[joint, k] if again else anchor[k]
                    places[m, k] = start + offsets[m, k] * guess.spread[joint, k]
                else:
                    places[m, k] = past.predicted[joint, k]
            x, y, z = places[m, 0], places[m, 1], places[m, 2]
            energies[m] = w.network * network_cost(
                x - anchor[0], y - anchor[1], z - anchor[2], guess.spread[joint, 0], guess.spread[joint, 2]
            ) + joint_energy(joint, x, y, z, scene, hand, guess, past, mixtures, refined, again, w)
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
