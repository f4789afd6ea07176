"""Robots' files: the shipped ones are read, dex-retargeting's fields are checked, errors name file and field."""

from __future__ import annotations

import numpy as np
import pytest

from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.resources import resource
from hand_pose_ros.retarget.engine import dexpilot_pairs, human_vectors
from hand_pose_ros.retarget.robot_config import read_robot, robot_file

ROBOTS = ("ability", "allegro", "inspire", "leap", "panda", "shadow")
DEXPILOT = (
    "retargeting: {type: DexPilot, wrist_link_name: base, finger_tip_link_names: [a, b], low_pass_alpha: 1}"
)


def written(tmp_path, text):
    path = tmp_path / "robot.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("robot", ROBOTS)
def test_shipped_robots_are_read(robot, side):
    config = read_robot(robot_file(robot, side))
    if config.optimizer is not None:
        assert config.optimizer.low_pass_alpha == 1.0
        assert side in config.optimizer.urdf_path


def test_every_shipped_file_is_of_a_robot_known_here():
    names = {path.name for path in resource("config", "retarget").iterdir()}
    assert names == {f"{robot}_{side}.yaml" for robot in ROBOTS for side in SIDES}


def test_dexpilot_compares_tips_with_each_other_and_with_the_wrist():
    assert dexpilot_pairs(4).tolist() == [[2, 3, 4, 3, 4, 4, 0, 0, 0, 0], [1, 1, 1, 2, 2, 3, 1, 2, 3, 4]]
    assert dexpilot_pairs(5).shape == (2, 15)


def test_human_vectors_are_differences_or_points():
    points = np.random.default_rng(0).normal(size=(21, 3))
    indices = dexpilot_pairs(3) * 4
    vectors = human_vectors("dexpilot", indices, points)
    assert np.allclose(vectors[0], points[4] - points[8])
    assert np.allclose(vectors[-1], points[12] - points[0])
    assert np.array_equal(human_vectors("position", np.array([4, 8]), points), points[[4, 8]])


def test_fields_of_their_format_are_taken_as_they_are(tmp_path):
    config = read_robot(written(tmp_path, DEXPILOT)).optimizer
    assert config.type == "dexpilot"
    assert config.links() == ("base", "a", "b")
    assert config.human_indices().tolist() == [[8, 0, 0], [4, 4, 8]]


@pytest.mark.parametrize(
    "text, error",
    [
        ("", "no section retargeting, direct or gripper"),
        ("robot: {}", "no field 'robot', want one of retargeting"),
        ("retargeting: {type: magic}", "retargeting.type is 'magic', want one of vector, position, dexpilot"),
        ("retargeting: {type: vector, alpha: 1}", "no field 'retargeting.alpha'"),
        (
            "retargeting: {type: dexpilot}",
            "retargeting.finger_tip_link_names is None, want given for type dexpilot",
        ),
        (DEXPILOT.replace("[a, b]", "[a]"), "finger_tip_link_names is .*want 2 to 5 links"),
        (DEXPILOT.replace("[a, b]", "[a, b, a]"), "finger_tip_link_names is .*want 2 to 5 links, each once"),
        (DEXPILOT.replace("[a, b]", "a"), "finger_tip_link_names is 'a', want a list"),
        (DEXPILOT.replace("alpha: 1", "alpha: 0"), "low_pass_alpha is 0, want above 0"),
        (DEXPILOT.replace("alpha: 1", "alpha: .nan"), "low_pass_alpha is nan, want a finite number"),
        (
            "retargeting: {type: position, target_link_names: [a, b], target_link_human_indices: [4, 21]}",
            "target_link_human_indices is .*want 2 whole numbers from 0 to 20",
        ),
        (
            "retargeting: {type: vector, target_origin_link_names: [a], target_task_link_names: [b],"
            " target_link_human_indices: [[0], [4, 8]]}",
            "target_link_human_indices is .*want 2 x 1 whole numbers",
        ),
        (f"gripper: {{joints: {{a: [0, {10**400}]}}}}", "gripper.joints.a is .*want .closed, open."),
        (f"direct: {{j: {{angles: {{index_mcp_flexion: {10**400}}}}}}}", "want a finite number"),
        ("direct: {j: {angles: {index_flexion: 1}}}", "no field 'direct.j.angles.index_flexion'"),
        ("direct: {j: {angles: {index_mcp_flexion: .inf}}}", "direct.j.angles.index_mcp_flexion is inf"),
        ("direct: {j: {coupled: {k: 1}}, k: {}}", "no field 'direct.j.coupled.k'"),
        ("gripper: {joints: {}}", "gripper.joints is .*want one joint or more"),
        ("gripper: {joints: {j: [0]}}", "gripper.joints.j is .*want .closed, open."),
        ("gripper: {joints: {j: [0, 1]}, closed_m: 0.2}", "gripper.open_m is 0.1, want more than 0.2"),
        ("direct: {j: {}}\nlimits: {j: {velocity: 0}}", "limits.j.velocity is 0, want more than 0"),
        ("direct: {j: {}}\nrest: {j: open}", "rest.j is 'open', want a number"),
        ("direct: {}", "direct is empty, want one joint or more"),
        ("direct:", "direct is empty, want one joint or more"),
        (
            DEXPILOT.replace("low_pass_alpha: 1", "project_dist: 0.05, escape_dist: 0.04"),
            "retargeting.escape_dist is 0.04, want at least project_dist, 0.05",
        ),
        ("direct: {on: {}}", "line 1: the name 'on' is read as True: put it in quotes"),
        ("direct: {j: {}}\nlimits: {no: {lower: 1}}", "line 2: the name 'no' is read as False"),
        ("gripper: {joints: {~: [0, 1]}}", "line 1: the name '~' is read as None"),
        ("direct:\n  j: {}\n  j: {}", "line 3: 'j' stands twice"),
        ("direct: {j: {}}\ndirect: {k: {}}", "line 2: 'direct' stands twice"),
        ("[1, 2]", "want a mapping of fields"),
        ("direct: [1", "cannot read the robot's hand"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, text, error):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=error) as raised:
        read_robot(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_robot_that_is_not_shipped_is_told_with_those_that_are():
    with pytest.raises(FileNotFoundError, match="robot is 'hook', want one of ability, allegro, inspire"):
        robot_file("hook", "right")


@pytest.mark.parametrize(
    "robot", ["~nobody_of_this_name/hand.yaml", "no\x1b[31m\nrobot" + 9999 * "x"], ids=["home", "long"]
)
def test_robot_that_nobody_has_is_told_in_one_short_line(robot):
    with pytest.raises(FileNotFoundError) as raised:
        robot_file(robot, "right")
    assert len(str(raised.value)) < 600
    assert str(raised.value).isprintable()
