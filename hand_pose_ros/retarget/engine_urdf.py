"""The URDF that packages of optimisers read: it says in full what this package has read and was told.

In: a robot's description, and each joint's range where a file narrows it. Out: the text of a URDF. Other readers do not
see what this one does: that an axis has length 1, what follows a follower, a range that somebody else gives.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import replace

from hand_pose_ros.retarget.robot_description import RobotDescription, RobotJoint


def engine_urdf(description: RobotDescription) -> str:
    """Its joints as they are in ``description.joints``; without what is only seen or touched: engines need no meshes,
    and look for them."""
    robot = ElementTree.fromstring(description.text)
    joints = {joint.name: joint for joint in description.joints}
    for element in robot.findall("joint"):
        _write(element, joints[element.get("name", "")])
    for link in robot.findall("link"):
        for part in (*link.findall("visual"), *link.findall("collision")):
            link.remove(part)
    return ElementTree.tostring(robot, encoding="unicode")


def with_ranges(
    description: RobotDescription, ranges: Mapping[str, tuple[float | None, float | None]]
) -> RobotDescription:
    """The same robot with these ranges of its joints, None at an end that nobody knows."""
    joints = [
        replace(joint, lower=ranges[joint.name][0], upper=ranges[joint.name][1])
        if joint.name in ranges
        else joint
        for joint in description.joints
    ]
    return replace(description, joints=tuple(joints))


def without_followers(description: RobotDescription) -> RobotDescription:
    """The same robot with joints none of which follows another."""
    return replace(description, joints=tuple(replace(joint, follows=None) for joint in description.joints))


def _write(element: ElementTree.Element, joint: RobotJoint) -> None:
    mimic, axis = element.find("mimic"), element.find("axis")
    if mimic is not None and (joint.follows is None or joint.kind == "fixed"):
        element.remove(mimic)
    elif mimic is not None and joint.follows is not None:  # engines know no chains of these
        leader, multiplier, offset = joint.follows
        mimic.attrib |= {"joint": leader, "multiplier": repr(multiplier), "offset": repr(offset)}
    if joint.kind == "fixed":
        return
    if axis is not None:
        axis.set("xyz", " ".join(map(repr, joint.axis.tolist())))
    if joint.lower is None or joint.upper is None:
        return
    limit = element.find("limit")
    if limit is None:
        limit = ElementTree.SubElement(element, "limit")
    limit.attrib |= {"lower": repr(joint.lower), "upper": repr(joint.upper)}
    for needed in ("effort", "velocity"):
        limit.attrib.setdefault(needed, "0")
    if joint.kind == "continuous":  # of which a URDF has no range
        element.set("type", "revolute")
