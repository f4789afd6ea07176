"""THE table of the hand: sides, joints, segments, bones, parameters, limits, template lengths.

Nothing else in the project repeats these names, orders or numbers; whoever needs one matches by name here.

::

        index  middle  ring  pinky            palm frame (right hand, seen from its back):
     tip  10     14     18     22                x  towards the fingers
          |      |      |      |                 y  towards the thumb
     dip  9      13     17     21                z  out of the back of the hand
          |      |      |      |
     pip  8      12     16     20            flexion   = rotation about a segment's +y: curls to the palm
          |      |      |      |             abduction = rotation about its +z: towards the thumb
     mcp  7      11     15     19                        (-z on a left hand, which is a mirrored right hand)
       6   \\     |      |     /
    tip \\   5 \\   |      |    /               5 thumb ip, 4 thumb mcp, 3 thumb cmc
      5  ip \\ 4 --- 0 palm ---
           mcp \\ 3 /         |               zero angles: fingers straight and parallel to the palm's x,
             cmc 1 ------- 2                 thumb at its rest orientation THUMB_REST_ROTATION
          wrist radial   wrist ulnar

Lengths are metres, angles radians.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.validation import require

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

SIDES: tuple[str, ...] = ("right", "left")


def check_side(side: str) -> None:
    """ValueError unless ``side`` is one of SIDES."""
    require(side in SIDES, "", "side", side, f"one of {', '.join(SIDES)}")


PALM_MIRROR: Array = np.array([1.0, -1.0, 1.0])
"""(3,): the signs that turn x, y, z in a right hand's palm frame into those in a left hand's: its y points away from
the thumb."""
PALM_MIRROR.setflags(write=False)

FINGERS: tuple[str, ...] = ("thumb", "index", "middle", "ring", "pinky")

JOINT_NAMES: tuple[str, ...] = (
    "palm", "wrist_radial", "wrist_ulnar",
    "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip",
    "index_mcp", "index_pip", "index_dip", "index_tip",
    "middle_mcp", "middle_pip", "middle_dip", "middle_tip",
    "ring_mcp", "ring_pip", "ring_dip", "ring_tip",
    "pinky_mcp", "pinky_pip", "pinky_dip", "pinky_tip",
)  # fmt: skip
JOINT_COUNT = len(JOINT_NAMES)
"""23."""

JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}

PALM_JOINT = JOINT_INDEX["palm"]
"""The joint that all others hang on."""

JOINT_PARENTS: tuple[int, ...] = (
    -1, 0, 0,
    0, 3, 4, 5,
    0, 7, 8, 9,
    0, 11, 12, 13,
    0, 15, 16, 17,
    0, 19, 20, 21,
)  # fmt: skip
"""The joint that each joint hangs on, -1 for the palm; every parent stands before its children."""

BONES: tuple[tuple[int, int], ...] = tuple((p, c) for c, p in enumerate(JOINT_PARENTS) if p >= 0)
"""(parent, child) joint indices of the 22 bones, in the order of the child."""
_BONE_ENDS: NDArray[np.int64] = np.array(BONES, dtype=np.int64).T


def _indices(names: Sequence[str], finger: str) -> list[int]:
    return [index for index, name in enumerate(names) if name.startswith(f"{finger}_")]


def _table(rows: ArrayLike) -> IntArray:
    """A constant of compiled code, which must not change after the code was compiled."""
    table = np.array(rows, dtype=np.int64)
    table.setflags(write=False)
    return table


FINGER_JOINT_TABLE: IntArray = _table([_indices(JOINT_NAMES, finger) for finger in FINGERS])
"""(5, 4): the four joints of each finger, from the palm to the tip."""

FINGER_JOINTS: dict[str, tuple[int, int, int, int]] = {
    finger: (int(a), int(b), int(c), int(d))
    for finger, (a, b, c, d) in zip(FINGERS, FINGER_JOINT_TABLE, strict=True)
}
"""The rows of FINGER_JOINT_TABLE by the finger's name."""

JOINT_FINGER: IntArray = _table(
    [FINGERS.index(name) if (name := joint.split("_")[0]) in FINGERS else -1 for joint in JOINT_NAMES]
)
"""(23,): the finger that each joint belongs to, -1 for the palm and the wrist."""

JOINT_DEPTH: IntArray = _table(
    [
        list(FINGER_JOINT_TABLE[finger]).index(joint) if finger >= 0 else 0
        for joint, finger in enumerate(JOINT_FINGER)
    ]
)
"""(23,): the number of bones of its finger between each joint and the palm: 0 for the palm, the wrist and the
fingers' first joints."""

FINGER_BONE_TABLE: IntArray = _table(FINGER_JOINT_TABLE[:, 1:] - 1)
"""(5, 3): the three bones of each finger among the 22 BONES, from the palm to the tip."""

TIP_JOINTS: tuple[int, ...] = tuple(joints[-1] for joints in FINGER_JOINTS.values())
"""The fingertips, from the thumb's to the pinky's."""
KNUCKLE_JOINTS: tuple[int, ...] = tuple(FINGER_JOINTS[finger][0] for finger in FINGERS[1:])
"""The four fingers' mcp."""
WRIST_JOINTS: tuple[int, int] = (JOINT_INDEX["wrist_radial"], JOINT_INDEX["wrist_ulnar"])

SEGMENT_NAMES: tuple[str, ...] = ("palm", "thumb_metacarpal", "thumb_proximal", "thumb_distal") + tuple(
    f"{finger}_{segment}" for finger in FINGERS[1:] for segment in ("proximal", "middle", "distal")
)
"""Rigid segments that carry a frame: the palm, then three of each finger; the frame sits at the near joint."""
SEGMENT_COUNT = len(SEGMENT_NAMES)

FINGER_SEGMENT_TABLE: IntArray = _table(
    [[1 + 3 * finger + bone for bone in range(3)] for finger in range(len(FINGERS))]
)
"""(5, 3): the three segments of each finger, from the palm to the tip."""

SEGMENT_JOINTS: tuple[int, ...] = (PALM_JOINT,) + tuple(
    j for joints in FINGER_JOINTS.values() for j in joints[:3]
)
"""The joint at each segment's origin."""

SEGMENT_PARENTS: tuple[int, ...] = (-1,) + tuple(0 if k % 3 == 0 else k for k in range(15))

# name, lower, upper (rad). Guessed, after no table: what healthy adult hands reach actively, rounded outwards to the
# next 0.05 rad, with hyperextension included, so that a valid hand is never pushed away from its true pose.
_ANGLES: tuple[tuple[str, float, float], ...] = (
    ("thumb_cmc_abduction", -0.80, 0.80),
    ("thumb_cmc_flexion", -0.80, 0.90),
    ("thumb_mcp_flexion", -0.50, 1.20),
    ("thumb_ip_flexion", -0.60, 1.50),
    *(
        entry
        for finger, lower, upper in (
            ("index", -0.35, 0.60), ("middle", -0.40, 0.40), ("ring", -0.50, 0.35), ("pinky", -0.80, 0.35),
        )
        for entry in (
            (f"{finger}_mcp_abduction", lower, upper),
            (f"{finger}_mcp_flexion", -0.60, 1.70),
            (f"{finger}_pip_flexion", -0.20, 2.00),
            (f"{finger}_dip_flexion", -0.30, 1.45),
        )
    ),
)  # fmt: skip

ANGLE_NAMES: tuple[str, ...] = tuple(name for name, _, _ in _ANGLES)
ANGLE_COUNT = len(ANGLE_NAMES)
FINGER_ANGLE_TABLE: IntArray = _table([_indices(ANGLE_NAMES, finger) for finger in FINGERS])
"""(5, 4): the four angles of each finger among the 20: the abduction, then the flexions from the palm to the tip."""
ANGLE_LIMITS: Array = np.array([(lower, upper) for _, lower, upper in _ANGLES])
"""(20, 2) rad: lower and upper bound of each angle."""

PARAMETER_NAMES: tuple[str, ...] = (
    "translation_x", "translation_y", "translation_z", "rotation_x", "rotation_y", "rotation_z",
) + ANGLE_NAMES  # fmt: skip
"""The 26 parameters: palm position (m), palm rotation vector (rad), 20 joint angles (rad)."""
PARAMETER_COUNT = len(PARAMETER_NAMES)
FIRST_ANGLE = PARAMETER_COUNT - ANGLE_COUNT
"""The index of the first angle among the parameters."""
ROTATION_PARAMETERS = slice(PARAMETER_NAMES.index("rotation_x"), FIRST_ANGLE)
"""The palm's rotation vector among the parameters."""

SHAPE_NAMES: tuple[str, ...] = (
    "hand", "palm_length", "palm_width", "thumb_metacarpal", "thumb", "index", "middle", "ring", "pinky",
)  # fmt: skip
"""Shape: nine natural logarithms of scale factors, all 0 for the template hand. ``hand`` scales everything,
the others their part (the palm's along x and y; ``thumb`` its two phalanges)."""
SHAPE_COUNT = len(SHAPE_NAMES)
HAND_SCALE, PALM_LENGTH_SCALE, PALM_WIDTH_SCALE, THUMB_METACARPAL_SCALE, THUMB_SCALE = (
    SHAPE_NAMES.index(name) for name in ("hand", "palm_length", "palm_width", "thumb_metacarpal", "thumb")
)
"""Indices of log scales in a shape; those of the other fingers follow the thumb's in the order of FINGERS."""
FITTED_SHAPE_LIMIT = 0.6
"""The largest magnitude of a log scale that a fit may reach: no part is 1.8 times the template's (guessed: well beyond
any adult, and near enough to keep a fit to bad points finite)."""

# Template: the mean of the two mesh families in assets/, in the palm frame of a right hand, metres.
PALM_JOINT_POSITIONS: dict[str, tuple[float, float, float]] = {
    "palm": (0.0, 0.0, 0.0),
    "wrist_radial": (-0.0446, 0.0202, 0.0),
    "wrist_ulnar": (-0.0447, -0.0202, 0.0),
    "thumb_cmc": (-0.0293, 0.0222, -0.0102),
    "index_mcp": (0.0354, 0.0305, -0.004),
    "middle_mcp": (0.0381, 0.0094, 0.0002),
    "ring_mcp": (0.035, -0.0094, -0.0002),
    "pinky_mcp": (0.0282, -0.0284, -0.004),
}

BONE_LENGTHS: dict[str, tuple[float, float, float]] = {
    "thumb": (0.0437, 0.0346, 0.0222),
    "index": (0.0425, 0.0243, 0.0189),
    "middle": (0.0469, 0.0274, 0.0204),
    "ring": (0.0416, 0.0265, 0.0195),
    "pinky": (0.0319, 0.0186, 0.0152),
}
"""Lengths (m) of the three bones of each finger, from the palm to the tip."""

# Columns: the metacarpal's direction, the thumb's flexion axis, out of the nail.
_THUMB_DIRECTION = (0.731, 0.555, -0.397)
_THUMB_NAIL = (-0.523, 0.829, 0.197)


def _thumb_rest_rotation() -> Array:
    x = np.array(_THUMB_DIRECTION) / np.linalg.norm(_THUMB_DIRECTION)
    y = np.cross(_THUMB_NAIL, x)
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


THUMB_REST_ROTATION: Array = _thumb_rest_rotation()
"""(3, 3) orientation of the thumb's metacarpal in the palm frame of a right hand at zero angles."""


def _template_bone_lengths() -> Array:
    lengths = np.zeros(JOINT_COUNT)
    for name, position in PALM_JOINT_POSITIONS.items():
        lengths[JOINT_INDEX[name]] = np.linalg.norm(position)
    for finger, joints in FINGER_JOINTS.items():
        lengths[list(joints[1:])] = BONE_LENGTHS[finger]
    return lengths[1:]


TEMPLATE_BONE_LENGTHS: Array = _template_bone_lengths()
"""(22,) m: lengths of the template's BONES."""


def bone_lengths(joints: ArrayLike, bones: Sequence[tuple[int, int]] = BONES) -> Array:
    """Joints (..., K, 3) -> lengths (..., B) in the same unit, of ``bones`` as (near, far) indices of the K joints."""
    array = np.asarray(joints, dtype=np.float64)
    # Made once for the hand's own bones: the tracker asks for them in every frame.
    near, far = _BONE_ENDS if bones is BONES else np.array(bones, dtype=np.int64).T
    along = array[..., far, :] - array[..., near, :]
    return np.asarray(np.sqrt((along * along).sum(-1)))
