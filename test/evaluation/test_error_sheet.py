"""The sheet of evaluated frames: better frames above worse ones, each hand over the crop that it was found in."""

from __future__ import annotations

import numpy as np

from hand_pose_ros.evaluation.error_sheet import PERCENTILES, error_sheet
from hand_pose_ros.hand.skeleton import JOINT_COUNT


def test_hands_are_drawn_where_the_crop_shows_them():
    # A small patch of surface, all joints in its middle, the found ones 60 mm to the right.
    crop = np.ones((1, 1, 96, 96), np.float32)
    crop[0, 0, 40:56, 40:56] = 0.0
    truth = np.zeros((1, JOINT_COUNT, 3), np.float32)
    found = truth + np.array([0.06, 0.0, 0.0], np.float32)
    sheet = error_sheet(crop, np.array([0.6], np.float32), truth, found, 0.30).astype(int)
    tile = sheet[: sheet.shape[0] // len(PERCENTILES), : sheet.shape[1] // 4]
    saturation = tile.max(axis=-1) - tile.min(axis=-1)
    columns = np.flatnonzero((saturation > 100).any(axis=0))
    size = tile.shape[0]
    true_hand, found_hand = columns[columns < size], columns[columns > size] - size
    assert abs(true_hand.mean() - size / 2) < 4
    assert abs(found_hand.mean() - (size / 2 + 0.06 / 0.30 * size)) < 6


def test_rows_go_from_typical_to_worst():
    count = 400
    crop = np.ones((count, 1, 96, 96), np.float32)
    truth = np.zeros((count, JOINT_COUNT, 3), np.float32)
    offset = np.random.default_rng(0).permutation(np.linspace(0.0, 0.10, count))
    found = truth + np.stack([offset, 0 * offset, 0 * offset], axis=1)[:, None].astype(np.float32)
    sheet = error_sheet(crop, np.full(count, 0.6, np.float32), truth, found, 0.30).astype(int)
    rows = np.vsplit(sheet[:, : sheet.shape[1] // 4], len(PERCENTILES))
    coloured = [np.flatnonzero((row.max(-1) - row.min(-1) > 100).any(axis=0)).max() for row in rows]
    assert coloured == sorted(coloured)
    assert coloured[-1] > coloured[0] + 30
