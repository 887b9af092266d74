"""Find what has to be the same for a whole set or sequence before any of it is fused.

This is the pass before the fusion: it reads every input once more and counts its values in a histogram, so memory does
not grow with the set. `infrared_ranges` finds which infrared values become 0 and 1, `set_limits` which values of the
network's output become black and white. `folder.settle` and `video.settle_video` call both.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images import PERCENTILES, Histogram, Levels
from mmdrfuse.images.values.histogram import OUTPUTS, Counts
from mmdrfuse.images.values.tones import split_tone
from mmdrfuse.pair import Prepared
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.system.lazy import Mapped
from mmdrfuse.system.workers import Workers, ordered, pool, queue_length

Result = TypeVar("Result")
Advance = Callable[[str], object]
"""Called with the name of each finished input."""

_FEWEST_STEPS = 256
"""Bins of a histogram of floating-point values between the two percentiles, at least."""


class FusionInput(Protocol):
    """Two sides in the parts that memory holds: a picture is one part, a huge picture many blocks, a video frames.

    Implemented by `whole.WholePair`, `blocks.BlockwisePair` and `video.VideoPair`.
    """

    @property
    def name(self) -> str:
        """Return the name for messages."""

    def has_eight_bit_header(self) -> bool:
        """Return whether the infrared is known to have 8 bits without decoding it."""

    def infrared(self) -> Iterator[NDArray[Any]]:
        """Yield the infrared's luminance part by part as it is stored, every pixel once.

        Raises:
            InputError: It cannot be read.
        """

    def samples(self) -> Iterator[Prepared]:
        """Yield prepared parts that stand for the whole, by which the weights are chosen.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """

    def outputs(self, fuser: Fuser) -> Iterator[NDArray[np.float32]]:
        """Yield the network's output for the prepared sides, every pixel once, before any range.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """


class _InfraredValues(NamedTuple):
    """The values of one infrared side."""

    dtype: np.dtype[Any]
    low: float
    high: float
    counts: Counts | None
    """By value; None for floating point, whose bins need the extremes of the whole set."""


def infrared_ranges(
    inputs: Sequence[FusionInput], levels: Levels, *, workers: Workers = 1, advance: Advance = str
) -> list[tuple[float, ...]]:
    """Find the range of the infrared for a whole set: one for all inputs of one type.

    Inputs that cannot be read are passed over; they fail when their turn comes.

    Args:
        inputs: The set.
        levels: What to look for.
        workers: How many to read side by side.
        advance: Called with the name of each finished input.

    Returns:
        For each input the two stored values that become 0 and 1; empty where the ends of its type do.

    Raises:
        InputError: Floating-point values that lie so far apart that percentiles say nothing.
    """
    if not levels.percent:
        return [(levels.low, levels.high)] * len(inputs)

    types: list[np.dtype[Any] | None] = [None] * len(inputs)
    extremes: dict[np.dtype[Any], tuple[float, float]] = {}
    histograms: dict[np.dtype[Any], Histogram] = {}
    count_values = partial(_infrared_values, skip_eight_bit=levels.skip_eight_bit)
    for number, values in _map_readable(count_values, inputs, workers, advance):
        if values is None:
            continue
        types[number] = values.dtype
        low, high = extremes.get(values.dtype, (math.inf, -math.inf))
        extremes[values.dtype] = min(low, values.low), max(high, values.high)
        if values.counts is not None:
            histograms.setdefault(values.dtype, _integer_histogram()).add(values.counts)

    # Only now the extremes of the floating-point inputs are known, between which their bins lie: a second reading.
    for dtype in extremes.keys() - histograms.keys():
        floating = Mapped(inputs.__getitem__, [number for number, other in enumerate(types) if other == dtype])
        count = partial(_count_infrared, extremes=extremes[dtype])
        histograms[dtype] = _sum_counts(count, extremes[dtype], floating, workers)

    ranges = {dtype: _percentile_range(histogram, levels, dtype) for dtype, histogram in histograms.items()}
    return [() if dtype is None else ranges[dtype] for dtype in types]


def set_limits(
    fuser: Fuser, inputs: Sequence[FusionInput], *, workers: Workers = 1, advance: Advance = str
) -> tuple[float, float] | None:
    """Find which values of the output become black and white in a whole set, where ``percentile`` is the range.

    All of the set is fused once for it.

    Args:
        fuser: How to fuse.
        inputs: The set, with the ranges of its infrared.
        workers: How many to fuse side by side.
        advance: Called with the name of each finished input.

    Returns:
        The two values of the output; None where the range needs no look at the set, or nothing can be fused.
    """
    base, tone = split_tone(fuser.range)
    if base != "percentile":
        return fuser.limits
    histogram = _sum_counts(partial(_count_output, fuser=fuser), OUTPUTS, inputs, workers, advance)
    return tone.limits(*histogram.percentiles(*PERCENTILES)) if histogram.counts.any() else None


def _map_readable(
    work: Callable[[FusionInput], Result], inputs: Sequence[FusionInput], workers: Workers, advance: Advance
) -> Iterator[tuple[int, Result]]:
    """Yield the number and the result of every input that can be read."""
    with pool(workers) as executor:
        results = ordered(executor, work, inputs, buffer_size=queue_length(workers))
        for number, (one, result) in enumerate(results):
            advance(one.name)
            if not isinstance(result, MMDRFuseError):
                yield number, result


def _sum_counts(
    count: Callable[[FusionInput], Counts],
    extremes: tuple[float, float],
    inputs: Sequence[FusionInput],
    workers: Workers,
    advance: Advance = str,
) -> Histogram:
    histogram = Histogram(*extremes)
    for _, counts in _map_readable(count, inputs, workers, advance):
        histogram.add(counts)
    return histogram


def _count_infrared(one: FusionInput, *, extremes: tuple[float, float]) -> Counts:
    return _counts(_finite_infrared(one), extremes)


def _count_output(one: FusionInput, *, fuser: Fuser) -> Counts:
    return _counts(one.outputs(fuser), OUTPUTS)


def _counts(parts: Iterator[NDArray[Any]], extremes: tuple[float, float]) -> Counts:
    histogram = Histogram(*extremes)
    for part in parts:
        histogram.add(histogram.count(part))
    return Counts.of(histogram.counts)


def _infrared_values(one: FusionInput, *, skip_eight_bit: bool) -> _InfraredValues | None:
    """Count the values of one infrared side; None where it has 8 bits, and those are skipped."""
    if skip_eight_bit and one.has_eight_bit_header():
        return None
    low, high = math.inf, -math.inf
    dtype = np.dtype(np.uint8)
    histogram = _integer_histogram()
    for part in _finite_infrared(one):
        dtype = part.dtype
        if skip_eight_bit and dtype == np.uint8:
            return None
        low = min(low, float(part.min()))
        high = max(high, float(part.max()))
        if dtype.kind == "u":
            histogram.add(histogram.count(part))
    return _InfraredValues(dtype, low, high, Counts.of(histogram.counts) if dtype.kind == "u" else None)


def _finite_infrared(one: FusionInput) -> Iterator[NDArray[Any]]:
    for part in one.infrared():
        if not np.isfinite(part).all():
            raise InputError(f"{one.name}: the infrared holds values that are no numbers; replace them first")
        yield part


def _integer_histogram() -> Histogram:
    return Histogram(0, np.iinfo(np.uint16).max)


def _percentile_range(histogram: Histogram, levels: Levels, dtype: np.dtype[Any]) -> tuple[float, float]:
    low, high = histogram.percentiles(levels.low, levels.high)
    largest = histogram.percentile(100)
    # A single far value, such as a mark for "no value here", leaves all others in a few bins.
    if dtype.kind == "f" and high - low < _FEWEST_STEPS * histogram.step < largest - histogram.low:
        raise InputError(
            f"the infrared values lie between {histogram.low:.6g} and {largest:.6g}, most of them near {low:.6g}: too "
            "far apart for percentiles",
            cure="infrared_range",
        )
    return low, high
