"""How long the stages of one frame take.

In: blocks of code, each run as a stage of a name. Out: milliseconds by stage, in the order in which the stages began.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES: tuple[str, ...] = ("locate", "crop", "network", "refine", "filter")
"""The stages that a tracker times, in the order of a frame's way: the names in ``TrackResult.timings_ms``."""


class StageTimer:
    """Adds up wall-clock time by stage; a stage that is run several times counts every time."""

    def __init__(self) -> None:
        self.timings_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the milliseconds that the block takes to the stage ``name``, also when the block raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings_ms[name] = self.timings_ms.get(name, 0.0) + 1e3 * (time.perf_counter() - start)
