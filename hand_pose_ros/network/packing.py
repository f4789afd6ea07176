"""The pose network's output in one array, so that one copy brings it from wherever it was computed.

In: (N, PACKED_COLUMNS) float32. Out: :class:`PackedOutput`, its parts by name, lengths in local metres, angles in
radians.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton

Array = NDArray[np.float64]

PARTS: dict[str, tuple[int, ...]] = {
    "coarse": (skeleton.JOINT_COUNT, 3),
    "joints": (skeleton.JOINT_COUNT, 3),
    "sigma": (skeleton.JOINT_COUNT,),
    "rotation": (3, 3),
    "translation": (3,),
    "angles": (skeleton.ANGLE_COUNT,),
    "shape": (skeleton.SHAPE_COUNT,),
    "presence": (),
    "handedness": (),
}
"""Name and shape of each part, in the order of the columns."""
_ENDS = np.cumsum([int(np.prod(shape, dtype=np.int64)) for shape in PARTS.values()]).tolist()
PACKED_COLUMNS: int = _ENDS[-1]
FIRST: dict[str, int] = dict(zip(PARTS, (0, *_ENDS), strict=False))
"""The column at which each part begins."""


class PackedOutput(NamedTuple):
    """The output for N crops."""

    coarse: Array
    """(N, 23, 3) m: joints before the hand model."""
    joints: Array
    """(N, 23, 3) m: those of the hand model."""
    sigma: Array
    """(N, 23) m: expected errors."""
    rotation: Array
    """(N, 3, 3) of the palm."""
    translation: Array
    """(N, 3) m of the palm."""
    angles: Array
    """(N, 20) rad."""
    shape: Array
    """(N, 9) log scales."""
    presence: Array
    """(N,) log odds of a hand, NaN from a network without that head."""
    handedness: Array
    """(N,) log odds of a right hand, NaN likewise."""


def unpack(packed: NDArray[np.floating]) -> PackedOutput:
    """(N, PACKED_COLUMNS) -> its parts in float64."""
    wide = np.asarray(packed, np.float64)
    columns = zip((0, *_ENDS), _ENDS, PARTS.values(), strict=False)
    return PackedOutput(*(wide[:, a:b].reshape(len(wide), *shape) for a, b, shape in columns))
