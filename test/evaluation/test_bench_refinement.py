"""The variants of the refinement that the bench compares, and its table."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from hand_pose_ros.evaluation.bench_refinement import (
    FULL,
    markdown_table,
    pair_variants,
    refinement_variants,
)
from hand_pose_ros.evaluation.hierarchical_regression import PAPER_TERMS
from hand_pose_ros.tracking.config import TrackerConfig


def changed_parts(config: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Paths of the smallest parts that differ: a field, or a whole section that only one of both has."""
    changed = []
    for name, value in config.items():
        if isinstance(value, dict) and isinstance(other[name], dict):
            changed += [f"{name}.{rest}" for rest in changed_parts(value, other[name])]
        elif value != other[name]:
            changed.append(name)
    return changed


def test_each_variant_changes_one_part_of_the_default() -> None:
    variants = refinement_variants()
    full = variants.pop(FULL)
    assert full == TrackerConfig()
    assert len(variants) == 6 + len(PAPER_TERMS)
    for name, config in variants.items():
        assert len(changed_parts(asdict(config), asdict(full))) == 1, name


def test_the_table_has_a_column_a_variant_and_times_of_the_first_alone() -> None:
    first = {"frames": 3.0, "refined_mm": 4.25, "times_ms": {"network": {"p50": 1.0, "p95": 2.5}}}
    table = markdown_table("moving", {FULL: first, "without": {"frames": 3.0}})
    assert table.splitlines() == [
        "### moving", "", "| | all | without |", "|---|---|---|", "| frames | 3 | 3 |", "| refined_mm | 4.25 | - |",
        "| network, ms p50 / p95 | 1.00 / 2.50 | |",
    ]  # fmt: skip


def test_trackers_of_two_hands_are_compared_without_what_one_says_of_the_other() -> None:
    variants = pair_variants()
    assert all(config.hands == 2 for config in variants.values())
    full, side, odds = variants.values()
    assert replace(side, track=full.track) == replace(odds, scoring=full.scoring) == full
    assert side.track.same_side_share == 0.5
    assert odds.scoring.other_hand_log_odds == 0.0
