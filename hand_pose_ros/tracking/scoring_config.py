"""Settings of how estimates are scored.

In: numbers, from a caller or a configuration file. Out: :class:`ScoringConfig`, checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hand_pose_ros import validation


@dataclass(frozen=True)
class ScoringConfig:
    """How estimates are scored; log odds are those of there being a hand."""

    visibility_weight: float = 0.15
    """Weight of the visibility score, against the logarithm of the expected error, on which side fits. Measured with
    tools/measure_sides.py."""
    handedness_weight: float = 0.6
    """The same of the network's log odds of the side. Measured with tools/measure_sides.py."""
    most_handedness: float = 6.0
    """The network's log odds of the side are bounded to this. Guessed."""
    reject_log_odds: float = -1.0
    """Below this, seen as a right hand, a place is no hand. Measured with tools/measure_presence.py and the fifth run's
    weights, by the worse side: 0.8 % of the hands lie below it, 84 % of the others."""
    candidate_log_odds: float = 0.0
    """Above this a place may be a hand: it is worth a second crop and a track. Derived: even odds."""
    other_side_weight: float = 0.38
    """Share of the other side's crop in the log odds of a hand, where both are tried. Measured with
    tools/measure_presence.py and the fifth run's weights, twice 1560 hands and 2280 crops without one: a logistic
    regression gives 0.37 and 0.41, and at 0.5 % of false places 1 and 2.5 % more of the hands pass."""
    both_sides_scale: float = 1.08
    """Those log odds are multiplied by this. Measured on the same crops: at ``TrackerConfig.start_odds`` half as many
    false places pass as by the chosen side alone, or as many (3 in place of 5 of 4560), and 1 % fewer of the hands."""
    sure_log_odds: float = 6.0
    """Above this a place is surely a hand, and more does not make it likelier. Guessed."""
    seen_log_odds: float = 3.0
    """From this on a tracked hand counts as seen. Measured with ``hand-pose calibrate``
    (docs/experiments/confidence.md): of clear hands 1 % lie below, of those before stereo cameras and in grasps 7 %, of
    other things 2 to 3 % above. A search tries many places, some of things that the network was not trained on, so
    beginning a track takes more: ``TrackerConfig.start_odds``."""
    edge_m: float = 0.10
    """A hand whose middle is nearer to the picture's edge than this must be surer to begin, metres; in narrow pictures
    than a third of them. Derived: half a hand's length. The picture's edge, not that of ``roi``, counts."""
    edge_log_odds: float = 5.0
    """By how many log odds, with its middle at the edge; fewer in proportion to how far it is inside, and never more
    than a frame can give (``most_frame_log_odds``); 0: nothing of all this. Derived: what is left above the default
    ``TrackerConfig.start_odds``. What it costs and why it is there: docs/experiments/detector.md."""
    other_hand_log_odds: float = 1.0
    """By so many log odds less a hand begins while another one is surely there; 0: nothing of this. Whoever asks for
    two hands shows both, which makes a second likelier than a first one. Measured with ``hand-pose bench refine
    --kinds stereo_pairs one_of_two``, where 2 is better still, and on real frames, where 2 takes a cup for the other
    hand (docs/experiments/two_hands.md)."""
    least_frame_log_odds: float = -4.0
    """One frame's log odds count as at least this. Guessed."""
    most_frame_log_odds: float = 12.0
    """One frame's log odds count as at most this. Guessed; a cup behind a box once reached 8."""
    fallback_sigma_m: float = 0.015
    """For weights without a presence head: a joint's certainty is exp(-sigma / this), sigma its expected error; metres.
    Guessed, as the next two."""
    fallback_certainty: float = 0.15
    """Mean certainty times visibility score at which such weights give ``seen_log_odds``."""
    fallback_slope: float = 20.0
    """Log odds a unit of that certainty."""

    def __post_init__(self) -> None:
        weights = ("visibility_weight", "handedness_weight", "most_handedness")
        validation.not_negative(self, *weights, "edge_log_odds", section="scoring")
        validation.between(self, 0.0, 100.0, "other_hand_log_odds", section="scoring")
        positive = ("both_sides_scale", "fallback_sigma_m", "fallback_slope", "edge_m")
        validation.positive(self, *positive, section="scoring")
        validation.share(self, "fallback_certainty", "other_side_weight", section="scoring")
        log_odds = (
            "least_frame_log_odds", "reject_log_odds", "candidate_log_odds", "seen_log_odds", "sure_log_odds",
            "most_frame_log_odds",
        )  # fmt: skip
        validation.between(self, -100.0, 100.0, *log_odds, section="scoring")
        for low, high in pairwise(log_odds):
            least, most = getattr(self, low), getattr(self, high)
            validation.require(least < most, "scoring", low, least, f"less than {high}, {most}")
