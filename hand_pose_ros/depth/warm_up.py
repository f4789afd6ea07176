"""The kernels of this room that not every camera needs, run once before the first frame.

In: nothing. Out: every kernel that reads an image is compiled, or loaded from the cache: the first image of an unusual
camera need not wait for a compiler.
"""

from __future__ import annotations

import struct

import numpy as np

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.compressed import decode_compressed_depth
from hand_pose_ros.depth.frame import DepthFrame
from hand_pose_ros.depth.image import decode_depth

# Compressed by RVL: the header, one column, one row, a run of one zero in the first four bits.
_ONE_EMPTY_PIXEL = struct.pack("<iff3I", 0, 0.0, 0.0, 1, 1, 0x10000000)


def warm_up_depth() -> None:
    """Reads images in every way: counts, sparse, dense, compressed, with points projected into them."""
    camera = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)
    sparse = np.full((48, 64), np.nan, np.float32)
    sparse[::2, ::2] = 0.5
    sparse[::2, 32::2] = 0.9
    assert DepthFrame(sparse, camera).surface is not sparse
    dense = np.full((48, 64), 0.5, np.float32)
    assert DepthFrame(dense, camera).surface is dense
    camera.project(np.array([0.0, 0.0, 0.5]))
    decode_depth(np.ones(2, np.uint16), "16UC1", 2, 1, 4, is_bigendian=False)
    decode_compressed_depth(_ONE_EMPTY_PIXEL, "16UC1; compressedDepth rvl")
