"""A matrix from points that somebody marked in both pictures."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError
from mmdrfuse.recipes import loading
from mmdrfuse.registration.projective import Matrix, Points, transformed
from mmdrfuse.registration.result import Model

COLUMNS = ("infrared_x", "infrared_y", "visible_x", "visible_y")
"""Of a table of points."""

NEEDED: dict[Model, int] = {"shift": 1, "similarity": 2, "affine": 3, "homography": 4}
"""Points that each model needs."""
_WANTED = f"give a line a point with four numbers, under the columns {','.join(COLUMNS)}"


def read_points(path: Path) -> tuple[Points, Points]:
    """Read a table of points.

    Returns:
        Points of the infrared and of the visible, (N, 2) each.

    Raises:
        InputError: It cannot be read, or a line is no four numbers.
    """
    lines = [row for row in csv.reader(io.StringIO(loading.text_of(path))) if any(map(str.strip, row))]
    if lines and tuple(word.strip().lower() for word in lines[0]) == COLUMNS:
        lines = lines[1:]
    points = []
    for row in lines:
        try:
            numbers = list(loading.numbers(word.strip() for word in row))
        except ValueError as error:
            raise InputError(f"{path}: holds {error.args[0]!r}; {_WANTED}") from error
        if len(numbers) != len(COLUMNS) or not np.isfinite(numbers).all():
            raise InputError(f"{path}: a line has {len(numbers)} numbers; {_WANTED}")
        points.append(numbers)
    if not points:
        raise InputError(f"{path}: holds no points; {_WANTED}")
    table = np.array(points, np.float64)
    return table[:, :2], table[:, 2:]


def fit_points(infrared: Points, visible: Points, model: Model | None = None) -> tuple[Matrix, Model]:
    """Fit a matrix to points by least squares.

    Args:
        infrared: (N, 2).
        visible: (N, 2), the same places in the other picture.
        model: What the matrix may do; None for what the points determine with one or two to spare.

    Returns:
        3×3 from infrared to visible pixels, and the model.

    Raises:
        InputError: Too few points, or points that do not determine a matrix, such as all on one line.
    """
    chosen = model or _determined(len(infrared))
    if len(infrared) < NEEDED[chosen]:
        raise InputError(f"{chosen} needs {NEEDED[chosen]} points, and there are {len(infrared)}; mark more")
    matrix = _shift(infrared, visible) if chosen == "shift" else _fitted(infrared, visible, chosen)
    if matrix is None or not np.isfinite(matrix).all() or np.linalg.matrix_rank(matrix) < 3:
        raise InputError("the points do not determine a matrix: they lie on one line, or on each other; mark others")
    return matrix / matrix[2, 2], chosen


def distances(matrix: Matrix, infrared: Points, visible: Points) -> NDArray[np.float64]:
    """Return how far each point is from where a matrix takes it, visible pixels."""
    apart: NDArray[np.float64] = np.linalg.norm(transformed(matrix, infrared) - visible, axis=1)
    return apart


def _determined(count: int) -> Model:
    if count >= NEEDED["homography"] + 2:
        return "homography"
    if count >= NEEDED["affine"] + 1:
        return "affine"
    return "similarity" if count >= NEEDED["similarity"] else "shift"


def _shift(infrared: Points, visible: Points) -> Matrix:
    matrix = np.eye(3)
    matrix[:2, 2] = (visible - infrared).mean(axis=0)
    return matrix


def _fitted(infrared: Points, visible: Points, model: Model) -> Matrix | None:
    from skimage.transform import AffineTransform, ProjectiveTransform, SimilarityTransform

    kinds: dict[Model, Any] = {
        "similarity": SimilarityTransform,
        "affine": AffineTransform,
        "homography": ProjectiveTransform,
    }
    fit = kinds[model].from_estimate(infrared, visible)
    return np.asarray(fit.params, np.float64) if fit else None
