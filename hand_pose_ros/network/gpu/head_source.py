"""The kernel for all of the pose network behind its convolutions, as text, and its weights in one row.

In: a trained :class:`HandNet`. Out: CUDA C++ with the kernel ``head``, and the numbers that it reads. Needs no GPU.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.gpu.tables import hand_model_source, number, table
from hand_pose_ros.network.head_row import head_row
from hand_pose_ros.network.model import HandNet
from hand_pose_ros.network.units import (
    BOTTLENECK_PX,
    INFERRED_SHAPE_LIMIT,
    LENGTH_SCALE_M,
    NOTHING_FROM,
    PALM_AXES,
    REST_FACTOR,
    RESTING_ANGLES,
    SHAPE_SCALE,
    SIGMA_LOG_RANGE,
    SIGMA_UNIT_M,
    SPREAD_FLOOR,
    SPREAD_SCALE,
    VOTE_SCALE,
)

THREADS = 512
"""Of a block. Derived: two for each number of a hidden layer, and as many as read the joints' votes."""
_SHARES = THREADS // skeleton.JOINT_COUNT


def head_source(net: HandNet) -> tuple[str, Tensor]:
    """The text, and the weights (K,) float32. ValueError as :func:`head_row`."""
    row = head_row({name: value.cpu().numpy() for name, value in net.state_dict().items()}, net.config)
    sigma_at, presence_at, handedness_at = row.cue_at
    sizes = {
        "VOTES_AT": row.votes_at, "SIGMA_AT": sigma_at, "PRESENCE_AT": presence_at, "HANDEDNESS_AT": handedness_at,
        "THREADS": THREADS, "SHARES": _SHARES, "SIZE": row.crop_size, "EDGE": row.edge, "CELLS": row.edge**2,
        "BOTTLENECK": row.bottleneck, "BOTTLENECK_CELLS": (row.crop_size // BOTTLENECK_PX) ** 2,
        "HIDDEN": row.hidden, "STEPS": len(row.step_at), "CUES": row.cue_hidden,
        "BONES": len(skeleton.BONES),
        "WIDEST": max(row.hidden, row.cue_hidden, row.step_outputs),
        "MOST_INPUTS": max(*row.step_inputs, row.cues),
    }  # fmt: skip
    numbers = {
        "NOTHING_FROM": NOTHING_FROM, "LOWEST_SIGMA_LOG": SIGMA_LOG_RANGE[0], "HIGHEST_SIGMA_LOG": SIGMA_LOG_RANGE[1],
        "HALF_M": row.half_m, "UNIT_M": LENGTH_SCALE_M, "SIGMA_UNIT_M": SIGMA_UNIT_M, "VOTE_SCALE": VOTE_SCALE,
        "SPREAD_SCALE": SPREAD_SCALE, "SPREAD_FLOOR": SPREAD_FLOOR, "REST_FACTOR": REST_FACTOR,
        "SHAPE_SCALE": SHAPE_SCALE,
        "INFERRED_SHAPE_LIMIT": INFERRED_SHAPE_LIMIT,
    }  # fmt: skip
    parts = [
        *(number(name, value) for name, value in sizes.items()),
        *(f"#define {name} ((float){value!r})" for name, value in numbers.items()),
        table("STEP_AT", np.array(row.step_at)), table("PALM_AXES", PALM_AXES.astype(np.float64)),
        table("RESTING", RESTING_ANGLES.astype(np.float64)), table("LIMITS", skeleton.ANGLE_LIMITS),
        table("BONE_PARENTS", np.array([a for a, _ in skeleton.BONES])),
        table("BONE_CHILDREN", np.array([b for _, b in skeleton.BONES])),
    ]  # fmt: skip
    text = Path(__file__).with_name("head.cu").read_text(encoding="utf-8")
    return "\n".join([hand_model_source(), *parts, text]), torch.from_numpy(row.weights)
