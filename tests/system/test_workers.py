"""Many items side by side. Processes call `eval` with an expression, because they cannot import this file."""

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


def test_results_and_failures_have_the_order_of_the_items():
    with threads(3) as executor:
        outcomes = list(ordered(executor, half, range(20), buffer_size=4))
    assert [item for item, _ in outcomes] == list(range(20))
    assert [str(result) for _, result in outcomes] == [str(n // 2) if n % 2 == 0 else f"{n} is odd" for n in range(20)]


def test_no_more_items_than_the_buffer_holds_are_taken():
    source = count()
    with threads(2) as executor:
        assert len(list(islice(ordered(executor, half, source, buffer_size=4), 10))) == 10
    assert next(source) <= 10 + 4


def test_an_unexpected_exception_is_raised():
    with threads(1) as executor, pytest.raises(TypeError):
        list(ordered(executor, half, ["text"], buffer_size=1))


def test_the_first_failure_is_raised():
    results = raise_failures([(1, "good"), (2, InputError("bad")), (3, "good")])
    assert next(results) == (1, "good")
    with pytest.raises(InputError, match="bad"):
        next(results)


def alive(process):
    """Return whether a process exists and is not a zombie."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def ended(numbers, seconds=10):
    """Wait until all of these processes have ended, and return whether they have."""
    end = time.monotonic() + seconds
    while any(map(alive, numbers)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, numbers))


@pytest.mark.parametrize("death", [DIES, KILLED])
def test_the_death_of_a_process_fails_only_its_own_item(death):
    items = ["1", "2", death, "4", "5", "6", death, "8"]
    with processes(2) as executor:
        outcomes = list(ordered(executor, eval, items, buffer_size=3, name=lambda item: f"item {item[:12]}"))
    results = [result for _, result in outcomes]
    assert [result for result in results if isinstance(result, int)] == [1, 2, 4, 5, 6, 8]
    assert [index for index, result in enumerate(results) if isinstance(result, MMDRFuseError)] == [2, 6]
    assert results[2].message.startswith("item __import__('")
    assert results[2].cure == "workers"


def test_an_error_with_its_own_constructor_comes_out_of_a_process():
    error = "__import__('mmdrfuse.errors').errors.MissingExtraError('av', 'video', 'clip.mp4')"
    item = f"(_ for _ in ()).throw({error})"
    with processes(1) as executor:
        ((_, result), (_, after)) = ordered(executor, eval, [item, "7"], buffer_size=1)
    assert (type(result).__name__, result.package, after) == ("MissingExtraError", "av", 7)


@pytest.mark.parametrize("make", [threads, lambda number: ProcessPoolExecutor(number, get_context("spawn"))])
def test_an_executor_of_the_caller_is_used_and_stays_open(make):
    with make(1) as own:
        with pool(own) as executor:
            assert [result for _, result in ordered(executor, eval, ["3", "4"], buffer_size=1)] == [3, 4]
        assert own.submit(int, "5").result() == 5


def test_a_broken_executor_of_the_caller_fails_each_item_by_name():
    with ProcessPoolExecutor(1, get_context("spawn")) as own:
        outcomes = list(ordered(own, eval, ["1", DIES, "3"], buffer_size=0, name=str))
    assert outcomes[0] == ("1", 1)
    assert [str(result).split(":")[0] for _, result in outcomes[1:]] == [DIES, "3"]


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
    assert ended(numbers)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows starts processes without it")
def test_ctrl_c_never_reaches_a_process_and_is_blocked_here_only_while_it_starts():
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
    assert ended([worker])


def test_a_script_without_a_guard_ends_with_an_error_that_names_it(tmp_path):
    code = "from mmdrfuse.system.workers import ordered, processes\nwith processes(1) as executor:\n"
    (tmp_path / "script.py").write_text(code + "    list(ordered(executor, eval, ['1'], buffer_size=1))")
    run = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "if __name__ == '__main__'" in run.stderr.splitlines()[-1]


@pytest.mark.slow
def test_processes_start_beside_running_threads(tmp_path):
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
