"""The rank of this process among those of one run, which launchers such as torchrun set in the environment."""

import os
from typing import NamedTuple


class ProcessRank(NamedTuple):
    """The rank of a process among those that were started together."""

    rank: int = 0
    """Its number among all processes, from 0."""
    size: int = 1
    """Number of processes."""
    local: int = 0
    """Its number among the processes on its machine, from 0."""


def process_rank() -> ProcessRank:
    """Return this process's rank; 0 of 1 without a launcher, or with invalid numbers.

    A single variable does not come from a launcher: other programs and schedulers leave some of them behind.
    """
    try:
        rank = int(os.environ["RANK"])
        size = int(os.environ["WORLD_SIZE"])
        local = int(os.environ.get("LOCAL_RANK", "0"))
    except (KeyError, ValueError):
        return ProcessRank()
    valid = 0 <= rank < size and local >= 0
    return ProcessRank(rank, size, local) if valid else ProcessRank()


def is_secondary_process() -> bool:
    """Return whether a launcher started this process and another one, of rank 0, shows messages for it."""
    # torchrun always sets these two; a scheduler that only leaves RANK behind must not silence the process.
    return process_rank().rank > 0 and "MASTER_ADDR" in os.environ and "MASTER_PORT" in os.environ
