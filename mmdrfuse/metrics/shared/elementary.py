"""Exponential and arctangent in arithmetic alone, so that compiled loops compute eight at a time.

Calls of the C library do not vectorise: they take ten times as long.
"""

import math

import numpy as np

from mmdrfuse.system.compiling import compiled

_INVERSE_LN2 = 1.0 / math.log(2.0)
# ln 2 in two parts: a whole number below 2^20 times the first is exact
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10

# Taylor's series of exp, highest power first: enough up to ln(2) / 2
_EXPONENTIAL = tuple(1.0 / math.factorial(power) for power in range(13, -1, -1))

# arctan(q) / q in powers of q^2, highest first, interpolated at Chebyshev's points of 0..tan(pi/8)^2 in 50 digits
_ARCTANGENT = (
    -0.017805397205419446, 0.03796525745386593, -0.05035102456601552, 0.05846878297330872, -0.06662951813629191,
    0.07692045330902225, -0.09090896809064027, 0.11111110744919658, -0.14285714279250245, 0.19999999999940893,
    -0.3333333333333312, 1.0,
)  # fmt: skip
_EIGHTH_TURN = math.sqrt(2.0) - 1.0
"""tan(pi/8)"""

_LOWEST = -708.0
"""Below it, the exponential has no double of full precision."""

_EXPONENT_BITS = 52
_EXPONENT_BIAS = 1023
"""Where a double has its power of 2."""


@compiled(fastmath={"contract"})
def exponential(x: float) -> float:
    """Return ``exp(x)`` within 2 units of the last digit, for x up to 709; below -708 it stays at 3e-308."""
    x = max(x, _LOWEST)
    power = np.rint(x * _INVERSE_LN2)
    rest = (x - power * _LN2_HIGH) - power * _LN2_LOW
    series = 0.0
    for coefficient in _EXPONENTIAL:
        series = series * rest + coefficient
    scale: float = np.int64((np.int64(power) + _EXPONENT_BIAS) << _EXPONENT_BITS).view(np.float64)
    return series * scale


@compiled()
def exponential_of_eight(x: float) -> float:
    """Return ``exp(x)`` of eight numbers (`mmdrfuse.system.lanes`), whose bits are not at hand.

    For x from -10 to 10 within 2e-14 of its value, below within 1e-16 of 0: Taylor's series of x/64, six times squared.
    """
    x = max(x, -128.0) * (1.0 / 64.0)
    series = x * _EXPONENTIAL[2] + _EXPONENTIAL[3]
    for coefficient in _EXPONENTIAL[4:]:
        series = series * x + coefficient
    for _ in range(6):
        series = series * series
    return series


@compiled(fastmath={"contract"})
def steepness(rise: float, run: float) -> float:
    """Return ``arctan(rise / run)`` within 1e-15, 0..pi/2, of two numbers that are not negative; 0 where both are 0."""
    small = min(rise, run)
    large = max(rise, run)
    # arctan(s / l) = pi/4 + arctan((s - l) / (s + l))
    turned = small > _EIGHTH_TURN * large
    numerator = small - large if turned else small
    denominator = small + large if turned else large
    quotient = numerator / denominator if denominator > 0.0 else 0.0
    square = quotient * quotient
    series = 0.0
    for coefficient in _ARCTANGENT:
        series = series * square + coefficient
    angle = series * quotient + (math.pi / 4.0 if turned else 0.0)
    return math.pi / 2.0 - angle if rise > run else angle
