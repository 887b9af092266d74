"""Score fused pictures against their sources, many at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.errors import InputError, MMDRFuseError, SizeError
from mmdrfuse.metrics import METRICS, evaluate
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.folder import fuse_sources
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.registration.placing import Window
from mmdrfuse.system.workers import Workers, cores, ordered, pool, processes, threads

PICTURES_PER_PROCESS = 8
"""Fewest pictures for which a process is started: starting takes a second, the usual metrics 0.06 s at 640×480."""
_EXECUTOR_QUEUE = 64
"""Pictures that may wait in a caller's executor, which may have many workers."""


@dataclass(frozen=True)
class Candidate:
    """A picture to score, with the pair that it claims to fuse."""

    method: str
    """The method, which is a row of the table."""
    pair: Pair
    fused: Path | Fuser
    """The picture's file, or a fuser that computes it."""
    hashes: tuple[str, str] | None = None
    """SHA-256 of the infrared and the visible file that it was made from, if a manifest records them."""

    def __str__(self) -> str:
        """Return the name of the file, or of the method and the pair."""
        return str(self.fused) if isinstance(self.fused, Path) else f"{self.method} of {self.pair.name}"


def score_candidates(
    candidates: Sequence[Candidate], *, metrics: Sequence[str], protocol: str, workers: Workers | None = 1
) -> Iterator[tuple[Candidate, dict[str, float] | MMDRFuseError]]:
    """Score pictures side by side; yield each with its scores, or with the error that prevented them.

    Args:
        candidates: What to score.
        metrics: Names of `mmdrfuse.metrics.names`, as the table spells them.
        protocol: One of `mmdrfuse.metrics.PROTOCOLS`, as spelled there.
        workers: Processes; None for one per `PICTURES_PER_PROCESS` pictures and core; or an executor, which stays open.
    """
    work = partial(score_one, metrics=tuple(metrics), protocol=protocol)
    if workers is None:
        workers = min(cores(), len(candidates) // PICTURES_PER_PROCESS)
    if isinstance(workers, int):
        workers = max(1, min(workers, len(candidates)))
    queue_length = 2 * workers if isinstance(workers, int) else _EXECUTOR_QUEUE
    with pool(workers, threads if workers == 1 else processes) as executor:
        yield from ordered(executor, work, candidates, buffer_size=queue_length)


def score_one(candidate: Candidate, *, metrics: Sequence[str], protocol: str) -> dict[str, float]:
    """Read, and where needed fuse, one picture and score it against its sources.

    Where the cameras of a rig differ in view, the largest rectangle that both see is scored. A metric whose windows
    need a larger picture is missing in the result; the others are there.

    Raises:
        InputError: A file cannot be read, or a source is not what the picture was made from.
        SizeError: The three sizes differ.
        UnknownNameError: No such metric or protocol.
    """
    pair = candidate.pair
    pictures = pair.load()
    for picture, recorded in zip(pictures, candidate.hashes or (), strict=False):
        if picture.sha256 != recorded:
            source = pair.infrared if picture is pictures[0] else pair.visible
            raise InputError(f"{source}: has changed since {candidate} was made from it; fuse it again")
    prepared = pair.prepared(*(picture.image for picture in pictures))
    sources = [prepared.infrared, prepared.visible]
    if isinstance(candidate.fused, Fuser):
        fused = fuse_sources(candidate.fused, pair, *sources).image
    else:
        fused = images.read(candidate.fused)
    window = pair.preparation.common(*(picture.image.shape[:2] for picture in pictures))
    if window and fused.shape[:2] == sources[1].shape[:2]:
        fused, *sources = (_cut(image, window) for image in (fused, *sources))
    named = zip((fused, *sources), (candidate, pair.infrared, pair.visible), strict=True)
    arrays = [_eight_bit_scale(image, str(name)) for image, name in named]
    fitting = [metric for metric in metrics if smallest_side(metric, protocol) <= min(fused.shape[:2])]
    try:
        return evaluate(*arrays, metrics=fitting, protocol=protocol)
    except (InputError, SizeError) as error:
        raise error.at(candidate) from error


def _cut(image: NDArray[Any], window: Window) -> NDArray[Any]:
    top, bottom, left, right = window
    return np.ascontiguousarray(image[top:bottom, left:right])


def smallest_side(metric: str, protocol: str) -> int:
    """Return the fewest pixels that a metric's windows need in height and width."""
    return METRICS[metric].protocols[protocol].smallest


def _eight_bit_scale(image: NDArray[Any], name: str) -> NDArray[Any]:
    """Return 8 bits unchanged, and other depths on the scale 0..255 for which the metrics are defined."""
    if image.dtype == np.uint8:
        return image
    try:
        return images.to_unit(image).astype(np.float64) * 255
    except InputError as error:
        raise error.at(name) from error
