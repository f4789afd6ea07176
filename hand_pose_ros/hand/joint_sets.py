"""Other parties' joints by name, linear maps of ours: ``mediapipe21``, ``openxr26``, ``icvl16``, ``nyu14``, ``msra21``.

In: our joints (..., 23, 3) in any frame and unit. Out: a set's joints (..., K, 3), in the same; ``operator_points``
gives ``mediapipe21`` in the operator's frame, which retargeting to robots' hands works in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import FINGER_JOINTS, FINGERS, JOINT_COUNT, JOINT_INDEX, JOINT_NAMES
from hand_pose_ros.validation import require

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JointSet:
    """Another party's joints as a linear map from ours: ``theirs (K, 3) = matrix (K, 23) @ ours (23, 3)``."""

    name: str
    """Of the set."""
    names: tuple[str, ...]
    """Of its K joints."""
    matrix: Array
    """(K, 23), read-only."""
    estimated: frozenset[str] = frozenset()
    """Those of the joints that the hand model does not have: placed between those that it has."""

    def __post_init__(self) -> None:
        if self.matrix.shape != (len(self.names), JOINT_COUNT):
            raise ValueError(
                f"joint set {self.name}: matrix is {self.matrix.shape}, "
                f"want ({len(self.names)}, {JOINT_COUNT})"
            )


def _joint_set(
    name: str, rows: list[tuple[str, dict[str, float]]], estimated: frozenset[str] = frozenset()
) -> JointSet:
    matrix = np.zeros((len(rows), JOINT_COUNT))
    for row, (_, weights) in enumerate(rows):
        for joint, weight in weights.items():
            matrix[row, JOINT_INDEX[joint]] = weight
    matrix.setflags(write=False)
    return JointSet(name, tuple(joint for joint, _ in rows), matrix, estimated)


def _same(joint: str, name: str | None = None) -> tuple[str, dict[str, float]]:
    return (name or joint, {joint: 1.0})


def _between(name: str, a: str, b: str, share_of_b: float = 0.5) -> tuple[str, dict[str, float]]:
    return (name, {a: 1.0 - share_of_b, b: share_of_b})


_WRIST = _between("wrist", "wrist_radial", "wrist_ulnar")

# Of each finger: where between the wrist's two joints its metacarpal points to (share of the ulnar one; guessed, the
# carpus is about half as wide as the knuckles), and where on the way there from the mcp its base lies. That is such
# that the template's metacarpals are as long, against its proximal phalanges, as people's are: 68.1, 64.6, 58.0, 53.7
# mm to 39.8, 44.6, 41.4, 32.7 (Buryanov and Kotiuk, Proportions of hand segments, 2010).
_METACARPALS: dict[str, tuple[float, float]] = {
    "index": (0.28, 0.843), "middle": (0.43, 0.800), "ring": (0.59, 0.746), "pinky": (0.75, 0.733),
}  # fmt: skip


def _metacarpal(name: str, finger: str) -> tuple[str, dict[str, float]]:
    ulnar, share = _METACARPALS[finger]
    return (
        name,
        {f"{finger}_mcp": 1.0 - share, "wrist_radial": share * (1.0 - ulnar), "wrist_ulnar": share * ulnar},
    )


def _openxr_finger(finger: str) -> list[tuple[str, dict[str, float]]]:
    """A finger's five joints as OpenXR names them: each after the bone whose near end it is."""
    name = "little" if finger == "pinky" else finger
    bones = ("proximal", "intermediate", "distal", "tip")
    joints = [JOINT_NAMES[joint] for joint in FINGER_JOINTS[finger]]
    return [
        _metacarpal(f"{name}_metacarpal", finger),
        *(_same(joint, f"{name}_{bone}") for joint, bone in zip(joints, bones, strict=True)),
    ]


OPENXR_SET = "openxr26"
"""The set that has the joints of OpenXR's hand tracking."""
OPERATOR_SET = "mediapipe21"
"""The set whose joints :func:`operator_points` gives."""

OPERATOR_AXES: Array = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""(3, 3): a vector (x, y, z) of our palm frame is (-z, y, x) in the operator's frame, the same on both sides: x out of
the palm, y across it as the palm frame's own, z towards the fingers. It is the frame that dex-retargeting's example
brings a hand into before it retargets it (``wrist_rot @ OPERATOR2MANO``; Qin et al., AnyTeleop, 2023), there from three
points of the hand, wrist, index and middle mcp, here from the palm frame that was tracked."""
OPERATOR_AXES.setflags(write=False)

JOINT_SETS: dict[str, JointSet] = {
    joint_set.name: joint_set
    for joint_set in (
        _joint_set(
            OPERATOR_SET, [_WRIST] + [_same(JOINT_NAMES[j]) for f in FINGERS for j in FINGER_JOINTS[f]]
        ),
        # The order of XrHandJointEXT (OpenXR specification, XR_EXT_hand_tracking).
        _joint_set(
            OPENXR_SET,
            [
                _same("palm"),
                _WRIST,
                _same("thumb_cmc", "thumb_metacarpal"),
                _same("thumb_mcp", "thumb_proximal"),
                _same("thumb_ip", "thumb_distal"),
                _same("thumb_tip"),
                *(row for finger in FINGERS[1:] for row in _openxr_finger(finger)),
            ],
            frozenset(f"{finger}_metacarpal" for finger in ("index", "middle", "ring", "little")),
        ),
        # Palm, then root, mid and tip of each finger from the thumb to the pinky. ICVL's annotations lie in the middle
        # of the three segments, not on joints: mapped to mcp, pip and tip they leave more than twice the
        # residual of the fit (docs/datasets.md).
        _joint_set(
            "icvl16",
            [_same("palm")]
            + [
                _between(f"{finger}_{name}", JOINT_NAMES[near], JOINT_NAMES[near + 1])
                for finger in FINGERS
                for name, near in zip(("root", "mid", "tip"), FINGER_JOINTS[finger], strict=False)
            ],
        ),
        # Two joints a finger from the pinky to the index, tip first, then the thumb's three, wrist, palm. The shares
        # were once fitted to NYU's annotations, by no command that is kept; `hand-pose fit --dataset nyu` says what is
        # left with them. Its two wrist joints are the ulnar side and a point off the middle.
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


# The wrist is the first of the set's points.
_FROM_WRIST: Array = JOINT_SETS[OPERATOR_SET].matrix - JOINT_SETS[OPERATOR_SET].matrix[:1]


def find_joint_set(name: str, *others: str) -> JointSet:
    """The set of this name. ValueError on an unknown one, which names those that exist, and ``others`` that the caller
    knows besides."""
    known = [*others, *sorted(JOINT_SETS)]
    require(name in JOINT_SETS, "", "joint_set", name, f"one of {', '.join(known)}")
    return JOINT_SETS[name]


def convert_joints(joints: Array, joint_set: str) -> Array:
    """Our joints (..., 23, 3) in any frame -> a named set's (..., K, 3). ValueError on an unknown name."""
    return np.asarray(find_joint_set(joint_set).matrix @ joints)


def operator_points(joints: Array, rotation: Array) -> Array:
    """A hand's joints as retargeting takes them: ``mediapipe21`` in the operator's frame, the wrist at the origin.

    ``joints`` (..., 23, 3) in any frame and unit, ``rotation`` (..., 3, 3) of the palm in that frame (its columns are
    the palm's axes) -> (..., 21, 3) in the same unit, turned by OPERATOR_AXES.
    """
    if joints.ndim == 2:  # one hand: np.dot takes a third of matmul's time
        return np.asarray(_FROM_WRIST.dot(joints).dot(rotation.dot(OPERATOR_AXES.T)))
    return np.asarray((_FROM_WRIST @ joints) @ (rotation @ OPERATOR_AXES.T))
