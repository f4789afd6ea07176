"""What happens in a synthetic sequence.

In: nothing. Out: :class:`SequenceConfig`, which :class:`~hand_pose_ros.synthetic.sequence_renderer.SequenceRenderer`
renders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hand_pose_ros.hand.skeleton import SIDES
from hand_pose_ros.synthetic.environment import DISTRACTORS, ENVIRONMENTS
from hand_pose_ros.synthetic.mesh import MESH_NAMES
from hand_pose_ros.synthetic.sensor import STRUCTURED_LIGHT, NoiseModel
from hand_pose_ros.synthetic.stereo_config import StereoModel
from hand_pose_ros.validation import between, interval, is_number, require, typed

LEAVING: tuple[str, ...] = ("side", "down", "withdraw", "vanish")
HELD: tuple[str, ...] = ("", "ball", "box", "cylinder")


@dataclass(frozen=True)
class SequenceConfig:
    """What happens. Times in seconds, lengths in metres; ValueError names a field that makes no sense."""

    seed: int = 0
    """Everything that the other fields leave open follows from it: subject, motion, environment, noise."""
    hands: tuple[str, ...] = ("right",)
    """Sides of the one person's hands: none, one or both."""
    family: str = ""
    """Mesh family of the hands, either when empty."""
    noise: NoiseModel = STRUCTURED_LIGHT
    """The sensor's."""
    stereo: StereoModel | None = None
    """The pair of cameras that sees it instead of that sensor; its focal length is that of the camera's own mode."""
    environment: str = ""
    """wall, table, far, or one of them at random when empty."""
    body: bool = True
    """Whether the person's trunk, head and arms are drawn."""
    distance_m: tuple[float, float] = (0.42, 0.70)
    """Nearest and farthest palm. Guessed."""
    tempo: float = 1.0
    """How fast the hands move; 1 is SyntheticMotion's pace, a new pose every 1.1 s."""
    crossing: bool = False
    """Two hands pass close before and beside each other, instead of each on its own side."""
    held: str = ""
    """What every hand holds: ball, box, cylinder, or nothing."""
    distractors: tuple[str, ...] = ()
    """Things that are no hands, see ``environment.DISTRACTORS``; some of them may be the same."""
    presence: tuple[tuple[float, float], ...] | None = None
    """When the hands are there (coming in and leaving included); None = always."""
    leaving: str = "down"
    """How they come and go: beyond the image's side or lower edge, back to the body, or vanish between two frames."""
    occlusions: tuple[tuple[float, float], ...] = ()
    """When something passes before each hand."""
    still_at: float | None = None
    """The instant of the motion in which everything is frozen; None = it moves."""
    tremor: bool = False
    """Physiological tremor of a hand held still: 0.3 mm and 0.1 degrees."""

    def __post_init__(self) -> None:
        typed(self, "sequence")
        known = (
            ("hands", self.hands, SIDES), ("distractors", self.distractors, DISTRACTORS),
            ("family", (self.family,), ("", *MESH_NAMES)), ("environment", (self.environment,), ("", *ENVIRONMENTS)),
            ("leaving", (self.leaving,), LEAVING), ("held", (self.held,), HELD),
        )  # fmt: skip
        for name, values, names in known:
            for value in values:
                require(value in names, "sequence", name, value, f"one of {', '.join(filter(None, names))}")
        once = len(set(self.hands)) == len(self.hands)
        require(once, "sequence", "hands", self.hands, "each side at most once")
        if self.crossing and len(self.hands) != 2:
            raise ValueError(f"sequence crossing needs two hands, got {self.hands}")
        interval(self, 0.2, 3.0, "distance_m", section="sequence", unit="m")
        between(self, 0.1, 3.0, "tempo", section="sequence")
        for name, intervals in (("presence", self.presence or ()), ("occlusions", self.occlusions)):
            right = _are_intervals(intervals)
            require(right, "sequence", name, intervals, "intervals (start, stop), start first")


def _are_intervals(values: Any) -> bool:
    """Whether they are pairs of numbers, each the smaller one first; inf: never."""
    pairs = isinstance(values, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(map(is_number, pair)) for pair in values
    )
    return pairs and all(start < stop for start, stop in values)
