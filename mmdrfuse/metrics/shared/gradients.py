"""Sobel gradients of the three images."""

import math
from typing import Literal, NamedTuple

import numpy as np

from mmdrfuse.compiling import compiled
from mmdrfuse.metrics.shared.triple import Plane, Row, Triple, once

# `zero`: black beyond the border; `edge`: the border pixel repeated; `reflect`: mirrored without repeating it
Border = Literal["zero", "edge", "reflect"]


class Edges(NamedTuple):
    """Gradient of an image: magnitude, and angle in (-pi/2, pi/2], pi/2 wherever the x-derivative is 0. (H, W) each."""

    magnitude: Plane
    angle: Plane


@once
def edges(t: Triple, name: str, *, border: Border, peak: float = 255.0) -> Edges:
    """Sobel gradient (undivided) of one of a triple's images.

    Args:
        t: Images 0..255.
        name: ``"fused"``, ``"a"`` or ``"b"``.
        border: What stands beyond the border.
        peak: The value that 255 stands for: 1 for images in 0..1.

    Returns:
        Magnitude and angle.
    """
    plane: Plane = getattr(t, name)
    if peak != 255.0:
        plane = plane / 255.0 * peak
    magnitude, slope = np.empty_like(plane), np.empty_like(plane)
    _polar(_framed(plane, border), magnitude, slope)
    return Edges(magnitude, np.arctan(slope, out=slope))


def sobel_magnitude(plane: Plane, *, border: Border) -> Plane:
    """Magnitude of the Sobel gradient, (H, W), the kernel undivided."""
    across, down = sobel(plane, border=border)
    return np.sqrt(across**2 + down**2)


def sobel(plane: Plane, *, border: Border) -> tuple[Plane, Plane]:
    """Horizontal and vertical Sobel derivative, the latter positive towards the top.

    The terms are added column by column, as MATLAB's convolution does. On whole numbers any order gives the same
    sums; on fractions the last bit, and with it whether two gradients are equal, hangs on it.

    Args:
        plane: (H, W).
        border: What stands beyond the border.

    Returns:
        Two arrays (H, W).
    """
    across, down = np.empty_like(plane), np.empty_like(plane)
    _derivatives(_framed(plane, border), across, down)
    return across, down


def _framed(plane: Plane, border: Border) -> Plane:
    mode: Literal["constant", "edge", "reflect"] = "constant" if border == "zero" else border
    return np.pad(plane, 1, mode=mode)


@compiled()
def _derivatives(framed: Plane, across: Plane, down: Plane) -> None:
    # results are filled in, not made here: NumPy gets large arrays from the system several times as fast as numba does
    for y in range(across.shape[0]):
        _sobel_row(framed[y], framed[y + 1], framed[y + 2], across[y], down[y])


@compiled(error_model="numpy")
def _polar(framed: Plane, magnitude: Plane, slope: Plane) -> None:
    # slope: tangent of the angle
    height, width = magnitude.shape
    across, down = np.empty(width), np.empty(width)
    for y in range(height):
        _sobel_row(framed[y], framed[y + 1], framed[y + 2], across, down)
        for x in range(width):
            magnitude[y, x] = math.sqrt(across[x] * across[x] + down[x] * down[x])
            slope[y, x] = down[x] / across[x] if across[x] != 0.0 else math.inf


@compiled()
def _sobel_row(above: Row, here: Row, below: Row, across: Row, down: Row) -> None:
    for x in range(across.size):
        across[x] = -below[x + 2] - 2.0 * here[x + 2] - above[x + 2] + below[x] + 2.0 * here[x] + above[x]
        down[x] = below[x + 2] - above[x + 2] + 2.0 * below[x + 1] - 2.0 * above[x + 1] + below[x] - above[x]
