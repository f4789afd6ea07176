"""How well hands are found in whole pictures, on stored seeds.

In: a detector's network, a source of full frames. Out: :class:`DetectorReport`: shares of hands found, of wrong sides,
false alarms a picture.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from hand_pose_ros.datasets.detector_targets import wanted
from hand_pose_ros.datasets.full_frames import FullFrames
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.detection.config import DetectionConfig
from hand_pose_ros.detection.detector import Detection, decode
from hand_pose_ros.detection.detector_net import DetectorMaps, DetectorNet, anchors, detector_features

WITHIN_MM = (20, 40, 60)
_NEAR_A_HAND_M = 0.12
_CHUNK = 64


@dataclass(frozen=True)
class DetectorReport:
    """pictures and hands that must be found; found: share of them whose middle is within so many mm of a detection;
    median_mm and mean_mm: distance of the middles of those within 60 mm; wrong_sides: share of those; size_error: mean
    relative one; false_alarms: detections farther than 12 cm from every hand, a picture: with a hand, and without."""

    pictures: int
    hands: int
    found: dict[str, float]
    median_mm: float
    mean_mm: float
    wrong_sides: float
    size_error: float
    false_alarms: float
    false_alarms_without_hand: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Tally:
    """Counts what was found, picture by picture."""

    def __init__(self) -> None:
        self._errors: list[float] = []
        self._sides: list[bool] = []
        self._sizes: list[float] = []
        self._alarms: list[tuple[bool, int]] = []

    def add(
        self,
        found: list[Detection],
        centres: np.ndarray,
        left: np.ndarray,
        radius: np.ndarray,
        must: np.ndarray,
    ) -> None:
        """One picture: detections, and of its hands (those barely seen, too) centre (K, 3) m, side, radius (K,) m and
        whether it must be found."""
        middles = np.array([d.centre for d in found]).reshape(-1, 3)
        apart = np.linalg.norm(middles[None] - centres.reshape(-1, 1, 3), axis=-1)
        for k in np.flatnonzero(must):
            nearest = int(apart[k].argmin()) if found else -1
            error = float(apart[k, nearest]) if found else np.inf
            self._errors.append(error)
            if error < 0.001 * WITHIN_MM[-1]:
                self._sides.append(bool(left[k]) != (found[nearest].side == "left"))
                self._sizes.append(abs(found[nearest].size / radius[k] - 1.0))
        stray = (apart.min(axis=0) > _NEAR_A_HAND_M).sum() if len(centres) else len(found)
        self._alarms.append((len(centres) > 0, int(stray)))

    def report(self) -> DetectorReport:
        """The figures; NaN where nothing was counted."""
        errors = 1000.0 * np.array(self._errors)
        near = errors[errors < WITHIN_MM[-1]]
        with_hand = [count for has, count in self._alarms if has]
        without = [count for has, count in self._alarms if not has]

        def mean(values: Any) -> float:
            return float(np.mean(values)) if len(values) else float("nan")

        return DetectorReport(
            pictures=len(self._alarms),
            hands=len(errors),
            found={str(limit): mean(errors < limit) for limit in WITHIN_MM},
            median_mm=float(np.median(near)) if len(near) else float("nan"),
            mean_mm=mean(near),
            wrong_sides=mean(self._sides),
            size_error=mean(self._sizes),
            false_alarms=mean(with_hand),
            false_alarms_without_hand=mean(without),
        )


@torch.inference_mode()
def evaluate_detector(
    model: DetectorNet, source: FullFrames, seed: int, pictures: int, config: DetectionConfig | None = None
) -> DetectorReport:
    """Figures of ``pictures`` random pictures, the two best detections of each."""
    config = config or DetectionConfig()
    model.eval()
    device = next(model.parameters()).device
    tally = Tally()
    for index, start in enumerate(range(0, pictures, _CHUNK)):
        batch = source.batch(validation_seed(seed, index), min(_CHUNK, pictures - start))
        features = torch.from_numpy(detector_features(batch.z, batch.cell)).to(device)
        maps = DetectorMaps(*(value.cpu() for value in model(features)))
        anchor, must = anchors(batch.z), wanted(batch)
        for n in range(len(batch.z)):
            found = decode(maps, anchor[n], batch.rays[n], config, n)[:2]
            some = batch.present[n] & (batch.visible[n] > 0)
            tally.add(found, batch.centre[n, some], batch.left[n, some], batch.radius[n, some], must[n, some])
    return tally.report()
