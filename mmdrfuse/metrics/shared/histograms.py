"""Histograms of gray levels, and entropies of them.

Every probability is a share of pixels with one of the 256 gray levels; values between levels count for the nearest.
"""

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import GrayImage, ImageName, Triple, Vector, once
from mmdrfuse.system.compiling import compiled

LEVELS = 256
"""Gray levels that a histogram counts."""

Levels = npt.NDArray[np.uint8]
"""(H, W): the nearest gray level of each pixel."""

Counts = npt.NDArray[np.int64]
"""Pixels with each level, (256,), or with each pair of levels, (256, 256)."""


@once
def histogram(t: Triple, name: ImageName) -> Counts:
    """Return how many pixels of one of a triple's images have each gray level, (256,)."""
    counts = np.zeros(LEVELS, np.int64)
    _count(levels(t, name), counts)
    return counts


@once
def joint_histogram(t: Triple, x: ImageName, y: ImageName) -> Counts:
    """Return how many pixels have each pair of gray levels in two of a triple's images, (256, 256).

    Args:
        t: Images 0..255.
        x: The image whose levels are the rows.
        y: The image whose levels are the columns.
    """
    counts = np.zeros((LEVELS, LEVELS), np.int64)
    _count_pairs(levels(t, x), levels(t, y), counts)
    return counts


def shannon_entropy(weights: Counts | Vector) -> float:
    """Return the entropy in bits of what is distributed by `weights`, which need not sum to 1."""
    share = weights[weights > 0] / weights.sum()
    return float(-(share * np.log2(share)).sum()) + 0.0  # + 0.0: a constant image has 0 bits, not -0


@once
def level_entropy(t: Triple, name: ImageName) -> float:
    """Return the entropy of the gray levels of one of a triple's images, in bits."""
    return shannon_entropy(histogram(t, name))


def level_information(t: Triple, x: ImageName, y: ImageName, *, joint_levels: int = LEVELS) -> float:
    """Return the mutual information of the levels of two of a triple's images, ``H(x) + H(y) - H(x, y)``, in bits.

    Args:
        t: Images 0..255.
        x: One image.
        y: The other.
        joint_levels: Levels that the joint histogram keeps apart; higher ones fall into its last bin.
    """
    return level_entropy(t, x) + level_entropy(t, y) - _joint_entropy(t, x, y, joint_levels)


@once
def _joint_entropy(t: Triple, x: ImageName, y: ImageName, levels: int) -> float:
    return shannon_entropy(_merged(joint_histogram(t, x, y), levels))


@once
def levels(t: Triple, name: ImageName) -> Levels:
    """Return the nearest gray level of each pixel of one of a triple's images, halves up."""
    nearest = np.empty(t.fused.shape, np.uint8)
    _round(t.image(name), nearest)
    return nearest


@compiled()
def _round(image: GrayImage, nearest: Levels) -> None:
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            nearest[y, x] = np.int32(image[y, x] + 0.5)


@compiled()
def _count(x: Levels, counts: Counts) -> None:
    for row in x:
        for level in row:
            counts[level] += 1


@compiled()
def _count_pairs(x: Levels, y: Levels, counts: Counts) -> None:
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            counts[x[row, column], y[row, column]] += 1


def _merged(joint: Counts, levels: int) -> Counts:
    # the last row and the last column take up what lies beyond them
    if levels == LEVELS:
        return joint
    starts = np.arange(levels)
    rows = np.add.reduceat(joint, starts, axis=0)
    return np.add.reduceat(rows, starts, axis=1)
