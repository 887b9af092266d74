"""Sets of medical slices: which pictures are slices, and one shift and turn for all of them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.images.values.surround import BLACK, MEDICAL
from mmdrfuse.registration.gate import plausible
from mmdrfuse.registration.inputs import Input
from mmdrfuse.registration.mutual_information import NEEDED, rigid
from mmdrfuse.registration.projective import Points, corners, transformed, view_of
from mmdrfuse.registration.result import Reason, Registration, disagreeing


def looks_medical(infrared: Sequence[NDArray[Any]], visible: Sequence[NDArray[Any]]) -> bool:
    """Return whether enough of both sides is black, as ``--weights auto`` has it: slices lie in a black surround.

    Args:
        infrared: H×W or H×W×3, as stored; sides of different sizes are compared at places of the same proportion.
        visible: The same.
    """
    shares = [float((_black(one) & _black(other)).mean()) for one, other in zip(infrared, visible, strict=True)]
    return float(np.mean(shares)) > MEDICAL


def register(given: Input, view: tuple[float, float]) -> Registration:
    """Find the shift and the turn of one or several pairs of slices.

    Each pair is registered by itself. Of those that are believed, the one is taken that the others are nearest to.

    Args:
        given: What the caller gave.
        view: Narrowest and widest view of the infrared, as a share of the visible's width.

    Returns:
        With the confidence that a third of the pairs reach.

    Raises:
        MissingExtraError: SimpleITK is not installed.
    """
    found = [rigid(pair) for pair in given.pairs]
    shapes = given.pairs[0].shapes
    placed = [transformed(matrix, corners(shapes[0])) for matrix, _ in found]
    confidences = sorted((confidence for _, confidence in found), reverse=True)
    confidence = confidences[(len(found) - 1) // 3]
    believed = [index for index, (_, one) in enumerate(found) if one >= min(NEEDED, confidences[0])]
    middle = min(believed, key=lambda index: sum(_apart(placed[index], placed[other]) for other in believed))
    matrix = found[middle][0]

    before, after = given.shrinking
    residuals: list[float | None] = [None] * len(found)
    for index in believed:
        residuals[index] = _apart(placed[index], placed[middle]) / float(after[0, 0])
    infrared, visible = ((shape[1], shape[0]) for shape in given.shapes)
    reason: Reason = "no agreement" if confidence < NEEDED else ""
    if 2 * len(disagreeing(tuple(residuals), visible[0])) > len(believed):
        reason = "no agreement"
    elif not reason and not plausible(matrix, *shapes, view):
        reason = "implausible"
    return Registration(
        matrix=np.linalg.inv(after) @ matrix @ before,
        model="similarity",
        accepted=not reason,
        reason=reason,
        confidence=confidence,
        needed=NEEDED,
        height=0.0,
        view=view_of(matrix, *shapes),
        halves=math.inf,
        residuals=tuple(residuals),
        infrared=infrared,
        visible=visible,
        method="mutual-information",
    )


def _black(picture: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which of 64×64 places of a picture are near black."""
    rows, columns = (np.linspace(0, side - 1, 64).round().astype(int) for side in picture.shape[:2])
    places = picture[rows][:, columns]
    if places.ndim == 3:
        places = places.max(axis=2)
    white = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else max(float(picture.max()), 1e-9)
    near: NDArray[np.bool_] = places <= BLACK * white
    return near


def _apart(one: Points, other: Points) -> float:
    return float(np.linalg.norm(one - other, axis=1).mean())
