"""Several tracks take a frame: each in turn, but for the refinement, which all hands have at once.

In: tracks with their estimates of a frame, what refines. Out: whether each hand was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hand_pose_ros.refine.refiner import Refined, RefineRequest
from hand_pose_ros.tracking.estimate import Estimate
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.track import Track

Updates = Sequence[tuple[Track, Sequence[Estimate]]]
"""Tracks, each with its estimates of the frame."""


def update_tracks(
    updates: Updates,
    refine_all: Callable[[Sequence[RefineRequest]], list[Refined]],
    stamp_s: float,
    timer: StageTimer,
    others: Sequence[Estimate] = (),
) -> list[bool]:
    """Give each track its estimates; as :meth:`Track.update` one after the other. others: see
    :meth:`Track.begin_update`."""
    pending = [track.begin_update(estimates, stamp_s, others) for track, estimates in updates]
    requests = [update.request for update in pending if update is not None]
    refined: list[Refined] = []
    if requests:
        with timer.stage("refine"):
            refined = refine_all(requests)
    answers = iter(refined)
    return [
        update is not None and track.finish_update(update, next(answers), stamp_s, timer)
        for (track, _), update in zip(updates, pending, strict=True)
    ]
