"""A robot's hand is drawn as its description has it, else as capsules, a gripper, or bars; turned as the person's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.nodes.demo.robot_frames import facing_palm
from hand_pose_ros.retarget.fingertips import fingertips, pinch_gap_m
from hand_pose_ros.retarget.retargeter import Retargeter, build_retargeter
from hand_pose_ros.retarget.robot_config import OptimizerConfig, read_robot, robot_file
from hand_pose_ros.retarget.robot_description import parse_description
from hand_pose_ros.retarget.robot_picture import robot_picture
from hand_pose_ros.retarget.robot_shape import ROBOT_PALM_COLOUR, read_obj, robot_parts
from hand_pose_ros.visualization.overlay import FINGER_COLOURS

# Two fingers of two links on a palm, which hangs on an arm: thumb at +y, index at 0. Fingers point along z.
JOINT = """<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/>
<origin xyz="0 {y} {z}"/><axis xyz="0 1 0"/><limit lower="0" upper="1.5" velocity="3" effort="1"/></joint>"""
TIP = """<joint name="{name}" type="fixed"><parent link="{parent}"/><child link="{child}"/>
<origin xyz="0 0 0.03"/></joint>"""
LINKS = ("arm", "palm", "thumb_a", "thumb_b", "thumb_tip", "index_a", "index_b", "index_tip")


def urdf(visual: str = "") -> str:
    links = "".join(
        f'<link name="{name}">{visual if name.endswith(("_a", "_b")) else ""}</link>' for name in LINKS
    )
    joints = [
        '<joint name="wrist" type="fixed"><parent link="arm"/><child link="palm"/><origin xyz="0 0 0.3"/></joint>'
    ]
    for finger, y in (("thumb", 0.04), ("index", 0.0)):
        near, far, tip = f"{finger}_a", f"{finger}_b", f"{finger}_tip"
        joints += [
            JOINT.format(name=f"{finger}_1", parent="palm", child=near, y=y, z=0.08),
            JOINT.format(name=f"{finger}_2", parent=near, child=far, y=0, z=0.04),
            TIP.format(name=f"{finger}_end", parent=far, child=tip),
        ]
    return f'<robot name="two">{links}{"".join(joints)}</robot>'


@pytest.fixture
def two_fingers(tmp_path: Path):
    """A robot of two fingers, driven directly; its configuration names tips as one for an engine does."""

    def build(text: str) -> Retargeter:
        file = tmp_path / "robot.yaml"
        names = ("thumb_1", "thumb_2", "index_1", "index_2")
        file.write_text("direct:\n" + "".join(f"  {name}: {{angles: {{}}}}\n" for name in names))
        path = tmp_path / "robot.urdf"
        path.write_text(text)
        description = parse_description(text, str(path))
        robot = build_retargeter(read_robot(file), "direct", "right", description)
        tips = OptimizerConfig(
            "dexpilot", wrist_link_name="palm", finger_tip_link_names=("thumb_tip", "index_tip")
        )
        return replace(robot, config=replace(robot.config, optimizer=tips))

    return build


def of_colour(drawn: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Pixels (H, W) of this colour in whatever light."""
    brightest = drawn.max(axis=2, keepdims=True)
    hue = drawn / np.maximum(brightest, 1)
    return (np.abs(hue - np.array(colour) / max(colour)).max(axis=2) < 0.05) & (brightest[..., 0] > 60)


BOX = '<visual><origin xyz="0 0 0.02"/><geometry><box size="0.01 0.012 0.04"/></geometry></visual>'


def test_palm_is_where_the_fingers_part_and_the_arm_is_left_out(two_fingers):
    robot = two_fingers(urdf(BOX))
    bare = two_fingers(urdf(""))
    assert {part.link for part in robot_parts(bare.description, bare.config)} >= {
        "palm",
        "thumb_a",
        "index_a",
    }
    assert {part.link for part in robot_parts(robot.description, robot.config)} == {
        "thumb_a", "thumb_b", "index_a", "index_b",
    }  # fmt: skip


def test_shapes_of_the_description_are_taken_where_all_can_be_read(two_fingers):
    robot = two_fingers(urdf(BOX))
    parts = robot_parts(robot.description, robot.config)
    np.testing.assert_allclose(np.ptp(parts[0].mesh.vertices, axis=0), [0.01, 0.012, 0.04], atol=1e-6)
    assert parts[0].mesh.vertices[:, 2].min() == pytest.approx(0.0, abs=1e-6)


def test_meshes_beside_the_description_are_read(two_fingers, tmp_path):
    (tmp_path / "link.obj").write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1//1 2//2 3//3 4//4\n")
    mesh = '<visual><geometry><mesh filename="link.obj" scale="0.01 0.02 0.01"/></geometry></visual>'
    robot = two_fingers(urdf(mesh))
    (part, *_) = robot_parts(robot.description, robot.config)
    np.testing.assert_allclose(part.mesh.vertices.max(axis=0), [0.01, 0.02, 0.0], atol=1e-7)
    np.testing.assert_array_equal(part.mesh.faces, [[0, 1, 2], [0, 2, 3]])


@pytest.mark.parametrize(
    "visual",
    [
        "",
        '<visual><geometry><mesh filename="nowhere.obj"/></geometry></visual>',
        '<visual><geometry><mesh filename="package://robot/link.dae"/></geometry></visual>',
        '<visual><geometry><box size="1 2"/></geometry></visual>',
        "<visual/>",
    ],
    ids=["none", "missing", "another format", "no box", "no geometry"],
)
def test_capsules_along_the_links_stand_in_for_shapes_that_are_not_there(two_fingers, visual):
    robot = two_fingers(urdf(visual))
    parts = robot_parts(robot.description, robot.config)
    of_link = {}
    for part in parts:
        of_link.setdefault(part.link, []).append(part.mesh)
    assert set(of_link) == {"palm", "thumb_a", "thumb_b", "thumb_tip", "index_a", "index_b", "index_tip"}
    (first,) = of_link["index_a"]
    radius = 0.5 * np.ptp(first.vertices[:, 0])
    assert np.ptp(first.vertices[:, 2]) == pytest.approx(0.04 + 2 * radius, rel=0.02)


def test_fingers_have_the_colours_of_the_persons(two_fingers):
    robot = two_fingers(urdf())
    colours = {part.link: part.mesh.colour for part in robot_parts(robot.description, robot.config)}
    assert colours["palm"] == ROBOT_PALM_COLOUR
    assert colours["thumb_tip"] == FINGER_COLOURS["thumb"]
    assert colours["index_tip"] == FINGER_COLOURS["index"]
    assert len({colours[link] for link in ("palm", "thumb_a", "index_a", "index_tip")}) == 4


def test_hand_is_whole_in_the_picture_and_its_finger_bends(two_fingers):
    robot = two_fingers(urdf())
    picture = robot_picture(robot, "right", 120)
    straight = picture.draw(np.zeros(4), facing_palm("right"))
    bent = picture.draw(np.array([0.0, 0.0, 1.4, 1.4]), facing_palm("right"))

    def tip_row(drawn):
        return np.nonzero(of_colour(drawn, FINGER_COLOURS["index"]))[0].min()

    background = straight[0, 0]
    for edge in (straight[0], straight[-1], straight[:, 0], straight[:, -1]):
        np.testing.assert_array_equal(edge, np.broadcast_to(background, edge.shape))
    assert tip_row(straight) < 35  # fingers up, as the person's
    assert tip_row(bent) > tip_row(straight) + 10


def test_tips_and_their_gap_follow_the_joints(two_fingers):
    robot = two_fingers(urdf())
    tips = fingertips(robot, np.zeros(4))
    np.testing.assert_allclose(tips, [[0.0, 0.04, 0.15], [0.0, 0.0, 0.15]], atol=1e-9)
    assert pinch_gap_m(robot, np.zeros(4), "index") == pytest.approx(0.04)
    assert pinch_gap_m(robot, np.zeros(4), "middle") is None


@pytest.mark.parametrize("side", ["right", "left"])
def test_gripper_is_drawn_as_far_open_as_it_is_and_on_the_thumbs_side(side):
    robot = build_retargeter(read_robot(robot_file("panda", side)), "auto", side)
    picture = robot_picture(robot, side, 160)

    def column(drawn, finger):
        return np.nonzero(of_colour(drawn, FINGER_COLOURS[finger]))[1].mean()

    gaps = []
    for position in (0.0, 0.02, 0.04):
        drawn = picture.draw(np.full(2, position), facing_palm(side))
        gaps.append(column(drawn, "thumb") - column(drawn, "index"))
    # A right hand that is held up shows its thumb at the picture's right.
    sign = 1.0 if side == "right" else -1.0
    assert sign * gaps[0] > 0
    assert sign * (gaps[2] - gaps[1]) == pytest.approx(sign * (gaps[1] - gaps[0]), abs=1.5)
    assert sign * (gaps[1] - gaps[0]) > 10
    assert pinch_gap_m(robot, np.full(2, 0.01), "index") == pytest.approx(0.02)
    assert pinch_gap_m(robot, np.full(2, 0.01), "ring") is None
    assert robot.prismatic == (True, True)


def test_robot_of_which_nothing_is_known_shows_its_joints_as_bars():
    robot = build_retargeter(read_robot(robot_file("inspire", "right")), "direct", "right")
    picture = robot_picture(robot, "right", 200)
    bright = [
        int((picture.draw(robot.limits.lower + share * robot.limits.span, np.eye(3))[..., 2] > 200).sum())
        for share in (0.0, 0.5, 1.0)
    ]
    assert bright[0] < bright[1] < bright[2]


@pytest.mark.parametrize(
    "text", ["", "v 0 0\nf 1 1 1\n", "v 0 0 0\nf 1 2 3\n", "v a b c\n", "v 0 0 nan\nf 1 1 1\n"]
)
def test_file_that_is_no_mesh_is_refused(tmp_path, text):
    (tmp_path / "bad.obj").write_text(text)
    with pytest.raises(ValueError, match=r"bad\.obj"):
        read_obj(tmp_path / "bad.obj")


def test_polygons_and_indices_from_the_end_are_understood(tmp_path):
    (tmp_path / "a.obj").write_text("# x\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvn 0 0 1\nf -4 -3 -2 -1\n")
    vertices, faces = read_obj(tmp_path / "a.obj")
    assert vertices.shape == (4, 3)
    np.testing.assert_array_equal(faces, [[0, 1, 2], [0, 2, 3]])
