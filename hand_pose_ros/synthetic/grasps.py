"""Fingers that close round a thing link by link until they touch it, compiled.

In: hands (lengths and radii of their links, metres), things (solids in the palm frame of a right hand, metres), how the
fingers start and move (rad). Out: joint angles (rad), how far the thing was moved (m) and the gaps (m) between each
finger and the thing.

The way of closing is that of grasp planners (Miller and Allen, "GraspIt!", 2004, the auto-grasp): all joints of a
finger turn at their own rates; when a link touches, the joints before it stop and those behind it go on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.hand.kinematics_numba import REST_ROTATIONS
from hand_pose_ros.hand.skeleton import FINGER_ANGLE_TABLE
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.synthetic.solids import BOX, ELLIPSOID, NOTHING

Array = NDArray[np.float64]

LINK_SHARES: Array = np.array([[0.45, 0.72, 1.0], [0.3, 0.65, 1.0], [0.3, 0.65, 0.95]])
"""(3, 3): where along each link of a finger, from the palm to the tip, balls stand for its flesh. Guessed."""
THUMB_TRIALS = 16
"""Ways of closing the thumb of which the best is taken. Guessed."""
LINK_STOP_M = 0.0005
"""A closing link that comes nearer than this to the thing has met it. Guessed."""
_FLESH = 0.9
"""How near the axes of two fingers come that touch, of the sum of their radii: flesh gives way. Guessed."""
_STEP_RAD = 0.08
"""Step of the fastest joint of a closing finger; guessed, as is in how many halvings the touch is found."""
_HALVINGS = 5
_FACING, _OPPOSITE, _OFF_PREFERRED = 0.8, 0.5, 1.1
"""What a way of closing the thumb gains where its pad faces the thing and where it stands opposite to the fingers
(cosines), and loses per radian off the preferred abduction. Guessed, as is all of the score."""
_WITH_TIP = 0.4
"""What it gains where the last link is the one that meets the thing."""
_GAP_PER_M, _NO_GAP_M = 40.0, 0.001
"""What it loses per metre of its gap beyond the second."""
_NO_TOUCH = 0.6
"""What it loses besides where the thumb does not touch."""
FINGER_TOUCH_M = 0.003
"""A finger whose flesh is nearer than this to the thing touches it. Guessed."""
# Farther than anything, and the step of differences that stand for derivatives, m. Chosen by hand.
_FAR_M = 1e3
_NUDGE_M = 1e-5
_REST = REST_ROTATIONS["right"]


class HandLinks(NamedTuple):
    """N hands: bases (N, 5, 3) m of the fingers in the palm frame, lengths (N, 5, 3) m of their links, radii
    (N, 5, 3, 3) m of the flesh at ``LINK_SHARES``, palm (N, V, 3) m: points of the skin of the palm."""

    bases: Array
    lengths: Array
    radii: Array
    palm: Array


@njit(nogil=True, cache=True)
def signed_distance(
    x: float, y: float, z: float, kind: NDArray[np.int64], centre: Array, turn: Array, half: Array
) -> float:
    """Metres from a point (m) to the nearest of K solids, negative inside; kind (K,), centre (K, 3) m, turn (K, 3, 3):
    rows are unit axes, half (K, 3) m. Exact but for ellipsoids that are no balls, where it is exact at the surface;
    vessels are full."""
    best = _FAR_M
    for k in range(kind.shape[0]):
        if kind[k] == NOTHING:
            continue
        dx, dy, dz = x - centre[k, 0], y - centre[k, 1], z - centre[k, 2]
        a = turn[k, 0, 0] * dx + turn[k, 0, 1] * dy + turn[k, 0, 2] * dz
        b = turn[k, 1, 0] * dx + turn[k, 1, 1] * dy + turn[k, 1, 2] * dz
        c = turn[k, 2, 0] * dx + turn[k, 2, 1] * dy + turn[k, 2, 2] * dz
        if kind[k] == ELLIPSOID:
            a, b, c = a / half[k, 0], b / half[k, 1], c / half[k, 2]
            near = np.sqrt(a * a + b * b + c * c)
            a, b, c = a / half[k, 0], b / half[k, 1], c / half[k, 2]
            slope = np.sqrt(a * a + b * b + c * c)
            distance = (
                near * (near - 1.0) / slope if slope > 1e-9 else -min(half[k, 0], half[k, 1], half[k, 2])
            )
        else:
            if kind[k] == BOX:
                a, b = abs(a) - half[k, 0], abs(b) - half[k, 1]
            else:
                a, b = np.sqrt(a * a + b * b) - half[k, 0], -_FAR_M
            c = abs(c) - half[k, 2]
            inside = min(max(a, b, c), 0.0)
            a, b, c = max(a, 0.0), max(b, 0.0), max(c, 0.0)
            distance = np.sqrt(a * a + b * b + c * c) + inside
        best = min(best, distance)
    return best


@njit(nogil=True, cache=True)
def _link_points(rest: Array, base: Array, lengths: Array, angles: Array, points: Array) -> None:
    """Middles (3, 3, 3) m of the balls along a finger with angles (4,): the abduction, then the flexions."""
    s, c = np.sin(angles[0]), np.cos(angles[0])
    x, y, z = base[0], base[1], base[2]
    bend = 0.0
    for link in range(3):
        bend += angles[link + 1]
        sb, cb = np.sin(bend), np.cos(bend)
        fx = cb * (c * rest[0, 0] + s * rest[0, 1]) - sb * rest[0, 2]
        fy = cb * (c * rest[1, 0] + s * rest[1, 1]) - sb * rest[1, 2]
        fz = cb * (c * rest[2, 0] + s * rest[2, 1]) - sb * rest[2, 2]
        for k in range(3):
            far = lengths[link] * LINK_SHARES[link, k]
            points[link, k, 0] = x + far * fx
            points[link, k, 1] = y + far * fy
            points[link, k, 2] = z + far * fz
        x, y, z = x + lengths[link] * fx, y + lengths[link] * fy, z + lengths[link] * fz


@njit(nogil=True, cache=True)
def _touching(
    points: Array, radii: Array, kind: NDArray[np.int64], centre: Array, turn: Array, half: Array, others: Array,
    other_radii: Array, known: int, gap: Array,
) -> int:  # fmt: skip
    """The outermost link that touches, -1 for none; gap (3,) m between each link and the thing. ``others`` (M, 3) m
    with other_radii (M,), the first ``known`` of them, are the fingers that stand already."""
    last = -1
    for link in range(3):
        gap[link] = _FAR_M
        meets = False
        for k in range(3):
            x, y, z = points[link, k, 0], points[link, k, 1], points[link, k, 2]
            distance = signed_distance(x, y, z, kind, centre, turn, half) - radii[link, k]
            gap[link] = min(gap[link], distance)
            if link > 0 and not meets:
                for m in range(known):
                    dx, dy, dz = x - others[m, 0], y - others[m, 1], z - others[m, 2]
                    limit = _FLESH * (radii[link, k] + other_radii[m])
                    if dx * dx + dy * dy + dz * dz < limit * limit:
                        meets = True
                        break
        if meets or gap[link] < LINK_STOP_M:
            last = link
    return last


@njit(nogil=True, cache=True)
def _close_finger(
    rest: Array, base: Array, lengths: Array, radii: Array, rate: Array, stop: Array, kind: NDArray[np.int64],
    centre: Array, turn: Array, half: Array, others: Array, other_radii: Array, known: int, angles: Array,
    points: Array, gap: Array,
) -> bool:  # fmt: skip
    """Turn a finger's flexions from angles (4,) on, in place, until every link touches or is at its ``stop`` (3,).
    False where the finger stands in the thing before it has begun, however far it is opened."""
    first = 0
    _link_points(rest, base, lengths, angles, points)
    touching = _touching(points, radii, kind, centre, turn, half, others, other_radii, known, gap)
    while touching >= 0:
        if angles[1] < -0.45 or (rate[0] == 0.0 and rate[1] == 0.0):
            return min(gap) > -0.002 and rate[0] == 0.0 and rate[1] == 0.0
        angles[1] -= 0.5 * _STEP_RAD
        _link_points(rest, base, lengths, angles, points)
        touching = _touching(points, radii, kind, centre, turn, half, others, other_radii, known, gap)
    trial = angles.copy()
    while first < 3:
        moves = False
        for k in range(first, 3):
            trial[k + 1] = min(angles[k + 1] + _STEP_RAD * rate[k], max(stop[k], angles[k + 1]))
            moves = moves or trial[k + 1] > angles[k + 1] + 1e-6
        if not moves:
            break
        _link_points(rest, base, lengths, trial, points)
        touching = _touching(points, radii, kind, centre, turn, half, others, other_radii, known, gap)
        if touching < first:
            angles[:] = trial
            continue
        low, high = 0.0, 1.0
        full = trial.copy()
        for _ in range(_HALVINGS):
            share = 0.5 * (low + high)
            trial[:] = angles + share * (full - angles)
            _link_points(rest, base, lengths, trial, points)
            link = _touching(points, radii, kind, centre, turn, half, others, other_radii, known, gap)
            if link >= first:
                high, touching = share, link
            else:
                low = share
        angles[:] = angles + low * (full - angles)
        trial[:] = angles
        first = touching + 1
    _link_points(rest, base, lengths, angles, points)
    _touching(points, radii, kind, centre, turn, half, others, other_radii, 0, gap)
    return True


@njit(nogil=True, cache=True)
def _normal(
    points: Array, radii: Array, kind: NDArray[np.int64], centre: Array, turn: Array, half: Array, out: Array
) -> int:
    """The thing's outward normal where the finger is nearest to it -> out (3,); the link that is."""
    best, link, ball = _FAR_M, 0, 0
    for i in range(3):
        for k in range(3):
            x, y, z = points[i, k, 0], points[i, k, 1], points[i, k, 2]
            distance = signed_distance(x, y, z, kind, centre, turn, half) - radii[i, k]
            if distance < best:
                best, link, ball = distance, i, k
    x, y, z = points[link, ball, 0], points[link, ball, 1], points[link, ball, 2]
    here = signed_distance(x, y, z, kind, centre, turn, half)
    out[0] = (signed_distance(x + _NUDGE_M, y, z, kind, centre, turn, half) - here) / _NUDGE_M
    out[1] = (signed_distance(x, y + _NUDGE_M, z, kind, centre, turn, half) - here) / _NUDGE_M
    out[2] = (signed_distance(x, y, z + _NUDGE_M, kind, centre, turn, half) - here) / _NUDGE_M
    return link


@njit(nogil=True, cache=True)
def _leave_palm(
    palm: Array, way: Array, room: float, kind: NDArray[np.int64], centre: Array, turn: Array, half: Array, shift: Array
) -> None:  # fmt: skip
    """Move the thing's centre (K, 3) in place along ``way`` (3,) until it is ``room`` m off the palm (V, 3)."""
    if way[0] == 0.0 and way[1] == 0.0 and way[2] == 0.0:
        return
    for _ in range(12):
        nearest = _FAR_M
        for v in range(palm.shape[0]):
            x, y, z = palm[v, 0], palm[v, 1], palm[v, 2]
            nearest = min(nearest, signed_distance(x, y, z, kind, centre, turn, half))
        step = room - nearest
        if abs(step) < 1e-4:
            break
        for i in range(3):
            shift[i] += step * way[i]
            for k in range(centre.shape[0]):
                centre[k, i] += step * way[i]


@njit(nogil=True, cache=True)
def _thumb_score(
    finger: Array, link: int, near: float, normal: Array, mean: Array, preferred: float
) -> float:
    """How good a way of closing the thumb is: angles (4,) at its end, the link that is nearest to the thing and its gap
    (m), the thing's normal (3,) there, the mean (3,) of those at the fingers, the preferred abduction (rad)."""
    bend = finger[1 : link + 2].sum()
    s, c = np.sin(finger[0]), np.cos(finger[0])
    facing, against = 0.0, 0.0
    for i in range(3):
        forward = c * _REST[0, i, 0] + s * _REST[0, i, 1]
        facing += (np.cos(bend) * _REST[0, i, 2] + np.sin(bend) * forward) * normal[i]
        against -= mean[i] * normal[i]
    score = _FACING * facing + _OPPOSITE * against - _OFF_PREFERRED * abs(finger[0] - preferred)
    score += _WITH_TIP if link == 2 else 0.0
    score -= _GAP_PER_M * max(near - _NO_GAP_M, 0.0) + (_NO_TOUCH if near > FINGER_TOUCH_M else 0.0)
    return score


@njit(nogil=True, cache=True)
def close_grasps(
    bases: Array, lengths: Array, radii: Array, palm: Array, kind: NDArray[np.int64], centre: Array, turn: Array,
    half: Array, way: Array, room: Array, start: Array, rate: Array, stop: Array, trials: Array, preferred: Array,
    angles: Array, shift: Array, gap: Array,
) -> None:  # fmt: skip
    """Close N hands round N things; the first arguments as of :class:`HandLinks` and of ``grasp_plans.GraspPlans``.

    trials (N, THUMB_TRIALS, 7): the thumb's angles at the start, then its rates; of these ways of closing the one is
    taken whose pad meets the thing, opposite to the fingers and near to ``preferred`` (N,), an abduction.
    Out, in place: angles (N, 20) rad; shift (N, 3) m of the things; gap (N, 5) m between each finger and the thing,
    beyond 100 m where a finger cannot be there at all.
    """
    others, other_radii = np.empty((36, 3)), np.empty(36)
    points, normal, mean = np.empty((3, 3, 3)), np.empty(3), np.empty(3)
    link_gap, finger = np.empty(3), np.empty(4)
    for n in range(kind.shape[0]):
        solids = centre[n].copy()
        _leave_palm(palm[n], way[n], room[n], kind[n], solids, turn[n], half[n], shift[n])
        mean[:] = 0.0
        for f in range(1, 5):
            finger[:] = start[n, f]
            ok = _close_finger(
                _REST[f], bases[n, f], lengths[n, f], radii[n, f], rate[n, f], stop[n, f], kind[n], solids, turn[n],
                half[n], others, other_radii, 0, finger, points, link_gap,
            )  # fmt: skip
            for i in range(4):
                angles[n, FINGER_ANGLE_TABLE[f, i]] = finger[i]
            gap[n, f] = min(link_gap) if ok else _FAR_M
            if ok and gap[n, f] < 0.004:
                _normal(points, radii[n, f], kind[n], solids, turn[n], half[n], normal)
                mean += normal
            for i in range(3):
                for k in range(3):
                    m = 9 * (f - 1) + 3 * i + k
                    others[m] = points[i, k]
                    other_radii[m] = radii[n, f, i, k]
        size = np.sqrt((mean**2).sum())
        if size > 1e-6:
            mean /= size
        best = -np.inf
        gap[n, 0] = _FAR_M
        for t in range(trials.shape[1]):
            finger[:] = trials[n, t, :4]
            ok = _close_finger(
                _REST[0], bases[n, 0], lengths[n, 0], radii[n, 0], trials[n, t, 4:], stop[n, 0], kind[n], solids,
                turn[n], half[n], others, other_radii, 36, finger, points, link_gap,
            )  # fmt: skip
            if not ok:
                continue
            near = min(link_gap)
            link = _normal(points, radii[n, 0], kind[n], solids, turn[n], half[n], normal)
            score = _thumb_score(finger, link, near, normal, mean, preferred[n])
            if score > best:
                best = score
                for i in range(4):
                    angles[n, FINGER_ANGLE_TABLE[0, i]] = finger[i]
                gap[n, 0] = near
