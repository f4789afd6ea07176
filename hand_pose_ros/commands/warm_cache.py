"""``hand-pose warm-cache``: compile the kernels that tracking needs and keep the machine code, so that the first
start is as fast as the others.

In: nothing. Out: the compiled kernels where numba keeps them (beside the installed sources, or in ``NUMBA_CACHE_DIR``),
a line on the terminal. Where torch or numba is not installed, or where there is no place for them, nothing is done but
saying so.
"""

from __future__ import annotations

import argparse
import time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``hand-pose warm-cache`` has no arguments."""


def run(arguments: argparse.Namespace) -> None:
    """Compile and keep; OSError where the result cannot be noted."""
    try:
        from hand_pose_ros import kernel_cache
        from hand_pose_ros.commands.compiled_kernels import compile_kernels
    except ModuleNotFoundError as error:
        print(f"kernels are not compiled now but at the first start: {error.name} is not installed")
        return
    if kernel_cache.is_warm():
        print("kernels: compiled already")
        return
    if not kernel_cache.can_keep():
        print("kernels are not compiled now but at every start: there is no place to keep them")
        return
    print("kernels: compiling, this takes a minute", flush=True)
    started = time.monotonic()
    compile_kernels()
    print(f"kernels: compiled in {time.monotonic() - started:.0f} s, kept in {kernel_cache.cache_folder()}")
