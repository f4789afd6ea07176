"""Frames that no good camera sends: hostile depth images, cameras and stamps, as a fault or a fool would make them.

In: a seed and a good frame. Out: :class:`HostileFrame`, one after the other, without end; the same for the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera

Depth = NDArray[np.floating[Any]]

WRONG_NUMBERS: tuple[float, ...] = (
    0.0, -1.0, 1.0, math.nan, math.inf, -math.inf, 1e-300, 1e300, -1e300, 1e-9, 1e9, 2.0**31, 2.0**63, 1e38, 5e-324,
)  # fmt: skip
"""What a field of floating point may hold that means nothing."""


@dataclass(frozen=True)
class HostileFrame:
    """What is shown to a tracker at once."""

    kind: str
    """What was done to the depth image, for the report."""
    depth: Any
    """Anything: mostly (H, W) metres."""
    camera: dict[str, Any]
    """Arguments of ``Camera``, not all of which make one."""
    stamp_s: float
    """Seconds, or anything else that a float can be."""


def hostile_frames(seed: int, good: Depth, camera: Camera) -> Iterator[HostileFrame]:
    """Frames without end.

    :param good: (H, W) m, a frame with a hand, NaN = no reading.
    :param camera: the camera of ``good``, without distortion.
    """
    rng = np.random.default_rng([seed, 0x0F])
    kinds = tuple(DEPTH_KINDS)
    stamp_s = 0.0
    while True:
        kind = kinds[int(rng.integers(len(kinds)))]
        with np.errstate(all="ignore"):
            depth = DEPTH_KINDS[kind](rng, good.copy())
        stamp_s += float(rng.choice([1 / 30, 1 / 30, 1 / 60, 0.4]))
        yield HostileFrame(kind, depth, _hostile_camera(rng, camera), _hostile_stamp(rng, stamp_s))


def _noise(rng: np.random.Generator, good: Depth) -> Depth:
    return rng.uniform(0.0, 10.0 ** rng.uniform(-3, 3), good.shape).astype(np.float32)


def _wrong_pixels(rng: np.random.Generator, good: Depth) -> Depth:
    """Some pixels hold what no depth is: a share from one pixel to all of them."""
    hit = rng.random(good.shape) < 10.0 ** rng.uniform(-4, 0)
    good[hit] = rng.choice(np.array(WRONG_NUMBERS, np.float64), int(hit.sum())).astype(np.float32)
    return good


def _holes(rng: np.random.Generator, good: Depth) -> Depth:
    good[rng.random(good.shape) < rng.uniform(0.0, 1.0)] = np.nan
    return good


def _constant(rng: np.random.Generator, good: Depth) -> Depth:
    return np.full_like(good, rng.choice([0.05, 0.3, 0.5, 1.0, *WRONG_NUMBERS]))


def _scaled(rng: np.random.Generator, good: Depth) -> Depth:
    """A wrong unit."""
    return good * np.float32(10.0 ** rng.integers(-6, 7))


def _crumpled(rng: np.random.Generator, good: Depth) -> Depth:
    """The hand in stripes, rolled by each its own way."""
    return np.stack([np.roll(row, int(rng.integers(good.shape[1]))) for row in good])


def _many_blobs(rng: np.random.Generator, good: Depth) -> Depth:
    """As many things of a hand's size as fit."""
    size = int(rng.integers(2, 40))
    rows, columns = np.indices(good.shape) // size
    near = np.where((rows + columns) % 2 == 0, np.nan, rng.uniform(0.2, 1.2))
    return near.astype(np.float32)


def _steep(rng: np.random.Generator, good: Depth) -> Depth:
    """A plane through the camera, and past it."""
    rows, columns = np.indices(good.shape)
    slope = rng.normal(0.0, 0.01, 2)
    return (0.5 + slope[0] * rows + slope[1] * columns).astype(np.float32)


def _another_shape(rng: np.random.Generator, good: Depth) -> Depth:
    shapes = ((0, 0), (1, 1), (0, good.shape[1]), good.shape[::-1], (*good.shape, 1), (good.size,), ())
    return np.full(shapes[int(rng.integers(len(shapes)))], 0.5, np.float32)


def _another_type(rng: np.random.Generator, good: Depth) -> Any:
    counts = np.nan_to_num(good * 1000)
    types = (np.uint16, np.int32, np.uint8, np.bool_, np.complex64, np.float16, np.float64, ">f4")
    index = int(rng.integers(len(types) + 1))
    return counts.tolist() if index == len(types) else counts.astype(types[index])


def _turned(rng: np.random.Generator, good: Depth) -> Depth:
    """Mirrored or upside down, and not contiguous."""
    return good[:, ::-1] if rng.random() < 0.5 else good[::-1]


DEPTH_KINDS: dict[str, Callable[[np.random.Generator, Any], Any]] = {
    "good": lambda rng, good: good,
    "noise": _noise,
    "wrong pixels": _wrong_pixels,
    "holes": _holes,
    "constant": _constant,
    "scaled": _scaled,
    "crumpled": _crumpled,
    "many blobs": _many_blobs,
    "steep": _steep,
    "another shape": _another_shape,
    "another type": _another_type,
    "turned": _turned,
}
"""What is done to a good image (H, W) m, by name."""


def _hostile_camera(rng: np.random.Generator, camera: Camera) -> dict[str, Any]:
    """The right camera three times in four."""
    fields: dict[str, Any] = {
        name: getattr(camera, name) for name in ("width", "height", "fx", "fy", "cx", "cy")
    }
    if rng.random() < 0.75:
        return fields
    what = int(rng.integers(3))
    if what == 0:
        fields[str(rng.choice(list(fields)))] = float(rng.choice(WRONG_NUMBERS))
    elif what == 1:
        for name in ("fx", "fy", "cx", "cy"):
            fields[name] *= float(10.0 ** rng.uniform(-6, 6))
    else:
        model = str(
            rng.choice(["plumb_bob", "rational_polynomial", "equidistant", "none", "\x1b[31mfancy\n"])
        )
        count = int(rng.choice([0, 4, 5, 8, 12]))
        coefficients = rng.normal(0.0, 10.0 ** rng.uniform(-2, 4), count)
        if rng.random() < 0.2:
            coefficients[rng.random(count) < 0.5] = rng.choice(WRONG_NUMBERS)
        fields |= {"distortion_model": model, "distortion": tuple(coefficients.tolist())}
    return fields


def _hostile_stamp(rng: np.random.Generator, stamp_s: float) -> float:
    """The right one seven times in eight."""
    if rng.random() < 7 / 8:
        return stamp_s
    return float(rng.choice([*WRONG_NUMBERS, stamp_s - 5.0, stamp_s + 5.0, stamp_s - 0.4]))
