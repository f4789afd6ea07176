"""Offline model fitting: joints of any joint set -> the 26 parameters in range, and on request the hand's shape.

In: points (N, K, 3) m in any right-handed frame, weights (N, K) or none, how our 23 joints map to them (a matrix (K,
23), see ``joint_sets.JOINT_SETS``), and which frames show the same hand. Out: :class:`HandFit`: parameters (N, 26),
shape (G, 9) and offsets of G hands, joints (N, 23, 3) m, residuals (N, K) m.

A particle swarm finds the basin (as for the poster's ground truth of angles), Levenberg-Marquardt the minimum; then
every finger is started again from poses that a finger may be confused with, and keeps the better fit. Everything runs
in batches on the device of the points, and gives the same result for the same seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.jacobian import unflatten_offsets
from hand_pose_ros.hand.joint_sets import JOINT_SETS
from hand_pose_ros.hand.kinematics import HandOffsets
from hand_pose_ros.hand.least_squares import GEOMETRIES, HandState, hand_frames, solve
from hand_pose_ros.hand.rotations import quaternion_to_matrix, so3_log
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.hand.swarm import random_angles, search

SHAPE_MODES: tuple[str, ...] = ("fixed", "sequence", "frame")
SIDE_CHOICES: tuple[str, ...] = (*SIDES, "auto")

_FRAMES_TO_CHOOSE_SIDE = 64
_FRAMES_AT_ONCE = 4096  # of frames that share nothing: bounds the memory of the Jacobians
_START_ITERATIONS = 20
_FINGER_START_ITERATIONS = 20
_BETTER_FINGER = 0.95  # of the squared residual: less is the same minimum
# Where in their ranges the three flexions of every finger start again: two or three points a finger can often be
# reached bent either way, and these are the two ways.
_FINGER_STARTS: tuple[tuple[float, float, float], ...] = ((0.3, 0.3, 0.0), (0.3, 0.0, 1.0))


@dataclass(frozen=True)
class FitConfig:
    """How to fit. ValueError, naming the field, on a value that makes no sense.

    side: "right", "left", or "auto", which fits a sample of frames with both and takes the better.
    shape: "fixed" (the given shapes or the template's), "sequence" (one hand a group) or "frame" (one hand a
    frame).
    geometry: with shape "sequence", what of the hand is fitted: the 9 log "scales" that HandModelLayer takes,
    or the 36 "offsets" (palm outline and every bone) themselves, with a weak pull towards the scaled
    template.
    iterations: at most this many steps of each Levenberg-Marquardt stage.
    threads: torch's on the CPU while fitting. One: the matrices are small, and on a busy machine a second
    thread costs eight times what it brings.
    """

    side: str = "right"
    shape: str = "fixed"
    geometry: str = "scales"
    particles: int = 32
    swarm_iterations: int = 30
    iterations: int = 50
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("side", self.side, SIDE_CHOICES),
            ("shape", self.shape, SHAPE_MODES),
            ("geometry", self.geometry, GEOMETRIES[1:]),
        ):
            if value not in choices:
                raise ValueError(f"{name} is '{value}', want one of {', '.join(choices)}")
        if self.geometry == "offsets" and self.shape != "sequence":
            raise ValueError(f"geometry is 'offsets' with shape '{self.shape}', want shape 'sequence'")
        for name, number, least in (
            ("particles", self.particles, 4),
            ("swarm_iterations", self.swarm_iterations, 0),
            ("iterations", self.iterations, 1),
            ("seed", self.seed, 0),
            ("threads", self.threads, 1),
        ):
            if number < least:
                raise ValueError(f"{name} is {number}, want at least {least}")


@dataclass(frozen=True)
class HandFit:
    """Fitted hands, float64, on the device of the points.

    parameters (N, 26): as ``skeleton.PARAMETER_NAMES``, angles in range; group (N,): which hand; shape (G, 9)
    log scales; offsets: HandOffsets with leading (G,); joints (N, 23, 3) m; residual (N, K) m, NaN where a
    weight is 0; swarm_cost (N,) m: what the swarm alone reached, root mean square.
    """

    side: str
    parameters: Tensor
    group: Tensor
    shape: Tensor
    offsets: HandOffsets
    joints: Tensor
    residual: Tensor
    swarm_cost: Tensor

    def out_of_range(self, limits: np.ndarray = skeleton.ANGLE_LIMITS) -> Tensor:
        """(N,) bool: frames with an angle out of ``limits`` (20, 2) rad."""
        lower, upper = torch.as_tensor(limits).to(self.parameters).unbind(-1)
        angles = self.parameters[:, 6:]
        return ((angles < lower) | (angles > upper)).any(-1)


@dataclass(frozen=True)
class _Points:
    """Checked input in float64, unseen points zeroed."""

    target: Tensor
    weights: Tensor
    matrix: Tensor
    limits: Tensor

    def take(self, rows: Tensor | slice) -> _Points:
        return replace(self, target=self.target[rows], weights=self.weights[rows])

    def __len__(self) -> int:
        return len(self.target)


def fit_hands(
    points: Tensor | np.ndarray,
    joint_set: str | np.ndarray | None = None,
    *,
    weights: Tensor | np.ndarray | None = None,
    group: Tensor | np.ndarray | None = None,
    shape: Tensor | np.ndarray | None = None,
    config: FitConfig | None = None,
    limits: np.ndarray = skeleton.ANGLE_LIMITS,
) -> HandFit:
    """Fit the hand model to points (N, K, 3) m.

    joint_set: a name in ``joint_sets.JOINT_SETS``, a matrix (K, 23), or None for our own 23 joints. weights (N,
    K), 0 for a point that was not seen (it may be NaN), 1 by default. group (N,) integers: frames with the
    same number show the same hand (all of them, by default). shape (G, 9): known shapes of the groups in
    ascending order of their number, or the start where shapes are fitted. ValueError on shapes that do not
    fit together, on a frame with fewer than three points and on values that are not finite.
    """
    config = config or FitConfig()
    data = _check(points, joint_set, weights, limits)
    if group is None:
        group = np.zeros(len(data), dtype=np.int64)
    _, index = np.unique(np.asarray(torch.as_tensor(group).cpu()), return_inverse=True)
    if index.shape != (len(data),):
        raise ValueError(f"group is {index.shape}, want ({len(data)},)")
    groups = torch.as_tensor(index, device=data.target.device)
    if config.shape == "frame":
        groups = torch.arange(len(data), device=data.target.device)
    hands = int(groups.max()) + 1
    start = None
    if shape is not None:
        start = torch.as_tensor(shape).to(data.target)
        if start.shape != (hands, skeleton.SHAPE_COUNT):
            raise ValueError(f"shape is {tuple(start.shape)}, want ({hands}, {skeleton.SHAPE_COUNT})")
    with _torch_threads(config.threads):
        side = _choose_side(data, config) if config.side == "auto" else config.side
        state, swarm_cost = _fit_all(data, groups, start, side, config)
    frames = hand_frames(state, side)
    residual = (data.matrix @ frames.joints - data.target).norm(dim=-1)
    return HandFit(
        side=side,
        parameters=torch.cat([state.translation, so3_log(state.rotation), state.angles], -1),
        group=groups,
        shape=state.shape,
        offsets=unflatten_offsets(state.offsets),
        joints=frames.joints,
        residual=torch.where(data.weights > 0, residual, torch.nan),
        swarm_cost=swarm_cost,
    )


def random_hands(
    count: int, seed: int = 0, *, shape_spread: float = 0.0, limits: np.ndarray = skeleton.ANGLE_LIMITS
) -> HandState:
    """Valid hands to test with: any palm rotation, palms 0.3 to 0.7 m before the camera, angles uniform
    within the limits, log scales uniform within ``shape_spread``; each frame its own group."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*size: int) -> Tensor:
        return 2 * torch.rand(*size, generator=generator, dtype=torch.float64) - 1

    quaternion = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    translation = uniform(count, 3) * torch.tensor([0.15, 0.15, 0.2]) + torch.tensor([0.0, 0.0, 0.5])
    return HandState.start(
        quaternion_to_matrix(quaternion / quaternion.norm(dim=-1, keepdim=True)),
        translation.double(),
        random_angles((count,), generator, torch.as_tensor(limits, dtype=torch.float64)),
        torch.arange(count),
        shape_spread * uniform(count, skeleton.SHAPE_COUNT),
    )


def _choose_side(data: _Points, config: FitConfig) -> str:
    """The side whose hand fits a sample of the frames better, each frame with a shape of its own."""
    count = min(len(data), _FRAMES_TO_CHOOSE_SIDE)
    rows = torch.linspace(0, len(data) - 1, count).round().long().to(data.target.device)
    sample, own = data.take(rows), torch.arange(count, device=data.target.device)
    residuals = {}
    for side in SIDES:
        state, _ = _fit(sample, own, None, side, replace(config, side=side, shape="frame", geometry="scales"))
        residuals[side] = float(_squared(sample, state, side).sum())
    return min(residuals, key=lambda side: residuals[side])


def _check(
    points: Tensor | np.ndarray,
    joint_set: str | np.ndarray | None,
    weights: Tensor | np.ndarray | None,
    limits: np.ndarray,
) -> _Points:
    if joint_set is None:
        joint_set = np.eye(skeleton.JOINT_COUNT)
    if isinstance(joint_set, str):
        if joint_set not in JOINT_SETS:
            known = ", ".join(sorted(JOINT_SETS))
            raise ValueError(f"unknown joint set '{joint_set}', want one of {known}")
        joint_set = JOINT_SETS[joint_set].matrix
    target = torch.as_tensor(points).double()
    matrix = torch.as_tensor(np.array(joint_set)).to(target)
    if matrix.ndim != 2 or matrix.shape[1] != skeleton.JOINT_COUNT:
        raise ValueError(f"the joint set's matrix is {tuple(matrix.shape)}, want (K, {skeleton.JOINT_COUNT})")
    if target.ndim != 3 or target.shape[1:] != (len(matrix), 3) or len(target) == 0:
        raise ValueError(f"points are {tuple(target.shape)}, want (N, {len(matrix)}, 3) with N > 0")
    given = torch.ones(target.shape[:2]) if weights is None else torch.as_tensor(weights)
    given = given.to(target)
    if given.shape != target.shape[:2]:
        raise ValueError(f"weights are {tuple(given.shape)}, want {tuple(target.shape[:2])}")
    if not bool((torch.isfinite(given) & (given >= 0)).all()):
        raise ValueError("a weight is negative or not finite, want 0 for unseen points and positive numbers")
    seen = given > 0
    bad = (seen & ~torch.isfinite(target).all(-1)).any(-1).nonzero()
    if len(bad):
        raise ValueError(f"frame {int(bad[0])}: a point is not finite; give unseen points weight 0")
    few = (seen.sum(-1) < 3).nonzero()
    if len(few):
        raise ValueError(
            f"frame {int(few[0])}: fewer than three points seen, which leaves the palm's pose open"
        )
    target = torch.where(seen[..., None], target, torch.zeros_like(target))
    return _Points(target, given, matrix, torch.as_tensor(np.array(limits)).to(target))


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit_all(
    data: _Points, group: Tensor, start: Tensor | None, side: str, config: FitConfig
) -> tuple[HandState, Tensor]:
    """State and what the swarm alone reached (N,) m, of all frames."""
    if config.shape == "sequence":
        return _fit(data, group, start, side, config)
    # Frames share nothing that is unknown: any number of them fits in memory, part by part.
    states, costs = [], []
    for first in range(0, len(data), _FRAMES_AT_ONCE):
        rows = slice(first, first + _FRAMES_AT_ONCE)
        own = torch.arange(len(group[rows]), device=group.device)
        own_start = None if start is None else start[group[rows]]
        state, cost = _fit(data.take(rows), own, own_start, side, config)
        states.append(state)
        costs.append(cost)
    return _join(states, group, int(group.max()) + 1), torch.cat(costs)


def _fit(
    data: _Points, group: Tensor, start: Tensor | None, side: str, config: FitConfig
) -> tuple[HandState, Tensor]:
    """Swarm, then least squares: pose alone, pose and geometry, fingers again, everything once more."""
    unknown = config.shape != "fixed"
    hands = int(group.max()) + 1
    found = search(
        data.target.float(), data.weights.float(), data.matrix.float(), data.limits.float(), side=side,
        with_shape=unknown, shape=None if start is None else start[group].float(), particles=config.particles,
        iterations=config.swarm_iterations, seed=config.seed,
    )  # fmt: skip
    best = [values[:, 0].to(data.target) for values in found]
    rotation, translation, angles, swarm_shape, swarm_cost = best
    if start is not None:
        shape = start
    elif config.shape == "frame":
        shape = swarm_shape
    elif unknown:
        shape = torch.stack([swarm_shape[group == hand].median(0).values for hand in range(hands)])
    else:
        shape = data.target.new_zeros(hands, skeleton.SHAPE_COUNT)
    state = HandState.start(rotation, translation, angles, group, shape)

    def refine(state: HandState, geometry: str, iterations: int) -> HandState:
        return solve(
            state, data.target, data.weights, data.matrix, data.limits, side=side, geometry=geometry,
            iterations=iterations,
        )  # fmt: skip

    stages = ["scales", "offsets"] if config.geometry == "offsets" else ["scales"]
    state = refine(state, "fixed", _START_ITERATIONS if unknown else config.iterations)
    if unknown:
        state = refine(state, "scales", config.iterations)
    state = _restart_fingers(data, state, side)
    for stage in stages if unknown else ["fixed"]:
        state = refine(state, stage, config.iterations)
    return state, swarm_cost


def _squared(data: _Points, state: HandState, side: str) -> Tensor:
    """(N, K) weighted squared residuals, m^2."""
    placed = data.matrix @ hand_frames(state, side).joints
    return data.weights * (placed - data.target).square().sum(-1)


def _restart_fingers(data: _Points, state: HandState, side: str) -> HandState:
    """Start all fingers again with the fitted palm, and let each finger keep the better of its ends."""
    joint_finger = torch.tensor([-1] * 3 + [f for f in range(5) for _ in range(4)], device=data.matrix.device)
    farthest = torch.where(data.matrix != 0, torch.arange(skeleton.JOINT_COUNT, device=data.matrix.device), 0)
    finger_of_point = joint_finger[farthest.amax(-1)]
    mine = (finger_of_point == torch.arange(5, device=data.matrix.device)[:, None]).to(data.target)  # (5, K)
    lower, upper = data.limits.unbind(-1)

    angles = state.angles
    least = _squared(data, state, side) @ mine.T  # (N, 5)
    for shares in _FINGER_STARTS:
        share = data.target.new_tensor([(0.5, *shares)] * 5).flatten()
        trial = replace(state, angles=(lower + share * (upper - lower)).expand_as(angles).contiguous())
        trial = solve(
            trial, data.target, data.weights, data.matrix, data.limits, side=side,
            iterations=_FINGER_START_ITERATIONS,
        )  # fmt: skip
        reached = _squared(data, trial, side) @ mine.T
        better = reached < _BETTER_FINGER * least
        angles = torch.where(better.repeat_interleave(4, 1), trial.angles, angles)
        least = torch.where(better, reached, least)
    # The fingers' ends were reached with palms of their own: what holds together is what is kept.
    mixed = solve(
        replace(state, angles=angles), data.target, data.weights, data.matrix, data.limits, side=side,
        iterations=_FINGER_START_ITERATIONS,
    )  # fmt: skip
    better = _squared(data, mixed, side).sum(-1) < _squared(data, state, side).sum(-1)
    return replace(
        state,
        rotation=torch.where(better[:, None, None], mixed.rotation, state.rotation),
        translation=torch.where(better[:, None], mixed.translation, state.translation),
        angles=torch.where(better[:, None], mixed.angles, state.angles),
    )


def _join(parts: list[HandState], group: Tensor, hands: int) -> HandState:
    """States of consecutive frames, each its own group, as one state with the groups of the whole."""
    shape, offsets = torch.cat([p.shape for p in parts]), torch.cat([p.offsets for p in parts])
    first = torch.full((hands,), len(group), device=group.device).scatter_reduce(
        0, group, torch.arange(len(group), device=group.device), "amin"
    )
    return HandState(
        torch.cat([p.rotation for p in parts]),
        torch.cat([p.translation for p in parts]),
        torch.cat([p.angles for p in parts]),
        group,
        shape[first],
        offsets[first],
    )
