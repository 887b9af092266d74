"""MEF-SSIM of Ma, Zeng and Wang, the structural similarity for multi-exposure fusion, applied to two sources.

One published program prints it under the name of MS-SSIM.
"""

import math

import numpy as np

from mmdrfuse.metrics.shared.filters import smooth
from mmdrfuse.metrics.shared.triple import GrayImage, Triple
from mmdrfuse.metrics.shared.windows import gaussian_taps, halved

# Ma, Zeng, Wang, IEEE TIP 2015: windows, stabilising constants, and the first three weights of MS-SSIM
WINDOW, SIGMA = 11, 1.5
C = (0.03 * 255.0) ** 2
STRENGTH_OFFSET = 0.001
LARGEST_POWER = 10.0
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001)
_EPS = np.finfo(np.float64).eps
_PIXELS = WINDOW**2


def mef_ssim(t: Triple) -> float:
    """Structural similarity of the fused image to the patch that both sources together would wish for.

    In every 11×11 window that patch is the weighted sum of the sources' patches without their means, each of unit
    norm; the more alike the patches, the more the stronger one counts. It gets the stronger one's norm, and
    ``(2 cov + C) / (var + var + C)`` with the fused patch under a Gaussian window is the score, averaged over the
    image and multiplied over three scales with the powers 0.0448, 0.2856, 0.3001 over their sum.

    Args:
        t: Images 0..255, at least 41×41.

    Returns:
        0..1.

    References:
        Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE Trans. Image Processing,
        2015.
    """
    fused, a, b = t.images
    score = 1.0
    for weight in SCALE_WEIGHTS:
        score *= max(_quality(fused, a, b), 0.0) ** (weight / math.fsum(SCALE_WEIGHTS))
        fused, a, b = (halved(_evened(image)) for image in (fused, a, b))
    return score


def _evened(image: GrayImage) -> GrayImage:
    return np.pad(image, [(0, side % 2) for side in image.shape], mode="edge")


def _quality(fused: GrayImage, a: GrayImage, b: GrayImage) -> float:
    share_a, share_b = _wished_shares(_scatter(a, a), _scatter(b, b), _scatter(a, b))
    covariance = share_a * _covariance(a, fused) + share_b * _covariance(b, fused)
    variance = share_a**2 * _covariance(a, a) + share_b**2 * _covariance(b, b)
    variance += 2.0 * share_a * share_b * _covariance(a, b)
    return float(np.mean((2.0 * covariance + C) / (variance + _covariance(fused, fused) + C)))


def _wished_shares(aa: GrayImage, bb: GrayImage, ab: GrayImage) -> tuple[GrayImage, GrayImage]:
    # how much of either source's patch without its mean makes up the patch wished for
    norm_a, norm_b = np.sqrt(np.maximum(aa, 0.0)), np.sqrt(np.maximum(bb, 0.0))
    strength_a, strength_b = norm_a + STRENGTH_OFFSET, norm_b + STRENGTH_OFFSET
    together = np.sqrt(np.maximum(aa + bb + 2.0 * ab, 0.0))
    alike = (together + _EPS) / (norm_a + norm_b + _EPS)
    alike[alike > 1.0] = 1.0 - _EPS
    power = np.minimum(np.tan(alike * np.pi / 2.0), LARGEST_POWER)
    weight_a, weight_b = ((strength / WINDOW) ** power + _EPS for strength in (strength_a, strength_b))
    share_a = weight_a / (weight_a + weight_b) / strength_a
    share_b = weight_b / (weight_a + weight_b) / strength_b
    norm = np.sqrt(np.maximum(share_a**2 * aa + share_b**2 * bb + 2.0 * share_a * share_b * ab, 0.0))
    scale = np.divide(np.maximum(strength_a, strength_b), norm, out=np.ones_like(norm), where=norm > 0.0)
    return share_a * scale, share_b * scale


def _scatter(x: GrayImage, y: GrayImage) -> GrayImage:
    # sums of whole numbers and quarters: exact, so that flat windows give exactly 0
    ones = np.ones(WINDOW)
    sums = (smooth(image, ones, border="valid") for image in (x * y, x, y))
    product, sum_x, sum_y = sums
    return (_PIXELS * product - sum_x * sum_y) / _PIXELS


def _covariance(x: GrayImage, y: GrayImage) -> GrayImage:
    taps = gaussian_taps(WINDOW, SIGMA)
    product, mean_x, mean_y = (smooth(image, taps, border="valid") for image in (x * y, x, y))
    return product - mean_x * mean_y
