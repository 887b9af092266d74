"""Timings are in milliseconds, interleaved, after a warm-up."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mmdrfuse.system.timing import machine, peak_memory, time_interleaved


def test_functions_are_warmed_up_and_then_interleaved():
    calls = []
    rows = time_interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert "".join(calls) == "ababab"
    assert rows.keys() == {"a", "b"}


def test_sleep_takes_wall_time_and_no_processor_time():
    row = time_interleaved({"sleep": lambda: time.sleep(0.02)}, 3)["sleep"]
    assert 20 <= row["best"] <= row["median"] < 2000
    assert row["quartiles"][0] <= row["median"] <= row["quartiles"][1]
    assert row["processor"] < 20


def test_the_machine_is_described_and_memory_is_in_mebibytes():
    assert {"processor", "cores", "numpy", "mmdrfuse"} <= machine().keys()
    assert peak_memory() is None or 10 < peak_memory() < 1e6


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system tells only getrusage's peak")
def test_the_peak_of_a_process_is_its_own_and_not_that_of_the_one_that_started_it():
    block = np.ones(40_000_000)  # 305 MiB
    code = "from mmdrfuse.system.timing import peak_memory; print(peak_memory())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(child.stdout) < 250 < block.nbytes / 2**20
