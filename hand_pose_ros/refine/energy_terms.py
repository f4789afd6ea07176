"""The terms of the energy of a joint's place (SDNet, section 4, Eq. 9 to 12), each a small pure function of numbers.

In: lengths and offsets in metres, the local frame of a crop (look-at view, origin at the crop's centre), a crop (S, S)
float32 in [-1, 1] with 1 = empty. Out: costs without unit, low is good. Every term is of order 1 where it is half in
doubt, so that the weights compare. Compiled, and callable from Python.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop_projection import crop_to_pixel, metres_to_crop
from hand_pose_ros.kernel_cache import njit


@njit(nogil=True, cache=True, error_model="numpy")
def bone_cost(density: float, peak: float) -> float:
    """Eq. 9: minus the bone's score, in [-1, 0]. The score is proportional to the density (1/m) of the bone's length in
    the population (``bone_prior.mixture_density``); divided by the highest one, ``peak``, it is 1 at the most common
    length of every bone, so that thin distributions weigh as much as wide ones.
    """
    return -density / peak


@njit(nogil=True, cache=True, error_model="numpy")
def length_cost(length: float, expected: float, spread: float) -> float:
    """Eq. 9 for a bone that is known to be ``expected`` long: minus the score of a single Gaussian about it,
    its standard deviation ``spread`` (all metres); in [-1, 0]."""
    z = (length - expected) / spread
    return -math.exp(-0.5 * z * z)


@njit(nogil=True, cache=True, error_model="numpy")
def background_integral(crop: NDArray[np.float32]) -> NDArray[np.int32]:
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
def background_share(integral: NDArray[np.int32], column: int, row: int, kernel: int) -> float:
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
def order_cost(tip: float, tip_before: float, parent: float, parent_before: float) -> float:
    """Eq. 11 and 12: 1 when a fingertip moved less than the joint before it, else 0.

    The paper's r, the "relative length" of a joint in layer 2 or 3 to layer 1, is read as the joint's distance (m)
    from its finger's first joint (layer 1); a finger's tip (l = 3) and its last but one joint (l - 1) are compared. H,
    its change since the frame before, is taken without its sign: the text speaks of moving "less dramatically", and
    with the sign every closing finger would be penalised.
    """
    return 1.0 if abs(tip - tip_before) < abs(parent - parent_before) else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def network_cost(x: float, y: float, z: float, lateral: float, deep: float) -> float:
    """Half the squared Mahalanobis distance of an offset (m) from the network's joint, whose spread (m) is ``lateral``
    along x and y and ``deep`` along z."""
    return 0.5 * ((x * x + y * y) / (lateral * lateral) + z * z / (deep * deep))


@njit(nogil=True, cache=True, error_model="numpy")
def free_space_cost(below: float, nearest: float, softness: float, most: float) -> float:
    """A joint ``below`` the seen surface (m, along z; negative is before it) lies at least ``nearest`` under the skin
    and cannot float before it: a squared hinge in units of ``softness`` (m), at most ``most``, because a pixel may
    belong to something else."""
    if below >= nearest:
        return 0.0
    return min(((nearest - below) / softness) ** 2, most)


@njit(nogil=True, cache=True, error_model="numpy")
def occlusion_cost(below: float, deepest: float, softness: float) -> float:
    """Deeper than ``deepest`` (m) below the seen surface a joint is hidden behind something: possible, but less likely.
    Rises from 0 to 1 over ``softness`` (m)."""
    return min(max((below - deepest) / softness, 0.0), 1.0)


@njit(nogil=True, cache=True, error_model="numpy")
def prediction_cost(distance: float, spread: float) -> float:
    """Distance (m) from where the motion so far would put the joint, ``spread`` (m): the logarithm of a Cauchy density,
    so that a finger that does something new does not lag."""
    return math.log1p(0.5 * (distance / spread) ** 2)


@njit(nogil=True, cache=True, error_model="numpy")
def pixel_of(x: float, y: float, z: float, distance: float, half: float, size: int) -> tuple[int, int]:
    """Column and row of the crop's pixel that sees a local place (m); may lie outside the crop."""
    scale = metres_to_crop(max(distance + z, 1e-6), distance, half)
    column = math.floor(crop_to_pixel(x * scale, size) + 0.5)
    row = math.floor(crop_to_pixel(y * scale, size) + 0.5)
    return int(column), int(row)
