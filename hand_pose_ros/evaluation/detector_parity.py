"""Whether a backend's detector sees what torch's sees: the same pictures through both, hand by hand.

In: backends, a number of synthetic pictures with none, one or two hands. Out: :class:`DetectorParity` a backend: how
far middles and scores move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hand_pose_ros.datasets.full_frames import FullFrames, full_frame_config
from hand_pose_ros.datasets.seeds import validation_seed
from hand_pose_ros.detection.config import DetectionConfig
from hand_pose_ros.detection.detector import Detection, HandDetector, decode
from hand_pose_ros.detection.detector_input import anchors, detector_features, views_along
from hand_pose_ros.network.backend import BackendConfig
from hand_pose_ros.synthetic.splits import REPORT_SPLIT

MOST_MIDDLE_MM = 1.0
"""By so much a hand's middle may move. Chosen: a tenth of what the detector errs by."""
_DETECTIONS = 4
"""Of a picture, at most. Chosen by hand."""


@dataclass(frozen=True)
class DetectorParity:
    """One backend against torch."""

    backend: str
    """What ran."""
    pictures: int
    """How many."""
    hands: int
    """That torch's detector sees in them."""
    other: int
    """Hands that one of the two sees and the other does not."""
    middle_mm: float
    """The farthest that a middle moves."""
    score: float
    """The most that a score changes."""

    @property
    def problem(self) -> str:
        """Why it does not agree; empty when it does."""
        if self.other:
            return f"{self.other} of {self.hands} hands are seen by one of the two alone"
        if self.middle_mm > MOST_MIDDLE_MM:
            return f"the middle of a hand moves by {self.middle_mm:.3f} mm, want at most {MOST_MIDDLE_MM}"
        return ""


def measure_detector_parity(backends: Sequence[str], pictures: int, seed: int) -> list[DetectorParity]:
    """Each backend's detector against torch's, on pictures of the report's people."""
    source = FullFrames(full_frame_config({}, REPORT_SPLIT))
    batch = source.batch(validation_seed(seed, 0), pictures)
    features, anchor = detector_features(batch.z, batch.cell), anchors(batch.z)
    views = [views_along(rays) for rays in batch.rays]
    config = DetectionConfig()

    def see(backend: str) -> list[list[Detection]]:
        detector = HandDetector(running=BackendConfig(backend, "cpu", "float32"))
        maps = [detector.backend(features[n : n + 1])[0] for n in range(pictures)]
        return [
            decode(maps[n], anchor[n], batch.rays[n], views[n], config, _DETECTIONS) for n in range(pictures)
        ]

    wanted = see("torch")
    return [compare_detections(name, wanted, see(name)) for name in backends]


def compare_detections(
    backend: str, wanted: Sequence[Sequence[Detection]], found: Sequence[Sequence[Detection]]
) -> DetectorParity:
    """The hands of each picture, the best first, as one and the other see them."""
    other, hands = 0, 0
    middles, scores = [0.0], [0.0]
    for of_torch, of_backend in zip(wanted, found, strict=True):
        hands += len(of_torch)
        other += abs(len(of_torch) - len(of_backend))
        for a, b in zip(of_torch, of_backend, strict=False):
            middles.append(1e3 * float(np.linalg.norm(a.centre - b.centre)))
            scores.append(abs(a.score - b.score))
    return DetectorParity(backend, len(wanted), hands, other, max(middles), max(scores))
