"""Random seeds of training, validation and evaluation, which never meet.

In: the seed of a run, and which of its batches. Out: the batch's seed, below 2**63. Beside the seed stands a
split (``synthetic.splits``).
"""

from __future__ import annotations

VALIDATION_SEED = 1 << 40
"""Training seeds stay below this number, validation and evaluation seeds start at it."""
_STEPS_PER_RUN = 1 << 20


def training_seed(run_seed: int, step: int) -> int:
    """Seed of a training batch: different for every run seed (below 2**20) and step (below 2**20)."""
    return run_seed * _STEPS_PER_RUN + step


def validation_seed(seed: int, index: int = 0) -> int:
    """Seed of a validation or evaluation batch: never one of :func:`training_seed`."""
    return VALIDATION_SEED + seed * _STEPS_PER_RUN + index
