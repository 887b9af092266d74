"""How every benchmark here times, and what it says of the machine."""

import subprocess
from typing import Any

from mmdrfuse import timing
from mmdrfuse.timing import in_turns

__all__ = ["in_turns", "machine"]


def machine() -> dict[str, Any]:
    """Name processor, cores, versions, commit, and the peak memory of this process in MiB."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return timing.machine() | {"commit": commit.stdout.strip(), "peak": round(timing.peak_memory() or 0)}
