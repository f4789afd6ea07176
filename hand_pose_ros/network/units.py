"""Units and zeros of the numbers between the pose network's layers: what torch, the GPU's kernel and the CPU's compiled
one must have in common. Without torch.

The numbers are guessed where nothing else is said. Weights are trained with them, so that another number here makes
existing weights useless.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton

Array32 = NDArray[np.float32]

CELL_PX, BOTTLENECK_PX = 4, 16
"""Pixels of the crop along an edge of a cell of the dense network's finest map (the votes', the surface's) and of its
coarsest (the bottleneck's): the strides of ``backbones.DenseBackbone``. ``gpu/head.cu`` writes the 4 out."""
# All of these, up to SIGMA_LOG_RANGE, are guessed; other units want other weights.
LENGTH_SCALE_M = 0.05
"""Unit of lengths at a network's inputs and outputs, metres: its numbers become of order one."""
INFERRED_SHAPE_LIMIT = 0.5
"""Bound of each log scale at inference: a part between 0.61 and 1.65 of its template length."""
SHAPE_SCALE = 0.1
"""Unit of a last layer's shape: log scales."""
REST_FACTOR = 4.0
"""Later steps of the inverse kinematics see what the hand model leaves, and the shape, times this: of order one."""
SPREAD_SCALE, SPREAD_FLOOR = 0.25, 1e-4
"""How far a joint's votes lie apart: the logarithm of their variance plus the floor (half cubes squared), scaled."""
VOTE_SCALE = 0.25
"""Unit of the votes' offsets, half cubes."""
SIGMA_UNIT_M = 0.01
"""Unit of expected errors, metres."""
SIGMA_LOG_RANGE: tuple[float, float] = (-4.0, 3.0)
"""Bounds of an expected error's logarithm: 0.18 to 200 mm."""
NOTHING_FROM = 0.999
"""A crop's value from here on is no reading: +1 to rounding."""

RESTING_ANGLES: Array32 = np.asarray(skeleton.ANGLE_LIMITS, np.float32).mean(-1) * np.float32(0.5)
"""(20,) rad: a half-relaxed hand, from which networks start. Guessed."""


def _palm_axes() -> Array32:
    axes = np.zeros((2, skeleton.JOINT_COUNT), np.float32)
    knuckles, (radial, ulnar) = skeleton.KNUCKLE_JOINTS, skeleton.WRIST_JOINTS
    axes[0, list(knuckles)], axes[0, [radial, ulnar]] = 1.0 / len(knuckles), -0.5
    axes[1, [knuckles[0], radial]], axes[1, [knuckles[-1], ulnar]] = 1.0, -1.0
    return axes


PALM_AXES: Array32 = _palm_axes()
"""(2, 23): the weights with which joints make the palm's x and, before Gram-Schmidt, its y."""
