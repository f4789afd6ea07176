"""A recording played through a tracker: what is counted, what is drawn, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.recording.recorded_frame import RecordedFrame, RecordingError, TrueHand
from hand_pose_ros.recording.replay import ReplayConfig, replay, summarise
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.tracking.track_result import TrackResult


class Tracker:
    """Finds a hand in the middle of every second frame, and remembers what it was shown."""

    def __init__(self) -> None:
        self.resets = 0
        self.shown: list[tuple[np.ndarray, float]] = []

    def reset(self) -> None:
        self.resets += 1

    def update(self, depth: np.ndarray, camera: object, time_s: float) -> TrackResult:
        self.shown.append((depth, time_s))
        joints = np.random.default_rng(0).normal([0, 0, 0.5], 0.03, (23, 3))
        hand = SimpleNamespace(
            joints=joints, side="left", confidence=0.8, track_id=len(self.shown) // 2, state=TrackState.TRACK
        )
        found = (hand,) if len(self.shown) % 2 == 0 else ()
        state = TrackState.TRACK if found else TrackState.SEARCH
        return TrackResult(found, state, {"locate": 2.0})  # type: ignore[arg-type]


@pytest.fixture
def recording(tmp_path: Path) -> RecordedFrames:
    for index in range(4):
        counts = np.full((48, 64), 2000 * index, np.uint16)
        assert cv2.imwrite(str(tmp_path / f"{index}.png"), counts)
    return RecordedFrames.open(tmp_path, (60.0, 60.0, 31.5, 23.5))


@pytest.mark.parametrize("still", [False, True])
def test_every_frame_is_shown_in_metres_at_the_recordings_rate(
    recording: RecordedFrames, still: bool
) -> None:
    tracker = Tracker()
    played = replay(recording, tracker, ReplayConfig(0.00025, 10.0, still, every=3))  # type: ignore[arg-type]
    assert np.isnan(tracker.shown[0][0]).all()
    assert [float(depth[0, 0]) for depth, _ in tracker.shown[1:]] == pytest.approx([0.5, 1.0, 1.5])
    assert [time_s for _, time_s in tracker.shown] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert tracker.resets == 4 * still
    assert len(played.results) == len(played.wall_ms) == len(played.overlays) == 4
    assert [tile.shape for tile in played.tiles] == [(320, 320, 3)] * 2


def test_what_was_found_is_counted_and_written(recording: RecordedFrames, tmp_path: Path) -> None:
    played = replay(recording, Tracker())  # type: ignore[arg-type]
    summary = played.summary()
    assert (summary["frames"], summary["frames_with_hand"], summary["tracked"]) == (4, 2, 2)
    assert (summary["sides"], summary["tracks"], summary["confidence_median"]) == ({"left": 2}, 2, 0.8)
    assert summary["share_with_hand_from_10th"] is None
    played.write(tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"contact.png", "hands.png", "overlay.gif", "overlay.png", "summary.json"}


class Given:
    """A recording of these frames."""

    def __init__(self, frames: list[RecordedFrame]) -> None:
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def frames(self, *_: float) -> Iterator[RecordedFrame]:
        return iter(self._frames)

    def truth(self) -> dict[int, list[TrueHand]]:
        return {}


def test_in_another_frame_the_tracker_starts_afresh(recording: RecordedFrames) -> None:
    """What was seen in one camera's frame is nowhere in another's; time begins anew, too, as in the node."""
    frames = [
        replace(frame, frame_id=frame_id)
        for frame, frame_id in zip(recording.frames(0.001, 10.0), "aabb", strict=True)
        if isinstance(frame, RecordedFrame)
    ]

    tracker = Tracker()
    replay(Given(frames), tracker)  # type: ignore[arg-type]
    assert tracker.resets == 1
    assert [time_s for _, time_s in tracker.shown] == pytest.approx([0.0, 0.1, 0.0, 0.1])


@pytest.mark.parametrize("early", [1, 2])
@pytest.mark.parametrize("first_ns", [0, 4_000_000_000_000_000_000])
def test_first_frames_with_a_stamp_far_from_the_others_are_left_out(
    recording: RecordedFrames, early: int, first_ns: int
) -> None:
    """A camera's first image with stamp 0 would make the recording fifty years long."""
    frames = [frame for frame in recording.frames(0.001, 10.0) if isinstance(frame, RecordedFrame)]
    given = [
        replace(
            frame, stamp_ns=first_ns + index if index < early else frame.stamp_ns, clock_set=index == early
        )
        for index, frame in enumerate(frames)
    ]

    played = replay(Given(given), Tracker())  # type: ignore[arg-type]
    summary = played.summary()
    assert summary["frames"] == len(frames) - early
    assert summary["span_s"] < 1.0
    assert summary["missing_frames"] == 0
    assert [line for line in played.left_out if "far from those after it" in line] == played.left_out
    assert len(played.left_out) == early


def test_pictures_beside_the_frames_are_no_frames_that_were_left_out(recording: RecordedFrames) -> None:
    """The first frame is the first of every n; an empty part is told as such."""
    beside = replace(recording, pictures=(recording.folder / "colour.png",))
    played = replay(beside, Tracker(), ReplayConfig(every=4))  # type: ignore[arg-type]
    assert len(played.left_out) == len(played.tiles) == 1
    assert len(played.overlays) == 4
    with pytest.raises(RecordingError, match="no frame in the part that was asked for"):
        replay(beside.part(10.0, None, 30.0), Tracker())  # type: ignore[arg-type]


def test_every_published_hand_is_cut_out_for_judging(recording: RecordedFrames) -> None:
    class Two(Tracker):
        """Finds two hands in every second frame."""

        def update(self, depth: np.ndarray, camera: object, time_s: float) -> TrackResult:
            result = super().update(depth, camera, time_s)
            return TrackResult(result.hands * 2, result.state, result.timings_ms)

    played = replay(recording, Two(), ReplayConfig(every=4))  # type: ignore[arg-type]
    assert [tile.shape for tile in played.hands] == [(320, 320, 3)] * 4
    assert len(played.tiles) == 1
    summary = played.summary()
    assert (summary["frames_with_hand"], summary["frames_with_both"]) == (2, 2)
    assert replay(recording, Tracker()).summary()["frames_with_both"] == 0  # type: ignore[arg-type]


def test_a_frames_tile_shows_all_of_its_hands(tmp_path: Path) -> None:
    class Pair(Tracker):
        """Finds a hand on either side."""

        def update(self, depth: np.ndarray, camera: object, time_s: float) -> TrackResult:
            left, right = (np.zeros((23, 3)) + [x, 0.0, 0.5] for x in (-0.2, 0.2))
            hands = [
                SimpleNamespace(joints=j, side="left", confidence=0.8, track_id=1, state=TrackState.TRACK)
                for j in (left, right)
            ]
            return TrackResult(tuple(hands), TrackState.TRACK, {})  # type: ignore[arg-type]

    counts = np.zeros((240, 320), np.uint16)
    counts[100:140, 50:76] = counts[100:140, 244:270] = 500  # where the two hands are; all else is black
    assert cv2.imwrite(str(tmp_path / "0.png"), counts)
    frames = RecordedFrames.open(tmp_path, (240.0, 240.0, 159.5, 119.5))
    played = replay(frames, Pair())  # type: ignore[arg-type]
    (sheet,), hands = played.tiles, played.hands
    lit = [(tile[40:] > 60).any(axis=(0, 2)) for tile in (sheet, *hands)]
    assert lit[0][50:90].any()
    assert lit[0][230:270].any()
    assert not lit[0][120:200].any()
    assert [columns[120:200].any() for columns in lit[1:]] == [True, True]
    assert [columns[:80].any() or columns[240:].any() for columns in lit[1:]] == [False, False]


def test_without_a_hand_there_is_no_sheet_of_hands(recording: RecordedFrames, tmp_path: Path) -> None:
    class Blind(Tracker):
        """Finds nothing."""

        def update(self, depth: np.ndarray, camera: object, time_s: float) -> TrackResult:
            return TrackResult((), TrackState.SEARCH, {"locate": 2.0})

    replay(recording, Blind()).write(tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out" / "hands.png").exists()


def test_frames_without_a_hand_are_counted_as_such() -> None:
    nothing = TrackResult((), TrackState.SEARCH, {"locate": 2.0})
    summary = summarise([nothing] * 11, [3.0] * 11)
    assert summary["frames_with_hand"] == 0
    assert summary["share_with_hand_from_10th"] == 0.0
    assert summary["confidence_median"] is None
    assert summary["stage_ms"] == {"locate": {"p50": 2.0, "p95": 2.0}}


@pytest.mark.parametrize(
    ("change", "message"), [({"depth_unit_m": 0.0}, "depth_unit_m is 0.0"), ({"every": 0}, "every is 0")]
)
def test_numbers_that_make_no_sense_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReplayConfig(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"not a picture", None])
def test_a_bad_file_costs_only_itself(
    recording: RecordedFrames, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "2.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    tracker = Tracker()
    played = replay(recording, tracker)  # type: ignore[arg-type]
    assert len(played.results) == 3
    assert [time_s for _, time_s in tracker.shown] == pytest.approx([0.0, 1 / 30, 3 / 30])
    assert len(played.left_out) == 1
    assert "2.png" in played.summary()["left_out"][0]


def test_nothing_but_bad_files_is_refused(recording: RecordedFrames, tmp_path: Path) -> None:
    for path in tmp_path.glob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(RecordingError, match="no frame could be used: .*0.png"):
        replay(recording, Tracker())  # type: ignore[arg-type]


def test_asked_to_stop_it_keeps_what_was_tracked(recording: RecordedFrames) -> None:
    tracker = Tracker()
    played = replay(recording, tracker, stop=lambda: len(tracker.shown) == 2)  # type: ignore[arg-type]
    assert len(played.results) == 2


@pytest.mark.parametrize("rate_hz", [1e-300, 1e300, float("nan"), float("inf"), 0.0])
def test_rates_that_no_recording_has_are_refused(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="rate_hz is"):
        ReplayConfig(rate_hz=rate_hz)
