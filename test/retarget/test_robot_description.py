"""URDFs are read as their format says, and what is wrong in one is named."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.retarget.engine_urdf import engine_urdf
from hand_pose_ros.retarget.robot_description import parse_description, read_description


def test_driven_joints_leave_out_those_that_follow(claw):
    assert list(claw.moving) == ["curl", "slide"]
    assert claw.links[0] == "world"
    assert set(claw.links) == {"world", "base", "near", "far", "tip", "slider"}


def test_forward_kinematics_turns_slides_and_follows(claw):
    frames = claw.link_frames({"curl": 0.8, "slide": 0.02})
    follow = 0.5 * 0.8 + 0.1
    along = 0.05 * np.sin(0.8) + 0.03 * np.sin(0.8 + follow)
    up = 1.1 + 0.05 * np.cos(0.8) + 0.03 * np.cos(0.8 + follow)
    assert np.allclose(frames["tip"][:3, 3], [0.0, along, up], atol=1e-6)  # the mount turns x to y
    assert np.allclose(frames["slider"][:3, 3], [0.0, 0.0, 1.02], atol=1e-6)  # the axis is made a unit vector


def test_hand_is_cut_out_of_a_whole_robot(urdf):
    hand = parse_description(urdf, "arm.urdf", "base")
    assert hand.root == "base"
    assert "mount" not in hand.text
    assert np.allclose(hand.link_frames({})["base"], np.eye(4))
    assert parse_description(hand.text, "again").links == hand.links


WHEELS = {
    "planar": '<joint name="w" type="planar"><parent link="world"/><child link="wheel"/></joint>',
    "floating": '<joint name="w" type="floating"><parent link="odom"/><child link="world"/></joint>',
    "no axis": '<joint name="w" type="continuous"><parent link="world"/><child link="wheel"/>'
    '<axis xyz="0 0 0"/></joint>',
    "mimic": '<joint name="w" type="revolute"><parent link="world"/><child link="wheel"/>'
    '<mimic joint="gone"/></joint>',
    "limit": '<joint name="w" type="revolute"><parent link="world"/><child link="wheel"/>'
    '<limit lower="low"/></joint>',
    "no child": '<joint name="w" type="fixed"><parent link="world"/></joint>',
    "no link": '<joint name="w" type="fixed"><parent link="world"/><child link="gone"/></joint>',
    "twice": '<link name="wheel"/><joint name="w" type="fixed"><parent link="world"/><child link="wheel"/></joint>',
    "no name": '<link/><joint type="fixed"><parent link="world"/><child link="wheel"/></joint>',
}


@pytest.mark.parametrize("wheel", WHEELS.values(), ids=WHEELS)
def test_what_is_wrong_outside_the_hand_is_of_no_account(urdf, wheel):
    whole = urdf.replace("</robot>", f'<link name="odom"/><link name="wheel"/>{wheel}</robot>')
    with pytest.raises(ValueError, match="^whole"):
        parse_description(whole, "whole")
    hand = parse_description(whole, "whole", "base")
    assert hand.links == parse_description(urdf, "whole", "base").links
    assert parse_description(hand.text, "again").links == hand.links


def chain(*mimics: tuple[str, float, float] | None, reverse=False) -> str:
    """Joints j0, j1, ... one after another, each that follows what it is given."""
    joints = []
    for number, mimic in enumerate(mimics):
        follows = (
            ""
            if mimic is None
            else f'<mimic joint="{mimic[0]}" multiplier="{mimic[1]}" offset="{mimic[2]}"/>'
        )
        joints.append(
            f'<joint name="j{number}" type="revolute"><parent link="l{number}"/><child link="l{number + 1}"/>'
            f'<origin xyz="0 0 0.1"/><axis xyz="0 1 0"/><limit lower="-3" upper="3" velocity="1"/>{follows}</joint>'
        )
    links = "".join(f'<link name="l{number}"/>' for number in range(len(mimics) + 1))
    return f'<robot name="r">{links}{"".join(joints[::-1] if reverse else joints)}</robot>'


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "mimics, angles",
    [
        ((None, ("j0", 0.5, 0.1), ("j1", -2.0, 0.2)), (0.4, 0.3, -0.4)),
        ((("j1", -2.0, 0.2), ("j2", 0.5, 0.1), None), (-0.4, 0.3, 0.4)),
        ((("j2", 2.0, 0.0), None, ("j1", 1.0, 0.1)), (1.0, 0.4, 0.5)),
    ],
)
def test_what_follows_a_follower_follows_its_leader_in_any_order(mimics, angles, reverse):
    made = parse_description(chain(*mimics, reverse=reverse), "r.urdf")
    (leader,) = made.moving
    fixed = parse_description(chain(*[None] * len(mimics)), "r.urdf")
    wanted = fixed.link_frames({f"j{number}": angle for number, angle in enumerate(angles)})
    for description in (made, parse_description(engine_urdf(made), "again")):
        frames = description.link_frames({leader: 0.4})
        assert all(np.allclose(frames[link], frame) for link, frame in wanted.items())
    assert {joint.follows[0] for joint in made.joints if joint.follows} == {leader}


@pytest.mark.parametrize(
    "mimics, error",
    [
        ((None, ("j1", 1.0, 0.0)), "joint j1, which follows j1: want one that follows none"),
        ((("j1", 1.0, 0.0), ("j0", 1.0, 0.0)), "joint j0, which follows j1, which follows j0"),
        ((("j1", 1.0, 0.0), ("j2", 1.0, 0.0), ("j1", 1.0, 0.0)), "which follows j1"),
        ((("j1", 1.0, 0.0), ("gone", 1.0, 0.0)), "joint j1 follows gone, which is not there"),
    ],
)
def test_ring_of_followers_is_named(mimics, error):
    with pytest.raises(ValueError, match=error):
        parse_description(chain(*mimics), "r.urdf")


@pytest.mark.parametrize(
    "limit, wanted",
    [
        ('<limit velocity="1"/>', (None, None)),
        ("", (None, None)),
        ('<limit upper="1.5" velocity="1"/>', (0.0, 1.5)),
        ('<limit lower="-1.5" velocity="1"/>', (-1.5, 0.0)),
    ],
)
def test_joint_of_which_no_range_is_written_has_none(limit, wanted):
    joint = parse_description(
        chain(None).replace('<limit lower="-3" upper="3" velocity="1"/>', limit), "r"
    ).joints[0]
    assert (joint.lower, joint.upper) == wanted


@pytest.mark.parametrize(
    "limit, wanted",
    [("0 0", (None, None)), ("-3.1 -3.1", (None, None)), ("-3.1 3.1", (-3.1, 3.1)), ("1 -1", (1.0, -1.0))],
)
def test_joint_that_turns_without_end_is_not_locked_by_limits_that_are_equal(limit, wanted):
    lower, upper = limit.split()
    urdf = chain(None).replace('"-3" upper="3"', f'"{lower}" upper="{upper}"')
    joint = parse_description(urdf.replace("revolute", "continuous"), "r").joints[0]
    assert (joint.lower, joint.upper) == wanted


@pytest.mark.parametrize(
    "element",
    [
        '<xacro:include filename="a.xacro"/>',
        '<xacro:property name="l" value="1"/>',
        '<link name="n"><xacro:box/></link>',
    ],
)
@pytest.mark.parametrize("namespace", ["http://www.ros.org/wiki/xacro", "http://ros.org/wiki/xacro"])
def test_xacro_that_is_not_expanded_is_told(urdf, element, namespace):
    text = urdf.replace('<robot name="claw">', f'<robot name="claw" xmlns:xacro="{namespace}">')
    assert parse_description(text, "claw.xacro").root == "world"
    with pytest.raises(
        ValueError, match="claw.xacro holds <xacro:(include|property|box)>, want a URDF: expand"
    ):
        parse_description(text.replace("</robot>", f"{element}</robot>"), "claw.xacro")


@pytest.mark.parametrize(
    "change, error",
    [
        (("<robot", "<robber"), "is no XML"),
        (("robot", "sdf"), "begins with <sdf>, want <robot>"),
        (('child link="near"', 'child link="elsewhere"'), "names the link elsewhere, which is not there"),
        (('type="prismatic"', 'type="floating"'), "is of type 'floating', want one of"),
        (('lower="-0.2"', 'lower="low"'), "lower is 'low', want 1 finite numbers"),
        (('xyz="0 0 0.1"', 'xyz="0 0 nan"'), "xyz is '0 0 nan', want 3 finite numbers"),
        (('xyz="0 0 2"', 'xyz="0 0 0"'), "has an axis of no length"),
        (('mimic joint="curl"', 'mimic joint="gone"'), "follows gone, which is not there"),
        (('<link name="world"/>', '<link name="world"/><link name="second"/>'), "2 links without a parent"),
        (('<link name="near"/>', '<link name="near"/><link name="near"/>'), "has two links near, want one"),
        (('joint name="slide"', 'joint name="curl"'), "has two joints curl, want one"),
        (('child link="slider"', 'child link="near"'), "has two joints that carry the link near, want one"),
    ],
)
def test_what_is_wrong_in_a_description_is_named(urdf, change, error):
    with pytest.raises(ValueError, match=error) as raised:
        parse_description(urdf.replace(*change), "claw.urdf")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["", "<", "\x00", "<robot/>", '<?xml version="1.0" encoding="utf-7"?><robot/>']
)
def test_no_description_ends_in_a_traceback(text):
    with pytest.raises(ValueError, match="claw.urdf"):
        parse_description(text, "claw.urdf")


def test_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ValueError, match="urdf is '.*gone.urdf', which cannot be read: No such file"):
        read_description(tmp_path / "gone.urdf")
    with pytest.raises(
        ValueError, match=f"urdf is '{tmp_path}/gone.urdf', which cannot be read: No such file"
    ):
        read_description("~/gone.urdf")
    (tmp_path / "binary.urdf").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is no text"):
        read_description(tmp_path / "binary.urdf")


def test_names_that_are_not_there_are_told_with_those_that_are(claw):
    with pytest.raises(ValueError, match="claw.urdf has no link palm: it has world, base, "):
        claw.require_links(["tip", "palm"])
    with pytest.raises(ValueError, match="claw.urdf has no driven joint follow: it has curl, slide"):
        claw.require_joints(["follow"])
