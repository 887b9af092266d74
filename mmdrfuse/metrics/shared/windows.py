"""Windows that slide over a triple: their weights, their statistics one output row at a time, and halving.

SSIM and VIF need the same eight statistics at every position of a separable window. Whole maps of them would cost more
time in memory traffic than the sums themselves, so a metric's kernel asks for one row, uses it and forgets it.
"""

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import GrayImage, Vector
from mmdrfuse.system.compiling import compiled

StatisticRows = npt.NDArray[np.float64]
"""(8, W): one row of each statistic."""

MU_F, MU_A, MU_B, VAR_F, VAR_A, VAR_B, COV_A, COV_B = range(8)
STATISTICS = 8
"""The order of the statistics: means, variances, covariances of the fused image with either source."""


def gaussian_taps(size: int, sigma: float) -> Vector:
    """Return the samples of a centred Gaussian, of sum 1.

    Args:
        size: Number of samples.
        sigma: Standard deviation in samples.

    Returns:
        (size,)
    """
    offsets = np.arange(size) - (size - 1) / 2
    taps: Vector = np.exp(-(offsets**2) / (2 * sigma**2))
    taps /= taps.sum()
    return taps


def halved(image: GrayImage) -> GrayImage:
    """Return the means of 2×2 pixels that do not overlap, (H // 2, W // 2); an odd last row or column is dropped."""
    height, width = (side // 2 * 2 for side in image.shape)
    top = image[0:height:2]
    bottom = image[1:height:2]
    return (top[:, 0:width:2] + top[:, 1:width:2] + bottom[:, 0:width:2] + bottom[:, 1:width:2]) / 4.0


@compiled()
def row_statistics(
    fused: GrayImage,
    a: GrayImage,
    b: GrayImage,
    taps: Vector,
    y: int,
    ceiling: float,
    columns: StatisticRows,
    out: StatisticRows,
) -> None:
    """Compute means, variances and covariances of all windows whose first row is `y`.

    Args:
        fused: (H, W)
        a: (H, W)
        b: (H, W)
        taps: One side of the separable window, (n,), n odd, symmetric, of sum 1.
        y: First row of the windows, 0..H-n.
        ceiling: Products of two pixels stop here; infinity for true statistics.
        columns: Work space, (8, W).
        out: Result, (8, W-n+1): biased variances and covariances, not clipped at 0.
    """
    # first moments and products down the columns
    columns[:] = 0.0
    for k in range(taps.size):
        tap = taps[k]
        f = fused[y + k]
        p = a[y + k]
        q = b[y + k]
        _add(columns[MU_F], tap, f)
        _add(columns[MU_A], tap, p)
        _add(columns[MU_B], tap, q)
        _add_product(columns[VAR_F], tap, f, f, ceiling)
        _add_product(columns[VAR_A], tap, p, p, ceiling)
        _add_product(columns[VAR_B], tap, q, q, ceiling)
        _add_product(columns[COV_A], tap, f, p, ceiling)
        _add_product(columns[COV_B], tap, f, q, ceiling)

    # then along the row; taps of one weight are added before they are multiplied
    half = taps.size // 2
    width = out.shape[1]
    for statistic in range(STATISTICS):
        column = columns[statistic]
        row = out[statistic]
        row[:] = 0.0
        for k in range(half):
            mirrored = taps.size - 1 - k
            _add_pair(row, taps[k], column[k : k + width], column[mirrored : mirrored + width])
        _add(row, taps[half], column[half : half + width])

    # second moments become variances and covariances
    for second, x, z in (
        (VAR_F, MU_F, MU_F),
        (VAR_A, MU_A, MU_A),
        (VAR_B, MU_B, MU_B),
        (COV_A, MU_F, MU_A),
        (COV_B, MU_F, MU_B),
    ):
        _subtract_product(out[second], out[x], out[z])


@compiled()
def _add(out: Vector, tap: float, row: Vector) -> None:
    for x in range(out.size):
        out[x] += tap * row[x]


@compiled()
def _add_pair(out: Vector, tap: float, row: Vector, other: Vector) -> None:
    for x in range(out.size):
        out[x] += tap * (row[x] + other[x])


@compiled()
def _add_product(out: Vector, tap: float, row: Vector, other: Vector, ceiling: float) -> None:
    for x in range(out.size):
        out[x] += tap * min(row[x] * other[x], ceiling)


@compiled()
def _subtract_product(out: Vector, row: Vector, other: Vector) -> None:
    for x in range(out.size):
        out[x] -= row[x] * other[x]
