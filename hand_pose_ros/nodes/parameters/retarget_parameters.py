"""Every parameter of the node hand_retarget: name, default, meaning, what is allowed.

Defaults come from ``SafetyConfig``, ``GateConfig`` (the choice of the hand) and ``SteadyConfig``.
config/hand_retarget.yaml only repeats this table (a test compares them).
"""

from __future__ import annotations

from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.nodes.node_help import NodePage
from hand_pose_ros.nodes.parameters.parameter_schema import Parameter
from hand_pose_ros.nodes.topics import HANDS_TOPIC, JOINT_COMMAND_TOPIC
from hand_pose_ros.retarget.engagement import DEADMAN
from hand_pose_ros.retarget.hand_gate import GateConfig
from hand_pose_ros.retarget.retargeter import ENGINES
from hand_pose_ros.retarget.safety import ON_LOSS, SafetyConfig
from hand_pose_ros.retarget.steady_engine import SteadyConfig

_SAFETY, _GATE, _STEADY = SafetyConfig(), GateConfig(), SteadyConfig()

OUTPUTS: tuple[str, ...] = ("joint_state", "position_array", "joint_trajectory")
"""Messages that the command goes out as."""
START_FROM: tuple[str, ...] = ("auto", "joint_states", "rest")
"""Where the robot stands when it is engaged."""
ROBOT_DESCRIPTION = "robot_description"
"""As ``urdf``: the URDF comes from the topic of this name."""

RETARGET_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("autostart", True, "Configure and activate at start; false leaves that to a lifecycle manager."),
    Parameter(
        "robot", "", "The robot's hand: a name of config/retarget (allegro, shadow, leap, inspire, ability, panda), or"
        " a path of a file of YAML like those, or its URL, as for urdf. It has no default.",
    ),
    Parameter("side", _GATE.side, "The person's hand that drives it, and the robot's.", choices=SIDES),
    Parameter(
        "engine", "auto", "What maps the hand to the robot; auto: dexi-rs, dex-retargeting, direct or gripper, the"
        " first that the robot's file describes and that is installed.", choices=ENGINES,
    ),
    Parameter(
        "urdf", "", "A file of the robot's hand, by its path, as file:///... or package://<package>/...;"
        " robot_description: from the topic of that name; empty: the one that comes with the installed engine.",
    ),
    Parameter(
        "still_m", _STEADY.still_m, "While no point of the hand moves further than this (m), the robot stands still; 0:"
        " every hand is answered.", minimum=0.0, maximum=0.1,
    ),
    Parameter("joint_prefix", "", "Put before the joints' names of the URDF or file, here and in joint states: rh_."),
    Parameter(
        "joints", "", "The joints that are commanded, in the driver's order, with commas between; empty: all, in the"
        " engine's order.",
    ),
    Parameter(
        "output", "joint_state", "What commands go out as: joint_state (joint_command), position_array"
        " (position_commands, for forward_command_controller), joint_trajectory (for joint_trajectory_controller).",
        choices=OUTPUTS,
    ),
    Parameter("degrees", False, "Commands of turning joints in degrees; not with joint_trajectory."),
    Parameter("command_rate_hz", 100.0, "Commands a second.", minimum=1.0, maximum=1000.0),
    Parameter(
        "velocity_scale", 1.0, "Share of the joints' limits of velocity and acceleration that is used.",
        minimum=0.01, maximum=1.0,
    ),
    Parameter(
        "deadman", "optional", "The button on the topic deadman: optional (once heard it must be held), required,"
        " engages (holding it is enough, without the service), off.", choices=DEADMAN,
    ),
    Parameter(
        "deadman_timeout_s", 0.3, "Without a word of the button for this long (s) it counts as let go.",
        minimum=0.02, maximum=10.0,
    ),
    Parameter(
        "start_from", "auto", "Where the robot stands when it is engaged: as joint_states says (engaging fails"
        " without), rest (where it was sent last, at first the rest pose), auto (joint_states where they are"
        " published).",
        choices=START_FROM,
    ),
    Parameter(
        "on_loss", _SAFETY.on_loss, "Without a hand to follow: hold still, or go to the rest pose.", choices=ON_LOSS
    ),
    Parameter(
        "stale_s", _SAFETY.stale_s, "Without a new hand for this long (s) there is none to follow.",
        minimum=0.02, maximum=10.0,
    ),
    Parameter(
        "approach_s", _SAFETY.approach_s, "During an approach a joint takes this long (s) for its whole range.",
        minimum=0.1, maximum=60.0,
    ),
    Parameter(
        "coast_s", _GATE.coast_s, "A hand may be hidden (COAST) for this long (s) before it counts as lost.",
        minimum=0.0, maximum=10.0,
    ),
    Parameter(
        "min_confidence", _GATE.min_confidence, "A hand less certain than this is not followed.",
        minimum=0.0, maximum=1.0,
    ),
    Parameter(
        "follow_new_track", _GATE.follow_new_track,
        "Go on with another track of the same side without a new engagement; it is approached.",
    ),
)  # fmt: skip

RETARGET_PAGE = NodePage(
    "hand_retarget",
    f"Moves a robot's hand as a human one moves: {HANDS_TOPIC} in, {JOINT_COMMAND_TOPIC} out, within the robot's"
    " limits. Nothing is sent before it is engaged. ros2 launch hand_pose_ros robot_hand.launch.py robot:=allegro"
    " side:=right starts it.",
    RETARGET_PARAMETERS,
)
