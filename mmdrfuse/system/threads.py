"""Threads that stay, each with its share of the processors, for work of milliseconds.

To start a thread takes 0.1 ms, too much for one picture. For work this short Linux also often leaves several threads
on one processor while others idle: it wakes a thread near the one that waits for it, and balances at a later tick. Of
two threads on two idle processors, more than half the runs took as long as with one. So each has processors of its own.
"""

import contextlib
import functools
import os
from collections.abc import Callable
from concurrent.futures import Executor

from mmdrfuse.system.workers import threads


def run_in_threads(work: Callable[[], None], count: int) -> None:
    """Call a function once in each of ``count`` threads, wait for all, and raise their errors."""
    if count == 1:
        work()
        return
    process = os.getpid()
    calls = [_thread(number, process).submit(_call, work, share) for number, share in enumerate(_shares(count))]
    for call in calls:
        call.result()


def _shares(count: int) -> list[list[int]]:
    """Distribute the processors that this thread may use; each share has at least one, if need be one of another's."""
    if not hasattr(os, "sched_getaffinity"):  # macOS and Windows
        return [[]] * count
    processors = sorted(os.sched_getaffinity(0))
    return [processors[number % len(processors) :: count] for number in range(count)]


@functools.cache
def _thread(_number: int, _process: int) -> Executor:
    """Return a thread, which starts with its first work; none survives a fork, so every process has its own."""
    return threads(1)


def _call(work: Callable[[], None], processors: list[int]) -> None:
    if processors:
        with contextlib.suppress(OSError):  # no longer among the allowed
            os.sched_setaffinity(0, processors)
    work()
