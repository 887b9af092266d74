"""Persistent threads, pinned to processors, for work of milliseconds.

To start a thread takes 0.1 ms, too much for one picture. For such short work, Linux also often puts several threads on
one processor while others idle: it wakes a thread near the one that waits for it, and balances the load only later.
With two threads on two idle processors, more than half the runs took as long as with one thread. So each thread is
pinned to processors of its own.
"""

import contextlib
import functools
import os
from collections.abc import Callable
from concurrent.futures import Executor

from mmdrfuse.system.workers import threads


def run_in_threads(work: Callable[[], None], count: int) -> None:
    """Call a function once in each of ``count`` threads, wait for all of them, and raise the first error."""
    if count == 1:
        work()
        return
    process = os.getpid()
    calls = [_thread(number, process).submit(_call, work, share) for number, share in enumerate(_shares(count))]
    for call in calls:
        call.result()


def _shares(count: int) -> list[list[int]]:
    """Distribute the processors of this thread; with more shares than processors, several shares have the same one."""
    if not hasattr(os, "sched_getaffinity"):  # macOS and Windows
        return [[]] * count
    processors = sorted(os.sched_getaffinity(0))
    return [processors[number % len(processors) :: count] for number in range(count)]


@functools.cache
def _thread(_number: int, _process: int) -> Executor:
    """Return a pool of one thread; the process is part of the key, because threads do not survive a fork."""
    return threads(1)


def _call(work: Callable[[], None], processors: list[int]) -> None:
    if processors:
        with contextlib.suppress(OSError):  # a processor that is no longer allowed
            os.sched_setaffinity(0, processors)
    work()
