"""Picture files: PNG and animated GIF, each written whole or not at all.

In: pictures (H, W, 3) uint8 RGB, or frames that draw themselves, as depth frames with their hands do
(:class:`~hand_pose_ros.visualization.overlay.OverlayFrame`). Out: files. No ROS.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image

from hand_pose_ros.files import write_bytes
from hand_pose_ros.visualization.contact_sheet import contact_sheet, fitted
from hand_pose_ros.visualization.overlay import FINGER_COLOURS, PALM_COLOUR

GIF_WIDTH = 400
"""Pixels. Chosen by eye: wide enough to see fingers, small enough for a page."""
GIF_COLOURS = 64
"""Chosen by eye: enough for a depth image and a skeleton."""
# Pictures of an animation that its palette is made of. Guessed.
_PALETTE_PICTURES = 8
_KEPT_COLOURS = (*FINGER_COLOURS.values(), PALM_COLOUR)
"""In every palette: a skeleton's lines have few pixels, and fingers would share what is between their colours."""


class DrawnFrame(Protocol):
    """Anything that is drawn later."""

    @property
    def time_s(self) -> float:
        """Seconds from any start."""
        ...

    def draw(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        ...


def write_overlays(
    folder: Path,
    frames: Sequence[DrawnFrame],
    gif_width: int = GIF_WIDTH,
    gif_colours: int = GIF_COLOURS,
    columns: int = 3,
) -> None:
    """Writes overlay.gif (all frames, ``gif_width`` pixels wide) and overlay.png (six of them, full size, so many in a
    row) into ``folder``, which is made when absent; nothing when there are no frames. OSError when the folder is not
    writable."""
    if not frames:
        return
    pictures = [frame.draw() for frame in frames]
    gaps = np.diff([frame.time_s for frame in frames])
    period_s = float(np.median(gaps)) if len(gaps) else 0.1
    write_gif(folder / "overlay.gif", pictures, period_s, gif_width, gif_colours)
    write_png(folder / "overlay.png", contact_sheet(pictures, columns))


def write_gif(
    path: Path,
    pictures: Sequence[np.ndarray],
    period_s: float,
    width: int = GIF_WIDTH,
    colours: int = GIF_COLOURS,
) -> None:
    """An endless animation of pictures (H, W, 3) uint8 RGB, of at most 256 colours; the first is scaled to ``width``
    (px), the others are fitted into its size. OSError when it cannot be written."""
    height = max(1, round(pictures[0].shape[0] * width / pictures[0].shape[1]))
    small = [Image.fromarray(fitted(picture, width, height)) for picture in pictures]
    # One palette for the whole run, from a strip of its pictures: no flicker, and much smaller.
    strip = np.vstack([np.asarray(picture) for picture in small[:: max(1, len(small) // _PALETTE_PICTURES)]])
    palette = _palette(Image.fromarray(strip), colours)
    paletted = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in small]
    buffer = io.BytesIO()
    # GIF counts in hundredths of a second, 16 bits of them, and viewers slow down what is faster than two.
    hundredths = int(min(max(2.0, period_s * 100), 0xFFFF) + 0.5)
    paletted[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=paletted[1:],
        duration=10 * hundredths,
        loop=0,
        optimize=False,
    )
    write_bytes(path, buffer.getvalue())


def _palette(strip: Image.Image, colours: int) -> Image.Image:
    """A picture whose palette has the colours that a skeleton is drawn in, and those of the strip most of all."""
    found = strip.quantize(colours - len(_KEPT_COLOURS), method=Image.Quantize.MEDIANCUT).getpalette() or []
    kept = [value for colour in _KEPT_COLOURS for value in colour]
    palette = Image.new("P", (1, 1))
    palette.putpalette(kept + found[: 3 * colours - len(kept)])
    return palette


def write_png(path: Path, picture: np.ndarray) -> None:
    """A picture (H, W, 3) uint8 RGB. ValueError when it is no picture, OSError when it cannot be written."""
    encoded, data = cv2.imencode(".png", picture[:, :, ::-1])
    if not encoded:
        raise ValueError(f"a picture of shape {picture.shape} cannot be written as PNG")
    write_bytes(path, data.tobytes())
