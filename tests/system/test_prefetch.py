"""Work ahead in another thread: the same items, bounded, and nothing left running."""

import threading
import time

import pytest

from mmdrfuse.system.prefetch import prefetch


def test_items_come_in_their_order():
    assert list(prefetch(iter(range(100)), buffer_size=3)) == list(range(100))


def test_no_more_than_the_stated_number_is_made_ahead():
    made = []
    items = prefetch((made.append(item) or item for item in range(100)), buffer_size=3)
    assert next(items) == 0
    time.sleep(0.05)
    assert len(made) <= 1 + 3 + 1  # taken, waiting, and the one in hand
    items.close()


def test_a_failure_is_raised_where_the_items_are_used():
    def items():
        yield 1
        raise ValueError("broken")

    received = prefetch(items(), buffer_size=2)
    assert next(received) == 1
    with pytest.raises(ValueError, match="broken"):
        next(received)


def test_stopping_early_ends_a_whole_chain_and_closes_what_it_held():
    closed = []

    def items():
        try:
            yield from range(10**9)
        finally:
            closed.append(True)

    def doubled(source):
        try:
            for item in source:
                yield 2 * item
        finally:
            source.close()

    before = threading.active_count()
    chain = prefetch(doubled(prefetch(items(), buffer_size=2)), buffer_size=2)
    assert [next(chain) for _ in range(3)] == [0, 2, 4]
    chain.close()
    assert closed == [True]
    assert threading.active_count() == before


def test_work_starts_before_the_first_item_is_asked_for():
    started = threading.Event()
    items = prefetch((started.set() for _ in range(1)), buffer_size=1)
    assert started.wait(timeout=5)
    items.close()
