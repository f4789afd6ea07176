"""The surface fit's terms: gradients as by finite differences, counts as seen."""

from __future__ import annotations

import numpy as np
import pytest
from surface_scenes import FRAME, MODEL, PlacedHand, equations, nearest, open_hand

from hand_pose_ros.hand.rotations_numba import so3_exp, so3_log
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.refine.surface_fit import SurfaceFit
from hand_pose_ros.refine.surface_model import CAPSULES
from hand_pose_ros.refine.surface_problem import (
    FIRST_SCALE,
    THICKNESS,
    UNKNOWNS,
    JointTargets,
    SurfaceObservation,
)
from hand_pose_ros.refine.surface_terms import add_joints, add_points, add_samples, empty_rows


def moved(parameters: np.ndarray, step: np.ndarray) -> np.ndarray:
    """A pose after a step of the solver's: the rotation's is a turn in the outer frame."""
    out = parameters + step[:26]
    out[3:6] = so3_log(so3_exp(step[3:6]) @ so3_exp(parameters[3:6]))
    return out


@pytest.mark.parametrize("term", ["joints", "points", "samples"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradient_agrees_with_finite_differences(term: str, seed: int):
    rng = np.random.default_rng(seed)
    parameters, shape = open_hand(seed), rng.normal(0, 0.05, 9)
    # A surface that faces the camera everywhere, so that no pixel fades out with its angle.
    terms = SurfaceFit(SurfaceFitConfig(facing=-0.95, free_space_gate_m=0.02))._terms(1.0)
    start = PlacedHand(parameters, shape)
    target = start.joints + rng.normal(0, 0.01, (23, 3))
    # Beyond the wrist the arm begins, and where a capsule meets another the energy has an edge: points on fingers.
    bones = [(a, b) for _, a, b in CAPSULES[:15]]
    middle = np.array(
        [start.joints[a] + t * (start.joints[b] - start.joints[a]) for a, b in bones for t in (0.4, 0.6)]
    )
    points = middle + np.array([0.0, 0.0, -0.012]) + rng.normal(0, 0.001, middle.shape)
    points = points[(np.arange(len(points)) // 6) != 0] if term == "points" else points
    near = nearest(points, start.capsules, 1)
    ring = np.array([(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)])
    # A wall through the hand: what lies before it by less than the gate is in free space.
    observation = SurfaceObservation(points, np.zeros((96, 96)), FRAME.distance, FRAME.half, ring)
    targets = JointTargets(target, np.full(23, 1e4))

    def evaluate(step: np.ndarray) -> tuple[float, np.ndarray]:
        hand = PlacedHand(moved(parameters, step), shape + step[FIRST_SCALE:], step[THICKNESS]).capsules
        rows, counts = empty_rows(len(points), len(CAPSULES)), np.empty(3)
        if term == "joints":
            energy = add_joints(targets, hand, terms, rows)
        elif term == "points":
            energy = add_points(observation, near, hand, MODEL, terms, rows, counts)
        else:
            energy = add_samples(observation, hand, MODEL, terms, rows, counts)
        hessian, gradient = equations(rows, hand)
        assert np.linalg.eigvalsh(hessian).min() > -1e-6 * np.abs(hessian).max()
        return energy, gradient

    _, gradient = evaluate(np.zeros(UNKNOWNS))
    assert np.abs(gradient).max() > 0
    tiny = 1e-6
    for unknown in range(UNKNOWNS):
        step = tiny * np.eye(UNKNOWNS)[unknown]
        # The gradient is that of half the energy.
        numeric = (evaluate(step)[0] - evaluate(-step)[0]) / (4 * tiny)
        assert gradient[unknown] == pytest.approx(numeric, rel=2e-3, abs=2e-3 * np.abs(gradient).max() ** 0.5)


def test_hand_on_its_own_picture_has_no_flesh_in_free_space():
    parameters = open_hand(1)
    placed = PlacedHand(parameters, np.zeros(9))
    crop = placed.draw()
    depth = np.where(crop < 1, crop * FRAME.half, np.inf).astype(np.float64)
    terms = SurfaceFit()._terms(1.0)
    observation = SurfaceObservation(np.empty((0, 3)), depth, FRAME.distance, FRAME.half, np.array([(0, 0)]))

    def free_space(shift: np.ndarray) -> float:
        hand = placed.capsules._replace(translation=placed.translation + shift)
        counts = np.empty(3)
        add_samples(observation, hand, MODEL, terms, empty_rows(0, len(CAPSULES)), counts)
        return counts[1] / counts[0]

    assert free_space(np.zeros(3)) < 0.05
    assert free_space(np.array([0.0, 0.0, -0.05])) > 0.9  # before the surface
    assert free_space(np.array([0.0, 0.0, 0.05])) < 0.05  # hidden behind it
    assert free_space(np.array([0.09, 0.0, 0.0])) > 0.5  # beside it


@pytest.mark.parametrize("size", [0.0, 0.01, 0.1])
def test_points_that_skip_far_capsules_find_what_the_search_of_all_finds(size: float):
    compared = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        parameters = open_hand(seed)
        start = PlacedHand(parameters, np.zeros(9))
        points = start.joints[rng.integers(0, 23, 200)] + rng.normal(0, 0.015, (200, 3))
        observation = SurfaceObservation(
            points, np.zeros((96, 96)), FRAME.distance, FRAME.half, np.zeros((1, 2), dtype=np.int64)
        )
        near = nearest(points, start.capsules, 6)
        step = size * rng.normal(0, 1, 26)
        step[:3] *= 0.1
        hand = PlacedHand(parameters + step, size * rng.normal(0, 0.3, 9)).capsules
        found = []
        never_skipped = near._replace(distance=np.full_like(near.distance, -np.inf))
        for one in (near, never_skipped):
            rows, counts = empty_rows(len(points), len(CAPSULES)), np.empty(3)
            energy = add_points(observation, one, hand, MODEL, SurfaceFit()._terms(1.0), rows, counts)
            used = rows.used[0]
            found.append((energy, counts, rows.segment[:used], rows.numbers[:used]))
        for skipped, all_of_them in zip(*found, strict=True):
            np.testing.assert_array_equal(skipped, all_of_them)
        compared += used
    assert compared > 300
