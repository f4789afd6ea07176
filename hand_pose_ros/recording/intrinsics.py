"""The camera of a folder of frames, from numbers or from a YAML file.

In: fx, fy, cx, cy in pixels; or a file of one of three forms: our own (``fx``, ``fy``, ``cx``, ``cy``, and where they
are known ``width``, ``height``, ``distortion_model``, ``distortion``, ``depth_unit``), what ROS's camera calibration
writes (``camera_matrix`` ...), or a sensor_msgs/CameraInfo as ``ros2 topic echo --once`` prints it (``k`` ...). Out:
:class:`Intrinsics`. No ROS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hand_pose_ros.config_files import read_mapping, require_known, require_mapping
from hand_pose_ros.depth.camera import Camera, lens_of
from hand_pose_ros.depth.camera_info import camera_from_info
from hand_pose_ros.depth.image import LEAST_UNIT_M, MOST_UNIT_M
from hand_pose_ros.recording.recorded_frame import RecordingError
from hand_pose_ros.validation import is_number, is_whole, require, shown

MOST_INTRINSIC_PX = 1e6
"""No camera's focal length or principal point is larger, pixels. Guessed: a lens of a hundredth of a degree."""

_OPENCV = b"%YAML:"
_OWN = ("fx", "fy", "cx", "cy", "width", "height", "distortion_model", "distortion", "depth_unit")


@dataclass(frozen=True)
class Intrinsics:
    """A camera whose picture's size may not be known yet; its numbers are checked with the size."""

    fx: float
    """Focal length along x, pixels."""
    fy: float
    """Focal length along y, pixels."""
    cx: float
    """Column of the principal point, pixels."""
    cy: float
    """Row of the principal point, pixels."""
    width: int | None = None
    """Columns of its pictures, None: not known."""
    height: int | None = None
    """Rows of its pictures, None: not known."""
    distortion_model: str = "none"
    """As in ``Camera``."""
    distortion: tuple[float, ...] = ()
    """As in ``Camera``."""
    depth_unit_m: float | None = None
    """Metres per count of the depth images, None: not known."""

    def camera(self, width: int, height: int) -> Camera:
        """The camera of pictures of this size. RecordingError where it is that of others, or no camera."""
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if (self.width, self.height) not in ((None, None), (width, height)):
            raise RecordingError(
                f"the intrinsics are of {self.width}x{self.height} pictures, the frames have {width}x{height}"
            )
        try:
            if not all(abs(value) <= MOST_INTRINSIC_PX for value in numbers):
                raise ValueError(f"want finite numbers of at most {MOST_INTRINSIC_PX:g} pixels")
            return Camera(width, height, *numbers, self.distortion, self.distortion_model)
        except (ValueError, OverflowError) as error:
            raise RecordingError(f"intrinsics {','.join(f'{v:g}' for v in numbers)}: {error}") from error


def read_intrinsics(path: Path, rectified: bool = False) -> Intrinsics:
    """The intrinsics in a file; ``rectified``: its pictures have no distortion left. RecordingError names what is
    wrong."""
    try:
        values = read_mapping(
            path, "the intrinsics", first=True
        )  # ros2 topic echo ends each message with ---
        if "camera_matrix" in values or "projection_matrix" in values:
            return _of_camera(_calibration_camera(values, rectified))
        if not {"k", "K", "p", "P"}.isdisjoint(values):
            return _of_camera(_message_camera(values, rectified))
        return _own(values, rectified)
    except RecordingError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        if _is_opencvs(path):
            raise RecordingError(
                f"{path}: is in OpenCV's own form of YAML, want fx, fy, cx, cy, distortion_model and distortion"
            ) from error
        text = str(error)
        raise RecordingError(text if text.startswith(str(path)) else f"{path}: {shown(text)}") from error


def _is_opencvs(path: Path) -> bool:
    """Whether OpenCV's FileStorage wrote it, which no other reader of YAML takes."""
    try:
        with path.open("rb") as file:
            return file.read(len(_OPENCV)) == _OPENCV
    except OSError:
        return False


def _own(values: Mapping[str, Any], rectified: bool) -> Intrinsics:
    require_known("", values, list(_OWN))
    for name in ("fx", "fy", "cx", "cy"):
        require(is_number(values.get(name)), "", name, values.get(name), "a number of pixels")
    for name in ("width", "height"):
        require(name not in values or is_whole(values[name]), "", name, values.get(name), "a whole number")
    require(("width" in values) == ("height" in values), "", "width", values.get("width"), "height beside it")
    unit = values.get("depth_unit")
    require(
        unit is None or (is_number(unit) and LEAST_UNIT_M <= unit <= MOST_UNIT_M),
        "", "depth_unit", unit, f"metres per count, {LEAST_UNIT_M:g} to {MOST_UNIT_M:g}",
    )  # fmt: skip
    distortion = _numbers("distortion", values.get("distortion", []))
    named = values.get("distortion_model", "plumb_bob" if distortion else "none")
    # YAML reads a plain `no` as false.
    model, distortion = (
        ("none", ()) if rectified else lens_of("none" if named is False else str(named), distortion)
    )
    return Intrinsics(
        float(values["fx"]), float(values["fy"]), float(values["cx"]), float(values["cy"]), values.get("width"),
        values.get("height"), model, distortion, None if unit is None else float(unit),
    )  # fmt: skip


def _calibration_camera(values: Mapping[str, Any], rectified: bool) -> Camera:
    """As ROS's camera_calibration and camera_info_manager write it."""

    def data(name: str, default: tuple[float, ...]) -> tuple[float, ...]:
        if name not in values:
            return default
        require_mapping(name, values[name])
        return _numbers(f"{name}.data", values[name].get("data"))

    return _camera(
        values.get("image_width"), values.get("image_height"), str(values.get("distortion_model", "")),
        data("distortion_coefficients", ()), data("camera_matrix", ()), data("projection_matrix", ()),
        {}, rectified,
    )  # fmt: skip


def _message_camera(values: Mapping[str, Any], rectified: bool) -> Camera:
    lower = {str(key).lower(): value for key, value in values.items()}
    return _camera(
        lower.get("width"), lower.get("height"), str(lower.get("distortion_model", "")),
        _numbers("d", lower.get("d", [])), _numbers("k", lower.get("k", [])), _numbers("p", lower.get("p", [])),
        lower, rectified,
    )  # fmt: skip


def _camera(
    width: Any, height: Any, model: str, d: tuple[float, ...], k: tuple[float, ...], p: tuple[float, ...],
    rest: Mapping[str, Any], rectified: bool,
) -> Camera:  # fmt: skip
    for name, value in (("width", width), ("height", height)):
        require(is_whole(value) and value > 0, "", name, value, "a whole number of pixels")
    p = p or (0.0,) * 12
    require(len(p) == 12, "", "p", p, "12 numbers")
    roi = rest.get("roi", {})
    require_mapping("roi", roi)
    whole = {name: roi.get(name, 0) for name in ("x_offset", "y_offset", "width", "height")}
    whole |= {name: rest.get(name, 0) for name in ("binning_x", "binning_y")}
    for name, value in whole.items():
        require(is_whole(value) and value >= 0, "", name, value, "a whole number, at least 0")
    names = ("x_offset", "y_offset", "width", "height")
    info = SimpleNamespace(
        width=width, height=height, distortion_model=model, d=d, k=k, p=p,
        binning_x=whole["binning_x"], binning_y=whole["binning_y"],
        roi=SimpleNamespace(**{name: whole[name] for name in names}),
    )  # fmt: skip
    return camera_from_info(info, rectified)


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    right = isinstance(values, list | tuple) and all(is_number(value) for value in values)
    require(right, "", name, values, "a list of numbers")
    return tuple(float(value) for value in values)


def _of_camera(camera: Camera) -> Intrinsics:
    return Intrinsics(
        camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height, camera.distortion_model,
        camera.distortion,
    )  # fmt: skip
