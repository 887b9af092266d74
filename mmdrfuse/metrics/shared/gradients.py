"""Sobel and Prewitt gradients of an image, for loops that need them at a pixel and as whole maps."""

import math
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import GrayImage, Vector
from mmdrfuse.metrics.shared.windows import copy
from mmdrfuse.system.compiling import compiled

Border = Literal["zero", "edge", "reflect"]
"""Values beyond the border: black, the border pixel repeated, or the image mirrored without repeating it."""

ZERO, EDGE, REFLECT = range(3)
"""The same for compiled functions. They take it as an argument: numba would compile them anew for each constant."""

Rows = npt.NDArray[np.float64]
"""(3N, W + 2): of each of N images the rows above, at and below some pixels, and one pixel beyond either end."""


@compiled()
def load_rows(image: GrayImage, y: int, border: int, rows: Rows, first: int) -> None:
    """Copy the rows around row `y` of an image into rows `first` to `first + 2`.

    Args:
        image: (H, W).
        y: The row in the middle.
        border: `ZERO`, `EDGE` or `REFLECT`.
        rows: Result, (at least ``first + 3``, W + 2).
        first: Where the row above goes.
    """
    height, width = image.shape
    skipped = 1 if border == REFLECT else 0
    left = min(skipped, width - 1)
    right = max(width - 1 - skipped, 0)
    for offset in range(3):
        row = rows[first + offset]
        source = y + offset - 1
        outside = source < 0 or source == height
        if border == ZERO and outside:
            row[:] = 0.0
            continue
        if outside:
            source = min(skipped, height - 1) if source < 0 else max(height - 1 - skipped, 0)
        copy(image[source], row[1:])
        row[0] = 0.0 if border == ZERO else row[left + 1]
        row[width + 1] = 0.0 if border == ZERO else row[right + 1]


@compiled()
def sobel_at(rows: Rows, first: int, x: int) -> tuple[float, float]:
    """Return the horizontal and the vertical Sobel derivative, the latter positive towards the top.

    The kernel is undivided. The terms are added column by column, as MATLAB's convolution does. On whole numbers any
    order gives the same sums; on fractions it decides the last bit, and with it whether two gradients are equal.

    Args:
        rows: What `load_rows` filled.
        first: The row above.
        x: The column, 0..W-1.
    """
    above = rows[first]
    here = rows[first + 1]
    below = rows[first + 2]
    across = -below[x + 2] - 2.0 * here[x + 2] - above[x + 2] + below[x] + 2.0 * here[x] + above[x]
    down = below[x + 2] - above[x + 2] + 2.0 * below[x + 1] - 2.0 * above[x + 1] + below[x] - above[x]
    return across, down


@compiled()
def length(across: float, down: float) -> float:
    """Return the magnitude of a gradient."""
    return math.sqrt(across * across + down * down)


def sobel(image: GrayImage, *, border: Border) -> tuple[GrayImage, GrayImage]:
    """Return the horizontal and the vertical Sobel derivative as `sobel_at`, two maps (H, W).

    Args:
        image: (H, W).
        border: What lies beyond the border.
    """
    across = np.empty_like(image)
    down = np.empty_like(image)
    _derivatives(image, code(border), across, down)
    return across, down


def prewitt_magnitude(image: GrayImage) -> GrayImage:
    """Return the magnitude of the Prewitt gradient, (H, W), the kernel undivided, black beyond the border."""
    magnitude = np.empty_like(image)
    _prewitt(image, ZERO, magnitude)
    return magnitude


def code(border: Border) -> int:
    """Return the border's number."""
    return get_args(Border).index(border)


@compiled()
def _derivatives(image: GrayImage, border: int, across: GrayImage, down: GrayImage) -> None:
    # results are filled in, not made here: NumPy gets large arrays from the system several times as fast as numba does
    height, width = image.shape
    rows = np.empty((3, width + 2))
    for y in range(height):
        load_rows(image, y, border, rows, 0)
        for x in range(width):
            across[y, x], down[y, x] = sobel_at(rows, 0, x)


@compiled()
def _prewitt(image: GrayImage, border: int, magnitude: GrayImage) -> None:
    rows = np.empty((3, image.shape[1] + 2))
    for y in range(image.shape[0]):
        load_rows(image, y, border, rows, 0)
        _prewitt_row(rows[0], rows[1], rows[2], magnitude[y])


@compiled()
def _prewitt_row(above: Vector, here: Vector, below: Vector, magnitude: Vector) -> None:
    for x in range(magnitude.size):
        across = above[x] + here[x] + below[x] - above[x + 2] - here[x + 2] - below[x + 2]
        down = above[x] + above[x + 1] + above[x + 2] - below[x] - below[x + 1] - below[x + 2]
        magnitude[x] = length(across, down)
