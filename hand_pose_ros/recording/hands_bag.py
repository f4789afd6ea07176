"""hands.mcap: what the tracker node would have published on a recording, as a bag of one file.

In: results of a replay. Out: an MCAP file with the definitions of its messages, which rosbag2, Foxglove, PlotJuggler
and the ``mcap`` libraries read: ``/hands`` (HandPoseArray), ``/hand_joint_states`` (JointState), ``/hand_model_info``
(HandModelInfo, once), with the quality of service that the node offers: latched what is latched there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer

from hand_pose_ros.network.weights_file import CheckpointInfo
from hand_pose_ros.recording.hand_messages import bag_types, header, joint_state_message
from hand_pose_ros.recording.motion import increasing_ns
from hand_pose_ros.recording.ros_types import HAND_MODEL_INFO, HAND_POSE_ARRAY, JOINT_STATE, type_store
from hand_pose_ros.recording.tracked_frame import TrackedFrame
from hand_pose_ros.tracking.hand import TrackState, named_hands

_NONE = QosTime(0, 0)  # no deadline, and the like
# As nodes/topics.py has them, which nothing here may import.
_RELIABLE = Qos(
    QosHistory.KEEP_LAST, 5, QosReliability.RELIABLE, QosDurability.VOLATILE, _NONE, _NONE,
    QosLiveliness.AUTOMATIC, _NONE, False,
)  # fmt: skip
_LATCHED = _RELIABLE._replace(depth=1, durability=QosDurability.TRANSIENT_LOCAL)


def write_hands_bag(path: Path, frames: Sequence[TrackedFrame], model: CheckpointInfo | None = None) -> None:
    """Writes the bag, whole or not at all. OSError when it cannot be written.

    The times by which readers put messages in order are the stamps, but increase where these do not: two rounds of a
    recording that loops would be shuffled into each other.
    """
    store, types = type_store(), bag_types()
    times_ns = increasing_ns(np.array([frame.stamp_ns for frame in frames], np.int64))
    times_ns -= min(times_ns.min(initial=0), 0)  # there is none before 1970
    path.parent.mkdir(parents=True, exist_ok=True)
    # rosbags writes a folder; only its one file is kept.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}.") as temporary:
        folder = Path(temporary) / path.stem
        with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:

            def connect(topic: str, kind: str, qos: Qos) -> Any:
                return writer.add_connection(topic, kind, typestore=store, offered_qos_profiles=[qos])

            info = connect("/hand_model_info", HAND_MODEL_INFO, _LATCHED)
            hands = connect("/hands", HAND_POSE_ARRAY, _RELIABLE)
            states = connect("/hand_joint_states", JOINT_STATE, _RELIABLE)
            if model is not None:
                message = types.model_info(model.name, model.sha256)
                writer.write(info, int(times_ns[:1].sum()), store.serialize_cdr(message, HAND_MODEL_INFO))
            for frame, time_ns in zip(frames, times_ns.tolist(), strict=True):
                head = header(frame.stamp_ns, frame.frame_id)
                found = types.hands(frame.result.hands, frame.result.state, head)
                writer.write(hands, time_ns, store.serialize_cdr(found, HAND_POSE_ARRAY))
                seen = [h for h in named_hands(frame.result.hands) if h.state == TrackState.TRACK]
                if seen:
                    angles = joint_state_message(seen, head)
                    writer.write(states, time_ns, store.serialize_cdr(angles, JOINT_STATE))
        (folder / f"{folder.name}.mcap").replace(path)
