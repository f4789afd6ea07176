"""A tracker's result of one image -> every topic that the node publishes, all with that image's stamp.

Topics (relative): ``hands`` (every image, empty when no hand is seen), ``hands_raw`` (the same hands as the network
alone sees them, on request), ``hand_model_info`` (latched), ``hand_joint_states``, ``markers``, ``overlay`` (drawn only
while somebody subscribes), /tf, and those of ``interaction_outputs``. Coordinates are in the image's frame, or in
``target_frame`` where one is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.lifecycle import LifecycleNode
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Header
from tf2_ros import TransformBroadcaster
from visualization_msgs.msg import MarkerArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.msg import HandModelInfo, HandPoseArray
from hand_pose_ros.nodes import conversions
from hand_pose_ros.nodes.diagnostics import FrameOutcome
from hand_pose_ros.nodes.hand_frames import frame_error, resolved_prefix
from hand_pose_ros.nodes.interaction_outputs import (
    INTERACTION_ENDPOINTS,
    JOINT_SET_ENDPOINTS,
    InteractionOutputs,
    PalmsBefore,
)
from hand_pose_ros.nodes.markers import UP, HandMarkers
from hand_pose_ros.nodes.parameters.parameter_schema import DeclaredParameters
from hand_pose_ros.nodes.qos_overrides import PUBLISHER, Endpoint, publisher_options, qos_profile
from hand_pose_ros.nodes.target_frame import TargetFrame
from hand_pose_ros.nodes.throttled_logger import ThrottledLogger
from hand_pose_ros.nodes.topics import (
    HANDS_TOPIC,
    JOINT_STATES_TOPIC,
    LATCHED_QOS,
    MODEL_INFO_TOPIC,
    RELIABLE_QOS,
)
from hand_pose_ros.tracking.hand import named_hands
from hand_pose_ros.visualization.overlay import draw_overlay

if TYPE_CHECKING:
    from hand_pose_ros.tracking.hand import Hand


_HANDS = Endpoint(HANDS_TOPIC, PUBLISHER, RELIABLE_QOS)
_RAW_HANDS = Endpoint("hands_raw", PUBLISHER, RELIABLE_QOS)
_MODEL_INFO = Endpoint(MODEL_INFO_TOPIC, PUBLISHER, LATCHED_QOS)
_JOINT_STATES = Endpoint(JOINT_STATES_TOPIC, PUBLISHER, RELIABLE_QOS)
_MARKERS = Endpoint("markers", PUBLISHER, RELIABLE_QOS)
_OVERLAY = Endpoint("overlay", PUBLISHER, RELIABLE_QOS)
_TF = Endpoint("/tf", PUBLISHER, QoSProfile(depth=100))  # tf2's own
OUTPUT_ENDPOINTS = (
    _HANDS, _RAW_HANDS, _MODEL_INFO, _JOINT_STATES, _MARKERS, _OVERLAY, _TF, *INTERACTION_ENDPOINTS,
)  # fmt: skip
OPTIONAL_ENDPOINTS = JOINT_SET_ENDPOINTS
"""Of these there are those that the parameters ask for."""


class HandOutputs:
    """The node's publishers. They publish only while the lifecycle node is active. ``palms`` are those of
    the ``interactions`` before.

    ValueError where ``target_frame`` is set and tf2 cannot listen.
    """

    def __init__(
        self,
        node: LifecycleNode,
        parameters: DeclaredParameters,
        throttled_logger: ThrottledLogger,
        palms: PalmsBefore | None = None,
    ) -> None:
        self._node = node
        self._parameters = parameters
        self._throttled_logger = throttled_logger
        target = parameters["target_frame"]
        self._target = TargetFrame(node, target, throttled_logger) if target else None
        self._hands = self._create(HandPoseArray, _HANDS)
        self._raw_hands = self._create(HandPoseArray, _RAW_HANDS)
        self._hands_message = conversions.KeptHandsMessage()
        self._raw_message = conversions.KeptHandsMessage()
        self._model_info = self._create(HandModelInfo, _MODEL_INFO)
        self._joint_states = self._create(JointState, _JOINT_STATES)
        self._marker_array = self._create(MarkerArray, _MARKERS)
        self._overlay = self._create(Image, _OVERLAY)
        self._broadcaster = TransformBroadcaster(node, qos_profile(node, _TF))
        self.interactions = InteractionOutputs(node, parameters, self._create, palms)
        self._markers = HandMarkers()
        self._last_header = Header()
        self._shown: tuple[Hand, ...] = ()  # the hands of the newest image as published
        self._up = UP

    def _create(self, kind: type, endpoint: Endpoint) -> Any:
        options = publisher_options(self._node, endpoint, self._throttled_logger)
        return self._node.create_lifecycle_publisher(kind, **options)

    def close(self) -> None:
        """Destroys all publishers, and the subscriptions of ``target_frame``."""
        hands = (self._hands, self._raw_hands, self._model_info, self._joint_states)
        for publisher in (*hands, self._marker_array, self._overlay):
            self._node.destroy_lifecycle_publisher(publisher)
        self.interactions.close()
        self._node.destroy_publisher(self._broadcaster.pub_tf)
        if self._target is not None:
            self._target.close()

    def publish_model_info(self, model_name: str, model_hash: str) -> None:
        """Publishes once, latched, the names and limits of all numbers and the model that estimates them."""
        self._model_info.publish(conversions.model_info_message(model_name, model_hash))

    def publish(
        self, hands: tuple[Hand, ...], raw: tuple[Hand, ...], state: int, header: Header
    ) -> FrameOutcome | None:
        """Publishes everything that is cheap and that consumers act on; ``state`` is the tracker's.

        Returns None, or NO_TRANSFORM where nothing was published because nobody knows where the image's frame is in
        ``target_frame``.
        """
        if self._target is not None:
            self._target.see(header)
            if hands or raw:
                placement = self._target.placement(header)
                if placement is None:
                    return FrameOutcome.NO_TRANSFORM
                hands = tuple(hand.seen_from(*placement) for hand in hands)
                raw = tuple(hand.seen_from(*placement) for hand in raw)
                self._up = placement.rotation @ UP
            header = Header(stamp=header.stamp, frame_id=self._target.name)
        self._last_header, self._shown = header, hands
        self._hands.publish(self._hands_message.filled(hands, state, header))
        named = named_hands(hands)
        if not self._parameters["publish_coast"]:
            named = conversions.seen_hands(named)
        if named and self._parameters["publish_joint_states"]:
            self._joint_states.publish(conversions.joint_state(named, header))
        self._send_transforms(named, header)
        self.interactions.publish(hands, header)
        if self._parameters["publish_raw"]:
            self._raw_hands.publish(self._raw_message.filled(raw, state, header))
        return None

    def _send_transforms(self, named: list[Hand], header: Header) -> None:
        mode = self._parameters["tf_mode"]
        prefix = resolved_prefix(self._parameters["frame_prefix"], self._node.get_namespace())
        if mode == "none":
            return
        error = frame_error(header.frame_id, prefix)
        if error is not None:
            self._throttled_logger.warn("no frame", f"no TF frames are sent: {error}")
        elif named:
            frames = [conversions.transforms(hand, header, mode == "full", prefix) for hand in named]
            self._broadcaster.sendTransform([frame for of_one_hand in frames for frame in of_one_hand])

    def publish_pictures(
        self,
        hands: tuple[Hand, ...],
        header: Header,
        depth: np.ndarray,
        camera: Camera,
        publish: Callable[[Publisher, object], None],
    ) -> None:
        """Publishes what is only for eyes: after the rest, and only where somebody subscribes.

        ``hands`` are those of the image, in its own frame. ``publish(publisher, message)`` publishes what was drawn, or
        not where it is of no use any more.
        """
        if self._parameters["publish_markers"] and self._marker_array.get_subscription_count() > 0:
            markers = self._markers.update(self._shown, self._last_header, self._up)
            if markers is not None:
                publish(self._marker_array, markers)
        if self._parameters["publish_overlay"] and self._overlay.get_subscription_count() > 0:
            publish(self._overlay, conversions.image_from_rgb(draw_overlay(depth, camera, hands), header))

    def hide(self) -> None:
        """Deletes the markers that are shown; what hands held has ended."""
        self.interactions.stop()
        markers = self._markers.update((), self._last_header)
        if markers is not None:
            self._marker_array.publish(markers)
