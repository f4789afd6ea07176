"""How well and how safely a robot's hand follows a person's: pinch, open hand, time, stillness, faults.

In: a robot's name, a side, an engine's name. Out: :class:`RetargetFigures`. Lengths in millimetres where the field says
so; positions of joints in rad.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hand_pose_ros.evaluation.operator_hands import moving_angles, operator_hand, pinch_angles
from hand_pose_ros.evaluation.retarget_faults import FaultFigures, drive_through_faults
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.joint_sets import JOINT_SETS, OPERATOR_SET, operator_points
from hand_pose_ros.hand.skeleton import ANGLE_COUNT, FINGERS
from hand_pose_ros.retarget.engine import Array, OperatorHand
from hand_pose_ros.retarget.fingertips import fingertips
from hand_pose_ros.retarget.retargeter import Retargeter, build_retargeter
from hand_pose_ros.retarget.robot_config import RobotConfig, read_robot, robot_file
from hand_pose_ros.retarget.steady_engine import SteadyConfig, SteadyEngine
from hand_pose_ros.synthetic.sequences import bench_sequences
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.tracker import HandTracker

PINCH_M = 0.013
"""Tips that touch, bone to bone: what was measured of people."""
VARIANTS: tuple[tuple[float, float], ...] = ((1.0, SteadyConfig().still_m), (1.0, 0.0), (0.2, 0.0))
"""(low-pass, still_m) as they are by default; without either; with the low-pass of dex-retargeting's own files."""
MOST_STILL_RAD = 0.002
"""What a robot's joints may move by, root mean square, while the person's hand is at rest. Chosen by hand."""
# Guessed, as the three that follow; the rate is a usual camera's.
_RATE_HZ = 30.0
_LEARNT_S, _STILL_S = 3.0, 3.0
_SETTLED = 15  # frames before an engine has settled on what does not change
_APPROACH = 15  # frames from the open hand to the pinch


@dataclass(frozen=True)
class StillFigures:
    """What keeps a robot still costs and brings."""

    low_pass: float
    """The engine's, 1 is none."""
    still_m: float
    """Of ``SteadyConfig``, 0 is none."""
    lag_frames: float
    """How far a moving hand's joints lag behind those without either, frames of 30 Hz."""
    still_rad: float | None
    """Root mean square of the joints about their means over 3 s of a tracked hand at rest, the worst joint; None where
    nothing was tracked."""


@dataclass(frozen=True)
class RetargetFigures:
    """One robot, one side, one engine."""

    robot: str
    side: str
    engine: str
    joints: int
    human_pinch_mm: float
    pinch_gap_mm: float | None
    """Between the robot's tips of thumb and index when the person holds that pinch; None where the file names no
    tips."""
    open_residual_mm: tuple[float, ...]
    """Open hand: how far each of the robot's tips, seen from its wrist, is from the person's times the scale."""
    open_length_ratio: tuple[float, ...]
    """Open hand: the robot's length from wrist to tip against the person's."""
    engine_ms_p50: float
    engine_ms_p95: float
    still: tuple[StillFigures, ...]
    faults: FaultFigures

    @property
    def problems(self) -> list[str]:
        """What must not be."""
        found = list(self.faults.problems)
        if self.still and (self.still[0].still_rad or 0.0) > MOST_STILL_RAD:
            found.append(f"a hand at rest moves by {self.still[0].still_rad:.4f} rad RMS")
        return [f"{self.robot} {self.side} {self.engine}: {problem}" for problem in found]


def still_hand(model: str | None = None) -> list[OperatorHand]:
    """A hand at rest as the tracker sees it for 3 s, from synthetic depth images of 30 Hz, and half a second before;
    the first seconds, in which its size is learnt, are left out."""
    still = next(sequence for sequence in bench_sequences() if sequence.kind == "still")
    still = replace(still, duration_s=_LEARNT_S + _SETTLED / _RATE_HZ + _STILL_S)
    tracker = HandTracker(model, TrackerConfig())
    tracker.warm_up()
    hands = []
    for stamp_s, frame in still.frames():
        found = tracker.update(frame.depth, still.camera, stamp_s).hands
        if found and stamp_s >= _LEARNT_S:
            hand = found[0]
            hands.append(OperatorHand(hand.side, operator_points(hand.joints, hand.rotation), hand.angles))
    return hands


def measure_robot(
    name: str, side: str, engine: str, frames: int, seed: int, still: Sequence[OperatorHand] = ()
) -> RetargetFigures:
    """All figures of a robot. ``still``: a tracked hand at rest, mirrored for the other side.

    ValueError as ``build_retargeter``.
    """
    config = read_robot(robot_file(name, side))
    robot = build_retargeter(config, engine, side)
    steady = _steady(build_retargeter(config, engine, side))
    poses = [operator_hand(side, angles) for angles in moving_angles(seed, np.arange(300) / _RATE_HZ)]
    times_ms = []
    for hand in poses:
        start_s = time.perf_counter()
        robot.engine.retarget(hand)
        times_ms.append(1e3 * (time.perf_counter() - start_s))
    residual, ratio = _open_hand(steady, side)
    p50, p95 = np.percentile(times_ms, (50, 95))
    return RetargetFigures(
        robot=name,
        side=side,
        engine=robot.engine.name,
        joints=len(robot.engine.joint_names),
        human_pinch_mm=1e3 * PINCH_M,
        pinch_gap_mm=_pinch_gap_mm(steady, side),
        open_residual_mm=residual,
        open_length_ratio=ratio,
        engine_ms_p50=float(p50),
        engine_ms_p95=float(p95),
        still=_still(config, robot.engine.name, side, poses, still),
        faults=drive_through_faults(_steady(build_retargeter(config, engine, side)), side, frames, seed),
    )


def retarget_lines(figures: RetargetFigures) -> list[str]:
    """The figures as lines of text."""
    faults = figures.faults
    lines = [f"{figures.robot} {figures.side} by {figures.engine}: {figures.joints} joints"]
    if figures.pinch_gap_mm is not None:
        residual = ", ".join(f"{value:.0f}" for value in figures.open_residual_mm)
        ratio = ", ".join(f"{value:.2f}" for value in figures.open_length_ratio)
        lines += [
            f"  held pinch: person {figures.human_pinch_mm:.0f} mm, robot {figures.pinch_gap_mm:.1f} mm",
            f"  open hand: fingertips {residual} mm off, robot's fingers {ratio} of the person's",
        ]
    lines.append(f"  engine: p50 {figures.engine_ms_p50:.3f} ms, p95 {figures.engine_ms_p95:.3f} ms")
    for still in figures.still:
        rest = "not measured" if still.still_rad is None else f"{still.still_rad:.4f} rad RMS"
        lines.append(
            f"  low-pass {still.low_pass:g}, still_m {still.still_m:g}: lag {still.lag_frames:.1f} frames, "
            f"hand at rest {rest}"
        )
    lines.append(
        f"  {faults.frames} hands with faults, {faults.commands} commands: {faults.before_engage} before engage, "
        f"{faults.outside_limits} outside limits, {faults.over_velocity} over velocity, "
        f"{faults.over_acceleration} over acceleration; {faults.losses} losses, held after at most "
        f"{faults.commands_until_hold} commands; largest step {faults.most_step_rad:.3f}, the engine's "
        f"{faults.most_engine_step_rad:.2f}"
    )
    return lines


def _pinch_gap_mm(robot: Retargeter, side: str) -> float | None:
    pinch, positions = pinch_angles(PINCH_M), np.zeros(0)
    for share in (*np.linspace(0.0, 1.0, _APPROACH), *np.ones(2 * _APPROACH)):
        positions = robot.engine.retarget(operator_hand(side, share * pinch))
    tips = fingertips(robot, np.clip(positions, robot.limits.lower, robot.limits.upper))
    return None if tips is None else float(1e3 * np.linalg.norm(tips[0] - tips[1]))


def _open_hand(robot: Retargeter, side: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    hand, positions = operator_hand(side, np.zeros(ANGLE_COUNT)), np.zeros(0)
    for _ in range(_APPROACH):
        positions = robot.engine.retarget(hand)
    tips = fingertips(robot, np.clip(positions, robot.limits.lower, robot.limits.upper))
    if tips is None or robot.config.optimizer is None:
        return (), ()
    names = JOINT_SETS[OPERATOR_SET].names
    person = hand.points[[names.index(f"{finger}_tip") for finger in FINGERS[: len(tips)]]]
    residual = 1e3 * np.linalg.norm(tips - robot.config.optimizer.scaling_factor * person, axis=1)
    ratio = np.linalg.norm(tips, axis=1) / np.linalg.norm(person, axis=1)
    return tuple(residual.tolist()), tuple(ratio.tolist())


def _steady(robot: Retargeter, still_m: float = SteadyConfig().still_m) -> Retargeter:
    return replace(robot, engine=SteadyEngine(robot.engine, SteadyConfig(still_m)))


def _still(
    config: RobotConfig, engine: str, side: str, poses: Sequence[OperatorHand], still: Sequence[OperatorHand]
) -> tuple[StillFigures, ...]:
    """Each of VARIANTS that the engine has."""
    mirrored = [hand if hand.side == side else _mirrored(hand, side) for hand in still]
    reference = _answers(build_retargeter(config, engine, side), poses)
    found = []
    for low_pass, still_m in VARIANTS:
        changed = config
        if config.optimizer is not None:
            changed = replace(config, optimizer=replace(config.optimizer, low_pass_alpha=low_pass))
        elif low_pass != 1.0:
            continue
        moving = _answers(_steady(build_retargeter(changed, engine, side), still_m), poses)
        still_rad = None
        if mirrored:
            rest = _answers(_steady(build_retargeter(changed, engine, side), still_m), mirrored)[_SETTLED:]
            still_rad = float(rest.std(axis=0).max())
        found.append(StillFigures(low_pass, still_m, _lag_frames(reference, moving), still_rad))
    return tuple(found)


def _answers(robot: Retargeter, hands: Sequence[OperatorHand]) -> Array:
    return np.array([robot.engine.retarget(hand) for hand in hands])


def _lag_frames(reference: Array, delayed: Array) -> float:
    """By how many frames (T, K) comes after the reference: where their mean square difference is least, to a tenth."""
    times = np.arange(len(reference), dtype=np.float64)
    shifts = np.arange(0.0, 10.0, 0.1)
    errors = []
    for shift in shifts:
        shifted = np.array([np.interp(times - shift, times, column) for column in reference.T]).T
        errors.append(float(((shifted - delayed)[10:] ** 2).mean()))
    return float(shifts[int(np.argmin(errors))])


def _mirrored(hand: OperatorHand, side: str) -> OperatorHand:
    """A hand as one of the other side: the operator's frame is mirrored across the palm."""
    return OperatorHand(side, hand.points * skeleton.PALM_MIRROR, hand.angles)
