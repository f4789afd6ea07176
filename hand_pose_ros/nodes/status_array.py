"""One node's status as diagnostic_msgs.

In: a level, a message, values by their keys. Out: ``DiagnosticArray`` with one status.
"""

from __future__ import annotations

from collections.abc import Mapping

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

WINDOW_S = 10.0
"""Rates and percentiles in a node's diagnostics are over so many of the last seconds. Guessed."""


def figure_texts(figures: Mapping[str, float]) -> dict[str, str]:
    """Counts and measurements as a status shows them: whole numbers as they are, others with two decimals."""
    return {key: f"{value:.2f}" if isinstance(value, float) else str(value) for key, value in figures.items()}


def status_array(
    name: str, hardware_id: str, stamp: Time, level: bytes, message: str, values: Mapping[str, str]
) -> DiagnosticArray:
    """An array with one status, of this name. level: one of DiagnosticStatus.OK, WARN, ERROR, STALE."""
    status = DiagnosticStatus(level=level, name=name, message=message, hardware_id=hardware_id)
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    array = DiagnosticArray(status=[status])
    array.header.stamp = stamp
    return array
