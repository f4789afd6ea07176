"""THE table of the hand: joints, segments, bones, parameters, limits, template lengths, joint sets.

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

from dataclasses import dataclass

import numpy as np

SIDES: tuple[str, ...] = ("right", "left")

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

JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}

JOINT_PARENTS: tuple[int, ...] = (
    -1,
    0,
    0,
    0,
    3,
    4,
    5,
    0,
    7,
    8,
    9,
    0,
    11,
    12,
    13,
    0,
    15,
    16,
    17,
    0,
    19,
    20,
    21,
)

BONES: tuple[tuple[int, int], ...] = tuple((p, c) for c, p in enumerate(JOINT_PARENTS) if p >= 0)
"""(parent, child) joint indices of the 22 bones, in the order of the child."""

FINGER_JOINTS: dict[str, tuple[int, int, int, int]] = {
    finger: (3 + 4 * i, 4 + 4 * i, 5 + 4 * i, 6 + 4 * i) for i, finger in enumerate(FINGERS)
}
"""The four joints of each finger, from the palm to the tip."""

TIP_JOINTS: tuple[int, ...] = tuple(joints[-1] for joints in FINGER_JOINTS.values())
KNUCKLE_JOINTS: tuple[int, ...] = tuple(FINGER_JOINTS[finger][0] for finger in FINGERS[1:])
"""The four fingers' mcp."""
WRIST_JOINTS: tuple[int, int] = (JOINT_INDEX["wrist_radial"], JOINT_INDEX["wrist_ulnar"])

SEGMENT_NAMES: tuple[str, ...] = ("palm", "thumb_metacarpal", "thumb_proximal", "thumb_distal") + tuple(
    f"{finger}_{segment}" for finger in FINGERS[1:] for segment in ("proximal", "middle", "distal")
)
"""Rigid segments that carry a frame: the palm, then three of each finger; the frame sits at the near joint."""
SEGMENT_COUNT = len(SEGMENT_NAMES)

SEGMENT_JOINTS: tuple[int, ...] = (0,) + tuple(j for joints in FINGER_JOINTS.values() for j in joints[:3])
"""The joint at each segment's origin."""

SEGMENT_PARENTS: tuple[int, ...] = (-1,) + tuple(0 if k % 3 == 0 else k for k in range(15))

# name, lower, upper (rad). Ranges are those that healthy adult hands reach actively, rounded outwards to the
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
ANGLE_LIMITS: np.ndarray = np.array([(lower, upper) for _, lower, upper in _ANGLES])
"""(20, 2) rad: lower and upper bound of each angle."""

PARAMETER_NAMES: tuple[str, ...] = (
    "translation_x", "translation_y", "translation_z", "rotation_x", "rotation_y", "rotation_z",
) + ANGLE_NAMES  # fmt: skip
"""The 26 parameters: palm position (m), palm rotation vector (rad), 20 joint angles (rad)."""
PARAMETER_COUNT = len(PARAMETER_NAMES)

SHAPE_NAMES: tuple[str, ...] = (
    "hand", "palm_length", "palm_width", "thumb_metacarpal", "thumb", "index", "middle", "ring", "pinky",
)  # fmt: skip
"""Shape: nine natural logarithms of scale factors, all 0 for the template hand. ``hand`` scales everything,
the others their part (the palm's along x and y; ``thumb`` its two phalanges)."""
SHAPE_COUNT = len(SHAPE_NAMES)

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


def _thumb_rest_rotation() -> np.ndarray:
    x = np.array(_THUMB_DIRECTION) / np.linalg.norm(_THUMB_DIRECTION)
    y = np.cross(_THUMB_NAIL, x)
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


THUMB_REST_ROTATION: np.ndarray = _thumb_rest_rotation()
"""(3, 3) orientation of the thumb's metacarpal in the palm frame of a right hand at zero angles."""


@dataclass(frozen=True)
class JointSet:
    """Another party's joints as a linear map from ours: ``theirs (K, 3) = matrix (K, 23) @ ours (23, 3)``."""

    name: str
    names: tuple[str, ...]
    matrix: np.ndarray

    def __post_init__(self) -> None:
        if self.matrix.shape != (len(self.names), JOINT_COUNT):
            raise ValueError(
                f"joint set {self.name}: matrix is {self.matrix.shape}, "
                f"want ({len(self.names)}, {JOINT_COUNT})"
            )


def _joint_set(name: str, rows: list[tuple[str, dict[str, float]]]) -> JointSet:
    matrix = np.zeros((len(rows), JOINT_COUNT))
    for row, (_, weights) in enumerate(rows):
        for joint, weight in weights.items():
            matrix[row, JOINT_INDEX[joint]] = weight
    matrix.setflags(write=False)
    return JointSet(name, tuple(joint for joint, _ in rows), matrix)


def _same(joint: str, name: str | None = None) -> tuple[str, dict[str, float]]:
    return (name or joint, {joint: 1.0})


def _between(name: str, a: str, b: str, share_of_b: float = 0.5) -> tuple[str, dict[str, float]]:
    return (name, {a: 1.0 - share_of_b, b: share_of_b})


_WRIST = _between("wrist", "wrist_radial", "wrist_ulnar")

JOINT_SETS: dict[str, JointSet] = {
    joint_set.name: joint_set
    for joint_set in (
        _joint_set(
            "mediapipe21", [_WRIST] + [_same(JOINT_NAMES[j]) for f in FINGERS for j in FINGER_JOINTS[f]]
        ),
        # Palm, then root, mid and tip of each finger from the thumb to the pinky. ICVL's annotations lie in the middle
        # of the three segments, not on joints: fitted to them, midpoints leave 1.9 mm, mcp, pip and tip 4.0 mm.
        _joint_set(
            "icvl16",
            [_same("palm")]
            + [
                _between(f"{finger}_{name}", JOINT_NAMES[near], JOINT_NAMES[near + 1])
                for finger in FINGERS
                for name, near in zip(("root", "mid", "tip"), FINGER_JOINTS[finger], strict=False)
            ],
        ),
        # Two joints a finger from the pinky to the index, tip first, then the thumb's three, wrist, palm. Shares as
        # fitted to NYU's annotations; its two wrist joints are the ulnar side and a point off the middle.
        _joint_set(
            "nyu14",
            [
                row
                for f in FINGERS[:0:-1]
                for row in (_same(f"{f}_tip"), _between(f"{f}_mid", f"{f}_pip", f"{f}_dip", 0.1))
            ]
            + [_between("thumb_tip", "thumb_ip", "thumb_tip", 0.77), _same("thumb_ip", "thumb_mid")]
            + [_between("thumb_root", "thumb_cmc", "thumb_mcp", 0.9), _same("wrist_ulnar", "wrist_left")]
            + [_between("wrist_right", "wrist_ulnar", "wrist_radial", 0.6)]
            + [_between("palm", "palm", "middle_mcp", 0.55)],
        ),
        # Wrist, then four joints a finger from the index to the pinky, the thumb last.
        _joint_set(
            "msra21",
            [_WRIST] + [_same(JOINT_NAMES[j]) for f in (*FINGERS[1:], "thumb") for j in FINGER_JOINTS[f]],
        ),
    )
}


def convert_joints(joints: np.ndarray, joint_set: str) -> np.ndarray:
    """Our joints (..., 23, 3) in any frame -> a named set's (..., K, 3). ValueError on an unknown name."""
    if joint_set not in JOINT_SETS:
        raise ValueError(f"unknown joint set '{joint_set}', want one of {', '.join(sorted(JOINT_SETS))}")
    return np.asarray(JOINT_SETS[joint_set].matrix @ joints)
