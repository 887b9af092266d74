"""Sums over the pixels of a triple, from which its variances, correlations and squared errors follow."""

import math
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector, once
from mmdrfuse.system.compiling import compiled, summing


class Spread(NamedTuple):
    """Sums of what the values of a map differ from its first one by, and of the squares of that.

    So the squares are 0 where the map is constant, and a map whose values are near its first one loses no digits.
    """

    total: float
    squares: float


class Moments(NamedTuple):
    """Sums over the pixels of a triple f, a, b. Products are of differences from the first pixel, as in `Spread`."""

    f: Spread
    a: Spread
    b: Spread
    f_without_a: Spread
    f_without_b: Spread
    f_and_a: float
    """Of f a."""
    f_and_b: float
    f_without_a_and_b: float
    """Of (f - a) b."""
    f_without_b_and_a: float
    error_a: float
    """Of (f - a)^2, from no first pixel."""
    error_b: float


@once
def moments(t: Triple) -> Moments:
    """Return the sums over all pixels of a triple."""
    sums = np.zeros(16)
    _add_moments(*t.images, sums)
    spreads = [Spread(*pair) for pair in sums[:10].reshape(5, 2).tolist()]
    return Moments._make((*spreads, *sums[10:].tolist()))


def scatter(x: Spread, pixels: int) -> float:
    """Return the sum of the squared differences from the mean."""
    return x.squares - x.total**2 / pixels


def pearson(x: Spread, y: Spread, product: float, pixels: int) -> float:
    """Return the correlation of two maps; two constant ones are fully correlated, one with a varying one not at all.

    Args:
        x: The one.
        y: The other.
        product: Sum of the products of their differences from their first values.
        pixels: How many pixels either has.
    """
    if x.squares == 0.0 or y.squares == 0.0:
        return float(x.squares == y.squares)
    covariance = product - x.total * y.total / pixels
    return covariance / math.sqrt(scatter(x, pixels) * scatter(y, pixels))


@compiled()
def _add_moments(fused: GrayImage, a: GrayImage, b: GrayImage, sums: Vector) -> None:
    first = (fused[0, 0], a[0, 0], b[0, 0])
    for y in range(fused.shape[0]):
        for n, part in enumerate(_row_moments(fused[y], a[y], b[y], first)):
            sums[n] += part


@summing
def _row_moments(
    fused: Vector, a: Vector, b: Vector, first: tuple[float, float, float]
) -> tuple[
    float, float, float, float, float, float, float, float, float, float, float, float, float, float, float, float
]:
    f = ff = p = pp = q = qq = d = dd = e = ee = 0.0
    fp = fq = dq = ep = error_a = error_b = 0.0
    for x in range(fused.size):
        of_f = fused[x] - first[0]
        of_a = a[x] - first[1]
        of_b = b[x] - first[2]
        rest_a = (fused[x] - a[x]) - (first[0] - first[1])
        rest_b = (fused[x] - b[x]) - (first[0] - first[2])
        f += of_f
        ff += of_f * of_f
        p += of_a
        pp += of_a * of_a
        q += of_b
        qq += of_b * of_b
        d += rest_a
        dd += rest_a * rest_a
        e += rest_b
        ee += rest_b * rest_b
        fp += of_f * of_a
        fq += of_f * of_b
        dq += rest_a * of_b
        ep += rest_b * of_a
        error_a += (fused[x] - a[x]) ** 2
        error_b += (fused[x] - b[x]) ** 2
    return f, ff, p, pp, q, qq, d, dd, e, ee, fp, fq, dq, ep, error_a, error_b
