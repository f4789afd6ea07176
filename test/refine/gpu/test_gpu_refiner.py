"""The GPU's kernels, played by the CPU: the hands of the CPU's own kernels, with as few crossings as there can be."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from emulated import COMPILER, EmulatedKernels
from host_driver import HostDriver
from surface_scenes import FRAME, PlacedHand, open_hand

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.refine.gpu.gpu_refiner import GpuRefiner, KernelError, RefinementKernels, gpu_refiner
from hand_pose_ros.refine.gpu.kernel_source import INPUT, OUTPUT, kernel_source
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.refiner import (
    HandGeometry,
    NetworkPose,
    RefineConfig,
    Refined,
    Refiner,
    RefineRequest,
    open_refiner,
)
from hand_pose_ros.refine.surface_config import SurfaceFitConfig

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(COMPILER is None, reason="wants g++, to play the GPU's threads on the CPU"),
]

SHAPE = np.array([0.08, 0.02, -0.03, 0.0, 0.01, 0.04, -0.02, 0.0, 0.03])
CONFIG = RefineConfig()


def emulated_kernels(config: RefineConfig, folder) -> EmulatedKernels:
    return EmulatedKernels(kernel_source(config, FRAME.size), 4, folder, threads=1)


def emulated_refiner(kernels: EmulatedKernels, config: RefineConfig, driver: HostDriver) -> GpuRefiner:
    names = ["fit"] if config.regressor is None else ["regress", "fit"]
    return GpuRefiner(config, FRAME.size, RefinementKernels(kernels, dict.fromkeys(names, 0)), driver)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory) -> EmulatedKernels:
    return emulated_kernels(CONFIG, tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="module")
def driver() -> HostDriver:
    return HostDriver()


@pytest.fixture(scope="module")
def refiner(kernels, driver):
    return emulated_refiner(kernels, CONFIG, driver)


def request(
    seed: int,
    known: bool = True,
    fit_shape: bool = False,
    before_rad: float | None = 0.05,
    bent_rad: float = 0.0,
) -> RefineRequest:
    """A drawn hand with errors in the network's joints; its angles in the frame before, off by ``before_rad``. The
    network takes a finger for one that is bent by ``bent_rad``."""
    rng = np.random.default_rng(seed)
    parameters = open_hand(seed)
    hand = PlacedHand(parameters, SHAPE)
    taken = parameters.copy()
    taken[skeleton.FIRST_ANGLE + skeleton.FINGER_ANGLE_TABLE[1 + seed % 4, 1:3]] += bent_rad
    joints = PlacedHand(taken, SHAPE).joints + rng.normal(0.0, 0.006, hand.joints.shape)
    sigma = rng.uniform(0.003, 0.02, skeleton.JOINT_COUNT)
    estimate = NetworkPose(FRAME, hand.draw(), joints, sigma, taken, SHAPE + rng.normal(0, 0.05, 9))
    previous = None
    if before_rad is not None:
        angles = parameters[skeleton.FIRST_ANGLE :] + rng.normal(0.0, before_rad, skeleton.ANGLE_COUNT)
        previous = PreviousFrame(FRAME.local_to_camera(hand.joints), sigma, 0.05, None, angles)
    return RefineRequest(estimate, HandGeometry(SHAPE if known else None, 0.05, 0.03), previous, fit_shape)


def assert_same(found: Refined, wanted: Refined) -> None:
    for name in ("rotation", "translation", "angles", "shape", "joints", "fitted_shape"):
        a, b = getattr(found, name), getattr(wanted, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(found.thickness, wanted.thickness, atol=1e-9)
    np.testing.assert_allclose(found.thickness_spread, wanted.thickness_spread, rtol=1e-9)
    for name, value in vars(wanted.statistics).items():
        np.testing.assert_allclose(getattr(found.statistics, name), value, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("before_rad", [None, 0.05, 0.8])
@pytest.mark.parametrize("known, fit_shape", [(True, False), (True, True), (False, False)])
def test_hands_are_those_of_the_cpu(refiner, known, fit_shape, before_rad):
    requests = [request(seed, known, fit_shape, before_rad) for seed in range(4)]
    for found, wanted in zip(refiner.refine_all(requests), Refiner().refine_all(requests), strict=True):
        assert_same(found, wanted)


def test_the_previous_angles_are_taken_where_they_lead_lower(refiner):
    """Else the comparison above would not show that the second beginning is computed and chosen."""
    config = RefineConfig(surface=SurfaceFitConfig(restart_m=float("inf")))
    requests = [request(seed, bent_rad=1.2) for seed in range(12)]
    once = Refiner(config).refine_all(requests)
    twice = refiner.refine_all(requests)
    for found, wanted in zip(twice, Refiner().refine_all(requests), strict=True):
        assert_same(found, wanted)
    assert any(np.abs(a.joints - b.joints).max() > 1e-4 for a, b in zip(once, twice, strict=True))


@pytest.mark.parametrize("threads", [-1, 37, -37])
def test_hands_do_not_depend_on_the_order_of_the_threads(kernels, refiner, driver, threads):
    requests = [request(1, fit_shape=True, before_rad=0.8)]
    wanted = refiner.refine_all(requests)[0]
    try:
        kernels.threads = threads
        assert_same(refiner.refine_all(requests)[0], wanted)
    finally:
        kernels.threads = 1


@pytest.mark.parametrize("hands", [1, 2, 4])
def test_all_hands_of_a_frame_cross_once_each_way(refiner, driver, hands):
    driver.count.clear()
    refiner.refine_all([request(seed) for seed in range(hands)])
    assert driver.count == {"upload": 1, "replay": 1, "download": 1, "wait": 1}


def test_without_a_graph_the_hands_are_the_same(kernels, refiner):
    plain = emulated_refiner(kernels, CONFIG, HostDriver(captures=False))
    requests = [request(seed, fit_shape=True) for seed in range(3)]  # three: there is no graph for so many
    wanted = refiner.refine_all(requests)
    for found, other in zip(plain.refine_all(requests), wanted, strict=True):
        assert_same(found, other)


def test_one_hand_is_refined_as_among_others(refiner):
    given = request(2)
    alone = refiner.refine(given.estimate, given.geometry, given.previous)
    assert_same(refiner.refine_all([request(1), given])[1], alone)


def test_what_is_not_seen_counts_as_on_the_cpu(refiner):
    given = request(3)
    crop = np.full_like(given.estimate.crop, 1.0)
    joints, sigma = given.estimate.joints.copy(), given.estimate.sigma.copy()
    joints[5], sigma[7], sigma[9] = np.nan, np.inf, 0.0
    cases = [
        replace(given, estimate=replace(given.estimate, crop=crop)),
        replace(given, estimate=replace(given.estimate, sigma=sigma)),
    ]
    for found, wanted in zip(refiner.refine_all(cases), Refiner().refine_all(cases), strict=True):
        assert_same(found, wanted)


def test_crops_of_another_size_are_left_to_the_cpu(refiner, driver):
    given = request(1)
    frame = CropFrame(FRAME.centre, FRAME.cube_m, 64)
    crop = np.ascontiguousarray(given.estimate.crop[:64, :64])
    other = replace(given, estimate=replace(given.estimate, frame=frame, crop=crop))
    driver.count.clear()
    assert_same(refiner.refine_all([other])[0], Refiner().refine_all([other])[0])
    assert not driver.count


def test_wrong_numbers_are_refused(refiner):
    given = request(1)
    parameters = given.estimate.parameters.copy()
    parameters[0] = np.nan
    with pytest.raises(ValueError, match="start holds a value that is not finite"):
        refiner.refine_all([replace(given, estimate=replace(given.estimate, parameters=parameters))])
    with pytest.raises(ValueError, match="shape"):
        refiner.refine_all([replace(given, geometry=HandGeometry(np.full(9, np.inf)))])


def test_the_regressor_can_be_left_out(tmp_path):
    config = RefineConfig(regressor=None)
    without = emulated_refiner(emulated_kernels(config, tmp_path), config, HostDriver())
    assert_same(without.refine_all([request(1)])[0], Refiner(config).refine_all([request(1)])[0])


def test_layouts_are_those_of_the_kernels(kernels):
    assert kernels.sizes[2:] == [INPUT.itemsize, OUTPUT.itemsize]


def test_blocks_fit_into_the_memory_that_they_share(kernels):
    """99 KiB a block: NVIDIA's Ampere and Ada, the least since Turing's 64; Jetson Orin has 163, Hopper 227."""
    assert max(kernels.sizes[:2]) <= 99 * 1024


def test_without_a_gpu_the_cpu_refines_and_says_so(caplog):
    with pytest.raises(KernelError):
        gpu_refiner(CONFIG, FRAME.size)
    with caplog.at_level(logging.WARNING):
        refiner = open_refiner(CONFIG, "cuda", FRAME.size)
    assert type(refiner) is Refiner
    assert [
        record.getMessage() for record in caplog.records if "the CPU refines hands" in record.getMessage()
    ]
    assert type(open_refiner(CONFIG, "cpu", FRAME.size)) is Refiner
