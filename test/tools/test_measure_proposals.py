"""What the report says of places whose truth is known: a score that tells something gets a weight."""

from __future__ import annotations

import re

import numpy as np

from hand_pose_ros.detection.config import ProposalConfig
from tools.measure_proposals import report


def test_a_score_that_tells_hands_apart_gets_its_weight_and_more_hands_pass_with_it():
    rng = np.random.default_rng(3)
    hand = rng.random(4000) < 0.6
    odds = np.where(hand, 4.0, 0.0) + rng.normal(0, 3.0, 4000)
    logit = np.where(hand, 1.0, -1.0) + rng.normal(0, 1.0, 4000)
    lines = report(odds, 1.0 / (1.0 + np.exp(-logit)), hand, ProposalConfig())
    weight, even = (
        float(x) for x in re.search(r"weight ([\d.]+), even at a score of ([\d.]+)", lines[1]).groups()
    )
    # Of two normal distributions: distance over variance, of the score over that of the network.
    assert abs(weight - (2.0 / 1.0) / (4.0 / 9.0)) < 0.8
    assert 0.3 < even < 0.9
    alone, _, fitted = (float(line.split("|")[2].split("(")[0]) for line in lines[5:8])
    assert fitted > alone + 10.0
