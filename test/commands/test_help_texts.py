"""--help tells every default once, and none where there is none."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from hand_pose_ros.commands.help_texts import help_with_default
from hand_pose_ros.commands.main import COMMANDS, Parser, main


def text(**option: object) -> str:
    return help_with_default(argparse.ArgumentParser().add_argument("--it", **option))


def test_defaults_are_told_as_one_types_them() -> None:
    assert text(help="how long", default=20.0) == "how long (default: 20)"
    assert text(help="a seed", default=0) == "a seed (default: 0)"
    assert text(help="a file", default=Path("a/b%.json")) == "a file (default: a/b%%.json)"
    assert text(help="sizes", nargs="+", default=[0.5, 2]) == "sizes (default: 0.5 2)"
    assert text(help="which", nargs="+", choices=("a", "b"), default=["a", "b"]) == "which (default: all)"


def test_what_is_told_already_and_what_is_none_is_not() -> None:
    assert text(help="how long (default 20)", default=20.0) == "how long (default 20)"
    for nothing in (None, "", argparse.SUPPRESS, []):
        assert text(help="a file", default=nothing) == "a file"
    assert text(help="a switch", action="store_true") == "a switch"


def test_parsers_and_their_sub_commands_tell_them(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="it")
    sub = parser.add_subparsers().add_parser("sub")
    sub.add_argument("--minutes", default=20.0, help="how long")
    with pytest.raises(SystemExit):
        parser.parse_args(["sub", "--help"])
    assert "how long (default: 20)" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_tells_a_default_that_is_none(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "default: None" not in shown
    assert "default: )" not in shown
