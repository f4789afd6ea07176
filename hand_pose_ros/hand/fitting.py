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
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.fit_config import FitConfig
from hand_pose_ros.hand.fit_stages import FitPoints, choose_side, fit_all
from hand_pose_ros.hand.hand_state import hand_frames
from hand_pose_ros.hand.jacobian import unflatten_offsets
from hand_pose_ros.hand.joint_sets import find_joint_set
from hand_pose_ros.hand.kinematics import HandOffsets
from hand_pose_ros.hand.rotations import so3_log

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HandFit:
    """N fitted frames of G hands, K points a frame: float64, on the device of the points."""

    side: str
    """"right" or "left"."""
    parameters: Tensor
    """(N, 26) as ``skeleton.PARAMETER_NAMES``, angles in range."""
    group: Tensor
    """(N,): which hand a frame shows."""
    shape: Tensor
    """(G, 9) log scales."""
    offsets: HandOffsets
    """With leading (G,), m."""
    joints: Tensor
    """(N, 23, 3) m."""
    residual: Tensor
    """(N, K) m, NaN where a weight is 0."""
    swarm_cost: Tensor
    """(N,) m: what the swarm alone reached, root mean square."""

    def out_of_range(self) -> Tensor:
        """(N,) bool: frames with an angle out of ``skeleton.ANGLE_LIMITS``."""
        lower, upper = torch.as_tensor(skeleton.ANGLE_LIMITS).to(self.parameters).unbind(-1)
        angles = self.parameters[:, skeleton.FIRST_ANGLE :]
        return ((angles < lower) | (angles > upper)).any(-1)


def fit_hands(
    points: Tensor | NDArray[np.generic],
    joint_set: str | NDArray[np.generic] | None = None,
    *,
    weights: Tensor | NDArray[np.generic] | None = None,
    group: Tensor | NDArray[np.generic] | None = None,
    shape: Tensor | NDArray[np.generic] | None = None,
    config: FitConfig | None = None,
    limits: Array = skeleton.ANGLE_LIMITS,
) -> HandFit:
    """Fit the hand model to points (N, K, 3) m.

    joint_set: a name in ``joint_sets.JOINT_SETS``, a matrix (K, 23), or None for our own 23 joints. weights (N, K), 0
    for a point that was not seen (it may be NaN), 1 by default. group (N,) integers: frames with the same number show
    the same hand (all of them, by default). shape (G, 9): known shapes of the groups in ascending order of their
    number, or the start where shapes are fitted. limits (20, 2) rad.
    ValueError on shapes that do not fit together, on a frame with fewer than three points and on values that are not
    finite.
    """
    config = config or FitConfig()
    data = _checked_points(points, joint_set, weights, limits)
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
        side = choose_side(data, config) if config.side == "auto" else config.side
        state, swarm_cost = fit_all(data, groups, start, side, config)
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


def _checked_points(
    points: Tensor | NDArray[np.generic],
    joint_set: str | NDArray[np.generic] | None,
    weights: Tensor | NDArray[np.generic] | None,
    limits: Array,
) -> FitPoints:
    if joint_set is None:
        joint_set = np.eye(skeleton.JOINT_COUNT)
    if isinstance(joint_set, str):
        joint_set = find_joint_set(joint_set).matrix
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
    return FitPoints(target, given, matrix, torch.as_tensor(np.array(limits)).to(target))


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
