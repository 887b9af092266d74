"""Timing things fairly, and saying on what machine."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse.version import __version__

_PAUSE = 0.01
"""Seconds before each timing: threads of the last one, which wait busily for more work, have gone to sleep then."""


def time_interleaved(work: dict[str, Callable[[], Any]], repeat: int) -> dict[str, dict[str, Any]]:
    """Time each in milliseconds after a warm-up, one after the other in every round, so that all meet the same load.

    Args:
        work: Name → what to time.
        repeat: Rounds.

    Returns:
        Name → ``median``, ``quartiles`` and ``best``, and ``processor``, the median of the processor time of all
        threads together, which other work on the machine disturbs least.
    """
    for function in work.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in work}
    processor: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeat):
        for name, function in work.items():
            time.sleep(_PAUSE)
            start, spent = time.perf_counter(), time.process_time()
            function()
            processor[name].append(1000 * (time.process_time() - spent))
            times[name].append(1000 * (time.perf_counter() - start))
    return {
        name: {
            "median": float(np.median(values)), "quartiles": np.quantile(values, (0.25, 0.75)).tolist(),
            "best": min(values), "processor": float(np.median(processor[name])),
        }
        for name, values in times.items()
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """Name the processor, its cores and the versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {
        "processor": model, "cores": os.cpu_count(), "system": platform.system(),
        "python": platform.python_version(), "numpy": np.__version__, "mmdrfuse": __version__,
    }  # fmt: skip


def peak_memory() -> float | None:
    """Give the most memory that this process has held, in MiB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
