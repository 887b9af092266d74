"""Another thread makes the next items: the same ones, a bounded number, and it ends with the consumer."""

import threading
import time

import pytest

from mmdrfuse.system.prefetch import prefetch


def test_the_order_of_the_items_stays():
    assert list(prefetch(iter(range(100)), buffer_size=3)) == list(range(100))


def test_no_more_items_than_the_buffer_holds_are_made():
    made = []
    items = prefetch((made.append(item) or item for item in range(100)), buffer_size=3)
    assert next(items) == 0
    time.sleep(0.05)
    assert len(made) <= 1 + 3 + 1  # the consumed one, the buffer, and the one that is being made
    items.close()


def test_a_failure_is_raised_in_the_consumer():
    def items():
        yield 1
        raise ValueError("broken")

    received = prefetch(items(), buffer_size=2)
    assert next(received) == 1
    with pytest.raises(ValueError, match="broken"):
        next(received)


def test_closing_a_chain_ends_all_its_threads_and_closes_its_source():
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


def test_the_thread_begins_before_the_first_item_is_requested():
    started = threading.Event()
    items = prefetch((started.set() for _ in range(1)), buffer_size=1)
    assert started.wait(timeout=5)
    items.close()
