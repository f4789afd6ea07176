"""Image messages to NumPy arrays as OpenCV takes them, and back.

In and out: ``sensor_msgs/Image`` and arrays, (H, W) for one channel and (H, W, C) for more, in the machine's byte
order. Encodings: mono8, mono16, rgb8, bgr8, rgba8, bgra8 and OpenCV's type names (8UC1, 16UC1, 32FC1, ...).

The interface is that of the ROS 2 package of this name, as far as hand_pose_ros uses it; on NumPy 1 and 2, without
compiled code of its own.
"""

from __future__ import annotations

import re
import sys

import cv2
import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

__all__ = ["CvBridge", "CvBridgeError"]

_DEPTHS = {
    "8U": "uint8", "8S": "int8", "16U": "uint16", "16S": "int16", "32S": "int32", "32F": "float32", "64F": "float64",
}  # fmt: skip
_TYPE_NAME = re.compile(r"(8U|8S|16U|16S|32S|32F|64F)(?:C([1-9][0-9]*))?")
# Encodings that say what the channels mean, and the type that OpenCV has for them.
_COLOURS = {
    "mono8": "8UC1", "mono16": "16UC1", "rgb8": "8UC3", "bgr8": "8UC3", "rgba8": "8UC4", "bgra8": "8UC4",
}  # fmt: skip
_CONVERSIONS = {
    ("mono8", "rgb8"): cv2.COLOR_GRAY2RGB,
    ("mono8", "bgr8"): cv2.COLOR_GRAY2BGR,
    ("rgb8", "mono8"): cv2.COLOR_RGB2GRAY,
    ("rgb8", "bgr8"): cv2.COLOR_RGB2BGR,
    ("bgr8", "mono8"): cv2.COLOR_BGR2GRAY,
    ("bgr8", "rgb8"): cv2.COLOR_BGR2RGB,
    ("rgba8", "rgb8"): cv2.COLOR_RGBA2RGB,
    ("rgba8", "bgr8"): cv2.COLOR_RGBA2BGR,
    ("rgba8", "mono8"): cv2.COLOR_RGBA2GRAY,
    ("bgra8", "rgb8"): cv2.COLOR_BGRA2RGB,
    ("bgra8", "bgr8"): cv2.COLOR_BGRA2BGR,
    ("bgra8", "mono8"): cv2.COLOR_BGRA2GRAY,
}


class CvBridgeError(TypeError):
    """An image cannot be converted as asked."""


class CvBridge:
    """Converts between ``sensor_msgs/Image`` and arrays."""

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = "passthrough") -> np.ndarray:
        """The image of a message as an array, converted to ``desired_encoding``; "passthrough" leaves it as it is.

        Rows may be padded (``step``), bytes be in either order. Raises CvBridgeError when the encoding is unknown, the
        conversion makes no sense, or the data is shorter than height * step.
        """
        dtype, channels = self.encoding_to_dtype_with_channels(img_msg.encoding)
        image = _pixels(img_msg, np.dtype(dtype), channels)
        if desired_encoding in ("passthrough", img_msg.encoding):
            return image
        return _convert(image, img_msg.encoding, desired_encoding)

    def cv2_to_imgmsg(
        self, cvim: np.ndarray, encoding: str = "passthrough", header: Header | None = None
    ) -> Image:
        """A message with the image; "passthrough" names the array's type, such as 16UC1, as its encoding.

        Raises TypeError when ``cvim`` is not an array, and CvBridgeError when ``encoding`` is not one of its type.
        """
        if not isinstance(cvim, np.ndarray):
            raise TypeError(f"an image has to be a numpy array, not {type(cvim).__name__}")
        type_name = _type_name(cvim)
        if encoding != "passthrough":
            dtype, channels = self.encoding_to_dtype_with_channels(encoding)
            if (np.dtype(dtype), channels) != (cvim.dtype.newbyteorder("="), _channels(cvim)):
                raise CvBridgeError(f"{encoding} does not fit an image of the type {type_name}")
        message = Image()
        if header is not None:
            message.header = header
        message.height, message.width = cvim.shape[:2]
        message.encoding = type_name if encoding == "passthrough" else encoding
        order = cvim.dtype.byteorder
        message.is_bigendian = int(order == ">" or (order == "=" and sys.byteorder == "big"))
        message.step = cvim.shape[1] * _channels(cvim) * cvim.dtype.itemsize
        # frombytes() is a copy of memory; an assignment would check every single byte.
        message.data.frombytes(cvim.tobytes())
        return message

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """The name of the numpy type and the number of channels; raises CvBridgeError when it is unknown."""
        match = _TYPE_NAME.fullmatch(_COLOURS.get(encoding, encoding))
        if match is None:
            raise CvBridgeError(f"the encoding {encoding!r} is not known")
        return _DEPTHS[match.group(1)], int(match.group(2) or 1)


def _pixels(message: Image, dtype: np.dtype, channels: int) -> np.ndarray:
    """(H, W) or (H, W, C), contiguous, in the machine's byte order; the memory is the message's where it can be."""
    row = message.width * channels * dtype.itemsize
    data = np.frombuffer(message.data, np.uint8)
    if message.step < row or data.size < message.height * message.step:
        raise CvBridgeError(
            f"a {message.width}x{message.height} {message.encoding} image has rows of at least {row} bytes; "
            f"this one has step {message.step} and {data.size} bytes"
        )
    rows = data[: message.height * message.step].reshape(message.height, message.step)[:, :row]
    stored = dtype.newbyteorder(">" if message.is_bigendian else "<")
    image = np.ascontiguousarray(rows).view(stored).astype(dtype, copy=False)
    return image if channels == 1 else image.reshape(message.height, message.width, channels)


def _convert(image: np.ndarray, source: str, wanted: str) -> np.ndarray:
    if wanted not in _COLOURS:
        # To a bare type: the meaning of the channels is dropped, their number and type have to be the same.
        if _TYPE_NAME.fullmatch(wanted) and _with_channels(wanted) == _with_channels(
            _COLOURS.get(source, source)
        ):
            return image
    elif (source, wanted) in _CONVERSIONS:
        return cv2.cvtColor(image, _CONVERSIONS[source, wanted])
    raise CvBridgeError(f"there is no conversion from {source} to {wanted}")


def _with_channels(type_name: str) -> str:
    return type_name if "C" in type_name else f"{type_name}C1"


def _channels(image: np.ndarray) -> int:
    return 1 if image.ndim == 2 else image.shape[2]


def _type_name(image: np.ndarray) -> str:
    native = image.dtype.newbyteorder("=").name
    depth = next((depth for depth, name in _DEPTHS.items() if name == native), None)
    if depth is None or image.ndim not in (2, 3):
        raise CvBridgeError(f"there is no encoding for an array of {image.ndim} dimensions of {image.dtype}")
    return f"{depth}C{_channels(image)}"
