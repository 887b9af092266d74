"""Work on several machines, with dask.distributed: an executor for `mmdrfuse.system.workers.ordered`.

::

    from mmdrfuse.system.cluster import Cluster

    with Cluster("tcp://10.0.0.5:8786") as workers:  # or "local:4", for four processes of this machine
        fuse_pairs(choices, pairs, out, workers=workers)

Paths and small records travel, never pictures: every machine reads and writes the shared folders itself.

Items travel in batches of about `SECONDS` of work. No more than `WAITING` batches a thread are under way, so neither
this process nor the scheduler ever holds more than that of a million items.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.system.batches import Done, pack, pack_work, run_batch, unpack
from mmdrfuse.system.scheduler import Future, Scheduler, distributed, local_count
from mmdrfuse.system.workers import Item, Remote, Result, died_with

SECONDS = 0.2
"""Work in a batch: a hundred times as long as it takes to send it."""
BATCHES_PER_SECOND = 200
"""Of all workers together, at most: the more there are, the more work has a batch. A scheduler manages ten times it."""
MOST = 64
"""Items of a batch, at most: some 20 KB, of which a scheduler keeps the last thousand messages to each worker."""
WAITING = 2
"""Batches under way for each thread: one that is worked on, and one that waits."""
MOST_PATHS = 64
"""Folders in which a worker looks for a file before it begins."""


class Cluster(Remote):
    """The workers of a dask scheduler; it connects when the first work comes.

    Args:
        address: A scheduler's address, such as ``tcp://10.0.0.5:8786``; or ``local:N`` for N processes of this machine.

    Raises:
        ChoiceError: The address is neither.
        MissingExtraError: distributed is not installed.
    """

    def __init__(self, address: str) -> None:
        local_count(address)
        distributed()
        self.address = address
        self._required: dict[str, None] = {}
        self._opened = contextlib.ExitStack()

    def require(self, paths: Iterable[Path]) -> None:
        """Add files and folders that every worker must see before it begins: one of each folder, `MOST_PATHS` at most.

        A folder alone would not do: where a disk is not mounted, it is there and empty.
        """
        found: dict[Path, Path] = {}
        for path in paths:
            # What is missing here, too, fails when its turn comes.
            if path.parent not in found and os.path.lexists(path):
                found[path.parent] = path
                if len(found) == MOST_PATHS:
                    break
        self._required |= {str(path.absolute()): None for path in found.values()}

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; the processes of ``local:N`` end."""
        self._opened.close()

    def ordered(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, name: Callable[[Item], str],
        on_abandoned: Callable[[Result], object] | None,
    ) -> Iterator[tuple[Item, Result | MMDRFuseError]]:  # fmt: skip
        """Map ``work`` over ``items`` as `mmdrfuse.system.workers.ordered` does.

        A batch whose worker dies is done again by another one. If several workers die with it, each of its items is
        tried alone, so the item that ends them is named, and the others are done.

        Raises:
            MMDRFuseError: There is no scheduler or worker, they are lost, or a worker has another version or does not
                see a file that it needs.
        """
        source = iter(items)
        first = list(islice(source, 1))
        if not first:
            return
        batches = _Batches(self._scheduler, pack_work(work, self._required), chain(first, source))
        try:
            while batches.fill():
                batch, done = batches.next()
                if done is None:
                    yield from batches.one_by_one(batch, name)
                else:
                    yield from zip(batch, done.outcomes, strict=True)
        finally:
            batches.abandon(on_abandoned)

    @cached_property
    def _scheduler(self) -> Scheduler:
        scheduler = Scheduler(self.address)
        self._opened.callback(scheduler.close)
        return scheduler


class _Batches:
    """The batches of one piece of work that are under way."""

    def __init__(self, scheduler: Scheduler, work: bytes, source: Iterator[Any]) -> None:
        self._scheduler = scheduler
        # As a task of its own the work goes to a worker once. Data that is scattered would be lost with its worker.
        self._work = scheduler.submit(bytes, work)
        self._source = source
        self._size = 1
        self._pending: deque[tuple[list[Any], Future]] = deque()

    def fill(self) -> bool:
        """Send batches, as many as the workers can take; return whether any are under way."""
        while len(self._pending) <= WAITING * self._scheduler.threads():
            batch = list(islice(self._source, self._size))
            if not batch:
                break
            self._pending.append((batch, self._submit(batch)))
        return bool(self._pending)

    def next(self) -> tuple[list[Any], Done | None]:
        """Wait for the oldest batch; return its items and their outcomes, or None if workers died with it."""
        batch, future = self._pending[0]
        done = self._result(future)  # if the wait is interrupted, the batch must still be pending
        self._pending.popleft()
        if done is not None:
            seconds = max(SECONDS, self._scheduler.threads() / BATCHES_PER_SECOND)
            size = seconds * len(batch) / max(done.seconds, 1e-6)
            self._size = int(max(1, min(MOST, 4 * self._size, size)))
        return batch, done

    def one_by_one(self, batch: list[Any], name: Callable[[Any], str]) -> Iterator[tuple[Any, Any]]:
        """Yield the outcomes of items that are tried alone; an item whose worker dies again is the cause."""
        for _, future in self._pending:
            self._scheduler.wait(future)  # a worker that dies takes all with it that wait for it
        for item in batch:
            done = self._result(self._submit([item]))
            yield item, done.outcomes[0] if done else died_with(name(item))

    def abandon(self, on_abandoned: Callable[[Any], object] | None) -> None:
        """Cancel what is under way, and hand over the results of what is done."""
        for _, future in self._pending:
            with contextlib.suppress(Exception):  # nobody waits for these failures any more
                if future.status != "finished":
                    future.cancel()
                elif on_abandoned is not None:
                    for outcome in unpack(future.result(timeout=1)).outcomes:
                        if not isinstance(outcome, MMDRFuseError):
                            on_abandoned(outcome)

    def _submit(self, batch: list[Any]) -> Future:
        return self._scheduler.submit(run_batch, self._work, pack(batch))

    def _result(self, future: Future) -> Done | None:
        content = self._scheduler.result(future)
        return None if content is None else unpack(content)
