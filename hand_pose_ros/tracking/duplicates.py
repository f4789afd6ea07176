"""Tracks that follow one hand.

In: tracks, the older first. Out: those of different hands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hand_pose_ros.tracking.hand import Hand
from hand_pose_ros.tracking.track import Track


def without_duplicates(tracks: Sequence[Track], same_joints_m: float) -> list[Track]:
    """Of two tracks whose joints are nearer to each other than this on average, which is one hand, the older stays."""
    kept: list[Track] = []
    for track in tracks:
        if not any(_mean_distance(track.hand, other.hand) < same_joints_m for other in kept):
            kept.append(track)
    return kept


def _mean_distance(a: Hand | None, b: Hand | None) -> float:
    """Of the joints, m; infinite where there is no hand."""
    if a is None or b is None:
        return float("inf")
    return float(np.linalg.norm(b.joints - a.joints, axis=1).mean())
