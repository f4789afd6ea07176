"""Shares of hands that pass, by the order of their log odds alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.evaluation.false_shares import FALSE_SHARES, passing


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10.0))
def test_the_share_of_hands_that_pass_depends_on_the_order_alone(seed, scale):
    rng = np.random.default_rng(seed)
    hand = np.arange(200) < 100
    odds = rng.normal(size=200) + hand
    shares = passing(odds, hand)
    assert len(shares) == len(FALSE_SHARES)
    assert shares == sorted(shares, reverse=True)
    assert passing(scale * odds + 1.0, hand) == pytest.approx(shares, abs=0.011)
