"""Threads stay, share the processors out, and are each process's own."""

import os
import threading

import pytest

from mmdrfuse.system import threads
from mmdrfuse.system.threads import run_in_threads


def called(count):
    """Threads that one piece of work was called in, with the processors that each could use."""
    seen, meet = {}, threading.Barrier(count, timeout=20)

    def work():
        meet.wait()
        seen[threading.get_ident()] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None

    run_in_threads(work, count)
    return seen


def test_work_is_called_at_once_in_as_many_threads_and_the_same_every_time():
    first = called(3)
    assert len(first) == 3
    assert threading.get_ident() not in first
    assert called(3).keys() == first.keys() > called(2).keys()


def test_one_thread_is_the_one_that_asks():
    assert called(1).keys() == {threading.get_ident()}


@pytest.mark.parametrize(("count", "expected"), [(2, [[0, 5, 7], [3, 6]]), (6, [[0], [3], [5], [6], [7], [0]])])
def test_processors_are_dealt_out(monkeypatch, count, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7, 0, 3, 6, 5}, raising=False)
    assert threads._shares(count) == expected


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux, which tells where a thread may run")
def test_threads_keep_to_processors_of_their_own_and_their_caller_to_none():
    before = os.sched_getaffinity(0)
    assert sorted(map(sorted, called(2).values())) == sorted(threads._shares(2))
    assert os.sched_getaffinity(0) == before


def test_systems_that_do_not_share_out_and_processors_taken_away_cost_nothing_but_time(monkeypatch):
    def refuse(*_):
        raise OSError("Invalid argument")

    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    assert len(called(2)) == 2
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert len(called(2)) == 2


def test_error_in_a_thread_is_raised_where_it_was_asked_for():
    def fail():
        raise ZeroDivisionError("in a thread")

    with pytest.raises(ZeroDivisionError, match="in a thread"):
        run_in_threads(fail, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_process_has_threads_of_its_own():
    called(2)
    child = os.fork()
    if child == 0:
        try:
            os._exit(len(called(2)))
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
