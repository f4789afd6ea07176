"""The human hand's robot description as text: URDF for one hand, xacro for any.

In: a side, the nine log scales of a hand's shape, the log scale of its flesh's thickness. Out: the text of
``<robot name="right_hand">`` or ``left_hand``, lengths in metres, angles in radians; or the text of
``urdf/human_hand.urdf.xacro``, whose arguments are the same.

Every link's frame is that of the message's segment, or joint, of its name, so that forward kinematics of the
description gives ``HandPose.joints`` for the angles of ``hand_joint_states``. There are no inertias: it is for showing,
for collision checks and for retargeting, not for simulating a hand's dynamics.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from typing import Protocol
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import SIGNS
from hand_pose_ros.retarget.human_hand import JOINTS, LINKS, Cylinder, Joint, Length, Sphere
from hand_pose_ros.tracking.shape_estimator import LARGEST_LOG_SCALE, checked_shape
from hand_pose_ros.validation import frame_prefix_error, require, shown

Array = NDArray[np.float64]

XACRO_FILE = "urdf/human_hand.urdf.xacro"
"""Where the text of :func:`xacro_text` is shipped."""
_EFFORT_NM, _VELOCITY_RAD_S = 2.0, 25.0
"""URDF asks for both of every joint, and nothing here uses them. Guessed: above what a finger does."""
_SKIN_RGBA = "0.87 0.72 0.62 1"
_HEADER = (
    " A human hand, as hand_pose_ros writes it from its skeleton table: change it there. Arguments: side (right or"
    " left), prefix (before the names of links), and the size: natural logarithms of scale factors as in"
    " HandPose.shape, and of the flesh's thickness as in HandPose.flesh_thickness. "
)


class _Notation(Protocol):
    """How lengths, flesh and names are written."""

    def length(self, length: Length) -> str: ...

    def signed(self, value: float) -> str:
        """A number that has the other sign in a left hand."""
        ...

    def joint_name(self, angle_name: str) -> str: ...

    def sphere(self, link: Element, sphere: Sphere) -> None: ...

    def cylinder(self, link: Element, cylinder: Cylinder) -> None: ...


class _Numbers:
    """One hand's numbers."""

    def __init__(self, side: str, shape: Array, thickness: float) -> None:
        self._side, self._sign = side, SIGNS[side]
        self._scales = dict(zip(skeleton.SHAPE_NAMES, np.exp(shape).tolist(), strict=True))
        self._flesh = self._scales["hand"] * math.exp(thickness)

    def length(self, length: Length) -> str:
        return _number(self._value(length))

    def signed(self, value: float) -> str:
        return _number(self._sign * value)

    def joint_name(self, angle_name: str) -> str:
        return f"{self._side}_{angle_name}"

    def sphere(self, link: Element, sphere: Sphere) -> None:
        radius = _number(sphere.radius * self._flesh)
        place = {"xyz": " ".join(self.length(c) for c in sphere.centre), "rpy": "0 0 0"}
        _add_flesh(link, place, "sphere", {"radius": radius})

    def cylinder(self, link: Element, cylinder: Cylinder) -> None:
        start, end = (np.array([self._value(c) for c in point]) for point in (cylinder.start, cylinder.end))
        x, y, z = end - start
        length = math.sqrt(x * x + y * y + z * z)
        turn = f"0 {_number(math.atan2(math.hypot(x, y), z))} {_number(math.atan2(y, x))}"
        place = {"xyz": " ".join(_number(c) for c in 0.5 * (start + end)), "rpy": turn}
        _add_flesh(
            link,
            place,
            "cylinder",
            {"radius": _number(cylinder.radius * self._flesh), "length": _number(length)},
        )

    def _value(self, length: Length) -> float:
        sign = self._sign if length.mirrored else 1.0
        return sign * length.value * math.prod(self._scales[name] for name in length.scales)


class _Expressions:
    """Any hand's, as xacro computes them from its arguments."""

    def length(self, length: Length) -> str:
        if length.value == 0.0:
            return "0"
        factors = [_number(length.value), *length.scales, *(["mirror"] if length.mirrored else [])]
        return f"${{{'*'.join(factors)}}}" if len(factors) > 1 else factors[0]

    def signed(self, value: float) -> str:
        return f"${{mirror*{_number(value)}}}" if value else "0"

    def joint_name(self, angle_name: str) -> str:
        return f"${{side}}_{angle_name}"

    def sphere(self, link: Element, sphere: Sphere) -> None:
        x, y, z = (self.length(c) for c in sphere.centre)
        SubElement(link, "xacro:sphere", {"x": x, "y": y, "z": z, "r": _number(sphere.radius)})

    def cylinder(self, link: Element, cylinder: Cylinder) -> None:
        given = {"r": _number(cylinder.radius)}
        for name, point in (("a", cylinder.start), ("b", cylinder.end)):
            given |= {f"{axis}{name}": self.length(c) for axis, c in zip("xyz", point, strict=True)}
        SubElement(link, "xacro:cylinder", given)


def urdf_text(side: str, shape: ArrayLike | None = None, thickness: float = 0.0, prefix: str = "") -> str:
    """The description of a right or a left hand of this shape (9,) (None: the template's) and thickness, both log
    scales; ``prefix`` stands before the names of all links, as in those of TF frames. ValueError for an unknown side,
    for scales that no hand has, and for a prefix that frames' names cannot have."""
    skeleton.check_side(side)
    size = checked_shape(np.zeros(skeleton.SHAPE_COUNT) if shape is None else shape)
    known = abs(thickness) <= LARGEST_LOG_SCALE  # NaN is not
    require(known, "", "thickness", thickness, "a log scale within log 2 of 0")
    wrong = frame_prefix_error(prefix)
    if wrong is not None:
        raise ValueError(f"prefix is {shown(repr(prefix))}: it {wrong}")
    robot = Element("robot", {"name": f"{side}_hand"})
    _describe(robot, _Numbers(side, size, float(thickness)), prefix)
    return _text(robot)


def xacro_text() -> str:
    """The same with the side, the shape and the thickness as xacro's arguments."""
    robot = Element("robot", {"xmlns:xacro": "http://www.ros.org/wiki/xacro", "name": "$(arg side)_hand"})
    robot.append(ElementTree.Comment(_HEADER))
    SubElement(robot, "xacro:arg", {"name": "side", "default": "right"})
    SubElement(robot, "xacro:arg", {"name": "prefix", "default": ""})
    for name in (*skeleton.SHAPE_NAMES, "thickness"):
        SubElement(robot, "xacro:arg", {"name": name, "default": "0.0"})
    SubElement(robot, "xacro:property", {"name": "side", "value": "$(arg side)"})
    wrong = SubElement(robot, "xacro:unless", {"value": f"${{side in {skeleton.SIDES}}}"})
    SubElement(wrong, "link", {"name": "${xacro.fatal('side is ' + side + ', want right or left')}"})
    SubElement(robot, "xacro:property", {"name": "mirror", "value": "${-1.0 if side == 'left' else 1.0}"})
    for name in (*skeleton.SHAPE_NAMES, "thickness"):
        SubElement(robot, "xacro:property", {"name": f"log_{name}", "value": f"$(arg {name})"})
        SubElement(robot, "xacro:property", {"name": name, "value": f"${{exp(log_{name})}}"})
    _add_macros(robot)
    _describe(robot, _Expressions(), "$(arg prefix)")
    return _text(robot)


def _add_macros(robot: Element) -> None:
    """Flesh whose place depends on the shape."""
    sphere = SubElement(robot, "xacro:macro", {"name": "sphere", "params": "x y z r"})
    place = {"xyz": "${x} ${y} ${z}", "rpy": "0 0 0"}
    _add_flesh(sphere, place, "sphere", {"radius": "${r*hand*thickness}"})
    cylinder = SubElement(robot, "xacro:macro", {"name": "cylinder", "params": "xa ya za xb yb zb r"})
    for axis in "xyz":
        SubElement(cylinder, "xacro:property", {"name": f"d{axis}", "value": f"${{{axis}b - {axis}a}}"})
    place = {
        "xyz": " ".join(f"${{({axis}a + {axis}b)/2}}" for axis in "xyz"),
        "rpy": "0 ${atan2(sqrt(dx*dx + dy*dy), dz)} ${atan2(dy, dx)}",
    }
    size = {"radius": "${r*hand*thickness}", "length": "${sqrt(dx*dx + dy*dy + dz*dz)}"}
    _add_flesh(cylinder, place, "cylinder", size)


def _describe(robot: Element, notation: _Notation, prefix: str) -> None:
    """Adds links and joints."""
    material = SubElement(robot, "material", {"name": "skin"})
    SubElement(material, "color", {"rgba": _SKIN_RGBA})
    for link in LINKS:
        element = SubElement(robot, "link", {"name": prefix + link.name})
        for flesh in link.flesh:
            if isinstance(flesh, Sphere):
                notation.sphere(element, flesh)
            else:
                notation.cylinder(element, flesh)
    for joint in JOINTS:
        _add_joint(robot, joint, notation, prefix)


def _add_joint(robot: Element, joint: Joint, notation: _Notation, prefix: str) -> None:
    fixed = joint.angle < 0
    name = f"{joint.name}_fixed" if fixed else notation.joint_name(joint.name)
    element = SubElement(robot, "joint", {"name": name, "type": "fixed" if fixed else "revolute"})
    roll, pitch, yaw = joint.turn
    turn = f"{notation.signed(roll)} {_number(pitch)} {notation.signed(yaw)}"
    place = " ".join(notation.length(c) for c in joint.origin)
    SubElement(element, "origin", {"xyz": place, "rpy": turn})
    SubElement(element, "parent", {"link": prefix + joint.parent})
    SubElement(element, "child", {"link": prefix + joint.child})
    if not fixed:
        axis = (notation.signed(value) if joint.signed else _number(value) for value in joint.axis)
        SubElement(element, "axis", {"xyz": " ".join(axis)})
        lower, upper = skeleton.ANGLE_LIMITS[joint.angle]
        limits = {"lower": lower, "upper": upper, "effort": _EFFORT_NM, "velocity": _VELOCITY_RAD_S}
        SubElement(element, "limit", {key: _number(value) for key, value in limits.items()})


def _add_flesh(link: Element, place: dict[str, str], kind: str, size: dict[str, str]) -> None:
    """The same shape to be seen and to collide with."""
    for tag in ("visual", "collision"):
        part = SubElement(link, tag)
        SubElement(part, "origin", place)
        SubElement(SubElement(part, "geometry"), kind, size)
        if tag == "visual":
            SubElement(part, "material", {"name": "skin"})


def _number(value: float) -> str:
    """Eight digits: 1e-8 of a length, and no -0."""
    return f"{float(value) + 0.0:.8g}" if value else "0"


def _text(robot: Element) -> str:
    ElementTree.indent(robot)
    return f'<?xml version="1.0"?>\n{ElementTree.tostring(robot, encoding="unicode")}\n'
