"""Counts of the values of images in bounded memory, for limits that hold for a picture, a whole set or a sequence.

A percentile is one thing everywhere: the smallest counted value that at least so many of all values do not exceed.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.images.values.ranges import PERCENTILES, constant_limits

BINS = 1 << 16
"""As many as 16-bit values, so that those are counted exactly."""

OUTPUTS = -1.0, 2.0
"""Between these lie the outputs of the networks and of every baseline."""


class Histogram:
    """Count values between two ends, image after image; what lies beyond an end is counted at it.

    Args:
        low: The centre of the first bin.
        high: The centre of the last one; 65,535 above ``low`` counts integers exactly.
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.step = low, (high - low) / (BINS - 1) or 1.0
        self.counts = np.zeros(BINS, np.int64)

    def count(self, image: NDArray[Any]) -> NDArray[np.int64]:
        """Count one image's values by bin, without adding them: this part can be done side by side."""
        if image.dtype.kind == "u" and (self.low, self.step) == (0, 1):
            bins = image
        else:
            scaled = (image.astype(np.float64) - self.low) / self.step
            bins = np.clip(np.rint(scaled), 0, BINS - 1).astype(np.uint16)
        return np.bincount(bins.ravel(), minlength=BINS)

    def add(self, counts: NDArray[np.int64]) -> None:
        """Add what `count` gave for an image."""
        self.counts += counts

    def percentile(self, percent: float) -> float:
        """Give the smallest counted value that at least ``percent`` % of all values do not exceed.

        0 is the smallest value and 100 the largest, both to the width of a bin, as everything here.
        """
        up_to = np.cumsum(self.counts)
        wanted = max(1, int(np.ceil(up_to[-1] * percent / 100)))
        return float(self.low + self.step * np.searchsorted(up_to, wanted))

    def percentiles(self, low: float, high: float) -> tuple[float, float]:
        """Give two percentiles, the lower first."""
        return self.percentile(low), self.percentile(high)


def limits(output: NDArray[np.float32], policy: str) -> tuple[float, float]:
    """Return the values of the network's output that become black and white, looking at this output alone.

    Raises:
        UnknownNameError: No such policy.
        InputError: ``fixed`` without two numbers, the lower first.
    """
    return constant_limits(policy) or limits_over([output], policy)


def limits_over(outputs: Iterable[NDArray[np.float32]], policy: str) -> tuple[float, float]:
    """Give the values that become black and white of an output that comes in parts.

    Args:
        outputs: Of any size each.
        policy: ``minmax`` or ``percentile``.

    Returns:
        The two limits; infinite, the higher first, where there is no part.
    """
    counts, extremes = Histogram(*OUTPUTS), (np.inf, -np.inf)
    for output in outputs:
        if policy == "percentile":
            counts.add(counts.count(output))
        extremes = min(extremes[0], float(output.min())), max(extremes[1], float(output.max()))
    return counts.percentiles(*PERCENTILES) if counts.counts.any() else extremes
