"""What `estimate` is given: pictures of any range, checked, normalised and of at most some size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import ChoiceError, InputError, UnknownNameError
from mmdrfuse.registration.evidence import Sides, shrunk
from mmdrfuse.registration.fields import normalised
from mmdrfuse.registration.projective import Matrix
from mmdrfuse.registration.result import METHODS, MODELS

MAX_SIDE = 1024
"""Pixels of the longer side beyond which a picture is shrunk first: finer edges are not looked at."""

RIGID = "auto", "similarity"
"""Models under which a shift and a turn may be found."""

Shapes = tuple[tuple[int, ...], tuple[int, ...]]
"""Height and width of the infrared and of the visible."""


@dataclass(frozen=True)
class Input:
    """Checked pictures.

    Args:
        pairs: Of at most `MAX_SIDE` pixels.
        shapes: Of the pictures as they were given.
        shrinking: Matrices from given to shrunk pixels, of infrared and visible.
    """

    pairs: list[Sides]
    shapes: Shapes
    shrinking: tuple[Matrix, Matrix]


def checked(infrared: NDArray[Any] | Sequence[NDArray[Any]], visible: NDArray[Any] | Sequence[NDArray[Any]]) -> Input:
    """Check and normalise pictures of one rig.

    Args:
        infrared: H×W or H×W×3, of any range; or several of one size.
        visible: The same, of another size if need be; as many.

    Raises:
        InputError: The two sides have different counts, none, or pictures of different sizes or without numbers.
    """
    sides = _pictures("infrared", infrared), _pictures("visible", visible)
    if len(sides[0]) != len(sides[1]):
        raise InputError(f"{len(sides[0])} infrared and {len(sides[1])} visible pictures: give as many of both")
    shapes = sides[0][0].shape[:2], sides[1][0].shape[:2]
    pairs = []
    for one, other in zip(*sides, strict=True):
        (small, before), (fixed, after) = (shrunk(normalised(picture), MAX_SIDE) for picture in (one, other))
        pairs.append(Sides(small, fixed))
    return Input(pairs, shapes, (before, after))


def check_search(model: str, method: str, view: tuple[float, float], rotation: float) -> None:
    """Refuse what cannot be searched.

    Args:
        model: One of `mmdrfuse.registration.result.MODELS`, or ``auto``.
        method: One of `mmdrfuse.registration.result.METHODS`, or ``auto``.
        view: Narrowest and widest view.
        rotation: Largest rotation, degrees.

    Raises:
        InputError: Numbers out of range.
        ChoiceError: Mutual information with a model that it does not find.
        UnknownNameError: No such model or method.
    """
    for kind, name, known in (("model", model, MODELS), ("method", method, METHODS)):
        if name not in (*known, "auto"):
            raise UnknownNameError(kind, name, (*known, "auto"))
    if not 0.1 <= view[0] <= view[1] <= 4:
        raise InputError(f"the view {view[0]:g}..{view[1]:g} cannot be searched; give LO..HI between 0.1 and 4")
    if not 0 <= rotation <= 45:
        raise InputError(f"a rotation of {rotation:g} degrees cannot be searched; give 0 to 45")
    if method == "mutual-information" and model not in RIGID:
        raise ChoiceError(f"mutual information finds a turn with a shift; model {model} goes with the field alone")


def _pictures(side: str, given: NDArray[Any] | Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    pictures = [given] if isinstance(given, np.ndarray) else list(given)
    if not pictures:
        raise InputError(f"no {side} picture: give at least one")
    for picture in pictures:
        if not isinstance(picture, np.ndarray) or picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (3,)):
            raise InputError(f"{side} must be NumPy arrays, (height, width) or (height, width, 3)")
        if picture.shape[:2] != pictures[0].shape[:2]:
            sizes = [f"{one.shape[1]}x{one.shape[0]}" for one in (pictures[0], picture)]
            raise InputError(f"{side} pictures of {sizes[0]} and {sizes[1]} pixels: one rig has one size a camera")
        if not picture.size:
            raise InputError(f"{side} has a picture without pixels; leave it out")
        if not np.isfinite(picture).all():
            raise InputError(f"{side} holds values that are not numbers; replace them first")
    return pictures
