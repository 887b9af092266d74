"""Windows that slide over a triple: their weights, their statistics one output row at a time, and halving.

SSIM and VIF need the same eight statistics at every position of a separable window. Whole maps of them would cost more
time in memory traffic than the sums themselves, so a metric's kernel asks for one row, uses it and forgets it.
"""

import numpy as np

from mmdrfuse.compiling import compiled
from mmdrfuse.metrics.shared.triple import Plane, Row

# The rows of what `row_statistics` fills in
MU_F, MU_A, MU_B, VAR_F, VAR_A, VAR_B, COV_A, COV_B = range(8)
STATISTICS = 8


def gaussian_taps(size: int, sigma: float) -> Row:
    """Samples of a Gaussian, centred, of sum 1.

    Args:
        size: Number of samples.
        sigma: Standard deviation in samples.

    Returns:
        (size,)
    """
    offsets = np.arange(size) - (size - 1) / 2
    taps: Row = np.exp(-(offsets**2) / (2 * sigma**2))
    taps /= taps.sum()
    return taps


def halved(image: Plane) -> Plane:
    """Means of 2×2 pixels that do not overlap, (H // 2, W // 2): an odd last row or column is dropped."""
    height, width = (side // 2 * 2 for side in image.shape)
    top, bottom = image[0:height:2], image[1:height:2]
    return (top[:, 0:width:2] + top[:, 1:width:2] + bottom[:, 0:width:2] + bottom[:, 1:width:2]) / 4.0


@compiled()
def row_statistics(
    fused: Plane, a: Plane, b: Plane, taps: Row, y: int, ceiling: float, columns: Plane, out: Plane
) -> None:
    """Fill in means, variances and covariances of all windows whose first row is `y`.

    Args:
        fused: (H, W)
        a: (H, W)
        b: (H, W)
        taps: One side of the separable window, (n,), n odd, symmetric, of sum 1.
        y: First row of the windows, 0..H-n.
        ceiling: Products of two pixels stop here; infinity for honest statistics.
        columns: Work space, (8, W).
        out: Result, (8, W-n+1): biased variances and covariances, not clipped at 0.
    """
    columns[:] = 0.0
    for k in range(taps.size):
        tap, f, x, z = taps[k], fused[y + k], a[y + k], b[y + k]
        _add(columns[MU_F], tap, f)
        _add(columns[MU_A], tap, x)
        _add(columns[MU_B], tap, z)
        _add_product(columns[VAR_F], tap, f, f, ceiling)
        _add_product(columns[VAR_A], tap, x, x, ceiling)
        _add_product(columns[VAR_B], tap, z, z, ceiling)
        _add_product(columns[COV_A], tap, f, x, ceiling)
        _add_product(columns[COV_B], tap, f, z, ceiling)
    half, width = taps.size // 2, out.shape[1]
    for statistic in range(STATISTICS):
        column, row = columns[statistic], out[statistic]
        row[:] = 0.0
        for k in range(half):
            _add_pair(row, taps[k], column[k : k + width], column[taps.size - 1 - k : taps.size - 1 - k + width])
        _add(row, taps[half], column[half : half + width])
    for variance, x, z in (
        (VAR_F, MU_F, MU_F),
        (VAR_A, MU_A, MU_A),
        (VAR_B, MU_B, MU_B),
        (COV_A, MU_F, MU_A),
        (COV_B, MU_F, MU_B),
    ):
        _subtract_product(out[variance], out[x], out[z])


@compiled()
def _add(out: Row, tap: float, row: Row) -> None:
    for x in range(out.size):
        out[x] += tap * row[x]


@compiled()
def _add_pair(out: Row, tap: float, row: Row, other: Row) -> None:
    for x in range(out.size):
        out[x] += tap * (row[x] + other[x])


@compiled()
def _add_product(out: Row, tap: float, row: Row, other: Row, ceiling: float) -> None:
    for x in range(out.size):
        out[x] += tap * min(row[x] * other[x], ceiling)


@compiled()
def _subtract_product(out: Row, row: Row, other: Row) -> None:
    for x in range(out.size):
        out[x] -= row[x] * other[x]
