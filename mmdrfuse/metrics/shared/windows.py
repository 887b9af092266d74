"""Windows that slide over a triple: their weights, their statistics one output row at a time, and halving.

SSIM, VIF and Piella's family need the same statistics at every position of a separable window. Whole maps of them would
cost more time in memory traffic than the sums themselves, so a metric's kernel asks for one row, uses it, forgets it.
"""

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import GrayImage, Vector
from mmdrfuse.system.compiling import compiled

StatisticRows = npt.NDArray[np.float64]
"""(8, W) or (9, W): one row of each statistic."""

MU_F, MU_A, MU_B, VAR_F, VAR_A, VAR_B, COV_A, COV_B, COV_AB = range(9)
STATISTICS = 8
"""The order of the statistics: means, variances, covariances of the fused image with either source. Those who want the
covariance of the sources, too, make room for a ninth."""


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
        columns: Work space, (8, W), or (9, W) with the covariance of the sources.
        out: Result, (8, W-n+1) or (9, W-n+1): biased variances and covariances, not clipped at 0.
    """
    statistics = out.shape[0]
    # first moments and products down the columns
    middle = y + taps.size // 2
    for x, image in ((MU_F, fused), (MU_A, a), (MU_B, b)):
        filter_column(image, taps, middle, columns[x])
    for second, image, other in (
        (VAR_F, fused, fused),
        (VAR_A, a, a),
        (VAR_B, b, b),
        (COV_A, fused, a),
        (COV_B, fused, b),
    ):
        _filter_products(image, other, taps, middle, ceiling, columns[second])
    if statistics > COV_AB:
        _filter_products(a, b, taps, middle, ceiling, columns[COV_AB])

    # then along the row
    for statistic in range(statistics):
        filter_row(columns[statistic], taps, out[statistic])

    # second moments become variances and covariances
    for second, x, z in (
        (VAR_F, MU_F, MU_F),
        (VAR_A, MU_A, MU_A),
        (VAR_B, MU_B, MU_B),
        (COV_A, MU_F, MU_A),
        (COV_B, MU_F, MU_B),
    ):
        _subtract_product(out[second], out[x], out[z])
    if statistics > COV_AB:
        _subtract_product(out[COV_AB], out[MU_A], out[MU_B])


@compiled()
def filter_column(image: GrayImage, taps: Vector, y: int, out: Vector) -> None:
    """Filter the columns of an image around one row, as `filter_row` does; both sides of it lie inside the image.

    Args:
        image: (H, W).
        taps: (n,), n odd, symmetric.
        y: The row in the middle, n // 2..H-n // 2-1.
        out: Result, (W,).
    """
    half = taps.size // 2
    _scale(out, taps[half], image[y])
    for k in range(half):
        _add_pair(out, taps[k], image[y - half + k], image[y + half - k])


@compiled()
def filter_row(row: Vector, taps: Vector, out: Vector) -> None:
    """Filter a row with symmetric taps.

    The middle comes first, then pairs of one tap from the outside in, as in SciPy's `correlate1d`: where windows are
    flat, the order of the additions decides what some programs score.

    Args:
        row: (N,).
        taps: (n,), n odd, symmetric.
        out: Result, (N-n+1,).
    """
    half = taps.size // 2
    width = out.size
    _scale(out, taps[half], row[half : half + width])
    for k in range(half):
        mirrored = taps.size - 1 - k
        _add_pair(out, taps[k], row[k : k + width], row[mirrored : mirrored + width])


@compiled()
def _filter_products(image: GrayImage, other: GrayImage, taps: Vector, y: int, ceiling: float, out: Vector) -> None:
    half = taps.size // 2
    tap = taps[half]
    row = image[y]
    other_row = other[y]
    for x in range(out.size):
        out[x] = tap * min(row[x] * other_row[x], ceiling)
    for k in range(half):
        _add_products(
            out, taps[k], image[y - half + k], other[y - half + k], image[y + half - k], other[y + half - k], ceiling
        )


@compiled()
def _scale(out: Vector, tap: float, row: Vector) -> None:
    for x in range(out.size):
        out[x] = tap * row[x]


@compiled()
def _add_pair(out: Vector, tap: float, row: Vector, other: Vector) -> None:
    for x in range(out.size):
        out[x] += tap * (row[x] + other[x])


@compiled()
def _add_products(
    out: Vector, tap: float, above: Vector, other_above: Vector, below: Vector, other_below: Vector, ceiling: float
) -> None:
    for x in range(out.size):
        out[x] += tap * (min(above[x] * other_above[x], ceiling) + min(below[x] * other_below[x], ceiling))


@compiled()
def _subtract_product(out: Vector, row: Vector, other: Vector) -> None:
    for x in range(out.size):
        out[x] -= row[x] * other[x]
