"""Measure a network's efficiency on this machine: parameters, multiply-adds, milliseconds, memory.

These are the columns of the efficiency table in papers on fusion, for any weights and picture size.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.images import luminance
from mmdrfuse.models import Checkpoint
from mmdrfuse.models.checkpoints import SHAPES
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.peers import load_peers
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
    """For ``engine`` and each of the peers: ``median``, ``quartiles`` and ``best`` of one pair, 8 bits to 8 bits. For
    peers also ``differing``, the share of levels that differ from the engine's, and ``at_most``, the largest
    difference."""
    missing: dict[str, str]
    """Peers that were not timed → the package that is not installed."""
    pairs_per_second: float | None
    """Pairs read, fused and written."""
    peak_mebibytes: float | None
    """Of the whole process, measured before the peers are imported."""
    machine: dict[str, Any]


def efficiency(
    checkpoint: Checkpoint,
    *,
    width: int,
    height: int,
    threads: int = 1,
    peers: Iterable[str] = (),
    repeat: int = 30,
    files: tuple[Sequence[Pair], Path] | None = None,
) -> Efficiency:
    """Count a network's parameters and operations, and time it.

    Args:
        checkpoint: Its weights.
        width: Columns of the pictures.
        height: Rows.
        threads: Threads for one pair, and pairs at a time in the whole run.
        peers: Names in `mmdrfuse.pipeline.peers.PEERS`, to be timed with the engine in every round.
        repeat: How often each is timed, alternating, after a warm-up.
        files: Pairs of this size for the whole run, and the folder that their fused pictures go to. One pair is timed
            by the first of them; without them, by noise.

    Raises:
        UnknownNameError: There is no such peer.
    """
    pictures = _pictures(width, height, files[0] if files else ())
    engine = make(checkpoint, threads=threads)
    work: dict[str, Callable[[], Any]] = {"engine": lambda: fuse_stored(engine, *pictures)}
    rows = time_interleaved(work, repeat)
    rate = _pairs_per_second(checkpoint, *files, workers=threads) if files else None
    peak = peak_memory()

    found, missing = load_peers(peers, checkpoint, width=width, height=height, threads=threads)
    if found:
        rows = time_interleaved(work | {name: partial(fuse, *pictures) for name, fuse in found.items()}, repeat)
        expected = fuse_stored(engine, *pictures).astype(int)
        for name, fuse in found.items():
            rows[name] |= _differences(fuse(*pictures), expected)
    parameters = sum(array.size for array in checkpoint.arrays.values())
    return Efficiency(
        weights=checkpoint.name, network=checkpoint.network, parameters=parameters, kilobytes=4 * parameters / 1024,
        width=width, height=height, multiply_adds=multiply_adds(checkpoint, width, height), threads=threads,
        milliseconds=rows, missing=missing, pairs_per_second=rate, peak_mebibytes=peak, machine=machine(),
    )  # fmt: skip


def multiply_adds(checkpoint: Checkpoint, width: int, height: int) -> int:
    """Return the number of multiply-adds in the convolutions of one pair."""
    if checkpoint.network == "none":
        return 0
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


def _pictures(width: int, height: int, pairs: Sequence[Pair]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    if pairs:
        return luminance(images.read(pairs[0].infrared)), luminance(images.read(pairs[0].visible))
    infrared, visible = np.random.default_rng(0).integers(0, 256, (2, height, width), np.uint8)
    return infrared, visible


def _differences(fused: NDArray[np.uint8], expected: NDArray[np.int_]) -> dict[str, float]:
    off = np.abs(fused.astype(int) - expected)
    return {"differing": float(np.count_nonzero(off) / off.size), "at_most": int(off.max())}
