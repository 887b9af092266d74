"""An iterator that works ahead in a thread of its own."""

from collections.abc import Iterable, Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

Item = TypeVar("Item")

_WAIT = 0.1
"""Seconds after which a full queue looks whether anybody still wants its items."""


class prefetch(Iterator[Item]):
    """Give the same items in the same order, made in another thread up to ``ahead`` before they are asked for.

    The thread starts at once: of two pipes that one program feeds, both are opened before either is read. What making
    an item raises is raised here. `close` stops the thread after the item it is at; a chain of these is a line of
    workers, each with a bounded queue before it.

    Args:
        items: Taken lazily, in the other thread alone.
        ahead: How many may wait.
    """

    def __init__(self, items: Iterable[Item], *, ahead: int) -> None:
        self._items = items
        self._queue: Queue[tuple[Any, BaseException | None]] = Queue(ahead)
        self._unwanted = Event()
        # A daemon: one that waits for a pipe which nobody feeds must not keep the program from ending.
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def __next__(self) -> Item:
        if self._unwanted.is_set():
            raise StopIteration
        item, error = self._queue.get()
        if error is not None:
            self.close()
            raise error
        made: Item = item
        return made

    def close(self) -> None:
        """Make no more items; waits a moment for the one in hand."""
        self._unwanted.set()
        self._thread.join(timeout=1)

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._offer(item, None):
                    return
            self._offer(None, StopIteration())
        except BaseException as error:
            self._offer(None, error)
        finally:
            if hasattr(self._items, "close"):
                self._items.close()  # ends what the items hold open, in the thread that opened it

    def _offer(self, item: Item | None, error: BaseException | None) -> bool:
        while not self._unwanted.is_set():
            try:
                self._queue.put((item, error), timeout=_WAIT)
            except Full:
                continue
            return True
        return False
