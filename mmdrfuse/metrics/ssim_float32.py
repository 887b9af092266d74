"""SSIM as CDDFuse's and MMDRFuse's programs compute it: uniform windows, single precision, constants for -1..1.

With C2 = 0.0036 for values up to 255 flat regions are decided by rounding, so the rounding is part of the definition:
every window mean is summed in float64 and rounded to float32, first down the columns, then along the rows, and all else
is float32.
"""

import numpy as np
import numpy.typing as npt

from mmdrfuse.compiling import compiled
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector
from mmdrfuse.metrics.shared.windows import COV_A, COV_B, MU_A, MU_B, MU_F, STATISTICS, VAR_A, VAR_B, VAR_F

Single = npt.NDArray[np.float32]

WINDOW = 7
# (0.01 L)^2 and (0.03 L)^2 with L = 2, the width of -1..1, which scikit-image 0.19 assumed for float images
C1, C2, TWO = np.float32(0.0004), np.float32(0.0036), np.float32(2.0)
# From the mean square of a window to the sample variance
SAMPLE = np.float32(WINDOW**2 / (WINDOW**2 - 1))


def ssim_float32(t: Triple) -> float:
    """Structural similarity to both sources as CDDFuse's program has it, ``SSIM(a, f) + SSIM(b, f)``.

    Uniform 7×7 windows inside the image and sample covariances. For the protocol `cddfuse` alone.

    Args:
        t: Images 0..255, at least 7×7.

    Returns:
        -2..2.
    """
    fused, a, b = (image.astype(np.float32) for image in t.images)
    similarity: float = _similarity(fused, a, b)
    return similarity


@compiled()
def _similarity(fused: Single, a: Single, b: Single) -> float:
    height, width = fused.shape[0] - WINDOW + 1, fused.shape[1] - WINDOW + 1
    sums = np.zeros((STATISTICS, fused.shape[1]))  # of the columns of the windows
    means = np.empty((STATISTICS, width), np.float32)
    pixels: int = height * width
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
def _add_rows(sums: GrayImage, sign: float, fused: Single, a: Single, b: Single) -> None:
    for x in range(fused.size):
        f, p, q = fused[x], a[x], b[x]
        sums[MU_F, x] += sign * f
        sums[MU_A, x] += sign * p
        sums[MU_B, x] += sign * q
        sums[VAR_F, x] += sign * (f * f)
        sums[VAR_A, x] += sign * (p * p)
        sums[VAR_B, x] += sign * (q * q)
        sums[COV_A, x] += sign * (f * p)
        sums[COV_B, x] += sign * (f * q)


@compiled()
def _window_means(sums: Vector, means: Single) -> None:
    column = (sums / WINDOW).astype(np.float32)
    row = np.zeros(means.size)
    for k in range(WINDOW):
        for x in range(row.size):
            row[x] += column[x + k]
    means[:] = row / WINDOW


@compiled()
def _row_total(means: Single) -> float:
    # of both sources' similarities; every step but the last sum in float32
    total = 0.0
    for x in range(means.shape[1]):
        mu_f = means[MU_F, x]
        var_f = SAMPLE * (means[VAR_F, x] - mu_f * mu_f)
        for mu, var, cov in ((MU_A, VAR_A, COV_A), (MU_B, VAR_B, COV_B)):
            mu_x = means[mu, x]
            var_x = SAMPLE * (means[var, x] - mu_x * mu_x)
            covariance = SAMPLE * (means[cov, x] - mu_f * mu_x)
            over = (TWO * mu_f * mu_x + C1) * (TWO * covariance + C2)
            total += over / ((mu_f * mu_f + mu_x * mu_x + C1) * (var_f + var_x + C2))
    return total
