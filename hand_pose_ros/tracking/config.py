"""Settings of a tracker, checked when they are made, without torch: importing them is cheap.

Under every setting stands the source of its value: published, derived, measured (and with what), or guessed.
The settings of the scores, the smoothing filter, the shape estimator, the detectors and the refinement stand beside
what they set.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hand_pose_ros import validation
from hand_pose_ros.detection.config import BlobDetectorConfig, ProposalConfig
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.network.backend import BackendConfig
from hand_pose_ros.refine.refiner import RefineConfig
from hand_pose_ros.refine.surface_config import SurfaceFitConfig
from hand_pose_ros.tracking.one_euro_filter import FilterConfig
from hand_pose_ros.tracking.scoring_config import ScoringConfig
from hand_pose_ros.tracking.shape_estimator import ShapeConfig

MOST_HANDS = 2
"""Hands that can be tracked at once."""
LEAST_ROI_PX = 8
"""Least width and height of a region of interest. Guessed: less shows no hand."""


@dataclass(frozen=True)
class RecropConfig:
    """When a crop is taken again about the estimate that it gave."""

    off_centre_m: float = 0.05
    """A hand whose middle is farther than this from its crop's is cropped again, metres. Guessed."""
    turned_rad: float = 0.7
    """A hand turned from upright by more than this is cropped again, radians. Guessed."""
    end_on_sine: float = 0.5
    """Sine of the angle between fingers and line of sight below which a hand is seen end-on and its turn does not
    count, because its direction hardly shows in the picture. Guessed."""

    def __post_init__(self) -> None:
        validation.positive(self, "off_centre_m", "turned_rad", section="recrop")
        validation.share(self, "end_on_sine", section="recrop")


@dataclass(frozen=True)
class VisibilityConfig:
    """How a joint is compared with the observed surface. The calibration of the confidences (``hand-pose calibrate``)
    was fitted with these values."""

    flesh_m: float = 0.030
    """A joint lies up to this far below the skin that the sensor sees, metres. Guessed: a palm's flesh."""
    above_skin_m: float = 0.012
    """A joint may seem to lie this far before the skin, by noise and by the estimate's error, metres. Guessed."""
    occluder_m: float = 0.06
    """Deeper than this below a surface, a joint is behind something that is not its own hand, metres. Guessed."""
    occluded_weight: float = 0.6
    """What a joint that may be occluded counts, against 1 for one on the hand: it is possible but proves nothing.
    Guessed."""

    def __post_init__(self) -> None:
        validation.positive(self, "flesh_m", "above_skin_m", "occluder_m", section="visibility")
        validation.share(self, "occluded_weight", section="visibility")


@dataclass(frozen=True)
class TrackConfig:
    """How one hand is followed over time."""

    log_odds_share: float = 0.35
    """Share of a frame in the low-passed log odds of a hand. Guessed, so that one that has left is given up in two to
    three frames."""
    probation_s: float = 0.2
    """So long after its beginning a single doubtful look sends a track back to where it has to begin anew, seconds: of
    less than ``confirming_confidence``, and of log odds nearer to ``scoring.seen_log_odds`` than to ``start_odds``.
    Chosen: a slow camera's next image counts, too (docs/experiments/confidence.md)."""
    confirming_confidence: float = 0.1
    """Chosen on synthetic hands: of 87 that began in sequences one was sent back by any from 0.1 to 0.2, none by 0.05;
    0 sends none back."""
    side_frames: int = 8
    """Frames of a new track in which both sides are tried. Guessed."""
    side_recheck_s: float = 0.5
    """How often both sides are tried later, seconds. Guessed."""
    side_recheck_sure_s: float = 3.0
    """The same from ``sure_side_log_odds`` on: each try costs a crop more, which shows in a frame's time. Guessed: one
    frame in a hundred of a usual camera."""
    side_recheck_weight: float = 0.3
    """What such a later try counts in the mean over frames, less in proportion where it comes sooner. Chosen so that a
    place that the other hand has taken over gets its side in about three seconds."""
    side_correlation: float = 0.45
    """How much the log odds of the side correlate between frames of one hand. Measured with tools/measure_sides.py on
    synthetic hands before stereo cameras: 0.63 from frame to frame, 0.49 after 4, 0.31 to 0.40 after 8 to 30."""
    side_switch_log_odds: float = 0.7
    """Log odds of the other side from which on a known side changes, where two tries in a row say so. Derived: it is
    twice as likely then; the mean over frames is slow by itself. Measured against 3.5, with which a hand that began
    while neither side was likelier kept the wrong one for 2.8 s (docs/experiments/two_hands.md)."""
    sure_side_log_odds: float = 6.0
    """Log odds from which on a side is sure. Measured with tools/measure_sides.py: of 1770 single frames above it none
    was wrong."""
    unsure_side_log_odds: float = 1.0
    """Log odds below which both sides are tried in every frame. Chosen among 0, 1 and 2 by how many hands are of the
    wrong side (docs/experiments/two_hands.md); what it costs is one crop more for such hands."""
    most_side_log_odds: float = 6.0
    """One frame's count as at most this. Measured as the last."""
    same_side_share: float = 0.04
    """Of two hands, how many are of one side, which two people's may be; 0.5: one hand says nothing of the other's
    side. Guessed (docs/experiments/two_hands.md)."""
    occluded_share: float = 0.5
    """More than this share of a hand behind something: it is occluded, not gone. Guessed."""
    least_thickness_spread: float = 0.03
    """The estimate of the flesh's thickness never counts as surer than this standard deviation (log scale). Guessed."""
    fastest_m_s: float = 3.0
    """A joint moves no faster than this, metres a second. Guessed: a quick gesture."""
    patience_intervals: float = 2.5
    """So many of the usual intervals between frames a hand that is not seen keeps its identity, side and learnt shape,
    whatever ``coast_s`` is, which ends its publication alone. Chosen: one frame may be lost, and the next come late."""
    longest_patience_s: float = 3.0
    """But no longer than this, seconds, unless ``coast_s`` is. Chosen: after it another hand may be there."""
    longest_extrapolation_s: float = 0.25
    """A hand is expected where its motion leads to in this time at most, or in ``coast_s``, seconds. Guessed: longer,
    hands stop or turn round."""
    known_shape_frames: int = 5
    """From so many frames on the learnt shape is taken for better than what the frame itself gives. Guessed."""

    def __post_init__(self) -> None:
        validation.between(self, 1e-3, 1.0, "log_odds_share", section="track")
        validation.whole(self, "side_frames", least=0, section="track")
        validation.whole(self, "known_shape_frames", section="track")
        shares = ("occluded_share", "side_recheck_weight", "side_correlation", "confirming_confidence")
        validation.share(self, *shares, section="track")
        validation.between(self, 1e-3, 0.5, "same_side_share", section="track")
        validation.not_negative(self, "probation_s", section="track")
        rest = {f.name for f in fields(self)} - {
            "probation_s",
            "side_frames",
            "known_shape_frames",
            "same_side_share",
            *shares,
        }
        validation.positive(self, *sorted(rest), section="track")


@dataclass(frozen=True)
class SearchConfig:
    """When the whole image is searched, and when two places or two tracks are one hand."""

    interval_s: float = 0.5
    """How often it is searched for another hand, or for a better place, while one is tracked, seconds. Guessed."""
    known_place_m: float = 0.05
    """A place this near to one that was tried already is not tried again, metres. Guessed."""
    same_joints_m: float = 0.05
    """Tracks whose joints are nearer to each other than this on average follow the same hand, metres. Guessed."""
    refused_hold_s: float = 0.2
    """A place that the pose network refused is left alone for this long, seconds, unless what is proposed there moves.
    Guessed: six frames of a usual camera, and no time that anybody waits for."""
    recheck_hold_s: float = 1.0
    """The same while hands are followed, when another one is looked for: one crop more in a frame takes as long as the
    hand itself, so that these frames must be few. Guessed: three hands in a hundred frames of a usual camera."""
    recheck_most_hold_s: float = 16.0
    """A place that is refused again and again while hands are followed is left alone for twice as long each time, up to
    this, seconds. Measured on the bench's hand among things, `hands: 2`, 1740 frames: another place is tried in 1.8 %
    of them (2.1 % with 8 s); with the other side's crops and the blob detector's turns 4.8 % cost a third more."""
    after_loss_s: float = 1.0
    """For this long after a published hand was lost while another one is followed, the whole image is searched in
    every frame, as where no hand is followed, seconds. Measured with ``hand-pose bench refine --quick --kinds
    two_hands``: hands that cross are found again sooner."""
    doubtful_s: float = 0.3
    """What was followed for this long and is still not sure enough of being a hand to begin a track is looked at only
    every ``refused_hold_s``, seconds. Guessed: hands begin with their first frame, or with one of the next few."""
    unchanged_hold_s: float = 1.0
    """A place that looks as it did when it was refused is left alone for twice as long each time, up to this, seconds,
    while no hand is followed. Chosen: a hand at rest that was refused waits no longer; one that moves does not wait."""
    rechecks: int = 1
    """So many places that were refused before are tried again in one frame, at most. Chosen: the least, so that a frame
    without a hand never takes much longer than one with a hand."""
    slow_rechecks: int = 6
    """The same where frames come as seldom as ``slow_frame_s``. Chosen: all that are proposed."""
    carried_m: float = 0.15
    """What looks the same this near to where it was refused is the same thing, moved, metres. Guessed: farther than
    a thing is carried in ``refused_hold_s``."""
    slow_frame_s: float = 0.1
    """From this interval between frames on every frame is searched while another hand is wanted, and more than one
    place is tried, seconds. Derived: a search beside a followed hand then takes less than a third of the time that
    there is."""
    regained_s: float = 2.0
    """For this long after a published hand was lost what is proposed near it begins as a tracked hand is seen, from
    ``scoring.seen_log_odds`` on, and the place itself is tried, seconds. Guessed: a hand that turned its edge to the
    camera, or took something, is still there."""
    refused_move_m: float = 0.03
    """A proposal this far from a refused place is another place, metres. Guessed: more than a proposal jitters, less
    than a hand moves in two frames."""
    found_again_m: float = 0.24
    """A hand found this near to where one was missed or lost may be that one, metres. Guessed: about a hand's
    length."""
    found_again_m_s: float = 0.5
    """That distance grows by this for every second that the hand was not seen beyond ``coast_s``, metres a second.
    Guessed: hands that are watched at a few frames a second."""

    def __post_init__(self) -> None:
        counts = ("rechecks", "slow_rechecks")
        validation.whole(self, *counts, section="search")
        rest = {f.name for f in fields(self)} - set(counts)
        validation.positive(self, *sorted(rest), section="search")


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of a tracker; ValueError names a field that makes no sense."""

    side: str = "auto"
    """Which hand to track: right, left, or auto (both tried when a track starts, the better one kept)."""
    hands: int = 1
    """How many hands are tracked at once, at most."""
    device: str = "auto"
    """Where the network runs: cpu, cuda, or auto (cuda when there is one)."""
    backend: str = "auto"
    """What runs the networks: torch, onnxruntime or openvino (these on a CPU, with the ONNX files beside the weights),
    or auto (the fastest that is installed and agrees with torch; torch on a GPU)."""
    threads: int = 1
    """CPU threads of the network; more than one collapses when other processes want the cores (measured: 4 ms became
    140 ms with two)."""
    precision: str = "auto"
    """In what the network's convolutions are computed: float32, bfloat16 (faster where the CPU is made for it; the mean
    error is the same, hands that the network is not sure of move), or auto (float32, the same hands everywhere)."""
    min_confidence: float = 0.0
    """A hand is published as TRACK from this confidence on. 0, so that consumers can choose their own: whether there is
    a hand is what ``start_odds`` and ``scoring.seen_log_odds`` decide, and 0.05 kept out no false hand
    (docs/experiments/two_hands.md)."""
    coast_s: float = 0.25
    """How long a hand that is hidden is published as COAST after it was last seen, seconds; one that is hidden for
    longer is given up, unless frames come so seldom that ``track.patience_intervals`` take longer, or none came
    meanwhile. Guessed."""
    start_odds: float = 7.0
    """Log odds of a hand from which on a track begins: with less, hands half hidden are found more often, and now and
    then something that is none. Measured with ``hand-pose evaluate-detector --search --seed 1 --start-odds 5``, 6 and
    7, with and without ``--lookalikes``: with the fourth run's weights 7 was the first that made no false hand in
    pictures without hands; with the shipped ones 6 does as well there, and not on real frames (the table is in
    docs/experiments/detector.md)."""
    roi: tuple[int, int, int, int] | None = None
    """Hands are only searched for in this window of the image: x, y, width, height in px; None: everywhere."""
    user: str = ""
    """Identifier of the user whose hand it is: its size is loaded from ``user_folder``, or learnt and saved there;
    empty: an unknown user."""
    user_folder: str | Path = ""
    """Folder of the users' hands, one small file each."""
    detector: bool = True
    """Whether the learnt detector proposes places, too, not the blob detector alone."""
    blob_detector: BlobDetectorConfig = field(default_factory=BlobDetectorConfig)
    """What the blob detector takes for a hand."""
    proposals: ProposalConfig = field(default_factory=ProposalConfig)
    """Which places of the image are proposed to the pose network."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """When the whole image is searched."""
    scoring: ScoringConfig = field(default_factory=ScoringConfig)
    """How estimates are scored."""
    recrop: RecropConfig = field(default_factory=RecropConfig)
    """When a crop is taken again."""
    visibility: VisibilityConfig = field(default_factory=VisibilityConfig)
    """How a joint is compared with the observed surface."""
    track: TrackConfig = field(default_factory=TrackConfig)
    """How one hand is followed over time."""
    refine: RefineConfig = field(default_factory=RefineConfig)
    """What is done between network and track with one frame."""
    shape: ShapeConfig | None = field(default_factory=ShapeConfig)
    """When a hand's shape is known and frozen; None follows the network's shape in every frame."""
    filter: FilterConfig = field(default_factory=FilterConfig)
    """Smoothing over time; its ``build()`` makes a track's filter."""

    def found_again_within_m(self, unseen_s: float) -> float:
        """How near a hand must be to where one was seen ``unseen_s`` seconds ago to be that one, metres."""
        longer_s = max(unseen_s - self.coast_s, 0.0)
        return self.search.found_again_m + self.search.found_again_m_s * longer_s

    @property
    def running(self) -> BackendConfig:
        """How the networks run. ValueError names a field that makes no sense."""
        return BackendConfig(self.backend, self.device, self.precision, self.threads)

    def __post_init__(self) -> None:
        validation.typed(self)
        validation.one_of(self, (*SIDES, "auto"), "side")
        _ = self.running  # checked as it is made
        validation.whole(self, "hands")
        validation.between(self, 1, MOST_HANDS, "hands")
        validation.between(self, 0.0, 1.0, "min_confidence")
        # The bound of coast_s is guessed: after 10 s a hidden hand has moved on.
        validation.between(self, 0.0, 10.0, "coast_s", unit="seconds")
        validation.between(self, 0.0, self.scoring.most_frame_log_odds, "start_odds")
        roi = self.roi
        validation.require(
            roi is None or (len(roi) == 4 and min(roi) >= 0 and min(roi[2:]) >= LEAST_ROI_PX),
            "",
            "roi",
            roi,
            f"x, y, width, height in px, at least {LEAST_ROI_PX} px wide and high",
        )
        if self.user and not self.user_folder:
            raise ValueError(
                f"user is '{self.user}' but user_folder is empty, want the folder of the users' hands"
            )


def refinement(refine: bool, smoothing_hz: float) -> dict[str, Any]:
    """Returns the fields of TrackerConfig that set how the network's hand is refined and smoothed.

    Without refinement the hand model is only fitted to it.
    """
    if refine:
        return {"filter": FilterConfig(still_hz=smoothing_hz)}
    never = float("inf")
    surface = SurfaceFitConfig(
        surface_weight=0.0, free_space_weight=0.0, previous_angle=never, restart_m=never
    )
    return {
        "refine": RefineConfig(regressor=None, surface=surface),
        "shape": None,
        "filter": FilterConfig(still_hz=0.0),
    }
