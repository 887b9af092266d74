"""Preservation of details over several directions or scales: Q_SF of Zheng et al., Q_M of Wang and Liu."""

import math
from functools import partial

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.triple import GrayImage, Triple

SCALE_WEIGHTS = (2.0 / 3.0, 1.0 / 3.0)
"""Weights of the two scales, finest first (Wang and Liu 2008)."""


def qsf(t: Triple) -> float:
    """Compute the relative error of the fused image's spatial frequency, ``(SF_f - SF_r) / SF_r``.

    SF is the root of the mean square of the first differences in four directions, the diagonal ones weighing
    1/sqrt(2). For the reference SF_r each difference is that of the source where it is larger.

    Args:
        t: Images 0..255, at least 2×2.

    Returns:
        -1 (nothing left) upwards; 0 is best, below it detail is lost, above it noise is added. Where both sources are
        constant: 0 if the fused image is too, else infinity.

    References:
        Zheng, Essock, Hansen, Haun, "A new metric based on extended spatial frequency and its application to DWT based
        fusion algorithms", Information Fusion, 2007.
    """
    energy_fused = _energy(_differences(t.fused))

    pairs = zip(_differences(t.a), _differences(t.b), strict=True)
    larger = tuple(np.maximum(np.abs(x), np.abs(y)) for x, y in pairs)
    energy_sources = _energy(larger)

    if energy_sources == 0.0:
        return math.inf if energy_fused else 0.0
    return math.sqrt(energy_fused / energy_sources) - 1.0


def qm(t: Triple, *, summed_bands: bool = False) -> float:
    """Compute how well details of two scales of Haar's wavelet are preserved, ``Q_1^(2/3) Q_2^(1/3)``.

    ``Q_l = sum (E_a W_a + E_b W_b) / sum (W_a + W_b)`` with ``E_x`` the mean of ``exp(-|d_x - d_f|)`` over the
    horizontal, vertical and diagonal details d of scale l, and ``W_x`` the sum of ``d_x^2``. An odd last row or column
    is left out: on sides that are no multiple of 4, flips change the score.

    Args:
        t: Images 0..255, at least 4×4.
        summed_bands: Take the sum of the three exponentials instead of their mean, as the program of Liu et al. does:
            three times the score.

    Returns:
        0..1, higher is better; 1 where the fused image equals both sources. Sources without details weigh the same
        everywhere.

    References:
        Wang, Liu, "A novel image fusion metric based on multi-scale analysis", ICSP 2008.
    """
    fused, a, b = t.images
    score = 3.0 if summed_bands else 1.0
    for weight in SCALE_WEIGHTS:
        fused, details_f = _haar(fused)
        a, details_a = _haar(a)
        b, details_b = _haar(b)

        preserved = [np.exp(-np.abs(details - details_f)).mean(axis=0) for details in (details_a, details_b)]
        energy = [(details**2).sum(axis=0) for details in (details_a, details_b)]
        score *= float(np.average(preserved, weights=energy if np.any(energy) else None)) ** weight
    return score


def _differences(image: GrayImage) -> tuple[GrayImage, GrayImage, GrayImage, GrayImage]:
    # along rows, columns and both diagonals
    return (
        image[:, 1:] - image[:, :-1],
        image[1:] - image[:-1],
        image[1:, 1:] - image[:-1, :-1],
        image[1:, :-1] - image[:-1, 1:],
    )


def _energy(differences: tuple[GrayImage, ...]) -> float:
    across, down, falling, rising = (float((difference**2).sum()) for difference in differences)
    return across + down + (falling + rising) / math.sqrt(2.0)


def _haar(image: GrayImage) -> tuple[GrayImage, GrayImage]:
    # next coarser image, (H/2, W/2), and its horizontal, vertical and diagonal details, (3, H/2, W/2)
    height, width = (side // 2 * 2 for side in image.shape)
    even = image[:height:2, :width]
    odd = image[1:height:2, :width]
    low = even + odd
    high = even - odd

    coarser = low[:, ::2] + low[:, 1::2]
    horizontal = high[:, ::2] + high[:, 1::2]
    vertical = low[:, ::2] - low[:, 1::2]
    diagonal = high[:, ::2] - high[:, 1::2]
    return coarser / 2.0, np.stack([horizontal, vertical, diagonal]) / 2.0


ROWS = (
    Metric(
        name="QSF",
        title="spatial frequency against the sources, 0 is ideal",
        higher_is_better=True,
        range=(-1.0, math.inf),
        unit="",
        reference="Zheng et al., Inf. Fusion 2007",
        protocols=same("standard liu", Rule(qsf, smallest=2)),
    ),
    Metric(
        name="QM",
        title="wavelet details preserved over two scales",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Wang, Liu, ICSP 2008",
        protocols={
            "standard": Rule(qm, smallest=4),
            "liu": Rule(partial(qm, summed_bands=True), "three times as large: sum of the bands, not mean", smallest=4),
        },
    ),
)
