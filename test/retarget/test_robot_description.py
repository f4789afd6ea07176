"""URDFs are read as their format says, and what is wrong in one is named."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_engines_get_no_meshes(claw):
    assert "mesh" not in claw.kinematics()
    assert parse_description(claw.kinematics(), "again").links == claw.links


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
