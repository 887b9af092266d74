"""Counts of the values of many images in bounded memory, for limits that hold for a whole set or sequence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 1 << 16
"""As many as 16-bit values, so that those are counted exactly."""


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
