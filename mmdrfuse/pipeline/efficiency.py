"""Measure a network's efficiency on this machine: parameters, multiply-adds, milliseconds, memory.

These are the columns of the efficiency table in papers on fusion, for any weights and picture size.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.models import Checkpoint
from mmdrfuse.models.checkpoints import SHAPES
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.system.timing import machine, peak_memory, time_interleaved
from mmdrfuse.system.workers import raise_failures

_HALVED = frozenset({"e3", "e4", "e5", "e6", "d6", "d5", "d4", "d3"})
"""Layers of the teacher that work at half the height and width."""


@dataclass(frozen=True)
class Efficiency:
    """The efficiency of a network on this machine."""

    weights: str
    network: str
    parameters: int
    kilobytes: float
    """Size of its parameters, four bytes each."""
    width: int
    height: int
    multiply_adds: int
    """For one pair."""
    threads: int
    milliseconds: dict[str, dict[str, Any]]
    """For ``engine``, and ``torch`` if chosen: ``median``, ``quartiles`` and ``best`` of one pair, 8 bits to 8 bits."""
    pairs_per_second: float | None
    """Pairs read, fused and written."""
    peak_mebibytes: float | None
    """Of the whole process, measured before torch is imported unless the engine is torch."""
    machine: dict[str, Any]


def efficiency(
    checkpoint: Checkpoint,
    *,
    width: int,
    height: int,
    threads: int = 1,
    torch: bool = False,
    repeat: int = 30,
    files: tuple[Sequence[Pair], Path] | None = None,
) -> Efficiency:
    """Count a network's parameters and operations, and time it.

    Args:
        checkpoint: Its weights.
        width: Columns of the pictures.
        height: Rows.
        threads: Threads for one pair, and pairs at a time in the whole run.
        torch: Time the torch engine too, which imports torch.
        repeat: How often each is timed, alternating, after a warm-up.
        files: Pairs for the whole run, and the folder that their fused pictures go to.
    """
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (2, height, width)).astype(np.uint8)
    engine = make(checkpoint, threads=threads)
    rows = time_interleaved({"engine": lambda: fuse_stored(engine, *pictures)}, repeat)
    rate = _pairs_per_second(checkpoint, *files, workers=threads) if files else None
    peak = peak_memory()
    if torch:
        rows |= _torch(checkpoint, pictures, threads, repeat)
    parameters = sum(array.size for array in checkpoint.arrays.values())
    return Efficiency(
        weights=checkpoint.name, network=checkpoint.network, parameters=parameters, kilobytes=4 * parameters / 1024,
        width=width, height=height, multiply_adds=multiply_adds(checkpoint, width, height), threads=threads,
        milliseconds=rows, pairs_per_second=rate, peak_mebibytes=peak, machine=machine(),
    )  # fmt: skip


def multiply_adds(checkpoint: Checkpoint, width: int, height: int) -> int:
    """Return the number of multiply-adds in the convolutions of one pair."""
    halves = -(-width // 2) * -(-height // 2)
    return sum(
        9 * outputs * inputs * (halves if layer in _HALVED else width * height)
        for layer, (outputs, inputs) in SHAPES[checkpoint.network].items()
    )


def _pairs_per_second(checkpoint: Checkpoint, pairs: Sequence[Pair], out: Path, *, workers: int) -> float:
    choices = Choices(Fuser(make(checkpoint)), checkpoint)
    start = time.perf_counter()
    done = sum(1 for _ in raise_failures(fuse_pairs(choices, pairs, out, workers=workers, overwrite=True)))
    return done / (time.perf_counter() - start)


def _torch(checkpoint: Checkpoint, pictures: NDArray[np.uint8], threads: int, repeat: int) -> dict[str, dict[str, Any]]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    reference = make(checkpoint, kind="torch")
    rows = time_interleaved({"torch": lambda: fuse_stored(reference, *pictures)}, repeat)
    torch.set_num_threads(before)
    return rows
