"""Details kept over several directions or scales: Q_SF of Zheng et al., Q_M of Wang and Liu."""

import math
from functools import partial

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.triple import GrayImage, Triple

# Wang and Liu 2008: weights of the two scales, finest first
_SCALE_WEIGHTS = (2.0 / 3.0, 1.0 / 3.0)


def qsf(t: Triple) -> float:
    """Relative error of the fused image's spatial frequency, ``(SF_f - SF_r) / SF_r``.

    SF is the root of the mean square of the first differences in four directions, the diagonal ones weighing
    1/sqrt(2). For the reference SF_r each difference is that of the source where it is larger.

    Args:
        t: Images 0..255.

    Returns:
        -1 (nothing left) upwards; 0 is best, below it detail is lost, above it noise is added. Where both sources are
        constant: 0 if the fused image is too, else infinity.

    References:
        Zheng, Essock, Hansen, Haun, "A new metric based on extended spatial frequency and its application to DWT based
        fusion algorithms", Information Fusion, 2007.
    """
    frequency = _total(_differences(t.fused))
    strongest = (np.maximum(np.abs(x), np.abs(y)) for x, y in zip(_differences(t.a), _differences(t.b), strict=True))
    reference = _total(tuple(strongest))
    if reference == 0.0:
        return math.inf if frequency else 0.0
    return math.sqrt(frequency / reference) - 1.0


def qm(t: Triple, *, summed_bands: bool = False) -> float:
    """How well the fused image keeps the sources' details over two scales of Haar's wavelet, ``Q_1^(2/3) Q_2^(1/3)``.

    ``Q_l = sum (E_a W_a + E_b W_b) / sum (W_a + W_b)`` with ``E_x`` the mean of ``exp(-|d_x - d_f|)`` over the
    horizontal, vertical and diagonal details d of scale l, and ``W_x`` the sum of ``d_x^2``. An odd last row or column
    is left out: on sides that are no multiple of 4, flips change the score.

    Args:
        t: Images 0..255, at least 4×4.
        summed_bands: Add up the three exponentials instead of taking their mean, as the program of Liu et al. does:
            three times the score.

    Returns:
        0..1, higher is better; 1 where the fused image equals both sources. Sources without details weigh the same
        everywhere.

    References:
        Wang, Liu, "A novel image fusion metric based on multi-scale analysis", ICSP 2008.
    """
    fused, a, b = t.images
    score = 3.0 if summed_bands else 1.0
    for weight in _SCALE_WEIGHTS:
        (fused, details_f), (a, details_a), (b, details_b) = (_haar(image) for image in (fused, a, b))
        kept = [np.exp(-np.abs(details - details_f)).mean(axis=0) for details in (details_a, details_b)]
        energy = [(details**2).sum(axis=0) for details in (details_a, details_b)]
        score *= float(np.average(kept, weights=energy if np.any(energy) else None)) ** weight
    return score


def _differences(image: GrayImage) -> tuple[GrayImage, GrayImage, GrayImage, GrayImage]:
    # along rows, columns and both diagonals
    return (
        image[:, 1:] - image[:, :-1],
        image[1:] - image[:-1],
        image[1:, 1:] - image[:-1, :-1],
        image[1:, :-1] - image[:-1, 1:],
    )


def _total(differences: tuple[GrayImage, ...]) -> float:
    rows, columns, falling, rising = (float((difference**2).sum()) for difference in differences)
    return rows + columns + (falling + rising) / math.sqrt(2.0)


def _haar(image: GrayImage) -> tuple[GrayImage, GrayImage]:
    # next coarser image, (H/2, W/2), and its horizontal, vertical and diagonal details, (3, H/2, W/2)
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    even, odd = image[:height:2, :width], image[1:height:2, :width]
    low, high = even + odd, even - odd
    details = np.stack([high[:, ::2] + high[:, 1::2], low[:, ::2] - low[:, 1::2], high[:, ::2] - high[:, 1::2]])
    return (low[:, ::2] + low[:, 1::2]) / 2.0, details / 2.0


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
        title="wavelet details kept over two scales",
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
