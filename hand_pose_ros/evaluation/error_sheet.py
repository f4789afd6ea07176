"""A sheet of evaluated crops with true and predicted hands, from the typical error to the worst.

In: crops (N, 1, S, S) in [-1, 1], distances (N,) m, true and found joints (N, 23, 3) local m, the cube's edge. Out: one
picture; every tile shows the crop with the true hand on the left and the found one on the right.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.visualization.overlay import draw_overlay

PERCENTILES: tuple[float, ...] = (50.0, 75.0, 90.0, 97.0, 99.5)
"""Rows of the sheet: frames whose mean error stands about so high among all of them, in per cent. Chosen by hand,
as what follows."""

_COLUMNS = 4
_TILE_PX = 192
_STEP = 0.001
"""Distance of a row's tiles in the order of errors, share of all frames: neighbours would be too much alike."""


@dataclass(frozen=True, eq=False)
class _Hand:
    joints: NDArray[np.float64]


def error_sheet(
    crop: NDArray[np.float32],
    distance: NDArray[np.float32],
    truth: NDArray[np.floating],
    found: NDArray[np.floating],
    cube_m: float,
) -> NDArray[np.uint8]:
    """Crops (N, 1, S, S) of cubes with edge ``cube_m``, distances (N,) m, true and found joints (N, 23, 3) local m ->
    the sheet (H, W, 3) uint8 RGB: rows from the typical frame to the worst, four frames each."""
    error = np.linalg.norm(found - truth, axis=-1).mean(axis=1)
    order = np.argsort(error)
    rows = []
    for percentile in PERCENTILES:
        share = percentile / 100.0 + _STEP * (np.arange(_COLUMNS) - (_COLUMNS - 1) / 2)
        chosen = order[np.clip((share * len(order)).astype(int), 0, len(order) - 1)]
        tiles = [
            _tile(crop[n, 0], float(distance[n]), truth[n], found[n], cube_m / 2, 1e3 * float(error[n]))
            for n in chosen
        ]
        rows.append(np.hstack(tiles))
    return np.vstack(rows)


def _tile(
    crop: NDArray[np.float32],
    distance: float,
    truth: NDArray[np.floating],
    found: NDArray[np.floating],
    half: float,
    error_mm: float,
) -> NDArray[np.uint8]:
    """One frame twice: with the true hand and with the found one."""
    depth = np.where(crop < 0.999, crop * half + distance, np.float32(np.nan))
    depth = cv2.resize(depth, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_NEAREST)
    # A crop is what a camera sees whose image is the cube's square at its centre.
    focal = distance / half * _TILE_PX / 2
    camera = Camera(_TILE_PX, _TILE_PX, focal, focal, (_TILE_PX - 1) / 2, (_TILE_PX - 1) / 2)
    shift = np.array([0.0, 0.0, distance])
    pictures = [draw_overlay(depth, camera, [_Hand(joints + shift)]) for joints in (truth, found)]
    bordered = cv2.copyMakeBorder(np.hstack(pictures), 2, 2, 2, 2, cv2.BORDER_CONSTANT)
    pair: NDArray[np.uint8] = bordered.astype(np.uint8)
    text = f"{error_mm:.1f} mm"
    origin = (_TILE_PX + 6, 16)
    cv2.putText(pair, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return pair
