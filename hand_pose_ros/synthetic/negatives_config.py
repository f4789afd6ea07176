"""How often crops without a hand show the things that are taken for hands in rooms.

In: nothing. Out: :class:`NegativesConfig`, the section ``data.negatives`` of the network's training configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

from hand_pose_ros import validation

NEGATIVE_GROUPS: tuple[str, ...] = (
    "objects",
    "robots",
    "furniture",
    "stumps",
    "panels",
    "tubes",
    "elbows",
    "heads",
    "castors",
    "plants",
)
"""Fields of :class:`NegativesConfig` that are groups of things; other negatives show ``negatives.KINDS``."""


@dataclass(frozen=True)
class NegativesConfig:
    """Shares in 0..1 of the crops without a hand, all guessed; what is left over shows the older kinds of
    ``synthetic.negatives``. ValueError names a field that is no share, and a sum above 1."""

    objects: float = 0.0
    """Balls, cans, bottles, boxes, bowls, tools, phones: alone, on tables, at the ends of bare arms and of sticks."""
    robots: float = 0.0
    """Robot arms of links and joints, at their ends grippers, knobs or nothing."""
    furniture: float = 0.0
    """Chair legs, table edges, shelves, rods, rows of bars."""
    stumps: float = 0.0
    """Forearms that end 0 to 6 cm behind the wrist, those that leave the picture there among them."""
    panels: float = 0.0
    """Thin plates of which the crop shows parts, with gaps between them: casings, chair backs, covers of robots."""
    tubes: float = 0.0
    """Bent tubes: arms of robots that curve, lamps, hoses, handles."""
    elbows: float = 0.0
    """Elbows of bent arms: forearm, upper arm, now and then the trunk."""
    heads: float = 0.0
    """Heads on their shoulders, also as a camera sees them that is mounted on its side."""
    castors: float = 0.0
    """Feet of office chairs: arms of a star that end on castors."""
    plants: float = 0.0
    """House plants: leaves or shoots that spread from a stem."""
    border: float = 0.0
    """Share of all crops without a hand through which an edge of the sensor's picture runs."""

    def __post_init__(self) -> None:
        validation.share(self, *NEGATIVE_GROUPS, "border", section="negatives")
        total = sum(getattr(self, name) for name in NEGATIVE_GROUPS)
        names = ", ".join(NEGATIVE_GROUPS)
        validation.require(
            total <= 1 + 1e-9, "negatives", "sum of shares", total, f"at most 1 for {names} together"
        )

    @property
    def any(self) -> bool:
        """Whether any of it is drawn."""
        return any(getattr(self, name) > 0 for name in (*NEGATIVE_GROUPS, "border"))
