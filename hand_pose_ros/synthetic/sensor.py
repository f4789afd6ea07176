"""What a depth sensor does to a clean depth image, compiled by numba.

In: clean depth (H, W) float32 m (+inf = nothing there) and a NoiseModel. Out: depth as a camera would deliver it,
float32 m with NaN for "no reading", at the sensor's own resolution (so before any crop).

In order: lateral jitter (each pixel sees a neighbouring ray), loss on surfaces seen at a grazing angle, loss and
flying pixels at depth edges, single missing pixels, axial noise that grows with the distance, quantisation, the
shadow band of a triangulating sensor on one side of near objects, round holes. Jitter and axial noise are drawn anew
for each pixel, or smoothly over patches of pixels where the sensor itself matches or filters patches.

Which sensor has how much of what stands in sensor_presets.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros import validation
from hand_pose_ros.kernel_cache import njit

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

# A step in depth that is an edge, how far from the nearer surface flying pixels lie, beyond everything, and the widest
# shadow. Guessed.
_EDGE_M = 0.008
_FLY_M = 0.15
_FAR_M = 50.0
_SHADOW_MOST_PX = 60
NORMAL_TABLE = np.random.default_rng(0).standard_normal(4096).astype(np.float32)


@dataclass(frozen=True)
class NoiseModel:
    """One sensor's noise. Lengths in metres, shares in 0..1. ValueError names a field that makes no sense.

    The defaults are a middling structured-light or stereo camera's, guessed; see sensor_presets.py for real ones.
    """

    lateral_px: float = 0.5
    """Standard deviation of the sideways jitter, px."""
    axial_m: float = 0.0012
    """Standard deviation of the depth at 0.6 m."""
    quantisation_m: float = 0.001
    """Step of the reported depth; 0 for none."""
    edge_loss: float = 0.25
    """Share of the pixels at depth edges that carry no reading."""
    flying: float = 0.05
    """Share of the pixels at depth edges that report a depth between the two surfaces."""
    missing: float = 0.01
    """Share of all pixels that carry no reading."""
    grazing_cosine: float = 0.12
    """Surfaces whose normal makes less than this cosine with the ray lose readings."""
    shadow_px: float = 0.0
    """Width of the shadow beside an object before a far background, px, whatever the distances; its sign is the
    side (positive: right)."""
    holes: float = 0.2
    """Mean number of round holes in the image's 100 x 100 px."""
    range_squared_fraction: float = 1.0
    """Share of the axial noise at 0.6 m that grows with the square of the distance; the rest is the same at every
    distance. 1 for triangulation, near 0 for time of flight."""
    noise_correlation_px: float = 0.0
    """Pitch of the patches over which jitter and axial noise change smoothly, px; up to 1: every pixel on its own."""
    baseline_m: float = 0.0
    """Distance from the depth image's eye to the second one (camera or projector), positive if that is on the right.
    What it cannot see carries no reading: a shadow of f * baseline * (1 / z_near - 1 / z_far) px on an object's other
    side. 0 for none."""

    def __post_init__(self) -> None:
        validation.typed(self, "noise")
        lengths = ("lateral_px", "axial_m", "quantisation_m", "holes", "noise_correlation_px")
        validation.not_negative(self, *lengths, section="noise")
        validation.share(
            self,
            "edge_loss",
            "flying",
            "missing",
            "grazing_cosine",
            "range_squared_fraction",
            section="noise",
        )
        for name in ("shadow_px", "baseline_m"):  # their sign is the side
            value = getattr(self, name)
            validation.require(bool(np.isfinite(value)), "noise", name, value, "a finite number")

    def as_array(self) -> NDArray[np.float64]:
        """(12,) in the order of the fields, for the compiled kernel."""
        return np.array([getattr(self, field.name) for field in fields(self)], dtype=np.float64)


NO_NOISE = NoiseModel(0, 0, 0, 0, 0, 0, 0, 0, 0)
STRUCTURED_LIGHT = NoiseModel(
    lateral_px=0.4, axial_m=0.001, edge_loss=0.25, flying=0.04, missing=0.004, shadow_px=3.0
)
"""A structured-light camera's noise, guessed within the range of the presets."""


def apply_noise(
    depth: NDArray[np.float32], model: NoiseModel, focal_px: float, seed: int
) -> NDArray[np.float32]:
    """Clean depth (H, W) m, +inf for nothing -> noisy depth (H, W) m, NaN for no reading; a function of the seed."""
    out = np.empty_like(depth)
    sensor_kernel(depth, model.as_array(), seed, focal_px, out)
    return out


@njit(nogil=True, cache=True)
def next_random(state: np.uint64) -> np.uint64:
    """Marsaglia's xorshift64: the next of a sequence of 64 random bits; a tenth of the library generator's time."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    return state


@njit(nogil=True, cache=True)
def sensor_kernel(clean: Array32, noise: Array, seed: int, focal_px: float, out: Array32) -> None:
    """Fill out (H, W) from clean (H, W); noise as ``NoiseModel.as_array``, focal_px the focal length in px.

    One draw of 64 bits serves a pixel: four fields of 12 bits index a table of normal deviates, 16 bits are a share.
    """
    lateral, axial, step, edge_loss, flying = noise[0], noise[1], noise[2], noise[3], noise[4]
    missing, grazing, shadow, squared, pitch = noise[5], noise[6], round(noise[7]), noise[9], noise[10]
    steepest = np.inf if grazing <= 0.0 else 1.0 / grazing**2 - 1.0  # tangent squared of the grazing angle
    height, width = clean.shape
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x2545F4914F6CDD1D)
    for _ in range(4):
        state = next_random(state)
    mask = np.uint64(4095)
    correlated = pitch > 1.0
    # Without correlation a lattice of a few nodes that nobody looks at.
    pitch = pitch if correlated else 1e9
    advanced, nodes, start = lattice_nodes(state, height, width, pitch)
    state = advanced if correlated else state
    cell, before, after = between_nodes(width, start, pitch)
    line = np.empty((3, nodes.shape[2]), np.float32)
    for row in range(height):
        if correlated:
            blend_rows(nodes, (row + start) / pitch, line)
        for column in range(width):
            state = next_random(state)
            if correlated:
                k, a, b = cell[column], before[column], after[column]
                r = round(row + lateral * (a * line[0, k] + b * line[0, k + 1]))
                c = round(column + lateral * (a * line[1, k] + b * line[1, k + 1]))
                deviate = a * line[2, k] + b * line[2, k + 1]
            else:
                r = round(row + lateral * NORMAL_TABLE[state & mask])
                c = round(column + lateral * NORMAL_TABLE[(state >> np.uint64(12)) & mask])
                deviate = NORMAL_TABLE[(state >> np.uint64(24)) & mask]
            r, c = min(height - 1, max(0, r)), min(width - 1, max(0, c))
            z = clean[r, c]
            if not z < _FAR_M:
                out[row, column] = np.nan
                continue
            share = float(state >> np.uint64(48)) / 65536.0
            z, state = _at_edges(clean, r, c, share, state, focal_px, edge_loss, flying, steepest)
            if np.isnan(z) or share > 1.0 - missing:
                out[row, column] = np.nan
                continue
            z += axial * (1.0 - squared + squared * (z / 0.6) ** 2) * deviate
            if step > 0.0:
                z = step * np.floor(z / step + 0.5)
            out[row, column] = z
    if shadow != 0:
        _cast_shadow(clean, shadow, out)
    if noise[11] != 0.0:
        _hide_from_second_eye(clean, -focal_px * noise[11], out)
    _punch_holes(noise[8], state, out)


@njit(nogil=True, cache=True)
def _at_edges(
    clean: Array32, r: int, c: int, share: float, state: np.uint64, focal_px: float, edge_loss: float, flying: float,
    steepest: float,
) -> tuple[float, np.uint64]:  # fmt: skip
    """The depth (m) at a pixel of ``clean``: moved where a depth edge makes it fly, NaN where an edge or a grazing
    surface loses it, else as it is; and the state, advanced if it was used. share: this pixel's draw in 0..1."""
    height, width = clean.shape
    z = clean[r, c]
    up, down = clean[max(r - 1, 0), c], clean[min(r + 1, height - 1), c]
    left, right = clean[r, max(c - 1, 0)], clean[r, min(c + 1, width - 1)]
    farther = max(max(up, down), max(left, right)) - z
    nearer = z - min(min(up, down), min(left, right))
    # A step of a few pixels' width in depth can be a curved surface, so coarse sensors need a larger jump.
    if max(farther, nearer) > max(_EDGE_M, 2.5 * z / focal_px):
        if share < edge_loss:
            return np.nan, state
        if share < edge_loss + flying:
            state = next_random(state)
            gap = min(farther, _FLY_M) if farther > nearer else -min(nearer, _FLY_M)
            z += gap * float(state >> np.uint64(48)) / 65536.0
    else:
        gu, gv = 0.5 * (right - left) * focal_px / z, 0.5 * (down - up) * focal_px / z
        if gu * gu + gv * gv > steepest and share < 0.7:
            return np.nan, state
    return z, state


@njit(nogil=True, cache=True)
def lattice_nodes(
    state: np.uint64, height: int, width: int, pitch: float
) -> tuple[np.uint64, Array32, float]:
    """Advanced state; normal deviates (3, rows, columns) on a lattice of ``pitch`` px; its random offset, px."""
    state = next_random(state)
    start = pitch * float(state >> np.uint64(48)) / 65536.0
    rows, columns = int((height + pitch) / pitch) + 2, int((width + pitch) / pitch) + 2
    nodes = np.empty((3, rows, columns), np.float32)
    mask = np.uint64(4095)
    for row in range(rows):
        for column in range(columns):
            state = next_random(state)
            for k in range(3):
                nodes[k, row, column] = NORMAL_TABLE[(state >> np.uint64(12 * k)) & mask]
    return state, nodes, start


@njit(nogil=True, cache=True)
def between_nodes(width: int, start: float, pitch: float) -> tuple[NDArray[np.int64], Array32, Array32]:
    """For each column its lattice cell and the weights of that cell's two ends.

    The weights' squares add up to 1 (not the weights), so that the variance is 1 between the nodes, too.
    """
    cell = np.empty(width, np.int64)
    before, after = np.empty(width, np.float32), np.empty(width, np.float32)
    for column in range(width):
        place = (column + start) / pitch
        cell[column] = int(place)
        share = place - cell[column]
        length = np.sqrt(share**2 + (1.0 - share) ** 2)
        before[column], after[column] = (1.0 - share) / length, share / length
    return cell, before, after


@njit(nogil=True, cache=True)
def blend_rows(nodes: Array32, place: float, line: Array32) -> None:
    """Fill line (3, columns) with the nodes' values at the lattice row ``place``."""
    row = int(place)
    share = place - row
    length = np.sqrt(share**2 + (1.0 - share) ** 2)
    before, after = (1.0 - share) / length, share / length
    for k in range(3):
        for column in range(nodes.shape[2]):
            line[k, column] = before * nodes[k, row, column] + after * nodes[k, row + 1, column]


@njit(nogil=True, cache=True)
def _hide_from_second_eye(clean: Array32, reach: float, out: Array32) -> None:
    """No reading where a nearer surface hides a pixel from the second eye.

    ``reach`` is focal length times baseline, px m: a surface at z shifts by reach / z, so a near one covers the far
    pixels beside it as far as their shifts differ (positive: to the right).
    """
    height, width = clean.shape
    side = 1 if reach > 0 else -1
    reach = abs(reach)
    for row in range(height):
        for column in range(width):
            z, beside = clean[row, column], column + side
            if not (0 <= beside < width and clean[row, beside] - z > 0.004):
                continue
            shift = reach / z
            for k in range(1, _SHADOW_MOST_PX):
                far = column + side * k
                if not 0 <= far < width or shift - reach / clean[row, far] < k:
                    break
                out[row, far] = np.nan


@njit(nogil=True, cache=True)
def _cast_shadow(clean: Array32, shadow: int, out: Array32) -> None:
    """Far pixels within ``shadow`` px beside a near surface are seen by one of two eyes only: no reading."""
    height, width = clean.shape
    side = 1 if shadow > 0 else -1
    for row in range(height):
        for column in range(width):
            neighbour = column + side
            if 0 <= neighbour < width and clean[row, neighbour] - clean[row, column] > 0.03:
                for k in range(1, abs(shadow) + 1):
                    far = column + side * k
                    if 0 <= far < width and clean[row, far] - clean[row, column] > 0.03:
                        out[row, far] = np.nan


@njit(nogil=True, cache=True)
def _punch_holes(mean: float, state: np.uint64, out: Array32) -> None:
    """Round holes of 1 to 4 px radius, on average ``mean`` of them in 100 x 100 px."""
    height, width = out.shape
    expected = mean * height * width / 1e4
    tries = int(np.ceil(4 * expected))
    for _ in range(tries):
        state = next_random(state)
        if float(state >> np.uint64(48)) / 65536.0 > 0.25 * (expected / np.ceil(expected)):
            continue
        state = next_random(state)
        row, column = int((state >> np.uint64(8)) % height), int((state >> np.uint64(32)) % width)
        radius = 1 + int((state >> np.uint64(60)) & np.uint64(3))
        for r in range(max(0, row - radius), min(height, row + radius + 1)):
            for c in range(max(0, column - radius), min(width, column + radius + 1)):
                if (r - row) ** 2 + (c - column) ** 2 <= radius * radius:
                    out[r, c] = np.nan
