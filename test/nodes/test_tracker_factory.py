"""Parameters of the node become the tracker that they describe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.nodes.parameters.tracker_parameters import TRACKER_PARAMETERS
from hand_pose_ros.nodes.tracker_factory import build_tracker, tracker_config, user_folder
from hand_pose_ros.synthetic.motion import SyntheticMotion
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker

DEFAULTS = {parameter.name: parameter.default for parameter in TRACKER_PARAMETERS}
CAMERA = Camera(160, 120, 120.0, 120.0, 79.5, 59.5)


def test_defaults_are_the_trackers_own(monkeypatch, tmp_path):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    config = tracker_config(DEFAULTS)
    assert config == TrackerConfig(user_folder=str(tmp_path / "hand_pose_ros" / "users"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, value",
    [
        ("side", "left"),
        ("hands", 2),
        ("device", "cpu"),
        ("threads", 3),
        ("precision", "float32"),
        ("start_odds", 6.5),
        ("min_confidence", 0.5),
        ("coast_s", 1.5),
        ("user", "anna"),
        ("user_folder", "/hands"),
    ],
)
def test_every_setting_reaches_the_tracker(name, value):
    assert getattr(tracker_config(DEFAULTS | {name: value}), name) == value


def test_smoothing_has_the_strength_that_is_asked_for():
    assert tracker_config(DEFAULTS | {"smoothing_hz": 1.5}).filter.still_hz == 1.5


def test_without_refinement_no_stage_of_it_is_left():
    config = tracker_config(DEFAULTS | {"refine": False, "smoothing_hz": 1.5})
    assert config.refine.regressor is None
    assert config.shape is None
    assert config.filter.still_hz == 0.0
    surface = config.refine.surface
    assert (surface.surface_weight, surface.free_space_weight) == (0.0, 0.0)


def test_window_of_zeros_is_the_whole_image():
    assert tracker_config(DEFAULTS).roi is None
    assert tracker_config(DEFAULTS | {"roi": [10, 20, 30, 40]}).roi == (10, 20, 30, 40)


def test_users_are_kept_where_ros_keeps_things(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ROS_HOME", raising=False)
    assert user_folder("") == tmp_path / ".ros" / "hand_pose_ros" / "users"
    monkeypatch.setenv("ROS_HOME", "/var/ros")
    assert user_folder("") == Path("/var/ros/hand_pose_ros/users")
    assert user_folder("~/hands") == tmp_path / "hands"


def run(tracker: HandTracker, seed: int, first: int = 0, count: int = 6) -> list[np.ndarray]:
    """Joints of all hands in consecutive frames of one person's hand, stamped from the first-th on."""
    motion = SyntheticMotion(seed, CAMERA)
    results = [tracker.update(motion.frame(i / 30)[0], CAMERA, (first + i) / 30) for i in range(count)]
    return [hand.joints for result in results for hand in result.hands]


@pytest.mark.slow
def test_unrefined_tracker_publishes_the_networks_hand_on_the_hand_model(shipped_model):
    tracker = build_tracker(DEFAULTS | {"refine": False, "side": "right", "min_confidence": 0.0})
    motion = SyntheticMotion(3, CAMERA)
    offs, shapes = [], []
    for i in range(6):
        result = tracker.update(motion.frame(i / 30)[0], CAMERA, i / 30)
        for hand, raw in zip(result.hands, result.raw, strict=True):
            offs.append(np.linalg.norm(hand.joints - raw.joints, axis=1).mean())
            shapes.append(np.abs(hand.shape - raw.shape).max())
    assert max(offs) < 1e-3
    assert max(shapes) < 1e-12


@pytest.mark.slow
def test_tracker_that_was_reset_answers_as_a_new_one(shipped_model):
    """Nothing of the person before is left: neither the place, nor the motion, nor the size of the hand."""
    values = DEFAULTS | {"side": "right", "min_confidence": 0.0}
    used = build_tracker(values)
    run(used, seed=5)
    used.reset()
    again, new = run(used, seed=3, first=6), run(build_tracker(values), seed=3, first=6)
    assert len(new) >= 3
    np.testing.assert_array_equal(again, new)
