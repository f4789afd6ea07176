"""What a command has measured is kept, and nothing replaces an older file without it."""

from __future__ import annotations

import json

import pytest

from hand_pose_ros.commands.kept_figures import figures_kept


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_was_measured_is_written_also_when_interrupted(tmp_path, interrupted):
    path = tmp_path / "figures.json"

    def measure() -> None:
        with figures_kept(path, machine="this") as figures:
            rows = figures.setdefault("rows", [])
            rows.append(1)
            if interrupted:
                raise KeyboardInterrupt
            rows.append(2)

    if interrupted:
        with pytest.raises(KeyboardInterrupt):
            measure()
        assert json.loads(path.read_text()) == {"machine": "this", "rows": [1], "interrupted": True}
    else:
        measure()
        assert json.loads(path.read_text()) == {"machine": "this", "rows": [1, 2]}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_neither_an_error_nor_an_interrupt_before_the_first_figure_replaces_a_file(tmp_path, error):
    path = tmp_path / "figures.json"
    path.write_text("older")

    def measure() -> None:
        with figures_kept(path, machine="this") as figures:
            figures["rows"] = [1] if error is ValueError else []
            raise error

    with pytest.raises(error):
        measure()
    assert path.read_text() == "older"
