"""Depth sensors by name: how far they see, how fine, and how wrong they are.

In: names of sensors, a random generator. Out: for each of N pictures the distance of the hand (m), how many sensor
pixels span the crop's cube there, and a noise model as the compiled kernel takes it (synthetic/sensor.py).

Where the numbers come from. P: published, by the source named; D: derived from published numbers; M: measured on real
frames of the sensor (spread about local quadratics of 9 x 9 px, on skin and clothes: a lower bound, for longer waves
than that count as shape); G: a guess, wide on purpose. A paper named without a number lent its conclusion only. What
no preset has: an offset of the whole depth (a few mm to 1 cm, time of flight), multipath in hollow hands, dependence
on the skin's brightness, motion. The fattening of outlines by stereo matching is synthetic/stereo_matching.py's.

[Nguyen 2012] Modeling Kinect sensor noise: axial noise grows with the square of the distance, lateral noise is under
a pixel, whatever the distance. [Khoshelham 2011] The square law follows from triangulation. [Grunnet-Jepsen, Tuning
depth cameras for best performance, Intel] Stereo: sigma_z = z^2 * subpixel / (f * baseline), subpixel near 0.08 px and
down to 0.05 for good texture. [Zabatani 2019] SR300 coded light camera: VGA, 0.125 mm depth resolution. [Wasenmueller
& Stricker 2016], [Lachat 2015] Kinect v2: spread nearly constant in the near range, flying pixels, multipath.
[Toelgyessy 2021] Azure Kinect: sigma at most 17 mm up to 3.5 m, in the near range clearly below Kinect v2's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CROP_CUBE_M
from hand_pose_ros.synthetic.sensor import NO_NOISE, NoiseModel
from hand_pose_ros.validation import require

Array = NDArray[np.float64]
Range = tuple[float, float]

GENERIC = "generic"
_GENERIC_SHARE = 0.4  # of the pictures, where other sensors are mixed in; guessed
_FIELDS = tuple(spec.name for spec in fields(NoiseModel))
_AT_M = 0.6  # the distance NoiseModel.axial_m is given at


@dataclass(frozen=True)
class SensorPreset:
    """One sensor: what is fixed, and the ranges its noise is drawn from, evenly; a field not named keeps NO_NOISE's.

    ValueError if a range is upside down, a noise field does not exist, or a subpixel error comes without a baseline.
    """

    focal_px: tuple[float, ...]
    """Focal lengths of the depth modes in use; one is drawn."""
    distance_m: Range
    """Working distance."""
    noise: Mapping[str, Range] = field(default_factory=dict)
    """Field of NoiseModel -> (least, most)."""
    subpixel_px: Range | None = None
    """Matching error of a stereo pair; gives the axial noise, z^2 * subpixel / (f * baseline)."""

    def __post_init__(self) -> None:
        for name, (low, high) in self.noise.items():
            if name not in _FIELDS:
                raise ValueError(f"noise has no field '{name}', want one of {', '.join(_FIELDS)}")
            require(low <= high, "noise", name, (low, high), "(least, most)")
        right = 0 < self.distance_m[0] < self.distance_m[1]
        require(right, "", "distance_m", self.distance_m, "(near, far), near above 0")
        right = bool(self.focal_px) and min(self.focal_px) > 0
        require(right, "", "focal_px", self.focal_px, "at least one focal length above 0")
        if self.subpixel_px is not None and min(self.noise.get("baseline_m", (0, 0))) <= 0:
            raise ValueError("subpixel_px needs a baseline_m in noise")

    def sample(self, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Focal lengths (count,) px and noise models (count, 12) in the order of NoiseModel's fields."""
        focal = rng.choice(np.array(self.focal_px), count)
        rows = np.tile(NO_NOISE.as_array(), (count, 1))
        for name, (low, high) in self.noise.items():
            rows[:, _FIELDS.index(name)] = rng.uniform(low, high, count)
        if self.subpixel_px is not None:
            baseline = rows[:, _FIELDS.index("baseline_m")]
            subpixel = rng.uniform(*self.subpixel_px, count)
            rows[:, _FIELDS.index("axial_m")] = _AT_M**2 * subpixel / (focal * baseline)
        return focal, rows


D435 = SensorPreset(
    focal_px=(384.0, 424.0, 640.0),
    distance_m=(0.20, 3.0),
    subpixel_px=(0.03, 0.10),
    noise={
        "lateral_px": (0.3, 1.2), "quantisation_m": (0.001, 0.001), "edge_loss": (0.0, 0.4), "flying": (0.02, 0.15),
        "missing": (0.0, 0.006), "grazing_cosine": (0.05, 0.22), "holes": (0.0, 0.8),
        "range_squared_fraction": (1.0, 1.0), "noise_correlation_px": (4.0, 9.0), "baseline_m": (0.050, 0.050),
    },
)  # fmt: skip
"""Intel RealSense D435/D435i: active infrared stereo, rolling noise that looks like wrinkled paper.

Focal lengths: P, calibrations printed in realsense-ros issue 2788 (640x480: 384, 848x480: 424; 640 at 1280x720 from
the same 90 degrees). Nearest distance, baseline 50 mm, unit 1 mm: P, data sheet and SDK. Axial noise: D, Intel's
formula; 0.03 is better than Intel promises, 0.10 worse: 0.5 to 1.7 mm at 0.6 m with f = 424 px (D). Law: P. Pitch of
the bumps, jitter (outlines waver with the matching window): G, from the 5 to 9 px wide windows of such matchers.
Shadow on the left of objects: D, for the image is the left camera's. Losses and holes: G.
"""

D455 = replace(
    D435, focal_px=(322.0, 385.0, 424.0, 640.0), distance_m=(0.35, 4.0),
    noise={**D435.noise, "baseline_m": (0.095, 0.099)},
)  # fmt: skip
"""Intel RealSense D455: as D435 with the cameras farther apart, so half of its axial noise and a wider shadow.

Baseline 95 mm: P, data sheet; 99 mm: M, fits the shadows of real frames (f = 322 px). Nearest distance: D, 126 px of
disparity at 848x480. Focal lengths: D, from 87 degrees of view. The rest as D435.
"""

D405 = SensorPreset(
    focal_px=(387.0, 430.0, 645.0),
    distance_m=(0.07, 0.50),
    subpixel_px=(0.02, 0.08),
    noise={
        "lateral_px": (0.3, 1.3), "quantisation_m": (0.0001, 0.001), "edge_loss": (0.0, 0.5), "flying": (0.02, 0.2),
        "missing": (0.0, 0.01), "grazing_cosine": (0.05, 0.25), "holes": (0.0, 1.2),
        "range_squared_fraction": (1.0, 1.0), "noise_correlation_px": (4.0, 10.0), "baseline_m": (0.018, 0.018),
    },
)  # fmt: skip
"""Intel RealSense D405: short-range stereo without a projector, so smooth skin has larger bumps and holes.

Working distance 7 to 50 cm, baseline 18 mm, finer unit than the others' 1 mm (0.1 mm by default): P, data sheet and
SDK. Focal lengths: D, from 87 +- 3 degrees of view. Axial noise: D, Intel's formula: 0.2 to 0.9 mm at 0.3 m. The rest
as D435, worse where the missing projector should show: G.
"""

SR300 = SensorPreset(
    focal_px=(476.0,),
    distance_m=(0.20, 1.20),
    noise={
        "lateral_px": (0.1, 0.6), "axial_m": (0.0001, 0.0007), "quantisation_m": (0.000125, 0.000125),
        "edge_loss": (0.2, 1.0), "flying": (0.0, 0.06), "missing": (0.0, 0.003), "grazing_cosine": (0.10, 0.35),
        "holes": (0.0, 0.4), "range_squared_fraction": (0.7, 1.0), "noise_correlation_px": (0.0, 4.0),
        "baseline_m": (-0.055, -0.035),
    },
)  # fmt: skip
"""Intel RealSense SR300 and SR305: coded light, very smooth surfaces, a rim and a shadow without readings.

Focal length: P, calibration of an SR305 (476.0 px at 640x480). Working distance 0.2 to 1.2 m: P, Intel. Resolution
0.125 mm: P [Zabatani 2019]. Axial noise: M, 0.07 mm at 0.55 m, 0.11 at 0.7 m, 0.17 at 0.9 m on an SR305, neighbours
correlated by 0.3 to 0.5; [Carfagni 2017] reports errors of the order of 1 mm in this range, distortions included, so
the range reaches to 0.7 mm (G). Lost rims and shadow: M, in the same frames a median of 17 px without reading on the
right of near objects and 6 px on the left, which a projector 35 to 55 mm to the left explains (D). Jitter, holes: G.
"""

KINECT_V2 = SensorPreset(
    focal_px=(364.0,),
    distance_m=(0.50, 4.5),
    noise={
        "lateral_px": (0.0, 0.5), "axial_m": (0.0012, 0.0024), "quantisation_m": (0.001, 0.001),
        "edge_loss": (0.2, 1.0), "flying": (0.0, 0.5), "missing": (0.0, 0.003), "grazing_cosine": (0.0, 0.15),
        "holes": (0.0, 0.1), "range_squared_fraction": (0.0, 0.08), "noise_correlation_px": (1.8, 3.2),
        "baseline_m": (0.0, 0.06),
    },
)  # fmt: skip
"""Microsoft Kinect v2: time of flight, coarse pixels, the same noise at every distance, flying pixels or a lost rim.

Focal length: P, calibrations near 364 px at 512x424. Working distance: P, 0.5 to 4.5 m. Axial noise: M, 1.6 mm from
0.6 to 1.5 m alike, neighbours correlated by 0.7 (the driver's bilateral filter); [Wasenmueller & Stricker 2016] and
[Lachat 2015] agree on the slow growth. Unit 1 mm: P. Edges: M, a rim of 1 to 3 px without readings where the driver
filters edges, and P, flying pixels where it does not; the shares: G. The rim is wider on the left (median 3 px
against 2, a tenth 10 against 6), the shadow of the lamps beside the lens: M; its baseline: G.
"""

AZURE_KINECT = SensorPreset(
    focal_px=(252.0, 504.0),
    distance_m=(0.50, 3.86),
    noise={
        "lateral_px": (0.0, 0.5), "axial_m": (0.0004, 0.0014), "quantisation_m": (0.001, 0.001),
        "edge_loss": (0.1, 0.9), "flying": (0.0, 0.4), "missing": (0.0, 0.003), "grazing_cosine": (0.0, 0.15),
        "holes": (0.0, 0.1), "range_squared_fraction": (0.02, 0.2), "noise_correlation_px": (1.0, 2.5),
    },
)  # fmt: skip
"""Microsoft Azure Kinect (and Orbbec Femto, the same chip): time of flight, 640x576 narrow view, or binned 320x288.

Working distance 0.5 to 3.86 m: P, Microsoft, narrow view. Focal lengths: P, factory calibrations near 504 px; half
of that binned (D). Axial noise: [Toelgyessy 2021] finds it within the maker's 17 mm up to 3.5 m and below Kinect v2's
in the near range (P); the range here is half to nine tenths of that (G). Law, edges and correlation: as Kinect v2's,
same principle (G). Unit 1 mm: P.
"""

PRESETS: Mapping[str, SensorPreset] = {
    "d435": D435, "d455": D455, "d405": D405, "sr300": SR300, "kinect_v2": KINECT_V2, "azure_kinect": AZURE_KINECT,
}  # fmt: skip
DEFAULT_SENSORS = (GENERIC, "d435", "d405", "sr300", "kinect_v2", "azure_kinect")
"""The sensors that are drawn where a configuration names none. Written out, not read from ``PRESETS``: the shares of
all sensors follow from the list, so that one more in it would change every figure that was measured with it."""


def sensor_names() -> tuple[str, ...]:
    """Every name that :func:`sample_sensors` accepts; generic stands for all sensors not named, from clean to bad."""
    return (GENERIC, *PRESETS)


@dataclass(frozen=True, eq=False)
class SensorDraw:
    """N pictures' sensors: index (N,) into the names asked for; distance (N,) m of the hand; patch_px (N,) pixels
    across the cube there; noise (N, 12) in the order of NoiseModel's fields, lengths in pixels of that patch."""

    index: NDArray[np.int64]
    distance: Array
    patch_px: Array
    noise: Array


def require_sensors(names: Sequence[str]) -> None:
    """ValueError if no name is given or one is not known."""
    known = sensor_names()
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        what = f"'{unknown[0]}', which is not known" if unknown else "empty"
        raise ValueError(f"sensors is {what}, want some of {', '.join(known)}")


def sample_sensors(
    count: int,
    rng: np.random.Generator,
    names: Sequence[str],
    distance_m: Range = (0.27, 1.30),
    patch_px: tuple[int, int] = (64, 170),
    cube_m: float = CROP_CUBE_M,
    finest_px: float = 150.0,
) -> SensorDraw:
    """Draw a sensor, a distance and its noise for each of ``count`` pictures.

    Two fifths are generic ones if other names are given, too; the others share evenly. A named sensor's distance is
    within both its own range and ``distance_m`` (if they have nothing in common: ``distance_m``), and f * cube_m /
    distance of its pixels span the cube. A patch denser than ``finest_px`` or coarser than ``patch_px[0]`` is rendered
    at that limit and its noise's lengths in pixels are scaled alike: a crop of fewer pixels looks the same, at a
    fraction of the work. Generic sensors spread evenly over both ranges. ValueError for an unknown name.
    """
    require_sensors(names)
    index = rng.choice(len(names), size=count, p=_shares(names))
    distance = rng.uniform(*distance_m, count)
    patch = rng.uniform(*patch_px, count)
    noise = sample_noise(count, rng)
    for number, name in enumerate(names):
        if name == GENERIC:
            continue
        preset, mine = PRESETS[name], np.flatnonzero(index == number)
        focal, rows = preset.sample(len(mine), rng)
        near, far = max(distance_m[0], preset.distance_m[0]), min(distance_m[1], preset.distance_m[1])
        if near <= far:
            distance[mine] = rng.uniform(near, far, len(mine))
        true_patch = focal * cube_m / distance[mine]
        patch[mine] = np.clip(true_patch, patch_px[0], max(patch_px[0], finest_px))
        for length in ("lateral_px", "shadow_px", "noise_correlation_px"):
            rows[:, _FIELDS.index(length)] *= patch[mine] / true_patch
        noise[mine] = rows
    return SensorDraw(index, distance, patch, noise)


def sample_noise(count: int, rng: np.random.Generator) -> Array:
    """(count, 12) generic noise models, spread over the sensors in use and beyond: from clean to bad.

    All guesses around the sensors above: jitter to 0.9 px, axial noise 0.3 to 2.5 mm at 0.6 m (a third of the sensors
    with less than the square law, a third with bumps), steps to 3 mm, any edge, a shadow of fixed width on a side.
    """
    level = rng.random((count, 1)) ** 1.3  # most sensors are good ones
    unit = rng.random((count, 9)) * (0.35 + 0.65 * level)
    shadow = np.where(rng.random(count) < 0.35, rng.uniform(1, 7, count) * rng.choice([-1, 1], count), 0.0)
    squared = np.where(rng.random(count) < 0.33, rng.random(count), 1.0)
    correlation = np.where(rng.random(count) < 0.33, rng.uniform(1.5, 8.0, count), 0.0)
    columns = {
        "lateral_px": 0.9 * unit[:, 0], "axial_m": 0.0003 + 0.0022 * unit[:, 1],
        "quantisation_m": 0.003 * unit[:, 2] ** 2, "edge_loss": 0.5 * unit[:, 3], "flying": 0.15 * unit[:, 4],
        "missing": 0.03 * unit[:, 5] ** 2, "grazing_cosine": 0.22 * unit[:, 6], "shadow_px": shadow,
        "holes": 0.8 * unit[:, 7] ** 2, "range_squared_fraction": squared, "noise_correlation_px": correlation,
        "baseline_m": np.zeros(count),
    }  # fmt: skip
    return np.stack([columns[name] for name in _FIELDS], axis=-1)


def _shares(names: Sequence[str]) -> Array:
    """(len(names),) probabilities of the sensors."""
    generic = np.array([name == GENERIC for name in names])
    if generic.all() or not generic.any():
        return np.full(len(names), 1.0 / len(names))
    return np.where(generic, _GENERIC_SHARE / generic.sum(), (1 - _GENERIC_SHARE) / (~generic).sum())
