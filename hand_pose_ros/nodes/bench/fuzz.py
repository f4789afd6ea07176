"""The tracker node under hostile messages over real DDS: it never dies, and never publishes an impossible hand.

In: a number of messages, a seed, a folder for the node's log. Out: ``FuzzFigures``, as for the library.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hand_pose_ros.depth.image import DEPTH_UNIT_M
from hand_pose_ros.evaluation.bench_fuzz import CAMERA, FuzzFigures, good_frames
from hand_pose_ros.msg import HandPose, HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.bench.hostile_messages import hostile_messages
from hand_pose_ros.nodes.bench.tracker_client import TrackerClient, TrackerLostError
from hand_pose_ros.nodes.demo.frame_source import counts_from_depth

# Between hostile messages: most are refused in less, the others may take each other's place.
# Guessed, as the next three.
_INTERVAL_S = 0.02
_GOOD_INTERVAL_S = 0.4  # longer than a busy core takes for a frame: none may be replaced
_GOOD_FRAMES = 12
_MAX_AGE_S = 3.0  # a busy machine is late; less than the wrong stamps are wrong by
_TRIES = 3  # a machine that is busy loses a frame now and then: best effort


def fuzz_node(
    count: int,
    seed: int,
    folder: Path,
    model: str = "",
    progress: Callable[[int], None] = lambda done: None,
) -> FuzzFigures:
    """Publish ``count`` hostile pairs of image and camera info to a node, between good ones.

    TrackerLostError when it does not start.
    """
    figures = FuzzFigures()
    frames = [counts_from_depth(depth, DEPTH_UNIT_M) for depth in good_frames(seed, _GOOD_FRAMES)]
    rng = np.random.default_rng([seed, 0x0D])
    parameters = {"model": model, "device": "cpu", "tf_mode": "full", "max_age_s": _MAX_AGE_S}
    with TrackerClient(folder, parameters) as client:
        client.on_hands = lambda message: _check(message, figures)
        clean = _played(client, frames)
        figures.hands = 0
        for done in range(1, count + 1):
            image, info = client.messages(frames[done % len(frames)], CAMERA, client.now_ns())
            kind, *pair = hostile_messages(rng, image, info)
            client.send(*pair)
            figures.count(kind)
            client.spin(_INTERVAL_S)
            progress(done)
            if not client.alive():
                figures.deaths = 1
                figures.note("death", f"after message {done} ({kind}):\n{client.log_tail()}")
                break
        else:
            figures.compare(clean, _played(client, frames))
        ends = client.tracebacks()
    figures.tracebacks = len(ends)
    for end in ends:
        figures.note("traceback", end)
    return figures


def _played(client: TrackerClient, frames: list[np.ndarray]) -> list[np.ndarray | None]:
    """The good frames after ``~/reset``; TrackerLostError when they are not answered."""
    for _ in range(_TRIES):
        client.spin(1.0)  # what is on its way
        client.reset()
        answers = client.play(frames, CAMERA, _GOOD_INTERVAL_S)
        if answers is not None:
            return answers
    raise TrackerLostError(f"good frames are not answered:\n{client.log_tail()}")


def _check(message: HandPoseArray, figures: FuzzFigures) -> None:
    figures.answered += 1
    for hand in message.hands:
        figures.check(f"message {figures.frames}", *numbers_of(hand))


def numbers_of(hand: HandPose) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray]:
    """A hand's message as ``impossible_hand`` takes it; a quaternion of zeros is no rotation."""
    quaternions = np.array(
        [(q.x, q.y, q.z, q.w) for q in (pose.orientation for pose in (hand.palm, *hand.segments))]
    )
    norms = np.linalg.norm(quaternions, axis=1)
    if np.isfinite(norms).all() and (norms > 0).all():
        rotations = Rotation.from_quat(quaternions).as_matrix() * norms[:, None, None] ** 2
    else:
        rotations = np.full((len(quaternions), 3, 3), np.nan)
    confidences = np.asarray(hand.joint_confidence, np.float64)
    return (
        conversions.joints_of(hand),
        np.asarray(hand.angles),
        rotations,
        float(hand.confidence),
        confidences,
    )
