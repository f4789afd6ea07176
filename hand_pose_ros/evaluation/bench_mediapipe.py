"""Our tracker against MediaPipe Hands (full, with the models it bundles), in alternating blocks on one core.

In: the Python of an environment with ``mediapipe==0.10.21`` (numpy below 2, so not ours), a scene. Out:
:class:`Comparison`: times of both, and their ratios block by block, so that what else the computer does meanwhile
weighs on both. Ours sees the depth images, MediaPipe shaded pictures of the same surfaces.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hand_pose_ros.evaluation import mediapipe_worker
from hand_pose_ros.evaluation.bench_latency import WARM_UP, ScenePlayer, percentiles, warm_tracker
from hand_pose_ros.evaluation.latency_scenes import LatencyScene
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.validation import shown

LEAST_FOUND = 0.95
"""A picture in which MediaPipe finds its hands in fewer of the frames is no fair comparison: it searches the rest of
the time. Guessed, as what follows."""
_BLOCK = 25


class WorkerError(ValueError):
    """The other Python cannot run MediaPipe, or has ended; the message says why."""


@dataclass(frozen=True)
class Comparison:
    """One scene."""

    scene: str
    """Its name."""
    frames: int
    """Of each."""
    ours_ms: Mapping[str, float]
    """p5, p50, p95."""
    theirs_ms: Mapping[str, float]
    """p5, p50, p95."""
    ratios: Mapping[str, tuple[float, float, float]]
    """Ours to theirs: of all frames, and the smallest and the largest of the blocks, for ``p50`` and ``mean``; ``p95``
    of all frames alone, thrice."""
    found: tuple[float, float]
    """Shares of frames with the right number of hands, ours and theirs."""
    version: str
    """Of MediaPipe."""
    problem: str = field(default="")
    """Why this row is no comparison; empty when it is."""


class MediaPipeWorker:
    """The other process, on the same core as this one; a context manager."""

    def __init__(self, python: Path, scene: LatencyScene) -> None:
        self._python, self._scene = python, scene

    def __enter__(self) -> MediaPipeWorker:
        self._folder = tempfile.TemporaryDirectory()
        pictures = Path(self._folder.name) / "pictures.npy"
        np.save(pictures, self._scene.pictures, allow_pickle=False)
        script = Path(mediapipe_worker.__file__)
        clean = {
            k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
        }
        self._log = (Path(self._folder.name) / "log").open("w+")
        try:
            self._process: Any = subprocess.Popen(
                [str(self._python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
                text=True, env=clean | {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"},
            )  # fmt: skip
            self.version = str(self.ask({"pictures": str(pictures), "hands": self._scene.hands})["ready"])
        except OSError as error:
            self._close()
            raise WorkerError(f"{self._python} cannot be run: {error.strerror}") from error
        except BaseException:
            self._process.kill()
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """One line there, one line back. WorkerError with the last line of its log when none comes."""
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return dict(json.loads(self._process.stdout.readline()))
        except (OSError, ValueError) as error:
            self._process.kill()
            self._process.wait()
            self._log.seek(0)
            lines = self._log.read().strip().splitlines() or ["it ended"]
            raise WorkerError(f"{self._python}: {shown(lines[-1])}; want mediapipe==0.10.21 there") from error

    def _close(self) -> None:
        self._log.close()
        self._folder.cleanup()


def compare(
    python: Path, scene: LatencyScene, config: TrackerConfig, model: str | None, frames: int
) -> Comparison:
    """One row, on one core: this process and the other are tied to it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        return _compare(python, scene, config, model, frames)
    finally:
        os.sched_setaffinity(0, before)


def _compare(
    python: Path, scene: LatencyScene, config: TrackerConfig, model: str | None, frames: int
) -> Comparison:
    player = ScenePlayer(scene, warm_tracker(config, model))
    player.run(WARM_UP, counts=False)
    order = [index for _, index in scene.play(WARM_UP + frames + _BLOCK)]
    theirs: list[float] = []
    blocks: list[list[float]] = []
    found = 0.0
    with MediaPipeWorker(python, scene) as worker:
        worker.ask({"order": order[:WARM_UP]})
        while len(theirs) < frames:
            first = WARM_UP + len(theirs)
            answer = worker.ask({"order": order[first : first + _BLOCK]})
            player.run(_BLOCK)
            ours = player.totals[-_BLOCK:]
            theirs += answer["ms"]
            found += answer["found"] * _BLOCK
            of_block = (np.median(ours), np.median(answer["ms"]), np.mean(ours), np.mean(answer["ms"]))
            blocks.append([float(value) for value in of_block])
        version = worker.version
    row = player.latency()
    seen = found / len(theirs)
    theirs_ms = percentiles(theirs)
    of_blocks = np.array(blocks)
    spread = {"p50": of_blocks[:, 0] / of_blocks[:, 1], "mean": of_blocks[:, 2] / of_blocks[:, 3]}
    whole = {
        "p50": row.total_ms["p50"] / theirs_ms["p50"],
        "mean": float(np.mean(player.totals) / np.mean(theirs)),
    }
    ratios = {name: (whole[name], float(spread[name].min()), float(spread[name].max())) for name in spread}
    p95 = row.total_ms["p95"] / theirs_ms["p95"]
    short = min(seen, row.found) < LEAST_FOUND and scene.hands > 0
    return Comparison(
        scene.name, len(theirs), row.total_ms, theirs_ms, ratios | {"p95": (p95, p95, p95)}, (row.found, seen), version,
        f"hands found in {100 * row.found:.0f} % by ours, {100 * seen:.0f} % by MediaPipe" if short else "",
    )  # fmt: skip


def python_of(given: str) -> Path:
    """The interpreter of a path to one, or to its environment. ValueError where there is none."""
    path = Path(given).expanduser()
    found = path / "bin" / Path(sys.executable).name if path.is_dir() else path
    if path.is_dir() and not found.exists():
        found = path / "bin" / "python"
    if not found.is_file():
        raise ValueError(
            f"--mediapipe-python is {shown(given)}, want the Python of an environment with mediapipe"
        )
    return found
