"""Settings of the search for hands in a whole depth image: blob detector, learnt detector, proposals.

Without torch. Under each setting stands the source of its value: published, derived, measured (with what), or guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from hand_pose_ros import validation


@dataclass(frozen=True)
class BlobDetectorConfig:
    """What the blob detector takes for a hand; ValueError, naming the field, on a value that makes no sense.

    Tests with rendered bodies and with real SR305 and Kinect v2 frames (test/detection/test_blob_detector.py) hold all
    values together.
    """

    min_range_m: float = 0.15
    """Nearest depth searched, metres. Guessed: nearer than what common sensors measure."""
    max_range_m: float = 1.5
    """Farthest depth searched, metres. Guessed: beyond it a hand has too few pixels for the pose network."""
    reach_m: float = 0.14
    """How far a hand goes from the middle of its palm, along the surface, metres. Guessed."""
    min_area_m2: float = 0.003
    """Least visible area within that reach, square metres. Guessed."""
    max_area_m2: float = 0.035
    """Largest visible area within that reach, square metres. Guessed."""
    min_radius_m: float = 0.010
    """Least distance from the palm's middle to the nearest depth edge, metres. Guessed."""
    max_radius_m: float = 0.060
    """Largest distance from the palm's middle to the nearest depth edge, metres. Guessed."""
    max_opening_m: float = 0.20
    """The widest that what leads on from a hand with spread fingers may be, metres. Guessed."""
    max_fist_opening_m: float = 0.12
    """The same for a hand without fingers, whose wrist or sleeve alone leads on, metres. Guessed."""
    max_candidates: int = 40
    """Places that are flooded, the nearest first, which bounds the time. Guessed."""
    max_steps: int = 800_000
    """Cells that all floods of one image walk over together, which bounds the time where everything is near. Guessed:
    at 0.36 microseconds each, measured on pictures of rubble 0.16 m away, 0.3 s."""
    wrist_m: float = 0.09
    """A wrist or a sleeve leads on with less than this, metres; what is wider costs ``opening_cost``. Guessed."""
    finger_opening_m: float = 0.04
    """By this much more a hand with fingers leads on, because they reach beyond ``reach_m``, metres. Guessed."""
    opening_cost: float = 3.0
    """What a metre of opening beyond the wrist's costs, in metres of distance to the camera. Guessed."""
    palm_radius_m: float = 0.04
    """A palm is at least this wide to either side, metres; what is narrower costs ``radius_cost``. Guessed."""
    radius_cost: float = 4.0
    """What a metre of radius below the palm's costs, in metres of distance. Guessed."""
    fist_outline_m: float = 0.45
    """Outline within reach up to which there are no fingers, metres. Measured, on what is not recorded: 0.4 for a fist
    or an elbow's end, 0.6 for a face."""
    fingers_outline_m: float = 0.85
    """Outline within reach from which on all fingers show, metres. Measured, on what is not recorded: 0.7 to 1.2."""
    outline_cost: float = 0.2
    """What a hand without any fingers costs, in metres of distance. Guessed."""
    score_scale_m: float = 0.3
    """The cost, in metres of distance, at which a hand's score has fallen to 1 / e. Guessed."""
    hand_spacing_m: float = 0.15
    """Two hands are at least so far apart, metres: about the length of a hand without its fingertips. Guessed."""
    same_blob_m: float = 0.10
    """Places nearer to each other than this lie on one hand, metres. Guessed."""
    occluder_gap_m: float = 0.06
    """Nearer by more than this is something else before the surface, not a finger before the palm, metres. Guessed."""
    palm_depth_m: float = 0.012
    """From the skin to the middle of the palm, metres. Guessed."""
    edge_m: float = 0.02
    """Neighbouring cells no further apart in depth than this lie on one surface, metres. Guessed."""
    edge_slope: float = 3.0
    """The same a metre across, for slanted surfaces. Derived: it allows 72 degrees."""
    hole_depth_m: float = 0.03
    """A hole is filled from its neighbours within this depth of the nearest, metres. Guessed."""

    def __post_init__(self) -> None:
        validation.positive(self, *(field.name for field in fields(self)), section="blob_detector")
        validation.whole(self, "max_candidates", "max_steps", section="blob_detector")
        for low, high in (
            ("min_range_m", "max_range_m"),
            ("min_area_m2", "max_area_m2"),
            ("min_radius_m", "max_radius_m"),
            ("fist_outline_m", "fingers_outline_m"),
        ):
            least, most = getattr(self, low), getattr(self, high)
            validation.require(least < most, "blob_detector", low, least, f"less than {high}, {most}")


@dataclass(frozen=True)
class DetectionConfig:
    """How the learnt detector's maps are read; ValueError, naming the field, on a value that makes no sense."""

    least_score: float = 0.3
    """What scores less is no hand. Measured with ``hand-pose evaluate-detector --least-score``:
    docs/experiments/detector.md has the hands found and the false alarms at 0.2 to 0.5."""
    vote_agreement_m: float = 0.05
    """Votes for a hand's middle count when they are this near to the peak's own, metres. Guessed."""
    same_peak_m: float = 0.07
    """Peaks whose middles are nearer to each other than this are one hand, metres. Guessed: less than a palm's
    width."""
    min_depth_m: float = 0.05
    """Middles nearer than this are none, metres. Guessed: nothing is measured there."""
    mask_radius_m: float = 0.03
    """How far about its joints a found hand is masked, metres. Guessed: a palm's flesh."""
    mask_depth_m: float = 0.04
    """How far before and behind its joints a found hand is masked, metres. Guessed."""

    def __post_init__(self) -> None:
        validation.share(self, "least_score", section="detection")
        lengths = ("vote_agreement_m", "same_peak_m", "min_depth_m", "mask_radius_m", "mask_depth_m")
        validation.positive(self, *lengths, section="detection")


@dataclass(frozen=True)
class ProposalConfig:
    """Which places are proposed to the pose network; ValueError, naming the field, on a value that makes no sense."""

    candidate_score: float = 0.15
    """The detector's hands are proposed from this score on. Measured on pictures of ``hand-pose evaluate-detector
    --search``, the run is not recorded: every third hand that the detector scores below 0.3 lies here."""
    same_hand_m: float = 0.12
    """Places nearer to each other than this show the same hand, metres. Guessed: more than half a hand's length."""
    most_proposals: int = 6
    """Most places proposed in one image, which bounds the time. Guessed."""
    spare_detections: int = 2
    """So many more of the detector's hands are proposed than are wanted, in case they are none. Guessed."""
    spare_blobs: int = 1
    """So many more of the blob detector's hands are proposed than are wanted, in case they are none. Guessed."""
    spare_remaining: int = 1
    """The same when the detector is run again with the found hands masked. Guessed."""
    score_weight: float = 2.0
    """Log odds that a unit of the score's own log odds adds to the pose network's. Measured on 374 places on hands and
    1221 on other things (docs/experiments/detector.md), as the next three."""
    even_score: float = 0.4
    """The score that leaves the log odds as they are. Measured (docs/experiments/detector.md)."""
    least_prior_log_odds: float = -1.0
    """The least that a score adds to the log odds. Measured (docs/experiments/detector.md)."""
    most_prior_log_odds: float = 3.0
    """The most that a score adds to the log odds. Measured (docs/experiments/detector.md)."""
    blob_log_odds: float = -1.0
    """What is added to the log odds of a hand that the blob detector alone proposes, where the learnt one looked and
    saw none. Measured, as ``least_prior_log_odds``, with the fourth run's weights."""
    blob_interval_s: float = 0.05
    """Where there is a learnt detector, the blob detector, which takes longer, searches no more often than this,
    seconds. Derived: a hand that it alone finds is then found within two frames at 30 Hz."""
    blob_unhurried_interval_s: float = 3.0
    """The same while a hand is followed already and another is looked for. Derived: at 30 Hz it is then in the time of
    one frame in ninety; with the other sides and the other places that are tried 96.5 % of the frames do without any of
    these. What the learnt detector finds, nearly all, is found as soon."""
    blob_unchanged_s: float = 0.5
    """What the blob detector found serves for so long where the picture has not changed, seconds. Chosen: much longer
    than the time between its searches, and not long enough for noise alone to hide a hand."""
    remaining_log_odds: float = -1.0
    """What is added to the log odds of a hand that shows only when another one is masked: arms that end where a hand
    was masked look like hands, so it must be likelier than others. Guessed."""

    def __post_init__(self) -> None:
        validation.typed(self, "proposals")
        validation.share(self, "candidate_score", section="proposals")
        validation.between(self, 1e-3, 1.0 - 1e-3, "even_score", section="proposals")
        validation.positive(self, "same_hand_m", section="proposals")
        intervals = ("blob_interval_s", "blob_unhurried_interval_s", "blob_unchanged_s")
        validation.not_negative(self, "score_weight", *intervals, section="proposals")
        validation.whole(self, "most_proposals", section="proposals")
        validation.whole(
            self, "spare_detections", "spare_blobs", "spare_remaining", least=0, section="proposals"
        )
        least, most = self.least_prior_log_odds, self.most_prior_log_odds
        want = f"at most most_prior_log_odds, {most}"
        validation.require(least <= most, "proposals", "least_prior_log_odds", least, want)
        validation.between(
            self, -100.0, 100.0, "least_prior_log_odds", "most_prior_log_odds", "remaining_log_odds", "blob_log_odds",
            section="proposals",
        )  # fmt: skip
