"""The surface fit's weights, scales and limits.

In: numbers, from a caller or a configuration file. Out: :class:`SurfaceFitConfig`, checked.
"""

from __future__ import annotations

from dataclasses import dataclass

from hand_pose_ros.validation import not_negative, numbers, positive, require, whole


@dataclass(frozen=True)
class SurfaceFitConfig:
    """A weight of 0 leaves a term out. ValueError, naming the field, on a value that makes no sense.

    What was measured with ``hand-pose surface-weights`` is what it chose on synthetic crops.
    """

    joint_weight: float = 0.3
    """Of a joint's squared distance to the network's, in units of its expected error. Measured with ``hand-pose
    surface-weights``."""
    joint_scale: float = 1.5
    """Beyond so many expected errors a joint counts less and less. Measured with ``hand-pose surface-weights``."""
    surface_weight: float = 0.1
    """Of a pixel's squared distance to the model in units of surface_noise_m, for pixels of 3.1 mm. Measured with
    ``hand-pose surface-weights``."""
    surface_noise_m: float = 0.003
    """Unit of the surface's distances, metres. It only scales the two surface weights. Guessed."""
    surface_scale_m: float = 0.006
    """Beyond this distance to the model a pixel counts less and less, metres. Measured with ``hand-pose
    surface-weights``."""
    trusted_sigma_m: float = 0.004
    """Up to this expected error of a hand's surest joints the surface and the free space about it count in full,
    metres, beyond it less by the square: what makes the network unsure of all joints, as outlines that a stereo matcher
    moved, is wrong with the surface, too. inf: they always count in full. Measured with ``hand-pose
    bench refine --quick --seed 1000 --kinds stereo moving still`` (docs/experiments/refinement.md); on single crops
    ``hand-pose surface-weights`` chose 0.0045."""
    facing: float = -0.2
    """Least cosine between the view and the normal of a surface that a pixel may be. Measured with ``hand-pose
    surface-weights``."""
    free_space_weight: float = 0.2
    """As surface_weight, of a bone sample before the surface or beside the hand. Measured with ``hand-pose
    surface-weights``."""
    free_space_scale_m: float = 0.012
    """Beyond this distance a sample counts less and less, metres. Measured with ``hand-pose surface-weights``."""
    free_space_margin_m: float = 0.0
    """By this much flesh may lie before the surface, metres. Measured with ``hand-pose surface-weights``."""
    free_space_gate_m: float = 0.025
    """Flesh farther before the surface than this is beside the hand, metres: about two fingers' radii. Guessed."""
    angle_weight: float = 1.0
    """Of the angles' distance to the network's, in units of angle_spread. Guessed."""
    angle_spread: float = 0.7
    """Spread about the network's angles, rad. Measured with ``hand-pose surface-weights``."""
    previous_translation_m: float = float("inf")
    """Spread of the palm about the previous pose, metres; infinite: no prior. The palm is seen well in every frame.
    Guessed."""
    previous_rotation: float = float("inf")
    """The same of its rotation, rad. Guessed."""
    previous_angle: float = 0.25
    """The same of the angles, rad, after a thirtieth of a second. Guessed."""
    restart_m: float = 0.02
    """Where a fingertip lies farther than this from where the previous angles put it, the fit begins a second time,
    from these angles, and what has less energy is taken; inf: never. Measured with the fourth run's weights and
    ``hand-pose bench refine --quick``: the jitter of still hands falls from 0.70 to 0.53 mm, 0.04 leaves it; with the
    fifth run's and ``hand-pose bench gestures``: held pinches agree in 100 instead of 95 and 87 % (seeds 0 and 200)."""
    thickness_spread: float = 0.08
    """Of the flesh's log scale about its estimate so far. Measured with ``hand-pose surface-weights``."""
    shape_spread: float = 0.10
    """Of each log scale of a shape that one frame's network guessed, see SurfaceFit.loose_shape. Measured with
    ``hand-pose surface-weights``."""
    points: int = 256
    """Most pixels that are compared: more cost time. Guessed."""
    reach_m: float = 0.025
    """Pixels farther than this from the box about all joints are left alone, metres. Guessed."""
    ring_px: int = 10
    """Radius, px, within which the nearest pixel of the hand is searched for a sample beside it. Guessed."""
    iterations: int = 8
    """Most Levenberg-Marquardt trials. Guessed."""
    tolerance: float = 1e-3
    """A step that gains less than this share of the energy is the last. Guessed."""

    def __post_init__(self) -> None:
        not_negative(
            self, "joint_weight", "surface_weight", "free_space_weight", "angle_weight", "free_space_margin_m"
        )
        positive(
            self, "joint_scale", "surface_noise_m", "surface_scale_m", "free_space_scale_m", "free_space_gate_m",
            "angle_spread", "thickness_spread", "shape_spread", "reach_m",
        )  # fmt: skip
        spreads = (
            "previous_translation_m", "previous_rotation", "previous_angle", "restart_m", "trusted_sigma_m",
        )  # fmt: skip
        numbers(self, *spreads, "facing", "tolerance")
        for name in spreads:
            spread = getattr(self, name)
            require(spread > 0.0, "", name, spread, "more than 0, or inf")
        margin, gate = self.free_space_margin_m, self.free_space_gate_m
        require(margin < gate, "", "free_space_margin_m", margin, f"less than free_space_gate_m ({gate})")
        require(-1.0 <= self.facing < 1.0, "", "facing", self.facing, "a cosine from -1 to below 1")
        require(0.0 <= self.tolerance < 1.0, "", "tolerance", self.tolerance, "0 to below 1")
        whole(self, "points", "ring_px", "iterations")
