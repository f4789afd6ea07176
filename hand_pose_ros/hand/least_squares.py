"""Batched Levenberg-Marquardt of the hand model: points (N, K, 3) m -> poses in range, and the hands' geometry.

In: target points (N, K, 3) m with weights (N, K), the map (K, 23) from our joints to them, a start. Out: a
:class:`HandState` nearer to the points, angles within the limits.

Derivatives are analytic (:mod:`hand_pose_ros.hand.jacobian`). Poses of different frames meet only in the geometry of
their group (all frames of one hand), so a step eliminates the 26 pose unknowns of each frame and solves one small
system a group: the Schur complement, as in bundle adjustment. Angles are kept in range by projection: one that stands
at its limit and would leave it is frozen for that step.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import NamedTuple

import torch
from torch import Tensor

from hand_pose_ros.hand.fit_config import GEOMETRIES
from hand_pose_ros.hand.hand_state import HandState, hand_frames
from hand_pose_ros.hand.jacobian import offsets_jacobian, pose_jacobian, scaled_offsets
from hand_pose_ros.hand.kinematics import HandFrames
from hand_pose_ros.hand.levenberg_marquardt import DIAGONAL_FLOOR
from hand_pose_ros.hand.rotations import so3_exp
from hand_pose_ros.hand.skeleton import FIRST_ANGLE
from hand_pose_ros.validation import require

# As in levenberg_marquardt, with numbers of its own, for a batch waits for its slowest frame. All are guessed.
_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-9, 1e9
_DAMPING_DECREASE, _DAMPING_INCREASE = 0.3, 6.0
_STUCK_DAMPING = 1e3  # no step that is still worth taking has failed up to here
_WORTH_DROPPING = 0.7  # carry on with the unfinished frames alone when they are fewer than this share


class Scales(NamedTuple):
    """Units of the cost: the spreads of the residuals and of the priors. All are guessed."""

    noise: float = 1e-3
    """m, of a residual with weight 1."""
    angle: float = 10.0
    """rad, of the angles about the middle of their ranges: only to define what the points do not observe."""
    shape: float = 0.25
    """Of the log scales about the template's."""
    offset: float = 4e-3
    """m, of the offsets about where they start."""


class _Problem(NamedTuple):
    """What stays the same while one solve runs."""

    target: Tensor
    """(N, K, 3) m."""
    root: Tensor
    """(N, K, 1), the square roots of the weights over the noise."""
    matrix: Tensor
    """(K, 23)."""
    lower: Tensor
    """(20,) rad."""
    upper: Tensor
    """(20,) rad."""
    side: str
    """"right" or "left"."""
    geometry: str
    """One of GEOMETRIES."""
    unit: Tensor
    """(N,): the unit whose damping and cost a frame shares."""
    units: int
    """How many units there are."""
    scales: Scales
    """Units of the cost."""
    prior_mean: Tensor
    """Of the unknown geometry, in its shape."""
    prior_weight: float
    """Of the unknown geometry's squared difference to that."""


class _Evaluation(NamedTuple):
    """A state with what it costs."""

    state: HandState
    """The hands."""
    frames: HandFrames
    """Joints and segments of each frame."""
    residual: Tensor
    """(N, 3 K), weighted."""
    cost: Tensor
    """(U,), of each unit."""


def solve(
    state: HandState,
    target: Tensor,
    weights: Tensor,
    matrix: Tensor,
    limits: Tensor,
    *,
    side: str = "right",
    geometry: str = "fixed",
    iterations: int = 30,
    tolerance: float = 1e-6,
    scales: Scales | None = None,
) -> HandState:
    """Downhill from ``state``: the poses, and with ``geometry`` other than "fixed" each group's hand, too.

    target (N, K, 3) m, weights (N, K) >= 0 (0: not seen; the target must be finite all the same), matrix (K, 23),
    limits (20, 2) rad. Stops when no unit's cost falls by a share of more than ``tolerance``. ValueError on an unknown
    geometry.
    """
    require(geometry in GEOMETRIES, "", "geometry", geometry, f"one of {', '.join(GEOMETRIES)}")
    scales = scales or Scales()
    alone = geometry == "fixed"
    spread = scales.shape if geometry == "scales" else scales.offset
    lower, upper = limits.unbind(-1)
    problem = _Problem(
        target, weights.sqrt()[..., None] / scales.noise, matrix, lower, upper, side, geometry,
        torch.arange(len(target), device=target.device) if alone else state.group,
        len(target) if alone else len(state.shape), scales,
        torch.zeros_like(state.shape) if geometry == "scales" else state.offsets, spread**-2,
    )  # fmt: skip
    angles = torch.maximum(torch.minimum(state.angles, upper), lower)
    now = _evaluate(problem, replace(state, angles=angles))
    damping = torch.full_like(now.cost, _FIRST_DAMPING)
    # Frames that share nothing converge on their own: those that have are put aside, and the rest goes on.
    rows = torch.arange(len(target), device=target.device)
    result, separable = now.state, alone or torch.equal(state.group, rows)
    for _ in range(iterations):
        trial = _evaluate(problem, _step(problem, now, damping))
        better = trial.cost < now.cost
        gain = torch.where(better, 1 - trial.cost / now.cost.clamp_min(1e-30), torch.zeros_like(damping))
        now = _choose(problem, better, trial, now)
        going = (gain >= tolerance) | (~better & (damping < _STUCK_DAMPING))
        damping = torch.where(better, _DAMPING_DECREASE * damping, _DAMPING_INCREASE * damping)
        damping = damping.clamp(_LEAST_DAMPING, _MOST_DAMPING)
        left = int(going.sum())
        if left == 0:
            break
        if separable and left < _WORTH_DROPPING * len(going):
            result = _put(result, rows, now.state, geometry)
            problem, now = _take(problem, now, going)
            rows, damping = rows[going], damping[going]
    return _put(result, rows, now.state, geometry)


def _put(whole: HandState, rows: Tensor, part: HandState, geometry: str) -> HandState:
    """``whole`` with the frames ``rows`` replaced by ``part``, and with their hands where those were fitted, too."""
    if len(rows) == len(whole.group):
        return part
    names = ["rotation", "translation", "angles"] + (["shape", "offsets"] if geometry != "fixed" else [])
    return replace(whole, **{n: getattr(whole, n).index_copy(0, rows, getattr(part, n)) for n in names})


def _take(problem: _Problem, now: _Evaluation, keep: Tensor) -> tuple[_Problem, _Evaluation]:
    """The problem of some of its frames, each a unit of its own."""
    state = now.state
    unit = torch.arange(int(keep.sum()), device=keep.device)
    state = replace(
        state,
        rotation=state.rotation[keep],
        translation=state.translation[keep],
        angles=state.angles[keep],
        group=state.group[keep],
    )
    if problem.geometry != "fixed":
        state = replace(state, group=unit, shape=state.shape[keep], offsets=state.offsets[keep])
        problem = problem._replace(prior_mean=problem.prior_mean[keep])
    problem = problem._replace(
        target=problem.target[keep], root=problem.root[keep], unit=unit, units=len(unit)
    )
    frames = HandFrames(*(value[keep] for value in now.frames))
    return problem, _Evaluation(state, frames, now.residual[keep], now.cost[keep])


def _unknown_geometry(problem: _Problem, state: HandState) -> Tensor:
    return state.shape if problem.geometry == "scales" else state.offsets


def _evaluate(problem: _Problem, state: HandState) -> _Evaluation:
    frames = hand_frames(state, problem.side)
    residual = ((problem.matrix @ frames.joints - problem.target) * problem.root).flatten(1)
    middle = (problem.lower + problem.upper) / 2
    own = residual.square().sum(-1) + ((state.angles - middle) / problem.scales.angle).square().sum(-1)
    cost = own.new_zeros(problem.units).index_add(0, problem.unit, own)
    if problem.geometry != "fixed":
        difference = _unknown_geometry(problem, state) - problem.prior_mean
        cost = cost + problem.prior_weight * difference.square().sum(-1)
    return _Evaluation(state, frames, residual, cost)


def _geometry_jacobian(problem: _Problem, now: _Evaluation) -> Tensor:
    by_offset = torch.einsum("kj,njac->nkac", problem.matrix, offsets_jacobian(now.frames, problem.side))
    if problem.geometry == "offsets":
        return by_offset
    chain = torch.func.vmap(torch.func.jacrev(scaled_offsets))(now.state.shape)  # (G, 36, 9)
    return by_offset.flatten(1, 2).bmm(chain[now.state.group]).unflatten(1, by_offset.shape[1:3])


def _step(problem: _Problem, now: _Evaluation, damping: Tensor) -> HandState:
    """One damped Gauss-Newton step of everything, projected onto the limits."""
    state, residual, scales = now.state, now.residual, problem.scales
    by_pose = torch.einsum(
        "kj,njac->nkac", problem.matrix, pose_jacobian(now.frames, state.angles, problem.side)
    )
    by_pose = (by_pose * problem.root[..., None]).flatten(1, 2)
    hessian = by_pose.transpose(1, 2) @ by_pose
    gradient = (by_pose.transpose(1, 2) @ residual[..., None]).squeeze(-1)
    middle = (problem.lower + problem.upper) / 2
    gradient[:, FIRST_ANGLE:] += (state.angles - middle) / scales.angle**2
    hessian.diagonal(dim1=1, dim2=2)[:, FIRST_ANGLE:] += scales.angle**-2

    frozen = torch.zeros_like(gradient, dtype=torch.bool)
    frozen[:, FIRST_ANGLE:] = ((state.angles <= problem.lower) & (gradient[:, FIRST_ANGLE:] > 0)) | (
        (state.angles >= problem.upper) & (gradient[:, FIRST_ANGLE:] < 0)
    )
    free = (~frozen).to(gradient)
    gradient = gradient * free
    hessian = hessian * free[:, :, None] * free[:, None, :] + torch.diag_embed(frozen.to(gradient))
    diagonal = hessian.diagonal(dim1=1, dim2=2)
    diagonal += damping[problem.unit][:, None] * diagonal + DIAGONAL_FLOOR
    factor, _ = torch.linalg.cholesky_ex(hessian)

    if problem.geometry != "fixed":
        geometry_step, coupling = _geometry_step(problem, now, damping, by_pose, gradient, free, factor)
        gradient = gradient + (coupling @ geometry_step[state.group][..., None]).squeeze(-1)
        moved = _unknown_geometry(problem, state) + geometry_step
        if problem.geometry == "scales":
            state = replace(state, shape=moved, offsets=scaled_offsets(moved))
        else:
            state = replace(state, offsets=moved)
    step = -torch.cholesky_solve(gradient[..., None], factor).squeeze(-1)
    angles = torch.maximum(torch.minimum(state.angles + step[:, FIRST_ANGLE:], problem.upper), problem.lower)
    return replace(
        state,
        rotation=so3_exp(step[:, 3:6]) @ state.rotation,
        translation=state.translation + step[:, :3],
        angles=angles,
    )


def _geometry_step(
    problem: _Problem,
    now: _Evaluation,
    damping: Tensor,
    by_pose: Tensor,
    gradient: Tensor,
    free: Tensor,
    factor: Tensor,
) -> tuple[Tensor, Tensor]:
    """Step (G, S) of the groups' geometry with the poses eliminated, and the coupling (N, 26, S) of both."""
    by_shape = (_geometry_jacobian(problem, now) * problem.root[..., None]).flatten(1, 2)
    coupling = (by_pose.transpose(1, 2) @ by_shape) * free[..., None]
    own = by_shape.transpose(1, 2) @ by_shape
    own_gradient = (by_shape.transpose(1, 2) @ now.residual[..., None]).squeeze(-1)
    eliminated = torch.linalg.solve_triangular(
        factor, torch.cat([coupling, gradient[..., None]], -1), upper=False
    )
    of_coupling, of_gradient = eliminated[..., :-1], eliminated[..., -1:]
    size, group = own.shape[-1], now.state.group
    system = own.new_zeros(problem.units, size, size).index_add(0, group, own)
    difference = _unknown_geometry(problem, now.state) - problem.prior_mean
    right = (problem.prior_weight * difference).index_add(0, group, own_gradient)
    diagonal = system.diagonal(dim1=1, dim2=2)
    diagonal += problem.prior_weight
    diagonal += damping[:, None] * diagonal
    system = system.index_add(0, group, -(of_coupling.transpose(1, 2) @ of_coupling))
    right = right.index_add(0, group, -(of_coupling.transpose(1, 2) @ of_gradient).squeeze(-1))
    system_factor, _ = torch.linalg.cholesky_ex(system)
    return -torch.cholesky_solve(right[..., None], system_factor).squeeze(-1), coupling


def _choose(problem: _Problem, better: Tensor, trial: _Evaluation, now: _Evaluation) -> _Evaluation:
    """Per unit, the trial where it is better."""

    def pick(mask: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return torch.where(mask.view(-1, *[1] * (a.dim() - 1)), a, b)

    frame = better[problem.unit]
    state = {}
    for field in fields(HandState):
        a, b = getattr(trial.state, field.name), getattr(now.state, field.name)
        if field.name in ("rotation", "translation", "angles"):
            state[field.name] = pick(frame, a, b)
        elif field.name == "group" or problem.geometry == "fixed":
            state[field.name] = b
        else:
            state[field.name] = pick(better, a, b)
    frames = HandFrames(*(pick(frame, a, b) for a, b in zip(trial.frames, now.frames, strict=True)))
    return _Evaluation(
        HandState(**state),
        frames,
        pick(frame, trial.residual, now.residual),
        pick(better, trial.cost, now.cost),
    )
