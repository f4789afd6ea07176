"""Of two tracks that follow one hand the older stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.tracking.duplicates import without_duplicates


@dataclass
class Posed:
    """A hand as far as it counts here."""

    joints: np.ndarray


@dataclass
class Followed:
    """A track as far as it counts here."""

    track_id: int
    hand: Any


def followed(track_id: int, x: float | None) -> Any:
    return Followed(track_id, None if x is None else Posed(np.full((23, 3), [x, 0.0, 0.6])))


@given(st.lists(st.one_of(st.none(), st.floats(-1.0, 1.0)), max_size=5), st.floats(0.01, 0.2))
def test_what_stays_are_tracks_of_different_hands_and_the_oldest_of_each(places, apart_m):
    tracks = [followed(i, x) for i, x in enumerate(places)]
    kept = without_duplicates(tracks, apart_m)
    hands = [t for t in kept if t.hand is not None]
    assert all(
        abs(a.hand.joints[0, 0] - b.hand.joints[0, 0]) >= apart_m - 1e-9
        for a in hands
        for b in hands
        if a is not b
    )
    for gone in (t for t in tracks if t not in kept):
        assert any(
            abs(gone.hand.joints[0, 0] - other.hand.joints[0, 0]) < apart_m + 1e-9
            and other.track_id < gone.track_id
            for other in hands
        )
    assert [t for t in tracks if t.hand is None] == [t for t in kept if t.hand is None]
