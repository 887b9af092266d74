"""Matrices of the plane: points, corners, and the matrices that take them somewhere.

A point is x and y in pixels, x to the right and y down, with (0, 0) at the centre of the upper left pixel.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""3×3, takes positions (x, y, 1) to (w·x', w·y', w)."""

Points = NDArray[np.float64]
"""(N, 2), x and y."""


def scaling(across: float, down: float) -> Matrix:
    """Return the matrix that scales pictures whose pixel (0, 0) has its centre at (0, 0)."""
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1.0]])


def translation(right: float, down: float) -> Matrix:
    """Return the matrix that moves points."""
    return np.array([[1, 0, right], [0, 1, down], [0, 0, 1]], np.float64)


def transformed(matrix: Matrix, points: Points) -> Points:
    """Apply a matrix to points, (N, 2) of x and y."""
    with np.errstate(divide="ignore", invalid="ignore"):
        homogeneous = np.c_[points, np.ones(len(points))] @ matrix.T
        result: Points = homogeneous[:, :2] / homogeneous[:, 2:]
    return result


def enlargement_of(matrix: Matrix) -> float:
    """Return how many times longer a matrix makes lengths near the first pixel."""
    linear = matrix[:2, :2] - np.outer(matrix[:2, 2], matrix[2, :2])
    return float(np.sqrt(abs(np.linalg.det(linear))))


def corners(shape: tuple[int, ...]) -> Points:
    """Return the centres of the four corner pixels of a picture: (0, 0), then clockwise."""
    height, width = shape[:2]
    return np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)


def from_corners(source: Points, target: Points) -> Matrix:
    """Return the matrix that takes four points to four others.

    Args:
        source: (4, 2), no three on a line.
        target: (4, 2).
    """
    rows = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    solution = np.linalg.solve(np.array(rows), target.ravel())
    return np.append(solution, 1.0).reshape(3, 3)


def centre(shape: tuple[int, ...]) -> Points:
    """Return the centre of a picture, x and y."""
    return np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])


def similarity_about(scale: float, turn: float, source: Points, target: Points) -> Matrix:
    """Return the matrix that scales and turns (radians) about ``source`` and takes that point to ``target``."""
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    matrix = np.eye(3)
    matrix[:2, :2] = [[cosine, -sine], [sine, cosine]]
    matrix[:2, 2] = target - matrix[:2, :2] @ source
    return matrix


def view_of(matrix: Matrix, infrared: tuple[int, ...], visible: tuple[int, ...]) -> float:
    """Return the width of the infrared's view as a share of the visible's.

    Args:
        matrix: From infrared to visible pixels.
        infrared: Shape of the infrared picture.
        visible: Shape of the visible picture.
    """
    placed = transformed(matrix, corners(infrared))
    top = float(np.linalg.norm(placed[1] - placed[0]))
    bottom = float(np.linalg.norm(placed[2] - placed[3]))
    return (top + bottom) / 2 / (infrared[1] - 1) * infrared[1] / visible[1]


def distance(one: Matrix, other: Matrix, infrared: tuple[int, ...]) -> float:
    """Return the mean distance, in visible pixels, between where two matrices take the infrared's corners."""
    points = corners(infrared)
    apart = np.linalg.norm(transformed(one, points) - transformed(other, points), axis=1)
    return float(apart.mean())
