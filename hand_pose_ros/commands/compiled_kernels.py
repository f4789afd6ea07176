"""The kernels that tracking needs, compiled before a command begins its work, in plain sight.

In: the weights that a command will run. Out: the kernels in memory and, where there is a place for them, on disk. A
command calls :func:`compile_missing` once it knows that what it was given makes sense, for it takes a minute, and
before it takes over signals: Ctrl-C ends it while it compiles as it ends any program.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hand_pose_ros import kernel_cache
from hand_pose_ros.depth.warm_up import warm_up_depth
from hand_pose_ros.network.weights_file import read_info
from hand_pose_ros.resources import model_file
from hand_pose_ros.texts import shown
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.pose_inference import compiled_head
from hand_pose_ros.tracking.tracker import HandTracker


def compile_missing(model: str | Path | None) -> None:
    """Where kernels are not compiled yet, say so on stderr and compile them.

    :param model: weights, as ``resources.model_file`` takes them: CheckpointError or FileNotFoundError for those that
        cannot be used, before anything is compiled.
    """
    if kernel_cache.is_warm():
        return
    read_info(model_file(model))
    print(kernel_cache.compiling_line(), file=sys.stderr, flush=True)
    try:
        compile_kernels()
    except OSError as error:  # they are in memory all the same
        print(f"compiled kernels cannot be kept: {shown(error)}", file=sys.stderr)


def compile_kernels() -> None:
    """Compile what tracking needs, and note that it is compiled where it can be kept. OSError where it cannot be
    noted."""
    kernel_cache.compiling_is_announced()
    tracker = HandTracker(config=TrackerConfig(device="cpu", precision="float32"))
    tracker.warm_up()
    # Torch does without it: who installs a faster runtime later must not wait for a compiler then.
    compiled_head(model_file(), tracker.estimator.info.network).warm_up()
    warm_up_depth()
    if kernel_cache.can_keep():
        kernel_cache.record_warm()
