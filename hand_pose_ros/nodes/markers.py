"""Hands -> RViz markers. Joints in metres in the frame of a header in; a MarkerArray with stable ids out.

Each side has its own namespace (``right_hand``, ``left_hand``) with the ids below; a second hand of the same side has
the ids that follow. Markers live for a short time; those of a hand that is no longer seen are deleted at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from hand_pose_ros.hand.skeleton import BONES, PALM_JOINT
from hand_pose_ros.visualization.overlay import JOINT_COLOURS

if TYPE_CHECKING:
    from hand_pose_ros.tracking.hand import Hand

# Of markers that no message renews. Guessed.
LIFETIME_S = 0.5
JOINTS_ID, BONES_ID, LABEL_ID = 0, 1, 2
MARKER_IDS = (JOINTS_ID, BONES_ID, LABEL_ID)
# Guessed: thinner than a finger.
_JOINT_DIAMETER_M = 0.009
_BONE_WIDTH_M = 0.005
_LABEL_HEIGHT_M = 0.02

_COLOURS = [ColorRGBA(r=r / 255.0, g=g / 255.0, b=b / 255.0, a=1.0) for r, g, b in JOINT_COLOURS]
_HIDDEN = [ColorRGBA(r=0.6, g=0.6, b=0.6, a=0.6)] * len(_COLOURS)
UP: np.ndarray = np.array([0.0, -1.0, 0.0])
"""Upwards in a camera's optical frame."""


class HandMarkers:
    """Keeps which hands are shown, to delete the markers of those that are lost."""

    def __init__(self) -> None:
        self._shown: set[tuple[str, int]] = set()

    def update(self, hands: Sequence[Hand], header: Header, up: np.ndarray = UP) -> MarkerArray | None:
        """Returns markers of all hands of one image; None when there is nothing to draw or delete.

        ``up`` (3,) is the direction in which labels stand above their hands.
        """
        markers: list[Marker] = []
        of_side: Counter[str] = Counter()
        for hand in sorted(hands, key=lambda hand: hand.track_id):
            markers += _hand_markers(hand, header, up, of_side[hand.side] * len(MARKER_IDS))
            of_side[hand.side] += 1
        shown = {(marker.ns, marker.id) for marker in markers}
        for namespace, marker_id in sorted(self._shown - shown):
            markers.append(Marker(header=header, ns=namespace, id=marker_id, action=Marker.DELETE))
        self._shown = shown
        return MarkerArray(markers=markers) if markers else None


def _hand_markers(hand: Hand, header: Header, up: np.ndarray, first_id: int) -> list[Marker]:
    colours = _COLOURS if hand.state.name == "TRACK" else _HIDDEN  # a hidden hand is grey
    points = [Point(x=float(x), y=float(y), z=float(z)) for x, y, z in hand.joints]

    joints = _marker(hand, header, first_id + JOINTS_ID, Marker.SPHERE_LIST)
    joints.scale.x = joints.scale.y = joints.scale.z = _JOINT_DIAMETER_M
    joints.points, joints.colors = points, colours

    bones = _marker(hand, header, first_id + BONES_ID, Marker.LINE_LIST)
    bones.scale.x = _BONE_WIDTH_M
    bones.points = [points[end] for bone in BONES for end in bone]
    bones.colors = [colours[child] for _, child in BONES for _ in range(2)]

    label = _marker(hand, header, first_id + LABEL_ID, Marker.TEXT_VIEW_FACING)
    label.scale.z = _LABEL_HEIGHT_M
    palm, height_m = hand.joints[PALM_JOINT], hand.joints @ up
    x, y, z = (float(value) for value in palm + (height_m.max() - height_m[0] + 1.5 * _LABEL_HEIGHT_M) * up)
    label.pose.position = Point(x=x, y=y, z=z)
    label.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=0.9)
    # Without a space, for RViz draws one as wide as it is in letters a metre high.
    label.text = f"{hand.side}:{hand.confidence:.2f}"
    return [joints, bones, label]


def _marker(hand: Hand, header: Header, marker_id: int, kind: int) -> Marker:
    marker = Marker(header=header, ns=f"{hand.side}_hand", id=marker_id, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.lifetime = Duration(sec=0, nanosec=int(LIFETIME_S * 1e9))
    return marker
