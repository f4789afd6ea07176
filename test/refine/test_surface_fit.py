"""The surface fit: finds a hand on its own surface, keeps limits and bones, stays whole whatever comes in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from surface_scenes import FRAME, PlacedHand, open_hand

from hand_pose_ros.datasets.synthetic import SyntheticHands
from hand_pose_ros.datasets.synthetic_config import SyntheticConfig
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.hand.rotations_numba import so3_exp, so3_log
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.hand.solver import PoseSolver
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.refine.surface_fit import SurfaceFit, SurfaceHand, surface_trust
from hand_pose_ros.synthetic.splits import VALIDATION_SPLIT

LOWER, UPPER = skeleton.ANGLE_LIMITS.T
TIPS = list(skeleton.TIP_JOINTS)
TEMPLATE = np.zeros(9)
NOT_SEEN = np.full(23, np.inf)


def error_mm(joints: np.ndarray, truth: np.ndarray) -> float:
    return float(1000 * np.linalg.norm(joints - truth, axis=-1).mean())


def pushed(parameters: np.ndarray, rng: np.random.Generator, shift_m: float, turn_rad: float) -> np.ndarray:
    """The pose moved by so much in a random direction and turned by so much about a random axis."""
    out = parameters.copy()
    direction, axis = rng.standard_normal((2, 3))
    out[:3] += shift_m * direction / np.linalg.norm(direction)
    rotation = so3_exp(turn_rad * axis / np.linalg.norm(axis)) @ so3_exp(parameters[3:6])
    out[3:6] = so3_log(rotation)
    return out


@pytest.mark.parametrize("seed", range(6))
def test_hand_started_6_mm_and_10_degrees_off_its_own_surface_comes_back(seed: int):
    parameters = open_hand(seed)
    truth = PlacedHand(parameters, TEMPLATE)
    start = pushed(parameters, np.random.default_rng(seed), 0.006, np.radians(10))
    before = error_mm(PlacedHand(start, TEMPLATE).joints, truth.joints)
    fit = SurfaceFit(SurfaceFitConfig(iterations=30))
    hand = fit.fit(FRAME, truth.draw(), truth.joints, NOT_SEEN, TEMPLATE, start)
    assert error_mm(hand.joints, truth.joints) < 0.5 * before
    assert hand.statistics.explained > 0.9
    assert hand.statistics.free_space < 0.1


@pytest.mark.slow
def test_rendered_hands_of_other_subjects_get_closer():
    batch = SyntheticHands(SyntheticConfig(split=VALIDATION_SPLIT, identities=10)).batch(5, 60)
    rng = np.random.default_rng(0)
    fit, solver = SurfaceFit(), PoseSolver()
    before, after = [], []
    for n in range(60):
        truth, shape = batch.joints[n].astype(np.float64), batch.shape[n].astype(np.float64)
        exact = solver.solve(truth, shape=shape).parameters
        start = pushed(exact, rng, 0.006, np.radians(10))
        guess = PlacedHand(start, shape).joints
        frame = CropFrame(np.array([0.0, 0.0, float(batch.distance[n])]))
        hand = fit.fit(frame, batch.crop[n, 0], guess, np.full(23, 0.010), shape, start)
        before.append(error_mm(guess, truth))
        after.append(error_mm(hand.joints, truth))
    assert np.median(after) < 0.8 * np.median(before)
    assert np.mean(np.array(after) < np.array(before)) > 0.75


@given(st.integers(0, 2**32 - 1), st.floats(1.0, 20.0))
def test_the_surface_counts_by_the_square_of_what_the_surest_joints_err(seed: int, factor: float):
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0.0045, 0.02, skeleton.JOINT_COUNT)
    trust = surface_trust(sigma, 0.0045)
    assert 0.0 < trust <= 1.0
    assert surface_trust(factor * sigma, 0.0045) == pytest.approx(trust / factor**2)
    assert surface_trust(rng.permutation(sigma), 0.0045) == trust
    hidden = np.where(np.arange(skeleton.JOINT_COUNT) % 2, 0.001, 10.0 * sigma)
    assert surface_trust(hidden, 0.0045) == 1.0, "half of the joints are hidden, the others sure"
    assert surface_trust(sigma, np.inf) == 1.0
    assert surface_trust(np.full(skeleton.JOINT_COUNT, np.inf), 0.0045) == 1.0
    assert surface_trust(np.zeros(skeleton.JOINT_COUNT), 0.0045) == 1.0


def test_where_the_network_is_unsure_of_all_joints_a_wrong_surface_moves_them_less():
    """A picture 12 mm nearer than the hand, as where a matcher took the background's edge for it."""
    parameters = open_hand(2)
    truth = PlacedHand(parameters, TEMPLATE)
    nearer = parameters + np.array([0.0, 0.0, -0.012, *np.zeros(23)])
    crop = PlacedHand(nearer, TEMPLATE).draw()
    moved = []
    for trusted_sigma_m in (0.0045, np.inf):
        fit = SurfaceFit(SurfaceFitConfig(trusted_sigma_m=trusted_sigma_m))
        hand = fit.fit(FRAME, crop, truth.joints, np.full(23, 0.015), TEMPLATE, parameters)
        moved.append(error_mm(hand.joints, truth.joints))
    assert moved[0] < moved[1] - 0.5


@pytest.mark.parametrize("thickness", [-0.2, 0.2])
def test_thickness_is_seen(thickness: float):
    parameters = open_hand(1)
    truth = PlacedHand(parameters, TEMPLATE, thickness)
    fit = SurfaceFit(SurfaceFitConfig(iterations=20, thickness_spread=0.3))
    hand = fit.fit(FRAME, truth.draw(), truth.joints, np.full(23, 0.005), TEMPLATE, parameters)
    assert hand.thickness == pytest.approx(thickness, abs=0.06)
    assert 0.0 < hand.thickness_spread < 0.2


def test_loose_shape_moves_towards_the_one_that_is_seen():
    parameters, shape = open_hand(1), np.array([0.1, 0, 0, 0, 0, 0.05, -0.05, 0, 0.05])
    truth = PlacedHand(parameters, shape)
    fit = SurfaceFit(SurfaceFitConfig(iterations=20))
    start = fit.loose_shape(TEMPLATE)
    hand = fit.fit(FRAME, truth.draw(), truth.joints, np.full(23, 0.005), start, parameters)
    assert np.abs(hand.shape[0] + hand.shape[5:] - shape[0] - shape[5:]).mean() < 0.04
    assert hand.estimate is not None
    assert np.linalg.eigvalsh(hand.estimate.precision - start.precision).min() > -1e-6


def test_order_of_the_pixels_does_not_matter(monkeypatch):
    truth = PlacedHand(open_hand(3), TEMPLATE)
    start = pushed(open_hand(3), np.random.default_rng(3), 0.004, 0.1)
    fit, kept = SurfaceFit(), []
    monkeypatch.setattr(SurfaceFit, "_solve", lambda self, problem: kept.append(problem))
    fit.fit(FRAME, truth.draw(), truth.joints, np.full(23, 0.01), TEMPLATE, start)
    monkeypatch.undo()
    (problem,) = kept
    points = problem.observation.points
    assert len(points) == fit.config.points
    mixed = problem.observation._replace(points=np.random.default_rng(0).permutation(points))
    one, other = fit._solve(problem), fit._solve(problem._replace(observation=mixed))
    assert np.allclose(one.joints, other.joints, atol=1e-6)


def assert_valid(hand: SurfaceHand, shape: np.ndarray) -> None:
    assert np.isfinite(hand.parameters).all()
    assert np.isfinite(hand.joints).all()
    assert ((hand.parameters[6:] >= LOWER) & (hand.parameters[6:] <= UPPER)).all()
    again = (
        HandModelLayer("right").double()(torch.from_numpy(hand.parameters), torch.from_numpy(shape)).numpy()
    )
    assert np.allclose(again, hand.joints, atol=1e-7)
    assert np.allclose(bone_lengths(hand.joints), bone_lengths(again), atol=1e-9)
    assert hand.energy <= hand.start_energy
    shares = dataclasses.asdict(hand.statistics)
    assert all(np.isfinite(value) and value >= 0 for value in shares.values())


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["empty", "nothing", "noise", "wall"]), st.booleans())
def test_garbage_gives_a_valid_hand(seed: int, kind: str, broken_joints: bool):
    rng = np.random.default_rng(seed)
    crop = {
        "empty": np.ones((96, 96)),
        "nothing": np.full((96, 96), np.nan),
        "noise": np.where(rng.random((96, 96)) < 0.1, np.inf, rng.uniform(-1.5, 1.5, (96, 96))),
        "wall": np.full((96, 96), rng.uniform(-1, 1)),
    }[kind].astype(np.float32)
    joints = rng.normal(0, 0.1, (23, 3))
    sigma = rng.uniform(0.001, 0.05, 23)
    if broken_joints:
        joints[rng.integers(23)] = np.nan
        sigma[rng.integers(23)] = np.nan
        sigma[rng.integers(23)] = -1.0
    start = np.concatenate([rng.normal(0, 0.1, 3), rng.normal(0, 2, 3), rng.normal(0, 2, 20)])
    shape = rng.normal(0, 0.1, 9)
    previous = rng.normal(0, 1, 26) if rng.random() < 0.5 else None
    config = SurfaceFitConfig(previous_translation_m=0.05, previous_angle=0.5, previous_rotation=0.5)
    hand = SurfaceFit(config).fit(FRAME, crop, joints, sigma, shape, start, previous)
    assert np.array_equal(hand.shape, shape)
    assert_valid(hand, shape)


@pytest.mark.parametrize("loose", [False, True])
def test_hand_keeps_the_bones_of_its_shape(loose: bool):
    parameters, shape = open_hand(2), np.random.default_rng(2).normal(0, 0.05, 9)
    truth = PlacedHand(parameters, TEMPLATE)
    fit = SurfaceFit()
    given = fit.loose_shape(shape) if loose else shape
    hand = fit.fit(FRAME, truth.draw(), truth.joints, np.full(23, 0.01), given, parameters)
    assert loose != np.array_equal(hand.shape, shape)
    assert_valid(hand, hand.shape)


def test_previous_pose_holds_back():
    truth = PlacedHand(open_hand(1), TEMPLATE)
    start = open_hand(1)
    start[:3] += (0.008, 0.0, 0.0)
    given = (FRAME, truth.draw(), truth.joints, np.full(23, 0.01), TEMPLATE, start)
    config = SurfaceFitConfig()
    free = SurfaceFit(config).fit(*given, previous=start)
    frozen = SurfaceFit(dataclasses.replace(config, previous_translation_m=1e-4)).fit(*given, previous=start)
    assert np.abs(frozen.parameters[:3] - start[:3]).max() < 0.001
    assert np.linalg.norm(free.parameters[:3] - start[:3]) > 0.003


def ring_folded(share: float) -> np.ndarray:
    """The open hand with its ring finger folded, from 0 to 1."""
    parameters = open_hand(1)
    flexions = skeleton.FIRST_ANGLE + skeleton.FINGER_ANGLE_TABLE[skeleton.FINGERS.index("ring"), 1:]
    parameters[flexions] += share * (np.array([0.9, 1.1, 0.5]) - parameters[flexions])
    return parameters


def ring_tip_error(hand: SurfaceHand, truth: PlacedHand) -> float:
    tip = skeleton.FINGER_JOINTS["ring"][-1]
    return float(np.linalg.norm(hand.joints[tip] - truth.joints[tip]))


def test_finger_that_the_network_loses_for_a_frame_stays_where_it_is_seen():
    """The network, unsure of it, says that a folded finger is stretched; the frame before knew better."""
    truth, network = PlacedHand(ring_folded(1.0), TEMPLATE), PlacedHand(ring_folded(0.0), TEMPLATE)
    sigma = np.full(23, 0.005)
    sigma[list(skeleton.FINGER_JOINTS["ring"])] = 0.03
    given = (FRAME, truth.draw(), network.joints, sigma, TEMPLATE, ring_folded(0.0))
    found, alone = (
        SurfaceFit(SurfaceFitConfig(restart_m=distance)).fit(*given, previous=ring_folded(1.0))
        for distance in (0.02, float("inf"))
    )
    assert found.energy < alone.energy
    assert ring_tip_error(found, truth) < 0.01
    assert ring_tip_error(alone, truth) > 0.03


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_finger_that_moves_is_where_the_network_sees_it(share: float):
    truth = PlacedHand(ring_folded(share + 0.2), TEMPLATE)
    given = (FRAME, truth.draw(), truth.joints, np.full(23, 0.005), TEMPLATE, ring_folded(share + 0.2))
    found = SurfaceFit(SurfaceFitConfig(restart_m=1e-6)).fit(*given, previous=ring_folded(share))
    assert ring_tip_error(found, truth) < 0.01


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_second_start_never_costs_energy(seed: int):
    rng = np.random.default_rng(seed)
    parameters = open_hand(seed % 7)
    truth = PlacedHand(parameters, TEMPLATE)
    start, previous = parameters + rng.normal(0, 0.02, 26), parameters.copy()
    previous[skeleton.FIRST_ANGLE :] = rng.uniform(LOWER, UPPER)
    given = (FRAME, truth.draw(), truth.joints, np.full(23, 0.01), TEMPLATE, start)
    never, always = (
        SurfaceFit(SurfaceFitConfig(restart_m=distance)).fit(*given, previous=previous)
        for distance in (float("inf"), 1e-9)
    )
    assert always.energy <= never.energy
    assert always.start_energy >= always.energy


def test_statistics_show_a_hand_beside_the_surface():
    parameters = open_hand(1)
    truth = PlacedHand(parameters, TEMPLATE)
    still = SurfaceFit(
        SurfaceFitConfig(previous_translation_m=1e-6, previous_rotation=1e-6, previous_angle=1e-6)
    )
    away = parameters.copy()
    away[:3] += (0.0, 0.0, -0.06)
    on, off = (
        still.fit(FRAME, truth.draw(), truth.joints, NOT_SEEN, TEMPLATE, start, previous=start).statistics
        for start in (parameters, away)
    )
    assert on.explained > 0.9
    assert on.residual_m < 0.001
    assert on.free_space < 0.05
    assert on.on_surface > 0.5
    assert off.near_pixels < 0.8 * on.near_pixels
    assert off.explained < 0.2
    assert off.free_space > 0.9


@pytest.mark.parametrize(
    ("field", "value"),
    [("surface_weight", -1.0), ("facing", 1.0), ("iterations", 0), ("free_space_margin_m", 0.1), ("angle_spread", 0.0),
     ("tolerance", 1.0), ("thickness_spread", float("nan")),
     ("restart_m", 0.0), ("trusted_sigma_m", 0.0)],
)  # fmt: skip
def test_configuration_names_what_is_wrong(field: str, value: float):
    with pytest.raises(ValueError, match=field):
        SurfaceFitConfig(**{field: value})


@pytest.mark.parametrize("which", ["crop", "joints", "shape", "start", "previous", "thickness"])
def test_wrong_sizes_and_numbers_are_named(which: str):
    given = {
        "frame": FRAME, "crop": np.ones((96, 96), np.float32), "joints": np.zeros((23, 3)), "sigma": np.ones(23),
        "shape": np.zeros(9), "start": np.zeros(26), "previous": np.zeros(26), "thickness": 0.0,
    }  # fmt: skip
    wrong = {"crop": np.ones((64, 64), np.float32), "joints": np.zeros((21, 3)), "start": np.full(26, np.nan)}
    given[which] = wrong.get(which, float("nan") if which == "thickness" else np.zeros(3))
    with pytest.raises(ValueError, match=which):
        SurfaceFit().fit(**given)
