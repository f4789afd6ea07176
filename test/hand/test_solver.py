"""The online solver: agrees with the layer, recovers hands, keeps limits, uses what is known from before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.hand_state import HandState, hand_frames, random_hands
from hand_pose_ros.hand.jacobian import scaled_offsets
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations import so3_exp
from hand_pose_ros.hand.solver import PoseSolver, ShapeEstimate, SolverConfig

LOWER, UPPER = skeleton.ANGLE_LIMITS.T
TIP = skeleton.JOINT_INDEX["index_tip"]


def hands_and_joints(
    count: int, seed: int, spread: float = 0.0, side: str = "right"
) -> tuple[HandState, np.ndarray]:
    hands = random_hands(count, seed, shape_spread=spread)
    return hands, hand_frames(hands, side).joints.numpy()


def error_mm(found: np.ndarray, true: np.ndarray) -> float:
    return float(1000 * np.linalg.norm(found - true, axis=-1).mean())


@pytest.mark.slow
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("noise", [0.0, 0.0005])
def test_random_valid_hands_are_recovered_with_the_shape_known(side, noise):
    hands, joints = hands_and_joints(200, 1, 0.12, side)
    given = joints + noise * np.random.default_rng(0).standard_normal(joints.shape)
    solver = PoseSolver(SolverConfig(side=side))
    solved = [solver.solve(g, shape=s) for g, s in zip(given, hands.shape.numpy(), strict=True)]
    errors = np.array([error_mm(hand.joints, true) for hand, true in zip(solved, joints, strict=True)])
    assert (errors < 1).mean() >= 0.99
    angles = np.array([hand.parameters[6:] for hand in solved])
    assert ((angles >= LOWER) & (angles <= UPPER)).all()


@pytest.mark.parametrize("side", ["right", "left"])
def test_parameters_give_the_solved_joints_through_the_layer(side):
    _, joints = hands_and_joints(20, 2, 0.1, side)
    solver = PoseSolver(SolverConfig(side=side))
    layer = HandModelLayer(side).double()
    for given in joints:
        hand = solver.solve(given, shape=solver.first_estimate())
        again = layer(torch.from_numpy(hand.parameters), torch.from_numpy(hand.shape))
        assert np.allclose(again.numpy(), hand.joints, atol=1e-7)
        turn = so3_exp(torch.from_numpy(hand.parameters[3:6])).numpy()
        assert np.allclose(turn, hand.rotation, atol=1e-9)


def test_the_shape_is_learnt_over_frames():
    hands, _ = hands_and_joints(30, 3)
    shape = 0.1 * torch.randn(1, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hand = HandState.start(
        hands.rotation, hands.translation, hands.angles, torch.zeros(30, dtype=torch.long), shape
    )
    joints = hand_frames(hand, "right").joints.numpy()
    given = joints + 0.003 * np.random.default_rng(1).standard_normal(joints.shape)
    solver = PoseSolver(SolverConfig(noise_m=0.003))
    estimate = solver.first_estimate()
    known = []
    for frame in given:
        estimate = solver.solve(frame, shape=estimate).estimate
        known.append(np.trace(estimate.precision))
    first, last = (
        float((scaled_offsets(torch.from_numpy(mean)) - hand.offsets[0]).square().mean().sqrt())
        for mean in (np.zeros(9), estimate.mean)
    )
    assert last < first / 3
    assert (np.diff(known) > 0).all()


def test_a_known_shape_is_left_alone():
    hands, joints = hands_and_joints(1, 4, 0.1)
    hand = PoseSolver().solve(joints[0], shape=hands.shape.numpy()[0])
    assert np.array_equal(hand.shape, hands.shape.numpy()[0])
    assert hand.estimate is None


def test_what_was_not_seen_comes_from_the_previous_pose():
    _, joints = hands_and_joints(10, 5)
    solver = PoseSolver()
    for given in joints:
        previous = solver.solve(given).parameters
        hidden, weights = given.copy(), np.ones(23)
        hidden[TIP - 2 : TIP + 1], weights[TIP - 2 : TIP + 1] = np.nan, 0
        hand = solver.solve(hidden, weights, previous=previous)
        assert error_mm(hand.joints, given) < 1
        blind = solver.solve(np.full((23, 3), np.nan), np.zeros(23), previous=previous)
        assert np.allclose(blind.joints, given, atol=2e-3)


def test_a_narrow_prior_holds_the_pose_and_a_wide_one_lets_it_go():
    _, joints = hands_and_joints(2, 6)
    previous = PoseSolver().solve(joints[0]).parameters
    narrow = SolverConfig(previous_translation_m=1e-5, previous_rotation=1e-5, previous_angle=1e-5)
    assert error_mm(PoseSolver(narrow).solve(joints[1], previous=previous).joints, joints[0]) < 2
    assert error_mm(PoseSolver().solve(joints[1], previous=previous).joints, joints[1]) < 3


def test_any_points_give_a_valid_hand():
    rng = np.random.default_rng(2)
    solver = PoseSolver()
    for scale in (0.0, 1e-3, 0.1, 10.0):
        hand = solver.solve(scale * rng.standard_normal((23, 3)), shape=solver.first_estimate())
        assert np.isfinite(hand.joints).all()
        assert ((hand.parameters[6:] >= LOWER) & (hand.parameters[6:] <= UPPER)).all()
        assert np.allclose(hand.rotation.T @ hand.rotation, np.eye(3), atol=1e-9)
        assert np.linalg.det(hand.rotation) > 0


def test_other_limits_are_kept():
    limits = np.stack([np.zeros(20), np.full(20, 0.1)], axis=1)
    _, joints = hands_and_joints(5, 7)
    solver = PoseSolver(limits=limits)
    for given in joints:
        angles = solver.solve(given).parameters[6:]
        assert ((angles >= 0) & (angles <= 0.1)).all()


@pytest.mark.parametrize(
    "change",
    [
        {"side": "both"},
        {"noise_m": 0.0},
        {"iterations": 0},
        {"previous_angle": -1.0},
        {"shape_spread": float("nan")},
    ],
)
def test_a_senseless_configuration_is_refused_by_name(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        SolverConfig(**change)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"joints": np.zeros((21, 3))}, "joints are"),
        ({"joints": np.full((23, 3), np.nan)}, "not finite"),
        ({"weights": np.full(23, -1.0)}, "negative"),
        ({"weights": np.ones(5)}, "weights is"),
        ({"weights": np.zeros(23)}, "fewer than three"),
        ({"shape": np.zeros(4)}, "shape is"),
        ({"shape": ShapeEstimate(np.zeros(9), np.eye(3))}, "precision is"),
        ({"previous": np.full(26, np.nan)}, "previous holds"),
    ],
)
def test_bad_input_is_refused_with_a_reason(arguments, message):
    given = {"joints": np.zeros((23, 3)), **arguments}
    with pytest.raises(ValueError, match=message):
        PoseSolver().solve(**given)
