"""Files for people and scripts: overlay pictures and JSON, each written whole or not at all.

In: depth frames (H, W) metres with their camera and hands. Out: overlay.gif (the run, small) and overlay.png (six
moments of it, full size). No ROS.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.files import write_bytes
from hand_pose_ros.visualization.overlay import HasJoints, draw_overlay

GIF_WIDTH = 400
_SHEET_COLUMNS, _SHEET_ROWS = 3, 2


@dataclass(frozen=True)
class OverlayFrame:
    """One depth frame (H, W) m with what was found in it, a caption, and its time in seconds."""

    depth: np.ndarray
    camera: Camera
    hands: Sequence[HasJoints]
    caption: str
    time_s: float

    def draw(self) -> np.ndarray:
        """The picture (H, W, 3) uint8 RGB."""
        picture = draw_overlay(self.depth, self.camera, self.hands)
        scale = self.depth.shape[1] / 900.0
        place = (8, round(34 * scale) + 4)
        for colour, thickness in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            cv2.putText(
                picture, self.caption, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA
            )
        return picture


def write_overlays(folder: Path, frames: Sequence[OverlayFrame]) -> None:
    """Writes overlay.gif and overlay.png into ``folder``; nothing when there are no frames."""
    if not frames:
        return
    pictures = [frame.draw() for frame in frames]
    gaps = np.diff([frame.time_s for frame in frames])
    period_s = float(np.median(gaps)) if len(gaps) else 0.1
    write_gif(folder / "overlay.gif", pictures, period_s)
    write_png(folder / "overlay.png", contact_sheet(pictures))


def contact_sheet(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Up to six pictures (H, W, 3), spread evenly over all of them, side by side."""
    count = min(len(pictures), _SHEET_COLUMNS * _SHEET_ROWS)
    # From the middle of each of ``count`` equal stretches: the ends of a run say least.
    chosen = [pictures[int((index + 0.5) * len(pictures) / count)] for index in range(count)]
    columns = min(count, _SHEET_COLUMNS)
    chosen += [np.zeros_like(chosen[0])] * (-count % columns)
    rows = [np.hstack(chosen[start : start + columns]) for start in range(0, len(chosen), columns)]
    return np.vstack(rows)


def write_gif(path: Path, pictures: Sequence[np.ndarray], period_s: float) -> None:
    """An endless animation of pictures (H, W, 3) uint8 RGB, scaled to GIF_WIDTH."""
    height = round(pictures[0].shape[0] * GIF_WIDTH / pictures[0].shape[1])
    small = [
        Image.fromarray(cv2.resize(picture, (GIF_WIDTH, height), interpolation=cv2.INTER_AREA))
        for picture in pictures
    ]
    # One palette for the whole run, from a strip of its pictures: no flicker, and much smaller.
    strip = np.vstack([np.asarray(picture) for picture in small[:: max(1, len(small) // 8)]])
    palette = Image.fromarray(strip).quantize(64, method=Image.Quantize.MEDIANCUT)
    paletted = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in small]
    buffer = io.BytesIO()
    # GIF counts in hundredths of a second, and viewers slow down what is faster than two of them.
    paletted[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=paletted[1:],
        duration=max(20, round(period_s * 100) * 10),
        loop=0,
        optimize=False,
    )
    write_bytes(path, buffer.getvalue())


def write_png(path: Path, picture: np.ndarray) -> None:
    """A picture (H, W, 3) uint8 RGB."""
    encoded, data = cv2.imencode(".png", picture[:, :, ::-1])
    if not encoded:
        raise ValueError(f"a picture of shape {picture.shape} cannot be written as PNG")
    write_bytes(path, data.tobytes())
