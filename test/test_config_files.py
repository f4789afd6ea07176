"""Configuration files: what is wrong is named with its section, lists become tuples, changes are laid over."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from hand_pose_ros.config_files import build, merged, read_mapping, require_mapping, require_seeds


@dataclass(frozen=True)
class Small:
    count: int = 1
    share: float = 0.5
    on: bool = False
    sizes: tuple[int, ...] = ()


def test_values_become_the_dataclass():
    assert build(Small, "part", {"count": 3, "sizes": [1, 2]}) == Small(3, sizes=(1, 2))
    assert build(Small, "", {}) == Small()


@pytest.mark.parametrize(
    "section, values, message",
    [
        ("part", {"counts": 3}, "no field 'part.counts', want one of count, share, on, sizes"),
        ("", {"counts": 3}, "no field 'counts'"),
        ("part", {"share": "half"}, "part.share is 'half', want a number"),
        ("part", {"count": True}, "part.count is True, want a number"),
        ("part", {"on": 1}, "part.on is 1, want true or false"),
        ("part", 3, "part is 3, want a mapping of fields"),
    ],
)
def test_what_is_wrong_is_named(section, values, message):
    with pytest.raises(ValueError, match=message):
        build(Small, section, values)


@pytest.mark.parametrize(
    "text, message", [("a: [", "cannot read the plan"), ("[1]", "want a mapping of fields")]
)
def test_a_file_that_holds_no_fields_is_named(text, message, tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"plan\.yaml: {message}"):
        read_mapping(path, "the plan")
    path.write_text("")
    assert read_mapping(path, "the plan") == {}


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "0.1e-2", "1.0e-3", "10e-4", "+1e-3", ".1e-2", "1_0e-4"])
def test_a_number_is_one_however_it_is_written(text, tmp_path):
    """PyYAML takes those without a point for texts; JSON, ROS and YAML 1.2 do not."""
    path = tmp_path / "plan.yaml"
    path.write_text(f"share: {text}\nmore: [{text}, -{text.removeprefix('+')}]\n")
    assert read_mapping(path, "the plan") == {"share": 0.001, "more": [0.001, -0.001]}


@pytest.mark.parametrize("text", ["e3", "1e", "1e3a", "0x1e3", "'1e3'", "1-3"])
def test_what_is_no_number_stays_what_it_was(text, tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(f"name: {text}")
    assert read_mapping(path, "the plan")["name"] in (text.strip("'"), 0x1E3)


def test_changes_are_laid_over_section_by_section():
    values = {"batch": 2, "data": {"scene": {"held": 1, "other_hand": 2}, "size": 3}}
    assert merged(values, {"data": {"scene": {"held": 5}}}) == {
        "batch": 2, "data": {"scene": {"held": 5, "other_hand": 2}, "size": 3},
    }  # fmt: skip
    assert values["data"]["scene"]["held"] == 1


@pytest.mark.parametrize("seeds", [[], ["a"], [1, 1], 3, [True]])
def test_seeds_are_different_whole_numbers(seeds):
    with pytest.raises(ValueError, match="seeds is .*, want a list of different whole numbers"):
        require_seeds(seeds)
    assert require_seeds([2, 1]) == (2, 1)


def test_what_never_ends_is_not_read_to_its_end(tmp_path):
    with pytest.raises(ValueError, match="larger than"):
        read_mapping("/dev/zero", "the configuration")
    laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in itertools.pairwise("abcdefghij")
    )
    (tmp_path / "laughs.yaml").write_text(laughs)
    values = read_mapping(tmp_path / "laughs.yaml", "the configuration")
    with pytest.raises(ValueError, match="want a mapping") as raised:
        require_mapping("loss", values["j"])
    assert len(str(raised.value)) < 300
