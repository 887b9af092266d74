"""Structural similarity to whichever source matters at a place: Q_S, Q_W, Q_E of Piella, Q_C of Cvejic, Q_Y of Yang.

All five weigh two maps, S(a, f) and S(b, f), of the structural similarity of Wang et al. (2004)

    S(x, y) = (2 mu_x mu_y + C1) (2 cov_xy + C2) / ((mu_x^2 + mu_y^2 + C1) (var_x + var_y + C2))

over Gaussian windows that lie inside the image, and differ in the weights. Where windows are flat the weights are 0/0;
rounding turns that into noise which decides scores, so by default variances and covariances that are as good as 0
count as 0, and 0/0 gives both sources the same weight.
"""

from functools import partial

import numpy as np
from scipy.ndimage import correlate1d

from mmdrfuse.metrics.metric import Metric, Rule
from mmdrfuse.metrics.shared.filters import smooth
from mmdrfuse.metrics.shared.triple import GrayImage, Triple, once
from mmdrfuse.metrics.shared.windows import gaussian_taps

# A variance below it, of levels 0..255, is a flat window: whole numbers give at least 0.001 in 7×7 pixels.
FLAT = 1e-9 * 255.0**2
# Yang et al. 2008: sources that are at least this similar show the same
_ALIKE = 0.75
# C1 and C2: of Wang et al., and of Liu et al. 2012 for Q_C and Q_Y, no more than keeps 0/0 away
_WANG = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
_BARE = 2e-16, 2e-16
# which of three images: fused, first and second source
F, A, B = range(3)


def qs(t: Triple, *, flat_tolerance: float | None = FLAT) -> float:
    """Similarity to both sources, each weighing by its share of the variance: ``mean (l S(a, f) + (1 - l) S(b, f))``.

    ``l = var_a / (var_a + var_b)`` and 1/2 where both are flat; windows of 11×11 pixels, sigma 1.5, Wang's constants.

    Args:
        t: Images 0..255, at least 11×11.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise, as published.

    Returns:
        -1..1, higher is better; 1 where the fused image equals both sources.

    Departs from the paper:
        Piella and Heijmans took the index of Wang and Bovik (no constants) over 8×8 pixels. Programs in use, and the
        survey of Liu et al., take its successor.

    References:
        Piella, Heijmans, "A new quality metric for image fusion", ICIP 2003. Liu, Blasch, Xue, Zhao, Laganière, Wu,
        "Objective assessment of multiresolution image fusion algorithms for context enhancement in night vision: a
        comparative study", IEEE TPAMI, 2012.
    """
    plain, _ = _means(t, flat_tolerance)
    return plain


def qw(t: Triple, *, flat_tolerance: float | None = FLAT) -> float:
    """Q_S with windows weighing by ``C = max(var_a, var_b)``: ``sum C q / sum C``; else as `qs`.

    Args:
        t: Images 0..255, at least 11×11.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise, as published.

    Returns:
        -1..1, higher is better; Q_S where both sources are flat everywhere.
    """
    _, salient = _means(t, flat_tolerance)
    return salient


def qe(t: Triple, *, flat_tolerance: float | None = FLAT) -> float:
    """Q_W of the images times Q_W of their edges; else as `qw`.

    Edges are magnitudes of the Prewitt gradient, undivided, black beyond the border. The program of Liu et al. stops
    with an error here; this is what it was meant to compute.

    Args:
        t: Images 0..255, at least 11×11.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise.

    Returns:
        -1..1, higher is better.
    """
    edges = Triple(*(_prewitt_magnitude(image) for image in t.images))
    return qw(t, flat_tolerance=flat_tolerance) * qw(edges, flat_tolerance=flat_tolerance)


def qc(t: Triple, *, flat_tolerance: float | None = FLAT, forced_score: bool = False) -> float:
    """Similarity to both sources, each weighing by its share of the covariance with the fused image.

    ``mean (s S(a, f) + (1 - s) S(b, f))``, ``s = cov_af / (cov_af + cov_bf)`` kept within 0..1, 1/2 where that is 0/0;
    windows of 7×7 pixels, sigma 1.5, ``C1 = C2 = 2e-16``.

    Args:
        t: Images 0..255, at least 7×7.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise and 0/0 gives NaN, as
            published.
        forced_score: Where s leaves 0..1, let it replace the score of the window (0 below, 1 above) instead of keeping
            it within. An error of one published program, kept for its protocol: the order of the sources matters then.

    Returns:
        -1..1, higher is better; 1 where the fused image equals both sources.

    References:
        Cvejic, Loza, Bull, Canagarajah, "A similarity metric for assessment of image fusion algorithms", Int. J.
        Signal Processing, 2005.
    """
    windows = _small_windows(t, flat_tolerance)
    undefined = np.nan if flat_tolerance is None else 0.5
    share = windows.share(windows.covariance(F, A), windows.covariance(F, B), undefined)
    kept = share if forced_score else np.clip(share, 0.0, 1.0)
    quality = kept * windows.similarity(F, A, _BARE) + (1.0 - kept) * windows.similarity(F, B, _BARE)
    if forced_score:
        quality[share < 0.0], quality[share > 1.0] = 0.0, 1.0
    return float(quality.mean())


@np.errstate(divide="ignore", invalid="ignore")
def qy(t: Triple, *, flat_tolerance: float | None = FLAT) -> float:
    """Similarity to both sources where they show the same, to the better matched one where they do not.

    Mean of ``l S(a, f) + (1 - l) S(b, f)`` with ``l = var_a / (var_a + var_b)`` where ``S(a, b) >= 0.75``, and of
    ``max(S(a, f), S(b, f))`` elsewhere; windows and constants as `qc`.

    Args:
        t: Images 0..255, at least 7×7.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise and 0/0 gives NaN, as
            published.

    Returns:
        -1..1, higher is better; 1 where the fused image equals both sources.

    References:
        Yang, Zhang, Wang, Liu, "A novel similarity based quality metric for image fusion", Information Fusion, 2008.
    """
    windows = _small_windows(t, flat_tolerance)
    undefined = np.nan if flat_tolerance is None else 0.5
    share = windows.share(windows.covariance(A, A), windows.covariance(B, B), undefined)
    to_a, to_b = windows.similarity(F, A, _BARE), windows.similarity(F, B, _BARE)
    alike = windows.similarity(A, B, _BARE) >= _ALIKE
    return float(np.where(alike, share * to_a + (1.0 - share) * to_b, np.maximum(to_a, to_b)).mean())


class _Windows:
    """Statistics of every window of three images, addressed as F, A and B."""

    def __init__(
        self, images: tuple[GrayImage, GrayImage, GrayImage], taps: GrayImage, flat_tolerance: float | None
    ) -> None:
        self.images, self.taps, self.flat_tolerance = images, taps, flat_tolerance
        self.means = [smooth(image, taps, border="valid") for image in images]
        self.covariances: dict[tuple[int, int], GrayImage] = {}

    def covariance(self, x: int, y: int) -> GrayImage:
        """Biased covariance, 0 in flat windows."""
        if (x, y) not in self.covariances:
            moment = smooth(self.images[x] * self.images[y], self.taps, border="valid")
            self.covariances[x, y] = self._flattened(moment - self.means[x] * self.means[y])
        return self.covariances[x, y]

    def share(self, one: GrayImage, other: GrayImage, undefined: float) -> GrayImage:
        """``one / (one + other)``, `undefined` where that is 0/0."""
        total = self._flattened(one + other)
        return np.divide(one, total, out=np.full_like(one, undefined), where=total != 0.0)

    def similarity(self, x: int, y: int, constants: tuple[float, float]) -> GrayImage:
        """Structural similarity of two images."""
        (c1, c2), mu_x, mu_y = constants, self.means[x], self.means[y]
        luminance = (2.0 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
        structure = (2.0 * self.covariance(x, y) + c2) / (self.covariance(x, x) + self.covariance(y, y) + c2)
        return luminance * structure

    def _flattened(self, values: GrayImage) -> GrayImage:
        if self.flat_tolerance is not None:
            values[np.abs(values) <= self.flat_tolerance] = 0.0
        return values


@once
def _means(t: Triple, flat_tolerance: float | None) -> tuple[float, float]:
    # Q_S and Q_W; the windows are forgotten, their maps are many
    windows = _Windows(t.images, gaussian_taps(11, 1.5), flat_tolerance)
    var_a, var_b = windows.covariance(A, A), windows.covariance(B, B)
    share = windows.share(var_a, var_b, 0.5)
    quality = share * windows.similarity(F, A, _WANG) + (1.0 - share) * windows.similarity(F, B, _WANG)
    plain, saliency = float(quality.mean()), np.maximum(var_a, var_b)
    return plain, float(np.average(quality, weights=saliency)) if saliency.any() else plain


@once
def _small_windows(t: Triple, flat_tolerance: float | None) -> _Windows:
    return _Windows(t.images, gaussian_taps(7, 1.5), flat_tolerance)


def _prewitt_magnitude(image: GrayImage) -> GrayImage:
    down, across = (
        correlate1d(
            correlate1d(image, [1, 0, -1], axis=axis, mode="constant"), [1, 1, 1], axis=1 - axis, mode="constant"
        )
        for axis in (0, 1)
    )
    return np.hypot(down, across)


_NOISE = "rounding noise decides flat windows"

ROWS = (
    Metric(
        name="QS",
        title="similarity weighted by local variance",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Piella, Heijmans, ICIP 2003",
        protocols={
            "standard": Rule(qs, smallest=11),
            "liu": Rule(partial(qs, flat_tolerance=None), smallest=11),
        },
    ),
    Metric(
        name="QW",
        title="similarity weighted by saliency",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Piella, Heijmans, ICIP 2003",
        protocols={
            "standard": Rule(qw, smallest=11),
            "liu": Rule(partial(qw, flat_tolerance=None), smallest=11),
        },
    ),
    Metric(
        name="QE",
        title="QW of the images times QW of their edges",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Piella, Heijmans, ICIP 2003",
        protocols={
            "standard": Rule(qe, smallest=11),
            "liu": Rule(
                partial(qe, flat_tolerance=None),
                "as its program was meant: it stops with an error",
                smallest=11,
                program_name="QE_fixed",
            ),
        },
    ),
    Metric(
        name="QC",
        title="similarity weighted by local covariance",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Cvejic et al., Int. J. Signal Process. 2005",
        protocols={
            "standard": Rule(qc, smallest=7),
            "liu": Rule(partial(qc, flat_tolerance=None, forced_score=True), _NOISE, bug=True, smallest=7),
        },
    ),
    Metric(
        name="QY",
        title="similarity to both sources, or to the better one",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Yang et al., Inf. Fusion 2008",
        protocols={
            "standard": Rule(qy, smallest=7),
            "liu": Rule(partial(qy, flat_tolerance=None), _NOISE, bug=True, smallest=7),
        },
    ),
)
