"""What a robot's hand looks like: the surfaces of its links, in the colours of the person's fingers.

In: a robot's description and configuration. Out: :class:`RobotPart` objects, metres, each in its link's frame. They are
the description's own visual shapes where all of them can be read (boxes, cylinders, spheres, meshes of Wavefront OBJ
beside the URDF); otherwise capsules along the links.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.skeleton import FINGERS
from hand_pose_ros.retarget.robot_config import RobotConfig
from hand_pose_ros.retarget.robot_description import MOST_ROBOT_BYTES, RobotDescription, element_origin
from hand_pose_ros.visualization.overlay import FINGER_COLOURS
from hand_pose_ros.visualization.shaded_meshes import Colour, Mesh, box, capsule, cylinder, moved

Array = NDArray[np.float64]

# Both by eye.
ROBOT_PALM_COLOUR: Colour = (150, 154, 162)
METAL: Colour = (206, 209, 214)
_TINT = 0.62
"""Share of a finger's colour in its links; its tip has all of it. By eye."""
_MOST_RADIUS_M, _OF_KNUCKLES = 0.010, 0.42
"""A capsule's radius: this share of the distance between neighbouring fingers, at most that. By eye."""
_SHORTEST_M = 0.002  # a link shorter than this is no capsule: two joints at one place; guessed


@dataclass(frozen=True)
class RobotPart:
    """A surface that moves with a link."""

    link: str
    mesh: Mesh
    """In the link's frame."""


def robot_parts(description: RobotDescription, config: RobotConfig) -> tuple[RobotPart, ...]:
    """What is to be seen of a hand, from the palm on: the arm that it hangs on is left out."""
    chains = _chains(description, config)
    colours = _colours(chains, config)
    own = _own_shapes(description, _from_palm(description, chains), colours)
    return own if own is not None else _capsules(description, config, chains, colours)


def read_obj(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The vertices (V, 3) and triangles (F, 3) of a Wavefront OBJ file. ValueError where it is none."""
    try:
        if path.stat().st_size > MOST_ROBOT_BYTES:
            raise ValueError(f"{path} is larger than {MOST_ROBOT_BYTES} bytes")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        vertices, faces = [], []
        for line in lines:
            words = line.split()
            if words[:1] == ["v"]:
                vertices.append([float(word) for word in words[1:4]])
            elif words[:1] == ["f"]:  # a polygon as a fan; indices count from 1, negative ones from the end
                given = [int(word.split("/")[0]) for word in words[1:]]
                corners = [index - 1 if index > 0 else len(vertices) + index for index in given]
                faces += [(corners[0], b, c) for b, c in pairwise(corners[1:])]
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path} is no Wavefront OBJ file: {error}") from error
    points, triangles = np.array(vertices, np.float32), np.array(faces, np.int32)
    right = points.ndim == 2 and points.shape[1] == 3 and triangles.ndim == 2 and np.isfinite(points).all()
    if not right or triangles.min() < 0 or triangles.max() >= len(points):
        raise ValueError(f"{path} holds no triangles between its own vertices")
    return points, triangles


def _chains(description: RobotDescription, config: RobotConfig) -> list[list[str]]:
    """Of each finger the links from the root to its tip; of each last link where the configuration names no tips."""
    parents = {joint.child: joint.parent for joint in description.joints}
    tips: Sequence[str] = (config.optimizer and config.optimizer.finger_tip_link_names) or ()
    if not tips:
        tips = [link for link in description.links if link not in parents.values()]
    chains = []
    for tip in tips:
        chain = [tip]
        while chain[-1] in parents:
            chain.append(parents[chain[-1]])
        chains.append(chain[::-1])
    return chains


def _palm(chains: Sequence[Sequence[str]]) -> str:
    shared = [links[0] for links in zip(*chains, strict=False) if len(set(links)) == 1]
    # Of a hand with one finger, or of a tip that another hangs on: what comes before the tip.
    return shared[max(0, min(len(shared), *(len(chain) - 1 for chain in chains)) - 1)]


def _from_palm(description: RobotDescription, chains: Sequence[Sequence[str]]) -> set[str]:
    links = {_palm(chains)}
    for joint in description.joints:  # parents come first
        if joint.parent in links:
            links.add(joint.child)
    return links


def _colours(chains: Sequence[Sequence[str]], config: RobotConfig) -> dict[str, Colour]:
    """By link: the finger's colour, all of it at its tip. The palm's links have none."""
    colours: dict[str, Colour] = {}
    if config.optimizer is None or not config.optimizer.finger_tip_link_names:
        return colours
    palm = _palm(chains)
    for finger, chain in zip(FINGERS, chains, strict=False):
        own = chain[chain.index(palm) + 1 :]
        colours |= dict.fromkeys(own, _mixed(FINGER_COLOURS[finger], _TINT))
        colours[chain[-1]] = FINGER_COLOURS[finger]
    return colours


def _mixed(colour: Colour, share: float) -> Colour:
    red, green, blue = (round(share * c + (1.0 - share) * m) for c, m in zip(colour, METAL, strict=True))
    return red, green, blue


def _own_shapes(
    description: RobotDescription, links: set[str], colours: dict[str, Colour]
) -> tuple[RobotPart, ...] | None:
    """The visual shapes of these links; None where one of them cannot be read, or there are none."""
    folder = Path(description.source).parent
    parts = []
    try:
        for link in ElementTree.fromstring(description.text).findall("link"):
            name = link.get("name", "")
            for visual in link.findall("visual") if name in links else ():
                mesh = _shape(visual.find("geometry"), folder, colours.get(name, ROBOT_PALM_COLOUR))
                frame = element_origin(visual.find("origin"), description.source)
                parts.append(RobotPart(name, moved(mesh, frame)))
    except ValueError:
        return None
    return tuple(parts) or None


def _shape(geometry: ElementTree.Element | None, folder: Path, colour: Colour) -> Mesh:
    """ValueError for what cannot be drawn."""
    shape = geometry[0] if geometry is not None and len(geometry) else None
    if shape is None:
        raise ValueError("no shape")
    if shape.tag == "mesh":
        path = folder / shape.get("filename", "")
        if path.suffix.lower() != ".obj":
            raise ValueError(f"{path} is no Wavefront OBJ file")
        vertices, faces = read_obj(path)
        scale = np.array(_numbers(shape.get("scale", "1 1 1"), 3), np.float32)
        return Mesh(vertices * scale, faces, colour)
    if shape.tag == "box":
        return box(_numbers(shape.get("size", ""), 3), colour)
    (radius,) = _numbers(shape.get("radius", ""), 1)
    if shape.tag == "sphere":
        return capsule(np.zeros(3), np.zeros(3), radius, colour)
    if shape.tag == "cylinder":
        return cylinder(radius, _numbers(shape.get("length", ""), 1)[0], colour)
    raise ValueError(f"a {shape.tag} cannot be drawn")


def _numbers(text: str, count: int) -> list[float]:
    values = [float(word) for word in text.split()]
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise ValueError(f"'{text}', want {count} finite numbers")
    return values


def _capsules(
    description: RobotDescription,
    config: RobotConfig,
    chains: Sequence[Sequence[str]],
    colours: dict[str, Colour],
) -> tuple[RobotPart, ...]:
    """A capsule from each joint to the next, and a palm of them from the wrist to the fingers."""
    palm = _palm(chains)
    frames = description.link_frames({})
    into_palm = np.linalg.inv(frames[palm])
    place = {link: (into_palm @ frame)[:3, 3] for link, frame in frames.items()}
    own = [chain[chain.index(palm) + 1 :] for chain in chains]
    bases = [place[links[0]] for links in own if links]
    apart = [float(np.linalg.norm(b - a)) for a, b in pairwise(bases[1:])]
    radius = min([_MOST_RADIUS_M, *(_OF_KNUCKLES * distance for distance in apart if distance > _SHORTEST_M)])
    wrist = place[config.optimizer.wrist_link_name or palm] if config.optimizer else place[palm]
    pairs = [(wrist, base) for base in bases] + list(pairwise(bases[1:]))
    parts = [RobotPart(palm, capsule(a, b, 1.15 * radius, ROBOT_PALM_COLOUR)) for a, b in pairs]
    origins = {joint.child: joint.origin[:3, 3] for joint in description.joints}
    for links in own:
        for parent, child in pairwise(links):
            colour = colours.get(parent, METAL)
            if np.linalg.norm(origins[child]) > _SHORTEST_M:
                parts.append(RobotPart(parent, capsule(np.zeros(3), origins[child], radius, colour)))
        if links:
            tip = capsule(np.zeros(3), np.zeros(3), 1.12 * radius, colours.get(links[-1], METAL))
            parts.append(RobotPart(links[-1], tip))
    return tuple(parts)
