"""Settings of detection that make no sense are refused, by their names."""

from __future__ import annotations

from typing import Any

import pytest

from hand_pose_ros.detection.config import BlobDetectorConfig, DetectionConfig, ProposalConfig


@pytest.mark.parametrize(
    "kind, changes, named",
    [
        (BlobDetectorConfig, {"min_range_m": 2.0}, "min_range_m"),
        (BlobDetectorConfig, {"min_area_m2": 0.04}, "min_area_m2"),
        (BlobDetectorConfig, {"min_radius_m": 0.06}, "min_radius_m"),
        (BlobDetectorConfig, {"fist_outline_m": 0.9}, "fist_outline_m"),
        (BlobDetectorConfig, {"palm_depth_m": -0.01}, "palm_depth_m"),
        (BlobDetectorConfig, {"max_candidates": 0.5}, "max_candidates"),
        (BlobDetectorConfig, {"score_scale_m": float("nan")}, "score_scale_m"),
        (DetectionConfig, {"least_score": 1.5}, "least_score"),
        (DetectionConfig, {"same_peak_m": 0.0}, "same_peak_m"),
        (ProposalConfig, {"most_proposals": 0}, "most_proposals"),
        (ProposalConfig, {"spare_blobs": -1}, "spare_blobs"),
        (ProposalConfig, {"even_score": 1.0}, "even_score"),
        (ProposalConfig, {"score_weight": -1.0}, "score_weight"),
        (ProposalConfig, {"least_prior_log_odds": 4.0}, "least_prior_log_odds"),
        (ProposalConfig, {"remaining_log_odds": 200.0}, "remaining_log_odds"),
    ],
)
def test_value_that_makes_no_sense_is_refused_by_name(
    kind: Any, changes: dict[str, float], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        kind(**changes)


def test_no_spare_places_are_allowed() -> None:
    assert ProposalConfig(spare_detections=0, spare_blobs=0, spare_remaining=0).spare_blobs == 0
