"""Histograms of gray levels, and entropies of them.

Every probability is a share of pixels with one of the 256 gray levels; values between levels count for the nearest.
"""

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import Plane, Row, Triple, once

LEVELS = 256
Counts = npt.NDArray[np.int64]


@once
def level_entropy(t: Triple, name: str) -> float:
    """Entropy of the gray levels of one of a triple's images, in bits."""
    return shannon(histogram(t, name))


def shared_entropy(t: Triple, x: str, y: str, *, joint_levels: int = LEVELS) -> float:
    """What the levels of two of a triple's images tell of each other, ``H(x) + H(y) - H(x, y)``, in bits."""
    return level_entropy(t, x) + level_entropy(t, y) - _joint_entropy(t, x, y, joint_levels)


@once
def joint_histogram(t: Triple, x: str, y: str) -> Counts:
    """Pixels with each pair of gray levels, (256, 256).

    Args:
        t: Images 0..255.
        x: Which image's levels are the rows: ``"fused"``, ``"a"`` or ``"b"``.
        y: Which image's levels are the columns.
    """
    pairs = _levels(t, x).astype(np.uint16) * LEVELS + _levels(t, y)
    return np.bincount(pairs.ravel(), minlength=LEVELS * LEVELS).reshape(LEVELS, LEVELS)


def shannon(weights: Counts | Row) -> float:
    """Entropy in bits of what is distributed by `weights`, which need not sum to 1."""
    share = weights[weights > 0] / weights.sum()
    return float(-(share * np.log2(share)).sum()) + 0.0  # + 0.0: a constant image has 0 bits, not -0


@once
def _joint_entropy(t: Triple, x: str, y: str, levels: int) -> float:
    return shannon(_merged(joint_histogram(t, x, y), levels))


@once
def histogram(t: Triple, name: str) -> Counts:
    """Pixels with each gray level of one of a triple's images, (256,)."""
    return np.bincount(_levels(t, name).ravel(), minlength=LEVELS)


@once
def _levels(t: Triple, name: str) -> npt.NDArray[np.uint8]:
    plane: Plane = getattr(t, name)
    return np.floor(plane + 0.5).astype(np.uint8)


def _merged(joint: Counts, levels: int) -> Counts:
    if levels == LEVELS:
        return joint
    starts = np.arange(levels)
    return np.add.reduceat(np.add.reduceat(joint, starts, axis=0), starts, axis=1)
