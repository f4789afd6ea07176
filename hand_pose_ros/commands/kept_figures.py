"""The figures of commands that measure for long: what there is by then is kept when one is interrupted.

In: where to write, figures as they come. Out: a JSON file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hand_pose_ros.files import write_json


@contextmanager
def figures_kept(path: Path | None, **head: Any) -> Iterator[dict[str, Any]]:
    """Yields a dict: what the block puts in is written to the file as JSON, behind ``head``, when the block ends, and
    with ``"interrupted": true`` when it was interrupted after something was in. Nothing is written after an error, nor
    without a path."""
    figures: dict[str, Any] = {}
    try:
        yield figures
    except KeyboardInterrupt:
        if path is not None and any(figures.values()):
            write_json(path, head | figures | {"interrupted": True})
        raise
    if path is not None:
        write_json(path, head | figures)
