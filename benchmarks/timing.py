"""How every benchmark here times, and what it says of the machine."""

import os
import platform
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse.version import __version__


def in_turns(work: dict[str, Callable[[], Any]], repeat: int) -> dict[str, dict[str, Any]]:
    """Time each in milliseconds after a warm-up, one after the other in every round: median and quartiles."""
    for function in work.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeat):
        for name, function in work.items():
            start = time.perf_counter()
            function()
            times[name].append(1000 * (time.perf_counter() - start))
    return {
        name: {"median": float(np.median(values)), "quartiles": np.quantile(values, (0.25, 0.75)).tolist()}
        for name, values in times.items()
    }


def machine() -> dict[str, Any]:
    """Name processor, cores, versions, commit, and the peak memory of this process in MiB."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "processor": model, "cores": os.cpu_count(), "python": platform.python_version(), "numpy": np.__version__,
        "mmdrfuse": __version__, "commit": commit.stdout.strip(),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
