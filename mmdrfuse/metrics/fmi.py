"""Feature mutual information, FMI, of a feature map of the fused image and of each source, window by window.

In each 3×3 window a feature map, scaled to 0..1 and to a sum of 1, counts as the distribution of a position 1..9. Of
the joint distributions that two such maps allow, one is taken: between independence and the Fréchet bound towards
which the maps' correlation points, as far as the correlation goes.
"""

import math
from functools import partial
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy.fft

from mmdrfuse.errors import UnknownNameError
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.gradients import sobel
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector
from mmdrfuse.system.compiling import compiled

Feature = Literal["pixel", "gradient", "edge", "dct", "wavelet"]

SIDE = 3
CELLS = SIDE * SIDE
"""Side of a window, and its pixels."""

FLAT_SPREAD = 1e-9 * 255.0
"""A window whose values spread no further is flat: transforms of flat regions leave rounding noise."""

_STRONG = 4.0
"""Squared strength over its mean from which Sobel's edges are strong."""

_SLACK = 100.0 * float(np.finfo(np.float64).eps)
"""Difference of strength within which an edge has both directions."""


def fmi(t: Triple, *, feature: Feature = "pixel") -> float:
    """Compute the mean over all 3×3 windows and both sources of ``2 I(x, f) / (H(x) + H(f))``.

    It is 1 for two windows that are equal or both flat, and 0 where one of them is flat. Positions are counted down
    the columns, left to right, and the distance between positions enters: flips and transposition change the score, a
    turn by 180 degrees does not for ``"pixel"``.

    Args:
        t: Images 0..255, at least 3×3.
        feature: Map that windows are cut from: the image itself; its derivative along the rows; Sobel's thinned edges,
            0 or 1; the cosine transform of the whole image; one level of the discrete Meyer wavelet, 62 taps, its four
            bands side by side.

    Returns:
        0..1, higher is better; 1 where the fused image equals both sources and where all three are constant.

    Raises:
        UnknownNameError: If there is no such feature.

    References:
        Haghighat, Aghagolzadeh, Seyedarabi, "A non-reference image fusion metric based on mutual information of image
        features", Computers and Electrical Engineering, 2011. Haghighat, Razian, "Fast-FMI: non-reference image
        fusion metric", AICT 2014.
    """
    maps = (np.ascontiguousarray(_features(image, feature)) for image in t.images)
    return float(_mean_information(*maps))


def _features(image: GrayImage, feature: Feature) -> GrayImage:
    match feature:
        case "pixel":
            return image
        case "gradient":
            return np.asarray(np.gradient(image, axis=1))
        case "edge":
            return _edges(image)
        case "dct":
            return np.asarray(scipy.fft.dctn(image, norm="ortho"))
        case "wavelet":
            return _wavelet_bands(image)
    raise UnknownNameError("feature", feature, get_args(Feature))


def _edges(image: GrayImage) -> GrayImage:
    # strong pixels that no neighbour across the edge exceeds; the border counts as weaker than everything
    across, down = (np.abs(derivative) / 8.0 for derivative in sobel(image, border="edge"))
    strength = across**2 + down**2
    padded = np.pad(strength, 1, constant_values=-1.0)
    left = padded[1:-1, :-2]
    right = padded[1:-1, 2:]
    above = padded[:-2, 1:-1]
    below = padded[2:, 1:-1]

    ridge_across = (across >= down - _SLACK) & (left <= strength) & (strength > right)
    ridge_down = (down >= across - _SLACK) & (above <= strength) & (strength > below)
    edges: npt.NDArray[np.bool_] = (strength > _STRONG * strength.mean()) & (ridge_across | ridge_down)
    return edges.astype(np.float64)


def _wavelet_bands(image: GrayImage) -> GrayImage:
    import pywt  # here, because only this feature needs it

    coarse, (horizontal, vertical, diagonal) = pywt.dwt2(image, "dmey", mode="symmetric")
    return np.block([[coarse, horizontal], [vertical, diagonal]])


@compiled()
def _mean_information(fused: GrayImage, a: GrayImage, b: GrayImage) -> float:
    height = fused.shape[0] - SIDE + 1
    width = fused.shape[1] - SIDE + 1
    cumulative_f = np.zeros(CELLS + 1)
    cumulative_x = np.zeros(CELLS + 1)
    total = 0.0
    for y in range(height):
        for x in range(width):
            flat_f = _distribute(fused, y, x, cumulative_f)
            for source in (a, b):
                flat_x = _distribute(source, y, x, cumulative_x)
                if (flat_f and flat_x) or _equal(fused, source, y, x):
                    total += 1.0
                elif not (flat_f or flat_x):
                    total += float(_information(cumulative_f, cumulative_x))
    return total / float(2 * height * width)


@compiled(error_model="numpy")
def _distribute(features: GrayImage, y: int, x: int, cumulative: Vector) -> bool:
    # the window at (y, x) as a cumulative distribution, column by column; or True for a flat one
    low = high = features[y, x]
    for j in range(SIDE):
        for i in range(SIDE):
            value = features[y + i, x + j]
            low = min(low, value)
            high = max(high, value)
    if high - low <= FLAT_SPREAD:
        return True

    for j in range(SIDE):
        for i in range(SIDE):
            cell = SIDE * j + i
            cumulative[cell + 1] = cumulative[cell] + (features[y + i, x + j] - low)
    cumulative /= cumulative[CELLS]
    return False


@compiled()
def _equal(features: GrayImage, other: GrayImage, y: int, x: int) -> bool:
    for i in range(y, y + SIDE):
        for j in range(x, x + SIDE):
            if features[i, j] != other[i, j]:
                return False
    return True


@compiled(error_model="numpy")
def _information(p: Vector, q: Vector) -> float:
    # normalised mutual information, 2 I / (H + H), of two cumulative distributions, which start with 0
    spread = _deviation(p) * _deviation(q)
    if spread == 0.0:  # all in one place, which holds no information
        return 0.0

    # how far from independence towards the bound; the positions' covariance at the bound is by Hoeffding's formula
    correlation = _correlation(p, q)
    covariance = 0.0
    for i in range(1, CELLS + 1):
        for j in range(1, CELLS + 1):
            covariance += _bound(p[i], q[j], correlation) - p[i] * q[j]
    bound = correlation * spread / covariance

    # entropies of both distributions, and of the mixture of the bound and independence
    single = joint = 0.0
    for i in range(1, CELLS + 1):
        p_i = p[i] - p[i - 1]
        single += _entropy_term(p_i) + _entropy_term(q[i] - q[i - 1])
        for j in range(1, CELLS + 1):
            corner = _bound(p[i], q[j], correlation) - _bound(p[i - 1], q[j], correlation)
            corner -= _bound(p[i], q[j - 1], correlation) - _bound(p[i - 1], q[j - 1], correlation)
            joint += _entropy_term(bound * corner + (1.0 - bound) * p_i * (q[j] - q[j - 1]))
    return 2.0 * (single - joint) / single


@compiled()
def _deviation(p: Vector) -> float:
    first = second = 0.0
    for i in range(1, CELLS + 1):
        share = p[i] - p[i - 1]
        first += i * share
        second += i * i * share
    return math.sqrt(max(second - first * first, 0.0))


@compiled()
def _correlation(p: Vector, q: Vector) -> float:
    # of the shares, not of the positions; their mean is 1/9
    both = only_p = only_q = 0.0
    for i in range(1, CELLS + 1):
        share_p = p[i] - p[i - 1] - 1.0 / CELLS
        share_q = q[i] - q[i - 1] - 1.0 / CELLS
        both += share_p * share_q
        only_p += share_p * share_p
        only_q += share_q * share_q
    return both / math.sqrt(only_p * only_q)


@compiled()
def _bound(p: float, q: float, correlation: float) -> float:
    return min(p, q) if correlation >= 0.0 else max(p + q - 1.0, 0.0)


@compiled()
def _entropy_term(share: float) -> float:
    # the mixture beyond a bound may leave 0..1: the real part of the complex logarithm counts
    return -share * math.log2(abs(share)) if share != 0.0 else 0.0


ROWS = (
    Metric(
        name="FMI_pixel",
        title="feature mutual information of pixels",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols={
            "standard": Rule(fmi, smallest=3),
            "tang": Rule(partial(fmi, feature="edge"), "edges, not pixels", bug=True, smallest=3),
        },
    ),
    Metric(
        name="FMI_dct",
        title="feature mutual information of cosine transforms",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols=same("standard tang", Rule(partial(fmi, feature="dct"), smallest=3)),
    ),
    Metric(
        name="FMI_w",
        title="feature mutual information of wavelet transforms",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols={
            "standard": Rule(partial(fmi, feature="wavelet"), smallest=3),
            "tang": Rule(
                partial(fmi, feature="wavelet"),
                "62 taps of the Meyer wavelet; MATLAB has 102, its numbers differ",
                smallest=3,
            ),
        },
    ),
)
