"""People where they show no hand: elbows of bent arms with what they hang on, heads on their shoulders.

In: where elbows are and which way their forearms lead, which are drawn from the hand meshes; how many heads. Out:
solids (N, K) in the same frame, metres. A bent elbow looks like a fist at the end of a forearm, a face that a turned
camera sees like a hand with its fingers bent. All numbers are guessed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.synthetic.primitives import HEAD_ABOVE, SHOULDER, head, limb, trunk
from hand_pose_ros.synthetic.rotations import axes_along, random_axes, rotation_y, rotation_yxz, rotation_z
from hand_pose_ros.synthetic.solids import ELLIPSOID, NOTHING, Solids, gather, solid, where

Array = NDArray[np.float64]

_BEND = (0.45, 2.9)
"""Range of the angle between forearm and upper arm, rad: the tightest that arms bend to, up to nearly straight."""
_UPPER_ARM_M = (0.24, 0.34)
_RADIUS_M = (0.036, 0.064)
"""Half an upper arm's width, from a thin bare one to one in a thick sleeve."""
_TRUNK = 0.5
"""Share with a trunk, where it is far enough from the elbow."""
_CLEAR_M = 0.30
"""The trunk's middle is at least as far from the elbow."""
_FROM_ANYWHERE = 0.2
"""Share of the heads that are seen from behind, above, anywhere; the others look about into the camera."""
_TURNED = 0.5
"""Share of those whose camera is turned by any angle, as one that is mounted on its side or on its head."""
_HAIR = 0.4
"""Share with thick hair or a cap."""
_FACE_ALONE = 0.5
"""Share of which a sensor sees the face alone, as hair gives no reading; eyes are holes then, and parts are missing."""
_SKULL, _EARS = (0, 1), (10, 11)
"""Of a head's parts, those that are not seen then; ears of a half of them."""
_PART_MISSING = 0.15
_FOREHEAD = 0.6
"""Share of the faces alone that have one."""
_DRESSED = (0, 3, 6)
"""Of a trunk's parts: chest, shoulders, neck."""


def upper_arms(elbow: Array, forearm: Array, upright: Array, rng: np.random.Generator) -> Solids:
    """-> (N, 10 parts): upper arms from the elbows (N, 3) m, whose forearms lead along forearm (N, 3), unit vectors,
    and trunks as gravity has them, upright (N, 3, 3) with its second column down."""
    count = len(elbow)
    bend, length = rng.uniform(*_BEND, count), rng.uniform(*_UPPER_ARM_M, count)
    across = axes_along(forearm, rng.normal(size=(count, 3)))[:, 1]
    along = np.cos(bend)[:, None] * forearm + np.sin(bend)[:, None] * across
    shoulder = elbow + length[:, None] * along
    arm = limb(shoulder, elbow, rng.uniform(*_RADIUS_M, count))

    size, girth = rng.uniform(0.85, 1.15, count), rng.uniform(0.9, 1.3, count)
    turn = upright @ rotation_y(rng.normal(0, 1.0, count))
    socket = SHOULDER * np.where(rng.random((count, 1)) < 0.5, [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0])
    chest = shoulder - np.einsum("nij,nj->ni", turn, size[:, None] * socket)
    belly = chest + 0.2 * size[:, None] * turn[:, :, 1]
    there = (np.linalg.norm(belly - elbow, axis=1) > _CLEAR_M) & (rng.random(count) < _TRUNK)
    return gather(arm, where(there, trunk(chest, turn, size, girth)))


def heads(count: int, rng: np.random.Generator) -> Solids:
    """-> (N, 16 parts): heads on necks and shoulders, the origin on what a locator sees of them: about the face."""
    gaze = rotation_yxz(rng.normal(0, 0.6, count), rng.normal(0, 0.35, count), rng.normal(0, 0.2, count))
    gaze = np.where((rng.random(count) < _FROM_ANYWHERE)[:, None, None], random_axes(count, rng), gaze)
    roll = np.where(
        rng.random(count) < _TURNED, rng.uniform(-np.pi, np.pi, count), rng.normal(0, 0.15, count)
    )
    camera, size = rotation_z(roll), rng.uniform(0.85, 1.15, count)
    centre = rng.normal(0, [0.03, 0.045, 0.0], (count, 3)) + rng.uniform(
        [0, 0, 0.03], [0, 0, 0.10], (count, 3)
    )
    skull = head(centre, camera @ gaze, size, rng.uniform(0.8, 1.25, count))

    stands = camera @ rotation_y(rng.normal(0, 0.35, count))
    chest = centre - np.einsum("nij,nj->ni", stands, size[:, None] * HEAD_ABOVE)
    body = trunk(chest, stands, size, rng.uniform(0.9, 1.3, count))
    shown = list(_DRESSED)
    dressed = Solids(body.kind[:, shown], body.centre[:, shown], body.axes[:, shown])
    alone = rng.random(count) < _FACE_ALONE
    missing = rng.random((count, skull.kind.shape[1])) < _PART_MISSING
    missing[:, list(_SKULL)] = True
    missing[:, list(_EARS)] |= rng.random((count, 1)) < 0.5
    skull.kind[alone[:, None] & missing] = NOTHING

    half = size[:, None] * rng.uniform([0.075, 0.05, 0.08], [0.105, 0.11, 0.125], (count, 3))
    above = np.tile([0.0, -0.055, 0.035], (count, 1))
    half[alone] = size[alone, None] * rng.uniform([0.045, 0.02, 0.02], [0.065, 0.045, 0.04], (alone.sum(), 3))
    above[alone] = [0.0, -0.065, -0.03]
    above = np.einsum("nij,nj->ni", camera @ gaze, above) * size[:, None]
    hair = solid(ELLIPSOID, centre + above, half, (camera @ gaze).swapaxes(1, 2))
    topped = rng.random(count) < np.where(alone, _FOREHEAD, _HAIR)
    return gather(skull, where(rng.random(count) < 0.85, dressed), where(topped, hair))
