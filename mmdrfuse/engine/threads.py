"""Threads that stay, each with its share of the processors, for work of milliseconds.

To start a thread takes 0.1 ms, which a picture can feel. And for work this short Linux often leaves several threads on
one processor while others idle: it wakes a thread near the one that waits for it, and evens out at a later tick. Of
two threads on two idle processors, more than half the runs took as long as with one. So each has processors of its own.
"""

import contextlib
import functools
import os
from collections.abc import Callable
from concurrent.futures import Executor

from mmdrfuse.system.workers import threads


def together(work: Callable[[], None], count: int) -> None:
    """Call a function once in each of ``count`` threads, and wait for all; errors are raised here."""
    if count == 1:
        work()
        return
    shares = enumerate(_shares(count))
    for done in [_thread(number, os.getpid()).submit(_call, work, share) for number, share in shares]:
        done.result()


def _shares(count: int) -> list[list[int]]:
    """Deal out the processors that this thread may use; every share has one, if need be the same as another."""
    if not hasattr(os, "sched_getaffinity"):  # macOS and Windows
        return [[]] * count
    processors = sorted(os.sched_getaffinity(0))
    return [processors[number % len(processors) :: count] for number in range(count)]


@functools.cache
def _thread(_number: int, _process: int) -> Executor:
    """Give a thread, which starts with its first work; none survives a fork, so every process has its own."""
    return threads(1)


def _call(work: Callable[[], None], processors: list[int]) -> None:
    if processors:
        with contextlib.suppress(OSError):  # no longer among the allowed
            os.sched_setaffinity(0, processors)
    work()
