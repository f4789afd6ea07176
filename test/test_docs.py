"""What documentation and recipes name is there: files, links, modules, commands and their options."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest

from hand_pose_ros.commands.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted(ROOT.glob("docs/**/*.md"))
MARKDOWN = sorted([*ROOT.glob("*.md"), *DOCS, *ROOT.glob("assets/*.md")])
RECIPES = sorted([*ROOT.glob("config/**/*.yaml"), *ROOT.glob("research/recipes/*.yaml")])
TEXTS = [*MARKDOWN, *RECIPES, ROOT / "CHANGELOG.rst"]

NOT_OURS = (
    "runs/", "demo/", "build/", "install/", "share/", "models/x.safetensors", "Training/", "Testing/",
    "models/stereo.safetensors", "research/weights/",
)  # fmt: skip
"""Beginnings of paths that commands write, that are a reader's own, such as a dataset's, or that recipes of earlier
weights began with."""

FILE = re.compile(
    r"(?<![\w./:<>*}-])((?:[\w.-]+/)+[\w.-]+\.(?:py|sh|md|yaml|json|safetensors|xml|npz|txt|msg))\b"
)
FOLDER = re.compile(
    r"`((?:hand_pose_ros|config|docs|research|test|tools|assets|models|underlay)/(?:[\w.-]+/)*)`"
)
COMMAND = re.compile(
    r"hand-pose\s+(?P<name>[a-z]+(?:-[a-z]+)*)|-m (?P<module>(?:research|hand_pose_ros)[\w.]*)|(?P<tool>tools/\w+\.py)"
)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def plain(path: Path) -> str:
    """The text with continued lines as one, and with a recipe's comments without their signs."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.sub(r"^ *# ?", "", text, flags=re.MULTILINE) if path.suffix == ".yaml" else text


def code(text: str) -> Iterator[str]:
    """Pieces of code: the lines of fenced blocks, inline code, and whole rows of tables."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    rest = re.sub(r"^```\w*\n(.*?)^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"``?([^`]+)``?", rest)
    yield from (line for line in rest.splitlines() if line.startswith("| `"))


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Options of a parser and of the parsers of its sub-commands."""
    options = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            options |= {option for sub in action.choices.values() for option in options_of(sub)}
    return options


@cache
def options(command: str) -> set[str]:
    """Options that a sub-command of hand-pose, a module of research or a tool takes."""
    if command.startswith("tools/"):
        return set(re.findall(r'"(--[a-z-]+)"', (ROOT / command).read_text(encoding="utf-8"))) | {"--help"}
    if command in COMMANDS:
        module = COMMANDS[command][1]
    else:
        is_folder = importlib.util.find_spec(command).submodule_search_locations is not None
        module = f"{command}.command" if is_folder else command
    parser = argparse.ArgumentParser()
    importlib.import_module(module).add_arguments(parser)
    return options_of(parser)


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_files_that_are_named_exist(path: Path) -> None:
    text = plain(path)
    names = {name for pattern in (FILE, FOLDER) for name in pattern.findall(text)}
    names = {name for name in names if not name.startswith(NOT_OURS)}
    places = (ROOT, ROOT / "hand_pose_ros", path.parent)
    assert not {name for name in names if not any((place / name).exists() for place in places)}


def prose(path: Path) -> str:
    """The text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links_of(path: Path) -> list[tuple[Path, str]]:
    """Relative links of a page: the file each leads to, and the anchor in it, empty for none."""
    links = (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)))
    return [
        ((path.parent / file).resolve() if file else path, anchor)
        for file, _, anchor in links
        if ":" not in file
    ]


@cache
def anchors_of(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them: lower case, without signs, - for spaces."""
    headings = re.findall(r"^#+ +(.*?) *$", prose(path), re.MULTILINE)
    texts = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    anchors: set[str] = set()
    for text in texts:
        repeated = (f"{text}-{count}" for count in range(1, len(headings)))
        anchors.add(text if text not in anchors else next(name for name in repeated if name not in anchors))
    return anchors


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    assert not {str(target) for target, _ in links_of(path) if not target.exists()}


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_anchors_of_links_are_headings_of_the_page(path: Path) -> None:
    pages = [(target, anchor) for target, anchor in links_of(path) if anchor and target.suffix == ".md"]
    assert not {f"{target.name}#{anchor}" for target, anchor in pages if anchor not in anchors_of(target)}


def test_every_page_is_reached_from_the_index() -> None:
    waiting, reached = [ROOT / "docs" / "index.md"], set()
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += [target for target, _ in links_of(page) if target in DOCS]
    assert not {name_of(page) for page in set(DOCS) - reached}


def figures_of(text: str) -> set[str]:
    """Decimal fractions in a text, those in its code and in addresses of links left out."""
    return set(re.findall(r"(?<![\w.])\d+\.\d+(?![.\d])", re.sub(r"\]\([^)]*\)|`[^`]*`", "", text)))


# But for papers.md, whose figures are in part those that the papers print.
CONCEPTS = [path for path in DOCS if path.parent.name == "concepts" and path.name != "papers.md"]


@pytest.mark.parametrize("path", CONCEPTS, ids=name_of)
def test_figures_of_concepts_stand_in_the_experiment_that_is_linked_beside_them(path: Path) -> None:
    for paragraph in re.split(r"\n\n|\n(?=[*|])", path.read_text(encoding="utf-8")):
        names = re.findall(r"\(\.\./experiments/(\w+\.md)", paragraph)
        pages = [(ROOT / "docs" / "experiments" / name).read_text(encoding="utf-8") for name in names]
        if pages:
            assert figures_of(paragraph) <= set.union(*map(figures_of, pages)), names


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_commands_that_are_named_exist_and_take_the_options_shown(path: Path) -> None:
    text = plain(path)
    pieces = text.splitlines() if path.suffix == ".yaml" else list(code(text))
    for piece in pieces:
        found = list(COMMAND.finditer(piece))
        for match, following in zip_longest(found, found[1:]):
            if match["module"] is not None:
                assert importlib.util.find_spec(match["module"]) is not None, piece
            shown = OPTION.findall(piece[match.end() : following.start() if following else None])
            command = match["name"] or match["module"] or match["tool"]
            if match["name"] is not None and path.name != "CHANGELOG.rst":
                assert command in COMMANDS, piece
            if command in COMMANDS or not match["name"]:
                accepted = (
                    options(command) if shown and not command.startswith("hand_pose_ros") else set(shown)
                )
                assert set(shown) <= accepted, f"{piece}: {set(shown) - accepted}"
