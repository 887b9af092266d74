"""Structural similarity of the fused image to its sources: SSIM and its multi-scale form MS-SSIM."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from mmdrfuse.metrics import zoo_float32
from mmdrfuse.metrics.mef_ssim import mef_ssim
from mmdrfuse.metrics.metric import Metric, Rule
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector, once
from mmdrfuse.metrics.shared.windows import (
    COV_A,
    COV_B,
    MU_A,
    MU_B,
    MU_F,
    STATISTICS,
    VAR_A,
    VAR_B,
    VAR_F,
    gaussian_taps,
    halved,
    row_statistics,
)
from mmdrfuse.metrics.ssim_float32 import ssim_float32
from mmdrfuse.system.compiling import compiled

WINDOW = 11
SIGMA = 1.5
"""Side and standard deviation in pixels of the Gaussian window (Wang et al., IEEE TIP 2004)."""

K1 = 0.01
K2 = 0.03
"""``C1 = (K1 L)^2`` and ``C2 = (K2 L)^2`` of the same paper."""

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Powers of the five scales (Wang, Simoncelli, Bovik, Asilomar 2003)."""


class Similarity(NamedTuple):
    """Mean similarity and mean contrast-structure term of the fused image with one source."""

    ssim: float
    structure: float


def ssim(t: Triple, *, peak: float = 255.0, replicated: bool = False, mean: bool = False) -> float:
    """Compute the structural similarity to both sources, ``SSIM(a, f) + SSIM(b, f)``.

    ``SSIM = mean (2 mu_x mu_f + C1)(2 cov + C2) / ((mu_x^2 + mu_f^2 + C1)(var_x + var_f + C2))`` over Gaussian windows
    of 11×11 pixels that lie wholly inside the image.

    Args:
        t: Images 0..255, at least 11×11.
        peak: L in ``C1 = (0.01 L)^2`` and ``C2 = (0.03 L)^2``. Anything but 255 is an error of published programs.
        replicated: Repeat the border pixels, so that every pixel has its window.
        mean: Return the mean of both similarities instead of their sum.

    Returns:
        -2..2 (-1..1 with `mean`), higher is better; the upper end where the fused image equals both sources.

    References:
        Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity",
        IEEE Trans. Image Processing, 2004.
    """
    a, b = _similarities(t, 0, peak, replicated)
    return (a.ssim + b.ssim) / (2.0 if mean else 1.0)


def ms_ssim(t: Triple, *, mean: bool = False) -> float:
    """Compute the multi-scale structural similarity to both sources, ``MS(a, f) + MS(b, f)``.

    ``MS = prod_s structure_s^w_s * SSIM_5^w_5`` over the scales s = 1..4, each half the size of the one before (mean of
    2×2 pixels, an odd last row or column dropped). A scale whose mean is negative counts as 0.

    Args:
        t: Images 0..255, at least 176×176.
        mean: Return the mean of both similarities instead of their sum.

    Returns:
        0..2 (0..1 with `mean`), higher is better; the upper end where the fused image equals both sources.

    References:
        Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", Asilomar, 2003.
    """
    scales = [_similarities(t, scale, 255.0, False) for scale in range(len(SCALE_WEIGHTS))]
    total = sum(_product_of_scales(source) for source in zip(*scales, strict=True))
    return total / (2.0 if mean else 1.0)


def _product_of_scales(scales: Sequence[Similarity]) -> float:
    # structure at every scale but the coarsest, which alone has luminance
    *finer, coarsest = scales
    terms = [*(scale.structure for scale in finer), coarsest.ssim]
    product = 1.0
    for term, weight in zip(terms, SCALE_WEIGHTS, strict=True):
        product *= max(term, 0.0) ** weight
    return product


@once
def _similarities(t: Triple, scale: int, peak: float, replicated: bool) -> tuple[Similarity, Similarity]:
    fused, a, b = _scaled(t, scale)
    if replicated:
        fused, a, b = (np.pad(image, WINDOW // 2, mode="edge") for image in (fused, a, b))
    taps = gaussian_taps(WINDOW, SIGMA)
    c1 = (K1 * peak) ** 2
    c2 = (K2 * peak) ** 2
    ssim_a, structure_a, ssim_b, structure_b = _mean_similarities(fused, a, b, taps, c1, c2)
    return Similarity(ssim_a, structure_a), Similarity(ssim_b, structure_b)


@once
def _scaled(t: Triple, scale: int) -> tuple[GrayImage, GrayImage, GrayImage]:
    if scale == 0:
        return t.images
    fused, a, b = (halved(image) for image in _scaled(t, scale - 1))
    return fused, a, b


@compiled()
def _mean_similarities(
    fused: GrayImage, a: GrayImage, b: GrayImage, taps: Vector, c1: float, c2: float
) -> tuple[float, float, float, float]:
    height = fused.shape[0] - taps.size + 1
    width = fused.shape[1] - taps.size + 1
    columns = np.empty((STATISTICS, fused.shape[1]))
    row = np.empty((STATISTICS, width))
    ssim_a = structure_a = ssim_b = structure_b = 0.0
    for y in range(height):
        row_statistics(fused, a, b, taps, y, np.inf, columns, row)
        for x in range(width):
            mu_f = row[MU_F, x]
            var_f = row[VAR_F, x]

            structure = (2.0 * row[COV_A, x] + c2) / (row[VAR_A, x] + var_f + c2)
            structure_a += structure
            ssim_a += _luminance(row[MU_A, x], mu_f, c1) * structure

            structure = (2.0 * row[COV_B, x] + c2) / (row[VAR_B, x] + var_f + c2)
            structure_b += structure
            ssim_b += _luminance(row[MU_B, x], mu_f, c1) * structure

    pixels = height * width
    return ssim_a / pixels, structure_a / pixels, ssim_b / pixels, structure_b / pixels


@compiled()
def _luminance(mu_x: float, mu_f: float, c1: float) -> float:
    return (2.0 * mu_x * mu_f + c1) / (mu_x * mu_x + mu_f * mu_f + c1)


ROWS = (
    Metric(
        name="SSIM",
        title="structural similarity to the sources, sum",
        higher_is_better=True,
        range=(-2.0, 2.0),
        unit="",
        reference="Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 2004",
        protocols={
            "standard": Rule(ssim, smallest=11),
            "cddfuse": Rule(ssim_float32, "uniform 7×7 windows, C2 = 0.0036 on 0..255, float32", bug=True, smallest=7),
            "vifb": Rule(ssim, smallest=11, program_name="Ssim"),
            "zoo": Rule(zoo_float32.ssim, "C2 = 0.0009 on 0..255, float32", bug=True, smallest=11),
            "tang": Rule(
                partial(ssim, peak=1.0, replicated=True, mean=True),
                "mean over the sources, C2 = 0.0009 on 0..255, border repeated",
                bug=True,
            ),
        },
    ),
    Metric(
        name="SSIM_mean",
        title="structural similarity to the sources, mean",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 2004",
        protocols={"standard": Rule(partial(ssim, mean=True), smallest=11)},
    ),
    Metric(
        name="MS_SSIM",
        title="multi-scale structural similarity to the sources, sum",
        higher_is_better=True,
        range=(0.0, 2.0),
        unit="",
        reference="Wang, Simoncelli, Bovik, Asilomar 2003",
        protocols={
            "standard": Rule(ms_ssim, smallest=176),
            "tang": Rule(mef_ssim, "MEF-SSIM (Ma, Zeng, Wang, IEEE TIP 2015) under this name", smallest=41),
            "zoo": Rule(
                zoo_float32.ms_ssim, "C2 = 0.0009 on 0..255, float32; black beside odd sides", bug=True, smallest=161
            ),
        },
    ),
    Metric(
        name="MS_SSIM_mean",
        title="multi-scale structural similarity to the sources, mean",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Wang, Simoncelli, Bovik, Asilomar 2003",
        protocols={"standard": Rule(partial(ms_ssim, mean=True), smallest=176)},
    ),
)
