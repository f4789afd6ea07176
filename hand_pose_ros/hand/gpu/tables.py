"""The hand model for a GPU as text: the skeleton's tables, then the functions of ``hand_model.cu`` beside this file.

In: numbers and arrays. Out: CUDA C++. The tables are those that the kernels for the CPU use, so no number stands in two
places. Needs no GPU.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import BASE_OFFSETS, FINGER_LENGTHS, REST_ROTATIONS, WRIST_OFFSETS


def number(name: str, value: float) -> str:
    """A constant of that name."""
    text = str(int(value)) if isinstance(value, (int, np.integer)) else repr(float(value))
    return f"#define {name} ({text.replace('inf', '(1e300 * 1e300)')})"


def table(name: str, values: ArrayLike) -> str:
    """A constant array of that name, of ints or of doubles."""
    array = np.asarray(values)
    kind = "int" if array.dtype.kind in "iu" else "double"
    shape = "".join(f"[{n}]" for n in array.shape)
    return f"static __device__ const {kind} {name}{shape} = {_braces(array)};"


def _braces(array: np.ndarray) -> str:
    if array.ndim == 0:
        return repr(array.item())
    return "{" + ", ".join(_braces(part) for part in array) + "}"


def hand_model_source() -> str:
    """What other kernels begin with."""
    indices = {
        "SHAPE_HAND": skeleton.HAND_SCALE, "SHAPE_PALM_LENGTH": skeleton.PALM_LENGTH_SCALE,
        "SHAPE_PALM_WIDTH": skeleton.PALM_WIDTH_SCALE, "SHAPE_METACARPAL": skeleton.THUMB_METACARPAL_SCALE,
        "SHAPE_FIRST_FINGER": skeleton.THUMB_SCALE,
    }  # fmt: skip
    parts = [
        number("JOINTS", skeleton.JOINT_COUNT), number("ANGLES", skeleton.ANGLE_COUNT),
        number("SHAPE", skeleton.SHAPE_COUNT),
        *(number(name, index) for name, index in indices.items()),
        table("WRIST", WRIST_OFFSETS), table("BASES", BASE_OFFSETS), table("LENGTHS", FINGER_LENGTHS),
        table("REST", REST_ROTATIONS["right"]), table("FINGER_JOINTS", skeleton.FINGER_JOINT_TABLE),
        table("FINGER_ANGLES", skeleton.FINGER_ANGLE_TABLE),
    ]  # fmt: skip
    text = Path(__file__).with_name("hand_model.cu").read_text(encoding="utf-8")
    return "\n".join([*parts, text])
