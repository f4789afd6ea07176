"""Batched Levenberg-Marquardt of the hand model: points (N, K, 3) m -> poses in range, and the hands' constant geometry.

In: target points (N, K, 3) m with weights (N, K), how our 23 joints map to them (:class:`PointMap`), a start.
Out: :class:`HandState`: rotation (N, 3, 3), translation (N, 3) m and angles (N, 20) rad of every frame, geometry of
every group of frames (a sequence of one person, or one frame each). All in the targets' frame and the start's dtype.

The Jacobian is analytic: a point moves about a joint's axis by the cross product of the axis with the arm, and a
hand's offsets enter linearly. Poses of different frames meet only in their group's geometry, so a step eliminates the
poses (26 unknowns a frame) and solves a small system a group (the Schur complement, as in bundle adjustment). Angle
limits are kept by projection: an angle at a limit that the gradient pushes outwards is held for that step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import (
    HandFrames,
    HandOffsets,
    forward_kinematics,
    scale_offsets,
    template_offsets,
)
from hand_pose_ros.hand.rotations import rotation_vector_to_matrix, skew

GEOMETRIES: tuple[str, ...] = ("fixed", "scales", "offsets", "points")
"""What of a hand's constant geometry is unknown: nothing; the 9 log scales; the 36 offsets themselves; the offsets
and where each target point sits on its segment."""

_POSE = 6 + skeleton.ANGLE_COUNT
_OFFSETS = 36  # wrist 2 x 3, bases 5 x 3, lengths 5 x 3
_HELD_DIAGONAL = 1.0


def _moved_by_angle() -> np.ndarray:
    """(16, 20) bool: which angles turn which segment."""
    moved = np.zeros((skeleton.SEGMENT_COUNT, skeleton.ANGLE_COUNT), dtype=bool)
    for finger in range(5):
        for depth in range(3):
            moved[1 + 3 * finger + depth, 4 * finger : 4 * finger + 2 + depth] = True
    return moved


SEGMENT_MOVED_BY_ANGLE = _moved_by_angle()
# The segment whose far end a joint is; the palm for joints of the palm.
_SEGMENT_OF_JOINT = np.array(
    [0, 0, 0] + [0 if k == 0 else 3 * finger + k for finger in range(5) for k in range(4)]
)


@dataclass(frozen=True)
class PointMap:
    """Target points as a linear map of our joints plus a constant offset in a segment's frame.

    matrix (K, 23); segments (K,) index of the segment that a point is fixed to: the one with the farthest of the
    joints that it is made of.
    """

    matrix: Tensor
    segments: Tensor

    @classmethod
    def of(cls, matrix: np.ndarray | Tensor) -> PointMap:
        """From a matrix (K, 23) such as ``skeleton.JOINT_SETS[name].matrix``."""
        weights = np.asarray(matrix, dtype=np.float64)
        if weights.ndim != 2 or weights.shape[1] != skeleton.JOINT_COUNT or not (weights != 0).any(1).all():
            raise ValueError(
                f"point map is {weights.shape}, want (K, {skeleton.JOINT_COUNT}) without empty rows"
            )
        farthest = [int(np.flatnonzero(row).max()) for row in weights]
        return cls(torch.tensor(weights), torch.tensor(_SEGMENT_OF_JOINT[farthest]))

    @classmethod
    def of_joint_set(cls, name: str) -> PointMap:
        """From a named joint set; ``hand23`` is our own 23 joints."""
        if name == "hand23":
            return cls.of(np.eye(skeleton.JOINT_COUNT))
        if name not in skeleton.JOINT_SETS:
            known = ", ".join(["hand23", *sorted(skeleton.JOINT_SETS)])
            raise ValueError(f"unknown joint set '{name}', want one of {known}")
        return cls.of(skeleton.JOINT_SETS[name].matrix)

    def to(self, like: Tensor) -> PointMap:
        return PointMap(self.matrix.to(like), self.segments.to(like.device))


@dataclass(frozen=True)
class HandState:
    """Poses of N frames and the geometry of their G groups.

    rotation (N, 3, 3); translation (N, 3) m; angles (N, 20) rad; group (N,) index of each frame's geometry;
    shape (G, 9) log scales; offsets: HandOffsets with leading (G,); points (G, K, 3) m: offsets of the target points
    in their segments' frames (of a right hand).
    """

    rotation: Tensor
    translation: Tensor
    angles: Tensor
    group: Tensor
    shape: Tensor
    offsets: HandOffsets
    points: Tensor


class Weights(NamedTuple):
    """Scales of the cost: residuals in units of ``noise`` (m), spread of the priors."""

    noise: float = 1e-3
    angle: float = 10.0  # rad: a whisper, so that angles nothing observes stay defined
    shape: float = 0.25  # log scale
    offset: float = 4e-3  # m
    point: float = 4e-3  # m


def start_state(
    rotation: Tensor, translation: Tensor, angles: Tensor, group: Tensor, shape: Tensor, points: int
) -> HandState:
    """A state whose geometry is the template scaled by ``shape`` (G, 9), with ``points`` target points a frame."""
    template = HandOffsets(*(value.to(shape) for value in template_offsets(shape.dtype)))
    offsets = scale_offsets(template, shape)
    return HandState(
        rotation, translation, angles, group, shape, offsets, shape.new_zeros(len(shape), points, 3)
    )


def pose_points(state: HandState, where: PointMap, side: str) -> tuple[HandFrames, Tensor]:
    """Frames of the hands and target points (N, K, 3) m of a state."""
    group = state.group
    offsets = HandOffsets(*(value[group] for value in state.offsets))
    frames = forward_kinematics(state.rotation, state.translation, state.angles, offsets, side)
    arms = _arms(state, frames, where, side)
    return frames, where.matrix @ frames.joints + arms


def _mirror(side: str, like: Tensor) -> Tensor:
    return like.new_tensor([1.0, -1.0 if side == "left" else 1.0, 1.0])


def _arms(state: HandState, frames: HandFrames, where: PointMap, side: str) -> Tensor:
    local = state.points[state.group] * _mirror(side, state.points)
    return (frames.segment_rotations[:, where.segments] @ local[..., None]).squeeze(-1)


def angle_axes(frames: HandFrames, angles: Tensor, side: str) -> tuple[Tensor, Tensor]:
    """Axis (N, 20, 3) that each angle turns about, in the outer frame, and a point (N, 20, 3) m on it."""
    rotations = frames.segment_rotations[:, 1:].unflatten(1, (5, 3))
    positions = frames.segment_positions[:, 1:].unflatten(1, (5, 3))
    first = rotations[:, :, 0]
    flexion = angles.unflatten(1, (5, 4))[:, :, 1, None]
    # The abduction axis is the segment's z before the first flexion turned it.
    abduction_axis = flexion.cos() * first[..., 2] - flexion.sin() * first[..., 0]
    if side == "left":
        abduction_axis = -abduction_axis
    axes = torch.cat([abduction_axis[:, :, None], rotations[..., 1]], dim=2)
    origins = torch.cat([positions[:, :, :1], positions], dim=2)
    return axes.flatten(1, 2), origins.flatten(1, 2)


def pose_jacobian(state: HandState, frames: HandFrames, where: PointMap, side: str) -> Tensor:
    """(N, K, 3, 26): target points by translation, rotation (small rotation vector in the outer frame) and angles."""
    axes, origins = angle_axes(frames, state.angles, side)
    moved = torch.as_tensor(SEGMENT_MOVED_BY_ANGLE, device=axes.device)
    joint_moved = moved[torch.as_tensor(_SEGMENT_OF_JOINT, device=axes.device)].to(axes)
    arms = frames.joints[:, :, None] - origins[:, None]
    by_angle = torch.linalg.cross(axes[:, None].expand_as(arms), arms) * joint_moved[..., None]
    by_angle = torch.einsum("kj,njac->nkac", where.matrix, by_angle)
    local = _arms(state, frames, where, side)
    arms = local[:, :, None].expand_as(by_angle)
    by_angle = (
        by_angle
        + torch.linalg.cross(axes[:, None].expand_as(arms), arms) * moved[where.segments].to(axes)[..., None]
    )
    share = where.matrix.sum(1)[:, None, None]
    eye = torch.eye(3, dtype=axes.dtype, device=axes.device) * share
    position = where.matrix @ frames.joints + local
    by_rotation = -skew(position - where.matrix.sum(1)[:, None] * state.translation[:, None])
    return torch.cat([eye.expand_as(by_rotation), by_rotation, by_angle.transpose(2, 3)], dim=-1)


def offsets_jacobian(frames: HandFrames, side: str) -> Tensor:
    """(N, 23, 3, 36): our joints by the hand's offsets: wrist, bases, lengths, each flattened."""
    rotations = frames.segment_rotations
    palm = rotations[:, 0] * _mirror(side, rotations)
    out = rotations.new_zeros(len(rotations), skeleton.JOINT_COUNT, 3, _OFFSETS)
    for wrist in range(2):
        out[:, 1 + wrist, :, 3 * wrist : 3 * wrist + 3] = palm
    for finger in range(5):
        joint, base, length = 3 + 4 * finger, 6 + 3 * finger, 21 + 3 * finger
        out[:, joint : joint + 4, :, base : base + 3] = palm[:, None]
        for bone in range(3):
            along = rotations[:, 1 + 3 * finger + bone, :, 0]
            out[:, joint + bone + 1 : joint + 4, :, length + bone] = along[:, None]
    return out


def flatten_offsets(offsets: HandOffsets) -> Tensor:
    """(..., 36)"""
    return torch.cat([value.flatten(-2) for value in offsets], dim=-1)


def unflatten_offsets(flat: Tensor) -> HandOffsets:
    wrist, bases, lengths = flat.split([6, 15, 15], dim=-1)
    return HandOffsets(
        wrist.unflatten(-1, (2, 3)), bases.unflatten(-1, (5, 3)), lengths.unflatten(-1, (5, 3))
    )


def geometry_jacobian(
    state: HandState, frames: HandFrames, where: PointMap, side: str, geometry: str
) -> Tensor:
    """(N, K, 3, S): target points by the unknown geometry, S = 9, 36 or 36 + 3 K."""
    by_offset = torch.einsum("kj,njac->nkac", where.matrix, offsets_jacobian(frames, side))
    if geometry == "scales":
        template = HandOffsets(*(value.to(by_offset) for value in template_offsets(by_offset.dtype)))
        chain = torch.func.vmap(torch.func.jacrev(lambda s: flatten_offsets(scale_offsets(template, s))))(
            state.shape
        )
        return torch.einsum("nkao,nos->nkas", by_offset, chain[state.group])
    if geometry == "offsets":
        return by_offset
    count = len(where.segments)
    own = frames.segment_rotations[:, where.segments] * _mirror(side, by_offset)
    by_point = by_offset.new_zeros(len(by_offset), count, 3, count, 3)
    by_point.diagonal(dim1=1, dim2=3).copy_(own.permute(0, 2, 3, 1))
    return torch.cat([by_offset, by_point.flatten(-2)], dim=-1)


def _unknowns(state: HandState, geometry: str) -> Tensor:
    if geometry == "scales":
        return state.shape
    flat = flatten_offsets(state.offsets)
    return flat if geometry == "offsets" else torch.cat([flat, state.points.flatten(1)], dim=-1)


def _with_unknowns(state: HandState, geometry: str, values: Tensor) -> HandState:
    if geometry == "scales":
        template = HandOffsets(*(value.to(values) for value in template_offsets(values.dtype)))
        return replace(state, shape=values, offsets=scale_offsets(template, values))
    state = replace(state, offsets=unflatten_offsets(values[:, :_OFFSETS]))
    if geometry == "points":
        state = replace(state, points=values[:, _OFFSETS:].unflatten(1, (-1, 3)))
    return state


def solve(
    target: Tensor,
    weights: Tensor,
    state: HandState,
    where: PointMap,
    limits: Tensor,
    side: str = "right",
    geometry: str = "fixed",
    iterations: int = 30,
    tolerance: float = 1e-5,
    scales: Weights = Weights(),
    robust=False,
) -> HandState:
    """Least squares of weighted residuals, angles within ``limits`` (20, 2), from ``state`` downhill."""
    count, device = len(target), target.device
    shared = geometry != "fixed"
    unit = state.group if shared else torch.arange(count, device=device)
    units = len(state.shape) if shared else count
    lower, upper = limits.unbind(-1)
    middle = (lower + upper) / 2
    prior_mean = prior_weight = None
    if shared:
        prior_mean = _unknowns(state, geometry)
        sigma = {"scales": [scales.shape] * 9, "offsets": [scales.offset] * _OFFSETS}.get(
            geometry, [scales.offset] * _OFFSETS + [scales.point] * (3 * len(where.segments))
        )
        prior_weight = target.new_tensor(sigma).pow(-2)
        if geometry == "scales":
            prior_mean = torch.zeros_like(prior_mean)

    root = weights.sqrt()[..., None] / scales.noise

    def measure(s: HandState):
        frames, points = pose_points(s, where, side)
        residual = points - target
        if robust:
            d = residual.norm(dim=-1)
            per = (weights * d).sum(-1) / scales.noise
        else:
            per = (residual * root).square().sum((1, 2))
        residual = residual * root
        per = per + ((s.angles - middle) / scales.angle).square().sum(-1)
        cost = target.new_zeros(units).index_add(0, unit, per)
        if shared:
            cost = cost + ((_unknowns(s, geometry) - prior_mean).square() * prior_weight).sum(-1)
        return cost, frames, residual

    cost, frames, residual = measure(state)
    damping = torch.full_like(cost, 1e-3)
    for it in range(iterations):
        root_ = root
        if robust:
            d = (residual / root).norm(dim=-1).clamp_min(2e-4)
            root_ = root * (scales.noise / d).sqrt()[..., None]
            residual = residual / root * root_
        jp = (pose_jacobian(state, frames, where, side) * root_[..., None]).flatten(1, 2)
        r = residual.flatten(1)
        hpp = jp.transpose(1, 2) @ jp
        gp = (jp.transpose(1, 2) @ r[..., None]).squeeze(-1)
        gp[:, 6:] += (state.angles - middle) / scales.angle**2
        d = hpp.diagonal(dim1=1, dim2=2)
        d[:, 6:] += scales.angle**-2
        held = torch.zeros_like(gp, dtype=torch.bool)
        held[:, 6:] = ((state.angles <= lower) & (gp[:, 6:] > 0)) | (
            (state.angles >= upper) & (gp[:, 6:] < 0)
        )
        free = (~held).to(gp)
        hpp = hpp * free[:, :, None] * free[:, None, :]
        gp = gp * free
        d = hpp.diagonal(dim1=1, dim2=2)
        d += held.to(gp)
        lam = damping[unit]
        d += lam[:, None] * d + 1e-9
        L = torch.linalg.cholesky(hpp)
        if shared:
            js = (geometry_jacobian(state, frames, where, side, geometry) * root_[..., None]).flatten(1, 2)
            hps = (jp.transpose(1, 2) @ js) * free[..., None]
            hss = js.transpose(1, 2) @ js
            gs = (js.transpose(1, 2) @ r[..., None]).squeeze(-1)
            y = torch.linalg.solve_triangular(L, torch.cat([hps, gp[..., None]], -1), upper=False)
            yp, yg = y[..., :-1], y[..., -1:]
            S = hss.shape[-1]
            A = target.new_zeros(units, S, S).index_add(0, unit, hss)
            x = _unknowns(state, geometry)
            b = target.new_zeros(units, S).index_add(0, unit, gs) + (x - prior_mean) * prior_weight
            dA = A.diagonal(dim1=1, dim2=2)
            dA += prior_weight
            dA += damping[:, None] * dA + 1e-9
            A = A.index_add(0, unit, -(yp.transpose(1, 2) @ yp))
            b = b.index_add(0, unit, -(yp.transpose(1, 2) @ yg).squeeze(-1))
            ds = -torch.cholesky_solve(b[..., None], torch.linalg.cholesky(A)).squeeze(-1)
            rhs = gp + (hps @ ds[unit][..., None]).squeeze(-1)
        else:
            rhs = gp
        dp = -torch.cholesky_solve(rhs[..., None], L).squeeze(-1)
        rotation = rotation_vector_to_matrix(dp[:, 3:6]) @ state.rotation
        trial = replace(
            state,
            rotation=rotation,
            translation=state.translation + dp[:, :3],
            angles=torch.maximum(torch.minimum(state.angles + dp[:, 6:], upper), lower),
        )
        if shared:
            trial = _with_unknowns(trial, geometry, x + ds)
        tc, tf, tr = measure(trial)
        better = tc < cost
        bf = better[unit]
        gain = torch.where(better, (cost - tc) / cost.clamp_min(1e-12), 0 * cost)
        pick = lambda a, b, m: torch.where(m.view(-1, *[1] * (a.dim() - 1)), a, b)
        frames = HandFrames(*(pick(a, b, bf) for a, b in zip(tf, frames)))
        residual = pick(tr, residual / root_ * root, bf)
        new = replace(
            state,
            rotation=pick(trial.rotation, state.rotation, bf),
            translation=pick(trial.translation, state.translation, bf),
            angles=pick(trial.angles, state.angles, bf),
        )
        if shared:
            new = replace(
                new,
                shape=pick(trial.shape, state.shape, better),
                offsets=HandOffsets(*(pick(a, b, better) for a, b in zip(trial.offsets, state.offsets))),
                points=pick(trial.points, state.points, better),
            )
        state = new
        cost = torch.where(better, tc, cost)
        damping = torch.where(better, damping * 0.3, damping * 5).clamp(1e-9, 1e9)
        if ((gain < tolerance) & (better | (damping > 1e6))).all():
            break
    return state
