"""Information that windows of two feature maps share, a strip at a time; an inner part of `fmi`.

The upper Fréchet bound of two distributions has its mass on a path of cells from one corner to the other. The
cumulative shares of both, sorted, cut 0..1 into intervals. Each interval belongs to one cell of the path, and its
length is the mass there. It ends at a cumulative share of the one distribution, between two neighbouring ones of the
other. So these neighbours tell the path, and no step along it waits for the one before.
"""

import numpy as np

from mmdrfuse.metrics.fmi_windows import CELLS, FLAT_SPREAD, SIDE, STRIP, WINDOWS, Record, kernel, logarithm, read_strip
from mmdrfuse.metrics.shared.triple import GrayImage

_PAIRS = np.dtype(
    [
        # the information; -1 where it has to be computed
        ("information", np.float64, (STRIP,)),
        # how far the shares correlate: the sum of products of what they deviate by
        ("agreement", np.float64, (STRIP,)),
        # cumulative shares of z and their sum without the last one, which is 1, and the logarithms of its shares;
        # reversed where the shares correlate negatively
        ("cumulative", np.float64, (CELLS, STRIP)),
        ("total", np.float64, (STRIP,)),
        ("logarithms", np.float64, (CELLS, STRIP)),
        # neighbours of each cumulative share of x among those of z, and the other way round
        ("below_x", np.float64, (CELLS + 1, STRIP)),
        ("above_x", np.float64, (CELLS + 1, STRIP)),
        ("below_z", np.float64, (CELLS, STRIP)),
        ("above_z", np.float64, (CELLS, STRIP)),
        # covariance of the positions under the bound, and its weight in the mixture
        ("covariance", np.float64, (STRIP,)),
        ("bound", np.float64, (STRIP,)),
        # over the path's cells: the shares p q of independence, p q log(p q), and the entropy of the mixture
        ("independent", np.float64, (STRIP,)),
        ("sums", np.float64, (STRIP,)),
        ("entropy", np.float64, (STRIP,)),
    ]
)
"""A strip of pairs of windows, x and z."""

_UNKNOWN = -1.0

_LEAST_COVARIANCE = 1e-13
"""What is not larger is rounding noise: one window has hardly more than one position, which tells nothing."""


def mean_information(fused: GrayImage, a: GrayImage, b: GrayImage) -> float:
    """Return the mean over all 3×3 windows and both sources of ``2 I / (H + H)``.

    Args:
        fused: (H, W), feature map of the fused image, contiguous.
        a: (H, W), that of the first source.
        b: (H, W), that of the second source.
    """
    x, z = np.zeros(2, WINDOWS)
    return _mean(fused, a, b, x, z, np.zeros(1, _PAIRS)[0])


@kernel
def _mean(fused: GrayImage, a: GrayImage, b: GrayImage, x: Record, z: Record, pairs: Record) -> float:
    height = fused.shape[0] - SIDE + 1
    width = fused.shape[1] - SIDE + 1
    total = 0.0
    for top in range(height):
        for left in range(0, width, STRIP):
            count = min(STRIP, width - left)
            read_strip(fused, top, left, count, x)
            for source in (a, b):
                read_strip(source, top, left, count, z)
                total += _total(x, z, pairs, count)
    return float(total / (2 * height * width))


@kernel
def _total(x: Record, z: Record, pairs: Record, count: int) -> float:
    # the sum of the information of the first windows
    if _compare(x, z, pairs):
        _turn(x, z, pairs)
        _find_neighbours_of_x(x, pairs)
        _find_neighbours_of_z(x, pairs)
        _weigh(x, z, pairs)
        _mix_where_x_ends(x, pairs)
        _mix_where_z_ends(pairs)
        _conclude(x, z, pairs)
    total: float = 0.0
    for n in range(count):
        total += pairs.information[n]
    return total


@kernel
def _compare(x: Record, z: Record, pairs: Record) -> int:
    # equal windows and flat ones tell all of each other, a flat one and another nothing, nor does one with one position
    unknown = 0
    for n in range(STRIP):
        equal = True
        for cell in range(CELLS):
            equal &= x.pixels[cell % SIDE, cell // SIDE + n] == z.pixels[cell % SIDE, cell // SIDE + n]
        flat_x = x.spread[n] <= FLAT_SPREAD
        flat_z = z.spread[n] <= FLAT_SPREAD
        alike = equal | (flat_x & flat_z)
        apart = flat_x | flat_z | (x.deviation[n] * z.deviation[n] == 0.0)
        pairs.information[n] = 1.0 if alike else 0.0 if apart else _UNKNOWN
        unknown += not (alike | apart)
    return unknown


@kernel
def _turn(x: Record, z: Record, pairs: Record) -> None:
    # where the shares correlate negatively, the lower bound counts; it is the upper one of the reversed distribution
    for n in range(STRIP):
        agreement = 0.0
        for cell in range(CELLS):
            agreement += (x.shares[cell, n] - 1.0 / CELLS) * (z.shares[cell, n] - 1.0 / CELLS)
        total = 0.0
        for cell in range(1, CELLS):
            # both values are read before one is chosen, or else the choice would be a branch
            upright = z.cumulative[cell, n]
            turned = 1.0 - z.cumulative[CELLS - cell, n]
            chosen = turned if agreement < 0.0 else upright
            pairs.cumulative[cell, n] = chosen
            total += chosen
        for cell in range(CELLS):
            upright = z.logarithms[cell, n]
            turned = z.logarithms[CELLS - 1 - cell, n]
            pairs.logarithms[cell, n] = turned if agreement < 0.0 else upright
        pairs.agreement[n] = agreement
        pairs.total[n] = total


@kernel
def _find_neighbours_of_x(x: Record, pairs: Record) -> None:
    # of each cumulative share of x the next one of z, equal or above, and the last one below; by the way the covariance
    # of the bound, which is the sum of its distances to independence (Hoeffding)
    pairs.covariance[:] = 0.0
    for i in range(1, CELLS + 1):
        for n in range(STRIP):
            point = x.cumulative[i, n]
            below = 0.0
            distance = -point * pairs.total[n]
            for j in range(1, CELLS):
                other = pairs.cumulative[j, n]
                below = other if other < point else below
                distance += min(point, other)
            above = 1.0
            for j in range(CELLS - 1, 0, -1):
                other = pairs.cumulative[j, n]
                above = above if other < point else other
            pairs.below_x[i, n] = below
            pairs.above_x[i, n] = above
            pairs.covariance[n] += distance


@kernel
def _find_neighbours_of_z(x: Record, pairs: Record) -> None:
    # the other way round; where two shares are equal, the interval that ends at the one of z is the empty one above it
    for j in range(1, CELLS):
        for n in range(STRIP):
            point = pairs.cumulative[j, n]
            below = 0.0
            for i in range(1, CELLS + 1):
                other = x.cumulative[i, n]
                below = other if other <= point else below
            above = 1.0
            for i in range(CELLS - 1, 0, -1):
                other = x.cumulative[i, n]
                above = above if other <= point else other
            pairs.below_z[j, n] = below
            pairs.above_z[j, n] = above


@kernel
def _weigh(x: Record, z: Record, pairs: Record) -> None:
    # the mixture's correlation of positions is that of the shares
    for n in range(STRIP):
        product = abs(pairs.agreement[n]) * x.deviation[n] * z.deviation[n]
        pairs.bound[n] = product / pairs.covariance[n] if pairs.covariance[n] > _LEAST_COVARIANCE else 0.0
    pairs.independent[:] = 0.0
    pairs.sums[:] = 0.0
    pairs.entropy[:] = 0.0


@kernel
def _mix_where_x_ends(x: Record, pairs: Record) -> None:
    # the cells of the path in which an interval ends at a cumulative share of x
    for i in range(1, CELLS + 1):
        for n in range(STRIP):
            share = x.shares[i - 1, n]
            mass = x.cumulative[i, n] - max(x.cumulative[i - 1, n], pairs.below_x[i, n])
            independent = share * (pairs.above_x[i, n] - pairs.below_x[i, n])
            mixed = independent + pairs.bound[n] * (mass - independent)
            pairs.entropy[n] -= mixed * logarithm(mixed)
            pairs.independent[n] += independent
            # of all the cells of z that the path passes in this cell of x
            pairs.sums[n] += share * (pairs.above_x[i, n] - pairs.below_x[i - 1, n]) * x.logarithms[i - 1, n]


@kernel
def _mix_where_z_ends(pairs: Record) -> None:
    # the other cells of the path
    for j in range(1, CELLS):
        for n in range(STRIP):
            share = pairs.cumulative[j, n] - pairs.cumulative[j - 1, n]
            mass = pairs.cumulative[j, n] - max(pairs.cumulative[j - 1, n], pairs.below_z[j, n])
            independent = share * (pairs.above_z[j, n] - pairs.below_z[j, n])
            mixed = independent + pairs.bound[n] * (mass - independent)
            pairs.entropy[n] -= mixed * logarithm(mixed)
            pairs.independent[n] += independent
            pairs.sums[n] += share * (pairs.above_z[j, n] - pairs.below_z[j - 1, n]) * pairs.logarithms[j - 1, n]
    # in the last cell of z all intervals end at shares of x
    for n in range(STRIP):
        share = 1.0 - pairs.cumulative[CELLS - 1, n]
        pairs.sums[n] += share * (1.0 - pairs.below_z[CELLS - 1, n]) * pairs.logarithms[CELLS - 1, n]


@kernel
def _conclude(x: Record, z: Record, pairs: Record) -> None:
    # joint entropy: as if all cells were independent, whose logarithms are sums of those of rows and columns; then the
    # path's cells are exchanged
    for n in range(STRIP):
        single = x.entropy[n] + z.entropy[n]
        apart = 1.0 - pairs.bound[n]
        joint = apart * (single + pairs.sums[n] - (1.0 - pairs.independent[n]) * logarithm(apart)) + pairs.entropy[n]
        information = 2.0 * (single - joint) / single
        pairs.information[n] = information if pairs.information[n] == _UNKNOWN else pairs.information[n]
