"""Files may be named by the URLs that ROS's tools take; what names none here is told with what does."""

from __future__ import annotations

from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_directory

from hand_pose_ros.nodes.file_urls import local_path


@pytest.mark.parametrize(
    "text", ["", "allegro", "robot_description", "/a/b.urdf", "~/b.urdf", "a b/c%20d.yaml"]
)
def test_what_is_no_url_stays(text):
    assert local_path("urdf", text) == text


@pytest.mark.parametrize(
    "text, path",
    [
        ("file:///a/b.urdf", "/a/b.urdf"),
        ("file://localhost/a/b.urdf", "/a/b.urdf"),
        ("file:///a/b%20c.urdf", "/a/b c.urdf"),
        ("file:///a/b#c.urdf", "/a/b#c.urdf"),
        ("file:///a/b?c.urdf", "/a/b?c.urdf"),
        ("file:///a/[b]%23%3fc.urdf", "/a/[b]#?c.urdf"),
        ("file:/a/b.urdf", "/a/b.urdf"),
        ("FILE:///a/b.urdf", "/a/b.urdf"),
    ],
)
def test_url_of_a_file_is_its_path(text, path):
    assert local_path("urdf", text) == path


def test_url_of_a_package_is_in_its_share_folder():
    share = get_package_share_directory("hand_pose_ros")
    assert local_path("urdf", "package://hand_pose_ros/a%20b#c?.urdf") == f"{share}/a b#c?.urdf"
    path = local_path("urdf", "package://hand_pose_ros/config/hand_retarget.yaml")
    assert Path(path) == Path(get_package_share_directory("hand_pose_ros"), "config/hand_retarget.yaml")
    assert Path(path).is_file()


@pytest.mark.parametrize(
    "text, error",
    [
        ("package://no_such_hand/urdf/hand.urdf", "there is no package 'no_such_hand': source its workspace"),
        ("package://no such/hand.urdf", "there is no package 'no such'"),
        ("package://hand_pose_ros", "want a path, file:///... or package://<package>/..."),
        ("package:///hand.urdf", "want a path"),
        ("file://", "want a path"),
        ("file://robot/a.urdf", "want a path"),
        ("http://x.org/hand.urdf", "want a path"),
        ("model://[x/hand.urdf", "want a path"),
        ("://", "want a path"),
        ("file:///a/%00b.urdf", "want a path"),
        ("package://hand_pose_ros/%00", "want a path"),
    ],
)
def test_url_that_names_no_file_here_is_told_whole_with_what_is_wanted(text, error):
    with pytest.raises(ValueError, match="^urdf is '") as raised:
        local_path("urdf", text)
    assert text in str(raised.value)
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)
