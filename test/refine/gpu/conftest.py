"""Lets the tests of this folder import emulated.py, which lies beside them, and surface_scenes.py above."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]
