"""People without hands and things in a room, built of solids.

In: where they are (metres; x right, y down, z away from the camera, gravity along y) and how they are turned, with
any leading dimensions. Out: :class:`~hand_pose_ros.synthetic.solids.Solids` in the same frame. Sizes are an average
adult's and common household things', guessed, from which callers scale.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.synthetic.rotations import axes_with_third
from hand_pose_ros.synthetic.solids import BOX, CYLINDER, ELLIPSOID, NOTHING, Solids, gather, moved, solid

Array = NDArray[np.float64]

# A head that looks at the camera, origin between the ears: centre and half axes, m. The face is what distinguishes a
# head from a ball in a depth image: nose, brow, cheeks, lips and chin stand 1 to 3 cm out of the skull.
_HEAD: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...] = (
    ((0.0, -0.025, 0.020), (0.076, 0.098, 0.095)),  # skull
    ((0.0, -0.055, 0.035), (0.084, 0.085, 0.098)),  # hair
    ((0.0, 0.055, -0.020), (0.057, 0.068, 0.062)),  # jaw
    ((0.0, 0.107, -0.062), (0.024, 0.017, 0.018)),  # chin
    ((0.0, -0.022, -0.060), (0.056, 0.013, 0.021)),  # brow
    ((0.0, 0.012, -0.080), (0.010, 0.030, 0.020)),  # bridge of the nose
    ((0.0, 0.034, -0.096), (0.017, 0.012, 0.016)),  # tip of the nose
    ((-0.037, 0.030, -0.056), (0.024, 0.026, 0.022)),  # cheeks
    ((0.037, 0.030, -0.056), (0.024, 0.026, 0.022)),
    ((0.0, 0.068, -0.079), (0.026, 0.012, 0.011)),  # lips
    ((-0.080, 0.005, 0.015), (0.010, 0.032, 0.020)),  # ears
    ((0.080, 0.005, 0.015), (0.010, 0.032, 0.020)),
)
HEAD_PARTS = len(_HEAD)

# A trunk that faces the camera, origin between the shoulders: kind, centre and half axes, m.
_TRUNK: tuple[tuple[int, tuple[float, float, float], tuple[float, float, float]], ...] = (
    (ELLIPSOID, (0.0, 0.20, 0.0), (0.175, 0.27, 0.115)),  # chest
    (ELLIPSOID, (0.0, 0.47, -0.01), (0.165, 0.25, 0.125)),  # belly
    (ELLIPSOID, (0.0, 0.88, -0.01), (0.160, 0.55, 0.110)),  # hips and legs, or a seat
    (ELLIPSOID, (0.0, 0.04, 0.01), (0.225, 0.080, 0.080)),  # shoulders
    (ELLIPSOID, (-0.19, 0.05, 0.01), (0.062, 0.072, 0.062)),
    (ELLIPSOID, (0.19, 0.05, 0.01), (0.062, 0.072, 0.062)),
    (ELLIPSOID, (0.0, -0.06, 0.0), (0.056, 0.10, 0.056)),  # neck
)
SHOULDER: Array = np.array([0.19, 0.05, 0.01])
"""The shoulder at the camera's right (+x), from the trunk's origin, m; the other one mirrors it."""
HEAD_ABOVE: Array = np.array([0.0, -0.20, -0.015])
"""The head's origin, from the trunk's, m."""

UPRIGHT: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Axes, as rows, of cylinders and vessels that stand: the third points up."""


def head(centre: ArrayLike, turn: ArrayLike, size: ArrayLike = 1.0, relief: ArrayLike = 1.0) -> Solids:
    """A head (..., 12 parts) at centre (..., 3) m, turned by rotation turn (..., 3, 3); size and relief factors (...).

    ``relief`` scales how far nose, brow, cheeks and chin stand out.
    """
    place = np.array([part[0] for part in _HEAD])
    half = np.array([part[1] for part in _HEAD])
    size, relief = np.asarray(size, np.float64), np.asarray(relief, np.float64)
    stands_out = np.ones((*relief.shape, HEAD_PARTS))
    stands_out[..., 3:10] = relief[..., None]
    half = half * stands_out[..., None] * size[..., None, None]
    parts = solid(ELLIPSOID, place * size[..., None, None], half)
    flat = Solids(parts.kind[..., 0], parts.centre[..., 0, :], parts.axes[..., 0, :, :])
    return moved(flat, turn, centre)


def trunk(centre: ArrayLike, turn: ArrayLike, size: ArrayLike = 1.0, girth: ArrayLike = 1.0) -> Solids:
    """Chest, belly, shoulders and neck (..., 7 parts); centre (..., 3) m between the shoulders, turn (..., 3, 3)."""
    place = np.array([part[1] for part in _TRUNK])
    half = np.array([part[2] for part in _TRUNK])
    size, girth = np.asarray(size, np.float64), np.asarray(girth, np.float64)
    wide = np.ones((*girth.shape, 3))
    wide[..., 0], wide[..., 2] = girth, girth
    half = half * wide[..., None, :] * size[..., None, None]
    parts = solid(np.array([part[0] for part in _TRUNK]), place * size[..., None, None], half)
    flat = Solids(parts.kind[..., 0], parts.centre[..., 0, :], parts.axes[..., 0, :, :])
    return moved(flat, turn, centre)


def limb(start: ArrayLike, end: ArrayLike, radius: ArrayLike) -> Solids:
    """A limb (..., 3 parts) between joints start and end (..., 3) m, radius (...) m: a long ellipsoid, round ends."""
    start, end, radius = (np.asarray(value, np.float64) for value in (start, end, radius))
    along = end - start
    length = np.maximum(np.linalg.norm(along, axis=-1), 1e-3)
    turn = axes_with_third(along / length[..., None])
    across = np.broadcast_to(radius, length.shape)
    half = np.stack([across, across, 0.5 * length + 0.6 * across], axis=-1)
    ball = np.stack([0.82 * across] * 3, axis=-1)
    return gather(
        solid(ELLIPSOID, 0.5 * (start + end), half, turn),
        solid(ELLIPSOID, start, ball),
        solid(ELLIPSOID, end, ball),
    )


def bare_forearm(elbow: ArrayLike, end: ArrayLike, radius: ArrayLike) -> Solids:
    """A forearm (..., 2 parts) from the elbow to where it leaves the image, blunt at the elbow, no hand."""
    elbow, end, radius = (np.asarray(value, np.float64) for value in (elbow, end, radius))
    along = end - elbow
    length = np.maximum(np.linalg.norm(along, axis=-1), 1e-3)
    across = np.broadcast_to(radius, length.shape)
    half = np.stack([across, 0.85 * across, 0.5 * length], axis=-1)
    return gather(
        solid(CYLINDER, 0.5 * (elbow + end), half, axes_with_third(along / length[..., None])),
        solid(ELLIPSOID, elbow, np.stack([across, across, 1.15 * across], axis=-1)),
    )


def chair(centre: ArrayLike, turn: ArrayLike) -> Solids:
    """A chair (..., 5 parts): back, seat and arm rests of flat boxes; centre (..., 3) m is the seat's middle."""
    parts = [
        solid(BOX, (0.0, -0.30, 0.20), (0.21, 0.22, 0.018)),
        solid(BOX, (0.0, 0.0, 0.0), (0.22, 0.022, 0.21)),
        solid(BOX, (-0.24, -0.18, 0.02), (0.022, 0.016, 0.16)),
        solid(BOX, (0.24, -0.18, 0.02), (0.022, 0.016, 0.16)),
        solid(BOX, (0.0, 0.25, 0.0), (0.03, 0.23, 0.03)),
    ]
    return moved(gather(*parts), turn, centre)


def cup(
    centre: ArrayLike,
    turn: ArrayLike,
    size: ArrayLike = 1.0,
    tall: ArrayLike = 1.0,
    reach: ArrayLike = 1.0,
    body: ArrayLike = CYLINDER,
) -> Solids:
    """A mug (..., 4 parts) with its handle at +x and its mouth at -y.

    size is a factor (...) of everything, tall (...) of heights, reach (...) of how far the handle stands off; body
    (...) is CYLINDER for a full one, VESSEL for one that is empty.
    """
    size, tall, reach = (np.asarray(value, np.float64)[..., None] for value in (size, tall, reach))

    def scaled(x: Array | float, y: Array | float, z: float) -> Array:
        return np.asarray(size * np.concatenate(np.broadcast_arrays(x, tall * y, z), axis=-1))

    bar, outside = 0.024 * reach, handle_m(reach)
    parts = [
        solid(body, (0.0, 0.0, 0.0) * size, scaled(0.040, 0.048, 0.040)[..., [0, 2, 1]], UPRIGHT),
        solid(BOX, scaled(0.038 + bar, -0.022, 0.0), scaled(bar, 0.006 / tall, 0.006)),
        solid(BOX, scaled(0.038 + bar, 0.022, 0.0), scaled(bar, 0.006 / tall, 0.006)),
        solid(BOX, scaled(outside, 0.0, 0.0), scaled(0.006, 0.026, 0.006)),
    ]
    return moved(gather(*parts), turn, centre)


def handle_m(reach: ArrayLike) -> Array:
    """How far (...) m from the axis of a :func:`cup` of size 1 the upright part of its handle stands."""
    return 0.038 + 0.044 * np.asarray(reach, np.float64)


def gripper(
    centre: ArrayLike,
    turn: ArrayLike,
    size: ArrayLike = 1.0,
    opening: ArrayLike = 0.5,
    third: ArrayLike = True,
) -> Solids:
    """A robot's gripper (..., 6 parts) that points along its +x, at the end of the robot's arm: two fingers on a
    housing, and a third between them.

    centre (..., 3) m: the middle of the housing's front; size is a factor (...), opening 0 (closed) to 1 (...),
    third (...): whether there is that finger.
    """
    size, opening = np.asarray(size, np.float64)[..., None], np.asarray(opening, np.float64)[..., None]
    apart = size * np.concatenate(np.broadcast_arrays(0.040, 0.012 + 0.036 * opening, 0.0), axis=-1)
    finger = size * (0.042, 0.009, 0.011)
    along_x = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # third axis along x
    middle = solid(BOX, size * (0.030, 0.0, 0.022), size * (0.032, 0.008, 0.008))
    parts = [
        solid(CYLINDER, size * (-0.110, 0.0, 0.0), size * (0.034, 0.034, 0.050), along_x),
        solid(CYLINDER, size * (-0.310, 0.0, 0.0), size * (0.045, 0.045, 0.150), along_x),
        solid(BOX, size * (-0.032, 0.0, 0.0), size * (0.034, 0.058, 0.030)),
        solid(BOX, apart, finger),
        solid(BOX, apart * (1.0, -1.0, 1.0), finger),
        middle._replace(kind=np.where(np.asarray(third)[..., None], middle.kind, NOTHING)),
    ]
    return moved(gather(*parts), turn, centre)


def table(edge: ArrayLike, turn: ArrayLike, height: ArrayLike = 0.0) -> Solids:
    """A table top (..., 1): edge (..., 3) m, the middle of its edge nearest to the camera, lowered by height (...)."""
    drop = np.asarray(height, np.float64)[..., None] * np.array([0.0, 1.0, 0.0])
    return moved(solid(BOX, drop + (0.0, 0.015, 0.45), (0.75, 0.015, 0.45)), turn, edge)
