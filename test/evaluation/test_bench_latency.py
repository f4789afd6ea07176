"""Latency: scenes played to and fro, rows that add up, and another tracker that is timed in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hand_pose_ros.commands.main import main
from hand_pose_ros.evaluation.bench_latency import ScenePlayer, percentiles
from hand_pose_ros.evaluation.bench_mediapipe import MediaPipeWorker, WorkerError, python_of
from hand_pose_ros.evaluation.latency_scenes import EMPTY, SCENES, LatencyScene, shade
from hand_pose_ros.synthetic.sequences import VGA
from hand_pose_ros.tracking.hand import TrackState
from hand_pose_ros.tracking.track_result import TrackResult

FAKE_MEDIAPIPE = """
import types
__version__ = "0.0.fake"
class Hands:
    def __init__(self, **options): self.most = options["max_num_hands"]
    def process(self, picture):
        print("a library that prints")
        return types.SimpleNamespace(multi_hand_landmarks=[0] * int(picture[0, 0, 0]))
solutions = types.SimpleNamespace(hands=types.SimpleNamespace(Hands=Hands))
"""


class StubTracker:
    """Answers every frame with nothing."""

    def reset(self) -> None: ...

    def update(self, depth, camera, stamp_s) -> TrackResult:
        return TrackResult((), TrackState.SEARCH, {"locate": 0.001})


def drawn(name: str, frames: int) -> LatencyScene:
    """A scene whose frames are not rendered."""
    scene = LatencyScene(name, frames=frames)
    object.__setattr__(scene, "depths", tuple(np.full((480, 640), i, np.float32) for i in range(frames)))
    object.__setattr__(scene, "pictures", np.stack([np.full((4, 4, 3), i, np.uint8) for i in range(frames)]))
    return scene


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_frames_are_played_to_and_fro_with_rising_stamps(frames):
    stamps, places = zip(*LatencyScene("hand", frames=frames).play(20), strict=True)
    assert (np.diff(stamps) > 0).all()
    assert set(places) == set(range(frames))
    assert (np.abs(np.diff(places)) <= 1).all()


def test_every_scene_says_how_many_hands_it_has():
    assert {name: LatencyScene(name).hands for name in SCENES if name not in EMPTY} == {
        "hand": 1, "moving": 1, "two hands": 2,
    }  # fmt: skip
    assert all(LatencyScene(name).hands == 0 for name in EMPTY)
    with pytest.raises(ValueError, match="scene is 'kitchen', want one of"):
        LatencyScene("kitchen")


def test_a_row_holds_every_stage_and_adds_up():
    player = ScenePlayer(drawn("room", 3), StubTracker())  # type: ignore[arg-type]
    player.run(2, counts=False)
    player.run(7)
    row = player.latency()
    assert (row.frames, row.found) == (7, 1.0)
    assert set(row.stages_ms) == {"locate", "crop", "network", "refine", "filter", "rest"}
    assert row.total_ms["p5"] <= row.total_ms["p50"] <= row.total_ms["p95"]
    with pytest.raises(ValueError, match="no frame was timed"):
        percentiles([])


def test_shaded_pictures_are_pictures():
    depth = np.full((VGA.height, VGA.width), np.nan, np.float32)
    depth[100:200, 200:300] = 0.5
    picture = shade(depth, VGA)
    assert (picture.shape, picture.dtype) == ((480, 640, 3), np.uint8)
    assert picture[150, 250].astype(int).max() > picture[400, 500].astype(int).max()


@pytest.fixture
def fake_python(tmp_path) -> Path:
    """A Python that finds a mediapipe of its own."""
    (tmp_path / "mediapipe.py").write_text(FAKE_MEDIAPIPE)
    script = tmp_path / "bin" / "python"
    script.parent.mkdir()
    site = Path(np.__file__).parents[1]
    script.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}:{site} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return script


def test_another_tracker_is_timed_in_its_own_process(fake_python):
    with MediaPipeWorker(fake_python, drawn("hand", 3)) as worker:
        assert worker.version == "0.0.fake"
        answer = worker.ask({"order": [0, 1, 1, 2]})
    assert len(answer["ms"]) == 4
    assert answer["found"] == 0.5


def test_an_environment_without_it_is_named(fake_python):
    (fake_python.parents[1] / "mediapipe.py").write_text("raise ImportError('no mediapipe here')")
    with pytest.raises(WorkerError, match="no mediapipe here; want mediapipe==0.10.21"):
        MediaPipeWorker(fake_python, drawn("hand", 2)).__enter__()
    with pytest.raises(WorkerError, match="cannot be run"):
        MediaPipeWorker(fake_python.parent / "none", drawn("hand", 2)).__enter__()


def test_a_path_is_a_python_or_its_environment(fake_python):
    assert python_of(str(fake_python)) == fake_python
    assert python_of(str(fake_python.parents[1])) == fake_python
    with pytest.raises(ValueError, match="--mediapipe-python is .*, want the Python of an environment"):
        python_of("/nowhere")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "mediapipe"], "--against mediapipe wants --mediapipe-python"),
        (["--against", "mediapipe", "--mediapipe-python", "/nowhere"], "--mediapipe-python is /nowhere"),
        (["--frames", "0"], "--frames is 0, want a whole number"),
        (["--backend", "openvino", "--device", "cuda"], "backend is 'openvino', want auto or torch"),
    ],
)
def test_latency_refuses_what_makes_no_sense(arguments, message, capsys):
    assert main(["bench", "latency", *arguments]) == 2
    assert message in capsys.readouterr().err
