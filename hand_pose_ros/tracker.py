"""HandTracker: depth image + camera + stamp in, hands out. The one public entry of the package, without ROS.

In: depth (H, W) float32 metres along the optical axis (NaN = no reading), its Camera, a stamp in seconds.
Out: TrackResult with the hands seen (23 joints in metres in the camera's optical frame, 20 angles in radians, the
frames of all segments), the state and the time each stage took.

One frame's way: locate (SEARCH) or the last hand's place (TRACK) -> metric crop -> network -> hand model -> checks
-> camera frame. A left hand is tracked as a right hand in a mirrored crop. The hand that leaves is always one of the
hand model: constant bones for its shape and every angle in range.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hand_pose_ros.depth.camera import Camera
from hand_pose_ros.depth.crop import CropFrame, crop_depth
from hand_pose_ros.depth.locate import LocateConfig, locate_hands
from hand_pose_ros.hand import skeleton
from hand_pose_ros.hand.kinematics import SIDES
from hand_pose_ros.network.checkpoint import CheckpointInfo, load_checkpoint
from hand_pose_ros.network.model import HandNetOutput
from hand_pose_ros.resources import resource

Array = NDArray[np.float64]

DEFAULT_MODEL = ("models", "default.safetensors")
# A joint lies up to this far below the skin that the sensor sees, or is hidden behind something.
_FLESH_M = 0.030
_ABOVE_SKIN_M = 0.012


class TrackState(IntEnum):
    """What a tracker, or a hand, is doing. The numbers are those of HandPose.msg."""

    SEARCH = 0
    TRACK = 1
    COAST = 2
    LOST = 3


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of a tracker; ValueError names a field that makes no sense."""

    side: str = "auto"
    """Which hand to track: right, left, or auto (both tried when a track starts, the better one kept)."""
    device: str = "auto"
    """Where the network runs: cpu, cuda, or auto (cuda when there is one)."""
    threads: int = 1
    """CPU threads of the network; more than one collapses when other processes want the cores."""
    min_confidence: float = 0.35
    """A hand is published as TRACK from this confidence on."""
    coast_s: float = 0.25
    """How long the last hand is published as COAST after it was last seen; a longer gap ends the track."""
    roi: tuple[int, int, int, int] | None = None
    """Only look for hands in this window of the image: x, y, width, height in px."""
    locate: LocateConfig = field(default_factory=LocateConfig)

    def __post_init__(self) -> None:
        if self.side not in (*SIDES, "auto"):
            raise ValueError(f"side is '{self.side}', want right, left or auto")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"device is '{self.device}', want auto, cpu or cuda")
        if not 1 <= self.threads <= 64:
            raise ValueError(f"threads is {self.threads}, want 1 to 64")
        if not 0.0 <= self.min_confidence <= 1.0:
            raise ValueError(f"min_confidence is {self.min_confidence}, want 0 to 1")
        if not 0.0 <= self.coast_s <= 10.0:
            raise ValueError(f"coast_s is {self.coast_s}, want 0 to 10 seconds")
        if self.roi is not None and (len(self.roi) != 4 or min(self.roi) < 0 or min(self.roi[2:]) < 8):
            raise ValueError(
                f"roi is {self.roi}, want x, y, width, height in px, at least 8 px wide and high"
            )


@dataclass(frozen=True)
class Hand:
    """One tracked hand in the camera's optical frame (x right, y down, z forward; metres, radians).

    joints (23, 3) and segment_positions (16, 3) m; rotation (3, 3) of the palm and segment_rotations (16, 3, 3), all
    right-handed; angles (20,) within ``skeleton.ANGLE_LIMITS``; shape (9,) log scales; joint_confidence (23,) 0..1.
    """

    side: str
    track_id: int
    state: TrackState
    confidence: float
    joints: Array
    joint_confidence: Array
    angles: Array
    rotation: Array
    translation: Array
    segment_positions: Array
    segment_rotations: Array
    shape: Array

    @property
    def scale(self) -> float:
        """Size against the template hand: 1 is the template."""
        return float(np.exp(self.shape[0]))


@dataclass(frozen=True)
class TrackResult:
    """Hands to publish (in TRACK or COAST), the tracker's state, milliseconds that each stage took."""

    hands: tuple[Hand, ...]
    state: TrackState
    timings_ms: dict[str, float]


@dataclass(frozen=True)
class _Estimate:
    """One crop's answer: the hand, and how much it deserves to be believed."""

    hand: Hand
    misfit_m: float
    """Mean distance between the network's coarse joints and the hand model's: large for the wrong side."""
    agreement: float
    """Share of the joints that lie on or under the surface that the sensor sees."""


@dataclass
class _Track:
    """What is remembered of a hand between frames; ``evidence`` sums up which side fits, while side is open."""

    hand: Hand
    seen_s: float
    undecided: int
    evidence: float = 0.0


class HandTracker:
    """Tracks the hand nearest to the camera. ``update`` frames in order of time; not safe for several threads."""

    # Frames of a new track in which both sides are tried.
    _SIDE_FRAMES = 8

    def __init__(self, model: str | Path | None = None, config: TrackerConfig | None = None) -> None:
        """``model``: a weights file, None for the shipped one. CheckpointError when it cannot be used."""
        self.config = config or TrackerConfig()
        path = Path(model) if model else resource(*DEFAULT_MODEL)
        self.device = _device(self.config.device)
        self._net, self._info = load_checkpoint(path, self.device)
        self._net.eval()
        if self.device.type == "cpu":
            torch.set_num_threads(self.config.threads)
        self._size, self._cube_m = self._net.config.crop_size, self._net.config.cube_m
        self._track: _Track | None = None
        self._next_id = 1
        self._stamp_s: float | None = None

    @property
    def model_info(self) -> CheckpointInfo:
        """The weights in use: name, hash, training run."""
        return self._info

    def warm_up(self) -> None:
        """Run every compiled path once, so that the first frame is as fast as the others."""
        camera = Camera(64, 48, 60.0, 60.0, 32.0, 24.0)
        depth = np.full((48, 64), np.nan, np.float32)
        depth[16:32, 24:40] = 0.5
        timings: dict[str, float] = {}
        for mirrored in ([False], [False, True]):
            self._estimate(depth, camera, np.array([0.0, 0.0, 0.5]), mirrored, 0, timings)
        locate_hands(depth, camera, self.config.locate)

    def reset(self) -> None:
        """Forget every track; the next frame starts in SEARCH."""
        self._track = None
        self._stamp_s = None

    def update(self, depth: NDArray[np.float32], camera: Camera, stamp_s: float) -> TrackResult:
        """Track one frame. A stamp before the last one (a bag that loops) forgets the track first.

        ValueError when the image's size is not the camera's.
        """
        if depth.shape != (camera.height, camera.width):
            raise ValueError(
                f"camera info says {camera.width}x{camera.height}, the image is {depth.shape[1]}x{depth.shape[0]}"
            )
        if self._stamp_s is not None and stamp_s < self._stamp_s:
            self.reset()
        self._stamp_s = stamp_s
        depth = self._window(depth)
        timings: dict[str, float] = {}
        if self._track is not None and stamp_s - self._track.seen_s > self.config.coast_s:
            self._track = None
        found = self._follow(depth, camera, stamp_s, timings) if self._track else None
        if found is None:
            found = self._search(depth, camera, stamp_s, timings)
        if found is not None:
            return TrackResult((found,), TrackState.TRACK, timings)
        return self._without_hand(stamp_s, timings)

    def _without_hand(self, stamp_s: float, timings: dict[str, float]) -> TrackResult:
        track = self._track
        if track is None:
            return TrackResult((), TrackState.SEARCH, timings)
        age = stamp_s - track.seen_s
        if age >= self.config.coast_s:
            self._track = None
            return TrackResult((), TrackState.LOST, timings)
        fading = 1.0 - age / self.config.coast_s
        hand = replace(
            track.hand,
            state=TrackState.COAST,
            confidence=track.hand.confidence * fading,
            joint_confidence=track.hand.joint_confidence * fading,
        )
        return TrackResult((hand,), TrackState.COAST, timings)

    def _follow(
        self, depth: NDArray[np.float32], camera: Camera, stamp_s: float, timings: dict[str, float]
    ) -> Hand | None:
        """The tracked hand in this frame, looked for where it last was."""
        track = self._track
        if track is None:
            return None
        centre = track.hand.joints.mean(axis=0)
        both = track.undecided > 0 and self.config.side == "auto"
        mirrored = [False, True] if both else [track.hand.side == "left"]
        estimates = self._estimate(depth, camera, centre, mirrored, track.hand.track_id, timings)
        if both:
            right, left = estimates
            track.evidence += _preference(left) - _preference(right)
            track.undecided -= 1
            chosen = left if track.evidence > 0 else right
        else:
            chosen = estimates[0]
        if not self._believable(chosen):
            return None
        track.hand, track.seen_s = chosen.hand, stamp_s
        return chosen.hand

    def _search(
        self, depth: NDArray[np.float32], camera: Camera, stamp_s: float, timings: dict[str, float]
    ) -> Hand | None:
        """Start a track on the best hand-sized thing in sight, or None."""
        start = time.perf_counter()
        locations = locate_hands(depth, camera, self.config.locate)
        timings["locate"] = timings.get("locate", 0.0) + _since(start)
        sides = [False, True] if self.config.side == "auto" else [self.config.side == "left"]
        for location in locations[:2]:
            first = self._estimate(depth, camera, location.centre, sides, self._next_id, timings)
            # The blob's centre is rough: look again where the better of the two saw the hand.
            best = max(first, key=_preference)
            second = self._estimate(
                depth, camera, best.hand.joints.mean(axis=0), sides, self._next_id, timings
            )
            chosen = max(second, key=_preference)
            if self._believable(chosen):
                evidence = _preference(second[-1]) - _preference(second[0]) if len(sides) == 2 else 0.0
                self._track = _Track(chosen.hand, stamp_s, self._SIDE_FRAMES, evidence)
                self._next_id += 1
                return chosen.hand
        return None

    def _believable(self, estimate: _Estimate) -> bool:
        """Whether this can be published as a hand."""
        return estimate.hand.confidence >= self.config.min_confidence

    def _window(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """The image with everything outside the region of interest blanked; the caller's array is not touched."""
        if self.config.roi is None:
            return depth
        x, y, width, height = self.config.roi
        masked = np.full_like(depth, np.nan)
        masked[y : y + height, x : x + width] = depth[y : y + height, x : x + width]
        return masked

    def _estimate(
        self,
        depth: NDArray[np.float32],
        camera: Camera,
        centre: Array,
        mirrored: list[bool],
        track_id: int,
        timings: dict[str, float],
    ) -> list[_Estimate]:
        """Run the network on one crop a side about ``centre`` (m, camera frame)."""
        start = time.perf_counter()
        frames = [CropFrame(centre, self._cube_m, self._size, flip) for flip in mirrored]
        crops = np.stack([crop_depth(depth, camera, frame) for frame in frames])[:, None]
        timings["crop"] = timings.get("crop", 0.0) + _since(start)
        start = time.perf_counter()
        with torch.inference_mode():
            distance = torch.full((len(frames),), frames[0].distance, dtype=torch.float32)
            output = self._net(torch.from_numpy(crops).to(self.device), distance.to(self.device))
            posed = self._net.layer.frames_from_rotation(
                output.rotation, output.translation, output.angles, output.shape
            )
            answer = [value.double().cpu().numpy() for value in (*posed, *_outputs(output))]
        timings["network"] = timings.get("network", 0.0) + _since(start)
        return [
            _to_hand(frame, crops[i, 0], track_id, *(value[i] for value in answer))
            for i, frame in enumerate(frames)
        ]


def _outputs(output: HandNetOutput) -> tuple[torch.Tensor, ...]:
    if output.angles is None or output.shape is None:
        raise ValueError("these weights have no hand model: the tracker needs the head 'hand_model'")
    return output.angles, output.shape, output.joint_confidence, output.coarse


def _to_hand(
    frame: CropFrame,
    crop: NDArray[np.float32],
    track_id: int,
    joints: Array,
    positions: Array,
    rotations: Array,
    angles: Array,
    shape: Array,
    joint_confidence: Array,
    coarse: Array,
) -> _Estimate:
    """One crop's network output in local metres -> a hand in the camera's frame, with what speaks for it."""
    agreement = _surface_agreement(frame, crop, joints)
    confidence = float(np.clip(joint_confidence.mean() * agreement, 0.0, 1.0))
    camera_rotations = frame.local_to_camera_rotation(rotations)
    hand = Hand(
        side="left" if frame.mirrored else "right",
        track_id=track_id,
        state=TrackState.TRACK,
        confidence=confidence,
        joints=frame.local_to_camera(joints),
        joint_confidence=joint_confidence,
        angles=np.clip(angles, skeleton.ANGLE_LIMITS[:, 0], skeleton.ANGLE_LIMITS[:, 1]),
        rotation=camera_rotations[0],
        translation=frame.local_to_camera(positions[0]),
        segment_positions=frame.local_to_camera(positions),
        segment_rotations=camera_rotations,
        shape=shape,
    )
    return _Estimate(hand, float(np.linalg.norm(coarse - joints, axis=1).mean()), agreement)


def _surface_agreement(frame: CropFrame, crop: NDArray[np.float32], joints: Array) -> float:
    """Share of the joints (23, 3 local m) that could be where they are, given what the sensor saw there.

    A joint is on the hand when the surface before it is at most a finger's flesh nearer; it may be hidden behind
    something nearer, but it cannot float before the surface or beside the hand. Joints outside the crop do not count.
    """
    uvd = frame.local_to_crop(joints)
    pixel = np.rint(frame.crop_to_pixel(uvd[:, :2])).astype(int)
    inside = ((pixel >= 1) & (pixel < frame.size - 1)).all(axis=1)
    if inside.sum() < len(joints) // 2:
        return 0.0
    column, row = pixel[inside].T
    around = np.stack([crop[row + r, column + c] for r in (-1, 0, 1) for c in (-1, 0, 1)])
    depth = joints[inside, 2] - around.min(axis=0) * frame.half
    empty = around.min(axis=0) >= 1.0
    fits = ~empty & (depth > -_ABOVE_SKIN_M)
    near = fits & (depth < _FLESH_M)
    # Hidden joints are possible but prove nothing.
    return float((near + 0.6 * (fits & ~near)).sum() / len(near))


def _preference(estimate: _Estimate) -> float:
    """How well an estimate fits, for choosing between sides and places: higher is better."""
    return estimate.hand.confidence - 20.0 * estimate.misfit_m


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but torch finds no CUDA device here; want auto or cpu")
    return torch.device(name)


def _since(start: float) -> float:
    return 1e3 * (time.perf_counter() - start)
