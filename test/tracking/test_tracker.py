"""HandTracker with the shipped weights: on the hand, honest about losing it, always a valid hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.detection.proposals import Proposal
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import HandModelLayer
from hand_pose_ros.network.weights_file import CheckpointError
from hand_pose_ros.synthetic.motion import SyntheticMotion
from hand_pose_ros.synthetic.sequence_config import SequenceConfig
from hand_pose_ros.synthetic.sequence_renderer import SequenceRenderer
from hand_pose_ros.tracking.config import TrackerConfig
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.tracking.shape_estimator import ShapeConfig
from hand_pose_ros.tracking.tracker import HandTracker
from hand_pose_ros.tracking.user_profile import UserProfile, load_profile, save_profile

CAMERA = Camera(320, 240, 240.0, 240.0, 159.5, 119.5)
RATE_S = 1 / 30


@pytest.fixture(scope="module")
def motion() -> SyntheticMotion:
    return SyntheticMotion(3, CAMERA)


@pytest.fixture(scope="module")
def shared() -> HandTracker:
    return HandTracker()


@pytest.fixture
def tracker(shared: HandTracker) -> HandTracker:
    shared.reset()
    return shared


def empty() -> np.ndarray:
    """A wall, far away."""
    return np.full((CAMERA.height, CAMERA.width), 2.2, np.float32)


def follow(tracker: HandTracker, motion: SyntheticMotion, count: int, first: int = 0):
    for index in range(first, first + count):
        depth, joints = motion.frame(index * RATE_S)
        yield tracker.update(depth, CAMERA, index * RATE_S), joints


@pytest.mark.slow
def test_a_moving_hand_is_found_at_once_and_followed(tracker, motion):
    seen = list(follow(tracker, motion, 24))
    errors = [np.linalg.norm(r.hands[0].joints - joints, axis=1).mean() for r, joints in seen if r.hands]
    assert len(errors) >= 23
    assert np.median(errors) < 0.025
    assert {hand.track_id for r, _ in seen for hand in r.hands} == {seen[0][0].hands[0].track_id}


@pytest.mark.slow
def test_whoever_gets_a_hand_may_change_its_arrays(tracker, motion):
    """In degrees and millimetres, say: the next frames are as without."""
    plain = [result.hands for result, _ in follow(tracker, motion, 8)]
    tracker.reset()
    for index, (result, _) in enumerate(follow(tracker, motion, 8)):
        for hand, other in zip(result.hands, plain[index], strict=True):
            assert np.array_equal(hand.joints, other.joints)
        for hand in (*result.hands, *result.raw):
            for value in vars(hand).values():
                if isinstance(value, np.ndarray):
                    value *= 1000.0


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.slow
def test_the_side_is_found_by_trying_both(tracker, side):
    motion = SyntheticMotion(3, CAMERA, side)
    sides = [hand.side for r, _ in follow(tracker, motion, 12) for hand in r.hands]
    assert sides[-1] == side


@pytest.mark.slow
def test_a_left_hand_gives_the_mirrored_answer_of_its_right_twin(shared):
    right = HandTracker(config=TrackerConfig(side="right"))
    left = HandTracker(config=TrackerConfig(side="left"))
    depth, _ = SyntheticMotion(3, CAMERA).frame(0.0)
    mirrored = np.ascontiguousarray(depth[:, ::-1])
    a, b = right.update(depth, CAMERA, 0.0).hands[0], left.update(mirrored, CAMERA, 0.0).hands[0]
    # Looking for a hand starts from a coarse grid, so the two crops differ by less than a cell of it.
    assert np.abs(b.joints * [-1, 1, 1] - a.joints).max() < 0.03
    assert (a.side, b.side) == ("right", "left")


@pytest.mark.slow
def test_what_leaves_is_exactly_a_hand_of_the_model_and_in_range(tracker, motion):
    results = [result for result, _ in follow(tracker, motion, 8)]
    assert any(result.hands for result in results)
    for result in results:
        for hand in result.hands:
            assert (hand.angles >= skeleton.ANGLE_LIMITS[:, 0]).all()
            assert (hand.angles <= skeleton.ANGLE_LIMITS[:, 1]).all()
            layer = HandModelLayer(hand.side).double()
            values = (hand.rotation, hand.translation, hand.angles, hand.shape)
            frames = layer.frames_from_rotation(*(torch.from_numpy(v) for v in values))
            assert np.allclose(frames.joints.numpy(), hand.joints, atol=1e-5)
            assert np.allclose(frames.segment_rotations.numpy(), hand.segment_rotations, atol=1e-5)
            assert np.allclose(np.linalg.det(hand.segment_rotations), 1.0, atol=1e-5)


def test_an_empty_room_and_a_blind_camera_give_no_hand(tracker):
    assert tracker.update(empty(), CAMERA, 0.0).hands == ()
    blind = np.full((CAMERA.height, CAMERA.width), np.nan, np.float32)
    result = tracker.update(blind, CAMERA, 0.1)
    assert (result.hands, result.state) == ((), TrackState.SEARCH)


@pytest.mark.slow
def test_a_lost_hand_coasts_fades_and_ends_and_returns_as_a_new_track(tracker, motion):
    (first, _), *_ = follow(tracker, motion, 1)
    hand = first.hands[0]
    coasting = tracker.update(empty(), CAMERA, 0.1)
    assert coasting.state == TrackState.COAST
    assert coasting.hands[0].state == TrackState.COAST
    assert 0 < coasting.hands[0].confidence < hand.confidence
    assert np.array_equal(coasting.hands[0].joints, hand.joints)
    lost = tracker.update(empty(), CAMERA, 0.1 + tracker.config.coast_s)
    assert lost.hands == ()
    assert tracker.update(empty(), CAMERA, 1.0).state == TrackState.SEARCH
    (again, _), *_ = follow(tracker, motion, 1, first=40)
    assert again.hands[0].track_id > hand.track_id


@pytest.mark.slow
def test_a_hand_missed_for_a_frame_keeps_its_track(tracker, motion):
    results = list(follow(tracker, motion, 3))
    tracker.update(empty(), CAMERA, 3 * RATE_S)
    (back, _), *_ = follow(tracker, motion, 1, first=4)
    assert back.hands[0].track_id == results[0][0].hands[0].track_id
    assert back.state == TrackState.TRACK


@pytest.mark.slow
def test_a_hand_found_elsewhere_takes_the_place_of_the_one_remembered(tracker, motion):
    depth, _ = motion.frame(0.0)
    first = tracker.update(depth, CAMERA, 0.0)
    elsewhere = np.roll(depth, CAMERA.width // 3, axis=1)
    second = tracker.update(elsewhere, CAMERA, RATE_S)
    assert [hand.state for hand in second.hands] == [TrackState.TRACK]
    assert second.hands[0].track_id != first.hands[0].track_id


@pytest.mark.slow
def test_time_running_backwards_starts_over(tracker, motion):
    (late, _), *_ = follow(tracker, motion, 1, first=60)
    (early, _), *_ = follow(tracker, motion, 1, first=0)
    assert early.hands[0].track_id > late.hands[0].track_id


@pytest.mark.slow
def test_the_region_of_interest_hides_the_hand_outside_it(motion, shared):
    depth, joints = motion.frame(0.0)
    column, row = CAMERA.project(joints.mean(axis=0))
    elsewhere = (0 if column > 160 else 240, 0 if row > 120 else 180, 60, 60)
    tracker = HandTracker(config=TrackerConfig(roi=elsewhere))
    kept = depth.copy()
    assert tracker.update(depth, CAMERA, 0.0).hands == ()
    assert np.array_equal(depth, kept, equal_nan=True)


def test_an_image_of_another_size_is_refused_by_both_sizes(tracker):
    with pytest.raises(ValueError, match="camera info says 320x240, the image is 64x48"):
        tracker.update(np.ones((48, 64), np.float32), CAMERA, 0.0)


def test_weights_that_cannot_be_used_are_named(tmp_path):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match="damaged.safetensors"):
        HandTracker(damaged)
    with pytest.raises(CheckpointError, match="absent.safetensors"):
        HandTracker(tmp_path / "absent.safetensors")


def shown(stage: SequenceRenderer, tracker: HandTracker, count: int):
    return [tracker.update(stage.frame(i * RATE_S).depth, CAMERA, i * RATE_S) for i in range(count)]


@pytest.mark.slow
def test_both_hands_of_a_user_are_tracked_each_on_its_side():
    renderer = SequenceRenderer(SequenceConfig(seed=180, hands=("right", "left")), CAMERA)
    tracker = HandTracker(config=TrackerConfig(hands=2))
    last = shown(renderer, tracker, 12)[-1]
    truth = {hand.side: hand.joints for hand in renderer.frame(11 * RATE_S).hands}
    assert {hand.side for hand in last.hands} == {"right", "left"}
    for hand in last.hands:
        assert np.linalg.norm(hand.joints - truth[hand.side], axis=1).mean() < 0.025
    assert [hand.track_id for hand in last.raw] == [hand.track_id for hand in last.hands]


@pytest.mark.slow
def test_one_that_may_be_none_does_not_keep_a_hand_from_being_found():
    frame = SequenceRenderer(SequenceConfig(seed=180, hands=("right", "left")), CAMERA).frame(0.0)
    first, second = (hand.joints.mean(axis=0) for hand in frame.hands)
    tracker = HandTracker()
    named = [Proposal(first, "blob", log_odds_prior=-20.0)]
    tracker.proposal_generator = SimpleNamespace(propose=lambda *_, **__: list(named))
    for index in range(2):
        assert tracker.update(frame.depth, CAMERA, index * RATE_S).hands == ()
    named.append(Proposal(second, "detector"))
    found = tracker.update(frame.depth, CAMERA, 2 * RATE_S).hands
    assert len(found) == 1
    assert np.linalg.norm(found[0].joints.mean(axis=0) - second) < 0.02


@pytest.mark.slow
def test_a_second_hand_that_shows_only_beside_the_first_is_found():
    frame = SequenceRenderer(SequenceConfig(seed=180, hands=("right", "left")), CAMERA).frame(0.0)
    first, second = (hand.joints.mean(axis=0) for hand in frame.hands)
    tracker = HandTracker(config=TrackerConfig(hands=2))

    class Search:
        def look(self, frame, hands=()):
            assert len(hands) == 1
            assert np.linalg.norm(hands[0].mean(axis=0) - first) < 0.02
            return SimpleNamespace(stamp_s=frame.stamp_s, camera=frame.camera)

        def propose(self, frame, count, unhurried, look):
            return [Proposal(first, "detector")]

        def propose_remaining(self, look, count):
            assert count == 1
            return [Proposal(first + [0.01, 0.0, 0.0], "detector"), Proposal(second, "detector")]

    tracker.proposal_generator = Search()
    found = tracker.update(frame.depth, CAMERA, 0.0).hands
    assert len(found) == 2
    assert np.linalg.norm(found[1].joints.mean(axis=0) - second) < 0.02


@pytest.mark.parametrize("things", [("face",), ("box", "cup"), ("elbow",)])
@pytest.mark.slow
def test_what_is_no_hand_is_not_published(tracker, things):
    renderer = SequenceRenderer(
        SequenceConfig(seed=161, hands=(), distractors=things, environment="table"), CAMERA
    )
    results = shown(renderer, tracker, 6)
    assert all(result.hands == () for result in results)
    assert results[-1].state == TrackState.SEARCH


@pytest.mark.slow
def test_a_users_hand_is_learnt_saved_and_frozen_from_the_first_frame_of_the_next_tracker(tmp_path, motion):
    config = TrackerConfig(user="anna", user_folder=str(tmp_path), shape=ShapeConfig(frames=4, pause_s=0.0))
    first = list(follow(HandTracker(config=config), motion, 12))[-1][0].hands[0]
    assert first.shape_frozen
    again = next(follow(HandTracker(config=config), motion, 1))[0].hands[0]
    assert again.shape_frozen
    assert np.array_equal(again.shape, first.shape)


@pytest.mark.slow
def test_recalibration_puts_the_learnt_hand_in_place_of_the_users_file_and_keeps_the_track(tmp_path, motion):
    wrong = UserProfile(np.full(skeleton.SHAPE_COUNT, 0.15), 40, 0.0)
    save_profile(tmp_path, "anna", wrong)
    config = TrackerConfig(user="anna", user_folder=str(tmp_path), shape=ShapeConfig(frames=4, pause_s=0.0))
    tracker = HandTracker(config=config)
    before = list(follow(tracker, motion, 3))[-1][0].hands[0]
    assert np.array_equal(before.shape, wrong.shape)
    tracker.recalibrate()
    assert np.array_equal(load_profile(tmp_path, "anna").shape, wrong.shape)
    after = list(follow(tracker, motion, 12, first=3))[-1][0].hands[0]
    assert after.track_id == before.track_id
    assert after.shape_frozen
    assert np.array_equal(load_profile(tmp_path, "anna").shape, after.shape)
    assert not np.array_equal(after.shape, wrong.shape)


@pytest.mark.slow
def test_a_hand_that_is_lost_beside_another_is_looked_for_in_every_frame_for_a_while():
    frame = SequenceRenderer(SequenceConfig(seed=180, hands=("right", "left")), CAMERA).frame(0.0)
    first, second = (hand.joints.mean(axis=0) for hand in frame.hands)
    tracker, searched = HandTracker(config=TrackerConfig(hands=2)), []

    class Search:
        def look(self, frame, hands=()):
            return SimpleNamespace(stamp_s=frame.stamp_s, camera=frame.camera)

        def propose(self, frame, count, unhurried, look):
            searched.append((frame.stamp_s, unhurried))
            return [Proposal(first, "detector"), Proposal(second, "detector")]

        def propose_remaining(self, look, count):
            return []

    tracker.proposal_generator = Search()
    assert len(tracker.update(frame.depth, CAMERA, 0.0).hands) == 2
    covered = frame.depth.copy()
    (u, v), z = CAMERA.project(second[None])[0], second[2]
    reach = round(0.14 * CAMERA.fx / z)
    covered[max(round(v) - reach, 0) : round(v) + reach, max(round(u) - reach, 0) : round(u) + reach] = 3.0
    searched.clear()
    for index in range(1, 75):
        hands = tracker.update(covered, CAMERA, index * RATE_S).hands
    assert len(hands) == 1
    stamps = np.array([stamp for stamp, unhurried in searched if not unhurried])
    later = np.array([stamp for stamp, unhurried in searched if unhurried])
    # Missed, then given up, then looked for: together some one and a quarter seconds; afterwards there is no hurry.
    assert 1.0 < stamps.max() < 1.7
    assert (later > stamps.max()).all()
    assert len(later) <= 3


@pytest.mark.parametrize("rate_hz, every", [(30.0, 2), (15.0, 2), (30.0, 3)])
def test_images_without_any_reading_between_others_end_no_track(tracker, motion, rate_hz, every):
    """As stereo cameras send them whose emitter is on in every second image."""
    ids = []
    for i in range(36):
        depth = motion.frame(i / 30)[0].astype(np.float32)
        seen = i % every == 0
        result = tracker.update(depth if seen else np.full_like(depth, np.nan), CAMERA, i / rate_hz)
        ids += [hand.track_id for hand in result.hands]
        assert len(result.hands) == 1
    assert len(set(ids)) == 1


def test_hand_is_given_up_where_images_stay_without_readings(tracker, motion):
    for i in range(6):
        tracker.update(motion.frame(i / 30)[0].astype(np.float32), CAMERA, i * RATE_S)
    empty = np.full((240, 320), np.nan, np.float32)
    states = [tracker.update(empty, CAMERA, i * RATE_S).state for i in range(6, 20)]
    coasts = int(tracker.config.coast_s / RATE_S) - 1
    assert states[:coasts] == [TrackState.COAST] * coasts
    assert states[coasts + 2 :] == [TrackState.SEARCH] * len(states[coasts + 2 :])
