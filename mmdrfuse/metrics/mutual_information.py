"""Mutual information of the fused image and its sources, by entropies of gray levels: MI, Q_MI, Q_TE, Q_NCIE.

Every probability is a share of pixels; values between two of the 256 levels count for the nearest. MI, Q_MI and Q_NCIE
depend only on which pixels share a level, so they do not change when the levels of an image are renamed. No metric here
depends on where the pixels are: flips and transposition change nothing, nor does the order of the sources.
"""

import math
from functools import partial

import numpy as np

from mmdrfuse.metrics import zoo
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.filters import stretched
from mmdrfuse.metrics.shared.histograms import (
    LEVELS,
    joint_histogram,
    level_entropy,
    level_information,
    shannon_entropy,
)
from mmdrfuse.metrics.shared.triple import SOURCES, ImageName, Triple

BITS = 8.0
"""log2 of the number of levels: dividing bits by it gives the logarithm to base 256."""

NAVA = 0.43137
"""Order of Tsallis' entropy in Q_TE: Nava, Cristóbal, Escalante-Ramírez 2007."""

CVEJIC = 1.85
"""The order that Cvejic, Canagarajah and Bull proposed in 2006."""


def mutual_information(t: Triple, *, base: float = 2.0, joint_levels: int = LEVELS) -> float:
    """Compute the mutual information with both sources, ``I(a, f) + I(b, f)``, ``I(x, f) = H(x) + H(f) - H(x, f)``.

    Args:
        t: Images 0..255.
        base: Base of the logarithm: 2 for bits, e for nats.
        joint_levels: Levels that the joint histogram keeps apart; higher ones fall into its last bin. Fewer than 256
            is an error of one published program, for its protocol only: the marginals keep all 256.

    Returns:
        0 (independent) to ``H(a) + H(b)``, higher is better.

    References:
        Qu, Zhang, Yan, "Information measure for performance of image fusion", Electronics Letters, 2002.
    """
    bits = sum(level_information(t, source, "fused", joint_levels=joint_levels) for source in SOURCES)
    return bits / math.log2(base)


def qmi(t: Triple, *, stretch: bool = False) -> float:
    """Compute the normalised mutual information, ``2 [I(a, f) / (H(a) + H(f)) + I(b, f) / (H(b) + H(f))]``.

    Args:
        t: Images 0..255.
        stretch: Stretch each image to 0..255 first. Changes nothing on whole numbers, but a constant image other than
            0 then has no levels and the result is NaN: for the protocol of the program that does so.

    Returns:
        0 (independent) to 2 (each source determines the fused image and is determined by it), higher is better. Two
        constant images count as determining each other.

    References:
        Hossny, Nahavandi, Creighton, "Comments on 'Information measure for performance of image fusion'", Electronics
        Letters, 2008.
    """
    if stretch:
        t = stretched(t)
    if _without_levels(t):
        return math.nan
    return 2.0 * sum(_normalised_information(t, source) for source in SOURCES)


def qte(
    t: Triple,
    *,
    order: float = NAVA,
    normalised: bool = True,
    swapped_marginals: bool = False,
    stretch: bool = False,
) -> float:
    """Compute the mutual information by Tsallis' entropy, ``[T(a, f) + T(b, f)] / [H(a)^q + H(b)^q + T(a, b)]``.

    ``T(x, y) = (1 - sum_ij h_ij^q / (p_i p_j)^(q-1)) / (1 - q)`` with the joint histogram h and its marginals p.

    Args:
        t: Images 0..255.
        order: q, above 0 and other than 1.
        normalised: Divide as above; otherwise the numerator alone, as Cvejic et al. proposed with q = 1.85.
        swapped_marginals: Take ``p_y(i) p_x(j)`` for the level i of x and j of y. An error of one published program,
            for its protocol only: the score then depends on the levels' names.
        stretch: Stretch each image to 0..255 first; a constant image other than 0 then scores NaN.

    Returns:
        At least 0, higher is better; 0 where both sources are constant and hold no information.

    References:
        Cvejic, Canagarajah, Bull, "Image fusion metric based on mutual information and Tsallis entropy", Electronics
        Letters, 2006. Nava, Cristóbal, Escalante-Ramírez, "Mutual information improves image fusion quality
        assessments", SPIE Newsroom, 2007.
    """
    if stretch:
        t = stretched(t)
    if _without_levels(t):
        return math.nan

    transferred = sum(_tsallis_information(t, source, "fused", order, swapped_marginals) for source in SOURCES)
    if not normalised:
        return transferred

    entropies = sum(level_entropy(t, source) ** order for source in SOURCES)
    available = entropies + _tsallis_information(t, "a", "b", order, swapped_marginals)
    return transferred / available if available else 0.0


def qncie(t: Triple, *, stretch: bool = False) -> float:
    """Compute the nonlinear correlation information entropy, ``1 + sum (l/3) log256(l/3)``.

    The l are the eigenvalues of the 3×3 matrix of nonlinear correlations ``I(x, y) / 8 bits`` between both sources and
    the fused image, with ones on the diagonal.

    Args:
        t: Images 0..255.
        stretch: Stretch each image to 0..255 first; a constant image other than 0 then scores NaN.

    Returns:
        0.802 (``1 - log256 3``: all independent, also where all are constant) to 1, higher is better.

    References:
        Wang, Shen, Jin, "Performance evaluation of image fusion techniques", in: Image Fusion: Algorithms and
        Applications, 2008.
    """
    if stretch:
        t = stretched(t)
    if _without_levels(t):
        return math.nan

    a_b = level_information(t, "a", "b") / BITS
    a_fused = level_information(t, "a", "fused") / BITS
    b_fused = level_information(t, "b", "fused") / BITS
    correlations = np.array([[1.0, a_b, a_fused], [a_b, 1.0, b_fused], [a_fused, b_fused, 1.0]])

    eigenvalues = np.maximum(np.linalg.eigvalsh(correlations), 0.0)  # rounding may leave one just below 0
    return 1.0 - shannon_entropy(eigenvalues) / BITS


def _without_levels(t: Triple) -> bool:
    # a constant image, stretched, is NaN everywhere
    return any(np.isnan(image[0, 0]) for image in t.images)


def _normalised_information(t: Triple, source: ImageName) -> float:
    # at most 1/2; two constant images have no entropy and count as equal
    total = level_entropy(t, source) + level_entropy(t, "fused")
    return level_information(t, source, "fused") / total if total else 0.5


def _tsallis_information(t: Triple, x: ImageName, y: ImageName, order: float, swapped_marginals: bool) -> float:
    joint = joint_histogram(t, x, y)
    rows = joint.sum(axis=1)
    columns = joint.sum(axis=0)
    independent = np.outer(columns, rows) if swapped_marginals else np.outer(rows, columns)

    # elsewhere the sum has no term, or with swapped marginals an infinite one, which the program leaves out
    counted = (joint > 0) & (independent > 0)
    size = float(joint.sum())
    h = joint[counted] / size
    p = independent[counted] / size**2
    return float((1.0 - (h**order * p ** (1.0 - order)).sum()) / (1.0 - order))


_NATS = partial(mutual_information, base=math.e)
_SWAPPED = "marginal histograms swapped, images stretched to 0..255"

ROWS = (
    Metric(
        name="MI",
        title="mutual information with the sources, sum",
        higher_is_better=True,
        range=(0.0, 16.0),
        unit="bit",
        reference="Qu, Zhang, Yan, Electron. Lett. 2002",
        protocols={
            **same("standard zoo", Rule(mutual_information)),
            "cddfuse": Rule(_NATS, "in nats"),
            "vifb": Rule(_NATS, "in nats", program_name="Mutinf"),
            **same(
                "tang tang-table",
                Rule(partial(mutual_information, joint_levels=255), "levels 254 and 255 share a joint bin", bug=True),
            ),
        },
    ),
    Metric(
        name="QMI",
        title="mutual information, normalised",
        higher_is_better=True,
        range=(0.0, 2.0),
        unit="",
        reference="Hossny, Nahavandi, Creighton, Electron. Lett. 2008",
        protocols={
            "standard": Rule(qmi),
            "liu": Rule(partial(qmi, stretch=True), "images stretched to 0..255"),
        },
    ),
    Metric(
        name="NMI",
        title="mutual information over the sources' entropies",
        higher_is_better=True,
        range=(0.0, 2.0),
        unit="",
        reference="Liu et al., IEEE TPAMI 2025",
        protocols={"zoo": Rule(zoo.normalised_information)},
    ),
    Metric(
        name="QTE",
        title="mutual information by Tsallis entropy, normalised",
        higher_is_better=True,
        range=(0.0, math.inf),
        unit="",
        reference="Nava, Cristóbal, Escalante-Ramírez, SPIE Newsroom 2007",
        protocols={
            "standard": Rule(qte),
            "liu": Rule(partial(qte, swapped_marginals=True, stretch=True), _SWAPPED, bug=True),
        },
    ),
    Metric(
        name="QTE_cvejic",
        title="mutual information by Tsallis entropy of order 1.85",
        higher_is_better=True,
        range=(0.0, math.inf),
        unit="",
        reference="Cvejic, Canagarajah, Bull, Electron. Lett. 2006",
        protocols={
            "standard": Rule(partial(qte, order=CVEJIC, normalised=False)),
            "liu": Rule(
                partial(qte, order=CVEJIC, normalised=False, swapped_marginals=True, stretch=True), _SWAPPED, bug=True
            ),
        },
    ),
    Metric(
        name="QNCIE",
        title="nonlinear correlation information entropy",
        higher_is_better=True,
        range=(0.8018, 1.0),
        unit="",
        reference="Wang, Shen, Jin, in: Image Fusion, 2008",
        protocols={
            "standard": Rule(qncie),
            "liu": Rule(partial(qncie, stretch=True), "images stretched to 0..255"),
            "zoo": Rule(zoo.correlation_entropy, "of Pearson's correlations", bug=True),
        },
    ),
)
