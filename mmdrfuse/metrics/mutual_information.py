"""What the fused image tells of its sources, by entropies of gray levels: MI, Q_MI, Q_TE, Q_NCIE.

Every probability is a share of pixels; values between two of the 256 levels count for the nearest. Q_MI and Q_NCIE ask
only which pixels share a level, so they do not change when the levels of an image are renamed. None of the four
depends on where the pixels lie: flips and transposition change nothing, nor does the order of the sources.
"""

import math
from functools import partial

import numpy as np

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.filters import stretched
from mmdrfuse.metrics.shared.histograms import LEVELS, joint_histogram, level_entropy, shannon, shared_entropy
from mmdrfuse.metrics.shared.triple import Triple

# log2 of the number of levels: dividing bits by it gives the logarithm to base 256
BITS = 8.0
# Orders of Tsallis' entropy: Nava, Cristóbal, Escalante-Ramírez 2007; Cvejic, Canagarajah, Bull 2006.
NAVA = 0.43137
CVEJIC = 1.85


def mutual_information(t: Triple, *, base: float = 2.0, joint_levels: int = LEVELS) -> float:
    """What the fused image tells of each source, ``I(a, f) + I(b, f)``, with ``I(x, f) = H(x) + H(f) - H(x, f)``.

    Args:
        t: Images 0..255.
        base: Base of the logarithm: 2 for bits, e for nats.
        joint_levels: Levels that the joint histogram keeps apart; higher ones fall into its last bin. Fewer than 256
            is an error of one published program, kept for its protocol: the marginals keep all 256.

    Returns:
        0 (independent) to ``H(a) + H(b)``.

    References:
        Qu, Zhang, Yan, "Information measure for performance of image fusion", Electronics Letters, 2002.
    """
    bits = sum(shared_entropy(t, source, "fused", joint_levels=joint_levels) for source in ("a", "b"))
    return bits / math.log2(base)


def qmi(t: Triple, *, stretch: bool = False) -> float:
    """Normalised mutual information, ``2 [I(a, f) / (H(a) + H(f)) + I(b, f) / (H(b) + H(f))]``.

    Args:
        t: Images 0..255.
        stretch: Stretch each image to 0..255 first. Changes nothing on whole numbers, but a constant image other than
            0 then has no levels and the result is NaN: kept for the protocol of the program that does so.

    Returns:
        0 (independent) to 2 (each source tells the fused image and is told by it), higher is better. Two constant
        images count as telling each other.

    References:
        Hossny, Nahavandi, Creighton, "Comments on 'Information measure for performance of image fusion'", Electronics
        Letters, 2008.
    """
    if stretch:
        t = stretched(t)
    if _without_levels(t):
        return math.nan
    return 2.0 * sum(_shared_part(t, source) for source in ("a", "b"))


def qte(
    t: Triple,
    *,
    order: float = NAVA,
    normalised: bool = True,
    swapped_marginals: bool = False,
    stretch: bool = False,
) -> float:
    """Mutual information by Tsallis' entropy of order q, ``[T(a, f) + T(b, f)] / [H(a)^q + H(b)^q + T(a, b)]``.

    ``T(x, y) = (1 - sum_ij h_ij^q / (p_i p_j)^(q-1)) / (1 - q)`` with the joint histogram h and its marginals p.

    Args:
        t: Images 0..255.
        order: q, above 0 and other than 1.
        normalised: Divide as above; otherwise the numerator alone, as Cvejic et al. proposed with q = 1.85.
        swapped_marginals: Take ``p_y(i) p_x(j)`` for the level i of x and j of y. An error of one published program,
            kept for its protocol: the score then hangs on the levels' names.
        stretch: Stretch each image to 0..255 first; a constant image other than 0 then gives NaN.

    Returns:
        At least 0, higher is better; 0 where both sources are constant: there is nothing to tell.

    References:
        Cvejic, Canagarajah, Bull, "Image fusion metric based on mutual information and Tsallis entropy", Electronics
        Letters, 2006. Nava, Cristóbal, Escalante-Ramírez, "Mutual information improves image fusion quality
        assessments", SPIE Newsroom, 2007.
    """
    if stretch:
        t = stretched(t)
    if _without_levels(t):
        return math.nan
    told = sum(_tsallis(t, source, "fused", order, swapped_marginals) for source in ("a", "b"))
    if not normalised:
        return told
    entropies = sum(level_entropy(t, source) ** order for source in ("a", "b"))
    possible = entropies + _tsallis(t, "a", "b", order, swapped_marginals)
    return told / possible if possible else 0.0


def qncie(t: Triple, *, stretch: bool = False) -> float:
    """Nonlinear correlation information entropy, ``1 + sum (l/3) log256(l/3)``.

    The l are the eigenvalues of the 3×3 matrix of nonlinear correlations ``I(x, y) / 8 bits`` between both sources and
    the fused image, with ones on the diagonal.

    Args:
        t: Images 0..255.
        stretch: Stretch each image to 0..255 first; a constant image other than 0 then gives NaN.

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
    correlations = np.eye(3)
    for row, column, x, y in ((0, 1, "a", "b"), (0, 2, "a", "fused"), (1, 2, "b", "fused")):
        correlations[row, column] = correlations[column, row] = shared_entropy(t, x, y) / BITS
    eigenvalues = np.maximum(np.linalg.eigvalsh(correlations), 0.0)  # rounding may leave one just below 0
    return 1.0 - shannon(eigenvalues) / BITS


def _without_levels(t: Triple) -> bool:
    # a constant image, stretched, is NaN everywhere
    return any(np.isnan(image[0, 0]) for image in t.images)


def _shared_part(t: Triple, source: str) -> float:
    total = level_entropy(t, source) + level_entropy(t, "fused")
    return shared_entropy(t, source, "fused") / total if total else 0.5


def _tsallis(t: Triple, x: str, y: str, order: float, swapped_marginals: bool) -> float:
    joint = joint_histogram(t, x, y)
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    independent = np.outer(columns, rows) if swapped_marginals else np.outer(rows, columns)
    possible = (joint > 0) & (independent > 0)
    size = float(joint.sum())
    shares, independent = joint[possible] / size, independent[possible] / size**2
    return float((1.0 - (shares**order * independent ** (1.0 - order)).sum()) / (1.0 - order))


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
            "standard": Rule(mutual_information),
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
        },
    ),
)
