"""A person's hand size: learnt over the first frames of a track, then held, and kept in a file a user.

In: each frame's shape (9,) (log scales, ``skeleton.SHAPE_NAMES``) with its confidence and pose. Out: ShapeEstimator, whose
``shape`` is the best guess so far and never changes again once it is ``held``; JSON files of a UserProfile.

The guess is the weighted median of each log scale, weights being the squared confidence. Frames of one view share
their error, so a frame counts only when the hand has moved since the last one that did, or some time has passed.
Measured on 28 tracked sequences of synthetic people at 30 Hz behind the shipped network: mean error of the bone lengths
5.0 mm for the template, 2.8 mm for one frame, 2.16 mm when held (after 3.5 s on average), 2.1 mm after all 200 frames;
a mean is 0.05 mm worse, and a pull towards the template makes it worse: the network knows how far to trust itself.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hand_pose_ros.files import write_text
from hand_pose_ros.hand import skeleton

Array = NDArray[np.float64]

FORMAT = "hand_pose_ros-person-1"
# A scale beyond 2 or 1/2 is no person's against the template; a file that says so is damaged.
_LARGEST_LOG = float(np.log(2.0))
_USER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class ShapeConfig:
    """When a shape is held. ValueError, naming the field, on a value that makes no sense."""

    frames: int = 40
    """So many frames that count make the shape known."""
    longest_s: float = 6.0
    """It is held no later than this after the first frame that counts, whatever was seen."""
    least_confidence: float = 0.2
    """Frames with less confidence do not count."""
    change_rad: float = 0.15
    """A frame counts when the palm or any angle has turned by this since the last one that did ..."""
    pause_s: float = 0.25
    """... or when this has passed since then."""

    def __post_init__(self) -> None:
        if not 1 <= self.frames <= 1000:
            raise ValueError(f"frames is {self.frames}, want 1 to 1000")
        if not 0.0 <= self.least_confidence < 1.0:
            raise ValueError(f"least_confidence is {self.least_confidence}, want 0 to 1, without 1")
        for name in ("longest_s", "change_rad", "pause_s"):
            value = getattr(self, name)
            if not 0.0 <= value < np.inf:
                raise ValueError(f"{name} is {value}, want a number that is not negative")


@dataclass(frozen=True)
class _Counted:
    """The last frame that counted: palm rotation (3, 3), angles (20,) rad, stamp s."""

    rotation: Array
    angles: Array
    stamp_s: float


@dataclass(frozen=True, eq=False)
class ShapeEstimator:
    """What is known of a hand's shape; immutable, :meth:`add` gives the next one.

    shape (9,) log scales, the template's (zeros) before the first frame; held: it will not change any more; frames:
    how many counted.
    """

    config: ShapeConfig = field(default_factory=ShapeConfig)
    shape: Array = field(default_factory=lambda: np.zeros(skeleton.SHAPE_COUNT))
    frozen: bool = False
    frames: int = 0
    _seen: Array = field(default_factory=lambda: np.zeros((0, skeleton.SHAPE_COUNT + 1)), repr=False)
    _last: _Counted | None = field(default=None, repr=False)
    _first_s: float = 0.0

    @staticmethod
    def known(shape: ArrayLike, config: ShapeConfig | None = None) -> ShapeEstimator:
        """A shape known beforehand (a loaded person's), held from the start. ValueError as :class:`UserProfile`."""
        return ShapeEstimator(config or ShapeConfig(), _checked_shape(shape), frozen=True)

    def add(
        self, shape: ArrayLike, confidence: float, rotation: ArrayLike, angles: ArrayLike, stamp_s: float
    ) -> ShapeEstimator:
        """With one more frame: its shape (9,), confidence 0..1, palm rotation (3, 3), angles (20,) rad, stamp in s.

        Returns itself when held, or when the frame tells nothing new (as one does whose scales no person has).
        ValueError for arrays of a wrong shape or that are not finite, a confidence outside 0..1, or a stamp before
        that of the last frame that counted: a new track needs a new ShapeEstimator.
        """
        if self.frozen:
            return self
        frame = _checked("shape", shape, (skeleton.SHAPE_COUNT,))
        rotation, angles = (
            _checked("rotation", rotation, (3, 3)),
            _checked("angles", angles, (skeleton.ANGLE_COUNT,)),
        )
        if not 0.0 <= confidence <= 1.0:
            raise ValueError(f"confidence is {confidence}, want 0 to 1")
        last = self._last
        if last is not None and stamp_s < last.stamp_s:
            raise ValueError(f"stamp {stamp_s} s lies before the last frame's, {last.stamp_s} s")
        late = last is not None and stamp_s - self._first_s >= self.config.longest_s
        counts = confidence > self.config.least_confidence and np.abs(frame).max() <= _LARGEST_LOG
        if not (counts and self.tells_more(rotation, angles, stamp_s)):
            return replace(self, frozen=True) if late else self
        seen = np.vstack([self._seen, np.append(frame, confidence**2)])
        return replace(
            self,
            shape=_checked_shape(weighted_median(seen[:, :-1], seen[:, -1])),
            frozen=late or len(seen) >= self.config.frames,
            frames=len(seen),
            _seen=seen,
            _last=_Counted(rotation, angles, stamp_s),
            _first_s=stamp_s if last is None else self._first_s,
        )

    def tells_more(self, rotation: Array, angles: Array, stamp_s: float) -> bool:
        """Whether a frame would count: the hand has moved, or time has passed, since the last one that did."""
        last = self._last
        if last is None or stamp_s - last.stamp_s >= self.config.pause_s:
            return True
        cosine = (float(np.sum(last.rotation * rotation)) - 1.0) / 2.0
        turned = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
        return max(turned, float(np.abs(angles - last.angles).max())) >= self.config.change_rad


def weighted_median(values: Array, weights: Array) -> Array:
    """(N, K) values, (N,) positive weights -> (K,): in each column the smallest value that reaches half the weight."""
    order = np.argsort(values, axis=0)
    reached = np.cumsum(weights[order], axis=0) >= 0.5 * weights.sum()
    rows = order[reached.argmax(axis=0), np.arange(values.shape[1])]
    return np.asarray(values[rows, np.arange(values.shape[1])])


@dataclass(frozen=True, eq=False)
class UserProfile:
    """What is kept of a user: shape (9,) log scales, how many frames it was learnt from, and, where it is known, the
    thickness of the hand (log scale). ValueError, naming the field, on a value that makes no sense."""

    shape: Array
    frames: int
    thickness: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checked_shape(self.shape))
        if isinstance(self.frames, bool) or not isinstance(self.frames, int) or self.frames < 0:
            raise ValueError(f"frames is {self.frames!r}, want a whole number, at least 0")
        if self.thickness is not None and not (
            _is_number(self.thickness) and abs(self.thickness) <= _LARGEST_LOG
        ):
            raise ValueError(f"thickness is {self.thickness!r}, want a log scale within log 2 of 0, or None")


def save_profile(folder: str | Path, user_id: str, person: UserProfile) -> Path:
    """Write ``folder/user_id.json``, all of it or nothing, and return its path. Makes the folder where it is missing.

    ValueError for a user id that is no safe file name (letters, digits, - and _, at most 64).
    """
    path = _profile_path(folder, user_id)
    text = json.dumps(
        {
            "format": FORMAT,
            "user": user_id,
            "shape": dict(zip(skeleton.SHAPE_NAMES, person.shape.tolist(), strict=True)),
            "frames": person.frames,
            "thickness": person.thickness,
        },
        indent=2,
    )
    write_text(path, text + "\n")
    return path


def load_profile(folder: str | Path, user_id: str) -> UserProfile | None:
    """The person saved under this user id, bit for bit; None when there is none.

    ValueError for an unsafe user id and for a file that is damaged, of another format, of another user or of a hand
    with other shape parameters; OSError when it cannot be read.
    """
    path = _profile_path(folder, user_id)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        data = json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path} is not a saved person: its format is not '{FORMAT}'")
    if data.get("user") != user_id:
        raise ValueError(f"{path} is user '{data.get('user')}', want '{user_id}'")
    try:
        return UserProfile(_shape_of(data.get("shape")), data.get("frames"), data.get("thickness"))  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


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


def _checked(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Array:
    """A copy of finite numbers; ValueError naming what is wrong."""
    array = np.array(values, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} is {array.shape}, want {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds a value that is not finite")
    return array


def _checked_shape(shape: ArrayLike) -> Array:
    """A read-only copy; ValueError when it is not (9,) log scales within a factor of 2."""
    array = _checked("shape", shape, (skeleton.SHAPE_COUNT,))
    if not (np.abs(array) <= _LARGEST_LOG).all():
        raise ValueError(f"shape is {array.tolist()}, want log scales within log 2 of 0")
    array.setflags(write=False)
    return array


def _profile_path(folder: str | Path, user_id: str) -> Path:
    if not _USER_ID.fullmatch(user_id):
        raise ValueError(
            f"user id {user_id!r}: want 1 to 64 letters, digits, - or _, not beginning with - or _"
        )
    return Path(folder) / f"{user_id}.json"
