"""How many hands pass where a given share of other places does: what log odds of a hand are compared by.

In: log odds (N,), whether each place shows a hand. Out: the limits that so many of the other places reach, the shares
of hands above them, and both as a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FALSE_SHARES: tuple[float, ...] = (0.02, 0.01, 0.005)
"""Of the places without a hand. Chosen by hand."""

Values = NDArray[np.floating]
Truth = NDArray[np.bool_]


def limits(odds: Values, hand: Truth, shares: Sequence[float] = FALSE_SHARES) -> list[float]:
    """The log odds that these shares of the places without a hand lie above; there must be one."""
    return [float(np.quantile(odds[~hand], 1.0 - share)) for share in shares]


def passing(odds: Values, hand: Truth) -> list[float]:
    """The shares of hands above what FALSE_SHARES of the other places reach."""
    return [float((odds[hand] > limit).mean()) for limit in limits(odds, hand)]


def table(rules: Mapping[str, Values], hand: Truth) -> list[str]:
    """Lines of Markdown: a row a rule for adding up log odds, by its name."""
    at = " | ".join(f"{100 * share:g} %" for share in FALSE_SHARES)
    lines = [f"| log odds | hands at false places of {at} |", "|---" * (len(FALSE_SHARES) + 1) + "|"]
    for name, odds in rules.items():
        rows = zip(passing(odds, hand), limits(odds, hand), strict=True)
        cells = [f"{100 * share:.1f} (from {limit:.1f} on)" for share, limit in rows]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines
