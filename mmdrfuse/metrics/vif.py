"""Visual information fidelity: VIF of Sheikh and Bovik in the pixel domain, and VIFF of Han et al.

Both model a source as a Gaussian scale mixture that reaches the eye through noise, once directly and once through the
fused image, and compare the information that arrives. They share the statistics of four scales and differ in how they
combine the two sources: VIF adds two scores, VIFF chooses a source pixel by pixel. What Python programs of the field
call "VIFF" is VIF.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics import zoo_float32
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.filters import filter_column, filter_row
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector, once
from mmdrfuse.metrics.shared.windows import (
    COV_A,
    COV_B,
    SPAN,
    VAR_A,
    VAR_B,
    VAR_F,
    WINDOW_ROWS,
    Blocks,
    Taps,
    block_statistics,
    blocks,
    gaussian_taps,
    half,
)
from mmdrfuse.system.compiling import compiled, summing

WINDOWS = (17, 9, 5, 3)
"""Sides of the windows of the four scales, 2^(5-s)+1; a fifth of that is sigma (Sheikh and Bovik, IEEE TIP 2006)."""

NOISE_VIF = 2.0
"""Their variance of the eye's noise, in squared levels."""

NOISE_VIFF = 325.125
"""Han's for VIFF: 0.005 * 255^2."""

SCALE_WEIGHTS = (1.0, 0.0, 0.15, 1.0)
"""Weights of the scales in VIFF, over their sum (Han et al., Information Fusion 2013)."""

_TINY = 1e-10

_BATCH = 64
_BATCH_OF_SATURATED = 16
"""Factors between two logarithms. Each is at most 1 + 255^2 / 4 / 2, so 64 of them stay far below the largest double.
Products that stop at 255 break that bound: then factors stay below 2^50."""


class Information(NamedTuple):
    """Sums over one scale of log10 of what arrives (`through`) and could arrive (`direct`), and pixels counted."""

    through_a: float
    direct_a: float
    through_b: float
    direct_b: float
    through_chosen: float
    direct_chosen: float
    pixels: int


def vif(t: Triple, *, saturated: bool = False) -> float:
    """Compute the visual information fidelity to both sources, ``VIFp(a, f) + VIFp(b, f)``.

    ``VIFp = sum log(1 + g^2 v_x / (v_n + 2)) / sum log(1 + v_x / 2)`` over all pixels of four scales, `g` and `v_n` the
    gain and the noise that turn the source's window into the fused image's.

    Args:
        t: Images 0..255, at least 41×41.
        saturated: Products of two pixels of the first scale stop at 255, as in 8-bit integers. An error of one
            published table, for its protocol only.

    Returns:
        0 upwards, higher is better; 2 where the fused image equals both sources, above 2 where it has more contrast
        than they. A constant source, which has nothing to lose, adds 1.

    References:
        Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Processing, 2006.
    """
    scales = _scales(t, 255.0 if saturated else math.inf)
    fidelity_a = _ratio(sum(scale.through_a for scale in scales), sum(scale.direct_a for scale in scales))
    fidelity_b = _ratio(sum(scale.through_b for scale in scales), sum(scale.direct_b for scale in scales))
    return fidelity_a + fidelity_b


def viff(t: Triple) -> float:
    """Compute the visual information fidelity for fusion: at each pixel the source counts that is preserved less.

    At each of four scales ``sum log(1 + g^2 v_x / (v_n + 325)) / sum log(1 + v_x / 325)`` over the source of smaller
    gain `g` (of two alike, the flatter one); the scales weigh 1, 0, 0.15, 1 over 2.15.

    Args:
        t: Images 0..255, at least 41×41.

    Returns:
        0 upwards, higher is better; 1 where the fused image equals both sources, and where both are constant.

    References:
        Han, Cai, Cao, Xu, "A new image fusion performance metric based on visual information fidelity", Information
        Fusion, 2013.
    """
    scales = _scales(t, math.inf)
    ratios = [
        (scale.through_chosen + _TINY * scale.pixels) / (scale.direct_chosen + _TINY * scale.pixels) for scale in scales
    ]
    # The mean of ones is 1 to the bit; Python's own sum rounds differently from 3.12 on.
    return float(np.average(ratios, weights=SCALE_WEIGHTS))


@once
def _scales(t: Triple, ceiling: float) -> tuple[Information, ...]:
    fused, a, b = t.images
    space = blocks()
    scales = []
    for size in WINDOWS:
        taps = gaussian_taps(size, size / 5.0)
        if size != WINDOWS[0]:
            fused, a, b = (_decimated(image, taps) for image in (fused, a, b))
            ceiling = math.inf
        sums = np.zeros(6)
        batch = _BATCH if ceiling == math.inf else _BATCH_OF_SATURATED
        # zeros around smaller windows and images: the code for the largest window serves all
        missing = (WINDOWS[0] - size) // 2
        padded_f, padded_a, padded_b = (np.pad(image, missing) if missing else image for image in (fused, a, b))
        widened = half(np.pad(taps, missing))
        _add_information(padded_f, padded_a, padded_b, widened, ceiling, batch, space, sums)
        pixels = math.prod(side - size + 1 for side in fused.shape)
        scales.append(Information._make((*sums.tolist(), pixels)))
    return tuple(scales)


def _ratio(through: float, direct: float) -> float:
    return through / direct if direct > 0.0 else 1.0


def _decimated(image: GrayImage, taps: Vector) -> GrayImage:
    # every second mean in each direction
    height, width = ((side - taps.size + 2) // 2 for side in image.shape)
    out = np.empty((height, width))
    _decimate(image, taps, out)
    return out


@compiled()
def _decimate(image: GrayImage, taps: Vector, out: GrayImage) -> None:
    column = np.empty(image.shape[1])
    means = np.empty(image.shape[1] - taps.size + 1)
    for y in range(out.shape[0]):
        filter_column(image, taps, 2 * y + taps.size // 2, column)
        filter_row(column, taps, means)
        for x in range(out.shape[1]):
            out[y, x] = means[2 * x]


@compiled()
def _add_information(
    fused: GrayImage,
    a: GrayImage,
    b: GrayImage,
    taps: Taps,
    ceiling: float,
    batch: int,
    space: Blocks,
    sums: Vector,
) -> None:
    # add to the sums, in the order of `Information`
    margin = 2 * (len(taps) - 1)
    for y in range(0, fused.shape[0] - margin, WINDOW_ROWS):
        for x in range(0, fused.shape[1] - margin, SPAN - margin):
            rows, columns = block_statistics(fused, a, b, taps, y, x, ceiling, space)
            for row in range(0, rows * SPAN, SPAN):
                for first in range(row, row + columns, batch):
                    # one logarithm of a product instead of many of its factors
                    last = min(first + batch, row + columns)
                    for n, product in enumerate(_products(space, first, last)):
                        sums[n] += math.log10(product)


@summing
def _products(windows: Blocks, first: int, last: int) -> tuple[float, float, float, float, float, float]:
    through_a = direct_a = through_b = direct_b = through_chosen = direct_chosen = 1.0
    for x in range(first, last):
        gain_a, noise_a, var_a = _distortion(windows[VAR_A, x], windows[VAR_F, x], windows[COV_A, x])
        gain_b, noise_b, var_b = _distortion(windows[VAR_B, x], windows[VAR_F, x], windows[COV_B, x])
        through_a *= 1.0 + gain_a * gain_a * var_a / (noise_a + NOISE_VIF)
        direct_a *= 1.0 + var_a / NOISE_VIF
        through_b *= 1.0 + gain_b * gain_b * var_b / (noise_b + NOISE_VIF)
        direct_b *= 1.0 + var_b / NOISE_VIF

        # between equals the flatter one, not "the second": the order of the sources must not matter
        first_counts = (gain_a < gain_b) | ((gain_a == gain_b) & (var_a < var_b))
        gain = gain_a if first_counts else gain_b
        noise = noise_a if first_counts else noise_b
        var = var_a if first_counts else var_b
        through_chosen *= 1.0 + gain * gain * var / (noise + NOISE_VIFF)
        direct_chosen *= 1.0 + var / NOISE_VIFF
    return through_a, direct_a, through_b, direct_b, through_chosen, direct_chosen


@compiled()
def _distortion(var_x: float, var_f: float, cov: float) -> tuple[float, float, float]:
    # gain, noise and source variance, with the corrections of Sheikh's own program in its order
    var_x = max(var_x, 0.0)
    var_f = max(var_f, 0.0)
    gain = cov / (var_x + _TINY)
    noise = var_f - gain * cov
    flat = var_x < _TINY
    gain = 0.0 if flat else gain
    noise = var_f if flat else noise
    var_x = 0.0 if flat else var_x

    flat = var_f < _TINY
    gain = 0.0 if flat else gain
    noise = 0.0 if flat else noise

    opposed = gain < 0.0
    gain = 0.0 if opposed else gain
    noise = var_f if opposed else noise
    return gain, max(noise, _TINY), var_x


ROWS = (
    Metric(
        name="VIF",
        title="visual information fidelity to the sources, sum",
        higher_is_better=True,
        range=(0.0, math.inf),
        unit="",
        reference="Sheikh, Bovik, IEEE TIP 2006",
        protocols={
            **same("standard tang", Rule(vif, smallest=41)),
            "cddfuse": Rule(vif, smallest=41, program_name="VIFF"),
            "zoo": Rule(zoo_float32.vif, "windows half a pixel off, black beyond the border, float32", bug=True),
            "tang-table": Rule(
                partial(vif, saturated=True), "products of pixels stop at 255 at the first scale", bug=True, smallest=41
            ),
        },
    ),
    Metric(
        name="VIFF",
        title="visual information fidelity for fusion",
        higher_is_better=True,
        range=(0.0, math.inf),
        unit="",
        reference="Han, Cai, Cao, Xu, Inf. Fusion 2013",
        protocols={"standard": Rule(viff, smallest=41)},
    ),
)
