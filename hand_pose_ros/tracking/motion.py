"""How a hand moves between frames, and where it will be.

In: joints (23, 3) m of two moments. Out: their velocity (23, 3) m/s, and where their middle (3,) m will be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def joint_velocity(before: Array, now: Array, dt_s: float, fastest_m_s: float) -> Array:
    """The joints' velocity over ``dt_s`` seconds, all of it slowed down until none is faster than ``fastest_m_s``."""
    velocity = (now - before) / dt_s
    fastest = max(float(np.linalg.norm(velocity, axis=1).max()), 1e-9)
    return np.asarray(velocity * min(1.0, fastest_m_s / fastest))


def expected_middle(joints: Array, velocity: Array | None, ahead_s: float) -> Array:
    """Where the middle of joints will be in ``ahead_s`` seconds; None: they do not move."""
    middle = joints.mean(axis=0)
    return np.asarray(middle if velocity is None else middle + velocity.mean(axis=0) * ahead_s)
