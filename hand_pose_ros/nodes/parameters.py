"""Every parameter of every node: name, default, meaning, what is allowed. config/hand_tracker.yaml only repeats this
table (a test compares them); the tracker's own defaults come from ``TrackerConfig``.
"""

from __future__ import annotations

from hand_pose_ros.nodes.declaration import Parameter
from hand_pose_ros.tracker import TrackerConfig

_TRACKER = TrackerConfig()

DEPTH_UNIT = Parameter(
    "depth_unit", 0.001, "Metres a count of integer depth images (16UC1, mono16).", minimum=1e-6, maximum=0.1
)

TRACKER_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("autostart", True, "Configure and activate at start; false leaves that to a lifecycle manager."),
    Parameter("model", "", "Path of the weights (.safetensors); empty: the model shipped with the package."),
    Parameter(
        "side", _TRACKER.side, "Which hand to expect; auto tries both when a track starts.",
        choices=("auto", "left", "right"),
    ),
    Parameter(
        "device", _TRACKER.device, "Where the network runs; auto: the GPU when there is one.",
        choices=("auto", "cpu", "cuda"),
    ),
    Parameter(
        "threads", _TRACKER.threads, "CPU threads of the network. More than one is slower on a busy machine.",
        minimum=1, maximum=64,
    ),
    DEPTH_UNIT,
    Parameter(
        "rectified", "auto",
        "Whether depth images are rectified (distortion ignored, P instead of K); auto: yes when the topic's name"
        " starts with image_rect.",
        choices=("auto", "yes", "no"),
    ),
    Parameter(
        "sync_slop_s", 0.01, "Largest difference (s) of the stamps of an image and its camera info; 0: equal stamps.",
        minimum=0.0, maximum=1.0,
    ),
    Parameter(
        "roi", [0, 0, 0, 0], "Where a hand may be found: x, y, width, height in pixels; all 0: the whole image.",
        minimum=0,
    ),
    Parameter(
        "min_confidence", _TRACKER.min_confidence, "A hand less certain than this is not published.",
        minimum=0.0, maximum=1.0,
    ),
    Parameter(
        "coast_s", _TRACKER.coast_s, "How long (s) a hand that is not seen is predicted before it is lost.",
        minimum=0.0, maximum=10.0,
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
    Parameter("frame_prefix", "", "Put before the names of all hand frames, for trackers that share /tf.", live=True),
    Parameter("publish_joint_states", True, "Publish joint_states.", live=True),
    Parameter("publish_markers", True, "Publish markers while somebody subscribes.", live=True),
    Parameter("publish_overlay", True, "Draw and publish overlay while somebody subscribes.", live=True),
)  # fmt: skip

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
    Parameter("frame_id", "depth_camera_optical_frame", "Frame of all messages."),
    Parameter(
        "reliability", "best_effort", "QoS of the depth image.", choices=("best_effort", "reliable"),
    ),
)  # fmt: skip

WATCHER_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("output", "", "JSON file with the figures, rewritten while they grow; empty: none."),
    Parameter(
        "pictures", "", "Folder for overlay.gif and overlay.png, drawn when the node ends; empty: none."
    ),
    Parameter("keep_every", 3, "Keep every n-th depth image for the pictures.", minimum=1),
    Parameter("keep_at_most", 120, "Keep at most this many depth images.", minimum=1, maximum=1000),
    DEPTH_UNIT,
)
