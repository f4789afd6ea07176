"""Hierarchical regression (SDNet, section 4): one hand's joints moved to where their energy is least, palm to tips.

In: a crop (S, S) and its CropFrame, the network's joints (23, 3) in the crop's local frame (metres, right hand) with
their expected errors, the bones' prior, and the joints of the frame before, if there is one. Out: refined joints
(23, 3), same frame. They are not those of a hand model any more: a solver brings them back onto it.

All fingers' joints of one depth are a layer: palm; wrist and finger bases; then joint by joint to the tips.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.skeleton import bone_lengths
from hand_pose_ros.refine.bone_prior import BonePrior
from hand_pose_ros.refine.energy import (
    MotionPrior,
    Observation,
    Prior,
    RegressionProblem,
    TreeTables,
    Weights,
    regress_in_order,
)
from hand_pose_ros.refine.energy_terms import background_integral
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.validation import is_whole, not_negative, positive, require, share, typed, whole

Array = NDArray[np.float64]

_FINGERS = tuple(skeleton.FINGER_JOINTS.values())
LAYERS: tuple[tuple[int, ...], ...] = (
    (0,),
    tuple(joint for joint, parent in enumerate(skeleton.JOINT_PARENTS) if parent == 0),
    *(tuple(finger[depth] for finger in _FINGERS) for depth in (1, 2, 3)),
)
"""Joints by depth along the fingers, in the order in which they are regressed."""

# How deep joints lie under the seen surface when nothing is before them, metres. Measured, with what is not
# recorded: the 5th percentile and the median over labelled synthetic crops.
_UNDER_SKIN_M = {
    "palm": (0.013, 0.032), "wrist": (0.003, 0.019), "cmc": (0.007, 0.024), "mcp": (0.007, 0.020),
    "pip": (0.0035, 0.011), "ip": (0.005, 0.011), "dip": (0.003, 0.009), "tip": (0.001, 0.006),
}  # fmt: skip


@dataclass(frozen=True)
class RegressorConfig:
    """Weights of the energy's terms (0 leaves one out) and the search's pattern.

    The defaults are what ``hand-pose refine-weights`` chose on synthetic crops and motions, those of fields that its
    grid does not have are guessed. ValueError, naming the field, on a value that makes no sense.
    """

    network: float = 0.7
    """Stay near the network's joint (moved along with its parent's correction), in units of its expected error."""
    bone_mixture: float = 0.0
    """Eq. 9: the bone's length under the population's mixture. Eq. 8 gives this term no weight of its own, so the
    paper's gammas are ratios to it, and it prints none of them."""
    bone_length: float = 0.3
    """Eq. 9 about the bone's known length: the user's, or the network's own where the user is not known."""
    background: float = 3.0
    """Gamma_D of Eq. 8 (times Eq. 10's penalty): empty pixels about the joint's own."""
    free_space: float = 4.0
    """A joint does not lie in the free space before the surface seen at its pixel."""
    occluded: float = 1.0
    """A joint is rather just below the surface than hidden behind it."""
    tip_order: float = 0.0
    """Gamma_M of Eq. 8 (times Eq. 11's penalty): a fingertip moves at least as much as the joint before it."""
    prediction: float = 0.0
    """Near where constant velocity since the frame before would put it. Off: on synthetic sequences it brings
    nothing, and takes a third of the gain before stereo cameras (docs/experiments/refinement.md); real hands that set
    off or stopped it pulled fingers off."""
    kernel_px: int = 0
    """W of Eq. 10: the kernel is 2 W + 1 pixels wide."""
    lateral_share: float = 0.85
    """Spread of a network joint along x and y, as a share of its expected error (a distance)."""
    depth_share: float = 0.75
    """The same along z. The network errs a quarter more there than along x or y, but the surface corrects it."""
    least_sigma_m: float = 0.002
    """The expected error counts as at least this, metres."""
    largest_sigma_m: float = 0.015
    """The expected error counts as at most this, metres: beyond it a joint is lost, not just off."""
    length_m: float = 0.003
    """Spread of a bone's length about the known one, metres."""
    softness_m: float = 0.004
    """Over this the depth terms rise, metres."""
    free_space_most: float = 1.5
    """The most that the free-space term can cost, before its weight."""
    follow: float = 0.85
    """How much of its parent's correction a joint takes over before it is regressed itself."""
    temperature: float = 0.35
    """Of the soft minimum over the candidates; 0 takes the best candidate alone."""
    passes: int = 2
    """How often palm to tips is gone through."""
    radii: tuple[float, ...] = (0.6, 1.2, 2.0)
    """Shells of candidates about the joint, in units of its spread."""
    shell_candidates: tuple[int, ...] = (14, 20, 26)
    """Candidates on each shell."""
    velocity_share: float = 1.0
    """How much of the velocity that it is given the prediction goes on with; less than 1 for a noisy velocity."""
    acceleration_m_s2: float = 10.0
    """By what a joint may leave its prediction, metres a second squared."""
    past_share: float = 0.4
    """Spread of a joint of the frame before, as a share of its expected error."""

    def __post_init__(self) -> None:
        typed(self)
        not_negative(
            self, "network", "bone_mixture", "bone_length", "background", "free_space", "occluded", "tip_order",
            "prediction", "free_space_most", "temperature", "acceleration_m_s2",
        )  # fmt: skip
        positive(
            self, "lateral_share", "depth_share", "least_sigma_m", "largest_sigma_m", "length_m", "softness_m",
            "past_share",
        )  # fmt: skip
        share(self, "follow", "velocity_share")
        ordered = self.least_sigma_m <= self.largest_sigma_m
        require(ordered, "", "largest_sigma_m", self.largest_sigma_m, "at least least_sigma_m")
        whole(self, "kernel_px", least=0, most=32)
        whole(self, "passes", most=20)
        near = bool(self.radii) and all(0.0 < radius <= 10.0 for radius in self.radii)
        require(near, "", "radii", self.radii, "at least one, each above 0 and at most 10 spreads")
        counts, shells = self.shell_candidates, len(self.radii)
        enough = len(counts) == shells and all(is_whole(n) and 2 <= n <= 500 for n in counts)
        require(enough, "", "shell_candidates", counts, f"2 to 500 for each of {shells} radii")

    @cached_property
    def _weights(self) -> Weights:
        values = ((name, getattr(self, name)) for name in Weights._fields)
        return Weights._make(int(v) if name == "kernel_px" else float(v) for name, v in values)

    @cached_property
    def _offsets(self) -> Array:
        return candidate_offsets(self.radii, self.shell_candidates)


def regress_joints(
    frame: CropFrame,
    crop: NDArray[np.float32],
    joints: ArrayLike,
    sigma: ArrayLike,
    prior: BonePrior,
    config: RegressorConfig,
    previous: PreviousFrame | None = None,
    lengths: ArrayLike | None = None,
) -> Array:
    """The network's joints (23, 3), local m, with expected errors sigma (23,) m, moved to least energy -> (23, 3) m.

    crop (S, S) float32 as the network saw it; previous: the frame before, in the camera's frame; lengths (22,) m as
    skeleton.BONES: of this hand, or None for those of ``joints`` themselves. Deterministic. ValueError on
    another shape.
    """
    start = np.array(joints, dtype=np.float64)
    if start.shape != (skeleton.JOINT_COUNT, 3) or crop.shape != (frame.size, frame.size):
        raise ValueError(
            f"joints have shape {start.shape}, crop {crop.shape}: want (23, 3), ({frame.size}, same)"
        )
    error = np.clip(np.asarray(sigma, np.float64), config.least_sigma_m, config.largest_sigma_m)
    spread = error[:, None] * np.array([config.lateral_share, config.lateral_share, config.depth_share])
    known = np.zeros(skeleton.JOINT_COUNT)
    known[1:] = bone_lengths(start) if lengths is None else lengths
    prior_of_joints = Prior(start, spread, known)
    observation = Observation(crop, background_integral(crop), frame.distance, frame.half)
    motion = _motion_prior(previous, frame, start, config)
    tree, refined = tree_tables(), start.copy()
    problem = RegressionProblem(
        config._offsets, observation, tree, prior_of_joints, motion, prior.by_joint, config._weights
    )
    regress_in_order(_order(), config.passes, problem, refined)
    return refined


def candidate_offsets(radii: tuple[float, ...], counts: tuple[int, ...]) -> Array:
    """The centre and, on each shell, a Fibonacci spiral of points -> (1 + sum of counts, 3), units of the spread."""
    shells: list[Array] = [np.zeros((1, 3))]
    for radius, count in zip(radii, counts, strict=True):
        step = np.arange(count) + 0.5
        z = 1.0 - 2.0 * step / count
        across, turn = np.sqrt(1.0 - z * z), step * math.pi * (1.0 + math.sqrt(5.0))
        shells.append(radius * np.stack([across * np.cos(turn), across * np.sin(turn), z], axis=1))
    return np.ascontiguousarray(np.concatenate(shells))


def _motion_prior(
    previous: PreviousFrame | None, frame: CropFrame, joints: Array, config: RegressorConfig
) -> MotionPrior:
    """The frame before in this crop's local frame, and where constant velocity leads from there; joints (23, 3) m stand
    in for it where there is none, or where no term asks for it."""
    if previous is None or not (config.prediction > 0.0 or config.tip_order > 0.0):
        return MotionPrior(False, joints, joints, joints[:, 0])
    before, velocity = previous.in_crop(frame)
    predicted, dt = before, previous.dt_s
    if velocity is not None:
        predicted = before + config.velocity_share * dt * velocity
    known = config.past_share * np.clip(previous.sigma, config.least_sigma_m, config.largest_sigma_m)
    return MotionPrior(True, before, predicted, np.hypot(known, 0.5 * config.acceleration_m_s2 * dt * dt))


@lru_cache(maxsize=1)
def _order() -> NDArray[np.int64]:
    """(23,) joints from palm to tips: those of one layer do not look at each other."""
    return np.array([joint for layer in LAYERS for joint in layer], dtype=np.int64)


@lru_cache(maxsize=1)
def tree_tables() -> TreeTables:
    """The skeleton as the compiled regression reads it."""
    following = np.full(skeleton.JOINT_COUNT, -1, dtype=np.int64)
    first = following.copy()
    for finger in _FINGERS:
        following[list(finger[:-1])] = finger[1:]
        first[finger[-1]] = finger[0]
    depths = np.empty((skeleton.JOINT_COUNT, 2))
    for joint, name in enumerate(skeleton.JOINT_NAMES):
        kind = "wrist" if name.startswith("wrist") else name.rsplit("_", 1)[-1]
        depths[joint] = _UNDER_SKIN_M[kind]
    parents = np.array(skeleton.JOINT_PARENTS, dtype=np.int64)
    return TreeTables(parents, following, first, depths[:, 0].copy(), depths[:, 1].copy())
