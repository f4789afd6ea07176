"""The robot description is the hand model: the same joints for the same angles, in URDF and in xacro."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.joint_sets import operator_points
from hand_pose_ros.hand.kinematics_numba import forward_kinematics
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, ANGLE_NAMES, SHAPE_COUNT, SHAPE_NAMES, SIDES
from hand_pose_ros.resources import resource
from hand_pose_ros.retarget.human_hand import OPERATOR_LINK
from hand_pose_ros.retarget.urdf import XACRO_FILE, urdf_text, xacro_text
from hand_pose_ros.tracking.shape_estimator import LARGEST_LOG_SCALE

TOLERANCE_M = 1e-5

LINK_OF_JOINT = {
    name: name if name.startswith("wrist") or name.endswith("_tip") else ""
    for name in skeleton.JOINT_NAMES
} | {
    skeleton.JOINT_NAMES[joint]: segment
    for segment, joint in zip(skeleton.SEGMENT_NAMES, skeleton.SEGMENT_JOINTS, strict=True)
}  # fmt: skip


def numbers(text: str) -> np.ndarray:
    return np.array([float(part) for part in text.split()])


def link_frames(text: str, angles: dict[str, float]) -> dict[str, np.ndarray]:
    """Forward kinematics as the specification of URDF has it: link name -> frame (4, 4) in the root's."""
    robot = ElementTree.fromstring(text)
    joints = {joint.find("child").get("link"): joint for joint in robot.findall("joint")}
    links = [link.get("name") for link in robot.findall("link")]
    (root,) = set(links) - set(joints)

    def frame(link: str) -> np.ndarray:
        if link == root:
            return np.eye(4)
        joint = joints[link]
        origin, local = joint.find("origin"), np.eye(4)
        local[:3, 3] = numbers(origin.get("xyz"))
        local[:3, :3] = Rotation.from_euler("xyz", numbers(origin.get("rpy"))).as_matrix()
        if joint.get("type") == "revolute":
            turn = np.eye(4)
            axis = numbers(joint.find("axis").get("xyz"))
            turn[:3, :3] = Rotation.from_rotvec(angles[joint.get("name")] * axis).as_matrix()
            local = local @ turn
        return frame(joint.find("parent").get("link")) @ local

    return {link: frame(link) for link in links}


def random_hand(side: str, seed: int):
    rng = np.random.default_rng(seed)
    angles, shape = rng.uniform(*ANGLE_LIMITS.T), rng.uniform(-0.3, 0.3, SHAPE_COUNT)
    posed = forward_kinematics(side, np.eye(3), np.zeros(3), angles, shape)
    by_name = {f"{side}_{name}": float(angle) for name, angle in zip(ANGLE_NAMES, angles, strict=True)}
    return posed, shape, by_name


@settings(max_examples=25)
@given(side=st.sampled_from(SIDES), seed=st.integers(0, 10_000))
def test_forward_kinematics_of_the_description_are_the_hand_models(side, seed):
    posed, shape, by_name = random_hand(side, seed)
    frames = link_frames(urdf_text(side, shape), by_name)
    joints = np.array([frames[LINK_OF_JOINT[name]][:3, 3] for name in skeleton.JOINT_NAMES])
    assert np.abs(joints - posed.joints).max() < TOLERANCE_M
    lengths = skeleton.bone_lengths(joints)
    assert np.abs(lengths - skeleton.bone_lengths(posed.joints)).max() < TOLERANCE_M
    for segment, rotation in zip(skeleton.SEGMENT_NAMES, posed.segment_rotations, strict=True):
        assert np.abs(frames[segment][:3, :3] - rotation).max() < 1e-5


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(5))
def test_forward_kinematics_of_an_independent_library_agree(side, seed):
    kinpy = pytest.importorskip("kinpy", reason="kinpy is not installed")
    posed, shape, by_name = random_hand(side, seed)
    chain = kinpy.build_chain_from_urdf(urdf_text(side, shape).encode())
    found = chain.forward_kinematics(by_name)
    joints = np.array([found[LINK_OF_JOINT[name]].pos for name in skeleton.JOINT_NAMES])
    assert np.abs(joints - posed.joints).max() < TOLERANCE_M


@pytest.mark.parametrize("side", SIDES)
def test_operator_link_is_the_frame_of_operator_points(side):
    posed, shape, by_name = random_hand(side, 3)
    frame = link_frames(urdf_text(side, shape), by_name)[OPERATOR_LINK]
    points = operator_points(posed.joints, np.eye(3))
    tips = points @ frame[:3, :3].T + frame[:3, 3]
    assert np.abs(tips[4::4] - posed.joints[list(skeleton.TIP_JOINTS)]).max() < TOLERANCE_M


@pytest.mark.parametrize("side", SIDES)
def test_joints_are_those_of_the_joint_states_with_the_tables_limits(side):
    robot = ElementTree.fromstring(urdf_text(side))
    moving = {joint.get("name"): joint for joint in robot.findall("joint") if joint.get("type") == "revolute"}
    assert set(moving) == {f"{side}_{name}" for name in ANGLE_NAMES}
    for name, (lower, upper) in zip(ANGLE_NAMES, ANGLE_LIMITS, strict=True):
        limit = moving[f"{side}_{name}"].find("limit")
        assert [float(limit.get("lower")), float(limit.get("upper"))] == pytest.approx([lower, upper])
        assert float(limit.get("effort")) > 0
        assert float(limit.get("velocity")) > 0


def shapes(text: str) -> list[tuple]:
    """Every origin and geometry, joint and limit, with numbers as numbers."""

    def value(part: str):
        try:
            return tuple(round(number, 7) for number in numbers(part))
        except ValueError:
            return part

    return [
        (element.tag, *((key, value(part)) for key, part in sorted(element.attrib.items())))
        for element in ElementTree.fromstring(text).iter()
        if element.tag
        in ("link", "joint", "origin", "axis", "limit", "parent", "child", "sphere", "cylinder")
    ]


def test_shipped_xacro_file_is_what_the_skeleton_table_gives():
    text = resource(XACRO_FILE).read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert text == xacro_text(), "write it again: hand-pose urdf --xacro --output urdf/human_hand.urdf.xacro"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(3))
def test_xacro_gives_the_same_hand_for_the_same_size(side, seed):
    xacro = pytest.importorskip("xacro", reason="xacro is not installed")
    rng = np.random.default_rng(seed)
    shape, thickness = rng.uniform(-0.3, 0.3, SHAPE_COUNT) * (seed > 0), 0.1 * seed
    size = dict(zip(SHAPE_NAMES, shape.tolist(), strict=True)) | {"thickness": thickness}
    mappings = {name: repr(value) for name, value in size.items()} | {"side": side, "prefix": "x/"}
    text = xacro.process_file(str(resource(XACRO_FILE)), mappings=mappings).toxml()
    ours, theirs = shapes(urdf_text(side, shape, thickness, "x/")), shapes(text)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one[0] == other[0]
        for (key, a), (other_key, b) in zip(one[1:], other[1:], strict=True):
            assert key == other_key
            assert a == b if isinstance(a, str) else np.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("side", SIDES)
def test_flesh_grows_with_the_hand_and_its_thickness(side):
    def radii(**size: float) -> np.ndarray:
        shape = np.array([size.get(name, 0.0) for name in SHAPE_NAMES])
        robot = ElementTree.fromstring(urdf_text(side, shape, size.get("thickness", 0.0)))
        return np.array([float(e.get("radius")) for e in robot.iter() if e.get("radius")])

    assert np.allclose(radii(hand=0.2), math.exp(0.2) * radii(), rtol=1e-6)
    assert np.allclose(radii(thickness=-0.1), math.exp(-0.1) * radii(), rtol=1e-6)
    assert np.allclose(radii(index=0.3), radii())


def test_prefix_stands_before_every_link_and_no_joint():
    plain, prefixed = (ElementTree.fromstring(urdf_text("left", prefix=p)) for p in ("", "cam/left_hand/"))
    for one, other in zip(plain.iter(), prefixed.iter(), strict=True):
        name = "link" if one.tag in ("parent", "child") else "name"
        prefix = "cam/left_hand/" if one.tag in ("link", "parent", "child") else ""
        assert other.get(name) == (prefix + one.get(name) if one.get(name) else None)


@pytest.mark.parametrize("tag", ["visual", "collision"])
def test_every_bone_and_the_palm_have_flesh(tag):
    robot = ElementTree.fromstring(urdf_text("right"))
    fleshy = {link.get("name") for link in robot.findall("link") if link.find(tag) is not None}
    assert fleshy == set(skeleton.SEGMENT_NAMES)


@pytest.mark.parametrize(
    "side, shape, thickness, message",
    [
        ("both", None, 0.0, "side is 'both', want one of right, left"),
        ("right", np.full(SHAPE_COUNT, np.nan), 0.0, "shape"),
        ("right", np.zeros(3), 0.0, "shape"),
        ("right", np.full(SHAPE_COUNT, 1.01 * LARGEST_LOG_SCALE), 0.0, "log scales within log 2"),
        ("left", None, math.nan, "thickness is nan, want a log scale within log 2 of 0"),
    ],
)
def test_hands_that_nobody_has_are_refused(side, shape, thickness, message):
    with pytest.raises(ValueError, match=message):
        urdf_text(side, shape, thickness)


@pytest.mark.parametrize("prefix", ["a b/", "a\tb", "a\n", "/a/", "\x00"])
def test_prefix_that_no_frame_can_have_is_refused(prefix):
    with pytest.raises(ValueError, match="^prefix is .*: it (has white space|begins with)"):
        urdf_text("right", prefix=prefix)
