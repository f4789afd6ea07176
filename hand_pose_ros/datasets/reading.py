"""Reading the files that data sets consist of, with errors that name the file (and the line).

In: paths. Out: images as arrays, label lines as numbers (count,) float64. Raises ``sample.DatasetError`` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hand_pose_ros.datasets.sample import DatasetError

MILLIMETRE = np.float32(0.001)


def require_folder(path: Path, what: str) -> Path:
    """The path itself. DatasetError when it is no folder."""
    if not path.is_dir():
        raise DatasetError(path, f"is not a folder; {what}")
    return path


def require_images(folder: Path, names: Iterable[str], problem: str = "the image is missing") -> None:
    """DatasetError for the first of these paths below the folder that is not there: on opening a data set, not in the
    middle of what is done with it. Each folder is listed once."""
    listed: dict[Path, frozenset[str]] = {}
    for name in names:
        path = folder / name
        there = listed.get(path.parent)
        if there is None:
            try:
                there = frozenset(entry.name for entry in path.parent.iterdir())
            except OSError:
                there = frozenset()
            listed[path.parent] = there
        if path.name not in there:
            raise DatasetError(path, problem)


def read_png(path: Path, channels: int, size: tuple[int, int]) -> NDArray[np.integer]:
    """A PNG -> (H, W) of 16 bits and more for one channel or (H, W, channels), integers as stored. size: (width,
    height) to expect."""
    try:
        with Image.open(path) as image:
            array = np.asarray(image)
    except FileNotFoundError:
        raise DatasetError(path, "the image is missing") from None
    except (OSError, SyntaxError, ValueError) as error:
        # Pillow reports a broken PNG as any of these, and a truncated one as OSError.
        raise DatasetError(path, f"the image cannot be read: {error}") from None
    if array.dtype == bool or not np.issubdtype(array.dtype, np.integer):
        raise DatasetError(path, f"the image holds {array.dtype} values, want integers")
    if array.ndim == 2 and channels == 1 and array.dtype.itemsize < 2:
        raise DatasetError(path, "the image has 8 bits, want 16: millimetres")
    found = 1 if array.ndim == 2 else array.shape[2]
    if found != channels:
        raise DatasetError(path, f"the image has {found} channels, want {channels}")
    if array.shape[:2] != (size[1], size[0]):
        raise DatasetError(path, f"the image is {array.shape[1]}x{array.shape[0]}, want {size[0]}x{size[1]}")
    return array


def millimetres_to_depth(values: NDArray, invalid_from: int) -> NDArray[np.float32]:
    """Depth in millimetres -> float32 metres; 0 and everything from invalid_from on is no reading: NaN."""
    depth = values.astype(np.float32) * MILLIMETRE
    depth[(values <= 0) | (values >= invalid_from)] = np.nan
    return depth


def read_text_lines(path: Path) -> list[str]:
    """Lines of a label file without the blank ones at its end; DatasetError when it is missing, empty or not text."""
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except FileNotFoundError:
        raise DatasetError(path, "the label file is missing") from None
    except (OSError, UnicodeDecodeError):
        raise DatasetError(path, "the label file cannot be read as text") from None
    if not lines:
        raise DatasetError(path, "the label file is empty")
    return lines


def label_numbers(fields: Sequence[str], count: int, path: Path, line: int) -> NDArray[np.float64]:
    """Exactly count finite numbers -> (count,). DatasetError names the file and the line otherwise."""
    if len(fields) != count:
        raise DatasetError(path, f"{len(fields)} numbers, want {count}", line)
    try:
        values = np.array(fields, dtype=np.float64)
    except ValueError:
        bad = next(field for field in fields if not is_number(field))
        raise DatasetError(path, f"'{bad[:40]}' is not a number", line) from None
    if not np.isfinite(values).all():
        raise DatasetError(path, "holds a number that is not finite", line)
    return values


def is_number(text: str) -> bool:
    """True for the text of a float, nan and inf included."""
    try:
        float(text)
    except ValueError:
        return False
    return True
