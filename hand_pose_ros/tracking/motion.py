"""How a hand moves between frames, and where it will be.

In: joints (23, 3) m of two moments. Out: their velocity (23, 3) m/s, and where their centre (3,) m will be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def motion_duration_s(way: Array, dt_s: float, fastest_m_s: float) -> float:
    """How long a motion of the joints by ``way`` (23, 3) m took, seconds: ``dt_s`` by the stamps, or longer, so that no
    joint was faster than ``fastest_m_s``. Drivers that send bursts stamp images nearer to each other than they were
    taken."""
    return max(dt_s, float(np.sqrt((way**2).sum(axis=1).max())) / fastest_m_s)


def joint_velocity(before: Array, now: Array, dt_s: float, fastest_m_s: float) -> Array:
    """The joints' velocity over what was ``dt_s`` seconds by the stamps, none faster than ``fastest_m_s``."""
    way = now - before
    return np.asarray(way / motion_duration_s(way, dt_s, fastest_m_s))


def predicted_centre(joints: Array, velocity: Array | None, ahead_s: float) -> Array:
    """Where the centre (3,) m of joints will be in ``ahead_s`` seconds; a velocity of None: they do not move."""
    centre = joints.mean(axis=0)
    return np.asarray(centre if velocity is None else centre + velocity.mean(axis=0) * ahead_s)
