"""What has to be looked for in a whole set or sequence before it is fused, so that all of it is fused alike.

Every file is read once more for it and counted in a histogram: memory does not grow with the set.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images import PERCENTILES, Histogram, Levels
from mmdrfuse.images.values.histogram import OUTPUTS
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.system.workers import Workers, ordered, pool

Result = TypeVar("Result")
Advance = Callable[[str], object]
Looking = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Shows the progress of a step with a title over so many items."""

AHEAD = 8
"""How many wait for an executor whose workers are not known."""

_FEWEST_STEPS = 256


def unseen(title: str, total: int | None) -> AbstractContextManager[Advance]:
    """Show no progress."""
    return nullcontext(str)


class Parts(Protocol):
    """Two sides in the parts that memory holds: a picture is one, a huge picture many blocks, a video many frames."""

    @property
    def name(self) -> str:
        """What to call it."""

    def surely_eight_bit(self) -> bool:
        """Tell, without decoding, that the infrared has 8 bits; False where only decoding can tell."""

    def infrared(self) -> Iterator[NDArray[Any]]:
        """Give the infrared's luminance as it is stored, every pixel once.

        Raises:
            InputError: It cannot be read.
        """

    def outputs(self, fuser: Fuser) -> Iterator[NDArray[np.float32]]:
        """Give what the network makes of the prepared sides, every pixel once, before any range.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """


class _Seen(NamedTuple):
    """What one infrared side holds."""

    dtype: np.dtype[Any]
    low: float
    high: float
    counts: NDArray[np.int64] | None
    """By value; None for floating point, whose bins need the ends of the whole set."""


def infrared_ranges(
    scenes: Sequence[Parts], levels: Levels, *, workers: Workers = 1, advance: Advance = str
) -> list[tuple[float, ...]]:
    """Find the range of the infrared for a whole set: one for all that are of one type.

    What cannot be read is passed over; it fails when its turn comes.

    Args:
        scenes: The set.
        levels: What to look for.
        workers: How many to look at side by side.
        advance: Told the name of each that was looked at.

    Returns:
        For each the two stored values that become 0 and 1; empty where those of its type do.

    Raises:
        InputError: Floating-point values that lie so far apart that percentiles say nothing.
    """
    if not levels.percent:
        return [(levels.low, levels.high)] * len(scenes)
    types: dict[int, np.dtype[Any]] = {}
    ends: dict[np.dtype[Any], tuple[float, float]] = {}
    histograms: dict[np.dtype[Any], Histogram] = {}
    for number, seen in _each(partial(_look, skip_eight_bit=levels.skip_eight_bit), scenes, workers, advance):
        if seen is None:
            continue
        types[number] = seen.dtype
        low, high = ends.get(seen.dtype, (math.inf, -math.inf))
        ends[seen.dtype] = min(low, seen.low), max(high, seen.high)
        if seen.counts is not None:
            histograms.setdefault(seen.dtype, _integers()).add(seen.counts)
    for dtype in ends.keys() - histograms.keys():
        floating = [scene for number, scene in enumerate(scenes) if types.get(number) == dtype]
        histograms[dtype] = _histogram(partial(_count_infrared, ends=ends[dtype]), ends[dtype], floating, workers)
    ranges = {dtype: _range(histogram, levels, dtype) for dtype, histogram in histograms.items()}
    return [ranges[types[number]] if number in types else () for number in range(len(scenes))]


def set_limits(
    fuser: Fuser, scenes: Sequence[Parts], *, workers: Workers = 1, advance: Advance = str
) -> tuple[float, float] | None:
    """Find what becomes black and white of a whole set, where ``percentile`` asks for it: fuse once to look.

    Args:
        fuser: How to fuse.
        scenes: The set, with the ranges of its infrared.
        workers: How many to look at side by side.
        advance: Told the name of each that was looked at.

    Returns:
        The two values of the output; None where nothing has to be looked for, or nothing can be fused.
    """
    if fuser.range != "percentile":
        return fuser.limits
    histogram = _histogram(partial(_count_output, fuser=fuser), OUTPUTS, scenes, workers, advance)
    return histogram.percentiles(*PERCENTILES) if histogram.counts.any() else None


def _each(
    work: Callable[[Parts], Result], scenes: Sequence[Parts], workers: Workers, advance: Advance
) -> Iterator[tuple[int, Result]]:
    with pool(workers) as executor:
        results = ordered(executor, work, scenes, buffer_size=workers if isinstance(workers, int) else AHEAD)
        for number, (scene, result) in enumerate(results):
            advance(scene.name)
            if not isinstance(result, MMDRFuseError):
                yield number, result


def _histogram(
    count: Callable[[Parts], NDArray[np.int64]],
    ends: tuple[float, float],
    scenes: Sequence[Parts],
    workers: Workers,
    advance: Advance = str,
) -> Histogram:
    histogram = Histogram(*ends)
    for _, counts in _each(count, scenes, workers, advance):
        histogram.add(counts)
    return histogram


def _count_infrared(scene: Parts, *, ends: tuple[float, float]) -> NDArray[np.int64]:
    return _counts(_finite(scene), ends)


def _count_output(scene: Parts, *, fuser: Fuser) -> NDArray[np.int64]:
    return _counts(scene.outputs(fuser), OUTPUTS)


def _counts(parts: Iterator[NDArray[Any]], ends: tuple[float, float]) -> NDArray[np.int64]:
    histogram = Histogram(*ends)
    for part in parts:
        histogram.add(histogram.count(part))
    return histogram.counts


def _look(scene: Parts, *, skip_eight_bit: bool) -> _Seen | None:
    """Count one infrared side; nothing where its range is that of its type."""
    if skip_eight_bit and scene.surely_eight_bit():
        return None
    low, high, dtype, histogram = math.inf, -math.inf, np.dtype(np.uint8), _integers()
    for part in _finite(scene):
        dtype, low, high = part.dtype, min(low, float(part.min())), max(high, float(part.max()))
        if skip_eight_bit and dtype == np.uint8:
            return None
        if dtype.kind == "u":
            histogram.add(histogram.count(part))
    return _Seen(dtype, low, high, histogram.counts if dtype.kind == "u" else None)


def _finite(scene: Parts) -> Iterator[NDArray[Any]]:
    for part in scene.infrared():
        if not np.isfinite(part).all():
            raise InputError(f"{scene.name}: the infrared holds values that are no numbers; replace them first")
        yield part


def _integers() -> Histogram:
    return Histogram(0, np.iinfo(np.uint16).max)


def _range(histogram: Histogram, levels: Levels, dtype: np.dtype[Any]) -> tuple[float, float]:
    low, high = histogram.percentiles(levels.low, levels.high)
    largest = histogram.percentile(100)
    if dtype.kind == "f" and high - low < _FEWEST_STEPS * histogram.step < largest - histogram.low:
        raise InputError(
            f"the infrared values lie between {histogram.low:.6g} and {largest:.6g}, most of them near {low:.6g}: too "
            "far apart for percentiles",
            cure="infrared_range",
        )
    return low, high
