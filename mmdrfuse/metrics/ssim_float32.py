"""SSIM as CDDFuse's and MMDRFuse's programs compute it: uniform windows, single precision, constants for -1..1.

With C2 = 0.0036 for values up to 255, rounding decides the score of flat regions, so it is part of the definition:
every window mean is summed in float64 and rounded to float32, first down the columns, then along the rows, and all else
is float32.
"""

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import Triple, Vector
from mmdrfuse.metrics.shared.windows import (
    COV_A,
    COV_B,
    MU_A,
    MU_B,
    MU_F,
    STATISTICS,
    VAR_A,
    VAR_B,
    VAR_F,
)
from mmdrfuse.system.compiling import compiled

Float32Array = npt.NDArray[np.float32]

ColumnSums = npt.NDArray[np.float64]
"""(8, W): one row of each statistic."""

WINDOW = 7
"""Side of the uniform window."""

C1 = np.float32(0.0004)
C2 = np.float32(0.0036)
"""(0.01 L)^2 and (0.03 L)^2 with L = 2, the width of -1..1, which scikit-image 0.19 assumed for float images."""

TWO = np.float32(2.0)
"""A factor that leaves a product in float32."""

SAMPLE = np.float32(WINDOW**2 / (WINDOW**2 - 1))
"""Factor from the mean square of a window to the sample variance."""


def ssim_float32(t: Triple) -> float:
    """Compute the structural similarity to both sources as CDDFuse's program does, ``SSIM(a, f) + SSIM(b, f)``.

    As `mmdrfuse.metrics.ssim.ssim`, with uniform 7×7 windows inside the image, sample covariances, C1 = 0.0004 and
    C2 = 0.0036. For the protocol `cddfuse` alone.

    Args:
        t: Images 0..255, at least 7×7.

    Returns:
        -2..2, higher is better.

    References:
        Zhao et al., "CDDFuse: correlation-driven dual-branch feature decomposition for multi-modality image fusion",
        CVPR 2023, whose program calls scikit-image.
    """
    fused, a, b = (image.astype(np.float32) for image in t.images)
    similarity: float = _sum_of_similarities(fused, a, b)
    return similarity


@compiled()
def _sum_of_similarities(fused: Float32Array, a: Float32Array, b: Float32Array) -> float:
    height = fused.shape[0] - WINDOW + 1
    width = fused.shape[1] - WINDOW + 1
    pixels: int = height * width
    sums = np.zeros((STATISTICS, fused.shape[1]))  # of the columns of the windows
    means = np.empty((STATISTICS, width), np.float32)
    total = 0.0
    for y in range(fused.shape[0]):
        _add_rows(sums, 1.0, fused[y], a[y], b[y])
        if y >= WINDOW:
            _add_rows(sums, -1.0, fused[y - WINDOW], a[y - WINDOW], b[y - WINDOW])
        if y >= WINDOW - 1:
            for statistic in range(STATISTICS):
                _window_means(sums[statistic], means[statistic])
            total += _row_total(means)
    return total / pixels


@compiled()
def _add_rows(sums: ColumnSums, sign: float, fused: Float32Array, a: Float32Array, b: Float32Array) -> None:
    for x in range(fused.size):
        f = fused[x]
        p = a[x]
        q = b[x]
        sums[MU_F, x] += sign * f
        sums[MU_A, x] += sign * p
        sums[MU_B, x] += sign * q
        sums[VAR_F, x] += sign * (f * f)
        sums[VAR_A, x] += sign * (p * p)
        sums[VAR_B, x] += sign * (q * q)
        sums[COV_A, x] += sign * (f * p)
        sums[COV_B, x] += sign * (f * q)


@compiled()
def _window_means(sums: Vector, means: Float32Array) -> None:
    column = (sums / WINDOW).astype(np.float32)
    row = np.zeros(means.size)
    for k in range(WINDOW):
        for x in range(row.size):
            row[x] += column[x + k]
    means[:] = row / WINDOW


@compiled()
def _row_total(means: Float32Array) -> float:
    # of both sources' similarities; every step but the last sum in float32
    total = 0.0
    for x in range(means.shape[1]):
        mu_f = means[MU_F, x]
        var_f = SAMPLE * (means[VAR_F, x] - mu_f * mu_f)
        for mu, var, cov in ((MU_A, VAR_A, COV_A), (MU_B, VAR_B, COV_B)):
            mu_x = means[mu, x]
            var_x = SAMPLE * (means[var, x] - mu_x * mu_x)
            covariance = SAMPLE * (means[cov, x] - mu_f * mu_x)
            numerator = (TWO * mu_f * mu_x + C1) * (TWO * covariance + C2)
            total += numerator / ((mu_f * mu_f + mu_x * mu_x + C1) * (var_f + var_x + C2))
    return total
