"""An engine whose robot stands still while the person's hand does.

In: an engine, hands. Out: its answers; while no point of the hand has moved by more than a distance since the last hand
that was looked at, the answer stays as it is. Not a low-pass: a hand that moves is answered at once.

The engines' own answers move by up to 0.02 rad while the hand is at rest, even when exactly the same hand is given
again and again (docs/experiments/robot_hand.md): where the robot cannot reach what the person shows, its joints creep
along what the objective leaves open, and a low-pass does not help against that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hand_pose_ros.retarget.engine import Array, OperatorHand, RetargetEngine
from hand_pose_ros.validation import all_finite, not_negative, typed, whole

_SUM = np.ones(3)


@dataclass(frozen=True)
class SteadyConfig:
    """When a hand is at rest."""

    still_m: float = 0.002
    """A hand none of whose points has moved further than this since it was last looked at is at rest; 0: never.
    Measured: a tracked hand at rest whose size is learnt stays within it for 3 s (hand-pose bench retarget)."""
    settle_frames: int = 10
    """So many further times a hand at rest is given to the engine, the same each time, for engines come near an answer
    in steps. Measured: most of the way to where they end (hand-pose bench retarget)."""

    def __post_init__(self) -> None:
        typed(self)
        not_negative(self, "still_m")
        whole(self, "settle_frames", least=0)


class SteadyEngine:
    """As the engine within it, but for hands at rest."""

    def __init__(self, engine: RetargetEngine, config: SteadyConfig) -> None:
        self.name, self.joint_names = engine.name, engine.joint_names
        self._engine, self._config = engine, config
        self._hand: OperatorHand | None = None
        self._answer: Array = np.zeros(0)
        self._times = 0

    def retarget(self, hand: OperatorHand) -> Array:
        """The robot's joints (K,). ValueError where a point is not finite; what the engine raises, for every hand that
        it fails at."""
        if not all_finite(hand.points.ravel().tolist()) or not all_finite(hand.angles.tolist()):
            raise ValueError("a point of the hand is not finite")
        if self._hand is None or not self._rests(hand, self._hand):
            own = hand._replace(points=hand.points.copy(), angles=hand.angles.copy())
            self._hand, self._times = own, 0
        if self._times <= self._config.settle_frames:
            self._answer = self._engine.retarget(self._hand)
            self._times += 1  # only now: an engine that failed has given no answer to stay at
        return self._answer.copy()

    def start_from(self, positions: Array) -> None:
        """The next answer is looked for near these positions (K,)."""
        self._hand = None
        self._engine.start_from(positions)

    def _rests(self, hand: OperatorHand, before: OperatorHand) -> bool:
        moved = hand.points - before.points
        farthest = max(
            (moved * moved).dot(_SUM).tolist()
        )  # numpy's sum and max take twice as long for so few
        return hand.side == before.side and farthest < self._config.still_m**2
