"""Messages that no good camera driver sends: every field of images and camera infos may hold what it should not.

In: a random generator, a good image and its info. Out: a pair in which something is wrong, either of them None when it
does not come at all. Only what a message type can carry: the rest is refused before it is sent.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from hand_pose_ros.evaluation.hostile_frames import WRONG_NUMBERS

Change = Callable[[np.random.Generator, Image, CameraInfo], None]

_TEXTS = ("", "\x1b[31mred\n", "x" * 5000, "%s%n{0}", "ä ö", "/", "camera", "../../etc", "\x01")
_ENCODINGS = (
    *_TEXTS, "32FC1", "16UC1", "mono16", "mono8", "rgb8", "64FC1", "16SC1", "8UC3", "32FC4", "bayer_rggb8",
    "16UC1; compressedDepth", "32FC1; compressedDepth png", "16UC1; compressedDepth rvl",
)  # fmt: skip
_UNSIGNED = (0, 1, 2, 239, 640, 65535, 2**31, 2**32 - 1)


def hostile_messages(
    rng: np.random.Generator, image: Image, info: CameraInfo
) -> tuple[str, Image | None, CameraInfo | None]:
    """What was changed, in a word, and the pair; both are changed in place."""
    kinds = tuple(CHANGES)
    kind = kinds[int(rng.integers(len(kinds)))]
    CHANGES[kind](rng, image, info)
    missing = int(rng.integers(20))
    return kind, None if missing == 0 else image, None if missing == 1 else info


def _encoding(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    image.encoding = _ENCODINGS[int(rng.integers(len(_ENCODINGS)))]


def _floats(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    pixels = rng.uniform(0.2, 2.0, (image.height, image.width)).astype(np.float32)
    hit = rng.random(pixels.shape) < rng.uniform()
    with np.errstate(over="ignore"):
        pixels[hit] = rng.choice(np.array(WRONG_NUMBERS), int(hit.sum())).astype(np.float32)
    image.encoding, image.step, image.data = "32FC1", 4 * image.width, array("B", pixels.tobytes())


def _noise(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    image.data = array("B", rng.bytes(len(image.data)))


def _length(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    lengths = (0, 1, len(image.data) - 1, len(image.data) // 2, len(image.data) + 7, 2 * len(image.data))
    image.data = array("B", bytes(lengths[int(rng.integers(len(lengths)))]))


def _layout(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    setattr(image, str(rng.choice(["width", "height", "step"])), int(rng.choice(_UNSIGNED)))


def _endian(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    image.is_bigendian = int(rng.choice([1, 2, 255]))


def _image_stamp(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    _wrong_stamp(rng, image)


def _info_stamp(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    _wrong_stamp(rng, info)


def _both_stamps(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    _wrong_stamp(rng, image)
    info.header.stamp = image.header.stamp


def _wrong_stamp(rng: np.random.Generator, message: Image | CameraInfo) -> None:
    stamp = message.header.stamp
    seconds = (0, -1, stamp.sec - 5, stamp.sec + 5, stamp.sec - 1, 2**31 - 1, -(2**31), stamp.sec)
    message.header.stamp = type(stamp)(
        sec=seconds[int(rng.integers(len(seconds)))],
        nanosec=int(rng.choice([0, 10**9 - 1, 10**9, 2**32 - 1])),
    )


def _frame_id(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    for message in (image, info):
        message.header.frame_id = _TEXTS[int(rng.integers(len(_TEXTS)))]


def _matrix(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    """K and P together, or one of them."""
    matrix = np.array(info.k)
    matrix[rng.random(9) < 0.4] = rng.choice(WRONG_NUMBERS)
    wide = np.zeros((3, 4))
    wide[:, :3] = matrix.reshape(3, 3)
    if rng.random() < 0.8:
        info.p = wide.reshape(-1)
    if rng.random() < 0.8:
        info.k = matrix


def _distortion(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    models = ("plumb_bob", "rational_polynomial", "equidistant", *_TEXTS)
    info.distortion_model = models[int(rng.integers(len(models)))]
    values = rng.normal(0.0, 10.0 ** rng.uniform(-2, 6), int(rng.choice([0, 4, 5, 8, 14, 500])))
    values[rng.random(len(values)) < 0.2] = rng.choice(WRONG_NUMBERS)
    info.d = array("d", values.tolist())


def _window(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    for name in ("x_offset", "y_offset", "width", "height"):
        setattr(info.roi, name, int(rng.choice(_UNSIGNED)))
    info.binning_x, info.binning_y = (int(value) for value in rng.choice(_UNSIGNED, 2))


def _info_size(rng: np.random.Generator, image: Image, info: CameraInfo) -> None:
    setattr(info, str(rng.choice(["width", "height"])), int(rng.choice(_UNSIGNED)))


CHANGES: dict[str, Change] = {
    "good": lambda rng, image, info: None,
    "encoding": _encoding,
    "floats": _floats,
    "noise": _noise,
    "length": _length,
    "layout": _layout,
    "endian": _endian,
    "image stamp": _image_stamp,
    "info stamp": _info_stamp,
    "both stamps": _both_stamps,
    "frame id": _frame_id,
    "matrix": _matrix,
    "distortion": _distortion,
    "window": _window,
    "info size": _info_size,
}
"""What is done to a good pair, by name."""
