"""``python -m research.architecture_sweep``, from the root of a checkout: networks trained and
compared at one budget.

In: command-line arguments. Out: the exit status, 0 when it worked, 2 with one line on bad input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hand_pose_ros.commands.main import module_status
from research.architecture_sweep.command import PROGRAM, add_arguments, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; bad input and files that cannot be used end in one line on stderr and status 2."""
    return module_status(
        PROGRAM, "Networks trained and compared at one budget.", add_arguments, run, arguments
    )


if __name__ == "__main__":
    sys.exit(main())
