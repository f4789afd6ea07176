"""A user's hand, kept in a JSON file a user: loaded when a tracker starts, saved when the shape is known.

In: a folder, a user id, a UserProfile. Out: ``folder/user_id.json``, and back.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.files import require_folder, write_json
from hand_pose_ros.hand import skeleton
from hand_pose_ros.tracking.shape_estimator import LARGEST_LOG_SCALE, checked_shape
from hand_pose_ros.validation import require, shown

Array = NDArray[np.float64]

FORMAT = "hand_pose_ros-person-1"
"""Stored in every file; a file of another format is refused. The older word for a user stays: files of users exist."""
_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, eq=False)
class UserProfile:
    """What is kept of a user. ValueError, naming the field, on a value that makes no sense."""

    shape: Array
    """(9,) log scales as ``skeleton.SHAPE_NAMES``, read-only."""
    frames: int
    """How many frames it was learnt from."""
    thickness: float | None = None
    """Log scale of the flesh against the template's of that size; None where it is not known."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", checked_shape(self.shape))
        _checked_counts(self.frames, self.thickness)


def save_profile(folder: str | Path, user_id: str, profile: UserProfile) -> Path:
    """Write ``folder/user_id.json``, all of it or nothing, and return its path. Makes the folder where it is missing.

    ValueError for a user id that is no safe file name (letters, digits, - and _, at most 64).
    """
    path = _profile_path(folder, user_id)
    content = {
        "format": FORMAT,
        "user": user_id,
        "shape": dict(zip(skeleton.SHAPE_NAMES, profile.shape.tolist(), strict=True)),
        "frames": profile.frames,
        "thickness": profile.thickness,
    }
    write_json(path, content)
    return path


def load_profile(folder: str | Path, user_id: str) -> UserProfile | None:
    """The profile saved under this user id, bit for bit; None when there is none.

    ValueError for an unsafe user id and for a file that is damaged, of another format, of another user or of a hand
    with other shape parameters; OSError, which names it, when it cannot be read.
    """
    path = _profile_path(folder, user_id)
    require_folder(path.parent)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, want the file of user '{user_id}'")
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error.strerror}") from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:  # of a number with too many digits, too
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path} is not a saved user profile: its format is not '{FORMAT}'")
    if data.get("user") != user_id:
        raise ValueError(f"{path} is user '{shown(data.get('user'))}', want '{user_id}'")
    try:
        frames, thickness = _checked_counts(data.get("frames"), data.get("thickness"))
        return UserProfile(_shape_of(data.get("shape")), frames, thickness)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _checked_counts(frames: Any, thickness: Any) -> tuple[int, float | None]:
    """Frames and thickness as they are, of any type before; ValueError naming the one that makes no sense."""
    whole = isinstance(frames, int) and not isinstance(frames, bool) and frames >= 0
    require(whole, "", "frames", frames, "a whole number, at least 0")
    known = thickness is None or (_is_number(thickness) and abs(thickness) <= LARGEST_LOG_SCALE)
    require(known, "", "thickness", thickness, "a log scale within log 2 of 0, or None")
    return frames, thickness


def _shape_of(scales: Any) -> Array:
    """The file's scales by name -> (9,), matched by name; ValueError when they are not this hand model's."""
    if not isinstance(scales, dict) or set(scales) != set(skeleton.SHAPE_NAMES):
        raise ValueError(f"shape must hold exactly {', '.join(skeleton.SHAPE_NAMES)}")
    wrong = [name for name, value in scales.items() if not _is_number(value)]
    if wrong:
        raise ValueError(f"shape holds no finite number for {', '.join(wrong)}")
    return np.array([scales[name] for name in skeleton.SHAPE_NAMES], dtype=np.float64)


def _is_number(value: Any) -> bool:
    # NaN is not below anything.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def _profile_path(folder: str | Path, user_id: str) -> Path:
    if not _USER_ID.fullmatch(user_id):
        raise ValueError(
            f"user id '{shown(user_id)}': want 1 to 64 letters, digits, - or _, not beginning with - or _"
        )
    return Path(folder) / f"{user_id}.json"
