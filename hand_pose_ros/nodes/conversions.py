"""ROS messages <-> the tracker's plain data, and back. No topic, no node, no algorithm.

In: sensor_msgs Image and CompressedImage -> depth (H, W) float32 metres (NaN = no reading).
Out: hands (joints (23, 3) metres, camera optical frame or ``target_frame``) -> HandPoseArray, JointState,
TransformStamped; the hand model's tables -> HandModelInfo. Every output carries the stamp of the depth image it came
from, and the frame that its coordinates are in. Wrong input raises ValueError with one sentence that names what is
wrong.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from cv_bridge import CvBridge, CvBridgeError
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, TransformStamped, Vector3
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from std_msgs.msg import Header

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.camera_info import camera_from_info
from hand_pose_ros.depth.compressed import TRANSPORT, compressed_size, decode_compressed_depth, is_compressed
from hand_pose_ros.depth.image import UnknownEncodingError, decode_depth
from hand_pose_ros.hand.skeleton import ANGLE_LIMITS, ANGLE_NAMES, JOINT_NAMES
from hand_pose_ros.msg import HandModelInfo, HandPose, HandPoseArray
from hand_pose_ros.nodes import hand_frames
from hand_pose_ros.recording import message_contents
from hand_pose_ros.recording.message_contents import MessageTypes, refill_hand

if TYPE_CHECKING:
    from hand_pose_ros.tracking.hand import Hand

SIDES = {"right": HandPose.SIDE_RIGHT, "left": HandPose.SIDE_LEFT}
SIDE_NAMES = {code: name for name, code in SIDES.items()}

_bridge = CvBridge()
_messages = MessageTypes(HandPose, HandPoseArray, HandModelInfo, Point, Vector3, Quaternion, Pose)


def depth_from_image(image: Image, depth_unit_m: float) -> np.ndarray:
    """Returns the depth image in metres (H, W) float32, NaN = no reading.

    ``depth_unit_m`` is the metres a count of integer images. Raises DepthImageError (a ValueError) for encodings that
    are no depth, and for data that does not fill the image.
    """
    data = np.frombuffer(image.data, np.uint8)
    if is_compressed(image.encoding):
        return decode_compressed_depth(data, image.encoding, depth_unit_m)
    layout = (image.encoding, image.width, image.height, image.step, bool(image.is_bigendian))
    try:
        return decode_depth(data, *layout, depth_unit_m)
    except UnknownEncodingError as unknown:
        return _depth_by_cv_bridge(image, depth_unit_m, unknown)


def image_from_compressed(message: CompressedImage) -> Image:
    """Returns a compressedDepth image as an Image that holds the compressed bytes, its format as the encoding.

    It goes the way of every image, and :func:`depth_from_image` unpacks it where it is looked at. Width and height are
    those that the data say they have, 0 where they say nothing that makes sense.
    """
    image = Image(header=message.header, encoding=message.format)
    image.data = message.data
    with contextlib.suppress(ValueError):
        image.width, image.height = compressed_size(np.frombuffer(message.data, np.uint8), message.format)
    if not is_compressed(image.encoding):  # it must not be taken for pixels
        image.encoding = f"{message.format}; {TRANSPORT}"
    return image


def _depth_by_cv_bridge(image: Image, depth_unit_m: float, unknown: UnknownEncodingError) -> np.ndarray:
    if image.is_bigendian:  # not every cv_bridge swaps their bytes
        raise unknown
    try:
        pixels = np.asarray(_bridge.imgmsg_to_cv2(image, desired_encoding="passthrough"))
    except (CvBridgeError, ImportError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise unknown from error  # ImportError: its compiled part was made for another numpy
    # Colour and 8-bit pictures are no depth; anything else with one number a pixel is.
    if pixels.ndim != 2 or pixels.dtype.itemsize < 2 or pixels.shape != (image.height, image.width):
        raise unknown
    depth = pixels.astype(np.float32)
    if pixels.dtype.kind in "iu":
        depth *= np.float32(depth_unit_m)
    with np.errstate(invalid="ignore"):
        depth[~(np.isfinite(depth) & (depth > 0))] = np.nan
    return depth


def camera_to_info(camera: Camera, header: Header) -> CameraInfo:
    """Converts a camera without distortion to CameraInfo."""
    info = CameraInfo(header=header, width=camera.width, height=camera.height, distortion_model="plumb_bob")
    info.d = [0.0] * 5
    info.k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


class KeptCamera:
    """The camera of one topic's infos, made anew only when a number changed: it is the same in every image."""

    def __init__(self, rectified: bool) -> None:
        """``rectified``: as of :func:`camera_from_info`."""
        self._rectified = rectified
        self._made: tuple[tuple[object, ...], Camera] | None = None

    def of(self, info: CameraInfo) -> Camera:
        """ValueError as :func:`camera_from_info`."""
        roi = info.roi
        fields: tuple[object, ...] = (info.width, info.height, info.binning_x, info.binning_y)
        fields += (info.distortion_model, info.d.tobytes(), info.k.tobytes(), info.p.tobytes())
        fields += (roi.x_offset, roi.y_offset, roi.width, roi.height)
        if self._made is None or self._made[0] != fields:
            self._made = (fields, camera_from_info(info, self._rectified))
        return self._made[1]


def image_from_rgb(pixels: np.ndarray, header: Header) -> Image:
    """Converts a picture (H, W, 3) uint8 RGB to an Image."""
    return _bridge.cv2_to_imgmsg(pixels, encoding="rgb8", header=header)


def hand_error(hand: Hand) -> str | None:
    """Returns why this hand must not be published, or None when it may be.

    The reasons are numbers that are not finite, frames that are no rotation, joints behind the camera, and angles
    outside what a hand can do.
    """
    poses = (
        hand.joints,
        hand.angles,
        hand.rotation,
        hand.translation,
        hand.segment_positions,
        hand.segment_rotations,
    )
    rest = (hand.joint_velocities, hand.angle_velocities, hand.joint_confidence, hand.shape)
    if not all(np.isfinite(value).all() for value in (*poses, *rest, hand.thickness, hand.confidence)):
        return "it has numbers that are not finite"
    if abs(float(np.linalg.det(hand.rotation)) - 1.0) > 1e-3:
        return "its palm frame is not a rotation"
    if float(hand.joints[:, 2].min()) <= 0.0:
        return "it has joints behind the camera"
    slack = 1e-3  # rad: rounding
    if (hand.angles < ANGLE_LIMITS[:, 0] - slack).any() or (hand.angles > ANGLE_LIMITS[:, 1] + slack).any():
        return "it has joint angles outside their limits"
    return None


def hands_message(hands: Sequence[Hand], state: int, header: Header) -> HandPoseArray:
    """Converts the hands of one image; the array is empty when there is none."""
    return _messages.hands(hands, state, header)


class KeptHandsMessage:
    """One publisher's message, filled anew for every image: what is published is serialised at once."""

    def __init__(self) -> None:
        self._hands: list[HandPose] = []
        self._array = HandPoseArray()

    def filled(self, hands: Sequence[Hand], state: int, header: Header) -> HandPoseArray:
        """As :func:`hands_message`; good until the next call."""
        self._array.header, self._array.state = header, int(state)
        for message, hand in zip(self._hands, hands, strict=False):
            refill_hand(message, hand, header)
        self._hands += [hand_message(hand, header) for hand in hands[len(self._hands) :]]
        self._array.hands = self._hands[: len(hands)]
        return self._array


def hand_message(hand: Hand, header: Header) -> HandPose:
    """Converts one hand."""
    return _messages.hand(hand, header)


def model_info_message(model_name: str, model_hash: str) -> HandModelInfo:
    """Returns the skeleton's tables and the model that estimates the hands, for consumers that match by name."""
    return _messages.model_info(model_name, model_hash)


def truth_message(joints: np.ndarray, side: str, header: Header) -> HandPoseArray:
    """Converts known joints (23, 3) m to one certain hand; what is not known of it (angles, frames) stays zero."""
    pose = HandPose(header=header, side=SIDES[side], state=HandPose.STATE_TRACK, confidence=1.0, scale=1.0)
    pose.joints = [point(joint) for joint in joints]
    pose.joint_confidence = np.ones(len(JOINT_NAMES), dtype=np.float32)
    pose.palm.position = point(joints[JOINT_NAMES.index("palm")])
    return HandPoseArray(header=header, state=HandPose.STATE_TRACK, hands=[pose])


def joints_of(pose: HandPose) -> np.ndarray:
    """Returns the joints of a HandPose, (23, 3) m."""
    return np.array([(point.x, point.y, point.z) for point in pose.joints])


def stamp_ns(message: Any) -> int:
    """The stamp of a message's header, ns; below 0 as it is, which rclpy's Time refuses."""
    return message_contents.stamp_ns(message.header)


def palm_rotation(pose: HandPose) -> np.ndarray:
    """Returns the rotation of a HandPose's palm, (3, 3). ValueError where it has none."""
    q = pose.palm.orientation
    return rotation_matrix(q.x, q.y, q.z, q.w)


def rotation_matrix(x: float, y: float, z: float, w: float) -> np.ndarray:
    """The rotation (3, 3) of a quaternion of any length. ValueError where that is 0 or no finite number.

    In plain numbers: for one, scipy's Rotation takes twelve times as long (50 us), and more where its code must be
    fetched from memory first.
    """
    length = math.sqrt(x * x + y * y + z * z + w * w)
    if not 0.0 < length < math.inf:
        raise ValueError(f"quaternion is ({x:g}, {y:g}, {z:g}, {w:g}), want one of finite length above 0")
    x, y, z, w = x / length, y / length, z / length, w / length
    return np.array(
        (
            (x * x - y * y - z * z + w * w, 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)),
            (2.0 * (x * y + z * w), y * y - x * x - z * z + w * w, 2.0 * (y * z - x * w)),
            (2.0 * (x * z - y * w), 2.0 * (y * z + x * w), z * z + w * w - x * x - y * y),
        )
    )


def seen_hands(hands: Sequence[Hand]) -> list[Hand]:
    """Returns the hands that are seen in this image, without those that are hidden (COAST)."""
    return [hand for hand in hands if int(hand.state) == HandPose.STATE_TRACK]


def joint_state(hands: Sequence[Hand], header: Header) -> JointState:
    """Returns the joint angles (rad) and their velocities (rad/s) of all hands, by name with the side as prefix."""
    return JointState(
        header=header,
        name=[f"{hand.side}_{name}" for hand in hands for name in ANGLE_NAMES],
        position=[float(angle) for hand in hands for angle in hand.angles],
        velocity=[float(velocity) for hand in hands for velocity in hand.angle_velocities],
    )


def transforms(hand: Hand, header: Header, full: bool, prefix: str) -> list[TransformStamped]:
    """Returns the palm's frame in the header's and, when ``full``, all others of ``hand_frames`` in their parents'."""
    name = hand_frames.side_prefix(prefix, hand.side)
    rotations, positions = hand_frames.frames_in_parents(hand)
    count = len(hand_frames.FRAME_NAMES) if full else 1
    quaternions = Rotation.from_matrix(rotations[:count]).as_quat()
    result = []
    for index in range(count):
        parent = hand_frames.FRAME_PARENTS[index]
        child = name + hand_frames.FRAME_NAMES[index]
        stamped = TransformStamped(header=Header(stamp=header.stamp), child_frame_id=child)
        stamped.header.frame_id = header.frame_id if parent < 0 else name + hand_frames.FRAME_NAMES[parent]
        stamped.transform = Transform(
            translation=vector(positions[index]), rotation=quaternion(quaternions[index])
        )
        result.append(stamped)
    return result


def point(xyz: np.ndarray) -> Point:
    """Converts (3,) to a Point."""
    return Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def vector(xyz: np.ndarray) -> Vector3:
    """Converts (3,) to a Vector3."""
    return Vector3(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def quaternion(xyzw: np.ndarray) -> Quaternion:
    """Converts (4,), the real part last, to a Quaternion."""
    return Quaternion(x=float(xyzw[0]), y=float(xyzw[1]), z=float(xyzw[2]), w=float(xyzw[3]))
