"""Windows that slide over a triple: their weights, their statistics block by block, and halving.

SSIM, VIF and Piella's family need the same statistics at every position of a separable window. Whole maps of them would
cost more time in memory traffic than the sums themselves. So a metric's kernel asks for one block of windows, uses it
and forgets it.
"""

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import GrayImage, Vector
from mmdrfuse.system.compiling import compiled

Taps = tuple[float, ...]
"""A symmetric filter up to its middle. The compiler knows a tuple's length, so it keeps all of it in registers. Each
length is compiled anew, which takes seconds."""

Blocks = npt.NDArray[np.float64]
"""(N, R × `SPAN`): N blocks of R rows of pixels."""

MU_F, MU_A, MU_B, VAR_F, VAR_A, VAR_B, COV_A, COV_B, COV_AB = range(9)
STATISTICS = 8
"""The order of the statistics: means, variances, covariances of the fused image with either source. Those who want the
covariance of the sources, too, make room for a ninth."""

SPAN = 272
"""Pixels from one row of a block to the next: 256 windows of the largest side and their margin. A constant distance,
because the compiler then sees that what is written does not overlap what is read."""

WINDOW_ROWS = 32
"""Rows of windows in a block: all its values fit in the level-2 cache."""

_LARGEST = 17
"""Side of the largest window of statistics."""

_LINE = 64
"""Bytes of a cache line: a vector of the processor that crosses two takes twice as long to load."""


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


def half(taps: Vector) -> Taps:
    """Return the taps of a symmetric window from one end to the middle."""
    return tuple(taps[: taps.size // 2 + 1].tolist())


def blocks(count: int = STATISTICS + 2, largest: int = _LARGEST) -> Blocks:
    """Return space for blocks, aligned with the processor's cache.

    Args:
        count: Number of blocks: of each statistic, and two more for work.
        largest: Side of the largest window.
    """
    shape = (count, (WINDOW_ROWS + largest - 1) * SPAN)
    values = np.zeros(shape[0] * shape[1] + _LINE // 8)
    skipped = -values.ctypes.data % _LINE // 8
    return values[skipped : skipped + shape[0] * shape[1]].reshape(shape)


def halved(image: GrayImage) -> GrayImage:
    """Return the means of 2×2 pixels that do not overlap, (H // 2, W // 2); an odd last row or column is dropped."""
    out = np.empty((image.shape[0] // 2, image.shape[1] // 2))
    _halve(image, out)
    return out


@compiled()
def _halve(image: GrayImage, out: GrayImage) -> None:
    for y in range(out.shape[0]):
        top = image[2 * y]
        bottom = image[2 * y + 1]
        row = out[y]
        for x in range(row.size):
            row[x] = (top[2 * x] + top[2 * x + 1] + bottom[2 * x] + bottom[2 * x + 1]) / 4.0


@compiled()
def block_statistics(
    fused: GrayImage, a: GrayImage, b: GrayImage, taps: Taps, y: int, x: int, ceiling: float, out: Blocks
) -> tuple[int, int]:
    """Compute means, variances and covariances of the windows of one block.

    Args:
        fused: (H, W)
        a: (H, W)
        b: (H, W)
        taps: One side of the separable window of sum 1, up to its middle; at most 9.
        y: First row of the block's first windows.
        x: Their first column.
        ceiling: Products of two pixels stop here; infinity for true statistics.
        out: Result: biased variances and covariances, not clipped at 0. Window (i, j) of the block is at
            ``i * SPAN + j``.

    Returns:
        Rows and columns of windows in this block. The next block begins beside or below them.
    """
    margin = 2 * (len(taps) - 1)
    rows = min(WINDOW_ROWS, fused.shape[0] - margin - y)
    columns = min(SPAN - margin, fused.shape[1] - margin - x)
    statistics = out.shape[0] - 2
    across = slice(x, x + columns + margin)
    filled = slice(0, rows * SPAN)
    pixels = out[-2]
    filtered = out[-1]
    for statistic, image in ((MU_F, fused), (MU_A, a), (MU_B, b)):
        for row in range(rows + margin):
            copy(image[y + row, across], pixels[row * SPAN :])
        _filter_block(pixels, taps, filtered, out[statistic, filled])

    for statistic, image, other, mean, other_mean in (
        (VAR_F, fused, fused, MU_F, MU_F),
        (VAR_A, a, a, MU_A, MU_A),
        (VAR_B, b, b, MU_B, MU_B),
        (COV_A, fused, a, MU_F, MU_A),
        (COV_B, fused, b, MU_F, MU_B),
        (COV_AB, a, b, MU_A, MU_B),
    ):
        if statistic < statistics:
            for row in range(rows + margin):
                _multiply(image[y + row, across], other[y + row, across], ceiling, pixels[row * SPAN :])
            _filter_block(pixels, taps, filtered, out[statistic, filled])
            # second moments become variances and covariances
            _subtract_product(out[statistic, filled], out[mean], out[other_mean])
    return rows, columns


@compiled()
def filter_row(row: Vector, taps: Taps, out: Vector) -> None:
    """Filter a row with symmetric taps.

    The middle comes first, then pairs of one tap from the outside in, as in SciPy's `correlate1d`: where windows are
    flat, the order of the additions decides what some programs score.

    Args:
        row: (N + 2n,).
        taps: (n + 1,), from one end to the middle.
        out: Result, (N,).
    """
    middle = len(taps) - 1
    for x in range(out.size):
        total = taps[middle] * row[x + middle]
        for k in range(middle):
            total += taps[k] * (row[x + k] + row[x + 2 * middle - k])
        out[x] = total


@compiled()
def filter_columns(block: Vector, taps: Taps, out: Vector) -> None:
    """Filter the columns of a block, whose rows lie `SPAN` pixels apart, as `filter_row` does.

    Args:
        block: (R * SPAN,).
        taps: (n + 1,), from one end to the middle.
        out: Result, at most (R - 2n) * SPAN.
    """
    middle = len(taps) - 1
    for x in range(out.size):
        total = taps[middle] * block[x + middle * SPAN]
        for k in range(middle):
            total += taps[k] * (block[x + k * SPAN] + block[x + (2 * middle - k) * SPAN])
        out[x] = total


@compiled()
def add_row(row: Vector, taps: Taps, distance: int, out: Vector) -> None:
    """Add pairs of taps to what `filter_row` gave for the taps between them.

    Args:
        row: (N + distance,).
        taps: From the end inwards.
        distance: From one end to the other.
        out: (N,).
    """
    mirrored = row[distance - len(taps) + 1 :]
    for x in range(out.size):
        total = out[x]
        for k in range(len(taps)):
            total += taps[k] * (row[x + k] + mirrored[x + len(taps) - 1 - k])
        out[x] = total


@compiled()
def add_columns(block: Vector, taps: Taps, distance: int, out: Vector) -> None:
    """Add pairs of taps to what `filter_columns` gave for the taps between them, as `add_row`."""
    mirrored = block[(distance - len(taps) + 1) * SPAN :]
    for x in range(out.size):
        total = out[x]
        for k in range(len(taps)):
            total += taps[k] * (block[x + k * SPAN] + mirrored[x + (len(taps) - 1 - k) * SPAN])
        out[x] = total


@compiled()
def _filter_block(pixels: Vector, taps: Taps, filtered: Vector, out: Vector) -> None:
    # windows that reach over the end of a row have pixels of the next one in them, and are never read
    filter_columns(pixels, taps, filtered[: out.size])
    filter_row(filtered, taps, out)


@compiled()
def copy(row: Vector, out: Vector) -> None:
    """Copy a row to the beginning of another one."""
    for x in range(row.size):
        out[x] = row[x]


@compiled()
def _multiply(row: Vector, other: Vector, ceiling: float, out: Vector) -> None:
    for x in range(row.size):
        out[x] = min(row[x] * other[x], ceiling)


@compiled()
def _subtract_product(out: Vector, row: Vector, other: Vector) -> None:
    for x in range(out.size):
        out[x] -= row[x] * other[x]
