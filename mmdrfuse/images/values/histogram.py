"""Histograms in bounded memory, for the limits of a picture, a whole set or a sequence.

A percentile has one definition everywhere: the p-th percentile is the smallest counted value that at least p % of all
values do not exceed.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.images.values.ranges import PERCENTILES, constant_limits
from mmdrfuse.images.values.tones import split_tone

BINS = 1 << 16
"""One for each 16-bit value, so that these are counted exactly."""

OUTPUTS = -1.0, 2.0
"""The range of the outputs of all networks and baselines."""


class Counts(NamedTuple):
    """The counts of an image from the first bin that has any to the last one: small enough to travel."""

    first: int
    values: NDArray[np.integer[Any]]

    @classmethod
    def of(cls, counts: NDArray[np.int64]) -> "Counts":
        """Return the counts of all bins, shortened."""
        (used,) = counts.nonzero()
        if not len(used):
            return cls(0, counts[:0])
        values = counts[used[0] : used[-1] + 1]
        return cls(int(used[0]), values.astype(np.min_scalar_type(values.max())))


class Histogram:
    """Counts of values between two ends, image after image; a value beyond an end counts as that end.

    Args:
        low: The centre of the first bin.
        high: The centre of the last one; 65,535 above ``low`` counts integers exactly.
    """

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.step = (high - low) / (BINS - 1) or 1.0
        self.counts = np.zeros(BINS, np.int64)

    def count(self, image: NDArray[Any]) -> NDArray[np.int64]:
        """Count one image's values by bin, without adding the counts: several threads can do this side by side."""
        if image.dtype.kind == "u" and (self.low, self.step) == (0, 1):
            bins = image
        else:
            scaled = (image.astype(np.float64) - self.low) / self.step
            bins = np.clip(np.rint(scaled), 0, BINS - 1).astype(np.uint16)
        return np.bincount(bins.ravel(), minlength=BINS)

    def add(self, counts: NDArray[np.int64] | Counts) -> None:
        """Add the counts that `count` returned for an image."""
        if isinstance(counts, Counts):
            self.counts[counts.first : counts.first + len(counts.values)] += counts.values
        else:
            self.counts += counts

    def percentile(self, percent: float) -> float:
        """Return the smallest counted value that at least ``percent`` % of all values do not exceed.

        The precision is the width of a bin.

        Args:
            percent: 0 for the smallest value, to 100 for the largest.
        """
        cumulative = np.cumsum(self.counts)
        rank = max(1, int(np.ceil(cumulative[-1] * percent / 100)))
        return float(self.low + self.step * np.searchsorted(cumulative, rank))

    def percentiles(self, low: float, high: float) -> tuple[float, float]:
        """Return two percentiles, the lower first."""
        return self.percentile(low), self.percentile(high)


def limits(output: NDArray[np.float32], policy: str) -> tuple[float, float]:
    """Return the values of the network's output that become black and white, from this output alone.

    Raises:
        UnknownNameError: No such policy.
        InputError: ``fixed`` without two numbers, the lower first.
    """
    return constant_limits(policy) or limits_over([output], policy)


def limits_over(outputs: Iterable[NDArray[np.float32]], policy: str) -> tuple[float, float]:
    """Return the values that become black and white, of an output that comes in parts.

    Args:
        outputs: Parts of any sizes.
        policy: ``minmax`` or ``percentile``, with or without a tone.

    Returns:
        The two limits; (inf, -inf) if there is no part.
    """
    base, tone = split_tone(policy)
    histogram = Histogram(*OUTPUTS)
    low, high = np.inf, -np.inf
    for output in outputs:
        if base == "percentile":
            histogram.add(histogram.count(output))
        low = min(low, float(output.min()))
        high = max(high, float(output.max()))
    if histogram.counts.any():
        low, high = histogram.percentiles(*PERCENTILES)
    return tone.limits(low, high) if low <= high else (low, high)
