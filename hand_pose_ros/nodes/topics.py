"""The topics that more than one node names, and the quality of service that goes with them.

All names are relative except ``/diagnostics``. What only the tracker publishes is named in ``outputs``.
"""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

DEPTH_TOPIC = "depth/image_rect"
"""sensor_msgs/Image, the camera's depth."""

INFO_TOPIC = "depth/camera_info"
"""sensor_msgs/CameraInfo that goes with each depth image."""

HANDS_TOPIC = "hands"
"""hand_pose_ros/HandPoseArray, one for every depth image."""

JOINT_STATES_TOPIC = "hand_joint_states"
"""sensor_msgs/JointState, the hands' angles; ``joint_states`` is the robot's own."""

MODEL_INFO_TOPIC = "hand_model_info"
"""hand_pose_ros/HandModelInfo, latched."""

GESTURES_TOPIC = "hand_gestures"
"""hand_pose_ros/HandGesture, one for every hand and depth image."""

DESCRIPTION_TOPIC = "hand_description"
"""std_msgs/String, latched: URDF of a hand whose size is settled."""

TRUTH_TOPIC = "truth"
"""hand_pose_ros/HandPoseArray of the demo's camera: the true joints of a synthetic hand."""

DIAGNOSTICS_TOPIC = "/diagnostics"
"""diagnostic_msgs/DiagnosticArray."""

# Best effort hears reliable and best-effort cameras alike. Only the newest image counts; camera infos are small and a
# few must wait, or the info of the next frame would push out that of an image which is still on its way.
DEPTH_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
INFO_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)

RELIABLE_QOS = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
LATCHED_QOS = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)

JOINT_COMMAND_TOPIC = "joint_command"
"""sensor_msgs/JointState, what a robot's hand is to do; see ``robot_commands``."""

DEADMAN_TOPIC = "deadman"
"""std_msgs/Bool, true while the operator holds the button."""

ROBOT_STATES_TOPIC = "joint_states"
"""sensor_msgs/JointState, where the robot's joints are."""

ROBOT_DESCRIPTION_TOPIC = "robot_description"
"""std_msgs/String, latched: the robot's URDF."""


def joint_set_topic(name: str) -> str:
    """hand_pose_ros/HandJoints of a joint set."""
    return f"hand_joints/{name}"
