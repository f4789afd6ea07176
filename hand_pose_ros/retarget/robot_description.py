"""A robot's hand as its URDF describes it: joints, limits, what follows what, and where its links are.

In: the text of a URDF (no xacro), or a file of it. Out: :class:`RobotDescription`; ValueError with one sentence that
names what is wrong. Lengths in metres, angles in radians, as URDF has them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from hand_pose_ros.resources import expanded
from hand_pose_ros.validation import shown

Array = NDArray[np.float64]

MOST_ROBOT_BYTES = 2**24
"""A longer URDF, or file of a link's shape, is not read. Guessed: a whole humanoid has less than a megabyte."""
_MOVING = ("revolute", "prismatic", "continuous")
_XACRO = "/xacro}"  # the end of its namespace, of which there are several


@dataclass(frozen=True, eq=False)
class RobotJoint:
    """One joint, fixed or moving."""

    name: str
    kind: str
    """URDF's type: revolute, continuous, prismatic, fixed."""
    parent: str
    child: str
    """The links that it joins."""
    origin: Array
    """(4, 4): the child's frame in the parent's at position 0."""
    axis: Array
    """(3,) unit vector in the child's frame."""
    lower: float | None
    upper: float | None
    velocity: float | None
    """Limits, None where the description has none."""
    follows: tuple[str, float, float] | None
    """(joint, multiplier, offset) of a joint that only follows another (``mimic``): one that itself follows none."""


@dataclass(frozen=True)
class RobotDescription:
    """A tree of links and joints, every parent before its children."""

    name: str
    text: str
    """The URDF."""
    source: str
    """Where it came from, as messages say it."""
    root: str
    """The link that no joint carries."""
    joints: tuple[RobotJoint, ...]

    @property
    def links(self) -> tuple[str, ...]:
        """The names of all links, the root first."""
        return (self.root, *(joint.child for joint in self.joints))

    @property
    def moving(self) -> dict[str, RobotJoint]:
        """The joints that are driven, by name: those that only follow another are left out."""
        return {j.name: j for j in self.joints if j.kind in _MOVING and j.follows is None}

    def followers(self, leader: str) -> tuple[RobotJoint, ...]:
        """The joints that move with a driven one."""
        return tuple(
            j for j in self.joints if j.follows is not None and j.follows[0] == leader and j.kind in _MOVING
        )

    def require_links(self, names: Sequence[str]) -> None:
        """ValueError names those that are no links."""
        self._require("link", names, self.links)

    def require_joints(self, names: Sequence[str]) -> None:
        """ValueError names those that are no driven joints."""
        self._require("driven joint", names, tuple(self.moving))

    def link_frames(self, positions: Mapping[str, float]) -> dict[str, Array]:
        """Forward kinematics: positions of joints by name (0 where it has none) -> each link's (4, 4) in the root's."""
        frames = {self.root: np.eye(4)}
        values = dict(positions)
        for joint in self.joints:
            if joint.follows is not None:
                leader, multiplier, offset = joint.follows
                values[joint.name] = multiplier * values.get(leader, 0.0) + offset
            frames[joint.child] = (
                frames[joint.parent] @ joint.origin @ _motion(joint, values.get(joint.name, 0.0))
            )
        return frames

    def _require(self, what: str, names: Sequence[str], known: Sequence[str]) -> None:
        missing = [name for name in names if name not in known]
        if missing:
            raise ValueError(
                f"{self.source} has no {what} {', '.join(map(shown, missing))}: "
                f"it has {shown(', '.join(known), 1000)}"
            )


def read_description(path: str | Path, root: str = "") -> RobotDescription:
    """A file's description, see :func:`parse_description`. ValueError where it cannot be read, or is no URDF."""
    path = expanded(path)
    try:
        if path.stat().st_size > MOST_ROBOT_BYTES:
            raise ValueError(f"{path} is larger than {MOST_ROBOT_BYTES} bytes, want a URDF")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"urdf is '{shown(path)}', which cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text, want a URDF") from error
    return parse_description(text, str(path), root)


def parse_description(text: str, source: str, root: str = "") -> RobotDescription:
    """A URDF's text -> the description of what hangs on the link ``root``, all of it where that is empty. What does not
    hang on it is not looked at: it may be what this package does not know.

    ``source``: where it came from, for messages. ValueError names what is wrong.
    """
    try:
        robot = ElementTree.fromstring(text)
    except (
        ElementTree.ParseError,
        ValueError,
    ) as error:  # ValueError: an encoding that is not that of a text
        raise ValueError(f"{source} is no XML: {shown(error)}") from error
    if robot.tag != "robot":
        raise ValueError(f"{source} begins with <{shown(robot.tag)}>, want <robot>: a URDF")
    left = next((str(element.tag) for element in robot.iter() if _XACRO in str(element.tag)), None)
    if left is not None:
        raise ValueError(
            f"{source} holds <xacro:{shown(left.partition(_XACRO)[2])}>, want a URDF: expand it first"
            " (xacro hand.urdf.xacro > hand.urdf)"
        )
    links = [link.get("name", "") for link in robot.findall("link")]
    elements = robot.findall("joint")
    if root:
        if root not in links:
            raise ValueError(f"{source} has no link {shown(root)}: it has {shown(', '.join(links), 1000)}")
        elements = _below(root, elements)
        hand = {root, *(_end(element, "child") for element in elements)}
        links = [link for link in links if link in hand]
    for what, names in (("link", links), ("joint", [element.get("name", "") for element in elements])):
        if "" in names:
            raise ValueError(f"{source} has a {what} without a name")
    joints = {element.get("name", ""): _joint(element, source) for element in elements}
    top = _root(links, [joints[element.get("name", "")] for element in elements], source)
    ordered = [joints[element.get("name", "")] for element in _below(top, elements)]
    if root:
        text = _subtree(robot, set(links), set(joints))
    return RobotDescription(robot.get("name", ""), text, source, top, _with_driven_leaders(ordered, source))


def _root(links: Sequence[str], joints: Sequence[RobotJoint], source: str) -> str:
    """The link that no joint carries. ValueError unless the joints join the links to one tree."""
    for joint in joints:
        for link in (joint.parent, joint.child):
            if link not in links:
                raise ValueError(
                    f"{source}: joint {shown(joint.name)} names the link {shown(link)}, which is not there"
                )
    if not links:
        raise ValueError(f"{source} has no links")
    for what, names in (
        ("links", links), ("joints", [joint.name for joint in joints]),
        ("joints that carry the link", [joint.child for joint in joints]),
    ):  # fmt: skip
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{source} has two {what} {shown(twice)}, want one")
    roots = [link for link in links if link not in {joint.child for joint in joints}]
    if len(roots) != 1:
        raise ValueError(f"{source} has {len(roots)} links without a parent, want one tree")
    return roots[0]


def _with_driven_leaders(joints: Sequence[RobotJoint], source: str) -> tuple[RobotJoint, ...]:
    """The same joints, each that follows another with the joint at the end of its chain, which follows none.
    ValueError where that is not there, or the chain is a ring."""
    known = {joint.name: joint for joint in joints}
    resolved = []
    for joint in joints:
        if joint.follows is None:
            resolved.append(joint)
            continue
        leader, multiplier, offset = joint.follows
        passed = [joint.name]
        while True:
            if leader in passed:
                ring = ", which follows ".join(map(shown, [*passed, leader]))
                raise ValueError(f"{source}: joint {ring}: want one that follows none")
            if leader not in known:
                raise ValueError(
                    f"{source}: joint {shown(passed[-1])} follows {shown(leader)}, which is not there"
                )
            further = known[leader].follows
            if further is None:
                break
            passed.append(leader)
            leader, offset = further[0], multiplier * further[2] + offset
            multiplier = multiplier * further[1]
        resolved.append(replace(joint, follows=(leader, multiplier, offset)))
    return tuple(resolved)


def _below(root: str, elements: Sequence[ElementTree.Element]) -> list[ElementTree.Element]:
    """The joints below a link, parents first; of those that carry it none."""
    ordered: list[ElementTree.Element] = []
    waiting, reached = [root], {root}
    while waiting:
        link = waiting.pop(0)
        for element in elements:
            if _end(element, "parent") == link and _end(element, "child") != root:
                ordered.append(element)
                if _end(element, "child") not in reached:
                    reached.add(_end(element, "child"))
                    waiting.append(_end(element, "child"))
    return ordered


def _end(element: ElementTree.Element, which: str) -> str:
    """The name of a joint's parent or child, empty where it has none."""
    found = element.find(which)
    return "" if found is None else found.get("link", "")


def _subtree(robot: ElementTree.Element, links: set[str], joints: set[str]) -> str:
    kept = ElementTree.Element("robot", robot.attrib)
    for element in robot:
        names = {"link": links, "joint": joints}.get(element.tag)
        if element.tag == "material" or (names is not None and element.get("name") in names):
            kept.append(element)
    return ElementTree.tostring(kept, encoding="unicode")


def _name(element: ElementTree.Element, source: str) -> str:
    name = element.get("name")
    if not name:
        raise ValueError(f"{source} has a {element.tag} without a name")
    return name


def _joint(element: ElementTree.Element, source: str) -> RobotJoint:
    name = _name(element, source)
    place = f"{source}: joint {shown(name)}"
    parent, child = element.find("parent"), element.find("child")
    if parent is None or child is None:
        raise ValueError(f"{place} has no parent or no child")
    limit, mimic = element.find("limit"), element.find("mimic")
    follows = None
    if mimic is not None:
        follows = (
            mimic.get("joint", ""),
            _number(mimic, "multiplier", place, 1.0),
            _number(mimic, "offset", place, 0.0),
        )
    kind = element.get("type", "")
    if kind not in (*_MOVING, "fixed"):
        raise ValueError(
            f"{place} is of type '{shown(kind)}', want one of {', '.join((*_MOVING, 'fixed'))}; of a whole robot"
            " root_link takes the hand alone"
        )
    limits = {
        key: None if limit is None or limit.get(key) is None else _number(limit, key, place, 0.0)
        for key in ("lower", "upper", "velocity")
    }
    # URDF: 0 where one is left out. Where both are, nobody means a joint that cannot move.
    if kind in ("revolute", "prismatic") and (limits["lower"] is not None or limits["upper"] is not None):
        limits["lower"], limits["upper"] = limits["lower"] or 0.0, limits["upper"] or 0.0
    elif (
        kind == "continuous" and limits["lower"] == limits["upper"]
    ):  # exporters write 0 and 0: it turns without end
        limits["lower"] = limits["upper"] = None
    axis = _numbers(element.find("axis"), "xyz", place, (1.0, 0.0, 0.0))
    length = float(np.linalg.norm(axis))
    if kind != "fixed" and length < 1e-9:
        raise ValueError(f"{place} has an axis of no length")
    return RobotJoint(
        name, kind, parent.get("link", ""), child.get("link", ""), element_origin(element.find("origin"), place),
        axis / max(length, 1e-9), limits["lower"], limits["upper"], limits["velocity"], follows,
    )  # fmt: skip


def element_origin(element: ElementTree.Element | None, place: str) -> Array:
    """(4, 4) of URDF's ``<origin xyz rpy>``, the identity where there is none. ValueError, which begins with ``place``,
    where it holds anything else than numbers."""
    frame = np.eye(4)
    frame[:3, :3] = Rotation.from_euler("xyz", _numbers(element, "rpy", place, (0.0, 0.0, 0.0))).as_matrix()
    frame[:3, 3] = _numbers(element, "xyz", place, (0.0, 0.0, 0.0))
    return frame


def _motion(joint: RobotJoint, position: float) -> Array:
    frame = np.eye(4)
    if joint.kind == "prismatic":
        frame[:3, 3] = position * joint.axis
    elif joint.kind != "fixed":
        frame[:3, :3] = Rotation.from_rotvec(position * joint.axis).as_matrix()
    return frame


def _number(element: ElementTree.Element, key: str, place: str, default: float) -> float:
    values = _numbers(element, key, place, (default,))
    return float(values[0])


def _numbers(element: ElementTree.Element | None, key: str, place: str, default: tuple[float, ...]) -> Array:
    text = None if element is None else element.get(key)
    if text is None:
        return np.array(default)
    try:
        values = np.array([float(part) for part in text.split()])
    except ValueError:
        values = np.empty(0)
    if values.shape != (len(default),) or not np.isfinite(values).all():
        raise ValueError(f"{place}: {key} is '{shown(text)}', want {len(default)} finite numbers")
    return values
