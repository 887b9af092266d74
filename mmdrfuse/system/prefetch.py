"""An iterator that makes its next items in a thread of its own."""

from collections.abc import Iterable, Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

Item = TypeVar("Item")

_POLL_INTERVAL = 0.1
"""Seconds between two checks, while the queue is full, whether the consumer has closed the iterator."""


class prefetch(Iterator[Item]):
    """Yield the same items in the same order, while another thread makes up to ``buffer_size`` of the next ones.

    The thread starts at once, so that two pipes which one program feeds are both open before either is read. An
    exception of the other thread is raised here. `close` stops the thread after its current item. A chain of these
    iterators is a pipeline of threads, with a bounded queue between each two.

    Args:
        items: Taken lazily, in the other thread alone.
        buffer_size: How many finished items may wait.
    """

    def __init__(self, items: Iterable[Item], *, buffer_size: int) -> None:
        self._items = items
        self._queue: Queue[tuple[Any, BaseException | None]] = Queue(buffer_size)
        self._closed = Event()
        # A daemon, because a thread that waits for a pipe which nobody feeds must not keep the program from ending.
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def __next__(self) -> Item:
        if self._closed.is_set():
            raise StopIteration
        item, error = self._queue.get()
        if error is not None:
            self.close()
            raise error
        result: Item = item
        return result

    def close(self) -> None:
        """Stop making items; wait up to a second for the current one."""
        self._closed.set()
        self._thread.join(timeout=1)

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._put(item, None):
                    return
            self._put(None, StopIteration())
        except BaseException as error:
            self._put(None, error)
        finally:
            if hasattr(self._items, "close"):
                self._items.close()  # closes the files of the items in the thread that opened them

    def _put(self, item: Item | None, error: BaseException | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put((item, error), timeout=_POLL_INTERVAL)
            except Full:
                continue
            return True
        return False
