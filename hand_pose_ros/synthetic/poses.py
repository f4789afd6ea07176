"""Hand poses and views drawn at random, the way hands before a mounted camera really look.

Out: joint angles (N, 20) rad in range, palm rotations (N, 3, 3) in a look-at view (x right, y down, z away from the
camera), wrist bends (N, 2) rad. Always right hands; everything is a pure function of the generator handed in.

Angles are a mixture: one global curl, fingers open or closed, independent fingers, relaxed hands, and contacts of
the thumb with a finger. DIP follows PIP, ring and pinky follow each other, the spread shrinks as the MCP joints
flex. Poses whose fingers pass through each other or the palm are rejected with a coarse capsule test.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import forward_kinematics, template_offsets
from hand_pose_ros.synthetic.rotations import random_rotations, rotation_x, rotation_y, rotation_z

Array = NDArray[np.float64]

_THUMB, _FINGERS = skeleton.FINGER_ANGLE_TABLE[0], skeleton.FINGER_ANGLE_TABLE[1:]
"""(4,), (4, 4): the thumb's angles, and those of the four fingers, among the 20."""
_LOWER, _UPPER = skeleton.ANGLE_LIMITS[:, 0], skeleton.ANGLE_LIMITS[:, 1]
# DIP follows PIP by this factor. Guessed, as the next three.
_DIP_PER_PIP = 0.62
# Half the thickness of a finger, metres: two fingers' axes come no closer than about twice this.
_FINGER_RADIUS_M = 0.0065
# How far the skin of the palm lies before the plane of the knuckles, plus a finger's radius.
_PALM_CLEARANCE_M = 0.013
# Cosine between the hand's axis and the viewing ray from which on the forearm hides the hand.
_AWAY = 0.85

# Palm to the camera, fingers up: palm x -> image up (-y), palm z (back of the hand) -> away from the camera.
_FACING: Array = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def sample_angles(count: int, rng: np.random.Generator) -> Array:
    """(count, 20) rad, within ``ANGLE_LIMITS``, without self-intersection of the template hand."""
    kept: list[Array] = []
    found = 0
    while found < count:
        candidates = _propose(2 * (count - found) + 16, rng)
        candidates = candidates[~self_intersects(candidates)]
        kept.append(candidates)
        found += len(candidates)
    return np.concatenate(kept)[:count]


def _propose(count: int, rng: np.random.Generator) -> Array:
    kind = rng.choice(5, size=count, p=[0.24, 0.26, 0.24, 0.10, 0.16])
    mcp, pip = np.empty((count, 4)), np.empty((count, 4))

    # One curl for the hand, fingers scattered about it.
    curl = rng.random((count, 1)) * 1.1 - 0.05 + rng.normal(0, 0.12, (count, 4))
    ratio = rng.normal(1.0, 0.35, (count, 1))
    mcp[:], pip[:] = 1.35 * curl * ratio, 1.75 * curl

    # Each finger open or closed; the ring finger and the pinky mostly agree.
    closed = rng.random((count, 4)) < 0.5
    closed[:, 3] = np.where(rng.random(count) < 0.75, closed[:, 2], closed[:, 3])
    target = closed + rng.normal(0, 0.10, (count, 4))
    pattern = kind == 1
    mcp[pattern] = (1.30 * target + rng.normal(0.0, 0.15, (count, 4)))[pattern]
    pip[pattern] = (1.65 * target + rng.normal(0.05, 0.12, (count, 4)))[pattern]

    independent = kind == 2
    mcp[independent] = rng.uniform(-0.35, 1.55, (count, 4))[independent]
    pip[independent] = rng.uniform(-0.05, 1.85, (count, 4))[independent]
    # Half of the independent fingers keep company with their neighbour.
    follow = independent & (rng.random(count) < 0.5)
    for finger in (1, 2, 3):
        share = rng.uniform(0.4, 0.9, count)
        for flexion in (mcp, pip):
            blended = share * flexion[:, finger - 1] + (1 - share) * flexion[:, finger]
            flexion[follow, finger] = blended[follow]

    relaxed = kind == 3
    mcp[relaxed] = (rng.normal(0.25, 0.18, (count, 1)) + rng.normal(0, 0.08, (count, 4)))[relaxed]
    pip[relaxed] = (rng.normal(0.35, 0.2, (count, 1)) + rng.normal(0, 0.1, (count, 4)))[relaxed]

    dip = _DIP_PER_PIP * pip + rng.normal(0, 0.12, (count, 4))
    freedom = np.clip(1.0 - mcp / 1.4, 0.12, 1.0)  # flexed fingers cannot spread
    fan = rng.normal(0.4, 0.7, (count, 1)) * np.array([0.28, 0.04, -0.16, -0.38])
    abduction = (fan + rng.normal(0, 0.06, (count, 4))) * freedom

    angles = np.empty((count, skeleton.ANGLE_COUNT))
    angles[:, _FINGERS] = np.stack([abduction, mcp, pip, dip], axis=-1)
    angles[:, _THUMB] = _thumb(count, rng)

    contact = np.flatnonzero(kind == 4)
    contact_thumb, contact_finger, contact_which = _contact_poses()
    chosen = rng.integers(len(contact_which), size=len(contact))
    angles[contact[:, None], _THUMB] = contact_thumb[chosen] + rng.normal(0, 0.03, (len(contact), 4))
    columns = _FINGERS[contact_which[chosen]]
    angles[contact[:, None], columns] = contact_finger[chosen] + rng.normal(0, 0.03, (len(contact), 4))
    return np.clip(angles, _LOWER, _UPPER)


def _thumb(count: int, rng: np.random.Generator) -> Array:
    """(count, 4) thumb angles: spread out, along the index, or folded across the palm."""
    fold = np.clip(rng.beta(0.9, 1.1, count) + rng.normal(0, 0.08, count), -0.1, 1.1)
    abduction = rng.normal(0.0, 0.32, count)
    cmc = -0.35 + 0.85 * fold + rng.normal(0, 0.18, count)
    mcp = -0.05 + 0.75 * fold * rng.random(count) + rng.normal(0, 0.15, count)
    ip = np.where(
        rng.random(count) < 0.25, rng.uniform(-0.5, 0.1, count), rng.uniform(-0.1, 1.2, count) * fold
    )
    return np.stack([abduction, cmc, mcp, ip + rng.normal(0, 0.1, count)], axis=-1)


def sample_fists(count: int, rng: np.random.Generator) -> Array:
    """(count, 20) rad, within ``ANGLE_LIMITS``: fists, the thumb across the fingers, beside them or up.

    Guessed: fingers folded to where the palm's flesh stops them, so that no test for intersections is made.
    """
    angles = np.zeros((count, skeleton.ANGLE_COUNT))
    mcp = rng.normal(1.30, 0.12, (count, 1)) + rng.normal(0, 0.06, (count, 4))
    pip = rng.normal(1.70, 0.10, (count, 1)) + rng.normal(0, 0.05, (count, 4))
    dip = rng.normal(0.85, 0.15, (count, 1)) + rng.normal(0, 0.06, (count, 4))
    angles[:, _FINGERS] = np.stack([rng.normal(0, 0.04, (count, 4)), mcp, pip, dip], axis=-1)
    thumb = _thumb(count, rng)
    across = np.stack(
        [
            rng.normal(0.0, 0.2, count), rng.normal(0.40, 0.12, count), rng.normal(0.55, 0.2, count),
            rng.normal(0.6, 0.25, count),
        ],
        axis=-1,
    )  # fmt: skip
    angles[:, _THUMB] = np.where((rng.random(count) < 0.7)[:, None], across, thumb)
    return np.clip(angles, _LOWER, _UPPER)


def template_joints(angles: Array) -> Array:
    """Joints (..., 23, 3) m of the template hand in its own palm frame, for angles (..., 20)."""
    values = torch.as_tensor(angles, dtype=torch.float32)
    rotation = torch.eye(3).expand(*values.shape[:-1], 3, 3)
    frames = forward_kinematics(rotation, torch.zeros(*values.shape[:-1], 3), values, template_offsets())
    return frames.joints.numpy().astype(np.float64)


@lru_cache(maxsize=1)
def _contact_poses() -> tuple[Array, Array, NDArray[np.int64]]:
    """Thumb angles (K, 4), finger angles (K, 4) and finger 0..3 whose tips touch, found by a fixed random search."""
    rng = np.random.default_rng(20)
    count = 150_000
    angles: Array = np.zeros((count, skeleton.ANGLE_COUNT))
    lower, upper = _LOWER[_THUMB], _UPPER[_THUMB]
    angles[:, _THUMB] = lower + rng.random((count, 4)) * (upper - lower)
    angles[:, _THUMB[0]] = rng.normal(0.1, 0.4, count)
    pip = rng.uniform(0.1, 1.7, (count, 4))
    fingers = np.stack(
        [
            rng.normal(0, 0.1, (count, 4)), rng.uniform(-0.1, 1.4, (count, 4)), pip,
            _DIP_PER_PIP * pip + rng.normal(0, 0.1, (count, 4)),
        ],
        axis=-1,
    )  # fmt: skip
    angles[:, _FINGERS] = fingers
    angles = np.clip(angles, _LOWER, _UPPER)
    joints = template_joints(angles)
    tips = joints[:, list(skeleton.TIP_JOINTS)]
    distance = np.linalg.norm(tips[:, 1:] - tips[:, :1], axis=-1)
    row, finger = np.nonzero((distance > 0.008) & (distance < 0.020))
    thumb = angles[row[:, None], _THUMB]
    touching = angles[row[:, None], _FINGERS[finger]]
    # A pose alone must be possible; the other fingers are drawn, and tested, with it later.
    alone = np.zeros((len(row), skeleton.ANGLE_COUNT))
    alone[:, _THUMB] = thumb
    alone[np.arange(len(row))[:, None], _FINGERS[finger]] = touching
    good = ~self_intersects(alone)
    return thumb[good], touching[good], finger[good]


_SAMPLES_A_BONE = 3  # guessed


def self_intersects(angles: Array) -> NDArray[np.bool_]:
    """Angles (N, 20) -> (N,) bool: fingers pass through each other or into the palm (template hand)."""
    joints = template_joints(angles).astype(np.float32)
    share = (np.arange(_SAMPLES_A_BONE) + 1.0) / _SAMPLES_A_BONE
    chains = joints.take(skeleton.FINGER_JOINT_TABLE, axis=1)
    near, far = chains[:, :, :3, None], chains[:, :, 1:, None]
    points = (near + (far - near) * share[:, None].astype(np.float32)).reshape(len(joints), 5, -1, 3)
    bad = np.zeros(len(joints), bool)
    for a in range(5):
        for b in range(a + 1, 5):
            squared = (points[:, a] ** 2).sum(-1)[:, :, None] + (points[:, b] ** 2).sum(-1)[:, None, :]
            squared -= 2 * np.einsum("nij,nkj->nik", points[:, a], points[:, b])
            limit = 1.6 * _FINGER_RADIUS_M if a else 1.75 * _FINGER_RADIUS_M
            if b == a + 1 and a > 0:
                # Neighbours lie side by side near the knuckles by nature.
                squared = squared[:, 3:, 3:]
            bad |= (squared < limit**2).any(axis=(1, 2))
    outer = points[:, :, 4:]  # from the middle of the second bone on
    x, y, z = outer[..., 0], outer[..., 1], outer[..., 2]
    in_palm = (x > -0.055) & (x < 0.030) & (y > -0.042) & (y < 0.030)
    bad |= (in_palm & (z > -_PALM_CLEARANCE_M))[:, 1:].any(axis=(1, 2))
    # The thumb's ball is part of the palm, so only its last bone is held against it.
    bad |= (in_palm & (z > -_PALM_CLEARANCE_M))[:, 0, 2:].any(axis=1)
    return np.asarray(bad)


def sample_view_rotations(count: int, rng: np.random.Generator) -> Array:
    """(count, 3, 3): palm frame in a look-at view; every view, those a person shows a camera more often.

    Of all hands 55 % show the palm (yaw sigma 60, pitch sigma 40 degrees), 22 % the back, 13 % any orientation,
    10 % are pointed at the camera end-on. Half are turned in the image plane by any angle, half by sigma 60 degrees.
    No arm comes straight from the camera: it would hide its own hand, so such hands are turned about to point at it.
    """
    kind = rng.choice(4, size=count, p=[0.55, 0.22, 0.13, 0.10])
    yaw = np.where(kind == 1, np.pi + rng.normal(0, 0.9, count), rng.normal(0, 1.05, count))
    pitch = rng.normal(0, 0.70, count)
    end_on = kind == 3
    pitch[end_on] = (rng.choice([-1.0, 1.0], count) * rng.normal(1.35, 0.25, count))[end_on]
    roll = np.where(rng.random(count) < 0.5, rng.normal(0, 1.05, count), rng.uniform(-np.pi, np.pi, count))
    rotations = rotation_z(roll) @ rotation_x(pitch) @ rotation_y(yaw) @ _FACING
    anywhere = kind == 2
    rotations[anywhere] = random_rotations(count, rng)[anywhere]
    pointing_away = rotations[:, 2, 0] > _AWAY
    rotations[pointing_away] = np.diag([1.0, -1.0, -1.0]) @ rotations[pointing_away]
    return np.asarray(rotations)


def facing_rotation(roll: float, pitch: float, yaw: float) -> Array:
    """(3, 3): a palm that faces the camera, fingers up, turned by these angles (rad) about the view's z, x and y."""
    return np.asarray(rotation_z(roll) @ rotation_x(pitch) @ rotation_y(yaw) @ _FACING)


def sample_wrist_bends(count: int, rng: np.random.Generator) -> Array:
    """(count, 2) rad: how the forearm bends against the palm, flexion then deviation."""
    flexion = np.clip(rng.normal(0.0, 0.35, count), -1.0, 1.0)
    deviation = np.clip(rng.normal(0.0, 0.18, count), -0.45, 0.45)
    return np.stack([flexion, deviation], axis=-1)
