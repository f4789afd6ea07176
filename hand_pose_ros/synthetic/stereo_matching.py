"""What a pair of cameras that match windows makes of a clean depth image, compiled by numba.

In: clean depth (H, W) float32 m of the left camera (+inf = nothing there) and a StereoModel (stereo_config.py).
Out: depth as such a camera would deliver it, float32 m, NaN for "no reading".

It imitates what matching does to shapes without matching pictures. A window with two surfaces has evidence for each:
the texture of it that both eyes see (stereo_windows.py). Paths weigh it against the cost of a step of the disparity
(stereo_paths.py): outlines move where there is little texture, fatten before a dim background and where the right eye
sees none at all, gaps close, fingers merge or go. What the right camera sees otherwise falls out of the left-right
check, a shadow on the left. Then come the pull of interpolation to whole disparities, their noise, the matcher's small
clean-ups, and its steps of 1/32 px.

A picture need not have the sensor's own pixels. ``focal_px`` over the model's own focal length is the scale: window,
dots, noise and all thresholds in pixels of disparity are scaled by it, so that the shapes stay the same in the world.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.sensor import (
    NORMAL_TABLE,
    between_nodes,
    blend_rows,
    lattice_nodes,
    next_random,
)
from hand_pose_ros.synthetic.stereo_config import SEARCH_PX, StereoModel
from hand_pose_ros.synthetic.stereo_filters import (
    average_neighbours,
    decimate,
    fill_small_holes,
    smooth_surfaces,
)
from hand_pose_ros.synthetic.stereo_paths import follow_paths, spread_surfaces
from hand_pose_ros.synthetic.stereo_windows import (
    check_right_view,
    fading_lights,
    hidden_from_right,
    light,
    match_windows,
    window_means,
)

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

FAR_M = 20.0
"""No readings beyond: guessed, twice the range that Intel gives."""
_LIT_M = 0.7
"""As far as this surfaces are as bright as exposure wants them, and so is the nearer of two that are farther. Guessed:
the distance that projectors are set for."""
_LIGHTS = 257
"""Steps of the table of how light fades: finer than the evidence is. Guessed."""
# All guesses, fitted by eye and by a network's joints to pictures matched by OpenCV's SGBM and by a census matcher.
# Pixels of the sensor; _CLAIM in windows of mismatched texture.
_SPLIT_PX = 1.5
_APART_PX = 1.0
_CHECK_PX = 1.5
_SURFACE_PX = 3.0
_AVERAGE_PX = 0.8
_FILL_PX = 2.0
_TEXTURE_FLOOR = 0.03
_DOT_STRENGTH = (0.4, 1.0)
_DOT_SPREAD = 0.35
_HIDDEN_WEIGHT = 0.05
_CLAIM = 0.1
_SCANLINE_PX = 8.0
_SCANLINE_CORRELATION = 0.5


def match_depth(
    depth: NDArray[np.float32], model: StereoModel, focal_px: float, seed: int, edge_px: float = -np.inf
) -> NDArray[np.float32]:
    """Clean depth (H, W) m, +inf for nothing -> matched depth (H, W) m, NaN for no reading; a function of the seed.

    focal_px: of the picture given; edge_px: its first column that the right camera sees at infinity, -inf if it sees
    everything (a part of a picture), 0 for a whole picture. ValueError on an empty picture and on a depth that is not
    above 0, as NaN is not.
    """
    if depth.size == 0:
        raise ValueError(f"depth has shape {depth.shape}, want at least one pixel")
    if not (depth > 0.0).all():
        raise ValueError("depth holds a value that is NaN or not above 0, want metres, +inf for nothing")
    out = np.empty_like(depth)
    stereo_kernel(depth, model.as_array(), seed, focal_px, edge_px, out)
    return out


# Not cached on disk: numba would not notice a change in the functions of other files that are compiled into it.
@njit(nogil=True)
def stereo_kernel(
    clean: Array32, model: Array, seed: int, focal_px: float, edge_px: float, out: Array32
) -> None:
    """Fill out (H, W) from clean (H, W); model as ``StereoModel.as_array``, the rest as of :func:`match_depth`."""
    scale, reach = focal_px / model[0], focal_px * model[1]
    radius = max(1, round(model[2] * scale))
    height, width = clean.shape
    disparity, work = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            disparity[row, column] = reach / clean[row, column]  # 0 for nothing
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x2545F4914F6CDD1D)
    for _ in range(4):
        state = next_random(state)
    weights = np.empty((height, width), np.float32)
    state = _draw_texture(state, max(1.0, model[7] * scale), weights)
    scanline = np.empty((height, width), np.float32)
    state = _draw_scanlines(state, model[6], max(1.0, _SCANLINE_PX * scale), scanline)
    match_surfaces(disparity, weights, scanline, model, scale, radius, edge_px, work)
    if model[19] > 0.0:
        _draw_to_whole(model[19], scale, work)
    state = _add_noise(state, model[8] * scale, model[9] * scale, (2.0 * model[2] + 1.0) * scale, work)
    average_neighbours(work, min(1.0, 0.5 * (3.0 * scale - 1.0)), _AVERAGE_PX * scale, disparity)
    fill_small_holes(disparity, _FILL_PX * scale, work)
    if model[13] < 1.0:
        smooth_surfaces(work, 1.0 - (1.0 - model[13]) ** (1.0 / scale), model[14] * scale)
    step, unit, search = model[10] * scale, model[11], SEARCH_PX * scale
    for row in range(height):
        for column in range(width):
            d = work[row, column]
            if step > 0.0:
                d = step * np.floor(d / step + 0.5)
            z = reach / d if 0.0 < d <= search else np.inf
            if unit > 0.0:
                z = unit * np.floor(z / unit + 0.5)
            out[row, column] = z if z <= FAR_M else np.nan
    block = round(model[12] * scale)
    if model[12] > 1.0 and block > 1:
        decimate(out, block)


@njit(nogil=True)
def match_surfaces(
    disparity: Array32, weights: Array32, scanline: Array32, model: Array, scale: float, radius: int, edge_px: float,
    matched: Array32,
) -> None:  # fmt: skip
    """Fill matched (H, W) with the disparities of the surfaces that windows and paths choose, NaN for none; weights
    (H, W) of the texture are changed: mean 1, and next to nothing where the right camera does not see it."""
    height, width = disparity.shape
    hidden = np.empty((height, width), np.bool_)
    lights, lit_px = np.empty(_LIGHTS, np.float32), model[0] * model[1] / _LIT_M * scale
    fading_lights(model[15], lights)
    tolerance = max(1.0, _CHECK_PX * scale)
    hidden_from_right(disparity, tolerance, hidden)
    mean = np.float32(weights.mean())
    whole = weights / mean
    for row in range(height):
        for column in range(width):
            w = whole[row, column]
            weights[row, column] = w if not hidden[row, column] else w * np.float32(_HIDDEN_WEIGHT)
    near, far, near_cost, far_cost, texture, balance = np.zeros((6, height, width), np.float32)
    match_windows(
        disparity, weights, scanline, radius, model[3], model[4] / scale**2, lights, lit_px, _SPLIT_PX * scale,
        _APART_PX * scale, near, far, near_cost, far_cost, texture,
    )  # fmt: skip
    spread_surfaces(
        near,
        far,
        near_cost,
        far_cost,
        texture,
        model[3],
        lights,
        lit_px,
        _APART_PX * scale,
        round(model[17] * scale),
    )
    # A hidden surface is compared with what covers it, which is brighter; as part of the nearer one, with its like.
    unseen, ones = np.empty((2, height, width), np.float32)
    window_means(hidden.astype(np.float32), np.ones((height, width), np.float32), radius, unseen, ones)
    for row in range(height):
        for column in range(width):
            up, down = near[row, column], far[row, column]
            if up > down and unseen[row, column] > 0.0:
                far_cost[row, column] += unseen[row, column] * (1.0 - light(down, up, lit_px, lights))
    follow_paths(near, far, near_cost, far_cost, model[16], scale, model[18] >= 0.5, balance)
    paid = texture
    unsure = model[5] * scale  # as the step's cost: paths gather less over fewer pixels
    for row in range(height):
        for column in range(width):
            choice, up, down = balance[row, column], near[row, column], far[row, column]
            matched[row, column] = up if choice >= 0.0 else down
            if abs(choice) < unsure:
                matched[row, column] = np.nan
            cost = near_cost[row, column] if choice >= 0.0 else far_cost[row, column]
            own = light(disparity[row, column], up, lit_px, lights) if choice >= 0.0 and up > down else 1.0
            paid[row, column] = cost + unseen[row, column] * own
    check_right_view(matched, paid, _CLAIM, tolerance, _SURFACE_PX * scale, edge_px)


@njit(nogil=True)
def count_hidden_by_edge(alone: Array32, clean: Array32, reach: float) -> int:
    """How many of the pixels that something alone (H, W) has in a whole picture clean (H, W) lie so near to the left
    edge that the right camera does not see them; reach: focal length times baseline, px m."""
    hidden = 0
    for row in range(alone.shape[0]):
        for column in range(alone.shape[1]):
            z = alone[row, column]
            if z < np.inf and z <= clean[row, column] and column - reach / z < 0.0:
                hidden += 1
    return hidden


@njit(nogil=True)
def _draw_texture(state: np.uint64, pitch: float, weights: Array32) -> np.uint64:
    """Advanced state; fill weights (H, W): the projector's dots, one somewhere in each ``pitch`` x ``pitch`` px."""
    height, width = weights.shape
    weights[:] = _TEXTURE_FLOOR
    low, span = _DOT_STRENGTH[0], _DOT_STRENGTH[1] - _DOT_STRENGTH[0]
    share = np.uint64(65535)
    for i in range(int(height / pitch) + 1):
        for j in range(int(width / pitch) + 1):
            state = next_random(state)
            row = int((i + float(state & share) / 65536.0) * pitch)
            column = int((j + float((state >> np.uint64(16)) & share) / 65536.0) * pitch)
            strength = low + span * float((state >> np.uint64(32)) & share) / 65536.0
            if row >= height or column >= width:
                continue
            weights[row, column] += strength
            beside = _DOT_SPREAD * strength
            if row > 0:
                weights[row - 1, column] += beside
            if row + 1 < height:
                weights[row + 1, column] += beside
            if column > 0:
                weights[row, column - 1] += beside
            if column + 1 < width:
                weights[row, column + 1] += beside
    return state


@njit(nogil=True)
def _draw_scanlines(state: np.uint64, sigma: float, pitch: float, lines: Array32) -> np.uint64:
    """Advanced state; fill lines (H, W) with noise that is drawn anew every ``pitch`` px along a row, each correlated
    with the one before."""
    height, width = lines.shape
    rest = sigma * np.sqrt(1.0 - _SCANLINE_CORRELATION**2)
    mask = np.uint64(4095)
    for row in range(height):
        state = next_random(state)
        value = sigma * NORMAL_TABLE[state & mask]
        edge = pitch * float(state >> np.uint64(48)) / 65536.0
        for column in range(width):
            if column >= edge:
                state = next_random(state)
                value = _SCANLINE_CORRELATION * value + rest * NORMAL_TABLE[state & mask]
                edge += pitch
            lines[row, column] = value
    return state


@njit(nogil=True)
def _draw_to_whole(strength: float, unit: float, disparity: Array32) -> None:
    """Draw disparities (H, W) to whole multiples of ``unit``, in place; strength as ``StereoModel.locking``."""
    turn = 2.0 * np.pi / unit
    for row in range(disparity.shape[0]):
        for column in range(disparity.shape[1]):
            d = disparity[row, column]
            disparity[row, column] = d - strength / turn * np.sin(turn * d)


@njit(nogil=True)
def _add_noise(state: np.uint64, white: float, bump: float, pitch: float, disparity: Array32) -> np.uint64:
    """Advanced state; add white noise and bumps of ``pitch`` px to the readings of disparity (H, W), in place."""
    height, width = disparity.shape
    mask = np.uint64(4095)
    pitch = max(1.01, pitch)
    state, nodes, start = lattice_nodes(state, height, width, pitch)
    cell, before, after = between_nodes(width, start, pitch)
    line = np.empty((3, nodes.shape[2]), np.float32)
    for row in range(height):
        blend_rows(nodes, (row + start) / pitch, line)
        for column in range(width):
            k = cell[column]
            smooth = before[column] * line[0, k] + after[column] * line[0, k + 1]
            state = next_random(state)
            disparity[row, column] += bump * smooth + white * NORMAL_TABLE[state & mask]
    return state
