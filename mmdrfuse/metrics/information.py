"""Histogram information: entropy EN, mutual information MI, cross entropy CE.

Every probability is a share of pixels with one of the 256 gray levels; values between levels count for the nearest.
"""

import math

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import Plane, Row, Triple, once

LEVELS = 256
Counts = npt.NDArray[np.int64]


def entropy(t: Triple) -> float:
    """Shannon entropy of the fused image's gray levels, ``-sum p log2 p``.

    Args:
        t: Images 0..255.

    Returns:
        Bits, 0 (constant) to 8 (all levels equally often).

    References:
        Roberts, van Aardt, Ahmed, "Assessment of image fusion procedures using entropy, image quality, and
        multispectral classification", J. Appl. Remote Sensing, 2008.
    """
    return level_entropy(t, "fused")


def mutual_information(t: Triple, *, base: float = 2.0, joint_levels: int = LEVELS) -> float:
    """What the fused image tells of each source, ``I(a, f) + I(b, f)``, with ``I(x, f) = H(x) + H(f) - H(x, f)``.

    Args:
        t: Images 0..255.
        base: Base of the logarithm: 2 for bits, e for nats.
        joint_levels: Levels that the joint histogram keeps apart; higher ones fall into its last bin. Fewer than 256
            is an error of one published program, kept for its protocol: the marginals keep all 256.

    Returns:
        0 (independent) to ``H(a) + H(b)``.

    References:
        Qu, Zhang, Yan, "Information measure for performance of image fusion", Electronics Letters, 2002.
    """
    bits = sum(shared_entropy(t, source, "fused", joint_levels=joint_levels) for source in ("a", "b"))
    return bits / math.log2(base)


def cross_entropy(t: Triple) -> float:
    """Mean over the sources of ``sum p_x log2(p_x / p_f)``, over the levels that occur in both images.

    Levels that the fused image lacks are left out, not infinite: the sum is no true divergence and may be negative.

    Args:
        t: Images 0..255.

    Returns:
        Bits, lower is better; 0 where the histograms are equal or share no level.

    References:
        Bulanon, Burks, Alchanatis, "Image fusion of visible and thermal images for fruit detection", Biosystems
        Engineering, 2009.
    """
    fused = _histogram(t, "fused")
    return 0.5 * sum(_divergence(_histogram(t, source), fused) for source in ("a", "b"))


@once
def level_entropy(t: Triple, name: str) -> float:
    """Entropy of the gray levels of one of a triple's images, in bits."""
    return shannon(_histogram(t, name))


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
def _histogram(t: Triple, name: str) -> Counts:
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


def _divergence(counts: Counts, reference: Counts) -> float:
    both = (counts > 0) & (reference > 0)
    p, q = counts[both] / counts.sum(), reference[both] / reference.sum()
    return float((p * np.log2(p / q)).sum())
