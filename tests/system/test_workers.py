"""Many items side by side. What processes do is an expression for `eval`, which they know without this file."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path

import pytest

from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.system.workers import cores, ordered, pool, processes, raise_failures, threads

DIES = "__import__('os')._exit(9)"
KILLED = "__import__('os').kill(__import__('os').getpid(), 9)"


def half(number):
    if number % 2:
        raise InputError(f"{number} is odd")
    return number // 2


def test_results_come_in_order_and_failures_in_their_place():
    with threads(3) as executor:
        found = list(ordered(executor, half, range(20), buffer_size=4))
    assert [item for item, _ in found] == list(range(20))
    assert [str(result) for _, result in found] == [str(n // 2) if n % 2 == 0 else f"{n} is odd" for n in range(20)]


def test_only_a_few_items_are_taken_ahead():
    source = count()
    with threads(2) as executor:
        assert len(list(islice(ordered(executor, half, source, buffer_size=4), 10))) == 10
    assert next(source) <= 10 + 4


def test_a_bug_is_not_taken_for_an_expected_failure():
    with threads(1) as executor, pytest.raises(TypeError):
        list(ordered(executor, half, ["text"], buffer_size=1))


def test_unfailing_run_raises_the_first_failure():
    results = raise_failures([(1, "good"), (2, InputError("bad")), (3, "good")])
    assert next(results) == (1, "good")
    with pytest.raises(InputError, match="bad"):
        next(results)


def alive(process):
    """Tell whether a process is there and not a zombie."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def gone(numbers, seconds=10):
    """Wait until none of these processes is alive."""
    end = time.monotonic() + seconds
    while any(map(alive, numbers)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, numbers))


@pytest.mark.parametrize("death", [DIES, KILLED])
def test_the_death_of_a_process_costs_only_the_item_that_it_had(death):
    items = ["1", "2", death, "4", "5", "6", death, "8"]
    with processes(2) as executor:
        found = [
            result for _, result in ordered(executor, eval, items, buffer_size=3, name=lambda item: f"item {item[:12]}")
        ]
    assert [result for result in found if isinstance(result, int)] == [1, 2, 4, 5, 6, 8]
    assert [index for index, result in enumerate(found) if isinstance(result, MMDRFuseError)] == [2, 6]
    assert found[2].message.startswith("item __import__('")
    assert found[2].cure == "workers"


def test_an_error_with_its_own_constructor_comes_out_of_a_process():
    made = "__import__('mmdrfuse.errors').errors.MissingExtraError('av', 'video', 'clip.mp4')"
    item = f"(_ for _ in ()).throw({made})"
    with processes(1) as executor:
        ((_, result), (_, after)) = ordered(executor, eval, [item, "7"], buffer_size=1)
    assert (type(result).__name__, result.package, after) == ("MissingExtraError", "av", 7)


@pytest.mark.parametrize("make", [threads, lambda number: ProcessPoolExecutor(number, get_context("spawn"))])
def test_a_caller_s_executor_is_used_and_left_open(make):
    with make(1) as own:
        with pool(own) as executor:
            assert [result for _, result in ordered(executor, eval, ["3", "4"], buffer_size=1)] == [3, 4]
        assert own.submit(int, "5").result() == 5


def test_a_caller_s_broken_executor_fails_each_item_by_name():
    with ProcessPoolExecutor(1, get_context("spawn")) as own:
        found = list(ordered(own, eval, ["1", DIES, "3"], buffer_size=0, name=str))
    assert found[0] == ("1", 1)
    assert [str(result).split(":")[0] for _, result in found[1:]] == [DIES, "3"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_block_that_fails_ends_its_processes_at_once():
    numbers = []

    def interrupted():
        with processes(2) as executor:
            numbers.append(executor.submit(os.getpid).result())
            sleeping = [executor.submit(time.sleep, 60) for _ in range(2)]
            while not all(future.running() for future in sleeping):
                time.sleep(0.01)
            raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - start < 30
    assert gone(numbers)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows starts processes without it")
def test_ctrl_c_never_reaches_a_process_and_is_held_back_here_for_a_moment_only():
    with processes(1) as executor:
        assert executor.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
        assert signal.SIGINT in executor.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()  # from the start
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


SCRIPT = """
import os, signal, sys, time
from mmdrfuse.system.workers import ordered, processes
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    with processes(2) as executor:
        print(os.getpid(), executor.submit(os.getpid).result(), flush=True)
        list(ordered(executor, time.sleep, [60, 60, 60], buffer_size=3))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_started_it(tmp_path, number):
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        own, worker = map(int, run.stdout.readline().split())
        os.kill(own, number)
        run.communicate(timeout=20)
    assert run.returncode != 0
    assert gone([worker])


def test_a_script_without_a_guard_is_told_so(tmp_path):
    code = "from mmdrfuse.system.workers import ordered, processes\nwith processes(1) as executor:\n"
    (tmp_path / "script.py").write_text(code + "    list(ordered(executor, eval, ['1'], buffer_size=1))")
    run = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "if __name__ == '__main__'" in run.stderr.splitlines()[-1]


def test_threads_that_live_do_not_matter_to_new_processes(tmp_path):
    code = """
import threading, time
from mmdrfuse.system.workers import processes
if __name__ == "__main__":
    threading.Thread(target=time.sleep, args=(3,)).start()
    with processes(1) as executor:
        assert executor.submit(int, "7").result() == 7
"""
    (tmp_path / "script.py").write_text(code)
    subprocess.run([sys.executable, "-W", "error", tmp_path / "script.py"], check=True, timeout=30)


def test_cores_are_those_that_the_process_may_use():
    assert 1 <= cores() <= os.cpu_count()
