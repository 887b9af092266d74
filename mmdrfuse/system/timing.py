"""Fair timings, and a description of the machine."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse.version import __version__

_PAUSE = 0.01
"""Seconds before each timing, in which the threads of the last one stop their busy waiting."""


def time_interleaved(work: dict[str, Callable[[], Any]], repeat: int) -> dict[str, dict[str, Any]]:
    """Time functions in milliseconds after a warm-up, all of them in every round, so that they meet the same load.

    Args:
        work: Name → function to time.
        repeat: Rounds.

    Returns:
        Name → ``median``, ``quartiles`` and ``best``, and ``processor``: the median processor time of all threads
        together, which other work on the machine disturbs least.
    """
    for function in work.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in work}
    processor: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeat):
        for name, function in work.items():
            time.sleep(_PAUSE)
            start = time.perf_counter()
            processor_start = time.process_time()
            function()
            processor[name].append(1000 * (time.process_time() - processor_start))
            times[name].append(1000 * (time.perf_counter() - start))
    return {
        name: {
            "median": float(np.median(values)), "quartiles": np.quantile(values, (0.25, 0.75)).tolist(),
            "best": min(values), "processor": float(np.median(processor[name])),
        }
        for name, values in times.items()
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """Return the names of the processor and the system, the number of cores, and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {
        "processor": model, "cores": os.cpu_count(), "system": platform.system(),
        "python": platform.python_version(), "numpy": np.__version__, "mmdrfuse": __version__,
    }  # fmt: skip


def peak_memory() -> float | None:
    """Return this process's peak memory in MiB; None on systems that do not measure it."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says begins with the peak of the process that started this one
        _, found, rest = status.read_text().partition("VmHWM:")
        if found:
            return int(rest.split()[0]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
