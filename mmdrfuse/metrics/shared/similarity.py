"""Structural similarity of windows, and how their statistics weigh it, one window or all of them."""

import math

import numpy as np

from mmdrfuse.metrics.shared.triple import GrayImage, Vector
from mmdrfuse.metrics.shared.windows import (
    COV_A,
    COV_AB,
    COV_B,
    MU_A,
    MU_B,
    MU_F,
    STATISTICS,
    VAR_A,
    VAR_B,
    VAR_F,
    StatisticRows,
    row_statistics,
)
from mmdrfuse.system.compiling import compiled

FLAT = 1e-9 * 255.0**2
"""Variance below which a window is flat: whole numbers give at least 0.001 in 7×7 pixels."""

WANG = ((0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2)
"""C1 and C2 of Wang et al. 2004."""

BARE = (2e-16, 2e-16)
"""C1 and C2 of Liu et al. 2012 for Q_C and Q_Y: just enough to avoid 0/0."""

ALIKE = 0.75
"""Similarity from which two sources show the same (Yang et al. 2008)."""


@compiled(error_model="numpy")
def similarity(
    mu_x: float, mu_y: float, var_x: float, var_y: float, cov: float, constants: tuple[float, float]
) -> float:
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
    luminance = (2.0 * mu_x * mu_y + c1) / (mu_x * mu_x + mu_y * mu_y + c1)
    return luminance * ((2.0 * cov + c2) / (var_x + var_y + c2))


@compiled()
def flattened(value: float, tolerance: float) -> float:
    """Return a variance or covariance, 0 if it is as good as 0; a negative tolerance keeps rounding noise."""
    return 0.0 if abs(value) <= tolerance else value


@compiled(error_model="numpy")
def share(one: float, other: float, tolerance: float, undefined: float) -> float:
    """Return ``one / (one + other)``, and what is `undefined` where that is 0/0."""
    total = flattened(one + other, tolerance)
    return undefined if total == 0.0 else one / total


@compiled(error_model="numpy")
def weigh_by_variance(
    fused: GrayImage, a: GrayImage, b: GrayImage, taps: Vector, tolerance: float
) -> tuple[float, float, float, int]:
    """Sum the similarity to both sources, weighted by their variances, over all windows.

    Args:
        fused: (H, W)
        a: (H, W)
        b: (H, W)
        taps: One side of the window, (n,), n odd, symmetric, of sum 1.
        tolerance: Variances and covariances up to it count as 0; a negative one keeps rounding noise.

    Returns:
        The sums of the quality, of the quality times the larger variance, and of that variance; the number of windows.
    """
    height = fused.shape[0] - taps.size + 1
    width = fused.shape[1] - taps.size + 1
    columns = np.empty((STATISTICS, fused.shape[1]))
    row = np.empty((STATISTICS, width))
    total = weighted = weights = 0.0
    for y in range(height):
        row_statistics(fused, a, b, taps, y, np.inf, columns, row)
        _flatten(row, tolerance)
        for x in range(width):
            to_a, to_b = _to_sources(row, x, WANG)
            var_a = row[VAR_A, x]
            var_b = row[VAR_B, x]
            of_a = share(var_a, var_b, tolerance, 0.5)
            quality = of_a * to_a + (1.0 - of_a) * to_b
            saliency = max(var_a, var_b)
            total += quality
            weighted += saliency * quality
            weights += saliency
    return total, weighted, weights, height * width


@compiled(error_model="numpy")
def weigh_by_likeness(
    fused: GrayImage, a: GrayImage, b: GrayImage, taps: Vector, tolerance: float, undefined: float
) -> tuple[float, float, float]:
    """Compute Q_C, Q_C whose share replaces the score where it leaves 0..1, and Q_Y: means over all windows.

    Args:
        fused: (H, W)
        a: (H, W)
        b: (H, W)
        taps: One side of the window, (n,), n odd, symmetric, of sum 1.
        tolerance: Variances and covariances up to it count as 0; a negative one keeps rounding noise.
        undefined: The share of the first source where it is 0/0.

    Returns:
        Three scores.
    """
    height = fused.shape[0] - taps.size + 1
    width = fused.shape[1] - taps.size + 1
    columns = np.empty((STATISTICS + 1, fused.shape[1]))
    row = np.empty((STATISTICS + 1, width))
    qc_total = forced_total = qy_total = 0.0
    for y in range(height):
        row_statistics(fused, a, b, taps, y, np.inf, columns, row)
        _flatten(row, tolerance)
        for x in range(width):
            to_a, to_b = _to_sources(row, x, BARE)
            of_a = share(row[COV_A, x], row[COV_B, x], tolerance, undefined)
            clipped = of_a if math.isnan(of_a) else min(max(of_a, 0.0), 1.0)
            quality = clipped * to_a + (1.0 - clipped) * to_b
            qc_total += quality
            forced_total += quality if clipped == of_a or math.isnan(of_a) else clipped

            var_a = row[VAR_A, x]
            var_b = row[VAR_B, x]
            if similarity(row[MU_A, x], row[MU_B, x], var_a, var_b, row[COV_AB, x], BARE) >= ALIKE:
                of_a = share(var_a, var_b, tolerance, undefined)
                qy_total += of_a * to_a + (1.0 - of_a) * to_b
            else:
                qy_total += max(to_a, to_b)

    windows = height * width
    return qc_total / windows, forced_total / windows, qy_total / windows


@compiled()
def _flatten(row: StatisticRows, tolerance: float) -> None:
    # variances and covariances, which come after the means
    for statistic in range(VAR_F, row.shape[0]):
        for x in range(row.shape[1]):
            row[statistic, x] = flattened(row[statistic, x], tolerance)


@compiled(error_model="numpy")
def _to_sources(row: StatisticRows, x: int, constants: tuple[float, float]) -> tuple[float, float]:
    # similarity of the fused image to either source in one window
    mu_f = row[MU_F, x]
    var_f = row[VAR_F, x]
    to_a = similarity(mu_f, row[MU_A, x], var_f, row[VAR_A, x], row[COV_A, x], constants)
    return to_a, similarity(mu_f, row[MU_B, x], var_f, row[VAR_B, x], row[COV_B, x], constants)
