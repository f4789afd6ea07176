"""Perceptrons of a few crops at once, compiled by numba: layers that lie in one row of numbers (``head_row.HeadRow``).

In: values (N, inputs) float32 of N crops, the row, where a layer begins there. Out: values in place or in an array that
the caller brings, and where the next layer begins. Each layer's weights are read once for all crops: they are what a
small batch waits for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import IN_ANY_ORDER, njit

Array32 = NDArray[np.float32]

_NORMAL_EPSILON = 1e-5  # torch.nn.LayerNorm's default


@njit(cache=True, nogil=True, fastmath={"contract"})
def linear(given: Array32, inputs: int, weights: Array32, at: int, outputs: int, out: Array32) -> int:
    """Fill out (N, outputs) from given (N, inputs) by a layer that begins at ``at`` -> where the next one begins."""
    end = at + inputs * outputs
    for n in range(len(given)):
        out[n, :outputs] = weights[end : end + outputs]
    whole = inputs - inputs % 4
    for i in range(0, whole, 4):
        # Four rows at once: what is summed is read and written a quarter as often.
        a = weights[at + i * outputs : at + (i + 1) * outputs]
        b = weights[at + (i + 1) * outputs : at + (i + 2) * outputs]
        c = weights[at + (i + 2) * outputs : at + (i + 3) * outputs]
        d = weights[at + (i + 3) * outputs : at + (i + 4) * outputs]
        for n in range(len(given)):
            w, x, y, z = given[n, i], given[n, i + 1], given[n, i + 2], given[n, i + 3]
            sums = out[n]
            for o in range(outputs):
                sums[o] += w * a[o] + x * b[o] + y * c[o] + z * d[o]
    for i in range(whole, inputs):
        a = weights[at + i * outputs : at + (i + 1) * outputs]
        for n in range(len(given)):
            for o in range(outputs):
                out[n, o] += given[n, i] * a[o]
    return end + outputs


@njit(cache=True, nogil=True)
def _silu(x: np.float32) -> np.float32:
    return x / (np.float32(1.0) + np.exp(-x))


@njit(cache=True, nogil=True)
def activate(values: Array32, count: int) -> None:
    """SiLU, in place, of the first ``count`` numbers of each row of values (N, >= count)."""
    for n in range(len(values)):
        for i in range(count):
            values[n, i] = _silu(values[n, i])


@njit(cache=True, nogil=True, fastmath=IN_ANY_ORDER)
def _sum(values: Array32) -> np.float32:
    total = np.float32(0.0)
    for i in range(len(values)):
        total += values[i]
    return total


@njit(cache=True, nogil=True)
def normalise(values: Array32, count: int, weights: Array32, at: int) -> int:
    """Layer normalisation of values (N, count) in place, scales and shifts at ``at``, and SiLU -> where these end."""
    scale, shift = weights[at : at + count], weights[at + count : at + 2 * count]
    for n in range(len(values)):
        line = values[n, :count]
        line -= _sum(line) / np.float32(count)
        squares = line * line
        factor = np.float32(1.0) / np.sqrt(_sum(squares) / np.float32(count) + np.float32(_NORMAL_EPSILON))
        for i in range(count):
            line[i] = _silu(line[i] * factor * scale[i] + shift[i])
    return at + 2 * count
