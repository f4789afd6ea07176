"""Settings are checked when they are made, and importing them does not load torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from hand_pose_ros.tracking.config import (
    RecropConfig,
    ScoringConfig,
    SearchConfig,
    TrackConfig,
    TrackerConfig,
    VisibilityConfig,
)


@pytest.mark.slow
def test_importing_the_settings_loads_neither_torch_nor_scikit_learn() -> None:
    program = (
        "import sys, hand_pose_ros.tracking.config; print(sorted({'torch', 'sklearn'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        (TrackerConfig, "side", "both"),
        (TrackerConfig, "hands", 3),
        (TrackerConfig, "device", "tpu"),
        (TrackerConfig, "threads", 0),
        (TrackerConfig, "precision", "half"),
        (TrackerConfig, "start_odds", 13.0),
        (TrackerConfig, "min_confidence", 2.0),
        (TrackerConfig, "coast_s", -1.0),
        (TrackerConfig, "coast_s", np.nan),
        (TrackerConfig, "roi", (0, 0, 1, 1)),
        (TrackerConfig, "roi", (0, 0, 100)),
        (TrackerConfig, "user", "anna"),
        (ScoringConfig, "visibility_weight", -0.1),
        (ScoringConfig, "fallback_sigma_m", 0.0),
        (ScoringConfig, "reject_log_odds", 1.0),
        (ScoringConfig, "most_frame_log_odds", np.nan),
        (ScoringConfig, "edge_log_odds", np.inf),
        (ScoringConfig, "other_hand_log_odds", 101.0),
        (ScoringConfig, "other_hand_log_odds", -1.0),
        (RecropConfig, "off_centre_m", 0.0),
        (RecropConfig, "end_on_sine", 1.5),
        (VisibilityConfig, "flesh_m", -0.01),
        (VisibilityConfig, "occluded_weight", 2.0),
        (TrackConfig, "log_odds_share", 0.0),
        (TrackConfig, "side_frames", -1),
        (TrackConfig, "side_frames", 2.5),
        (TrackConfig, "occluded_share", np.nan),
        (TrackConfig, "fastest_m_s", np.inf),
        (SearchConfig, "interval_s", 0.0),
    ],
)
def test_settings_that_make_no_sense_are_named(config, field, value) -> None:
    with pytest.raises(ValueError, match=field):
        config(**{field: value})


def test_a_track_may_not_ask_for_more_than_a_frame_can_say() -> None:
    with pytest.raises(ValueError, match="start_odds is 7.0, want 0 to 6.5"):
        TrackerConfig(scoring=ScoringConfig(most_frame_log_odds=6.5))


def test_equal_settings_are_equal_and_all_of_them_are_frozen() -> None:
    assert TrackerConfig() == TrackerConfig()
    for field in fields(TrackerConfig):
        value = getattr(TrackerConfig(), field.name)
        assert not is_dataclass(value) or type(value).__dataclass_params__.frozen, field.name
