"""Which of several processes of one run this is, as launchers such as torchrun tell it in the environment."""

import os
from typing import NamedTuple


class ProcessRank(NamedTuple):
    """A process among those that were started together."""

    rank: int = 0
    """Its number, from 0."""
    size: int = 1
    """How many there are."""
    local: int = 0
    """Its number on its machine."""


def process_rank() -> ProcessRank:
    """Return this process's place; without a launcher, or with numbers that make no sense, it is alone.

    One variable by itself, as other programs and schedulers leave it behind, is no launcher's.
    """
    try:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        local = int(os.environ.get("LOCAL_RANK", "0"))
    except (KeyError, ValueError):
        return ProcessRank()
    return ProcessRank(rank, size, local) if 0 <= rank < size and local >= 0 else ProcessRank()


def is_secondary_process() -> bool:
    """Tell whether another process of a launcher's group speaks for this one: all of its variables are there."""
    return process_rank().rank > 0 and "MASTER_ADDR" in os.environ and "MASTER_PORT" in os.environ
