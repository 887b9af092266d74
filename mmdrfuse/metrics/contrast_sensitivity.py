"""Perceptual fusion quality: Q_CB of Chen and Blum, Q_CV of Chen and Varshney.

Both weigh spatial frequencies by the eye's contrast sensitivity, in cycles per image side. That filter takes an image
for periodic and treats all directions alike.
"""

import math
from functools import partial

import numpy as np

from mmdrfuse.metrics.masked_contrast import masked_contrasts
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.edges import ratio
from mmdrfuse.metrics.shared.filters import FrequencyFilter, cycles, spectrum, stretched
from mmdrfuse.metrics.shared.gradients import ZERO, Rows, length, load_rows, sobel_at
from mmdrfuse.metrics.shared.triple import SOURCES, GrayImage, Triple, Vector
from mmdrfuse.system.compiling import compiled, summing

# so many cycles a side make one cycle per degree in Chen and Blum 2009
_CB_SCALE = 15.0
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
        0..1, higher is better; 1 where the fused image equals both sources and where all three are constant. Beware:
        far inside black areas C is the quotient of two rounding errors, so wide ones add noise to the score.

    References:
        Chen, Blum, "A new automated quality assessment algorithm for image fusion", Image and Vision Computing, 2009.
    """
    contrasts = masked_contrasts(stretched(t) if stretch else t, _CB_SCALE)
    if blank_is_nan and not all(contrast.all() for contrast in contrasts):
        return math.nan
    return sum(_kept(*rows) for rows in zip(*contrasts, strict=True)) / t.fused.size


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
    levels = Triple(*((image - image.min()) / (image.max() - image.min()) for image in t.images))
    fused, a, b = masked_contrasts(levels, 2.0 * _CB_SCALE, _TINY)
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
    t = stretched(t) if stretch else t
    visible = FrequencyFilter(_sensitivity(t.fused.shape), t.fused.shape)
    sums = np.zeros(3)
    for name in SOURCES:
        _add_blocks(visible(spectrum(t, name) - spectrum(t, "fused")), t.image(name), ZERO, sums)
    weighted, weights, total = sums.tolist()
    if weights != 0.0:
        return weighted / weights
    count: int = math.prod(math.ceil(side / _BLOCK) for side in t.fused.shape)
    return total / (2 * count)


def _sensitivity(shape: tuple[int, ...]) -> GrayImage:
    # of Chen and Varshney
    down, across = cycles(shape)
    slope = np.sqrt(down**2 + across**2) * (_SLOPE / _CV_SCALE)
    return _GAIN * (_FLOOR + slope) * np.exp(-(slope**_DECAY))


@summing
def _kept(fused: Vector, a: Vector, b: Vector) -> float:
    # sum over a row of how much of both sources' contrasts is preserved, by their squares
    total = 0.0
    for x in range(fused.size):
        energy_a = a[x] * a[x]
        energy = energy_a + b[x] * b[x]
        weight = energy_a / energy if energy != 0.0 else 0.5
        total += weight * ratio(a[x], fused[x]) + (1.0 - weight) * ratio(b[x], fused[x])
    return total


@compiled()
def _add_blocks(visible: GrayImage, source: GrayImage, border: int, sums: Vector) -> None:
    # over all blocks: of the mean square of what is visible, weighted, of the weights, and of that mean square
    height, width = source.shape
    rows = np.empty((3, width + 2))
    weights = np.zeros(width)
    squares = np.zeros(width)
    for y in range(height):
        load_rows(source, y, border, rows, 0)
        _add_weights(rows, weights)
        _add_squares(visible[y], squares)
        if (y + 1) % _BLOCK == 0 or y + 1 == height:
            for first in range(0, width, _BLOCK):
                block = slice(first, min(first + _BLOCK, width))
                weight = weights[block].sum()
                square = squares[block].sum() / _BLOCK**2
                sums[0] += weight * square
                sums[1] += weight
                sums[2] += square
            weights[:] = 0.0
            squares[:] = 0.0


@compiled()
def _add_weights(rows: Rows, weights: Vector) -> None:
    for x in range(weights.size):
        weights[x] += length(*sobel_at(rows, 0, x)) ** _POWER


@compiled()
def _add_squares(row: Vector, squares: Vector) -> None:
    for x in range(squares.size):
        squares[x] += row[x] * row[x]


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
