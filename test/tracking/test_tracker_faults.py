"""A GPU that fails, a folder that cannot be written, frames that are no depth: tracking goes on, or it is said why."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.network.checkpoint import store_calibration
from hand_pose_ros.network.device import is_device_error
from hand_pose_ros.network.device_error import DeviceError
from hand_pose_ros.network.weights_file import CheckpointError
from hand_pose_ros.refine.refiner import Refiner
from hand_pose_ros.resources import resource
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer
from hand_pose_ros.tracking import tracker as module
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.profile_keeper import ProfileKeeper
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.tracking.user_profile import load_profile

# Every test loads the model, some twice.
pytestmark = pytest.mark.slow

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)
ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    torch.cuda.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("CUDA error: unspecified launch failure"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might be reported later"),
]


def blob() -> np.ndarray:
    depth = np.full((48, 64), np.nan, np.float32)
    depth[16:32, 24:40] = 0.5
    return depth


class Failing:
    """An estimator of a GPU that fails from a call on."""

    def __init__(self, inner, error: Exception) -> None:
        self.inner, self.error = inner, error

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def __call__(self, *_):
        raise self.error


@pytest.fixture(scope="module")
def expected() -> list:
    tracker = HandTracker(config=TrackerConfig(start_odds=0.0))
    return [tracker.update(blob(), CAMERA, 0.1 * i) for i in range(3)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:20])
def test_a_gpu_that_fails_in_a_frame_is_left_for_the_cpu_within_that_frame(error, expected):
    tracker = HandTracker(config=TrackerConfig(start_odds=0.0))
    tracker.estimator = Failing(tracker.estimator, error)
    for index, want in enumerate(expected):
        result = tracker.update(blob(), CAMERA, 0.1 * index)
        assert len(result.hands) == len(want.hands)
        for ours, theirs in zip(result.hands, want.hands, strict=True):
            np.testing.assert_allclose(ours.joints, theirs.joints, atol=1e-6)
    assert "goes on on the CPU" in tracker.faults["device"]
    assert "\n" not in tracker.faults["device"]
    assert tracker.estimator.device.type == "cpu"


class FailingRefiner(Refiner):
    """A refiner of a GPU that fails."""

    def refine_all(self, requests):
        raise ERRORS[2]


def test_a_gpu_that_fails_where_hands_are_refined_is_left_for_the_cpu_within_that_frame():
    camera = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)
    depth = SequenceRenderer(SequenceConfig(seed=180), camera).frame(0.0).depth
    wanted, tracker = HandTracker().update(depth, camera, 0.0).hands, HandTracker()
    tracker.refiner = FailingRefiner()
    found = tracker.update(depth, camera, 0.0).hands
    assert len(found) == len(wanted) == 1
    np.testing.assert_allclose(found[0].joints, wanted[0].joints, atol=1e-6)
    assert "goes on on the CPU" in tracker.faults["device"]
    assert type(tracker.refiner) is Refiner


def test_a_gpu_that_fails_to_refine_at_the_start_is_left_for_the_cpu():
    tracker = HandTracker()
    tracker.refiner = FailingRefiner()
    tracker.warm_up()
    assert "goes on on the CPU" in tracker.faults["device"]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:20])
def test_a_gpu_that_fails_at_load_is_left_for_the_cpu(error, monkeypatch):
    real = module.PoseEstimator

    def load(weights, config):
        if config.device != "cpu":
            raise error
        return real(weights, config)

    monkeypatch.setattr(module, "PoseEstimator", load)
    tracker = HandTracker()
    assert "goes on on the CPU" in tracker.faults["device"]
    with pytest.raises(DeviceError, match="device 'cuda' failed: .*; want auto or cpu"):
        HandTracker(config=TrackerConfig(device="cuda"))


def test_where_cuda_is_asked_for_nothing_else_is_used():
    tracker = HandTracker()
    tracker.config = replace(tracker.config, device="cuda")
    tracker.estimator = Failing(tracker.estimator, ERRORS[0])
    for stamp_s in (0.0, 0.1):
        with pytest.raises(DeviceError, match="device 'cuda' failed: CUDA out of memory"):
            tracker.update(blob(), CAMERA, stamp_s)


def test_other_errors_are_no_devices():
    tracker = HandTracker()
    tracker.estimator = Failing(tracker.estimator, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        tracker.update(blob(), CAMERA, 0.0)
    assert not tracker.faults
    assert not is_device_error(ValueError("CUDA"))


@pytest.mark.parametrize(
    "text",
    [
        "CUDA driver initialization failed, you might not have a CUDA gpu.",
        "No CUDA GPUs are available",
        "No HIP GPUs are available",
        "HIP error: invalid device function",
        "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "GET was unable to find an engine to execute this computation (cuDNN)",
        "nvrtc: error: failed to open libnvrtc-builtins.so.12.4.",
        "Triton Error [CUDA]: an illegal memory access was encountered",
    ],
)
def test_what_torch_says_of_a_lost_gpu_is_known(text):
    assert is_device_error(RuntimeError(text))


@pytest.mark.parametrize(
    "depth", [np.full((48, 64), 500, np.uint16), np.ones((48, 64), int), np.ones((48, 64), bool)]
)
def test_counts_are_not_taken_for_metres(depth):
    with pytest.raises(ValueError, match="want float32 metres: multiply counts"):
        HandTracker().update(depth, CAMERA, 0.0)


@pytest.mark.parametrize("stamp_s", [float("nan"), float("inf"), "0", None])
def test_stamps_are_numbers(stamp_s):
    with pytest.raises(ValueError, match="stamp_s is"):
        HandTracker().update(blob(), CAMERA, stamp_s)


@pytest.mark.parametrize("config", [{"hands": 2}, "default", 2])
def test_what_is_no_configuration_is_refused_in_words(config):
    with pytest.raises(ValueError, match=f"config is a {type(config).__name__}, want a TrackerConfig"):
        HandTracker(config=config)


@pytest.mark.parametrize("width, height", [(1, 1), (640, 1), (2, 5), (5, 5), (31, 17)])
@pytest.mark.parametrize("focal_px", [20.0, 250.0, 1e6])
def test_pictures_smaller_than_what_is_looked_for_are_pictures_without_a_hand(width, height, focal_px):
    """Whatever is made of a picture, cells, blocks, crops, may have no pixel at all; searches follow each other."""
    tracker = HandTracker()
    camera = Camera(width, height, focal_px, focal_px, 0.0, 0.0)
    for index in range(4):
        depth = np.full((height, width), np.nan if index == 3 else 0.6 + 0.1 * index, np.float32)
        assert not tracker.update(depth, camera, index / 30).hands


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path):
    folder = tmp_path / "users"
    keeper = ProfileKeeper(str(folder), "anna")
    folder.write_text("a file where the folder should be")
    learnt = SimpleNamespace(frozen=True, shape=np.zeros(9), frames=30)
    tracks: Any = [SimpleNamespace(published=True, shape_estimator=learnt, thickness=0.0)]
    assert "the hand of user 'anna' cannot be saved" in (keeper.save_once_known(tracks, 10.0) or "")
    folder.unlink()
    assert keeper.save_once_known(tracks, 11.0)  # not in every frame
    assert keeper.save_once_known(tracks, 20.0) is None
    assert load_profile(folder, "anna") is not None


@pytest.mark.parametrize("calibration", [{"hand": 3}, {"hand": {}}, {"right_m": 0.02}, {"hand": [1, 2]}])
def test_a_broken_calibration_names_the_file(tmp_path, calibration):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(resource("models", "small.safetensors").read_bytes())
    store_calibration(path, calibration)
    with pytest.raises(CheckpointError, match="broken.safetensors: its calibration cannot be used"):
        HandTracker(path)
