"""Whether a matrix is to be believed: by evidence that was not fitted, and by what real cameras look like.

A wrong fit is consistent with itself on flat surfaces: residuals, correlation and agreement of patches do not tell it
from a right one. So the patches are split like a chessboard, one half is fitted and the other half's surfaces are
stacked at that fit: a right fit piles up a peak of patches that it has never seen. And the whole small pictures must
agree under the matrix far better than at other poses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mmdrfuse.registration.evidence import Evidence, Scale, Sides, correlate, sampled
from mmdrfuse.registration.fitting import influences, solve
from mmdrfuse.registration.poses import Landscape
from mmdrfuse.registration.projective import Matrix, Points, corners, transformed, view_of
from mmdrfuse.registration.result import MODELS, Model

SCALE = Scale(320, 64, 24)
"""How closely the judge looks."""
NEEDED = 7.5
"""Confidence from which a matrix is believed. On the half of the pairs that it was chosen on
(`benchmarks/align.py --half tune`), the largest of 250 wrong pairs had 7.3, or 6.2 with a plausible matrix, and 94 % of
the right ones had more than is needed."""
SET = 5
"""Pairs from which on they are judged as a set."""
NEEDED_OF_SETS = 8.0
"""Height and confidence from which a set is believed: wrong sets have heights of at most 6, right ones 14 to 29."""

_NEAR, _FAR = 3, 6
"""Steps within which a stacked peak must lie, and beyond which a stack is background."""


@dataclass(frozen=True)
class Judgement:
    """What speaks for a matrix.

    Args:
        height: Correlation of the whole small pictures, in standard deviations over all poses and shifts.
        stacked: Height of the peak of all patches, in standard deviations of the background.
        held_out: The smaller of both halves' peaks, each stacked at the other half's fit.
        halves: Mean distance of the corners between both halves' fits, visible pixels.
    """

    height: float
    stacked: float = 0.0
    held_out: float = 0.0
    halves: float = float("inf")

    @property
    def confidence(self) -> float:
        """√(height · held-out evidence), where evidence is the weaker of the two peaks of patches."""
        evidence = min(self.stacked, self.held_out)
        return float(np.sqrt(max(self.height, 0.0) * max(evidence, 0.0)))


def judge(pairs: Sequence[Sides], matrix: Matrix, landscape: Landscape) -> Judgement:
    """Judge a matrix by the whole pictures, and by patches that did not fit it."""
    height = landscape.height(matrix)
    evidence = correlate(pairs, matrix, SCALE)
    if evidence is None or len(evidence) < 10:
        return Judgement(height)
    target = transformed(matrix, corners(pairs[0].infrared.shape))
    influence = influences(evidence.points, target)
    fits: list[Points] = []
    heights: list[float] = []
    for half, other in _halves(evidence):
        fit = solve(evidence.only(half), target, ("shift", "similarity", "affine"), (4.0, 2.0))
        fits.append(fit)
        heights.append(peak(stacked(evidence.only(other), influence[other] @ fit)))
    whole = peak(stacked(evidence, np.zeros((len(evidence), 2))))
    apart = float(np.linalg.norm(fits[0] - fits[1], axis=1).mean())
    return Judgement(height, whole, min(heights), apart)


def simplest(pairs: Sequence[Sides], matrix: Matrix) -> Model:
    """Return the simplest model that explains held-out patches as well as a homography.

    Each model is fitted to one half of the patches and valued by the other half's surfaces at its fit, both ways. A
    simpler model is taken where what the patches gain from the best one is within two standard errors of nothing.
    """
    evidence = correlate(pairs, matrix, SCALE)
    if evidence is None:
        return "similarity"
    values = {model: _held_out_values(evidence, pairs[0].infrared.shape, matrix, model) for model in MODELS}
    best = max(MODELS, key=lambda model: float(values[model].mean()))
    for model in MODELS:
        gain = values[best] - values[model]
        if model == best or gain.mean() <= 2 * gain.std() / np.sqrt(len(gain)):
            return model
    return best


def plausible(matrix: Matrix, infrared: tuple[int, ...], visible: tuple[int, ...], view: tuple[float, float]) -> bool:
    """Return whether two cameras side by side could have this matrix: no mirror, no strong shear, tilt or turn.

    Args:
        matrix: From infrared to visible pixels.
        infrared: Shape of the infrared.
        visible: Shape of the visible.
        view: Narrowest and widest view of the infrared, as a share of the visible's width.
    """
    placed = transformed(matrix, corners(infrared))
    if not np.isfinite(placed).all():
        return False
    top, right, bottom, left = (placed[(side + 1) % 4] - placed[side] for side in range(4))
    lengths = [float(np.linalg.norm(side)) for side in (top, bottom, left, right)]
    turns = [float(one[0] * other[1] - one[1] * other[0]) for one, other in
             ((top, right), (right, bottom), (bottom, left), (left, top))]  # fmt: skip
    if min(lengths) < 1 or min(turns) <= 0:
        return False

    across = (lengths[0] + lengths[1]) / 2 / (infrared[1] - 1)
    down = (lengths[2] + lengths[3]) / 2 / (infrared[0] - 1)
    width, height = top - bottom, right - left
    shear = abs(float(width @ height)) / float(np.linalg.norm(width) * np.linalg.norm(height))
    turn = abs(float(np.degrees(np.arctan2(width[1], width[0]))))
    tilt = max(abs(np.log(lengths[0] / lengths[1])), abs(np.log(lengths[2] / lengths[3])))
    share = view_of(matrix, infrared, visible)
    return bool(
        0.95 * view[0] < share < 1.08 * view[1]
        and abs(np.log(across / down)) < 0.2
        and shear < 0.25
        and tilt < 0.3
        and turn < 9
    )


def stacked(evidence: Evidence, displacement: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of all surfaces, each moved so that its patch's displacement comes to the middle.

    Args:
        evidence: P patches.
        displacement: (P, 2), visible pixels.
    """
    total = np.zeros(evidence.surfaces.shape[1:])
    for surface, (across, down) in zip(evidence.surfaces, displacement / evidence.step, strict=True):
        total += ndimage.shift(surface, (-down, -across), order=1, mode="mirror")
    return total / len(evidence)


def peak(stack: NDArray[np.float64]) -> float:
    """Return the height of the peak at the middle, in standard deviations of the background."""
    middle = stack.shape[0] // 2
    near = slice(middle - _NEAR, middle + _NEAR + 1)
    down, across = np.mgrid[-middle : middle + 1, -middle : middle + 1]
    far = stack[np.hypot(down, across) > _FAR]
    return float((stack[near, near].max() - far.mean()) / (far.std() + 1e-6))


def _halves(evidence: Evidence) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Split the patches like a chessboard, both ways."""
    white = evidence.places.sum(axis=1) % 2 == 0
    return [(white, ~white), (~white, white)]


def _held_out_values(
    evidence: Evidence, infrared: tuple[int, ...], matrix: Matrix, model: Model
) -> NDArray[np.float64]:
    """Return each patch's surface at the fit of the other half under a model."""
    source = corners(infrared)
    target = transformed(matrix, source)
    start = projected(source, target, model) - target
    influence = influences(evidence.points, target)
    values = np.zeros(len(evidence))
    allowed = MODELS[: MODELS.index(model) + 1]
    smooth = ndimage.gaussian_filter(evidence.surfaces, (0, 1, 1), mode="mirror")
    for half, other in _halves(evidence):
        fit = solve(evidence.only(half), target, allowed, (3.0, 1.5), start)
        values[other] = sampled(smooth[other], influence[other] @ fit / evidence.step)
    return values


def projected(source: NDArray[np.float64], target: NDArray[np.float64], model: Model) -> NDArray[np.float64]:
    """Return where the nearest matrix of a model takes four corners, by least squares."""
    if model == "homography":
        return target
    x, y = source.T
    one, zero = np.ones(4), np.zeros(4)
    columns = {
        "shift": [(one, zero), (zero, one)],
        "similarity": [(one, zero), (zero, one), (x, y), (-y, x)],
        "affine": [(one, zero), (zero, one), (x, zero), (y, zero), (zero, x), (zero, y)],
    }[model]
    rows = np.stack([np.stack(column, axis=1).ravel() for column in columns], axis=1)
    fixed = source if model == "shift" else np.zeros_like(source)
    solution, *_ = np.linalg.lstsq(rows, (target - fixed).ravel(), rcond=None)
    nearest: Points = (rows @ solution).reshape(4, 2) + fixed
    return nearest
