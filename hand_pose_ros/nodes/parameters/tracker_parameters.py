"""Every parameter of the tracker node: name, default, meaning, what is allowed.

The tracking algorithm's defaults come from ``TrackerConfig``. config/hand_tracker.yaml only repeats this table (a test
compares them).
"""

from __future__ import annotations

from hand_pose_ros.depth.camera_info import SYNC_SLOP_S
from hand_pose_ros.depth.image import DEPTH_UNIT_M, LEAST_UNIT_M, MOST_UNIT_M
from hand_pose_ros.hand.joint_sets import JOINT_SETS, OPENXR_SET, OPERATOR_SET
from hand_pose_ros.network.backend import BACKENDS, DEVICES, PRECISIONS
from hand_pose_ros.nodes.node_help import NodePage
from hand_pose_ros.nodes.parameters.parameter_schema import Parameter
from hand_pose_ros.nodes.topics import DEPTH_TOPIC, HANDS_TOPIC, INFO_TOPIC, JOINT_STATES_TOPIC
from hand_pose_ros.retarget.palm_follower import PalmFollowerConfig
from hand_pose_ros.tracking.config import MOST_HANDS, TrackerConfig
from hand_pose_ros.validation import frame_prefix_error

_TRACKER = TrackerConfig()
_PALM = PalmFollowerConfig()

DEPTH_UNIT = Parameter(
    "depth_unit", DEPTH_UNIT_M, "Metres a count of integer depth images (16UC1, mono16).", minimum=LEAST_UNIT_M,
    maximum=MOST_UNIT_M,
)  # fmt: skip

RECTIFIED = Parameter(
    "rectified", "auto",
    "Whether depth images are rectified (distortion ignored, P instead of K); auto: they are when the topic's name"
    " starts with image_rect.",
    choices=("auto", "true", "false"),
)  # fmt: skip

TRACKER_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("autostart", True, "Configure and activate at start; false leaves that to a lifecycle manager."),
    Parameter(
        "model", "", "'small' for weak computers, or weights (.safetensors), by their path, as file:///... or"
        " package://<package>/...; empty: the default.",
    ),
    Parameter(
        "side", _TRACKER.side, "Which hand to expect; auto tries both when a track starts.",
        choices=("auto", "left", "right"),
    ),
    Parameter(
        "hands", _TRACKER.hands, "How many hands are tracked at once, at most.", minimum=1, maximum=MOST_HANDS,
    ),
    Parameter(
        "device", _TRACKER.device, "Where the network runs; auto: the GPU when there is one.",
        choices=DEVICES,
    ),
    Parameter(
        "backend", _TRACKER.backend,
        "What runs the networks on a CPU: torch, onnxruntime, openvino; auto: the fastest that is installed.",
        choices=BACKENDS,
    ),
    Parameter(
        "threads", _TRACKER.threads, "CPU threads of the network. More than one is slower on a busy machine.",
        minimum=1, maximum=64,
    ),
    Parameter(
        "precision", _TRACKER.precision,
        "In what the network's convolutions are computed; auto: float32. bfloat16 is faster on CPUs made for it.",
        choices=PRECISIONS,
    ),
    DEPTH_UNIT,
    RECTIFIED,
    Parameter(
        "input_transport", "raw",
        "How depth images come: raw as sensor_msgs/Image, compressedDepth as image_transport's CompressedImage on the"
        " depth topic's name with /compressedDepth after it.",
        choices=("raw", "compressedDepth"),
    ),
    Parameter(
        "sync_slop_s", SYNC_SLOP_S,
        "Largest difference (s) of the stamps of an image and its camera info; 0: equal stamps.",
        minimum=0.0, maximum=1.0,
    ),
    Parameter(
        "roi", [0, 0, 0, 0], "Where a hand may be found: x, y, width, height in pixels; all 0: the whole image.",
        minimum=0,
    ),
    Parameter(
        "start_odds", _TRACKER.start_odds,
        "Log odds of a hand from which on one that was not there before is tracked. Less finds hands half hidden more"
        " often, and now and then something that is no hand.",
        minimum=0.0, maximum=_TRACKER.scoring.most_frame_log_odds,
    ),
    Parameter(
        "min_confidence", _TRACKER.min_confidence,
        "A hand less certain than this counts as not seen. The confidence is the probability that there is a hand and"
        " that it is right to 20 mm.",
        minimum=0.0, maximum=1.0,
    ),
    Parameter(
        "coast_s", _TRACKER.coast_s,
        "How long (s) a hidden hand stays published (COAST, where it was last seen); a longer gap ends its track.",
        minimum=0.0, maximum=10.0,
    ),
    Parameter(
        "user", "",
        "Whose hand it is (letters, digits, - and _): its size is loaded from user_folder, or learnt in the first"
        " seconds and saved there; empty: nobody's, learnt anew in every track.",
    ),
    Parameter(
        "user_folder", "",
        "Folder of the users' hand sizes; empty: hand_pose_ros/users in $ROS_HOME, or in ~/.ros where that is not set.",
    ),
    Parameter(
        "refine", True,
        "Refine the network's hand with the depth surface, this person's bones and smoothing; false: only fit the"
        " hand model to it, frame by frame.",
    ),
    Parameter(
        "smoothing_hz", _TRACKER.filter.still_hz,
        "Strength of the smoothing: its cut-off (Hz) for a hand at rest, less is steadier; it opens as the hand moves;"
        " 0: none.",
        minimum=0.0, maximum=1000.0,
    ),
    Parameter(
        "max_age_s", 1.0,
        "Frames older than this (s, by the node's clock), or as far ahead of it, are dropped; 0: no limit.",
        minimum=0.0, maximum=3600.0, live=True,
    ),
    Parameter(
        "tf_mode", "root", "TF frames of a hand: none, its palm (root), or every segment (full).",
        choices=("none", "root", "full"), live=True,
    ),
    Parameter(
        "frame_prefix", "auto",
        "Put before the names of all hand frames, for trackers that share /tf; auto: the node's namespace and a slash,"
        " nothing where it has none.",
        live=True, rule=frame_prefix_error,
    ),
    Parameter(
        "target_frame", "",
        "All outputs in this TF frame, by the transforms on /tf; empty: in the depth images' own.",
        rule=frame_prefix_error,
    ),
    Parameter(
        "publish_coast", False,
        "Keep hands that are hidden (COAST) in hand_joint_states and TF too, where they were last seen.", live=True,
    ),
    Parameter("publish_raw", False, "Publish hands_raw: the same hands as the network alone sees them.", live=True),
    Parameter(
        "joint_sets", [OPERATOR_SET, OPENXR_SET],
        "Whose joints are published too, on hand_joints/<set>, while somebody subscribes: any of"
        f" {', '.join(sorted(JOINT_SETS))}; [\"\"] for none.",
        choices=("", *sorted(JOINT_SETS)),
    ),
    Parameter(
        "palm_clutch", "manual",
        "When <side>_hand/palm_pose and palm_twist follow the palm: manual, from the service ~/engage_palm on until it"
        " is called again or the hand is lost; always, whenever the hand is seen.",
        choices=("manual", "always"), live=True,
    ),
    Parameter(
        "palm_scale", _PALM.scale, "How far palm_pose goes for a metre of the palm's way.",
        minimum=0.01, maximum=100.0,
    ),
    Parameter(
        "palm_twist_hz", _PALM.twist_hz, "Cut-off (Hz) of the low-pass of palm_twist; 0: none.",
        minimum=0.0, maximum=1000.0,
    ),
    Parameter("publish_joint_states", True, "Publish hand_joint_states.", live=True),
    Parameter("publish_markers", True, "Publish markers while somebody subscribes.", live=True),
    Parameter("publish_overlay", True, "Draw and publish overlay while somebody subscribes.", live=True),
)  # fmt: skip

TRACKER_PAGE = NodePage(
    "hand_tracker",
    f"Hands from depth images: {DEPTH_TOPIC} and {INFO_TOPIC} in; {HANDS_TOPIC}, {JOINT_STATES_TOPIC}, TF and markers"
    " out. ros2 launch hand_pose_ros hand_tracker.launch.py starts it with a camera's preset.",
    TRACKER_PARAMETERS,
)
