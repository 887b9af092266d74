"""How far each pair of a recording is from the matrix of its rig."""

from collections.abc import Sequence

import numpy as np

from mmdrfuse.registration.evidence import Scale, Sides, correlate
from mmdrfuse.registration.fitting import influences, solve
from mmdrfuse.registration.gate import peak, stacked
from mmdrfuse.registration.projective import Matrix, Points, corners, transformed

CLEAR = 6.0
"""Height of the stacked peak at a pair's own fit, in standard deviations of the background, that is believed."""

_SCALE = Scale(256, 64, 20)


def displacement(pair: Sides, matrix: Matrix) -> Points | None:
    """Return how a pair's own fit displaces the infrared's corners from where a matrix has them, visible pixels.

    The fit starts at the matrix and reaches about 8 % of the visible's width.

    Returns:
        (4, 2); None where the pair's own evidence is too weak to say.
    """
    evidence = correlate([pair], matrix, _SCALE)
    if evidence is None:
        return None
    target = transformed(matrix, corners(pair.infrared.shape))
    fit = solve(evidence, target, ("shift", "similarity"), (4.0, 2.0))
    shift = influences(evidence.points, target) @ fit
    if peak(stacked(evidence, shift)) < CLEAR:
        return None
    return fit


def lengths(displacements: Sequence[Points | None]) -> tuple[float | None, ...]:
    """Return the mean distance of the corners of each displacement; None where there is none."""
    return tuple(None if one is None else float(np.linalg.norm(one, axis=1).mean()) for one in displacements)


def drift(displacements: Sequence[Points | None]) -> float | None:
    """Return how far the last third of a recording lies from its first third, visible pixels; None if unclear.

    Args:
        displacements: Of the pairs in the order of time; None where unclear.
    """
    third = -(-len(displacements) // 3)
    ends = [[one for one in part if one is not None] for part in (displacements[:third], displacements[-third:])]
    if len(displacements) < 3 or not all(ends):
        return None
    first, last = (np.median(np.stack(part), axis=0) for part in ends)
    return float(np.linalg.norm(last - first, axis=1).mean())
