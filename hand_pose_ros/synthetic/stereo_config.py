"""Stereo matchers as numbers: one of them, and the ranges that training draws them from.

In: a share of the pictures, a random generator. Out: for each of N pictures whether a stereo matcher sees it, and for
those a distance (m), how many pixels span the crop's cube there, and the matcher as the compiled kernel takes it
(synthetic/stereo_matching.py).

The ranges were set by what OpenCV's SGBM and a census matcher make of the same hands, wide enough to hold both: how far
outlines move, how often gaps close and thin parts go, the errors within surfaces, and the joints and log odds of a
network (docs/experiments/sensor_sets.md, "The imitation, harder").
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hand_pose_ros.depth.crop import CROP_CUBE_M
from hand_pose_ros.synthetic.sensor_presets import D405, D435
from hand_pose_ros.validation import between, interval, not_negative, positive, require, share, typed

Array = NDArray[np.float64]
Range = tuple[float, float]

SEARCH_PX = 126.0
"""Largest disparity that is looked for: what is nearer has no reading. Published: Intel's Min-Z of the D4xx, 168 mm at
848 x 480 with a baseline of 50 mm."""


@dataclass(frozen=True)
class StereoModel:
    """One pair of cameras and its matcher. Lengths in pixels are those of the sensor's own depth image.

    ValueError names a field that makes no sense. The defaults are one matcher of a D435, chosen by hand where nothing
    else is said; what is trained with is drawn from :class:`StereoRanges`.
    """

    focal_px: float = 424.0
    """Focal length of the sensor's depth image."""
    baseline_m: float = 0.050
    """From the left camera, whose picture it is, to the right one."""
    window_px: float = 6.0
    """The matching window reaches so far from its middle."""
    near_bias: float = 0.8
    """How much more the nearer of two surfaces counts, whose outline is texture, too: outlines fatten, insides stay."""
    falloff: float = 0.04
    """A pixel r px from the window's middle counts 1 / (1 + falloff r^2)."""
    unsure: float = 0.06
    """Two surfaces whose costs differ by less than this, in windows of mismatched texture, give no reading."""
    scanline: float = 0.1
    """Standard deviation of that share's noise along the rows."""
    dot_pitch_px: float = 6.0
    """There is one dot of texture in so many by so many pixels."""
    white_px: float = 0.02
    """Standard deviation of the disparity's noise, each pixel on its own."""
    bump_px: float = 0.04
    """Standard deviation of the disparity's noise over patches of the window's size."""
    step_px: float = 1.0 / 32.0
    """Step of the disparity; 0 for none. Published: the D4xx's."""
    unit_m: float = 0.001
    """Step of the reported depth; 0 for none."""
    decimation: float = 1.0
    """The driver's decimation filter: pixels that become one, along each axis."""
    smoothing: float = 1.0
    """The driver's spatial filter: the weight of a pixel against those before it; 1 for none."""
    smoothing_step_px: float = 1.0
    """Steps of the disparity that the spatial filter takes for edges."""
    fading: float = 0.5
    """Texture of a surface z times as far as exposure makes up for, the nearer of two surfaces or what is as near as
    0.7 m, counts z ** -fading: light fades."""
    step_cost: float = 3.0
    """What a step of the disparity costs a semi-global matcher's path, in windows of mismatched texture."""
    reach_px: float = 12.0
    """Paths carry a surface at most so far beyond the windows that see it."""
    both_ways: float = 1.0
    """1: paths come from all eight directions; 0: none from below, as in a matcher that streams rows."""
    locking: float = 0.3
    """How much interpolation draws disparities to whole ones: 0 not at all, 1 until they stand still there."""

    def __post_init__(self) -> None:
        positive(self, "focal_px", "baseline_m", "window_px", "dot_pitch_px", section="stereo")
        lengths = ("white_px", "bump_px", "step_px", "unit_m", "smoothing_step_px")
        not_negative(
            self,
            *lengths,
            "near_bias",
            "falloff",
            "scanline",
            "fading",
            "step_cost",
            "reach_px",
            "unsure",
            section="stereo",
        )
        share(self, "smoothing", "both_ways", "locking", section="stereo")
        between(self, 1.0, 8.0, "decimation", section="stereo")

    def as_array(self) -> Array:
        """(20,) in the order of the fields, for the compiled kernel."""
        return np.array([getattr(self, spec.name) for spec in fields(self)], dtype=np.float64)


MODEL_FIELDS = tuple(spec.name for spec in fields(StereoModel))
NO_STEREO = np.full(len(MODEL_FIELDS), np.nan)
"""In place of a model: the picture is not matched."""


@dataclass(frozen=True)
class StereoRanges:
    """What stereo matchers are drawn from, evenly; ValueError names a field that makes no sense."""

    focal_px: tuple[float, ...] = (322.0, 385.0, 424.0, 640.0)
    """Depth modes of 90 degrees cameras: 640x360, 640x480, 848x480, 1280x720 (published calibrations)."""
    baseline_m: tuple[float, ...] = (0.050, 0.055, 0.095, 0.099)
    """D435, D415, D455 (data sheets); 99 mm fits frames of a real camera (measured)."""
    short_range: float = 0.12
    """Share of D405-like cameras, focal lengths and baseline of their own. Guessed."""
    window_px: Range = (4.0, 7.0)
    """Between SGBM's 3 and the 6 of a census of 9 x 9 px summed over 5 x 5; 5 keeps as much of fingers before a palm as
    both do (measured on free hands of seed 7, as all that is called measured here)."""
    near_bias: Range = (0.5, 2.5)
    """Fitted: with less, dear steps eat fingers that the matchers keep."""
    falloff: Range = (0.01, 0.08)
    """Fitted by eye, as the next two."""
    unsure: Range = (0.0, 0.12)
    """See above, fitted by eye. Of the lenient ones."""
    strict: float = 0.6
    """Share of the matchers that want the best disparity to be clearly better than the next: nothing is read along
    outlines. Guessed; every recording of a D4xx at hand is so (``strict_unsure``), and one of the test
    sets' matchers."""
    strict_unsure: Range = (0.5, 4.0)
    """``StereoModel.unsure`` of those, drawn evenly in its logarithm. Measured: between something near and what is
    farther on its right, real D4xx read nothing over 4 (f = 322 px) and 5 px (median; 2 to 6 and 3 to 13, quartiles),
    the imitation over 2, 3 and 7 px with 1, 2 and 4, and over none with 0.12; OpenCV's SGBM over 4 px where the best
    must be better by 35 %, over none with the usual 5 to 15 % (docs/experiments/sensor_sets.md, "Outlines without
    readings")."""
    scanline: Range = (0.0, 0.2)
    """See above. Guessed."""
    dot_pitch_px: Range = (4.5, 9.0)
    """Guessed from infrared pictures of projected dots."""
    white_px: Range = (0.02, 0.2)
    """Before the mean over neighbours, which leaves a third. Fitted, with the next."""
    bump_px: Range = (0.05, 0.18)
    """Intel's subpixel error of 0.05 to 0.1 px, and worse: with window and locking 0.15 to 0.2 px on surfaces.
    Measured: 0.16 for SGBM, 0.24 for the census."""
    decimated: float = 0.08
    """Share with the driver's decimation by 2. Guessed, as the next two: filters that many users turn on."""
    smoothed: float = 0.15
    """Share with the driver's spatial filter."""
    averaged: float = 0.15
    """Share with the driver's temporal filter, of a hand at rest: less noise, fewer draws between two surfaces."""
    fading: Range = (0.3, 2.5)
    """Derived: light falls with the square of the distance, which intensities show; a census hardly does."""
    step_cost: Range = (5.0, 22.0)
    """Derived: 32 grey levels for SGBM, whose windows mismatch by 5 to 15 levels; 300 differing bits for the census, by
    15 to 40. Fitted within that: 6 is nearest to SGBM, 15 to 20 to the census."""
    reach_px: Range = (10.0, 16.0)
    """Measured: outlines through SGBM move by 4 to 9 +- 5 px."""
    one_way: float = 0.5
    """Share whose paths come from five directions, as OpenCV's and those of matchers that stream rows. Guessed."""
    locking: Range = (0.2, 1.0)
    """Measured: about 0.3 for the census, 0.8 for SGBM."""

    def __post_init__(self) -> None:
        typed(self, "stereo")
        for name in ("focal_px", "baseline_m"):
            values = getattr(self, name)
            right = bool(values) and min(values) > 0
            require(right, "stereo", name, values, "at least one length above 0")
        share(self, "short_range", "decimated", "smoothed", "averaged", "one_way", "strict", section="stereo")
        interval(self, 1e-3, 100.0, "strict_unsure", section="stereo")
        interval(self, 0.5, 32.0, "window_px", "dot_pitch_px", "reach_px", section="stereo", unit="px")
        weights = ("near_bias", "falloff", "scanline", "fading")
        interval(self, 0.0, 4.0, *weights, "white_px", "bump_px", section="stereo")
        interval(self, 0.0, 100.0, "step_cost", section="stereo")
        interval(self, 0.0, 1.0, "unsure", "locking", section="stereo")


# librealsense's temporal filter at its default weight of 0.4 for the new frame: sqrt(0.4 / (2 - 0.4)) of the noise.
_AVERAGED_NOISE = 0.5
# The spatial filter's weight and step about librealsense's defaults of 0.5 and 20; the step's unit is guessed.
_SMOOTHING = (0.4, 0.7)
_SMOOTHING_STEP_PX = (0.3, 1.0)
# Range of a short-range camera's unit of the depth, metres; by how
# much a crop's centre is at least farther away than the nearest that is matched. Guessed.
_SHORT_RANGE_UNIT_M = (0.0001, 0.001)
_NEAREST_OVER_HAND_M = 0.10


class StereoDraw(NamedTuple):
    """N pictures' matchers."""

    chosen: NDArray[np.bool_]
    """(N,): whether a stereo matcher sees the picture; the rest holds for those."""
    distance: Array
    """(N,) m."""
    patch_px: Array
    """(N,) pixels across the cube there."""
    models: Array
    """(N, 20) as of ``StereoModel.as_array``; NaN for the others."""


def sample_models(
    count: int, rng: np.random.Generator, ranges: StereoRanges
) -> tuple[Array, NDArray[np.bool_]]:
    """(count, 20) matchers as of ``StereoModel.as_array``, and which of them are short-range cameras."""
    models = np.tile(StereoModel().as_array(), (count, 1))
    column = MODEL_FIELDS.index
    drawn = (
        "window_px",
        "near_bias",
        "falloff",
        "unsure",
        "scanline",
        "dot_pitch_px",
        "white_px",
        "bump_px",
        "fading",
        "step_cost",
        "reach_px",
        "locking",
    )
    for name in drawn:
        low, high = getattr(ranges, name)
        models[:, column(name)] = rng.uniform(low, high, count)
    short = rng.random(count) < ranges.short_range
    focal = np.where(short, rng.choice(D405.focal_px, count), rng.choice(ranges.focal_px, count))
    models[:, column("focal_px")] = focal
    models[:, column("both_ways")] = rng.random(count) >= ranges.one_way
    baseline = rng.choice(ranges.baseline_m, count)
    models[:, column("baseline_m")] = np.where(short, D405.noise["baseline_m"][0], baseline)
    models[:, column("unit_m")] = np.where(short, rng.uniform(*_SHORT_RANGE_UNIT_M, count), 0.001)
    decimated, smoothed, averaged = rng.random((3, count))
    models[:, column("decimation")] = np.where(decimated < ranges.decimated, 2.0, 1.0)
    smoothing = rng.uniform(*_SMOOTHING, size=count)
    step = rng.uniform(*_SMOOTHING_STEP_PX, size=count)
    models[:, column("smoothing")] = np.where(smoothed < ranges.smoothed, smoothing, 1.0)
    models[:, column("smoothing_step_px")] = step
    for name in ("white_px", "bump_px", "scanline", "unsure"):
        models[averaged < ranges.averaged, column(name)] *= _AVERAGED_NOISE
    # Random numbers of their own: all else that is drawn stays as it was without strict matchers.
    chances = rng.spawn(1)[0]
    strict = chances.random(count) < ranges.strict
    low, high = np.log(ranges.strict_unsure)
    models[strict, column("unsure")] = np.exp(chances.uniform(low, high, size=int(strict.sum())))
    return models, short


def drawn_model(
    rng: np.random.Generator, focal_px: float, baseline_m: float, unit_m: float = 0.001
) -> StereoModel:
    """A matcher drawn as training draws its own, before the eyes of a camera that is given."""
    row = sample_models(1, rng, StereoRanges())[0][0]
    drawn = StereoModel(**dict(zip(MODEL_FIELDS, row.tolist(), strict=True)))
    return replace(drawn, focal_px=focal_px, baseline_m=baseline_m, unit_m=unit_m)


def sample_stereo(
    part: float,
    count: int,
    rng: np.random.Generator,
    distance_m: Range,
    coarsest_px: float,
    finest_px: float,
    cube_m: float = CROP_CUBE_M,
) -> StereoDraw:
    """Choose ``part`` of ``count`` crops and draw a matcher, a distance and the patch's pixels for each.

    Distances are within both the camera's own range and ``distance_m`` (if they have nothing in common:
    ``distance_m``); the patch has the sensor's own pixels, within the two bounds (the kernel scales the rest).
    """
    chosen = rng.random(count) < part
    models, short = sample_models(count, rng, StereoRanges())
    focal, baseline = models[:, 0], models[:, 1]
    # The whole hand must be farther than the nearest that the matcher looks for.
    nearest = focal * baseline / SEARCH_PX + _NEAREST_OVER_HAND_M
    own = np.where(short[:, None], D405.distance_m, D435.distance_m)
    near = np.maximum(np.maximum(distance_m[0], own[:, 0]), nearest)
    far = np.minimum(distance_m[1], own[:, 1])
    common = near <= far
    near, far = np.where(common, near, distance_m[0]), np.where(common, far, distance_m[1])
    distance = near + (far - near) * rng.random(count)
    patch = np.clip(focal * cube_m / distance, coarsest_px, max(coarsest_px, finest_px))
    models[~chosen] = NO_STEREO
    return StereoDraw(chosen, distance, patch, models)
