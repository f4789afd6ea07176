"""The human hand as a robot description: links, joints and flesh, as the skeleton's table has them. No text.

In: nothing. Out: ``LINKS`` and ``JOINTS``, in the order in which a description lists them, each length with the log
scales of the shape that act on it. ``urdf`` writes them.

Links are called as the TF frames of a hand: its segments, the wrist's two joints and the frame between them, the
fingertips, the operator's frame. Joints are called as in ``hand_joint_states``, so that whoever moves a robot by its
joint states moves this hand. A finger's first joint turns about two axes, which takes a link without flesh between
them; it is called as the hand's joint there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematic_tree import KinematicTree, kinematic_tree
from hand_pose_ros.refine.surface_model import CAPSULES, END_RADII, FINGER_CAPSULES, PALM_POINTS

Array = NDArray[np.float64]

OPERATOR_LINK = "operator"
"""The link whose frame ``operator_points`` are in."""
WRIST_LINK = "wrist"
"""The link between the wrist's two joints, turned as the palm."""
OPERATOR_TURN = (0.0, math.pi / 2, 0.0)
"""Roll, pitch, yaw (rad) of the operator's frame in the palm's: ``joint_sets.OPERATOR_AXES``, on both sides."""
_MIRRORED = (False, True, False)
"""Which coordinates of a right hand's points have the other sign in a left hand."""


class Length(NamedTuple):
    """A coordinate (m) of the template right hand: times exp of each of these log scales, negated in a left hand."""

    value: float
    scales: tuple[str, ...] = ()
    mirrored: bool = False


Point = tuple[Length, Length, Length]
ORIGIN: Point = (Length(0.0), Length(0.0), Length(0.0))


class Sphere(NamedTuple):
    """Flesh about a point of a link; ``radius`` (m) of the template, times the hand's scale and thickness."""

    centre: Point
    radius: float


class Cylinder(NamedTuple):
    """Flesh about the line between two points of a link, as :class:`Sphere`."""

    start: Point
    end: Point
    radius: float


@dataclass(frozen=True)
class Link:
    """A rigid part."""

    name: str
    """As its TF frame."""
    flesh: tuple[Sphere | Cylinder, ...] = ()
    """In the link's frame; capsules, as spheres at their ends and a cylinder of the mean radius between them."""


@dataclass(frozen=True)
class Joint:
    """How a link hangs on another one."""

    name: str
    """An angle of ``skeleton.ANGLE_NAMES``; for a fixed joint the child's name."""
    parent: str
    """A link."""
    child: str
    """A link."""
    origin: Point = ORIGIN
    """Of the child's frame in the parent's."""
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Roll, pitch, yaw (rad) of the child's frame there in a right hand; a left one has roll and yaw negated."""
    angle: int = -1
    """Index into ``skeleton.ANGLE_NAMES``; -1 for a fixed joint."""
    axis: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """That a positive angle turns about, right-handedly, in a right hand."""
    signed: bool = False
    """Whether a left hand's angle turns the other way round."""


def _point(position: Array, flags: NDArray[np.uint8], mirrored: bool = False) -> Point:
    """(3,) m and its shape flags (3, 9) -> a point; ``mirrored`` where its y has the other sign in a left hand."""
    x, y, z = (
        Length(
            float(position[axis]),
            tuple(name for name, flag in zip(skeleton.SHAPE_NAMES, flags[axis], strict=True) if flag),
            mirrored and _MIRRORED[axis],
        )
        for axis in range(3)
    )
    return x, y, z


def _rpy(rotation: Array) -> tuple[float, float, float]:
    """A rotation (3, 3) as URDF's roll, pitch, yaw (rad) about the fixed axes x, y, z."""
    roll, pitch, yaw = Rotation.from_matrix(rotation).as_euler("xyz")
    return float(roll), float(pitch), float(yaw)


def _palm(tree: KinematicTree) -> Link:
    """Its flesh: the palm's capsules, whose ends are scaled as the palm's joints are."""
    flags = tree.joint_shape[skeleton.WRIST_JOINTS[0]]
    points = [_point(position, flags, True) for position in PALM_POINTS]
    radii = END_RADII[skeleton.JOINT_COUNT :]
    flesh: list[Sphere | Cylinder] = [
        Sphere(point, float(radius)) for point, radius in zip(points, radii, strict=True)
    ]
    ends = CAPSULES[FINGER_CAPSULES:, 1:] - skeleton.JOINT_COUNT
    flesh += [Cylinder(points[a], points[b], float(radii[[a, b]].mean())) for a, b in ends]
    return Link(skeleton.SEGMENT_NAMES[0], tuple(flesh))


def _finger_segment(tree: KinematicTree, segment: int) -> Link:
    """A bone: a sphere at its near joint, a cylinder, and at the fingertip another sphere."""
    _, near, far = (int(value) for value in CAPSULES[list(CAPSULES[:FINGER_CAPSULES, 0]).index(segment)])
    last = far in skeleton.TIP_JOINTS
    along = tree.joint_positions[far] if last else tree.segment_positions[tree.joint_segments[far]]
    flags = tree.joint_shape[far] if last else tree.segment_shape[tree.joint_segments[far]]
    end = _point(along, flags)
    mean = float(END_RADII[[near, far]].mean())
    flesh: list[Sphere | Cylinder] = [Sphere(ORIGIN, float(END_RADII[near])), Cylinder(ORIGIN, end, mean)]
    if last:
        flesh.append(Sphere(end, float(END_RADII[far])))
    return Link(skeleton.SEGMENT_NAMES[segment], tuple(flesh))


def _angle_joint(tree: KinematicTree, angle: int, parent: str, child: str, segment: int | None) -> Joint:
    """The joint of an angle; at the origin and orientation of ``segment`` in its parent where that is given."""
    origin, turn = ORIGIN, (0.0, 0.0, 0.0)
    if segment is not None:
        of_palm = skeleton.SEGMENT_PARENTS[segment] == 0
        origin = _point(tree.segment_positions[segment], tree.segment_shape[segment], of_palm)
        turn = _rpy(tree.segment_rotations[segment])
    x, y, z = tree.angle_axes[angle]
    signed = kinematic_tree("left").angle_signs[angle] != tree.angle_signs[angle]
    return Joint(
        skeleton.ANGLE_NAMES[angle],
        parent,
        child,
        origin,
        turn,
        angle,
        (float(x), float(y), float(z)),
        signed,
    )


def _fixed(
    child: str, parent: str, origin: Point, turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Joint:
    return Joint(child, parent, child, origin, turn)


def _description() -> tuple[tuple[Link, ...], tuple[Joint, ...]]:
    tree = kinematic_tree("right")
    names = skeleton.SEGMENT_NAMES
    links, joints = [_palm(tree)], []
    for joint in skeleton.WRIST_JOINTS:
        name = skeleton.JOINT_NAMES[joint]
        links.append(Link(name))
        place = _point(tree.joint_positions[joint], tree.joint_shape[joint], True)
        joints.append(_fixed(name, names[0], place))
    wrist = tree.joint_positions[list(skeleton.WRIST_JOINTS)].mean(axis=0)
    links += [Link(WRIST_LINK), Link(OPERATOR_LINK)]
    between = _point(wrist, tree.joint_shape[skeleton.WRIST_JOINTS[0]], True)
    joints.append(_fixed(WRIST_LINK, names[0], between))
    joints.append(_fixed(OPERATOR_LINK, WRIST_LINK, ORIGIN, OPERATOR_TURN))
    for finger, segments in enumerate(skeleton.FINGER_SEGMENT_TABLE):
        abduction, *flexions = (int(angle) for angle in skeleton.FINGER_ANGLE_TABLE[finger])
        base, *_, tip = (int(joint) for joint in skeleton.FINGER_JOINT_TABLE[finger])
        knuckle = skeleton.JOINT_NAMES[base]
        links.append(Link(knuckle))
        joints.append(_angle_joint(tree, abduction, names[0], knuckle, int(segments[0])))
        parent = knuckle
        for bone, (segment, flexion) in enumerate(zip(segments, flexions, strict=True)):
            links.append(_finger_segment(tree, int(segment)))
            place_of = int(segment) if bone > 0 else None
            joints.append(_angle_joint(tree, flexion, parent, names[segment], place_of))
            parent = names[segment]
        name = skeleton.JOINT_NAMES[tip]
        links.append(Link(name))
        joints.append(_fixed(name, parent, _point(tree.joint_positions[tip], tree.joint_shape[tip])))
    return tuple(links), tuple(joints)


LINKS, JOINTS = _description()
"""The palm first, which everything hangs on."""
