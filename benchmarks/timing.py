"""Time functions for the benchmarks, and describe the machine."""

import subprocess
from importlib import metadata
from typing import Any

from mmdrfuse.system import timing
from mmdrfuse.system.timing import time_interleaved

__all__ = ["machine", "time_interleaved"]

LIBRARIES = ("numba", "torch", "scipy", "pillow")
"""Packages on which the times depend, besides NumPy."""


def machine() -> dict[str, Any]:
    """Return processor, cores, versions, commit, and the peak memory of this process in MiB."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    versions = {name: metadata.version(name) for name in LIBRARIES}
    return timing.machine() | versions | {"commit": commit.stdout.strip(), "peak": round(timing.peak_memory() or 0)}
