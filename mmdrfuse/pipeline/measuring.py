"""What has to be looked for in a whole set before its pictures are made, so that all are made alike.

Every file is read once more for it and counted in a histogram: memory does not grow with the set.
"""

import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images import PERCENTILES, Histogram, Levels, deep, flir, luminance
from mmdrfuse.images.histogram import OUTPUTS
from mmdrfuse.pipeline.fusing import Job, prepared_output
from mmdrfuse.pipeline.ordered import ordered
from mmdrfuse.pipeline.pairs import Pair
from mmdrfuse.pipeline.tiles import is_huge, luminance_blocks, outputs

Result = TypeVar("Result")
Advance = Callable[[str], object]

_EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"})
_FEWEST_STEPS = 256


class _Seen(NamedTuple):
    """What one infrared picture holds."""

    dtype: np.dtype[Any]
    low: float
    high: float
    counts: NDArray[np.int64] | None
    """By value; None for floating point, whose bins need the ends of the whole set."""


def with_infrared_ranges(
    pairs: Sequence[Pair], levels: Levels, *, workers: int = 1, advance: Advance = str
) -> list[Pair]:
    """Settle the range of the infrared for a whole set: one for all pictures of a type.

    Pictures that cannot be read are passed over; they fail when their turn comes.

    Args:
        pairs: The set.
        levels: What to look for.
        workers: Threads.
        advance: Told the name of each pair that was looked at.

    Returns:
        The same pairs, each with the range of its infrared where it has one.

    Raises:
        InputError: Floating-point values that lie so far apart that percentiles say nothing.
    """
    if not levels.percent:
        return [pair.within(levels.low, levels.high) for pair in pairs]
    types: dict[Pair, np.dtype[Any]] = {}
    ends: dict[np.dtype[Any], tuple[float, float]] = {}
    histograms: dict[np.dtype[Any], Histogram] = {}
    for pair, seen in _each(lambda pair: _look(pair, levels), pairs, workers, advance):
        if seen is None:
            continue
        types[pair] = seen.dtype
        low, high = ends.get(seen.dtype, (math.inf, -math.inf))
        ends[seen.dtype] = min(low, seen.low), max(high, seen.high)
        if seen.counts is not None:
            histograms.setdefault(seen.dtype, _integers()).add(seen.counts)
    for dtype in ends.keys() - histograms.keys():
        histograms[dtype] = histogram = Histogram(*ends[dtype])
        floating = [pair for pair in pairs if types.get(pair) == dtype]
        _fill(histogram, _infrared, floating, workers, str)
    ranges = {dtype: _range(histogram, levels, dtype) for dtype, histogram in histograms.items()}
    return [pair.within(*ranges[types[pair]]) if pair in types else pair for pair in pairs]


def with_limits(job: Job, pairs: Sequence[Pair], *, workers: int = 1, advance: Advance = str) -> Job:
    """Settle what becomes black and white for a whole set, where ``percentile`` asks for it: fuse once to look.

    Args:
        job: How to fuse.
        pairs: The set, with the ranges of its infrared.
        workers: Threads.
        advance: Told the name of each pair that was looked at.
    """
    if job.fuser.range != "percentile":
        return job
    histogram = Histogram(*OUTPUTS)

    def output(pair: Pair) -> Iterable[NDArray[np.float32]]:
        return outputs(job.fuser, pair) if job.in_blocks(pair) else [prepared_output(job.fuser, pair)]

    _fill(histogram, output, pairs, workers, advance)
    if not histogram.counts.any():  # nothing can be fused, which the run will say
        return job
    return replace(job, fuser=replace(job.fuser, limits=histogram.percentiles(*PERCENTILES)))


def _each(
    work: Callable[[Pair], Result], pairs: Sequence[Pair], workers: int, advance: Advance
) -> Iterator[tuple[Pair, Result]]:
    with ThreadPoolExecutor(workers) as pool:
        for pair, result in ordered(pool, work, pairs, ahead=workers):
            advance(pair.name)
            if not isinstance(result, MMDRFuseError):
                yield pair, result


def _fill(
    histogram: Histogram,
    parts: Callable[[Pair], Iterable[NDArray[Any]]],
    pairs: Sequence[Pair],
    workers: int,
    advance: Advance,
) -> None:
    """Count pictures that come in one part or in many."""

    def count(pair: Pair) -> NDArray[np.int64]:
        return sum((histogram.count(part) for part in parts(pair)), np.zeros_like(histogram.counts))

    for _, counts in _each(count, pairs, workers, advance):
        histogram.add(counts)


def _look(pair: Pair, levels: Levels) -> _Seen | None:
    """Count one infrared picture; nothing where its range is that of its type."""
    if levels.deep_only and not is_huge(pair.infrared) and _surely_eight_bit(pair.infrared):
        return None
    low, high, dtype, histogram = math.inf, -math.inf, np.dtype(np.uint8), _integers()
    for image in _infrared(pair):
        dtype, low, high = image.dtype, min(low, float(image.min())), max(high, float(image.max()))
        if levels.deep_only and dtype == np.uint8:
            return None
        if dtype.kind == "u":
            histogram.add(histogram.count(image))
    return _Seen(dtype, low, high, histogram.counts if dtype.kind == "u" else None)


def _integers() -> Histogram:
    return Histogram(0, np.iinfo(np.uint16).max)


def _infrared(pair: Pair) -> Iterator[NDArray[Any]]:
    """Give the infrared in one piece, or in blocks where it is huge."""
    huge = is_huge(pair.infrared)
    for image in luminance_blocks(pair.infrared) if huge else [luminance(pair.load_infrared().image)]:
        if not np.isfinite(image).all():
            raise InputError(f"{pair.infrared}: holds values that are no numbers; replace them first")
        yield image


def _range(histogram: Histogram, levels: Levels, dtype: np.dtype[Any]) -> tuple[float, float]:
    low, high = histogram.percentiles(levels.low, levels.high)
    largest = histogram.percentile(100)
    if dtype.kind == "f" and high - low < _FEWEST_STEPS * histogram.step < largest - histogram.low:
        raise InputError(
            f"the infrared values lie between {histogram.low:.6g} and {largest:.6g}, most of them near {low:.6g}: too "
            "far apart for percentiles; say what is black and white, such as --ir-range 280..320"
        )
    return low, high


def _surely_eight_bit(path: Path) -> bool:
    """Tell from a file's header, without decoding it, that it holds 8 bits; False where only decoding can tell."""
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            plain = image.mode in _EIGHT_BIT_MODES
        return plain and not deep.is_deep(content) and not flir.is_radiometric(content)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
