"""All of the pose network behind its convolutions, compiled by numba: model.py and inverse.py for a CPU.

In: what ``head_row.CONVOLVED`` names, crops (N, 1, S, S), distances (N,) m, the weights as :class:`HeadRow`. Out: rows
of ``network/packing.py``, torch's own to rounding (a test compares them). Behind the convolutions the network is some
four hundred operations on a few numbers each, of which a runtime spends more on the calls than on the sums
(docs/experiments/speed.md); and one that multiplies in bfloat16 rounds them all.

Perceptrons and votes are summed in float32, poses are composed in float64. ``gpu/head.cu`` does the same on a GPU.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import clamp_angles_kernel
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.network import packing
from hand_pose_ros.network.cpu.perceptron import activate, linear, normalise
from hand_pose_ros.network.cpu.steps import (
    apply_step,
    first_input,
    later_input,
    palm_frame,
    place,
)
from hand_pose_ros.network.cpu.votes import SUMS, attention_kernel, coarse_joints, vote_sums
from hand_pose_ros.network.head_row import CONVOLVED, FIRST_INPUTS, LATER_INPUTS, HeadRow
from hand_pose_ros.network.units import INFERRED_SHAPE_LIMIT, RESTING_ANGLES, SIGMA_LOG_RANGE, SIGMA_UNIT_M

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

_JOINTS, _ANGLES, _SHAPE = skeleton.JOINT_COUNT, skeleton.ANGLE_COUNT, skeleton.SHAPE_COUNT
_RESTING = RESTING_ANGLES.astype(np.float64)
_LIMITS = np.array(skeleton.ANGLE_LIMITS, np.float64)
_LOWEST_LOG, _HIGHEST_LOG = (np.float32(bound) for bound in SIGMA_LOG_RANGE)
# Columns at which packing.PARTS begin.
_COARSE, _FITTED, _SIGMA, _ROTATION, _TRANSLATION, _ANGLE, _SCALE, _PRESENCE = (
    packing.FIRST[name]
    for name in ("coarse", "joints", "sigma", "rotation", "translation", "angles", "shape", "presence")
)


class CompiledHead:
    """The head of one network, for any number of crops."""

    reads = CONVOLVED

    def __init__(self, row: HeadRow) -> None:
        self._row = row
        votes = row.weights[row.votes_at :][: 4 * _JOINTS * 3]
        self._votes = votes.reshape(4 * _JOINTS, 3)
        self._step_at = np.array(row.step_at)
        self._cue_at = np.array(row.cue_at)
        middle = (2.0 * np.arange(row.edge) + 1.0) / row.edge - 1.0
        v, u = (axis.reshape(-1) for axis in np.meshgrid(middle, middle, indexing="ij"))
        self._grid = np.stack([u, v, u * u, v * v]).astype(np.float32)

    def warm_up(self) -> None:
        """Compiles what it calls."""
        row = self._row
        maps, crop = (1, 4 * _JOINTS, row.edge, row.edge), (1, 1, row.crop_size, row.crop_size)
        self(*(np.ones(shape, np.float32) for shape in (maps, (1, row.bottleneck), crop, (1,))))

    def __call__(self, *arrays: Array32) -> Array32:
        """maps (N, 4 J, cells, cells), pooled (N, C), crop (N, 1, S, S), distance (N,) m -> (N, PACKED_COLUMNS).
        ValueError on other sizes: compiled code asks for none."""
        maps, pooled, crop, distance = (np.ascontiguousarray(array, np.float32) for array in arrays)
        row, count = self._row, distance.size
        cells, size = (row.edge, row.edge), (row.crop_size, row.crop_size)
        wanted = ((count, 4 * _JOINTS, *cells), (count, row.bottleneck), (count, 1, *size), (count,))
        found = (maps.shape, pooled.shape, crop.shape, distance.shape)
        if found != wanted:
            raise ValueError(f"maps, pooled, crop and distance are {found}, want {wanted}")
        maps = maps.reshape(count, 4 * _JOINTS, row.edge**2)
        surface = np.empty((2, count, row.edge**2), np.float32)
        weight = np.empty((count, _JOINTS, row.edge**2), np.float32)
        attention_kernel(
            crop.reshape(count, row.crop_size, row.crop_size), maps, self._votes, surface, weight
        )
        # numpy's exponential of many numbers takes a tenth of compiled code's one by one.
        np.exp(weight, out=weight)
        out = np.empty((count, packing.PACKED_COLUMNS), np.float32)
        _head_kernel(
            maps, self._votes, surface, weight, pooled, distance, self._grid, row.weights, self._step_at,
            self._cue_at, row.hidden, row.step_outputs, row.cue_hidden, row.half_m, out,
        )  # fmt: skip
        return out


@njit(cache=True, nogil=True)
def _head_kernel(
    maps: Array32, votes: Array32, surface: Array32, weight: Array32, pooled: Array32, distance: Array32,
    grid: Array32, weights: Array32, step_at: NDArray[np.int64], cue_at: NDArray[np.int64], hidden_count: int,
    outputs: int, cue_count: int, half_m: float, out: Array32,
) -> None:  # fmt: skip
    """Fill out (N, PACKED_COLUMNS); see :class:`CompiledHead`."""
    count, bottleneck = pooled.shape
    first, later, cues = FIRST_INPUTS + bottleneck, LATER_INPUTS + hidden_count, hidden_count + 2 * _JOINTS
    sums, spread = np.empty((_JOINTS, SUMS), np.float32), np.empty((count, _JOINTS), np.float32)
    coarse, joints = np.empty((count, _JOINTS, 3)), np.empty((count, _JOINTS, 3))
    rotation, translation = np.empty((count, 3, 3)), np.empty((count, 3))
    angles, shape = np.empty((count, _ANGLES)), np.zeros((count, _SHAPE))
    given = np.empty((count, max(first, later, cues)), np.float32)
    hidden, other = np.empty((count, hidden_count), np.float32), np.empty((count, hidden_count), np.float32)
    step = np.empty((count, outputs), np.float32)
    for n in range(count):
        for j in range(_JOINTS):
            vote_sums(maps[n], votes, weight[n, j], grid, surface[0, n], surface[1, n], j, sums[j])
        coarse_joints(sums, distance[n], half_m, coarse[n], spread[n])
        palm_frame(coarse[n], rotation[n])
        translation[n], angles[n] = coarse[n, 0], _RESTING
        first_input(coarse[n], rotation[n], translation[n], pooled[n], spread[n], given[n])
    for k in range(len(step_at)):
        if k > 0:
            for n in range(count):
                place(rotation[n], translation[n], angles[n], shape[n], joints[n])
                later_input(coarse[n], joints[n], rotation[n], angles[n], shape[n], hidden[n], given[n])
        at = linear(given, later if k > 0 else first, weights, step_at[k], hidden_count, other)
        at = normalise(other, hidden_count, weights, at)
        at = linear(other, hidden_count, weights, at, hidden_count, hidden)
        activate(hidden, hidden_count)
        linear(hidden, hidden_count, weights, at, outputs, step)
        for n in range(count):
            apply_step(step[n], rotation[n], translation[n], angles[n], shape[n])
    for n in range(count):
        clamp_angles_kernel(angles[n], _LIMITS)
        for i in range(_SHAPE):
            shape[n, i] = min(max(shape[n, i], -INFERRED_SHAPE_LIMIT), INFERRED_SHAPE_LIMIT)
        place(rotation[n], translation[n], angles[n], shape[n], joints[n])
        _write_pose(coarse[n], joints[n], rotation[n], translation[n], angles[n], shape[n], out[n])
        given[n, :hidden_count] = hidden[n]
        given[n, hidden_count : hidden_count + _JOINTS] = spread[n]
        for j in range(_JOINTS):
            x = joints[n, j, 0] - coarse[n, j, 0]
            y = joints[n, j, 1] - coarse[n, j, 1]
            z = joints[n, j, 2] - coarse[n, j, 2]
            given[n, hidden_count + _JOINTS + j] = np.sqrt(x * x + y * y + z * z) / SIGMA_UNIT_M
    _write_cues(given, cues, weights, cue_at, cue_count, out)


@njit(cache=True, nogil=True)
def _write_pose(
    coarse: Array,
    joints: Array,
    rotation: Array,
    translation: Array,
    angles: Array,
    shape: Array,
    out: Array32,
) -> None:
    """One hand's parts of out (PACKED_COLUMNS,)."""
    for j in range(_JOINTS):
        for k in range(3):
            out[_COARSE + 3 * j + k], out[_FITTED + 3 * j + k] = coarse[j, k], joints[j, k]
    for k in range(3):
        for m in range(3):
            out[_ROTATION + 3 * k + m] = rotation[k, m]
        out[_TRANSLATION + k] = translation[k]
    for i in range(_ANGLES):
        out[_ANGLE + i] = angles[i]
    for i in range(_SHAPE):
        out[_SCALE + i] = shape[i]


@njit(cache=True, nogil=True)
def _write_cues(
    given: Array32, cues: int, weights: Array32, cue_at: NDArray[np.int64], cue_count: int, out: Array32
) -> None:
    """What the heads of ``head_row.CUE_HEADS`` make of N crops' cues, into out (N, PACKED_COLUMNS)."""
    count = len(given)
    inner, found = np.empty((count, cue_count), np.float32), np.empty((count, _JOINTS), np.float32)
    for head in range(len(cue_at)):
        at = cue_at[head]
        if at < 0:
            out[:, _PRESENCE + head - 1] = np.nan
            continue
        at = linear(given, cues, weights, at, cue_count, inner)
        activate(inner, cue_count)
        linear(inner, cue_count, weights, at, _JOINTS if head == 0 else 1, found)
        for n in range(count):
            if head > 0:
                out[n, _PRESENCE + head - 1] = found[n, 0]
                continue
            for j in range(_JOINTS):
                out[n, _SIGMA + j] = SIGMA_UNIT_M * np.exp(min(max(found[n, j], _LOWEST_LOG), _HIGHEST_LOG))
