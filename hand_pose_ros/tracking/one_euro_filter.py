"""Smoothing of a hand's pose over time, in parameter space: steady when the hand is still, quick when it moves.

In: frame after frame a measured PoseState (palm position (3,) m and rotation (3, 3) in the camera's frame, 20 angles
in rad) and the seconds since the frame before. Out: the smoothed PoseState. A lost hand, a new track or time going
backwards is the caller's matter: ``reset`` first.

To track with another filter, write a module like this one: a configuration with a field ``still_hz`` (the cut-off at
rest, 0: no smoothing; the node's parameter ``smoothing_hz`` sets it) whose ``build()`` returns an object with
``update(measured, dt_s)`` and ``reset()``. Then name that configuration in tracking/config.py, at ``filter`` and in
``refinement``.

It is the One Euro filter (Casiez, Roussel and Vogel, CHI 2012): a first-order low-pass whose cut-off frequency grows
with the low-passed speed, f = still_hz + beta |speed| (their Eq. 5 and 6), with four changes:

* The weight of a measurement is 1 - exp(-2 pi f dt), the exact answer of the continuous filter, where theirs is its
  first-order approximation: so a cut-off means the same at every frame rate and over dropped frames.
* The cut-off grows with the square of the speed: noise, whose speed is small, opens it less.
* Quantities that move together are loosened together: the palm as one rigid body, the fingers as one, and the fingers
  also by the palm, because what the camera sees of them changes with it. A shared speed is a surer sign of motion
  than 26 single ones, which noise alone keeps opening; so the filter can be narrow at rest and wide in motion.
* Speed is measured from the smoothed pose to the measurement, so that a pose that lags counts as faster.

Measured with the defaults behind the shipped network, synthetic hands at 30 Hz: fingertips of a still hand 2.3 mm
RMS before, 0.7 mm after; lag added in motion below 2 ms, 15 ms (at most 26) where fingers move before a still palm;
error in motion within 0.6 % of the unfiltered one's, with and without a fifth of the frames dropped.
What is farther from the smoothed pose than noise could bring it is followed at once (``catch_up``): a hand
that sets off does not lag until its speed is known.
Feeding the velocity forward (an alpha-beta filter, critically damped, with the same cut-offs) was tried: it has no lag
on a ramp, but at equal jitter at rest its error in motion was a tenth larger, for it overshoots where hands stop.

Rotations are blended on the manifold: the error is the rotation vector of R^T R_measured, a share of which is added
by the exponential map. Angles are blended between two values in range and so stay in range.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros import validation
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.rotations_numba import multiply, so3_exp, so3_log
from hand_pose_ros.kernel_cache import njit
from hand_pose_ros.tracking.hand import PoseState

Array = NDArray[np.float64]

PALM_LEVER_M = 0.10
"""Turns a palm's rotation speed (rad/s) into that of its fingertips (m/s): they lie about this far from its middle in
the template hand. Derived: 0.10 to 0.13 m with all angles at 0, rounded down."""


@dataclass(frozen=True)
class FilterConfig:
    """Strength of the filter; cut-off frequencies in Hz (a step is followed to 63 % within 1 / (2 pi Hz) seconds).

    Palm speed is |v| + PALM_LEVER_M |w| in m/s, finger speed the length of all 20 angles' speeds in rad/s. The values
    were chosen by hand, jitter of still hands against lag and error of moving ones, on synthetic hands at 30 Hz behind
    the shipped network; what was measured with them stands at the top of this file. ValueError, naming the field, on a
    value that makes no sense.
    """

    still_hz: float = 0.25
    """Cut-off at rest: less is steadier and settles later; 0 leaves every pose as it was measured. Chosen by hand on
    synthetic hands."""
    palm_hz: float = 250.0
    """What a palm speed of 1 m/s adds to the palm's cut-off; it grows with the square of the speed. Chosen by hand on
    synthetic hands."""
    finger_hz_by_palm: float = 80.0
    """What a palm speed of 1 m/s adds to the fingers' cut-off; it grows with the square of the speed. Chosen by hand on
    synthetic hands."""
    finger_hz: float = 0.25
    """What a finger speed of 1 rad/s adds to the fingers' cut-off; it grows with the square of the speed. Chosen by
    hand on synthetic hands."""
    palm_speed_hz: float = 2.0
    """Cut-off of the palm's speed estimate: less separates motion from noise more surely, more does so sooner. Chosen
    by hand on synthetic hands."""
    finger_speed_hz: float = 0.8
    """The same for the fingers, whose noise is larger. Chosen by hand on synthetic hands."""
    catch_up_m: float = 0.02
    """A palm seen this far from the smoothed one (turns count by PALM_LEVER_M) is followed at once, by 63 %; half as
    far by 6 %. It starts to move before its speed is known. 0: never. Chosen by hand on synthetic hands."""
    catch_up_rad: float = 1.0
    """The same for the fingers: the length of all 20 angles' differences. Chosen by hand on synthetic hands."""

    def __post_init__(self) -> None:
        for field in fields(self):
            least = 0.05 if field.name.endswith("speed_hz") else 0.0
            validation.between(self, least, 1000.0, field.name)

    def build(self) -> OneEuroFilter:
        """A filter of this strength, for one track."""
        return OneEuroFilter(self)


class OneEuroFilter:
    """The filter of one track: keeps the smoothed pose and its low-passed speed from frame to frame."""

    def __init__(self, config: FilterConfig) -> None:
        self._config = config
        self._pose: PoseState | None = None
        # (26,): palm m/s, palm rad/s in its own axes, angles rad/s.
        self._speed: Array = np.zeros(skeleton.PARAMETER_COUNT)

    def reset(self) -> None:
        """Forget what was seen: the next measurement is taken as it is, at rest."""
        self._pose = None

    def update(self, measured: PoseState, dt_s: float) -> PoseState:
        """The smoothed pose when ``measured`` was seen ``dt_s`` seconds after the measurement before.

        The first measurement, and the first after a reset, comes back as it is whatever ``dt_s`` is. ValueError when
        dt_s is not positive or the measurement has a wrong shape or a value that is not finite; the filter is then as
        before.
        """
        pose, before, config = _checked(measured), self._pose, self._config
        if before is not None and not 0.0 < dt_s < np.inf:
            raise ValueError(
                f"dt_s is {dt_s}, want a positive number of seconds; reset the filter when time jumps"
            )
        if before is None or config.still_hz == 0.0:
            self._pose, self._speed = pose, np.zeros(skeleton.PARAMETER_COUNT)
        else:
            *blended, self._speed = _blend(
                before.translation, before.rotation, before.angles, self._speed,
                pose.translation, pose.rotation, pose.angles, dt_s,
                config.still_hz, config.palm_hz, config.finger_hz_by_palm, config.finger_hz,
                config.palm_speed_hz, config.finger_speed_hz, config.catch_up_m, config.catch_up_rad,
            )  # fmt: skip
            self._pose = PoseState(*blended)
        return self._pose


def _checked(pose: PoseState) -> PoseState:
    """Contiguous copies; ValueError naming what is wrong."""
    arrays = []
    for name, value, shape in zip(
        PoseState._fields, pose, ((3,), (3, 3), (skeleton.ANGLE_COUNT,)), strict=True
    ):
        arrays.append(validation.finite_array(name, value, shape))
    return PoseState(*arrays)


@njit(cache=True, nogil=True)
def _share(hz: float, dt_s: float) -> float:
    """How much of the way to the measurement a low-pass of this cut-off goes in dt_s."""
    return float(-np.expm1(-2.0 * np.pi * hz * dt_s))


@njit(cache=True, nogil=True)
def _caught_up(share: float, distance: float, limit: float) -> float:
    """The share of a low-pass, raised where the measurement is farther away than noise could bring it."""
    if limit <= 0.0:
        return share
    return float(share + (1.0 - share) * -np.expm1(-((distance / limit) ** 4)))


# Cached although it calls another file's functions, whose changes numba does not notice (`make clean` after such one):
# every start of the node would wait seconds for it.
@njit(cache=True, nogil=True)
def _blend(
    translation: Array, rotation: Array, angles: Array, speed: Array, seen_translation: Array, seen_rotation: Array,
    seen_angles: Array, dt_s: float, still_hz: float, palm_hz: float, finger_hz_by_palm: float, finger_hz: float,
    palm_speed_hz: float, finger_speed_hz: float, catch_up_m: float, catch_up_rad: float,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """One step; see FilterConfig. Returns translation, rotation, angles, speed (26,), all new."""
    error = np.empty(len(speed))
    error[:3] = seen_translation - translation
    error[3:6] = so3_log(multiply(rotation.T, seen_rotation))
    error[6:] = seen_angles - angles

    new_speed = np.empty(len(speed))
    palm_share, finger_share = _share(palm_speed_hz, dt_s), _share(finger_speed_hz, dt_s)
    for k in range(len(speed)):
        new_speed[k] = speed[k] + (palm_share if k < 6 else finger_share) * (error[k] / dt_s - speed[k])
    linear = np.sqrt((new_speed[:3] ** 2).sum())
    angular = np.sqrt((new_speed[3:6] ** 2).sum())
    palm = linear + PALM_LEVER_M * angular

    distance = np.sqrt((error[:3] ** 2).sum()) + PALM_LEVER_M * np.sqrt((error[3:6] ** 2).sum())
    share = _caught_up(_share(still_hz + palm_hz * palm**2, dt_s), distance, catch_up_m)
    new_translation = translation + share * error[:3]
    new_rotation = _orthonormal(multiply(rotation, so3_exp(share * error[3:6])))
    share = _share(still_hz + finger_hz_by_palm * palm**2 + finger_hz * (new_speed[6:] ** 2).sum(), dt_s)
    share = _caught_up(share, np.sqrt((error[6:] ** 2).sum()), catch_up_rad)
    new_angles = np.empty(len(angles))
    for k in range(len(angles)):
        # Between the two even in the last bit, so that what is in range stays in range.
        low, high = min(angles[k], seen_angles[k]), max(angles[k], seen_angles[k])
        new_angles[k] = min(max(angles[k] + share * error[6 + k], low), high)
    return new_translation, new_rotation, new_angles, new_speed


@njit(cache=True, nogil=True)
def _orthonormal(matrix: Array) -> Array:
    """A nearly orthonormal (3, 3) made exactly so, column by column: rounding must not add up over hours."""
    out = np.empty((3, 3))
    x = matrix[:, 0] / np.sqrt((matrix[:, 0] ** 2).sum())
    y = matrix[:, 1] - (x * matrix[:, 1]).sum() * x
    y /= np.sqrt((y**2).sum())
    out[:, 0], out[:, 1] = x, y
    out[0, 2] = x[1] * y[2] - x[2] * y[1]
    out[1, 2] = x[2] * y[0] - x[0] * y[2]
    out[2, 2] = x[0] * y[1] - x[1] * y[0]
    return out
