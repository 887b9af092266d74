"""What IVIF_ZOO's program computes in its own way, errors included: for the protocol `zoo` alone.

These are the scores that single precision does not decide; `mmdrfuse.metrics.zoo_float32` has the others.

References:
    Liu et al., "Infrared and visible image fusion: from data compatibility to task adaption", IEEE TPAMI, 2025, whose
    repository IVIF_ZOO holds the program.
"""

import math

import numpy as np

from mmdrfuse.metrics.shared.filters import cycles_per_image, filter_frequencies, smooth
from mmdrfuse.metrics.shared.histograms import histogram, level_information
from mmdrfuse.metrics.shared.triple import SOURCES, GrayImage, ImageName, Triple, Vector
from mmdrfuse.metrics.shared.windows import gaussian_taps

_YANG = (1e-4, 9e-4)
"""Its constants of Yang's metric."""

_FREQUENCY_SCALE = 30.0
"""Frequencies, in cycles per image side, over this: half of what Chen and Blum have."""

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
    shares = np.linalg.eigvalsh(correlations) / 3.0
    shares = shares[shares > 0.0]
    return float(1.0 + (shares * np.log2(shares)).sum() / 8.0)


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
    return float(np.where(similarity("a", "b") >= 0.75, mixed, np.maximum(to_a, to_b)).mean())


@np.errstate(divide="ignore", invalid="ignore")
def chen_blum(t: Triple) -> float:
    """Compute Qcb on images stretched to 0..1, with half the frequencies and 1e-10 in the denominators.

    Args:
        t: Images 0..255.

    Returns:
        0..1, higher is better; NaN where an image is constant.
    """
    fused, a, b = (_masked_contrast(image) for image in t.images)
    total = a**2 + b**2 + _TINY
    preserved = (np.where(x < fused, x / fused, fused / x) for x in (a, b))
    return float(sum((x**2 / total * share).mean() for x, share in zip((a, b), preserved, strict=True)))


def _summed(image: GrayImage) -> GrayImage:
    # the columns of a window are summed, its rows weighted
    padded = np.pad(image, 3)
    columns = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=0).sum(axis=-1)
    across: GrayImage = np.lib.stride_tricks.sliding_window_view(columns, 7, axis=1) @ gaussian_taps(7, 1.5)
    return across


def _masked_contrast(image: GrayImage) -> GrayImage:
    levels = (image - image.min()) / (image.max() - image.min())
    cycles = cycles_per_image(image.shape) / _FREQUENCY_SCALE
    sensitivity = np.exp(-((cycles / 15.3870) ** 2)) - 0.7622 * np.exp(-((cycles / 1.3456) ** 2))
    visible = filter_frequencies(levels, sensitivity)

    fine, coarse = (smooth(visible, _gaussian(sigma), border="zero") for sigma in (2.0, 4.0))
    contrast = np.abs(fine / (coarse + _TINY) - 1.0)
    return contrast**3 / (contrast**2 + 1e-4)


def _gaussian(sigma: float) -> Vector:
    offsets = np.arange(-15, 16)
    return np.exp(-(offsets**2) / (2.0 * sigma**2)) / (math.sqrt(2.0 * math.pi) * sigma)
