"""What comes from outside is repeated in one line that can be printed, whatever it is."""

from __future__ import annotations

from hand_pose_ros import texts


def test_values_are_shown_as_python_writes_them_and_endless_ones_only_so_far() -> None:
    for value in ([], (), (1,), (1, "a"), [[1.5, None], {"a": [True], 2: ()}], {}, "text", 3.25):
        assert texts.shown(value) == str(value)
    laughs: object = "lol"
    for _ in range(40):
        laughs = [laughs] * 9
    circle: list[object] = [1]
    circle += [circle, {"again": circle}]
    for endless in (laughs, circle, {"a": laughs}):
        assert len(texts.shown(endless)) <= texts.MOST_SHOWN


def test_texts_are_cut_and_escaped() -> None:
    assert texts.shown("\x1b[31m\n") == "\\x1b[31m\\n"
    assert len(texts.shown("x" * 5000)) == texts.MOST_SHOWN
    assert texts.shown("x" * 9, 6) == "xxx..."
