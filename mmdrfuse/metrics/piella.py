"""Structural similarity weighted by salience: Q_S, Q_W, Q_E of Piella, Q_C of Cvejic, Q_Y of Yang.

All five weigh two maps, S(a, f) and S(b, f), of the structural similarity of Wang et al. (2004)

    S(x, y) = (2 mu_x mu_y + C1) (2 cov_xy + C2) / ((mu_x^2 + mu_y^2 + C1) (var_x + var_y + C2))

over Gaussian windows that lie inside the image, and differ in the weights. In flat windows the weights are 0/0, which
rounding turns into noise that decides scores. So by default variances and covariances that are as good as 0 count as
0, and 0/0 gives both sources the same weight.
"""

import math
from functools import partial

from mmdrfuse.metrics import zoo
from mmdrfuse.metrics.metric import Metric, Rule
from mmdrfuse.metrics.shared.gradients import prewitt_magnitude
from mmdrfuse.metrics.shared.similarity import FLAT, WANG, comparison, likeness
from mmdrfuse.metrics.shared.triple import Triple


def qs(t: Triple, *, flat_tolerance: float | None = FLAT) -> float:
    """Compute the similarity to both sources, weighted by their variances: ``mean (l S(a, f) + (1 - l) S(b, f))``.

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
    return comparison(t, WANG, _tolerance(flat_tolerance)).quality


def qw(t: Triple, *, flat_tolerance: float | None = FLAT) -> float:
    """Compute Q_S with windows weighted by ``C = max(var_a, var_b)``: ``sum C q / sum C``; else as `qs`.

    Args:
        t: Images 0..255, at least 11×11.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise, as published.

    Returns:
        -1..1, higher is better; Q_S where both sources are flat everywhere.

    References:
        As `qs`.
    """
    return comparison(t, WANG, _tolerance(flat_tolerance)).salient_quality


def qe(t: Triple, *, flat_tolerance: float | None = FLAT) -> float:
    """Compute Q_W of the images times Q_W of their edges; else as `qw`.

    Edges are magnitudes of the Prewitt gradient, undivided, black beyond the border. The program of Liu et al. stops
    with an error here; this is what it was meant to compute.

    Args:
        t: Images 0..255, at least 11×11.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise.

    Returns:
        -1..1, higher is better.

    References:
        As `qs`.
    """
    edges = Triple(*(prewitt_magnitude(image) for image in t.images))
    return qw(t, flat_tolerance=flat_tolerance) * qw(edges, flat_tolerance=flat_tolerance)


def qc(t: Triple, *, flat_tolerance: float | None = FLAT, forced_score: bool = False) -> float:
    """Compute the similarity to both sources, weighted by their covariances with the fused image.

    ``mean (s S(a, f) + (1 - s) S(b, f))``, ``s = cov_af / (cov_af + cov_bf)`` clipped to 0..1, 1/2 where that is 0/0;
    windows of 7×7 pixels, sigma 1.5, ``C1 = C2 = 2e-16``.

    Args:
        t: Images 0..255, at least 7×7.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise and 0/0 is NaN, as
            published.
        forced_score: Where s leaves 0..1, let it replace the score of the window (0 below, 1 above) instead of keeping
            it within. An error of one published program, for its protocol only: the order of the sources matters then.

    Returns:
        -1..1, higher is better; 1 where the fused image equals both sources.

    References:
        Cvejic, Loza, Bull, Canagarajah, "A similarity metric for assessment of image fusion algorithms", Int. J.
        Signal Processing, 2005.
    """
    score, forced, _ = _likeness(t, flat_tolerance)
    return forced if forced_score else score


def qy(t: Triple, *, flat_tolerance: float | None = FLAT) -> float:
    """Compute the similarity to both sources where they show the same, and to the more similar one elsewhere.

    Mean of ``l S(a, f) + (1 - l) S(b, f)`` with ``l = var_a / (var_a + var_b)`` where ``S(a, b) >= 0.75``, and of
    ``max(S(a, f), S(b, f))`` elsewhere; windows and constants as `qc`.

    Args:
        t: Images 0..255, at least 7×7.
        flat_tolerance: Variances and covariances up to it count as 0; None keeps rounding noise and 0/0 is NaN, as
            published.

    Returns:
        -1..1, higher is better; 1 where the fused image equals both sources.

    References:
        Yang, Zhang, Wang, Liu, "A novel similarity based quality metric for image fusion", Information Fusion, 2008.
    """
    _, _, score = _likeness(t, flat_tolerance)
    return score


def _likeness(t: Triple, flat_tolerance: float | None) -> tuple[float, float, float]:
    return likeness(t, _tolerance(flat_tolerance), math.nan if flat_tolerance is None else 0.5)


def _tolerance(flat_tolerance: float | None) -> float:
    return -1.0 if flat_tolerance is None else flat_tolerance


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
            "zoo": Rule(
                zoo.yang,
                "columns of a window summed, not weighted; black beyond the border",
                bug=True,
                program_name="Qy",
            ),
        },
    ),
)
