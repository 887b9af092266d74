"""How far each pair of a recording is from the matrix of its rig."""

from collections.abc import Sequence

import numpy as np

from mmdrfuse.registration.evidence import Evidence, Scale, Sides, correlate, sampled
from mmdrfuse.registration.fitting import influences, solve
from mmdrfuse.registration.gate import peak, stacked
from mmdrfuse.registration.projective import Matrix, Points, corners, transformed

CLEAR = 6.0
"""Height of the stacked peak at a pair's own fit, in standard deviations of the background, that is believed."""

_SCALE = Scale(256, 64, 20)


def residual(pair: Sides, matrix: Matrix) -> float | None:
    """Return how far a pair's own fit is from a matrix: the mean distance of the corners, visible pixels.

    The fit starts at the matrix and reaches about 8 % of the visible's width.

    Returns:
        None where the pair's own evidence is too weak to say.
    """
    evidence = correlate([pair], matrix, _SCALE)
    if evidence is None:
        return None
    target = transformed(matrix, corners(pair.infrared.shape))
    fit = solve(evidence, target, ("shift", "similarity"), (4.0, 2.0))
    shift = influences(evidence.points, target) @ fit
    if peak(stacked(evidence, shift)) < CLEAR:
        return None
    return float(np.linalg.norm(fit, axis=1).mean())


def residuals(pairs: Sequence[Sides], matrix: Matrix) -> list[float | None]:
    """Return the residual of each pair."""
    return [residual(pair, matrix) for pair in pairs]


def agreement(evidence: Evidence, corner_points: Points, displacement: Points) -> float:
    """Return the mean height of the surfaces at a displacement of the corners, in each surface's standard deviations.

    Args:
        evidence: P patches.
        corner_points: (4, 2), the infrared's corners in the visible picture.
        displacement: (4, 2), visible pixels.
    """
    shifts = influences(evidence.points, corner_points) @ displacement / evidence.step
    heights = sampled(evidence.surfaces, shifts)
    spread = evidence.surfaces.std(axis=(1, 2)) + 1e-6
    return float(((heights - evidence.surfaces.mean(axis=(1, 2))) / spread).mean())
