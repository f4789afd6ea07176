"""``hand-pose urdf`` writes the template's, a user's or anybody's description, and says what it cannot write."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.commands.main import main
from hand_pose_ros.hand.skeleton import SHAPE_COUNT, SIDES
from hand_pose_ros.retarget.urdf import urdf_text, xacro_text
from hand_pose_ros.tracking.user_profile import UserProfile, save_profile


@pytest.mark.parametrize("side", SIDES)
def test_template_hand_goes_to_the_terminal(side, capsys):
    assert main(["urdf", "--side", side]) == 0
    assert capsys.readouterr().out == urdf_text(side)


@pytest.mark.parametrize("thickness", [None, 0.2])
def test_users_hand_has_the_learnt_size(tmp_path, thickness):
    shape = np.linspace(-0.2, 0.2, SHAPE_COUNT)
    save_profile(tmp_path, "anna", UserProfile(shape, 40, thickness))
    output = tmp_path / "new" / "anna.urdf"
    given = ["--user", "anna", "--user-folder", str(tmp_path), "--output", str(output)]
    assert main(["urdf", "--side", "left", *given]) == 0
    assert output.read_text() == urdf_text("left", shape, thickness or 0.0)


def test_xacro_file_is_written(tmp_path):
    assert main(["urdf", "--xacro", "--output", str(tmp_path / "hand.xacro")]) == 0
    assert (tmp_path / "hand.xacro").read_text() == xacro_text()


@pytest.mark.parametrize(
    "given, message",
    [
        (["--side", "right", "--user", "nobody"], "there is no user 'nobody'"),
        (["--side", "right", "--user", "../x"], "want 1 to 64 letters"),
        (["--side", "right", "--user-folder", "/tmp"], "--user-folder goes with --user"),
        (["--xacro", "--user", "anna"], "--user does not go with --xacro"),
    ],
)
def test_what_cannot_be_written_is_named_in_one_line(given, message, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    assert main(["urdf", *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_damaged_profile_is_named(tmp_path, capsys):
    (tmp_path / "anna.json").write_text("{")
    assert main(["urdf", "--side", "right", "--user", "anna", "--user-folder", str(tmp_path)]) == 2
    assert "anna.json is damaged" in capsys.readouterr().err
