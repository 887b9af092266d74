"""Work on many items side by side: the one place that makes pools of threads and processes.

::

    from mmdrfuse.system.workers import ordered, pool, processes, threads, raise_failures

    with threads(4) as executor:                       # or processes(4)
        for item, result in ordered(executor, work, items, buffer_size=8):
            ...                                        # in the order of the items; a failure is a result

    with pool(workers, processes) as executor:         # a number, or an Executor of the caller, which stays open
        ...

Threads are for work that waits for the disk or releases the GIL (decoding, the kernel, encoding). Processes are for
work in Python and NumPy (the metrics). A process takes about a second to start, for its imports. Other machines are in
`mmdrfuse.system.cluster`.

Processes start by ``spawn`` on every system. A fork would copy the locks that other threads (a progress display,
OpenBLAS) hold at that moment, and might wait for them for ever. ``forkserver`` is no faster (3.2 s against 3.5 s).
"""

import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.system.interrupts import uninterrupted

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Item = TypeVar("Item")
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")

Workers = int | Executor
"""Number of workers, or the caller's own executor."""

_EXECUTOR_QUEUE = 8

_MAX_ON_WINDOWS = 61  # processes that one call of Windows can wait for


class Remote(Executor):
    """Workers that may be on other machines: they take many items at a time, and see only the files that are shared."""

    def ordered(
        self, work: Callable[[Item], Result], items: Iterable[Item], *, name: Callable[[Item], str],
        on_abandoned: Callable[[Result], object] | None,
    ) -> Iterator[tuple[Item, Result | MMDRFuseError]]:  # fmt: skip
        """Do what the function `ordered` does."""
        raise NotImplementedError

    def require(self, paths: Iterable[Path]) -> None:
        """Add files and folders without which no worker may begin."""
        raise NotImplementedError


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def queue_length(workers: Workers) -> int:
    """Return how many items may wait for the workers: two each, or 8 in an executor."""
    return 2 * workers if isinstance(workers, int) else _EXECUTOR_QUEUE


def threads(count: int) -> Executor:
    """Return a pool of threads; the end of its ``with`` block waits for the running ones."""
    return ThreadPoolExecutor(count)


def processes(count: int) -> Executor:
    """Return a pool of processes, which is replaced when one of them dies.

    When its ``with`` block ends with an exception, such as Ctrl-C, the processes end at once. They also end when this
    process is killed.
    """
    return _Processes(count)


def prepare_to_spawn() -> None:
    """Start the helper of multiprocessing that the first process would start: that lets Ctrl-C through again."""
    if sys.platform != "win32":
        from multiprocessing.resource_tracker import ensure_running

        ensure_running()


def share_memory(workers: Workers) -> bool:
    """Return whether the workers are threads, to which results are handed as they are."""
    return isinstance(workers, ThreadPoolExecutor)


def require(workers: Workers | None, paths: Iterable[Path]) -> None:
    """Name files that workers of other machines must see under the same path; they look for one of each folder."""
    if isinstance(workers, Remote):
        workers.require(paths)


@contextlib.contextmanager
def pool(workers: Workers, make: Callable[[int], Executor] = threads) -> Iterator[Executor]:
    """Yield a new pool of so many `threads` or `processes`, or the caller's own executor, which stays open."""
    if isinstance(workers, Executor):
        yield workers
        return
    with make(workers) as executor:
        yield executor


def ordered(
    executor: Executor,
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    buffer_size: int,
    name: Callable[[Item], str] = str,
    on_abandoned: Callable[[Result], object] | None = None,
) -> Iterator[tuple[Item, Result | MMDRFuseError]]:
    """Map ``work`` over ``items``: yield each item with its result, or with its failure.

    At most ``buffer_size`` items are submitted beyond the one that the caller waits for. This bounds the memory,
    however many items there are. When the caller stops early, the items that have not started are cancelled.

    A process may die: it is killed, runs out of memory, or crashes in native code. Then the executor loses the items
    of all its processes, because nobody knows which item was the cause. Each of these items is tried once more, alone.
    An item that ends its process again is a failure, and the other items go on.

    Args:
        executor: `threads`, `processes`, or any other.
        work: Called with each item; expected failures (`MMDRFuseError`) become results, others are raised.
        items: Taken lazily.
        buffer_size: How many items may wait; a `Remote` executor decides itself.
        name: Returns an item's name, for the message when its process dies.
        on_abandoned: Called with each result that was still being computed when the caller stopped.

    Raises:
        MMDRFuseError: No process can be started, or a cluster is lost.
    """
    if isinstance(executor, Remote):
        yield from executor.ordered(work, items, name=name, on_abandoned=on_abandoned)
        return
    pending: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            pending.append((item, _submitted(executor, work, item)))
            if len(pending) > buffer_size:
                yield from _finished(executor, work, pending, name)
        while pending:
            yield from _finished(executor, work, pending, name)
    finally:
        running = [future for _, future in pending if not future.cancel()]
        if on_abandoned is not None:
            for future in running:
                with contextlib.suppress(Exception):  # nobody waits for these results or failures any more
                    on_abandoned(future.result())


def raise_failures(results: Iterable[tuple[Item, Result | MMDRFuseError]]) -> Iterator[tuple[Item, Result]]:
    """Yield the results of `ordered`, and raise the first failure: for runs in which every item should work."""
    for item, result in results:
        if isinstance(result, MMDRFuseError):
            raise result
        yield item, result


def died_with(item: str) -> MMDRFuseError:
    """Return the failure of an item that ends each process which works on it."""
    reason = "was killed, ran out of memory or crashed"
    return MMDRFuseError(f"{item}: the process that worked on it {reason}", cure="workers")


def _finished(
    executor: Executor,
    work: Callable[[Item], Result],
    pending: deque[tuple[Item, Future[Result]]],
    name: Callable[[Item], str],
) -> Iterator[tuple[Item, Result | MMDRFuseError]]:
    """Yield the outcome of the oldest item; after the death of a process, the outcomes of all pending items."""
    died = False
    while pending:
        item, future = pending[0]
        outcome = _outcome(future)  # if the wait is interrupted, the item must still be pending
        pending.popleft()
        if isinstance(outcome, BrokenExecutor):
            died = True
            outcome = _outcome(_submitted(executor, work, item))  # alone, because nothing else is submitted meanwhile
        if isinstance(outcome, BrokenExecutor):
            outcome = died_with(name(item))
        yield item, outcome
        if not died:
            return


def _submitted(executor: Executor, work: Callable[[Item], Result], item: Item) -> "Future[Result]":
    """Submit an item; a broken executor becomes the item's outcome."""
    try:
        return executor.submit(work, item)
    except BrokenExecutor as error:
        broken: Future[Result] = Future()
        broken.set_exception(error)
        return broken


def _outcome(future: "Future[Result]") -> Result | MMDRFuseError | BrokenExecutor:
    try:
        return future.result()
    except (MMDRFuseError, BrokenExecutor) as error:
        return error


class _Processes(Executor):
    """Processes that end with this one, and at once when the block fails; a pool with a dead process is replaced."""

    def __init__(self, count: int) -> None:
        self._count = min(count, _MAX_ON_WINDOWS) if sys.platform == "win32" else count
        self._start()

    def submit(
        self, function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> "Future[Result]":
        """Submit a call; if a process has died, start new processes first."""
        with uninterrupted():
            try:
                return self._pool.submit(function, *args, **kwargs)
            except BrokenExecutor:
                self._replace()
                return self._pool.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes after their current work."""
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            self._close_pipe()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the processes, at once if the block failed."""
        if kind is not None:
            self._close_pipe()
        self.shutdown(cancel_futures=True)

    def _start(self) -> None:
        # Imported here, because every command counts cores, and few start processes.
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        context = get_context("spawn")
        # Each process waits for the end of this pipe, which comes when it is closed here or this process dies.
        self._read_end, self._write_end = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(self._count, context, initializer=_initialise, initargs=(self._read_end,))
        # All of them start now: if one died while another was starting, the pool would lose its count (CPython 3.11).
        with uninterrupted(), contextlib.suppress(BrokenExecutor):
            for _ in range(self._count):
                self._pool.submit(os.getpid)

    def _close_pipe(self) -> None:
        """Close the pipe, which ends the processes."""
        self._write_end.close()
        self._read_end.close()

    def _replace(self) -> None:
        """Start new processes.

        Raises:
            MMDRFuseError: The new processes die too, before any work.
        """
        self._close_pipe()
        self._pool.shutdown()
        self._start()
        try:
            self._pool.submit(os.getpid).result()
        except BrokenExecutor as error:
            raise MMDRFuseError(
                "no worker process can be started here; a script that uses several must do its work under "
                "if __name__ == '__main__'",
                cure="workers",
            ) from error


def _initialise(read_end: "Connection") -> None:
    """Leave Ctrl-C to the process that started this one, and exit with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_exit_at_end, args=(read_end,), daemon=True).start()


def _exit_at_end(read_end: "Connection") -> None:
    with contextlib.suppress(EOFError, OSError):
        read_end.recv_bytes()
    os._exit(1)
