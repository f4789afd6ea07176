"""One slot: the newest wins, nothing queues, nobody waits for ever."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_pose_ros.nodes.mailbox import Mailbox


@pytest.mark.slow
@given(st.lists(st.integers(), min_size=1))
def test_only_the_newest_is_kept_and_every_other_is_counted(items):
    mailbox: Mailbox[int] = Mailbox()
    replaced = [mailbox.put(item) for item in items]
    assert replaced == [False] + [True] * (len(items) - 1)
    assert mailbox.take() == items[-1]


def test_every_item_is_taken_or_counted_with_two_threads():
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int] = []
    last = 20_000

    def consume() -> None:
        while (item := mailbox.take()) is not None:
            taken.append(item)
            if item == last:
                return

    consumer = threading.Thread(target=consume)
    consumer.start()
    lost = sum(mailbox.put(item) for item in range(1, last + 1))
    consumer.join(20)
    assert not consumer.is_alive()
    assert taken == sorted(set(taken))
    assert len(taken) + lost == last


def test_closing_ends_the_wait():
    mailbox: Mailbox[int] = Mailbox()
    results: list[int | None] = []
    waiting = threading.Thread(target=lambda: results.append(mailbox.take()))
    waiting.start()
    mailbox.close()
    waiting.join(10)
    assert results == [None]
    mailbox.put(1)
    assert mailbox.take() is None


def test_closing_is_undone_unless_the_taker_was_told():
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    mailbox.close()
    assert mailbox.reopen()
    mailbox.put(2)
    assert mailbox.take() == 2
    mailbox.close()
    assert mailbox.take() is None
    assert not mailbox.reopen()
    assert mailbox.take() is None
