"""How far one pair of a rig is off the rig's matrix, as a shift of the whole picture.

Two cameras beside each other see near things at other places than far ones (parallax), and mounts tremble. Most of
that moves whole pictures. The matrix of the rig stays, and a shift goes after it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.registration.evidence import Scale, Sides, correlate
from mmdrfuse.registration.fields import FLAT
from mmdrfuse.registration.fitting import influences, solve
from mmdrfuse.registration.gate import peak, stacked
from mmdrfuse.registration.inputs import checked
from mmdrfuse.registration.projective import Matrix, corners, transformed, translation
from mmdrfuse.registration.residuals import CLEAR

LARGEST = 0.02
"""Share of the visible's width by which a pair is moved at most."""

_SCALE, _FINE = Scale(256, 64, 20), Scale(512, 80, 8)


@dataclass(frozen=True)
class PairShift:
    """How a pair is moved after its rig's matrix.

    Args:
        right: Visible pixels; 0 where the pair is not moved.
        down: The same.
        evidence: Height of the stacked peak at the pair's own shift, in standard deviations of the background.
    """

    right: float = 0.0
    down: float = 0.0
    evidence: float = 0.0


def pair_shift(infrared: NDArray[Any], visible: NDArray[Any], matrix: NDArray[np.float64]) -> PairShift:
    """Measure the shift by which a pair agrees best, near where its rig's matrix has it.

    Args:
        infrared: H×W or H×W×3, of any range.
        visible: The same; it may have another size.
        matrix: 3×3, from infrared to visible pixels.

    Returns:
        No shift where the evidence is below `mmdrfuse.registration.residuals.CLEAR`, or the shift beyond `LARGEST`.

    Raises:
        InputError: A picture is none, or holds values that are not numbers.
    """
    given = checked(infrared, visible)
    before, after = given.shrinking
    inner = after @ matrix @ np.linalg.inv(before)
    pair = given.pairs[0]
    if min(pair.infrared.std(), pair.visible.std()) <= FLAT:
        return PairShift()
    coarse, evidence = _shift(pair, inner, _SCALE, (4.0, 2.0))
    if evidence < CLEAR:
        return PairShift(evidence=evidence)
    fine, _ = _shift(pair, translation(*coarse) @ inner, _FINE, (2.0, 1.0))
    total = coarse + fine
    if np.linalg.norm(total) > LARGEST * pair.visible.shape[1]:
        return PairShift(evidence=evidence)
    right, down = (total / after[0, 0]).tolist()
    return PairShift(round(right, 3), round(down, 3), evidence)


def _shift(pair: Sides, matrix: Matrix, scale: Scale, blurs: tuple[float, ...]) -> tuple[NDArray[np.float64], float]:
    """Return the shift that all patches together prefer, visible pixels, and the height of their peak there."""
    evidence = correlate([pair], matrix, scale)
    if evidence is None:
        return np.zeros(2), 0.0
    target = transformed(matrix, corners(pair.infrared.shape))
    fit = solve(evidence, target, ("shift",), blurs)
    height = peak(stacked(evidence, influences(evidence.points, target) @ fit))
    return fit.mean(axis=0), round(height, 2)
