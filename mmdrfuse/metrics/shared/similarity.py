"""Structural similarity of the windows of a triple, and how their statistics weigh it: for SSIM and Piella's family."""

import math
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector, once
from mmdrfuse.metrics.shared.windows import (
    COV_A,
    COV_AB,
    COV_B,
    MU_A,
    MU_B,
    MU_F,
    SPAN,
    STATISTICS,
    VAR_A,
    VAR_B,
    VAR_F,
    WINDOW_ROWS,
    Blocks,
    Taps,
    block_statistics,
    blocks,
    gaussian_taps,
    half,
)
from mmdrfuse.system.compiling import compiled, summing

Constants = tuple[float, float]
"""C1 and C2, which keep 0/0 away."""

FLAT = 1e-9 * 255.0**2
"""Variance below which a window is flat: whole numbers give at least 0.001 in 7×7 pixels."""

WANG = ((0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2)
"""C1 and C2 of Wang et al. 2004."""

BARE = (2e-16, 2e-16)
"""C1 and C2 of Liu et al. 2012 for Q_C and Q_Y: just enough to avoid 0/0."""

ALIKE = 0.75
"""Similarity from which two sources show the same (Yang et al. 2008)."""

WINDOW = 11
SIGMA = 1.5
"""Side and standard deviation in pixels of the Gaussian window (Wang et al., IEEE TIP 2004)."""

_SMALL_WINDOW = 7
"""Side of the window of Q_C and Q_Y."""


class Similarity(NamedTuple):
    """Mean similarity and mean contrast-structure term of the fused image with one source."""

    ssim: float
    structure: float


class Comparison(NamedTuple):
    """What the windows of a triple say about the fused image and either source, and about both."""

    a: Similarity
    b: Similarity
    quality: float
    """Mean similarity to both sources, weighted by their variances: Q_S."""
    salient_quality: float
    """The same where windows count as much as the larger of both variances: Q_W."""


@once
def comparison(t: Triple, constants: Constants, tolerance: float) -> Comparison:
    """Return how similar the fused image is to either source and to both, over windows of 11×11 pixels.

    Args:
        t: Images 0..255, at least 11×11.
        constants: C1 and C2.
        tolerance: In the qualities, variances and covariances up to it count as 0; a negative one keeps rounding noise.
    """
    sums = np.zeros(7)
    _compare(*t.images, half(gaussian_taps(WINDOW, SIGMA)), constants, tolerance, blocks(), sums)
    ssim_a, structure_a, ssim_b, structure_b, quality, *_ = (sums / _windows(t, WINDOW)).tolist()
    *_, weighted, weights = sums.tolist()
    salient = weighted / weights if weights > 0.0 else quality
    return Comparison(Similarity(ssim_a, structure_a), Similarity(ssim_b, structure_b), quality, salient)


@once
def likeness(t: Triple, tolerance: float, undefined: float) -> tuple[float, float, float]:
    """Compute Q_C, Q_C whose share replaces the score where it leaves 0..1, and Q_Y.

    Args:
        t: Images 0..255, at least 7×7.
        tolerance: Variances and covariances up to it count as 0; a negative one keeps rounding noise.
        undefined: The share of the first source where it is 0/0.
    """
    sums = np.zeros(3)
    taps = half(gaussian_taps(_SMALL_WINDOW, SIGMA))
    _compare_by_likeness(*t.images, taps, tolerance, undefined, blocks(STATISTICS + 3), sums)
    score, forced, of_alike = (sums / _windows(t, _SMALL_WINDOW)).tolist()
    return score, forced, of_alike


def _windows(t: Triple, side: int) -> int:
    return math.prod(length - side + 1 for length in t.fused.shape)


@compiled()
def similarity(mu_x: float, mu_y: float, var_x: float, var_y: float, cov: float, constants: Constants) -> float:
    """Compute the structural similarity of two images in one window.

    Args:
        mu_x: Mean of the one.
        mu_y: Mean of the other.
        var_x: Variance of the one.
        var_y: Variance of the other.
        cov: Their covariance.
        constants: C1 and C2, which keep 0/0 away.

    Returns:
        -1..1.

    References:
        Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing, 2004.
    """
    c1, c2 = constants
    return _agreement(mu_x * mu_y, mu_x * mu_x + mu_y * mu_y, c1) * _agreement(cov, var_x + var_y, c2)


@compiled()
def flattened(value: float, tolerance: float) -> float:
    """Return a variance or covariance, 0 if it is as good as 0; a negative tolerance keeps rounding noise."""
    return 0.0 if abs(value) <= tolerance else value


@compiled()
def share(one: float, other: float, tolerance: float, undefined: float) -> float:
    """Return ``one / (one + other)``, and what is `undefined` where that is 0/0."""
    total = flattened(one + other, tolerance)
    return undefined if total == 0.0 else one / total


@compiled()
def _compare(
    fused: GrayImage,
    a: GrayImage,
    b: GrayImage,
    taps: Taps,
    constants: Constants,
    tolerance: float,
    space: Blocks,
    sums: Vector,
) -> None:
    # add to the sums what `_compared` returns, over all windows
    margin = 2 * (len(taps) - 1)
    for y in range(0, fused.shape[0] - margin, WINDOW_ROWS):
        for x in range(0, fused.shape[1] - margin, SPAN - margin):
            rows, columns = block_statistics(fused, a, b, taps, y, x, np.inf, space)
            for first in range(0, rows * SPAN, SPAN):
                for n, part in enumerate(_compared(space, first, first + columns, constants, tolerance)):
                    sums[n] += part


@compiled()
def _compare_by_likeness(
    fused: GrayImage,
    a: GrayImage,
    b: GrayImage,
    taps: Taps,
    tolerance: float,
    undefined: float,
    space: Blocks,
    sums: Vector,
) -> None:
    # the same for `_liked`
    margin = 2 * (len(taps) - 1)
    for y in range(0, fused.shape[0] - margin, WINDOW_ROWS):
        for x in range(0, fused.shape[1] - margin, SPAN - margin):
            rows, columns = block_statistics(fused, a, b, taps, y, x, np.inf, space)
            for first in range(0, rows * SPAN, SPAN):
                for n, part in enumerate(_liked(space, first, first + columns, tolerance, undefined)):
                    sums[n] += part


@summing
def _compared(
    windows: Blocks, first: int, last: int, constants: Constants, tolerance: float
) -> tuple[float, float, float, float, float, float, float]:
    # sums over a row of windows: of the similarity to the first source and of its factor of structure; the same of the
    # second; of the quality that weighs both by variance, of that times the larger variance, and of that variance
    c1, c2 = constants
    ssim_a = structure_a = ssim_b = structure_b = total = weighted = weights = 0.0
    for x in range(first, last):
        mu_f = windows[MU_F, x]
        light_a = _agreement(mu_f * windows[MU_A, x], mu_f * mu_f + windows[MU_A, x] ** 2, c1)
        light_b = _agreement(mu_f * windows[MU_B, x], mu_f * mu_f + windows[MU_B, x] ** 2, c1)
        to_a = _agreement(windows[COV_A, x], windows[VAR_A, x] + windows[VAR_F, x], c2)
        to_b = _agreement(windows[COV_B, x], windows[VAR_B, x] + windows[VAR_F, x], c2)
        structure_a += to_a
        structure_b += to_b
        ssim_a += light_a * to_a
        ssim_b += light_b * to_b

        var_f = flattened(windows[VAR_F, x], tolerance)
        var_a = flattened(windows[VAR_A, x], tolerance)
        var_b = flattened(windows[VAR_B, x], tolerance)
        to_a = light_a * _agreement(flattened(windows[COV_A, x], tolerance), var_a + var_f, c2)
        to_b = light_b * _agreement(flattened(windows[COV_B, x], tolerance), var_b + var_f, c2)
        of_a = share(var_a, var_b, tolerance, 0.5)
        quality = of_a * to_a + (1.0 - of_a) * to_b
        saliency = max(var_a, var_b)
        total += quality
        weighted += saliency * quality
        weights += saliency
    return ssim_a, structure_a, ssim_b, structure_b, total, weighted, weights


@summing
def _liked(windows: Blocks, first: int, last: int, tolerance: float, undefined: float) -> tuple[float, float, float]:
    # sums over a row of windows: Q_C, Q_C whose share replaces the score where it leaves 0..1, and Q_Y
    qc_total = forced_total = qy_total = 0.0
    for x in range(first, last):
        mu_f = windows[MU_F, x]
        mu_a = windows[MU_A, x]
        mu_b = windows[MU_B, x]
        var_f = flattened(windows[VAR_F, x], tolerance)
        var_a = flattened(windows[VAR_A, x], tolerance)
        var_b = flattened(windows[VAR_B, x], tolerance)
        cov_a = flattened(windows[COV_A, x], tolerance)
        cov_b = flattened(windows[COV_B, x], tolerance)
        cov_ab = flattened(windows[COV_AB, x], tolerance)
        to_a = similarity(mu_f, mu_a, var_f, var_a, cov_a, BARE)
        to_b = similarity(mu_f, mu_b, var_f, var_b, cov_b, BARE)

        of_a = share(cov_a, cov_b, tolerance, undefined)
        clipped = 0.0 if of_a < 0.0 else 1.0 if of_a > 1.0 else of_a
        quality = clipped * to_a + (1.0 - clipped) * to_b
        qc_total += quality
        forced_total += clipped if of_a < 0.0 or of_a > 1.0 else quality

        of_a = share(var_a, var_b, tolerance, undefined)
        both = of_a * to_a + (1.0 - of_a) * to_b
        alike = similarity(mu_a, mu_b, var_a, var_b, cov_ab, BARE) >= ALIKE
        qy_total += both if alike else max(to_a, to_b)
    return qc_total, forced_total, qy_total


@compiled()
def _agreement(product: float, squares: float, constant: float) -> float:
    return (2.0 * product + constant) / (squares + constant)
