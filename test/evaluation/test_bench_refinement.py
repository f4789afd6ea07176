"""The variants of the refinement that the bench compares, and its table."""

from __future__ import annotations

from dataclasses import fields, replace

from hand_pose_ros.evaluation.bench_refinement import FULL, PAPER_TERMS, markdown_table, refinement_variants
from hand_pose_ros.refine.refiner import RefineConfig


def test_each_variant_changes_one_part_of_the_default() -> None:
    variants = refinement_variants()
    full = variants.pop(FULL)
    assert full == RefineConfig()
    assert len(variants) == 5 + len(PAPER_TERMS)
    for config in variants.values():
        changed = [f.name for f in fields(full) if getattr(config, f.name) != getattr(full, f.name)]
        assert len(changed) == 1, config
        assert replace(config, **{changed[0]: getattr(full, changed[0])}) == full


def test_the_table_has_a_column_a_variant_and_times_of_the_first_alone() -> None:
    first = {"frames": 3.0, "refined_mm": 4.25, "times_ms": {"network": {"p50": 1.0, "p95": 2.5}}}
    table = markdown_table("moving", {FULL: first, "without": {"frames": 3.0}})
    assert table.splitlines() == [
        "### moving", "", "| | all | without |", "|---|---|---|", "| frames | 3 | 3 |", "| refined_mm | 4.25 | - |",
        "| network, ms p50 / p95 | 1.00 / 2.50 | |",
    ]  # fmt: skip
