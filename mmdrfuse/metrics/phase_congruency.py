"""Q_P: how well the fused image keeps the sources' features, found by phase congruency."""

import math
from functools import partial

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.log_gabor import make_filters
from mmdrfuse.metrics.metric import Metric, Rule
from mmdrfuse.metrics.phase_maps import feature_maps
from mmdrfuse.metrics.shared.triple import GrayImage, Triple
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
from mmdrfuse.system.compiling import compiled
from mmdrfuse.system.malloc import release_freed_memory

# Zhao et al. 2007: congruency from which a pixel is a feature; windows of the correlations
_FEATURE = 0.1
_TAPS = half(gaussian_taps(11, 1.5))
_TINY = 1e-4

Mask = npt.NDArray[np.bool_]
"""(H, W)."""

Row = npt.NDArray[np.bool_]
"""(W,)."""


def qp(t: Triple, *, published: bool = False) -> float:
    """Compute the product of the mean local correlations of phase congruency and its largest and smallest moment.

    Each is compared with the first source, with the second, and with the source of higher congruency at each pixel; the
    best of the three counts, averaged over the pixels where a source's congruency exceeds 0.1. Correlations are taken
    over Gaussian windows of 11×11 pixels, sigma 1.5, nothing beyond the border.

    Args:
        t: Images 0..255, at least 3×3.
        published: Compute as the program of Liu et al. does, errors included: frequencies of odd sides are stretched
            and their low-pass filter is off by one; the mixed moment is a quarter of what it should be; the sources'
            maps are blanked outside their features but the fused image's is not; 0/0 is NaN. The Nyquist frequency,
            which has no direction, is included, so flips change the score.

    Returns:
        Up to 1, higher is better; 1 where the fused image equals both sources and where these have no features. Beware:
        the constant that keeps 0/0 away makes the correlation 1 where the fused image's maps are flat, so an image
        without any structure scores near 1 as well.

    References:
        Zhao, Laganière, Liu, "Performance assessment of combinative pixel-level image fusion based on an absolute
        feature measurement", Int. J. Innovative Computing, Information and Control, 2007. Kovesi, "Phase congruency
        detects corners and edges", DICTA 2003.
    """
    release_freed_memory()  # no metric needs more
    filters = make_filters(t.shape, published)
    maps_f, maps_a, maps_b = (feature_maps(image, filters, published=published) for image in t.stored)
    from_a = maps_a[0] > maps_b[0]
    features = maps_a[0] > _FEATURE, maps_b[0] > _FEATURE, np.maximum(maps_a[0], maps_b[0]) > _FEATURE
    count = np.count_nonzero(features[-1])
    if not count:
        return math.nan if published else 1.0

    score = 1.0
    for map_f, map_a, map_b in zip(maps_f, maps_a, maps_b, strict=True):
        sources = map_a, map_b, np.where(from_a, map_a, map_b)
        score *= _best_correlations(map_f, sources, features, published) / count
    return score


def _best_correlations(
    map_f: GrayImage, sources: tuple[GrayImage, GrayImage, GrayImage], features: tuple[Mask, Mask, Mask], masked: bool
) -> float:
    if masked:
        a, b, best = (source * mask for source, mask in zip(sources, features, strict=True))
    else:
        a, b, best = sources
    images = [np.pad(image, len(_TAPS) - 1) for image in (map_f, a, b, best)]
    return _sum_of_best(images[0], images[1], images[2], images[3], features, _TAPS, blocks(), blocks())


@compiled()
def _sum_of_best(
    fused: GrayImage,
    a: GrayImage,
    b: GrayImage,
    best: GrayImage,
    features: tuple[Mask, Mask, Mask],
    taps: Taps,
    windows: Blocks,
    windows_best: Blocks,
) -> float:
    # of each pixel's correlations with the three sources, each of which counts where it has features, the largest
    of_a, of_b, of_best = features
    height, width = of_best.shape
    total = 0.0
    for y in range(0, height, WINDOW_ROWS):
        for x in range(0, width, SPAN - 2 * (len(taps) - 1)):
            rows, columns = block_statistics(fused, a, b, taps, y, x, np.inf, windows)
            block_statistics(fused, best, best, taps, y, x, np.inf, windows_best)
            for row in range(y, y + rows):
                across = slice(x, x + columns)
                part = of_a[row, across], of_b[row, across], of_best[row, across]
                total += _row_of_best(windows, windows_best, (row - y) * SPAN, part)
    return total


@compiled(fastmath={"reassoc"})
def _row_of_best(windows: Blocks, windows_best: Blocks, first: int, features: tuple[Row, Row, Row]) -> float:
    of_a, of_b, of_best = features
    total = 0.0
    for x in range(of_best.size):
        n = first + x
        var_f = windows[VAR_F, n]
        with_a = _correlation(windows[COV_A, n], windows[VAR_A, n], var_f) * of_a[x]
        with_b = _correlation(windows[COV_B, n], windows[VAR_B, n], var_f) * of_b[x]
        with_best = _correlation(windows_best[COV_A, n], windows_best[VAR_A, n], var_f) * of_best[x]
        total += max(with_a, with_b, with_best)
    return total


@compiled()
def _correlation(cov: float, var: float, var_f: float) -> float:
    return (cov + _TINY) / (math.sqrt(abs(var * var_f)) + _TINY)


ROWS = (
    Metric(
        name="QP",
        title="phase congruency preserved",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Zhao, Laganière, Liu, IJICIC 2007",
        protocols={
            "standard": Rule(qp, smallest=3),
            "liu": Rule(partial(qp, published=True), "grids, moments and masks of its program", bug=True, smallest=3),
        },
    ),
)
