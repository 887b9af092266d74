"""A student in 16-bit integers, for processors without floating point.

Let v be an 8-bit level, h the hidden map and y the sum before the tanh. With whole numbers a, s, b: the first weights
are w·2^a/255, so that sums of w·v are h·2^a; h is kept as h·2^(a-s), below 2^15; the second weights are w·2^b, so that
sums are y·2^(a-s+b). The exponents are the largest for which no sum can leave 32 bits, whatever the picture.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS = 320
"""Steps of the table of tanh."""

_STEP = 64
"""Steps per unit. Linear interpolation errs by 2.4e-5 at most; beyond 5, where the table ends, 1 errs by 9.1e-5."""

_TANH_BITS = 18
"""Bits after the point of the argument of tanh."""

_ONE = 32768
"""The tanh of infinity."""


@dataclass(frozen=True)
class FixedPoint:
    """The integers."""

    weight1: NDArray[np.int64]
    """(4, 6, 3): for each channel, three rows of the infrared and three of the visible side."""
    bias1: NDArray[np.int64]
    """(4,)."""
    shift1: int
    """Bits that a sum of the first convolution loses to become a value of the hidden map."""
    weight2: NDArray[np.int64]
    """(12, 3): three rows of each channel."""
    bias2: int
    shift2: int
    """Bits that a sum of the second convolution loses to become the argument of tanh."""
    tangents: NDArray[np.int64]
    """tanh of 0, 1/64, 2/64, …, times 32768."""


def fixed_point(arrays: Mapping[str, NDArray[np.float32]]) -> FixedPoint | None:
    """Return a student's weights as integers; None if they are too large for that."""
    first = arrays["conv1.weight"].astype(float).reshape(4, 6, 3)
    second = arrays["conv2.weight"].astype(float).reshape(4, 9)
    bias1 = arrays["conv1.bias"].astype(float)
    bias2 = float(arrays["conv2.bias"][0])

    def first_fits(a: int) -> bool:
        weights = np.abs(np.rint(first * 2.0**a / 255))
        sums = 255 * weights.sum(axis=(1, 2)) + np.abs(bias1 * 2.0**a)
        return bool(weights.max() < _ONE and sums.max() < 2**30)

    a = _largest(first_fits, range(31))
    if a is None:
        return None
    weight1 = _rounded(first * 2.0**a / 255)
    hidden = np.maximum(
        255 * np.maximum(weight1, 0).sum(axis=(1, 2)) + np.ceil(bias1 * 2.0**a), 0
    )  # largest, times 2^a
    shift1 = next(s for s in range(31) if hidden.max() / 2**s < _ONE - 1)
    largest = hidden / 2**shift1 + 1
    scale = a - shift1

    def second_fits(b: int) -> bool:
        weights = np.abs(np.rint(second * 2.0**b))
        sums = weights.sum(axis=1) @ largest + abs(bias2) * 2.0 ** (b + scale)
        return bool(weights.max() < _ONE and sums < 2**31 - 2**15)

    b = _largest(second_fits, range(_TANH_BITS - scale, _TANH_BITS - scale + 13))
    if b is None:
        return None
    return FixedPoint(
        weight1=weight1, bias1=_rounded(bias1 * 2.0**a), shift1=shift1,
        weight2=_rounded(second * 2.0**b).reshape(12, 3), bias2=round(bias2 * 2.0 ** (b + scale)),
        shift2=b + scale - _TANH_BITS, tangents=_rounded(_ONE * np.tanh(np.arange(STEPS + 1) / _STEP)),
    )  # fmt: skip


def _largest(fits: Callable[[int], bool], exponents: range) -> int | None:
    return max((exponent for exponent in exponents if fits(exponent)), default=None)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(values).astype(np.int64)
