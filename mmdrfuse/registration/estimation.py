"""From pictures to a matrix: search, refine, judge."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.registration import slices
from mmdrfuse.registration.evidence import Scale, Sides, correlate
from mmdrfuse.registration.fields import FLAT
from mmdrfuse.registration.fitting import refined, solve, stages
from mmdrfuse.registration.gate import (
    NEEDED,
    NEEDED_OF_SETS,
    SET,
    judge,
    plausible,
    projected,
    simplest,
)
from mmdrfuse.registration.inputs import RIGID, Input, check_search, checked
from mmdrfuse.registration.mutual_information import installed
from mmdrfuse.registration.poses import ROTATION, VIEW, Landscape, Search, distinct, far_apart, search
from mmdrfuse.registration.projective import Matrix, Points, corners, from_corners, transformed, view_of
from mmdrfuse.registration.residuals import displacement, lengths
from mmdrfuse.registration.result import (
    DISAGREEING,
    Method,
    Model,
    Reason,
    Registration,
    disagreeing,
)

SEARCHED = 8
"""Pairs of a set that the coarse search looks at; all are looked at afterwards."""
CANDIDATES = 6
"""Poses that are looked at more closely, and as many of a similar view."""
FINALISTS = 3
"""Of them, those that are refined and judged."""
ALONE = 8
"""Pairs that are looked at by themselves, everywhere, where they do not agree with their rig."""
MIN_SIDE = 32
"""Pixels of a side below which a picture has too few edges."""
_FIRST = Scale(256, 64, 16, (7, 5))
_FINE_MODELS: tuple[Model, ...] = ("homography", "similarity")
"""Models of the fine fits: of faint pairs a homography follows noise away from where a similarity is right."""


def estimate(
    infrared: NDArray[Any] | Sequence[NDArray[Any]],
    visible: NDArray[Any] | Sequence[NDArray[Any]],
    *,
    model: Model | Literal["auto"] = "auto",
    view: tuple[float, float] = VIEW,
    rotation: float = ROTATION,
    method: Method | Literal["auto"] = "auto",
) -> Registration:
    """Find the matrix of two cameras from one pair of pictures or from many.

    Many pairs of one rig give a far better matrix than one: their evidence adds up before it is solved.

    Args:
        infrared: H×W or H×W×3, of any range; or several of one size.
        visible: The same, of another size if need be; as many.
        model: One of `MODELS`; ``auto`` takes the simplest that explains held-out patches as well as a homography.
        view: Narrowest and widest view of the infrared that is searched, as a share of the visible's width.
        rotation: Largest rotation that is searched, degrees.
        method: One of `METHODS`; ``auto`` takes mutual information where the pictures are medical slices in a
            black surround, the extra ``medical`` is installed, and the result is believed; otherwise the field.

    Returns:
        The matrix with its confidence; it is to be used only if ``accepted``.

    Raises:
        InputError: The two sides have different counts, none, or pictures of different sizes; or a view or rotation
            that cannot be searched.
        ChoiceError: Mutual information with a model that it does not find.
        UnknownNameError: No such model or method.
        MissingExtraError: Mutual information is asked for, and SimpleITK is not installed.
    """
    check_search(model, method, view, rotation)
    given = checked(infrared, visible)
    if min(*given.shapes[0], *given.shapes[1]) < MIN_SIDE:
        return _without(given, "too small")
    pairs = [pair for pair in given.pairs if min(pair.infrared.std(), pair.visible.std()) > FLAT]
    if not pairs:
        return _without(given, "flat")

    if method == "mutual-information":
        return slices.register(given, view)
    sides = [[side] if isinstance(side, np.ndarray) else list(side) for side in (infrared, visible)]
    if method == "auto" and model in RIGID and installed() and slices.looks_medical(*sides):
        found = slices.register(given, view)
        if found.accepted:
            return found
    return _by_field(given, pairs, model, view, rotation)


def _by_field(
    given: Input,
    pairs: Sequence[Sides],
    model: Model | Literal["auto"],
    view: tuple[float, float],
    rotation: float,
) -> Registration:
    """Find the matrix by the directions of edges."""
    landscape = search([Search(pair.infrared, pair.visible) for pair in _few(pairs)], view, rotation)
    if landscape is None:
        return _without(given, "no structure")
    rough = _best(pairs, landscape, view)
    if rough is None:
        return _without(given, "no structure")
    matrix = _finely(pairs, rough, landscape)
    chosen = simplest(pairs, matrix) if model == "auto" else model
    matrix = _simplified(pairs, matrix, chosen)
    matrix, used = _without_disagreeing(pairs, matrix, chosen)
    return _result(given, used, matrix, chosen, landscape, view)


def measure(
    infrared: Sequence[NDArray[Any]], visible: Sequence[NDArray[Any]], matrix: NDArray[np.float64]
) -> tuple[Points | None, ...]:
    """Measure how each pair's own fit displaces the infrared's corners from where a known matrix has them.

    Args:
        infrared: As for `estimate`.
        visible: The same.
        matrix: 3×3, from infrared to visible pixels.

    Returns:
        (4, 2) of each pair, visible pixels; None where the pair does not show it.

    Raises:
        InputError: As for `estimate`.
    """
    given = checked(infrared, visible)
    before, after = given.shrinking
    inner = after @ matrix @ np.linalg.inv(before)
    return tuple(None if one is None else one / after[0, 0] for one in _displacements(given.pairs, inner))


def _best(pairs: Sequence[Sides], landscape: Landscape, view: tuple[float, float]) -> Matrix | None:
    """Refine the finalists roughly; return the first that is believed, or the one with the most confidence."""
    shapes = pairs[0].shapes
    few = _few(pairs)
    rated: list[tuple[float, Matrix]] = []
    for finalist in _finalists(few, landscape):
        if any(not far_apart(finalist, other, *shapes) for _, other in rated):
            continue  # it has come to where another one has
        matrix = refined(few, finalist, stages("similarity")[:2])
        confidence = judge(few, matrix, landscape).confidence
        if not plausible(matrix, *shapes, view):
            confidence *= 0.5
        elif confidence >= NEEDED:
            return matrix
        rated.append((confidence, matrix))
    return max(rated, key=lambda one: one[0])[1] if rated else None


def _finalists(pairs: Sequence[Sides], landscape: Landscape) -> list[Matrix]:
    """Fit the best poses quickly, and return those under which the whole pictures agree most."""
    source = corners(pairs[0].infrared.shape)
    rated: list[tuple[float, Matrix]] = []
    for pose in distinct(landscape.poses, *pairs[0].shapes, CANDIDATES):
        evidence = correlate(pairs, pose.matrix, _FIRST)
        if evidence is None:
            continue
        target = transformed(pose.matrix, source)
        change = solve(evidence, target, ("shift", "similarity", "affine"), (4.0, 2.0))
        fitted = from_corners(source, target + change)
        rated.append((landscape.height(fitted), fitted))
    rated.sort(key=lambda one: -one[0])
    return [matrix for _, matrix in rated[:FINALISTS]]


def _finely(pairs: Sequence[Sides], rough: Matrix, landscape: Landscape) -> Matrix:
    """Refine a rough matrix as a homography; if that is not believed, also as a similarity, and return the better."""
    rated: list[tuple[float, Matrix]] = []
    for model in _FINE_MODELS:
        matrix = refined(pairs, rough, stages(model))
        rated.append((judge(pairs, matrix, landscape).confidence, matrix))
        if rated[-1][0] >= NEEDED:
            break
    return max(rated, key=lambda one: one[0])[1]


def _few(pairs: Sequence[Sides]) -> Sequence[Sides]:
    """Return at most `SEARCHED` pairs, drawn evenly."""
    return pairs[:: -(-len(pairs) // SEARCHED)]


def _simplified(pairs: Sequence[Sides], matrix: Matrix, model: Model) -> Matrix:
    """Return the best matrix of a model near a homography."""
    if model == "homography":
        return matrix
    source = corners(pairs[0].infrared.shape)
    start = from_corners(source, projected(source, transformed(matrix, source), model))
    return refined(pairs, start, stages(model)[1:])


def _without_disagreeing(pairs: Sequence[Sides], matrix: Matrix, model: Model) -> tuple[Matrix, Sequence[Sides]]:
    """Fit again without the pairs of a set that are far from its matrix; return the pairs that were used."""
    if len(pairs) < SET:
        return matrix, pairs
    alone = lengths([displacement(pair, matrix) for pair in pairs])
    far = disagreeing(alone, pairs[0].visible.shape[1])
    if not 0 < len(far) < len(pairs) / 2:
        return matrix, pairs
    near = [pair for index, pair in enumerate(pairs) if index not in far]
    return refined(near, matrix, stages(model)[2:]), near


def _result(
    given: Input,
    pairs: Sequence[Sides],
    matrix: Matrix,
    model: Model,
    landscape: Landscape,
    view: tuple[float, float],
) -> Registration:
    judgement = judge(pairs, matrix, landscape)
    needed = _needed(len(given.pairs))
    enough = judgement.confidence >= needed and (len(given.pairs) < SET or judgement.height >= NEEDED_OF_SETS)
    reason: Reason = "no agreement" if not enough else ""
    if enough and not plausible(matrix, *pairs[0].shapes, view):
        reason = "implausible"

    # A pair that is refused with its set has nothing to agree with.
    shown = (None,) * len(given.pairs) if reason else _displacements(given.pairs, matrix)
    before, after = given.shrinking
    outer = np.linalg.inv(after) @ matrix @ before
    outer /= outer[2, 2]
    if model != "homography":
        outer[2] = [0, 0, 1]  # but for rounding it is
    infrared, visible = given.shapes
    return Registration(
        matrix=outer,
        model=model,
        accepted=not reason,
        reason=reason,
        confidence=judgement.confidence,
        needed=needed,
        height=judgement.height,
        view=view_of(outer, infrared, visible),
        halves=judgement.halves / after[0, 0],
        residuals=lengths([None if one is None else one / after[0, 0] for one in shown]),
        infrared=(infrared[1], infrared[0]),
        visible=(visible[1], visible[0]),
    )


def _without(given: Input, reason: Reason) -> Registration:
    """Return a result that holds no matrix."""
    infrared, visible = ((shape[1], shape[0]) for shape in given.shapes)
    needed = _needed(len(given.pairs))
    nothing = (None,) * len(given.pairs)
    return Registration(
        None, "homography", False, reason, 0.0, needed, 0.0, 0.0, float("inf"), nothing, infrared, visible
    )


def _needed(pairs: int) -> float:
    return NEEDED if pairs < SET else NEEDED_OF_SETS


def _displacements(pairs: Sequence[Sides], matrix: Matrix) -> tuple[Points | None, ...]:
    """Return each pair's displacement; of a few that show none near the matrix, the one that they show elsewhere."""
    near = [displacement(pair, matrix) for pair in pairs]
    if len(pairs) == 1:
        return tuple(near)
    unclear = [index for index, one in enumerate(near) if one is None][:ALONE]
    source = corners(pairs[0].infrared.shape)
    for index in unclear:
        alone = estimate(pairs[index].infrared, pairs[index].visible, method="field")
        if alone.accepted and alone.matrix is not None:
            elsewhere = transformed(alone.matrix, source) - transformed(matrix, source)
            far = float(np.linalg.norm(elsewhere, axis=1).mean()) > DISAGREEING * pairs[index].visible.shape[1]
            near[index] = elsewhere if far else None
    return tuple(near)
