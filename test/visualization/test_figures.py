"""Figures: the same one gives the same bytes, in the format that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from hand_pose_ros.visualization.figures import STYLE, save_figure, save_png_and_svg, style_axes


def figure() -> Figure:
    with rc_context(STYLE):
        drawn = Figure(figsize=(2, 1))
        axes = drawn.add_subplot()
        axes.plot([0, 1], [1, 0])
        style_axes(axes, "both")
    return drawn


@pytest.mark.slow
def test_both_files_are_whole_and_always_the_same(tmp_path: Path) -> None:
    first, second = (save_png_and_svg(figure(), tmp_path / name, "f") for name in "ab")
    assert [path.name for path in first] == ["f.png", "f.svg"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    with Image.open(first[0]) as image:
        assert image.size == (600, 300)
    assert first[1].read_text().startswith("<?xml")
    assert len(list((tmp_path / "a").iterdir())) == 2


def test_the_format_does_not_depend_on_the_name(tmp_path: Path) -> None:
    save_figure(figure(), tmp_path / "figure", dpi=100)
    with Image.open(tmp_path / "figure") as image:
        assert (image.format, image.size) == ("PNG", (200, 100))


def test_only_two_sides_keep_their_line() -> None:
    (axes,) = figure().axes
    assert [name for name, spine in axes.spines.items() if spine.get_visible()] == ["left", "bottom"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        save_figure(figure(), tmp_path / "file" / "f.png")
