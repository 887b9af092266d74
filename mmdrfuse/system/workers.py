"""Work on many items side by side: the one place that makes pools of threads and processes.

::

    from mmdrfuse.system.workers import ordered, pool, processes, threads, raise_failures

    with threads(4) as executor:                       # or processes(4)
        for item, result in ordered(executor, work, items, buffer_size=8):
            ...                                        # in the order of the items; failures are results

    with pool(workers, processes) as executor:         # workers: a number, or any Executor that the caller made
        ...                                            # the caller's one stays open

Threads serve work that waits for the disk or leaves the interpreter (decoding, the kernel, encoding); processes serve
work in Python and NumPy (the metrics). A process costs about a second to start, the time of its imports.

Processes start by ``spawn``, on every system: a fork would copy whatever locks the other threads (a progress display,
OpenBLAS) hold at that moment, and may wait for them for ever. ``forkserver`` needs as long (measured: 3.2 s and 3.5 s
for two processes that import the metrics, on two busy cores), so one way is enough.
"""

import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from mmdrfuse.errors import MMDRFuseError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Item = TypeVar("Item")
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")

Workers = int | Executor
"""How many, or the caller's own executor."""

_EXECUTOR_QUEUE = 8

_MOST_ON_WINDOWS = 61
"""Processes that one call of Windows can wait for."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def queue_length(workers: Workers) -> int:
    """Return how many items may wait for the workers: two each, or 8 for an executor of unknown size."""
    return 2 * workers if isinstance(workers, int) else _EXECUTOR_QUEUE


def threads(count: int) -> Executor:
    """Return a pool of threads; leaving its ``with`` block waits for what they have begun."""
    return ThreadPoolExecutor(count)


def processes(count: int) -> Executor:
    """Return a pool of processes that is made anew when one of them dies.

    When its ``with`` block ends by an exception, Ctrl-C among them, the processes end at once. They end by themselves
    when this process is killed.
    """
    return _Processes(count)


@contextlib.contextmanager
def pool(workers: Workers, make: Callable[[int], Executor] = threads) -> Iterator[Executor]:
    """Give a pool of so many workers, or the caller's own executor, which stays open.

    Args:
        workers: How many, or an executor.
        make: What makes the pool: `threads` or `processes`.
    """
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
        buffer_size: How many items may wait.
        name: Returns an item's name, for the message when its process dies.
        on_abandoned: Called with each result that was still being computed when the caller stopped.

    Raises:
        MMDRFuseError: No process can be started.
    """
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
    """Pass results on, raising the first failure: for runs whose items are all meant to work."""
    for item, result in results:
        if isinstance(result, MMDRFuseError):
            raise result
        yield item, result


def _finished(
    executor: Executor,
    work: Callable[[Item], Result],
    pending: deque[tuple[Item, Future[Result]]],
    name: Callable[[Item], str],
) -> Iterator[tuple[Item, Result | MMDRFuseError]]:
    """Give the oldest item's outcome; after a death those of all pending ones, before others are submitted."""
    died = False
    while pending:
        item, future = pending[0]
        outcome = _outcome(future)  # where waiting is interrupted, the item is still pending
        pending.popleft()
        if isinstance(outcome, BrokenExecutor):
            died = True
            outcome = _outcome(_submitted(executor, work, item))  # alone: nothing else is submitted meanwhile
        if isinstance(outcome, BrokenExecutor):
            reason = "was killed, ran out of memory or crashed"
            outcome = MMDRFuseError(f"{name(item)}: the process that worked on it {reason}", cure="workers")
        yield item, outcome
        if not died:
            return


def _submitted(executor: Executor, work: Callable[[Item], Result], item: Item) -> "Future[Result]":
    """Submit an item; that an executor is broken shows as its outcome."""
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
    """Processes that end with this one, at once where a block fails; a pool with a dead one is replaced."""

    def __init__(self, count: int) -> None:
        self._count = min(count, _MOST_ON_WINDOWS) if sys.platform == "win32" else count
        self._start()

    def submit(
        self, function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> "Future[Result]":
        """Submit a call, after a death to new processes."""
        with _uninterrupted():  # this is where processes start
            try:
                return self._pool.submit(function, *args, **kwargs)
            except BrokenExecutor:
                self._replace()
                return self._pool.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes when they have done what they were given."""
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            self._cut()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the processes; at once when the block failed."""
        if kind is not None:
            self._cut()
        self.shutdown(cancel_futures=True)

    def _start(self) -> None:
        # Imported here: those who only count cores, as every command does, need not wait for it.
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        context = get_context("spawn")
        # Nothing is ever sent. Each process waits for the end of this pipe, and ends with it: when it is closed here,
        # and when this process is gone.
        self._lifeline, self._end = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(self._count, context, initializer=_begin, initargs=(self._lifeline,))

    def _cut(self) -> None:
        """Close the pipe: no process outlives it."""
        self._end.close()
        self._lifeline.close()

    def _replace(self) -> None:
        """Start new processes.

        Raises:
            MMDRFuseError: Not even a process without work lives.
        """
        self._cut()
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


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back, here for a moment, and in the processes that start meanwhile until `_begin` ignores it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(lifeline: "Connection") -> None:
    """Begin a worker process: leave Ctrl-C to the process that started it, and end with that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: "Connection") -> None:
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
