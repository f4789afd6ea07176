"""Presets of depth cameras: topics of their drivers, unit, rectification, range, filters to turn off or on.

In: a name, or a YAML file of one's own; those of the package are in config/cameras/. Out: :class:`CameraPreset`. What
is checked here is what the tracker needs; the names in it stand in the drivers' sources, which each file names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hand_pose_ros.config_files import build, read_mapping, require_known, require_mapping
from hand_pose_ros.depth.image import DEPTH_UNIT_M, LEAST_UNIT_M, MOST_UNIT_M
from hand_pose_ros.resources import SHIPPED_MODELS, resource
from hand_pose_ros.validation import between, interval, one_of, require, shown, whole

_FOLDER = ("config", "cameras")
_FARTHEST_M = 20.0
"""No depth camera of a hand's size reaches farther, metres. Guessed."""


@dataclass(frozen=True)
class PresetTopics:
    """Full names as the driver has them by default."""

    depth_image: str
    """sensor_msgs/Image."""
    camera_info: str
    """sensor_msgs/CameraInfo of these images."""

    def __post_init__(self) -> None:
        for part in fields(self):
            name = getattr(self, part.name)
            right = isinstance(name, str) and name.startswith("/") and " " not in name and len(name) > 1
            require(right, "topics", part.name, name, "a topic's full name, such as /camera/depth/image_raw")


@dataclass(frozen=True)
class PresetParameters:
    """Parameters of the node hand_tracker."""

    depth_unit: float = DEPTH_UNIT_M
    """Metres a count of 16UC1 images."""
    rectified: str = "auto"
    """true, false or auto."""
    model: str = ""
    """Weights that suit the camera: the name of shipped ones; empty: the default."""

    def __post_init__(self) -> None:
        between(self, LEAST_UNIT_M, MOST_UNIT_M, "depth_unit", section="parameters", unit="metres")
        one_of(self, ("auto", "true", "false"), "rectified", section="parameters")
        one_of(self, ("", *SHIPPED_MODELS), "model", section="parameters")


@dataclass(frozen=True)
class PresetImage:
    """What the driver publishes; nothing is set from it."""

    encoding: str
    """16UC1 or 32FC1."""
    width: int
    """Columns of the mode that is recommended, pixels."""
    height: int
    """Rows of it, pixels."""
    distortion_model: str
    """Of its camera info."""
    reliability: str
    """Of its publishers: reliable or best_effort."""

    def __post_init__(self) -> None:
        one_of(self, ("16UC1", "32FC1"), "encoding", section="image")
        whole(self, "width", "height", most=10_000, section="image")
        models = ("plumb_bob", "rational_polynomial", "equidistant")
        one_of(self, models, "distortion_model", section="image")
        one_of(self, ("reliable", "best_effort"), "reliability", section="image")


@dataclass(frozen=True)
class CameraPreset:
    """One camera with its driver; a file of one's own may leave out all but the topics."""

    name: str
    """Of the file, as ``camera:=`` takes it."""
    topics: PresetTopics
    """Where its images are."""
    parameters: PresetParameters = field(default_factory=PresetParameters)
    """How they are read."""
    image: PresetImage | None = None
    """What they are; None where the preset does not say."""
    camera: str = ""
    """Makers' names of the cameras that it is for."""
    driver: str = ""
    """The driver and the version in whose sources the names were looked up."""
    range_m: tuple[float, float] | None = None
    """Where hands are seen well: nearest and farthest, metres; None where the preset does not say."""
    driver_settings: dict[str, str] = field(default_factory=dict)
    """Arguments of the driver's launch file, by name."""
    measured: str = ""
    """On which real frames of it the tracker was tried."""

    def __post_init__(self) -> None:
        for name in ("camera", "driver", "measured"):
            require(isinstance(getattr(self, name), str), "", name, getattr(self, name), "a text")
        if self.range_m is None:
            return
        pair = isinstance(self.range_m, tuple) and len(self.range_m) == 2
        require(pair, "", "range_m", self.range_m, "two numbers of metres")
        interval(self, 0.0, _FARTHEST_M, "range_m", unit="metres")


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with the package."""
    return tuple(sorted(path.stem for path in resource(*_FOLDER).glob("*.yaml")))


def camera_preset(name: str) -> CameraPreset:
    """The preset of this name, or in this YAML file. ValueError names what is wrong, or the presets that there are."""
    if name in preset_names():
        path = resource(*_FOLDER, f"{name}.yaml")
    elif name.endswith((".yaml", ".yml")):
        path = Path(name)
    else:
        names = ", ".join(preset_names())
        raise ValueError(f"camera is '{shown(name)}', want one of {names}, or a .yaml file of your own")
    try:
        return _preset(path.stem, read_mapping(path, "the camera preset"))
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(str(path)) else f"{path}: {text}") from error


def _preset(name: str, values: Mapping[str, Any]) -> CameraPreset:
    require_known("", values, [part.name for part in fields(CameraPreset) if part.name != "name"])
    require("topics" in values, "", "topics", None, "depth_image and camera_info")
    given: dict[str, Any] = dict(values)
    for key, kind in (("topics", PresetTopics), ("parameters", PresetParameters), ("image", PresetImage)):
        if key in given:
            given[key] = _section(kind, key, given[key])
    if "driver_settings" in given:
        require_mapping("driver_settings", given["driver_settings"])
        for key, value in given["driver_settings"].items():
            require(isinstance(value, str), "driver_settings", str(key), value, "a text")
    if isinstance(given.get("range_m"), list):
        given["range_m"] = tuple(given["range_m"])
    return CameraPreset(name=name, **given)


def _section(kind: type[Any], name: str, values: Any) -> Any:
    """One section; ValueError names a field that is missing too."""
    require_mapping(name, values)
    for part in fields(kind):
        if part.name not in values and kind is not PresetParameters:
            raise ValueError(f"{name}.{part.name} is missing")
    return build(kind, name, values)
