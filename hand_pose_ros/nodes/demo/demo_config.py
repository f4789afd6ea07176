"""The demo's command line: arguments in, a validated ``DemoConfig`` out. No ROS."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from hand_pose_ros.depth.image import DEPTH_UNIT_M, LEAST_UNIT_M, MOST_UNIT_M
from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.resources import SHIPPED_MODELS, model_file
from hand_pose_ros.retarget.retargeter import build_retargeter
from hand_pose_ros.retarget.robot_config import is_path, known_robots, read_robot, robot_file
from hand_pose_ros.texts import shown
from hand_pose_ros.tracking.config import MOST_HANDS
from hand_pose_ros.validation import between, whole

_MAX_AHEAD = 900  # frames made before the start, at most: 0.6 MB each; guessed
GESTURES_S = 16.3
"""Seconds added to the synthetic hand's usual ones, in which it shows the script of gestures once
(synthetic/gesture_motion.py). The first frames stay those of a run without.
Derived: RANDOM_S and SCRIPT_S of that module, less the usual 20 s."""
ROBOT_SCENE_S = 5.7
"""Seconds more with a robot: the hand leaves the picture, comes back, and is followed again. Guessed."""
_ROBOT_PICTURES = {"keep_every": 5, "keep_at_most": 250}  # guessed: so many that one sees the robot move
SLOW_VARIABLE = "HAND_POSE_SLOW"
"""Environment variable that tells the slow tracker node its factor, a whole number."""
DESCRIPTION = (
    "Plays a synthetic hand, or a folder of 16-bit depth PNGs, through camera, tracker and watcher over real DDS, and"
    " a robot's hand that follows it; writes overlay.gif, overlay.png and summary.json."
)


@dataclass(frozen=True)
class DemoConfig:
    """What to play and where to write; ValueError names a field that makes no sense."""

    output: Path
    """Folder of all results."""
    recording: RecordedFrames | None
    """None for the synthetic hand."""
    depth_unit: float
    """Metres a count."""
    side: str
    """The hand to expect: left, right or auto."""
    seconds: float | None
    """Duration; a recording is played again until it is over. None plays a recording once."""
    rate_hz: float
    """Frames a second."""
    seed: int
    """Seed of the synthetic motion."""
    model: str
    """File of weights; empty for the default."""
    slow: int = 1
    """How many times the network runs for each frame: more than 1 shows overload."""
    gestures_s: float = 0.0
    """Seconds of gestures after ``seconds``, of a synthetic hand."""
    hands: int = 1
    """Hands that are tracked at once, at most; the synthetic camera shows one."""
    robot: str = ""
    """The robot's hand that follows: a name of config/retarget/ or a file of YAML; empty: none."""

    def __post_init__(self) -> None:
        between(self, LEAST_UNIT_M, MOST_UNIT_M, "depth_unit", unit="metres a count")
        if self.seconds is not None:
            between(self, 0.5, 3600, "seconds")
        between(self, 0.1, 240, "rate_hz", unit="Hz")
        between(self, 1, 1000, "slow")
        whole(self, "hands")
        between(self, 1, MOST_HANDS, "hands")
        whole(self, "seed", least=0)
        if self.robot:
            build_retargeter(read_robot(robot_file(self.robot, self.robot_side)), "auto", self.robot_side)
        if self.model and not model_file(self.model).is_file():
            raise ValueError(f"model '{self.model}' is not a file, nor one of {', '.join(SHIPPED_MODELS)}")

    @property
    def frames(self) -> int:
        """Frames that the camera publishes, those of gestures included."""
        return self.count + round(self.gestures_s * self.rate_hz)

    @property
    def count(self) -> int:
        """Frames of ``seconds``: a recording at least once."""
        whole = len(self.recording) if self.recording is not None else 0
        if self.seconds is None:
            return whole
        return max(whole, round(self.seconds * self.rate_hz))

    @property
    def robot_side(self) -> str:
        """Which of the robot's hands: the side of the hand that is expected, right where that is open, as of the
        synthetic one."""
        return "left" if self.side == "left" else "right"

    def camera_parameters(self) -> dict[str, Any]:
        """Returns the parameters of the node ``depth_camera``."""
        parameters: dict[str, Any] = {
            "count": self.frames,
            "rate_hz": self.rate_hz,
            "prerender": min(self.frames, _MAX_AHEAD),
            "wait_for_subscribers": 2,
            "depth_unit": self.depth_unit,
            "seed": self.seed,
            "side": self.robot_side,
            "motion": "random_gestures_absence" if self.robot else "random_then_gestures",
        }
        if self.recording is not None:
            camera = self.recording.camera
            parameters |= {"source": "frames", "frames": str(self.recording.folder.resolve()), "loop": True}
            parameters["intrinsics"] = [float(v) for v in (camera.fx, camera.fy, camera.cx, camera.cy)]
        return parameters

    def tracker_parameters(self) -> dict[str, Any]:
        """Returns the parameters of the node ``hand_tracker``."""
        return {
            "depth_unit": self.depth_unit, "side": self.side, "model": self.model, "hands": self.hands,
        }  # fmt: skip

    def watcher_parameters(self) -> dict[str, Any]:
        """Returns the parameters of the node ``watcher``."""
        folder = str(self.output.resolve())
        parameters = {"output": f"{folder}/watcher.json", "pictures": folder, "depth_unit": self.depth_unit}
        if self.robot:
            parameters |= {"robot": self.robot, "side": self.robot_side, **_ROBOT_PICTURES}
        return parameters

    def retarget_parameters(self) -> dict[str, Any]:
        """Returns the parameters of the node ``hand_retarget``. Its robot begins at rest: nobody says where it is."""
        return {
            "robot": self.robot,
            "side": self.robot_side,
            "deadman": "required",
            "start_from": "rest",
        }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description=DESCRIPTION)
    parser.add_argument(
        "--frames", metavar="DIR", help="folder of 16-bit depth PNGs instead of the synthetic hand"
    )
    parser.add_argument("--intrinsics", metavar="fx,fy,cx,cy", help="of the recorded frames, pixels")
    parser.add_argument(
        "--depth-unit", type=float, default=DEPTH_UNIT_M, metavar="U", help="metres a count (0.001)"
    )
    parser.add_argument(
        "--side", choices=("left", "right", "auto"), default="auto", help="hand to expect (auto)"
    )
    parser.add_argument(
        "--seconds",
        "--duration",
        type=float,
        metavar="S",
        help="duration (20, then 16 of gestures; a recording: once through)",
    )
    parser.add_argument("--rate", type=float, default=30.0, metavar="HZ", help="frames a second (30)")
    parser.add_argument(
        "--hands", type=int, default=1, metavar="N", help="hands to track at once, at most (1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic motion (0)")
    parser.add_argument("--model", default="", metavar="MODEL", help="small, or a file of weights")
    parser.add_argument(
        "--slow", type=int, default=1, metavar="N", help="run the network N times a frame, to see overload"
    )
    parser.add_argument(
        "--robot",
        default="",
        metavar="ROBOT",
        help=f"a robot's hand that follows: {', '.join(known_robots())}",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("demo"), metavar="DIR", help="where results go (demo)"
    )
    return parser


def parse_arguments(arguments: list[str] | None) -> DemoConfig:
    """Returns the command line as a configuration; SystemExit with status 2 and one line when it makes no sense."""
    parser = _parser()

    def refuse(message: str) -> NoReturn:
        print(f"demo: {shown(message, 1000)}", file=sys.stderr)
        raise SystemExit(2)

    parser.error = refuse  # type: ignore[method-assign]  # one line, without the usage
    given = parser.parse_args(arguments)
    try:
        recording = None
        if given.frames is not None:
            recording = RecordedFrames.open(given.frames, _intrinsics(given.intrinsics))
        elif given.intrinsics is not None:
            raise ValueError("--intrinsics goes with --frames")
        scripted = given.seconds is None and recording is None
        return DemoConfig(
            output=given.output,
            recording=recording,
            depth_unit=given.depth_unit,
            side=given.side,
            seconds=20.0 if scripted else given.seconds,
            gestures_s=GESTURES_S + (ROBOT_SCENE_S if given.robot else 0.0) if scripted else 0.0,
            rate_hz=given.rate,
            seed=given.seed,
            model=str(model_file(given.model).resolve()) if given.model else "",
            slow=given.slow,
            hands=given.hands,
            robot=str(robot_file(given.robot, "right").resolve()) if is_path(given.robot) else given.robot,
        )
    except (ValueError, OSError) as error:
        refuse(str(error))


def _intrinsics(text: str | None) -> tuple[float, float, float, float]:
    try:
        fx, fy, cx, cy = (float(part) for part in (text or "").split(","))
    except ValueError:
        given = "missing" if text is None else f"'{text}'"
        raise ValueError(f"--intrinsics is {given}, want four numbers fx,fy,cx,cy") from None
    return fx, fy, cx, cy
