"""Scores of fused pictures, many at a time."""

import math
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
from mmdrfuse.pipeline.fusing import fuse_sources, sha256
from mmdrfuse.pipeline.fusion import Fuser
from mmdrfuse.pipeline.pairs import Pair
from mmdrfuse.system.workers import ordered, processes, threads


@dataclass(frozen=True)
class Candidate:
    """A picture to score, with the pair that it claims to fuse."""

    method: str
    """Row of the table it belongs to."""
    pair: Pair
    fused: Path | Fuser
    """A file, or what makes the picture on the fly."""
    hashes: tuple[str, str] | None = None
    """SHA-256 of the infrared and visible file that it was made from, where that is known."""


def score(
    candidates: Sequence[Candidate], *, metrics: Sequence[str], protocol: str, workers: int = 1
) -> Iterator[tuple[Candidate, dict[str, float] | MMDRFuseError]]:
    """Score pictures side by side, giving each with its scores, or with what kept it from being scored.

    Args:
        candidates: What to score.
        metrics: Names of `mmdrfuse.metrics.names`, as the table spells them.
        protocol: One of `mmdrfuse.metrics.PROTOCOLS`, as spelled there.
        workers: Processes.
    """
    work = partial(score_one, metrics=tuple(metrics), protocol=protocol)
    count = min(workers, len(candidates))
    with processes(count) if count > 1 else threads(1) as executor:
        yield from ordered(executor, work, candidates, ahead=2 * count, name=_name)


def score_one(candidate: Candidate, *, metrics: Sequence[str], protocol: str) -> dict[str, float]:
    """Read, and where needed fuse, one picture and score it against its sources.

    A metric whose windows need a larger picture is NaN; the others do not suffer from it.

    Raises:
        InputError: A file cannot be read, or a source is not what the picture was made from.
        SizeError: The three sizes differ.
        UnknownNameError: No such metric or protocol.
    """
    pair = candidate.pair
    _check_sources(candidate)
    sources = pair.sources()
    if isinstance(candidate.fused, Fuser):
        fused = fuse_sources(candidate.fused, pair, *sources).image
    else:
        fused = images.read(candidate.fused)
    arrays = [_eight_bit_scale(image) for image in (fused, *sources)]
    try:
        return _evaluate_what_fits(arrays, metrics, protocol)
    except (InputError, SizeError) as error:
        raise error.at(_name(candidate)) from error


def _name(candidate: Candidate) -> str:
    return str(candidate.fused) if isinstance(candidate.fused, Path) else f"{candidate.method} of {candidate.pair.name}"


def _check_sources(candidate: Candidate) -> None:
    sources = candidate.pair.infrared, candidate.pair.visible
    for source, known in zip(sources, candidate.hashes or (), strict=False):
        if sha256(source) != known:
            raise InputError(f"{source}: has changed since {candidate.fused} was made from it; fuse it again")


def _evaluate_what_fits(arrays: Sequence[NDArray[Any]], metrics: Sequence[str], protocol: str) -> dict[str, float]:
    smallest = {metric: METRICS[metric].protocols[protocol].smallest for metric in metrics}
    side = min(arrays[0].shape[:2])
    scores = evaluate(*arrays, metrics=[metric for metric in metrics if smallest[metric] <= side], protocol=protocol)
    return {metric: scores.get(metric, math.nan) for metric in metrics}


def _eight_bit_scale(image: NDArray[Any]) -> NDArray[Any]:
    """Leave 8 bits as they are; put other depths on the scale 0..255 that the definitions are written for."""
    return image if image.dtype == np.uint8 else images.to_unit(image).astype(np.float64) * 255
