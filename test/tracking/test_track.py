"""One track: when it begins, coasts and ends, which side it takes, whose bones it has."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pytest

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame
from hand_pose_ros.detection.proposals import LOST, Proposal
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics_numba import fingers_direction, forward_joints
from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.refine.previous_frame import PreviousFrame
from hand_pose_ros.refine.refiner import HandGeometry, Refiner
from hand_pose_ros.tracking.beside import Beside
from hand_pose_ros.tracking.confidence import uncalibrated
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.estimate import Estimate
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.tracking.scoring_config import ScoringConfig
from hand_pose_ros.tracking.shape_estimator import ShapeConfig
from hand_pose_ros.tracking.stage_timer import StageTimer
from hand_pose_ros.tracking.track import Track
from hand_pose_ros.tracking.user_profile import UserProfile

RATE_S = 1 / 30
SURE, DOUBTFUL, NONE = 12.0, 4.0, -6.0
START_ODDS = 9.0
FACING = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
OPEN = np.clip(np.full(20, 0.15), skeleton.ANGLE_LIMITS[:, 0], skeleton.ANGLE_LIMITS[:, 1])


@lru_cache(maxsize=1)
def refiner() -> Refiner:
    return Refiner()


def config(side: str = "right", **changed) -> TrackerConfig:
    """Every frame counts for the shape, which is frozen after four."""
    shape = ShapeConfig(frames=4, pause_s=0.0, change_rad=0.0)
    return TrackerConfig(
        **{"side": side, "min_confidence": 0.0, "start_odds": START_ODDS, "shape": shape, **changed}
    )


def track(
    side: str = "right",
    profile: UserProfile | None = None,
    log_odds_prior: float = 0.0,
    source: str = "detector",
    **changed,
) -> Track:
    proposal = Proposal(np.array([0.0, 0.0, 0.5]), source, log_odds_prior)
    return Track(1, config(side, **changed), refiner(), uncalibrated(), profile, proposal)


def estimate(
    presence: float,
    side: str = "right",
    fit: float = 4.0,
    shape: np.ndarray | None = None,
    centre: tuple[float, float, float] = (0.0, 0.0, 0.5),
    nearer_m: float | None = 0.010,
) -> Estimate:
    """A hand facing the camera, its skin ``nearer_m`` before its joints (None: an empty crop)."""
    shape = np.zeros(9) if shape is None else shape
    frame = CropFrame(np.array(centre), mirrored=side == "left")
    joints, _ = forward_joints("right", FACING, np.array([0.0, 0.03, 0.0]), OPEN, shape)
    crop = np.ones((96, 96), np.float32)
    if nearer_m is not None:
        pixels = np.rint(frame.crop_to_pixel(frame.local_to_crop(joints)[:, :2])).astype(int)
        for (column, row), joint in zip(pixels, joints, strict=True):
            crop[row - 3 : row + 4, column - 3 : column + 4] = (joint[2] - nearer_m) / frame.half
    return Estimate(
        frame, crop, joints, joints, np.full(23, 0.004), FACING, np.array([0.0, 0.03, 0.0]), OPEN, shape,
        presence, None, 1.0, fit,
    )  # fmt: skip


def show(one: Track, presence: float, frames: int, start: int = 0, **changes) -> list[TrackState]:
    states = []
    for index in range(start, start + frames):
        one.update([estimate(presence, **changes)], index * RATE_S, StageTimer())
        states.append(one.state)
    return states


def test_both_sides_are_cropped_until_it_is_known_to_be_a_hand():
    one = track("auto")
    for index in range(12):
        pair = [estimate(START_ODDS + 1.0), estimate(START_ODDS - 6.0, side="left")]
        one.update(pair, index * RATE_S, StageTimer())
        assert one.sides_to_try(index * RATE_S + 0.01) == SIDES
    assert not one.published, "it looks like one from one side alone"
    for index in range(12, 40):
        pair = [estimate(START_ODDS + 1.0), estimate(START_ODDS + 1.0, fit=1.0, side="left")]
        one.update(pair, index * RATE_S, StageTimer())
    assert one.published
    assert one.sides_to_try(39 * RATE_S + 0.01) == ("right",)


def test_an_heir_is_one_that_a_lost_hand_alone_lets_begin():
    unsure, sure = START_ODDS - 1.0, START_ODDS + 1.0
    for source, presence, is_heir in ((LOST, unsure, True), (LOST, sure, False), ("blob", unsure, False)):
        one = track(log_odds_prior=4.0, source=source)
        assert show(one, presence, 1) == [TrackState.TRACK]
        assert one.presence.is_heir == is_heir


def test_a_sure_hand_is_tracked_from_its_first_frame():
    assert show(track(), SURE, 1) == [TrackState.TRACK]


@pytest.mark.slow
def test_doubtful_frames_never_add_up_to_a_hand_but_keep_one():
    assert TrackState.TRACK not in show(track(), DOUBTFUL, 40)
    known = track()
    show(known, SURE, 3)
    assert set(show(known, DOUBTFUL, 20, start=3)) == {TrackState.TRACK}


def test_the_log_odds_of_the_proposal_count_for_beginning_only():
    def begun(log_odds_prior: float, presence: float) -> TrackState:
        one = track(log_odds_prior=log_odds_prior)
        return show(one, presence, 1)[0]

    likely = 7.0
    assert begun(2.5, likely) == TrackState.TRACK
    assert begun(1.0, likely) == TrackState.SEARCH
    assert begun(-1.0, likely + 2.5) == TrackState.SEARCH
    assert begun(3.0, 2.0) != TrackState.TRACK, "a hand that is not seen does not begin"


CAMERA = Camera(640, 480, 500.0, 500.0, 320.0, 240.0)


def show_at(one: Track, x: float, presence: float, frame: int) -> TrackState:
    seen = replace(estimate(presence, centre=(x, 0.0, 0.5)), camera=CAMERA)
    one.update([seen], frame * RATE_S, StageTimer())
    return one.state


EDGE_X = 0.5 * 319 / 500
"""The picture's right edge at the hand's depth, m."""


@pytest.mark.parametrize("start_odds", [7.0, 9.0, 11.0, 12.0])
def test_a_hand_at_the_pictures_edge_must_be_surer_to_begin_and_never_surer_than_it_can_be(start_odds: float):
    likely = min(start_odds + 1.0, SURE)
    assert show_at(track(start_odds=start_odds), 0.0, likely, 0) == TrackState.TRACK
    if likely < SURE:
        assert show_at(track(start_odds=start_odds), EDGE_X, likely, 0) == TrackState.SEARCH
    assert show_at(track(start_odds=start_odds), EDGE_X, SURE, 0) == TrackState.TRACK


def test_the_rule_about_the_edge_can_be_left_out():
    scoring = ScoringConfig(edge_log_odds=0.0)
    assert show_at(track(scoring=scoring), EDGE_X, START_ODDS + 1.0, 0) == TrackState.TRACK


def test_the_middle_of_a_narrow_picture_is_no_edge():
    for half_px in (40, 70, 120, 320):  # 8 to 64 cm wide at the hand
        seen, one = estimate(START_ODDS + 0.5), track()
        cx, cy = half_px - 500.0 * seen.centre[:2] / seen.centre[2]
        camera = Camera(2 * half_px + 1, 2 * half_px + 1, 500.0, 500.0, cx, cy)
        one.update([replace(seen, camera=camera)], 0.0, StageTimer())
        assert one.published, half_px


def test_a_hand_lost_at_the_edge_begins_there_again_and_leaves_no_heir_that_the_edge_doubts():
    likely = START_ODDS + 1.0
    again = track(source=LOST)
    assert show_at(again, EDGE_X, likely, 0) == TrackState.TRACK
    assert again.presence.is_heir
    inside = track(source=LOST)
    assert show_at(inside, 0.0, likely, 0) == TrackState.TRACK
    assert not inside.presence.is_heir


def test_a_hand_that_comes_in_begins_once_it_is_wholly_in_the_picture():
    one, likely = track(), START_ODDS + 1.0
    far_in = [0.01 * k for k in range(14)]
    states = [show_at(one, EDGE_X - inside, likely, k) for k, inside in enumerate(far_in)]
    assert states[0] == TrackState.SEARCH
    begun = states.index(TrackState.TRACK)
    assert 0.05 < far_in[begun] <= 0.11
    assert set(states[begun:]) == {TrackState.TRACK}


def test_what_was_seen_at_the_edge_counts_for_less_where_it_has_moved_inside():
    one = track()
    assert show_at(one, EDGE_X - 0.03, START_ODDS + 2.5, 0) == TrackState.SEARCH
    assert show_at(one, EDGE_X - 0.06, START_ODDS + 1.5, 1) == TrackState.SEARCH, "the first frame lifts it"
    assert show_at(one, EDGE_X - 0.15, START_ODDS + 2.5, 2) == TrackState.TRACK


def test_a_hand_that_is_followed_stays_one_at_the_edge():
    one = track()
    states = [show_at(one, 0.01 * k, SURE, k) for k in range(33)]
    assert set(states) == {TrackState.TRACK}


def test_a_hand_that_has_left_is_lost_within_three_frames():
    known = track()
    show(known, SURE, 10)
    states = show(known, NONE, 3, start=10, nearer_m=None)
    assert states[-1] == TrackState.LOST
    assert known.hand is None


def test_one_bad_frame_coasts_and_fades_and_the_hand_goes_on():
    known = track()
    show(known, SURE, 10)
    before = known.hand
    assert show(known, NONE, 1, start=10, nearer_m=None) == [TrackState.COAST]
    assert known.hand.state == TrackState.COAST
    assert known.hand.confidence < before.confidence
    assert np.array_equal(known.hand.joints, before.joints)
    assert show(known, SURE, 1, start=11) == [TrackState.TRACK]


def test_a_hidden_hand_coasts_until_its_time_is_over():
    known = track(coast_s=0.25)
    show(known, SURE, 10)
    states = show(known, NONE, 9, start=10, nearer_m=0.10)
    assert states[:7] == [TrackState.COAST] * 7
    assert states[-1] == TrackState.LOST


def test_the_side_is_what_fits_better_over_the_first_frames_and_then_sticks():
    known = track("auto")
    for index in range(8):
        fits = (4.0, 5.0) if index != 3 else (4.3, 4.0)  # in one frame the other side fits better
        pair = [estimate(SURE, side, fit) for side, fit in zip(("right", "left"), fits, strict=True)]
        known.update(pair, index * RATE_S, StageTimer())
    assert known.side == "left"
    assert known.sides_to_try(8 * RATE_S) == ("left",)
    doubt = [estimate(SURE, "right", 8.0), estimate(SURE, "left", 4.0)]
    later = 8 * RATE_S + 0.5
    assert set(known.sides_to_try(later)) == {"right", "left"}
    known.update(doubt, later, StageTimer())
    assert known.side == "left"
    for index in range(6):
        known.update(doubt, later + (index + 1) * 0.5, StageTimer())
    assert known.side == "right"


def test_a_hand_whose_side_the_other_decided_is_judged_and_sought_by_the_side_that_fits_better():
    """By its own side's crop alone it would be given up, or drift off."""
    known, where = track("auto"), np.array([0.05, 0.0, 0.5])
    known.beside = Beside(left_log_odds=12.0)
    for index in range(30):
        # A left hand as far as the frames tell, but hardly; the right one's crop shows it elsewhere, and badly.
        pair = [estimate(2.5, "right", 4.0), estimate(SURE, "left", 5.0, centre=tuple(where))]
        known.update(pair, index * RATE_S, StageTimer())
        assert known.sides_to_try((index + 1) * RATE_S) == SIDES
    assert known.side == "right"
    assert known.state == TrackState.TRACK
    middle = estimate(SURE, "left", centre=tuple(where)).centre
    assert np.linalg.norm(known.last_centre - middle) < 0.02


def test_bones_are_the_same_to_the_last_bit_once_frozen():
    known = track()
    rng = np.random.default_rng(0)
    lengths = []
    for index in range(20):
        shape = np.full(9, 0.02) + rng.normal(0, 0.02, 9)
        known.update([estimate(SURE, shape=shape)], index * RATE_S, StageTimer())
        if known.hand.shape_frozen:
            lengths.append(known.hand.shape)
    assert len(lengths) >= 12
    assert all(np.array_equal(shape, lengths[0]) for shape in lengths)
    assert not np.array_equal(known.raw().shape, known.hand.shape)


def test_a_known_users_bones_are_those_of_the_profile_from_the_first_frame():
    shape = np.linspace(-0.1, 0.1, 9)
    known = track(profile=UserProfile(shape, 40, 0.05))
    show(known, SURE, 1)
    assert known.hand.shape_frozen
    assert np.array_equal(known.hand.shape, shape)
    assert known.thickness == 0.05


def test_velocities_lead_from_each_published_hand_to_the_next():
    moving, before = track(), None
    for index in range(8):
        stamp_s = index * RATE_S * (2 if index > 4 else 1)  # a frame is missing
        moving.update([estimate(SURE, centre=(0.01 * index, 0.0, 0.5))], stamp_s, StageTimer())
        if before is None:
            assert not moving.hand.joint_velocities.any()
            assert not moving.hand.angle_velocities.any()
        else:
            earlier_s, earlier = before
            dt_s = stamp_s - earlier_s
            np.testing.assert_allclose(
                earlier.joints + dt_s * moving.hand.joint_velocities, moving.hand.joints
            )
            np.testing.assert_allclose(
                earlier.angles + dt_s * moving.hand.angle_velocities, moving.hand.angles, atol=1e-12
            )
        before = stamp_s, moving.hand
    assert moving.hand.joint_velocities[:, 0].mean() > 0.05


def test_a_hand_that_waits_or_returns_after_a_gap_has_no_velocity():
    known = track(coast_s=0.25)
    for index in range(6):
        known.update([estimate(SURE, centre=(0.01 * index, 0.0, 0.5))], index * RATE_S, StageTimer())
    assert np.abs(known.hand.joint_velocities).max() > 0.0
    show(known, NONE, 1, start=6, nearer_m=None)
    assert known.state == TrackState.COAST
    assert not known.hand.joint_velocities.any()
    assert not known.hand.angle_velocities.any()
    known.update([estimate(SURE, centre=(0.1, 0.0, 0.5))], 5 * RATE_S + 0.3, StageTimer())
    assert not known.hand.joint_velocities.any()


def test_recalibration_learns_another_size_and_keeps_the_track():
    known = track(profile=UserProfile(np.full(9, 0.2), 40, 0.05))
    show(known, SURE, 3)
    assert known.hand.shape_frozen
    known.recalibrate()
    show(known, SURE, 1, start=3, shape=np.full(9, -0.1))
    assert known.state == TrackState.TRACK
    assert not known.hand.shape_frozen
    show(known, SURE, 8, start=4, shape=np.full(9, -0.1))
    assert known.hand.shape_frozen
    assert known.hand.track_id == 1
    assert np.abs(known.hand.shape - 0.2).min() > 0.05


def test_the_next_place_follows_the_motion():
    known = track()
    for index in range(6):
        known.update([estimate(SURE, centre=(0.01 * index, 0.0, 0.5))], index * RATE_S, StageTimer())
    ahead = known.centre(6 * RATE_S)[0] - known.centre(5 * RATE_S)[0]
    assert ahead == pytest.approx(0.01, rel=0.2)


def test_what_is_published_is_in_range_and_of_the_side_asked_for():
    known = track("left")
    known.update([replace(estimate(SURE, "left"), angles=np.full(20, 9.0))], 0.0, StageTimer())
    hand = known.hand
    assert hand.side == "left"
    assert (hand.angles <= skeleton.ANGLE_LIMITS[:, 1]).all()
    assert np.allclose(np.linalg.det(hand.segment_rotations), 1.0)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_followed_hand_is_looked_at_upright(side):
    one = track(side)
    centre = (0.12, -0.05, 0.6)
    one.update([estimate(SURE, side=side, centre=centre)], 0.0, StageTimer())
    (first,) = one.crop_requests(RATE_S)
    assert first.mirrored is (side == "left")
    frame = CropFrame(first.centre, mirrored=first.mirrored, roll_rad=first.roll_rad)
    along = fingers_direction(frame.camera_to_local(one.hand.joints))
    assert abs(along[0]) < 0.05 * abs(along[1])
    assert along[1] < 0


def test_a_frame_without_any_estimate_is_a_missed_one():
    known = track()
    show(known, SURE, 10)
    timer = StageTimer()
    assert known.update([], 10 * RATE_S, timer) is False
    assert known.state == TrackState.COAST
    assert timer.timings_ms == {}
    assert known.update([], 10 * RATE_S + 0.25, timer) is False
    assert (known.state, known.hand) == (TrackState.LOST, None)


def test_refinement_and_smoothing_are_timed_where_they_happen():
    known = track()
    timer = StageTimer()
    assert known.update([estimate(SURE)], 0.0, timer)
    assert set(timer.timings_ms) == {"refine", "filter"}
    timer = StageTimer()
    assert not known.update([estimate(NONE, nearer_m=None)], RATE_S, timer)
    assert set(timer.timings_ms) == {"refine"}


class RefineCall(NamedTuple):
    """What the refiner was given beside the network's estimate."""

    geometry: HandGeometry
    previous: PreviousFrame | None
    fit_shape: bool


class RecordingRefiner(Refiner):
    """Keeps the arguments of every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[RefineCall] = []

    def refine(self, estimate, geometry=None, previous=None, fit_shape=False):
        self.calls.append(RefineCall(geometry, previous, fit_shape))
        return super().refine(estimate, geometry, previous, fit_shape)


def refined_with(profile: UserProfile | None, count: int, **changed) -> tuple[Track, list[RefineCall]]:
    """A track after ``count`` frames, and what its refiner was given in each."""
    recorder = RecordingRefiner()
    one = Track(1, config(**changed), recorder, uncalibrated(), profile)
    for index in range(count):
        one.update([estimate(SURE, shape=np.full(9, 0.02))], index * RATE_S, StageTimer())
    return one, recorder.calls


def test_the_refiner_is_given_the_frame_before_from_the_second_frame_on():
    one, calls = refined_with(None, 3)
    assert calls[0].previous is None
    assert calls[1].previous.dt_s == pytest.approx(RATE_S)
    assert calls[1].previous.velocity is None
    assert calls[2].previous.velocity.shape == (23, 3)
    assert np.array_equal(calls[2].previous.angles.shape, one.hand.angles.shape)


def test_the_refiner_is_given_the_users_shape_only_once_it_is_known():
    shape = np.linspace(-0.1, 0.1, 9)
    _, known = refined_with(UserProfile(shape, 40, 0.05), 2)
    assert all(np.array_equal(call.geometry.shape, shape) for call in known)
    assert not any(call.fit_shape for call in known)
    _, learning = refined_with(None, 6)
    given = [call.geometry.shape is not None for call in learning]
    assert given == [False] * 4 + [True] * 2
    assert [call.fit_shape for call in learning] == [True] * 4 + [False] * 2


def test_without_a_shape_configuration_every_frame_has_the_networks_shape():
    one, calls = refined_with(None, 6, shape=None)
    assert all(np.array_equal(call.geometry.shape, np.full(9, 0.02)) for call in calls)
    assert not any(call.fit_shape for call in calls)
    assert not one.hand.shape_frozen


def seldom(one: Track, interval_s: float) -> Track:
    """Frames come with this interval, and one has been seen."""
    one.patience_s = 2.5 * interval_s
    one.update([estimate(SURE)], 0.0, StageTimer())
    assert one.state == TrackState.TRACK
    return one


def test_a_hidden_hand_is_published_for_coast_s_and_keeps_its_identity_for_the_patience():
    known = seldom(track(), 0.5)
    known.update([estimate(SURE)], 0.5, StageTimer())
    learnt = known.shape_estimator.frames
    states = []
    for stamp_s in (0.7, 1.0, 1.5):
        known.update([estimate(NONE, nearer_m=0.10)], stamp_s, StageTimer())
        states.append((known.state, known.hand is not None))
    assert states == [(TrackState.COAST, True), (TrackState.SEARCH, False), (TrackState.SEARCH, False)]
    assert known.waits
    known.update([estimate(DOUBTFUL)], 1.7, StageTimer())
    assert known.state == TrackState.TRACK, "it has begun already"
    assert known.shape_estimator.frames > learnt >= 2
    assert (known.hand.joint_velocities == 0).all(), "it comes back after it was not published"


def test_a_hidden_hand_is_given_up_after_the_patience():
    known = seldom(track(), 0.5)
    known.update([], 1.0, StageTimer())
    assert known.state == TrackState.SEARCH
    known.update([], 1.3, StageTimer())
    assert known.state == TrackState.LOST
    assert not known.waits


def test_at_low_rates_a_hand_seen_in_every_frame_has_velocities_and_its_motion_is_not_drawn_out():
    known = seldom(track(), 0.5)
    known.update([estimate(SURE, centre=(0.05, 0.0, 0.5))], 0.5, StageTimer())
    assert known.hand.joint_velocities[:, 0].mean() > 0.05
    middle = known.centre(0.5)
    assert np.allclose(known.centre(1.0), known.centre(0.75))
    assert 0.01 < known.centre(1.0)[0] - middle[0] < 0.03


@pytest.mark.parametrize(("sure", "begins"), [(False, False), (True, True)])
def test_a_hand_begins_with_less_beside_one_that_is_surely_there(sure: bool, begins: bool):
    one = track()
    one.beside = Beside(0.0, sure)
    likely = START_ODDS - 0.5 * ScoringConfig().other_hand_log_odds
    assert (show_at(one, 0.0, likely, 0) == TrackState.TRACK) == begins
