"""Sizes of meshes and hands that several tests of this folder measure."""

from __future__ import annotations

import numpy as np


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume (m^3) that a closed surface of vertices (V, 3) m and faces (F, 3) encloses."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return float(np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6.0)
