"""The reference pages repeat the tables that they are written from."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hand_pose_ros.commands.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("tools/reference_pages.py")


def actions_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Options of a parser and of its sub-commands, but for --help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from actions_of(sub)
        elif not isinstance(action, argparse._HelpAction):
            yield action


def test_the_page_of_commands_is_as_the_parsers_are(tool):
    assert tool.COMMANDS_PAGE.read_text("utf-8") == tool.commands_page(), "run tools/reference_pages.py"


def test_the_page_of_the_skeleton_is_as_its_table_is(tool):
    assert tool.SKELETON_PAGE.read_text("utf-8") == tool.skeleton_page(), "run tools/reference_pages.py"


def test_the_zoo_has_the_hashes_of_the_models(tool):
    assert tool.ZOO_PAGE.read_text("utf-8") == tool.zoo_page(), "run tools/reference_pages.py"


def test_the_page_of_parameters_is_as_the_nodes_tables_are(tool):
    pytest.importorskip("rclpy", reason="needs ROS 2: source tools/environment.sh")
    assert tool.PARAMETERS_PAGE.read_text("utf-8") == tool.parameters_page(), "run tools/reference_pages.py"


def test_users_commands_are_commands(tool):
    assert set(tool.USERS) < set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_means(name):
    parser = argparse.ArgumentParser()
    importlib.import_module(COMMANDS[name][1]).add_arguments(parser)
    assert not [action.dest for action in actions_of(parser) if not action.help]
