"""From what a user names to an engine with limits; what is missing or wrong is one message."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hand_pose_ros.evaluation.operator_hands import moving_angles, operator_hand, pinch_angles
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, SIDES
from hand_pose_ros.retarget import retargeter
from hand_pose_ros.retarget.retargeter import build_retargeter, slower
from hand_pose_ros.retarget.robot_config import read_robot, robot_file
from hand_pose_ros.retarget.robot_description import parse_description
from hand_pose_ros.retarget.safety import SafeCommander, SafetyConfig

DIRECT = """
direct:
  curl: {angles: {index_mcp_flexion: 1.0}}
  slide: {angles: {index_pip_flexion: 0.02}}
"""


@pytest.fixture
def config(tmp_path):
    def make(text=DIRECT):
        path = tmp_path / "robot.yaml"
        path.write_text(text)
        return read_robot(path)

    return make


def test_limits_are_the_urdfs_narrowed_by_the_file(config, claw):
    text = (
        DIRECT
        + "limits: {curl: {lower: -1.0, upper: 1.0, velocity: 9.0, acceleration: 5.0}}\nrest: {curl: 0.5}"
    )
    made = build_retargeter(config(text), "auto", "right", claw)
    assert made.limits.lower.tolist() == [-0.2, 0.0]
    assert made.limits.upper.tolist() == [1.0, 0.05]
    assert made.limits.velocity.tolist() == [3.0, 0.1]
    assert made.limits.acceleration.tolist() == [5.0, 1.0]
    assert made.rest.tolist() == [0.5, 0.0]
    assert made.prismatic == (False, True)
    assert slower(made.limits, 0.5).velocity.tolist() == [1.5, 0.05]


@given(
    multiplier=st.one_of(st.floats(-3.0, -0.05), st.floats(0.05, 3.0)),
    offset=st.floats(-0.3, 0.3),
    lower=st.floats(-1.0, -0.4),
    upper=st.floats(0.4, 1.0),
    velocity=st.floats(0.1, 5.0),
    through=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_follows_a_joint_keeps_its_own_limits_too(
    config, multiplier, offset, lower, upper, velocity, through
):
    leader, between = "curl", ""
    if through:  # it follows one that follows
        leader, between = "mid", joint_text("mid", "b", "c", "-9", "9", "99", '<mimic joint="curl"/>')
    mimic = f'<mimic joint="{leader}" multiplier="{multiplier!r}" offset="{offset!r}"/>'
    urdf = (
        '<robot name="r"><link name="a"/><link name="b"/><link name="c"/><link name="d"/>'
        + joint_text("curl", "a", "b", "-1", "1", "3")
        + (between or '<joint name="f" type="fixed"><parent link="b"/><child link="c"/></joint>')
        + joint_text("tip", "c", "d", repr(lower), repr(upper), repr(velocity), mimic)
        + "</robot>"
    )
    made = build_retargeter(
        config("direct: {curl: {angles: {}}}"), "auto", "right", parse_description(urdf, "r.urdf")
    )
    ends = np.array([made.limits.lower[0], made.limits.upper[0]])
    followed = multiplier * ends + offset
    assert (followed >= lower - 1e-9).all()
    assert (followed <= upper + 1e-9).all()
    assert abs(multiplier) * made.limits.velocity[0] <= velocity + 1e-9
    assert made.limits.velocity[0] <= 3.0
    # And no narrower than that: at each end one of the two is at a limit.
    at_end = np.minimum.reduce([abs(abs(ends) - 1.0), abs(followed - lower), abs(followed - upper)])
    assert (at_end < 1e-9).all()


def joint_text(name, parent, child, lower, upper, velocity, mimic="") -> str:
    return (
        f'<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/><axis xyz="0 1 0"/>'
        f'<limit lower="{lower}" upper="{upper}" velocity="{velocity}"/>{mimic}</joint>'
    )


def test_joint_whose_follower_can_stand_nowhere_is_named(config, claw, urdf):
    changed = urdf.replace('multiplier="0.5" offset="0.1"', 'multiplier="0.5" offset="9"')
    with pytest.raises(
        ValueError, match="joint curl has no range in which follow, which follows it, is within"
    ):
        build_retargeter(config(), "direct", "right", parse_description(changed, "claw.urdf"))


@pytest.mark.parametrize("velocity", ["0", "-1"])
def test_velocity_that_nobody_wrote_down_is_taken_from_the_file(config, urdf, velocity):
    description = parse_description(urdf.replace('velocity="3"', f'velocity="{velocity}"'), "claw.urdf")
    with pytest.raises(ValueError, match="joint curl has no velocity limit"):
        build_retargeter(config(DIRECT), "direct", "right", description)
    made = build_retargeter(
        config(DIRECT + "limits: {curl: {velocity: 2.0}}"), "direct", "right", description
    )
    assert made.limits.velocity[0] == 2.0


GRIPPER = "gripper: {joints: {slide: [0.0, 40.0]}}"


@pytest.mark.parametrize(
    "text, error",
    [
        (DIRECT + "rest: {curl: 45}", "rest.curl is 45, want within its limits -0.2 to 1.5"),
        (DIRECT + "rest: {slide: -0.01}", "rest.slide is -0.01, want within its limits 0 to 0.05"),
        (
            DIRECT + "rest: {curl: 1.2}\nlimits: {curl: {upper: 1.0}}",
            "rest.curl is 1.2, want within .* -0.2 to 1",
        ),
        (GRIPPER, "the open end of gripper.joints.slide is 40.0, want within its limits 0 to 0.05"),
        (
            GRIPPER.replace("0.0, 40.0", "-5, 0.04"),
            "the closed end of gripper.joints.slide is -5, want within",
        ),
    ],
)
def test_place_that_a_joint_cannot_reach_is_named_with_its_limits(config, claw, text, error):
    with pytest.raises(ValueError, match=error):
        build_retargeter(config(text), "auto" if "gripper" in text else "direct", "right", claw)


def test_joint_whose_name_is_a_number_is_taken(config):
    text = "gripper: {joints: {1: [0, 0.04]}}\nlimits: {1: {lower: 0, upper: 0.04, velocity: 1}}\nrest: {1: 0.04}"
    made = build_retargeter(config(text), "gripper", "right")
    assert (made.engine.joint_names, list(made.rest)) == (("1",), [0.04])


def test_place_at_a_limit_is_taken_whatever_its_last_digit(config, claw):
    made = build_retargeter(config(GRIPPER.replace("40.0", "0.05000000001")), "gripper", "right", claw)
    assert made.engine.name == "gripper"


def test_engine_without_a_urdf_has_the_files_limits(config):
    text = "gripper: {joints: {j: [0.0, 0.04]}}\nlimits: {j: {lower: 0.0, upper: 0.04, velocity: 0.1}}"
    made = build_retargeter(config(text), "auto", "left")
    assert made.engine.name == "gripper"
    assert made.limits.upper.tolist() == [0.04]


limit = st.one_of(
    st.none(),
    st.floats().map(repr),
    st.sampled_from(["", "1 2", "a", "-0.0", "1e400", "1e16", "1e307", "1.7e308"]),
)


@given(
    limits=st.fixed_dictionaries({"lower": limit, "upper": limit, "velocity": limit}),
    kind=st.sampled_from(["revolute", "continuous", "prismatic"]),
)
@example(limits={"lower": "0", "upper": "0", "velocity": "1.797693134862316e+307"}, kind="revolute")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_limits_of_any_description_are_usable_or_refused_in_one_line(config, limits, kind):
    given_limits = " ".join(f'{name}="{value}"' for name, value in limits.items() if value is not None)
    urdf = f"""<robot name="r"><link name="a"/><link name="b"/><joint name="curl" type="{kind}"><parent link="a"/>
        <child link="b"/><axis xyz="0 1 0"/><limit {given_limits}/></joint></robot>"""
    text = "direct: {curl: {angles: {index_mcp_flexion: 1.0}}}"
    made, refusal = None, "curl"
    try:
        made = build_retargeter(config(text), "auto", "right", parse_description(urdf, "r.urdf"))
    except ValueError as error:
        refusal = str(error)
    assert "curl" in refusal
    assert "\n" not in refusal
    if made is None:
        return
    commander = SafeCommander(made.limits, SafetyConfig(), made.rest)
    commander.engage(commander.rest, 0.0)
    commander.offer(made.limits.upper, 0.0)
    for step in range(1, 20):
        command = commander.command(0.01 * step)
        assert np.isfinite(command.positions).all()
        assert (np.abs(command.velocities) <= made.limits.velocity * (1.0 + 1e-9) + 1e-9).all()


@pytest.mark.parametrize(
    "text, engine, error",
    [
        (DIRECT, "gripper", "engine is 'gripper', but .*robot.yaml has no section gripper"),
        (DIRECT, "magic", "engine is 'magic', want one of auto, direct"),
        (DIRECT.replace("curl", "wave"), "direct", "claw.urdf has no driven joint wave"),
        (
            DIRECT + "limits: {wave: {upper: 1.0}}",
            "direct",
            "limits.wave is 'given', want a joint that direct moves",
        ),
        (DIRECT + "rest: {wave: 1.0}", "direct", "rest.wave is 'given', want a joint"),
        (DIRECT + "root_link: arm", "direct", "claw.urdf has no link arm"),
        (
            DIRECT + "limits: {curl: {lower: 1.0, upper: 0.5}}",
            "direct",
            "lower limit 1 is above the upper one 0.5",
        ),
    ],
)
def test_what_does_not_fit_is_one_message(config, claw, text, engine, error):
    with pytest.raises(ValueError, match=error) as raised:
        build_retargeter(config(text), engine, "right", claw)
    assert "\n" not in str(raised.value)


def test_joint_without_limits_asks_for_them(config):
    every = "limits.curl.lower, limits.curl.upper, limits.curl.velocity"
    with pytest.raises(ValueError, match=f"joint curl has no lower limit in no URDF: give {every}"):
        build_retargeter(config(), "direct", "right")


def test_package_that_is_not_installed_is_named_with_its_version(monkeypatch):
    monkeypatch.setattr(retargeter, "find_spec", lambda name: None)
    allegro = read_robot(robot_file("allegro", "right"))
    with pytest.raises(
        ValueError, match="engine is 'dexi-rs', which is not installed: pip install 'dexi-rs=="
    ):
        build_retargeter(allegro, "dexi-rs", "right")
    with pytest.raises(ValueError, match="needs an engine, and none is installed: pip install 'dexi-rs=="):
        build_retargeter(allegro, "auto", "right")
    assert build_retargeter(read_robot(robot_file("inspire", "left")), "auto", "left").engine.name == "direct"


def optional_engine(package):
    spec = importlib.util.find_spec(package)
    return pytest.mark.skipif(spec is None, reason=f"{package} is not installed")


ENGINES = [
    pytest.param("dexi-rs", marks=optional_engine("dexi_rs")),
    pytest.param("dex-retargeting", marks=optional_engine("dex_retargeting")),
]
ROBOTS = ["ability", "allegro", "inspire", "leap", "shadow"]


@optional_engine("dexi_rs")  # which brings the URDFs
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("robot", ROBOTS)
def test_pinch_of_a_person_closes_the_robots(robot, side, engine):
    made = build_retargeter(read_robot(robot_file(robot, side)), engine, side)
    assert made.description is not None
    for share in np.linspace(0.0, 1.0, 15).tolist() + [1.0] * 30:
        positions = made.engine.retarget(operator_hand(side, share * pinch_angles(0.013)))
    frames = made.description.link_frames(dict(zip(made.engine.joint_names, positions, strict=True)))
    thumb, index = (frames[name][:3, 3] for name in made.config.optimizer.finger_tip_link_names[:2])
    assert np.linalg.norm(thumb - index) < (0.003 if robot in ("allegro", "shadow") else 0.0035)


@optional_engine("dexi_rs")
@optional_engine("dex_retargeting")
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("robot", ["allegro", "shadow"])
def test_both_engines_agree_on_the_open_hand(robot, side):
    config = read_robot(robot_file(robot, side))
    hand = operator_hand(side, np.zeros(ANGLE_COUNT))
    answers = []
    for name in ("dexi-rs", "dex-retargeting"):
        made = build_retargeter(config, name, side)
        for _ in range(30):
            positions = made.engine.retarget(hand)
        answers.append(dict(zip(made.engine.joint_names, positions, strict=True)))
    tips = [
        np.array(
            [
                made.description.link_frames(answer)[name][:3, 3]
                for name in config.optimizer.finger_tip_link_names
            ]
        )
        for answer in answers
    ]
    assert np.abs(tips[0] - tips[1]).max() < 0.002


@optional_engine("dexi_rs")
@pytest.mark.parametrize("engine", ENGINES)
def test_engine_refuses_points_that_are_no_numbers(engine):
    made = build_retargeter(read_robot(robot_file("allegro", "right")), engine, "right")
    hand = operator_hand("right", np.zeros(ANGLE_COUNT))
    with pytest.raises(ValueError, match="not finite"):
        made.engine.retarget(hand._replace(points=np.full((21, 3), np.nan)))


@optional_engine("dexi_rs")
@pytest.mark.parametrize("engine", ENGINES)
def test_next_answer_is_near_where_the_robot_is(engine):
    made = build_retargeter(read_robot(robot_file("allegro", "right")), engine, "right")
    hands = [operator_hand("right", angles) for angles in moving_angles(3, np.arange(20) / 30.0)]
    for hand in hands:
        there = made.engine.retarget(hand)
    made.engine.retarget(operator_hand("right", np.zeros(ANGLE_COUNT)))
    made.engine.start_from(there)
    assert np.abs(made.engine.retarget(hands[-1]) - there).max() < 0.1


FINGERS = """<robot name="f"><link name="palm"/>
<link name="a"/><link name="b"/><link name="c"/><link name="d"/><link name="e"/><link name="f"/>
{joints}</robot>"""
FINGER = """<joint name="{0}1" type="{kind}"><origin xyz="0 {y} 0.08"/><parent link="palm"/><child link="{0}"/>
<axis xyz="{axis}"/>{limit}</joint>
<joint name="{0}2" type="revolute"><origin xyz="0 0 0.04"/><parent link="{0}"/><child link="{1}"/>
<axis xyz="{axis}"/><limit lower="-1.6" upper="1.6" velocity="3" effort="1"/>{mimic}</joint>
<joint name="{0}3" type="fixed"><origin xyz="0 0 0.03"/><parent link="{1}"/><child link="{2}"/></joint>"""
TWO_TIPS = """
retargeting: {type: position, target_link_names: [c, f], target_link_human_indices: [4, 8], normal_delta: 0.0}
"""
OWN_LIMITS = (
    "limits: {a1: {lower: -1.5, upper: 1.5, velocity: 3}, d1: {lower: -1.5, upper: 1.5, velocity: 3}}"
)
LIMIT = '<limit lower="-1.6" upper="1.6" velocity="3" effort="1"/>'


def two_fingers(axis="0 1 0", kind="revolute", limit=LIMIT, mimic=("", "")):
    joints = [
        FINGER.format(*names, y=y, axis=axis, kind=kind, limit=limit, mimic=follows)
        for names, y, follows in (("abc", 0.0, mimic[0]), ("def", 0.03, mimic[1]))
    ]
    return parse_description(FINGERS.format(joints="".join(joints)), "f.urdf")


@optional_engine("dexi_rs")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "robot, file",
    [
        ({"axis": "0 2 0"}, ""),
        ({"axis": "0 0.5 0"}, ""),
        ({"axis": "1 1 0"}, ""),
        ({"limit": '<limit velocity="3" effort="1"/>'}, OWN_LIMITS),
        ({"limit": '<limit lower="0" upper="0" velocity="3" effort="1"/>', "kind": "continuous"}, OWN_LIMITS),
    ],
)
def test_engine_reaches_what_the_robot_as_it_was_read_can_reach(config, robot, file, engine):
    made = build_retargeter(config(TWO_TIPS + file), engine, "right", two_fingers(**robot))
    wanted = dict(zip(("a1", "a2", "d1", "d2"), (0.9, 0.6, -0.7, -0.8), strict=True))
    points = np.zeros((21, 3))
    for point, tip in ((4, "c"), (8, "f")):
        points[point] = made.description.link_frames(wanted)[tip][:3, 3]
    hand = operator_hand("right", np.zeros(ANGLE_COUNT))._replace(points=points)
    made.engine.start_from(np.array([0.8, 0.5, -0.6, -0.7]))
    for _ in range(300):
        answer = made.engine.retarget(hand)
    frames = made.description.link_frames(dict(zip(made.engine.joint_names, answer, strict=True)))
    assert max(np.linalg.norm(frames[tip][:3, 3] - points[at]) for tip, at in (("c", 4), ("f", 8))) < 0.002


@optional_engine("dexi_rs")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("follows", [False, True])
def test_engine_looks_for_answers_within_the_limits_that_hold(config, engine, follows):
    mimic = tuple(f'<mimic joint="{leader}" multiplier="-8"/>' for leader in ("a1", "d1"))
    file = "" if follows else "limits: {a1: {lower: -0.2, upper: 0.2}, d1: {lower: -0.2, upper: 0.2}}"
    made = build_retargeter(
        config(TWO_TIPS + file), engine, "right", two_fingers(mimic=mimic if follows else ("", ""))
    )
    hand = operator_hand("right", np.zeros(ANGLE_COUNT))
    for x in (-0.1, 0.1):
        for _ in range(20):
            answer = made.engine.retarget(hand._replace(points=np.tile([x, 0.0, 0.1], (21, 1))))
        assert (answer <= made.limits.upper + 0.002).all()
        assert (answer >= made.limits.lower - 0.002).all()


@optional_engine("dexi_rs")
@pytest.mark.parametrize("engine", ENGINES)
def test_joints_that_the_file_has_follow_none_are_driven(config, engine):
    mimic = tuple(f'<mimic joint="{leader}"/>' for leader in ("a1", "d1"))
    file = TWO_TIPS.replace("normal_delta", "ignore_mimic_joint: true, normal_delta")
    for text, names in ((TWO_TIPS, {"a1", "d1"}), (file, {"a1", "a2", "d1", "d2"})):
        made = build_retargeter(config(text), engine, "right", two_fingers(mimic=mimic))
        assert set(made.engine.joint_names) == names
