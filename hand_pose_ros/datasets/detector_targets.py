"""The target maps of the full-frame detector for a batch of pictures.

In: a :class:`FrameBatch`. Out: its input (B, CHANNELS, ROWS, COLUMNS) and a :class:`DetectorTarget`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.datasets.full_frames import FrameBatch
from hand_pose_ros.datasets.full_scenes import HANDS
from hand_pose_ros.detection.detector_input import (
    OFFSET_M,
    SIZE_M,
    STRIDE,
    anchors,
    detector_features,
    views_along,
)
from hand_pose_ros.detection.detector_net import DetectorTarget

Array32 = NDArray[np.float32]

# What the shipped detector was trained with. Guessed.
LEAST_VISIBLE_WANTED = 0.3
"""Hands of which less is seen, or whose middle is beside the image, need not be found, but may be."""
_HIDDEN = 0.03
"""Of a hand of which less is seen nothing can be known: there is no hand."""
_SPREAD_M, _SPREAD_CELLS = 0.03, 0.7
"""Standard deviation of the heat about a hand's middle: the larger of so many metres and so many output cells.
Guessed."""
_ON_HAND_M = 0.15
"""A cell whose anchor's depth differs by less from the middle's lies on the hand. Guessed, as the next three."""
_FEWEST_HEAT, _NEAR_HEAT, _LABELLED_HEAT = 0.05, 0.1, 0.2
"""The heat's peak is raised to 1 by dividing by at least the first. Cells whose heat would be above the second, but
whose anchor is something else, do not count; those above the third are labelled with side, offset, size and axes."""


def wanted(batch: FrameBatch) -> NDArray[np.bool_]:
    """(N, HANDS): the hands that must be found."""
    return np.asarray(batch.present & batch.inside & (batch.visible >= LEAST_VISIBLE_WANTED))


def make_target(batch: FrameBatch) -> tuple[Tensor, DetectorTarget]:
    """Around a hand's middle, heat falls off as a Gaussian of 3 cm, or of 0.7 output cells where these are larger; the
    cell nearest to the middle whose anchor lies on the hand has 1. Cells near it whose anchor is something else do not
    count, nor do those of hands that need not be found.
    """
    anchor = anchors(batch.z)
    count, rows, columns = anchor.shape
    heat = np.zeros((count, rows, columns), np.float32)
    weight = np.ones((count, rows, columns), np.float32)
    left: Array32 = np.zeros((count, rows, columns), np.float32)
    offset: Array32 = np.zeros((count, 3, rows, columns), np.float32)
    size: Array32 = np.zeros((count, rows, columns), np.float32)
    near: Array32 = np.zeros((count, rows, columns), np.float32)
    axes: Array32 = np.zeros((count, 9, rows, columns), np.float32)
    views = views_along(batch.rays)
    must = wanted(batch)
    here = batch.rays * anchor[..., None]
    tangent = batch.cell.reshape(count, -1).max(axis=1) * STRIDE  # that an output cell spans
    for h in range(HANDS):
        centre = batch.centre[:, h]
        z = centre[:, None, None, 2]
        apart = batch.rays[..., :2] * z[..., None] - centre[:, None, None, :2]
        spread = np.maximum(_SPREAD_M, _SPREAD_CELLS * tangent[:, None, None] * z)
        raw = np.exp(-0.5 * (apart**2).sum(axis=-1) / spread**2)
        on_hand = (anchor > 0.0) & (np.abs(anchor - z) < _ON_HAND_M)
        mine = np.where(on_hand, raw, 0.0)
        mine /= np.maximum(mine.max(axis=(1, 2), keepdims=True), _FEWEST_HEAT)
        found = must[:, h, None, None]
        doubtful = batch.present[:, h, None, None] & ~found & (batch.visible[:, h, None, None] > _HIDDEN)
        aside = (found & ~on_hand & (raw > _NEAR_HEAT)) | (doubtful & (raw > _NEAR_HEAT))
        weight *= ~aside
        mine = np.where(found, mine, 0.0).astype(np.float32)
        heat = np.maximum(heat, mine)
        best = mine > np.maximum(near, _LABELLED_HEAT)
        way = np.einsum("nrcij,nrcj->nirc", views, (centre[:, None, None] - here) / OFFSET_M)
        offset = np.where(best[:, None], way, offset)
        left = np.where(best, batch.left[:, h, None, None], left)
        turned = np.einsum("nrcij,nja->nairc", views, batch.axes[:, h]).reshape(axes.shape)
        axes = np.where(best[:, None], turned, axes)
        size = np.where(best, np.log(batch.radius[:, h, None, None] / SIZE_M), size)
        near = np.where(best, mine, near)
    arrays = (heat, weight, left, offset, size, axes, near)
    target = DetectorTarget(*(torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)) for a in arrays))
    return torch.from_numpy(detector_features(batch.z, batch.cell)), target
