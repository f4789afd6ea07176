"""What ``--help`` says of an option: its meaning, and its default where the meaning does not say it.

In: an option of argparse. Out: its text, as the terminal and ``docs/reference/commands.md`` show it.
"""

from __future__ import annotations

import argparse
from typing import Any


class DefaultsShown(argparse.HelpFormatter):
    """argparse's formatter, with defaults."""

    def _get_help_string(self, action: argparse.Action) -> str:
        return help_with_default(action)


def help_with_default(action: argparse.Action) -> str:
    """The option's help, still with the signs that argparse replaces, and with "(default: ...)" unless it speaks of a
    default itself, or the option has none, or none that can be typed (switches)."""
    text = action.help or ""
    if not action.option_strings or action.nargs == 0 or "default" in text:
        return text
    default = _typed(action.default, action.choices)
    return f"{text} (default: {default.replace('%', '%%')})" if default else text


def _typed(default: Any, choices: Any) -> str:
    """A default as one types it; empty where there is none."""
    if default is None or default is argparse.SUPPRESS:
        return ""
    if isinstance(default, list | tuple):
        return (
            "all" if choices is not None and list(default) == list(choices) else " ".join(map(_one, default))
        )
    return _one(default)


def _one(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
