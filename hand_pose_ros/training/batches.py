"""Batches for training: seeds that never meet those of validation, and batches made ahead in a thread.

In: a source with ``batch(seed, count)`` (datasets.synthetic.SyntheticHands). Out: :class:`TorchBatch`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from hand_pose_ros.network.losses import Target

VALIDATION_SEED = 1 << 40
"""Training seeds stay below this number, validation and evaluation seeds start at it."""

_STEPS_PER_RUN = 1 << 20


class Source(Protocol):
    """Anything that makes labelled hands from a seed."""

    def batch(self, seed: int, count: int) -> Any: ...


@dataclass(frozen=True)
class TorchBatch:
    """crop (B, 1, S, S), distance (B,) m and the truth of the first, those that show a right hand; on the training
    device."""

    crop: Tensor
    distance: Tensor
    target: Target


def training_seed(run_seed: int, step: int) -> int:
    """Seed of a training batch: different for every run seed (below 2**20) and step (below 2**20)."""
    return run_seed * _STEPS_PER_RUN + step


def validation_seed(seed: int, index: int = 0) -> int:
    """Seed of a validation or evaluation batch: never one of :func:`training_seed`."""
    return VALIDATION_SEED + seed * _STEPS_PER_RUN + index


def to_torch(batch: Any, device: torch.device, mirrored: int = 0) -> TorchBatch:
    """A source's numpy batch -> tensors on the device, with the first ``mirrored`` hands once more as left hands at the
    end."""

    def tensor(values: Any) -> Tensor:
        return torch.from_numpy(values).to(device=device, dtype=torch.float32, non_blocking=True)

    fields = ("joints", "translation", "angles", "rotation", "shape")
    target = Target(**{name: tensor(getattr(batch, name)) for name in fields}, mirrored=mirrored)
    crop, distance = tensor(batch.crop), tensor(batch.distance)
    if mirrored:
        crop = torch.cat([crop, crop[:mirrored].flip(-1)])
        distance = torch.cat([distance, distance[:mirrored]])
    return TorchBatch(crop, distance, target)


class Prefetcher:
    """Makes batch ``step``, ``step + 1``, ... ahead of time in a daemon thread; at most ``depth`` wait.

    ``make`` is called in the thread; its exception is raised by :meth:`get`.
    """

    def __init__(self, make: Callable[[int], Any], first: int, depth: int) -> None:
        self._queue: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._make = make
        self._thread = threading.Thread(target=self._run, args=(first,), name="batches", daemon=True)
        self._thread.start()

    def get(self) -> Any:
        """The next batch."""
        batch, error = self._queue.get()
        if error is not None:
            raise error
        return batch

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get_nowait()
            except queue.Empty:
                self._thread.join(timeout=0.05)

    def _run(self, step: int) -> None:
        while not self._stop.is_set():
            try:
                item: tuple[Any, BaseException | None] = (self._make(step), None)
            except Exception as error:  # noqa: BLE001 - handed to the caller of get()
                item = (None, error)
            self._queue.put(item)
            if item[1] is not None:
                return
            step += 1
