"""Lets the tests of this folder import surface_scenes.py from above, others from those of the network."""

from __future__ import annotations

import sys
from pathlib import Path

_TEST = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_TEST / "network" / "gpu"), str(_TEST / "network"), str(_TEST / "refine")]
