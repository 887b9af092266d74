"""What the C library does with freed memory.

If it stays in the process for the next tensors, this halves the time of a training step on the CPU.
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""Options of glibc's ``mallopt`` (malloc.h)."""

STEP = 256 * 2**20
"""Bytes by which the C library extends its memory."""


def keep_freed_memory() -> bool:
    """Tell the C library not to return large freed blocks to the system.

    By default, every tensor of more than about 32 MB is mapped anew, and the first access to each of its pages costs a
    page fault. Measured on two cores, batch 25×128×128, one thread: a student's step took 2.9 instead of 5.9 seconds
    of CPU time, a teacher's 7.4 instead of 11.3.

    Returns:
        Whether the C library is glibc and accepted the options; with others nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    options = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, STEP))
    return all(mallopt(option, value) == 1 for option, value in options)


def release_freed_memory() -> None:
    """Tell the C library to return freed memory to the system, which takes some milliseconds; glibc only.

    By itself glibc keeps gaps of up to 64 MB, for speed. Before a step that needs much memory, this lowers the peak.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
