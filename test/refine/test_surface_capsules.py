"""Distances to capsules are as worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from surface_scenes import PlacedHand, nearest, open_hand

from hand_pose_ros.refine.surface_capsules import capsule_distance, farthest_move, prepare_capsules
from hand_pose_ros.refine.surface_model import CAPSULES


def one_capsule(length: float, start: float, end: float) -> np.ndarray:
    table = np.empty((1, 10))
    ends = np.array([[0.0, 0.0, 0.0], [length, 0.0, 0.0]])
    prepare_capsules(ends, np.array([start, end]), np.array([[0, 0, 1]]), table)
    return table


def test_distance_to_a_straight_capsule_is_to_its_axis_less_the_radius():
    table = one_capsule(4.0, 1.0, 1.0)
    assert capsule_distance(table, 0, 2.0, 3.0, 0.0) == pytest.approx((2.0, 2.0))
    assert capsule_distance(table, 0, 7.0, 4.0, 0.0) == pytest.approx((4.0, 4.0))  # 3, 4, 5 from the end
    assert capsule_distance(table, 0, 1.0, 0.0, 0.5) == pytest.approx((-0.5, 1.0))


def test_distance_to_a_tapered_capsule_is_the_least_over_its_spheres():
    table = one_capsule(0.04, 0.012, 0.007)
    along = np.linspace(0.0, 0.04, 40001)
    for x, y, z in np.random.default_rng(0).uniform(-0.02, 0.06, (50, 3)):
        spheres = np.sqrt((x - along) ** 2 + y * y + z * z) - (0.012 - 0.125 * along)
        distance, foot = capsule_distance(table, 0, x, y, z)
        assert distance == pytest.approx(spheres.min(), abs=1e-8)
        assert foot == pytest.approx(along[spheres.argmin()], abs=2e-5)


def test_nearest_capsules_come_in_order_with_their_distances():
    placed = PlacedHand(open_hand(1), np.zeros(9))
    points = np.random.default_rng(0).normal(0, 0.05, (30, 3))
    near = nearest(points + placed.translation, placed.capsules, 6)
    for n, point in enumerate(points):
        distances = [capsule_distance(placed.table, i, *point)[0] for i in range(len(CAPSULES))]
        found = near.capsules[:, n]
        # Capsules that share an end may be equally far.
        assert [distances[i] for i in found] == pytest.approx(sorted(distances)[:6])
        assert near.distance[:, n] == pytest.approx([distances[i] for i in found], abs=1e-12)
        assert len(set(found)) == 6


@pytest.mark.parametrize("size", [1e-4, 0.05, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_no_distance_changes_by_more_than_the_farthest_move(size: float, seed: int):
    rng = np.random.default_rng(seed)
    parameters, shape = open_hand(seed), rng.normal(0, 0.1, 9)
    start = PlacedHand(parameters, shape)
    step = size * rng.normal(0, 1, 26)
    step[:3] *= 0.1
    moved = PlacedHand(parameters + step, shape + size * rng.normal(0, 0.3, 9), size * rng.normal())
    near = nearest(start.joints, start.capsules, 1)
    most = farthest_move(near, moved.capsules)
    for point in rng.normal(0, 0.08, (100, 3)):
        for i in range(len(CAPSULES)):
            before, _ = capsule_distance(start.table, i, *(point - start.translation))
            after, _ = capsule_distance(moved.table, i, *(point - moved.translation))
            assert abs(after - before) <= most + 1e-12
    assert farthest_move(near, start.capsules) < 1e-15
