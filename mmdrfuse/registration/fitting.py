"""The matrix that evidence prefers: mean shift on the sum of all surfaces.

A change of the matrix is described by how it displaces the corners of the infrared, seen in the visible picture.
Surfaces are blurred first, and less and less; the step follows their gradient, as mean shift does (Comaniciu, Meer,
"Mean shift", IEEE TPAMI 2002). Simple models come first, and hold the others near.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mmdrfuse.registration.evidence import Evidence, Scale, Sides, correlate, sampled
from mmdrfuse.registration.projective import Matrix, Points, corners, from_corners, transformed
from mmdrfuse.registration.result import MODELS, Model

RIDGE = 0.002
"""Pull towards no change of shear and stretch; twice as much of tilt. More of it biases strong tilts by pixels."""
LONGER = 1.7
"""Steps are longer than mean shift's: the surfaces' peaks are narrower than the blur."""
ITERATIONS = 15


def solve(
    evidence: Evidence,
    corner_points: Points,
    models: Sequence[Model],
    blurs: Sequence[float],
    start: Points | None = None,
) -> Points:
    """Find the displacement of the corners at which the surfaces add up to most.

    Args:
        evidence: Around the present matrix.
        corner_points: (4, 2), the infrared's corners in the visible picture under the present matrix.
        models: One after the other.
        blurs: Of the surfaces, steps, one after the other for each model.
        start: (4, 2), a displacement to begin at.

    Returns:
        (4, 2), visible pixels.
    """
    influence = influences(evidence.points, corner_points)
    base = np.maximum(evidence.surfaces - evidence.surfaces.mean(axis=(1, 2), keepdims=True), 0)
    displacement = np.zeros(8) if start is None else start.ravel().copy()
    for model, blur in product(models, blurs):
        surfaces = ndimage.gaussian_filter(base, (0, blur, blur), mode="mirror", truncate=3.0)
        basis = _basis(model, corner_points)
        displacement = _mean_shift(evidence, surfaces, blur, basis, influence, displacement)
    return displacement.reshape(4, 2)


def _mean_shift(
    evidence: Evidence,
    surfaces: NDArray[np.float32],
    blur: float,
    basis: NDArray[np.float64],
    influence: NDArray[np.float64],
    displacement: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Walk up the sum of the surfaces within one model."""
    down, across = np.gradient(surfaces, axis=(1, 2))
    all_three = np.concatenate([surfaces, across, down]).astype(np.float32)
    motions = np.einsum("pc,ckb->pkb", influence, basis.reshape(4, 2, -1))  # (P, 2, B)
    ridge = np.zeros(basis.shape[1])
    ridge[4:6] = RIDGE
    ridge[6:] = 2 * RIDGE

    total = np.zeros(basis.shape[1])
    for _ in range(ITERATIONS):
        shifts = influence @ (displacement + basis @ total).reshape(4, 2) / evidence.step
        inside = (np.abs(shifts) <= evidence.reach).all(axis=1)
        trust = inside * evidence.weights
        height, *slopes = np.split(sampled(all_three, np.tile(shifts, (3, 1))), 3)
        height = height * trust + 1e-6
        slope = np.stack(slopes, axis=1) * (trust[:, None] * blur**2 * evidence.step)

        pull = ridge * height.sum()
        normal = np.einsum("pkb,p,pkc->bc", motions, height, motions) + np.diag(pull)
        normal += 1e-9 * np.trace(normal) * np.eye(len(ridge))
        change = LONGER * np.linalg.solve(normal, np.einsum("pkb,pk->b", motions, slope) - pull * total)
        total += change
        if np.abs(basis @ change).max() < 0.02 * evidence.step:
            break
    return displacement + basis @ total


def influences(points: Points, corner_points: Points) -> NDArray[np.float64]:
    """Return how much each corner's displacement moves each point, (P, 4): bilinear within the infrared's square."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    u, v = transformed(from_corners(corner_points, square), points).T
    return np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)


def _basis(model: Model, corner_points: Points) -> NDArray[np.float64]:
    """Return the displacements of the corners that a model allows, as columns, (8, B)."""
    off = corner_points - corner_points.mean(axis=0)
    x, y = (off / np.abs(off).max()).T
    one, zero = np.ones(4), np.zeros(4)
    columns = [(one, zero), (zero, one), (x, y), (-y, x), (x, -y), (y, x), (x * y, zero), (zero, x * y)]
    count = {"shift": 2, "similarity": 4, "affine": 6, "homography": 8}[model]
    return np.stack([np.stack(column, axis=1).ravel() for column in columns[:count]], axis=1)


Stage = tuple[Scale, tuple[Model, ...], int]
"""How closely to look, the models one after the other, and how often at most."""


def stages(model: Model) -> tuple[Stage, ...]:
    """Return the way from a pose to a fine matrix under a model.

    The last model is repeated until it stands still: strong tilts are found step by step.
    """
    allowed = MODELS[: MODELS.index(model) + 1]
    early = tuple(one for one in allowed if one != "homography")
    middle = tuple(one for one in allowed if one != "shift") or allowed
    late = allowed[-2:]
    return (
        (Scale(256, 64, 20), early, 1),
        (Scale(256, 64, 16), middle, 4),
        (Scale(512, 96, 14), late, 2),
        (Scale(512, 80, 8), allowed[-1:], 3),
    )


def refined(pairs: Sequence[Sides], matrix: Matrix, ways: Sequence[Stage]) -> Matrix:
    """Refine a matrix on pairs of one rig, stage by stage.

    Args:
        pairs: Of one rig.
        matrix: From infrared to visible pixels.
        ways: As `stages` returns them.
    """
    source = corners(pairs[0].infrared.shape)
    for scale, models, times in ways:
        blurs = (3.0, 1.5) if scale.reach > 10 else (2.0, 1.0)
        for _ in range(times):
            evidence = correlate(pairs, matrix, scale)
            if evidence is None:
                return matrix
            target = transformed(matrix, source)
            change = solve(evidence, target, models, blurs)
            matrix = from_corners(source, target + change)
            if np.linalg.norm(change, axis=1).mean() < 0.3 * evidence.step:
                break
    return matrix
