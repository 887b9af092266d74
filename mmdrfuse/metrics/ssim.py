"""Structural similarity of the fused image to its sources: SSIM and its multi-scale form MS-SSIM."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from mmdrfuse.metrics import zoo_float32
from mmdrfuse.metrics.mef_ssim import mef_ssim
from mmdrfuse.metrics.metric import Metric, Rule
from mmdrfuse.metrics.shared.similarity import FLAT, WANG, WINDOW, Similarity, comparison
from mmdrfuse.metrics.shared.triple import Triple, once
from mmdrfuse.metrics.shared.windows import halved
from mmdrfuse.metrics.ssim_float32 import ssim_float32

K1 = 0.01
K2 = 0.03
"""``C1 = (K1 L)^2`` and ``C2 = (K2 L)^2`` of the same paper."""

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Powers of the five scales (Wang, Simoncelli, Bovik, Asilomar 2003)."""


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
    constants = ((K1 * peak) ** 2, (K2 * peak) ** 2)
    compared = comparison(_replicated(t) if replicated else t, constants, FLAT)
    return (compared.a.ssim + compared.b.ssim) / (2.0 if mean else 1.0)


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
    total = sum(_product_of_scales(source) for source in zip(*_scales(t), strict=True))
    return total / (2.0 if mean else 1.0)


def _product_of_scales(scales: Sequence[Similarity]) -> float:
    # structure at every scale but the coarsest, which alone has luminance
    *finer, coarsest = scales
    terms = [*(scale.structure for scale in finer), coarsest.ssim]
    product = 1.0
    for term, weight in zip(terms, SCALE_WEIGHTS, strict=True):
        product *= max(term, 0.0) ** weight
    return product


def _replicated(t: Triple) -> Triple:
    return Triple(*(np.pad(image, WINDOW // 2, mode="edge") for image in t.images))


@once
def _scales(t: Triple) -> tuple[tuple[Similarity, Similarity], ...]:
    # the similarities of the fused image to both sources, finest scale first
    scales = []
    for scale in range(len(SCALE_WEIGHTS)):
        if scale:
            t = Triple(*(halved(image) for image in t.images))
        compared = comparison(t, WANG, FLAT)
        scales.append((compared.a, compared.b))
    return tuple(scales)


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
