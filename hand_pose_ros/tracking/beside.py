"""What one followed hand says of another one: two hands are mostly a person's two.

In: tracks. Out: :class:`Beside`, what is known of the others beside one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from hand_pose_ros.tracking.side_selector import SideSelector


class Beside(NamedTuple):
    """The hands beside one."""

    left_log_odds: float = 0.0
    """Log odds of their being left hands, from their own frames (:class:`SideSelector`); 0 where there is none."""
    sure: bool = False
    """Whether one of them is surely a hand."""


NONE_BESIDE = Beside()


class Followed(Protocol):
    """A track as far as it counts here."""

    side_selector: SideSelector
    """Decides its side."""

    @property
    def published(self) -> bool:
        """Whether there is a hand to publish."""

    @property
    def track_log_odds(self) -> float:
        """Of there being a hand."""


def beside(track: object, tracks: Iterable[Followed], sure_odds: float) -> Beside:
    """The published hands of the tracks other than ``track``; from ``sure_odds`` on, log odds, one is surely a hand."""
    others = [other for other in tracks if other is not track and other.published]
    return Beside(
        sum(other.side_selector.left_log_odds for other in others),
        any(other.track_log_odds >= sure_odds for other in others),
    )
