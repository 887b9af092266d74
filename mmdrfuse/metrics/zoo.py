"""What IVIF_ZOO's program computes in its own way, errors included: for the protocol `zoo` alone.

Single precision does not decide these scores; `mmdrfuse.metrics.zoo_float32` has those that it decides. Its Qcb is
beside the paper's, in `mmdrfuse.metrics.contrast_sensitivity`, because the two share most steps.

References:
    Liu et al., "Infrared and visible image fusion: from data compatibility to task adaption", IEEE TPAMI, 2025, whose
    repository IVIF_ZOO holds the program.
"""

import math

import numpy as np

from mmdrfuse.metrics.shared.histograms import LEVELS, histogram, level_information, shannon_entropy
from mmdrfuse.metrics.shared.similarity import ALIKE
from mmdrfuse.metrics.shared.triple import SOURCES, GrayImage, ImageName, Triple
from mmdrfuse.metrics.shared.windows import gaussian_taps

_YANG = (1e-4, 9e-4)
"""Its constants of Yang's metric."""

_TINY = 1e-10


def entropy(t: Triple, *, name: ImageName = "fused", floor: float = 1e-7) -> float:
    """Compute the entropy of an image's gray levels, with a floor in the logarithm: ``-sum p log2(p + floor)``.

    Args:
        t: Images 0..255.
        name: Which image.
        floor: What is added to each probability in the logarithm.

    Returns:
        Bits, 0 (constant) to 8.
    """
    counts = histogram(t, name)
    p = counts / counts.sum()
    return float(-(p * np.log2(p + floor)).sum())


def normalised_information(t: Triple) -> float:
    """Compute ``2 (I(a, f) + I(b, f)) / (H(a) + H(b))``, which is not the Q_MI of Hossny et al.

    Args:
        t: Images 0..255.

    Returns:
        0 (independent) to 2, higher is better.
    """
    information = sum(level_information(t, source, "fused") for source in SOURCES)
    return 2.0 * information / (sum(entropy(t, name=source, floor=_TINY) for source in SOURCES) + _TINY)


def entropy_difference(t: Triple) -> float:
    """Compute ``H(a) + H(b) - H(f)``, which the program calls total entropy.

    Args:
        t: Images 0..255.

    Returns:
        Bits, -8..16. The program takes more for better.
    """
    sources = sum(entropy(t, name=source, floor=_TINY) for source in SOURCES)
    return sources - entropy(t, floor=_TINY)


def correlation_entropy(t: Triple) -> float:
    """Compute Q_NCIE with Pearson's correlations in the place of the nonlinear ones.

    Args:
        t: Images 0..255.

    Returns:
        0.802..1, higher is better; NaN where an image is constant.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        correlations = np.corrcoef([image.ravel() for image in t.images])
    if np.isnan(correlations).any():
        return math.nan
    eigenvalues = np.maximum(np.linalg.eigvalsh(correlations), 0.0)  # rounding may leave one just below 0
    return 1.0 - shannon_entropy(eigenvalues) / math.log2(LEVELS)


@np.errstate(divide="ignore", invalid="ignore")
def yang(t: Triple) -> float:
    """Compute Q_Y with windows of 7×7 pixels that weigh the columns by a Gaussian but not the rows, of sum 7.

    Black lies beyond the border. What stands for variances is mostly negative.

    Args:
        t: Images 0..255.

    Returns:
        A number of no stated range; the program takes more for better.
    """
    names: tuple[ImageName, ...] = ("fused", "a", "b")
    means = {name: _summed(t.image(name)) for name in names}
    spreads = {name: _summed(t.image(name) ** 2) - means[name] ** 2 for name in names}

    def similarity(x: ImageName, y: ImageName) -> GrayImage:
        c1, c2 = _YANG
        covariance = _summed(t.image(x) * t.image(y)) - means[x] * means[y]
        luminance = (2.0 * means[x] * means[y] + c1) / (means[x] ** 2 + means[y] ** 2 + c1)
        return luminance * (2.0 * covariance + c2) / (spreads[x] + spreads[y] + c2)

    to_a = similarity("a", "fused")
    to_b = similarity("b", "fused")
    share = spreads["a"] / (spreads["a"] + spreads["b"] + _TINY)
    mixed = share * to_a + (1.0 - share) * to_b
    return float(np.where(similarity("a", "b") >= ALIKE, mixed, np.maximum(to_a, to_b)).mean())


def _summed(image: GrayImage) -> GrayImage:
    # the columns of a window are summed, its rows weighted
    padded = np.pad(image, 3)
    columns = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=0).sum(axis=-1)
    across: GrayImage = np.lib.stride_tricks.sliding_window_view(columns, 7, axis=1) @ gaussian_taps(7, 1.5)
    return across
