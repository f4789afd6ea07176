"""Several that send at once are told from one that was started again."""

from __future__ import annotations

import pytest

from hand_pose_ros.senders import MEMORY_S, PATIENCE_S, Senders


def severals(script: str, step_s: float) -> list[bool]:
    """A letter a message."""
    senders, told = Senders(), []
    for number, who in enumerate(script):
        senders.see(who.strip().encode(), 100.0 + number * step_s)
        told.append(senders.several(100.0 + number * step_s))
    return told


@pytest.mark.parametrize("step_s", [0.001, 1 / 60, 0.5, 10.0])
def test_one_after_another_is_one(step_s):
    assert set(severals(100 * "a" + 100 * "b" + 100 * "c", step_s)) == {False}


@pytest.mark.parametrize("script", ["ab", "aab", "aaaaaaaaab"])
@pytest.mark.parametrize("step_s", [0.01, 0.1])
def test_several_in_turn_are_told_from_soon_until_one_ends(script, step_s):
    often = int(3 * PATIENCE_S / step_s / len(script)) + 1
    told = severals(often * script, step_s)
    assert told[-1]
    assert sum(not several for several in told) * step_s <= PATIENCE_S + 2 * len(script) * step_s
    alone = severals(often * script + int(2 * MEMORY_S / step_s) * "a", step_s)
    assert not alone[-1]


def test_those_are_heard_that_sent_of_late():
    senders = Senders()
    senders.see(b"before", 0.0)
    for step in range(40):
        senders.see((b"a", b"b")[step % 2], MEMORY_S + 0.1 * step)
    now_s = MEMORY_S + 4.0
    assert sorted(senders.heard(now_s)) == [b"a", b"b"]
    assert senders.heard(now_s + 2 * MEMORY_S) == []


def test_the_end_of_one_that_was_started_again_is_no_second_one():
    assert set(severals(30 * "a" + 5 * "ab" + 100 * "b", 1 / 60)) == {False}


def test_of_senders_without_a_name_nothing_is_told():
    assert set(severals(300 * " ", 1 / 60)) == {False}
