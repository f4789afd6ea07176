"""How the offline fitting goes about it: :class:`FitConfig`, which needs no torch.

In: what a caller chooses. Out: the checked choice for :func:`hand_pose_ros.hand.fitting.fit_hands`.
"""

from __future__ import annotations

from dataclasses import dataclass

from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.validation import one_of, require, whole

SHAPE_MODES: tuple[str, ...] = ("fixed", "sequence", "frame")
SIDE_CHOICES: tuple[str, ...] = (*SIDES, "auto")
GEOMETRIES: tuple[str, ...] = ("fixed", "scales", "offsets")
"""What is unknown of a group's hand: nothing; the 9 log scales; the 36 numbers of its HandOffsets themselves."""


@dataclass(frozen=True)
class FitConfig:
    """How to fit. ValueError, naming the field, on a value that makes no sense."""

    side: str = "right"
    """"right", "left", or "auto", which fits a sample of frames with both and takes the better."""
    shape: str = "fixed"
    """"fixed" (the given shapes or the template's), "sequence" (one hand a group) or "frame" (one hand a frame)."""
    geometry: str = "scales"
    """With shape "sequence", what of the hand is fitted: the 9 log "scales" that HandModelLayer takes, or the 36
    "offsets" (palm outline and every bone) themselves, with a weak prior on the scaled template."""
    particles: int = 32
    """Poses of a frame's swarm (guessed; with iterations, enough for 99 of 100 random hands to be found within 1 mm:
    ``pytest test/hand/test_fitting.py``)."""
    swarm_iterations: int = 30
    """Moves of the swarm (guessed, see particles)."""
    iterations: int = 50
    """At most this many steps of each Levenberg-Marquardt stage (guessed)."""
    seed: int = 0
    """Of the swarm's random numbers: the same seed gives the same fit."""
    threads: int = 1
    """Of torch on the CPU while fitting. The matrices are small, and on a busy machine a second thread costs eight
    times what it brings."""

    def __post_init__(self) -> None:
        one_of(self, SIDE_CHOICES, "side")
        one_of(self, SHAPE_MODES, "shape")
        one_of(self, GEOMETRIES[1:], "geometry")
        require(
            self.geometry != "offsets" or self.shape == "sequence", "", "geometry", self.geometry,
            f"scales with shape '{self.shape}': offsets need shape 'sequence'",
        )  # fmt: skip
        whole(self, "particles", least=4)
        whole(self, "swarm_iterations", "seed", least=0)
        whole(self, "iterations", "threads")
