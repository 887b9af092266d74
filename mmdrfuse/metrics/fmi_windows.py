"""Windows of two feature maps as distributions, and the information that they share; the inner part of `fmi`."""

import math

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import GrayImage, Vector
from mmdrfuse.system.compiling import compiled

SIDE = 3
CELLS = SIDE * SIDE
"""Side of a window, and its pixels."""

FLAT_SPREAD = 1e-9 * 255.0
"""A window whose values spread no further is flat: transforms of flat regions leave rounding noise."""

_PATH = 2 * CELLS - 1
"""Cells where a Fréchet bound may have mass: a path from one corner to the other."""

_TINY = 1e-300
"""Shares count as so much in logarithms, so that 0 log 0 is 0."""

Cells = npt.NDArray[np.float64]
"""(9, N): one value for each cell of N windows."""


class Windows:
    """Windows of a feature map, in the order of the map's pixels, each a distribution over its cells.

    Args:
        features: (H, W)
    """

    def __init__(self, features: GrayImage) -> None:
        count = (features.shape[0] - SIDE + 1) * (features.shape[1] - SIDE + 1)
        self.features = features
        self.cumulative = np.empty((CELLS, count))
        self.shares = np.empty((CELLS, count))
        self.deviations = np.empty(count)
        self.flat = np.empty(count, np.bool_)
        _distribute(features, self.cumulative, self.shares, self.deviations, self.flat)
        self.logarithms = _logarithm(self.shares)
        self.entropies = -np.einsum("cn,cn->n", self.shares, self.logarithms)


def total_information(x: Windows, z: Windows) -> float:
    """Return the sum over all windows of their normalised mutual information, ``2 I / (H + H)``."""
    alike = np.empty(x.flat.size, np.bool_)
    _compare(x.features, z.features, alike)
    alike |= x.flat & z.flat
    counted = np.flatnonzero(~alike & ~x.flat & ~z.flat & (x.deviations * z.deviations > 0.0))

    # shares of the mixture along the bound's path; what independence gives there, as `_mix` says
    mixed = np.empty((counted.size, _PATH))
    apart, share, within = np.empty((3, counted.size))
    arrays = (x.cumulative, z.cumulative, x.logarithms, z.logarithms)
    _mix(counted, *arrays, x.deviations * z.deviations, mixed, apart, share, within)

    # joint entropy: as if all cells were independent, whose logarithms are sums of those of rows and columns; then the
    # path's cells are exchanged
    single = x.entropies[counted] + z.entropies[counted]
    joint = apart * single - (1.0 - share) * apart * _logarithm(apart) + within
    joint -= np.einsum("nk,nk->n", mixed, _logarithm(mixed))
    return float(np.count_nonzero(alike) + (2.0 * (single - joint) / single).sum())


def _logarithm(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # a mixture beyond a bound may leave 0..1: the real part of the complex logarithm counts
    return np.log2(np.maximum(np.abs(shares), _TINY))


@compiled(error_model="numpy")
def _distribute(
    features: GrayImage, cumulative: Cells, shares: Cells, deviations: Vector, flat: npt.NDArray[np.bool_]
) -> None:
    # fill in the windows as distributions, column by column; what stands for a flat window means nothing
    width = features.shape[1] - SIDE + 1
    low = np.empty(width)
    high = np.empty(width)
    for y in range(features.shape[0] - SIDE + 1):
        start = y * width
        low[:] = np.inf
        high[:] = -np.inf
        for i in range(SIDE):
            for j in range(SIDE):
                row = features[y + i, j : j + width]
                for x in range(width):
                    low[x] = min(low[x], row[x])
                    high[x] = max(high[x], row[x])
        for x in range(width):
            flat[start + x] = high[x] - low[x] <= FLAT_SPREAD

        total = high
        total[:] = 0.0
        for cell in range(CELLS):
            row = features[y + cell % SIDE, cell // SIDE : cell // SIDE + width]
            sums = cumulative[cell, start : start + width]
            for x in range(width):
                total[x] += row[x] - low[x]
                sums[x] = total[x]
        for cell in range(CELLS):
            sums = cumulative[cell, start : start + width]
            parts = shares[cell, start : start + width]
            for x in range(width):
                sums[x] = sums[x] / total[x] if total[x] > 0.0 else 1.0
                parts[x] = sums[x] - (cumulative[cell - 1, start + x] if cell else 0.0)

        for x in range(start, start + width):
            first = second = 0.0
            for cell in range(CELLS):
                first += (cell + 1) * shares[cell, x]
                second += (cell + 1) * (cell + 1) * shares[cell, x]
            deviations[x] = math.sqrt(max(second - first * first, 0.0))


@compiled()
def _compare(features: GrayImage, other: GrayImage, equal: npt.NDArray[np.bool_]) -> None:
    # windows whose pixels are the same
    width = features.shape[1] - SIDE + 1
    for y in range(features.shape[0] - SIDE + 1):
        result = equal[y * width : (y + 1) * width]
        result[:] = True
        for i in range(SIDE):
            for j in range(SIDE):
                row = features[y + i, j : j + width]
                other_row = other[y + i, j : j + width]
                for x in range(width):
                    result[x] &= row[x] == other_row[x]


@compiled(error_model="numpy")
def _mix(
    counted: npt.NDArray[np.intp],
    cumulative_x: Cells,
    cumulative_z: Cells,
    logarithms_x: Cells,
    logarithms_z: Cells,
    spreads: Vector,
    mixed: GrayImage,
    apart: Vector,
    share: Vector,
    within: Vector,
) -> None:
    # of each window that counts: the shares of the mixture along the bound's path; the share of independence in the
    # mixture; how much of independence lies on the path; and the sum of that times its logarithms
    p = np.empty(CELLS + 1)
    q = np.empty(CELLS + 1)
    p[0] = q[0] = 0.0
    masses = np.empty(_PATH)
    independent = np.empty(_PATH)
    for n in range(counted.size):
        window = counted[n]
        for cell in range(CELLS):
            p[cell + 1] = cumulative_x[cell, window]
            q[cell + 1] = cumulative_z[cell, window]
        correlation = _correlation(p, q)
        opposed = correlation < 0.0
        if opposed:  # the lower bound is the upper one of the reversed distribution
            for cell in range(CELLS + 1):
                q[cell] = 1.0 - cumulative_z[CELLS - 1 - cell, window] if cell < CELLS else 1.0

        mean_p = mean_q = 0.0
        for cell in range(1, CELLS + 1):
            mean_p += cell * (p[cell] - p[cell - 1])
            mean_q += cell * (q[cell] - q[cell - 1])

        # along the path the larger cumulative share waits for the smaller one
        i = j = 1
        done = covariance = on_path = sums = 0.0
        for k in range(_PATH):
            reached = min(p[i], q[j])
            mass = reached - done
            done = reached
            covariance += mass * (i - mean_p) * (j - mean_q)
            masses[k] = mass
            product = (p[i] - p[i - 1]) * (q[j] - q[j - 1])
            column = CELLS - j if opposed else j - 1
            independent[k] = product
            on_path += product
            sums += product * (logarithms_x[i - 1, window] + logarithms_z[column, window])
            down = (j == CELLS) | ((p[i] <= q[j]) & (i < CELLS))
            i += down
            j += not down

        if opposed:
            covariance = -covariance
        bound = correlation * spreads[window] / covariance
        apart[n] = 1.0 - bound
        share[n] = on_path
        within[n] = (1.0 - bound) * sums
        for k in range(_PATH):
            mixed[n, k] = bound * masses[k] + (1.0 - bound) * independent[k]


@compiled()
def _correlation(p: Vector, q: Vector) -> float:
    # of the shares, not of the positions; their mean is 1/9
    both = only_p = only_q = 0.0
    for i in range(1, CELLS + 1):
        share_p = p[i] - p[i - 1] - 1.0 / CELLS
        share_q = q[i] - q[i - 1] - 1.0 / CELLS
        both += share_p * share_q
        only_p += share_p * share_p
        only_q += share_q * share_q
    return both / math.sqrt(only_p * only_q)
