"""Bags for tests: depth images, camera infos and known hands, in every storage."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.recording.hand_messages import header
from hand_pose_ros.recording.ros_types import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE, type_store

DEPTH, INFO = "/camera/depth/image_raw", "/camera/depth/camera_info"
FRAME = "depth_optical"
START_NS = 1_700_000_000_000_000_000


def depth_image(counts: np.ndarray, stamp_ns: int, frame_id: str = FRAME, encoding: str = "16UC1") -> Any:
    kind = {"16UC1": "<u2", "mono16": "<u2", "32FC1": "<f4", "rgb8": "u1", "mono8": "u1"}[encoding]
    data = np.ascontiguousarray(counts, kind)
    return type_store().types[IMAGE](
        header=header(stamp_ns, frame_id), height=data.shape[0], width=data.shape[1], encoding=encoding,
        is_bigendian=0, step=data.strides[0], data=data.reshape(-1).view(np.uint8),
    )  # fmt: skip


def compressed_image(
    counts: np.ndarray, stamp_ns: int, frame_id: str = FRAME, form: str = "16UC1; compressedDepth png"
) -> Any:
    written, png = cv2.imencode(".png", counts.astype(np.uint16))
    assert written
    data = np.frombuffer(struct.pack("<i2f", 0, 0.0, 0.0) + png.tobytes(), np.uint8)
    return type_store().types[COMPRESSED_IMAGE](header=header(stamp_ns, frame_id), format=form, data=data)


def camera_info(camera: Camera, stamp_ns: int, frame_id: str = FRAME) -> Any:
    types = type_store().types
    k = np.array([camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1], np.float64)
    p = np.array([camera.fx, 0, camera.cx, 0, 0, camera.fy, camera.cy, 0, 0, 0, 1, 0], np.float64)
    roi = types["sensor_msgs/msg/RegionOfInterest"](
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    model = "plumb_bob" if camera.distortion_model == "none" else camera.distortion_model
    return types[CAMERA_INFO](
        header=header(stamp_ns, frame_id), height=camera.height, width=camera.width, distortion_model=model,
        d=np.array(camera.distortion or (0.0,) * 5, np.float64), k=k, r=np.eye(3).reshape(-1), p=p, binning_x=0,
        binning_y=0, roi=roi,
    )  # fmt: skip


@dataclass
class BagMaker:
    """Writes messages into an open bag."""

    writer: Writer
    connections: dict[str, Any] = field(default_factory=dict)

    def write(self, topic: str, kind: str, message: Any, time_ns: int) -> None:
        if topic not in self.connections:
            self.connections[topic] = self.writer.add_connection(topic, kind, typestore=type_store())
        self.writer.write(self.connections[topic], time_ns, type_store().serialize_cdr(message, kind))

    def image(self, counts: np.ndarray, stamp_ns: int, topic: str = DEPTH, encoding: str = "16UC1") -> None:
        self.write(topic, IMAGE, depth_image(counts, stamp_ns, encoding=encoding), stamp_ns)

    def info(self, camera: Camera, stamp_ns: int, topic: str = INFO) -> None:
        self.write(topic, CAMERA_INFO, camera_info(camera, stamp_ns), stamp_ns)


@contextmanager
def open_bag(path: Path, storage: str = "mcap", compression: str = "none") -> Iterator[BagMaker]:
    """A bag that is written; ``storage``: mcap or sqlite3, ``compression``: none, file, message or storage."""
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        yield BagMaker(writer)


def write_frames(
    path: Path,
    frames: Sequence[np.ndarray],
    camera: Camera,
    storage: str = "mcap",
    compression: str = "none",
    rate_hz: float = 30.0,
) -> Path:
    """A bag of counts (H, W) with an info each; returns its path."""
    with open_bag(path, storage, compression) as bag:
        for index, counts in enumerate(frames):
            stamp_ns = START_NS + round(index * 1e9 / rate_hz)
            bag.info(camera, stamp_ns)
            bag.image(counts, stamp_ns)
    return path


def overwrite_the_middle(file: Path, count: int) -> None:
    """Damages a file: so many bytes from its middle on."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + count] = b"\xff" * count
    file.write_bytes(bytes(content))
