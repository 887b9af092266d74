"""What the fused image tells of its sources, by entropies of gray levels: Q_MI, Q_TE, Q_NCIE.

Every probability is a share of pixels; values between two of the 256 levels count for the nearest. Q_MI and Q_NCIE ask
only which pixels share a level, so they do not change when the levels of an image are renamed. None of the three
depends on where the pixels lie: flips and transposition change nothing, nor does the order of the sources.
"""

import numpy as np
from scipy.special import xlogy

from mmdrfuse.metrics.blocks import stretch255
from mmdrfuse.metrics.triple import Plane

LEVELS = 256
# log2(LEVELS): dividing bits by it gives the logarithm to base 256
BITS = 8.0
# Orders of Tsallis' entropy: Nava, Cristóbal, Escalante-Ramírez 2007; Cvejic, Canagarajah, Bull 2006.
NAVA = 0.43137
CVEJIC = 1.85


def qmi(fused: Plane, a: Plane, b: Plane, *, stretch: bool = False) -> float:
    """Normalised mutual information, ``2 [I(a, f) / (H(a) + H(f)) + I(b, f) / (H(b) + H(f))]``.

    Args:
        fused: Fused image, (H, W), values 0..255.
        a: First source, like `fused`.
        b: Second source, like `fused`.
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
        fused, a, b = stretch255(fused), stretch255(a), stretch255(b)
    return 2.0 * sum(_shared_part(_joint(source, fused)) for source in (a, b))


def qte(
    fused: Plane,
    a: Plane,
    b: Plane,
    *,
    order: float = NAVA,
    normalised: bool = True,
    swapped_marginals: bool = False,
    stretch: bool = False,
) -> float:
    """Mutual information by Tsallis' entropy of order q, ``[T(a, f) + T(b, f)] / [H(a)^q + H(b)^q + T(a, b)]``.

    ``T(x, y) = (1 - sum_ij h_ij^q / (p_i p_j)^(q-1)) / (1 - q)`` with the joint histogram h and its marginals p.

    Args:
        fused: Fused image, (H, W), values 0..255.
        a: First source, like `fused`.
        b: Second source, like `fused`.
        order: q, other than 1.
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
        fused, a, b = stretch255(fused), stretch255(a), stretch255(b)
    joints = _joint(a, fused), _joint(b, fused)
    told = sum(_tsallis(joint, order, swapped_marginals) for joint in joints)
    if not normalised:
        return told
    entropies = sum(_entropy(joint.sum(axis=1)) ** order for joint in joints)
    possible = entropies + _tsallis(_joint(a, b), order, swapped_marginals)
    return told / possible if possible else 0.0


def qncie(fused: Plane, a: Plane, b: Plane, *, stretch: bool = False) -> float:
    """Nonlinear correlation information entropy, ``1 + sum (l/3) log256(l/3)``.

    The l are the eigenvalues of the 3×3 matrix of nonlinear correlations ``I(x, y) / 8 bits`` between both sources and
    the fused image, with ones on the diagonal.

    Args:
        fused: Fused image, (H, W), values 0..255.
        a: First source, like `fused`.
        b: Second source, like `fused`.
        stretch: Stretch each image to 0..255 first; a constant image other than 0 then gives NaN.

    Returns:
        0.802 (``1 - log256 3``: all independent, also where all are constant) to 1, higher is better.

    References:
        Wang, Shen, Jin, "Performance evaluation of image fusion techniques", in: Image Fusion: Algorithms and
        Applications, 2008.
    """
    if stretch:
        fused, a, b = stretch255(fused), stretch255(a), stretch255(b)
    correlations = np.eye(3)
    for row, column, x, y in ((0, 1, a, b), (0, 2, a, fused), (1, 2, b, fused)):
        correlations[row, column] = correlations[column, row] = _information(_joint(x, y)) / BITS
    if np.isnan(correlations).any():
        return float("nan")
    eigenvalues = np.maximum(np.linalg.eigvalsh(correlations), 0.0)  # rounding may leave one just below 0
    return 1.0 - _entropy(eigenvalues) / BITS


def _joint(x: Plane, y: Plane) -> Plane:
    # pixels with each pair of levels; row: level of x, column: level of y
    if np.isnan(x[0, 0]) or np.isnan(y[0, 0]):  # a constant image, stretched
        return np.full((LEVELS, LEVELS), np.nan)
    pairs = np.floor(x + 0.5) * LEVELS + np.floor(y + 0.5)
    counts = np.bincount(pairs.astype(np.int64).ravel(), minlength=LEVELS * LEVELS)
    return counts.reshape(LEVELS, LEVELS).astype(np.float64)


def _entropy(counts: Plane) -> float:
    shares = counts / counts.sum()
    return float(-xlogy(shares, shares).sum() / np.log(2.0)) + 0.0  # + 0.0: 0 bits, not -0


def _information(joint: Plane) -> float:
    return _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0)) - _entropy(joint)


def _shared_part(joint: Plane) -> float:
    total = _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0))
    return _information(joint) / total if total else 0.5


def _tsallis(joint: Plane, order: float, swapped_marginals: bool) -> float:
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    independent = np.outer(columns, rows) if swapped_marginals else np.outer(rows, columns)
    possible = independent != 0.0
    size = joint.sum()
    shares, independent = joint[possible] / size, independent[possible] / size**2
    return float((1.0 - (shares**order * independent ** (1.0 - order)).sum()) / (1.0 - order))
