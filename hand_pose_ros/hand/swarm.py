"""Particle swarm optimisation of hand poses: points (N, K, 3) m -> the best pose (and shape) a frame, roughly.

In: target points (N, K, 3) m with weights (N, K) and the map (K, 23) from our joints to them. Out:
:class:`SwarmResult`, the best particles of every frame, angles in range. A global search that needs no start: it
finds the basin, :mod:`hand_pose_ros.hand.least_squares` the minimum.

This is the poster's "PSO based off-line model fitting to obtain joint angle ground truth". Frames and particles are
both batch dimensions, on the CPU or a GPU. Particles start at random valid angles, rigidly aligned with the target
(Kabsch), which leaves the swarm little to do for the palm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.hand_state import random_angles
from hand_pose_ros.hand.kinematics import HandOffsets, forward_kinematics, scale_offsets, template_offsets
from hand_pose_ros.hand.rotations import kabsch, so3_exp, so3_log
from hand_pose_ros.hand.skeleton import (
    FINGER_ANGLE_TABLE,
    FIRST_ANGLE,
    FITTED_SHAPE_LIMIT,
    JOINT_DEPTH,
    PARAMETER_COUNT,
    ROTATION_PARAMETERS,
)

# Published, Clerc and Kennedy's constriction: the swarm contracts without a limit on the velocity.
_INERTIA, _PULL = 0.7298, 1.4962
_SHAPE_SPREAD = 0.12  # log scale, of the particles' first shapes (guessed)
_HANDS_AT_ONCE = 4096  # frames x particles a chunk: what stays in a core's cache
# Of a particle: translation, rotation vector, angles, shape.
_TRANSLATION, _ROTATION = slice(0, 3), ROTATION_PARAMETERS
_ANGLES, _SHAPE = slice(FIRST_ANGLE, PARAMETER_COUNT), slice(PARAMETER_COUNT, None)


class SwarmResult(NamedTuple):
    """The best T particles of each of N frames, best first."""

    rotation: Tensor
    """(N, T, 3, 3)."""
    translation: Tensor
    """(N, T, 3) m."""
    angles: Tensor
    """(N, T, 20) rad."""
    shape: Tensor
    """(N, T, 9) log scales."""
    cost: Tensor
    """(N, T) m: the weighted root mean square distance."""


def alignment_weights(matrix: Tensor) -> Tensor:
    """(K,) weight of each target point (rows of ``matrix`` (K, 23)) in aligning the palm.

    1 for points of the palm, and a third of that (guessed) for each bone between them and the palm's joints, for the
    angles are random yet.
    """
    depth = torch.tensor(JOINT_DEPTH).to(matrix)
    reached = torch.where(matrix != 0, depth, torch.zeros_like(matrix)).amax(-1)
    return 3.0**-reached


def search(
    target: Tensor,
    weights: Tensor,
    matrix: Tensor,
    limits: Tensor,
    *,
    side: str = "right",
    with_shape: bool = False,
    shape: Tensor | None = None,
    particles: int = 32,
    iterations: int = 30,
    keep: int = 1,
    seed: int = 0,
) -> SwarmResult:
    """Swarm over translation, rotation, 20 angles and, ``with_shape``, 9 log scales.

    ``shape`` (N, 9): known shapes, or where the search for them starts; the template's without it. The result
    is the same for the same seed and input, whatever was searched before.
    """
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same numbers on every device
    count, device = len(target), target.device
    chunk = max(1, _HANDS_AT_ONCE // particles) if device.type == "cpu" else count
    start = target.new_zeros(count, skeleton.SHAPE_COUNT) if shape is None else shape
    template = HandOffsets(*(value.to(target) for value in template_offsets(target.dtype)))
    parts = []
    for i in range(0, count, chunk):
        part = slice(i, i + chunk)
        frames = _Frames(target[part], weights[part], matrix, limits, side, template)
        swarm = _first_swarm(frames, start[part], with_shape, particles, generator)
        parts.append(_best(_fly(frames, swarm, with_shape, iterations, generator), keep))
    return SwarmResult(*(torch.cat(values) for values in zip(*parts, strict=True)))


class _Frames(NamedTuple):
    """The points of N frames, and the way from a particle to them."""

    target: Tensor
    """(N, K, 3) m."""
    weights: Tensor
    """(N, K)."""
    matrix: Tensor
    """(K, 23)."""
    limits: Tensor
    """(20, 2) rad."""
    side: str
    """right or left."""
    template: HandOffsets
    """The hand whose log scales are 0."""

    def points(self, rotation: Tensor, translation: Tensor, angles: Tensor, log_scales: Tensor) -> Tensor:
        """The points (..., K, 3) m of hands."""
        offsets = scale_offsets(self.template, log_scales)
        return self.matrix @ forward_kinematics(rotation, translation, angles, offsets, self.side).joints

    def cost(self, points: Tensor) -> Tensor:
        """(N, P) m2: the weighted mean square distance of points (N, P, K, 3) from the target."""
        share = self.weights / self.weights.sum(-1, keepdim=True).clamp_min(1e-12)
        return ((points - self.target[:, None]).square().sum(-1) * share[:, None]).sum(-1)


class _Swarm(NamedTuple):
    """P particles of each of N frames."""

    base: Tensor
    """(N, 1, 3, 3): the rotation that rotation vectors are about."""
    position: Tensor
    """(N, P, 35): translation, rotation vector, angles, shape."""
    cost: Tensor
    """(N, P) m2."""


def _cost(frames: _Frames, base: Tensor, position: Tensor) -> Tensor:
    turned = base @ so3_exp(position[..., _ROTATION])
    return frames.cost(
        frames.points(turned, position[..., _TRANSLATION], position[..., _ANGLES], position[..., _SHAPE])
    )


def _noise(like: Tensor, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    return torch.rand(*shape, generator=generator, dtype=torch.float32).to(like)


def _first_swarm(
    frames: _Frames, start_shape: Tensor, with_shape: bool, particles: int, generator: torch.Generator
) -> _Swarm:
    """Random valid hands, rigidly aligned with the target."""
    target, limits = frames.target, frames.limits
    count, size, device = len(target), (len(target), particles), target.device
    # Half of the particles open and close the hand as a whole, the other half take any angles in range.
    angles = random_angles(size, generator, limits)
    curl = torch.linspace(0, 1, particles // 2, dtype=target.dtype, device=device)[:, None]
    whole = limits[:, 0] + (limits[:, 1] - limits[:, 0]) * (0.15 + 0.75 * curl)
    abductions = torch.tensor(FINGER_ANGLE_TABLE[:, 0], device=device)
    whole[:, abductions] = limits[abductions].mean(-1)
    angles[:, : particles // 2] = whole + 0.2 * (angles[:, : particles // 2] - whole)
    shape = start_shape[:, None].expand(*size, -1).clone()
    if with_shape:
        shape = shape + _SHAPE_SPREAD * (2 * _noise(target, (*size, skeleton.SHAPE_COUNT), generator) - 1)
    identity = torch.eye(3, dtype=target.dtype, device=device)
    rest = frames.points(identity, target.new_zeros(3), angles, shape)
    trust = (frames.weights * alignment_weights(frames.matrix))[:, None].expand(*size, -1)
    rotation, translation = kabsch(rest, target[:, None].expand_as(rest), trust)
    # Rotation vectors about the particle that starts best, so that they stay far from pi.
    best = frames.cost(frames.points(rotation, translation, angles, shape)).argmin(1)
    base = rotation[torch.arange(count, device=device), best][:, None]
    vector = so3_log(base.transpose(-1, -2) @ rotation)
    position = torch.cat([translation, vector, angles, shape], -1)
    return _Swarm(base, position, _cost(frames, base, position))


def _fly(
    frames: _Frames, swarm: _Swarm, with_shape: bool, iterations: int, generator: torch.Generator
) -> _Swarm:
    """The best place that each particle was at."""
    base, position, own_cost = swarm
    lower = position.new_full((position.shape[-1],), -torch.inf)
    upper = -lower
    lower[_ANGLES], upper[_ANGLES] = frames.limits.unbind(-1)
    lower[_SHAPE], upper[_SHAPE] = -FITTED_SHAPE_LIMIT, FITTED_SHAPE_LIMIT
    own, velocity = position, torch.zeros_like(position)
    each = torch.arange(len(position), device=position.device)
    for _ in range(iterations):
        leader = own[each, own_cost.argmin(1)][:, None]
        to_own, to_leader = (_noise(position, position.shape, generator) for _ in range(2))
        velocity = _INERTIA * velocity + _PULL * (to_own * (own - position) + to_leader * (leader - position))
        if not with_shape:
            velocity[..., _SHAPE] = 0
        moved = torch.maximum(torch.minimum(position + velocity, upper), lower)
        velocity = torch.where(moved == position + velocity, velocity, torch.zeros_like(velocity))
        position = moved
        cost = _cost(frames, base, position)
        better = cost < own_cost
        own = torch.where(better[..., None], position, own)
        own_cost = torch.where(better, cost, own_cost)
    return _Swarm(base, own, own_cost)


def _best(swarm: _Swarm, keep: int) -> SwarmResult:
    cost, order = swarm.cost.topk(keep, dim=1, largest=False)
    kept = swarm.position.gather(1, order[..., None].expand(-1, -1, swarm.position.shape[-1]))
    rotation = swarm.base @ so3_exp(kept[..., _ROTATION])
    return SwarmResult(rotation, kept[..., _TRANSLATION], kept[..., _ANGLES], kept[..., _SHAPE], cost.sqrt())
