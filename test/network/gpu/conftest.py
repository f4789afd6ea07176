"""Lets the tests of this folder import emulated.py, which lies beside them, and host_driver.py from above."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
