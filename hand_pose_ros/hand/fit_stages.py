"""The stages of the offline fitting: swarm, Levenberg-Marquardt, fingers started again, everything once more.

In: checked points (:class:`FitPoints`) of N frames, which group each belongs to, a side. Out: their
:class:`hand_pose_ros.hand.hand_state.HandState`, and what the swarm alone reached.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.hand_state import HandState, hand_frames
from hand_pose_ros.hand.least_squares import solve
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.hand.swarm import search

# All of these numbers are guessed.
_FRAMES_TO_CHOOSE_SIDE = 64
_FRAMES_AT_ONCE = 4096  # of frames that share nothing: bounds the memory of the Jacobians
_START_ITERATIONS = 20
_FINGER_START_ITERATIONS = 20
_BETTER_FINGER = 0.95  # of the squared residual: less is the same minimum
# Where in their ranges the three flexions of every finger start again, with the abduction in its middle: two or three
# points a finger can often be reached bent either way, and these are the two ways. Guessed.
_FINGER_STARTS: tuple[tuple[float, float, float], ...] = ((0.3, 0.3, 0.0), (0.3, 0.0, 1.0))


@dataclass(frozen=True, eq=False)
class FitPoints:
    """Checked input in float64."""

    target: Tensor
    """(N, K, 3) m, unseen points zeroed."""
    weights: Tensor
    """(N, K), 0 for unseen points."""
    matrix: Tensor
    """(K, 23) from our joints to the points."""
    limits: Tensor
    """(20, 2) rad."""

    def take(self, rows: Tensor | slice) -> FitPoints:
        """The points of some of the frames."""
        return replace(self, target=self.target[rows], weights=self.weights[rows])

    def __len__(self) -> int:
        return len(self.target)


def choose_side(data: FitPoints, config: FitConfig) -> str:
    """The side whose hand fits a sample of the frames better, each frame with a shape of its own."""
    count = min(len(data), _FRAMES_TO_CHOOSE_SIDE)
    rows = torch.linspace(0, len(data) - 1, count).round().long().to(data.target.device)
    sample, own = data.take(rows), torch.arange(count, device=data.target.device)
    residuals = {}
    for side in SIDES:
        state, _ = _fit(sample, own, None, side, replace(config, side=side, shape="frame", geometry="scales"))
        residuals[side] = float(_squared(sample, state, side).sum())
    return min(residuals, key=lambda side: residuals[side])


def fit_all(
    data: FitPoints, group: Tensor, start: Tensor | None, side: str, config: FitConfig
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
    data: FitPoints, group: Tensor, start: Tensor | None, side: str, config: FitConfig
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


def _squared(data: FitPoints, state: HandState, side: str) -> Tensor:
    """(N, K) weighted squared residuals, m^2."""
    fitted = data.matrix @ hand_frames(state, side).joints
    return data.weights * (fitted - data.target).square().sum(-1)


def _restart_fingers(data: FitPoints, state: HandState, side: str) -> HandState:
    """Start all fingers again with the fitted palm, and let each finger keep the better of its ends."""
    joint_finger = torch.tensor(skeleton.JOINT_FINGER, device=data.matrix.device)
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
