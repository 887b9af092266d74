"""Entropies of gray levels: entropy EN of the fused image, cross entropy CE.

Every probability is a share of pixels with one of the 256 gray levels; values between levels count for the nearest.
"""

import math

import numpy as np

from mmdrfuse.metrics import zoo, zoo_float32
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.histograms import Counts, histogram, level_entropy
from mmdrfuse.metrics.shared.triple import SOURCES, Triple


def entropy(t: Triple) -> float:
    """Compute the Shannon entropy of the fused image's gray levels, ``-sum p log2 p``.

    Args:
        t: Images 0..255.

    Returns:
        Bits, 0 (constant) to 8 (all levels equally often).

    References:
        Roberts, van Aardt, Ahmed, "Assessment of image fusion procedures using entropy, image quality, and
        multispectral classification", J. Appl. Remote Sensing, 2008.
    """
    return level_entropy(t, "fused")


def cross_entropy(t: Triple) -> float:
    """Compute the mean over the sources of ``sum p_x log2(p_x / p_f)``, over the levels that occur in both images.

    Levels that the fused image lacks are left out, not infinite: the sum is no true divergence and may be negative.

    Args:
        t: Images 0..255.

    Returns:
        Bits, lower is better; 0 where the histograms are equal or share no level.

    References:
        Bulanon, Burks, Alchanatis, "Image fusion of visible and thermal images for fruit detection", Biosystems
        Engineering, 2009.
    """
    fused = histogram(t, "fused")
    return 0.5 * sum(_divergence(histogram(t, source), fused) for source in SOURCES)


def _divergence(counts: Counts, reference: Counts) -> float:
    both = (counts > 0) & (reference > 0)
    p = counts[both] / counts.sum()
    q = reference[both] / reference.sum()
    return float((p * np.log2(p / q)).sum())


ROWS = (
    Metric(
        name="EN",
        title="entropy of the fused image",
        higher_is_better=True,
        range=(0.0, 8.0),
        unit="bit",
        reference="Roberts, van Aardt, Ahmed, J. Appl. Remote Sensing 2008",
        protocols={
            **same("standard cddfuse tang tang-table", Rule(entropy)),
            "vifb": Rule(entropy, program_name="Entropy"),
            "zoo": Rule(zoo.entropy, "1e-7 added in the logarithm"),
        },
    ),
    Metric(
        name="CE",
        title="cross entropy of the sources and the fused image, mean",
        higher_is_better=False,
        range=(-8.0, math.inf),
        unit="bit",
        reference="Bulanon, Burks, Alchanatis, Biosyst. Eng. 2009",
        protocols={
            "standard": Rule(cross_entropy),
            "vifb": Rule(cross_entropy, program_name="Cross_entropy"),
            "zoo": Rule(zoo_float32.cross_entropy, "of sigmoids of the levels, which saturate from 16 up", bug=True),
        },
    ),
    Metric(
        name="TE",
        title="entropy of the sources that the fused image has not",
        higher_is_better=True,
        range=(-8.0, 16.0),
        unit="bit",
        reference="Liu et al., IEEE TPAMI 2025",
        protocols={"zoo": Rule(zoo.entropy_difference)},
    ),
)
