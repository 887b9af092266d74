"""Preservation of details over several directions or scales: Q_SF of Zheng et al., Q_M of Wang and Liu."""

import math
from functools import partial

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.elementary import exponential
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, Vector
from mmdrfuse.metrics.shared.windows import halved
from mmdrfuse.system.compiling import compiled, summing

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
    sums = np.zeros(4)
    _add_differences(*t.images, sums)
    straight, sources_straight, oblique, sources_oblique = sums.tolist()
    energy_fused = straight + oblique / math.sqrt(2.0)
    energy_sources = sources_straight + sources_oblique / math.sqrt(2.0)
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
        sums = np.zeros(3)
        _add_details(fused, a, b, sums)
        weighted, energy, preserved = sums.tolist()
        blocks = (fused.shape[0] // 2) * (fused.shape[1] // 2)
        score *= (weighted / energy if energy > 0.0 else preserved / (2 * blocks)) ** weight
        fused, a, b = (2.0 * halved(image) for image in (fused, a, b))
    return score


@compiled()
def _add_differences(fused: GrayImage, a: GrayImage, b: GrayImage, sums: Vector) -> None:
    # squares of the fused image's first differences, and of the larger ones of the sources: along the axes, then along
    # the diagonals
    last = fused.shape[0] - 1
    for y in range(last + 1):
        below = min(y + 1, last)
        for n, part in enumerate(_row_differences(fused[y], fused[below], a[y], a[below], b[y], b[below])):
            if n < 2 or y < last:
                sums[n] += part


@summing
def _row_differences(
    fused: Vector, fused_below: Vector, a: Vector, a_below: Vector, b: Vector, b_below: Vector
) -> tuple[float, float, float, float]:
    last = fused.size - 1
    straight = (fused_below[last] - fused[last]) ** 2
    sources_straight = max((a_below[last] - a[last]) ** 2, (b_below[last] - b[last]) ** 2)
    oblique = sources_oblique = 0.0
    for x in range(last):
        straight += (fused[x + 1] - fused[x]) ** 2 + (fused_below[x] - fused[x]) ** 2
        sources_straight += max((a[x + 1] - a[x]) ** 2, (b[x + 1] - b[x]) ** 2)
        sources_straight += max((a_below[x] - a[x]) ** 2, (b_below[x] - b[x]) ** 2)
        oblique += (fused_below[x + 1] - fused[x]) ** 2 + (fused_below[x] - fused[x + 1]) ** 2
        sources_oblique += max((a_below[x + 1] - a[x]) ** 2, (b_below[x + 1] - b[x]) ** 2)
        sources_oblique += max((a_below[x] - a[x + 1]) ** 2, (b_below[x] - b[x + 1]) ** 2)
    return straight, sources_straight, oblique, sources_oblique


@compiled()
def _add_details(fused: GrayImage, a: GrayImage, b: GrayImage, sums: Vector) -> None:
    # over blocks of 2x2 pixels and both sources: E W, W and E
    for y in range(0, fused.shape[0] - 1, 2):
        for source in (a, b):
            for n, part in enumerate(_row_details(fused[y], fused[y + 1], source[y], source[y + 1])):
                sums[n] += part


@summing
def _row_details(fused: Vector, fused_below: Vector, source: Vector, below: Vector) -> tuple[float, float, float]:
    weighted = energies = total = 0.0
    for x in range(fused.size // 2):
        across, down, oblique = _haar(source, below, x)
        f_across, f_down, f_oblique = _haar(fused, fused_below, x)
        preserved = exponential(-abs(across - f_across)) + exponential(-abs(down - f_down))
        preserved = (preserved + exponential(-abs(oblique - f_oblique))) / 3.0
        energy = across * across + down * down + oblique * oblique
        weighted += preserved * energy
        energies += energy
        total += preserved
    return weighted, energies, total


@compiled()
def _haar(top: Vector, bottom: Vector, x: int) -> tuple[float, float, float]:
    # vertical, horizontal and diagonal detail
    left = top[2 * x] + bottom[2 * x]
    right = top[2 * x + 1] + bottom[2 * x + 1]
    left_step = top[2 * x] - bottom[2 * x]
    right_step = top[2 * x + 1] - bottom[2 * x + 1]
    return (left - right) / 2.0, (left_step + right_step) / 2.0, (left_step - right_step) / 2.0


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
