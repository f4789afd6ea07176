"""Replays of recordings with known hands as methods of an evaluation.

In: ``[NAME=]DIR`` of folders that ``hand-pose replay`` wrote. Out: a :class:`MethodResult` each, over the known hands
that were found; how many were not is in its source.
"""

from __future__ import annotations

from collections.abc import Sequence

from hand_pose_ros.evaluation.methods import MethodResult, named_files
from hand_pose_ros.evaluation.metrics import evaluate
from hand_pose_ros.evaluation.run_comparison import matched_with_truth
from hand_pose_ros.hand.skeleton import BONES, JOINT_NAMES
from hand_pose_ros.recording.hand_table import read_hand_table


def evaluate_replays(values: Sequence[str], thresholds_mm: Sequence[float]) -> list[MethodResult]:
    """The errors of each replay. ValueError when two names are equal, or one has no known hand that was found."""
    results = []
    for name, path in named_files(values):
        table = read_hand_table(path)
        found, true = matched_with_truth(table)
        if not len(table.truth_row):
            raise ValueError(f"{path}: the recording has no known hands: there is nothing to compare with")
        if not len(found):
            raise ValueError(f"{path}: none of the {len(table.truth_row)} known hands was found")
        evaluation = evaluate(name, found, true, JOINT_NAMES, thresholds_mm=thresholds_mm, bones=BONES)
        source = {"file": path.name, "known_hands": len(table.truth_row), "found_hands": len(found)}
        results.append(MethodResult(evaluation, source, found))
    return results


def found_line(result: MethodResult) -> str:
    """How many of the known hands the figures are of: errors of what was not found are in none of them."""
    known, found = result.source["known_hands"], result.source["found_hands"]
    return f"{result.evaluation.name}: of the {found} found of {known} known hands ({100.0 * found / known:.1f} %)"
