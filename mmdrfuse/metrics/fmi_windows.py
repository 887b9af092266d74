"""Windows of a feature map as distributions over their cells, a strip of neighbours at a time; an inner part of `fmi`.

A field of a strip holds a row of numbers, one for each window. So that the loops along these rows become vector
instructions, they choose between values but do not branch, and they name a field by its record: then numba knows its
place, and that no other field overlaps it. A strip stays in the level-1 cache.
"""

import math
from typing import Any

import numpy as np

from mmdrfuse.metrics.shared.triple import GrayImage
from mmdrfuse.system.compiling import compiled

SIDE = 3
CELLS = SIDE * SIDE
"""Side of a window, and its pixels."""

STRIP = 64
"""Windows side by side that are computed together."""

FLAT_SPREAD = 1e-9 * 255.0
"""A window whose values spread no further is flat: transforms of flat regions leave rounding noise."""

Record = Any
"""One record of `WINDOWS`, or of another type with rows of numbers in its fields, which numba knows."""

WINDOWS = np.dtype(
    [
        # the map's values under the windows, their range in each window, and their sum above the lowest one
        ("pixels", np.float64, (SIDE, STRIP + SIDE - 1)),
        ("spread", np.float64, (STRIP,)),
        ("total", np.float64, (STRIP,)),
        # the distribution of the position, which counts the cells down the columns; the cumulative one begins at 0
        ("shares", np.float64, (CELLS, STRIP)),
        ("cumulative", np.float64, (CELLS + 1, STRIP)),
        ("logarithms", np.float64, (CELLS, STRIP)),
        ("entropy", np.float64, (STRIP,)),
        # standard deviation of the position, over the root of the sum of squares by which the shares deviate
        ("deviation", np.float64, (STRIP,)),
    ]
)
"""A strip of windows. The distribution that stands for a flat window means nothing, and is finite."""

_TINY = 1e-300
"""Shares count as so much in logarithms, so that 0 log 0 is 0."""

_ROOT_HALF = int(np.float64(math.sqrt(0.5)).view(np.int64))
_FRACTION = 52
"""Bit pattern of the square root of 1/2, and the bits of a number below its exponent."""

# log2((1+s)/(1-s)) = 2/ln 2 · (s + s³/3 + s⁵/5 + …), cut where |s| < 0.172 leaves a relative error of 1e-15
_C1, _C3, _C5, _C7, _C9, _C11, _C13, _C15, _C17 = (2.0 / (n * math.log(2.0)) for n in range(1, 18, 2))

kernel = compiled(fastmath={"contract"})
"""Compile a function. Here a product and a sum may be one instruction, which saves a quarter of the time."""


@kernel
def read_strip(features: GrayImage, y: int, x: int, count: int, windows: Record) -> None:
    """Compute the distributions of a strip of windows.

    Args:
        features: (H, W), the feature map.
        y: First row of the windows, 0..H-3.
        x: First column of the first window, 0..W-3.
        count: Number of windows, 1..64; the rest of the strip means nothing.
        windows: Result, of `WINDOWS`, made of zeros.
    """
    _copy(features, y, x, count, windows)
    _accumulate(windows)
    _divide(windows)
    _take_logarithms(windows)


@kernel
def logarithm(value: float) -> float:
    """Return the logarithm to base 2 of the absolute value, or of 1e-300 if that is larger.

    The relative error is below 2e-15, near 1 too. Unlike `math.log2`, it becomes vector instructions.
    """
    # a mixture beyond a bound may leave 0..1: the real part of the complex logarithm counts
    pattern = np.float64(max(abs(value), _TINY)).view(np.int64)
    exponent = (pattern - _ROOT_HALF) >> _FRACTION
    excess = np.int64(pattern - (exponent << _FRACTION)).view(np.float64) - 1.0

    # without that power of 2, the value lies between the roots of 1/2 and 2
    s = excess / (excess + 2.0)
    z = s * s
    series = _C3 + z * (_C5 + z * (_C7 + z * (_C9 + z * (_C11 + z * (_C13 + z * (_C15 + z * _C17))))))
    return exponent + s * (_C1 + z * series)


@kernel
def _copy(features: GrayImage, y: int, x: int, count: int, windows: Record) -> None:
    width = count + SIDE - 1
    for dy in range(SIDE):
        row = features[y + dy, x : x + width]
        for dx in range(width):
            windows.pixels[dy, dx] = row[dx]


@kernel
def _accumulate(windows: Record) -> None:
    # sums above the lowest value
    for n in range(STRIP):
        low = np.inf
        high = -np.inf
        for cell in range(CELLS):
            value = windows.pixels[cell % SIDE, n + cell // SIDE]
            low = min(low, value)
            high = max(high, value)
        total = 0.0
        for cell in range(CELLS):
            total += windows.pixels[cell % SIDE, n + cell // SIDE] - low
            windows.cumulative[cell + 1, n] = total
        windows.spread[n] = high - low
        windows.total[n] = total


@kernel
def _divide(windows: Record) -> None:
    # the sums become shares
    for n in range(STRIP):
        total = windows.total[n]
        inverse = 1.0 / total if total > 0.0 else 0.0
        previous = 0.0
        first = 0.0
        second = 0.0
        squares = 0.0
        for cell in range(1, CELLS + 1):
            # exactly 1 from the last cell that counts: a window with one such cell deviates by exactly 0
            so_far = windows.cumulative[cell, n]
            now = so_far * inverse if so_far < total else 1.0
            share = now - previous
            windows.cumulative[cell, n] = now
            windows.shares[cell - 1, n] = share
            squares += (share - 1.0 / CELLS) * (share - 1.0 / CELLS)
            previous = now
            # moments of the number of cells before the position
            first += 1.0 - now
            second += (2 * cell - 1) * (1.0 - now)
        windows.deviation[n] = math.sqrt(max(second - first * first, 0.0) / squares)


@kernel
def _take_logarithms(windows: Record) -> None:
    for n in range(STRIP):
        entropy = 0.0
        for cell in range(CELLS):
            share = windows.shares[cell, n]
            of_share = logarithm(share)
            windows.logarithms[cell, n] = of_share
            entropy -= share * of_share
        windows.entropy[n] = entropy
