"""Perceptual fusion quality: Q_CB of Chen and Blum, Q_CV of Chen and Varshney.

Both weigh spatial frequencies by the eye's contrast sensitivity, in cycles per image side. That filter takes an image
for periodic and treats all directions alike.
"""

import math
from functools import partial

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.filters import cycles_per_image, divide, filter_frequencies, smooth, stretched
from mmdrfuse.metrics.shared.gradients import sobel
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector

# Chen and Blum 2009: sensitivity is a difference of Gaussians, a wide centre and a surround that is taken off
_CENTRE = 15.3870
_SURROUND = 1.3456
_DEPTH = 0.7622
# and so many cycles a side make one cycle per degree
_CB_SCALE = 15.0
# their two Gaussians reach so many pixels to either side
_REACH = 15
_FINE_SIGMA = 2.0
_COARSE_SIGMA = 4.0
# Z of their masked contrast
_MASKING = 1e-4
# keeps 0/0 away in the program of `zoo`
_TINY = 1e-10

# Chen and Varshney 2007: side of a block, and the power of the gradient, which lets strong edges decide
_BLOCK = 16
_POWER = 5
_CV_SCALE = 4.0
# their sensitivity, named after Mannos and Sakrison (who print 0.114 for 0.144)
_GAIN = 2.6
_FLOOR = 0.0192
_SLOPE = 0.144
_DECAY = 1.1


def qcb(t: Triple, *, stretch: bool = False, blank_is_nan: bool = False) -> float:
    """Compute how much of each source's visible contrast the fused image preserves, averaged over all pixels.

    ``mean (l_a Q_a + l_b Q_b)`` with ``Q_x = min(P_x, P_f) / max(P_x, P_f)``, ``l_x = P_x^2 / (P_a^2 + P_b^2)`` and the
    masked contrast ``P = C^3 / (C^2 + 1e-4)`` of ``C = |g2 * x / g4 * x - 1|``, g2 and g4 Gaussians, black beyond the
    border.

    Args:
        t: Images 0..255.
        stretch: Stretch each image to 0..255 first, which hides a loss of contrast; a constant image other than 0
            then scores NaN. Not in the paper, but in the published programs.
        blank_is_nan: A pixel without any contrast makes the score NaN, as in the published programs. Otherwise two
            such pixels agree, and where both sources have none they weigh the same.

    Returns:
        0..1, higher is better; 1 where the fused image equals both sources and where all three are constant.

    References:
        Chen, Blum, "A new automated quality assessment algorithm for image fusion", Image and Vision Computing, 2009.
    """
    fused, a, b = (stretched(t) if stretch else t).images
    contrast_f = _masked_contrast(fused, blank_is_nan)
    contrast_a = _masked_contrast(a, blank_is_nan)
    contrast_b = _masked_contrast(b, blank_is_nan)

    weight = divide(contrast_a**2, contrast_a**2 + contrast_b**2, undefined=0.5)
    quality = weight * _preservation(contrast_a, contrast_f) + (1.0 - weight) * _preservation(contrast_b, contrast_f)
    return float(quality.mean())


@np.errstate(divide="ignore", invalid="ignore")
def qcb_halved(t: Triple) -> float:
    """Compute Qcb on images stretched to 0..1, with half the frequencies and 1e-10 in the denominators.

    For the protocol `zoo` alone; else as `qcb`.

    Args:
        t: Images 0..255.

    Returns:
        0..1, higher is better; NaN where an image is constant.

    References:
        As `mmdrfuse.metrics.zoo`.
    """
    fused, a, b = (_halved_contrast(image) for image in t.images)
    total = a**2 + b**2 + _TINY
    preserved = (np.where(x < fused, x / fused, fused / x) for x in (a, b))
    return float(sum((x**2 / total * share).mean() for x, share in zip((a, b), preserved, strict=True)))


def qcv(t: Triple, *, stretch: bool = False) -> float:
    """Compute the visible difference between the fused image and its sources, where a source has edges.

    ``sum (l_a D_a + l_b D_b) / sum (l_a + l_b)`` over blocks of 16×16 pixels: D is the mean square of the difference
    ``x - f``, filtered by the eye's contrast sensitivity, l the sum of the fifth power of the source's Sobel magnitude.
    Blocks start at the top left corner and the last ones may be cut, their mean still taken over 256 pixels: on sides
    that are no multiple of 16, flips change the score. The Sobel operator sees black beyond the border.

    Args:
        t: Images 0..255.
        stretch: Stretch each image to 0..255 first, which hides a loss of contrast; a constant image other than 0
            then scores NaN. Not in the paper, but in the published programs.

    Returns:
        0 (fused equals both sources) upwards, squared levels, lower is better. Two black sources weigh the same
        everywhere.

    References:
        Chen, Varshney, "A human perception inspired quality metric for image fusion based on regional information",
        Information Fusion, 2007.
    """
    fused, a, b = (stretched(t) if stretch else t).images
    cycles = cycles_per_image(fused.shape) / _CV_SCALE
    sensitivity = _GAIN * (_FLOOR + _SLOPE * cycles) * np.exp(-((_SLOPE * cycles) ** _DECAY))

    differences = [_block_sums(filter_frequencies(x - fused, sensitivity) ** 2) / _BLOCK**2 for x in (a, b)]
    weights = [_block_sums(np.hypot(*sobel(x, border="zero")) ** _POWER) for x in (a, b)]
    if not np.any(weights):
        return float(np.mean(differences))
    return float(np.average(differences, weights=weights))


def _masked_contrast(image: GrayImage, blank_is_nan: bool) -> GrayImage:
    fine, coarse = _blurred(image, _CB_SCALE)
    contrast = np.abs(divide(fine, coarse, undefined=1.0) - 1.0)
    if blank_is_nan:
        contrast[contrast == 0.0] = np.nan
    return _mask(contrast)


def _halved_contrast(image: GrayImage) -> GrayImage:
    # of the program of `qcb_halved`
    levels = (image - image.min()) / (image.max() - image.min())
    fine, coarse = _blurred(levels, 2.0 * _CB_SCALE)
    return _mask(np.abs(fine / (coarse + _TINY) - 1.0))


def _blurred(image: GrayImage, scale: float) -> tuple[GrayImage, GrayImage]:
    # what is visible, under a fine and a coarse Gaussian
    cycles = cycles_per_image(image.shape) / scale
    sensitivity = np.exp(-((cycles / _CENTRE) ** 2)) - _DEPTH * np.exp(-((cycles / _SURROUND) ** 2))
    visible = filter_frequencies(image, sensitivity)
    fine = smooth(visible, _gaussian(_FINE_SIGMA), border="zero")
    return fine, smooth(visible, _gaussian(_COARSE_SIGMA), border="zero")


def _mask(contrast: GrayImage) -> GrayImage:
    return contrast**3 / (contrast**2 + _MASKING)


def _gaussian(sigma: float) -> Vector:
    # cut off at `_REACH` without making up for what is lost, as published: the contrast of a flat region is not 0
    offsets = np.arange(-_REACH, _REACH + 1)
    return np.exp(-(offsets**2) / (2.0 * sigma**2)) / (math.sqrt(2.0 * math.pi) * sigma)


def _preservation(x: GrayImage, y: GrayImage) -> GrayImage:
    return divide(np.minimum(x, y), np.maximum(x, y), undefined=1.0)


def _block_sums(image: GrayImage) -> GrayImage:
    height, width = image.shape
    rows = np.add.reduceat(image, np.arange(0, height, _BLOCK), axis=0)
    return np.add.reduceat(rows, np.arange(0, width, _BLOCK), axis=1)


_STRETCHED = "images stretched to 0..255"

ROWS = (
    Metric(
        name="Qcb",
        title="visible contrast preserved",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Chen, Blum, Image Vis. Comput. 2009",
        protocols={
            "standard": Rule(qcb),
            **same("vifb liu", Rule(partial(qcb, stretch=True, blank_is_nan=True), _STRETCHED)),
            "zoo": Rule(qcb_halved, "half the frequencies, images stretched to 0..1", bug=True),
        },
    ),
    Metric(
        name="Qcv",
        title="visible difference where the sources have edges",
        higher_is_better=False,
        range=(0.0, math.inf),
        unit="level²",
        reference="Chen, Varshney, Inf. Fusion 2007",
        protocols={
            "standard": Rule(qcv),
            **same("vifb liu", Rule(partial(qcv, stretch=True), _STRETCHED)),
        },
    ),
)
