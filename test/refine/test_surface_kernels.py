"""The surface fit's kernels: distances as worked by hand, gradients as by finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from surface_scenes import FRAME, PlacedHand, open_hand

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.rotations_numba import so3_exp, so3_log
from hand_pose_ros.refine.surface_fit import SurfaceFit, SurfaceFitConfig
from hand_pose_ros.refine.surface_kernels import (
    MOTIONS,
    SEGMENTS,
    add_joints,
    add_points,
    add_samples,
    capsule_distance,
    nearest_capsules,
    prepare_capsules,
)
from hand_pose_ros.refine.surface_model import ARM_CAPSULES, CAPSULES
from hand_pose_ros.refine.surface_normal_equations import FIRST_SCALE, THICKNESS, UNKNOWNS, gather


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


def test_nearest_capsules_come_in_order():
    placed = PlacedHand(open_hand(1), np.zeros(9))
    points = np.random.default_rng(0).normal(0, 0.05, (30, 3))
    near = np.empty((30, 6), dtype=np.int64)
    nearest_capsules(points, placed.table, near)
    for point, found in zip(points, near, strict=True):
        distances = [capsule_distance(placed.table, i, *point)[0] for i in range(len(CAPSULES))]
        # Capsules that share an end may be equally far.
        assert [distances[i] for i in found] == pytest.approx(sorted(distances)[:6])
        assert len(set(found)) == 6


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
    near = np.empty((len(points), 6), dtype=np.int64)
    nearest_capsules(points - start.translation, start.table, near)
    near = near[:, :1].copy()
    ring = np.array([(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)])

    def evaluate(step: np.ndarray) -> tuple[float, np.ndarray]:
        hand = PlacedHand(moved(parameters, step), shape + step[FIRST_SCALE:], step[THICKNESS])
        information, push = np.zeros((SEGMENTS, MOTIONS, MOTIONS)), np.zeros((SEGMENTS, MOTIONS))
        if term == "joints":
            energy = add_joints(
                hand.ends, hand.translation, target, np.full(23, 1e4), terms, hand.frame, information, push
            )
        elif term == "points":
            energy = add_points(
                points - hand.translation, hand.translation, FRAME.distance, near, hand.table, CAPSULES,
                ARM_CAPSULES, terms, hand.frame, information, push, np.empty(5),
            )  # fmt: skip
        else:
            # A wall through the hand: what lies before it by less than the gate floats.
            energy = add_samples(
                np.zeros((96, 96)), hand.translation, FRAME.half, FRAME.distance, ring,
                hand.table, CAPSULES, terms, hand.frame, information, push, np.empty(3),
            )  # fmt: skip
        hessian, gradient = np.empty((UNKNOWNS, UNKNOWNS)), np.empty(UNKNOWNS)
        gather(information, push, hand.ends, hand.axes, hessian, gradient)
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


def test_hand_on_its_own_picture_has_no_floating_flesh():
    parameters = open_hand(1)
    placed = PlacedHand(parameters, np.zeros(9))
    crop = placed.draw()
    depth = np.where(crop < 1, crop * FRAME.half, np.inf).astype(np.float64)
    terms = SurfaceFit()._terms(1.0)
    seen = np.empty(3)
    ring = np.array([(0, 0)])

    def free_space(shift: np.ndarray) -> float:
        add_samples(
            depth, placed.translation + shift, FRAME.half, FRAME.distance, ring, placed.table, CAPSULES, terms,
            placed.frame, np.zeros((SEGMENTS, MOTIONS, MOTIONS)), np.zeros((SEGMENTS, MOTIONS)), seen,
        )  # fmt: skip
        return seen[1] / seen[0]

    assert free_space(np.zeros(3)) < 0.05
    assert free_space(np.array([0.0, 0.0, -0.05])) > 0.9  # before the surface
    assert free_space(np.array([0.0, 0.0, 0.05])) < 0.05  # hidden behind it
    assert free_space(np.array([0.09, 0.0, 0.0])) > 0.5  # beside it


def test_capsules_belong_to_the_bones_of_their_segment():
    for segment, a, b in CAPSULES[:15]:
        assert skeleton.SEGMENT_JOINTS[segment] == a
        assert (a, b) in skeleton.BONES
    assert (CAPSULES[15:, 0] == 0).all()
    assert list(np.bincount(ARM_CAPSULES)) == [15 + 5, 6, 2]
