"""SDNet's losses: the joint loss (Eq. 1) and the skeleton-difference layer (Eq. 2 to 7).

In: predicted and true joints (B, J, 3), any unit (the skeleton-difference loss does not depend on it), and the
chains of joint indices that make the paper's "parts": a root, then the joints of one finger from the palm to the tip.
Out: a scalar, the mean over the batch. Gradients are finite everywhere, also for bones of length zero.

Where the paper is ambiguous or cannot be differentiated:

* Eq. 1 prints a norm and a detached 2. It is read as the squared norm, the Euclidean loss of the framework that
  the paper used (without that framework's factor 1/2, which the paper does not print).
* Eq. 3 and 6 sum l from 0 to L, "the angle number": L + 1 terms if taken literally. The sum is over the angles
  (and ratios) that exist: one for every pair of consecutive bones of a part, l = 0 .. L - 1.
* Eq. 3, |tan|: the two angles lie in [0, pi], so half their difference reaches the pole at pi / 2 only when one
  finger is straight and the other folded back on itself. Above ``tan_limit`` the function goes on along its
  tangent: value and slope are continuous, the slope is at most 1 + tan(tan_limit)^2.
* Eq. 4, arccos: its slope is infinite for straight fingers. The same angle is computed as
  atan2(|B x B'|, B . B'), the norm with a rounded tip.
* Eq. 5, the step F: its gradient is zero wherever it exists and would teach nothing. The value is the paper's step,
  the gradient is that of max(theta - threshold, 0), which pushes the angle back below the threshold.
* alpha, beta, omega_1, omega_2 and the threshold are not given in the paper; see :class:`SkeletonDifference`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hand_pose_ros.hand import skeleton
from hand_pose_ros.validation import not_negative, require, typed

PARTS: tuple[tuple[int, ...], ...] = tuple(
    (skeleton.JOINT_INDEX["palm"], *skeleton.FINGER_JOINTS[finger]) for finger in skeleton.FINGERS
)
"""The five parts of the 23 joints: palm, then the four joints of a finger, so four bones and three angles each. The
paper's (its Figure 3b) are parts of ICVL's 16 joints: palm and three joints of a finger, three bones and two angles."""

# Added to squares (m^2; of a sine), so that their roots have a gradient at 0. Guessed: far below what counts.
_LENGTH_EPSILON = 1e-12
_ANGLE_EPSILON = 1e-8


@dataclass(frozen=True)
class SkeletonDifference:
    """Weights of Eq. 2 and 3; the paper gives none of them. ValueError names a field that makes no sense."""

    alpha: float = 0.2
    """Of the angle term. Measured, with beta: 1 was far worse (docs/experiments/paper_tables.md)."""
    beta: float = 0.2
    """Of the bone term."""
    omega1: float = 1.0
    """Of the tangent within the angle term (guessed)."""
    omega2: float = 1.0
    """Of the penalty within the angle term (guessed)."""
    threshold: float = 1.9
    """Angle between consecutive bones, rad, from which the penalty applies: a little under the deepest bend of a
    finger's middle joint (guessed)."""
    tan_limit: float = 1.2
    """Half difference of two angles, rad, from which the tangent goes on as a line, see the module's notes
    (guessed)."""

    def __post_init__(self) -> None:
        section = "loss.skeleton_difference"
        typed(self, section)
        not_negative(self, "alpha", "beta", "omega1", "omega2", section=section)
        require(0 < self.threshold <= math.pi, section, "threshold", self.threshold, "above 0 to pi rad")
        inside = 0 < self.tan_limit < math.pi / 2
        require(inside, section, "tan_limit", self.tan_limit, "above 0 to below pi/2 rad")


def euclidean_joint_loss(joints: Tensor, truth: Tensor) -> Tensor:
    """Eq. 1: sum over the joints of ||X_j - X_j^GT||^2, mean over the batch; in squared units of the input."""
    return (joints - truth).square().flatten(1).sum(1).mean()


def skeleton_difference_loss(
    joints: Tensor,
    truth: Tensor,
    config: SkeletonDifference | None = None,
    parts: Sequence[Sequence[int]] = PARTS,
) -> Tensor:
    """Eq. 2: alpha Loss_a + beta Loss_b for joints (B, J, 3), mean over the batch."""
    config = config or SkeletonDifference()
    bones, true_bones = part_bones(joints, parts), part_bones(truth, parts)
    angles, true_angles = bone_angles(bones), bone_angles(true_bones)
    difference = half_angle_tangent(angles, true_angles, config.tan_limit)
    penalty = over_threshold(angles, config.threshold)
    angle_loss = (config.omega1 * difference + config.omega2 * penalty).flatten(1).sum(1)
    bone_loss = (bone_ratios(bones) - bone_ratios(true_bones)).abs().flatten(1).sum(1)
    return (config.alpha * angle_loss + config.beta * bone_loss).mean()


def part_bones(joints: Tensor, parts: Sequence[Sequence[int]] = PARTS) -> Tensor:
    """Joints (B, J, 3) -> bone vectors (B, P, L + 1, 3) of P parts with L + 1 bones each."""
    index = torch.as_tensor(parts, device=joints.device)
    points = joints[:, index]
    return points[:, :, 1:] - points[:, :, :-1]


def bone_angles(bones: Tensor) -> Tensor:
    """Eq. 4: bones (B, P, L + 1, 3) -> angles (B, P, L) in [0, pi] between consecutive bones."""
    unit = bones / _length(bones)[..., None]
    first, second = unit[..., :-1, :], unit[..., 1:, :]
    sine = torch.linalg.cross(first, second, dim=-1).square().sum(-1).add(_ANGLE_EPSILON).sqrt()
    return torch.atan2(sine, (first * second).sum(-1))


def half_angle_tangent(angles: Tensor, truth: Tensor, limit: float) -> Tensor:
    """|tan(theta / 2 - theta_GT / 2)| of Eq. 3, going on along its tangent where half the difference is over limit."""
    half = (0.5 * (angles - truth)).abs()
    slope = 1 + math.tan(limit) ** 2
    inside = torch.tan(half.clamp_max(limit))
    return inside + slope * (half - limit).clamp_min(0)


def over_threshold(angles: Tensor, threshold: float) -> Tensor:
    """F of Eq. 5: 1 where the angle is at or over the threshold, else 0; with the gradient of max(theta - t, 0)."""
    step = (angles >= threshold).to(angles.dtype)
    hinge = (angles - threshold).clamp_min(0)
    return step + hinge - hinge.detach()


def bone_ratios(bones: Tensor) -> Tensor:
    """Eq. 7: bones (B, P, L + 1, 3) -> share (B, P, L) of the further one in the length of two consecutive bones."""
    length = _length(bones)
    return length[..., 1:] / (length[..., :-1] + length[..., 1:])


def _length(bones: Tensor) -> Tensor:
    return (bones.square().sum(-1) + _LENGTH_EPSILON).sqrt()
