"""What a bug report needs: versions, and the machine."""

import os
import platform
import sys
from pathlib import Path

from mmdrfuse.version import __version__

PACKAGES = ("numpy", "numba", "torch", "scipy", "pillow", "h5py", "safetensors")
"""Packages whose versions are reported; none of them is imported."""


def about() -> dict[str, str | int | None]:
    """Return the versions of mmdrfuse, Python and packages, and the machine; None for a package that is missing."""
    return {
        "mmdrfuse": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        **{package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str | None:
    # Imported here: it brings the email package along, for which every command would wait 8 ms.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the processor's name; on Linux, only a file has it."""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
