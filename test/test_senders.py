"""Several that send at once are told from one that was started again."""

from __future__ import annotations

import pytest

from hand_pose_ros.senders import MEMORY_S, PATIENCE_S, Senders


def counts(script: str, step_s: float) -> list[int]:
    """A letter a message."""
    senders, told = Senders(), []
    for number, who in enumerate(script):
        senders.see(who.strip().encode(), 100.0 + number * step_s)
        told.append(senders.count(100.0 + number * step_s))
    return told


@pytest.mark.parametrize("step_s", [0.001, 1 / 60, 0.5, 10.0])
def test_one_after_another_is_one(step_s):
    assert set(counts(100 * "a" + 100 * "b" + 100 * "c", step_s)) == {1}


@pytest.mark.parametrize("script", ["ab", "aab", "aaaaaaaaab"])
@pytest.mark.parametrize("step_s", [0.01, 0.1])
def test_several_in_turn_are_counted_from_soon_until_one_ends(script, step_s):
    often = int(3 * PATIENCE_S / step_s / len(script)) + 1
    told = counts(often * script, step_s)
    assert told[-1] == 2
    assert sum(count == 1 for count in told) * step_s <= PATIENCE_S + 2 * len(script) * step_s
    alone = counts(often * script + int(2 * MEMORY_S / step_s) * "a", step_s)
    assert alone[-1] == 1
    assert counts(often * "abc", step_s)[-1] in (1, 3)
    assert counts(3 * often * "abc", step_s)[-1] == 3


def test_the_end_of_one_that_was_started_again_is_no_second_one():
    assert set(counts(30 * "a" + 5 * "ab" + 100 * "b", 1 / 60)) == {1}


def test_of_senders_without_a_name_nothing_is_told():
    assert set(counts(300 * " ", 1 / 60)) == {1}
