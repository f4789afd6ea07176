"""The demo's command line: arguments in, a validated ``DemoConfig`` out. No ROS."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from hand_pose_ros.recording.frame_folder import RecordedFrames
from hand_pose_ros.resources import SHIPPED_MODELS, model_file

_MAX_AHEAD = 900
SLOW_VARIABLE = "HAND_POSE_SLOW"
"""Environment variable that tells the slow tracker node its factor, a whole number."""
DESCRIPTION = (
    "Plays a synthetic hand, or a folder of 16-bit depth PNGs, through camera, tracker and watcher over real DDS;"
    " writes overlay.gif, overlay.png and summary.json."
)


@dataclass(frozen=True)
class DemoConfig:
    """What to play and where to write. Validated; ``recording`` is None for the synthetic hand.

    ``seconds`` None plays a recording once, else it is played again until they are over. ``slow``: how many times
    slower than it is the network shall be.
    """

    output: Path
    recording: RecordedFrames | None
    depth_unit: float
    side: str
    seconds: float | None
    rate_hz: float
    seed: int
    model: str
    slow: int = 1

    def __post_init__(self) -> None:
        if not 1e-6 <= self.depth_unit <= 0.1:
            raise ValueError(f"depth unit is {self.depth_unit:g}, want metres a count, 1e-06 to 0.1")
        if self.seconds is not None and not 0.5 <= self.seconds <= 3600:
            raise ValueError(f"seconds is {self.seconds:g}, want 0.5 to 3600")
        if not 0.1 <= self.rate_hz <= 240:
            raise ValueError(f"rate is {self.rate_hz:g}, want 0.1 to 240 Hz")
        if not 1 <= self.slow <= 1000:
            raise ValueError(f"slow is {self.slow}, want a whole factor from 1 to 1000")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, want 0 or more")
        if self.model and not model_file(self.model).is_file():
            raise ValueError(f"model '{self.model}' is not a file, nor one of {', '.join(SHIPPED_MODELS)}")

    @property
    def count(self) -> int:
        """Frames that the camera publishes: a recording at least once."""
        whole = len(self.recording) if self.recording is not None else 0
        if self.seconds is None:
            return whole
        return max(whole, round(self.seconds * self.rate_hz))

    def camera_parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "count": self.count,
            "rate_hz": self.rate_hz,
            "prerender": min(self.count, _MAX_AHEAD),
            "wait_for_subscribers": 2,
            "depth_unit": self.depth_unit,
            "seed": self.seed,
            "side": "left" if self.side == "left" else "right",
        }
        if self.recording is not None:
            camera = self.recording.camera
            parameters |= {"source": "frames", "frames": str(self.recording.folder.resolve()), "loop": True}
            parameters["intrinsics"] = [float(v) for v in (camera.fx, camera.fy, camera.cx, camera.cy)]
        return parameters

    def tracker_parameters(self) -> dict[str, Any]:
        return {"depth_unit": self.depth_unit, "side": self.side, "model": self.model}

    def watcher_parameters(self) -> dict[str, Any]:
        folder = str(self.output.resolve())
        return {"output": f"{folder}/watcher.json", "pictures": folder, "depth_unit": self.depth_unit}


def parse_arguments(arguments: list[str] | None) -> DemoConfig:
    """The command line as a configuration; SystemExit with status 2 and one line when it makes no sense."""
    parser = argparse.ArgumentParser(prog="demo", description=DESCRIPTION)
    parser.add_argument(
        "--frames", metavar="DIR", help="folder of 16-bit depth PNGs instead of the synthetic hand"
    )
    parser.add_argument("--intrinsics", metavar="fx,fy,cx,cy", help="of the recorded frames, pixels")
    parser.add_argument("--depth-unit", type=float, default=0.001, metavar="U", help="metres a count (0.001)")
    parser.add_argument(
        "--side", choices=("left", "right", "auto"), default="auto", help="hand to expect (auto)"
    )
    parser.add_argument("--seconds", type=float, help="duration (20; a recording: once through)")
    parser.add_argument("--rate", type=float, default=30.0, metavar="HZ", help="frames a second (30)")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic motion (0)")
    parser.add_argument("--model", default="", metavar="MODEL", help="small, or a file of weights")
    parser.add_argument(
        "--slow", type=int, default=1, metavar="N", help="run the network N times a frame, to see overload"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("demo"), metavar="DIR", help="where results go (demo)"
    )

    def refuse(message: str) -> NoReturn:
        print(f"demo: {message}", file=sys.stderr)
        raise SystemExit(2)

    parser.error = refuse  # type: ignore[method-assign]  # one line, without the usage
    given = parser.parse_args(arguments)
    try:
        recording = None
        if given.frames is not None:
            recording = RecordedFrames.open(given.frames, _intrinsics(given.intrinsics))
        elif given.intrinsics is not None:
            raise ValueError("--intrinsics goes with --frames")
        return DemoConfig(
            output=given.output,
            recording=recording,
            depth_unit=given.depth_unit,
            side=given.side,
            seconds=given.seconds if given.seconds is not None or recording is not None else 20.0,
            rate_hz=given.rate,
            seed=given.seed,
            model=str(model_file(given.model).resolve()) if given.model else "",
            slow=given.slow,
        )
    except ValueError as error:
        refuse(str(error))


def _intrinsics(text: str | None) -> tuple[float, float, float, float]:
    try:
        fx, fy, cx, cy = (float(part) for part in (text or "").split(","))
    except ValueError:
        given = "missing" if text is None else f"'{text}'"
        raise ValueError(f"--intrinsics is {given}, want four numbers fx,fy,cx,cy") from None
    return fx, fy, cx, cy
