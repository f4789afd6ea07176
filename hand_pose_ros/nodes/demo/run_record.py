"""What a watcher saw of a run, and the figures of it. No ROS.

In: stamps (ns) of frames, of hand messages with the time they were received (ns), joints (23, 3) metres. Out: a
dictionary ready for JSON: ages in ms, errors in mm, rates in Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, eq=False)
class SeenHand:
    """A hand as it was received: side left or right, confidence 0 to 1, joints (23, 3) m, and the palm's rotation
    (3, 3) in the same frame where it is known."""

    side: str
    confidence: float
    joints: np.ndarray
    rotation: np.ndarray | None = None


@dataclass
class RunRecord:
    """All frames, truths and outputs of a run, by stamp."""

    frames: dict[int, int] = field(default_factory=dict)
    outputs: dict[int, tuple[int, list[SeenHand]]] = field(default_factory=dict)
    truths: dict[int, SeenHand] = field(default_factory=dict)
    gestures: list[str] = field(default_factory=list)
    held: dict[int, list[str]] = field(default_factory=dict)

    def add_frame(self, stamp_ns: int) -> None:
        """Adds a frame that was published (its camera info was seen)."""
        self.frames.setdefault(stamp_ns, len(self.frames))

    def add_output(self, stamp_ns: int, received_ns: int, hands: Sequence[SeenHand]) -> None:
        """Adds the hands that the tracker's message about the frame with this stamp held."""
        self.outputs.setdefault(stamp_ns, (received_ns, list(hands)))

    def add_truth(self, stamp_ns: int, hand: SeenHand) -> None:
        """Adds the true hand in the frame with this stamp."""
        self.truths[stamp_ns] = hand

    def add_gestures(self, stamp_ns: int, begun: Sequence[str], held: Sequence[str]) -> None:
        """Adds what a hand began to do in the frame with this stamp, and what it does in it, by name."""
        self.gestures += begun
        if held:
            self.held.setdefault(stamp_ns, []).extend(held)

    def errors_mm(self) -> dict[int, np.ndarray]:
        """Returns by stamp the joint errors (23,) in mm of the best hand of the true side, else of any hand."""
        errors = {}
        for stamp, truth in self.truths.items():
            hands = self.outputs.get(stamp, (0, []))[1]
            candidates = [hand for hand in hands if hand.side == truth.side] or hands
            if candidates:
                distances = [np.linalg.norm(hand.joints - truth.joints, axis=1) * 1e3 for hand in candidates]
                errors[stamp] = min(distances, key=lambda row: float(row.mean()))
        return errors

    def summary(self) -> dict[str, Any]:
        """Returns the figures. Those that nothing is known about are None.

        ``hands`` and ``two_hands``: frames with one, and with more. ``gestures``: those that were told, in order.
        ``dropped``: frames without any output. ``frames_without_hand`` and ``frames_dropped``: indices of frames.
        """
        answered = [stamp for stamp in self.frames if stamp in self.outputs]
        with_hand = [stamp for stamp in answered if self.outputs[stamp][1]]
        ages = np.array([(self.outputs[stamp][0] - stamp) * 1e-6 for stamp in answered])
        received = sorted(self.outputs[stamp][0] for stamp in answered)
        span_s = (received[-1] - received[0]) * 1e-9 if len(received) > 1 else 0.0
        errors = self.errors_mm()
        joint_errors = np.concatenate(list(errors.values())) if errors else np.empty(0)
        wrong_side = sum(
            all(hand.side != truth.side for hand in self.outputs[stamp][1])
            for stamp, truth in self.truths.items()
            if stamp in self.outputs and self.outputs[stamp][1]
        )
        percentiles = np.percentile(ages, PERCENTILES) if len(ages) else (None,) * 3
        return {
            "frames": len(self.frames),
            "outputs": len(answered),
            "hands": len(with_hand),
            "two_hands": sum(len(self.outputs[stamp][1]) > 1 for stamp in with_hand),
            "dropped": len(self.frames) - len(answered),
            "rate_hz": rounded((len(received) - 1) / span_s if span_s > 0 else None),
            "age_ms": {f"p{p}": rounded(age) for p, age in zip(PERCENTILES, percentiles, strict=True)},
            "error_mm": {
                "mean": rounded(joint_errors.mean() if joint_errors.size else None),
                "median": rounded(np.median(joint_errors) if joint_errors.size else None),
            },
            "frames_with_truth": len(self.truths),
            "gestures": list(self.gestures),
            "wrong_side": wrong_side if self.truths else None,
            "frames_without_hand": [self.frames[stamp] for stamp in answered if not self.outputs[stamp][1]],
            "frames_dropped": [index for stamp, index in self.frames.items() if stamp not in self.outputs],
        }


def rounded(value: Any) -> float | None:
    """A figure with two decimals, None as it is."""
    return None if value is None else round(float(value), 2)
