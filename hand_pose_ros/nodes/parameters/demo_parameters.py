"""Every parameter of the demo's camera and watcher: name, default, meaning, what is allowed."""

from __future__ import annotations

from hand_pose_ros.nodes.node_help import NodePage
from hand_pose_ros.nodes.parameters.parameter_schema import Parameter
from hand_pose_ros.nodes.parameters.tracker_parameters import DEPTH_UNIT
from hand_pose_ros.nodes.topics import DEPTH_TOPIC, INFO_TOPIC, TRUTH_TOPIC

CAMERA_PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "source", "synthetic", "What to publish: a synthetic moving hand, or a folder of recorded frames.",
        choices=("synthetic", "frames"),
    ),
    Parameter("frames", "", "Folder of 16-bit depth PNGs (searched with its sub-folders, in natural order)."),
    Parameter(
        "intrinsics", [0.0, 0.0, 0.0, 0.0],
        "fx, fy, cx, cy (pixels) of the recorded frames; all 0 for the synthetic camera: 67 degrees wide.",
    ),
    DEPTH_UNIT,
    Parameter("rate_hz", 30.0, "Frames a second.", minimum=0.1, maximum=240.0),
    Parameter("count", 0, "Frames to publish before the node ends; 0: no end (recorded frames without loop: all of"
              " them once).", minimum=0),
    Parameter("loop", True, "Start recorded frames again after the last one."),
    Parameter("prerender", 90, "Frames made ahead of their time; publishing starts when they are made.", minimum=1,
              maximum=3000),
    Parameter("wait_for_subscribers", 0, "Publishing starts when this many subscribe to the depth image.", minimum=0),
    Parameter("width", 640, "Width (pixels) of the synthetic camera.", minimum=64, maximum=4096),
    Parameter("height", 480, "Height (pixels) of the synthetic camera.", minimum=64, maximum=4096),
    Parameter("side", "right", "Side of the synthetic hand.", choices=("left", "right")),
    Parameter("seed", 0, "Seed of the synthetic motion.", minimum=0),
    Parameter(
        "motion", "random",
        "What the synthetic hand does: random poses, the script of gestures (pinches, a fist, counting fingers), or"
        " random poses for 20 s and then the script, with absence after it out of the picture for a while.",
        choices=("random", "gestures", "random_then_gestures", "random_gestures_absence"),
    ),
    Parameter("frame_id", "depth_camera_optical_frame", "Frame of all messages."),
    Parameter(
        "reliability", "best_effort", "QoS of the depth image.", choices=("best_effort", "reliable"),
    ),
)  # fmt: skip

CAMERA_PAGE = NodePage(
    "depth_camera",
    f"A depth camera for demos and tests: publishes a synthetic hand, or a folder of frames, on {DEPTH_TOPIC} and"
    f" {INFO_TOPIC}, and a synthetic hand's true joints on {TRUTH_TOPIC}.",
    CAMERA_PARAMETERS,
)

WATCHER_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("output", "", "JSON file with the figures, rewritten while they grow; empty: none."),
    Parameter(
        "pictures", "", "Folder for overlay.gif and overlay.png, drawn when the node ends; empty: none."
    ),
    Parameter("keep_every", 3, "Keep every n-th depth image for the pictures.", minimum=1),
    Parameter("keep_at_most", 120, "Keep at most this many depth images.", minimum=1, maximum=1000),
    Parameter(
        "robot",
        "",
        "The robot's hand whose node hand_retarget the watcher engages and watches too; empty: none.",
    ),
    Parameter("side", "right", "The side of that robot's hand.", choices=("left", "right")),
    DEPTH_UNIT,
)

WATCHER_PAGE = NodePage(
    "watcher",
    "Listens to a camera and a tracker, and at its end writes figures and pictures of what it saw.",
    WATCHER_PARAMETERS,
)
