"""The pose network on places: one answer a request, sides together, and what is clearly no hand costs one crop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import crop_depth, upright_roll
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import fingers_direction
from hand_pose_ros.network.checkpoint import save_checkpoint
from hand_pose_ros.network.config import NetworkConfig
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.packed_net import pack
from hand_pose_ros.resources import model_file
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import CropRequest
from hand_pose_ros.tracking.pose_inference import PoseEstimator, estimate_poses
from hand_pose_ros.tracking.scoring import fit_score, is_hand, is_surely_hand
from hand_pose_ros.tracking.scoring_config import ScoringConfig
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.visibility import visibility_score

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)
SCORING = ScoringConfig()


@pytest.fixture(scope="module")
def estimator() -> PoseEstimator:
    return PoseEstimator(model_file(), TrackerConfig(device="cpu", precision="float32"))


@pytest.fixture(scope="module")
def scene():
    return SequenceRenderer(SequenceConfig(seed=101), CAMERA).frame(0.5)


@pytest.fixture(scope="module")
def frame(scene) -> DepthFrame:
    return DepthFrame(scene.depth, CAMERA, 0.5)


@pytest.fixture(scope="module")
def middle(scene) -> np.ndarray:
    return scene.hands[0].joints.mean(axis=0)


def sides(centre) -> list[CropRequest]:
    return [CropRequest(np.asarray(centre), False), CropRequest(np.asarray(centre), True)]


@pytest.mark.slow
def test_requests_in_one_batch_are_answered_as_one_by_one(estimator, frame, middle):
    requests = [*sides(middle), CropRequest(middle + 0.02, False, 0.5)]
    together = estimator(frame, requests, StageTimer())
    assert [estimate.side for estimate in together] == ["right", "left", "right"]
    for request, estimate in zip(requests, together, strict=True):
        (alone,) = estimator(frame, [request], StageTimer())
        np.testing.assert_array_equal(estimate.crop, alone.crop)
        np.testing.assert_array_equal(estimate.crop, crop_depth(frame, estimate.frame))
        np.testing.assert_allclose(estimate.joints, alone.joints, atol=1e-5)
        np.testing.assert_allclose(estimate.angles, alone.angles, atol=1e-3)
        assert estimate.presence == pytest.approx(alone.presence, abs=1e-2)
        assert estimate.frame.roll_rad == request.roll_rad


def test_an_estimate_is_a_hand_in_range_and_scored_by_its_own_numbers(estimator, frame, middle):
    estimates = estimator(frame, sides(middle), StageTimer())
    assert len(estimates) == len(sides(middle))
    for estimate in estimates:
        assert (estimate.angles >= skeleton.ANGLE_LIMITS[:, 0]).all()
        assert (estimate.angles <= skeleton.ANGLE_LIMITS[:, 1]).all()
        assert estimate.parameters.shape == (26,)
        seen = visibility_score(estimate.frame, estimate.crop, estimate.joints, TrackerConfig().visibility)
        assert estimate.visibility == seen
        assert estimate.fit == fit_score(estimate.sigma, seen, estimate.handedness, SCORING)


def test_crop_and_network_are_timed_and_add_up(estimator, frame, middle):
    timer = StageTimer()
    estimator(frame, sides(middle), timer)
    assert list(timer.timings_ms) == ["crop", "network"]
    first = dict(timer.timings_ms)
    assert all(value > 0.0 for value in first.values())
    estimator(frame, sides(middle), timer)
    assert all(timer.timings_ms[stage] > first[stage] for stage in first)


def test_no_request_costs_nothing(estimator, frame):
    timer = StageTimer()
    assert estimator(frame, [], timer) == []
    assert estimate_poses(estimator, frame, [], timer, reject_early=True) == []
    assert estimate_poses(estimator, frame, [[], []], timer) == [[], []]
    assert timer.timings_ms == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "wanted"), [("float32", "float32"), ("bfloat16", "bfloat16"), ("auto", "float32")]
)
def test_precision_is_what_is_asked_for_and_else_float32(precision, wanted):
    config = TrackerConfig(device="cpu", precision=precision, backend="torch")
    assert PoseEstimator(model_file(), config).backend.precision == wanted


@pytest.mark.slow
def test_bfloat16_gives_the_same_hand_to_a_millimetre(estimator, frame, middle):
    coarse = PoseEstimator(model_file(), TrackerConfig(device="cpu", precision="bfloat16", backend="torch"))
    for exact, near in zip(
        estimator(frame, sides(middle), StageTimer()), coarse(frame, sides(middle), StageTimer()), strict=True
    ):
        difference = np.linalg.norm(exact.joints - near.joints, axis=1)
        assert 0.0 < difference.mean() < 1e-3
        assert near.presence == pytest.approx(exact.presence, abs=0.5)


def test_a_device_that_is_not_there_is_refused_and_auto_takes_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device is 'cuda', but torch finds no CUDA device here"):
        PoseEstimator(model_file(), TrackerConfig(device="cuda"))
    assert PoseEstimator(model_file(), TrackerConfig(device="auto")).device.type == "cpu"


def test_a_network_without_a_hand_model_is_refused(tmp_path):
    net = HandNet(NetworkConfig(head="direct_joint")).eval()
    with torch.inference_mode():
        output = net(torch.zeros(1, 1, 96, 96), torch.ones(1))
    with pytest.raises(ValueError, match="no hand model parameters"):
        pack(output)
    save_checkpoint(tmp_path / "joints.safetensors", net)
    with pytest.raises(
        ValueError, match="its head is 'direct_joint', the tracker needs a network with a hand"
    ):
        PoseEstimator(tmp_path / "joints.safetensors")


@pytest.mark.slow
def test_rejecting_early_drops_the_places_that_are_no_hand_and_keeps_the_answers(estimator, frame, middle):
    groups = [sides(middle + [0.0, 0.3, 0.0]), sides(middle), sides(middle - [0.0, 0.0, 0.25])]
    whole = estimate_poses(estimator, frame, groups, StageTimer())
    early = estimate_poses(estimator, frame, groups, StageTimer(), reject_early=True)
    assert [len(group) for group in whole] == [2, 2, 2]
    assert [is_hand(group, SCORING) for group in early] == [False, True, False]
    assert early[0] == early[2] == []
    assert [e.side for e in early[1]] == ["right", "left"]
    for a, b in zip(early[1], whole[1], strict=True):
        assert np.allclose(a.joints, b.joints, atol=1e-4)
    assert is_surely_hand(early[1], SCORING) <= is_hand(early[1], SCORING)


@pytest.mark.slow
def test_a_hand_beside_the_middle_is_cropped_again_where_it_is(estimator, frame, middle):
    (group,) = estimate_poses(estimator, frame, [sides(middle + [0.06, 0.0, 0.0])], StageTimer())
    assert np.linalg.norm(group[0].frame.centre - middle) < 0.02


@pytest.mark.parametrize("turned_rad", [1.2, -2.0])
@pytest.mark.slow
def test_a_turned_hand_is_cropped_again_upright(estimator, frame, scene, middle, turned_rad):
    upright = upright_roll(middle, fingers_direction(scene.hands[0].joints))
    requests = [CropRequest(middle, mirrored, upright + turned_rad) for mirrored in (False, True)]
    (group,) = estimate_poses(estimator, frame, [requests], StageTimer())
    left = upright - group[0].frame.roll_rad
    assert abs(np.degrees(np.arctan2(np.sin(left), np.cos(left)))) < 25
    assert group[0].frame.roll_rad == group[1].frame.roll_rad
