"""MEF-SSIM of Ma, Zeng and Wang, the structural similarity for multi-exposure fusion, applied to two sources.

One published program prints it under the name of MS-SSIM.
"""

import math

import numpy as np

from mmdrfuse.metrics.shared.filters import divide, smooth
from mmdrfuse.metrics.shared.triple import GrayImage, Triple
from mmdrfuse.metrics.shared.windows import gaussian_taps, halved

WINDOW = 11
SIGMA = 1.5
"""Side and standard deviation in pixels of the Gaussian window (Ma, Zeng, Wang, IEEE TIP 2015)."""

C = (0.03 * 255.0) ** 2
"""Their stabilising constant."""

STRENGTH_OFFSET = 0.001
"""What they add to the norm of a patch."""

LARGEST_POWER = 10.0
"""Their upper bound of the power that lets strong patches decide."""

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001)
"""Powers of the scales: the first three of MS-SSIM."""

_EPS = np.finfo(np.float64).eps
_PIXELS = WINDOW**2


def mef_ssim(t: Triple) -> float:
    """Compute the structural similarity to the patch that best represents both sources together.

    In every 11×11 window the desired patch is the weighted sum of the sources' patches without their means, each of
    unit norm; the more alike the patches, the more the stronger one counts. It gets the stronger one's norm, and
    ``(2 cov + C) / (var + var + C)`` with the fused patch under a Gaussian window is the score, averaged over the
    image and multiplied over three scales with the powers 0.0448, 0.2856, 0.3001 over their sum.

    Args:
        t: Images 0..255, at least 41×41.

    Returns:
        0..1, higher is better.

    References:
        Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE Trans. Image Processing,
        2015.
    """
    fused, a, b = t.images
    total_weight = math.fsum(SCALE_WEIGHTS)
    score = 1.0
    for weight in SCALE_WEIGHTS:
        score *= max(_quality(fused, a, b), 0.0) ** (weight / total_weight)
        fused, a, b = (halved(_padded_to_even(image)) for image in (fused, a, b))
    return score


def _padded_to_even(image: GrayImage) -> GrayImage:
    height, width = image.shape
    return np.pad(image, ((0, height % 2), (0, width % 2)), mode="edge")


def _quality(fused: GrayImage, a: GrayImage, b: GrayImage) -> float:
    share_a, share_b = _shares(_scatter(a, a), _scatter(b, b), _scatter(a, b))

    covariance = share_a * _covariance(a, fused) + share_b * _covariance(b, fused)
    variance = share_a**2 * _covariance(a, a) + share_b**2 * _covariance(b, b)
    variance += 2.0 * share_a * share_b * _covariance(a, b)
    return float(np.mean((2.0 * covariance + C) / (variance + _covariance(fused, fused) + C)))


def _shares(aa: GrayImage, bb: GrayImage, ab: GrayImage) -> tuple[GrayImage, GrayImage]:
    # how much of either source's patch without its mean makes up the desired patch
    norm_a = np.sqrt(np.maximum(aa, 0.0))
    norm_b = np.sqrt(np.maximum(bb, 0.0))
    strength_a = norm_a + STRENGTH_OFFSET
    strength_b = norm_b + STRENGTH_OFFSET

    # the more alike the patches are in structure, the larger the power of their strengths
    norm_of_sum = np.sqrt(np.maximum(aa + bb + 2.0 * ab, 0.0))
    consistency = (norm_of_sum + _EPS) / (norm_a + norm_b + _EPS)
    consistency[consistency > 1.0] = 1.0 - _EPS
    power = np.minimum(np.tan(consistency * np.pi / 2.0), LARGEST_POWER)
    weight_a = (strength_a / WINDOW) ** power + _EPS
    weight_b = (strength_b / WINDOW) ** power + _EPS

    # weighted sum of unit patches, then scaled to the norm of the stronger one
    share_a = weight_a / (weight_a + weight_b) / strength_a
    share_b = weight_b / (weight_a + weight_b) / strength_b
    norm = np.sqrt(np.maximum(share_a**2 * aa + share_b**2 * bb + 2.0 * share_a * share_b * ab, 0.0))
    scale = divide(np.maximum(strength_a, strength_b), norm, undefined=1.0)
    return share_a * scale, share_b * scale


def _scatter(x: GrayImage, y: GrayImage) -> GrayImage:
    # sums of whole numbers and quarters: exact, so that flat windows give exactly 0
    ones = np.ones(WINDOW)
    sum_xy = smooth(x * y, ones)
    sum_x = smooth(x, ones)
    sum_y = smooth(y, ones)
    return (_PIXELS * sum_xy - sum_x * sum_y) / _PIXELS


def _covariance(x: GrayImage, y: GrayImage) -> GrayImage:
    taps = gaussian_taps(WINDOW, SIGMA)
    mean_xy = smooth(x * y, taps)
    mean_x = smooth(x, taps)
    mean_y = smooth(y, taps)
    return mean_xy - mean_x * mean_y
