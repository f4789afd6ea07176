"""A folder of recorded depth frames: PNG, TIFF or npy files in, their pixels (H, W) and their ``Camera`` out.

16-bit files hold counts, 0 = no reading; TIFF and npy files of real numbers hold metres, where what is not finite or
not positive is no reading. Sub-folders are searched too, what replays have written is left alone; frames come in
natural order (frame2 before frame10, 0.0667 before 0.1). No ROS.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.recording.depth_files import depth_size, is_other_array, read_depth_file
from hand_pose_ros.recording.intrinsics import Intrinsics
from hand_pose_ros.recording.output_files import is_output
from hand_pose_ros.recording.recorded_frame import (
    RecordedFrame,
    RecordingError,
    TrueHand,
    UnusableFrame,
)
from hand_pose_ros.validation import shown

SUFFIXES = (".png", ".tif", ".tiff", ".npy")
"""Of files that are depth frames, in any case."""
_MOST_NAME = 4096
"""Characters of a file's name: no path is longer on Linux."""
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]{1,3})?")
"""A real number as Python prints it."""
_NUMBERS = re.compile(r"-?[0-9]+(?:\.[0-9]+)*(?:e[-+]?[0-9]{1,3})?")
"""The numbers in a file's or folder's name."""
_NANOSECONDS = 9
"""Digits of the most nanoseconds that there are beside whole seconds."""
_ENOUGH_STAMPS = 20
"""Names that tell nanoseconds from fractions, at least: of so many fractions none begins with 0 in 12 % of all cases.
Guessed."""
_MOST_WRONG = 1 / 3
"""Files that are no depth, and have names as the frames beside them, are pictures from this share of both on. Guessed:
colour is as often as depth."""
INTRINSICS_FILE = "intrinsics.yaml"
"""The file in a folder of frames that says which camera took them."""


def natural_key(name: str, decimals: bool = True) -> list[tuple[int, int, str]]:
    """Sort key of a file's or folder's name that puts frame2 before frame10.

    With ``decimals`` digits behind the only point of a number are its fraction, as in stamps (0.0667 before 0.1);
    without, a number of their own, as in 1.9 before 1.10. Numbers of more points are dates and times: 10.5.30.
    """
    key: list[tuple[int, int, str]] = []
    for part in re.split(r"([0-9]+(?:\.[0-9]+)*)", _stem(name)):
        if not (part[:1].isascii() and part[:1].isdecimal()):
            key.append((2, 0, part.lower()))
            continue
        whole, *others = part.split(".")
        key.append((0, int(whole), ""))
        if decimals and len(others) < 2:
            key.append((1, 0, "".join(others)))
        else:
            key += [(0, int(other), "") for other in others]
    return key


def has_decimals(names: Iterable[str]) -> bool:
    """Whether digits behind a number's only point are fractions in the names of one folder.

    Stamps have all the same number of decimals, or no zero at the end (but for "5.0"): 1.10 beside 1.9 is no stamp. Nor
    are those of many where most have nine digits, others have fewer and none begins with a zero.
    """
    numbers = [part.split(".") for name in names for part in re.findall(r"[0-9]+(?:\.[0-9]+)+", _stem(name))]
    fractions = [others[0] for _, *others in numbers if len(others) == 1]
    lengths = {len(f) for f in fractions}
    if len(lengths) <= 1:
        return True
    # Nanoseconds behind seconds that nobody filled up with zeros, f"{sec}.{nanosec}": nine of ten have all digits, and
    # of so many fractions one would begin with 0.
    full = sum(len(f) == _NANOSECONDS for f in fractions)
    padded = any(f.startswith("0") and f != "0" for f in fractions)
    if max(lengths) == _NANOSECONDS and 2 * full > len(fractions) >= _ENOUGH_STAMPS and not padded:
        return False
    return not any(f.endswith("0") and f != "0" for f in fractions)


def in_natural_order(paths: Sequence[Path]) -> list[Path]:
    """Relative paths, a folder's files together; each folder's names by themselves say whether they hold decimals, and
    where all of them are such numbers, as Python writes them, these count: -0.5 before -0.25, 1e-05 before 0.1."""
    names: dict[Path, set[str]] = {}
    for path in paths:
        for part in (path, *path.parents[:-1]):
            names.setdefault(part.parent, set()).add(part.name)
    keys: dict[Path, dict[str, Any]] = {}
    for folder, inside in names.items():
        decimals = has_decimals(inside)
        plain = decimals and all(_NUMBER.fullmatch(_stem(name)) for name in inside)
        keys[folder] = {
            name: (float(_stem(name)), natural_key(name)) if plain else natural_key(name, decimals)
            for name in inside
        }
    return sorted(
        paths, key=lambda path: [keys[part.parent][part.name] for part in (*path.parents[-2::-1], path)]
    )


def _is_file(path: Path) -> bool:
    """Whether it is a file, or a link to one that is not there (git-annex): such a frame's moment passes, too."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _stem(name: str) -> str:
    path = Path(name)
    return path.stem if path.suffix.lower() in SUFFIXES else name


def frame_files(folder: Path) -> tuple[Path, ...]:
    """The depth images in a folder and those below it, in natural order, without what replays of it have written there
    and without hidden files, such as those that macOS puts beside others.

    RecordingError where there is none.
    """
    if not folder.is_dir():
        raise RecordingError(f"'{folder}' is not a folder of depth frames")
    suitable = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and _is_file(path))
    found = [path for path in suitable if not path.name.startswith(".") and not is_output(path)]
    if not found:
        raise RecordingError(f"there is no .png file in '{folder}', nor a .tif, .tiff or .npy one")
    return tuple(folder / path for path in in_natural_order([path.relative_to(folder) for path in found]))


def _pictures(folder: Path, size_of: Mapping[Path, tuple[int, int] | None]) -> dict[Path, None]:
    """Which of a folder's files, given with the size of those that are depth frames, are pictures beside these, in the
    files' order; none where no file is a depth frame.

    They have other names than any depth frame, but for the numbers, or are several in a folder of their own. Names as
    the frames' have also frames that were written wrongly, and their moments passed.
    """
    depth = [path for path, size in size_of.items() if size is not None]
    others = [path for path, size in size_of.items() if size is None and is_other_array(path)]
    if not others or (not depth and len(others) == len(size_of)):
        return {}

    def unnumbered(path: Path) -> str:
        return _NUMBERS.sub("#", path.as_posix().lower())

    def near(path: Path) -> tuple[Path, str]:
        return path.parent, unnumbered(Path(path.name))

    ways = {unnumbered(path.relative_to(folder)) for path in depth}
    frames, wrong = Counter(near(path) for path in depth), Counter(near(path) for path in others)

    def beside(path: Path) -> bool:
        if unnumbered(path.relative_to(folder)) not in ways:
            return True
        here = near(path)
        return wrong[here] >= _MOST_WRONG * (wrong[here] + frames[here]) and wrong[here] + frames[here] > 1

    return {path: None for path in others if beside(path)}


@dataclass(frozen=True)
class RecordedFrames:
    """The frames of one folder; all have the size of ``camera``."""

    folder: Path
    """The folder that was opened."""
    files: tuple[Path, ...]
    """Its depth images in natural order."""
    camera: Camera
    """Intrinsics of every frame."""
    first: int = 0
    """Number of the first of them in the folder: of a part of it."""
    pictures: tuple[Path, ...] = ()
    """Files beside them that are no depth frames, such as colour pictures of the same moments: they take no time."""

    @classmethod
    def open(
        cls, folder: str | Path, intrinsics: tuple[float, float, float, float] | Intrinsics
    ) -> RecordedFrames:
        """Finds the frames; ``intrinsics``: fx, fy, cx, cy in pixels, or those of a file. Raises RecordingError when
        the folder holds no depth images or the numbers are no camera's. The frames' size is that of most of them."""
        folder = Path(folder)
        files = frame_files(folder)
        size_of = {path: depth_size(path) for path in files}
        pictures = _pictures(folder, size_of)
        files = tuple(path for path in files if path not in pictures)
        sizes = Counter(size for size in size_of.values() if size is not None)
        if not sizes:  # says what is wrong with it, or reads what has another kind's name
            sizes[read_depth_file(files[0]).shape[1::-1]] = 1
        width, height = sizes.most_common(1)[0][0]
        if not isinstance(intrinsics, Intrinsics):
            intrinsics = Intrinsics(*intrinsics)
        return cls(folder, files, intrinsics.camera(width, height), pictures=tuple(pictures))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        """Pixels (H, W) of the i-th frame: counts uint16, or metres float32. Raises RecordingError."""
        pixels = read_depth_file(self.files[index])
        if pixels.shape != (self.camera.height, self.camera.width):
            raise RecordingError(
                f"'{self.files[index]}' is {pixels.shape[1]}x{pixels.shape[0]}, the recording is"
                f" {self.camera.width}x{self.camera.height}"
            )
        return pixels

    def depth(self, index: int, depth_unit_m: float) -> NDArray[np.float32]:
        """Depth (H, W) float32 m of the i-th frame, NaN = no reading; ``depth_unit_m``: metres per count.

        :raises RecordingError: when the file cannot be read.
        """
        pixels = self[index]
        if pixels.dtype != np.uint16:
            with np.errstate(invalid="ignore"):
                return np.where(np.isfinite(pixels) & (pixels > 0), pixels, np.float32(np.nan))
        return np.where(pixels > 0, pixels * np.float32(depth_unit_m), np.float32(np.nan))

    def name(self, index: int) -> str:
        """The i-th file's path within the folder, as messages, tables and pictures can hold it: names of files may be
        no text at all."""
        return shown(self.files[index].relative_to(self.folder).as_posix(), _MOST_NAME)

    def rate(self, rate_hz: float) -> float:
        """A folder knows none: ``rate_hz``."""
        return rate_hz

    def frames(self, depth_unit_m: float, rate_hz: float) -> Iterator[RecordedFrame | UnusableFrame]:
        """The frames in natural order, the first at 0 s; see :class:`~.recorded_frame.Recording`."""
        if self.pictures:
            yield UnusableFrame(
                f"{len(self.pictures)} files beside the frames are no depth ('{self.pictures[0].name}' is the first)",
                beside=True,
            )
        for index in range(len(self)):
            try:
                depth = self.depth(index, depth_unit_m)
            except RecordingError as error:
                yield UnusableFrame(str(error))
                continue
            number = self.first + index
            yield RecordedFrame(
                number, self.name(index), round(number * 1e9 / rate_hz), "", depth, self.camera
            )

    def part(self, start_s: float, end_s: float | None, rate_hz: float) -> RecordedFrames:
        """The frames from ``start_s`` on and before ``end_s`` (s; None: to the end), at ``rate_hz`` frames a second."""
        start = min(math.ceil(start_s * rate_hz), len(self))
        end = len(self) if end_s is None else min(math.ceil(end_s * rate_hz), len(self))
        return replace(self, files=self.files[start:end], first=self.first + start)

    def truth(self) -> dict[int, list[TrueHand]]:
        """None: a folder has no known hands."""
        return {}
