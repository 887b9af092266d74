"""Threads persist, are pinned to different processors, and belong to one process."""

import os
import threading

import pytest

from mmdrfuse.system import threads
from mmdrfuse.system.threads import run_in_threads


def called(count):
    """Return the threads that called a function, with the processors of each."""
    processors = {}
    barrier = threading.Barrier(count, timeout=20)

    def work():
        barrier.wait()
        processors[threading.get_ident()] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None

    run_in_threads(work, count)
    return processors


def test_the_same_threads_call_the_function_at_the_same_time():
    first = called(3)
    assert len(first) == 3
    assert threading.get_ident() not in first
    assert called(3).keys() == first.keys() > called(2).keys()


def test_a_single_thread_is_the_callers_own():
    assert called(1).keys() == {threading.get_ident()}


@pytest.mark.parametrize(("count", "expected"), [(2, [[0, 5, 7], [3, 6]]), (6, [[0], [3], [5], [6], [7], [0]])])
def test_processors_are_distributed(monkeypatch, count, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7, 0, 3, 6, 5}, raising=False)
    assert threads._shares(count) == expected


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux, where threads can be pinned")
def test_threads_are_pinned_and_their_caller_is_not():
    before = os.sched_getaffinity(0)
    assert sorted(map(sorted, called(2).values())) == sorted(threads._shares(2))
    assert os.sched_getaffinity(0) == before


def test_threads_work_where_they_cannot_be_pinned(monkeypatch):
    def refuse(*_):
        raise OSError("Invalid argument")

    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    assert len(called(2)) == 2
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert len(called(2)) == 2


def test_an_error_in_a_thread_is_raised_in_the_caller():
    def fail():
        raise ZeroDivisionError("in a thread")

    with pytest.raises(ZeroDivisionError, match="in a thread"):
        run_in_threads(fail, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_its_own_threads():
    called(2)
    child = os.fork()
    if child == 0:
        try:
            os._exit(len(called(2)))
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
